//! What a call costs the endpoint that answers it, from INVITE to the end of its last timer.
//!
//! The endpoint is in the state of one that has run for a while at `RATE`: the transactions of the
//! calls before linger, and their timers fire between the packets. The peer's packets are written
//! beforehand: an endpoint with the same seed gives the same tags.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sip::{Config, Endpoint, Event, Flow, Input, Output, Transport};

use crate::figure::{Aim, Figure, now, percentile};
use crate::{INVITE, SDP, allocated};

/// Calls per second; what lingers is 32 s of them.
const RATE: u32 = 200;
/// Calls before the figure: more than linger at once.
const WARM_UP: usize = 7_000;
/// Calls in one round, short enough for most to go undisturbed, and rounds.
const ROUND: usize = 20;
const ROUNDS: usize = 250;

/// What the peer sends in one call.
struct Call {
    invite: Bytes,
    ack: Bytes,
    bye: Bytes,
}

pub(crate) fn measure() {
    let group = "endpoint";
    let begin = now();
    let mut rehearsal = Callee::new(begin);
    let calls: Vec<Call> = (0..WARM_UP + ROUND * ROUNDS)
        .map(|number| rehearsal.rehearse(number))
        .collect();

    let mut callee = Callee::new(begin);
    let (warm, measured) = calls.split_at(WARM_UP);
    for call in warm {
        callee.answer(call);
    }
    let before = allocated();
    let mut rounds: Vec<f64> = measured
        .chunks(ROUND)
        .map(|calls| {
            let begin = now();
            for call in calls {
                callee.answer(call);
            }
            begin.elapsed().as_nanos() as f64 / 1000.0 / ROUND as f64
        })
        .collect();
    let after = allocated();
    let calls = measured.len() as f64;
    let octets = (after.1 - before.1) as f64 / calls;
    let alive = callee.endpoint.counts();
    Figure::new(group, "a call answered", percentile(&mut rounds, 0.5), "µs")
        .note(format!(
            "INVITE, 100, 180, 200, ACK, BYE, 200 and every timer; {octets:.0} octets allocated; \
             {} transactions, {} dialogs alive",
            alive.transactions, alive.dialogs
        ))
        .aim(Aim::AtMost(25.0))
        .print();
    let count = (after.0 - before.0) as f64 / calls;
    Figure::new(group, "a call answered: allocations", count, "").print();
}

/// An endpoint that is called.
struct Callee {
    endpoint: Endpoint,
    flow: Flow,
    now: Instant,
    sdp: Bytes,
}

impl Callee {
    fn new(now: Instant) -> Self {
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        Self {
            endpoint: Endpoint::new(Config::default(), [7; 32]),
            flow: Flow {
                transport: Transport::Udp,
                local: address("192.0.2.10:5060"),
                remote: address("198.51.100.7:5060"),
                name: None,
            },
            now,
            sdp: Bytes::from_static(SDP.as_bytes()),
        }
    }

    /// One call, and then the time until the next one.
    fn answer(&mut self, call: &Call) {
        self.take(&call.invite);
        let dialog = self.incoming();
        self.accept(dialog);
        while self.endpoint.poll_output().is_some() {}
        self.take(&call.ack);
        while self.endpoint.poll_output().is_some() {}
        self.take(&call.bye);
        while self.endpoint.poll_output().is_some() {}
        self.wait();
    }

    fn take(&mut self, bytes: &Bytes) {
        let packet = Input::Packet {
            flow: self.flow,
            bytes: bytes.clone(),
        };
        self.endpoint.handle_input(self.now, packet);
    }

    fn incoming(&mut self) -> sip::DialogId {
        let mut found = None;
        while let Some(output) = self.endpoint.poll_output() {
            if let Output::Event(Event::Incoming(incoming)) = output {
                found = Some(incoming.dialog);
            }
        }
        found.expect("a call")
    }

    fn accept(&mut self, dialog: sip::DialogId) {
        let progress = Input::Progress {
            dialog,
            status: 180,
            sdp: None,
        };
        self.endpoint.handle_input(self.now, progress);
        let sdp = self.sdp.clone();
        self.endpoint
            .handle_input(self.now, Input::Accept { dialog, sdp });
    }

    fn wait(&mut self) {
        let until = self.now + Duration::from_secs(1) / RATE;
        while let Some(at) = self.endpoint.poll_timeout().filter(|at| *at <= until) {
            self.endpoint.handle_timeout(at);
            while self.endpoint.poll_output().is_some() {}
        }
        self.now = until;
    }

    /// The packets of a call, once the tag of our answer is known.
    fn rehearse(&mut self, number: usize) -> Call {
        let head = INVITE
            .replace("8f3c61b2a5d07e44", &format!("{number:016x}"))
            .replace("4fa3b2c1", &format!("{number:08x}"))
            .replace("3848276298220188511", &format!("38482762982{number:08}"));
        let (lines, _) = head.rsplit_once("Content-Length").expect("it has one");
        let invite = format!("{lines}Content-Length: {}\r\n\r\n{SDP}", SDP.len());
        let invite = Bytes::from(invite);
        self.take(&invite);
        let dialog = self.incoming();
        self.accept(dialog);
        let mut tag = String::new();
        while let Some(output) = self.endpoint.poll_output() {
            if let Output::Transmit { bytes, .. } = output {
                let text = std::str::from_utf8(&bytes).expect("text");
                let (_, after) = text
                    .split_once("To: <sip:2001@acme.example>;tag=")
                    .expect("To");
                after.lines().next().unwrap_or("").clone_into(&mut tag);
            }
        }
        let later = |method: &str, cseq: u32, branch: &str| -> Bytes {
            let via =
                format!("SIP/2.0/UDP 198.51.100.7:5060;rport;branch=z9hG4bK-{branch}-{number}");
            format!(
                "{method} sip:jackfield@192.0.2.10:5060 SIP/2.0\r\nVia: {via}\r\n\
                 Max-Forwards: 70\r\nContact: <sip:1001@198.51.100.7:5060;transport=udp>\r\n\
                 To: <sip:2001@acme.example>;tag={tag}\r\n\
                 From: \"Alice Example\" <sip:1001@acme.example>;tag={number:08x}\r\n\
                 Call-ID: 38482762982{number:08}@198.51.100.7\r\nCSeq: {cseq} {method}\r\n\
                 User-Agent: ExamplePhone T46 66.85.0.15\r\nContent-Length: 0\r\n\r\n"
            )
            .into()
        };
        let (ack, bye) = (later("ACK", 1, "ack"), later("BYE", 2, "bye"));
        for bytes in [&ack, &bye] {
            self.take(bytes);
            while self.endpoint.poll_output().is_some() {}
        }
        self.wait();
        Call { invite, ack, bye }
    }
}
