//! Peers that fall silent, and those that may.

use super::*;
use crate::rtcp::{CNAME_OCTETS, LONGEST, Report};

const PATIENCE: Duration = Duration::from_secs(60);

impl Bench {
    /// A is watched, and both ports have somewhere to report to.
    fn watched() -> Self {
        let mut bench = Bench::bridged();
        bench.command(Command::Watch {
            port: A,
            patience: PATIENCE,
        });
        bench.outputs();
        bench
    }

    /// So many seconds with their timers; when A was said to be silent.
    fn silence(&mut self, seconds: u64) -> Option<Duration> {
        let begin = self.now;
        let end = begin + Duration::from_secs(seconds);
        let mut silent = None;
        while let Some(due) = self.plane.poll_timeout().filter(|due| *due <= end) {
            self.now = due;
            self.plane.handle_timeout(due);
            if self
                .outputs()
                .iter()
                .any(|it| it == "Event(Silent { port: PortId(1) })")
            {
                assert_eq!(silent, None, "told twice");
                silent = Some(due - begin);
            }
        }
        self.now = end;
        silent
    }

    fn speak(&mut self) {
        self.packet(A, first(1), &[0; 160]);
    }
}

#[test]
fn a_peer_that_was_heard_and_falls_silent_is_told_once_after_its_time() {
    let mut bench = Bench::watched();
    bench.pass(20_000);
    bench.speak();
    assert_eq!(bench.silence(300), Some(PATIENCE));
    assert_eq!(bench.plane.poll_timeout(), None);
}

#[test]
fn a_peer_that_was_never_heard_is_not_told() {
    assert_eq!(Bench::watched().silence(300), None);
}

#[test]
fn a_peer_that_says_something_now_and_then_is_not_told() {
    let mut bench = Bench::watched();
    for n in 0..10 {
        bench.packet(A, nth(first(1), n), &[0; 160]);
        assert_eq!(bench.silence(59), None);
    }
}

#[test]
fn a_peer_that_suppresses_silence_and_reports_is_not_told() {
    let mut bench = Bench::watched();
    let shared = Negotiated {
        remote_rtcp: Some(remote(A)),
        ..agreed(A)
    };
    bench.configure(A, shared);
    bench.outputs();
    bench.speak();
    let report = Report {
        ssrc: 1,
        sent: None,
        heard: None,
        cname: &[b'p'; CNAME_OCTETS],
        goodbye: false,
    };
    let mut out = [0; LONGEST];
    let length = report.write(&mut out);
    for _ in 0..10 {
        bench.datagram(A, remote(A), &out[..length]);
        assert_eq!(bench.silence(59), None);
    }
    // A stranger's word is no sign of it.
    bench.datagram(A, remote(C), &out[..length]);
    assert!(bench.silence(60).is_some());
}

#[test]
fn a_peer_on_hold_owes_nothing_until_it_is_resumed() {
    for direction in [
        Direction::SendOnly,
        Direction::RecvOnly,
        Direction::Inactive,
    ] {
        let mut bench = Bench::watched();
        bench.speak();
        let held = Negotiated {
            direction,
            ..agreed(A)
        };
        bench.configure(A, held);
        bench.outputs();
        // It was looked at last 50 s before it is resumed.
        assert_eq!(bench.silence(290), None, "{direction:?}");
        bench.configure(A, agreed(A));
        bench.outputs();
        assert_eq!(bench.silence(300), Some(PATIENCE), "{direction:?}");
    }
}

#[test]
fn a_peer_has_its_time_from_the_moment_on_that_it_is_watched_anew() {
    let mut bench = Bench::watched();
    bench.speak();
    assert_eq!(bench.silence(59), None);
    bench.command(Command::Watch {
        port: A,
        patience: PATIENCE,
    });
    assert_eq!(bench.silence(300), Some(PATIENCE));
    // And one that was never heard is not told.
    bench.command(Command::Watch {
        port: B,
        patience: PATIENCE,
    });
    bench.command(Command::Watch {
        port: B,
        patience: PATIENCE,
    });
    bench.silence(300);
    assert_eq!(bench.outputs(), [""; 0]);
}
