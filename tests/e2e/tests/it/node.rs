//! One running `jackfield serve`, on free ports and data of its own.
//!
//! When it is dropped it is asked to stop, as an operator would; unless the test fails anyway, it
//! must do so with status 0 and must not have logged an error: that would be a bug of ours.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use crate::rest::Rest;
use crate::stopwatch::wait_for;

/// How long a node may take to be ready. A debug build compiles the built-in policy meanwhile.
const START: Duration = Duration::from_secs(60);
/// How long it may take to end once it was asked to. Its calls are over by then.
const STOP: Duration = Duration::from_secs(20);

const CONFIGURATION: &str = r#"
[node]
name = "e2e"
drain_timeout = "5s"

[sip]
udp = ["127.0.0.1:0"]

[media]
address = "127.0.0.1"
ports = "0-0"

[api]
listen = "127.0.0.1:0"

[metrics]
listen = "127.0.0.1:0"
"#;

/// See the module's header.
pub(crate) struct Node {
    child: Child,
    output: Output,
    /// Kept for its folder, which is removed with it.
    _data: TempDir,
    /// Where it takes SIP.
    pub(crate) sip: SocketAddr,
    /// Where it takes HTTP.
    pub(crate) http: SocketAddr,
    /// Where it shows its metrics.
    pub(crate) metrics: SocketAddr,
    /// The platform's key.
    pub(crate) key: String,
}

/// The lines that a program has written until now, on both streams.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<String>>>);

impl Node {
    /// Starts a node and waits until it says where it can be reached.
    pub(crate) fn start() -> Self {
        Self::start_by(Command::new(binary()))
    }

    /// The same, with a log of that level.
    pub(crate) fn start_with_log(level: &str) -> Self {
        let mut program = Command::new(binary());
        program.env("JACKFIELD__LOG__LEVEL", level);
        Self::start_by(program)
    }

    fn start_by(mut program: Command) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let config = data.path().join("jackfield.toml");
        std::fs::write(&config, CONFIGURATION).expect("the configuration is written");
        let mut child = program
            .arg("serve")
            .arg("--config")
            .arg(&config)
            .arg("--data")
            .arg(data.path().join("data"))
            .env_remove("JACKFIELD_ADMIN_KEY")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", binary().display()));
        let output = Output::default();
        output.collect(child.stdout.take().expect("it is piped"));
        output.collect(child.stderr.take().expect("it is piped"));
        let mut wait = |what: &str| {
            wait_for(what, START, || {
                let ended = child.try_wait().ok().flatten();
                assert!(ended.is_none(), "{ended:?}:\n{}", output.text());
                output.after(what)
            })
        };
        let key = wait("admin key: ");
        let sip = wait("sip udp ").parse().expect("an address");
        let http = wait("http ").parse().expect("an address");
        let metrics = wait("metrics ").parse().expect("an address");
        Self {
            child,
            output,
            _data: data,
            sip,
            http,
            metrics,
            key,
        }
    }

    /// A client with the platform's key.
    pub(crate) fn platform(&self) -> Rest {
        Rest::new(self.http, &self.key)
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.ask_to_stop();
        let child = &mut self.child;
        wait_for("the node to stop", STOP, || child.try_wait().ok().flatten())
    }

    /// Asks it to stop: it takes no new calls and waits for the end of live ones.
    pub(crate) fn ask_to_stop(&self) {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(
            asked.is_ok_and(|status| status.success()),
            "cannot signal {pid}"
        );
    }

    /// What it has written, for the message of a failed test.
    pub(crate) fn text(&self) -> String {
        self.output.text()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.child.kill();
            let _ = self.child.wait();
            eprintln!("--- the node:\n{}", self.text());
            return;
        }
        let status = match self.child.try_wait() {
            Ok(Some(status)) => status,
            _ => self.stop(),
        };
        let text = self.text();
        assert!(status.success(), "the node ended with {status}:\n{text}");
        let errors: Vec<&str> = text.lines().filter(|it| it.contains(" ERROR ")).collect();
        assert!(errors.is_empty(), "the node logged {errors:#?}");
    }
}

impl Output {
    /// Reads a stream to its end on a thread that ends with it.
    fn collect(&self, stream: impl Read + Send + 'static) {
        let lines = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                lines.lock().push(line);
            }
        });
    }

    /// What follows `prefix` on the first line that begins with it.
    fn after(&self, prefix: &str) -> Option<String> {
        let lines = self.lock();
        let rest = lines.iter().find_map(|line| line.strip_prefix(prefix));
        rest.map(|rest| rest.trim().to_owned())
    }

    fn text(&self) -> String {
        self.lock().join("\n")
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The binary under test.
pub(crate) fn binary() -> PathBuf {
    let beside = || profile_folder().join("jackfield");
    let path = std::env::var_os("JACKFIELD_BIN").map_or_else(beside, PathBuf::from);
    assert!(
        path.is_file(),
        "{} is not built: cargo build -p server",
        path.display()
    );
    path
}

/// The component of that name.
pub(crate) fn component(name: &str) -> Vec<u8> {
    let beside = || profile_folder().with_file_name("plugins");
    let folder = std::env::var_os("JACKFIELD_PLUGINS").map_or_else(beside, PathBuf::from);
    let file = folder.join(format!("{name}.wasm"));
    std::fs::read(&file)
        .unwrap_or_else(|error| panic!("{}: {error}: cargo xtask plugins", file.display()))
}

/// `target/debug`, if this test's binary is in `target/debug/deps`.
fn profile_folder() -> PathBuf {
    let program = std::env::current_exe().expect("the path of this program");
    let folder = program.ancestors().nth(2);
    folder.expect("it lies in target/PROFILE/deps").to_owned()
}
