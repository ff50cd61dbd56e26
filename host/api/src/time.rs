//! Unix milliseconds as RFC 3339 texts in UTC, and back. Owns no clock.

const DAY_MS: u64 = 86_400_000;

/// `2026-07-24T08:15:30.123Z`.
pub(crate) fn rfc3339(unix_ms: u64) -> String {
    let (year, month, day) = civil((unix_ms / DAY_MS) as i64);
    let ms = unix_ms % DAY_MS;
    let (hour, minute) = (ms / 3_600_000, ms / 60_000 % 60);
    let (second, milli) = (ms / 1000 % 60, ms % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Unix milliseconds of an RFC 3339 text with any offset; none if it is no such text, or earlier.
/// Digits below the millisecond are cut off.
pub(crate) fn unix_ms(text: &str) -> Option<u64> {
    let (date, rest) = text.split_at_checked(10)?;
    let (year, rest_of_date) = (digits(date, 0, 4)?, date.get(4..)?);
    let (month, day) = (digits(date, 5, 2)?, digits(date, 8, 2)?);
    let dashes = rest_of_date.as_bytes()[0] == b'-' && rest_of_date.as_bytes()[3] == b'-';
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = rest.split_at_checked(8)?;
    let (hour, minute) = (digits(clock, 0, 2)?, digits(clock, 3, 2)?);
    let second = digits(clock, 6, 2)?;
    let colons = clock.as_bytes()[2] == b':' && clock.as_bytes()[5] == b':';
    let (milli, zone) = fraction(rest)?;
    let offset = offset_minutes(zone)?;
    let real = dashes && colons && (1..=12).contains(&month) && hour < 24 && minute < 60;
    // A leap second is the second after it.
    if !real || second > 60 || day < 1 || day > days_of(year, month) {
        return None;
    }
    let minutes = days(year, month, day) * 1440 + hour * 60 + minute - offset;
    u64::try_from(minutes * 60_000 + second * 1000 + milli).ok()
}

fn digits(text: &str, at: usize, count: usize) -> Option<i64> {
    let part = text.get(at..at + count)?;
    let all = part.bytes().all(|b| b.is_ascii_digit());
    if all { part.parse().ok() } else { None }
}

/// Milliseconds of `.123…`, and what follows.
fn fraction(rest: &str) -> Option<(i64, &str)> {
    let Some(fraction) = rest.strip_prefix('.') else {
        return Some((0, rest));
    };
    let end = fraction.find(|c: char| !c.is_ascii_digit())?;
    let (fraction, zone) = fraction.split_at(end);
    let padded: String = fraction.chars().chain("000".chars()).take(3).collect();
    if fraction.is_empty() {
        return None;
    }
    Some((digits(&padded, 0, 3)?, zone))
}

fn offset_minutes(zone: &str) -> Option<i64> {
    let sign = match zone.chars().next()? {
        'Z' | 'z' if zone.len() == 1 => return Some(0),
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let (hours, minutes) = (digits(zone, 1, 2)?, digits(zone, 4, 2)?);
    let shaped = zone.len() == 6 && zone.get(3..4) == Some(":") && hours < 24 && minutes < 60;
    if shaped {
        Some(sign * (hours * 60 + minutes))
    } else {
        None
    }
}

fn days_of(year: i64, month: i64) -> i64 {
    let next = if month == 12 {
        days(year + 1, 1, 1)
    } else {
        days(year, month + 1, 1)
    };
    next - days(year, month, 1)
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar. The year is counted from
/// March, so that the leap day is its last: the months before then sum to (153·m + 2) / 5 days.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    // 146,097 days are 400 years; 719,468 lie between 0000-03-01 and 1970-01-01.
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date of a day since 1970-01-01: the inverse of [`days`].
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let day = of_year - (153 * march + 2) / 5 + 1;
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::{rfc3339, unix_ms};

    #[test]
    fn times_are_written_and_read_back() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_164_799_999, "2024-02-28T23:59:59.999Z"),
            (1_735_689_599_001, "2024-12-31T23:59:59.001Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(ms), text);
            assert_eq!(unix_ms(text), Some(ms), "{text}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_reads_back() {
        for day in 0..146_097 * 2 {
            let ms = day * 86_400_000;
            assert_eq!(unix_ms(&rfc3339(ms)), Some(ms));
        }
    }

    #[test]
    fn offsets_and_fractions_are_understood() {
        assert_eq!(unix_ms("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(unix_ms("1969-12-31T23:30:00.5-00:30"), Some(500));
        assert_eq!(unix_ms("1970-01-01t00:00:01.1239z"), Some(1123));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "1970-01-01",
            "1970-01-01T00:00:00",
            "1970-13-01T00:00:00Z",
            "1970-02-29T00:00:00Z",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:00:00.Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+0100",
            "1970/01/01T00:00:00Z",
            "+970-01-01T00:00:00Z",
            "１970-01-01T00:00:00Z",
        ] {
            assert_eq!(unix_ms(text), None, "{text:?}");
        }
    }
}
