//! Cold studies: what waits for holders, and what those who decide say to it: `/api/cold...`; the state of one study.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::EntryNumber;
use protocol::{ColdAsk, ColdReply, Credential, PageReply, PageRequest};
use serde::Deserialize;

use crate::address::Path;
use crate::app::{Serving, unexpected};
use crate::credential::Caller;
use crate::errors::Failure;
use crate::json;
use crate::qido::study_uid;

#[derive(Deserialize)]
struct Shown {
    digest: String,
}

#[derive(Deserialize)]
struct Refused {
    digest: String,
    reason: String,
}

#[derive(Deserialize)]
struct AskForCold {
    reason: String,
    /// RFC 3339 is what people write; this is microseconds since 1970, as everywhere in this API.
    until: model::Instant,
    #[serde(default)]
    emergency: bool,
}

/// `GET /api/cold`: counts, requests, warm-ups; nothing of it names a patient.
pub(crate) async fn overview(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    match ask(&serving, &caller, ColdAsk::Overview).await? {
        ColdReply::Overview(overview) => Ok(json::of(&overview)),
        _ => Err(unexpected()),
    }
}

/// `GET /api/cold/{request}`: with the patient's name, which is recorded.
pub(crate) async fn named(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(request): Path<u64>,
) -> Result<Response, Failure> {
    match ask(&serving, &caller, ColdAsk::Named { request: EntryNumber(request) }).await? {
        ColdReply::Named(named) => Ok(json::of(&named)),
        _ => Err(unexpected()),
    }
}

/// `POST /api/cold/{request}/approve`: the digest is that of the request as it was shown. It opens nothing: holders do.
pub(crate) async fn approve(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(number): Path<u64>,
    request: Request,
) -> Result<StatusCode, Failure> {
    let Shown { digest } = json::read(request).await?;
    done(ask(&serving, &caller, ColdAsk::Endorse { request: EntryNumber(number), digest }).await?)
}

/// `POST /api/cold/{request}/refuse`
pub(crate) async fn refuse(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(number): Path<u64>,
    request: Request,
) -> Result<StatusCode, Failure> {
    let Refused { digest, reason } = json::read(request).await?;
    done(ask(&serving, &caller, ColdAsk::Refuse { request: EntryNumber(number), digest, reason }).await?)
}

/// `GET /api/studies/{study}/cold`: where it stands, for whoever could open it if it were not cold.
pub(crate) async fn of_study(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(study): Path<String>,
) -> Result<Response, Failure> {
    match ask(&serving, &caller, ColdAsk::OfStudy { study: study_uid(&study)? }).await? {
        ColdReply::OfStudy(state) => Ok(json::of(&state)),
        _ => Err(unexpected()),
    }
}

/// `POST /api/studies/{study}/cold`: asks the holders for a cold study. Only who could open it if it were not cold is heard.
pub(crate) async fn ask_for(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(study): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let AskForCold { reason, until, emergency } = json::read(request).await?;
    let asked = protocol::AskForCold { whom: format!("study:{}", study_uid(&study)?), reason, until, emergency };
    match ask(&serving, &caller, ColdAsk::Ask(asked)).await? {
        ColdReply::Asked { request, studies } => {
            Ok(json::of(&serde_json::json!({ "request": request, "studies": studies })))
        }
        _ => Err(unexpected()),
    }
}

async fn ask(serving: &Serving, caller: &Credential, asked: ColdAsk) -> Result<ColdReply, Failure> {
    match serving.warden.ask(caller, PageRequest::Cold(asked)).await? {
        PageReply::Cold(reply) => Ok(reply),
        _ => Err(unexpected()),
    }
}

fn done(reply: ColdReply) -> Result<StatusCode, Failure> {
    match reply {
        ColdReply::Done => Ok(StatusCode::NO_CONTENT),
        _ => Err(unexpected()),
    }
}
