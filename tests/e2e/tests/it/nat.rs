//! A listener behind a router: peers are told the address that they can reach.

use std::net::UdpSocket;
use std::time::Duration;

use serde_json::json;

use crate::node::Node;
use crate::office::{Office, check};
use crate::sipp;

#[test]
fn a_listener_with_an_external_address_of_its_own_tells_it_to_its_peers() {
    if !sipp::is_there() {
        return;
    }
    let udp = "[{listen=\"127.0.0.1:0\",external=\"203.0.113.7\"}]";
    let node = Node::start_with(&[("SIP__UDP", udp)]);
    let office = Office::empty(&node, "acme");
    office.number("2001", "makecall");
    office.phone("1001", office.user);
    let callee = UdpSocket::bind("127.0.0.1:0").unwrap();
    callee
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    office.phone("3001", callee.local_addr().unwrap());
    let id = office.makecall("2001", "3001");
    let caller = office.calls("uac-refused", "2001").with("status", 486);
    let mut caller = caller.start();
    let mut message = [0; 4_096];
    let (length, from) = callee.recv_from(&mut message).expect("it is called");
    assert_eq!(from, node.sip, "that is where it really is");
    let invite = String::from_utf8_lossy(&message[..length]).into_owned();
    let shown = format!("203.0.113.7:{}", node.sip.port());
    for line in [
        format!("\r\nVia: SIP/2.0/UDP {shown};"),
        format!("@{shown}>"),
    ] {
        assert!(invite.contains(&line), "{line}: {invite}");
    }
    let copied = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
    let copied = invite
        .lines()
        .filter(|line| copied.iter().any(|it| line.starts_with(it)));
    let mut busy = vec!["SIP/2.0 486 Busy Here".to_owned()];
    busy.extend(copied.map(|line| {
        let tag = if line.starts_with("To:") {
            ";tag=busy"
        } else {
            ""
        };
        format!("{line}{tag}")
    }));
    busy.push("Content-Length: 0\r\n\r\n".to_owned());
    callee.send_to(busy.join("\r\n").as_bytes(), from).unwrap();
    caller.finish();
    for cdr in office.cdrs(&id, 2) {
        check(&cdr, &json!({ "cause": 486 }));
    }
}
