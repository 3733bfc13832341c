//! Times and numbers as people write them. Times are in UTC, so that two readers read the same.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::{Instant, Window};

use crate::words::Language;

/// A moment to the second.
pub(crate) fn moment(at: Instant, language: Language) -> String {
    match Timestamp::from_microsecond(at.0) {
        Ok(time) => {
            let form = match language {
                Language::English => "%-d %b %Y, %H:%M:%S UTC",
                Language::German => "%d.%m.%Y, %H:%M:%S UTC",
            };
            TimeZone::UTC.to_datetime(time).strftime(form).to_string()
        }
        Err(_) => language.choose("without end", "ohne Ende").to_owned(),
    }
}

/// A moment to the minute, for tables.
pub(crate) fn short(at: Instant, language: Language) -> String {
    match Timestamp::from_microsecond(at.0) {
        Ok(time) => {
            let form = match language {
                Language::English => "%-d %b %Y %H:%M",
                Language::German => "%d.%m.%Y %H:%M",
            };
            TimeZone::UTC.to_datetime(time).strftime(form).to_string()
        }
        Err(_) => language.choose("without end", "ohne Ende").to_owned(),
    }
}

/// A window.
pub(crate) fn window(window: Window, language: Language) -> String {
    let begin = if window.from.0 <= 0 {
        language.choose("the beginning", "Beginn der Aufzeichnung").to_owned()
    } else {
        moment(window.from, language)
    };
    let until = language.choose("to", "bis");
    format!("{begin} {until} {}", moment(window.to, language))
}

/// `YYYYMMDD` of DICOM, or nothing.
pub(crate) fn date(dicom: &str, language: Language) -> String {
    match (dicom.len(), dicom.get(..4), dicom.get(4..6), dicom.get(6..8)) {
        (8, Some(year), Some(month), Some(day)) if dicom.bytes().all(|byte| byte.is_ascii_digit()) => match language {
            Language::English => format!("{year}-{month}-{day}"),
            Language::German => format!("{day}.{month}.{year}"),
        },
        _ => dicom.to_owned(),
    }
}

/// A number with its thousands apart.
pub(crate) fn number(value: u64, language: Language) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(language.choose_char(',', '.'));
        }
        text.push(digit);
    }
    text
}

/// The parts of a time for a PDF's metadata: year, month, day, hour, minute, second.
pub(crate) fn parts(at: Instant) -> [u16; 6] {
    let time = TimeZone::UTC.to_datetime(Timestamp::from_microsecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH));
    let small = |value: i8| u16::try_from(value).unwrap_or_default();
    let year = u16::try_from(time.year()).unwrap_or(1970);
    [year, small(time.month()), small(time.day()), small(time.hour()), small(time.minute()), small(time.second())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_dates_read_as_they_are_written_there() {
        let at = Instant(1_764_178_502_000_000);
        assert_eq!(moment(at, Language::English), "26 Nov 2025, 17:35:02 UTC");
        assert_eq!(moment(at, Language::German), "26.11.2025, 17:35:02 UTC");
        assert_eq!(moment(Instant::MAX, Language::German), "ohne Ende");
        assert_eq!(number(1_234_567, Language::English), "1,234,567");
        assert_eq!(number(1_234_567, Language::German), "1.234.567");
        assert_eq!(number(999, Language::German), "999");
        assert_eq!(date("19640229", Language::German), "29.02.1964");
        assert_eq!(date("1964", Language::English), "1964");
        assert_eq!(parts(at), [2025, 11, 26, 17, 35, 2]);
    }
}
