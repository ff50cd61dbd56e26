//! SIPp with one scenario of ours, for one call.
//!
//! A scenario says by its exit status whether everything came as it expected. What it cannot say so
//! (when it happened, where the audio goes) it writes to its log, one word and a value per line.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::stopwatch::wait_for;

/// After this SIPp gives up. The longest scenario waits 32 s for a callee that does not ring.
const TIMEOUT_SECONDS: u32 = 50;

/// Lines that scenarios share; `{{part:name}}` stands for them.
const PARTS: [&str; 7] = [
    "uac",
    "uac-again",
    "uas",
    "again",
    "contact",
    "sdp",
    "register",
];

/// A scenario to be run.
pub(crate) struct Scenario {
    name: &'static str,
    local: SocketAddr,
    /// Whom a caller calls.
    remote: Option<(SocketAddr, String)>,
    calls: u32,
    /// How many it begins each second.
    rate: u32,
    /// As SIPp calls it.
    transport: &'static str,
    /// Whether SIPp repeats what is not answered, and passes over what the other side repeats.
    repeats: bool,
    /// Words in braces, and what stands for them; the last one given counts.
    words: Vec<(&'static str, String)>,
}

/// SIPp at work.
pub(crate) struct Sipp {
    name: &'static str,
    child: Child,
    folder: TempDir,
}

/// Whether SIPp tests are to be run here; a line says so if not.
pub(crate) fn is_there() -> bool {
    is_installed("sipp", "E2E_SIPP")
}

/// Whether tests with that program are to be run here; a line says so if not. The variable may forbid
/// it (`0`) or demand it (`1`).
pub(crate) fn is_installed(program: &str, variable: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_installed = std::env::split_paths(&path).any(|it| it.join(program).is_file());
    let is_there = match std::env::var(variable).as_deref() {
        Ok("0") => false,
        Ok("1") => {
            assert!(
                is_installed,
                "{variable}=1, but {program} is not on the search path"
            );
            true
        }
        _ => is_installed,
    };
    if !is_there {
        println!("skipped: no {program}");
    }
    is_there
}

/// A port for SIP that nobody has, nor the one after it, which baresip takes for TLS. It is below those
/// that the system gives away by itself.
pub(crate) fn free_port() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + (std::process::id() % 90) as u16 * 100;
    loop {
        let port = first + NEXT.fetch_add(2, Ordering::Relaxed) % 1_000;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if std::net::UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}

impl Scenario {
    /// A caller at `local` who calls `number` at `node`.
    pub(crate) fn caller(
        name: &'static str,
        local: SocketAddr,
        node: SocketAddr,
        number: &str,
    ) -> Self {
        Self::new(name, local, Some((node, number.to_owned())))
    }

    /// A callee at `local`.
    pub(crate) fn callee(name: &'static str, local: SocketAddr) -> Self {
        Self::new(name, local, None)
    }

    /// Fills in `{{word}}`.
    pub(crate) fn with(mut self, word: &'static str, value: impl ToString) -> Self {
        self.words.push((word, value.to_string()));
        self
    }

    /// How many calls, one after the other as fast as SIPp begins them; 1 if not said.
    pub(crate) fn calls(mut self, calls: u32) -> Self {
        self.calls = calls;
        self
    }

    /// How many calls it begins each second; 10 if not said.
    pub(crate) fn rate(mut self, rate: u32) -> Self {
        self.rate = rate;
        self
    }

    /// SIPp repeats nothing, and what the other side repeats is to be expected by the scenario.
    pub(crate) fn without_repeats(mut self) -> Self {
        self.repeats = false;
        self
    }

    /// Over TCP: one connection for all calls (`t1`), or one for each (`tn`). A caller calls that node.
    pub(crate) fn over_tcp(mut self, mode: &'static str, node: SocketAddr) -> Self {
        self.transport = mode;
        if let Some((remote, _)) = &mut self.remote {
            *remote = node;
        }
        self
    }

    /// Starts SIPp; a callee is ready to be called when this returns.
    pub(crate) fn start(self) -> Sipp {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("scenario.xml");
        fs::write(&file, self.text()).expect("the scenario is written");
        let path = |name: &str| folder.path().join(name);
        let mut command = Command::new("sipp");
        if let Some((node, number)) = &self.remote {
            command.arg(node.to_string()).args(["-s", number]);
        }
        if !self.repeats {
            command.arg("-nr");
        }
        let local = [self.local.ip().to_string(), self.local.port().to_string()];
        command
            .arg("-sf")
            .arg(&file)
            .args(["-m", &self.calls.to_string(), "-nostdin"])
            .args(["-r", &self.rate.to_string()])
            .args(["-t", self.transport, "-max_socket", "1000"])
            .args(["-i", &local[0], "-mi", &local[0], "-p", &local[1]])
            .args(["-timeout", &TIMEOUT_SECONDS.to_string(), "-timeout_error"])
            .args(["-trace_err", "-error_file"])
            .arg(path("errors"))
            .args(["-trace_logs", "-log_file"])
            .arg(path("log"))
            .args(["-trace_msg", "-message_file"])
            .arg(path("messages"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().expect("sipp can be run");
        let mut sipp = Sipp {
            name: self.name,
            child,
            folder,
        };
        wait_for("sipp to bind its port", Duration::from_secs(10), || {
            let is_over = matches!(sipp.child.try_wait(), Ok(Some(_)));
            let is_caller = self.remote.is_some() && self.transport != "u1";
            (is_over || is_caller || is_bound(self.local.port())).then_some(())
        });
        sipp
    }

    fn new(name: &'static str, local: SocketAddr, remote: Option<(SocketAddr, String)>) -> Self {
        let scenario = Self {
            name,
            local,
            remote,
            calls: 1,
            rate: 10,
            transport: "u1",
            repeats: true,
            words: Vec::new(),
        };
        scenario
            .with("from", "1001")
            .with("shown", "2001")
            .with("user", "1001")
            .with("domain", "acme.example")
            .with("password", "correct-horse")
            .with("expires", "600")
            .with("outcome", "200")
            .with("headers", "Subject: test")
            .with("rtp", "9")
            .with("codecs", "8 0")
            .with("events", " 101")
            .with("ring", "100")
            .with("answer", "200")
            .with("talk", "300")
    }

    /// The scenario's file with all words filled in.
    fn text(&self) -> String {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let file = folder.join(format!("{}.xml", self.name));
        let text = fs::read_to_string(&file);
        let mut text = text.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for part in PARTS {
            let file = folder.join(format!("parts/{part}.txt"));
            let lines = fs::read_to_string(&file);
            let lines = lines.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            text = text.replace(&format!("{{{{part:{part}}}}}"), lines.trim_end());
        }
        for (word, value) in self.words.iter().rev() {
            text = text.replace(&format!("{{{{{word}}}}}"), value);
        }
        assert!(
            !text.contains("{{"),
            "{}: a word is not filled in",
            self.name
        );
        text
    }
}

impl Sipp {
    /// Where the other side wants its audio.
    pub(crate) fn media(&self) -> SocketAddr {
        let what = format!("the session description of {}", self.name);
        let port = wait_for(&what, Duration::from_secs(20), || self.logged("media"));
        let port = port.parse().expect("the scenario matched digits");
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    /// The rest of the first line of its log that begins with `word`.
    pub(crate) fn logged(&self, word: &str) -> Option<String> {
        self.all_logged(word).into_iter().next()
    }

    /// The rests of all lines of its log that begin with `word`.
    pub(crate) fn all_logged(&self, word: &str) -> Vec<String> {
        let log = self.read("log");
        // A line counts once its end is written.
        let lines = log
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        let rests = lines.filter_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
        rests.map(|rest| rest.trim().to_owned()).collect()
    }

    /// When it logged `word`, in seconds since 1970.
    pub(crate) fn time_of(&self, word: &str) -> f64 {
        let line = self.logged(word);
        let line = line.unwrap_or_else(|| panic!("{} never logged {word}", self.name));
        let seconds = line.rsplit('\t').next().and_then(|it| it.parse().ok());
        seconds.unwrap_or_else(|| panic!("no time in {line:?}"))
    }

    /// Waits until it is done; everything must have come as the scenario expected.
    pub(crate) fn finish(&mut self) {
        let child = &mut self.child;
        let patience = Duration::from_secs(u64::from(TIMEOUT_SECONDS) + 5);
        let status = wait_for(self.name, patience, || child.try_wait().ok().flatten());
        assert!(
            status.success(),
            "{} ended with {status}\n{}\n{}",
            self.name,
            self.read("errors"),
            self.read("messages"),
        );
    }

    /// Ends it in the middle of whatever it does; what it logged can still be read.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs or has just ended");
        self.child.wait().expect("it is a child of ours");
    }

    fn read(&self, name: &str) -> String {
        let path: PathBuf = self.folder.path().join(name);
        let octets = fs::read(path).unwrap_or_default();
        String::from_utf8_lossy(&octets).into_owned()
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!(
                "--- {}:\n{}\n{}",
                self.name,
                self.read("errors"),
                self.read("messages")
            );
        }
    }
}

/// Whether someone has that port, by the kernel's own tables: to try it would be to take it.
fn is_bound(port: u16) -> bool {
    let tables =
        ["udp", "tcp", "udp6", "tcp6"].map(|it| fs::read_to_string(format!("/proc/net/{it}")));
    // Without a peer, whose address may be of either length.
    let bound = format!(":{port:04X} 00000000");
    tables.iter().flatten().any(|table| table.contains(&bound))
}
