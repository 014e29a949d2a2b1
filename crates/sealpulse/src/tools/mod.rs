//! The tools: programs on top of the client library, one to a file.

pub(crate) mod plot;
mod time;
