//! RTCP over real sockets: through the one of RTP, and through a second one beside it.

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::Receiver;

use media::io::Handle;
use media::rtcp::{self, CNAME_OCTETS, LONGEST, Part, Report};
use media::sdp::{Codec, Negotiated};
use media::{Command, Event, PortId, Stats};

use crate::loopback::{LOOPBACK, PATIENCE, each, open, start_with};
use crate::{agreed, clock};

const PORT: PortId = PortId(1);

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((LOOPBACK, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// A port whose peer wants RTP and RTCP there; its own address.
fn port(
    handle: &Handle,
    events: &Receiver<Event>,
    rtp: &UdpSocket,
    rtcp: &UdpSocket,
) -> SocketAddr {
    let ours = open(handle, events, PORT);
    let agreed = Box::new(Negotiated {
        remote_rtcp: Some(rtcp.local_addr().unwrap()),
        ..agreed(rtp.local_addr().unwrap(), Codec::Pcma)
    });
    let signalling = LOOPBACK;
    let port = PORT;
    let configure = Command::Configure {
        port,
        agreed,
        signalling,
    };
    handle.send(configure).unwrap();
    ours
}

fn report() -> Vec<u8> {
    let report = Report {
        ssrc: 7,
        sent: None,
        heard: None,
        cname: &[b'x'; CNAME_OCTETS],
        goodbye: false,
    };
    let mut out = [0; LONGEST];
    let length = report.write(&mut out);
    out[..length].to_vec()
}

/// The next report that comes, from there: whether it is the last.
fn is_goodbye(socket: &UdpSocket, from: SocketAddr) -> bool {
    let mut buffer = [0; 2_048];
    let (length, source) = socket.recv_from(&mut buffer).unwrap();
    assert_eq!(source, from);
    let mut parts = rtcp::read(&buffer[..length]).unwrap().parts();
    parts.any(|part| matches!(part, Part::Goodbye(_)))
}

fn close(handle: &Handle, events: &Receiver<Event>) -> Stats {
    handle.send(Command::Close { port: PORT }).unwrap();
    match events.recv_timeout(PATIENCE).unwrap() {
        Event::Closed { stats, .. } => stats,
        other => panic!("{other:?}"),
    }
}

#[test]
fn reports_go_through_the_socket_of_rtp_where_both_share_it() {
    each(|backend| {
        let (shard, handle, events) = start_with(backend, clock);
        let peer = socket();
        let ours = port(&handle, &events, &peer, &peer);
        peer.send_to(&report(), ours).unwrap();
        while handle.counters().received == 0 {
            std::thread::yield_now();
        }
        assert!(!is_goodbye(&peer, ours));
        let stats = close(&handle, &events);
        assert_eq!((stats.rtcp_received, stats.rtcp_sent), (1, 2));
        assert!(is_goodbye(&peer, ours));
        shard.stop();
    });
}

#[test]
fn who_shares_no_socket_has_a_second_one_beside_which_is_closed_with_the_port() {
    each(|backend| {
        let (shard, handle, events) = start_with(backend, clock);
        let (rtp, rtcp) = (socket(), socket());
        let ours = port(&handle, &events, &rtp, &rtcp);
        let second = SocketAddr::new(ours.ip(), ours.port() + 1);
        // The socket is there when the first report is due.
        assert!(!is_goodbye(&rtcp, second));
        rtcp.send_to(&report(), second).unwrap();
        while handle.counters().received == 0 {
            std::thread::yield_now();
        }
        let stats = close(&handle, &events);
        assert_eq!(stats.rtcp_received, 1);
        assert!(is_goodbye(&rtcp, second));
        for address in [ours, second] {
            UdpSocket::bind(address).expect("it is free again");
        }
        shard.stop();
    });
}
