//! Attribute matching as PS3.4 C.2.2.2 has it: single value, list of UID, universal, wild card and range matching.
//!
//! Person names are compared without case and accents, group by group (C.2.2.2.1 allows it); every other text is
//! compared as it is. A date or time of lower precision stands for its whole span.

use std::ops::RangeInclusive;

use model::Uid;

use crate::fold::fold_name;
use crate::pack::date_number;

/// A text with or without wild cards (C.2.2.2.1, C.2.2.2.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    /// Exactly this.
    Exact(String),
    /// `*` for any characters, `?` for one.
    Wild {
        /// With its wild cards.
        pattern: String,
        /// The longest piece without wild cards: every match contains it.
        literal: String,
    },
}

/// A person name: one pattern for every group, or one for each (C.2.2.2.1, PS3.5 6.2.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// Any group of the stored name may match.
    AnyGroup(Text),
    /// Each of these groups of the stored name must match.
    Groups(Vec<(usize, Text)>),
}

/// Microseconds into the day, last one included.
pub(crate) type TimeSpan = RangeInclusive<u64>;

/// Dates as numbers, last one included.
pub(crate) type DateSpan = RangeInclusive<u32>;

/// The value is universal (C.2.2.2.3): it matches everything, what is empty too.
pub fn is_universal(value: &str) -> bool {
    value.bytes().all(|byte| byte == b'*' || byte == b' ' || byte == 0)
}

impl Text {
    /// Padding at both ends does not count (PS3.5 6.2).
    pub(crate) fn new(value: &str) -> Self {
        let value = trim(value);
        if !value.contains(['*', '?']) {
            return Self::Exact(value.to_owned());
        }
        let literal = value.split(['*', '?']).max_by_key(|piece| piece.len()).unwrap_or("");
        Self::Wild { pattern: value.to_owned(), literal: literal.to_owned() }
    }

    /// The alternatives of a list, `\` or `,` between them.
    pub(crate) fn list(value: &str) -> Vec<Self> {
        value.split(['\\', ',']).map(trim).filter(|value| !value.is_empty()).map(Self::new).collect()
    }

    /// Whether the stored text matches. A stored attribute of several values matches when one of them does.
    pub(crate) fn matches(&self, stored: &str) -> bool {
        self.matches_one(stored)
            || stored.contains('\\') && stored.split('\\').any(|value| self.matches_one(trim(value)))
    }

    /// Whether the stored text as a whole matches: for attributes of one value.
    pub(crate) fn matches_one(&self, stored: &str) -> bool {
        match self {
            Self::Exact(value) => value == stored,
            Self::Wild { pattern, literal } => stored.contains(literal.as_str()) && wild(pattern, stored),
        }
    }

    /// What every match begins with, and whether it is the whole value.
    pub(crate) fn start(&self) -> (&str, bool) {
        match self {
            Self::Exact(value) => (value, true),
            Self::Wild { pattern, .. } => (&pattern[..pattern.find(['*', '?']).unwrap_or(pattern.len())], false),
        }
    }
}

impl Name {
    /// `None` when nothing is left of the value: it is universal.
    pub(crate) fn new(value: &str) -> Option<Self> {
        let folded = fold_name(value);
        if is_universal(&folded) {
            return None;
        }
        if !folded.contains('=') {
            return Some(Self::AnyGroup(Text::new(&folded)));
        }
        let groups = folded.split('=').enumerate().filter(|(_, group)| !is_universal(group));
        let groups: Vec<_> = groups.map(|(place, group)| (place, Text::new(group))).collect();
        (!groups.is_empty()).then_some(Self::Groups(groups))
    }

    /// Whether a folded name matches.
    pub(crate) fn matches(&self, folded: &str) -> bool {
        match self {
            Self::AnyGroup(text) => folded.split('=').any(|group| text.matches_one(group)),
            Self::Groups(groups) => groups.iter().all(|(place, text)| {
                let group = folded.split('=').nth(*place);
                group.is_some_and(|group| text.matches_one(group))
            }),
        }
    }

    /// What one group of every match begins with, and whether it is the whole group.
    pub(crate) fn start(&self) -> (&str, bool) {
        match self {
            Self::AnyGroup(text) => text.start(),
            Self::Groups(groups) => groups.first().map_or(("", false), |(_, text)| text.start()),
        }
    }
}

/// `YYYYMMDD`, `YYYYMMDD-`, `-YYYYMMDD` or `YYYYMMDD-YYYYMMDD` (C.2.2.2.5). Something without a date never matches.
pub(crate) fn date_span(value: &str) -> Option<DateSpan> {
    let (from, to) = range(value)?;
    let from = from.map_or(Some(1), date_number)?;
    let to = to.map_or(Some(u32::MAX), date_number)?;
    Some(from..=to)
}

/// As [`date_span`], with `HH[MM[SS[.F]]]`.
pub(crate) fn time_range(value: &str) -> Option<TimeSpan> {
    let (from, to) = range(value)?;
    let from = from.map_or(Some(0), |from| time_span(from).map(|(from, _)| from))?;
    let to = to.map_or(Some(u64::MAX), |to| time_span(to).map(|(_, to)| to))?;
    Some(from..=to)
}

fn range(value: &str) -> Option<(Option<&str>, Option<&str>)> {
    let value = trim(value);
    let Some((from, to)) = value.split_once('-') else { return Some((Some(value), Some(value))) };
    let end = |end: &'_ str| !trim(end).is_empty();
    match (end(from), end(to)) {
        (false, false) => None,
        (has_from, has_to) => Some((has_from.then_some(trim(from)), has_to.then_some(trim(to)))),
    }
}

/// First and last microsecond that a time (PS3.5 6.2, TM) stands for: `10` is the whole hour. The `HH:MM:SS` of
/// ACR-NEMA is read too.
pub(crate) fn time_span(time: &str) -> Option<(u64, u64)> {
    let (whole, fraction) = trim(time).split_once('.').unwrap_or((trim(time), ""));
    let compact: String = whole.split(':').collect();
    let digits = compact.as_bytes();
    let shaped = matches!(digits.len(), 2 | 4 | 6)
        && (fraction.is_empty() || digits.len() == 6)
        && fraction.len() <= 6
        && digits.iter().chain(fraction.as_bytes()).all(u8::is_ascii_digit);
    if !shaped {
        return None;
    }
    let part =
        |at: usize| digits.get(at..at + 2).map_or(0, |pair| u64::from(pair[0] - b'0') * 10 + u64::from(pair[1] - b'0'));
    // a leap second is 60
    if part(0) > 23 || part(2) > 59 || part(4) > 60 {
        return None;
    }
    let mut from = ((part(0) * 60 + part(2)) * 60 + part(4)) * 1_000_000;
    let mut precision = [3_600_000_000, 60_000_000, 1_000_000][digits.len() / 2 - 1];
    for digit in fraction.bytes() {
        precision /= 10;
        from += u64::from(digit - b'0') * precision;
    }
    Some((from, from + precision - 1))
}

/// A list of UIDs, `\` or `,` between them (C.2.2.2.2).
pub(crate) fn uid_list(value: &str) -> Option<Vec<Uid>> {
    value.split(['\\', ',']).map(|uid| Uid::parse(uid).ok()).collect()
}

/// An integer string (PS3.5 6.2, IS).
pub(crate) fn integer(value: &str) -> Option<i64> {
    trim(value).parse().ok()
}

fn trim(value: &str) -> &str {
    value.trim_matches([' ', '\0'])
}

/// Each `*` takes as little as it can; when what follows fails, the last one takes one character more.
fn wild(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    let mut last_star = None;
    loop {
        let (here, there) = (pattern.clone().next(), text.clone().next());
        let fits = match (here, there) {
            (Some('*'), _) => {
                pattern.next();
                if pattern.as_str().is_empty() {
                    return true;
                }
                last_star = Some((pattern.clone(), text.clone()));
                continue;
            }
            (None, None) => return true,
            (Some(wanted), Some(character)) => wanted == '?' || wanted == character,
            _ => false,
        };
        if fits {
            pattern.next();
            text.next();
            continue;
        }
        let Some((after_star, from)) = &mut last_star else { return false };
        if from.next().is_none() {
            return false;
        }
        (pattern, text) = (after_star.clone(), from.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn text(value: &str, stored: &str, expected: bool) {
        assert_eq!(Text::new(value).matches(stored), expected, "{value} against {stored}");
    }

    #[test]
    fn texts_match_as_they_are_and_by_wild_cards() {
        text("CT ABDOMEN", "CT ABDOMEN", true);
        text(" CT ABDOMEN ", "CT ABDOMEN", true);
        text("CT*", "CT ABDOMEN", true);
        text("*ABD*", "CT ABDOMEN", true);
        text("*MEN", "CT ABDOMEN", true);
        text("?T*", "CT ABDOMEN", true);
        text("C*T*B*N", "CT ABDOMEN", true);
        text("*aab", "aaaab", true);
        text("山?", "山田", true);
        text("CT", "CT\\MR", true);
        text("*", "", true);
    }

    #[test]
    fn texts_that_differ_do_not_match() {
        text("CT Abdomen", "CT ABDOMEN", false);
        text("CT", "CT ABDOMEN", false);
        text("CT?", "CT ABDOMEN", false);
        text("?T", "T", false);
        text("*x*", "CT ABDOMEN", false);
        text("CT*Z", "CT ABDOMEN", false);
        text("*aab", "aaaaba", false);
        text("?", "", false);
        text("山?", "山", false);
        text("[CT]*", "CT ABDOMEN", false);
        text("C.*", "CT ABDOMEN", false);
        text("MR", "CT\\MRX", false);
    }

    #[track_caller]
    fn name(value: &str, stored: &str, expected: bool) {
        let name = Name::new(value).expect("the value is not universal");
        assert_eq!(name.matches(&fold_name(stored)), expected, "{value} against {stored}");
    }

    const TARO: &str = "Yamada^Tarou=山田^太郎=やまだ^たろう";

    #[test]
    fn names_match_in_every_group_without_case_and_accents() {
        name("yamada^tarou", TARO, true);
        name("YAMADA*", TARO, true);
        name("山田*", TARO, true);
        name("山田^太郎", TARO, true);
        name("*^太郎", TARO, true);
        name("やまだ*", TARO, true);
        name("=山田*", TARO, true);
        name("Yamada*=山田*", TARO, true);
        name("*=山田*=やまだ*", TARO, true);
        name("muller^jurgen", "Müller^Jürgen", true);
        name("MÜLLER^JÜRGEN^^", "Muller^Jurgen", true);
        name("Müller*", "MULLER^A", true);
        name("M?ller*", "Mu\u{308}ller^A", true);
        name("Hong*", "Hong^Gildong=洪^吉洞=홍^길동", true);
        name("홍*", "Hong^Gildong=洪^吉洞=홍^길동", true);
    }

    #[test]
    fn other_names_do_not_match() {
        name("Yamada", TARO, false);
        name("Tarou*", TARO, false);
        name("山口*", TARO, false);
        name("山田", TARO, false);
        name("=Yamada*", TARO, false);
        name("Yamada*=山口*", TARO, false);
        name("Yamada*=山田*=あ*", TARO, false);
        name("Yamada*==やまだ*", "Yamada^Tarou", false);
        name("やまた*", TARO, false);
        name("Mueller*", "Müller^A", false);
        name("A*", "", false);
    }

    #[test]
    fn a_value_of_nothing_is_universal() {
        for value in ["", "*", "**", " ", "\0"] {
            assert!(is_universal(value), "{value:?}");
        }
        for value in ["?", "*a", "-"] {
            assert!(!is_universal(value), "{value:?}");
        }
        assert_eq!(Name::new("^^"), None);
        assert_eq!(Name::new("=*="), None);
    }

    #[test]
    fn dates_are_single_or_ranges() {
        assert_eq!(date_span("20260730"), Some(20_260_730..=20_260_730));
        assert_eq!(date_span("20260101-20261231"), Some(20_260_101..=20_261_231));
        assert_eq!(date_span("20260101-"), Some(20_260_101..=u32::MAX));
        assert_eq!(date_span("-20260101"), Some(1..=20_260_101));
        assert_eq!(date_span(" 20260101 - 20260102 "), Some(20_260_101..=20_260_102));
    }

    #[test]
    fn dates_out_of_shape_are_refused() {
        for value in ["-", "2026", "20261301", "2026-07-30", "20260101-2", "20260101-20260102-", "today", "20260?01"] {
            assert_eq!(date_span(value), None, "{value}");
        }
    }

    #[test]
    fn times_stand_for_their_span() {
        let second = 1_000_000;
        assert_eq!(time_span("10"), Some((36_000 * second, 39_600 * second - 1)));
        assert_eq!(time_span("1030"), Some((37_800 * second, 37_860 * second - 1)));
        assert_eq!(time_span("103015.5"), Some((37_815_500_000, 37_815_599_999)));
        assert_eq!(time_span("10:30:15"), time_span("103015"));
        assert_eq!(time_range("10-11"), Some(36_000 * second..=43_200 * second - 1));
        assert_eq!(time_range("-10"), Some(0..=39_600 * second - 1));
    }

    #[test]
    fn times_out_of_shape_are_refused() {
        for value in ["", "-", "1", "103", "24", "1060", "10.5", "103015.1234567", "10301x", "10-11-12", "１０"] {
            assert_eq!(time_range(value), None, "{value}");
        }
    }

    #[test]
    fn lists_of_identifiers_are_read_and_others_refused() {
        assert_eq!(uid_list("1.2\\1.3,1.4").map(|uids| uids.len()), Some(3));
        for value in ["1.2*", "", "1.2\\", "a", "1.2-1.3"] {
            assert_eq!(uid_list(value), None, "{value}");
        }
    }
}
