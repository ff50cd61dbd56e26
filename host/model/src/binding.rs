//! A binding: where an address of record can be reached for a while. RFC 3261 §10.
//!
//! Plain data, as rows and snapshots carry it; `control::registrar` owns the rules by which it comes
//! and goes.

use std::{cmp::Reverse, net::SocketAddr};

use crate::Hop;

/// One contact of one address of record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The contact's URI, in normal form.
    pub contact: String,
    /// Which flow of which phone it is, if the phone says so: it then replaces what that flow had.
    pub outbound: Option<Outbound>,
    /// The URIs of Path, topmost first (RFC 3327): the way on which requests to the contact go.
    pub path: Vec<String>,
    /// The preference among the bindings, in thousandths: 0 to 1000.
    pub q: u16,
    /// Our listener on which the REGISTER came.
    pub local: SocketAddr,
    /// How it came, and from where: behind NAT the only way that reaches the phone.
    pub hop: Hop,
    /// The Call-ID of the REGISTER that made or renewed it.
    pub call_id: String,
    /// Its CSeq.
    pub cseq: u32,
    /// When it was made or renewed, Unix milliseconds.
    pub renewed: u64,
    /// When it ends, Unix milliseconds.
    pub expires: u64,
}

/// A phone and one of its flows. RFC 5626 §4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbound {
    /// `+sip.instance`, without quotes: the phone, through all of its restarts.
    pub instance: String,
    /// `reg-id`.
    pub reg_id: u32,
}

impl Binding {
    /// Whether it still holds.
    pub fn is_live(&self, unix_ms: u64) -> bool {
        unix_ms < self.expires
    }
}

/// The bindings in the order in which they are tried: by preference, then the latest first. Of the
/// flows of one phone only the first one is there (RFC 5626 §5.3): they lead to the same bell.
pub fn ring_order<'a>(
    bindings: impl IntoIterator<Item = &'a Binding>,
    unix_ms: u64,
) -> Vec<&'a Binding> {
    let live = bindings.into_iter().filter(|it| it.is_live(unix_ms));
    let mut order: Vec<&Binding> = live.collect();
    order.sort_by_key(|binding| Reverse((binding.q, binding.renewed)));
    let mut rung: Vec<&str> = Vec::new();
    order.retain(|binding| match &binding.outbound {
        Some(outbound) if rung.contains(&outbound.instance.as_str()) => false,
        Some(outbound) => {
            rung.push(&outbound.instance);
            true
        }
        None => true,
    });
    order
}
