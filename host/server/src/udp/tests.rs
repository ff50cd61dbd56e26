use std::{net::UdpSocket, sync::atomic::Ordering};

use control::{guard::Why, placement::Placement};
use tokio::sync::{mpsc, oneshot};

use super::{Listener, Receiver};
use crate::{
    guard,
    shard::{MAILBOX, Mail},
};

fn stage() -> (Listener, Receiver, mpsc::Sender<Mail>, mpsc::Receiver<Mail>) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let (mailbox, mail) = mpsc::channel(MAILBOX);
    let receiver = Receiver {
        sender: listener.sender(),
        stop: listener.stop.clone(),
        placement: Placement::new([7; 16], 1),
        shards: vec![mailbox.clone()],
        door: guard::tests::wide(),
    };
    (listener, receiver, mailbox, mail)
}

#[test]
fn keep_alives_bother_no_shard_and_stun_is_answered() {
    let (listener, receiver, _mailbox, mut mail) = stage();
    let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
    let from = phone.local_addr().unwrap();
    let mut stun = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    stun.extend([7; 12]);
    for datagram in [&b"\r\n\r\n"[..], b"\r\n", b"", b"\0\0\0\0", &stun] {
        receiver.post(datagram, from);
    }
    assert!(mail.try_recv().is_err());
    let traffic = listener.traffic();
    assert_eq!(traffic.keep_alives.load(Ordering::Relaxed), 5);
    let mut answer = [0; 64];
    let length = phone.recv(&mut answer).unwrap();
    assert_eq!(answer[..length], sip::stun::answer(&stun, from).unwrap());
}

#[test]
fn a_flood_of_datagrams_leaves_a_quarter_of_the_mailbox_to_everybody_else() {
    let (listener, receiver, mailbox, mut mail) = stage();
    let from = "127.0.0.1:9".parse().unwrap();
    let counted = || {
        let traffic = listener.traffic();
        let of = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed) as usize;
        (of(&traffic.received), of(&traffic.dropped))
    };
    for _ in 0..MAILBOX {
        receiver.post(b"OPTIONS sip:x SIP/2.0\r\nCall-ID: a\r\n\r\n", from);
    }
    let taken = mailbox.max_capacity() - mailbox.capacity();
    assert_eq!(counted(), (MAILBOX, MAILBOX - taken));
    assert!(taken.abs_diff(MAILBOX / 4 * 3) <= 1, "{taken}");
    // The API, an operator, a CDR that is durable: all of these find room.
    for _ in taken..MAILBOX {
        let (reply, _) = oneshot::channel();
        assert!(mailbox.try_send(Mail::Counts(reply)).is_ok());
    }
    assert_eq!(mailbox.capacity(), 0);
    receiver.post(b"no SIP", from);
    assert_eq!(counted().1, MAILBOX - taken + 1);
    // When the shard has caught up datagrams are taken again.
    for _ in 0..MAILBOX {
        mail.try_recv().unwrap();
    }
    receiver.post(b"no SIP", from);
    assert_eq!(counted().1, MAILBOX - taken + 1);
}

#[test]
fn what_a_stranger_says_too_much_reaches_no_shard() {
    let (listener, mut receiver, _mailbox, mut mail) = stage();
    receiver.door = guard::tests::burst(3);
    let stranger = "192.0.2.66:5060".parse().unwrap();
    let other = "192.0.2.67:5060".parse().unwrap();
    for _ in 0..10 {
        receiver.post(b"no SIP", stranger);
    }
    receiver.post(b"no SIP", other);
    let taken = std::iter::from_fn(|| mail.try_recv().ok()).count();
    assert_eq!(taken, 4);
    assert_eq!(receiver.door.counts().dropped[&Why::Rate], 7);
    assert_eq!(listener.traffic().received.load(Ordering::Relaxed), 11);
}
