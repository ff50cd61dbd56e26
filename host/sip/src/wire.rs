//! The wire codec: bytes to [`Message`] and back.
//!
//! Owns the grammar of RFC 3261 §25 and nothing of its meaning: which method is served, which
//! branch matches, who may call is decided above. Methods and status codes are rsip's; its parsers and
//! printers stay unused, since they mangle folding, compact forms, IPv6 and binary bodies.

mod addr;
mod build;
mod date;
mod error;
mod fields;
mod frame;
mod headers;
mod lex;
mod message;
mod method;
mod names;
mod params;
mod parse;
mod reply;
mod scan;
mod section;
mod status;
mod via;
mod write;

#[cfg(test)]
mod tests;

pub use addr::{Address, CSeq, NameAddr, Reason};
pub use build::{BuildError, Builder};
pub use date::date;
pub use error::{Fault, ParseError, Partial};
pub use frame::{Frame, FrameError, Framer, PONG};
pub use headers::{Headers, SessionExpires};
pub(crate) use lex::{Class, DIGIT, Lex, Why, cut, find, number, unquote};
pub use message::{Message, Request, Response, StatusLine};
pub use method::Method;
pub use params::Params;
pub use parse::parse;
pub use reply::Reply;
pub use scan::scan_call_id;
pub use status::reason_phrase;
pub use via::Via;
pub use write::write;
