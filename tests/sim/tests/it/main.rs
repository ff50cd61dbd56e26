//! The simulator's tests: ladders of known flows, random flows from seeds, and tests of the watch.
mod ladders;
mod seeds;
mod watch;
