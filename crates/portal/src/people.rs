//! People, organisations, devices and relationships: what an administrator keeps and an officer reads.

use axum::extract::{Request, State};
use axum::response::Response;
use model::{Authorisation, DeviceMay, Instant, Role, Tier};
use protocol::{PageReply, PageRequest};
use serde::Deserialize;
use serde_json::json;

use crate::app::{Serving, unexpected};
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
    match serving.warden.ask(&caller, request).await? {
        PageReply::EnrolmentLink { person, token, until } => {
            Ok(json::of(&json!({ "person": person, "token": token, "until": until })))
        }
        _ => Err(unexpected()),
    }
}

/// `POST /api/organisations`
pub(crate) async fn add_organisation(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let NewOrganisation { name, authorisation } = json::read(request).await?;
    match serving.warden.ask(&caller, PageRequest::AddOrganisation { name, authorisation }).await? {
        PageReply::Done => Ok(json::of(&json!({}))),
        _ => Err(unexpected()),
    }
}

/// `POST /api/devices`
pub(crate) async fn add_device(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let NewDevice { name, organisation, may, ae_title, from, token } = json::read(request).await?;
    let request = PageRequest::AddDevice { name, organisation, may, ae_title, from, token };
    match serving.warden.ask(&caller, request).await? {
        PageReply::DeviceAdded { device, token } => Ok(json::of(&json!({ "device": device, "token": token }))),
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
        _ => Err(unexpected()),
    }
}
