//! Which counts of which nonces were used: a request that is sent again by whoever overheard it
//! must not count again.

use std::collections::BTreeMap;

use super::nonce::Nonce;

/// How far behind the highest count a count may come late: datagrams overtake one another.
const WINDOW: u32 = 64;

/// The nonces that were used and are not too old yet.
#[derive(Debug)]
pub(super) struct Replays {
    seen: BTreeMap<Nonce, Seen>,
    most: usize,
    /// The youngest nonce that had to be forgotten: it and all older ones are used up.
    forgotten: Option<Nonce>,
}

/// Bit `n` of `late` says whether `highest - n` was used.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    highest: u32,
    late: u64,
}

impl Replays {
    pub(super) fn new(most: usize) -> Self {
        Self {
            seen: BTreeMap::new(),
            most,
            forgotten: None,
        }
    }

    /// Notes a use; false if it is none that may be.
    pub(super) fn admit(&mut self, nonce: Nonce, count: u32, unix_ms: u64) -> bool {
        while let Some(oldest) = self.seen.first_entry()
            && oldest.key().is_over(unix_ms)
        {
            oldest.remove();
        }
        if count == 0 || self.forgotten.is_some_and(|young| nonce <= young) {
            return false;
        }
        if self.seen.len() >= self.most && !self.seen.contains_key(&nonce) {
            // Who has the oldest one is challenged again; nobody can use it twice.
            self.forgotten = self.seen.pop_first().map(|(oldest, _)| oldest);
            if self.forgotten.is_some_and(|young| nonce <= young) {
                return false;
            }
        }
        self.seen.entry(nonce).or_default().admit(count)
    }

    /// How many nonces it holds.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }
}

impl Seen {
    fn admit(&mut self, count: u32) -> bool {
        if count > self.highest {
            let ahead = count - self.highest;
            self.late = self.late.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = count;
            return true;
        }
        let behind = self.highest - count;
        let bit = 1_u64.checked_shl(behind).filter(|_| behind < WINDOW);
        match bit {
            Some(bit) if self.late & bit == 0 => {
                self.late |= bit;
                true
            }
            _ => false,
        }
    }
}
