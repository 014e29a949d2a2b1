//! Audio files: decoding whatever is given, writing WAV, FLAC and bare samples.
//!
//! A file is as untrusted as a peer: nothing in it leads to a panic or to memory beyond fixed limits.

pub(crate) mod decode;
mod flac;
mod guard;
mod mp4;
mod rf64;
mod wav;
pub(crate) mod whole;
pub(crate) mod write;

#[cfg(test)]
mod tests;
