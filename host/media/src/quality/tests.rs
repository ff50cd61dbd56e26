//! Scores against the table of ITU-T G.107 and against sense.

use super::*;
use crate::command::Remote;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 0.02
}

#[test]
fn a_faultless_connection_has_the_score_of_g_107() {
    // R = 93.2 is 4.41 (G.107 Annex B).
    assert!(close(mos(0.0, ms(0)), 4.41), "{}", mos(0.0, ms(0)));
}

#[test]
fn scores_fall_with_loss_and_with_delay() {
    // By the formula of the header, worked by hand.
    let rows = [
        (0.01, ms(20), 4.32),
        (0.05, ms(20), 3.90),
        (0.20, ms(20), 2.61),
        (0.0, ms(150), 4.33),
        (0.0, ms(400), 3.05),
    ];
    for (loss, delay, expected) in rows {
        let score = mos(loss, delay);
        assert!(
            close(score, expected),
            "{loss} {delay:?}: {score}, not {expected}"
        );
    }
    assert!(close(mos(1.0, ms(2_000)), 1.0));
}

#[test]
fn the_worse_direction_counts() {
    let fair = Stats {
        packets_received: 1_000,
        packets_sent: 1_000,
        ..Stats::default()
    };
    let alone = of(&fair).expect("it was heard");
    let told = |lost| {
        let remote = Some(Remote {
            lost,
            jitter: ms(0),
        });
        of(&Stats { remote, ..fair }).expect("it was heard")
    };
    assert!(close(told(0), alone));
    assert!(told(100) < alone - 0.5);
    let lossy = Stats {
        packets_lost: 100,
        remote: Some(Remote {
            lost: 0,
            jitter: ms(0),
        }),
        ..fair
    };
    assert!(of(&lossy).expect("it was heard") < alone - 0.5);
}

#[test]
fn who_was_never_heard_has_no_score() {
    assert_eq!(of(&Stats::default()), None);
}
