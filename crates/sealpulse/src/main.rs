//! The sealpulse program.
fn main() {}
