//! REST: routes, keys, problem details, OpenAPI.
//!
//! Owns what a request looks like, who may send it, and how an answer is written. Refuses to know
//! sockets, shards, Wasm and SQL: live sessions are asked through [`Control`], rows through
//! `store`, and time is a function that the server gives, so that every route is tested in one process.
#![forbid(unsafe_code)]

mod audio;
mod auth;
mod body;
mod control;
mod fault;
pub mod limits;
mod list;
mod path;
mod problem;
mod routes;
mod state;
mod time;

pub use control::{AudioFile, AudioRefused, AudioStream, Control, ControlError, ControlRequest};
pub use routes::router;
pub use state::{Parts, State};
