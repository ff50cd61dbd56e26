//! What fuzzing gathered against the property that the fuzzer checks.

mod fuzzed;
