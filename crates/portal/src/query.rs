//! Parameters of QIDO-RS (PS3.18 section 8.3.4 and section 10.6.1) and of our own lists.

use std::collections::BTreeSet;

use dicom_core::Tag;
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_dictionary_std::StandardDataDictionary;
use protocol::Match;

use crate::errors::Failure;

/// The most parameters of one request.
pub const PARAMETERS_MAX: usize = 64;
/// The longest value of one parameter, in bytes.
pub const VALUE_BYTES_MAX: usize = 4096;

/// What a search asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Search {
    /// What must match, as tag and value; each tag once.
    pub(crate) matches: Vec<Match>,
    /// Whether everything that is there is wanted (`includefield=all`). Single fields need nothing: all that the archive
    /// has of a level always comes.
    pub(crate) include_all: bool,
    /// How many rows at most; `None` is as many as one page holds.
    pub(crate) limit: Option<u32>,
    /// How many rows to pass over.
    pub(crate) offset: u32,
    /// Whether something was asked that is not searched by, so that the answer must say so.
    pub(crate) ignored: bool,
}

/// Name and value of each parameter, decoded.
pub(crate) fn parameters(query: Option<&str>) -> Result<Vec<(String, String)>, Failure> {
    let parameters: Vec<(String, String)> = form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .take(PARAMETERS_MAX + 1)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    if parameters.len() > PARAMETERS_MAX {
        return Err(Failure::Malformed("the query", "at most 64 parameters"));
    }
    if parameters.iter().any(|(_, value)| value.len() > VALUE_BYTES_MAX || value.contains('\u{fffd}')) {
        return Err(Failure::Malformed("a parameter's value", "UTF-8 text of at most 4096 bytes"));
    }
    Ok(parameters)
}

/// A whole number, or a refusal that names the parameter.
pub(crate) fn number<T: std::str::FromStr>(name: &'static str, value: &str) -> Result<T, Failure> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| value.parse().ok()).flatten().ok_or(Failure::Malformed(name, "a whole number"))
}

/// Reads the parameters of a search. `searchable` says which attributes are matched at this level.
///
/// What is not matched (other attributes, attributes inside sequences, parameters of other services) is passed over and
/// reported in [`Search::ignored`].
pub(crate) fn search(query: Option<&str>, searchable: impl Fn(u32) -> bool) -> Result<Search, Failure> {
    let mut search = Search::default();
    let mut seen = BTreeSet::new();
    for (name, value) in parameters(query)? {
        match name.to_ascii_lowercase().as_str() {
            "limit" => search.limit = Some(number("limit", &value)?),
            "offset" => search.offset = number("offset", &value)?,
            // names are always matched without case and accents, whether asked or not
            "fuzzymatching" if value == "true" || value == "false" => {}
            "fuzzymatching" => return Err(Failure::Malformed("fuzzymatching", "true or false")),
            // content negotiation by parameter: only what is sent anyhow
            "accept" | "charset" => {}
            "includefield" => {
                for field in value.split(',') {
                    match field {
                        "all" => search.include_all = true,
                        _ => search.ignored |= tag(field).is_none(),
                    }
                }
            }
            _ => match tag(&name) {
                Some(tag) if searchable(tag) => {
                    if !seen.insert(tag) {
                        return Err(Failure::Malformed("the query", "each attribute once"));
                    }
                    // a universal match (PS3.4 C.2.2.2.3) asks for nothing but the attribute itself
                    if !value.is_empty() && value != "*" {
                        search
                            .matches
                            .push(Match { tag, value: if is_uid(tag) { value.replace(',', "\\") } else { value } });
                    }
                }
                _ => search.ignored = true,
            },
        }
    }
    Ok(search)
}

/// The tag of a keyword (PS3.6) or of eight hexadecimal digits (PS3.18 section 8.3.4.1).
fn tag(name: &str) -> Option<u32> {
    let number = |tag: Tag| u32::from(tag.group()) << 16 | u32::from(tag.element());
    if name.len() == 8 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return u32::from_str_radix(name, 16).ok();
    }
    StandardDataDictionary.by_name(name).map(|entry| number(entry.tag()))
}

fn is_uid(tag: u32) -> bool {
    matches!(tag, 0x0020_000d | 0x0020_000e | 0x0008_0018 | 0x0008_0016 | 0x0008_0062)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn of(query: &str) -> Search {
        search(Some(query), |tag| matches!(tag, 0x0010_0010 | 0x0010_0020 | 0x0020_000d | 0x0008_0020)).unwrap()
    }

    fn one(tag: u32, value: &str) -> Search {
        Search { matches: vec![Match { tag, value: value.into() }], ..Search::default() }
    }

    #[test]
    fn attributes_are_named_by_keyword_or_tag() {
        assert_eq!(of("PatientName=Mu%CC%88ller*"), one(0x0010_0010, "Mu\u{308}ller*"));
        assert_eq!(of("00100010=M%C3%BCller"), one(0x0010_0010, "Müller"));
        assert_eq!(of("0020000D=1.2.3"), one(0x0020_000d, "1.2.3"));
        assert_eq!(of("0020000d=1.2.3"), one(0x0020_000d, "1.2.3"));
        assert_eq!(of("StudyDate=20260101-20261231"), one(0x0008_0020, "20260101-20261231"));
        assert_eq!(of("PatientID=a+b%2Bc"), one(0x0010_0020, "a b+c"));
        assert_eq!(of("PatientName=A,B"), one(0x0010_0010, "A,B"), "a comma separates UIDs only");
    }

    #[test]
    fn lists_of_uids_are_taken_with_either_separator() {
        assert_eq!(of("StudyInstanceUID=1.2,1.3"), one(0x0020_000d, "1.2\\1.3"));
        assert_eq!(of("StudyInstanceUID=1.2%5C1.3"), one(0x0020_000d, "1.2\\1.3"));
    }

    #[test]
    fn what_matches_everything_only_asks_for_the_attribute() {
        for query in ["PatientName=", "PatientName", "PatientName=*"] {
            let found = of(query);
            assert_eq!(found, Search::default(), "{query}");
        }
    }

    #[test]
    fn paging_and_fields_are_read() {
        let found = of("limit=10&offset=20&includefield=StudyDescription,00081030&includefield=all&fuzzymatching=true");
        assert_eq!((found.limit, found.offset, found.include_all, found.ignored), (Some(10), 20, true, false));
        assert_eq!(of("LIMIT=0").limit, Some(0));
    }

    #[test]
    fn what_is_not_searched_by_is_reported() {
        for query in [
            "RequestAttributesSequence.ScheduledProcedureStepID=1",
            "00400275.00400009=1",
            "Modality=CT",
            "nonsense=1",
            "includefield=Nonsense",
            "<script>=1",
        ] {
            let found = of(query);
            assert!(found.ignored && found.matches.is_empty(), "{query}");
        }
    }

    #[test]
    fn queries_out_of_shape_are_refused() {
        let many = "a=1&".repeat(PARAMETERS_MAX + 1);
        let long = format!("PatientName={}", "x".repeat(VALUE_BYTES_MAX + 1));
        for query in [
            "limit=-1",
            "limit=",
            "limit=ten",
            "limit=99999999999",
            "offset=1.5",
            "offset=%2B1",
            "fuzzymatching=perhaps",
            "PatientName=a&PatientName=b",
            "PatientName=a&00100010=b",
            "PatientName=%ff%fe",
            &many,
            &long,
        ] {
            assert!(search(Some(query), |_| true).is_err(), "{query}");
        }
    }
}
