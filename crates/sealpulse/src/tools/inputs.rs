//! What a person does while a tool runs: keys, and signals that end it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyEvent, KeyEventKind};
use ratatui::crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use sealpulse_client::Wait;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// How often a screen is drawn anew.
const TICK: Duration = Duration::from_millis(100);

/// Something that a loop has to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// Ctrl-C, or another signal that asks to end.
    Interrupt,
    /// It is time to draw.
    Tick,
    Key(KeyEvent),
}

/// Which of two things came first.
pub(super) enum First<T> {
    Input(Input),
    Other(T),
}

/// All inputs, gathered by threads that live as long as the program.
pub(super) struct Inputs {
    queue: Arc<Mutex<Queue>>,
}

#[derive(Default)]
struct Queue {
    inputs: VecDeque<Input>,
    waker: Option<Waker>,
}

/// The terminal gives keys as they are pressed until this is dropped.
pub(super) struct Keys;

impl Drop for Keys {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _ = disable_raw_mode();
    }
}

impl Inputs {
    /// Begins to take signals.
    pub(super) fn new() -> io::Result<Self> {
        let queue = Arc::new(Mutex::new(Queue::default()));
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let for_signals = Arc::clone(&queue);
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for _ in signals.forever() {
                push(&for_signals, Input::Interrupt);
            }
        })?;
        Ok(Self { queue })
    }

    /// Begins to tell when it is time to draw.
    pub(super) fn tick(&self) -> io::Result<()> {
        let queue = Arc::clone(&self.queue);
        thread::Builder::new().name("ticks".to_owned()).spawn(move || {
            loop {
                thread::sleep(TICK);
                push(&queue, Input::Tick);
            }
        })?;
        Ok(())
    }

    /// Begins to take keys from the terminal, and to tell when it is time to draw.
    pub(super) fn keys(&self) -> io::Result<Keys> {
        enable_raw_mode()?;
        let keys = Keys;
        let queue = Arc::clone(&self.queue);
        thread::Builder::new().name("keys".to_owned()).spawn(move || {
            // Ends when the terminal does.
            while let Ok(came) = event::poll(TICK) {
                match if came { event::read().ok() } else { None } {
                    Some(Event::Key(key)) if key.kind != KeyEventKind::Release => {
                        push(&queue, Input::Key(key))
                    }
                    _ if came => {}
                    _ => push(&queue, Input::Tick),
                }
            }
        })?;
        Ok(keys)
    }

    /// Waits for an input or for something else, whichever comes first.
    pub(super) fn or<T>(&self, mut other: impl FnMut(&mut Context<'_>) -> Poll<T>) -> First<T> {
        poll_fn(|context| match self.poll(context) {
            Poll::Ready(input) => Poll::Ready(First::Input(input)),
            Poll::Pending => other(context).map(First::Other),
        })
        .wait()
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Input> {
        let mut queue = lock(&self.queue);
        match queue.inputs.pop_front() {
            Some(input) => Poll::Ready(input),
            None => {
                queue.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

fn push(queue: &Mutex<Queue>, input: Input) {
    let waker = {
        let mut queue = lock(queue);
        // Who is busy has to draw once, not again and again.
        if input == Input::Tick && queue.inputs.contains(&Input::Tick) {
            return;
        }
        queue.inputs.push_back(input);
        queue.waker.take()
    };
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_wakes_who_waits_and_ticks_do_not_pile_up() {
        let inputs = Inputs { queue: Arc::default() };
        let queue = Arc::clone(&inputs.queue);
        let other = thread::spawn(move || {
            push(&queue, Input::Tick);
            push(&queue, Input::Tick);
            push(&queue, Input::Interrupt);
        });
        let next = || match inputs.or(|_| Poll::<()>::Pending) {
            First::Input(input) => input,
            First::Other(()) => unreachable!("it never comes"),
        };
        assert_eq!(next(), Input::Tick);
        loop {
            match next() {
                Input::Tick => {}
                input => break assert_eq!(input, Input::Interrupt),
            }
        }
        other.join().unwrap();
        assert!(matches!(inputs.or(|_| Poll::Ready(7)), First::Other(7)));
    }
}
