//! People, organisations, devices and relationships: what an administrator keeps and an officer reads.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::{Authorisation, DeviceMay, Instant, ProfessionalId, Role, Tier};
use protocol::{OrdersReply, OrdersRequest, PageReply, PageRequest, TokenBinding};
use serde::Deserialize;
use serde_json::json;

use crate::app::{Serving, unexpected};
use crate::approvals::done_or_proposed;
use crate::credential::Caller;
use crate::errors::Failure;
use crate::json;

#[derive(Deserialize)]
struct NewPerson {
    email: String,
    name: String,
    role: Role,
    organisation: String,
    #[serde(default)]
    password_and_code: bool,
    #[serde(default)]
    own_record: Option<String>,
}

#[derive(Deserialize)]
struct Whose {
    email: String,
}

#[derive(Deserialize)]
struct Named {
    email: String,
    professional_id: ProfessionalId,
    #[serde(default)]
    holds: bool,
}

#[derive(Deserialize)]
struct NewOrganisation {
    name: String,
    authorisation: Authorisation,
}

#[derive(Deserialize)]
struct NewDevice {
    name: String,
    organisation: String,
    may: Vec<DeviceMay>,
    #[serde(default)]
    ae_title: Option<String>,
    #[serde(default)]
    from: Vec<String>,
    #[serde(default)]
    token: bool,
    #[serde(default)]
    bound: Option<TokenBinding>,
    #[serde(default)]
    token_until: Option<Instant>,
}

#[derive(Deserialize)]
struct Rotated {
    name: String,
    #[serde(default)]
    until: Option<Instant>,
}

#[derive(Deserialize)]
struct NewRelationship {
    who: String,
    whom: String,
    tier: Tier,
    from: Instant,
    until: Instant,
    basis: String,
}

#[derive(Deserialize)]
struct EndedRelationship {
    who: String,
    whom: String,
    until: Instant,
}

/// `GET /api/people`
pub(crate) async fn people(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    match serving.warden.ask(&caller, PageRequest::People).await? {
        PageReply::People(rows) => Ok(json::of(&rows)),
        _ => Err(unexpected()),
    }
}

/// `GET /api/organisations`
pub(crate) async fn organisations(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    match serving.warden.ask(&caller, PageRequest::Organisations).await? {
        PageReply::Organisations(rows) => Ok(json::of(&rows)),
        _ => Err(unexpected()),
    }
}

/// `GET /api/devices`
pub(crate) async fn devices(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    match serving.warden.ask(&caller, PageRequest::Devices).await? {
        PageReply::Devices(rows) => Ok(json::of(&rows)),
        _ => Err(unexpected()),
    }
}

/// `POST /api/people`
pub(crate) async fn add_person(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let NewPerson { email, name, role, organisation, password_and_code, own_record } = json::read(request).await?;
    let request = PageRequest::AddPerson { email, name, role, organisation, password_and_code, own_record };
    enrolment_link(serving.warden.ask(&caller, request).await?)
}

/// `POST /api/people/enrolment`: a new link for somebody who lost theirs; older ones stop working.
pub(crate) async fn issue_enrolment(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let Whose { email } = json::read(request).await?;
    enrolment_link(serving.warden.ask(&caller, PageRequest::IssueEnrolment { email }).await?)
}

/// `POST /api/people/professional-id`: orders name this person by it from now on, or no more.
pub(crate) async fn professional_id(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let Named { email, professional_id, holds } = json::read(request).await?;
    let request = PageRequest::Orders(OrdersRequest::ProfessionalId { email, professional_id, holds });
    match serving.warden.ask(&caller, request).await? {
        PageReply::Orders(OrdersReply::ProfessionalIds(ids)) => Ok(json::of(&json!({ "professional_ids": ids }))),
        _ => Err(unexpected()),
    }
}

pub(crate) fn enrolment_link(reply: PageReply) -> Result<Response, Failure> {
    match reply {
        proposed @ PageReply::Proposed(_) => done_or_proposed(proposed),
        PageReply::EnrolmentLink { person, token, qr_svg, until } => {
            Ok(json::of(&json!({ "person": person, "token": token, "qr_svg": qr_svg, "until": until })))
        }
        _ => Err(unexpected()),
    }
}

/// `POST /api/organisations`
pub(crate) async fn add_organisation(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<StatusCode, Failure> {
    let NewOrganisation { name, authorisation } = json::read(request).await?;
    match serving.warden.ask(&caller, PageRequest::AddOrganisation { name, authorisation }).await? {
        PageReply::Done => Ok(StatusCode::NO_CONTENT),
        _ => Err(unexpected()),
    }
}

/// `POST /api/devices`
pub(crate) async fn add_device(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let NewDevice { name, organisation, may, ae_title, from, token, bound, token_until } = json::read(request).await?;
    let request = PageRequest::AddDevice { name, organisation, may, ae_title, from, token, bound, token_until };
    match serving.warden.ask(&caller, request).await? {
        PageReply::DeviceAdded { device, token, token_until } => {
            Ok(json::of(&json!({ "device": device, "token": token, "token_until": token_until })))
        }
        _ => Err(unexpected()),
    }
}

/// `POST /api/devices/rotate`: a new token; the one before works for a day, or until the new one is used.
pub(crate) async fn rotate_token(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let Rotated { name, until } = json::read(request).await?;
    match serving.warden.ask(&caller, PageRequest::RotateToken { name, until }).await? {
        PageReply::TokenRotated { token, until, before_until } => {
            Ok(json::of(&json!({ "token": token, "until": until, "before_until": before_until })))
        }
        _ => Err(unexpected()),
    }
}

/// `POST /api/relationships`
pub(crate) async fn relate(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let NewRelationship { who, whom, tier, from, until, basis } = json::read(request).await?;
    match serving.warden.ask(&caller, PageRequest::Relate { who, whom, tier, from, until, basis }).await? {
        PageReply::Related { entry } => Ok(json::of(&json!({ "entry": entry }))),
        proposed @ PageReply::Proposed(_) => done_or_proposed(proposed),
        _ => Err(unexpected()),
    }
}

/// `POST /api/relationships/end`
pub(crate) async fn unrelate(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<StatusCode, Failure> {
    let EndedRelationship { who, whom, until } = json::read(request).await?;
    match serving.warden.ask(&caller, PageRequest::Unrelate { who, whom, until }).await? {
        PageReply::Done | PageReply::Related { .. } => Ok(StatusCode::NO_CONTENT),
        _ => Err(unexpected()),
    }
}
