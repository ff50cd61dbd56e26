//! Phones that register: they are challenged, known afterwards, called where they are, and not forgotten.

use std::io::{BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::metrics::Page;
use crate::node::{Node, binary};
use crate::office::{Office, check};
use crate::sipp::{self, Scenario, Sipp};
use crate::stopwatch::wait_for;

const PASSWORD: &str = "correct-horse";

/// A tenant whose phones 1001 and 3001 have no fixed address, but a password.
fn office(node: &Node) -> Office {
    let office = Office::empty(node, "acme");
    office.number("2001", "makecall");
    for user in ["1001", "3001"] {
        let phone = json!({ "user": user, "password": PASSWORD });
        office.rest.post("/api/v1/phones", &phone).expect(201);
    }
    office
}

/// A phone at that address registers.
fn registers(node: &Node, user: &'static str, at: SocketAddr) -> Scenario {
    Scenario::caller("uac-registers", at, node.sip, user).with("user", user)
}

/// A call between both phones, which know each other by their passwords alone.
fn call(node: &Node, office: &Office) -> (Sipp, Sipp) {
    let id = office.makecall("2001", "3001");
    let mut callee = office.is_called("uas-answers").start();
    let caller = Scenario::caller("uac-proves", office.user, node.sip, "2001");
    let mut caller = caller.start();
    caller.finish();
    callee.finish();
    for cdr in office.cdrs(&id, 2) {
        check(&cdr, &json!({ "cause": 200, "end_reason": "released" }));
    }
    let cdrs = office.cdrs(&id, 2);
    check(&cdrs[0], &json!({ "from_uri": "sip:1001@acme.example" }));
    (caller, callee)
}

#[test]
fn phones_register_and_call_each_other_also_after_a_crash() {
    if !sipp::is_there() {
        return;
    }
    let mut node = Node::start();
    let mut office = office(&node);
    for (user, at) in [("1001", office.user), ("3001", office.callee)] {
        let mut phone = registers(&node, user, at).start();
        phone.finish();
        let contact = phone.logged("contact").unwrap_or_default();
        assert!(contact.contains(&format!("<sip:{user}@{at}>")), "{contact}");
    }
    call(&node, &office);
    let page = Page::of(&node);
    let registered = page.count("jackfield_registrations_total", &[r#"status="200""#]);
    assert_eq!(registered, 2);
    // The 200 of a REGISTER is a promise that outlives the process.
    node.crash();
    node.restart();
    office.turn_to(&node);
    call(&node, &office);
}

#[test]
fn who_has_no_password_is_not_registered_and_who_is_gone_is_not_called() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::empty(&node, "acme");
    office.number("2001", "makecall");
    office.phone("1001", office.user);
    let phone = json!({ "user": "3001", "password": PASSWORD });
    office.rest.post("/api/v1/phones", &phone).expect(201);
    let unavailable = || {
        let id = office.makecall("2001", "3001");
        let caller = office.calls("uac-refused", "2001").with("status", 480);
        caller.start().finish();
        for cdr in office.cdrs(&id, 2) {
            check(&cdr, &json!({ "cause": 480 }));
        }
    };
    let phone = || registers(&node, "3001", office.callee);
    let wrong = phone().with("password", "guess").with("outcome", 401);
    wrong.start().finish();
    unavailable();
    let page = Page::of(&node);
    assert_eq!(page.count("jackfield_auth_failures_total", &[]), 1);
    phone().start().finish();
    phone().with("expires", 0).start().finish();
    unavailable();
    assert_eq!(Page::of(&node).count("jackfield_bindings", &[]), 0);
}

/// `jackfield softphone` as a phone that registers; it ends when this is dropped.
struct Softphone {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Softphone {
    fn start(node: &Node, user: &str, further: &[&str]) -> Self {
        let registrar = node.sip.to_string();
        let mut child = Command::new(binary())
            .args(["softphone", "--user", user, "--register", &registrar])
            .args(["--domain", "acme.example"])
            .args(further)
            .env("JACKFIELD_PHONE_PASSWORD", PASSWORD)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary can be run");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut phone = Self { child, lines };
        phone.says("registered for");
        phone
    }

    /// Waits until it prints a line that begins like that.
    fn says(&mut self, what: &str) {
        let found = self.lines.by_ref().map_while(Result::ok);
        let mut before = found.take_while(|line| !line.starts_with(what));
        while before.next().is_some() {}
    }
}

impl Drop for Softphone {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn our_own_softphones_register_by_sha_256_and_call_each_other() {
    let node = Node::start_with(&[("SIP__DIGEST", "sha-256")]);
    let office = office(&node);
    let callee = Softphone::start(&node, "3001", &["--answer"]);
    let id = office.makecall("2001", "3001");
    let dial = format!("sip:2001@{}", node.sip);
    let mut caller = Softphone::start(&node, "1001", &["--dial", &dial, "--seconds", "1"]);
    caller.says("answered");
    let status = wait_for("the softphone's end", Duration::from_secs(20), || {
        caller.child.try_wait().ok().flatten()
    });
    assert!(status.success(), "{status}");
    drop(callee);
    for cdr in office.cdrs(&id, 2) {
        check(&cdr, &json!({ "cause": 200, "end_reason": "released" }));
    }
    // It has left; the other one could not.
    let page = Page::of(&node);
    let shards = page.count("jackfield_shard_up", &[]);
    assert_eq!(page.count("jackfield_bindings", &[]), shards);
}
