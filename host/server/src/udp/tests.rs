use std::sync::atomic::Ordering;

use control::placement::Placement;
use tokio::sync::{mpsc, oneshot};

use super::{Listener, Receiver};
use crate::shard::{MAILBOX, Mail};

#[test]
fn a_flood_of_datagrams_leaves_a_quarter_of_the_mailbox_to_everybody_else() {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let (mailbox, mut mail) = mpsc::channel(MAILBOX);
    let receiver = Receiver {
        local: listener.local,
        socket: listener.socket.clone(),
        stop: listener.stop.clone(),
        traffic: listener.traffic.clone(),
        placement: Placement::new([7; 16], 1),
        shards: vec![mailbox.clone()],
    };
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
