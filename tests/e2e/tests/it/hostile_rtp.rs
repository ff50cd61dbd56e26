//! RTP from strangers to a bridged call: neither party hears it.

use std::net::UdpSocket;
use std::time::Duration;

use media::sdp::Codec;

use crate::handset::Audio;
use crate::metrics::Page;
use crate::node::Node;
use crate::office::Office;
use crate::sipp;

/// The tones of both parties and of the stranger, of those that a handset can tell apart.
const USER_HZ: u16 = 425;
const CALLEE_HZ: u16 = 970;
const STRANGER_HZ: u16 = 1_610;
/// How long the parties talk, in ms.
const TALK: u32 = 3_000;

#[test]
fn a_stranger_at_both_ports_of_a_call_is_heard_by_nobody() {
    if !sipp::is_there() {
        return;
    }
    // Where io_uring is not offered that is epoll once more.
    for io in ["epoll", "auto"] {
        strangers_are_heard_by_nobody(io);
    }
}

fn strangers_are_heard_by_nobody(io: &str) {
    let node = Node::start_with(&[("MEDIA__IO", io)]);
    let office = Office::open(&node, "acme");
    let id = office.makecall("2001", "3001");
    let (mut user_audio, mut callee_audio) = (Audio::bind(), Audio::bind());
    let callee = office.is_called("uas-answers");
    let mut callee = callee.with("rtp", callee_audio.port()).start();
    let user = office.calls("uac-answered", "2001").with("talk", TALK);
    let mut user = user.with("rtp", user_audio.port()).start();
    let ports = [user.media(), callee.media()];
    callee_audio.start(ports[1], Codec::Pcma, CALLEE_HZ);
    user_audio.start(ports[0], Codec::Pcma, USER_HZ);
    std::thread::sleep(Duration::from_millis(200));
    let mut strangers = [Audio::bind(), Audio::bind()];
    for (stranger, port) in strangers.iter_mut().zip(ports) {
        stranger.start(port, Codec::Pcma, STRANGER_HZ);
    }
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    for length in 0..1_600 {
        for port in ports {
            // Of RTP's version, and of none.
            let _ = socket.send_to(&vec![0x80; length], port);
            let _ = socket.send_to(&vec![0xff; length], port);
        }
        if length % 16 == 0 {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    user.finish();
    callee.finish();

    let heard = [user_audio.heard(), callee_audio.heard()].map(|it| it.expect("it listened"));
    assert_eq!(heard[0].tone, Some(CALLEE_HZ), "{heard:?}");
    assert_eq!(heard[1].tone, Some(USER_HZ), "{heard:?}");
    let most = u64::from(TALK) / 20 + 50;
    for heard in &heard {
        assert!(heard.lost == 0 && heard.longest_gap_ms < 500, "{heard:?}");
        assert!((50..most).contains(&heard.packets), "{heard:?}");
    }
    for stranger in strangers {
        assert_eq!(stranger.heard().map(|it| it.packets), Some(0));
    }
    // Both ports have found their peers, so what strangers send, more than a call's, ends in the kernel.
    let page = Page::of(&node);
    let packets = |direction| page.count("jackfield_rtp_packets_total", &[direction]);
    let (received, sent) = (packets("received"), packets("sent"));
    assert!(received < sent + most, "{received} came, {sent} went");
    for cdr in office.cdrs(&id, 2) {
        let received = cdr["packets_received"].as_u64();
        assert!(
            received.is_some_and(|it| (50..most).contains(&it)),
            "{cdr:#}"
        );
    }
}
