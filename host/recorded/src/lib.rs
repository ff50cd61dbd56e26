//! Recorded turns: what a policy was given and what it decided, as text that another version of the policy
//! can be run on.
//!
//! Owns the text of a turn, the words for what was decided, and the judgement of where two runs of one turn
//! differ. It runs nothing (`kit` does, and the server for shadows) and keeps nothing (`store` does).
//!
//! A turn is a function of its view, its event, what it reads of the store and its source of ids: with these
//! the same component decides the same again, octet for octet. What the tenant owns is recorded only as far
//! as the turn speaks of it ([`scope`]): a tenant may have ten thousand numbers, and none of its passwords
//! belongs here.
#![forbid(unsafe_code)]

mod course;
mod did;
mod form;
mod judge;
mod octets;
mod scope;
mod session;
mod turn;
mod words;

pub use course::{Course, Divergence, Known, Step, Unanswered};
pub use did::{Did, Kept};
pub use judge::{Difference, What, difference, hears};
pub use session::Session;
pub use turn::{Reads, RecordedError, Seen, Turn};
