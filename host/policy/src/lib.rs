//! The policy host: judges a component, compiles it, and runs one turn of it.
//!
//! It owns everything Wasm: what an upload must be like, the engine and its limits, and the
//! translation between the WIT package and the model. It decides nothing about calls: every command
//! goes through [`model::turn::Plan`]. It keeps nothing between turns: each runs on a fresh instance,
//! and what it did is a value ([`model::turn::TurnOutcome`]) that somebody else commits. It knows
//! neither the database (reads come through [`StoreReads`]) nor sessions, shards and sockets.

mod artefact;
mod bindings;
mod compiler;
mod convert;
mod engine;
mod host;
mod interfaces;
mod limits;
mod meter;
mod optional;
mod refusal;
mod ticker;
mod turn;
mod validate;

pub use artefact::{Artefact, SealKey};
pub use compiler::{CompileLimits, Compiler, serve_child};
pub use engine::{Engine, EngineError, Policy};
pub use host::{StoreRead, StoreReads, Unavailable};
pub use limits::Limits;
pub use refusal::Refusal;
pub use turn::TurnInput;
