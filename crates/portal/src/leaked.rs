//! Lists of leaked passwords, and what dumps had of ours, for the officer: `/api/leaks`.

use axum::extract::State;
use axum::response::Response;
use protocol::{LeakReply, LeakRequest, PageReply, PageRequest};

use crate::app::{Serving, unexpected};
use crate::credential::Caller;
use crate::errors::Failure;
use crate::json;

/// `GET /api/leaks`
pub(crate) async fn state(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    let PageReply::Leaks(reply) = serving.warden.ask(&caller, PageRequest::Leaks(LeakRequest::State)).await? else {
        return Err(unexpected());
    };
    match *reply {
        LeakReply::State(state) => Ok(json::of(&state)),
        LeakReply::Logins(_) | LeakReply::Checked(_) | LeakReply::Tokens(_) => Err(unexpected()),
    }
}
