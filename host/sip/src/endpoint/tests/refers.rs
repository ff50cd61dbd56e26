//! REFER of the peer, and what it is told: RFC 3515, RFC 4488, RFC 5057.

use std::time::Duration;

use super::dialogs::{peer, peer_request, peer_talks};
use super::pair::{A, DELAY, Pair};
use crate::wire::{Request, Response};
use crate::{DialogId, Input, limits};

/// A REFER of the peer with these header lines.
fn refer(ok: &Response, cseq: u32, headers: &str) -> String {
    let refer = peer_request(ok, "REFER", cseq, &format!("z9hG4bKr{cseq}"), None);
    refer.replace("Max-Forwards", &format!("{headers}\r\nMax-Forwards"))
}

const TO: &str = "Refer-To: <sip:carol@10.0.0.8>";

fn asks(pair: &mut Pair, text: String) -> Vec<String> {
    pair.inject(peer(), A, text);
    pair.run(DELAY);
    pair.names(A)
}

fn decides(pair: &mut Pair, dialog: DialogId, answer: Result<(), u16>) -> u16 {
    pair.input(A, Input::Referral { dialog, answer });
    pair.run(DELAY);
    pair.stray_response().status()
}

fn tells(pair: &mut Pair, dialog: DialogId, status: u16) {
    pair.input(A, Input::Notify { dialog, status });
    pair.run(DELAY);
}

/// The next NOTIFY, answered: its Event, its state without expiry, its body.
#[track_caller]
fn notify(pair: &mut Pair, status: u16) -> [String; 3] {
    let notify = pair.stray_request();
    assert_eq!(notify.method().as_str(), "NOTIFY");
    answer(pair, &notify, status);
    let headers = notify.headers();
    assert_eq!(headers.content_type(), Some("message/sipfrag;version=2.0"));
    let state = headers.get("Subscription-State").unwrap();
    let body = String::from_utf8_lossy(notify.body()).into_owned();
    let state = state.split(";expires").next().unwrap().to_owned();
    [headers.get("Event").unwrap().to_owned(), state, body]
}

fn answer(pair: &mut Pair, request: &Request, status: u16) {
    let answer = request.respond(status, None).build().unwrap();
    pair.inject(peer(), A, answer);
    pair.run(DELAY);
}

fn says(event: &str, state: &str, status: &str) -> [String; 3] {
    [event.into(), state.into(), format!("SIP/2.0 {status}\r\n")]
}

const OVER: &str = "terminated;reason=noresource";

#[test]
fn who_asks_is_told_how_it_goes_one_after_another() {
    let mut pair = Pair::new();
    let (dialog, ok) = peer_talks(&mut pair, "");
    let asked = asks(&mut pair, refer(&ok, 2, TO));
    assert_eq!(asked, ["referred sip:carol@10.0.0.8"]);
    assert!(pair.strays.is_empty());
    assert_eq!(decides(&mut pair, dialog, Ok(())), 202);
    // The first word waits for its answer, and the last one for that.
    tells(&mut pair, dialog, 180);
    tells(&mut pair, dialog, 200);
    tells(&mut pair, dialog, 486);
    assert_eq!(pair.strays.len(), 1);
    assert_eq!(
        notify(&mut pair, 200),
        says("refer", "active", "100 Trying")
    );
    assert_eq!(notify(&mut pair, 200), says("refer", OVER, "200 OK"));
    tells(&mut pair, dialog, 486);
    assert!(pair.strays.is_empty());
    // The next one has an id.
    asks(&mut pair, refer(&ok, 3, TO));
    assert_eq!(decides(&mut pair, dialog, Ok(())), 202);
    assert_eq!(notify(&mut pair, 200)[0], "refer;id=3");
    tells(&mut pair, dialog, 603);
    assert_eq!(
        notify(&mut pair, 200),
        says("refer;id=3", OVER, "603 Decline")
    );
    let bye = peer_request(&ok, "BYE", 4, "z9hG4bKbye", None);
    assert_eq!(asks(&mut pair, bye), ["hung up"]);
    pair.rest();
}

#[test]
fn a_second_one_waits_and_a_refusal_ends_the_first() {
    let mut pair = Pair::new();
    let (dialog, ok) = peer_talks(&mut pair, "");
    asks(&mut pair, refer(&ok, 2, TO));
    assert!(asks(&mut pair, refer(&ok, 3, TO)).is_empty());
    let later = pair.stray_response();
    assert!(later.status() == 500 && later.headers().retry_after().is_some());
    assert_eq!(decides(&mut pair, dialog, Err(603)), 603);
    assert_eq!(asks(&mut pair, refer(&ok, 4, TO)).len(), 1);
    let status = 200;
    pair.input(A, Input::Release { dialog, status });
    pair.run(DELAY);
    // The end of the call answers what waits.
    let said: Vec<_> = pair.strays.drain(..).map(|packet| packet.name).collect();
    assert_eq!(said, ["BYE", "487 REFER"]);
    pair.rest();
}

#[test]
fn what_cannot_be_called_is_refused_without_asking() {
    let mut pair = Pair::new();
    let (_, ok) = peer_talks(&mut pair, "");
    let cases = [
        ("X: y", 400),
        ("Refer-To: <sip:a@b>\r\nRefer-To: <sip:c@d>", 400),
        ("Refer-To: <sip:a@b?Replaces=x>", 400),
        ("Refer-To: <http://a.example>", 603),
        ("Refer-To: <sip:a@b;method=BYE>", 603),
    ];
    for (n, (headers, status)) in cases.into_iter().enumerate() {
        assert!(asks(&mut pair, refer(&ok, n as u32 + 2, headers)).is_empty());
        assert_eq!(pair.stray_response().status(), status, "{headers}");
    }
    let replaces = "r: <sip:carol@10.0.0.8;method=INVITE?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2>";
    let asked = asks(&mut pair, refer(&ok, 9, replaces));
    assert_eq!(asked, ["referred sip:carol@10.0.0.8 x;to-tag=1;from-tag=2"]);
    let bye = peer_request(&ok, "BYE", 10, "z9hG4bKbye", None);
    assert_eq!(asks(&mut pair, bye), ["hung up"]);
    pair.rest();
}

#[test]
fn who_hangs_up_is_told_all_the_same() {
    let mut pair = Pair::new();
    let (dialog, ok) = peer_talks(&mut pair, "");
    asks(&mut pair, refer(&ok, 2, TO));
    decides(&mut pair, dialog, Ok(()));
    notify(&mut pair, 200);
    let bye = peer_request(&ok, "BYE", 3, "z9hG4bKbye", None);
    assert_eq!(asks(&mut pair, bye), ["hung up"]);
    assert_eq!(pair.stray_response().status(), 200);
    pair.run(Duration::from_secs(60));
    assert_eq!(pair.ends[A].counts().dialogs, 1);
    tells(&mut pair, dialog, 200);
    assert_eq!(notify(&mut pair, 200), says("refer", OVER, "200 OK"));
    pair.rest();
    assert_eq!(pair.names(A), ["gone"]);
}

#[test]
fn what_is_told_does_not_overtake_our_bye() {
    let mut pair = Pair::new();
    let (dialog, ok) = peer_talks(&mut pair, "");
    asks(&mut pair, refer(&ok, 2, TO));
    decides(&mut pair, dialog, Ok(()));
    notify(&mut pair, 200);
    let status = 500;
    pair.input(A, Input::Release { dialog, status });
    tells(&mut pair, dialog, 480);
    let bye = pair.stray_request();
    assert_eq!(bye.method().as_str(), "BYE");
    assert!(pair.strays.is_empty());
    answer(&mut pair, &bye, 200);
    let told = says("refer", OVER, "480 Temporarily Unavailable");
    assert_eq!(notify(&mut pair, 200), told);
    pair.rest();
}

#[test]
fn nobody_is_told_who_does_not_want_to_know() {
    for (headers, refused) in [
        ("Refer-Sub: false", None),
        ("X: y", Some(481)),
        ("X: y", Some(408)),
    ] {
        let mut pair = Pair::new();
        let (dialog, ok) = peer_talks(&mut pair, "");
        asks(
            &mut pair,
            refer(&ok, 2, &format!("Require: norefersub\r\n{TO}\r\n{headers}")),
        );
        assert_eq!(decides(&mut pair, dialog, Ok(())), 202);
        match refused {
            Some(408) => pair.run(Duration::from_secs(33)),
            Some(status) => drop(notify(&mut pair, status)),
            None => {}
        }
        pair.strays.clear();
        tells(&mut pair, dialog, 200);
        assert!(pair.strays.is_empty(), "{headers} {refused:?}");
        let bye = peer_request(&ok, "BYE", 3, "z9hG4bKbye", None);
        asks(&mut pair, bye);
        pair.rest();
    }
}

#[test]
fn a_transfer_that_takes_too_long_ends_in_408() {
    let mut pair = Pair::new();
    let (dialog, ok) = peer_talks(&mut pair, "");
    asks(&mut pair, refer(&ok, 2, TO));
    decides(&mut pair, dialog, Ok(()));
    notify(&mut pair, 200);
    pair.run(limits::TRANSFER);
    assert_eq!(
        notify(&mut pair, 200),
        says("refer", OVER, "408 Request Timeout")
    );
    let bye = peer_request(&ok, "BYE", 3, "z9hG4bKbye", None);
    asks(&mut pair, bye);
    pair.rest();
}
