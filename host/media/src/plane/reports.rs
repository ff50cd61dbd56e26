//! RTCP of one port (RFC 3550 §6): what it reports to its peer, and what the peer has reported.
//!
//! Owns the bookkeeping between two reports: the share lost since the last one, the peer's last sender
//! report, the round trip. Refuses to know the format (that is [`crate::rtcp`]) and where packets
//! go. Times are given as NTP's 64 bits, seconds above and their fraction below, from a beginning of
//! our own: RFC 3550 §6.4.1 lets a sender without a wall clock count from where it likes.

use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::inbound::{self, Reception};
use super::outbound::Outbound;
use crate::command::Remote;
use crate::limits::{ROUND_TRIP, RTCP_INTERVAL};
use crate::rtcp::{Block, CNAME_OCTETS, Compound, Part, Sent};

/// e − 3/2: with the interval made random, reports would come too often by this (RFC 3550 §6.3.1).
const COMPENSATION: f64 = 1.218_28;

/// The letters of a canonical name: six bits each.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// See the module's header.
#[derive(Debug)]
pub(super) struct Reports {
    /// 96 random bits (RFC 7022 §4.2): who is heard in two calls is not told by it.
    cname: [u8; CNAME_OCTETS],
    /// Packets that we had sent at our last report.
    sent: u64,
    /// What had been received then.
    before: Option<Reception>,
    /// The peer's last sender report: its source, the middle of its NTP time, and when it came.
    peer: Option<(u32, u32, Instant)>,
    remote: Option<Remote>,
    /// Between us and that source.
    round_trip: Option<(u32, Duration)>,
}

impl Reports {
    pub(super) fn new(random: &mut ChaCha8Rng) -> Self {
        let mut cname = [0; CNAME_OCTETS];
        random.fill_bytes(&mut cname);
        for letter in &mut cname {
            *letter = LETTERS[usize::from(*letter & 63)];
        }
        Reports {
            cname,
            sent: 0,
            before: None,
            peer: None,
            remote: None,
            round_trip: None,
        }
    }

    pub(super) fn cname(&self) -> &[u8; CNAME_OCTETS] {
        &self.cname
    }

    /// What the peer has last said of us.
    pub(super) fn remote(&self) -> Option<Remote> {
        self.remote
    }

    /// Smoothed as TCP does it: an eighth of each new one.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip.map(|(_, trip)| trip)
    }

    /// Takes a compound packet of the peer, about our own stream.
    pub(super) fn hear(
        &mut self,
        now: Instant,
        ntp: u64,
        outbound: &Outbound,
        compound: Compound<'_>,
    ) {
        let (ssrc, per_ms) = (outbound.ssrc(), outbound.per_ms());
        for part in compound.parts() {
            let (source, blocks) = match part {
                Part::Sender(source, sent, blocks) => {
                    self.peer = Some((source, middle(sent.ntp), now));
                    (source, blocks)
                }
                Part::Receiver(source, blocks) => (source, blocks),
                Part::Goodbye(_) | Part::Other => continue,
            };
            for block in blocks.each().filter(|block| block.ssrc == ssrc) {
                self.learn(ntp, source, &block, per_ms);
            }
        }
    }

    fn learn(&mut self, ntp: u64, source: u32, block: &Block, per_ms: u32) {
        self.remote = Some(Remote {
            lost: block.lost.max(0) as u32,
            jitter: inbound::time(block.jitter, per_ms),
        });
        if block.last_report == 0 {
            return;
        }
        // RFC 3550 §6.4.1, in 65,536ths of a second. What cannot be is a fault of the peer's.
        let passed = middle(ntp)
            .wrapping_sub(block.last_report)
            .wrapping_sub(block.delay);
        let trip = Duration::from_micros((u64::from(passed) * 1_000_000) >> 16);
        if trip <= ROUND_TRIP {
            // That of whoever was there before says nothing of this one.
            let before = self.round_trip.filter(|(of, _)| *of == source);
            let smooth = before.map_or(trip, |(_, old)| (old * 7 + trip) / 8);
            self.round_trip = Some((source, smooth));
        }
    }

    /// The block about what is heard, and from now on the beginning of the next one.
    pub(super) fn block(&mut self, now: Instant, heard: Option<Reception>) -> Option<Block> {
        let heard = heard?;
        let before = self.before.filter(|it| it.ssrc == heard.ssrc);
        self.before = Some(heard);
        let since = |now: u64, before: Option<u64>| now.saturating_sub(before.unwrap_or(0));
        let expected = since(heard.expected, before.map(|it| it.expected));
        let received = since(heard.received, before.map(|it| it.received));
        let lost = expected.saturating_sub(received);
        let report = self.peer.filter(|(source, ..)| *source == heard.ssrc);
        let (last_report, delay) = match report {
            Some((_, ntp, at)) => (ntp, fraction(now.saturating_duration_since(at))),
            None => (0, 0),
        };
        Some(Block {
            ssrc: heard.ssrc,
            fraction: (lost * 256 / expected.max(1)).min(255) as u8,
            lost: (heard.expected as i64 - heard.received as i64) as i32,
            highest: heard.highest,
            jitter: heard.jitter,
            last_report,
            delay,
        })
    }

    /// Our own sending, if there was any since the last report.
    pub(super) fn sent(&mut self, ntp: u64, rtp: u32, packets: u64, octets: u64) -> Option<Sent> {
        let is_sender = packets > self.sent;
        self.sent = packets;
        is_sender.then_some(Sent {
            ntp,
            rtp,
            packets: packets as u32,
            octets: octets as u32,
        })
    }
}

/// How long until the next report: 5 s, made random so that those of many calls do not meet; half of it
/// before the first (RFC 3550 §6.2, §6.3.1).
pub(super) fn interval(random: &mut ChaCha8Rng, first: bool) -> Duration {
    let share = 0.5 + f64::from(random.next_u32()) / f64::from(u32::MAX);
    let whole = if first {
        RTCP_INTERVAL / 2
    } else {
        RTCP_INTERVAL
    };
    whole.mul_f64(share / COMPENSATION)
}

/// Time since the beginning as NTP writes it. It begins with a day, so that no report is at zero, which
/// would mean that there was none.
pub(super) fn ntp(since: Duration) -> u64 {
    let seconds = since.as_secs() + 24 * 60 * 60;
    (seconds << 32) | ((u64::from(since.subsec_nanos()) << 32) / 1_000_000_000)
}

fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// In 65,536ths of a second.
fn fraction(time: Duration) -> u32 {
    (time.as_micros() * 65_536 / 1_000_000) as u32
}
