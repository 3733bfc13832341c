//! What stands in a path.

use axum::extract::{FromRequestParts, Path as Segments};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::errors::Failure;

/// The named segments of a path. What does not fit is answered as every other refusal, which axum's own extractor does not.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        match Segments::from_request_parts(parts, state).await {
            Ok(Segments(read)) => Ok(Self(read)),
            Err(_) => {
                Err(Failure::Malformed("the address", "UTF-8, and a whole number where /api/openapi.json has one"))
            }
        }
    }
}
