//! baresip, a softphone that others have written, without a screen and a sound card.
//!
//! It sends back what it hears, its player being joined to its source, or says a tone. It is driven
//! by JSON in netstrings over TCP, and tells what happens the same way.

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use media::tone::Tone;
use media::wav;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::sipp::is_installed;
use crate::stopwatch::wait_for;

/// How long anything may take that it is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long it can say its tone.
const SPEECH_SECONDS: usize = 60;

/// What a softphone is told before it starts.
pub(crate) struct Account {
    /// The account's line, as baresip's file `accounts` has it.
    line: String,
    ip: IpAddr,
    /// The one codec that it knows.
    codec: &'static str,
    /// The tone that it says; none: it is an echo.
    tone: Option<u16>,
    /// It writes down what it hears.
    keeps: bool,
    /// Further lines of its configuration.
    settings: Vec<String>,
}

/// A softphone at work.
pub(crate) struct Baresip {
    child: Child,
    control: TcpStream,
    /// What came over `control` and was not yet asked for.
    received: Vec<u8>,
    events: Vec<Value>,
    folder: TempDir,
}

/// Whether tests with baresip are to be run here; a line says so if not.
pub(crate) fn is_there() -> bool {
    is_installed("baresip", "E2E_BARESIP")
}

impl Account {
    /// An account that is not registered: the phone is known by its address.
    pub(crate) fn line(user: &str, local: SocketAddr, transport: &str) -> Self {
        let line = format!("<sip:{user}@{local};transport={transport}>;regint=0");
        Self::new(line, local.ip())
    }

    /// As the file `accounts` has it, on a phone of that address.
    pub(crate) fn new(line: String, ip: IpAddr) -> Self {
        Self {
            line,
            ip,
            codec: "PCMA/8000/1",
            tone: None,
            keeps: false,
            settings: Vec::new(),
        }
    }

    /// One that registers with the tenant `acme` at that address of a node.
    pub(crate) fn registers(user: &str, password: &str, node: SocketAddr, transport: &str) -> Self {
        let line = format!(
            "<sip:{user}@acme.example;transport={transport}>;auth_user={user};auth_pass={password}\
             ;outbound=\"sip:{node};transport={transport}\";regint=600"
        );
        Self::new(line, node.ip())
    }

    /// With that line in its configuration.
    pub(crate) fn with(mut self, setting: String) -> Self {
        self.settings.push(setting);
        self
    }

    /// It speaks SRTP with keys by SDP, and nothing else.
    pub(crate) fn encrypted(mut self) -> Self {
        self.line.push_str(";mediaenc=srtp-mand");
        self.with("module srtp.so".to_owned())
    }

    /// It knows Opus and nothing else.
    pub(crate) fn speaks_opus(mut self) -> Self {
        self.codec = "opus/48000/2";
        self.with("module opus.so".to_owned())
    }

    /// What it hears can be had from it.
    pub(crate) fn that_keeps_what_it_hears(mut self) -> Self {
        self.keeps = true;
        self
    }

    /// It says that tone.
    pub(crate) fn says(mut self, hz: u16) -> Self {
        self.tone = Some(hz);
        self
    }

    /// Starts a phone that listens at `local` and knows how it can be driven.
    pub(crate) fn start(mut self, local: SocketAddr) -> Baresip {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let control = control_port();
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).expect("the folder can be written to");
        };
        let (line, codec) = (&self.line, self.codec);
        let account = format!("{line};audio_codecs={codec};answermode=manual\n");
        write("accounts", &account);
        write("contacts", "");
        let mut source = "aubridge,loop".to_owned();
        if let Some(hz) = self.tone {
            let file = folder.path().join("tone.wav");
            let mut samples = vec![0; 8_000 * SPEECH_SECONDS];
            Tone::new(hz, -10.0).fill(&mut samples);
            fs::write(&file, wav::encode(&samples)).expect("the folder can be written to");
            source = format!("aufile,{}", file.display());
        }
        if self.keeps {
            self.settings.push("module sndfile.so".to_owned());
            let place = folder.path().display();
            self.settings.push(format!("snd_path {place}"));
        }
        write("config", &self.configuration(local, control, &source));
        let log =
            fs::File::create(folder.path().join("log")).expect("the folder can be written to");
        let child = Command::new("baresip")
            .arg("-f")
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be shared"))
            .stderr(log)
            .spawn()
            .expect("baresip can be run");
        let control = wait_for("baresip's control", PATIENCE, || {
            TcpStream::connect(control).ok()
        });
        let wait = Some(Duration::from_millis(10));
        control.set_read_timeout(wait).expect("10 ms is a timeout");
        Baresip {
            child,
            control,
            received: Vec::new(),
            events: Vec::new(),
            folder,
        }
    }

    fn configuration(&self, local: SocketAddr, control: SocketAddr, source: &str) -> String {
        let mut lines = vec![
            "poll_method epoll".to_owned(),
            format!("sip_listen {local}"),
            format!("net_interface {}", self.ip),
            "call_local_timeout 120".to_owned(),
            format!("audio_source {source}"),
            "audio_player aubridge,loop".to_owned(),
            // It would be played to the player, and then never let it go.
            "ringback_disabled yes".to_owned(),
            "ausrc_srate 8000".to_owned(),
            "auplay_srate 8000".to_owned(),
            format!("module_path {}", module_folder()),
            format!("ctrl_tcp_listen {control}"),
        ];
        let modules = ["g711", "aubridge", "aufile"].map(|it| format!("module {it}.so"));
        let applications = ["account", "menu", "ctrl_tcp"].map(|it| format!("module_app {it}.so"));
        lines.extend(modules.into_iter().chain(applications));
        lines.extend(self.settings.iter().cloned());
        lines.join("\n") + "\n"
    }
}

/// A port that nobody has, far from those for SIP: baresip takes the one after its own, too, for TLS.
fn control_port() -> SocketAddr {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
    free.expect("a free port")
}

/// Where the package keeps its modules.
fn module_folder() -> &'static str {
    let folders = ["/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules"];
    let found = folders
        .into_iter()
        .find(|it| fs::exists(it).unwrap_or(false));
    found.unwrap_or(folders[0])
}

impl Baresip {
    /// Waits until it is registered, which may have been before it could be asked for events.
    pub(crate) fn is_registered(&self) {
        wait_for("the registration", PATIENCE, || {
            let log = fs::read_to_string(self.folder.path().join("log")).ok()?;
            // With how many bindings there are, others of the same user included.
            log.contains("200 OK (Jackfield) [").then_some(())
        });
    }

    /// Calls `uri`.
    pub(crate) fn dial(&mut self, uri: &str) {
        self.command("dial", uri);
    }

    /// Does what its menu offers under that name: `accept`, `hangup`, `hold`, `resume`, `transfer`.
    pub(crate) fn command(&mut self, name: &str, parameter: &str) {
        let text = json!({ "command": name, "params": parameter, "token": name }).to_string();
        let text = format!("{}:{text},", text.len());
        self.control.write_all(text.as_bytes()).expect("it listens");
        let answer = self.next(name, |it| it["response"] == true && it["token"] == name);
        assert_eq!(answer["ok"], true, "{name} {parameter}: {answer}");
    }

    /// Presses that key in its call.
    pub(crate) fn key(&mut self, digit: char) {
        self.command("sndcode", &digit.to_string());
    }

    /// What it heard in its calls, one after another; of a call that is over.
    pub(crate) fn heard(&self) -> Vec<i16> {
        let files = fs::read_dir(self.folder.path()).expect("it is there");
        let files = files.map(|it| it.expect("it can be listed").path());
        let is_heard = |it: &PathBuf| it.to_string_lossy().ends_with("-dec.wav");
        let mut files: Vec<_> = files.filter(is_heard).collect();
        files.sort();
        let read = |it: &PathBuf| fs::read(it).expect("it can be read");
        let samples = |it: Vec<u8>| wav::decode(&it).expect("baresip writes WAV");
        files.iter().map(read).flat_map(samples).collect()
    }

    /// Waits until it tells an event of that type, such as `CALL_ESTABLISHED`.
    pub(crate) fn told(&mut self, kind: &str) -> Value {
        self.next(kind, |it| it["event"] == true && it["type"] == kind)
    }

    /// The first message of those that were not yet asked for.
    fn next(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        wait_for(what, PATIENCE, || {
            self.receive();
            let found = self.events.iter().position(&is_it)?;
            Some(self.events.remove(found))
        })
    }

    fn receive(&mut self) {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = self.control.read(&mut buffer) {
            self.received.extend_from_slice(&buffer[..length]);
        }
        while let Some((message, rest)) = netstring(&self.received) {
            let message = serde_json::from_slice(message).expect("baresip writes JSON");
            self.received = rest.to_vec();
            self.events.push(message);
        }
    }
}

/// The first netstring and what follows it, once it is whole.
fn netstring(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = octets.iter().position(|it| *it == b':')?;
    let length: usize = std::str::from_utf8(&octets[..colon]).ok()?.parse().ok()?;
    let rest = &octets[colon + 1..];
    Some((rest.get(..length)?, rest.get(length + 1..)?))
}

impl Drop for Baresip {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.path().join("log"));
            eprintln!(
                "--- baresip:\n{}\n{:#?}",
                log.unwrap_or_default(),
                self.events
            );
        }
    }
}
