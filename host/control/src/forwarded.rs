//! Dialogs that are another shard's although their Call-ID hashes to this one: those of INVITEs with
//! Replaces, which belong where the dialog is that they replace.
//!
//! Owns which Call-IDs these are. Anybody we know can begin one before it has proven anything, so that
//! each source has a share of them, and one is kept for the time of a transaction only until a message
//! says that its INVITE was accepted; then until nothing was heard of it for longer than a session lasts
//! without a refresh, or its call has ended.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use sip::{
    Replaces,
    wire::{self, Message, Method},
};

use crate::{guard, placement::Placement};

/// Dialogs of other shards: each is a call that somebody has taken over. A thousandth of what a shard has.
pub(crate) const MOST: usize = 1_024;

/// Those that one source has begun, a network of IPv6 being one: calls taken over that an office has at
/// a time.
pub(crate) const SHARE: usize = 16;

/// Longer than any session timer of ours.
const IDLE: Duration = Duration::from_secs(3_600);

/// As long as a transaction lasts, and its copies come: 64 × T1 (RFC 3261 §17).
const TRANSACTION: Duration = Duration::from_secs(32);

/// Call-IDs, and the shards that have their dialogs.
#[derive(Debug, Default)]
pub(crate) struct Forwarded {
    all: BTreeMap<String, Entry>,
    refused: u64,
}

#[derive(Debug)]
struct Entry {
    owner: u8,
    source: IpAddr,
    /// The branch of its last INVITE, which the ACK of a refusal has too (RFC 3261 §17.1.1.3).
    invite: String,
    heard: Instant,
    /// How long after that it is kept.
    kept: Duration,
}

impl Forwarded {
    /// The other shard that this message is for, if it is.
    pub(crate) fn owner(
        &mut self,
        now: Instant,
        (placement, own): (&Placement, u8),
        source: IpAddr,
        message: &Bytes,
    ) -> Option<u8> {
        let begins = begins(message);
        if self.all.is_empty() && begins.is_none() {
            return None;
        }
        let id = std::str::from_utf8(wire::scan_call_id(message)?).ok()?;
        if let Some(entry) = self.all.get_mut(id).filter(|it| it.is_kept(now)) {
            entry.hear(now, message);
            return Some(entry.owner);
        }
        let (replaces, invite) = begins?;
        let owner = placement.shard_of(replaces.call_id.as_bytes());
        if owner == own {
            return None;
        }
        let source = guard::network(source);
        let mut share = SHARE;
        self.all.retain(|_, entry| {
            let kept = entry.is_kept(now);
            share -= usize::from(kept && entry.source == source);
            kept
        });
        if self.all.len() >= MOST || share == 0 {
            self.refused += 1;
            return None;
        }
        let entry = Entry {
            owner,
            source,
            invite,
            heard: now,
            kept: TRANSACTION,
        };
        self.all.insert(id.to_owned(), entry);
        Some(owner)
    }

    /// INVITEs with Replaces that found no room, since the start.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }
}

impl Entry {
    fn is_kept(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.heard) < self.kept
    }

    /// What answers pass the other shard by; what the peer says tells how its INVITE fared.
    fn hear(&mut self, now: Instant, message: &Bytes) {
        self.heard = now;
        let Ok(message) = wire::parse(message) else {
            return;
        };
        let ends = match &message {
            Message::Request(request) => {
                let branch = request.headers().via().branch().unwrap_or_default();
                let method = request.method();
                if *method == Method::INVITE && request.headers().to_tag().is_none() {
                    branch.clone_into(&mut self.invite);
                    return;
                }
                if *method == Method::CANCEL || *method == Method::ACK && branch == self.invite {
                    return;
                }
                *method == Method::BYE
            }
            Message::Response(response) => response.headers().cseq().method == Method::BYE,
        };
        self.kept = if ends { TRANSACTION } else { IDLE };
    }
}

/// What an INVITE wants to take the place of, and its branch.
fn begins(message: &Bytes) -> Option<(Replaces, String)> {
    if !message.starts_with(b"INVITE ") {
        return None;
    }
    let named = |line: &[u8]| line.len() > 9 && line[..9].eq_ignore_ascii_case(b"Replaces:");
    message
        .split(|octet| *octet == b'\n')
        .find(|line| named(line))?;
    match wire::parse(message).ok()? {
        Message::Request(request) if request.headers().to_tag().is_none() => {
            let headers = request.headers();
            let branch = headers.via().branch().unwrap_or_default();
            Some((
                Replaces::parse(headers.get("Replaces")?)?,
                branch.to_owned(),
            ))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
