//! Datagrams that no telephone sends: none is answered as a call, and none harms one.

use std::net::UdpSocket;
use std::path::Path;
use std::time::Duration;

use crate::metrics::Page;
use crate::node::Node;
use crate::office::Office;
use crate::sipp;
use crate::stopwatch::wait_for;

/// Datagrams of each kind that is made up.
const MADE_UP: u64 = 400;
/// The largest payload of a datagram (RFC 768, RFC 791).
const LARGEST: usize = 65_507;

#[test]
fn datagrams_that_are_no_sip_change_nothing() {
    let node = Node::start();
    let office = Office::open(&node, "acme");
    let stranger = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let user = UdpSocket::bind(office.user).expect("the user's port is free");
    for socket in [&stranger, &user] {
        for datagram in datagrams() {
            socket.send_to(&datagram, node.sip).expect("it fits");
            // Slower than the node is: what the kernel drops tests nothing.
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    check_that_the_node_serves(&node, &office, user);
    let broken = Page::of(&node).count("jackfield_sip_broken_total", &[]);
    assert!(broken > MADE_UP, "only {broken} counted as no SIP");
}

#[test]
fn the_corpus_over_the_network_answers_no_call() {
    let node = Node::start();
    let office = Office::open(&node, "acme");
    let user = UdpSocket::bind(office.user).expect("the user's port is free");
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    let mut sent = 0;
    for entry in corpus.read_dir().expect("the corpus is there") {
        let path = entry.expect("it can be listed").path();
        if path.extension().is_some_and(|it| it == "sip") {
            let datagram = std::fs::read(&path).expect("it can be read");
            user.send_to(&datagram, node.sip).expect("it fits");
            sent += 1;
        }
    }
    assert!(sent > 40, "{sent} messages");
    check_that_the_node_serves(&node, &office, user);
}

#[test]
fn a_session_description_of_a_thousand_lines_is_refused_and_no_call_begins() {
    let node = Node::start();
    let office = Office::open(&node, "acme");
    office.makecall("2001", "3001");
    let user = UdpSocket::bind(office.user).expect("the user's port is free");
    let lines = "a=x\r\n".repeat(1_000);
    let invite = invite(&format!("{}{lines}", description()));
    user.send_to(&invite, node.sip).expect("it fits");
    let status = final_status(&user);
    assert!((400..500).contains(&status), "{status}");
    assert_eq!(office.live(), 0);
    assert_eq!(office.cancelcall(), 200, "the request is still there");
    office.cdrs_where("number=2001", 0);
}

#[test]
fn credentials_that_nobody_gave_prove_nothing_and_break_nothing() {
    let node = Node::start();
    let office = Office::open(&node, "acme");
    let phone = serde_json::json!({ "user": "1005", "password": "correct-horse" });
    office.rest.post("/api/v1/phones", &phone).expect(201);
    let user = UdpSocket::bind(office.user).expect("the user's port is free");
    let patience = Some(Duration::from_secs(10));
    user.set_read_timeout(patience).expect("a time");
    for (number, credentials) in (0..).zip(credentials()) {
        let mut register = format!(
            "REGISTER sip:acme.example SIP/2.0\r\nVia: SIP/2.0/UDP {0};branch=z9hG4bK-c{number}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:1005@acme.example>;tag=c\r\n\
             To: <sip:1005@acme.example>\r\nCall-ID: c{number}\r\nCSeq: 1 REGISTER\r\n\
             Contact: <sip:1005@{0}>\r\nContent-Length: 0\r\nSubject: {1:600}\r\nAuthorization: ",
            office.user, "room for an answer"
        )
        .into_bytes();
        register.extend_from_slice(&credentials);
        register.extend_from_slice(b"\r\n\r\n");
        user.send_to(&register, node.sip).expect("it fits");
        let mut answer = vec![0; LARGEST];
        let length = user.recv(&mut answer).expect("an answer");
        let answer = String::from_utf8_lossy(&answer[..length]);
        let told = String::from_utf8_lossy(&credentials);
        assert!(
            answer.starts_with("SIP/2.0 4") || answer.starts_with("SIP/2.0 5"),
            "{told}: {answer}"
        );
    }
    assert_eq!(Page::of(&node).count("jackfield_bindings", &[]), 0);
    check_that_the_node_serves(&node, &office, user);
}

/// What fuzzing gathered, and what somebody made up.
fn credentials() -> Vec<Vec<u8>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/fuzzed/digest");
    let gathered = corpus
        .read_dir()
        .expect("the corpus is there")
        .map(|entry| {
            let octets = std::fs::read(entry.expect("it can be listed").path());
            let line = |octet: &u8| !matches!(octet, b'\r' | b'\n' | 0);
            octets
                .expect("it can be read")
                .into_iter()
                .filter(line)
                .collect()
        });
    let digest = |further: &str| {
        format!(
            "Digest username=\"1005\", realm=\"acme.example\", uri=\"sip:acme.example\", {further}"
        )
    };
    let response = format!("response=\"{}\"", "0".repeat(32));
    let made_up = [
        String::new(),
        "Basic MTAwNTpjb3JyZWN0LWhvcnNl".to_owned(),
        "Digest".to_owned(),
        digest(""),
        digest(&response),
        digest(&format!("nonce=\"\", {response}")),
        digest(&format!("nonce=\"{}\", {response}", "A".repeat(6_000))),
        digest(&format!(
            "nonce=\"x\", qop=auth, nc=ffffffff, cnonce=\"\", {response}"
        )),
        digest(&format!(
            "nonce=\"x\", qop=auth-int, nc=00000001, cnonce=\"a\", {response}"
        )),
        digest(&format!("nonce=\"x\", algorithm=SHA-512-256, {response}")),
        digest(&format!("nonce=\"x\", nonce=\"y\", {response}")),
        digest(&format!("nonce=\"x\", {}", response.replace('0', "\u{fc}"))),
        digest(&"a=b, ".repeat(1_000)),
    ];
    gathered.chain(made_up.map(String::into_bytes)).collect()
}

/// Asks as a telephone would; then two telephones talk. No error is logged: the node's end checks.
fn check_that_the_node_serves(node: &Node, office: &Office, user: UdpSocket) {
    // What came in before is worked off when this is answered, since each shard keeps the order.
    let options = |id: u32| {
        format!(
            "OPTIONS sip:{0} SIP/2.0\r\nVia: SIP/2.0/UDP {1};branch=z9hG4bK-last-{id}\r\n\
             From: <sip:1001@{1}>;tag=last\r\nTo: <sip:{0}>\r\nCall-ID: last-{id}\r\n\
             CSeq: 77 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            node.sip, office.user
        )
    };
    user.set_nonblocking(true).expect("it is a socket");
    for id in 0..16 {
        let call_id = format!("last-{id}\r\n");
        wait_for("an answer to OPTIONS", Duration::from_secs(10), || {
            // Answers to what was sent before may have filled the socket: this one may be lost.
            let is_answered = received(&user).iter().any(|it| it.contains(&call_id));
            let sent = user.send_to(options(id).as_bytes(), node.sip);
            sent.expect("it fits");
            is_answered.then_some(())
        });
    }
    drop(user);
    assert_eq!(office.live(), 0);
    let cdrs = office.rest.get("/api/v1/cdrs?limit=100").expect(200);
    for cdr in cdrs["data"].as_array().expect("a list") {
        assert!(cdr["answer_time"].is_null(), "{cdr:#}");
    }
    let id = office.makecall("2001", "3001");
    if sipp::is_there() {
        let mut callee = office.is_called("uas-answers").start();
        office.calls("uac-answered", "2001").start().finish();
        callee.finish();
        office.cdrs(&id, 2);
    }
}

/// What waits in the socket. None of it may accept a call.
fn received(socket: &UdpSocket) -> Vec<String> {
    let mut buffer = vec![0; LARGEST];
    let mut all = Vec::new();
    while let Ok(length) = socket.recv(&mut buffer) {
        let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let is_call = answer.contains(" INVITE\r\n") && answer.starts_with("SIP/2.0 2");
        assert!(!is_call, "{answer}");
        all.push(answer);
    }
    all
}

/// Garbage, truncated, oversized, folded and binary ones.
fn datagrams() -> Vec<Vec<u8>> {
    let whole = invite(description());
    let text = String::from_utf8_lossy(&whole).into_owned();
    let with = |header: &str| text.replace("Max-Forwards", &format!("{header}\r\nMax-Forwards"));
    let mut all: Vec<Vec<u8>> = (0..=whole.len()).map(|end| whole[..end].to_vec()).collect();
    all.extend([
        vec![0; LARGEST],
        vec![b'\r'; LARGEST],
        b"\r\n".repeat(LARGEST / 2),
        with(&format!("Subject: {}", "x".repeat(60_000))).into(),
        with(&format!("Subject: a{}", "\r\n b".repeat(10_000))).into(),
        with(&format!("Subject: a{}", "\r\n\t".repeat(3_000))).into(),
        with(&"Subject: a\r\n".repeat(4_000)).into(),
        with(&format!(
            "Via: {}SIP/2.0/UDP x",
            "SIP/2.0/UDP x,".repeat(4_000)
        ))
        .into(),
        with(&format!("Route: {}", "<sip:x;lr>,".repeat(4_000))).into(),
        with(&format!("Contact: {}", "\"".repeat(30_001))).into(),
        with(&format!("Contact: {}", "<".repeat(30_000))).into(),
        text.replace("sip:2001@", &format!("sip:{}@", "2".repeat(50_000)))
            .into(),
        text.replace("CSeq: 1", "CSeq: 99999999999999999999").into(),
        text.replace("Content-Length: ", "Content-Length: -").into(),
        text.replace("Content-Length: ", "Content-Length: 9999999999999999")
            .into(),
        text.replace("INVITE", "\0\u{1}\u{7f}").into(),
        text.replace("SIP/2.0", "SIP/9.9").into(),
    ]);
    let mut random = Random(0x5eed);
    for _ in 0..MADE_UP {
        let length = random.below(2_000);
        all.push((0..length).map(|_| random.below(256) as u8).collect());
        // A message with some octets changed. The method is spoilt: it is to answer no call.
        let mut spoilt = text.replace("INVITE", "1NV1TE").into_bytes();
        for _ in 0..=random.below(20) {
            let at = random.below(spoilt.len() as u64) as usize;
            spoilt[at] = random.below(256) as u8;
        }
        all.push(spoilt);
    }
    for datagram in &mut all {
        datagram.truncate(LARGEST);
    }
    all
}

/// xorshift64 (Marsaglia 2003): the same datagrams in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn description() -> &'static str {
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
     m=audio 9 RTP/AVP 8 0\r\n"
}

/// An INVITE of the user 1001 to 2001.
fn invite(body: &str) -> Vec<u8> {
    let length = body.len();
    let head = "INVITE sip:2001@127.0.0.1 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK-hostile;rport\r\n\
        From: <sip:1001@127.0.0.1>;tag=hostile\r\nTo: <sip:2001@127.0.0.1>\r\n\
        Call-ID: hostile@127.0.0.1\r\nCSeq: 1 INVITE\r\nContact: <sip:1001@127.0.0.1>\r\n\
        Max-Forwards: 70\r\nContent-Type: application/sdp\r\n";
    format!("{head}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// The status of the final response to an INVITE.
fn final_status(socket: &UdpSocket) -> u16 {
    let patience = Some(Duration::from_millis(20));
    socket
        .set_read_timeout(patience)
        .expect("20 ms is a timeout");
    let mut buffer = vec![0; LARGEST];
    wait_for("a final response", Duration::from_secs(10), || {
        let length = socket.recv(&mut buffer).ok()?;
        let text = String::from_utf8_lossy(&buffer[..length]);
        let status = text.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()?;
        (status >= 200).then_some(status)
    })
}
