//! Whether there is room for another transaction or dialog. Whatever finds none is counted, be it a
//! request of a peer or an order of the owner.

use super::Endpoint;
use super::receive::Refusal;

/// How often each limit of an endpoint was met, since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// [`Config::max_transactions`](super::Config::max_transactions).
    pub transactions: u64,
    /// [`Config::max_dialogs`](super::Config::max_dialogs).
    pub dialogs: u64,
}

impl Endpoint {
    /// Refuses what would begin one transaction too many.
    pub(super) fn room(&mut self) -> Result<(), Refusal> {
        roomless(self.has_transaction())
    }

    /// Refuses what would begin one dialog too many.
    pub(super) fn room_for_dialog(&mut self) -> Result<(), Refusal> {
        roomless(self.has_dialog())
    }

    /// Whether one transaction more may begin.
    pub(super) fn has_transaction(&mut self) -> bool {
        let has = self.transactions.len() < self.config.max_transactions;
        self.refusals.reached.transactions += u64::from(!has);
        has
    }

    /// Whether one dialog more may begin.
    pub(super) fn has_dialog(&mut self) -> bool {
        let has = self.usages.len() < self.config.max_dialogs;
        self.refusals.reached.dialogs += u64::from(!has);
        has
    }
}

fn roomless(has: bool) -> Result<(), Refusal> {
    if has {
        return Ok(());
    }
    Err(Refusal::new(503).with("Retry-After", "10"))
}
