//! Reaching a patient in an emergency, and what officers see of it: `/api/break-glass...`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::{EmergencyReason, EntryNumber, Verdict};
use protocol::{BreakGlassRequest, Emergency, PageReply, PageRequest};
use serde::Deserialize;

use crate::address::Path;
use crate::app::{Serving, unexpected};
use crate::credential::Caller;
use crate::errors::Failure;
use crate::json;

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    patient_id: String,
    #[serde(default)]
    birth_date: String,
    #[serde(default)]
    accession_number: String,
    #[serde(default)]
    issuer: Option<String>,
    reason: EmergencyReason,
    text: String,
    seconds: i64,
}

#[derive(Deserialize)]
struct Found {
    verdict: Verdict,
    note: String,
}

/// `GET /api/break-glass/terms`
pub(crate) async fn terms(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    match serving.warden.ask(&caller, PageRequest::BreakGlass(BreakGlassRequest::Terms)).await? {
        PageReply::BreakGlassTerms(terms) => Ok(json::of(&terms)),
        _ => Err(unexpected()),
    }
}

/// `POST /api/break-glass`: one patient, named exactly; nothing of a patient is answered.
pub(crate) async fn use_it(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let Asked { patient_id, birth_date, accession_number, issuer, reason, text, seconds } = json::read(request).await?;
    let emergency = Emergency { patient_id, birth_date, accession_number, issuer, reason, text, seconds };
    let request = PageRequest::BreakGlass(BreakGlassRequest::Use(emergency));
    match serving.warden.ask(&caller, request).await? {
        PageReply::BrokenGlass(broken) => Ok(json::of(&broken)),
        _ => Err(unexpected()),
    }
}

/// `GET /api/break-glass`: every use and the rate.
pub(crate) async fn uses(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    match serving.warden.ask(&caller, PageRequest::BreakGlass(BreakGlassRequest::Uses)).await? {
        PageReply::BreakGlassUses(uses) => Ok(json::of(&uses)),
        _ => Err(unexpected()),
    }
}

/// `GET /api/break-glass/{used}`: with the patient's name, which is recorded.
pub(crate) async fn one(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(used): Path<u64>,
) -> Result<Response, Failure> {
    let request = BreakGlassRequest::One { used: EntryNumber(used) };
    match serving.warden.ask(&caller, PageRequest::BreakGlass(request)).await? {
        PageReply::BreakGlassUse(detail) => Ok(json::of(&detail)),
        _ => Err(unexpected()),
    }
}

/// `POST /api/break-glass/{used}/review`
pub(crate) async fn review(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(used): Path<u64>,
    request: Request,
) -> Result<StatusCode, Failure> {
    let Found { verdict, note } = json::read(request).await?;
    let request = BreakGlassRequest::Review { used: EntryNumber(used), verdict, note };
    done(serving.warden.ask(&caller, PageRequest::BreakGlass(request)).await?)
}

/// `POST /api/break-glass/{used}/end`
pub(crate) async fn end(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(used): Path<u64>,
) -> Result<StatusCode, Failure> {
    let request = BreakGlassRequest::End { used: EntryNumber(used) };
    done(serving.warden.ask(&caller, PageRequest::BreakGlass(request)).await?)
}

fn done(reply: PageReply) -> Result<StatusCode, Failure> {
    match reply {
        PageReply::Done => Ok(StatusCode::NO_CONTENT),
        _ => Err(unexpected()),
    }
}
