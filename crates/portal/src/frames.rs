//! Frames and bulk data (PS3.18 sections 10.4.1.1.6 and 10.4.1.1.5): ranges of a sealed object.

use std::sync::Arc;

use archive::{Frame, Instance, OpenStudy, Stored};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use model::Uid;
use protocol::Scope;

use crate::accept::{self, MediaRange};
use crate::address::Path;
use crate::app::Serving;
use crate::attributes::instance_place;
use crate::credential::Caller;
use crate::errors::Failure;
use crate::range::{self, Span};
use crate::wado::{InstancePath, Part, logged, multipart_response, typed};

/// The most frames of one request.
pub const FRAMES_MAX: usize = 10_000;
/// Frames that are read before they are needed, the one that is being sent included.
const READ_AHEAD: usize = 2;

const OCTETS: &str = "application/octet-stream";

/// `GET .../instances/{instance}/frames/{frames}`: numbers from 1, separated by commas.
pub(crate) async fn frames(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    headers: HeaderMap,
    Path((study, series, instance, numbers)): Path<(String, String, String, String)>,
) -> Result<Response, Failure> {
    let place = InstancePath::parse((study, series, instance))?;
    let numbers = frame_numbers(&numbers)?;
    let (open, instance) = place.open(&serving, &caller, Scope::Images).await?;
    let form = Form::choose(&headers, &instance.row.transfer_syntax, numbers.len())?;
    // read before the status is sent, so that a frame that is not there is a 404 and not a broken answer
    let first = open.frame(&instance, numbers[0]).await?;
    if !form.multipart {
        let content_type = typed(form.media_type, &form.transfer_syntax)?;
        return Ok(([(header::CONTENT_TYPE, content_type)], first.bytes).into_response());
    }
    if numbers.iter().any(|&number| number > instance.row.frames.max(1)) {
        return Err(Failure::Refused(protocol::Refusal::NotFound));
    }
    Ok(several(&serving, open, instance, numbers, first, form))
}

fn several(
    serving: &Serving,
    open: Arc<OpenStudy>,
    instance: Arc<Instance>,
    numbers: Vec<u32>,
    first: Frame,
    form: Form,
) -> Response {
    let at = instance_place(&serving.dicom_web, open.uid(), &instance.row.series, &instance.row.sop_instance);
    let content_type: Arc<str> = format!("{}; transfer-syntax={}", form.media_type, form.transfer_syntax).into();
    let mut first = Some(first);
    let parts = stream::iter(numbers)
        .map(move |number| {
            let (open, instance, first) = (Arc::clone(&open), Arc::clone(&instance), first.take());
            let (content_type, location) = (content_type.to_string(), format!("{at}/frames/{number}"));
            async move {
                let frame = match first {
                    Some(frame) => frame,
                    None => open.frame(&instance, number).await?,
                };
                let length = Some(frame.bytes.len() as u64);
                Ok(Part { content_type, location, length, content: stream::iter([Ok(frame.bytes)]).boxed() })
            }
        })
        .buffered(READ_AHEAD);
    multipart_response(form.media_type, parts)
}

pub(crate) fn frame_numbers(text: &str) -> Result<Vec<u32>, Failure> {
    const EXPECTED: Failure =
        Failure::Malformed("the list of frames", "1 to 10000 numbers from 1, separated by commas");
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u32>().ok()).flatten().filter(|&number| number > 0)
    };
    let numbers: Option<Vec<u32>> = text.split(',').take(FRAMES_MAX + 1).map(number).collect();
    numbers.filter(|numbers| numbers.len() <= FRAMES_MAX).ok_or(EXPECTED)
}

/// How frames are sent.
#[derive(Debug, PartialEq, Eq)]
struct Form {
    multipart: bool,
    media_type: &'static str,
    transfer_syntax: Uid,
}

impl Form {
    /// PS3.18 section 8.7.3.3.2: uncompressed frames are octets, compressed ones have the media type of their codec.
    /// Compressed ones are sent as octets too where the client names octets and takes the stored transfer syntax,
    /// which is what viewers ask for.
    fn choose(headers: &HeaderMap, stored: &Uid, count: usize) -> Result<Self, Failure> {
        let (media_type, transfer_syntax) = media_type(stored);
        let mut other_syntax = false;
        for range in accept::ranges(headers) {
            let named = |media_type| (range.multipart(media_type), count == 1 && range.single(media_type));
            let form = |multipart, media_type| {
                let transfer_syntax = Uid::parse(transfer_syntax).map_err(|_| Failure::Internal)?;
                Ok(Self { multipart, media_type, transfer_syntax })
            };
            let takes = range.takes(transfer_syntax);
            match named(media_type) {
                (false, false) => {}
                (multipart, _) if takes => return form(multipart, media_type),
                _ => other_syntax = true,
            }
            match named(OCTETS) {
                (false, false) => {}
                (multipart, _) if takes && names_a_syntax(&range) => return form(multipart, OCTETS),
                _ => other_syntax = true,
            }
        }
        Err(if other_syntax {
            Failure::TransferSyntax
        } else {
            Failure::NotAcceptable("multipart/related; type=\"application/octet-stream\"; transfer-syntax=*")
        })
    }
}

fn names_a_syntax(range: &MediaRange) -> bool {
    range.transfer_syntax.is_some()
}

/// Media type and transfer syntax of a frame out of what is stored (PS3.18 Table 8.7.3-5).
fn media_type(stored: &Uid) -> (&'static str, &str) {
    const EXPLICIT_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2.1";
    let uid = stored.as_str();
    let media_type = match uid.strip_prefix("1.2.840.10008.1.2.").unwrap_or_default() {
        "4.50" | "4.51" | "4.57" | "4.70" => "image/jpeg",
        "4.80" | "4.81" => "image/jls",
        "4.90" | "4.91" => "image/jp2",
        "4.92" | "4.93" => "image/jpx",
        "4.201" | "4.202" | "4.203" => "image/jphc",
        "4.110" | "4.111" | "4.112" => "image/jxl",
        "4.100" | "4.100.1" | "4.101" | "4.101.1" => "video/mpeg2",
        "4.102" | "4.102.1" | "4.103" | "4.103.1" | "4.104" | "4.104.1" | "4.105" | "4.105.1" | "4.106" | "4.106.1" => {
            "video/mp4"
        }
        "4.107" | "4.108" => "video/H265",
        "5" => "image/dicom-rle",
        // a frame of these is the same bytes: little endian, without element headers
        _ if matches!(uid, "1.2.840.10008.1.2" | "1.2.840.10008.1.2.1.99" | "1.2.840.10008.1.2.1.98") => {
            return (OCTETS, EXPLICIT_LITTLE_ENDIAN);
        }
        _ => OCTETS,
    };
    (media_type, uid)
}

/// `GET .../instances/{instance}/bulkdata/{offset}-{length}`: what a BulkDataURI of the metadata names.
pub(crate) async fn bulk_data(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    headers: HeaderMap,
    Path((study, series, instance, span)): Path<(String, String, String, String)>,
) -> Result<Response, Failure> {
    let place = InstancePath::parse((study, series, instance))?;
    let Span { offset, length } = bulk_span(&span)?;
    let (open, instance) = place.open(&serving, &caller, Scope::Images).await?;
    match bulk_form(&headers)? {
        BulkForm::Single => {
            let part = range::asked(&headers, length)?;
            let sent = part.unwrap_or(Span { offset: 0, length });
            let from = offset.checked_add(sent.offset).ok_or(Failure::Range { bytes: length })?;
            let Stored { stream, .. } = open.bulk(&instance, from, sent.length).await?;
            let mut response = Body::from_stream(logged(stream)).into_response();
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(OCTETS));
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(sent.length));
            headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
            if part.is_some() {
                let range = format!("bytes {}-{}/{length}", sent.offset, sent.offset + sent.length - 1);
                headers.insert(header::CONTENT_RANGE, HeaderValue::from_str(&range).map_err(|_| Failure::Internal)?);
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            }
            Ok(response)
        }
        BulkForm::Multipart => {
            let Stored { stream, .. } = open.bulk(&instance, offset, length).await?;
            let at = instance_place(&serving.dicom_web, open.uid(), &instance.row.series, &instance.row.sop_instance);
            let location = format!("{at}/bulkdata/{offset}-{length}");
            let part = Part { content_type: OCTETS.to_owned(), location, length: Some(length), content: stream };
            Ok(multipart_response(OCTETS, stream::iter([Ok(part)])))
        }
    }
}

enum BulkForm {
    Single,
    Multipart,
}

/// A bulk value is the whole body unless `multipart/related` is named.
fn bulk_form(headers: &HeaderMap) -> Result<BulkForm, Failure> {
    for range in accept::ranges(headers) {
        if range.single(OCTETS) {
            return Ok(BulkForm::Single);
        }
        if range.multipart(OCTETS) {
            return Ok(BulkForm::Multipart);
        }
    }
    Err(Failure::NotAcceptable(OCTETS))
}

fn bulk_span(text: &str) -> Result<Span, Failure> {
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u64>().ok()).flatten()
    };
    text.split_once('-')
        .and_then(|(offset, length)| Some(Span { offset: number(offset)?, length: number(length)? }))
        .filter(|span| span.offset.checked_add(span.length).is_some())
        .ok_or(Failure::Malformed("the place of the bulk data", "OFFSET-LENGTH as the metadata has it"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[track_caller]
    fn check(accept: &str, stored: &str, count: usize, expected: Option<(bool, &str, &str)>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        let chosen = Form::choose(&headers, &Uid::parse(stored).unwrap(), count).ok();
        let chosen = chosen.as_ref().map(|form| (form.multipart, form.media_type, form.transfer_syntax.as_str()));
        assert_eq!(chosen, expected, "{accept} of {stored}");
    }

    const IMPLICIT: &str = "1.2.840.10008.1.2";
    const NATIVE: &str = "1.2.840.10008.1.2.1";
    const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";
    const LOSSLESS: &str = "1.2.840.10008.1.2.4.70";

    #[test]
    fn frames_are_sent_in_the_form_that_is_asked_for() {
        check("*/*", NATIVE, 1, Some((true, OCTETS, NATIVE)));
        check("*/*", LOSSLESS, 1, Some((true, "image/jpeg", LOSSLESS)));
        check("multipart/related", LOSSLESS, 3, Some((true, "image/jpeg", LOSSLESS)));
        check(
            "multipart/related; type=application/octet-stream; transfer-syntax=*",
            NATIVE,
            2,
            Some((true, OCTETS, NATIVE)),
        );
        check(
            "multipart/related; type=application/octet-stream; transfer-syntax=*",
            LOSSLESS,
            2,
            Some((true, OCTETS, LOSSLESS)),
        );
        check(
            "multipart/related; type=\"image/jpeg\"; transfer-syntax=1.2.840.10008.1.2.4.70",
            LOSSLESS,
            1,
            Some((true, "image/jpeg", LOSSLESS)),
        );
        check("application/octet-stream", NATIVE, 1, Some((false, OCTETS, NATIVE)));
        check("image/jpeg", LOSSLESS, 1, Some((false, "image/jpeg", LOSSLESS)));
        check("application/octet-stream; transfer-syntax=*", LOSSLESS, 1, Some((false, OCTETS, LOSSLESS)));
        check("image/jls, image/jpeg;q=0.1", LOSSLESS, 1, Some((false, "image/jpeg", LOSSLESS)));
        check(
            "multipart/related; type=application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1",
            IMPLICIT,
            1,
            Some((true, OCTETS, NATIVE)),
        );
        check("*/*", BIG_ENDIAN, 1, Some((true, OCTETS, BIG_ENDIAN)));
    }

    #[test]
    fn nothing_is_transcoded() {
        check("application/octet-stream", LOSSLESS, 1, None);
        check("multipart/related; type=application/octet-stream", LOSSLESS, 1, None);
        check(
            "multipart/related; type=application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1",
            LOSSLESS,
            1,
            None,
        );
        check(
            "multipart/related; type=application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1",
            BIG_ENDIAN,
            1,
            None,
        );
        check("multipart/related; type=image/jp2", LOSSLESS, 1, None);
        check("image/jpeg", NATIVE, 1, None);
        check("text/html", NATIVE, 1, None);
        check("application/octet-stream", NATIVE, 2, None);
    }

    #[test]
    fn lists_of_frames_are_read() {
        assert_eq!(frame_numbers("1").unwrap(), [1]);
        assert_eq!(frame_numbers("3,1,2").unwrap(), [3, 1, 2]);
        let long = "1,".repeat(FRAMES_MAX) + "1";
        for text in ["", "0", "1,", ",1", "-1", "1-3", "1,x", "99999999999", "+1", "1 ", &long] {
            assert!(frame_numbers(text).is_err(), "{text:.20}");
        }
    }

    #[test]
    fn places_of_bulk_data_are_read() {
        assert_eq!(bulk_span("128-1024").unwrap(), Span { offset: 128, length: 1024 });
        for text in
            ["", "-", "1", "1-", "-1", "a-b", "1-2-3", "18446744073709551615-1", "1-99999999999999999999", "..-1"]
        {
            assert!(bulk_span(text).is_err(), "{text}");
        }
    }
}
