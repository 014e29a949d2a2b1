//! Property lists as text: the syntax of `PULSE_PROP`.

use std::iter::Peekable;
use std::str::CharIndices;

use sealpulse_protocol::PropList;

/// Text that is not a property list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {position} of the properties `{text}`: {problem}; write key=value or key=\"some value\"")]
pub struct PropertyListError {
    /// The text.
    pub text: String,
    /// Where in the text, in bytes from its start.
    pub position: usize,
    /// What is wrong there.
    pub problem: PropertyListProblem,
}

/// What is wrong with a property list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PropertyListProblem {
    /// There is a value without a key.
    #[error("a key is missing before `=`")]
    NoKey,
    /// A key is not ASCII, or has a zero byte.
    #[error("the key is not ASCII")]
    Key,
    /// Something else than `=` follows a key.
    #[error("`=` is missing behind the key")]
    NoEquals,
    /// The text ends where a value belongs.
    #[error("the value is missing")]
    NoValue,
    /// A quote is not closed.
    #[error("the quote is not closed")]
    Quote,
    /// What follows `hex:` is not pairs of hexadecimal digits.
    #[error("`hex:` is not followed by pairs of hexadecimal digits")]
    Hex,
    /// A value has a zero byte, which text cannot have (`hex:` can).
    #[error("the value has a zero byte")]
    Zero,
}

/// Reads properties from text, in the syntax of `PULSE_PROP` and of module arguments: `key=value` pairs that white
/// space separates. A value with white space stands in `"` or `'`, where a backslash keeps the special meaning from
/// the next character. `hex:00ff` is bytes. White space around `=` does not matter. The last value of a key counts.
///
/// # Errors
/// [`PropertyListError`] for text of another form; nothing is taken from it then.
///
/// ```
/// let list = sealpulse_client::property_list(r#"media.role=music media.name="Song \"1\"" x = 'a b' id=hex:00ff"#)?;
/// assert_eq!(list.get_str("media.role"), Some("music"));
/// assert_eq!(list.get_str("media.name"), Some("Song \"1\""));
/// assert_eq!(list.get_str("x"), Some("a b"));
/// assert_eq!(list.get("id"), Some(&[0x00, 0xff][..]));
///
/// let error = sealpulse_client::property_list("media.name=\"Song").unwrap_err();
/// assert_eq!(error.position, 11);
/// # Ok::<(), sealpulse_client::PropertyListError>(())
/// ```
pub fn property_list(text: &str) -> Result<PropList, PropertyListError> {
    Parser { text, rest: text.char_indices().peekable() }
        .list()
        .map_err(|(position, problem)| PropertyListError { text: text.to_owned(), position, problem })
}

/// Where, and what.
type Problem = (usize, PropertyListProblem);

struct Parser<'a> {
    text: &'a str,
    rest: Peekable<CharIndices<'a>>,
}

impl<'a> Parser<'a> {
    fn list(mut self) -> Result<PropList, Problem> {
        let mut list = PropList::new();
        loop {
            self.skip_space();
            let start = self.position();
            if start == self.text.len() {
                return Ok(list);
            }
            let key = self.word(|c| is_space(c) || c == '=');
            if key.is_empty() {
                return Err((start, PropertyListProblem::NoKey));
            }
            self.skip_space();
            match self.rest.next() {
                Some((_, '=')) => {}
                Some((position, _)) => return Err((position, PropertyListProblem::NoEquals)),
                None => return Err((self.text.len(), PropertyListProblem::NoEquals)),
            }
            self.skip_space();
            let value = self.value()?;
            if !list.set(key, value) {
                return Err((start, PropertyListProblem::Key));
            }
        }
    }

    fn value(&mut self) -> Result<Vec<u8>, Problem> {
        let start = self.position();
        let text = match self.rest.peek() {
            None => return Err((start, PropertyListProblem::NoValue)),
            Some(&(_, quote @ ('"' | '\''))) => self.quoted(quote, start)?,
            Some(_) => {
                let word = self.word(is_space);
                if let Some(digits) = word.strip_prefix("hex:") {
                    return bytes(digits).ok_or((start, PropertyListProblem::Hex));
                }
                word.to_owned()
            }
        };
        if text.contains('\0') {
            return Err((start, PropertyListProblem::Zero));
        }
        let mut value = text.into_bytes();
        value.push(0);
        Ok(value)
    }

    fn quoted(&mut self, quote: char, start: usize) -> Result<String, Problem> {
        let mut value = String::new();
        self.rest.next();
        while let Some((_, c)) = self.rest.next() {
            match c {
                _ if c == quote => return Ok(value),
                '\\' => match self.rest.next() {
                    Some((_, escaped)) => value.push(escaped),
                    None => break,
                },
                _ => value.push(c),
            }
        }
        Err((start, PropertyListProblem::Quote))
    }

    fn word(&mut self, ends: impl Fn(char) -> bool) -> &'a str {
        let start = self.position();
        while self.rest.next_if(|&(_, c)| !ends(c)).is_some() {}
        self.text.get(start..self.position()).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        while self.rest.next_if(|&(_, c)| is_space(c)).is_some() {}
    }

    fn position(&mut self) -> usize {
        self.rest.peek().map_or(self.text.len(), |&(position, _)| position)
    }
}

/// White space of the C locale.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r')
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = digits.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    digits
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(high * 16 + low).ok(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_read_in_each_form() {
        for (text, expected) in [
            ("", &[][..]),
            (" \n", &[]),
            ("a=b", &[("a", "b")]),
            ("a=b\tc=d", &[("a", "b"), ("c", "d")]),
            ("a = b", &[("a", "b")]),
            // A value may have `=` and quotes, and white space before it does not count.
            ("a= c=d", &[("a", "c=d")]),
            ("a=it's\"", &[("a", "it's\"")]),
            ("a=\"x\"b='y'", &[("a", "x"), ("b", "y")]),
            ("a=''", &[("a", "")]),
            (r#"a="\\\"\n'""#, &[("a", r#"\"n'"#)]),
            (r"a='\''", &[("a", "'")]),
            (r"a=\x", &[("a", r"\x")]),
            ("a=ü", &[("a", "ü")]),
            ("a=1 a=2", &[("a", "2")]),
        ] {
            let list = property_list(text).unwrap();
            assert_eq!(list, expected.iter().copied().collect(), "{text}");
        }
        assert_eq!(property_list("a=hex:").unwrap().get("a"), Some(&[][..]));
        assert_eq!(property_list("a=hex:0aFF").unwrap().get("a"), Some(&[0x0a, 0xff][..]));
    }

    #[test]
    fn errors_say_where() {
        use PropertyListProblem::{Hex, Key, NoEquals, NoKey, NoValue, Quote, Zero};
        for (text, position, problem) in [
            ("=b", 0, NoKey),
            ("a=b =c", 4, NoKey),
            ("a", 1, NoEquals),
            ("a=b c d", 6, NoEquals),
            ("a=", 2, NoValue),
            ("a= ", 3, NoValue),
            ("a=\"b", 2, Quote),
            ("a='b\\", 2, Quote),
            ("ü=1", 0, Key),
            ("a=hex:0", 2, Hex),
            ("a=hex:0g", 2, Hex),
            ("a=hex:0ü", 2, Hex),
            ("a=x\0", 2, Zero),
        ] {
            let error = property_list(text).unwrap_err();
            assert_eq!((error.position, error.problem), (position, problem), "{text}");
        }
        assert_eq!(
            property_list("a").unwrap_err().to_string(),
            "byte 1 of the properties `a`: `=` is missing behind the key; write key=value or key=\"some value\""
        );
    }

    proptest! {
        #[test]
        fn anything_is_a_list_or_an_error(text in ".*") {
            if let Err(error) = property_list(&text) {
                prop_assert!(error.position <= text.len());
            }
        }

        #[test]
        fn what_is_quoted_comes_back(value in "[^\0]*") {
            let quoted = value.replace('\\', r"\\").replace('"', "\\\"");
            let list = property_list(&format!("a=\"{quoted}\"")).unwrap();
            prop_assert_eq!(list.get_str("a"), Some(value.as_str()));
        }
    }
}
