//! The one translator from what went wrong to an HTTP answer: status, one sentence, what to do.
//!
//! Nothing of the request and nothing of a patient goes into an answer; a 500 has a constant body, and what is behind
//! it is logged once, here or where it happened.

use std::sync::Arc;

use archive::ReadError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::{Invalid, Refusal};

use crate::json;
use crate::possession::challenge;

/// Seconds that a client should wait for the warden.
const RETRY_AFTER_SECONDS: u32 = 5;

/// Why a request is not answered as asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The warden says no, or is away.
    Refused(Refusal),
    /// No route of this path.
    NoRoute,
    /// The path has no such method.
    Method,
    /// `Accept` names nothing that is there; what is there instead.
    NotAcceptable(&'static str),
    /// The stored transfer syntax is not one of those asked for, and nothing is transcoded.
    TransferSyntax,
    /// The frame cannot be made into a picture.
    NotRenderable(&'static str),
    /// Nobody is there to make a picture.
    NoDecoder,
    /// Pictures of so many studies were asked for that decoders would be started without end.
    TooManyStudies {
        /// How long to wait.
        seconds: u32,
    },
    /// Studies are on their way to as many readers as at one time may be, or to this one.
    TooManyDownloads {
        /// How long to wait.
        seconds: u32,
    },
    /// The body's media type is not the expected one.
    MediaType(&'static str),
    /// The body is longer than allowed.
    TooLarge {
        /// The limit.
        bytes_max: u64,
    },
    /// The address is longer than allowed.
    AddressTooLong,
    /// The header is longer than allowed.
    HeaderTooLong,
    /// The body did not come to its end.
    BodyBroken,
    /// A part of the request is out of shape: what, and what is expected.
    Malformed(&'static str, &'static str),
    /// A query that nothing bounds.
    Unbounded,
    /// A request of another site, or a page that does not say where it is.
    CrossSite {
        /// Where our own pages are.
        own: Arc<str>,
    },
    /// `Range` lies outside.
    Range {
        /// The length of what is there.
        bytes: u64,
    },
    /// It took too long.
    TookTooLong,
    /// More work of this kind is under way than is taken on at one time.
    Busy,
    /// Stored bytes cannot be read or do not verify.
    Damaged,
    /// The binary was built without pages.
    PagesNotBuilt,
    /// Something failed inside; it has been logged.
    Internal,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Refused(refusal) => Self::Refused(refusal),
            ReadError::NoSuchPart => Self::Refused(Refusal::NotFound),
            // the release ended between two steps of one request; the next attempt asks anew
            ReadError::LeaseEnded | ReadError::Stopping => Self::Busy,
            ReadError::Damaged(_) => {
                tracing::error!(%error, "a stored object is damaged");
                Self::Damaged
            }
            other => {
                tracing::error!(error = %other, "a study could not be read");
                Self::Internal
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, error, hint) = self.words();
        let mut body = serde_json::json!({ "error": error, "hint": hint });
        // for the page, which asks the person and tries again
        match self {
            Self::Refused(Refusal::FreshNeeded) => body["fresh"] = "act".into(),
            Self::Refused(Refusal::TouchNeeded) => body["fresh"] = "still-here".into(),
            Self::Refused(Refusal::Invalid(Invalid::ShareLink)) => body["link"] = "ended".into(),
            Self::Refused(Refusal::Invalid(Invalid::LinkBrowsers)) => body["link"] = "browsers".into(),
            Self::Refused(Refusal::Invalid(Invalid::LinkCode { left })) => {
                body["link"] = "code".into();
                body["left"] = left.into();
            }
            Self::Refused(Refusal::Throttled { seconds }) => body["seconds"] = seconds.into(),
            _ => {}
        }
        let mut response = (status, json::of(&body)).into_response();
        let headers = response.headers_mut();
        match &self {
            Self::Refused(refusal @ (Refusal::ProofNonce | Refusal::Proof)) => headers.extend(challenge(refusal)),
            Self::Refused(Refusal::SignedOut | Refusal::SignInFailed) => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"leadglass\""));
            }
            Self::Refused(Refusal::Throttled { seconds })
            | Self::TooManyStudies { seconds }
            | Self::TooManyDownloads { seconds } => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            Self::Range { bytes } => {
                if let Ok(value) = HeaderValue::from_str(&format!("bytes */{bytes}")) {
                    headers.insert(header::CONTENT_RANGE, value);
                }
            }
            _ if status == StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
            }
            _ => {}
        }
        response
    }
}

impl Failure {
    fn words(&self) -> (StatusCode, String, String) {
        let (status, error, hint) = match self {
            Self::Refused(refusal) => return refused(refusal),
            Self::Malformed(what, expected) => {
                return (StatusCode::BAD_REQUEST, format!("{what} is out of shape"), format!("{expected} is expected"));
            }
            Self::NotAcceptable(offered) => {
                return (
                    StatusCode::NOT_ACCEPTABLE,
                    "this is not there in a form that the Accept header names".into(),
                    format!("ask for {offered}"),
                );
            }
            Self::MediaType(expected) => {
                return (
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "the body's media type is not taken here".into(),
                    format!("send {expected}"),
                );
            }
            Self::CrossSite { own } => {
                return (
                    StatusCode::FORBIDDEN,
                    "this request does not come from the pages of this archive".into(),
                    format!("open the archive at {own}; programs send a device's token instead of a cookie"),
                );
            }
            Self::TooLarge { bytes_max } => {
                return (
                    StatusCode::PAYLOAD_TOO_LARGE,
                    format!("the body is longer than the {bytes_max} bytes that are taken here"),
                    "send less in one request".into(),
                );
            }
            Self::NotRenderable(why) => (StatusCode::NOT_ACCEPTABLE, *why, "ask for the frame as it is stored instead"),
            Self::NoDecoder => (
                StatusCode::SERVICE_UNAVAILABLE,
                "no decoder can be started, so no picture can be made",
                "ask for the frame as it is stored, or try again in a few seconds; the administrator sees why in the log",
            ),
            Self::TooManyStudies { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "pictures of too many studies were asked for within a minute",
                "ask for frames as they are stored, or wait for as long as Retry-After says",
            ),
            Self::TooManyDownloads { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "a study is on its way to you already, or to as many others as at one time may be",
                "wait until it has come, or for as long as Retry-After says",
            ),
            Self::NoRoute => (StatusCode::NOT_FOUND, "there is nothing at this address", "see /api/openapi.json"),
            Self::Method => {
                (StatusCode::METHOD_NOT_ALLOWED, "this address does not take that method", "see /api/openapi.json")
            }
            Self::TransferSyntax => (
                StatusCode::NOT_ACCEPTABLE,
                "this is stored in another transfer syntax, and nothing is transcoded",
                "ask with transfer-syntax=* and take it as it is stored",
            ),
            Self::AddressTooLong => {
                (StatusCode::URI_TOO_LONG, "the address is too long", "ask with fewer or shorter parameters")
            }
            Self::HeaderTooLong => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "the request's header is too long",
                "send fewer or shorter header fields",
            ),
            Self::BodyBroken => (
                StatusCode::REQUEST_TIMEOUT,
                "the request's body broke off or did not come on",
                "send the request again",
            ),
            Self::Unbounded => (
                StatusCode::BAD_REQUEST,
                "a query for instances needs something that bounds it",
                "name a study in the path, or add StudyInstanceUID, PatientID, AccessionNumber or StudyDate",
            ),
            Self::Range { .. } => (
                StatusCode::RANGE_NOT_SATISFIABLE,
                "the range lies outside of what is there",
                "ask for a range inside the length that Content-Range names",
            ),
            Self::TookTooLong => {
                (StatusCode::SERVICE_UNAVAILABLE, "the answer took too long", "try again in a few seconds")
            }
            Self::Busy => {
                (StatusCode::SERVICE_UNAVAILABLE, "too much is under way already", "try again in a few seconds")
            }
            Self::Damaged => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "what is stored here does not verify, so it is not shown",
                "the administrator restores it from the vault",
            ),
            Self::PagesNotBuilt => {
                (StatusCode::SERVICE_UNAVAILABLE, "the pages are not built", "run cargo xtask web and build again")
            }
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "something failed inside",
                "try again; the administrator sees why in the log",
            ),
        };
        (status, error.to_owned(), hint.to_owned())
    }
}

fn refused(refusal: &Refusal) -> (StatusCode, String, String) {
    let status = match refusal {
        Refusal::SignedOut | Refusal::SignInFailed | Refusal::ProofNonce | Refusal::Proof => StatusCode::UNAUTHORIZED,
        Refusal::NotAllowed | Refusal::FreshNeeded | Refusal::TouchNeeded | Refusal::OverBudget => {
            StatusCode::FORBIDDEN
        }
        Refusal::NotFound => StatusCode::NOT_FOUND,
        // the study is there and may be reached; what it needs first is said
        Refusal::Cold => StatusCode::CONFLICT,
        Refusal::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
        Refusal::Invalid(Invalid::Unknown { .. }) => StatusCode::NOT_FOUND,
        Refusal::Invalid(_) => StatusCode::BAD_REQUEST,
        Refusal::Exists | Refusal::ProfessionalIdTaken => StatusCode::CONFLICT,
        Refusal::CannotRecord
        | Refusal::Behind { .. }
        | Refusal::SecondAway
        | Refusal::WardenAway
        | Refusal::Version { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    };
    // the warden's sentences say what happened, then what to do
    let sentence = refusal.to_string();
    match sentence.split_once("; ").or_else(|| sentence.split_once(": ")) {
        Some((error, hint)) => (status, error.to_owned(), hint.to_owned()),
        None => (status, sentence, "ask the administrator if this is unexpected".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_status() {
        let check = |refusal: Refusal, status: u16| assert_eq!(refused(&refusal).0.as_u16(), status, "{refusal:?}");
        check(Refusal::SignedOut, 401);
        check(Refusal::SignInFailed, 401);
        check(Refusal::ProofNonce, 401);
        check(Refusal::Proof, 401);
        check(Refusal::FreshNeeded, 403);
        check(Refusal::NotAllowed, 403);
        check(Refusal::NotFound, 404);
        check(Refusal::Cold, 409);
        check(Refusal::Throttled { seconds: 3 }, 429);
        check(Refusal::TouchNeeded, 403);
        check(Refusal::OverBudget, 403);
        check(Refusal::Invalid(Invalid::Code), 400);
        check(Refusal::Exists, 409);
        check(Refusal::ProfessionalIdTaken, 409);
        check(Refusal::CannotRecord, 503);
        check(Refusal::Behind { ours: 1, theirs: 2 }, 503);
        check(Refusal::SecondAway, 503);
        check(Refusal::WardenAway, 503);
        check(Refusal::Version { theirs: 2 }, 503);
        check(Refusal::Internal, 500);
    }

    #[test]
    fn a_waiting_client_is_told_how_long() {
        let seconds = |failure: Failure| {
            failure
                .into_response()
                .headers()
                .get(header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.parse().ok())
        };
        assert_eq!(seconds(Failure::Refused(Refusal::WardenAway)), Some(RETRY_AFTER_SECONDS));
        assert_eq!(seconds(Failure::Refused(Refusal::Throttled { seconds: 77 })), Some(77));
        assert_eq!(seconds(Failure::TooManyStudies { seconds: 2 }), Some(2));
        assert_eq!(seconds(Failure::Refused(Refusal::NotFound)), None::<u32>);
    }
}
