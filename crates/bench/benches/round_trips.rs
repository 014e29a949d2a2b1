//! Questions to the server and their answers: libpulse one after the other, this library one after the other, and this
//! library with 64 on their way at a time. All ask the same server for its description.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark fails by panicking")]

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use libpulse_binding::context::{Context as PulseContext, FlagSet, State};
use libpulse_binding::mainloop::standard::Mainloop;
use sealpulse_bench::{Server, in_turns};
use sealpulse_client::command::GetServerInfo;
use sealpulse_client::{Context, Wait};

const QUESTIONS: usize = 640;
const AT_ONCE: usize = 64;
const ROUNDS: usize = 31;

struct Pulse {
    // Dropped first: it uses the main loop.
    context: PulseContext,
    mainloop: Mainloop,
}

impl Pulse {
    fn connect(address: &str) -> Pulse {
        let mut mainloop = Mainloop::new().expect("a main loop");
        let mut context = PulseContext::new(&mainloop, "bench").expect("a context");
        context.connect(Some(address), FlagSet::NOAUTOSPAWN, None).expect("a server");
        while context.get_state() != State::Ready {
            mainloop.iterate(true);
        }
        Pulse { context, mainloop }
    }

    fn ask(&mut self) {
        let answered = Rc::new(Cell::new(false));
        let told = Rc::clone(&answered);
        let _operation = self.context.introspect().get_server_info(move |_| told.set(true));
        while !answered.get() {
            self.mainloop.iterate(true);
        }
    }
}

/// Waits for all of them at once.
async fn all<F: Future>(futures: Vec<F>) {
    let mut waiting: Vec<_> = futures.into_iter().map(Box::pin).collect();
    poll_fn(|context| {
        waiting.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if waiting.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

fn main() {
    let server = Server::start().expect("a server; build it with `cargo build --release -p sealpulse`");
    let mut pulse = Pulse::connect(&server.address());
    let context = Context::connect(server.config().unwrap().named("bench")).wait().unwrap();
    let ask = || async { context.request(GetServerInfo {}).await.unwrap() };

    let mut libpulse = || (0..QUESTIONS).for_each(|_| pulse.ask());
    let mut ours = || (0..QUESTIONS).for_each(|_| drop(ask().wait()));
    let mut pipelined = || {
        for _ in 0..QUESTIONS / AT_ONCE {
            all((0..AT_ONCE).map(|_| ask()).collect()).wait();
        }
    };
    libpulse();
    ours();
    let times = in_turns(ROUNDS, &mut [&mut libpulse, &mut ours, &mut pipelined]);
    let names = ["libpulse, one by one", "ours, one by one", "ours, 64 at a time"];
    for (name, time) in names.iter().zip(&times) {
        let rate = QUESTIONS as f64 / time.as_secs_f64();
        let ratio = times[0].as_secs_f64() / time.as_secs_f64();
        println!("{name:<22} {:>7.1} us each {rate:>9.0}/s {ratio:>6.2} x libpulse", 1e6 / rate);
    }
}
