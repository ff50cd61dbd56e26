//! SIP over WebSocket: a phone in a browser registers, and is called over the connection that it made.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::json;
use sip::digest::{Challenge, Login};
use tokio_tungstenite::tungstenite::{
    Message, WebSocket, client, client::IntoClientRequest, http::HeaderValue,
};

use crate::metrics::Page;
use crate::node::Node;
use crate::office::{Office, check};
use crate::sipp;

const PASSWORD: &str = "correct-horse";
/// A browser does not know its address (RFC 7118 §5).
const HOST: &str = "df7jal23ls0d.invalid";

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                   m=audio 9 RTP/AVP 8\r\n";

/// The phone.
struct Browser(WebSocket<TcpStream>);

impl Browser {
    fn open(node: SocketAddr) -> Self {
        let stream = TcpStream::connect(node).expect("the node listens");
        let patience = Some(Duration::from_secs(20));
        stream
            .set_read_timeout(patience)
            .expect("20 s is a timeout");
        let request = format!("ws://{node}/").into_client_request();
        let mut request = request.expect("an address");
        let sip = HeaderValue::from_static("sip");
        request.headers_mut().insert("sec-websocket-protocol", sip);
        let (socket, _) = client(request, stream).expect("it is let in");
        Self(socket)
    }

    fn send(&mut self, text: String) {
        self.0.send(Message::text(text)).expect("it is connected");
    }

    /// The next message, which begins so.
    fn receive(&mut self, start: &str) -> String {
        let message = self.0.read().expect("a message in time");
        let text = message.into_text().expect("text").to_string();
        assert!(text.starts_with(start), "{text}");
        text
    }

    fn register(&mut self, number: u32, more: &str) {
        self.send(format!(
            "REGISTER sip:acme.example SIP/2.0\r\nVia: SIP/2.0/WS {HOST};branch=z9hG4bKr{number}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:3001@acme.example>;tag=r\r\n\
             To: <sip:3001@acme.example>\r\nCall-ID: register\r\nCSeq: {number} REGISTER\r\n\
             Contact: <sip:3001@{HOST};transport=ws>;expires=600\r\n{more}Content-Length: 0\r\n\r\n"
        ));
    }

    fn answer(&mut self, request: &str, status: &str, sdp: &str) {
        let copied = ["Via:", "From:", "Call-ID:", "CSeq:"];
        let mut lines = vec![format!("SIP/2.0 {status}")];
        for line in request.lines() {
            if copied.iter().any(|it| line.starts_with(it)) {
                lines.push(line.to_owned());
            } else if line.starts_with("To:") {
                let tag = if line.contains(";tag=") { "" } else { ";tag=b" };
                lines.push(format!("{line}{tag}"));
            }
        }
        lines.push(format!("Contact: <sip:3001@{HOST};transport=ws>"));
        if !sdp.is_empty() {
            lines.push("Content-Type: application/sdp".to_owned());
        }
        lines.push(format!("Content-Length: {}\r\n\r\n{sdp}", sdp.len()));
        self.send(lines.join("\r\n"));
    }
}

#[test]
fn a_phone_in_a_browser_registers_and_is_called_over_its_connection() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start_with(&[("SIP__WS", "[\"127.0.0.1:0\"]")]);
    let office = Office::empty(&node, "acme");
    office.number("2001", "makecall");
    office.phone("1001", office.user);
    let phone = json!({ "user": "3001", "password": PASSWORD });
    office.rest.post("/api/v1/phones", &phone).expect(201);

    let mut browser = Browser::open(node.sip_over("ws"));
    browser.register(1, "");
    let refused = browser.receive("SIP/2.0 401");
    let challenges = refused
        .lines()
        .filter_map(|line| line.strip_prefix("WWW-Authenticate: "));
    let mut challenge = Challenge::choose(challenges).expect("a challenge");
    let login = Login {
        username: "3001".into(),
        password: PASSWORD.into(),
    };
    let proof = challenge.answer(&login, "REGISTER", "sip:acme.example", 7);
    browser.register(2, &format!("Authorization: {proof}\r\n"));
    let accepted = browser.receive("SIP/2.0 200");
    assert!(accepted.contains(HOST), "{accepted}");

    let id = office.makecall("2001", "3001");
    let mut caller = office.calls("uac-answered", "2001").start();
    let invite = browser.receive(&format!("INVITE sip:3001@{HOST};transport=ws SIP/2.0"));
    assert!(invite.contains("Via: SIP/2.0/WS 127.0.0.1:"), "{invite}");
    assert!(invite.contains(";transport=ws>"), "{invite}");
    browser.answer(&invite, "180 Ringing", "");
    browser.answer(&invite, "200 OK", SDP);
    browser.receive(&format!("ACK sip:3001@{HOST};transport=ws SIP/2.0"));
    let bye = browser.receive(&format!("BYE sip:3001@{HOST};transport=ws SIP/2.0"));
    browser.answer(&bye, "200 OK", "");
    caller.finish();
    for cdr in office.cdrs(&id, 2) {
        check(&cdr, &json!({ "cause": 200, "end_reason": "released" }));
    }

    // With its connection the phone is gone.
    drop(browser);
    crate::stopwatch::wait_for("its end", Duration::from_secs(10), || {
        let page = Page::of(&node);
        (page.count("jackfield_sip_connections", &[]) == 0).then_some(())
    });
    office.makecall("2001", "3001");
    let again = office.calls("uac-refused", "2001").with("status", 480);
    again.start().finish();
}
