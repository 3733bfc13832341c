//! Times (HL7 v2 chapter 2A, DTM): `YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]`.

use model::{Instant, SECOND};

/// The moment that a text names; the first of what it leaves out, and UTC where it names no zone: a site's clock is not known here, and
/// what is read from it are days.
#[must_use]
pub fn instant_of(text: &str) -> Option<Instant> {
    let (digits, zone) = match text.find(['+', '-']) {
        Some(place) => text.split_at(place),
        None => (text, ""),
    };
    let digits = digits.split('.').next()?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || !(4..=14).contains(&digits.len()) || digits.len() % 2 != 0 {
        return None;
    }
    let part = |from: usize, first: i64| match digits.get(from..from + 2) {
        Some(part) => part.parse::<i64>().ok(),
        None => Some(first),
    };
    let year: i64 = digits[..4].parse().ok()?;
    let (month, day) = (part(4, 1)?, part(6, 1)?);
    let (hour, minute, second) = (part(8, 0)?, part(10, 0)?, part(12, 0)?);
    let fits = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 61;
    if !fits || year < 1900 {
        return None;
    }
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second - offset(zone)?;
    seconds.checked_mul(SECOND).map(Instant)
}

/// Days since 1970-01-01 (H. Hinnant: eras of 400 years that begin on 1 March).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Seconds east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    if zone.is_empty() {
        return Some(0);
    }
    let digits =
        zone.get(1..).filter(|digits| digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let (hours, minutes) = (digits[..2].parse::<i64>().ok()?, digits[2..].parse::<i64>().ok()?);
    let seconds = (hours * 60 + minutes) * 60;
    (hours <= 14 && minutes < 60).then_some(if zone.starts_with('-') { -seconds } else { seconds })
}

/// A moment as HL7 writes it, in UTC.
pub(crate) fn text_of(at: Instant) -> String {
    let seconds = at.0.div_euclid(SECOND);
    let (day, second) = (seconds.div_euclid(86_400) + 719_468, seconds.rem_euclid(86_400));
    let era = day.div_euclid(146_097);
    let day_of_era = day.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{:02}+0000", second % 60)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar_and_come_back() {
        let seconds = |text: &str| instant_of(text).map(|at| at.0 / SECOND);
        assert_eq!(seconds("1970"), Some(0));
        assert_eq!(seconds("20000229"), Some(951_782_400));
        assert_eq!(seconds("20261127033510.25+0100"), Some(1_795_746_910));
        assert_eq!(seconds("202611270335-0530"), Some(1_795_770_300));
        for at in [0, 951_782_400, 1_795_746_910, 4_102_444_799] {
            let at = Instant(at * SECOND);
            assert_eq!(instant_of(&text_of(at)), Some(at));
        }
        for wrong in ["", "20", "202", "20261301", "20261132", "2026112724", "20261127+99", "2026-11-27", "2026112７"]
        {
            assert_eq!(instant_of(wrong), None, "{wrong}");
        }
    }
}
