//! A patient's own images and who looked at them: `/api/my/...`.

use axum::extract::State;
use axum::response::Response;
use protocol::{PageReply, PageRequest};

use crate::app::{Serving, unexpected};
use crate::credential::Caller;
use crate::errors::Failure;
use crate::json;

/// `GET /api/my/studies`
pub(crate) async fn studies(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    match serving.warden.ask(&caller, PageRequest::MyStudies).await? {
        PageReply::MyStudies(studies) => Ok(json::of(&studies)),
        _ => Err(unexpected()),
    }
}

/// `GET /api/my/accesses`
pub(crate) async fn accesses(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    match serving.warden.ask(&caller, PageRequest::MyAccesses).await? {
        PageReply::MyAccesses(accesses) => Ok(json::of(&*accesses)),
        _ => Err(unexpected()),
    }
}
