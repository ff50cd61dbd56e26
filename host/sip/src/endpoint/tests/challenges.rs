//! A carrier that wants a proof of every request within a call.

use std::sync::Arc;
use std::time::Duration;

use super::dialogs::{peer, peer_talks};
use super::pair::{A, DELAY, Pair, invite, sdp};
use super::sessions::answer;
use crate::digest::{Bearer, Credentials, Denied, Guard, Login, Secrets};
use crate::wire::{Method, Request};
use crate::{DialogId, Event, Input, limits};

const REALM: &str = "carrier.example";
const TIME: u64 = 1_000_000;
const ASKS: &str = "407 Proxy Authentication Required";

/// It judges what it gets as our own registrar would.
struct Carrier {
    guard: Guard,
    /// How many nonces it has made.
    nonces: u32,
    secrets: [String; 2],
}

fn login() -> Login {
    Login {
        username: "us".to_owned(),
        password: "secret".to_owned(),
    }
}

fn bearer(request: &Request) -> Bearer<'_> {
    Bearer {
        method: request.method().as_str(),
        call_id: request.headers().call_id(),
        realm: REALM,
        source: std::net::IpAddr::from([192, 0, 2, 1]),
    }
}

impl Carrier {
    fn new() -> Self {
        Self {
            guard: Guard::new([7; 32]),
            nonces: 0,
            secrets: login().ha1(REALM),
        }
    }

    /// Challenges a request of ours.
    fn asks(&mut self, pair: &mut Pair, sent: &Request, stale: bool) {
        self.nonces += 1;
        let values = self.guard.challenge(bearer(sent), stale, TIME, self.nonces);
        let headers = values.map(|value| format!("Proxy-Authenticate: {value}\r\n"));
        pair.inject(peer(), A, answer(sent, ASKS, &headers.concat(), ""));
        pair.run(DELAY);
        if *sent.method() == Method::INVITE {
            assert_eq!(*pair.stray_request().method(), Method::ACK);
        }
    }

    /// The count of a proof that it believes.
    #[track_caller]
    fn believes(&mut self, request: &Request) -> u32 {
        let value = request.headers().get("Proxy-Authorization");
        let credentials = Credentials::parse(value.expect("no proof")).unwrap();
        assert_eq!(credentials.uri, request.uri().to_string());
        let [md5, sha256] = &self.secrets;
        let secrets = Some(Secrets { md5, sha256 });
        let judged = self
            .guard
            .verify(&credentials, bearer(request), secrets, TIME);
        assert_eq!(judged, Ok::<_, Denied>(()), "{}", request.method());
        credentials.count
    }

    /// An answered call of ours whose INVITE it has challenged; the ACK.
    fn talk(&mut self, pair: &mut Pair, headers: &str) -> (DialogId, Request) {
        let dialog = call(pair);
        let first = pair.stray_request();
        self.asks(pair, &first, false);
        let second = pair.stray_request();
        assert_eq!(self.believes(&second), 1);
        pair.inject(peer(), A, answer(&second, "200 OK", headers, "answer"));
        pair.run(DELAY);
        assert!(matches!(pair.next(A), Event::Accepted { .. }));
        (dialog, pair.stray_request())
    }
}

fn call(pair: &mut Pair) -> DialogId {
    let dialog = pair.ends[A].new_dialog();
    let mut order = invite(dialog, A, peer());
    order.login = Some(Arc::new(login()));
    pair.input(A, Input::Invite(Box::new(order)));
    pair.run(DELAY);
    dialog
}

fn ok(pair: &mut Pair, request: &Request, body: &str) {
    pair.inject(peer(), A, answer(request, "200 OK", "", body));
    pair.run(DELAY);
}

fn reoffer(pair: &mut Pair, dialog: DialogId) -> Request {
    let sdp = sdp("hold");
    pair.input(A, Input::Reoffer { dialog, sdp });
    pair.run(DELAY);
    pair.stray_request()
}

fn refer(pair: &mut Pair, dialog: DialogId) -> Request {
    let uri = |text: &str| text.parse().unwrap();
    let refer = Input::Refer {
        dialog,
        to: uri("sip:carol@10.0.0.8"),
        by: uri("sip:bob@10.0.0.1"),
        replaces: None,
    };
    pair.input(A, refer);
    pair.run(DELAY);
    pair.stray_request()
}

fn release(pair: &mut Pair, dialog: DialogId) -> Request {
    let status = 200;
    pair.input(A, Input::Release { dialog, status });
    pair.run(DELAY);
    let bye = pair.stray_request();
    assert_eq!(*bye.method(), Method::BYE);
    bye
}

/// A request of the carrier within the call that this request of ours is in.
fn from_carrier(pair: &mut Pair, ours: &Request, method: &str, cseq: u32, headers: &str) {
    let (said, body) = (ours.headers(), headers.split_once("\r\n\r\n"));
    let (headers, body) = body.unwrap_or((headers, ""));
    let text = format!(
        "{method} sip:jackfield@10.0.0.1:5060 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.0.0.9:5060;rport;branch=z9hG4bKcarrier{cseq}\r\n\
         From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n\
         Contact: <sip:peer@10.0.0.9:5060>\r\n{headers}\r\nContent-Length: {}\r\n\r\n{body}",
        said.to(),
        said.from(),
        said.call_id(),
        body.len(),
    );
    pair.inject(peer(), A, text);
    pair.run(DELAY);
}

/// Checks that `second` is `first` once more, with the next number.
#[track_caller]
fn check_again(first: &Request, second: &Request) {
    let (before, after) = (first.headers(), second.headers());
    assert_eq!(first.method(), second.method());
    assert_eq!(first.uri(), second.uri());
    assert_eq!(after.cseq().number, before.cseq().number + 1);
    assert_ne!(after.via().branch(), before.via().branch());
    assert_eq!(first.body(), second.body());
    for name in ["From", "To", "Call-ID", "Contact", "Refer-To", "Reason"] {
        assert_eq!(after.get(name), before.get(name), "{name}");
    }
    assert_eq!(after.get_all("Proxy-Authorization").count(), 1);
}

#[test]
fn what_follows_a_challenged_invite_is_proven_unasked_and_its_count_rises() {
    let (mut pair, mut carrier) = (Pair::new(), Carrier::new());
    let headers = "Session-Expires: 90;refresher=uac\r\nAllow: UPDATE\r\n";
    let (dialog, _) = carrier.talk(&mut pair, headers);
    pair.run(Duration::from_secs(45));
    let update = pair.stray_request();
    assert_eq!(*update.method(), Method::UPDATE);
    assert_eq!(carrier.believes(&update), 2);
    ok(&mut pair, &update, "");
    let reinvite = reoffer(&mut pair, dialog);
    assert_eq!(carrier.believes(&reinvite), 3);
    ok(&mut pair, &reinvite, "answer");
    let ack = pair.stray_request();
    // RFC 3261 §22.1: an ACK cannot be challenged, so that it says what its INVITE has said.
    let proof = |request: &Request| {
        let value = request.headers().get("Proxy-Authorization");
        value.map(str::to_owned)
    };
    assert_eq!(
        (ack.method(), proof(&ack)),
        (&Method::ACK, proof(&reinvite))
    );
    let asked = refer(&mut pair, dialog);
    assert_eq!(carrier.believes(&asked), 4);
    ok(&mut pair, &asked, "");
    let bye = release(&mut pair, dialog);
    assert_eq!(carrier.believes(&bye), 5);
    ok(&mut pair, &bye, "");
    pair.rest();
    assert_eq!(pair.names(A), ["reanswered", "gone"]);
}

#[test]
fn a_nonce_for_each_request_costs_each_one_more_copy() {
    let (mut pair, mut carrier) = (Pair::new(), Carrier::new());
    let headers = "Session-Expires: 90;refresher=uac\r\nAllow: UPDATE\r\n";
    let (dialog, ack) = carrier.talk(&mut pair, headers);
    let mut again = |pair: &mut Pair, first: &Request| {
        carrier.asks(pair, first, false);
        let second = pair.stray_request();
        check_again(first, &second);
        assert_eq!(carrier.believes(&second), 1);
        second
    };
    pair.run(Duration::from_secs(45));
    let first = pair.stray_request();
    assert_eq!(*first.method(), Method::UPDATE);
    let second = again(&mut pair, &first);
    ok(&mut pair, &second, "");
    let first = reoffer(&mut pair, dialog);
    let second = again(&mut pair, &first);
    ok(&mut pair, &second, "answer");
    assert_eq!(pair.names(A), ["reanswered"]);
    let sent = pair.stray_request();
    assert_eq!(sent.headers().cseq().number, second.headers().cseq().number);
    let first = refer(&mut pair, dialog);
    let second = again(&mut pair, &first);
    pair.inject(peer(), A, answer(&second, "202 Accepted", "", ""));
    // The number of the copy that was taken is the id of what it asked for.
    let notify = |number: u32| {
        format!(
            "Event: refer;id={number}\r\nSubscription-State: terminated\r\n\
             Content-Type: message/sipfrag\r\n\r\nSIP/2.0 200 OK\r\n"
        )
    };
    for (cseq, of, status) in [(2, &first, 481), (3, &second, 200)] {
        let headers = notify(of.headers().cseq().number);
        from_carrier(&mut pair, &ack, "NOTIFY", cseq, &headers);
        assert_eq!(pair.stray_response().status(), status);
    }
    assert_eq!(pair.names(A), ["transferred 200"]);
    let first = release(&mut pair, dialog);
    let second = again(&mut pair, &first);
    ok(&mut pair, &second, "");
    pair.rest();
    assert_eq!(pair.names(A), ["gone"]);
    assert_eq!((pair.count("REFER"), pair.count("UPDATE")), (2, 2));
}

#[test]
fn whoever_never_believes_gets_three_copies_at_most_and_is_told_as_having_refused() {
    for stale in [false, true] {
        let copies = if stale { 3 } else { 2 };
        let (mut pair, mut carrier) = (Pair::new(), Carrier::new());
        let (dialog, _) = carrier.talk(&mut pair, "");
        let mut never = |pair: &mut Pair, first: Request| {
            let mut sent = first;
            for copy in 1..=copies {
                carrier.asks(pair, &sent, stale);
                if copy < copies {
                    sent = pair.stray_request();
                }
            }
            assert!(pair.strays.is_empty());
        };
        let sent = reoffer(&mut pair, dialog);
        never(&mut pair, sent);
        assert_eq!(pair.names(A), ["reanswered 407"]);
        let sent = refer(&mut pair, dialog);
        never(&mut pair, sent);
        assert_eq!(pair.names(A), ["transferred 407"]);
        let sent = release(&mut pair, dialog);
        never(&mut pair, sent);
        pair.rest();
        assert_eq!(pair.names(A), ["gone"], "the call is over all the same");
        // The INVITE that began it, twice.
        let counts = ["INVITE", "REFER", "BYE"].map(|name| pair.count(name));
        assert_eq!(counts, [2 + copies, copies, copies]);
    }
}

#[test]
fn who_has_no_login_for_it_gives_no_proof() {
    let mut pair = Pair::new();
    let dialog = pair.ends[A].new_dialog();
    pair.input(A, Input::Invite(Box::new(invite(dialog, A, peer()))));
    pair.run(DELAY);
    let sent = pair.stray_request();
    ok(&mut pair, &sent, "answer");
    let _ack = pair.stray_request();
    let mut carrier = Carrier::new();
    let sent = reoffer(&mut pair, dialog);
    carrier.asks(&mut pair, &sent, false);
    let sent = release(&mut pair, dialog);
    carrier.asks(&mut pair, &sent, false);
    pair.rest();
    assert_eq!(pair.names(A), ["accepted", "reanswered 407", "gone"]);
    assert_eq!((pair.count("INVITE"), pair.count("BYE")), (2, 1));
}

#[test]
fn a_carrier_may_ask_within_a_call_that_it_has_made_too() {
    let (mut pair, mut carrier) = (Pair::new(), Carrier::new());
    let (dialog, _) = peer_talks(&mut pair, "");
    let login = Arc::new(login());
    pair.input(A, Input::Login { dialog, login });
    let first = reoffer(&mut pair, dialog);
    assert_eq!(first.headers().get("Proxy-Authorization"), None);
    carrier.asks(&mut pair, &first, false);
    let second = pair.stray_request();
    check_again(&first, &second);
    assert_eq!(carrier.believes(&second), 1);
    ok(&mut pair, &second, "answer");
    let _ack = pair.stray_request();
    let bye = release(&mut pair, dialog);
    assert_eq!(carrier.believes(&bye), 2);
    ok(&mut pair, &bye, "");
    pair.rest();
}

#[test]
fn what_is_said_of_a_transfer_waits_for_the_bye_that_was_believed() {
    let (mut pair, mut carrier) = (Pair::new(), Carrier::new());
    let (dialog, ack) = carrier.talk(&mut pair, "");
    from_carrier(
        &mut pair,
        &ack,
        "REFER",
        2,
        "Refer-To: <sip:carol@10.0.0.8>",
    );
    let answer = Ok(());
    pair.input(A, Input::Referral { dialog, answer });
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 202);
    let trying = pair.stray_request();
    carrier.asks(&mut pair, &trying, false);
    let again = pair.stray_request();
    check_again(&trying, &again);
    ok(&mut pair, &again, "");
    let bye = release(&mut pair, dialog);
    let status = 200;
    pair.input(A, Input::Notify { dialog, status });
    carrier.asks(&mut pair, &bye, false);
    let bye = pair.stray_request();
    assert!(pair.strays.is_empty(), "it does not overtake the BYE");
    ok(&mut pair, &bye, "");
    let last = pair.stray_request();
    assert_eq!(*last.method(), Method::NOTIFY);
    assert_eq!(
        last.headers().cseq().number,
        bye.headers().cseq().number + 1
    );
    assert_eq!(carrier.believes(&last), 2);
    ok(&mut pair, &last, "");
    pair.rest();
}

#[test]
fn a_re_invite_that_is_proven_and_then_ignored_is_given_up_as_any_other() {
    let (mut pair, mut carrier) = (Pair::new(), Carrier::new());
    let (dialog, _) = carrier.talk(&mut pair, "");
    let first = reoffer(&mut pair, dialog);
    pair.run(Duration::from_secs(20));
    pair.inject(peer(), A, answer(&first, "100 Trying", "", ""));
    pair.strays.clear();
    carrier.asks(&mut pair, &first, false);
    let second = pair.stray_request();
    pair.inject(peer(), A, answer(&second, "100 Trying", "", ""));
    // So long it may take from then on.
    pair.run(Duration::from_secs(31));
    assert!(pair.names(A).is_empty());
    pair.run(Duration::from_secs(2));
    assert_eq!(pair.names(A), ["lost 408"]);
    pair.rest();
}

#[test]
fn a_fork_that_is_too_late_is_ended_even_if_it_asks_who_ends_it() {
    let (mut pair, mut carrier) = (Pair::new(), Carrier::new());
    let dialog = call(&mut pair);
    let first = pair.stray_request();
    carrier.asks(&mut pair, &first, false);
    let invite = pair.stray_request();
    for tag in ["first", "second"] {
        let accepts = invite
            .respond(200, Some(tag))
            .header("Contact", "<sip:peer@10.0.0.9:5060>");
        pair.inject(peer(), A, accepts.build().unwrap());
        pair.run(DELAY);
    }
    let [_ack, _other_ack, bye] = [0; 3].map(|_| pair.stray_request());
    assert_eq!(
        (bye.method(), bye.headers().to_tag()),
        (&Method::BYE, Some("second"))
    );
    carrier.asks(&mut pair, &bye, false);
    let again = pair.stray_request();
    check_again(&bye, &again);
    ok(&mut pair, &again, "");
    let bye = release(&mut pair, dialog);
    assert_eq!(
        bye.headers().cseq().number,
        3,
        "the other fork counts for itself"
    );
    ok(&mut pair, &bye, "");
    pair.rest();
}

#[test]
fn of_too_many_requests_that_wait_the_oldest_is_not_proven() {
    let (mut pair, mut carrier) = (Pair::new(), Carrier::new());
    let dialog = call(&mut pair);
    let first = pair.stray_request();
    carrier.asks(&mut pair, &first, false);
    let invite = pair.stray_request();
    for sequence in 0..=limits::PROVABLE {
        let early = invite
            .respond(180, Some("peer"))
            .header("Require", "100rel")
            .header("RSeq", &(sequence + 1).to_string())
            .header("Contact", "<sip:peer@10.0.0.9:5060>");
        pair.inject(peer(), A, early.build().unwrap());
    }
    pair.run(DELAY);
    let pracks: Vec<_> = (0..=limits::PROVABLE)
        .map(|_| pair.stray_request())
        .collect();
    assert!(pracks.iter().all(|it| *it.method() == Method::PRACK));
    carrier.asks(&mut pair, &pracks[0], false);
    assert!(pair.strays.is_empty());
    carrier.asks(&mut pair, &pracks[1], false);
    let again = pair.stray_request();
    assert_eq!(again.headers().get("RAck"), pracks[1].headers().get("RAck"));
    let newest = limits::PROVABLE as u32 + 1;
    assert_eq!(again.headers().cseq().number, newest + 2 + 1);
    let status = 487;
    pair.input(A, Input::Release { dialog, status });
    pair.rest();
}

/// The realms that a request of ours brings proofs for.
fn realms(request: &Request) -> Vec<String> {
    let values = request.headers().get_all("Proxy-Authorization");
    let realm = |value| Credentials::parse(value).unwrap().realm;
    values.map(realm).collect()
}

fn asks_for(pair: &mut Pair, sent: &Request, realm: &str) {
    let value = format!("Digest realm=\"{realm}\",nonce=\"1\",qop=\"auth\"");
    let headers = format!("Proxy-Authenticate: {value}\r\n");
    pair.inject(peer(), A, answer(sent, ASKS, &headers, ""));
    pair.run(DELAY);
    assert_eq!(*pair.stray_request().method(), Method::ACK);
}

#[test]
fn proxies_with_realms_of_their_own_get_a_proof_each() {
    // RFC 3261 §22.3.
    let mut pair = Pair::new();
    let dialog = call(&mut pair);
    let first = pair.stray_request();
    asks_for(&mut pair, &first, "near");
    let second = pair.stray_request();
    assert_eq!(realms(&second), ["near"]);
    asks_for(&mut pair, &second, "far");
    let third = pair.stray_request();
    assert_eq!(realms(&third), ["near", "far"]);
    pair.inject(peer(), A, answer(&third, "200 OK", "", "answer"));
    pair.run(DELAY);
    assert!(matches!(pair.next(A), Event::Accepted { .. }));
    assert_eq!(*pair.stray_request().method(), Method::ACK);
    let bye = release(&mut pair, dialog);
    assert_eq!(realms(&bye), ["near", "far"]);
    ok(&mut pair, &bye, "");
    pair.rest();
}

#[test]
fn a_request_is_not_sent_again_for_ever_new_realms() {
    let mut pair = Pair::new();
    call(&mut pair);
    for realm in 0..limits::REALMS {
        let sent = pair.stray_request();
        assert_eq!(realms(&sent).len(), realm);
        asks_for(&mut pair, &sent, &format!("realm {realm}"));
    }
    let last = pair.stray_request();
    asks_for(&mut pair, &last, "one more");
    assert!(matches!(pair.next(A), Event::Failed { status: 407, .. }));
    pair.rest();
    assert!(pair.strays.is_empty());
}
