//! The tenant's key-value store, shared by all its sessions and durable.
//!
//! Values are JSON. Keys are at most 256 bytes, values 64 KiB. Reads and writes belong to the event:
//! if another session changed a key that this event read, the event is run again; so of several
//! takers exactly one gets the value.
//!
//! ```
//! use jackfield_sdk::{Result, Session, store};
//! use serde::{Deserialize, Serialize};
//! use std::time::Duration;
//!
//! #[derive(Serialize, Deserialize)]
//! struct Ticket {
//!     number: String,
//! }
//!
//! /// Gives out a ticket that is good for an hour.
//! fn give(to: &str, number: String) -> Result {
//!     store::put_for(&format!("ticket/{to}"), &Ticket { number }, Duration::from_secs(3_600))
//! }
//!
//! /// Whoever comes first with it has it; nobody has it twice.
//! fn redeem<S>(session: &Session<S>, from: &str) -> Result<bool> {
//!     let Some(ticket) = store::take::<Ticket>(&format!("ticket/{from}"))? else {
//!         return Ok(false);
//!     };
//!     session.info(&format!("ticket {} of {from} is redeemed", ticket.number));
//!     Ok(true)
//! }
//! ```

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::base::jackfield::policy::store as raw;
use crate::session::seconds;
use crate::{Error, Result};

/// The value of `key`, if there is one.
pub fn get<T: DeserializeOwned>(key: &str) -> Result<Option<T>> {
    raw::get(key)?.map(|bytes| decode(key, &bytes)).transpose()
}

/// Sets `key` until it is removed.
pub fn put<T: Serialize>(key: &str, value: &T) -> Result {
    raw::put(key, &encode(key, value)?, None)
}

/// Sets `key` for `time_to_live`, in whole seconds, rounded up.
pub fn put_for<T: Serialize>(key: &str, value: &T, time_to_live: Duration) -> Result {
    raw::put(key, &encode(key, value)?, Some(seconds(time_to_live)))
}

/// Removes `key` and returns its value.
pub fn take<T: DeserializeOwned>(key: &str) -> Result<Option<T>> {
    raw::take(key)?.map(|bytes| decode(key, &bytes)).transpose()
}

/// Removes `key`, if it is there.
pub fn remove(key: &str) -> Result {
    raw::remove(key)
}

fn decode<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|why| Error::InvalidArgument(format!("the value of {key}: {why}")))
}

fn encode<T: Serialize>(key: &str, value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value)
        .map_err(|why| Error::InvalidArgument(format!("the value for {key}: {why}")))
}
