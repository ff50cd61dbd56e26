//! RTCP at a port: what it says, to whom, when, and whom it believes.

use super::*;
use crate::rtcp::{self, Block, CNAME_OCTETS, LONGEST, Part, Report, Sent as SentReport};

/// A report that left a port.
#[derive(Debug)]
struct Told {
    at: Instant,
    via: PortId,
    to: SocketAddr,
    packet: Vec<u8>,
}

impl Told {
    /// Our own sending, the block about the peer, and whether it is the last word.
    fn content(&self) -> (Option<SentReport>, Option<Block>, bool) {
        let mut content = (None, None, false);
        for part in rtcp::read(&self.packet).expect("it holds").parts() {
            match part {
                Part::Sender(_, sent, blocks) => {
                    (content.0, content.1) = (Some(sent), blocks.each().next());
                }
                Part::Receiver(_, blocks) => content.1 = blocks.each().next(),
                Part::Goodbye(_) => content.2 = true,
                Part::Other => {}
            }
        }
        content
    }
}

impl Bench {
    /// All timers within so many seconds, and the reports that they send.
    fn reports(&mut self, seconds: u64) -> Vec<Told> {
        let end = self.now + Duration::from_secs(seconds);
        let mut told = self.drain_reports();
        while let Some(due) = self.plane.poll_timeout().filter(|due| *due <= end) {
            self.now = due;
            self.plane.handle_timeout(due);
            told.extend(self.drain_reports());
        }
        self.now = end;
        told
    }

    fn drain_reports(&mut self) -> Vec<Told> {
        let mut told = Vec::new();
        while let Some((Forward { via, to, .. }, packet)) = self.plane.poll_packet() {
            let packet = packet.to_vec();
            told.push(Told {
                at: self.now,
                via,
                to,
                packet,
            });
        }
        told
    }

    /// The peer reports, from this address.
    fn report(&mut self, socket: PortId, from: SocketAddr, report: &[u8]) {
        assert_eq!(self.datagram(socket, from, report), None);
    }

    /// The source that a port sends under: what its peer's reports are about.
    fn ssrc(&mut self, from: PortId) -> u32 {
        let sent = self.packet(from, nth(first(9), 0), &[0; 160]);
        sent.expect("it is bridged").fixed.ssrc
    }
}

/// A peer that multiplexes, or one that has a port of its own for RTCP.
fn speaks(port: PortId, shared: bool) -> Negotiated {
    let own = SocketAddr::new(remote(port).ip(), remote(port).port() + 1);
    Negotiated {
        remote_rtcp: Some(if shared { remote(port) } else { own }),
        ..agreed(port)
    }
}

fn bridged(shared: bool) -> Bench {
    let mut bench = Bench::new();
    for port in [A, B] {
        bench.open(port);
        bench.configure(port, speaks(port, shared));
        if !shared {
            bench.plane.handle_bound(port.rtcp(), Ok(local(port)));
        }
    }
    bench.command(Command::Bridge { a: A, b: B });
    bench.outputs();
    bench
}

fn written(sent: Option<SentReport>, heard: Option<Block>) -> Vec<u8> {
    written_by(9, sent, heard)
}

/// The same of a source.
fn written_by(ssrc: u32, sent: Option<SentReport>, heard: Option<Block>) -> Vec<u8> {
    let report = Report {
        ssrc,
        sent,
        heard,
        cname: &[b'p'; CNAME_OCTETS],
        goodbye: false,
    };
    let mut out = [0; LONGEST];
    let length = report.write(&mut out);
    out[..length].to_vec()
}

fn block(ssrc: u32) -> Block {
    Block {
        ssrc,
        fraction: 10,
        lost: 7,
        highest: 1,
        jitter: 40,
        last_report: 0,
        delay: 0,
    }
}

#[test]
fn a_port_reports_every_five_seconds_at_random_and_first_in_half_of_that() {
    let mut bench = bridged(true);
    let start = bench.now;
    let told = bench.reports(600);
    let of = |port| told.iter().filter(move |it| it.via == port);
    for port in [A, B] {
        assert!(of(port).all(|it| it.to == remote(port)));
        let times: Vec<Duration> = of(port).map(|it| it.at - start).collect();
        assert!(
            (100..=170).contains(&times.len()),
            "{} reports",
            times.len()
        );
        let within = |time: Duration, least, most| {
            (Duration::from_millis(least)..=Duration::from_millis(most)).contains(&time)
        };
        assert!(within(times[0], 1_020, 3_080), "{:?}", times[0]);
        for pair in times.windows(2) {
            assert!(
                within(pair[1].saturating_sub(pair[0]), 2_050, 6_160),
                "{pair:?}"
            );
        }
    }
    let moments = |port| of(port).map(|it| it.at).collect::<Vec<_>>();
    assert_ne!(moments(A), moments(B));
}

#[test]
fn a_report_tells_what_was_sent_and_heard_and_lost_since_the_one_before() {
    let mut bench = bridged(true);
    bench.stream(A, first(77), 20);
    // Five of the next 30 are lost; B sends nothing.
    for i in (20..50).filter(|i| i % 6 != 0) {
        bench.packet(A, nth(first(77), i), &[0; 160]);
    }
    let told = bench.reports(7);
    let of = |port| {
        told.iter()
            .filter(move |it| it.via == port)
            .map(Told::content)
    };
    let (sent, heard, _) = of(A).next().expect("A reports");
    let heard = heard.expect("A has heard something");
    assert_eq!((sent, heard.ssrc, heard.lost), (None, 77, 5));
    assert_eq!(
        heard.highest,
        0x0001_0000 | u32::from(65_530_u16.wrapping_add(49))
    );
    assert_eq!(u64::from(heard.fraction), 5 * 256 / 50);
    let (sent, heard, _) = of(B).next().expect("B reports");
    let sent = sent.expect("B has sent");
    assert_eq!((sent.packets, sent.octets, heard), (45, 45 * 160, None));
    // Nothing new: nothing lost lately, and B is no sender any more.
    let told = bench.reports(7);
    let of = |port| {
        told.iter()
            .filter(move |it| it.via == port)
            .map(Told::content)
    };
    let heard = of(A).next().and_then(|it| it.1).expect("A reports");
    assert_eq!((heard.lost, heard.fraction), (5, 0));
    assert_eq!(of(B).next().expect("B reports").0, None);
}

#[test]
fn the_timestamp_of_a_report_is_that_of_its_moment_on_our_stream() {
    let mut bench = bridged(true);
    let sent = bench.stream(A, first(77), 50);
    let (at, last) = (bench.now, sent.last().expect("B has sent").fixed);
    let told = bench.reports(7);
    let told = told.iter().find(|it| it.via == B).expect("B reports");
    let report = told.content().0.expect("B has sent");
    // The last packet left 20 ms before the stream ended.
    let passed = (told.at - at).as_millis() as u32 + 20;
    let difference = report
        .rtp
        .wrapping_sub(last.timestamp.wrapping_add(passed * 8));
    assert!((difference as i32).abs() <= 8, "{difference}");
}

#[test]
fn the_peers_report_gives_loss_and_jitter_of_its_side_and_the_round_trip() {
    let mut bench = bridged(true);
    let ssrc = bench.ssrc(B);
    let told = bench.reports(7);
    let told = told.iter().find(|it| it.via == A).expect("A reports");
    let ntp = told.content().0.expect("A has sent").ntp;
    bench.now = told.at;
    bench.pass(1_130);
    // It was a second at the peer, so 130 ms on the way.
    let heard = Block {
        last_report: (ntp >> 16) as u32,
        delay: 65_536,
        ..block(ssrc)
    };
    bench.report(A, remote(A), &written(None, Some(heard)));
    let stats = bench.stats(A);
    let expected = crate::command::Remote {
        lost: 7,
        jitter: Duration::from_millis(5),
    };
    assert_eq!(stats.remote, Some(expected));
    let trip = stats.rtt.expect("there was one");
    assert!((129..=131).contains(&trip.as_millis()), "{trip:?}");
    assert_eq!(stats.rtcp_received, 1);
}

#[test]
fn we_tell_when_the_peers_report_came_so_that_it_knows_the_round_trip() {
    let mut bench = bridged(true);
    bench.packet(A, first(9), &[0; 160]);
    let sent = SentReport {
        ntp: 0x1122_3344_5566_7788,
        rtp: 0,
        packets: 1,
        octets: 160,
    };
    bench.report(A, remote(A), &written(Some(sent), None));
    let came = bench.now;
    let told = bench.reports(7);
    let told = told.iter().find(|it| it.via == A).expect("A reports");
    let heard = told.content().1.expect("A has heard something");
    assert_eq!(heard.last_report, 0x3344_5566);
    let delay = Duration::from_micros((u64::from(heard.delay) * 1_000_000) >> 16);
    let difference = (told.at - came).abs_diff(delay);
    assert!(difference < Duration::from_millis(1), "{difference:?}");
}

#[test]
fn reports_of_strangers_and_of_other_streams_say_nothing() {
    for shared in [true, false] {
        let mut bench = bridged(shared);
        let ssrc = bench.ssrc(B);
        let socket = if shared { A } else { A.rtcp() };
        let stranger = SocketAddr::new(remote(C).ip(), remote(A).port());
        bench.report(socket, stranger, &written(None, Some(block(ssrc))));
        assert_eq!(
            (bench.stats(A).remote, bench.stats(A).packets_dropped),
            (None, 1)
        );
        bench.report(socket, remote(A), &written(None, Some(block(ssrc + 1))));
        assert_eq!(
            (bench.stats(A).remote, bench.stats(A).rtcp_received),
            (None, 1)
        );
        bench.report(socket, remote(A), &written(None, Some(block(ssrc))));
        assert!(bench.stats(A).remote.is_some());
        // By the other way than was agreed: nobody reports there.
        let wrong = if shared { A.rtcp() } else { A };
        bench.report(wrong, remote(A), &written(None, Some(block(ssrc))));
        assert_eq!(bench.stats(A).packets_dropped, 2);
    }
}

#[test]
fn a_round_trip_that_cannot_be_is_not_believed() {
    let mut bench = bridged(true);
    let ssrc = bench.ssrc(B);
    let heard = Block {
        last_report: 1,
        ..block(ssrc)
    };
    bench.report(A, remote(A), &written(None, Some(heard)));
    assert_eq!(bench.stats(A).rtt, None);
}

#[test]
fn who_does_not_multiplex_is_reported_to_from_a_second_socket_at_the_port_it_named() {
    let mut bench = Bench::new();
    bench.open(A);
    bench.configure(A, speaks(A, false));
    let second = A.rtcp();
    // Not while there is nothing to report, and only once.
    assert!(bench.outputs().is_empty());
    assert!(bench.reports(7).is_empty());
    let bind = format!("Bind {{ port: {second:?}, family: V4 }}");
    assert_eq!(bench.outputs(), [bind]);
    bench.configure(A, speaks(A, false));
    assert!(bench.reports(7).is_empty());
    assert!(bench.outputs().is_empty());

    bench.plane.handle_bound(second, Ok(local(A)));
    let own = SocketAddr::new(remote(A).ip(), remote(A).port() + 1);
    let told = bench.reports(7);
    assert!(told.iter().all(|it| (it.via, it.to) == (second, own)) && !told.is_empty());

    // Behind NAT its number is another: that is where it is reported to from then on.
    let elsewhere = SocketAddr::new(remote(A).ip(), 61_000);
    bench.report(second, elsewhere, &written(None, None));
    let told = bench.reports(7);
    assert!(told.iter().all(|it| it.to == elsewhere) && !told.is_empty());

    bench.command(Command::Close { port: A });
    assert_eq!(bench.outputs()[0], format!("Unbind {{ port: {second:?} }}"));
}

#[test]
fn who_moves_is_reported_to_where_it_went_and_not_where_its_reports_came_from() {
    let mut bench = bridged(false);
    let own = |host, port| SocketAddr::new(IpAddr::from([198, 51, 100, host]), port);
    let told = |bench: &mut Bench| {
        let mut to: Vec<_> = bench.reports(20).iter().map(|it| (it.via, it.to)).collect();
        to.retain(|(via, _)| *via == A.rtcp());
        to.dedup();
        to.into_iter().map(|(_, to)| to).collect::<Vec<_>>()
    };
    bench.report(A.rtcp(), own(1, 5_555), &written(None, None));
    assert_eq!(told(&mut bench), [own(1, 5_555)]);
    let held = Negotiated {
        direction: Direction::SendOnly,
        ..speaks(A, false)
    };
    bench.configure(A, held.clone());
    assert_eq!(told(&mut bench), [own(1, 5_555)], "it has not moved");
    let moved = Negotiated {
        remote: own(77, 6_000),
        remote_rtcp: Some(own(77, 6_001)),
        ..speaks(A, false)
    };
    bench.configure(A, moved);
    assert_eq!(told(&mut bench), [own(77, 6_001)]);
    // Who holds by naming no address is told nothing (RFC 3264 §8.4).
    bench.report(A.rtcp(), own(77, 5_555), &written(None, None));
    let nowhere = |port| SocketAddr::new(IpAddr::from([0, 0, 0, 0]), port);
    let held = Negotiated {
        remote: nowhere(6_000),
        remote_rtcp: Some(nowhere(6_001)),
        ..held
    };
    bench.configure(A, held);
    bench.report(A.rtcp(), own(77, 5_555), &written(None, None));
    assert_eq!(told(&mut bench), []);
}

#[test]
fn the_round_trip_to_another_is_measured_anew() {
    let mut bench = bridged(true);
    let ssrc = bench.ssrc(B);
    let told = bench.reports(7);
    let told = told.iter().find(|it| it.via == A).expect("A reports");
    let ntp = told.content().0.expect("A has sent").ntp;
    bench.now = told.at;
    bench.pass(1_000);
    let mut trip = |source, millis: u32| {
        let heard = Block {
            last_report: (ntp >> 16) as u32,
            delay: (1_000 - millis) * 65_536 / 1_000,
            ..block(ssrc)
        };
        let report = written_by(source, None, Some(heard));
        bench.report(A, remote(A), &report);
        bench.stats(A).rtt.expect("there was one").as_millis()
    };
    for (source, millis, expected) in [(9, 400, 400), (9, 480, 410), (10, 40, 40)] {
        let measured = trip(source, millis);
        assert!(measured.abs_diff(expected) <= 1, "{measured} of {source}");
    }
}

#[test]
fn a_second_socket_that_cannot_be_bound_ends_nothing() {
    let mut bench = Bench::new();
    bench.open(A);
    bench.configure(A, speaks(A, false));
    assert!(bench.reports(4).is_empty());
    assert_eq!(bench.outputs().len(), 1);
    bench.plane.handle_bound(A.rtcp(), Err("in use".into()));
    assert!(bench.reports(60).is_empty());
    assert!(bench.outputs().is_empty());
    bench.packet(A, first(1), &[0; 160]);
    assert_eq!(bench.stats(A).packets_received, 1);
}

#[test]
fn a_port_that_is_closed_says_goodbye_and_reports_no_more() {
    let mut bench = bridged(true);
    bench.stream(B, first(1), 3);
    bench.drain_reports();
    bench.command(Command::Close { port: A });
    let told = bench.drain_reports();
    let [told] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!((told.via, told.to, told.content().2), (A, remote(A), true));
    bench.command(Command::Close { port: B });
    bench.drain_reports();
    assert!(bench.reports(60).is_empty());
    assert_eq!(bench.plane.poll_timeout(), None);
}

#[test]
fn a_port_that_has_said_nothing_takes_no_leave() {
    // RFC 3550 §6.3.7.
    let mut bench = bridged(true);
    bench.stream(A, first(1), 3);
    bench.drain_reports();
    bench.command(Command::Close { port: A });
    assert!(bench.drain_reports().is_empty());
}

#[test]
fn a_party_on_hold_is_reported_to() {
    let mut bench = bridged(true);
    let held = Negotiated {
        direction: Direction::Inactive,
        ..speaks(A, true)
    };
    bench.configure(A, held);
    assert!(bench.reports(7).iter().any(|it| it.via == A));
}

/// RFC 3550 §6.4.1: a source goes on whatever is agreed on it meanwhile.
#[test]
fn a_report_after_a_new_agreement_goes_on_where_the_one_before_was() {
    let mut bench = bridged(true);
    // Half are lost, and the sequence begins anew among them; what is sent on hold is not.
    for n in (0..40).step_by(2) {
        bench.packet(A, nth(first(77), n), &[0; 160]);
        bench.pass(40);
    }
    let heard = |bench: &mut Bench| {
        let told = bench.reports(7);
        let mut blocks = told.iter().filter(|it| it.via == A);
        blocks.find_map(|it| it.content().1).expect("A reports")
    };
    let before = heard(&mut bench);
    let highest = |n| 0x0001_0000 | u32::from(65_530_u16.wrapping_add(n));
    assert_eq!((before.lost, before.highest), (19, highest(38)));
    let held = Negotiated {
        direction: Direction::SendOnly,
        ..speaks(A, true)
    };
    for agreed in [held, speaks(A, true)] {
        bench.configure(A, agreed);
        bench.pass(1_000);
    }
    for n in [200, 201, 203] {
        bench.packet(A, nth(first(77), n), &[0; 160]);
        bench.pass(20);
    }
    let after = heard(&mut bench);
    assert_eq!((after.lost, after.highest), (20, highest(203)));
    assert_eq!(after.fraction, (256 / 4) as u8);
    // Another source is counted from its beginning.
    bench.configure(
        A,
        Negotiated {
            noise: None,
            direction: Direction::SendRecv,
            packing: crate::sdp::Packing::new(Some(40), None),
            ..speaks(A, true)
        },
    );
    bench.packet(A, first(78), &[0; 160]);
    let other = heard(&mut bench);
    assert_eq!((other.lost, other.highest), (0, 65_530));
}
