//! The HTTP contract for machines: `/api/openapi.json`. Written by hand; a test holds it against the table of routes.

use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use bytes::Bytes;

use crate::json;

/// OpenAPI 3.1.
pub const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /api/openapi.json`
pub(crate) async fn document(headers: HeaderMap) -> Response {
    let body = Bytes::from_static(DOCUMENT.as_bytes());
    json::compressible(&headers, HeaderValue::from_static("application/json"), body).await
}
