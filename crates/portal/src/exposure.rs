//! What somebody could reach and did reach: `/api/exposure`.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use model::{Instant, Window};
use protocol::{PageReply, PageRequest};

use crate::app::{Serving, unexpected};
use crate::credential::Caller;
use crate::errors::Failure;
use crate::{json, query};

/// `GET /api/exposure?who=person:EMAIL&from=MICROSECONDS&to=MICROSECONDS`
pub(crate) async fn report(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Failure> {
    let (mut who, mut from, mut to) = (None, None, None);
    for (name, value) in query::parameters(raw.as_deref())? {
        match name.as_str() {
            "who" => who = Some(value),
            "from" => from = Some(Instant(query::number("from", &value)?)),
            "to" => to = Some(Instant(query::number("to", &value)?)),
            _ => {}
        }
    }
    let (Some(who), Some(from), Some(to)) = (who, from, to) else {
        return Err(Failure::Malformed("the query", "who, from and to in microseconds since 1970"));
    };
    match serving.warden.ask(&caller, PageRequest::Exposure { who, window: Window { from, to } }).await? {
        PageReply::Exposure(report) => Ok(json::of(&report)),
        _ => Err(unexpected()),
    }
}
