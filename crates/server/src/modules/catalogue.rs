//! The modules as others see them: names, arguments, and how an argument is written.

use super::args::parse_proplist;
use super::argument::{Argument, Type};
use super::{KINDS, Kind, ModuleError, known_kind};

/// A module that can be loaded, as it is declared.
#[derive(Clone, Copy, Debug)]
pub struct ModuleInfo(&'static Kind);

/// An argument that a module takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentInfo {
    /// Its name.
    pub name: &'static str,
    /// What it can be, for people.
    pub kind: String,
    /// What holds where it is not given, for people.
    pub default: &'static str,
    /// What it does, one sentence or more.
    pub text: &'static str,
}

/// The value of an argument before it is written.
#[derive(Clone, Copy, Debug)]
pub enum ArgumentValue<'a> {
    /// One value.
    Text(&'a str),
    /// Properties, each with its value.
    Properties(&'a [(String, String)]),
}

/// All modules, by name.
pub fn modules() -> impl Iterator<Item = ModuleInfo> {
    KINDS.iter().map(|kind| ModuleInfo(kind))
}

impl ModuleInfo {
    /// The module of this name, with `module-` or without.
    ///
    /// # Errors
    /// [`ModuleError::Unknown`]; [`ModuleError::NotYet`] for one of PulseAudio's that is not there yet.
    pub fn find(name: &str) -> Result<ModuleInfo, ModuleError> {
        let found = match name.starts_with("module-") {
            true => known_kind(name),
            false => known_kind(&format!("module-{name}")),
        };
        found.map(ModuleInfo)
    }

    /// Its name, with `module-`.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// What it does.
    pub fn description(&self) -> &'static str {
        self.0.description
    }

    /// Whether it can be loaded only once.
    pub fn once(&self) -> bool {
        self.0.once
    }

    /// What it takes.
    pub fn arguments(&self) -> impl Iterator<Item = ArgumentInfo> + use<> {
        self.0.arguments().map(|argument| ArgumentInfo {
            name: argument.name,
            kind: argument.kind.to_string(),
            default: argument.default,
            text: argument.text,
        })
    }

    /// `key=value` as it stands among the arguments of `load-module`.
    ///
    /// ```
    /// use sealpulse_server::{ArgumentValue, ModuleInfo};
    ///
    /// let module = ModuleInfo::find("null-sink")?;
    /// assert_eq!(module.argument("sink_name", ArgumentValue::Text("a b"))?, r#"sink_name="a b""#);
    /// assert!(module.argument("rate", ArgumentValue::Text("fast")).is_err());
    /// # Ok::<(), sealpulse_server::ModuleError>(())
    /// ```
    ///
    /// # Errors
    /// [`ModuleError::UnknownArgument`] and [`ModuleError::BadValue`].
    pub fn argument(&self, key: &str, value: ArgumentValue<'_>) -> Result<String, ModuleError> {
        let argument = self.0.argument(key).ok_or_else(|| self.0.unknown_argument(key))?;
        let value = match (argument.kind, value) {
            (Type::Properties, ArgumentValue::Text(text)) => {
                let pairs = parse_proplist(text).ok_or_else(|| bad(argument, text))?;
                quoted_properties(pairs.iter().map(|(key, value)| (key.as_str(), value.as_slice())))
            }
            (Type::Properties, ArgumentValue::Properties(pairs)) => {
                let bytes: Vec<Vec<u8>> =
                    pairs.iter().map(|(_, value)| [value.as_bytes(), &[0]].concat()).collect();
                let pairs =
                    pairs.iter().zip(&bytes).map(|((key, _), value)| (key.as_str(), value.as_slice()));
                let written = quoted_properties(pairs);
                let inner = written.trim_matches('\'');
                parse_proplist(inner).map(|_| written.clone()).ok_or_else(|| bad(argument, inner))?
            }
            (kind, ArgumentValue::Text(text)) if kind.accepts(text, text) => quoted(text),
            (_, ArgumentValue::Text(text)) => return Err(bad(argument, text)),
            (_, ArgumentValue::Properties(_)) => return Err(bad(argument, "{ … }")),
        };
        Ok(format!("{}={value}", argument.name))
    }
}

fn bad(argument: &Argument, value: &str) -> ModuleError {
    ModuleError::bad(argument.name, value, &argument.kind)
}

/// A value, in quotes where it needs them.
fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_graphic() && !matches!(letter, '"' | '\'' | '\\');
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

/// Properties within single quotes. Their quotes cannot be escaped: what has some stands there as hexadecimal digits.
fn quoted_properties<'a>(pairs: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let written = pairs.map(|(key, value)| {
        let text = value.strip_suffix(&[0]).and_then(|text| std::str::from_utf8(text).ok());
        match text.filter(|text| !text.contains(['"', '\'', '\\', '\n', '\0'])) {
            Some(text) => format!("{key}=\"{text}\""),
            None => {
                let digits: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{key}=hex:{digits}")
            }
        }
    });
    format!("'{}'", written.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sealpulse_protocol::PropList;

    use super::super::args::ModuleArgs;
    use super::*;

    fn null_sink() -> ModuleInfo {
        ModuleInfo::find("module-null-sink").unwrap()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(name in any::<String>(), value in any::<String>()) {
            let pairs = [("device.description".to_owned(), value.clone()), ("a.b".to_owned(), "c".to_owned())];
            let line = [
                null_sink().argument("sink_name", ArgumentValue::Text(&name)).unwrap(),
                null_sink().argument("sink_properties", ArgumentValue::Properties(&pairs)).unwrap(),
            ]
            .join(" ");
            let args = ModuleArgs::parse(&line, null_sink().0).unwrap();
            prop_assert_eq!(args.text("sink_name"), Some(name));
            let mut proplist = PropList::new();
            args.proplist("sink_properties", &mut proplist);
            let expected = [value.as_bytes(), &[0]].concat();
            prop_assert_eq!(proplist.get("device.description"), Some(expected.as_slice()));
            prop_assert_eq!(proplist.get_str("a.b"), Some("c"));
        }
    }

    #[test]
    fn properties_may_come_as_text() {
        let text = "device.description='My Sink' a=b";
        let written = null_sink().argument("sink_properties", ArgumentValue::Text(text)).unwrap();
        assert_eq!(written, r#"sink_properties='device.description="My Sink" a="b"'"#);
        assert!(null_sink().argument("sink_properties", ArgumentValue::Text("novalue")).is_err());
        let pairs = [("not a key".to_owned(), String::new())];
        assert!(null_sink().argument("sink_properties", ArgumentValue::Properties(&pairs)).is_err());
        assert!(null_sink().argument("rate", ArgumentValue::Properties(&[])).is_err());
    }
}
