//! How a device, card, sample or module is named in a request.

use crate::ClientError;

/// Which one: by index or by name. `&str`, `String` and `u32` become one by themselves.
///
/// ```
/// use sealpulse_client::Selector;
/// assert_eq!(Selector::from(7), Selector::Index(7));
/// assert_eq!(Selector::from("alsa_output.pci"), Selector::Name("alsa_output.pci".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Selector {
    /// By index: unique for as long as the server runs, and not used again. `u32::MAX` is no index, and refused.
    Index(u32),
    /// By name; an empty one, and one with a zero byte, is refused.
    Name(String),
}

impl Selector {
    /// The name that stands for the default sink, wherever a sink is asked for.
    pub const DEFAULT_SINK: &str = "@DEFAULT_SINK@";
    /// The name that stands for the default source, wherever a source is asked for.
    pub const DEFAULT_SOURCE: &str = "@DEFAULT_SOURCE@";
    /// The name that stands for the monitor of the default sink, wherever a source is asked for.
    pub const DEFAULT_MONITOR: &str = "@DEFAULT_MONITOR@";

    /// As the two fields of a command. Neither would mean the default device to the server: what is refused here
    /// is what would come down to that.
    pub(crate) fn split(self, what: &'static str) -> Result<(Option<u32>, Option<String>), ClientError> {
        match self {
            Self::Index(u32::MAX) => Err(ClientError::Invalid { what, value: u32::MAX.to_string() }),
            Self::Index(index) => Ok((Some(index), None)),
            Self::Name(name) => Ok((None, Some(text(what, &name)?))),
        }
    }
}

impl From<u32> for Selector {
    fn from(index: u32) -> Self {
        Self::Index(index)
    }
}

impl From<&str> for Selector {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<String> for Selector {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl From<&String> for Selector {
    fn from(name: &String) -> Self {
        Self::Name(name.clone())
    }
}

/// A name as it goes out. A zero byte would cut it, and name something else.
pub(crate) fn text(what: &'static str, name: &str) -> Result<String, ClientError> {
    if name.is_empty() || name.contains('\0') {
        return Err(ClientError::Invalid { what, value: format!("{name:?}") });
    }
    Ok(name.to_owned())
}

/// The same for what may be empty, such as the arguments of a module.
pub(crate) fn text_or_empty(what: &'static str, text: &str) -> Result<Option<String>, ClientError> {
    if text.contains('\0') {
        return Err(ClientError::Invalid { what, value: format!("{text:?}") });
    }
    Ok(Some(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_or_name_but_never_both() {
        assert_eq!(Selector::from(0).split("sink").unwrap(), (Some(0), None));
        assert_eq!(Selector::from("a").split("sink").unwrap(), (None, Some("a".to_owned())));
        assert_eq!(Selector::from(&"b".to_owned()), Selector::from("b".to_owned()));
    }

    #[test]
    fn what_would_mean_another_is_refused() {
        for selector in [Selector::from(u32::MAX), Selector::from(""), Selector::from("sink\0s")] {
            let error = selector.split("sink").unwrap_err();
            assert!(matches!(error, ClientError::Invalid { what: "sink", .. }), "{error}");
        }
        assert!(text_or_empty("arguments", "").is_ok());
        assert!(text_or_empty("arguments", "a\0").is_err());
    }
}
