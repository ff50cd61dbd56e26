//! Requests whose sender must prove who it is, and those that the owner answers.

use super::dialogs::peer;
use super::pair::{A, DELAY, Pair, address, flow};
use crate::endpoint::{Challenges, Unproven};
use crate::wire::Response;
use crate::{Conduct, Config, Counts, Event, Flow, Identity, Input, Transport};

/// What a registrar challenges with.
const CHALLENGES: [&str; 2] = [
    "Digest realm=\"a\",nonce=\"1\",algorithm=SHA-256,qop=\"auth\"",
    "Digest realm=\"a\",nonce=\"1\",algorithm=MD5,qop=\"auth\"",
];

fn registrar() -> Pair {
    registrar_that_offers(Challenges::Both)
}

fn registrar_that_offers(challenges: Challenges) -> Pair {
    let config = Config {
        registrar: true,
        challenges,
        ..Config::default()
    };
    Pair::with(config, 1)
}

/// A request of a phone, with further header lines.
fn request(method: &str, headers: &str) -> String {
    format!(
        "{method} sip:acme.example SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.0.0.9:5060;rport;branch=z9hG4bKregister\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:1001@acme.example>;tag=phone\r\n\
         To: <sip:1001@acme.example>\r\n\
         Call-ID: phone\r\n\
         CSeq: 1 {method}\r\n\
         Contact: <sip:1001@10.0.0.9:5060>\r\n\
         {headers}Content-Length: 0\r\n\r\n"
    )
}

fn stranger(pair: &mut Pair, transport: Transport, text: &str) {
    let flow = Flow {
        transport,
        ..flow(address(A), peer())
    };
    let bytes = text.to_owned().into();
    pair.input(A, Input::Stranger { flow, bytes });
    pair.run(DELAY);
}

#[track_caller]
fn asked(pair: &mut Pair) -> Box<Unproven> {
    match pair.next(A) {
        Event::Unproven(asked) => asked,
        other => panic!("not asked: {other:?}"),
    }
}

#[track_caller]
fn answer(pair: &mut Pair) -> Response {
    pair.run(DELAY);
    pair.stray_response()
}

/// The challenges that a stranger's REGISTER with these header lines gets.
#[track_caller]
fn challenged(transport: Transport, headers: &str) -> Vec<String> {
    let mut pair = registrar();
    let text = request("REGISTER", headers);
    stranger(&mut pair, transport, &text);
    let asked = asked(&mut pair);
    assert_eq!(
        pair.ends[A].counts(),
        Counts::default(),
        "something is kept"
    );
    let challenges = CHALLENGES.map(str::to_owned);
    pair.input(A, Input::Challenge { asked, challenges });
    pair.run(DELAY);
    pair.rest();
    let Some(sent) = pair.strays.front() else {
        return vec![];
    };
    assert!(transport == Transport::Tcp || sent.bytes.len() <= text.len());
    let answer = pair.stray_response();
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers().get("Server"), None);
    let values = answer.headers().get_all("WWW-Authenticate");
    values.map(str::to_owned).collect()
}

#[test]
fn a_stranger_is_not_sent_more_than_it_has_sent() {
    let padding = |octets: usize| format!("User-Agent: {}\r\n", "x".repeat(octets));
    assert_eq!(challenged(Transport::Udp, &padding(300)), CHALLENGES);
    assert_eq!(challenged(Transport::Udp, &padding(60)), CHALLENGES[1..]);
    assert_eq!(challenged(Transport::Udp, ""), [""; 0]);
    // Nobody makes a connection from an address that is not theirs.
    assert_eq!(challenged(Transport::Tcp, ""), CHALLENGES);
}

#[test]
fn one_algorithm_alone_may_be_offered() {
    for (offered, values) in [
        (Challenges::Md5, &CHALLENGES[1..]),
        (Challenges::Sha256, &CHALLENGES[..1]),
    ] {
        let mut pair = registrar_that_offers(offered);
        pair.inject(peer(), A, request("REGISTER", ""));
        let asked = asked(&mut pair);
        let challenges = CHALLENGES.map(str::to_owned);
        pair.input(A, Input::Challenge { asked, challenges });
        let answer = answer(&mut pair);
        let sent = answer.headers().get_all("WWW-Authenticate");
        assert_eq!(sent.collect::<Vec<_>>(), values);
        pair.rest();
    }
}

#[test]
fn whoever_is_known_may_be_sent_more() {
    let mut pair = registrar();
    pair.inject(peer(), A, request("REGISTER", ""));
    let asked = asked(&mut pair);
    assert_eq!(asked.flow(), flow(address(A), peer()));
    let challenges = CHALLENGES.map(str::to_owned);
    pair.input(A, Input::Challenge { asked, challenges });
    let values = answer(&mut pair);
    let values = values.headers().get_all("WWW-Authenticate");
    assert_eq!(values.collect::<Vec<_>>(), CHALLENGES);
    pair.rest();
}

#[test]
fn the_owner_answers_a_register_and_its_copies_get_the_same() {
    let mut pair = registrar();
    let text = request("REGISTER", "Require: path\r\n");
    stranger(&mut pair, Transport::Udp, &text);
    let asked = asked(&mut pair);
    let register = pair.ends[A].new_request();
    let begin = Input::Begin {
        asked: asked.clone(),
        request: register,
    };
    pair.input(A, begin);
    stranger(&mut pair, Transport::Udp, &text);
    assert!(pair.names(A).is_empty() && pair.ladder.is_empty());
    assert_eq!(pair.ends[A].counts().transactions, 1);
    assert_eq!(pair.conduct, [Conduct::Proven]);
    let ok = || Input::Answer {
        request: register,
        status: 200,
        headers: vec![("Contact", "<sip:1001@10.0.0.9:5060>;expires=60".to_owned())],
    };
    pair.input(A, ok());
    // A second answer is none.
    pair.input(A, ok());
    let first = answer(&mut pair);
    assert_eq!(first.status(), 200);
    assert!(first.headers().to_tag().is_some());
    let contact = first.headers().get("Contact");
    assert_eq!(contact, Some("<sip:1001@10.0.0.9:5060>;expires=60"));
    stranger(&mut pair, Transport::Udp, &text);
    let again = answer(&mut pair);
    assert_eq!(again.headers().to_tag(), first.headers().to_tag());
    pair.rest();
    assert!(pair.ends[A].requests.is_empty());
    assert_eq!(pair.count("200 REGISTER"), 2);
}

#[test]
fn a_proven_caller_is_told_apart() {
    let mut pair = registrar();
    let credentials = "Authorization: Digest username=\"1001\"\r\n";
    for (known, headers) in [(false, ""), (true, credentials)] {
        let text = request("INVITE", headers);
        if known {
            pair.inject(peer(), A, text);
        } else {
            stranger(&mut pair, Transport::Udp, &text);
        }
        let asked = asked(&mut pair);
        assert_eq!(pair.ends[A].counts(), Counts::default());
        let identity = Identity {
            realm: "acme.example".to_owned(),
            user: "1001".to_owned(),
        };
        let proven = Some(identity.clone());
        pair.input(A, Input::Admit { asked, proven });
        let Event::Incoming(incoming) = pair.next(A) else {
            panic!("no call");
        };
        assert_eq!(incoming.proven, Some(identity));
        let dialog = incoming.dialog;
        pair.input(
            A,
            Input::Release {
                dialog,
                status: 486,
            },
        );
        pair.rest();
        pair.events[A].clear();
    }
    // A trunk brings no credentials, and nobody asks.
    pair.inject(peer(), A, request("INVITE", ""));
    let Event::Incoming(incoming) = pair.next(A) else {
        panic!("no call");
    };
    assert_eq!(incoming.proven, None);
}

#[test]
fn what_a_proven_sender_sends_is_still_screened() {
    let mut pair = registrar();
    let text = request("INVITE", "").replace("Contact: <sip:1001@10.0.0.9:5060>\r\n", "");
    stranger(&mut pair, Transport::Tcp, &text);
    let asked = asked(&mut pair);
    pair.input(
        A,
        Input::Admit {
            asked,
            proven: None,
        },
    );
    assert_eq!(answer(&mut pair).status(), 400);
    assert!(pair.names(A).is_empty());
    pair.rest();
}

#[test]
fn what_the_owner_refuses_leaves_nothing() {
    let mut pair = registrar();
    let long = "User-Agent: a phone with a long name and a long history\r\n";
    for method in ["REGISTER", "INVITE", "OPTIONS"] {
        stranger(&mut pair, Transport::Udp, &request(method, long));
        let asked = asked(&mut pair);
        pair.input(A, Input::Refuse { asked, status: 403 });
        assert_eq!(answer(&mut pair).status(), 403, "{method}");
        assert_eq!(pair.ends[A].counts(), Counts::default());
    }
    // Nobody asks who sends what is not served at all.
    stranger(&mut pair, Transport::Udp, &request("SUBSCRIBE", long));
    assert_eq!(answer(&mut pair).status(), 403);
    assert_eq!(pair.ends[A].refusals().requests, [(403, 4)].into());
}

#[test]
fn a_registrar_says_what_it_can_and_no_phone_claims_to_be_one() {
    let mut pair = registrar();
    let text = request("REGISTER", "Require: path, gruu\r\n");
    stranger(&mut pair, Transport::Tcp, &text);
    let refusal = answer(&mut pair);
    assert_eq!(refusal.status(), 420);
    assert_eq!(refusal.headers().get("Unsupported"), Some("gruu"));
    pair.inject(peer(), A, request("OPTIONS", ""));
    let abilities = answer(&mut pair);
    assert!(abilities.headers().allow().contains(&"REGISTER"));
    for tag in ["path", "outbound"] {
        assert!(abilities.headers().supported().contains(&tag), "{tag}");
    }
    let mut pair = Pair::new();
    pair.inject(peer(), A, request("REGISTER", ""));
    let refusal = answer(&mut pair);
    assert_eq!(refusal.status(), 405);
    assert!(!refusal.headers().allow().contains(&"REGISTER"));
    pair.rest();
}

#[test]
fn transactions_that_are_all_taken_leave_no_room_to_register() {
    let config = Config {
        registrar: true,
        max_transactions: 1,
        ..Config::default()
    };
    let mut pair = Pair::with(config, 1);
    stranger(&mut pair, Transport::Tcp, &request("REGISTER", ""));
    let asked = asked(&mut pair);
    let register = pair.ends[A].new_request();
    let begin = Input::Begin {
        asked,
        request: register,
    };
    pair.input(A, begin);
    let other = request("REGISTER", "").replace("z9hG4bKregister", "z9hG4bKother");
    stranger(&mut pair, Transport::Tcp, &other);
    let refusal = answer(&mut pair);
    assert_eq!(refusal.status(), 503);
    assert!(pair.names(A).is_empty());
}
