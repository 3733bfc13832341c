//! `Range` of one span of bytes (RFC 9110 section 14.2).

use axum::http::{HeaderMap, header};

use crate::errors::Failure;

/// A span inside something of known length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// First byte.
    pub(crate) offset: u64,
    /// How many.
    pub(crate) length: u64,
}

/// The span that a request asks for out of `bytes`; `None` when it asks for all. Several spans, other units and
/// anything out of shape are answered with all, as the standard allows.
pub(crate) fn asked(headers: &HeaderMap, bytes: u64) -> Result<Option<Span>, Failure> {
    let Some(value) = headers.get(header::RANGE).and_then(|value| value.to_str().ok()) else { return Ok(None) };
    let Some(span) = value.strip_prefix("bytes=").filter(|spans| !spans.contains(',')) else { return Ok(None) };
    let Some((from, to)) = span.trim().split_once('-') else { return Ok(None) };
    let number = |text: &str| {
        (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse::<u64>().ok()).flatten()
    };
    let outside = || Failure::Range { bytes };
    match (from.is_empty(), number(from), number(to)) {
        (true, _, Some(last)) => {
            let length = last.min(bytes);
            if length == 0 { Err(outside()) } else { Ok(Some(Span { offset: bytes - length, length })) }
        }
        (false, Some(from), None) if to.is_empty() => {
            if from >= bytes {
                Err(outside())
            } else {
                Ok(Some(Span { offset: from, length: bytes - from }))
            }
        }
        (false, Some(from), Some(to)) if from <= to => {
            if from >= bytes {
                Err(outside())
            } else {
                Ok(Some(Span { offset: from, length: to.min(bytes - 1) - from + 1 }))
            }
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn of(value: &str) -> Result<Option<Span>, u64> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, value.parse().unwrap());
        asked(&headers, 100).map_err(|failure| match failure {
            Failure::Range { bytes } => bytes,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn spans_are_cut_to_what_is_there() {
        let check = |value, offset, length| assert_eq!(of(value), Ok(Some(Span { offset, length })), "{value}");
        check("bytes=0-0", 0, 1);
        check("bytes=0-99", 0, 100);
        check("bytes=10-", 10, 90);
        check("bytes=90-1000", 90, 10);
        check("bytes=-5", 95, 5);
        check("bytes=-500", 0, 100);
        check("bytes=99-18446744073709551615", 99, 1);
    }

    #[test]
    fn spans_outside_are_refused_with_the_length() {
        for value in ["bytes=100-", "bytes=100-200", "bytes=-0"] {
            assert_eq!(of(value), Err(100), "{value}");
        }
    }

    #[test]
    fn what_is_no_single_span_gets_all() {
        for value in [
            "bytes=5-4",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=0-1,3-4",
            "items=0-1",
            "bytes=+1-2",
            "bytes=99999999999999999999-",
        ] {
            assert_eq!(of(value), Ok(None), "{value}");
        }
    }
}
