//! The floor of a call's CPU: what this machine takes of a program that only forwards the call's
//! datagrams, and of one that only makes four blocks of 4 KiB durable for it.
//!
//! No switch between two parties that keeps its promises does without these: fourteen datagrams in and
//! out, a request, the policy's choice and two answers that survive a power cut. There is no SIP
//! in it, no HTTP, no policy, no database and no port for audio.

use std::fs::File;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::figure::{Figure, now};
use crate::sipp::{self, Callee, Caller, Load};
use crate::threads;

/// Names of the threads, by which their CPU is told apart.
const FORWARDS: &str = "forwards";
const KEEPS: &str = "keeps";
/// Moments of a call that must be durable.
const DURABLE: u32 = 4;
/// Octets that each of them writes, and blocks of the file that are written in turns.
const BLOCK: usize = 4096;
const BLOCKS: u32 = 1_000;

/// Measures and prints it.
pub(crate) fn measure(load: &Load) {
    let [caller, callee] = sipp::free_ports();
    let stop = Arc::new(AtomicBool::new(false));
    let near = forward(callee, &stop);
    let answering = Callee::start(callee);
    let pid = std::process::id();
    let before = threads::of(pid);
    let keeping = keep(load.rate, load.calls);
    let called = Caller::start(caller, near, load).finish();
    let kept = keeping.join().expect("the disk has room");
    let spent = threads::between(&before, &threads::of(pid));
    stop.store(true, Ordering::Relaxed);
    let answered = answering.finish();

    let group = format!("{} calls/s: the floor of this machine", load.rate);
    let calls = f64::from(called.successful.max(1));
    let forwards = spent.iter().find(|(name, _)| name == FORWARDS);
    let forwards = forwards.map_or(0.0, |it| it.1);
    let print = |name, seconds: f64, note| {
        let each = seconds * 1e3 / calls;
        Figure::new(&group, name, each, "ms").note(note).print();
    };
    let note = "two threads that receive and send, and nothing else";
    print("datagrams forwarded", forwards, note);
    let note = "4 KiB written and fdatasync, alone";
    print("four blocks made durable", kept, note);
    let sipp = called.cpu + answered;
    Figure::new(&group, "to SIPp's", (forwards + kept) / sipp, "").print();
}

/// Forwards between whoever speaks first and the callee; where the caller has to call.
fn forward(callee: SocketAddr, stop: &Arc<AtomicBool>) -> SocketAddr {
    let socket = || {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let patience = Some(Duration::from_millis(200));
        socket.set_read_timeout(patience).expect("a socket option");
        Arc::new(socket)
    };
    let (near, far) = (socket(), socket());
    let caller = Arc::new(Mutex::new(None::<SocketAddr>));
    let address = near.local_addr().expect("it is bound");
    let there = (Arc::clone(&near), Arc::clone(&far), Arc::clone(&caller));
    pump(stop, move |buffer| {
        let (near, far, caller) = &there;
        if let Ok((length, from)) = near.recv_from(buffer) {
            caller.lock().expect("nobody panics").get_or_insert(from);
            // SIPp repeats what is lost.
            let _ = far.send_to(&buffer[..length], callee);
        }
    });
    pump(stop, move |buffer| {
        if let Ok(length) = far.recv(buffer)
            && let Some(caller) = *caller.lock().expect("nobody panics")
        {
            let _ = near.send_to(&buffer[..length], caller);
        }
    });
    address
}

fn pump(stop: &Arc<AtomicBool>, step: impl Fn(&mut [u8]) + Send + 'static) {
    let stop = Arc::clone(stop);
    let life = move || {
        let mut buffer = [0; 4096];
        while !stop.load(Ordering::Relaxed) {
            step(&mut buffer);
        }
    };
    let thread = std::thread::Builder::new().name(FORWARDS.into());
    thread.spawn(life).expect("a thread");
}

/// Makes blocks durable at the rate of the calls; ends with the CPU seconds that it took.
fn keep(rate: u32, calls: u32) -> std::thread::JoinHandle<f64> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = File::create(folder.path().join("blocks")).expect("a file");
    for block in 0..BLOCKS {
        write(&file, block);
    }
    let begin = now();
    let life = move || {
        for block in 0..calls * DURABLE {
            let due = f64::from(block) / f64::from(rate * DURABLE);
            let due = begin + Duration::from_secs_f64(due);
            std::thread::sleep(due.saturating_duration_since(now()));
            write(&file, block % BLOCKS);
            file.sync_data().expect("the disk");
        }
        drop(folder);
        let threads = threads::of(std::process::id());
        let mine = threads.into_values().find(|(name, _)| name == KEEPS);
        mine.map_or(0.0, |it| it.1)
    };
    let thread = std::thread::Builder::new().name(KEEPS.into());
    thread.spawn(life).expect("a thread")
}

fn write(file: &File, block: u32) {
    let at = u64::from(block) * BLOCK as u64;
    file.write_all_at(&[7; BLOCK], at)
        .expect("the disk has room");
}
