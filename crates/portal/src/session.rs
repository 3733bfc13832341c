//! Who is signed in, and where else: `/api/session`, `/api/sessions`; and that they are there now: `/api/fresh`.

use axum::extract::{RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use dpop::Thumbprint;
use model::{DeviceId, PersonId, SessionId};
use protocol::{PageReply, PageRequest};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::address::Path;
use crate::app::{Serving, unexpected};
use crate::credential::Caller;
use crate::errors::Failure;
use crate::{json, query};

/// `GET /api/session`
pub(crate) async fn me(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    match serving.warden.ask(&caller, PageRequest::Me).await? {
        PageReply::Me(me) => json::with_identifiers(&me),
        _ => Err(unexpected()),
    }
}

#[derive(Deserialize)]
struct Act {
    act: Thumbprint,
}

/// `POST /api/fresh`: a challenge for an act that wants a fresh touch.
pub(crate) async fn fresh(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let Act { act } = json::read(request).await?;
    match serving.warden.ask(&caller, PageRequest::FreshBegin { act }).await? {
        PageReply::FreshChallenge { ceremony, options, nonce, password } => {
            let options: Option<Value> =
                options.map(|options| serde_json::from_str(&options)).transpose().map_err(|_| Failure::Internal)?;
            Ok(json::of(&json!({ "ceremony": ceremony, "options": options, "nonce": nonce, "password": password })))
        }
        _ => Err(unexpected()),
    }
}

/// `POST /api/fresh/still-here`: what a budget asks for before somebody reads on.
pub(crate) async fn still_here(State(serving): State<Serving>, Caller(caller): Caller) -> Result<StatusCode, Failure> {
    match serving.warden.ask(&caller, PageRequest::StillHere).await? {
        PageReply::Done => Ok(StatusCode::NO_CONTENT),
        _ => Err(unexpected()),
    }
}

/// `GET /api/sessions[?person=N]`
pub(crate) async fn list(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Failure> {
    let mut person = None;
    for (name, value) in query::parameters(raw.as_deref())? {
        if name == "person" {
            person = Some(PersonId(query::number("person", &value)?));
        }
    }
    match serving.warden.ask(&caller, PageRequest::Sessions { person }).await? {
        PageReply::Sessions(sessions) => json::with_identifiers(&sessions),
        _ => Err(unexpected()),
    }
}

/// `GET /api/sessions/all`: sessions of people and tokens of devices.
pub(crate) async fn all(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    match serving.warden.ask(&caller, PageRequest::SignedIn).await? {
        PageReply::SignedIn(rows) => json::with_identifiers(&*rows),
        _ => Err(unexpected()),
    }
}

/// `DELETE /api/device-tokens/{device}`
pub(crate) async fn end_token(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(device): Path<String>,
) -> Result<StatusCode, Failure> {
    let device = DeviceId(query::number("the device's number", &device)?);
    match serving.warden.ask(&caller, PageRequest::EndDeviceToken { device }).await? {
        PageReply::Done => Ok(StatusCode::NO_CONTENT),
        _ => Err(unexpected()),
    }
}

/// `DELETE /api/sessions/{session}`
pub(crate) async fn end(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(session): Path<String>,
) -> Result<StatusCode, Failure> {
    let session: SessionId = session.parse().map_err(|_| Failure::Malformed("the session", "32 hexadecimal digits"))?;
    match serving.warden.ask(&caller, PageRequest::EndSession { session }).await? {
        PageReply::Done => Ok(StatusCode::NO_CONTENT),
        _ => Err(unexpected()),
    }
}
