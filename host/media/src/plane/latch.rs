//! Where a peer really is: latching, for peers behind NAT whose SDP names an address of theirs.
//!
//! ```text
//!           3 packets from the remote            Locked: only the remote is heard
//!   Armed ─────────────────────────────────────▶    │
//!     │ ▲                                           │
//!     │ └───────────────── rearmed (Configure) ─────┘
//!     └─ 3 consecutive packets of one candidate within 5 packets and 2 s: it becomes the remote
//! ```
//!
//! A candidate is the address of the SDP, or any port of the address that the signalling came
//! from; nobody else can ever be latched, and nobody by one packet. A peer that says that it has moved still
//! sends from its old place until our answer is there (RFC 3264 §8.3.1), and so does one whose place another
//! takes: the address that was left is no candidate for 2 s. Knows no payload: the port says which packets are
//! valid.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use crate::limits::{LATCH_PACKETS, LATCH_STREAK, LATCH_WINDOW};
use crate::rtp::Fixed;

/// What is to become of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the peer's.
    Believed,
    /// It is the peer's, who is now known to be where it was looked for: nobody else is heard.
    Confirmed,
    /// It is the peer's, who is now known to be elsewhere: nobody else is heard.
    Latched,
    /// It is not, or not yet, the peer's.
    Stranger,
}

/// See the module's header.
#[derive(Debug)]
pub(super) struct Latch {
    /// Where we send, and whom we hear.
    remote: SocketAddr,
    state: State,
    /// What only packets need that come while it is armed: far away in memory, so that those that come after are served
    /// faster.
    search: Box<Search>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Armed,
    Locked,
}

/// Where the peer may be.
#[derive(Debug)]
struct Search {
    /// What the SDP said.
    declared: SocketAddr,
    signalling: IpAddr,
    /// Valid packets from the remote. This and what follows has a meaning while it is armed.
    heard: u8,
    window: Option<Window>,
    left: Option<Left>,
}

/// Where the peer was before it moved: what comes from there until then is late.
#[derive(Debug)]
struct Left {
    from: SocketAddr,
    until: Instant,
}

/// The span within which one candidate must prove itself.
#[derive(Debug)]
struct Window {
    opened: Instant,
    packets: u8,
    streak: Streak,
}

/// Consecutive packets of one candidate.
#[derive(Debug)]
struct Streak {
    from: SocketAddr,
    ssrc: u32,
    next: u16,
    length: u8,
}

impl Latch {
    pub(super) fn new(declared: SocketAddr, signalling: IpAddr) -> Self {
        Latch::armed(declared, declared, signalling, None)
    }

    /// After a new offer and answer. A peer that declares what it declared before has not moved,
    /// so it is still heard where it was found: a re-INVITE makes no gap. Nor has one that holds us by
    /// naming 0.0.0.0: its music comes from where it is.
    pub(super) fn rearmed(self, now: Instant, declared: SocketAddr, signalling: IpAddr) -> Self {
        let Search {
            declared: before,
            left,
            ..
        } = *self.search;
        let declared = if declared.ip().is_unspecified() {
            before
        } else {
            declared
        };
        if declared == before && is_candidate(self.remote, declared, signalling) {
            return Latch::armed(self.remote, declared, signalling, left);
        }
        let left = Left {
            from: self.remote,
            until: now + LATCH_WINDOW,
        };
        let was_somewhere = !before.ip().is_unspecified();
        Latch::armed(
            declared,
            declared,
            signalling,
            was_somewhere.then_some(left),
        )
    }

    fn armed(
        remote: SocketAddr,
        declared: SocketAddr,
        signalling: IpAddr,
        left: Option<Left>,
    ) -> Self {
        Latch {
            remote,
            state: State::Armed,
            search: Box::new(Search {
                declared,
                signalling,
                heard: 0,
                window: None,
                left,
            }),
        }
    }

    fn lock(&mut self) {
        self.state = State::Locked;
        (self.search.window, self.search.left) = (None, None);
    }

    pub(super) fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Whether the signalling came from there.
    pub(super) fn is_told_from(&self, signalling: IpAddr) -> bool {
        self.search.signalling == signalling
    }

    /// Whether only the remote is heard.
    pub(super) fn is_locked(&self) -> bool {
        self.state == State::Locked
    }

    /// Whether what comes from there may ever be believed: nobody else is worth a look at what was sent.
    pub(super) fn considers(&self, from: SocketAddr) -> bool {
        same(from, self.remote) || !self.is_locked() && self.search.considers(from)
    }

    /// Judges a packet of RTP; `valid` if its payload type was agreed.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        from: SocketAddr,
        fixed: &Fixed,
        valid: bool,
    ) -> Verdict {
        let is_remote = same(from, self.remote);
        if self.is_locked() {
            return if is_remote {
                Verdict::Believed
            } else {
                Verdict::Stranger
            };
        }
        let search = &mut self.search;
        if is_remote {
            search.heard += u8::from(valid);
            if search.heard < LATCH_STREAK {
                return Verdict::Believed;
            }
            self.lock();
            return Verdict::Confirmed;
        }
        if !valid || !search.considers(from) || search.is_late(now, from) {
            return Verdict::Stranger;
        }
        if !prove(&mut search.window, now, from, fixed) {
            return Verdict::Stranger;
        }
        self.remote = from;
        self.lock();
        Verdict::Latched
    }
}

impl Search {
    fn considers(&self, from: SocketAddr) -> bool {
        is_candidate(from, self.declared, self.signalling)
    }

    /// Whether it was sent before the peer moved.
    fn is_late(&self, now: Instant, from: SocketAddr) -> bool {
        let left = self.left.as_ref();
        left.is_some_and(|left| same(from, left.from) && now < left.until)
    }
}

/// Adds a candidate's packet to the window; true if its streak is complete.
fn prove(window: &mut Option<Window>, now: Instant, from: SocketAddr, fixed: &Fixed) -> bool {
    let fresh = Streak {
        from,
        ssrc: fixed.ssrc,
        next: fixed.sequence.wrapping_add(1),
        length: 1,
    };
    match window {
        Some(open)
            if open.packets < LATCH_PACKETS
                && now.saturating_duration_since(open.opened) <= LATCH_WINDOW =>
        {
            open.packets += 1;
            let streak = &mut open.streak;
            let continues =
                streak.from == from && streak.ssrc == fixed.ssrc && streak.next == fixed.sequence;
            *streak = if continues {
                Streak {
                    length: streak.length + 1,
                    ..fresh
                }
            } else {
                fresh
            };
            streak.length >= LATCH_STREAK
        }
        _ => {
            *window = Some(Window {
                opened: now,
                packets: 1,
                streak: fresh,
            });
            false
        }
    }
}

/// Whether the peer may turn out to be there.
fn is_candidate(from: SocketAddr, declared: SocketAddr, signalling: IpAddr) -> bool {
    same(from, declared) || from.ip().to_canonical() == signalling
}

/// Flow labels and scopes of IPv6 do not make another peer.
fn same(a: SocketAddr, b: SocketAddr) -> bool {
    a == b || a.port() == b.port() && a.ip().to_canonical() == b.ip().to_canonical()
}
