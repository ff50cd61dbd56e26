//! What is counted of a port, and told when it is closed.

use super::Port;
use crate::command::Stats;

/// What is counted, as [`Stats`] tells it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) packets_received: u64,
    pub(super) octets_received: u64,
    pub(super) packets_sent: u64,
    pub(super) octets_sent: u64,
    pub(super) packets_dropped: u64,
    pub(super) digits_dropped: u64,
    pub(super) rtcp_received: u64,
    pub(super) rtcp_sent: u64,
}

impl Port {
    /// What was counted until now.
    pub(in crate::plane) fn stats(&self) -> Stats {
        let Counts {
            packets_received,
            octets_received,
            packets_sent,
            octets_sent,
            packets_dropped,
            digits_dropped,
            rtcp_received,
            rtcp_sent,
        } = self.counts;
        Stats {
            packets_received,
            packets_sent,
            octets_received,
            octets_sent,
            packets_lost: self.inbound.lost(),
            packets_dropped,
            digits_dropped,
            jitter: self.inbound.jitter(),
            rtcp_received,
            rtcp_sent,
            remote: self.reported(),
            rtt: self.round_trip(),
        }
    }
}
