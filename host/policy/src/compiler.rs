//! Compiles components in a child process, within limits that the kernel keeps.
//!
//! What a component costs to compile is its author's choice: within every cap of `validate` a small one can
//! take minutes and gigabytes. So the compiler runs in a process of its own, which is this program again
//! ([`serve_child`]), under limits of processor time and memory, without a file to write, at a low priority.
//! If it goes beyond them it ends, and nothing else does. Owns that process and the words between the two;
//! does not judge components (`validate` has done that) and keeps nothing.
//!
//! The child's standard input is a socket: an order goes in, and an outcome comes out.

mod child;

use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use model::brief;
use rustix::process::Signal;

use crate::artefact::{Artefact, SealKey};
use crate::limits::REFUSAL;
use crate::refusal::Refusal;
pub use child::serve as serve_child;

/// Octets that are read of what a child complains of.
const COMPLAINT: u64 = 4_096;
/// The child's allocator takes memory in pieces of so many KiB, so that what it has taken is about what it needs.
const ARENA: (&str, &str) = ("MIMALLOC_ARENA_RESERVE", "16384");

/// What compiling one component may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileLimits {
    /// Processor time, in whole seconds.
    pub time: Duration,
    /// Time by the clock, which on a busy machine is much longer.
    pub patience: Duration,
    /// Octets of memory beyond what an idle compiler has.
    pub memory: usize,
    /// Octets of machine code.
    pub code: usize,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(30),
            patience: Duration::from_secs(300),
            memory: 1 << 30,
            code: 256 << 20,
        }
    }
}

impl CompileLimits {
    fn seconds(&self) -> u64 {
        self.time.as_secs().max(1)
    }
}

/// How the compiler is started: a program that calls [`serve_child`].
#[derive(Clone, Debug)]
pub struct Compiler {
    /// The program, and what it is told.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// With which its outcome is sealed.
    pub key: SealKey,
    /// What it may take.
    pub limits: CompileLimits,
}

impl Compiler {
    /// Compiles a component, which was judged before; waits as long as it takes.
    pub fn compile(&self, digest: &str, component: &[u8]) -> Result<Artefact, Refusal> {
        let failed = |why: std::io::Error| Refusal::NotCompiled(why.to_string());
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let child = self.start(theirs).map_err(failed)?;
        let talked = self.talk(ours, digest, component);
        let ended = child
            .end(talked.as_ref().is_err_and(is_late))
            .map_err(failed)?;
        match talked {
            Ok(outcome) => self.judge(outcome, digest),
            Err(why) => Err(self.why_not(&why, &ended)),
        }
    }

    fn start(&self, socket: UnixStream) -> std::io::Result<Running> {
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .env(ARENA.0, ARENA.1)
            .stdin(OwnedFd::from(socket))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(Running(child))
    }

    fn talk(
        &self,
        mut socket: UnixStream,
        digest: &str,
        component: &[u8],
    ) -> std::io::Result<Outcome> {
        socket.set_read_timeout(Some(self.limits.patience))?;
        socket.set_write_timeout(Some(self.limits.patience))?;
        let order = Order {
            key: self.key.clone(),
            seconds: self.limits.seconds(),
            memory: self.limits.memory as u64,
            digest: digest.to_owned(),
            component: component.to_vec(),
        };
        order.write(&mut socket)?;
        Outcome::read(&mut socket, self.limits.code)
    }

    fn judge(&self, outcome: Outcome, digest: &str) -> Result<Artefact, Refusal> {
        match outcome {
            Outcome::Compiled(artefact) if artefact.open(&self.key, digest).is_some() => {
                Ok(artefact)
            }
            Outcome::Compiled(_) => Err(Refusal::NotCompiled("its seal is not right".to_owned())),
            Outcome::TooMuchCode => Err(Refusal::TooComplex {
                what: "octets of machine code",
                most: self.limits.code as u64,
            }),
            Outcome::TooMuchMemory => Err(self.memory()),
            Outcome::Refused(why) => Err(Refusal::compile(why)),
        }
    }

    /// Why a child that has ended said nothing.
    fn why_not(&self, silence: &std::io::Error, ended: &Ended) -> Refusal {
        if is_late(silence) {
            let patience = self.limits.patience;
            return Refusal::NotCompiled(format!("it took longer than {patience:?}"));
        }
        let signal = ended.status.signal();
        if signal == Some(Signal::XCPU.as_raw()) {
            return Refusal::CompileTime(Duration::from_secs(self.limits.seconds()));
        }
        // Rust's words for an allocation that failed, before it ends the process.
        if ended.complaint.contains("memory allocation of") {
            return self.memory();
        }
        let complaint = brief(&ended.complaint, REFUSAL);
        match signal {
            // The compiler itself failed: by a stack that overflowed, or a bug.
            Some(signal) => Refusal::compile(format_args!("signal {signal}: {complaint}")),
            None => Refusal::NotCompiled(format!("{}: {complaint}", ended.status)),
        }
    }

    fn memory(&self) -> Refusal {
        Refusal::CompileMemory(self.limits.memory >> 20)
    }
}

/// Whether that is the end of our patience.
fn is_late(why: &std::io::Error) -> bool {
    matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// A child that runs; it never outlives this.
struct Running(Child);

/// How it ended.
struct Ended {
    status: ExitStatus,
    complaint: String,
}

impl Running {
    /// Waits until it has ended; `by_force` if it says nothing and may never end. One that closed its socket is about
    /// to end by itself, and its status says why.
    fn end(mut self, by_force: bool) -> std::io::Result<Ended> {
        if by_force {
            self.0.kill()?;
        }
        let status = self.0.wait()?;
        let mut complaint = Vec::new();
        if let Some(stderr) = self.0.stderr.take() {
            stderr.take(COMPLAINT).read_to_end(&mut complaint)?;
        }
        let complaint = String::from_utf8_lossy(&complaint).into_owned();
        Ok(Ended { status, complaint })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Errors say that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the child is told.
struct Order {
    key: SealKey,
    seconds: u64,
    memory: u64,
    digest: String,
    component: Vec<u8>,
}

impl Order {
    fn write(&self, to: &mut impl Write) -> std::io::Result<()> {
        to.write_all(self.key.octets())?;
        to.write_all(&self.seconds.to_le_bytes())?;
        to.write_all(&self.memory.to_le_bytes())?;
        write_part(to, self.digest.as_bytes())?;
        write_part(to, &self.component)
    }
}

/// What the child says.
enum Outcome {
    Compiled(Artefact),
    TooMuchCode,
    TooMuchMemory,
    Refused(String),
}

const COMPILED: u8 = 0;
const TOO_MUCH_MEMORY: u8 = 1;
const REFUSED: u8 = 2;

impl Outcome {
    fn read(from: &mut impl Read, most: usize) -> std::io::Result<Self> {
        let [kind] = octets(from)?;
        let length = u64::from_le_bytes(octets(from)?) as usize;
        if length > most {
            return Ok(Self::TooMuchCode);
        }
        let mut part = vec![0; length];
        from.read_exact(&mut part)?;
        match kind {
            COMPILED => Ok(Self::Compiled(Artefact::from_octets(part))),
            TOO_MUCH_MEMORY => Ok(Self::TooMuchMemory),
            _ => Ok(Self::Refused(String::from_utf8_lossy(&part).into_owned())),
        }
    }
}

fn octets<const N: usize>(from: &mut impl Read) -> std::io::Result<[u8; N]> {
    let mut octets = [0; N];
    from.read_exact(&mut octets)?;
    Ok(octets)
}

fn write_part(to: &mut impl Write, part: &[u8]) -> std::io::Result<()> {
    to.write_all(&(part.len() as u64).to_le_bytes())?;
    to.write_all(part)
}
