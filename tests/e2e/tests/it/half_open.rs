//! Connections on which nothing ever comes to an end: thousands of them do not delay a call.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpSocket;

use crate::metrics::Page;
use crate::node::Node;
use crate::office::{Office, check};
use crate::sipp;
use crate::stopwatch::wait_for;
use crate::tls::Authority;

/// The begin of a SIP request.
const REQUEST: &[u8] = b"INVITE sip:2001@x SIP/2.0\r\nVia";
/// The begin of a TLS handshake: the header of a record, and a little of it.
const HELLO: &[u8] = &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
/// From how many addresses they come: none of them has more than its share of the seats.
const HOSTS: usize = 16;
/// What a crowd may add to the set-up of a call, on a machine that does much else.
const DELAY: Duration = Duration::from_millis(250);

/// How many there are in a crowd.
fn many() -> usize {
    if std::env::var_os("E2E_LONG").is_some() {
        10_000
    } else {
        500
    }
}

/// So many connections, from hosts of a carrier: strangers would not get so far. Of these every other one
/// begins to say something.
fn crowd(at: SocketAddr, begin: &[u8]) -> Vec<TcpStream> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("a runtime for one thread");
    let one = |number: usize| {
        let from = SocketAddr::from(([127, 0, 1, (number % HOSTS) as u8 + 1], 0));
        let one = async {
            let socket = TcpSocket::new_v4()?;
            socket.bind(from)?;
            socket.connect(at).await?.into_std()
        };
        let mut one = runtime.block_on(one).expect("the node listens");
        if number.is_multiple_of(2) {
            // One that was displaced meanwhile hears nothing more.
            let _ = one.write_all(begin);
        }
        one
    };
    (0..many()).map(one).collect()
}

/// How long it took from the INVITE to the 200 of a call over connections of its own, whose callee neither
/// rings nor thinks.
fn set_up(node: &Node, office: &mut Office, users: [&str; 2]) -> Duration {
    (office.user, office.callee) = (sipp::free_port(), sipp::free_port());
    office.phone_over("tcp", users[0], office.user);
    office.phone_over("tcp", users[1], office.callee);
    let total = || {
        let page = Page::of(node);
        let name = "jackfield_call_set_up_seconds";
        (
            page.sum(&format!("{name}_sum"), &[]),
            page.count(&format!("{name}_count"), &[]),
        )
    };
    let before = total();
    let id = office.makecall_of(users[0], "2001", users[1]);
    let callee = office.is_called("uas-answers").with("ring", 0);
    let callee = callee.with("answer", 0).over_tcp("t1", node.sip_tcp);
    let mut callee = callee.start();
    let caller = office.calls("uac-answered", "2001");
    caller.over_tcp("t1", node.sip_tcp).start().finish();
    callee.finish();
    for cdr in office.cdrs(&id, 2) {
        check(&cdr, &json!({ "cause": 200, "end_reason": "released" }));
    }
    let after = wait_for("the call on the page", Duration::from_secs(5), || {
        let after = total();
        (after.1 > before.1).then_some(after)
    });
    Duration::from_secs_f64(after.0 - before.0)
}

/// A call beside a crowd at that listener; all of the crowd is gone in the end.
fn check_crowd(node: &Node, transport: &str, begin: &[u8]) {
    let mut office = Office::empty(node, "acme");
    office.number("2001", "makecall");
    let carrier = json!({
        "name": "carrier", "address": "127.0.1.1:9", "accept_from": ["127.0.1.0/24"], "prefixes": ["9"],
    });
    office.rest.post("/api/v1/trunks", &carrier).expect(201);
    let alone = set_up(node, &mut office, ["1001", "3001"]);
    let crowd = crowd(node.sip_over(transport), begin);
    let held = Page::of(node).count("jackfield_sip_connections_silent", &[]);
    let beside = set_up(node, &mut office, ["1002", "3002"]);
    println!(
        "{} half-open connections by {transport}, {held} of them at once: a call takes {beside:?}, \
         without them {alone:?}",
        crowd.len()
    );
    assert!(beside < alone + DELAY, "{beside:?} instead of {alone:?}");
    // They have their time, and no more.
    let patience = Duration::from_secs(30);
    wait_for("the end of the half-open ones", patience, || {
        let page = Page::of(node);
        let ended = |how: &str| page.count("jackfield_sip_connections_ended_total", &[how]);
        let ends = [
            r#"end="silent""#,
            r#"end="handshake""#,
            r#"end="displaced""#,
        ]
        .map(ended);
        let left = page.count("jackfield_sip_connections_silent", &[]);
        (ends.iter().sum::<u64>() == crowd.len() as u64 && left == 0).then_some(())
    });
}

#[test]
fn connections_that_say_nothing_whole_do_not_delay_a_call() {
    if !sipp::is_there() {
        return;
    }
    check_crowd(&Node::start(), "tcp", REQUEST);
}

#[test]
fn handshakes_that_are_never_finished_do_not_delay_a_call() {
    if !sipp::is_there() {
        return;
    }
    let authority = Authority::new();
    let node = authority.certified_node();
    check_crowd(&node, "tls", HELLO);
}
