//! JSON in and out: limits and media types on the way in, hexadecimal identifiers and compression on the way out.

use std::io::Write;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::accept;
use crate::body::read_whole;
use crate::errors::Failure;

/// The longest JSON body, in bytes.
pub const JSON_BYTES_MAX: usize = 64 * 1024;

/// The longest body that carries a staff list, in bytes: the list with what JSON adds to it.
const CENSUS_BYTES_MAX: usize = protocol::STAFF_LIST_BYTES_MAX / 2 * 3;

/// Shorter answers are sent as they are: compressing them saves less than a packet.
const GZIP_BYTES_MIN: usize = 1400;

/// Longer answers are compressed on a thread that may block.
const GZIP_HERE_BYTES_MAX: usize = 64 * 1024;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer of `application/json`.
pub(crate) fn of<T: Serialize + ?Sized>(value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => ([(header::CONTENT_TYPE, JSON)], body).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as JSON");
            axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The same, with identifiers as 32 hexadecimal digits (the messages to the warden carry them as bytes).
pub(crate) fn with_identifiers<T: Serialize>(value: &T) -> Result<Response, Failure> {
    let mut value = serde_json::to_value(value).map_err(|_| Failure::Internal)?;
    identifiers(&mut value);
    Ok(of(&value))
}

/// Writes every 16-byte identifier inside `value` as hexadecimal digits.
pub fn identifiers(value: &mut Value) {
    const NAMES: [&str; 6] = ["session", "site", "object", "key", "disk", "instead_of"];
    match value {
        Value::Array(items) => items.iter_mut().for_each(identifiers),
        Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| match (hexadecimal(value), value) {
            (Some(digits), value) if NAMES.contains(&name.as_str()) => *value = Value::String(digits),
            (None, Value::Array(items)) if name == "keys" => {
                for item in items {
                    if let Some(digits) = hexadecimal(item) {
                        *item = Value::String(digits);
                    }
                }
            }
            (_, value) => identifiers(value),
        }),
        _ => {}
    }
}

fn hexadecimal(value: &Value) -> Option<String> {
    let items = value.as_array().filter(|items| items.len() == 16)?;
    let byte = |item: &Value| item.as_u64().and_then(|number| u8::try_from(number).ok());
    items.iter().map(|item| byte(item).map(|byte| format!("{byte:02x}"))).collect()
}

/// The longest JSON body at an address, in bytes.
pub(crate) fn bytes_max(path: &str) -> usize {
    if path == "/api/people/census" { CENSUS_BYTES_MAX } else { JSON_BYTES_MAX }
}

/// Reads a JSON body.
pub(crate) async fn read<T: DeserializeOwned>(request: Request) -> Result<T, Failure> {
    read_up_to(request, JSON_BYTES_MAX).await
}

/// Reads a JSON body of at most so many bytes.
pub(crate) async fn read_up_to<T: DeserializeOwned>(request: Request, bytes_max: usize) -> Result<T, Failure> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Err(Failure::MediaType("application/json"));
    }
    let body = read_whole(request.into_body(), bytes_max).await?;
    // serde's own message would name what was sent, a password for instance
    serde_json::from_slice(&body)
        .map_err(|_| Failure::Malformed("the body", "JSON with the fields of /api/openapi.json"))
}

/// An answer of `content_type`, compressed where the client takes it and it pays.
pub(crate) async fn compressible(request: &HeaderMap, content_type: HeaderValue, body: Bytes) -> Response {
    let mut response = if body.len() >= GZIP_BYTES_MIN && accept::gzip(request) {
        let small = if body.len() > GZIP_HERE_BYTES_MAX {
            tokio::task::spawn_blocking(move || gzip(&body)).await.unwrap_or_default()
        } else {
            gzip(&body)
        };
        ([(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))], Body::from(small)).into_response()
    } else {
        Body::from(body).into_response()
    };
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
    response
}

/// Level 1: on DICOM JSON it is within a tenth of level 6 and four times as fast.
pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::with_capacity(body.len() / 8), flate2::Compression::fast());
    encoder.write_all(body).expect("writing to memory does not fail");
    encoder.finish().expect("writing to memory does not fail")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_written_as_digits_wherever_they_stand() {
        let bytes: Vec<u8> = (0..16).collect();
        let mut value = serde_json::json!({"actor": {"person": {"session": bytes}}, "list": [{"site": bytes}], "other": bytes, "keys": [bytes]});
        identifiers(&mut value);
        let digits = "000102030405060708090a0b0c0d0e0f";
        assert_eq!(value["actor"]["person"]["session"], digits);
        assert_eq!(value["list"][0]["site"], digits);
        assert_eq!(value["keys"][0], digits);
        assert!(value["other"].is_array(), "only fields that are known to be identifiers");
    }

    #[test]
    fn what_is_not_sixteen_bytes_stays() {
        for odd in [serde_json::json!([1, 2]), serde_json::json!(vec![256; 16]), serde_json::json!("x")] {
            let mut value = serde_json::json!({ "session": odd });
            identifiers(&mut value);
            assert_eq!(value["session"], odd);
        }
    }
}
