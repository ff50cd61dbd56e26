//! The policy host with real components: makecall turn by turn, every way to misbehave, and what
//! an upload may not be.

mod bomb;
mod bombs;
mod everywhere;
mod faults;
mod makecall;
mod patches;
mod refusals;
mod scene;
