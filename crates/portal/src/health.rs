//! Whether front and warden answer: `/api/health`. Open to everybody, and says nothing else.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use crate::app::Serving;
use crate::json;

/// `GET /api/health`
pub(crate) async fn health(State(serving): State<Serving>) -> Response {
    let warden = if serving.warden.is_there().await { "ok" } else { "away" };
    json::of(&json!({ "front": "ok", "warden": warden }))
}
