//! Dialogs that are another shard's although their Call-ID hashes to this one: those of INVITEs with
//! Replaces, which belong where the dialog is that they replace.
//!
//! Owns which Call-IDs these are. One that nothing was heard of for longer than a session lasts without a
//! refresh is forgotten.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use sip::{
    Replaces,
    wire::{self, Message},
};

use crate::placement::Placement;

/// Dialogs of other shards: each is a call that somebody has taken over. A thousandth of what a shard has.
pub(crate) const MOST: usize = 1_024;

/// Longer than any session timer of ours.
const IDLE: Duration = Duration::from_secs(3_600);

/// Call-IDs, the shards that have their dialogs, and when they were heard of last.
#[derive(Debug, Default)]
pub(crate) struct Forwarded(BTreeMap<String, (u8, Instant)>);

impl Forwarded {
    /// The other shard that this message is for, if it is.
    pub(crate) fn owner(
        &mut self,
        now: Instant,
        (placement, own): (&Placement, u8),
        message: &[u8],
    ) -> Option<u8> {
        let begins = replaces(message);
        if self.0.is_empty() && begins.is_none() {
            return None;
        }
        let id = std::str::from_utf8(wire::scan_call_id(message)?).ok()?;
        if let Some((owner, heard)) = self.0.get_mut(id) {
            *heard = now;
            return Some(*owner);
        }
        let owner = placement.shard_of(begins?.call_id.as_bytes());
        if owner == own {
            return None;
        }
        if self.0.len() >= MOST {
            self.0
                .retain(|_, (_, heard)| now.saturating_duration_since(*heard) < IDLE);
        }
        if self.0.len() >= MOST {
            return None;
        }
        self.0.insert(id.to_owned(), (owner, now));
        Some(owner)
    }
}

/// What an INVITE wants to take the place of.
fn replaces(message: &[u8]) -> Option<Replaces> {
    if !message.starts_with(b"INVITE ") {
        return None;
    }
    let named = |line: &[u8]| line.len() > 9 && line[..9].eq_ignore_ascii_case(b"Replaces:");
    message
        .split(|octet| *octet == b'\n')
        .find(|line| named(line))?;
    match wire::parse(&bytes::Bytes::copy_from_slice(message)).ok()? {
        Message::Request(request) if request.headers().to_tag().is_none() => {
            Replaces::parse(request.headers().get("Replaces")?)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Forwarded, MOST};
    use crate::placement::Placement;

    const OWN: u8 = 0;

    fn message(method: &str, call_id: &str, replaces: &str) -> Vec<u8> {
        format!(
            "{method} sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:x@y>\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\nContact: <sip:a@b>\r\n{replaces}\
             Content-Length: 0\r\n\r\n"
        )
        .into_bytes()
    }

    /// A Replaces header for a dialog of another shard, or of this one.
    fn header(placement: &Placement, own: bool) -> String {
        let is = |id: &String| (placement.shard_of(id.as_bytes()) == OWN) == own;
        let id = (0..100).map(|n: u32| n.to_string()).find(is).unwrap();
        format!("Replaces: {id};to-tag=1;from-tag=2\r\n")
    }

    #[test]
    #[allow(clippy::disallowed_methods)] // any instant will do
    fn what_takes_a_place_elsewhere_goes_there_with_all_that_follows() {
        let placement = Placement::new([7; 16], 2);
        let (mut forwarded, now) = (Forwarded::default(), Instant::now());
        let mut owner = |now, message: Vec<u8>| forwarded.owner(now, (&placement, OWN), &message);
        let [here, there] = [true, false].map(|own| header(&placement, own));
        assert_eq!(owner(now, message("INVITE", "a", "")), None);
        assert_eq!(owner(now, message("INVITE", "a", &here)), None);
        assert_eq!(owner(now, message("OPTIONS", "a", &there)), None);
        assert_eq!(owner(now, message("INVITE", "a", &there)), Some(1));
        assert_eq!(owner(now, message("BYE", "a", "")), Some(1));
        assert_eq!(owner(now, message("BYE", "b", "")), None);
    }

    #[test]
    #[allow(clippy::disallowed_methods)] // any instant will do
    fn there_are_no_more_of_them_than_the_limit() {
        let placement = Placement::new([7; 16], 2);
        let (mut forwarded, now) = (Forwarded::default(), Instant::now());
        let there = header(&placement, false);
        let mut owner = |now, n: usize| {
            let message = message("INVITE", &format!("call{n}"), &there);
            forwarded.owner(now, (&placement, OWN), &message)
        };
        for n in 0..MOST {
            assert_eq!(owner(now, n), Some(1));
        }
        assert_eq!(owner(now, MOST), None);
        // Those of which nothing was heard for long make room.
        assert_eq!(owner(now + Duration::from_secs(3_601), MOST), Some(1));
    }
}
