//! Each method of the client library that asks or changes something, and its examples, on sealpulse, PulseAudio and
//! PipeWire: what servers answer, and what they refuse. Where they differ, the test says so.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;
mod control;
mod examples;
mod extensions;
mod introspection;
mod samples;
