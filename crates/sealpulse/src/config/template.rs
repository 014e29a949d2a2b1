//! A configuration to start from.

use std::fmt::Write;

use super::setting::Setting;
use super::settings::{SECTIONS, SOCKET};

/// All settings with their defaults, each a comment.
pub(crate) fn template() -> String {
    let mut text = "# The configuration of `sealpulse serve`: ~/.config/sealpulse/config.toml or /etc/sealpulse/config.toml.\n\
                    # What is not set has its default, shown here.\n"
        .to_owned();
    for section in SECTIONS {
        let _ = write!(text, "\n# {}\n[{}]\n", section.text, section.name);
        settings(&mut text, section.settings);
    }
    text.push_str("\n# Where clients connect.\n#[[socket]]\n");
    settings(&mut text, SOCKET);
    text.push_str(
        "\n# What is loaded at the start, with its arguments by their names: see sealpulse-modules(7).\n#[[module]]\n\
         #name = \"null-sink\"\n#sink_name = \"meeting\"\n#sink_properties = { device.description = \"Meeting\" }\n",
    );
    text
}

fn settings<T>(text: &mut String, settings: &[Setting<T>]) {
    for setting in settings {
        let _ = writeln!(text, "\n# {} ({})", setting.text, setting.kind);
        let _ = match setting.default_value() {
            Some(value) => writeln!(text, "#{} = {value}", setting.key),
            None => writeln!(text, "# Default: {}\n#{} = …", setting.default, setting.key),
        };
    }
}
