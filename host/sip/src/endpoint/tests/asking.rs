//! Requests of ours outside calls, and how those of ours are proven that are challenged.

use std::sync::Arc;

use super::dialogs::peer;
use super::pair::{A, B, DELAY, Pair, address, flow, invite, sdp};
use super::sessions::answer;
use crate::digest::Login;
use crate::wire::{Method, Request};
use crate::{Ask, DialogId, Event, Flow, Input, RequestId, Uri};

const CHALLENGE: &str = "Digest realm=\"carrier\",nonce=\"one\",qop=\"auth\"";
const STALE: &str = "Digest realm=\"carrier\",nonce=\"two\",qop=\"auth\",stale=true";

fn login() -> Arc<Login> {
    Arc::new(Login {
        username: "us".to_owned(),
        password: "secret".to_owned(),
    })
}

pub(super) fn ask(pair: &mut Pair, method: Method, to: Flow) -> RequestId {
    let request = pair.ends[A].new_request();
    let uri = |user: &str| Uri::at(user, to.remote);
    let register = method == Method::REGISTER;
    pair.input(
        A,
        Input::Ask(Box::new(Ask {
            request,
            flow: to,
            method,
            uri: uri(""),
            from: uri("us"),
            to: uri("us"),
            contact: register.then(|| "us".to_owned()),
            call_id: format!("ask-{}", request.0),
            cseq: 7,
            headers: vec![],
            login: Some(login()),
        })),
    );
    request
}

fn challenge(pair: &mut Pair, sent: &Request, status: &str, value: &str) {
    let name = if status.starts_with("401") {
        "WWW-Authenticate"
    } else {
        "Proxy-Authenticate"
    };
    let response = answer(sent, status, &format!("{name}: {value}\r\n"), "");
    pair.inject(peer(), A, response);
}

fn call(pair: &mut Pair) -> DialogId {
    let dialog = pair.ends[A].new_dialog();
    let mut order = invite(dialog, A, peer());
    order.login = Some(login());
    pair.input(A, Input::Invite(Box::new(order)));
    pair.run(DELAY);
    dialog
}

#[test]
fn options_are_answered_by_whoever_is_there() {
    let mut pair = Pair::new();
    let request = ask(&mut pair, Method::OPTIONS, flow(address(A), address(B)));
    pair.run(DELAY * 3);
    let Event::Told {
        request: of,
        status,
        response,
    } = pair.next(A)
    else {
        panic!()
    };
    assert_eq!((of, status, response.is_some()), (request, 200, true));
    pair.rest();
}

#[test]
fn options_that_nobody_answers_have_failed_after_32_seconds() {
    let mut pair = Pair::new();
    ask(&mut pair, Method::OPTIONS, flow(address(A), peer()));
    pair.rest();
    assert_eq!(pair.names(A), ["told 408"]);
}

#[test]
fn a_request_that_is_challenged_is_proven_once() {
    let mut pair = Pair::new();
    ask(&mut pair, Method::REGISTER, flow(address(A), peer()));
    pair.run(DELAY);
    let first = pair.stray_request();
    assert_eq!(first.headers().get("Authorization"), None);
    assert_eq!(
        first.headers().contacts()[0].uri.user(),
        Some("us"),
        "where the registrar shall send our calls"
    );
    challenge(&mut pair, &first, "401 Unauthorized", CHALLENGE);
    pair.run(DELAY);
    let second = pair.stray_request();
    let (said, before) = (second.headers(), first.headers());
    assert_eq!((before.cseq().number, said.cseq().number), (7, 8));
    assert_eq!(said.call_id(), before.call_id());
    assert_eq!(said.from_tag(), before.from_tag());
    assert_ne!(said.via().branch(), before.via().branch());
    let proof = said.get("Authorization").unwrap();
    assert!(
        proof.contains("username=\"us\"") && proof.contains("nc=00000001"),
        "{proof}"
    );
    // Another challenge means that the password is wrong.
    challenge(&mut pair, &second, "401 Unauthorized", CHALLENGE);
    pair.rest();
    assert_eq!(pair.names(A), ["told 401"]);
    assert_eq!(pair.count("REGISTER"), 2);
}

#[test]
fn a_nonce_that_is_too_old_is_renewed_once() {
    let mut pair = Pair::new();
    ask(&mut pair, Method::REGISTER, flow(address(A), peer()));
    for value in [CHALLENGE, STALE, STALE] {
        pair.run(DELAY);
        let sent = pair.stray_request();
        challenge(&mut pair, &sent, "401 Unauthorized", value);
    }
    pair.rest();
    assert_eq!(pair.names(A), ["told 401"]);
    assert_eq!(pair.count("REGISTER"), 3);
}

#[test]
fn who_has_no_password_or_is_not_understood_is_refused() {
    let mut pair = Pair::new();
    ask(&mut pair, Method::REGISTER, flow(address(A), peer()));
    pair.run(DELAY);
    let sent = pair.stray_request();
    let strange = "Digest realm=\"c\",nonce=\"n\",algorithm=AKAv1-MD5";
    challenge(&mut pair, &sent, "401 Unauthorized", strange);
    assert_eq!(pair.names(A), ["told 401"]);
    let dialog = pair.ends[A].new_dialog();
    pair.input(A, Input::Invite(Box::new(invite(dialog, A, peer()))));
    pair.run(DELAY);
    let sent = pair.stray_request();
    challenge(
        &mut pair,
        &sent,
        "407 Proxy Authentication Required",
        CHALLENGE,
    );
    pair.rest();
    assert_eq!(pair.names(A), ["failed 407", "gone"]);
}

#[test]
fn an_invite_that_is_challenged_is_proven_and_so_is_its_ack() {
    let mut pair = Pair::new();
    let dialog = call(&mut pair);
    let first = pair.stray_request();
    challenge(
        &mut pair,
        &first,
        "407 Proxy Authentication Required",
        CHALLENGE,
    );
    pair.run(DELAY);
    let ack = pair.stray_request();
    assert_eq!(
        (ack.method(), ack.headers().cseq().number),
        (&Method::ACK, 1)
    );
    let second = pair.stray_request();
    let said = second.headers();
    assert_eq!((second.method(), said.cseq().number), (&Method::INVITE, 2));
    assert_eq!(said.call_id(), first.headers().call_id());
    let proof = said.get("Proxy-Authorization").unwrap().to_owned();
    assert_eq!(said.get("Authorization"), None);
    // A server behind the proxy has a challenge of its own: both are proven then.
    challenge(&mut pair, &second, "401 Unauthorized", CHALLENGE);
    pair.run(DELAY);
    let _ack = pair.stray_request();
    let third = pair.stray_request();
    let said = third.headers();
    assert!(said.get("Authorization").is_some());
    assert_ne!(
        said.get("Proxy-Authorization"),
        Some(&*proof),
        "nc has grown"
    );
    let ok = answer(&third, "200 OK", "", "answer");
    pair.inject(peer(), A, ok);
    pair.run(DELAY);
    let ack = pair.stray_request();
    assert_eq!(ack.headers().cseq().number, 3);
    for name in ["Authorization", "Proxy-Authorization"] {
        assert_eq!(ack.headers().get(name), said.get(name));
    }
    let Event::Accepted { sdp: answered, .. } = pair.next(A) else {
        panic!()
    };
    assert_eq!(answered, Some(sdp("answer")));
    let status = 200;
    pair.input(A, Input::Release { dialog, status });
    pair.rest();
}

#[test]
fn a_call_that_is_given_up_while_it_is_challenged_is_not_proven() {
    let mut pair = Pair::new();
    let dialog = call(&mut pair);
    let first = pair.stray_request();
    let status = 487;
    pair.input(A, Input::Release { dialog, status });
    challenge(&mut pair, &first, "401 Unauthorized", CHALLENGE);
    pair.rest();
    assert_eq!(pair.names(A), ["gone"]);
    assert_eq!(pair.count("INVITE"), 1);
}

#[test]
fn cancel_goes_to_the_invite_that_was_proven() {
    let mut pair = Pair::new();
    let dialog = call(&mut pair);
    let first = pair.stray_request();
    challenge(&mut pair, &first, "401 Unauthorized", CHALLENGE);
    pair.run(DELAY);
    let _ack = pair.stray_request();
    let second = pair.stray_request();
    let status = 487;
    pair.input(A, Input::Release { dialog, status });
    // Held: the 100 of the first copy was another INVITE's.
    pair.run(DELAY);
    assert_eq!(pair.count("CANCEL"), 0);
    pair.inject(peer(), A, second.respond(100, None).build().unwrap());
    pair.run(DELAY);
    let cancel = pair.stray_request();
    assert_eq!(cancel.method(), &Method::CANCEL);
    assert_eq!(cancel.headers().cseq().number, 2);
    assert_eq!(
        cancel.headers().via().branch(),
        second.headers().via().branch()
    );
    pair.rest();
}
