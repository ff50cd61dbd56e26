//! The state of either way: where its sequence has come to, and what was seen already.
//!
//! The index of a packet is its sequence number with 32 bits before it that count how often it began
//! anew; they are not sent, so both sides count (RFC 3711 §3.3.1). A stream that is new begins at 0; of one whose
//! first packets were lost the first that comes may be of the next round.
//! A stream once known is not forgotten while its keys last: its packets could be replayed.
//! Nothing is sealed twice under one index, whatever a source has numbered alike: two packets under one key stream
//! tell what they hold (RFC 3711 §9.1), and the key that authenticates them (RFC 7714 §8.1).

use std::fmt;

use super::session::{Of, RTCP_HEAD, Session};
use super::{Agreed, Keys};
use crate::limits;
use crate::rtp;

/// Sequence numbers of a round.
const ROUND: u64 = 1 << 16;

/// The first of the upper half of a round.
const HALF: u16 = 1 << 15;

/// Protects what we send of one stream.
pub struct Sealer {
    keys: Keys,
    rtp: Session,
    rtcp: Session,
    sent: Option<Window>,
    reports: u32,
}

impl Sealer {
    /// With fresh keys.
    pub fn new(keys: Keys) -> Self {
        Sealer {
            rtp: Session::new(&keys, Of::Rtp),
            rtcp: Session::new(&keys, Of::Rtcp),
            keys,
            sent: None,
            reports: 0,
        }
    }

    /// Protects a packet of RTP of ours: the first `len` octets. Its new length, at most
    /// [`super::OVERHEAD`] more; `None` if that does not fit, if it is no RTP, or if its place in the stream was
    /// taken, or may have been.
    pub fn seal(&mut self, packet: &mut [u8], len: usize) -> Option<usize> {
        let head = rtp::header_length(packet.get(..len)?)?;
        let (sequence, ssrc) = place(packet)?;
        let index = index(self.sent.map(|sent| sent.furthest), sequence)?;
        if self.sent.is_some_and(|sent| !sent.is_free(index)) {
            return None;
        }
        let sealed = self.rtp.seal_rtp(packet, head, len, ssrc, index)?;
        match &mut self.sent {
            Some(sent) => sent.take(index),
            None => self.sent = Some(Window::new(index)),
        }
        Some(sealed)
    }

    /// The same for RTCP. `None` also after 2^31 packets: then the keys are used up.
    pub fn seal_rtcp(&mut self, packet: &mut [u8], len: usize) -> Option<usize> {
        let ssrc = sender(packet.get(..len)?)?;
        let index = self.reports.checked_add(1).filter(|it| it >> 31 == 0)?;
        let sealed = self.rtcp.seal_rtcp(packet, len, ssrc, index)?;
        self.reports = index;
        Some(sealed)
    }
}

/// Why a packet is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Too short, or no such packet.
    Malformed,
    /// It came already, or so late that nobody knows.
    Replayed,
    /// Whoever sent it does not have the keys, or it was changed.
    Forged,
    /// Of a stream beyond [`limits::SRTP_STREAMS`].
    Stream,
}

/// Takes the protection off what arrives.
pub struct Opener {
    keys: Keys,
    rtp: Session,
    rtcp: Session,
    media: Streams,
    reports: Streams,
}

impl Opener {
    /// With the keys of a peer.
    pub fn new(keys: Keys) -> Self {
        Opener {
            rtp: Session::new(&keys, Of::Rtp),
            rtcp: Session::new(&keys, Of::Rtcp),
            keys,
            media: Streams::default(),
            reports: Streams::default(),
        }
    }

    /// Opens a packet of RTP in place; the length of what is left. One that is refused is as it came.
    pub fn open(&mut self, packet: &mut [u8]) -> Result<usize, Refused> {
        let head = rtp::header_length(packet).ok_or(Refused::Malformed)?;
        let (sequence, ssrc) = place(packet).ok_or(Refused::Malformed)?;
        let known = self.media.find(ssrc)?;
        let furthest = known.map(|at| self.media.known[at].seen.furthest);
        let first = index(furthest, sequence).ok_or(Refused::Replayed)?;
        self.media.judge(known, first)?;
        let began_anew = (known.is_none() && sequence < HALF).then_some(first + ROUND);
        for index in [Some(first), began_anew].into_iter().flatten() {
            if let Some(len) = self.rtp.open_rtp(packet, head, ssrc, index) {
                self.media.saw(known, ssrc, index);
                return Ok(len);
            }
        }
        Err(Refused::Forged)
    }

    /// The same for RTCP.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Refused> {
        let ssrc = sender(packet).ok_or(Refused::Malformed)?;
        let index = self.rtcp.rtcp_index(packet).ok_or(Refused::Malformed)?;
        let known = self.reports.find(ssrc)?;
        self.reports.judge(known, index.into())?;
        let opened = self.rtcp.open_rtcp(packet, ssrc, index);
        let len = opened.ok_or(Refused::Forged)?;
        self.reports.saw(known, ssrc, index.into());
        Ok(len)
    }
}

/// Both ways of a port.
#[derive(Debug)]
pub struct Context {
    /// What we send.
    pub sealer: Sealer,
    /// What arrives.
    pub opener: Opener,
}

impl Context {
    /// Whether both ways have these keys.
    pub fn is_under(&self, agreed: &Agreed) -> bool {
        self.sealer.keys == agreed.send && self.opener.keys == agreed.receive
    }

    /// After a new agreement. A way whose keys stayed goes on where it was: its sequence does, too.
    pub fn renewed(before: Option<Self>, agreed: Agreed) -> Self {
        let (sealer, opener) = before.map_or((None, None), |it| (Some(it.sealer), Some(it.opener)));
        let same = |keys: &Keys, wanted: &Keys| keys == wanted;
        Context {
            sealer: sealer
                .filter(|it| same(&it.keys, &agreed.send))
                .unwrap_or_else(|| Sealer::new(agreed.send)),
            opener: opener
                .filter(|it| same(&it.keys, &agreed.receive))
                .unwrap_or_else(|| Opener::new(agreed.receive)),
        }
    }
}

/// What was seen of the streams under one key.
#[derive(Debug, Default)]
struct Streams {
    known: Vec<Stream>,
}

#[derive(Debug)]
struct Stream {
    ssrc: u32,
    seen: Window,
}

/// Which indices of a stream were taken (RFC 3711 §3.3.2).
#[derive(Clone, Copy, Debug)]
struct Window {
    furthest: u64,
    /// Bit n: the packet n before the furthest was seen.
    seen: u64,
}

impl Window {
    const fn new(first: u64) -> Self {
        Window {
            furthest: first,
            seen: 1,
        }
    }

    /// False also if it is so far behind that nobody knows.
    const fn is_free(&self, index: u64) -> bool {
        match self.furthest.checked_sub(index) {
            None => true,
            Some(behind) => behind < u64::BITS as u64 && self.seen >> behind & 1 == 0,
        }
    }

    /// Takes one that is free.
    fn take(&mut self, index: u64) {
        if let Some(behind) = self.furthest.checked_sub(index) {
            self.seen |= 1 << behind;
            return;
        }
        let ahead = index - self.furthest;
        self.seen =
            u32::try_from(ahead).map_or(0, |ahead| self.seen.checked_shl(ahead).unwrap_or(0)) | 1;
        self.furthest = index;
    }
}

impl Streams {
    /// The place of a stream among those known. One that is not may be taken in if there is room.
    fn find(&self, ssrc: u32) -> Result<Option<usize>, Refused> {
        let known = self.known.iter().position(|it| it.ssrc == ssrc);
        if known.is_none() && self.known.len() >= limits::SRTP_STREAMS {
            return Err(Refused::Stream);
        }
        Ok(known)
    }

    fn judge(&self, known: Option<usize>, index: u64) -> Result<(), Refused> {
        let stream = known.and_then(|at| self.known.get(at));
        if stream.is_some_and(|stream| !stream.seen.is_free(index)) {
            return Err(Refused::Replayed);
        }
        Ok(())
    }

    /// A packet was believed.
    fn saw(&mut self, known: Option<usize>, ssrc: u32, index: u64) {
        if let Some(stream) = known.and_then(|at| self.known.get_mut(at)) {
            return stream.seen.take(index);
        }
        let seen = Window::new(index);
        self.known.push(Stream { ssrc, seen });
    }
}

/// Sequence number and SSRC of a packet of RTP.
fn place(packet: &[u8]) -> Option<(u16, u32)> {
    let fixed: &[u8; rtp::HEADER] = packet.first_chunk()?;
    let [_, _, high, low, _, _, _, _, ssrc @ ..] = *fixed;
    Some((u16::from_be_bytes([high, low]), u32::from_be_bytes(ssrc)))
}

/// The SSRC of a packet of RTCP.
fn sender(packet: &[u8]) -> Option<u32> {
    let head: &[u8; RTCP_HEAD] = packet.first_chunk()?;
    let [_, _, _, _, ssrc @ ..] = *head;
    Some(u32::from_be_bytes(ssrc))
}

/// The index that is nearest to the furthest so far (RFC 3711 Appendix A); `None` before the first.
fn index(furthest: Option<u64>, sequence: u16) -> Option<u64> {
    let Some(furthest) = furthest else {
        return Some(sequence.into());
    };
    let step = sequence.wrapping_sub(furthest as u16) as i16;
    furthest.checked_add_signed(step.into())
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let furthest = self.sent.map(|sent| sent.furthest);
        write!(f, "Sealer({:?}, {furthest:?})", self.keys)
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opener({:?}, {:?})", self.keys, self.media)
    }
}
