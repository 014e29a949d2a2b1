//! The thread of a tunnel: it holds the connection to the other server, passes sound, and connects again.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use calloop::channel::Sender;
use sealpulse_client::{ClientError, Config, Context, PlaybackStream, RecordStream, StreamOptions, Wait};

/// What the thread tells the control thread.
#[derive(Debug)]
pub(super) enum News {
    /// The stream is there.
    Connected,
    /// Recorded sound.
    Sound(Vec<u8>),
    /// The connection has ended, for this reason; another is tried if that was asked for.
    Lost(String),
}

/// What a tunnel does at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Play,
    Record,
}

/// How to reach the other end.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) config: Config,
    pub(super) direction: Direction,
    pub(super) options: StreamOptions,
    /// Pause before another attempt; `None` for no other.
    pub(super) reconnect: Option<Duration>,
    /// Bytes of sound that may wait for the other server.
    pub(super) backlog: usize,
}

#[derive(Debug, Default)]
struct Shared {
    stopped: bool,
    corked: bool,
    queue: VecDeque<Vec<u8>>,
    queued: usize,
    waker: Option<Waker>,
}

/// What both threads see.
#[derive(Debug, Default)]
struct Mailbox {
    shared: Mutex<Shared>,
    changed: Condvar,
}

/// Why the thread stops waiting.
enum Ended {
    /// The tunnel is taken down.
    Stopped,
    Failed(ClientError),
}

impl From<ClientError> for Ended {
    fn from(error: ClientError) -> Self {
        Self::Failed(error)
    }
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Shared)) {
        let waker = {
            let mut shared = self.lock();
            change(&mut shared);
            shared.waker.take()
        };
        self.changed.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits for `future`, unless the tunnel is taken down meanwhile.
    fn unless_stopped<T>(&self, future: impl Future<Output = T>) -> Result<T, Ended> {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Ok(output));
            }
            let mut shared = self.lock();
            if shared.stopped {
                return Poll::Ready(Err(Ended::Stopped));
            }
            shared.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .wait()
    }

    /// Waits for something to play.
    fn next(&self) -> Result<Vec<u8>, Ended> {
        let shared = self.lock();
        let idle = |shared: &mut Shared| !shared.stopped && shared.queue.is_empty();
        let mut shared = self.changed.wait_while(shared, idle).unwrap_or_else(PoisonError::into_inner);
        if shared.stopped {
            return Err(Ended::Stopped);
        }
        let bytes = shared.queue.pop_front().unwrap_or_default();
        shared.queued -= bytes.len();
        Ok(bytes)
    }

    /// Waits so long; whether the tunnel is taken down.
    fn pause(&self, time: Duration) -> bool {
        let shared = self.lock();
        let waited = self.changed.wait_timeout_while(shared, time, |shared| !shared.stopped);
        waited.unwrap_or_else(PoisonError::into_inner).0.stopped
    }
}

/// The control thread's side.
#[derive(Debug)]
pub(super) struct Remote {
    mailbox: Arc<Mailbox>,
    backlog: usize,
}

impl Remote {
    /// Starts to connect.
    pub(super) fn start(target: Target, news: Sender<News>) -> std::io::Result<Remote> {
        let mailbox = Arc::new(Mailbox::default());
        mailbox.lock().corked = true;
        let (theirs, backlog) = (Arc::clone(&mailbox), target.backlog);
        std::thread::Builder::new().name("tunnel".to_owned()).spawn(move || run(&target, &theirs, &news))?;
        Ok(Remote { mailbox, backlog })
    }

    /// Queues sound to be played. What the other server does not take in time is left out, the oldest first.
    pub(super) fn play(&self, bytes: Vec<u8>) {
        self.mailbox.change(|shared| {
            shared.queued += bytes.len();
            shared.queue.push_back(bytes);
            while shared.queued > self.backlog {
                let Some(oldest) = shared.queue.pop_front() else { break };
                shared.queued -= oldest.len();
            }
        });
    }

    /// Lets the other server's stream stand still, or go on.
    pub(super) fn cork(&self, corked: bool) {
        self.mailbox.change(|shared| shared.corked = corked);
    }

    /// Ends the connection. The thread is not waited for: a host that does not answer may hold it for a while.
    pub(super) fn stop(&self) {
        self.mailbox.change(|shared| shared.stopped = true);
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(target: &Target, mailbox: &Mailbox, news: &Sender<News>) {
    loop {
        let reason = match session(target, mailbox, news) {
            Ended::Stopped => return,
            Ended::Failed(error) => error.to_string(),
        };
        if news.send(News::Lost(reason)).is_err() {
            return;
        }
        match target.reconnect {
            Some(pause) if !mailbox.pause(pause) => {}
            _ => return,
        }
    }
}

/// One connection, from its beginning to its end.
fn session(target: &Target, mailbox: &Mailbox, news: &Sender<News>) -> Ended {
    let ended = (|| -> Result<std::convert::Infallible, Ended> {
        let context = mailbox.unless_stopped(Context::connect(target.config.clone()))??;
        match target.direction {
            Direction::Play => {
                let stream = mailbox.unless_stopped(context.playback(target.options.clone()))??;
                let _ = news.send(News::Connected);
                play(&stream, mailbox)
            }
            Direction::Record => {
                let stream = mailbox.unless_stopped(context.record(target.options.clone()))??;
                let _ = news.send(News::Connected);
                record(&stream, mailbox, news)
            }
        }
    })();
    match ended {
        Err(ended) => ended,
        Ok(never) => match never {},
    }
}

fn play(stream: &PlaybackStream, mailbox: &Mailbox) -> Result<std::convert::Infallible, Ended> {
    // What has waited meanwhile is old.
    mailbox.change(|shared| {
        shared.queue.clear();
        shared.queued = 0;
    });
    loop {
        let bytes = mailbox.next()?;
        mailbox.unless_stopped(stream.write(&bytes))??;
    }
}

fn record(
    stream: &RecordStream,
    mailbox: &Mailbox,
    news: &Sender<News>,
) -> Result<std::convert::Infallible, Ended> {
    let mut corked = true;
    loop {
        let wanted = mailbox.lock().corked;
        if corked != wanted {
            mailbox.unless_stopped(stream.cork(wanted))??;
            corked = wanted;
        }
        let Some(block) = mailbox.unless_stopped(or_changed(stream, mailbox, corked))?.transpose()? else {
            continue;
        };
        let mut bytes = vec![0; block.len()];
        // A hole is silence.
        let _ = block.read_at(0, &mut bytes);
        if news.send(News::Sound(bytes)).is_err() {
            return Err(Ended::Stopped);
        }
    }
}

/// A block, or nothing when the stream is to be corked or to go on.
async fn or_changed(
    stream: &RecordStream,
    mailbox: &Mailbox,
    corked: bool,
) -> Option<Result<sealpulse_client::RecordBlock, ClientError>> {
    std::future::poll_fn(|context| {
        let mut shared = mailbox.lock();
        if shared.corked != corked {
            return Poll::Ready(None);
        }
        shared.waker = Some(context.waker().clone());
        drop(shared);
        stream.poll_block(context).map(Some)
    })
    .await
}
