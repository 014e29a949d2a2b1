//! Prints what happens at a server, until it goes.
//!
//! `cargo run -p sealpulse-client --example subscribe`
use std::error::Error;

use sealpulse_client::{Config, Context, Facility, News, SubscriptionMask, Wait};

fn main() -> Result<(), Box<dyn Error>> {
    run(Config::from_env()?.named("subscribe"), None)
}

/// Prints so many events, or all, of whatever server the configuration names.
pub(crate) fn run(config: Config, most: Option<usize>) -> Result<(), Box<dyn Error>> {
    let context = Context::connect(config).wait()?;
    let mut news = context.subscribe(SubscriptionMask::ALL).wait()?;
    // A change of one's own is an event too.
    context.set_name("subscribed").wait()?;
    let mut count = 0;
    while most.is_none_or(|most| count < most) {
        let Some(News::Object { event, index }) = news.next().wait() else { break };
        println!("{:?} {:?} {index:?}", event.operation(), event.facility());
        // An event names the object; what it is like now has to be asked for.
        if let (Some(Facility::Sink), Some(index)) = (event.facility(), index)
            && let Ok(sink) = context.sink(index).wait()
        {
            println!("  {}: {:?}, {:?}", sink.name, sink.state, sink.volume);
        }
        count += 1;
    }
    Ok(())
}
