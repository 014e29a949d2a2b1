//! Whole-program tests: what they share.
