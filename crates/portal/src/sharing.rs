//! Sharing one study: `/api/links...`, `/api/link...` for whoever opened one, `/api/opinions...`.
//!
//! A link's secret and code pass through here in bodies only, never in an address; they are kept nowhere in this process.

use axum::extract::{RawQuery, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::{EntryNumber, LinkFor, LinkId};
use protocol::{LinkRequest, OpinionRequest, PageReply, PageRequest, Refusal, SignInReply, SignInRequest};
use serde::Deserialize;
use serde_json::json;

use crate::address::Path;
use crate::app::{Serving, unexpected};
use crate::credential::{self, Caller, From};
use crate::errors::Failure;
use crate::possession::Shown;
use crate::qido::study_uid;
use crate::{json, query};

#[derive(Deserialize)]
struct NewLink {
    purpose: LinkFor,
    #[serde(default)]
    seconds: i64,
    #[serde(default)]
    browsers: u8,
    #[serde(default)]
    note: String,
}

#[derive(Deserialize)]
struct Opening {
    secret: String,
    code: String,
}

#[derive(Deserialize)]
struct Ending {
    of: String,
}

#[derive(Deserialize)]
struct Asking {
    colleague: String,
    reason: String,
    #[serde(default)]
    seconds: i64,
}

/// `POST /api/studies/{study}/links`: secret and code are in the answer, once.
pub(crate) async fn make(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(study): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let study = study_uid(&study)?;
    let NewLink { purpose, seconds, browsers, note } = json::read(request).await?;
    let request = LinkRequest::Make { study, purpose, seconds, browsers, note };
    match serving.warden.ask(&caller, PageRequest::Links(request)).await? {
        PageReply::LinkMade(made) => Ok(json::of(&made)),
        _ => Err(unexpected()),
    }
}

/// `GET /api/links`: one's own.
pub(crate) async fn own(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    match serving.warden.ask(&caller, PageRequest::Links(LinkRequest::Own)).await? {
        PageReply::Links(links) => Ok(json::of(&links)),
        _ => Err(unexpected()),
    }
}

/// `GET /api/links/all[?of=...]`: everybody's, or those of somebody or something.
pub(crate) async fn all(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Failure> {
    let mut of = String::new();
    for (name, value) in query::parameters(raw.as_deref())? {
        if name == "of" {
            of = value;
        }
    }
    match serving.warden.ask(&caller, PageRequest::Links(LinkRequest::All { of })).await? {
        PageReply::Links(links) => Ok(json::of(&links)),
        _ => Err(unexpected()),
    }
}

/// `DELETE /api/links`: all of one's own that run.
pub(crate) async fn end_own(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    ended(serving.warden.ask(&caller, PageRequest::Links(LinkRequest::EndOwn)).await?)
}

/// `POST /api/links/end`: all that run of somebody or something.
pub(crate) async fn end_all(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let Ending { of } = json::read(request).await?;
    ended(serving.warden.ask(&caller, PageRequest::Links(LinkRequest::EndAll { of })).await?)
}

/// `DELETE /api/links/{link}`: one's own, or anybody's for an officer.
pub(crate) async fn end(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(link): Path<u32>,
) -> Result<StatusCode, Failure> {
    let request = LinkRequest::End { link: LinkId(link) };
    done(serving.warden.ask(&caller, PageRequest::Links(request)).await?)
}

/// `POST /api/link/open`: with the secret of the link and the code that was told; the answer sets the cookie of a session that is
/// bound to this browser's key.
pub(crate) async fn open(
    State(serving): State<Serving>,
    From(origin): From,
    request: Request,
) -> Result<Response, Failure> {
    let proof = request.extensions().get::<Shown>().cloned();
    let Opening { secret, code } = json::read(request).await?;
    let Shown(proof) = proof.ok_or(Refusal::Proof)?;
    match serving.warden.sign_in(origin, SignInRequest::OpenLink { secret, code, proof }).await? {
        SignInReply::LinkOpened { token, shown } => {
            let cookie = credential::set_cookie(&token).ok_or(Failure::Internal)?;
            Ok(([(header::SET_COOKIE, cookie)], json::with_identifiers(&shown)?).into_response())
        }
        _ => Err(unexpected()),
    }
}

/// `GET /api/link`: what the link shows that is open in this browser.
pub(crate) async fn shown(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    match serving.warden.ask(&caller, PageRequest::Links(LinkRequest::Shown)).await? {
        PageReply::Shared(shown) => json::with_identifiers(&shown),
        _ => Err(unexpected()),
    }
}

/// `POST /api/studies/{study}/second-opinion`
pub(crate) async fn ask_opinion(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(study): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let study = study_uid(&study)?;
    let Asking { colleague, reason, seconds } = json::read(request).await?;
    let request = OpinionRequest::Ask { study, colleague, seconds, reason };
    match serving.warden.ask(&caller, PageRequest::Opinions(request)).await? {
        PageReply::Related { entry } => Ok(json::of(&json!({ "opinion": entry }))),
        _ => Err(unexpected()),
    }
}

/// `GET /api/opinions`: those that one asked for or was asked for.
pub(crate) async fn opinions(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    match serving.warden.ask(&caller, PageRequest::Opinions(OpinionRequest::Own)).await? {
        PageReply::Opinions(rows) => Ok(json::of(&rows)),
        _ => Err(unexpected()),
    }
}

/// `DELETE /api/opinions/{opinion}`
pub(crate) async fn end_opinion(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(opinion): Path<u64>,
) -> Result<StatusCode, Failure> {
    let request = OpinionRequest::End { opinion: EntryNumber(opinion) };
    done(serving.warden.ask(&caller, PageRequest::Opinions(request)).await?)
}

/// `GET /api/opinions/askable`: clinicians of one's own organisations.
pub(crate) async fn askable(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    match serving.warden.ask(&caller, PageRequest::Opinions(OpinionRequest::Askable)).await? {
        PageReply::Askable(rows) => Ok(json::of(&rows)),
        _ => Err(unexpected()),
    }
}

fn ended(reply: PageReply) -> Result<Response, Failure> {
    match reply {
        PageReply::LinksEnded(links) => Ok(json::of(&json!({ "ended": links }))),
        _ => Err(unexpected()),
    }
}

fn done(reply: PageReply) -> Result<StatusCode, Failure> {
    match reply {
        PageReply::Done => Ok(StatusCode::NO_CONTENT),
        _ => Err(unexpected()),
    }
}
