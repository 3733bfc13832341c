//! Times on the command line, and the only place where the clock is read.

use std::time::{SystemTime, UNIX_EPOCH};

use model::Instant;

/// The time of now.
#[allow(clippy::disallowed_methods, reason = "the one place")]
pub fn now() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Which way a duration points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `--until`: ahead.
    Ahead,
    /// `--from`, `--to`: back.
    Back,
}

/// RFC 3339, `now`, or a duration such as `90d`, `8h`, `30m`, `45s`.
pub fn parse(text: &str, direction: Direction, now: Instant) -> Result<Instant, String> {
    const EXPECTED: &str = "a time as in 2026-11-24T08:00:00Z, `now`, or a duration as in 90d, 8h or 30m";
    if text == "now" {
        return Ok(now);
    }
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Ok(Instant(timestamp.as_microsecond()));
    }
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        _ => return Err(EXPECTED.to_owned()),
    };
    let count: i64 = text[..text.len() - 1].parse().map_err(|_| EXPECTED.to_owned())?;
    if !(0..=1_000_000).contains(&count) {
        return Err("a duration of at most 1000000 units".to_owned());
    }
    Ok(now.plus_seconds(match direction {
        Direction::Ahead => count * unit,
        Direction::Back => -count * unit,
    }))
}

/// RFC 3339 in UTC, to the second.
pub fn show(at: Instant) -> String {
    if at == Instant::MAX {
        return "without end".to_owned();
    }
    jiff::Timestamp::from_second(at.0.div_euclid(model::SECOND)).map_or_else(|_| "?".to_owned(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant(1_700_000_000_000_000);

    #[test]
    fn durations_point_the_way_of_their_option() {
        assert_eq!(parse("now", Direction::Back, NOW), Ok(NOW));
        assert_eq!(parse("8h", Direction::Ahead, NOW), Ok(NOW.plus_seconds(8 * 3600)));
        assert_eq!(parse("90d", Direction::Back, NOW), Ok(NOW.plus_seconds(-90 * 86400)));
        assert_eq!(parse("2023-11-14T22:13:20Z", Direction::Ahead, NOW), Ok(NOW));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "soon", "8", "h", "-8h", "1.5h", "9999999d", "2023-11-14", "ü"] {
            assert!(parse(text, Direction::Ahead, NOW).is_err(), "{text}");
        }
    }
}
