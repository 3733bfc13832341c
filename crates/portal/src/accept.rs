//! What a client takes: `Accept` (RFC 9110 section 12.5.1) with the parameters of PS3.18 section 8.7.5.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::errors::Failure;

/// The most media ranges that are looked at; more than that is not a client of ours.
const RANGES_MAX: usize = 64;

/// One media range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MediaRange {
    /// `type/subtype` in small letters, wildcards as they are.
    pub(crate) kind: String,
    /// The `type` parameter of `multipart/related`, in small letters.
    pub(crate) parts: Option<String>,
    /// The `transfer-syntax` parameter.
    pub(crate) transfer_syntax: Option<String>,
    /// `q` in thousandths.
    weight: u16,
}

impl MediaRange {
    /// Whether this names `media_type` by itself.
    pub(crate) fn single(&self, media_type: &str) -> bool {
        matches(&self.kind, media_type)
    }

    /// Whether this names `multipart/related` with parts of `media_type`.
    pub(crate) fn multipart(&self, media_type: &str) -> bool {
        matches(&self.kind, "multipart/related") && self.parts.as_deref().is_none_or(|parts| matches(parts, media_type))
    }

    /// Whether this takes what is stored in `transfer_syntax`. Without the parameter it takes what is there:
    /// a deviation from PS3.18 section 8.7.3.5.2, stated in `docs/conformance.md`, because nothing is transcoded here.
    pub(crate) fn takes(&self, transfer_syntax: &str) -> bool {
        self.transfer_syntax.as_deref().is_none_or(|wanted| wanted == "*" || wanted == transfer_syntax)
    }
}

fn matches(range: &str, media_type: &str) -> bool {
    range == "*/*"
        || range == media_type
        || range.strip_suffix("/*").is_some_and(|main| media_type.split('/').next() == Some(main))
}

/// What a request takes, best first. No `Accept` at all takes anything.
pub(crate) fn ranges(headers: &HeaderMap) -> Vec<MediaRange> {
    let values: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    if values.iter().all(|value| value.trim().is_empty()) {
        return vec![MediaRange { kind: "*/*".into(), parts: None, transfer_syntax: None, weight: 1000 }];
    }
    let mut ranges: Vec<MediaRange> = values
        .into_iter()
        .flat_map(|value| split(value, ','))
        .take(RANGES_MAX)
        .filter_map(|item| range(&item))
        .filter(|range| range.weight > 0)
        .collect();
    // stable: among equals the first named comes first
    ranges.sort_by_key(|range| std::cmp::Reverse(range.weight));
    ranges
}

fn range(item: &str) -> Option<MediaRange> {
    let mut pieces = split(item, ';').into_iter();
    let kind = pieces.next()?.trim().to_ascii_lowercase();
    kind.split_once('/')?;
    let mut found = MediaRange { kind, parts: None, transfer_syntax: None, weight: 1000 };
    for piece in pieces {
        let Some((name, value)) = piece.split_once('=') else { continue };
        let value = unquote(value.trim());
        match name.trim().to_ascii_lowercase().as_str() {
            "type" => found.parts = Some(value.to_ascii_lowercase()),
            "transfer-syntax" => found.transfer_syntax = Some(value),
            "q" => found.weight = weight(&value)?,
            _ => {}
        }
    }
    Some(found)
}

fn weight(text: &str) -> Option<u16> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    if rest.len() > 3 || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{rest:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

/// Splits at `at` outside of quoted strings.
fn split(text: &str, at: char) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for character in text.chars() {
        if character == at && !quoted {
            pieces.push(String::new());
            continue;
        }
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        pieces.last_mut().expect("there is always one piece").push(character);
    }
    pieces
}

fn unquote(value: &str) -> String {
    match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
        None => value.to_owned(),
        Some(inner) => {
            let mut plain = String::with_capacity(inner.len());
            let mut characters = inner.chars();
            while let Some(character) = characters.next() {
                plain.extend(if character == '\\' { characters.next() } else { Some(character) });
            }
            plain
        }
    }
}

/// The parameters of a media type in `Content-Type`, names in small letters.
pub(crate) fn content_type(value: &str) -> (String, Vec<(String, String)>) {
    let mut pieces = split(value, ';').into_iter();
    let kind = pieces.next().unwrap_or_default().trim().to_ascii_lowercase();
    let parameters = pieces
        .filter_map(|piece| {
            let (name, value) = piece.split_once('=')?;
            Some((name.trim().to_ascii_lowercase(), unquote(value.trim())))
        })
        .collect();
    (kind, parameters)
}

/// The content type of DICOM JSON for this request (PS3.18 section 8.7.3.2); `application/json` is taken as its alias.
pub(crate) fn dicom_json(headers: &HeaderMap) -> Result<HeaderValue, Failure> {
    const NATIVE: HeaderValue = HeaderValue::from_static("application/dicom+json");
    const ALIAS: HeaderValue = HeaderValue::from_static("application/json");
    for range in ranges(headers) {
        if range.single("application/dicom+json") {
            return Ok(NATIVE);
        }
        if range.single("application/json") {
            return Ok(ALIAS);
        }
    }
    Err(Failure::NotAcceptable("application/dicom+json"))
}

/// Whether a rendered JPEG is taken (PS3.18 section 8.7.4).
pub(crate) fn jpeg(headers: &HeaderMap) -> Result<(), Failure> {
    let taken = ranges(headers).iter().any(|range| range.single("image/jpeg"));
    if taken { Ok(()) } else { Err(Failure::NotAcceptable("image/jpeg")) }
}

/// Whether gzip is taken (RFC 9110 section 12.5.3).
pub(crate) fn gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| {
        let mut pieces = item.split(';').map(str::trim);
        let named = pieces.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
        named && !pieces.any(|piece| piece.strip_prefix("q=").is_some_and(|q| weight(q) == Some(0)))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn of(accept: &str) -> Vec<MediaRange> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        ranges(&headers)
    }

    #[test]
    fn dicom_json_is_chosen_by_what_is_named() {
        let check = |accept: &str, expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            let chosen = dicom_json(&headers).ok();
            assert_eq!(chosen.as_ref().map(|value| value.to_str().unwrap()), expected, "{accept}");
        };
        check("application/dicom+json", Some("application/dicom+json"));
        check("APPLICATION/DICOM+JSON", Some("application/dicom+json"));
        check("application/json", Some("application/json"));
        check("application/json;q=0.5, application/dicom+json", Some("application/dicom+json"));
        check("*/*", Some("application/dicom+json"));
        check("application/*", Some("application/dicom+json"));
        check("", Some("application/dicom+json"));
        check("text/html, */*;q=0.1", Some("application/dicom+json"));
        check("application/dicom+json;q=0", None);
        check("multipart/related; type=\"application/dicom+xml\"", None);
        check("application/dicom+xml", None);
        check("text/html", None);
        check("nonsense", None);
        check("application/dicom+json;q=7", None);
        check("application/dicom+json;q=0.12345", None);
    }

    #[test]
    fn parameters_are_read_quoted_or_not() {
        for accept in [
            "multipart/related; type=\"application/dicom\"; transfer-syntax=*",
            "multipart/related;type=application/dicom;transfer-syntax=\"*\"",
            "Multipart/Related; TYPE=\"Application/DICOM\"; Transfer-Syntax=*; q=1.0",
        ] {
            let found = &of(accept)[0];
            assert!(found.multipart("application/dicom") && found.takes("1.2.840.10008.1.2.4.70"), "{accept}");
            assert!(!found.single("application/dicom") && !found.multipart("image/jpeg"), "{accept}");
        }
        let quoted = of("multipart/related; type=\"a,b;c\\\"d\", image/jpeg");
        assert_eq!(quoted.len(), 2);
        assert_eq!(quoted[0].parts.as_deref(), Some("a,b;c\"d"));
    }

    #[test]
    fn a_transfer_syntax_that_is_not_the_stored_one_is_not_taken() {
        let found = &of("multipart/related; type=\"application/dicom\"; transfer-syntax=1.2.840.10008.1.2.1")[0];
        assert!(found.takes("1.2.840.10008.1.2.1"));
        assert!(!found.takes("1.2.840.10008.1.2.4.70"));
    }

    #[test]
    fn ranges_come_best_first_and_not_without_end() {
        let kinds: Vec<_> = of("a/a;q=0.1, b/b, c/c;q=0.5, d/d").into_iter().map(|range| range.kind).collect();
        assert_eq!(kinds, ["b/b", "d/d", "c/c", "a/a"]);
        assert_eq!(of(&"a/b,".repeat(1000)).len(), RANGES_MAX);
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        let check = |value: &str, taken| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, value.parse().unwrap());
            assert_eq!(gzip(&headers), taken, "{value}");
        };
        check("gzip, deflate, br", true);
        check("br, GZIP;q=0.5", true);
        check("*", true);
        check("gzip;q=0", false);
        check("identity", false);
        check("", false);
    }
}
