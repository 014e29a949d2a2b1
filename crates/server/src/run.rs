//! The event loop: what wakes the control thread, and what it does before it sleeps again.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use calloop::EventLoop;
use calloop::ping::{Ping, make_ping};
use calloop::signals::{Signal, Signals};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit};
use rustix::rand::{GetRandomFlags, getrandom};
use sealpulse_engine::Engine;

use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

use crate::activation::Passed;
use crate::config::Config;
use crate::connections::{ENGINE, LOOP};
use crate::listen::PidFile;
use crate::queries::Queries;
use crate::registry::Registry;
use crate::session::Sessions;
use crate::state::{Settings, State};
use crate::store::Writer;
use crate::subscribe::EventQueue;
use crate::timers::Timers;
use crate::warn::RateLimit;
use crate::{ServerError, access, cookie, ready};

/// Sockets and rings that are looked at in one turn; those beyond wait for the next.
const EVENTS_PER_TURN: usize = 256;

/// Longest sleep: its milliseconds fit into what `epoll_wait` takes.
const MAX_SLEEP_SECONDS: u64 = 1_000_000;

/// How often a turn looks into rings whose clients keep writing, before other sources get theirs.
const RING_PASSES: usize = 8;

/// Runs a server on this thread until a signal or a client ends it.
///
/// # Errors
/// [`ServerError`] where it cannot start, or the event loop fails.
pub fn run(config: Config) -> Result<(), ServerError> {
    Server::new(config)?.run()
}

/// A server that listens, and serves as soon as [`Server::run`] is called.
pub struct Server {
    event_loop: EventLoop<'static, State>,
    state: State,
    stop: Ping,
    ready_fd: Option<OwnedFd>,
    notify: bool,
    // Removed last, when nothing of us is left.
    _pid_file: Option<PidFile>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("settings", &self.state.settings).finish_non_exhaustive()
    }
}

impl Server {
    /// Starts the sound threads, makes the null sink, and binds all sockets.
    ///
    /// # Errors
    /// [`ServerError`] where one of these fails; what was made is removed again.
    pub fn new(config: Config) -> Result<Server, ServerError> {
        let main_socket = config.sockets.first().map(|socket| socket.path.clone());
        if main_socket.is_none() && config.start.is_empty() {
            return Err(ServerError::NoSocket);
        }
        raise_descriptor_limit();
        if let Some(level) = config.nice_level {
            // Of this thread alone, and of the sound threads that it starts.
            if let Err(error) = setpriority_process(None, level) {
                tracing::debug!(level, %error, "the nice level stays as it is");
            }
        }
        let event_loop = EventLoop::<State>::try_new()?;
        let handle = event_loop.handle();
        if config.handle_signals {
            // Before the sound threads start: they inherit that these are blocked.
            let signals = Signals::new(&[
                Signal::SIGTERM,
                Signal::SIGINT,
                Signal::SIGHUP,
                Signal::SIGUSR1,
                Signal::SIGUSR2,
            ])?;
            let inserted = handle.insert_source(signals, |event, (), state| state.signalled(event.signal()));
            inserted.map_err(|error| error.error)?;
        }
        let (stop, stopped) = make_ping()?;
        handle.insert_source(stopped, |(), (), state| state.stopping = true).map_err(|error| error.error)?;
        // What is ready all the time is waited for without the loop's detours, which cost five system calls a turn.
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &event_loop, epoll::EventData::new_u64(LOOP), epoll::EventFlags::IN)?;

        let cookie = cookie::load(&config.cookie)?.map(Rc::new);
        let engine = Engine::start(&config.engine)?;
        // After the sound threads, which would inherit it.
        let realtime = config.realtime_priority.is_some_and(make_realtime);
        epoll::add(&epoll, engine.event_fd(), epoll::EventData::new_u64(ENGINE), epoll::EventFlags::IN)?;
        let mut state = State {
            settings: Settings {
                default_spec: config.default_spec,
                default_map: config.default_map,
                alternate_rate: config.alternate_rate,
                allow_exit: config.allow_exit,
                allow_module_loading: config.allow_module_loading,
                auth_group: config.auth_group.as_deref().and_then(auth_group),
                exit_idle_time: config.exit_idle_time,
                limits: config.limits,
                open_sound_file: config.open_sound_file,
                log: config.log,
                sample_idle_time: config.sample_idle_time,
                state_directory: config.state_directory,
            },
            cookie,
            server_cookie: random_number(),
            handle,
            epoll,
            timers: Timers::default(),
            writer: Writer::default(),
            engine,
            registry: Registry::default(),
            sessions: Sessions::default(),
            listeners: Vec::new(),
            passed: Passed::new(config.passed_sockets),
            playback_streams: HashMap::new(),
            record_streams: HashMap::new(),
            module_playback: HashMap::new(),
            module_record: HashMap::new(),
            queries: Queries::default(),
            files_decoding: 0,
            events: EventQueue::default(),
            changes: Vec::new(),
            listening_modules: Vec::new(),
            idle_exit: None,
            unloading: Vec::new(),
            dirty: Vec::new(),
            awake_rings: Vec::new(),
            busy: false,
            stopping: false,
            running: false,
            wakeups: 0,
            realtime,
            warnings: RateLimit::default(),
            incoming: Vec::new(),
            ready_events: Vec::with_capacity(EVENTS_PER_TURN),
            engine_events: Vec::new(),
        };
        // The socket first: it is what tells a server that runs already from one that is stale.
        for socket in &config.sockets {
            state.add_listener(socket)?;
        }
        let pid_file = match (&config.pid_file, &main_socket) {
            (Some(path), socket) => PidFile::create_at(path.clone(), socket.as_deref().unwrap_or(path))?,
            (None, Some(socket)) => PidFile::create(socket)?,
            (None, None) => None,
        };
        if let Some(arguments) = config.null_sink
            && let Err(source) = state.load_module(
                "module-null-sink",
                Some(arguments.as_str()).filter(|text| !text.is_empty()),
                None,
            )
        {
            return Err(ServerError::NullSink { arguments, source });
        }
        state.start_up(&config.start, config.start_strictly)?;
        if state.registry.modules.len() == 0 {
            return Err(ServerError::NoModules);
        }
        state.passed.name_unused();
        state.await_clients();
        state.engine.commit();
        match main_socket {
            Some(socket) => tracing::info!(socket = %socket.display(), "listening"),
            None => tracing::info!("listening"),
        }
        Ok(Server {
            event_loop,
            state,
            stop,
            ready_fd: config.ready_fd,
            notify: config.notify,
            _pid_file: pid_file,
        })
    }

    /// Serves until somebody ends it. The sockets are removed then.
    ///
    /// # Errors
    /// [`ServerError::EventLoop`] where the kernel fails us.
    pub fn run(mut self) -> Result<(), ServerError> {
        if let Some(fd) = self.ready_fd.take() {
            ready::tell_fd(fd);
        }
        if self.notify {
            ready::tell_service_manager("READY=1");
        }
        self.state.started();
        while !self.state.stopping {
            if self.state.wait()? {
                self.event_loop.dispatch(Duration::ZERO, &mut self.state)?;
            }
            self.state.ring_alarms();
            self.state.end_turn();
        }
        if self.notify {
            ready::tell_service_manager("STOPPING=1");
        }
        self.state.close_all();
        Ok(())
    }

    /// Starts a server on a thread of its own.
    ///
    /// ```
    /// use sealpulse_server::{Config, CookieSource, Server, SocketConfig};
    /// # let directory = tempfile::tempdir().unwrap();
    /// let socket = directory.path().join("native");
    /// let server = Server::spawn(Config {
    ///     sockets: vec![SocketConfig::new(&socket)],
    ///     cookie: CookieSource::Disabled,
    ///     notify: false,
    ///     handle_signals: false,
    ///     ..Config::default()
    /// })?;
    /// assert!(socket.exists());
    /// server.stop()?;
    /// assert!(!socket.exists());
    /// # Ok::<(), sealpulse_server::ServerError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Server::new`].
    pub fn spawn(config: Config) -> Result<RunningServer, ServerError> {
        let (sender, started) = mpsc::channel();
        let thread = thread::Builder::new().name("control".to_owned()).spawn(move || {
            let server = match Server::new(config) {
                Ok(server) => server,
                Err(error) => {
                    let _ = sender.send(Err(error));
                    return Ok(());
                }
            };
            let _ = sender.send(Ok(server.stop.clone()));
            server.run()
        })?;
        let stop = started.recv().map_err(|_| std::io::Error::other("the control thread ended"))??;
        Ok(RunningServer { stop, thread: Some(thread) })
    }
}

/// A server on a thread of its own. Dropping it ends the server, too.
#[derive(Debug)]
pub struct RunningServer {
    stop: Ping,
    thread: Option<JoinHandle<Result<(), ServerError>>>,
}

impl RunningServer {
    /// Ends the server and waits until it has gone.
    ///
    /// # Errors
    /// What [`Server::run`] returned.
    pub fn stop(mut self) -> Result<(), ServerError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), ServerError> {
        self.stop.ping();
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(ServerError::Io(std::io::Error::other("the control thread panicked"))),
            None => Ok(()),
        }
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!(%error, "the server ended with an error");
        }
    }
}

impl State {
    /// Does what PulseAudio does at a signal: `pacmd` sends SIGUSR2 where it finds no socket.
    fn signalled(&mut self, signal: Signal) {
        let module = match signal {
            Signal::SIGUSR1 => "module-cli",
            Signal::SIGUSR2 => "module-cli-protocol-unix",
            Signal::SIGHUP => {
                tracing::info!(
                    clients = self.registry.clients.len(),
                    sinks = self.registry.sinks.len(),
                    sink_inputs = self.registry.sink_inputs.len(),
                    modules = self.registry.modules.len(),
                    "still here"
                );
                return;
            }
            signal => {
                tracing::info!(?signal, "stopping");
                self.stopping = true;
                return;
            }
        };
        if let Err(error) = self.load_module(module, None, None) {
            tracing::warn!(?signal, %error, "module not loaded");
        }
    }

    /// Sleeps until something happens to a socket, to a ring or in the engine, and handles it; whether something is
    /// left for the event loop.
    fn wait(&mut self) -> Result<bool, ServerError> {
        let patience = if self.busy { Some(Duration::ZERO) } else { self.timers.patience() };
        let patience = patience.map(|time| Timespec {
            tv_sec: time.as_secs().min(MAX_SLEEP_SECONDS) as i64,
            tv_nsec: i64::from(time.subsec_nanos()),
        });
        let mut events = std::mem::take(&mut self.ready_events);
        events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut events), patience.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        self.wakeups += 1;
        let mut for_loop = false;
        for event in &events {
            let (data, flags) = (event.data.u64(), event.flags);
            match data {
                ENGINE => self.engine_ready(),
                LOOP => for_loop = true,
                session => self.session_ready(session, flags),
            }
        }
        self.ready_events = events;
        Ok(for_loop)
    }

    fn engine_ready(&mut self) {
        let mut events = std::mem::take(&mut self.engine_events);
        self.engine.poll_events(&mut events);
        for event in events.drain(..) {
            use sealpulse_engine::Event;
            match event {
                Event::Recorded { .. } | Event::RecordOverrun { .. } | Event::RecordTiming { .. } => {
                    self.record_event(event);
                }
                _ => self.playback_event(event),
            }
        }
        self.engine_events = events;
        // Blocks that were played are free again: their owners want to know.
        self.flush_players();
    }

    /// All that the configuration makes is there.
    fn started(&mut self) {
        self.end_turn();
        self.running = true;
    }

    /// Does what a turn has put off, and sends all that it has produced.
    fn end_turn(&mut self) {
        self.busy = false;
        for _ in 0..RING_PASSES {
            self.tell_changes();
            self.unload_requested();
            self.send_events();
            self.flush_dirty();
            if !self.look_into_rings() && self.dirty.is_empty() && self.unloading.is_empty() {
                break;
            }
        }
        self.busy = !(self.awake_rings.is_empty()
            && self.dirty.is_empty()
            && self.unloading.is_empty()
            && self.events.is_empty());
        self.engine.commit();
    }

    fn flush_dirty(&mut self) {
        for key in std::mem::take(&mut self.dirty) {
            self.flush(key);
        }
    }

    /// Looks into the rings that were in use; whether there was something in one. Those without are ready for
    /// sleep afterwards: their clients wake us.
    fn look_into_rings(&mut self) -> bool {
        let mut found = false;
        for key in std::mem::take(&mut self.awake_rings) {
            found |= self.look_into_ring(key);
        }
        found
    }

    /// Ends all sessions and removes the sockets.
    fn close_all(&mut self) {
        self.send_events();
        self.flush_dirty();
        for key in self.sessions.keys() {
            self.close_session(key);
        }
        for place in 0..self.listeners.len() {
            self.close_listener(place);
        }
        // The last first, as what came later may lean on what was there.
        for module in self.registry.modules.indexes().into_iter().rev() {
            self.unload_module(module);
        }
        self.engine.commit();
    }
}

/// The number of the group that is let in; a group that is not there lets nobody in.
fn auth_group(name: &str) -> Option<u32> {
    let number = access::group_number(name);
    if number.is_none() {
        tracing::warn!(group = name, "there is no such group: it lets nobody in");
    }
    number
}

fn make_realtime(priority: u8) -> bool {
    let Ok(value) = ThreadPriorityValue::try_from(priority) else { return false };
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(value), policy).is_ok()
}

/// A ping per client and ring is more than the usual soft limit of 1,024 descriptors has room for.
fn raise_descriptor_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::debug!(%error, "the limit of file descriptors stays as it is");
    }
}

fn random_number() -> u32 {
    let mut bytes = [0; 4];
    let _ = getrandom(&mut bytes[..], GetRandomFlags::empty());
    u32::from_ne_bytes(bytes)
}
