//! What senders of orders told, and messages kept for repair, for officer and administrator: `/api/orders`.
//!
//! Patients are numbers here, and no message's content passes: reading one, and deciding on one again, is the owner's on the command
//! line, since what a message is read as must not be a front's word alone.

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::EntryNumber;
use protocol::{OrdersReply, OrdersRequest, PageReply, PageRequest};

use crate::app::{Serving, unexpected};
use crate::credential::Caller;
use crate::errors::Failure;
use crate::{json, query};

/// `GET /api/orders?unmatched=true`: the rule, the newest orders, what senders told today, merges.
pub(crate) async fn state(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Failure> {
    let parameters = query::parameters(raw.as_deref())?;
    let unmatched = parameters.into_iter().find(|(name, _)| name == "unmatched").map(|(_, value)| value);
    let unmatched = match unmatched.as_deref() {
        None | Some("" | "false") => false,
        Some("true") => true,
        Some(_) => return Err(Failure::Malformed("the query", "unmatched: true or false")),
    };
    match serving.warden.ask(&caller, PageRequest::Orders(OrdersRequest::State { unmatched })).await? {
        PageReply::Orders(OrdersReply::State(state)) => Ok(json::of(&state)),
        _ => Err(unexpected()),
    }
}

/// `GET /api/orders/kept`: messages that wait for repair, without their content.
pub(crate) async fn kept(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    match serving.warden.ask(&caller, PageRequest::Orders(OrdersRequest::Kept)).await? {
        PageReply::Orders(OrdersReply::Kept(rows)) => Ok(json::of(&rows)),
        _ => Err(unexpected()),
    }
}

/// `DELETE /api/orders/kept/{kept}`: throws one away.
pub(crate) async fn drop_kept(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(kept): Path<String>,
) -> Result<StatusCode, Failure> {
    let kept = query::number("the message's number", &kept)?;
    done(serving.warden.ask(&caller, PageRequest::Orders(OrdersRequest::Drop { kept })).await?)
}

/// `POST /api/orders/merges/{merge}/undo`: takes a merge of two records back.
pub(crate) async fn undo_merge(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(merge): Path<String>,
) -> Result<StatusCode, Failure> {
    let merge = EntryNumber(query::number("the merge's number", &merge)?);
    done(serving.warden.ask(&caller, PageRequest::Orders(OrdersRequest::Unmerge { merge })).await?)
}

fn done(reply: PageReply) -> Result<StatusCode, Failure> {
    match reply {
        PageReply::Orders(OrdersReply::Done) => Ok(StatusCode::NO_CONTENT),
        _ => Err(unexpected()),
    }
}
