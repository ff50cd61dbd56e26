//! Waiting, with an end to it. The only place of this tier that reads the clock.

use std::time::{Duration, Instant};

/// The time.
#[expect(clippy::disallowed_methods, reason = "this tier runs in real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Asks `question` until it has an answer; panics, naming `what`, when `within` is over.
pub(crate) fn wait_for<T>(
    what: &str,
    within: Duration,
    mut question: impl FnMut() -> Option<T>,
) -> T {
    let end = now() + within;
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(now() < end, "waited {within:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The time of a text such as `2026-07-24T08:15:30.250Z`, in milliseconds since 1970.
pub(crate) fn unix_ms(text: &str) -> i64 {
    let number = |from: usize, to: usize| -> i64 {
        let digits = text.get(from..to).and_then(|it| it.parse().ok());
        digits.unwrap_or_else(|| panic!("no time: {text:?}"))
    };
    // Days by the civil calendar, with years that begin in March.
    let (year, month) = match (number(0, 4), number(5, 7)) {
        (year, month @ 3..) => (year, month - 3),
        (year, month) => (year - 1, month + 9),
    };
    let leaps = year / 4 - year / 100 + year / 400;
    let days = year * 365 + leaps + (month * 153 + 2) / 5 + number(8, 10) - 719_469;
    let seconds = days * 86_400 + number(11, 13) * 3_600 + number(14, 16) * 60 + number(17, 19);
    seconds * 1_000 + number(20, 23)
}

#[test]
fn times_count_from_1970() {
    assert_eq!(unix_ms("1970-01-01T00:00:00.000Z"), 0);
    assert_eq!(unix_ms("2024-02-29T12:00:01.500Z"), 1_709_208_001_500);
    assert_eq!(unix_ms("2024-03-01T00:00:00.000Z"), 1_709_251_200_000);
}
