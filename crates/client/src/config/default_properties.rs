//! The properties that every client has, and those that the user gives it.

use std::os::unix::ffi::OsStrExt;

use sealpulse_protocol::{PROPERTIES_MAX, PropList, UpdateMode};

use super::environment::{Environment, printable};
use super::error::ConfigError;
use super::property_list::property_list;

/// Properties of a client.
#[derive(Debug)]
pub(crate) struct Properties {
    /// Those that the program may change.
    pub(crate) own: PropList,
    /// Those that take the place of the program's (`PULSE_PROP_OVERRIDE`, `PULSE_PROP_OVERRIDE_key`).
    pub(crate) overrides: PropList,
}

/// What the variables say and, where they do not, what is known of the process.
pub(crate) fn collect(environment: &Environment, warnings: &mut Vec<ConfigError>) -> Properties {
    let mut own = PropList::new();
    let mut overrides = PropList::new();
    for (variable, value) in &environment.variables {
        let Some(variable) = variable.to_str() else { continue };
        let Some(key) = variable.strip_prefix("PULSE_PROP_").filter(|key| *key != "OVERRIDE") else {
            continue;
        };
        let (key, list) = match key.strip_prefix("OVERRIDE_") {
            Some(key) => (key, &mut overrides),
            None => (key, &mut own),
        };
        let variable = || variable.to_owned();
        match str::from_utf8(value.as_bytes()) {
            Err(_) => warnings.push(ConfigError::NotUtf8 { variable: variable() }),
            Ok(_) if !PropList::is_valid_name(key) => {
                warnings.push(ConfigError::PropertyName { variable: variable() });
            }
            Ok(_) if list.len() >= PROPERTIES_MAX => warnings.push(too_many(variable())),
            Ok(value) => drop(list.set_str(key, value)),
        }
    }
    let lists = [
        ("PULSE_PROP", UpdateMode::Merge, &mut own),
        ("PULSE_PROP_OVERRIDE", UpdateMode::Replace, &mut overrides),
    ];
    for (variable, mode, list) in lists {
        match read_list(environment, variable) {
            Ok(read) if !list.update(mode, &read) => warnings.push(too_many(variable.to_owned())),
            Ok(_) => {}
            Err(error) => warnings.push(error),
        }
    }
    add_defaults(environment, &mut own);
    Properties { own, overrides }
}

fn too_many(variable: String) -> ConfigError {
    ConfigError::TooManyProperties { variable, limit: PROPERTIES_MAX }
}

fn read_list(environment: &Environment, variable: &'static str) -> Result<PropList, ConfigError> {
    let text = environment.text(variable)?.unwrap_or_default();
    property_list(text).map_err(|source| ConfigError::Properties { variable: variable.to_owned(), source })
}

fn add_defaults(environment: &Environment, list: &mut PropList) {
    let mut add = |name, value: Option<String>| {
        if let Some(value) = value.filter(|_| !list.contains(name)) {
            list.set_str(name, &value);
        }
    };
    add("application.process.id", Some(environment.process.to_string()));
    add("application.process.user", Some(environment.user_name()));
    add("application.process.host", environment.host.clone());
    add("application.process.binary", environment.binary.clone());
    let language = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(|name| environment.filled(name));
    add("application.language", Some(language.map_or_else(|| "C".to_owned(), printable)));
    add("window.x11.display", environment.variable("DISPLAY").map(printable));
    add("application.process.machine_id", environment.machine_id());
    add("application.process.session_id", environment.variable("XDG_SESSION_ID").map(printable));
    if let Some(binary) = list.get("application.process.binary").map(<[u8]>::to_vec)
        && !list.contains("application.name")
    {
        list.set("application.name", binary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn collect<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> (Properties, Vec<String>) {
        let mut warnings = Vec::new();
        let environment = Environment { user: 0, ..Environment::for_test(Path::new("/nowhere"), variables) };
        let properties = super::collect(&environment, &mut warnings);
        (properties, warnings.iter().map(ToString::to_string).collect())
    }

    fn list(entries: &[(&str, &str)]) -> PropList {
        entries.iter().copied().collect()
    }

    #[test]
    fn a_process_is_described() {
        let (properties, warnings) =
            collect([("DISPLAY", ":0"), ("LANG", "de_DE.UTF-8"), ("LC_ALL", ""), ("XDG_SESSION_ID", "c2")]);
        assert!(warnings.is_empty() && properties.overrides.is_empty());
        assert_eq!(
            properties.own,
            list(&[
                ("application.process.id", "4321"),
                ("application.process.user", "root"),
                ("application.process.host", "studio"),
                ("application.process.binary", "player"),
                ("application.language", "de_DE.UTF-8"),
                ("window.x11.display", ":0"),
                ("application.process.machine_id", "studio"),
                ("application.process.session_id", "c2"),
                ("application.name", "player"),
            ])
        );
    }

    #[test]
    fn variables_set_properties() {
        let (properties, warnings) = collect([
            ("PULSE_PROP_a", "1"),
            ("PULSE_PROP", "a=2 b=\"3 4\" application.process.id=x"),
            ("PULSE_PROP_application.process.binary", "other"),
            ("PULSE_PROP_OVERRIDE_c", "5"),
            ("PULSE_PROP_OVERRIDE_d", "6"),
            ("PULSE_PROP_OVERRIDE", "d=7"),
        ]);
        assert!(warnings.is_empty(), "{warnings:?}");
        let values = ["a", "b", "application.process.id", "application.name"]
            .map(|name| properties.own.get_str(name).unwrap());
        assert_eq!(values, ["1", "3 4", "x", "other"]);
        assert_eq!(properties.overrides, list(&[("c", "5"), ("d", "7")]));
    }

    #[test]
    fn what_cannot_be_read_is_left_out_and_told() {
        let (properties, warnings) =
            collect([("PULSE_PROP", "a=1 b"), ("PULSE_PROP_", "1"), ("PULSE_PROP_c", "3")]);
        assert_eq!(properties.own.get_str("c"), Some("3"));
        assert!(!properties.own.contains("a"));
        assert_eq!(
            warnings,
            [
                "the variable PULSE_PROP_ sets a property whose name is empty or not ASCII",
                "the variable PULSE_PROP: byte 5 of the properties `a=1 b`: `=` is missing behind the key; \
             write key=value or key=\"some value\"",
            ]
        );
    }

    #[test]
    fn there_is_a_most() {
        let many: String = (0..=PROPERTIES_MAX).map(|number| format!("k{number}=v ")).collect();
        let (properties, warnings) = collect([("PULSE_PROP", many.as_str())]);
        assert_eq!(warnings, ["the variable PULSE_PROP makes more than 1024 properties: remove some"]);
        assert!(!properties.own.contains("k0"));
    }
}
