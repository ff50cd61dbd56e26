//! A telephone without a state machine: it says what a test writes, word by word, and keeps what it
//! hears. For what a well-behaved telephone of ours never does: late offers, re-INVITEs, nonsense.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::town::NODE;

/// One side of one call, by hand.
#[derive(Debug)]
pub struct Hand {
    user: String,
    sip: SocketAddr,
    rtp: SocketAddr,
    heard: Vec<String>,
    /// Grows with each request.
    cseq: u32,
    /// Grows with each call.
    call: u32,
    /// The To header and the remote target, once a response has brought them.
    to: String,
    target: String,
}

impl Hand {
    pub(crate) fn new(user: &str, sip: SocketAddr, rtp: SocketAddr) -> Self {
        Self {
            user: user.to_owned(),
            sip,
            rtp,
            heard: Vec::new(),
            cseq: 0,
            call: 0,
            to: String::new(),
            target: String::new(),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.sip
    }

    pub(crate) fn take(&mut self, bytes: Bytes) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if text.starts_with("SIP/2.0 2") && self.header(&text, "CSeq").ends_with("INVITE") {
            self.to = self.header(&text, "To");
            let contact = self.header(&text, "Contact");
            contact
                .trim_matches(['<', '>'])
                .clone_into(&mut self.target);
        }
        self.heard.push(text);
    }

    /// The messages that it heard.
    pub fn heard(&self) -> &[String] {
        &self.heard
    }

    /// A session description of this telephone: PCMA at its RTP address, flowing that way.
    pub fn sdp(&self, direction: &str) -> String {
        let (ip, port) = (self.rtp.ip(), self.rtp.port());
        format!(
            "v=0\r\no=- 1 {cseq} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na={direction}\r\n",
            cseq = self.cseq,
        )
    }

    /// From now on it speaks of another call.
    pub fn another_call(&mut self) {
        self.call += 1;
        self.cseq = 0;
        self.to.clear();
    }

    /// An INVITE: the first of the call goes to a number, later ones to the other side.
    pub fn invite(&mut self, number: &str, sdp: &str) -> Bytes {
        self.cseq += 1;
        if self.to.is_empty() {
            self.to = format!("<sip:{number}@{NODE}>");
            self.target = format!("sip:{number}@{NODE}");
        }
        self.write("INVITE", self.cseq, "", sdp)
    }

    /// The ACK of the last INVITE's 200.
    pub fn ack(&self, sdp: &str) -> Bytes {
        self.write("ACK", self.cseq, "ack", sdp)
    }

    /// A BYE.
    pub fn bye(&mut self) -> Bytes {
        self.cseq += 1;
        self.write("BYE", self.cseq, "", "")
    }

    fn write(&self, method: &str, cseq: u32, branch: &str, sdp: &str) -> Bytes {
        let Self {
            user,
            sip,
            to,
            target,
            call,
            ..
        } = self;
        let kind = if sdp.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        let length = sdp.len();
        format!(
            "{method} {target} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {sip};branch=z9hG4bK-{user}-{call}-{cseq}{branch};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@by.hand>;tag=hand\r\nTo: {to}\r\n\
             Call-ID: by-hand-{user}-{call}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:{user}@{sip}>\r\n{kind}Content-Length: {length}\r\n\r\n{sdp}"
        )
        .into()
    }

    fn header(&self, text: &str, name: &str) -> String {
        let named = |line: &&str| line.starts_with(name) && line[name.len()..].starts_with(':');
        let found = text.lines().find(named);
        found.map_or(String::new(), |line| {
            line[name.len() + 1..].trim().to_owned()
        })
    }
}
