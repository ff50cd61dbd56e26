//! Whoever looks for victims: SIPVicious, whose requests reach every SIP server on the internet, and a
//! guesser of our own with all the room that an answer needs. They learn nothing and are locked out,
//! while telephones talk.

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::metrics::Page;
use crate::node::Node;
use crate::office::Office;
use crate::sipp;

/// The password of the phone 1005 is the one that svcrack tries in the middle of its range.
const PASSWORD: &str = "10042";

/// What is tried: a tool and its arguments.
const ATTACKS: [(&str, &str); 6] = [
    ("svmap", ""),
    ("svwar", "-e990-1010"),
    ("svwar", "--force -e990-1100"),
    ("svwar", "--force -e990-1100 -m INVITE"),
    ("svwar", "--force -e990-1100 -m OPTIONS"),
    ("svcrack", "-u 1005 -r 10001-10060"),
];

fn office(node: &Node) -> Office {
    let office = Office::open(node, "acme");
    let phone = json!({ "user": "1005", "password": PASSWORD });
    office.rest.post("/api/v1/phones", &phone).expect(201);
    office
}

/// What each tool of SIPVicious says in the end; all run at once, each from an address of its own in
/// that network, under that name or their own.
fn attacks(python: &Path, node: &Node, network: &str, name: &str) -> Vec<(String, String)> {
    let start = |(last, (tool, further)): (u8, (&str, &str))| {
        let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/scanner.py");
        let mut command = Command::new(python);
        command.arg(driver);
        command.args([tool, &format!("{network}.{last}"), name]);
        if tool != "svmap" {
            command.args(["--domain", "acme.example", "--maximumtime", "2"]);
        }
        let port = node.sip.port().to_string();
        command.args(further.split_whitespace());
        command.args(["-p", &port, &node.sip.ip().to_string()]);
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().expect("it runs");
        (format!("{tool} {further}"), child)
    };
    let running: Vec<_> = (66..).zip(ATTACKS).map(start).collect();
    let end = |(attack, child): (String, Child)| {
        let output = child.wait_with_output().expect("it is a child of ours");
        let said = [output.stdout, output.stderr].concat();
        (attack, String::from_utf8_lossy(&said).into_owned())
    };
    running.into_iter().map(end).collect()
}

#[test]
fn sipvicious_learns_nothing_and_is_not_heard_again() {
    let Some(python) = std::env::var_os("E2E_SIPVICIOUS").filter(|it| it != "0") else {
        println!("skipped: no SIPVicious");
        return;
    };
    let python = Path::new(&python);
    let node = Node::start();
    let office = office(&node);
    for (attack, said) in attacks(python, &node, "127.0.0", "") {
        assert!(said.contains("found nothing"), "{attack}: {said}");
    }
    let silenced = [r#"why="scanner""#];
    let count = Page::of(&node).count("jackfield_sip_silenced_total", &silenced);
    assert_eq!(count, ATTACKS.len() as u64);
    // In disguise, one of them hears that somebody is there: who, it is not told.
    for (attack, said) in attacks(python, &node, "127.0.1", "phone") {
        let nobody = said.contains("found nothing") || said.contains("| unknown");
        assert!(nobody && !said.contains("Jackfield"), "{attack}: {said}");
        assert!(!said.contains(PASSWORD), "{attack}: {said}");
    }
    talk(&node, &office);
}

/// A REGISTER with room for any answer.
fn register(node: &Node, from: SocketAddr, user: u32) -> String {
    format!(
        "REGISTER sip:acme.example SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{user};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:{user}@acme.example>;tag={user}\r\n\
         To: <sip:{user}@acme.example>\r\nCall-ID: {user}\r\nCSeq: 1 REGISTER\r\n\
         Contact: <sip:{user}@{from}>\r\nUser-Agent: phone of {}\r\nSubject: {:600}\r\n\
         Content-Length: 0\r\n\r\n",
        node.sip, "long"
    )
}

/// An answer without what is its own: the user, the tag, the nonce.
fn shape(answer: &str, user: u32) -> String {
    let mut shape = String::new();
    for line in answer.replace(&user.to_string(), "USER").lines() {
        let nonce = line.find("nonce=\"").map(|at| at + "nonce=\"".len());
        let tag = line.strip_prefix("To:").and_then(|_| line.find(";tag="));
        let own = nonce.or(tag.map(|at| at + ";tag=".len()));
        let Some(at) = own else {
            shape.extend([line, "\n"]);
            continue;
        };
        let rest = line[at..].trim_start_matches(|c: char| !matches!(c, '"' | ';'));
        shape.extend([&line[..at], rest, &format!(" {}\n", line.len())]);
    }
    shape
}

#[test]
fn who_tries_many_users_gets_one_answer_to_all_and_then_none() {
    let node = Node::start();
    let office = office(&node);
    let guesser = UdpSocket::bind("127.0.0.99:0").expect("an address of this machine");
    let here = guesser.local_addr().expect("it is bound");
    let patience = Some(Duration::from_millis(500));
    guesser.set_read_timeout(patience).expect("a time");
    let mut shapes = BTreeSet::new();
    let mut answered = 0;
    // 1005 is a phone with a password, 1001 one without, the others are nobody.
    for user in 1000..1200 {
        let text = register(&node, here, user);
        guesser
            .send_to(text.as_bytes(), node.sip)
            .expect("it is sent");
        let mut answer = [0; 2_000];
        let Ok(length) = guesser.recv(&mut answer) else {
            break;
        };
        answered += 1;
        let answer = String::from_utf8_lossy(&answer[..length]);
        assert!(answer.starts_with("SIP/2.0 401 "), "{answer}");
        shapes.insert(shape(&answer, user));
    }
    assert!((60..80).contains(&answered), "{answered} answers");
    assert_eq!(shapes.len(), 1, "{shapes:#?}");
    let silenced = [r#"why="conduct""#];
    let page = Page::of(&node);
    assert_eq!(page.count("jackfield_sip_silenced_total", &silenced), 1);
    talk(&node, &office);
}

#[test]
fn a_flood_from_one_address_delays_nobody_elses_call() {
    let node = Node::start();
    let office = office(&node);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let flooder = UdpSocket::bind("127.0.0.98:0").expect("an address of this machine");
            let here = flooder.local_addr().expect("it is bound");
            let text = register(&node, here, 1005);
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                // What the kernel does not take is no flood.
                let _ = flooder.send_to(text.as_bytes(), node.sip);
                std::thread::sleep(Duration::from_micros(100));
            }
        });
        std::thread::sleep(Duration::from_millis(500));
        talk(&node, &office);
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let page = Page::of(&node);
    let dropped = page.count("jackfield_sip_dropped_total", &[]);
    assert!(dropped > 1_000, "{dropped}");
    assert_eq!(page.count("jackfield_queue_lost_total", &[]), 0);
}

/// The telephones of the office call each other.
fn talk(node: &Node, office: &Office) {
    if !sipp::is_there() {
        return;
    }
    let id = office.makecall("2001", "3001");
    let mut callee = office.is_called("uas-answers").start();
    office.calls("uac-answered", "2001").start().finish();
    callee.finish();
    office.cdrs(&id, 2);
    assert_eq!(
        Page::of(node).count("jackfield_sip_dropped_total", &[r#"why="crowded""#]),
        0
    );
}
