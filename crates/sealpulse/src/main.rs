//! The sealpulse program: the sound server (`serve`), what it is doing (`status`), a demonstration (`demo`), and tools.
#![deny(unsafe_code)]

mod check_config;
mod cli;
mod config;
mod demo;
mod inherited;
mod log;
mod media;
mod pulseaudio;
mod serve;
mod table;
mod tools;

use std::process::ExitCode;

use clap::FromArgMatches;
use clap_complete::CompleteEnv;

use self::cli::Command;

fn main() -> ExitCode {
    if pulseaudio::is_called_so() {
        return pulseaudio::run().unwrap_or_else(|error| {
            eprintln!("pulseaudio: {}", with_causes(&*error));
            ExitCode::FAILURE
        });
    }
    // The shell asks for completions by a variable; then this does not return.
    CompleteEnv::with_factory(tools::command).complete();
    let matches = tools::command().get_matches();
    let cli = cli::Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let done = |result: Result<(), _>| result.map(|()| ExitCode::SUCCESS);
    let result = match cli.command {
        Command::Serve(options) => done(serve::serve(options)),
        Command::CheckConfig(options) => check_config::check_config(&options),
        Command::Status(options) => done(tools::status(&options)),
        Command::Top(options) => done(tools::top::top(&options)),
        Command::List(options) => done(tools::list(&options)),
        Command::Load(options) => done(tools::load(&options)),
        Command::Unload(options) => done(tools::unload(&options)),
        Command::Move(options) => done(tools::move_stream(&options)),
        Command::Default(options) => done(tools::default(&options)),
        Command::Volume(options) => done(tools::volume(&options)),
        Command::Mute(options) => done(tools::mute(&options)),
        Command::Demo(options) => demo::demo(&options),
        Command::Play(options) => tools::play::play(&options),
        Command::Record(options) => tools::record::record(&options),
        Command::Plot(options) => done(tools::plot::plot(&options)),
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
