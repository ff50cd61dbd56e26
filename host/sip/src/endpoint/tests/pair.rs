//! Two endpoints and the network between them.
//!
//! `Pair` owns the virtual clock and what is under way; a test says what to lose and reads the
//! events of each side and the ladder of what was sent. A test may also play the second side by
//! hand: what is sent to an address that is no endpoint's ends in `strays`.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::wire::{self, Message, Request, Response};
use crate::{
    Conduct, Config, Counts, DialogId, Endpoint, Event, Flow, Input, Invite, Output, Transport,
};

/// How long a packet takes.
pub(super) const DELAY: Duration = Duration::from_millis(10);

pub(super) const A: usize = 0;
pub(super) const B: usize = 1;

/// What to do with a packet: the delays after which its copies arrive. None: it is lost.
pub(super) type Fate = Box<dyn FnMut(&Packet) -> Vec<Duration>>;

#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) transport: Transport,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) bytes: Bytes,
    /// `INVITE`, or `200 INVITE`.
    pub(super) name: String,
}

pub(super) struct Pair {
    pub(super) now: Instant,
    start: Instant,
    pub(super) ends: [Endpoint; 2],
    pub(super) events: [VecDeque<Event>; 2],
    way: BTreeMap<(Instant, u64), Packet>,
    sent: u64,
    pub(super) fate: Fate,
    /// `time sender name`, one line for each packet sent.
    pub(super) ladder: Vec<String>,
    /// What went to an address that is no endpoint's.
    pub(super) strays: VecDeque<Packet>,
    /// What was said of strangers.
    pub(super) conduct: Vec<Conduct>,
}

pub(super) fn address(end: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1 + end as u8], 5060))
}

pub(super) fn flow(local: SocketAddr, remote: SocketAddr) -> Flow {
    Flow {
        transport: Transport::Udp,
        local,
        remote,
        name: None,
    }
}

pub(super) fn sdp(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

/// An order to call.
pub(super) fn invite(dialog: DialogId, from: usize, to: SocketAddr) -> Invite {
    let uri = |user: &str, at: SocketAddr| crate::Uri::at(user, at);
    Invite {
        dialog,
        flow: flow(address(from), to),
        request_uri: uri("bob", to),
        login: None,
        routes: vec![],
        from: uri("alice", address(from)),
        to: uri("bob", to),
        call_id: format!("call-{}-{}", from, dialog.0),
        max_forwards: 70,
        headers: vec![],
        sdp: sdp("offer"),
    }
}

impl Pair {
    pub(super) fn new() -> Self {
        Self::with(Config::default(), 1)
    }

    #[allow(clippy::disallowed_methods)] // virtual time has to begin somewhere
    pub(super) fn with(config: Config, seed: u8) -> Self {
        let start = Instant::now();
        Self {
            now: start,
            start,
            ends: [
                Endpoint::new(config.clone(), [seed; 32]),
                Endpoint::new(config, [seed ^ 0xff; 32]),
            ],
            events: [VecDeque::new(), VecDeque::new()],
            way: BTreeMap::new(),
            sent: 0,
            fate: Box::new(|_| vec![DELAY]),
            ladder: vec![],
            strays: VecDeque::new(),
            conduct: Vec::new(),
        }
    }

    /// Loses the packets of which `lost` is true.
    pub(super) fn lose(&mut self, mut lost: impl FnMut(&Packet) -> bool + 'static) {
        self.fate = Box::new(move |packet| if lost(packet) { vec![] } else { vec![DELAY] });
    }

    /// Loses the first `count` packets of this name.
    pub(super) fn lose_first(&mut self, name: &'static str, mut count: u32) {
        self.lose(move |packet| {
            let lost = packet.name == name && count > 0;
            count -= u32::from(lost);
            lost
        });
    }

    pub(super) fn input(&mut self, end: usize, input: Input) {
        self.ends[end].handle_input(self.now, input);
        self.drain(end);
    }

    /// A call from A to B, as far as its INVITE; the handle of A.
    pub(super) fn dial(&mut self) -> DialogId {
        let dialog = self.ends[A].new_dialog();
        self.input(A, Input::Invite(Box::new(invite(dialog, A, address(B)))));
        dialog
    }

    /// A call from A to B as far as `Incoming`; the handles of both.
    pub(super) fn ring(&mut self) -> (DialogId, DialogId) {
        let a = self.dial();
        self.run(DELAY * 3);
        match self.next(B) {
            Event::Incoming(incoming) => (a, incoming.dialog),
            other => panic!("not incoming: {other:?}"),
        }
    }

    /// An answered call from A to B, its events taken.
    pub(super) fn talk(&mut self) -> (DialogId, DialogId) {
        let (a, b) = self.ring();
        self.input(
            B,
            Input::Accept {
                dialog: b,
                sdp: sdp("answer"),
            },
        );
        self.run(DELAY * 3);
        assert!(matches!(self.next(A), Event::Accepted { .. }));
        assert!(matches!(self.next(B), Event::Confirmed { .. }));
        (a, b)
    }

    /// Takes the next event of a side.
    #[track_caller]
    pub(super) fn next(&mut self, end: usize) -> Event {
        self.events[end].pop_front().expect("no event")
    }

    /// The names of all events of a side that were not taken.
    pub(super) fn names(&mut self, end: usize) -> Vec<String> {
        self.events[end]
            .drain(..)
            .map(|event| name_of(&event))
            .collect()
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.next_instant().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.step();
        }
        self.now = until;
    }

    /// Lets time pass until nothing happens any more, and asserts that nothing is left.
    #[track_caller]
    pub(super) fn rest(&mut self) {
        for _ in 0..100_000 {
            let Some(at) = self.next_instant() else { break };
            self.now = self.now.max(at);
            self.step();
        }
        for end in &self.ends {
            assert_eq!(end.counts(), Counts::default(), "{:#?}", self.ladder);
            assert_eq!((end.by_tag.len(), end.inbound.len()), (0, 0));
            assert!(end.connections.is_empty());
        }
    }

    /// A message from the test itself.
    pub(super) fn inject(&mut self, from: SocketAddr, end: usize, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        let flow = flow(address(end), from);
        self.input(end, Input::Packet { flow, bytes });
    }

    /// Takes the next message that an endpoint sent to an address of the test's.
    #[track_caller]
    pub(super) fn stray(&mut self) -> Message {
        let packet = self.strays.pop_front().expect("nothing was sent");
        wire::parse(&packet.bytes).expect("what we send can be read")
    }

    #[track_caller]
    pub(super) fn stray_request(&mut self) -> Request {
        match self.stray() {
            Message::Request(request) => request,
            Message::Response(response) => panic!("a response: {response:?}"),
        }
    }

    #[track_caller]
    pub(super) fn stray_response(&mut self) -> Response {
        match self.stray() {
            Message::Response(response) => response,
            Message::Request(request) => panic!("a request: {request:?}"),
        }
    }

    /// How often a packet of this name was sent.
    pub(super) fn count(&self, name: &str) -> usize {
        let named = |line: &&String| line.trim_start().splitn(3, ' ').nth(2) == Some(name);
        self.ladder.iter().filter(named).count()
    }

    fn next_instant(&self) -> Option<Instant> {
        let way = self.way.keys().next().map(|(at, _)| *at);
        let timers = self.ends.iter().filter_map(Endpoint::poll_timeout);
        timers.chain(way).min()
    }

    fn step(&mut self) {
        for end in [A, B] {
            if self.ends[end]
                .poll_timeout()
                .is_some_and(|at| at <= self.now)
            {
                self.ends[end].handle_timeout(self.now);
                self.drain(end);
            }
        }
        while let Some(entry) = self
            .way
            .first_entry()
            .filter(|entry| entry.key().0 <= self.now)
        {
            let packet = entry.remove();
            let transport = packet.transport;
            match [A, B].into_iter().find(|end| address(*end) == packet.to) {
                Some(end) => {
                    let flow = Flow {
                        transport,
                        ..flow(packet.to, packet.from)
                    };
                    self.input(
                        end,
                        Input::Packet {
                            flow,
                            bytes: packet.bytes,
                        },
                    );
                }
                None => self.strays.push_back(packet),
            }
        }
    }

    fn drain(&mut self, end: usize) {
        while let Some(output) = self.ends[end].poll_output() {
            match output {
                Output::Event(Event::Conduct { conduct, .. }) => self.conduct.push(conduct),
                Output::Event(event) => self.events[end].push_back(event),
                Output::Transmit { flow, bytes } => self.send(flow, bytes),
            }
        }
    }

    fn send(&mut self, flow: Flow, bytes: Bytes) {
        let name = match wire::parse(&bytes) {
            Ok(Message::Request(request)) => request.method().to_string(),
            Ok(Message::Response(response)) => {
                format!("{} {}", response.status(), response.headers().cseq().method)
            }
            // The refusal of a broken request repeats what was broken.
            Err(_) => "unreadable".to_owned(),
        };
        let time = self.now.duration_since(self.start).as_millis();
        let sender = if flow.local == address(A) { "a" } else { "b" };
        self.ladder.push(format!("{time:>6} {sender} {name}"));
        let packet = Packet {
            transport: flow.transport,
            from: flow.local,
            to: flow.remote,
            bytes,
            name,
        };
        for delay in (self.fate)(&packet) {
            self.sent += 1;
            self.way
                .insert((self.now + delay, self.sent), packet.clone());
        }
    }
}

/// A short name of an event.
pub(super) fn name_of(event: &Event) -> String {
    match event {
        Event::Unproven(_) => "unproven".to_owned(),
        Event::Told { status, .. } => format!("told {status}"),
        Event::Conduct { conduct, .. } => format!("{conduct:?}"),
        Event::Incoming(_) => "incoming".to_owned(),
        Event::Provisional { status, sdp, .. } => {
            format!(
                "provisional {status}{}",
                if sdp.is_some() { " sdp" } else { "" }
            )
        }
        Event::Accepted { .. } => "accepted".to_owned(),
        Event::Failed { status, .. } => format!("failed {status}"),
        Event::Confirmed { .. } => "confirmed".to_owned(),
        Event::Cancelled { .. } => "cancelled".to_owned(),
        Event::HungUp { .. } => "hung up".to_owned(),
        Event::Lost { status, .. } => format!("lost {status}"),
        Event::Reoffer { .. } => "reoffer".to_owned(),
        Event::Withdrawn { .. } => "withdrawn".to_owned(),
        Event::Reanswered { answer: Ok(_), .. } => "reanswered".to_owned(),
        Event::Reanswered {
            answer: Err(status),
            ..
        } => format!("reanswered {status}"),
        Event::Refreshed { .. } => "refreshed".to_owned(),
        Event::Digit { digit, .. } => format!("digit {digit}"),
        Event::Referred { to, replaces, .. } => match replaces {
            Some(replaces) => format!("referred {to} {replaces}"),
            None => format!("referred {to}"),
        },
        Event::Transferred { status, .. } => format!("transferred {status}"),
        Event::Informed { status, .. } => format!("informed {status}"),
        Event::Gone { .. } => "gone".to_owned(),
    }
}

/// Runs `test` and panics if an `error!` is logged: it would mean a bug of ours.
pub(super) fn without_errors(test: impl FnOnce()) {
    tracing::subscriber::with_default(NoErrors, test);
}

struct NoErrors;

impl tracing::Subscriber for NoErrors {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::ERROR
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        panic!("an error was logged: {event:?}");
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
