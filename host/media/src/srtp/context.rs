//! The state of either way: where its sequence has come to, and what was seen already.
//!
//! The index of a packet is its sequence number with 32 bits before it that count how often it began
//! anew; they are not sent, so both sides count (RFC 3711 §3.3.1). A stream that is new begins at 0.
//! A stream once known is not forgotten while its keys last: its packets could be replayed.

use std::fmt;

use super::session::{Of, RTCP_HEAD, Session};
use super::{Agreed, Keys};
use crate::limits;
use crate::rtp;

/// Protects what we send of one stream.
pub struct Sealer {
    keys: Keys,
    rtp: Session,
    rtcp: Session,
    /// The index of the packet that was furthest.
    furthest: Option<u64>,
    reports: u32,
}

impl Sealer {
    /// With fresh keys.
    pub fn new(keys: Keys) -> Self {
        Sealer {
            rtp: Session::new(&keys, Of::Rtp),
            rtcp: Session::new(&keys, Of::Rtcp),
            keys,
            furthest: None,
            reports: 0,
        }
    }

    /// Protects a packet of RTP of ours: the first `len` octets. Its new length, at most
    /// [`super::OVERHEAD`] more; `None` if that does not fit, or if it is no RTP.
    pub fn seal(&mut self, packet: &mut [u8], len: usize) -> Option<usize> {
        let head = rtp::header_length(packet.get(..len)?)?;
        let (sequence, ssrc) = place(packet)?;
        let index = index(self.furthest, sequence)?;
        let sealed = self.rtp.seal_rtp(packet, head, len, ssrc, index)?;
        self.furthest = self.furthest.max(Some(index));
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
        let furthest = known.map(|at| self.media.known[at].furthest);
        let index = index(furthest, sequence).ok_or(Refused::Replayed)?;
        self.media.judge(known, index)?;
        let opened = self.rtp.open_rtp(packet, head, ssrc, index);
        let len = opened.ok_or(Refused::Forged)?;
        self.media.saw(known, ssrc, index);
        Ok(len)
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
    furthest: u64,
    /// Bit n: the packet n before the furthest was seen (RFC 3711 §3.3.2).
    seen: u64,
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
        let Some(stream) = known.and_then(|at| self.known.get(at)) else {
            return Ok(());
        };
        let Some(behind) = stream.furthest.checked_sub(index) else {
            return Ok(());
        };
        if behind >= u64::from(u64::BITS) || stream.seen >> behind & 1 == 1 {
            return Err(Refused::Replayed);
        }
        Ok(())
    }

    /// A packet was believed.
    fn saw(&mut self, known: Option<usize>, ssrc: u32, index: u64) {
        let Some(stream) = known.and_then(|at| self.known.get_mut(at)) else {
            self.known.push(Stream {
                ssrc,
                furthest: index,
                seen: 1,
            });
            return;
        };
        if let Some(behind) = stream.furthest.checked_sub(index) {
            stream.seen |= 1 << behind;
            return;
        }
        let ahead = index - stream.furthest;
        stream.seen =
            u32::try_from(ahead).map_or(0, |ahead| stream.seen.checked_shl(ahead).unwrap_or(0)) | 1;
        stream.furthest = index;
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
        write!(f, "Sealer({:?}, {:?})", self.keys, self.furthest)
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opener({:?}, {:?})", self.keys, self.media)
    }
}
