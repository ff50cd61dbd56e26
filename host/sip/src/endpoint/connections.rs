//! Connections that end: what becomes of the calls on them.
//!
//! A connection is not a call. Dialogs outlive theirs and take another for the next request; what was
//! under way fails or is answered elsewhere, as its transaction decides (RFC 3261 §17.1.4, §18.2.2).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::Endpoint;
use crate::event::{DialogId, Flow};

/// Which usages have their dialog on which connection; on datagrams nothing is lost.
#[derive(Debug, Default)]
pub(super) struct Connections {
    by_flow: BTreeSet<(Flow, DialogId)>,
    by_usage: BTreeMap<DialogId, Flow>,
}

impl Connections {
    /// A usage has its dialog on this flow.
    pub(super) fn enter(&mut self, id: DialogId, flow: Flow) {
        self.forget(id);
        if flow.transport.is_reliable() {
            self.by_flow.insert((flow, id));
            self.by_usage.insert(id, flow);
        }
    }

    /// A usage has ended.
    pub(super) fn forget(&mut self, id: DialogId) {
        if let Some(flow) = self.by_usage.remove(&id) {
            self.by_flow.remove(&(flow, id));
        }
    }

    /// Whether it holds none.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.by_flow.is_empty() && self.by_usage.is_empty()
    }

    /// The usages of a connection that is lost.
    fn take(&mut self, flow: Flow) -> Vec<DialogId> {
        let all = (flow, DialogId(0))..=(flow, DialogId(u64::MAX));
        let ids: Vec<_> = self.by_flow.range(all).map(|(_, id)| *id).collect();
        for id in &ids {
            self.forget(*id);
        }
        ids
    }
}

impl Endpoint {
    pub(super) fn disconnected(&mut self, now: Instant, flow: Flow) {
        for id in self.connections.take(flow) {
            let usage = self.usages.get_mut(&id);
            if let Some(dialog) = usage.and_then(|usage| usage.state.dialog()) {
                dialog.disconnect();
            }
        }
        for failed in self.transactions.disconnected(now, flow) {
            self.unanswered(now, failed, 503);
        }
    }
}
