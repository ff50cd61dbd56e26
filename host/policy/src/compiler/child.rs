//! The child's side: takes one order, confines itself, compiles, and says what came of it.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getpriority_process, setpriority_process, setrlimit};

use super::{COMPILED, Order, REFUSED, TOO_MUCH_MEMORY, octets, write_part};
use crate::artefact::{Artefact, SealKey};
use crate::engine;

/// How much the child gives way to calls: nice values go to 19.
const NICE: i32 = 5;
/// Files that it may have open: those that it was started with.
const FILES: u64 = 16;

/// What the program does that [`Compiler`](super::Compiler) starts, and nothing else: it serves one order that
/// comes on its standard input, a socket.
pub fn serve() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("the compiler: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    let stdin = io::stdin().as_fd().try_clone_to_owned()?;
    let mut socket = UnixStream::from(stdin);
    let key = SealKey::new(octets(&mut socket)?);
    let seconds = u64::from_le_bytes(octets(&mut socket)?);
    let memory = u64::from_le_bytes(octets(&mut socket)?);
    // Before an octet of the component is here.
    confine(seconds, memory)?;
    let digest = String::from_utf8_lossy(&read_part(&mut socket)?).into_owned();
    let order = Order {
        key,
        seconds,
        memory,
        digest,
        component: read_part(&mut socket)?,
    };
    let (kind, part) = outcome(&order);
    socket.write_all(&[kind])?;
    write_part(&mut socket, &part)
}

fn outcome(order: &Order) -> (u8, Vec<u8>) {
    match engine::machine_code(&order.component) {
        Ok(code) => {
            let artefact = Artefact::seal(&order.key, &order.digest, &code);
            (COMPILED, artefact.octets().to_vec())
        }
        Err(why) if why.is::<wasmtime::error::OutOfMemory>() => (TOO_MUCH_MEMORY, Vec::new()),
        Err(why) => (REFUSED, format!("{why:#}").into_bytes()),
    }
}

fn read_part(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let length = u64::from_le_bytes(octets(from)?);
    let mut part = Vec::new();
    from.take(length).read_to_end(&mut part)?;
    if part.len() as u64 == length {
        Ok(part)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// From here on the kernel ends this process rather than letting it have more.
fn confine(seconds: u64, memory: u64) -> io::Result<()> {
    give_way();
    let limits = [
        (Resource::As, mapped()? + memory),
        // The word that it is over comes with the first, the end with the second.
        (Resource::Cpu, seconds),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
        (Resource::Nofile, FILES),
    ];
    for (resource, most) in limits {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most + u64::from(resource == Resource::Cpu)),
        };
        setrlimit(resource, limit)?;
    }
    Ok(())
}

/// Goes behind calls. A node that is itself far back in the queue stays there: to come forward is not allowed to
/// everybody, and nobody asked for it.
fn give_way() {
    if getpriority_process(None).is_ok_and(|nice| nice < NICE) {
        // What cannot be had is not worth a component that is not compiled.
        let _ = setpriority_process(None, NICE);
    }
}

/// Octets of address space that this process has now.
fn mapped() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kib = size.and_then(|size| size.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let kib = kib.ok_or_else(|| io::Error::other("/proc/self/status names no VmSize"))?;
    Ok(kib * 1_024)
}
