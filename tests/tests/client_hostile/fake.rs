//! A server of our own, which can do what no server should.

use sealpulse_memory::Block;
use sealpulse_protocol::command::{
    Ack, AuthReply, Command, CreatePlaybackStreamReply, CreateRecordStreamReply, EnableSrbchannel,
    LookupReply, Packet, PlaybackLatency, RecordLatency, RegisterMemfdShmid, ServerInfo, SetClientNameReply,
};
use sealpulse_protocol::frame::{BlockReference, Descriptor, SeekMode};
use sealpulse_protocol::{Field, NO_TAG, VERSION, VersionWord, encode_command, encode_reply};
use sealpulse_spec::{ChannelMap, SampleFormat, SampleSpec};
use sealpulse_tests::wait;
use sealpulse_transport::{Incoming, Link, LinkConfig, TransportKind};
use std::collections::VecDeque;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a server waits for a client that is done.
const LIMIT: Duration = Duration::from_secs(20);

type Act = dyn Fn(&mut Fake) + Send + Sync;

/// What a server does with each of its clients.
pub(crate) struct Script(Arc<Act>);

impl Script {
    pub(crate) fn new(script: impl Fn(&mut Fake) + Send + Sync + 'static) -> Script {
        Script(Arc::new(script))
    }

    /// Starts the server.
    pub(crate) fn start(&self) -> Host {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("native");
        let listener = UnixListener::bind(&path).unwrap();
        let (stop, stopped) = UnixStream::pair().unwrap();
        let act = Arc::clone(&self.0);
        let thread = std::thread::spawn(move || {
            listener.set_nonblocking(true).unwrap();
            let (mut clients, mut stop) = (Vec::new(), stopped);
            loop {
                // One of both becomes readable.
                let ready = wait::readable(&listener, Duration::from_millis(5));
                if let (true, Ok((client, _))) = (ready, listener.accept()) {
                    let (act, held) = (Arc::clone(&act), stop.try_clone().unwrap());
                    clients.push(std::thread::spawn(move || act(&mut Fake::new(client, held))));
                }
                if wait::readable(&stop, Duration::ZERO) {
                    break;
                }
            }
            stop.flush().unwrap();
            for client in clients {
                client.join().unwrap();
            }
        });
        Host { path, stop: Some(stop), thread: Some(thread), _directory: directory }
    }
}

/// A running server. Dropped, it ends when its clients have gone.
pub(crate) struct Host {
    pub(crate) path: PathBuf,
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
    _directory: TempDir,
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stop = None;
        let result = self.thread.take().unwrap().join();
        assert!(result.is_ok() || std::thread::panicking(), "the server panicked");
    }
}

/// One connection.
pub(crate) struct Fake {
    link: Link,
    socket: UnixStream,
    held: UnixStream,
    incoming: VecDeque<Incoming>,
    ended: bool,
    pool: Option<OwnedFd>,
    ring_signal: Vec<OwnedFd>,
    scribbles: bool,
    last_channel: u32,
    /// Bytes that a new stream is asked for.
    pub(crate) missing: u32,
    /// Every answer is given twice.
    pub(crate) twice: bool,
    /// What happens when a stream has been made.
    pub(crate) on_stream: Option<fn(&mut Fake, u32)>,
    /// Record streams get references into this segment, good ones and bad ones.
    pub(crate) block_for_streams: Option<u32>,
    /// A word of the ring, and what stands there.
    pub(crate) wild: Option<(u64, u32)>,
}

impl Fake {
    fn new(client: UnixStream, held: UnixStream) -> Fake {
        let socket = client.try_clone().unwrap();
        Fake {
            link: Link::new(client.into(), &LinkConfig::default()).unwrap(),
            socket,
            held,
            incoming: VecDeque::new(),
            ended: false,
            pool: None,
            ring_signal: Vec::new(),
            scribbles: false,
            last_channel: 0,
            missing: 64 * 1024,
            twice: false,
            on_stream: None,
            block_for_streams: None,
            wild: None,
        }
    }

    fn flush(&mut self) {
        let end = Instant::now() + LIMIT;
        while let Ok(true) = self.link.flush() {
            let mut fds = [rustix::event::PollFd::new(&self.socket, rustix::event::PollFlags::OUT)];
            let wait = rustix::event::Timespec { tv_sec: 1, tv_nsec: 0 };
            let _ = rustix::event::poll(&mut fds, Some(&wait));
            assert!(Instant::now() < end, "the client does not read");
        }
    }

    /// Sends bytes as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.flush();
        // The client may have hung up.
        let _ = self.socket.set_nonblocking(false);
        let _ = self.socket.write_all(bytes);
        let _ = self.socket.set_nonblocking(true);
    }

    pub(crate) fn packet(&mut self, packet: Vec<u8>) {
        if self.twice {
            self.link.send_packet(packet.clone());
        }
        self.link.send_packet(packet);
        self.flush();
    }

    pub(crate) fn packet_with_fds(&mut self, packet: Vec<u8>, fds: Vec<OwnedFd>) {
        self.link.send_packet_with_fds(packet, fds);
        self.flush();
    }

    pub(crate) fn reply<R: Field>(&mut self, tag: u32, reply: &R) {
        self.packet(encode_reply(tag, reply, VERSION));
    }

    pub(crate) fn tell<P: Packet>(&mut self, command: &P) {
        self.packet(encode_command(NO_TAG, command, VERSION));
    }

    fn next(&mut self) -> Option<Incoming> {
        let end = Instant::now() + LIMIT;
        let mut arrived = Vec::new();
        while self.incoming.is_empty() && !self.ended && Instant::now() < end {
            if self.scribbles {
                self.scribble_once();
            }
            let wait_for = if self.scribbles { Duration::ZERO } else { Duration::from_millis(20) };
            let received = match wait::readable(self.link.socket_fd(), wait_for) {
                true => self.link.receive(&mut arrived),
                false => Ok(()),
            };
            let looked = self.link.look_into_ring(&mut arrived);
            let _ = self.link.prepare_to_sleep();
            let _ = self.link.flush();
            self.ended = received.is_err() || looked.is_err();
            self.incoming.extend(arrived.drain(..));
        }
        self.incoming.pop_front()
    }

    /// The next command, its tag first. None: the client has hung up.
    pub(crate) fn command(&mut self) -> Option<(u32, Command)> {
        loop {
            if let Incoming::Packet { data, fds, .. } = self.next()?
                && let Ok((tag, command)) = Command::decode(&data, VERSION)
            {
                match command {
                    Command::RegisterMemfdShmid(memfd) => drop(self.link.register_memfd(memfd.shm_id, fds)),
                    command => return Some((tag, command)),
                }
            }
        }
    }

    /// Reads until the client hangs up.
    pub(crate) fn listen(&mut self) {
        while self.next().is_some() {}
    }

    /// Does nothing at all until the test is over.
    pub(crate) fn hold(&mut self) {
        wait::readable(&self.held, LIMIT);
    }

    /// Lets the client in, as a server that shares no memory.
    pub(crate) fn greet(&mut self) {
        self.greet_with(false);
    }

    /// Lets the client in.
    pub(crate) fn greet_with(&mut self, memfd: bool) {
        let Some((tag, Command::Auth(_))) = self.command() else { return };
        let version = VersionWord { version: VERSION, shm: memfd, memfd };
        self.link.send_packet_with_credentials(encode_reply(tag, &AuthReply { version }, VERSION));
        if memfd {
            self.link.enable(TransportKind::Memfd);
        }
        self.flush();
        let Some((tag, Command::SetClientName(_))) = self.command() else { return };
        self.reply(tag, &SetClientNameReply { client_index: Some(1) });
    }

    /// Tells of its pool; its id.
    pub(crate) fn register_pool(&mut self) -> Option<u32> {
        let (shm_id, fd) = self.link.pools_to_register().ok()?.pop()?;
        self.pool = Some(fd.try_clone().unwrap());
        self.packet_with_fds(encode_command(NO_TAG, &RegisterMemfdShmid { shm_id }, VERSION), vec![fd]);
        Some(shm_id)
    }

    /// Offers a ring, in which there may be a wild word.
    pub(crate) fn offer_ring(&mut self) {
        if self.register_pool().is_none() {
            return;
        }
        let Ok(offer) = self.link.offer_ring() else { return };
        self.ring_signal = offer.fds.iter().map(|fd| fd.try_clone().unwrap()).collect();
        if let Some((place, word)) = self.wild {
            self.scribble_word(place, word);
        }
        self.packet_with_fds(encode_command(0x8000_0001, &EnableSrbchannel {}, VERSION), offer.fds);
        let _ = self.link.send_ring_block();
        self.flush();
    }

    fn scribble_word(&mut self, place: u64, word: u32) {
        if let Some(pool) = &self.pool {
            let _ = rustix::io::pwrite(pool, &word.to_ne_bytes(), 4 * place);
        }
    }

    /// From now on the ring's counters change all the time.
    pub(crate) fn scribble(&mut self) {
        self.scribbles = true;
    }

    fn scribble_once(&mut self) {
        let now = Instant::now().elapsed().subsec_nanos().wrapping_mul(2_654_435_761) ^ std::process::id();
        for place in 0..9 {
            self.scribble_word(place, now.rotate_left(place as u32 * 5));
        }
        self.wake_ring();
    }

    /// Wakes the client.
    pub(crate) fn wake_ring(&self) {
        for fd in &self.ring_signal {
            let mut fds = [rustix::event::PollFd::new(fd, rustix::event::PollFlags::OUT)];
            let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
            if rustix::event::poll(&mut fds, Some(&now)).is_ok_and(|count| count > 0) {
                let _ = rustix::io::write(fd, &1u64.to_ne_bytes());
            }
        }
    }

    /// Sends a reference to a ring in a segment that may not be there.
    pub(crate) fn raw_ring_block(&mut self, shm_id: u32) {
        let head = Descriptor::reference(0, 0, SeekMode::Relative, true, true).encode();
        let block = BlockReference { block_id: 3, shm_id, offset: 0, length: 65_536 }.encode();
        self.raw(&[&head[..], &block].concat());
    }

    /// Answers as a server would, as well as it knows how, until the client hangs up.
    pub(crate) fn serve(&mut self) {
        while let Some((tag, command)) = self.command() {
            match command {
                Command::Auth(_) => {
                    let version = VersionWord { version: VERSION, shm: false, memfd: false };
                    self.reply(tag, &AuthReply { version });
                }
                Command::SetClientName(_) => {
                    self.reply(tag, &SetClientNameReply { client_index: Some(1) });
                }
                Command::GetServerInfo(_) => self.reply(tag, &ServerInfo::default()),
                Command::LookupSink(_) => self.reply(tag, &LookupReply { index: 0 }),
                Command::EnableSrbchannel(_) => {
                    let _ = self.link.switch_to_ring();
                    self.flush();
                }
                Command::CreatePlaybackStream(wanted) => {
                    let channel = self.last_channel;
                    self.last_channel += 1;
                    let reply = CreatePlaybackStreamReply {
                        channel,
                        missing: self.missing,
                        maxlength: 4 << 20,
                        tlength: self.missing,
                        minreq: 4096,
                        sample_spec: wanted.sample_spec,
                        channel_map: wanted.channel_map,
                        ..Default::default()
                    };
                    self.reply(tag, &reply);
                    if let Some(then) = self.on_stream {
                        then(self, channel);
                    }
                }
                Command::CreateRecordStream(_) => {
                    let channel = self.last_channel;
                    self.last_channel += 1;
                    let spec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 48_000 };
                    let reply = CreateRecordStreamReply {
                        channel,
                        maxlength: 4 << 20,
                        fragsize: 4096,
                        sample_spec: Some(spec),
                        channel_map: ChannelMap::stereo(),
                        ..Default::default()
                    };
                    self.reply(tag, &reply);
                    self.record(channel);
                }
                Command::GetPlaybackLatency(_) => self.reply(tag, &PlaybackLatency::default()),
                Command::GetRecordLatency(_) => self.reply(tag, &RecordLatency::default()),
                _ => self.reply(tag, &Ack {}),
            }
        }
    }

    /// Sends a stream something to record.
    fn record(&mut self, channel: u32) {
        let Some(shm_id) = self.block_for_streams else {
            self.link.send_block(channel, Block::private(4096), 4096);
            return self.flush();
        };
        let mut bytes = Vec::new();
        for (block_id, offset, length) in [
            (0, 0, 4096),
            (0, 0, 4096),
            (1, 4096, 4095),
            (2, u32::MAX, 4096),
            (3, 0, u32::MAX),
            (4, 1, 0),
            (5, (32 * 65_536) - 1, 2),
            (6, 3, 8),
        ] {
            let head = Descriptor::reference(channel, 0, SeekMode::Relative, true, false);
            let block = BlockReference { block_id, shm_id, offset, length };
            bytes.extend([&head.encode()[..], &block.encode()].concat());
        }
        self.raw(&bytes);
    }
}
