use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use model::{
    Address, CallDirection, CallId, Cause, Completion, ConferenceId, ConferenceView, DialReport,
    Event, FaultPolicy, Ha1, HeaderNames, Hop, IdSource, Login, Number, NumberId, Origin, Phone,
    PhoneId, PromptFile, ReleaseReport, ReleasedBy, Request, RequestId, SessionId, Target,
    TenantConfig, TenantId, Transport, Trunk, TrunkId, Voice,
    turn::{Asked, CallView, CommandError, Dial, Effects, Join, Phase, Plan, TurnOutcome, View},
};

use super::{Seen, Turn};
use crate::{Did, Session};

fn ids() -> IdSource {
    IdSource::new([7; 32], 3, 2)
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// A tenant with more than a turn speaks of.
fn tenant() -> TenantConfig {
    let mut source = ids();
    let mut trunk = Trunk::new(
        TrunkId::mint(&mut source, 1),
        "carrier",
        SocketAddr::from(([192, 0, 2, 1], 5060)),
    );
    trunk.prefixes = vec!["3".into(), "00".into()];
    trunk.headers_out = HeaderNames::new(vec!["Priority".into()]).unwrap();
    trunk.auth = Some(Login {
        user: "us".into(),
        password: "hidden-password".into(),
    });
    let number = |number: &str| {
        let known = Number {
            id: NumberId::first_of(1),
            number: number.into(),
            plugin: "makecall".into(),
        };
        (number.to_owned(), known)
    };
    let phone = |user: &str| {
        let known = Phone {
            id: PhoneId::first_of(1),
            user: user.into(),
            address: None,
            transport: Transport::Udp,
            voice: Voice::default(),
        };
        (user.to_owned(), known)
    };
    let prompt = |name: &str| {
        let file = PromptFile {
            digest: "sha256:1".into(),
            duration_ms: 5,
        };
        (name.to_owned(), file)
    };
    TenantConfig {
        id: TenantId::mint(&mut source, 1),
        name: "acme".into(),
        domain: "acme.example".into(),
        numbers: ["2001", "2002"].map(number).into(),
        trunks: vec![trunk],
        phones: ["1001", "1002"].map(phone).into(),
        secrets: [("1001".to_owned(), Ha1::new("hidden-md5", "hidden-sha"))].into(),
        plugins: BTreeMap::new(),
        prompts: ["welcome", "other"].map(prompt).into(),
        default_plugin: "makecall".into(),
        fault_policy: FaultPolicy::Release,
        media_timeout: None,
        rollouts: BTreeMap::new(),
        records_turns: true,
    }
}

fn turn(event: Event) -> Turn {
    let mut source = IdSource::new([9; 32], 3, 2);
    let call = CallId::mint(&mut source, 5);
    let conference = || ConferenceView {
        id: ConferenceId::first_of(3),
        name: "monday".into(),
        size: 2,
    };
    let hop = Hop {
        transport: Transport::Udp,
        address: SocketAddr::from(([127, 0, 0, 1], 5060)),
        name: None,
    };
    Turn {
        number: 4,
        version: 2,
        digest: "sha256:ab".into(),
        view: View {
            session: SessionId::mint(&mut source, 5),
            now: 1_700_000_000_000,
            calls: vec![CallView {
                id: call,
                direction: CallDirection::Inbound,
                phase: Phase::Offered,
                from: address("sip:1001@acme.example"),
                to: address("sip:2001@acme.example"),
                user_data: "\"x\"".into(),
                headers: [("X-A".to_owned(), "1".to_owned())].into(),
                bridged: Some(call),
                conference: Some(ConferenceId::first_of(3)),
                operations: 1,
            }],
            calls_made: 2,
            conferences: vec![conference()],
            gone: Some(conference()),
            operations: 3,
            asked: Some(Asked {
                call,
                join: Some(Join {
                    target: Target::from(hop),
                    replaces: "a;to-tag=b;from-tag=c".into(),
                }),
            }),
            timers: vec!["late".into()],
            state: Arc::from(&b"\xff\x00"[..]),
            tenant: Arc::new(tenant()),
            plugin: "makecall".into(),
            settings: Arc::new([("greeting".to_owned(), "welcome".to_owned())].into()),
        },
        event,
        ids: ids(),
        reads: [
            ("a".to_owned(), Seen::Value(b"1".to_vec(), 7)),
            ("b".to_owned(), Seen::Nothing),
            ("c".to_owned(), Seen::Unavailable),
        ]
        .into(),
        did: Did {
            commands: vec!["ring call_1".into()],
            reply: Some((200, "{}".into())),
            writes: [("a".to_owned(), None)].into(),
            ..Did::default()
        },
    }
}

/// One of each.
fn events() -> Vec<Event> {
    let call = CallId::first_of(5);
    let conference = ConferenceId::first_of(3);
    let how = Completion::FinishKey('#');
    vec![
        Event::Incoming { call, begin: 1 },
        Event::Ringing {
            call,
            early_media: true,
        },
        Event::DialCompleted {
            call,
            report: DialReport {
                begin: 1,
                answer: Some(2),
                end: 3,
                error: Some(Cause::from_network(302)),
                reason: Some("Moved".into()),
                redirect: Some(address("sip:9@x.example")),
            },
        },
        Event::Answered { call },
        Event::Released {
            call,
            report: ReleaseReport {
                direction: CallDirection::Outbound,
                from: address("sip:1@a.example"),
                to: address("sip:2@a.example"),
                begin: 1,
                answer: None,
                end: 3,
                dropped_by: ReleasedBy::User,
                cause: Cause::from_network(401),
                q850: Some(16),
                reason: None,
            },
        },
        Event::Digit { call, digit: '#' },
        Event::PlayCompleted {
            call,
            operation: 1,
            how,
        },
        Event::DigitsCollected {
            call,
            operation: 1,
            digits: "12".into(),
            how: Completion::Timeout,
        },
        Event::CommandFailed {
            call,
            command: "hold",
            why: CommandError::Unsupported("no".into()),
        },
        Event::RecordCompleted {
            call,
            operation: 1,
            how,
            duration_ms: 9,
        },
        Event::ConferencePlayCompleted {
            conference,
            name: "monday".into(),
            operation: 1,
            how,
        },
        Event::ConferenceRecordCompleted {
            conference,
            name: "monday".into(),
            operation: 1,
            how,
            duration_ms: 9,
        },
        Event::TransferRequested {
            call,
            target: address("3001"),
            replaces: None,
        },
        Event::TransferCompleted { call, status: 202 },
        Event::Timer {
            name: "late".into(),
        },
        Event::Request(Request {
            id: RequestId::first_of(1),
            origin: Origin::Cti,
            user: "1001".into(),
            verb: "callin".into(),
            body: "{}".into(),
        }),
    ]
}

#[test]
fn every_event_and_view_is_read_as_it_was_written() {
    for event in events() {
        let turn = turn(event);
        let text = turn.write().unwrap();
        let read = Turn::read(&text).unwrap();
        assert_eq!(read.event, turn.event);
        assert!(
            text.contains(&format!("{{\"{}\":", turn.event.name())),
            "{text}"
        );
        assert_eq!(read.view.calls, turn.view.calls);
        assert_eq!(read.view.conferences, turn.view.conferences);
        assert_eq!(read.view.gone, turn.view.gone);
        let replaces = |turn: &Turn| turn.view.asked.clone()?.join.map(|join| join.replaces);
        assert_eq!(replaces(&read), replaces(&turn));
        assert_eq!(
            (&read.view.state, &read.view.timers),
            (&turn.view.state, &turn.view.timers)
        );
        assert_eq!(read.view.settings, turn.view.settings);
        assert_eq!((&read.reads, &read.did), (&turn.reads, &turn.did));
        assert_eq!(read.ids.origin(), turn.ids.origin());
        // Nothing of it was lost: it is the same text again.
        assert_eq!(read.write().unwrap(), text);
        assert!(!text.contains('\n'));
    }
}

#[test]
fn what_nobody_spoke_of_is_not_recorded_and_no_password_is() {
    let turn = turn(Event::Answered {
        call: CallId::first_of(5),
    });
    let text = turn.write().unwrap();
    for absent in ["2002", "1002", "other", "hidden", "192.0.2.1", "\"00\""] {
        assert!(!text.contains(absent), "{absent}: {text}");
    }
    let tenant = Turn::read(&text).unwrap().view.tenant;
    assert!(tenant.owns("2001") && tenant.owns("1001") && !tenant.owns("2002"));
    assert!(tenant.prompts.contains_key("welcome"));
    assert_eq!(tenant.domain, "acme.example");
}

#[test]
fn what_a_plan_accepted_it_accepts_again() {
    accepts_again("2001", |_| {});
}

#[test]
fn whom_a_policy_found_in_a_long_list_of_its_store_is_recorded() {
    // The number that it calls from is one that nobody mentions otherwise.
    accepts_again("2002", |turn| {
        let others = (50_000..60_000).map(|at| format!("{at} "));
        let list: String = others.chain(["2002".to_owned()]).collect();
        turn.reads = [("book".to_owned(), Seen::Value(list.into_bytes(), 1))].into();
    });
}

fn accepts_again(from: &str, change: impl FnOnce(&mut Turn)) {
    let mut turn = turn(Event::Answered {
        call: CallId::first_of(5),
    });
    turn.view.asked = None;
    change(&mut turn);
    let construct = |turn: &Turn| {
        let mut plan = Plan::new(turn.view.clone(), turn.ids.clone());
        let headers = [("Priority".to_owned(), "urgent".to_owned())];
        let dial = Dial {
            from,
            to: "3003",
            user_data: "u",
            max_ring_seconds: 60,
            headers: &headers,
            ..Dial::default()
        };
        plan.construct(&dial).unwrap();
        Did::of(&TurnOutcome::Done(Box::new(Effects {
            commands: plan.into_commands(),
            ..Effects::default()
        })))
    };
    turn.did = construct(&turn);
    let read = Turn::read(&turn.write().unwrap()).unwrap();
    assert_eq!(construct(&read), turn.did);
    let words = &turn.did.commands[0];
    assert!(words.contains("to sip:3003@acme.example (trk_"), "{words}");
    assert!(
        words.ends_with(", ring at most 60 s, \"u\", Priority: urgent"),
        "{words}"
    );
}

#[test]
fn what_is_no_recorded_session_is_refused() {
    let one = turn(Event::Answered {
        call: CallId::first_of(5),
    });
    let mut another = one.clone();
    another.view.session = SessionId::first_of(9);
    let mut whole = Session::new(vec![one.clone()]).unwrap();
    for lost in [0, 3] {
        whole.lost = lost;
        let read = Session::read(&whole.write().unwrap()).unwrap();
        assert_eq!((read.turns.len(), read.lost), (1, lost));
    }
    let both = Session::new(vec![one.clone(), another]).unwrap_err();
    assert!(
        both.to_string()
            .ends_with("its turns are of several sessions")
    );
    for (text, said) in [
        ("", "EOF"),
        ("{}", "missing field `turns`"),
        (r#"{"turns": []}"#, "it has no turns"),
        (r#"{"turns": [{"turn": 1}]}"#, "missing field `event`"),
    ] {
        let why = Session::read(text).unwrap_err().to_string();
        assert!(why.contains(said), "{text}: {why}");
    }
    let lost = one.write().unwrap().replace("\"did\"", "\"done\"");
    assert!(Turn::read(&lost).is_err());
}
