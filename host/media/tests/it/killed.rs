//! A process that records and is killed leaves files that can be played, with all but the last second.

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Program, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use media::io::{Config, PortRange, Shard};
use media::recorder::Recorder;
use media::rtp::{self, Fixed};
use media::sdp::Codec;
use media::{Command, Event, Family, PortId};

use crate::{agreed, clock};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Set for the process that is to be killed: its folder.
const FOLDER: &str = "JACKFIELD_TEST_RECORDS_INTO";

/// Processes in all, and at one time.
const KILLED: usize = 100;
const AT_ONCE: usize = 20;

#[test]
fn a_hundred_processes_that_are_killed_leave_files_that_lack_a_second_at_most() {
    if let Ok(folder) = std::env::var(FOLDER) {
        record_for_ever(Path::new(&folder));
    }
    let name = format!("jackfield-killed-{}", std::process::id());
    let home = std::env::temp_dir().join(name);
    for batch in 0..KILLED / AT_ONCE {
        let children: Vec<(PathBuf, Child)> = (0..AT_ONCE)
            .map(|n| start(&home.join(format!("{batch}-{n}"))))
            .collect();
        for (n, (folder, mut child)) in children.into_iter().enumerate() {
            // Each at another moment of its half seconds.
            let more = if n == 0 { 1_200 } else { 37 };
            std::thread::sleep(Duration::from_millis(more));
            child.kill().unwrap();
            let mut said = String::new();
            let mut pipe = child.stdout.take().unwrap();
            pipe.read_to_string(&mut said).unwrap();
            child.wait().unwrap();
            check(&folder, said.matches("sent").count());
        }
    }
    fs::remove_dir_all(home).unwrap();
}

/// So many packets of 20 ms were sent. The file is as its process left it.
fn check(folder: &Path, packets: usize) {
    assert!(packets > 10, "it ran: {packets}");
    let file = fs::read(folder.join("tape.wav")).unwrap();
    let promised = u32::from_le_bytes(file[40..44].try_into().unwrap()) as usize;
    assert!(
        promised <= file.len() - 44,
        "what the header promises is there"
    );
    let (sent, second) = (packets * 160, 8_000);
    let samples = file[44..44 + promised].chunks_exact(4);
    let said = samples.filter(|pair| pair[..2] != [0, 0]).count();
    assert!(said + second >= sent, "{said} samples of {sent}");
}

fn start(folder: &Path) -> (PathBuf, Child) {
    fs::create_dir_all(folder).unwrap();
    let name = "killed::a_hundred_processes_that_are_killed_leave_files_that_lack_a_second_at_most";
    let child = Program::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    (folder.to_owned(), child)
}

/// Records a port to which a peer talks, and tells of each packet, until it is killed.
fn record_for_ever(folder: &Path) -> ! {
    let mut recorder = Recorder::start(folder.to_owned(), clock, Box::new(|_| {})).unwrap();
    let (sender, events) = sync_channel(16);
    let places = vec![PortRange::ephemeral(LOOPBACK).into()];
    let shard = Shard::start(
        Config::new("killed", places, [1; 32]),
        clock,
        Box::new(move |event| sender.try_send(event).is_ok()),
        Some(recorder.line()),
    )
    .unwrap();
    let (handle, port) = (shard.handle(), PortId(1));
    let family = Family::V4;
    handle.send(Command::Open { port, family }).unwrap();
    let Ok(Event::Opened { addr, .. }) = events.recv() else {
        panic!("no port");
    };
    let peer = UdpSocket::bind((LOOPBACK, 0)).unwrap();
    let agreed = Box::new(agreed(peer.local_addr().unwrap(), Codec::Pcma));
    let (signalling, operation) = (LOOPBACK, 1);
    let configure = Command::Configure {
        port,
        agreed,
        signalling,
    };
    let file = "tape".into();
    let record = Command::Record {
        port,
        operation,
        file,
    };
    handle.send(configure).unwrap();
    handle.send(record).unwrap();
    let mut n = 0_u16;
    loop {
        let fixed = Fixed {
            marker: false,
            payload_type: 8,
            sequence: n,
            timestamp: u32::from(n) * 160,
            ssrc: 7,
        };
        peer.send_to(&rtp::build(fixed, &[0xaa; 160]), addr)
            .unwrap();
        println!("sent");
        std::io::stdout().flush().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        n = n.wrapping_add(1);
    }
}
