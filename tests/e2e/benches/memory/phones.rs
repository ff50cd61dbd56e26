//! Phones that register, one after another, from one socket: each with a password and an address of
//! its own to be called at.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use serde_json::json;
use sip::digest::{Challenge, Login};

use crate::rest::Rest;

const DOMAIN: &str = "t0.example";
const PASSWORD: &str = "correct-horse";

/// The socket of all of them.
pub(crate) struct Phones(UdpSocket);

impl Phones {
    pub(crate) fn at(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.connect(server).expect("it is on this machine");
        let patience = Some(Duration::from_secs(10));
        socket.set_read_timeout(patience).expect("a socket option");
        Self(socket)
    }

    /// Makes the phone of a user known to its tenant.
    pub(crate) fn furnish(rest: &Rest, user: u32) {
        let phone = json!({ "user": user.to_string(), "password": PASSWORD });
        rest.post("/api/v1/phones", &phone).expect(201);
    }

    /// Registers a user for an hour.
    pub(crate) fn register(&self, user: u32) {
        let asked = self.ask(user, 1, "");
        let challenge = asked
            .lines()
            .find_map(|line| line.strip_prefix("WWW-Authenticate: "));
        let mut challenge = Challenge::choose(challenge).expect("a 401 with a challenge");
        let login = Login {
            username: user.to_string(),
            password: PASSWORD.into(),
        };
        let uri = format!("sip:{DOMAIN}");
        let answer = challenge.answer(&login, "REGISTER", &uri, u64::from(user));
        let answer = format!("Authorization: {answer}\r\n");
        let answered = self.ask(user, 2, &answer);
        assert!(answered.starts_with("SIP/2.0 200 "), "{answered}");
    }

    fn ask(&self, user: u32, cseq: u32, more: &str) -> String {
        let local = self.0.local_addr().expect("it is bound");
        let request = format!(
            "REGISTER sip:{DOMAIN} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {local};rport;branch=z9hG4bKphone{user}x{cseq}\r\n\
             From: <sip:{user}@{DOMAIN}>;tag=phone{user}\r\n\
             To: <sip:{user}@{DOMAIN}>\r\n\
             Call-ID: phone{user}@127.0.0.1\r\n\
             CSeq: {cseq} REGISTER\r\n\
             Max-Forwards: 70\r\n\
             Contact: <sip:{user}@{local}>\r\n\
             Expires: 3600\r\n\
             User-Agent: a phone with a name that is long enough for a challenge, as real ones are\r\n\
             Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, REFER, NOTIFY\r\n\
             {more}Content-Length: 0\r\n\r\n"
        );
        self.0.send(request.as_bytes()).expect("it is sent");
        let mut buffer = [0; 4_096];
        let length = self.0.recv(&mut buffer).expect("an answer");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }
}
