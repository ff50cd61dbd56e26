//! One running `jackfield serve`, on free ports and data of its own.
//!
//! When it is dropped it is asked to stop, as an operator would; unless the test fails anyway, it
//! must do so with status 0 and must not have logged an error: that would be a bug of ours.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
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
tcp = ["127.0.0.1:0"]

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
    /// Its folder, which is removed with it.
    data: TempDir,
    /// Where it takes SIP over UDP.
    pub(crate) sip: SocketAddr,
    /// Where it takes SIP over TCP.
    pub(crate) sip_tcp: SocketAddr,
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

    /// The same, with further settings: the names of `JACKFIELD__…` and their values.
    pub(crate) fn start_with(settings: &[(&str, &str)]) -> Self {
        Self::start_by(program_with(settings))
    }

    /// The same, as a process to which a file that may not grow is an error and not its end
    /// (SIGXFSZ): what a full disk is to others.
    pub(crate) fn start_for_a_full_disk() -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"trap '' XFSZ; exec "$0" "$@""#]);
        shell.arg(binary());
        Self::start_by(shell)
    }

    /// Ends it without a word, in the middle of whatever it does.
    pub(crate) fn crash(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it is a child of ours");
    }

    /// Starts it anew with the data that it had. Its addresses are new ones.
    pub(crate) fn restart(&mut self) {
        self.restart_with(&[]);
    }

    /// The same, with settings as of [`Node::start_with`].
    pub(crate) fn restart_with(&mut self, settings: &[(&str, &str)]) {
        self.check_log();
        (self.child, self.output) = launch(program_with(settings), self.data.path());
        self.learn_addresses();
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The folder of its recordings.
    pub(crate) fn recordings(&self) -> PathBuf {
        self.data.path().join("data/recordings")
    }

    /// Its database.
    pub(crate) fn database(&self) -> PathBuf {
        self.data.path().join("data/jackfield.db")
    }

    /// Where it takes SIP over that transport.
    pub(crate) fn over(&self, transport: &str) -> SocketAddr {
        match transport {
            "tcp" => self.sip_tcp,
            _ => self.sip,
        }
    }

    fn start_by(program: Command) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let (child, output) = launch(program, data.path());
        let nowhere = SocketAddr::from(([0; 4], 0));
        let mut node = Self {
            child,
            output,
            data,
            sip: nowhere,
            sip_tcp: nowhere,
            http: nowhere,
            metrics: nowhere,
            key: String::new(),
        };
        node.key = node.wait_for_line("admin key: ");
        node.learn_addresses();
        node
    }

    fn learn_addresses(&mut self) {
        let mut address = |what| self.wait_for_line(what).parse().expect("an address");
        let (sip, sip_tcp) = (address("sip udp "), address("sip tcp "));
        let (http, metrics) = (address("http "), address("metrics "));
        (self.sip, self.sip_tcp, self.http, self.metrics) = (sip, sip_tcp, http, metrics);
    }

    /// Where it takes SIP over that transport, if it does.
    pub(crate) fn sip_over(&self, transport: &str) -> SocketAddr {
        let said = self.output.after(&format!("sip {transport} "));
        let said = said.expect("it listens there");
        said.parse().expect("an address")
    }

    /// The rest of the first line that begins so.
    fn wait_for_line(&mut self, what: &str) -> String {
        let (child, output) = (&mut self.child, &self.output);
        wait_for(what, START, || {
            let ended = child.try_wait().ok().flatten();
            assert!(ended.is_none(), "{ended:?}:\n{}", output.text());
            output.after(what)
        })
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

    /// An error in its log is a bug of ours.
    fn check_log(&self) {
        let text = self.text();
        let errors: Vec<&str> = text.lines().filter(|it| it.contains(" ERROR ")).collect();
        assert!(errors.is_empty(), "the node logged {errors:#?}");
    }

    /// What it has written until now.
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
        assert!(
            status.success(),
            "the node ended with {status}:\n{}",
            self.text()
        );
        self.check_log();
    }
}

/// The program, with these settings.
fn program_with(settings: &[(&str, &str)]) -> Command {
    let mut program = Command::new(binary());
    let settings = settings.iter();
    program.envs(settings.map(|(name, value)| (format!("JACKFIELD__{name}"), value)));
    program
}

/// Starts the program on that folder, and collects what it writes.
fn launch(mut program: Command, data: &Path) -> (Child, Output) {
    let config = data.join("jackfield.toml");
    std::fs::write(&config, CONFIGURATION).expect("the configuration is written");
    let mut child = program
        .arg("serve")
        .arg("--config")
        .arg(&config)
        .arg("--data")
        .arg(data.join("data"))
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
    (child, output)
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
