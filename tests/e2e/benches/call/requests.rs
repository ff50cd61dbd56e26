//! The users' makecall requests: over some connections that are kept open, at an even rate.
//!
//! HTTP is written by hand, so that the load costs the machine next to nothing beside the server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::figure::now;
use crate::users::numbers_of;

/// Connections, and threads, at the least: each waits for its answer before its next request.
const CONNECTIONS: u32 = 16;
/// Requests a second of one connection at the most. An answer may take the inverse of it before the
/// requests of its connection are late: users do not wait for each other's answers either.
const CONNECTION_RATE: u32 = 4;

/// Who asks where, and how often.
pub(crate) struct Requests {
    server: SocketAddr,
    /// Those of the tenants, to which users belong in turns.
    keys: Arc<[String]>,
    users: u32,
    rate: u32,
}

/// Requests under way.
pub(crate) struct Asking(Vec<JoinHandle<Asked>>);

/// What came of them.
#[derive(Default)]
pub(crate) struct Asked {
    /// How long each answer took from when its request was due, ms.
    pub(crate) times: Vec<f64>,
    /// What was answered to those that failed.
    pub(crate) failures: Vec<String>,
}

impl Requests {
    pub(crate) fn new(server: SocketAddr, keys: Vec<String>, users: u32, rate: u32) -> Self {
        Self {
            server,
            keys: keys.into(),
            users,
            rate,
        }
    }

    /// Begins to make that many requests, one user after the other.
    pub(crate) fn start(&self, count: u32) -> Asking {
        let begin = now();
        let connections = CONNECTIONS.max(self.rate.div_ceil(CONNECTION_RATE));
        let connection = |first| {
            let connection = Connection::open(self.server, &self.keys);
            let (users, rate) = (self.users, self.rate);
            let mine = (first..count).step_by(connections as usize);
            std::thread::spawn(move || connection.ask(mine, users, rate, begin))
        };
        Asking((0..connections).map(connection).collect())
    }
}

impl Asking {
    /// Waits for the last answer.
    pub(crate) fn finish(self) -> Asked {
        let mut all = Asked::default();
        for connection in self.0 {
            let asked = connection.join().expect("the server answers HTTP");
            all.times.extend(asked.times);
            all.failures.extend(asked.failures);
        }
        all
    }
}

struct Connection {
    stream: BufReader<TcpStream>,
    keys: Arc<[String]>,
}

impl Connection {
    fn open(server: SocketAddr, keys: &Arc<[String]>) -> Self {
        let stream = TcpStream::connect(server).expect("the API listens");
        stream.set_nodelay(true).expect("a TCP option");
        let patience = Some(Duration::from_secs(10));
        stream
            .set_read_timeout(patience)
            .expect("10 s is a timeout");
        Self {
            stream: BufReader::new(stream),
            keys: Arc::clone(keys),
        }
    }

    /// Asks when it is due, never sooner.
    fn ask(
        mut self,
        requests: impl Iterator<Item = u32>,
        users: u32,
        rate: u32,
        begin: Instant,
    ) -> Asked {
        let mut all = Asked::default();
        for request in requests {
            let due = begin + Duration::from_secs_f64(f64::from(request) / f64::from(rate));
            std::thread::sleep(due.saturating_duration_since(now()));
            if let Err(failure) = self.makecall(request % users) {
                all.failures.push(failure);
            }
            all.times.push(due.elapsed().as_secs_f64() * 1e3);
        }
        all
    }

    /// One request; what was answered, if it was not 200.
    fn makecall(&mut self, user: u32) -> Result<(), String> {
        let (telnum, private) = numbers_of(user);
        let key = &self.keys[user as usize % self.keys.len()];
        let body = format!(r#"{{"caller":"{private}","callee":"3001"}}"#);
        let request = format!(
            "POST /api/user/{telnum}/makecall HTTP/1.1\r\nHost: jackfield\r\n\
             Authorization: Bearer {key}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let sent = self.stream.get_mut().write_all(request.as_bytes());
        sent.expect("the connection stays");
        let mut length = 0;
        let mut line = String::new();
        let mut status = None;
        while line != "\r\n" {
            line.clear();
            self.stream.read_line(&mut line).expect("an answer");
            let length_of = |text: &str| text.trim().parse::<usize>().ok();
            match line.to_ascii_lowercase().split_once(':') {
                Some(("content-length", text)) => length = length_of(text).unwrap_or(0),
                _ if status.is_none() => status = line.split(' ').nth(1).map(str::to_owned),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("the body");
        let body = String::from_utf8_lossy(&body);
        match status.as_deref() {
            Some("200") => Ok(()),
            _ => Err(format!("{telnum}: {status:?} {body}")),
        }
    }
}
