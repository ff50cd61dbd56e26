//! Conformance of the crate as a whole, seen from outside.

mod fuzzed;
mod meaning;
mod torture;
