//! REFER of ours, and the NOTIFYs that it brings: RFC 3515 §2.4, RFC 6665 §4.1.3.

use super::dialogs::{peer, peer_request, peer_talks};
use super::pair::{A, B, DELAY, Pair};
use crate::wire::{Request, Response};
use crate::{Config, DialogId, Event, Input, Listeners, limits};

/// A call of the peer that is asked to call carol.
fn asked(pair: &mut Pair) -> (DialogId, Response, Request) {
    let (dialog, ok) = peer_talks(pair, "");
    ask(pair, dialog);
    let refer = pair.stray_request();
    assert_eq!(refer.method().as_str(), "REFER");
    (dialog, ok, refer)
}

fn ask(pair: &mut Pair, dialog: DialogId) {
    let uri = |text: &str| text.parse().unwrap();
    let refer = Input::Refer {
        dialog,
        to: uri("sip:carol@10.0.0.8"),
        by: uri("sip:bob@10.0.0.1"),
        replaces: None,
    };
    pair.input(A, refer);
    pair.run(DELAY);
}

fn respond(pair: &mut Pair, request: &Request, status: u16) {
    let answer = request.respond(status, None).build().unwrap();
    pair.inject(peer(), A, answer);
}

/// A NOTIFY of the peer; the status that it gets.
#[track_caller]
fn notify(pair: &mut Pair, ok: &Response, cseq: u32, headers: [&str; 2], body: &str) -> u16 {
    let text = peer_request(ok, "NOTIFY", cseq, &format!("z9hG4bKn{cseq}"), Some(body));
    let [event, state] = headers;
    let lines = format!("Event: {event}\r\nSubscription-State: {state}\r\nMax-Forwards");
    let text = text.replace("Max-Forwards", &lines);
    let text = text.replace("application/sdp", "message/sipfrag;version=2.0");
    pair.inject(peer(), A, text);
    pair.run(DELAY);
    pair.stray_response().status()
}

fn part(pair: &mut Pair, ok: &Response) {
    let bye = peer_request(ok, "BYE", 99, "z9hG4bKbye", None);
    pair.inject(peer(), A, bye);
    assert_eq!(pair.names(A), ["hung up"]);
    pair.rest();
}

#[test]
fn the_final_status_of_its_notifies_is_told() {
    let mut pair = Pair::new();
    let (_, ok, refer) = asked(&mut pair);
    let headers = refer.headers();
    assert_eq!(headers.get("Refer-To"), Some("<sip:carol@10.0.0.8>"));
    assert_eq!(headers.get("Referred-By"), Some("<sip:bob@10.0.0.1>"));
    let active = ["refer", "active;expires=60"];
    // The first one overtakes the 202.
    assert_eq!(notify(&mut pair, &ok, 2, active, "SIP/2.0 100 Trying"), 200);
    respond(&mut pair, &refer, 202);
    let id = format!("refer;id={}", headers.cseq().number);
    let event = [id.as_str(), "active"];
    assert_eq!(notify(&mut pair, &ok, 3, event, "SIP/2.0 180 Ringing"), 200);
    assert!(pair.names(A).is_empty());
    let over = ["refer", "terminated;reason=noresource"];
    assert_eq!(
        notify(&mut pair, &ok, 4, over, "SIP/2.0 486 Busy Here\r\n"),
        200
    );
    assert_eq!(pair.names(A), ["transferred 486"]);
    assert_eq!(notify(&mut pair, &ok, 5, over, "SIP/2.0 200 OK"), 481);
    part(&mut pair, &ok);
}

#[test]
fn what_belongs_to_no_transfer_is_refused() {
    let mut pair = Pair::new();
    let (_, ok, refer) = asked(&mut pair);
    respond(&mut pair, &refer, 202);
    let body = "SIP/2.0 200 OK";
    for (n, event, state, status) in [
        (2, "presence", "active", 489),
        (3, "refer", "", 400),
        (4, "refer;id=77", "active", 481),
    ] {
        assert_eq!(notify(&mut pair, &ok, n, [event, state], body), status);
    }
    assert!(pair.names(A).is_empty());
    // It ends, and does not say how.
    let over = ["refer", "terminated;reason=giveup"];
    assert_eq!(notify(&mut pair, &ok, 5, over, "SIP/2.0 100 Trying"), 200);
    assert_eq!(pair.names(A), ["transferred 408"]);
    part(&mut pair, &ok);
}

#[test]
fn a_refusal_silence_and_a_second_one_are_told_as_such() {
    let mut pair = Pair::new();
    let (dialog, ok, refer) = asked(&mut pair);
    ask(&mut pair, dialog);
    assert_eq!(pair.names(A), ["transferred 491"]);
    let _ = refer;
    part(&mut pair, &ok);

    let mut pair = Pair::new();
    let (_, ok, refer) = asked(&mut pair);
    respond(&mut pair, &refer, 603);
    assert_eq!(pair.names(A), ["transferred 603"]);
    part(&mut pair, &ok);

    let mut pair = Pair::new();
    let (_, ok, _) = asked(&mut pair);
    pair.run(std::time::Duration::from_secs(33));
    assert_eq!(pair.names(A), ["transferred 408"]);
    part(&mut pair, &ok);

    let mut pair = Pair::new();
    let (_, ok, refer) = asked(&mut pair);
    respond(&mut pair, &refer, 202);
    pair.run(limits::TRANSFER);
    assert_eq!(pair.names(A), ["transferred 408"]);
    part(&mut pair, &ok);
}

#[test]
fn replaces_names_the_dialog_that_both_sides_know() {
    let mut pair = Pair::new();
    let (a, b) = pair.talk();
    let ours = pair.ends[A].replaces(a).unwrap();
    assert_eq!(pair.ends[B].replaced(&ours), Some(b));
    assert_eq!(pair.ends[A].replaced(&ours), None);
    let theirs = pair.ends[B].replaces(b).unwrap();
    assert_eq!(pair.ends[A].replaced(&theirs), Some(a));
    let status = 200;
    pair.input(A, Input::Release { dialog: a, status });
    pair.rest();
    assert_eq!(pair.ends[A].replaces(a), None);
}

#[test]
fn an_invite_says_whom_it_replaces() {
    let mut pair = Pair::new();
    let dialog = pair.ends[A].new_dialog();
    let mut order = super::pair::invite(dialog, A, super::pair::address(B));
    let value = "x@y;to-tag=1;from-tag=2";
    order
        .headers
        .push(("Replaces".to_owned(), value.to_owned()));
    order
        .headers
        .push(("Require".to_owned(), "replaces".to_owned()));
    pair.input(A, Input::Invite(Box::new(order)));
    pair.run(DELAY);
    let Event::Incoming(incoming) = pair.next(B) else {
        panic!()
    };
    assert_eq!(incoming.replaces.unwrap().to_string(), value);
    for (end, dialog) in [(A, dialog), (B, incoming.dialog)] {
        let status = 480;
        pair.input(end, Input::Release { dialog, status });
    }
    pair.rest();
}

#[test]
fn what_the_owner_carries_by_itself_is_never_too_large_for_a_datagram() {
    let tcp = (crate::Transport::Tcp, super::pair::address(A));
    let config = Config {
        listeners: Listeners::new([tcp]),
        ..Config::default()
    };
    for (host, transport) in [([0; 4], "UDP"), ([10, 0, 0, 9], "TCP")] {
        let mut pair = Pair::with(config.clone(), 1);
        let dialog = pair.ends[A].new_dialog();
        let mut order = super::pair::invite(dialog, A, (host, 2).into());
        order.headers.push((
            "Replaces".to_owned(),
            format!("x;to-tag={};from-tag=2", "1".repeat(2_000)),
        ));
        pair.input(A, Input::Invite(Box::new(order)));
        pair.run(DELAY);
        let sent = pair.strays.pop_front().unwrap();
        assert_eq!(sent.transport.name(), transport);
        pair.run(std::time::Duration::from_secs(60));
    }
}
