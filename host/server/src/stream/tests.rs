//! Each way in which a connection serves, and each way in which it ends.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use control::{guard::Why, placement::Placement};
use sip::{Flow, Transport};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};

use super::{End, Limits, Mailboxes, QUEUE, Service, Socket, Streams};
use crate::{
    guard::{self, Door},
    shard::{MAILBOX, Mail},
    tls::{self, Tls},
};

const OPTIONS: &[u8] = b"OPTIONS sip:x SIP/2.0\r\nCall-ID: a\r\nContent-Length: 0\r\n\r\n";
/// Longer than any test.
const EVER: Duration = Duration::from_secs(600);
const SOON: Duration = Duration::from_millis(50);
const PATIENT: Limits = Limits {
    connect: EVER,
    first: EVER,
    message: EVER,
    taken: EVER,
    idle: EVER,
};

/// Messages and connections of one source in a test, but for the one that has too many.
const BURST: u32 = 4_096;

mod secure;
mod websocket;

struct Stage {
    address: SocketAddr,
    streams: Streams,
    mailbox: mpsc::Sender<Mail>,
    mail: mpsc::Receiver<Mail>,
    door: Arc<Door>,
    _tasks: JoinSet<()>,
}

impl Stage {
    /// A service with so many seats.
    async fn new(most: usize, limits: Limits) -> Self {
        Self::over(Transport::Tcp, tls::tests::none(), most, limits).await
    }

    async fn over(transport: Transport, tls: Tls, most: usize, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let socket = Socket {
            listener,
            transport,
            local: address,
        };
        let service = Service::with(vec![socket], most, limits, tls);
        let streams = service.streams();
        let (mailbox, mail) = mpsc::channel(MAILBOX);
        let door = guard::tests::burst(BURST);
        let mut tasks = JoinSet::new();
        tasks.spawn(service.run(Mailboxes {
            placement: Placement::new([7; 16], 1),
            shards: vec![mailbox.clone()],
            door: door.clone(),
        }));
        Self {
            address,
            streams,
            mailbox,
            mail,
            door,
            _tasks: tasks,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection whose first message the shard has.
    async fn speaker(&mut self) -> (TcpStream, Flow) {
        let mut peer = self.connect().await;
        peer.write_all(OPTIONS).await.unwrap();
        let flow = self.message().await;
        assert_eq!(flow.remote, peer.local_addr().unwrap());
        (peer, flow)
    }

    /// The flow of the next message; it is the usual one.
    async fn message(&mut self) -> Flow {
        match self.mail.recv().await {
            Some(Mail::Packet { flow, bytes, .. }) => {
                assert_eq!(&bytes[..], OPTIONS);
                flow
            }
            _ => panic!("no message"),
        }
    }

    /// The flow of the next connection that the shard is told of as lost.
    async fn lost(&mut self) -> Flow {
        match self.mail.recv().await {
            Some(Mail::Disconnected(flow)) => flow,
            _ => panic!("no lost connection"),
        }
    }

    fn ended(&self, end: End) -> u64 {
        self.streams.traffic().ended(end)
    }
}

async fn is_closed(peer: &mut TcpStream) -> bool {
    matches!(peer.read(&mut [0; 1]).await, Ok(0) | Err(_))
}

#[tokio::test]
async fn a_message_reaches_its_shard_and_the_answer_takes_the_same_connection() {
    let mut stage = Stage::new(8, PATIENT).await;
    let (mut peer, flow) = stage.speaker().await;
    assert!(stage.streams.send(flow, Bytes::from_static(b"answer")));
    let mut answer = [0; 6];
    peer.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"answer");
    peer.write_all(b"\r\n\r\n").await.unwrap();
    let mut pong = [0; 2];
    peer.read_exact(&mut pong).await.unwrap();
    assert_eq!(&pong, b"\r\n");
    assert_eq!(stage.streams.count(), (1, 0));
    drop(peer);
    assert_eq!(stage.lost().await, flow);
    assert_eq!((stage.ended(End::Peer), stage.streams.count()), (1, (0, 0)));
}

#[tokio::test]
async fn a_connection_is_made_when_it_is_needed_and_used_again() {
    let mut stage = Stage::new(8, PATIENT).await;
    let peer = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let flow = Flow {
        transport: Transport::Tcp,
        local: stage.address,
        remote: peer.local_addr().unwrap(),
        name: None,
    };
    for message in [&b"one"[..], b"two"] {
        assert!(stage.streams.send(flow, Bytes::from_static(message)));
    }
    let (mut peer, _) = peer.accept().await.unwrap();
    let mut both = [0; 6];
    peer.read_exact(&mut both).await.unwrap();
    assert_eq!(&both, b"onetwo");
    peer.write_all(OPTIONS).await.unwrap();
    assert_eq!(stage.message().await, flow);
}

#[tokio::test]
async fn a_peer_that_cannot_be_reached_is_a_lost_connection() {
    let mut stage = Stage::new(8, PATIENT).await;
    // Nobody listens there any more.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let remote = gone.local_addr().unwrap();
    drop(gone);
    let (transport, local) = (Transport::Tcp, stage.address);
    let flow = Flow {
        transport,
        local,
        remote,
        name: None,
    };
    assert!(stage.streams.send(flow, Bytes::from_static(OPTIONS)));
    assert_eq!(stage.lost().await, flow);
    assert_eq!(stage.ended(End::Unreachable), 1);
}

#[tokio::test]
async fn the_kernel_asks_a_silent_peer_whether_it_is_there() {
    let mut stage = Stage::new(4, PATIENT).await;
    let (_peer, flow) = stage.speaker().await;
    // proc(5): the ports of an established socket (01), in hexadecimal, and the timer that runs for it.
    let (ours, theirs) = (stage.address.port(), flow.remote.port());
    let all = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let is_ours = |fields: &Vec<&str>| {
        let ends = [(fields[1], ours), (fields[2], theirs)];
        fields[3] == "01"
            && ends
                .iter()
                .all(|(end, port)| end.ends_with(&format!(":{port:04X}")))
    };
    let lines = all
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect());
    let timer = lines
        .into_iter()
        .find(is_ours)
        .map(|fields: Vec<&str>| fields[5].to_owned());
    // 02: that of a connection that is to be kept alive.
    assert!(
        timer.as_ref().is_some_and(|timer| timer.starts_with("02:")),
        "{timer:?}"
    );
}

#[tokio::test]
async fn who_says_nothing_whole_in_time_is_cut_and_no_shard_hears_of_it() {
    let limits = Limits {
        first: SOON,
        ..PATIENT
    };
    let mut stage = Stage::new(8, limits).await;
    let (mut silent, mut slow) = (stage.connect().await, stage.connect().await);
    slow.write_all(&OPTIONS[..9]).await.unwrap();
    assert!(is_closed(&mut silent).await && is_closed(&mut slow).await);
    assert_eq!(stage.ended(End::Silent), 2);
    assert!(stage.mail.try_recv().is_err());
}

#[tokio::test]
async fn a_message_that_does_not_end_in_time_ends_its_connection() {
    let limits = Limits {
        message: SOON,
        ..PATIENT
    };
    let mut stage = Stage::new(8, limits).await;
    let (mut peer, flow) = stage.speaker().await;
    peer.write_all(&OPTIONS[..9]).await.unwrap();
    assert!(is_closed(&mut peer).await);
    assert_eq!(stage.lost().await, flow);
    assert_eq!(stage.ended(End::Slow), 1);
}

#[tokio::test]
async fn who_is_idle_for_too_long_is_cut() {
    let limits = Limits {
        idle: SOON,
        ..PATIENT
    };
    let mut stage = Stage::new(8, limits).await;
    let (mut peer, _) = stage.speaker().await;
    assert!(is_closed(&mut peer).await);
    assert_eq!(stage.ended(End::Idle), 1);
}

#[tokio::test]
async fn what_is_no_sip_ends_its_connection() {
    let stage = Stage::new(8, PATIENT).await;
    let mut peer = stage.connect().await;
    peer.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(is_closed(&mut peer).await);
    assert_eq!(stage.ended(End::Garbage), 1);
}

#[tokio::test]
async fn who_does_not_take_what_it_is_sent_is_cut() {
    let limits = Limits {
        taken: SOON,
        ..PATIENT
    };
    let mut stage = Stage::new(8, limits).await;
    let (_peer, flow) = stage.speaker().await;
    // More than the kernel's buffers hold.
    let much = Bytes::from(vec![b'x'; 64 << 10]);
    for _ in 0..QUEUE / 2 {
        assert!(stage.streams.send(flow, much.clone()));
    }
    assert_eq!(stage.lost().await, flow);
    assert_eq!(stage.ended(End::Deaf), 1);
}

#[tokio::test]
async fn when_too_much_waits_for_a_peer_its_connection_is_cut() {
    let mut stage = Stage::new(8, PATIENT).await;
    let (_peer, flow) = stage.speaker().await;
    // This test does not wait, so that nobody writes meanwhile.
    let one = || stage.streams.send(flow, Bytes::from_static(b"x"));
    assert!((0..QUEUE).all(|_| one()));
    assert!(!one());
    assert_eq!(stage.lost().await, flow);
    assert_eq!(stage.ended(End::Behind), 1);
}

#[tokio::test]
async fn who_speaks_takes_the_seat_of_who_is_silent_and_keeps_it() {
    // One seat for each source.
    let mut stage = Stage::new(4, PATIENT).await;
    let mut silent = stage.connect().await;
    let (_peer, flow) = stage.speaker().await;
    assert!(is_closed(&mut silent).await);
    assert_eq!(stage.ended(End::Displaced), 1);
    let mut late = stage.connect().await;
    assert!(is_closed(&mut late).await);
    assert_eq!(stage.ended(End::Crowded), 1);
    assert!(stage.streams.send(flow, Bytes::from_static(b"x")));
}

#[tokio::test]
async fn a_mailbox_without_room_holds_up_the_peer_and_loses_nothing() {
    let mut stage = Stage::new(8, PATIENT).await;
    let (mut peer, flow) = stage.speaker().await;
    let fill = MAILBOX / 4 * 3 + 1;
    for _ in 0..fill {
        assert!(stage.mailbox.try_send(Mail::Drain).is_ok());
    }
    for _ in 0..3 {
        peer.write_all(OPTIONS).await.unwrap();
    }
    for _ in 0..fill {
        assert!(matches!(stage.mail.recv().await, Some(Mail::Drain)));
    }
    for _ in 0..3 {
        assert_eq!(stage.message().await, flow);
    }
}

#[tokio::test]
async fn who_says_too_much_is_cut_off_and_gets_no_new_connection() {
    let mut stage = Stage::new(8, PATIENT).await;
    let (mut peer, flow) = stage.speaker().await;
    let spend = |stage: &Stage| while stage.door.lets_in(flow.remote.ip()) {};
    spend(&stage);
    peer.write_all(OPTIONS).await.unwrap();
    assert!(is_closed(&mut peer).await);
    assert_eq!(stage.lost().await, flow);
    assert_eq!(stage.ended(End::Unwanted), 1);
    spend(&stage);
    assert!(is_closed(&mut stage.connect().await).await);
    assert_eq!(stage.ended(End::Unwanted), 2);
    assert!(stage.door.counts().dropped[&Why::Rate] >= 4);
}
