//! Two phones that call each other without anybody between them.

use std::time::{Duration, Instant};

use media::sdp::Codec;

use super::{Behaviour, EndedBy, Event, Input, Output, Phone, PhoneConfig};

const ALICE: &str = "192.0.2.1:5060";
const BOB: &str = "192.0.2.2:5060";

struct Pair {
    now: Instant,
    phones: [Phone; 2],
    told: [Vec<Event>; 2],
}

impl Pair {
    #[allow(clippy::disallowed_methods)] // any instant will do
    fn new(behaviour: Behaviour) -> Self {
        let phone = |user: &str, sip: &str, seed| {
            let sip: std::net::SocketAddr = sip.parse().unwrap();
            let rtp = std::net::SocketAddr::new(sip.ip(), 4000);
            Phone::new(PhoneConfig::new(user, "x.example", sip, rtp, [seed; 32]))
        };
        let mut phones = [phone("alice", ALICE, 1), phone("bob", BOB, 2)];
        let now = Instant::now();
        phones[1].handle_input(now, Input::Behave(behaviour));
        let told = [Vec::new(), Vec::new()];
        let mut pair = Self { now, phones, told };
        let to = "sip:bob@192.0.2.2".parse().unwrap();
        let next_hop = BOB.parse().unwrap();
        pair.input(0, Input::Dial { to, next_hop });
        pair
    }

    fn input(&mut self, phone: usize, input: Input) {
        self.phones[phone].handle_input(self.now, input);
        self.settle();
    }

    fn settle(&mut self) {
        while let Some((at, output)) =
            (0..2).find_map(|at| Some((at, self.phones[at].poll_output()?)))
        {
            match output {
                Output::Event(event) => self.told[at].push(event),
                Output::Transmit { to, bytes } => {
                    let from = self.phones[at].config().sip;
                    let other = usize::from(to == self.phones[1].config().sip);
                    self.phones[other].handle_input(self.now, Input::Packet { from, bytes });
                }
            }
        }
    }

    fn run(&mut self, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        while let Some(at) = self.phones.iter().filter_map(Phone::poll_timeout).min() {
            if at > until {
                break;
            }
            self.now = self.now.max(at);
            for phone in &mut self.phones {
                phone.handle_timeout(self.now);
            }
            self.settle();
        }
        self.now = until;
    }

    fn words(&self, phone: usize) -> String {
        let word = |event: &Event| match event {
            Event::Incoming { from, .. } => format!("incoming {}", from.user().unwrap_or("?")),
            Event::Ringing => "ringing".to_owned(),
            Event::EarlyMedia { agreed } => format!("early {}", agreed.codec),
            Event::Answered { agreed } => format!("answered {}", agreed.codec),
            Event::Changed { .. } => "changed".to_owned(),
            Event::Keyed { key } => format!("keyed {key}"),
            Event::Transferred { status } => format!("transferred {status}"),
            Event::Registered { seconds } => format!("registered {seconds}"),
            Event::NotRegistered { status } => format!("not registered {status}"),
            Event::Ended { status, by } => format!("ended {status} {by:?}"),
        };
        self.told[phone]
            .iter()
            .map(word)
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn check_at_rest(&mut self) {
        self.run(60);
        for phone in &self.phones {
            assert!(phone.is_idle());
            assert_eq!(phone.counts(), sip::Counts::default());
        }
    }
}

const fn after(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_phone_rings_answers_and_is_hung_up() {
    let mut pair = Pair::new(Behaviour::Ring {
        after: after(1),
        answer: Some(after(3)),
    });
    pair.run(5);
    assert_eq!(pair.words(0), "ringing, answered PCMA");
    assert_eq!(pair.words(1), "incoming alice, answered PCMA");
    pair.input(1, Input::HangUp);
    assert_eq!(
        pair.told[0].last(),
        Some(&Event::Ended {
            status: 200,
            by: EndedBy::Peer
        })
    );
    pair.check_at_rest();
}

#[test]
fn early_media_and_answer_agree_on_the_same() {
    let mut pair = Pair::new(Behaviour::EarlyMedia {
        after: after(1),
        answer: Some(after(2)),
    });
    pair.run(3);
    assert_eq!(pair.words(0), "early PCMA, answered PCMA");
    let agreed = |event: &Event| match event {
        Event::EarlyMedia { agreed } | Event::Answered { agreed } => Some(agreed.remote),
        _ => None,
    };
    let remotes: Vec<_> = pair.told[0].iter().filter_map(agreed).collect();
    assert_eq!(remotes[0], remotes[1]);
    pair.input(0, Input::HangUp);
    pair.check_at_rest();
}

#[test]
fn a_call_is_refused_or_given_up() {
    let mut pair = Pair::new(Behaviour::Refuse {
        after: after(1),
        status: 486,
    });
    pair.run(2);
    assert_eq!(pair.words(0), "ended 486 Peer");
    pair.check_at_rest();

    let mut pair = Pair::new(Behaviour::default());
    pair.run(2);
    pair.input(0, Input::HangUp);
    assert_eq!(pair.words(0), "ringing, ended 487 Us");
    assert_eq!(pair.words(1), "incoming alice, ended 487 Peer");
    pair.check_at_rest();
}

#[test]
fn a_deaf_phone_times_the_caller_out() {
    let mut pair = Pair::new(Behaviour::Deaf);
    pair.run(40);
    assert_eq!(pair.words(0), "ended 408 Peer");
    assert_eq!(pair.words(1), "");
    pair.check_at_rest();
}

#[test]
fn the_user_decides_by_hand() {
    let mut pair = Pair::new(Behaviour::TryingOnly);
    pair.run(1);
    pair.input(1, Input::Ring);
    pair.input(1, Input::Answer);
    assert_eq!(pair.words(0), "ringing, answered PCMA");
    pair.input(0, Input::HangUp);
    pair.check_at_rest();
}

#[test]
fn nothing_in_common_is_refused_with_488() {
    let mut pair = Pair::new(Behaviour::default());
    pair.input(0, Input::HangUp);
    pair.check_at_rest();
    let mut config = pair.phones[1].config().clone();
    config.codecs = vec![Codec::Pcmu];
    pair.phones[1] = Phone::new(config);
    let mut config = pair.phones[0].config().clone();
    config.codecs = vec![Codec::Pcma];
    pair.phones[0] = Phone::new(config);
    pair.told = [Vec::new(), Vec::new()];
    let to = "sip:bob@192.0.2.2".parse().unwrap();
    let next_hop = BOB.parse().unwrap();
    pair.input(0, Input::Dial { to, next_hop });
    pair.run(1);
    pair.input(1, Input::Answer);
    assert_eq!(pair.words(0), "ringing, ended 488 Peer");
    pair.check_at_rest();
}
