//! RTCP of a port: what it takes of its peer, and the packets that it reports in.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;

use super::{Counts, Leg, Port};
use crate::command::{PortId, Remote};
use crate::plane::outbox::Outbox;
use crate::plane::reports::{self, Reports};
use crate::rtcp::{self, LONGEST, Report};
use crate::srtp::OVERHEAD;

/// The two ways of RTCP to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::plane) enum Way {
    /// With RTP, through one socket (RFC 5761).
    Shared,
    /// Through the second socket, which hears RTCP only.
    Own,
}

/// What a port keeps of RTCP from its first agreement on.
#[derive(Debug)]
pub(super) struct Rtcp {
    reports: Reports,
    /// Whether there is a second socket.
    own: Own,
    /// Where RTCP comes from, if that is not where it was promised to be.
    learned: Option<SocketAddr>,
    /// When the next report is due.
    due: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Own {
    None,
    Asked,
    Bound,
    /// It could not be bound; it is asked for again after the next agreement.
    Refused,
}

impl Port {
    /// After an agreement: when its first report is due, if reports begin with it.
    pub(in crate::plane) fn begin_reports(
        &mut self,
        now: Instant,
        random: &mut ChaCha8Rng,
    ) -> Option<Instant> {
        // A peer at the highest port number has nowhere for RTCP, if it does not multiplex.
        self.leg.as_ref()?.agreed.remote_rtcp?;
        if let Some(rtcp) = &mut self.rtcp {
            if rtcp.own == Own::Refused {
                rtcp.own = Own::None;
            }
            return None;
        }
        let due = now + reports::interval(random, true);
        self.rtcp = Some(Box::new(Rtcp {
            reports: Reports::new(random),
            own: Own::None,
            learned: None,
            due,
        }));
        Some(due)
    }

    /// Whether the second socket has to be bound now: asked for once.
    pub(in crate::plane) fn wants_socket(&mut self) -> bool {
        let own = |leg: &Leg| leg.way() == Way::Own && leg.agreed.remote_rtcp.is_some();
        let wants = self.leg.as_ref().is_some_and(own);
        let rtcp = self.rtcp.as_mut().filter(|it| wants && it.own == Own::None);
        rtcp.map(|it| it.own = Own::Asked).is_some()
    }

    /// The driver's answer. Without the socket RTCP goes nowhere, and RTP goes on.
    pub(in crate::plane) fn got_socket(&mut self, bound: bool) {
        if let Some(rtcp) = &mut self.rtcp {
            rtcp.own = if bound { Own::Bound } else { Own::Refused };
        }
    }

    /// Whether there is, or may soon be, a second socket to be closed with the port.
    pub(in crate::plane) fn has_socket(&self) -> bool {
        let own = self.rtcp.as_ref().map(|it| it.own);
        matches!(own, Some(Own::Asked | Own::Bound))
    }

    /// Takes RTCP that came by one of the two ways, at `ntp` of our clock. From anybody but the peer it
    /// is dropped: of a shared socket the peer is one address, of an own one any port of its host.
    pub(in crate::plane) fn hear_rtcp(
        &mut self,
        now: Instant,
        ntp: u64,
        from: SocketAddr,
        way: Way,
        datagram: &mut [u8],
    ) {
        if self.believe_rtcp(now, ntp, from, way, datagram).is_some() {
            self.heard(now);
            self.counts.rtcp_received += 1;
        } else {
            self.counts.packets_dropped += 1;
        }
    }

    fn believe_rtcp(
        &mut self,
        now: Instant,
        ntp: u64,
        from: SocketAddr,
        way: Way,
        datagram: &mut [u8],
    ) -> Option<()> {
        let leg = self.leg.as_ref()?;
        let rtcp = self.rtcp.as_mut()?;
        if leg.way() != way || !leg.may_report(from) {
            return None;
        }
        let datagram = match &mut self.srtp {
            None => datagram,
            Some(context) => {
                let len = context.opener.open_rtcp(datagram).ok()?;
                &mut datagram[..len]
            }
        };
        let compound = rtcp::read(datagram)?;
        rtcp.reports.hear(now, ntp, &self.outbound, compound);
        rtcp.learned = Some(from).filter(|_| way == Way::Own);
        Some(())
    }

    /// The peer is elsewhere from now on.
    pub(super) fn unlearn(&mut self) {
        if let Some(rtcp) = &mut self.rtcp {
            rtcp.learned = None;
        }
    }

    /// When its next report is due.
    pub(in crate::plane) fn report_due(&self) -> Option<Instant> {
        self.rtcp.as_ref().map(|it| it.due)
    }

    /// Reports, if there is somewhere to; `goodbye` with the last one.
    pub(in crate::plane) fn report(
        &mut self,
        now: Instant,
        ntp: u64,
        port: PortId,
        goodbye: bool,
        outbox: &mut Outbox,
    ) {
        let timestamp = self.outbound.timestamp(now);
        let (Some(leg), Some(rtcp)) = (&self.leg, &mut self.rtcp) else {
            return;
        };
        let Some((via, to)) = rtcp.target(leg, port) else {
            return;
        };
        let Counts {
            packets_sent,
            octets_sent,
            ..
        } = self.counts;
        let reports = &mut rtcp.reports;
        let sent = reports.sent(ntp, timestamp, packets_sent, octets_sent);
        let heard = reports.block(now, self.inbound.reception());
        let report = Report {
            ssrc: self.outbound.ssrc(),
            sent,
            heard,
            cname: reports.cname(),
            goodbye,
        };
        let mut packet = [0; LONGEST + OVERHEAD];
        let Some(room) = packet.first_chunk_mut() else {
            return;
        };
        let mut length = report.write(room);
        if let Some(context) = &mut self.srtp {
            let Some(sealed) = context.sealer.seal_rtcp(&mut packet, length) else {
                return;
            };
            length = sealed;
        }
        outbox.push_whole(via, to, &packet[..length]);
        self.counts.rtcp_sent += 1;
    }

    /// The next report is due then.
    pub(in crate::plane) fn report_at(&mut self, due: Instant) {
        if let Some(rtcp) = &mut self.rtcp {
            rtcp.due = due;
        }
    }

    /// Whether anything was sent, audio or a report.
    pub(in crate::plane) fn has_spoken(&self) -> bool {
        self.counts.packets_sent > 0 || self.counts.rtcp_sent > 0
    }

    /// The next report is due so much later.
    pub(in crate::plane) fn report_again(&mut self, now: Instant, random: &mut ChaCha8Rng) {
        if let Some(rtcp) = &mut self.rtcp {
            rtcp.due = now + reports::interval(random, false);
        }
    }

    /// What the peer has last reported of what it was sent.
    pub(super) fn reported(&self) -> Option<Remote> {
        self.rtcp.as_ref()?.reports.remote()
    }

    /// To the peer and back, by its reports.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.rtcp.as_ref()?.reports.round_trip()
    }
}

impl Rtcp {
    /// Through which socket, and to whom.
    fn target(&self, leg: &Leg, port: PortId) -> Option<(PortId, SocketAddr)> {
        let to = leg.target()?;
        match leg.way() {
            Way::Shared => Some((port, to)),
            Way::Own if self.own == Own::Bound => {
                let to = self.learned.or(leg.agreed.remote_rtcp)?;
                (!to.ip().is_unspecified()).then_some((port.rtcp(), to))
            }
            Way::Own => None,
        }
    }
}

impl Leg {
    fn way(&self) -> Way {
        if self.agreed.remote_rtcp == Some(self.agreed.remote) {
            Way::Shared
        } else {
            Way::Own
        }
    }

    fn may_report(&self, from: SocketAddr) -> bool {
        let remote = self.latch.remote();
        let is_host = from.ip().to_canonical() == remote.ip().to_canonical();
        match self.way() {
            Way::Shared => is_host && from.port() == remote.port(),
            Way::Own => is_host || self.agreed.remote_rtcp == Some(from),
        }
    }
}
