//! A database that takes no writes: calls in progress go on, new ones are refused, and when it takes
//! them again nothing is left of it.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use media::sdp::Codec;
use serde_json::json;

use crate::handset::Audio;
use crate::node::Node;
use crate::office::{Office, check};
use crate::sipp;
use crate::stopwatch::wait_for;

/// What a call, and a request of the API, is refused with: its carrier may try elsewhere.
const REFUSED: u16 = 503;

#[test]
fn a_full_disk_refuses_new_calls_and_harms_none_in_progress() {
    if !sipp::is_there() || !is_installed("prlimit") {
        return;
    }
    let node = Node::start_for_a_full_disk();
    let pid = node.pid().to_string();
    let limit = |size: &str| {
        let size = format!("--fsize={size}:");
        let done = Command::new("prlimit")
            .args(["--pid", &pid, &size])
            .status();
        assert!(done.is_ok_and(|it| it.success()), "no limit can be set");
    };
    let (office, id, other) = without_writes(&node, || limit("0"), |()| limit("unlimited"));

    // The call in progress ended while nothing could be written: its record was kept.
    let records = || records(&office, &id);
    for cdr in wait_for("the records", Duration::from_secs(40), records) {
        check(&cdr, &json!({ "cause": 200, "end_reason": "released" }));
    }
    check_that_calls_are_served(&office, &other);
}

#[test]
fn a_locked_database_refuses_new_calls_and_harms_none_in_progress() {
    if !sipp::is_there() || !is_installed("sqlite3") {
        return;
    }
    let node = Node::start();
    let lock = || {
        let mut shell = Command::new("sqlite3")
            .arg(node.database())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it is installed");
        let commands = "PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE; SELECT 'locked';\n";
        let input = shell.stdin.as_mut().expect("it is piped");
        input.write_all(commands.as_bytes()).expect("it reads");
        let mut line = String::new();
        let output = shell.stdout.as_mut().expect("it is piped");
        let mut output = std::io::BufReader::new(output);
        while !line.contains("locked") {
            let read = std::io::BufRead::read_line(&mut output, &mut line);
            assert!(read.is_ok_and(|it| it > 0), "not locked: {line:?}");
        }
        shell
    };
    let unlock = |mut shell: Child| {
        shell.kill().expect("it waits for input");
        shell.wait().expect("it is a child of ours");
    };
    let (office, id, other) = without_writes(&node, lock, unlock);

    let records = || records(&office, &id);
    for cdr in wait_for("the records", Duration::from_secs(40), records) {
        check(&cdr, &json!({ "cause": 200, "end_reason": "released" }));
    }
    check_that_calls_are_served(&office, &other);
}

/// One call is in progress when writes begin to fail and ends meanwhile; others are refused. The
/// answer: the office of the call and its request, the other office, whose request waits.
fn without_writes<T>(
    node: &Node,
    begin: impl FnOnce() -> T,
    end: impl FnOnce(T),
) -> (Office, String, Office) {
    let office = Office::open(node, "acme");
    let other = Office::open(node, "other");
    other.makecall("2001", "3001");
    let id = office.makecall("2001", "3001");
    let (mut user_audio, mut callee_audio) = (Audio::bind(), Audio::bind());
    let callee = office.is_called("uas-answers");
    let mut callee = callee.with("rtp", callee_audio.port()).start();
    let user = office.calls("uac-answered", "2001").with("talk", 4_000);
    let mut user = user.with("rtp", user_audio.port()).start();
    callee_audio.start(callee.media(), Codec::Pcma, 970);
    user_audio.start(user.media(), Codec::Pcma, 425);

    assert_eq!(store_warnings(node), [""; 0], "all was well");
    let broken = begin();
    let refused = other.calls("uac-refused", "2001");
    refused.with("status", REFUSED).start().finish();
    let asked = json!({ "caller": "2001", "callee": "3001" });
    let answer = office.rest.post("/api/user/1001/makecall", &asked);
    assert_eq!(answer.status, REFUSED, "{:#}", answer.body);
    user.finish();
    callee.finish();
    let heard = [user_audio.heard(), callee_audio.heard()].map(|it| it.expect("it listened"));
    assert_eq!(heard.map(|it| it.tone), [Some(970), Some(425)], "{heard:?}");
    for heard in heard {
        assert!(heard.lost == 0 && heard.longest_gap_ms < 500, "{heard:?}");
    }
    wait_for("a word about the store", Duration::from_secs(10), || {
        (!store_warnings(node).is_empty()).then_some(())
    });
    end(broken);
    (office, id, other)
}

/// The request of the call that was refused has not been used up, and all works as it did before.
fn check_that_calls_are_served(office: &Office, other: &Office) {
    let mut callee = other.is_called("uas-answers").start();
    other.calls("uac-answered", "2001").start().finish();
    callee.finish();
    let id = office.makecall("2001", "3001");
    let mut callee = office.is_called("uas-answers").start();
    office.calls("uac-answered", "2001").start().finish();
    callee.finish();
    office.cdrs(&id, 2);
    assert_eq!((office.live(), other.live()), (0, 0));
}

/// Both records of a call once they are final. Meanwhile the store may be away.
fn records(office: &Office, id: &str) -> Option<Vec<serde_json::Value>> {
    let answer = office.rest.get(&format!("/api/v1/cdrs?user_data={id}"));
    let cdrs = answer.body["data"].as_array().cloned().unwrap_or_default();
    let are_final = cdrs.iter().all(|cdr| cdr["end_time"].is_string());
    (cdrs.len() == 2 && are_final).then_some(cdrs)
}

/// What the node has said about its store.
fn store_warnings(node: &Node) -> Vec<String> {
    let text = node.text();
    let lines = text.lines().filter(|line| line.contains(" WARN jackfield"));
    lines.map(str::to_owned).collect()
}

/// Whether that program is on the search path; a line says so if not.
fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|it| it.join(program).is_file());
    if !is_there {
        println!("skipped: no {program}");
    }
    is_there
}
