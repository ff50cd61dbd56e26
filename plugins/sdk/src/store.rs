//! The tenant's key-value store, shared by all its sessions and durable.
//!
//! Values are JSON. Keys are at most 256 bytes, values 64 KiB. Reads and writes belong to the event:
//! if another session changed a key that this event read, the event is run again; so of several
//! takers exactly one gets the value.

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
