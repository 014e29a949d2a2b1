//! What is wrong with a configuration.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::property_list::PropertyListError;
use crate::address::AddressError;

/// Why a configuration cannot be used, or (in [`Config::warnings`](crate::Config::warnings)) which part of it is
/// left out.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No server is named, or an address is malformed.
    #[error("{origin}: {source}")]
    Server {
        /// Where it stands.
        origin: Origin,
        /// What is wrong with it.
        source: AddressError,
    },
    /// A variable of the environment is not UTF-8.
    #[error("the variable {variable} is not UTF-8: set it anew or remove it")]
    NotUtf8 {
        /// Its name.
        variable: String,
    },
    /// A variable has properties that cannot be read.
    #[error("the variable {variable}: {source}")]
    Properties {
        /// Its name.
        variable: String,
        /// What is wrong with it.
        source: PropertyListError,
    },
    /// A variable sets a property whose name is empty or not ASCII.
    #[error("the variable {variable} sets a property whose name is empty or not ASCII")]
    PropertyName {
        /// Its name.
        variable: String,
    },
    /// A variable sets more properties than a client can have.
    #[error("the variable {variable} makes more than {limit} properties: remove some")]
    TooManyProperties {
        /// Its name.
        variable: String,
        /// Most properties that a client can have.
        limit: usize,
    },
    /// A configuration file, or the directory of its drop-ins, cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// A configuration file is too long.
    #[error("{} is longer than {limit} bytes, and is not read", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Most bytes that a file can have.
        limit: u64,
    },
    /// A line of a configuration file is not understood.
    #[error("{}:{line}: {problem}; what follows in this file is not read", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u32,
        /// What is wrong with it.
        problem: ConfigLineError,
    },
    /// The directory where the server's socket would be belongs to somebody else.
    #[error(
        "{} belongs to user {owner}, not to us (user {user}): the server there is not ours; name it in PULSE_SERVER \
         to use it nevertheless",
        path.display()
    )]
    ForeignDirectory {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        user: u32,
    },
    /// The cookie cannot be read or made.
    #[error("cannot use the cookie {}: {source}", path.display())]
    Cookie {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
}

/// Where a setting stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The program said it.
    Argument,
    /// A variable of the environment.
    Variable(&'static str),
    /// A line of a file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u32,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Argument => f.write_str("the server that was given"),
            Origin::Variable(name) => write!(f, "the variable {name}"),
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
        }
    }
}

/// What is wrong with a line of `client.conf`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigLineError {
    /// The line is no `key = value`.
    #[error("`{text}` lacks a `=`: write key = value")]
    NoEquals {
        /// The line.
        text: String,
    },
    /// A section's header lacks its `]`.
    #[error("the section `{text}` lacks its `]`")]
    Section {
        /// The line.
        text: String,
    },
    /// Properties cannot be set in this file.
    #[error("a client has no [Properties] in its configuration: set them in the variable PULSE_PROP")]
    Properties,
    /// There is no such key.
    #[error("there is no key `{key}`: remove the line (pulse-client.conf(5) lists the keys)")]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// A value is neither true nor false.
    #[error("`{value}` for {key} is neither `yes` nor `no`")]
    Boolean {
        /// The key.
        key: String,
        /// Its value.
        value: String,
    },
    /// A value is not a number.
    #[error("`{value}` for {key} is not a number from 0 to 4294967295")]
    Number {
        /// The key.
        key: String,
        /// Its value.
        value: String,
    },
    /// The line is not UTF-8.
    #[error("the line is not UTF-8")]
    NotUtf8,
    /// Files include each other without end.
    #[error("more than {limit} files include each other: remove this .include")]
    IncludeDepth {
        /// Most files that can include each other.
        limit: u32,
    },
    /// A file that is included cannot be read to its end, for the reason that is reported for that file.
    #[error("the included file {} cannot be used", path.display())]
    Include {
        /// The file.
        path: PathBuf,
    },
}
