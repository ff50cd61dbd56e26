//! The simulator: a whole node and its telephones in one thread, in virtual time, from a seed.
//!
//! Owns the world around the sans-IO cores: a clock, a network that loses, doubles and reorders, a
//! store with the conflict rule of the real one, a writer of CDRs that may stall, and a runner of
//! turns. It drives [`control::Shard`], [`media::Plane`] and [`control::phone::Phone`] as the server
//! does, and [`Watch`] judges everything that passes between them by the invariants of the
//! architecture (§14). Refuses to know wasmtime: `tests/flows` brings the real components along.
//!
//! | module | owns |
//! |---|---|
//! | [`World`] | the node, the phones and what is due when |
//! | [`town`] | the tenants that live in it |
//! | [`scenes`] | the call flows that ladders show, for scripted and real policies alike |
//! | [`races`] | messages, hang-ups and turns that cross each other |
//! | [`chaos`] | random calls in bad weather, from a seed |
//! | [`script`] | policies in Rust, through the one validator of commands |
//! | [`Watch`] | the invariants |
#![forbid(unsafe_code)]

mod agenda;
pub mod chaos;
mod errors;
pub mod forks;
mod hand;
mod line;
pub mod menus;
mod mishap;
mod network;
mod node;
mod options;
pub mod races;
mod random;
mod records;
mod registrar;
pub mod rooms;
pub mod scenes;
pub mod script;
mod store;
mod tapes;
pub mod town;
pub mod transfers;
mod turns;
mod watch;
mod world;

pub use errors::count_errors;
pub use hand::{Aside, Hand};
pub use line::Line;
pub use mishap::Fate;
pub use network::Link;
pub use options::{Options, Pace, Sabotage};
pub use random::Random;
pub use store::{Snapshot, Store};
pub use tapes::Take;
pub use turns::Policies;
pub use watch::Watch;
pub use world::{Deed, World};
