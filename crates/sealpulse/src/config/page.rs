//! `docs/configuration.md`, `docs/modules.md` and their manual pages are made from what is declared: `make docs` writes
//! them.

use std::fmt::Write;
use std::path::Path;

use clap_mangen::roff::{Inline, Roff, bold, roman};

use super::setting::Setting;
use super::settings::{SECTIONS, SOCKET};

/// Set, the pages are written anew.
const WRITE: &str = "SEALPULSE_WRITE_DOCS";

const INTRODUCTION: &str = "\
# The configuration

<!-- Made from the declared settings by `make docs`. -->

`sealpulse serve` reads `sealpulse/config.toml` in `$XDG_CONFIG_HOME` (`~/.config` where it is not set), else in `/etc`;
`--config FILE` names another, `--no-config` reads none. Without a file the defaults below hold. What stands on the command
line wins over the file. The program called as `pulseaudio` reads PulseAudio's `daemon.conf` and `default.pa` instead.

The file is checked whole before anything starts. All mistakes are shown, each with its line and column, and the server
does not start; `sealpulse check-config` shows them without starting anything (`--json` for programs), and with `--template`
prints a file to start from.

Paths that are not absolute start at the folder of the file; `~/` is the home directory, and `$NAME/` at the start of a path
a variable of the environment.

```toml
[server]
null-sink = false

[devices]
rate = 48000

[[socket]]
path = \"$XDG_RUNTIME_DIR/pulse/native\"

[[socket]]
path = \"/run/recorders/native\"
anonymous = true

[[module]]
name = \"virtual-mic\"
source_name = \"microphone\"
feed_sink_name = \"feed\"

[[module]]
name = \"null-sink\"
sink_name = \"recorder\"
sink_properties = { device.description = \"What the recorder hears\" }

[[module]]
name = \"stream-restore\"
```
";

const MODULES: &str = "\
# Modules

<!-- Made from the declared arguments by `make docs`. -->

Each is loaded by `pactl load-module NAME ARGUMENT=VALUE …`, by `sealpulse load`, by a line of a script, or by a `[[module]]`
of the [configuration](configuration.md). Names and arguments are PulseAudio's where it has them.
";

fn settings<T>(page: &mut String, settings: &[Setting<T>]) {
    page.push_str("\n| Setting | Is | Default | |\n|---|---|---|---|\n");
    for setting in settings {
        let default = match setting.default_value() {
            Some(value) => format!("`{value}`"),
            None => setting.default.to_owned(),
        };
        writeln!(page, "| `{}` | {} | {default} | {} |", setting.key, setting.kind, setting.text).unwrap();
    }
}

fn configuration() -> String {
    let mut page = INTRODUCTION.to_owned();
    for section in SECTIONS {
        write!(page, "\n## `[{}]`\n\n{}\n", section.name, section.text).unwrap();
        settings(&mut page, section.settings);
    }
    page.push_str(
        "\n## `[[socket]]`\n\nWhere clients connect. Without any it is `$PULSE_RUNTIME_PATH/native`, else \
         `$XDG_RUNTIME_DIR/pulse/native`.\n",
    );
    settings(&mut page, SOCKET);
    page.push_str(
        "\n## `[[module]]`\n\nA module that is loaded at the start, in this order: `name`, with `module-` or without, and its \
         [arguments](modules.md) by their names. A list of names is an array, properties are a table.\n",
    );
    page
}

fn modules() -> String {
    let mut page = MODULES.to_owned();
    for module in sealpulse_server::modules() {
        let once = if module.once() { " It can be loaded once." } else { "" };
        write!(page, "\n## {}\n\n{}.{once}\n", module.name(), module.description().trim_end_matches('.'))
            .unwrap();
        let mut arguments = module.arguments().peekable();
        if arguments.peek().is_some() {
            page.push_str("\n| Argument | Is | Default | |\n|---|---|---|---|\n");
        }
        for argument in arguments {
            let cell = |text: &str| text.replace('|', "\\|");
            let (kind, default) = (cell(&argument.kind), cell(argument.default));
            writeln!(page, "| `{}` | {kind} | {default} | {} |", argument.name, cell(argument.text)).unwrap();
        }
    }
    page
}

/// A heading of the second level begins what a manual page calls a section.
fn manual(name: &str, section: &str, what: &str, markdown: &str) -> String {
    let mut page = Roff::new();
    page.control("TH", [name, section, "", "sealpulse", "sealpulse"]);
    page.control("SH", ["NAME"]).text([roman(format!("{name} - {what}"))]);
    page.control("SH", ["DESCRIPTION"]);
    let mut in_code = false;
    for line in markdown.lines().skip(1).filter(|line| !line.starts_with("<!--")) {
        match line {
            "```toml" | "```" => {
                in_code = !in_code;
                page.control(if in_code { "nf" } else { "fi" }, []);
            }
            "" if !in_code => {
                page.control("PP", []);
            }
            _ if in_code => {
                page.text([roman(line)]);
            }
            _ if line.starts_with("| `") => row(&mut page, line),
            _ if line.starts_with('|') => {}
            _ => match line.strip_prefix("## ") {
                Some(heading) => {
                    page.control("SH", [heading.replace('`', "").as_str()]);
                }
                None => {
                    page.text(inline(line));
                }
            },
        }
    }
    page.render()
}

/// A row of a table: what it is about, then the rest as a paragraph below.
fn row(page: &mut Roff, line: &str) {
    let cells: Vec<String> = line
        .trim_matches('|')
        .replace("\\|", "\u{1}")
        .split('|')
        .map(|cell| cell.trim().replace('\u{1}', "|"))
        .collect();
    let [name, kind, default, text] = cells.as_slice() else { panic!("{line}") };
    page.control("TP", []).text(inline(name));
    page.text(inline(&format!("{text} ({kind}; default: {default})")));
}

/// What stands between backticks is bold; links are their text.
fn inline(line: &str) -> Vec<Inline> {
    let plain = without_links(line);
    let parts = plain.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { bold(part) } else { roman(part) }).collect()
}

fn without_links(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("](") {
        let Some((_, after)) = after.split_once(')') else { break };
        text.push_str(&before.replacen('[', "", 1));
        rest = after;
    }
    text + rest
}

fn is_up_to_date(name: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, page).unwrap();
        return;
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/{name} is not what is declared: run `make docs`");
}

#[test]
fn the_pages_of_settings_are_up_to_date() {
    let page = configuration();
    is_up_to_date("configuration.md", &page);
    let manual = manual("sealpulse-configuration", "5", "the sound server's configuration", &page);
    is_up_to_date("man/sealpulse-configuration.5", &manual);
}

#[test]
fn the_pages_of_modules_are_up_to_date() {
    let page = modules();
    is_up_to_date("modules.md", &page);
    let manual = manual("sealpulse-modules", "7", "what the sound server can load", &page);
    is_up_to_date("man/sealpulse-modules.7", &manual);
}

#[test]
fn the_example_of_the_page_is_right() {
    let example = INTRODUCTION.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    // The variable is there wherever a server runs.
    let example = example.replace("$XDG_RUNTIME_DIR", "/run/user/1000");
    let read = super::read::read(example.as_bytes(), Path::new("config.toml"));
    let configuration = read.unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(configuration.server.start.len(), 3);
}
