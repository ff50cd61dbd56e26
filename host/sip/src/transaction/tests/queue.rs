use std::time::{Duration, Instant};

use super::super::timer::TimerQueue;
use super::super::{Owner, Timer, TransactionId};

/// Some instant; only differences count.
#[allow(clippy::disallowed_methods)] // virtual time has to begin somewhere
fn zero() -> Instant {
    Instant::now()
}

const ONE: Owner = Owner::Transaction(TransactionId(1));
const TWO: Owner = Owner::Transaction(TransactionId(2));

#[test]
fn timers_fire_in_order_of_time_then_of_start() {
    let (mut queue, t) = (TimerQueue::default(), zero());
    let ms = Duration::from_millis;
    queue.start(ONE, Timer::B, t + ms(30));
    queue.start(TWO, Timer::A, t + ms(10));
    queue.start(ONE, Timer::A, t + ms(10));
    assert_eq!(queue.next(), Some(t + ms(10)));
    assert_eq!(queue.pop(t + ms(9)), None);
    assert_eq!(queue.pop(t + ms(10)), Some((TWO, Timer::A)));
    assert_eq!(queue.pop(t + ms(10)), Some((ONE, Timer::A)));
    assert_eq!(queue.pop(t + ms(10)), None);
    assert_eq!(queue.pop(t + ms(99)), Some((ONE, Timer::B)));
    assert_eq!((queue.len(), queue.next()), (0, None));
}

#[test]
fn a_stopped_timer_leaves_nothing_behind() {
    let (mut queue, t) = (TimerQueue::default(), zero());
    queue.start(ONE, Timer::A, t);
    queue.start(ONE, Timer::A, t + Duration::from_secs(1));
    queue.start(ONE, Timer::B, t);
    queue.start(TWO, Timer::A, t);
    assert_eq!(queue.len(), 3);
    queue.stop_all(ONE);
    assert_eq!(queue.running(ONE).count(), 0);
    queue.stop(TWO, Timer::A);
    assert_eq!((queue.len(), queue.next()), (0, None));
}
