//! The sealpulse program: the sound server (`serve`), what it is doing (`status`), a demonstration (`demo`), and tools.
#![deny(unsafe_code)]

mod cli;
mod demo;
mod inherited;
mod media;
mod native;
mod serve;
mod status;
mod tools;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let result = match cli::Cli::parse().command {
        cli::Command::Serve(options) => serve::serve(options).map(|()| ExitCode::SUCCESS),
        cli::Command::Status(options) => status::status(&options).map(|()| ExitCode::SUCCESS),
        cli::Command::Demo(options) => demo::demo(&options),
        cli::Command::Play(options) => tools::play::play(&options),
        cli::Command::Record(options) => tools::record::record(&options),
        cli::Command::Plot(options) => tools::plot::plot(&options).map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        eprintln!("sealpulse: {}", with_causes(&*error));
        ExitCode::FAILURE
    })
}

/// The message of an error and of what caused it.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
