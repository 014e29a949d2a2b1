//! Audio files: decoding whatever is given.
//!
//! A file is as untrusted as a peer: nothing in it leads to a panic or to memory beyond fixed limits.

pub(crate) mod decode;
mod mp4;
