//! Writes the manual pages and the shells' completions of the command line to `assets` beside the program, from where
//! `make install` takes them.

#[allow(dead_code, unused_imports, reason = "what the options are good for does not matter here")]
#[path = "src/cli/mod.rs"]
mod cli;

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

const NAME: &str = "sealpulse";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/cli");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    // target/PROFILE/build/sealpulse-HASH/out
    let assets = out.ancestors().nth(3).ok_or("OUT_DIR is not below target")?.join("assets");
    let man = assets.join("man");
    let completions = assets.join("completions");
    // A page of a command that is gone must not be installed.
    let _ = fs::remove_dir_all(&man);
    fs::create_dir_all(&man)?;
    fs::create_dir_all(&completions)?;
    let mut command = cli::Cli::command().disable_help_subcommand(true);
    command.build();
    pages(&command, &man)?;
    for (shell, file) in
        [(&Bash as &dyn EnvCompleter, "sealpulse.bash"), (&Zsh, "_sealpulse"), (&Fish, "sealpulse.fish")]
    {
        let mut script = Vec::new();
        shell.write_registration("COMPLETE", NAME, NAME, NAME, &mut script)?;
        if shell.name() == "zsh" {
            // Loaded at the first completion, the file has to answer that one, too.
            writeln!(script, "_clap_dynamic_completer_{NAME} \"$@\"")?;
        }
        fs::write(completions.join(file), script)?;
    }
    Ok(())
}

/// The page of a command, and of those below it.
fn pages(command: &clap::Command, directory: &Path) -> Result<(), Box<dyn Error>> {
    for below in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        pages(below, directory)?;
    }
    let page = Man::new(command.clone())
        .manual("sealpulse")
        .source(format!("sealpulse {}", std::env::var("CARGO_PKG_VERSION").unwrap_or_default()));
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    let (notes, sections) = after_help(command);
    notes.to_writer(&mut text)?;
    page.render_options_section(&mut text)?;
    if command.has_subcommands() {
        page.render_subcommands_section(&mut text)?;
    }
    sections.to_writer(&mut text)?;
    see_also(command).to_writer(&mut text)?;
    fs::write(directory.join(page.get_filename()), text)?;
    Ok(())
}

/// What stands below a command's help: paragraphs, and those under a heading, whose lines stay as they are.
fn after_help(command: &clap::Command) -> (Roff, Roff) {
    let (mut notes, mut sections) = (Roff::new(), Roff::new());
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    for paragraph in text.split("\n\n") {
        match paragraph.split_once(":\n") {
            Some((heading, lines)) if !heading.contains('\n') => {
                sections.control("SH", [&*heading.to_uppercase()]);
                sections.control("nf", []);
                for line in lines.lines() {
                    sections.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
                }
                sections.control("fi", []);
            }
            _ if paragraph.is_empty() => {}
            _ => {
                notes.control("PP", []);
                notes.text([roman(paragraph)]);
            }
        }
    }
    (notes, sections)
}

fn see_also(command: &clap::Command) -> Roff {
    let mut page = Roff::new();
    page.control("SH", ["SEE ALSO"]);
    let others = if command.has_subcommands() { "" } else { "sealpulse(1), " };
    page.text([roman(format!("{others}pactl(1), pulseaudio(1)"))]);
    page
}
