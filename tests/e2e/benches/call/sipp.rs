//! SIPp at both ends, under load: its scenarios, its statistics and its CPU.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::figure::now;
use crate::stopwatch::wait_for;
use crate::threads;
use crate::users::numbers_of;

/// How long the caller waits for any one message, ms: a call whose next one is lost for good fails
/// then, and does not keep SIPp for ever.
const PATIENCE_MS: &str = "40000";
/// How large SIPp's file of errors may grow, octets.
const ERRORS: &str = "10000000";

/// What the caller's end saw.
pub(crate) struct Called {
    pub(crate) successful: u32,
    pub(crate) failed: u32,
    /// From INVITE to 200, ms.
    pub(crate) delays: Vec<f64>,
    /// Seconds.
    pub(crate) cpu: f64,
}

/// Calls to be made.
pub(crate) struct Load {
    /// Who call, one after the other.
    pub(crate) users: u32,
    /// Calls that begin each second.
    pub(crate) rate: u32,
    pub(crate) calls: u32,
    /// How long they talk.
    pub(crate) talk: Duration,
}

/// The end that calls.
pub(crate) struct Caller {
    sipp: Sipp,
    calls: u32,
    /// When its last call must have ended.
    deadline: Instant,
}

/// The end that is called.
pub(crate) struct Callee(Sipp);

/// An end that calls, and whose calls are meant to fail; ended when dropped.
#[allow(dead_code, reason = "only the benchmark of neighbours attacks")]
pub(crate) struct Attacker(Sipp);

struct Sipp {
    child: Child,
    folder: TempDir,
}

/// Two UDP ports that nobody has, below those that the system gives away by itself.
pub(crate) fn free_ports() -> [SocketAddr; 2] {
    let ports = (10_000..30_000).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let ports = ports.skip(std::process::id() as usize % 10_000);
    let is_free = |port: &SocketAddr| std::net::UdpSocket::bind(port).is_ok();
    let mut ports = ports.filter(is_free);
    std::array::from_fn(|_| ports.next().expect("two ports are free"))
}

impl Caller {
    /// Begins the calls.
    pub(crate) fn start(local: SocketAddr, node: SocketAddr, load: &Load) -> Self {
        let Load {
            users,
            rate,
            calls,
            talk,
        } = *load;
        let mut table = "SEQUENTIAL\n".to_owned();
        for user in 0..users {
            let (telnum, private) = numbers_of(user);
            let _ = writeln!(table, "{telnum};{private}"); // into a String nothing can fail
        }
        let arguments = [
            &node.to_string(),
            "-inf",
            "users.csv",
            "-r",
            &rate.to_string(),
            "-m",
            &calls.to_string(),
            "-l",
            &calls.to_string(),
            "-recv_timeout",
            PATIENCE_MS,
            "-trace_rtt",
            "-rtt_freq",
            "1",
            "-trace_stat",
        ];
        let scenario = include_str!("uac.xml");
        let scenario = scenario.replace("{{talk}}", &talk.as_millis().to_string());
        let sipp = Sipp::start("uac", &scenario, &table, local, &arguments);
        let seconds = u64::from(calls / rate) + 60 + talk.as_secs();
        Self {
            sipp,
            calls,
            deadline: now() + Duration::from_secs(seconds),
        }
    }

    /// Whether there is nothing more to wait for: the last call has ended, or is overdue.
    #[allow(dead_code, reason = "only the soak has something else to do meanwhile")]
    pub(crate) fn is_over(&self) -> bool {
        threads::has_ended(self.sipp.child.id()) || now() > self.deadline
    }

    /// Waits for the last call.
    pub(crate) fn finish(mut self) -> Called {
        let pid = self.sipp.child.id();
        let patience = self.deadline.saturating_duration_since(now());
        wait_for("SIPp's last call", patience, || {
            threads::has_ended(pid).then_some(())
        });
        let cpu = self.sipp.cpu();
        let status = self.sipp.child.wait().expect("it has ended");
        let successful = self.sipp.successful();
        let failed = self.calls - successful;
        if failed > 0 {
            println!("SIPp ended with {status}: {}", self.sipp.errors());
        }
        Called {
            successful,
            failed,
            delays: self.sipp.delays(),
            cpu,
        }
    }
}

#[allow(dead_code, reason = "only the benchmark of neighbours attacks")]
impl Attacker {
    /// Begins so many calls each second, and in all.
    pub(crate) fn start(local: SocketAddr, node: SocketAddr, rate: u32, calls: u32) -> Self {
        let [rate, calls] = [rate, calls].map(|it| it.to_string());
        let node = node.to_string();
        let mut arguments = vec![node.as_str(), "-r", &rate, "-m", &calls, "-l", &calls];
        arguments.extend(["-recv_timeout", PATIENCE_MS]);
        let scenario = include_str!("../neighbour/attack.xml");
        Self(Sipp::start("attack", scenario, "", local, &arguments))
    }
}

impl Callee {
    /// Begins to answer.
    pub(crate) fn start(local: SocketAddr) -> Self {
        let sipp = Sipp::start("uas", include_str!("uas.xml"), "", local, &[]);
        let bound = format!(":{:04X} 00000000:0000", local.port());
        wait_for("SIPp's socket", Duration::from_secs(10), || {
            let table = fs::read_to_string("/proc/net/udp").unwrap_or_default();
            table.contains(&bound).then_some(())
        });
        Self(sipp)
    }

    /// Its CPU, seconds; then it is ended.
    pub(crate) fn finish(self) -> f64 {
        self.0.cpu()
    }
}

impl Sipp {
    fn start(
        name: &str,
        scenario: &str,
        users: &str,
        local: SocketAddr,
        arguments: &[&str],
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = format!("{name}.xml");
        fs::write(folder.path().join(&file), scenario).expect("the scenario is written");
        fs::write(folder.path().join("users.csv"), users).expect("the users are written");
        let address = [local.ip().to_string(), local.port().to_string()];
        let child = Command::new("sipp")
            .current_dir(folder.path())
            .args([
                "-sf",
                &file,
                "-nostdin",
                "-trace_err",
                "-error_file",
                "errors",
                "-max_log_size",
                ERRORS,
            ])
            .args(["-i", &address[0], "-mi", &address[0], "-p", &address[1]])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sipp is on the search path");
        Self { child, folder }
    }

    /// CPU seconds until now, or until it ended.
    fn cpu(&self) -> f64 {
        let (user, system) = threads::process(self.child.id()).unwrap_or_default();
        user + system
    }

    /// Successful calls, from the last line of its statistics.
    fn successful(&self) -> u32 {
        let statistics = self.read(|name| name.ends_with("_.csv"));
        let header = statistics.lines().next().unwrap_or_default();
        let last = statistics.lines().last().unwrap_or_default();
        let at = header.split(';').position(|it| it == "SuccessfulCall(C)");
        let count = at.and_then(|at| last.split(';').nth(at)?.trim().parse().ok());
        count.unwrap_or_else(|| panic!("no statistics: {}", self.errors()))
    }

    fn delays(&self) -> Vec<f64> {
        let table = self.read(|name| name.ends_with("_rtt.csv"));
        let delay = |line: &str| line.split(';').nth(1)?.trim().parse().ok();
        table.lines().filter_map(delay).collect()
    }

    fn errors(&self) -> String {
        let errors = self.read(|name| name == "errors");
        errors.lines().take(20).collect::<Vec<_>>().join("\n")
    }

    /// The first file whose name is so.
    fn read(&self, is_it: impl Fn(&str) -> bool) -> String {
        let files = fs::read_dir::<&Path>(self.folder.path()).into_iter();
        let mut names = files.flatten().flatten();
        let found = names.find(|it| it.file_name().to_str().is_some_and(&is_it));
        let octets = found.and_then(|it| fs::read(it.path()).ok());
        String::from_utf8_lossy(&octets.unwrap_or_default()).into_owned()
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        // Ended already, if it is the caller.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
