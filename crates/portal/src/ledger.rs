//! The ledger, for the officer: `/api/ledger/...`.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use model::EntryNumber;
use protocol::{PageReply, PageRequest};
use serde_json::{Value, json};

use crate::app::{Serving, unexpected};
use crate::credential::Caller;
use crate::errors::Failure;
use crate::{json, query};

/// The most entries of one page.
pub const ENTRIES_MAX: u32 = 500;
/// Entries of one page when the request does not say.
const ENTRIES_DEFAULT: u32 = 100;

/// `GET /api/ledger/entries?from=N&limit=N`
pub(crate) async fn entries(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Failure> {
    let (mut from, mut limit) = (0, ENTRIES_DEFAULT);
    for (name, value) in query::parameters(raw.as_deref())? {
        match name.as_str() {
            "from" => from = query::number("from", &value)?,
            "limit" => limit = query::number::<u32>("limit", &value)?.min(ENTRIES_MAX),
            _ => {}
        }
    }
    let request = PageRequest::Entries { from: EntryNumber(from), limit };
    let PageReply::Entries { entries, size } = serving.warden.ask(&caller, request).await? else {
        return Err(unexpected());
    };
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        let mut body: Value = serde_json::from_str(&entry.entry).map_err(|_| Failure::Internal)?;
        json::identifiers(&mut body);
        rows.push(json!({ "number": entry.number, "entry": body, "actor_name": entry.actor_name }));
    }
    Ok(json::of(&json!({ "entries": rows, "size": size })))
}

/// `GET /api/ledger/checkpoint`: a signed note.
pub(crate) async fn checkpoint(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    match serving.warden.ask(&caller, PageRequest::Checkpoint).await? {
        PageReply::Checkpoint(note) => {
            Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))], note).into_response())
        }
        _ => Err(unexpected()),
    }
}
