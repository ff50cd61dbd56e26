//! Transfers in a dialog: RFC 3515. At most one that the peer asked for, and one that we did.
//!
//! ```text
//!  the peer's   Asked ──owner: 202──▶ Told ──final NOTIFY answered, or refused, or too late──▶ none
//!  ours         Asking ──NOTIFY with a final status, refusal, too late──▶ none
//! ```

use std::sync::Arc;
use std::time::Instant;

use super::Dialog;
use crate::transaction::TransactionId;
use crate::wire::Request;

/// Both of a usage.
#[derive(Debug, Default)]
pub(crate) struct Refers {
    /// The peer's.
    pub(crate) theirs: Option<Referral>,
    /// Ours.
    pub(crate) ours: Option<Asking>,
    /// How many the peer has sent: the subscription of the first one needs no id (RFC 3515 §2.4.6).
    pub(crate) seen: u32,
    /// The dialog of a call that is over, while the peer is still told (RFC 5057 §4.1).
    pub(crate) outlives: Option<Box<Dialog>>,
    /// The BYE of ours that waits for its answer: whatever overtook it would make it come too late
    /// (RFC 3261 §12.2.2).
    pub(crate) bye: Option<TransactionId>,
}

/// A REFER of the peer.
#[derive(Debug)]
pub(crate) enum Referral {
    /// It waits for the owner's answer.
    Asked {
        transaction: TransactionId,
        request: Arc<Request>,
    },
    /// The peer is told how it goes.
    Told(Told),
}

/// The subscription that a REFER makes.
#[derive(Debug)]
pub(crate) struct Told {
    /// Its id, if the peer has more than one in this dialog.
    pub(crate) id: Option<u32>,
    /// The NOTIFY that is out, and whether it is the last one.
    pub(crate) out: Option<(TransactionId, bool)>,
    /// What is to be said after it; the last word counts, a final one stays.
    pub(crate) next: Option<u16>,
    /// When it has taken too long.
    pub(crate) until: Instant,
}

/// A REFER of ours.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) transaction: TransactionId,
    /// Its number, which is the id of its subscription.
    pub(crate) number: u32,
}

impl Refers {
    /// Whether the peer is still to be told something.
    pub(crate) fn is_telling(&self) -> bool {
        matches!(self.theirs, Some(Referral::Told(_)))
    }
}
