//! The sans-IO whole of a shard: admission, sessions, calls, bridges, timers, CDRs and traces.
//!
//! Owns every decision between "a datagram arrived" and "run this turn, send these bytes, open this
//! port, write this record". Refuses to know sockets, threads, clocks, Wasm and SQL: `server` and the
//! simulator only drive it, and neither routes anything between SIP, media and sessions.
//!
//! | module | owns |
//! |---|---|
//! | [`Shard`] | the state, and the four verbs |
//! | `admission` | who is calling, and where to (architecture §12) |
//! | `door` | who a sender is, by its password |
//! | `locations` | where the phones that register are |
//! | `session`, `call` | the data of a service session and of a call resource |
//! | `conferences` | which conferences there are, for all shards |
//! | `enrol` | how a trunk is registered with its carrier |
//! | `gateways` | which gateways of trunks take calls |
//! | `service_routes` | by way of which proxies trunks want calls |
//! | `timers` | when what is due |
//! | `tracer` | one line for each SIP message |
//! | `versions` | which version of a plugin a session begins with |
//! | [`hop`] | a tenant's word for a transport, and the endpoint's |
//! | [`guard`] | which sources are heard, and how much of them |
//! | [`placement`] | which shard a Call-ID belongs to |
//! | [`lockout`] | who guessed a password too often |
//! | [`probation`] | which new versions of policies fault too often |
//! | [`registrar`] | how a REGISTER changes the bindings of an address of record |
//! | [`phone`] | a user agent for the demo, the softphone and the simulator |
#![forbid(unsafe_code)]

mod admission;
mod call;
mod conferences;
mod door;
mod enrol;
mod event;
mod forwarded;
mod gateways;
pub mod guard;
pub mod hop;
mod locations;
pub mod lockout;
mod meter;
pub mod phone;
pub mod placement;
pub mod probation;
mod probe;
pub mod registrar;
mod service_routes;
mod session;
mod shard;
mod sources;
mod timers;
mod tracer;
mod versions;

pub use conferences::{Conferences, Full, Seat};
pub use event::{GatewayNews, Guess, Input, Named, News, Output, TenantLog, Ticket, TurnRequest};
pub use meter::Meters;
pub use service_routes::ServiceRoute;
pub use shard::{Counts, Enrolled, Refusals, Registrar, Shard, ShardConfig};
