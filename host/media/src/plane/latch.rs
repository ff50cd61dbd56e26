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
    /// What the SDP said.
    declared: SocketAddr,
    signalling: IpAddr,
    state: State,
}

#[derive(Debug)]
enum State {
    Armed {
        heard: u8,
        window: Option<Window>,
        left: Option<Box<Left>>,
    },
    Locked,
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
        let declared = if declared.ip().is_unspecified() {
            self.declared
        } else {
            declared
        };
        let has_moved =
            declared != self.declared || !is_candidate(self.remote, declared, signalling);
        let (remote, left) = match self.state {
            _ if has_moved => {
                let (from, until) = (self.remote, now + LATCH_WINDOW);
                let was_somewhere = !self.declared.ip().is_unspecified();
                let left = || Box::new(Left { from, until });
                (declared, was_somewhere.then(left))
            }
            State::Armed { left, .. } => (self.remote, left),
            State::Locked => (self.remote, None),
        };
        Latch::armed(remote, declared, signalling, left)
    }

    fn armed(
        remote: SocketAddr,
        declared: SocketAddr,
        signalling: IpAddr,
        left: Option<Box<Left>>,
    ) -> Self {
        let (heard, window) = (0, None);
        Latch {
            remote,
            declared,
            signalling,
            state: State::Armed {
                heard,
                window,
                left,
            },
        }
    }

    pub(super) fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Whether the signalling came from there.
    pub(super) fn is_told_from(&self, signalling: IpAddr) -> bool {
        self.signalling == signalling
    }

    /// Whether only the remote is heard.
    pub(super) fn is_locked(&self) -> bool {
        matches!(self.state, State::Locked)
    }

    /// Whether what comes from there may ever be believed: nobody else is worth a look at what was sent.
    pub(super) fn considers(&self, from: SocketAddr) -> bool {
        same(from, self.remote)
            || !self.is_locked() && is_candidate(from, self.declared, self.signalling)
    }

    /// Judges a packet of RTP; `valid` if its payload type was agreed.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        from: SocketAddr,
        fixed: &Fixed,
        valid: bool,
    ) -> Verdict {
        let State::Armed {
            heard,
            window,
            left,
        } = &mut self.state
        else {
            return if same(from, self.remote) {
                Verdict::Believed
            } else {
                Verdict::Stranger
            };
        };
        if same(from, self.remote) {
            *heard += u8::from(valid);
            if *heard < LATCH_STREAK {
                return Verdict::Believed;
            }
            self.state = State::Locked;
            return Verdict::Confirmed;
        }
        if !valid || !is_candidate(from, self.declared, self.signalling) {
            return Verdict::Stranger;
        }
        let is_late = |left: &Left| same(from, left.from) && now < left.until;
        if left.as_deref().is_some_and(is_late) || !prove(window, now, from, fixed) {
            return Verdict::Stranger;
        }
        self.remote = from;
        self.state = State::Locked;
        Verdict::Latched
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
    a.port() == b.port() && a.ip().to_canonical() == b.ip().to_canonical()
}
