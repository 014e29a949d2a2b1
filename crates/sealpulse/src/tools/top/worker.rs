//! The thread that talks to the server.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use sealpulse_client::{ChannelVolumes, ClientError, Context, State, SubscriptionMask, Wait};

use super::super::control::{move_to, set_default, set_mute, set_volume};
use super::super::overview::Overview;
use super::super::target::Kind;

/// How often the server is asked even if it tells of no change, since latencies change silently; also how often a
/// server that is gone is looked for.
const REFRESH: Duration = Duration::from_secs(1);

/// The server is not asked more often than this, however much changes.
const PAUSE: Duration = Duration::from_millis(100);

/// What the user wants changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    Mute { kind: Kind, index: u32, muted: bool },
    Volume { kind: Kind, index: u32, volume: ChannelVolumes },
    Move { kind: Kind, index: u32, device: u32 },
    Default { kind: Kind, name: String },
    Kill { kind: Kind, index: u32 },
    KillClient { index: u32 },
}

/// What the server said.
pub(crate) enum Report {
    Seen(Box<Overview>),
    /// Something that was asked for did not happen.
    Problem(String),
    /// There is no connection any more.
    Gone(String),
}

enum Job {
    Act(Action),
    /// The server told that something has changed.
    Look,
}

/// The thread that talks to the server; it ends when this is dropped.
pub(crate) struct Worker {
    jobs: Sender<Job>,
}

impl Worker {
    /// Starts it; `report` gives false when nobody listens any more.
    pub(crate) fn start(
        context: Context,
        report: impl Fn(Report) -> bool + Send + 'static,
    ) -> std::io::Result<Worker> {
        let (jobs, todo) = mpsc::channel();
        let changes = jobs.clone();
        std::thread::Builder::new()
            .name("server".to_owned())
            .spawn(move || work(&context, &todo, &changes, &report))?;
        Ok(Worker { jobs })
    }

    /// Has something changed.
    pub(crate) fn act(&self, action: Action) {
        let _ = self.jobs.send(Job::Act(action));
    }
}

fn work(context: &Context, todo: &Receiver<Job>, changes: &Sender<Job>, report: &impl Fn(Report) -> bool) {
    let _ = listen(context, changes);
    loop {
        let looked = Instant::now();
        let seen = match Overview::ask(context).wait() {
            Ok(overview) => Report::Seen(Box::new(overview)),
            Err(error) => match context.state() {
                State::Failed { reason } => Report::Gone(reason.to_string()),
                _ => Report::Problem(error.to_string()),
            },
        };
        let is_gone = matches!(seen, Report::Gone(_));
        if !report(seen) || !wait(context, todo, looked, report) {
            return;
        }
        if is_gone && context.reconnect().wait().is_ok() {
            let _ = listen(context, changes);
        }
    }
}

/// Does what is to be done until it is time to look again; false when nobody listens any more.
fn wait(context: &Context, todo: &Receiver<Job>, looked: Instant, report: &impl Fn(Report) -> bool) -> bool {
    let mut next = looked + REFRESH;
    loop {
        match todo.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(Job::Look) => next = next.min(looked + PAUSE),
            Ok(Job::Act(action)) => {
                if let Err(error) = act(context, &action).wait()
                    && !report(Report::Problem(error.to_string()))
                {
                    return false;
                }
                next = Instant::now();
            }
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

/// Hears of changes, on a thread that ends with the connection.
fn listen(context: &Context, changes: &Sender<Job>) -> Result<(), ClientError> {
    let mut subscription = context.subscribe(SubscriptionMask::ALL).wait()?;
    let changes = changes.clone();
    let started = std::thread::Builder::new().name("changes".to_owned()).spawn(move || {
        while subscription.next().wait().is_some() {
            if changes.send(Job::Look).is_err() {
                return;
            }
        }
    });
    // Without it, what changes is seen a second later.
    drop(started);
    Ok(())
}

async fn act(context: &Context, action: &Action) -> Result<(), ClientError> {
    match action {
        Action::Mute { kind, index, muted } => set_mute(context, *kind, *index, *muted).await,
        Action::Volume { kind, index, volume } => set_volume(context, *kind, *index, *volume).await,
        Action::Move { kind, index, device } => move_to(context, *kind, *index, *device).await,
        Action::Default { kind, name } => set_default(context, *kind, name).await,
        Action::Kill { kind: Kind::SourceOutput, index } => context.kill_source_output(*index).await,
        Action::Kill { index, .. } => context.kill_sink_input(*index).await,
        Action::KillClient { index } => context.kill_client(*index).await,
    }
}
