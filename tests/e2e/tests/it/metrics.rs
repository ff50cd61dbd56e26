//! What the node says of itself: the page for Prometheus, health, the spans of its log.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use media::sdp::Codec;
use serde_json::Value;

use crate::handset::Audio;
use crate::node::Node;
use crate::office::Office;
use crate::rest::Rest;
use crate::sipp;
use crate::stopwatch::wait_for;

const OPERATING: &str = include_str!("../../../../docs/operating.md");

/// What is zero when nothing happens, for every shard and queue; sessions linger.
const AT_REST: [&str; 9] = [
    "jackfield_calls_live",
    "jackfield_media_ports",
    "jackfield_cdrs_awaited",
    "jackfield_cdrs_kept",
    "jackfield_turns_out",
    "jackfield_instances",
    "jackfield_requests_under_way",
    "jackfield_tenants_unpublished",
    "jackfield_queue_waiting",
];

/// The page, as samples by `name{label="value",…}`.
pub(crate) struct Page(BTreeMap<String, f64>);

impl Page {
    pub(crate) fn of(node: &Node) -> Self {
        Self::at(node.metrics)
    }

    fn at(address: SocketAddr) -> Self {
        let Value::String(text) = Rest::new(address, "").get("/metrics").expect(200) else {
            panic!("the page is a text");
        };
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let samples = lines.map(|line| {
            let (series, value) = line.rsplit_once(' ').expect("a series and its value");
            (series.to_owned(), value.parse().expect("a number"))
        });
        Self(samples.collect())
    }

    /// The sum of the series of that name that have all these labels.
    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let series = self.0.iter().filter(|(series, _)| {
            let (of, its) = series.split_once('{').unwrap_or((series, ""));
            of == name && labels.iter().all(|label| its.contains(label))
        });
        series.map(|(_, value)| value).sum()
    }

    /// The same of what is counted in whole numbers.
    pub(crate) fn count(&self, name: &str, labels: &[&str]) -> u64 {
        self.sum(name, labels) as u64
    }

    /// The families, without the suffixes of histograms.
    fn names(&self) -> BTreeSet<String> {
        let name = |series: &String| {
            let name = series.split('{').next().unwrap_or_default();
            let suffixes = ["_bucket", "_sum", "_count"];
            let stem = suffixes.iter().find_map(|it| name.strip_suffix(it));
            stem.unwrap_or(name).to_owned()
        };
        self.0.keys().map(name).collect()
    }

    pub(crate) fn is_at_rest(&self) -> bool {
        AT_REST.iter().all(|name| self.count(name, &[]) == 0)
    }
}

/// The first cells of the table of metrics: `name` and its labels.
fn documented() -> BTreeSet<String> {
    let rows = OPERATING
        .lines()
        .filter_map(|line| line.strip_prefix("| `"));
    let names = rows.filter_map(|row| row.split('`').next());
    let is_name = |name: &&str| {
        let prefixes = ["jackfield_", "process_"];
        let letters = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        letters && prefixes.iter().any(|it| name.starts_with(it))
    };
    let names = names.filter(is_name);
    names.map(str::to_owned).collect()
}

#[test]
fn every_metric_is_documented_and_every_documented_one_is_there() {
    let node = Node::start();
    let mut there = Page::of(&node).names();
    // Nobody was refused or has registered yet: the statuses are not known before.
    let by_status = [
        "jackfield_registrations_total",
        "jackfield_trunk_registers_total",
        "jackfield_calls_refused_total",
        "jackfield_sip_refused_total",
    ];
    there.extend(by_status.map(str::to_owned));
    assert_eq!(there, documented());
}

#[test]
fn calls_leave_their_numbers_and_nothing_else() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    let id = office.makecall("2001", "3001");
    let (mut user_audio, mut callee_audio) = (Audio::bind(), Audio::bind());
    let callee = office.is_called("uas-answers").with("answer", 500);
    let mut callee = callee.with("rtp", callee_audio.port()).start();
    let user = office.calls("uac-answered", "2001").with("talk", 1_000);
    let mut user = user.with("rtp", user_audio.port()).start();
    callee_audio.start(callee.media(), Codec::Pcma, 970);
    user_audio.start(user.media(), Codec::Pcma, 425);
    wait_for("a live call on the page", Duration::from_secs(10), || {
        let page = Page::of(&node);
        let live = page.count("jackfield_calls_live", &[]);
        (live == 2 && page.count("jackfield_media_ports", &[]) == 2).then_some(())
    });
    user.finish();
    callee.finish();
    // Nothing is pending any more: this one becomes a call, and the policy refuses it.
    let refused = office.calls("uac-refused", "2001").with("status", 403);
    refused.start().finish();
    // This number is nobody's: no call comes of it.
    let unknown = office.calls("uac-refused", "9999").with("status", 404);
    unknown.start().finish();
    office.cdrs(&id, 2);
    let page = wait_for("a node at rest", Duration::from_secs(10), || {
        Some(Page::of(&node)).filter(Page::is_at_rest)
    });

    let (inbound, outbound) = (r#"direction="inbound""#, r#"direction="outbound""#);
    let begun = |direction| page.count("jackfield_calls_begun_total", &[direction]);
    assert_eq!((begun(inbound), begun(outbound)), (2, 1));
    let ended = |direction, cause: &str| {
        let labels = [direction, r#"end_reason="released""#, cause];
        page.count("jackfield_calls_ended_total", &labels)
    };
    let (well, refused) = (r#"cause="2xx""#, r#"cause="4xx""#);
    assert_eq!((ended(inbound, well), ended(inbound, refused)), (1, 1));
    assert_eq!((ended(outbound, well), ended(outbound, refused)), (1, 0));
    assert_eq!(page.count("jackfield_calls_ended_total", &[]), 3);
    assert_eq!(
        page.count("jackfield_calls_refused_total", &[r#"status="404""#]),
        1
    );

    assert_eq!(page.count("jackfield_call_set_up_seconds_count", &[]), 1);
    let set_up = page.sum("jackfield_call_set_up_seconds_sum", &[]);
    assert!(
        (0.5..10.0).contains(&set_up),
        "the callee rang for 0.5 s: {set_up}"
    );

    let turns = page.count("jackfield_turns_total", &[r#"outcome="done""#]);
    assert!(turns >= 6, "{turns}");
    for name in [
        "jackfield_turn_seconds_count",
        "jackfield_turn_guest_seconds_count",
    ] {
        assert_eq!(page.count(name, &[]), turns, "{name}");
    }
    for work in ["read", "commit", "cdrs", "trace"] {
        let label = format!("work=\"{work}\"");
        assert!(
            page.count("jackfield_store_seconds_count", &[&label]) > 0,
            "{work}"
        );
    }
    assert_eq!(page.count("jackfield_store_failures_total", &[]), 0);
    // Rows of one call that come together are written as one.
    assert!(page.count("jackfield_cdr_rows_total", &[]) >= 3);
    assert_eq!(page.count("jackfield_queue_lost_total", &[]), 0);
    for direction in [r#"direction="received""#, r#"direction="sent""#] {
        assert!(page.count("jackfield_sip_datagrams_total", &[direction]) >= 8);
        assert!(page.count("jackfield_rtp_packets_total", &[direction]) > 50);
    }
}

#[test]
fn garbage_and_strangers_are_counted_and_change_nothing() {
    let node = Node::start();
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let here = socket.local_addr().expect("it is bound");
    let invite = format!(
        "INVITE sip:2001@{} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKstranger\r\n\
         Max-Forwards: 70\r\nFrom: <sip:1001@acme.example>;tag=1\r\nTo: <sip:2001@acme.example>\r\n\
         Call-ID: stranger\r\nCSeq: 1 INVITE\r\nContact: <sip:1001@{here}>\r\n\
         User-Agent: {}\r\nContent-Length: 0\r\n\r\n",
        node.sip,
        "nobody in particular ".repeat(20)
    );
    for datagram in [b"no SIP at all".as_slice(), &[0xff; 500], invite.as_bytes()] {
        socket.send_to(datagram, node.sip).expect("it is sent");
    }
    let page = wait_for("three datagrams", Duration::from_secs(10), || {
        let page = Page::of(&node);
        let strangers = page.count("jackfield_sip_refused_total", &[r#"status="403""#]);
        (strangers == 1 && page.count("jackfield_sip_broken_total", &[]) == 2).then_some(page)
    });
    for name in [
        "jackfield_sessions",
        "jackfield_sip_dialogs",
        "jackfield_sip_transactions",
    ] {
        assert_eq!(page.count(name, &[]), 0, "{name}");
    }
    assert!(page.is_at_rest());
}

#[test]
fn a_scanner_gets_no_answer_and_is_not_heard_again() {
    let node = Node::start();
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let here = socket.local_addr().expect("it is bound");
    let scan = format!(
        "OPTIONS sip:100@{} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKscan\r\n\
         Max-Forwards: 70\r\nFrom: <sip:100@1.1.1.1>;tag=1\r\nTo: <sip:100@1.1.1.1>\r\n\
         Call-ID: scan\r\nCSeq: 1 OPTIONS\r\nUser-Agent: friendly-scanner\r\n\
         Subject: {:400}\r\nContent-Length: 0\r\n\r\n",
        node.sip, "so long that any answer would be shorter"
    );
    let send = |text: &str| {
        socket
            .send_to(text.as_bytes(), node.sip)
            .expect("it is sent")
    };
    send(&scan);
    wait_for("a silenced scanner", Duration::from_secs(10), || {
        let page = Page::of(&node);
        let silenced = page.count("jackfield_sip_silenced_total", &[r#"why="scanner""#]);
        (silenced == 1 && page.count("jackfield_sip_scanners_total", &[]) == 1).then_some(())
    });
    // What it says under another name is not read any more.
    send(&scan.replace("friendly-scanner", "phone"));
    wait_for("a dropped message", Duration::from_secs(10), || {
        let dropped = [r#"why="silenced""#];
        (Page::of(&node).count("jackfield_sip_dropped_total", &dropped) == 1).then_some(())
    });
    let patience = Some(Duration::from_millis(200));
    socket.set_read_timeout(patience).expect("a time");
    assert!(socket.recv(&mut [0; 2_000]).is_err(), "it was answered");
}

#[test]
fn a_fault_is_counted_by_its_kind() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    office.install_faulty("trap");
    let user = office.calls("uac-refused", "9001").with("status", 500);
    user.start().finish();
    office.cdrs_where("number=9001", 1);
    let page = Page::of(&node);
    assert!(page.count("jackfield_turns_total", &[r#"outcome="trap""#]) >= 1);
    let ended = [r#"cause="5xx""#, r#"direction="inbound""#];
    assert_eq!(page.count("jackfield_calls_ended_total", &ended), 1);
}

#[test]
fn a_node_that_drains_lives_but_is_not_ready() {
    if !sipp::is_there() {
        return;
    }
    let mut node = Node::start();
    let office = Office::open(&node, "acme");
    let probe = Rest::new(node.http, "");
    probe.get("/livez").expect(200);
    probe.get("/readyz").expect(200);
    office.makecall("2001", "3001");
    let mut callee = office.is_called("uas-answers").start();
    let user = office.calls("uac-answered", "2001").with("talk", 2_000);
    let mut user = user.start();
    wait_for("an answered call", Duration::from_secs(10), || {
        user.logged("200")
    });
    node.ask_to_stop();
    let refusal = wait_for("a node that drains", Duration::from_secs(5), || {
        let ready = probe.get("/readyz");
        (ready.status == 503).then_some(ready.body)
    });
    assert_eq!(refusal["detail"], "the node drains");
    probe.get("/livez").expect(200);
    assert_eq!(Page::of(&node).count("jackfield_calls_live", &[]), 2);
    user.finish();
    callee.finish();
    assert!(node.stop().success());
}

#[test]
fn log_lines_stand_in_the_spans_of_their_call_without_its_numbers() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start_with_log("info,control=debug");
    let office = Office::open(&node, "acme");
    let id = office.makecall("2001", "3001");
    let mut callee = office.is_called("uas-answers").start();
    office.calls("uac-answered", "2001").start().finish();
    callee.finish();
    let cdrs = office.cdrs(&id, 2);
    let text = node.text();
    for (cdr, direction, party) in [(&cdrs[0], "inbound", "…01"), (&cdrs[1], "outbound", "…01")]
    {
        let (session, call) = (&cdr["session_id"], &cdr["call_id"]);
        let (session, call) = (
            session.as_str().expect("an id"),
            call.as_str().expect("an id"),
        );
        let spans = format!(
            "call{{session={session}}}:leg{{call={call} direction=\"{direction}\" party={party}}}"
        );
        assert!(text.contains(&spans), "{spans} is not in\n{text}");
    }
    for number in ["sip:1001", "sip:2001", "sip:3001"] {
        assert!(!text.contains(number), "{number} is in\n{text}");
    }
}
