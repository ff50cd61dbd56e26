//! A telephone without a state machine: it says what a test writes, word by word, and keeps what it
//! hears. For what a well-behaved telephone of ours never does: late offers, re-INVITEs, nonsense.

use std::net::SocketAddr;

use bytes::Bytes;
use sip::digest::{Challenge, Login};

use crate::town::NODE;

/// A call that a hand has put aside.
pub type Aside = (u32, u32, String, String);

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
    /// Answers what must be answered at once by itself.
    polite: bool,
    /// Where it says that it is at home.
    domain: String,
    /// Further header lines of its next request.
    further: String,
    /// What it was last asked to prove.
    challenge: Option<Challenge>,
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
            polite: false,
            domain: "by.hand".to_owned(),
            further: String::new(),
            challenge: None,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.sip
    }

    /// Takes a message; what it answers at once.
    pub(crate) fn take(&mut self, bytes: Bytes) -> Option<Bytes> {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if text.starts_with("SIP/2.0 2") && self.header(&text, "CSeq").ends_with("INVITE") {
            self.meet(&text);
        }
        if text.starts_with("SIP/2.0 401") {
            let lines = text.lines();
            let values = lines.filter_map(|line| line.strip_prefix("WWW-Authenticate: "));
            self.challenge = Challenge::choose(values);
        }
        let asked = self.polite
            && ["BYE ", "CANCEL ", "PRACK ", "NOTIFY "]
                .iter()
                .any(|m| text.starts_with(m));
        let refused = ["3", "4", "5", "6"].map(|class| format!("SIP/2.0 {class}"));
        let refused = self.polite && refused.iter().any(|start| text.starts_with(start));
        let answer = if refused && self.header(&text, "CSeq").ends_with(" INVITE") {
            Some(self.ack_of(&text))
        } else {
            asked.then(|| self.respond(&text, "200 OK", "", ""))
        };
        self.heard.push(text);
        answer
    }

    /// A response makes its dialog.
    fn meet(&mut self, response: &str) {
        self.to = self.header(response, "To");
        let contact = self.header(response, "Contact");
        contact
            .trim_matches(['<', '>'])
            .clone_into(&mut self.target);
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

    /// The last request of that method that it heard.
    pub fn last(&self, method: &str) -> Option<&str> {
        let wanted = |text: &&String| text.split(' ').next() == Some(method);
        self.heard.iter().rfind(wanted).map(String::as_str)
    }

    /// From now on it answers each BYE, CANCEL, PRACK and NOTIFY with 200 and each refusal with ACK, as everybody
    /// must.
    pub fn be_polite(&mut self) {
        self.polite = true;
    }

    /// An answer to a request that it heard, under that tag.
    pub fn respond(&self, request: &str, status: &str, tag: &str, sdp: &str) -> Bytes {
        let copied = ["Via", "From", "Call-ID", "CSeq"];
        let copied = copied.map(|name| format!("{name}: {}\r\n", self.header(request, name)));
        let (user, sip, to) = (&self.user, self.sip, self.header(request, "To"));
        let tag = if tag.is_empty() {
            String::new()
        } else {
            format!(";tag={tag}")
        };
        format!(
            "SIP/2.0 {status}\r\n{}To: {to}{tag}\r\nContact: <sip:{user}@{sip}>\r\n{}",
            copied.concat(),
            body(sdp),
        )
        .into()
    }

    /// The ACK of a refusal, which belongs to its INVITE (RFC 3261 §17.1.1.3).
    fn ack_of(&self, refusal: &str) -> Bytes {
        let copied = ["Via", "From", "To", "Call-ID"];
        let copied = copied.map(|name| format!("{name}: {}\r\n", self.header(refusal, name)));
        let cseq = self.header(refusal, "CSeq").replace("INVITE", "ACK");
        let (target, copied) = (&self.target, copied.concat());
        format!("ACK {target} SIP/2.0\r\n{copied}CSeq: {cseq}\r\nContent-Length: 0\r\n\r\n").into()
    }

    /// A BYE of the callee under that tag, in the call that this INVITE began.
    pub fn bye_to(&self, invite: &str, tag: &str) -> Bytes {
        let target = self.header(invite, "Contact");
        let target = target.trim_matches(['<', '>']);
        let (from, to) = (self.header(invite, "To"), self.header(invite, "From"));
        let (sip, call_id) = (self.sip, self.header(invite, "Call-ID"));
        format!(
            "BYE {target} SIP/2.0\r\nVia: SIP/2.0/UDP {sip};branch=z9hG4bK-back-{tag};rport\r\n\
             Max-Forwards: 70\r\nFrom: {from};tag={tag}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
             CSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n"
        )
        .into()
    }

    /// Asks the other side of its call to have its partner call somebody else.
    pub fn refer(&mut self, to: &str) -> Bytes {
        self.cseq += 1;
        let refer = String::from_utf8_lossy(&self.write("REFER", self.cseq, "", "")).into_owned();
        let line = format!("Refer-To: <{to}>\r\nMax-Forwards");
        refer.replace("Max-Forwards", &line).into()
    }

    /// Says by INFO that it has pressed a key.
    pub fn info(&mut self, key: char) -> Bytes {
        self.cseq += 1;
        let body = format!("Signal={key}\r\nDuration=160\r\n");
        let info = String::from_utf8_lossy(&self.write("INFO", self.cseq, "", &body)).into_owned();
        info.replace("application/sdp", "application/dtmf-relay")
            .into()
    }

    /// Where the last description that it heard wants audio, and from where it sends some.
    pub(crate) fn audio(&self) -> Option<(SocketAddr, SocketAddr)> {
        let lines = || self.heard.iter().rev().flat_map(|text| text.lines());
        let port = lines().find_map(|line| line.strip_prefix("m=audio "))?;
        let address = lines().find_map(|line| line.strip_prefix("c=IN IP4 "))?;
        let port = port.split(' ').next()?.parse().ok()?;
        Some((
            self.rtp,
            SocketAddr::new(address.trim().parse().ok()?, port),
        ))
    }

    /// Tells how that went which it was asked for.
    pub fn notify(&mut self, status: &str) -> Bytes {
        self.cseq += 1;
        let notify =
            String::from_utf8_lossy(&self.write("NOTIFY", self.cseq, "", "x")).into_owned();
        let lines =
            "Event: refer\r\nSubscription-State: terminated;reason=noresource\r\nMax-Forwards";
        let body = format!("SIP/2.0 {status}");
        let notify = notify.replace("Max-Forwards", lines);
        let notify = notify.replace("application/sdp", "message/sipfrag");
        let length = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        notify.replace("Content-Length: 1\r\n\r\nx", &length).into()
    }

    /// The dialog of its call, as a Refer-To names it for the other side.
    pub fn replaces(&self) -> String {
        let tag = self.to.split("tag=").nth(1).unwrap_or("");
        let (user, call) = (&self.user, self.call);
        format!("Replaces=by-hand-{user}-{call}%3Bto-tag%3D{tag}%3Bfrom-tag%3Dhand")
    }

    /// Goes back to a call that it has put aside.
    pub fn take_up(&mut self, aside: Aside) {
        (self.call, self.cseq, self.to, self.target) = aside;
    }

    /// From now on it speaks of another call; what it takes to go back.
    pub fn put_aside(&mut self) -> Aside {
        let aside = (self.call, self.cseq, self.to.clone(), self.target.clone());
        self.another_call();
        aside
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
        let invite = self.write("INVITE", self.cseq, "", sdp);
        self.further.clear();
        invite
    }

    /// The ACK of the last INVITE's 200.
    pub fn ack(&self, sdp: &str) -> Bytes {
        self.write("ACK", self.cseq, "ack", sdp)
    }

    /// The PRACK of the last reliable 1xx (RFC 3262 §7.2), with an answer to its offer.
    pub fn prack(&mut self, sdp: &str) -> Bytes {
        let is_reliable = |text: &&String| text.contains("\r\nRSeq: ");
        let early = self.heard.iter().rfind(is_reliable);
        let early = early.expect("a reliable response came").clone();
        let rack = format!(
            "RAck: {} {}\r\nMax-Forwards",
            self.header(&early, "RSeq"),
            self.header(&early, "CSeq")
        );
        self.meet(&early);
        self.cseq += 1;
        let prack = String::from_utf8_lossy(&self.write("PRACK", self.cseq, "", sdp)).into_owned();
        prack.replace("Max-Forwards", &rack).into()
    }

    /// The CANCEL of the last INVITE.
    pub fn cancel(&self) -> Bytes {
        self.write("CANCEL", self.cseq, "", "")
    }

    /// From now on its From has this domain.
    pub fn is_at_home_in(&mut self, domain: &str) {
        domain.clone_into(&mut self.domain);
    }

    /// Its next INVITE has these header lines too.
    pub fn adds(&mut self, headers: String) {
        self.further = headers;
    }

    /// A REGISTER of this telephone at a domain, with these header lines beside what all have.
    pub fn register(&mut self, domain: &str, headers: &str) -> Bytes {
        self.cseq += 1;
        let Self {
            user,
            sip,
            call,
            cseq,
            ..
        } = self;
        format!(
            "REGISTER sip:{domain} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {sip};branch=z9hG4bK-{user}-{call}-{cseq};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@{domain}>;tag=hand\r\n\
             To: <sip:{user}@{domain}>\r\nCall-ID: by-hand-{user}-{sip}-{call}\r\n\
             CSeq: {cseq} REGISTER\r\nUser-Agent: a telephone by hand, which has much to say about \
             itself, so that all that it is asked fits into an answer of the same size, however long \
             both of the challenges are\r\n\
             {headers}Content-Length: 0\r\n\r\n"
        )
        .into()
    }

    /// The header line that answers the last challenge that it heard, for a request.
    pub fn authorization(&mut self, password: &str, method: &str, uri: &str) -> String {
        let login = Login {
            username: self.user.clone(),
            password: password.to_owned(),
        };
        let challenge = self.challenge.as_mut().expect("it was challenged");
        let answer = challenge.answer(&login, method, uri, u64::from(self.cseq));
        format!("Authorization: {answer}\r\n")
    }

    /// What it was last asked to prove is this.
    pub fn is_asked(&mut self, challenge: &str) {
        self.challenge = Challenge::choose([challenge]);
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
            domain,
            further,
            ..
        } = self;
        let body = body(sdp);
        format!(
            "{method} {target} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {sip};branch=z9hG4bK-{user}-{call}-{cseq}{branch};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@{domain}>;tag=hand\r\nTo: {to}\r\n\
             Call-ID: by-hand-{user}-{call}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:{user}@{sip}>\r\n{further}{body}"
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

/// The end of a message: its body, and what announces it.
fn body(sdp: &str) -> String {
    let length = sdp.len();
    if sdp.is_empty() {
        return "Content-Length: 0\r\n\r\n".to_owned();
    }
    format!("Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{sdp}")
}
