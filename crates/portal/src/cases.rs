//! Incidents and patients' questions: `/api/incidents`, `/api/questions`, `/api/my/questions`.

use axum::extract::{Request, State};
use axum::response::Response;
use model::{Clock, EntryNumber, Instant, Window};
use protocol::{IncidentChange, PageReply, PageRequest};
use serde::Deserialize;

use crate::address::Path;
use crate::app::{Serving, unexpected};
use crate::credential::Caller;
use crate::errors::Failure;
use crate::{json, query};

#[derive(Deserialize)]
struct NewIncident {
    title: String,
    about: Vec<String>,
    from: Instant,
    to: Instant,
    aware: Instant,
}

#[derive(Deserialize)]
struct Change {
    /// `note`, `done` or `close`.
    change: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    clock: Option<Clock>,
    #[serde(default)]
    at: Option<Instant>,
}

#[derive(Deserialize)]
struct Asked {
    text: String,
    #[serde(default)]
    access: Option<EntryNumber>,
}

#[derive(Deserialize)]
struct Answered {
    text: String,
}

/// `GET /api/incidents`
pub(crate) async fn incidents(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    match serving.warden.ask(&caller, PageRequest::Incidents).await? {
        PageReply::Incidents(rows) => Ok(json::of(&rows)),
        _ => Err(unexpected()),
    }
}

/// `POST /api/incidents`
pub(crate) async fn open(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let NewIncident { title, about, from, to, aware } = json::read(request).await?;
    incident_of(
        serving
            .warden
            .ask(&caller, PageRequest::OpenIncident { title, about, window: Window { from, to }, aware })
            .await?,
    )
}

/// `GET /api/incidents/{incident}`
pub(crate) async fn incident(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(incident): Path<String>,
) -> Result<Response, Failure> {
    let incident = query::number("incident", &incident)?;
    incident_of(serving.warden.ask(&caller, PageRequest::Incident { incident }).await?)
}

/// `POST /api/incidents/{incident}`: a note, a clock that was answered, the end.
pub(crate) async fn change(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(incident): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let incident = query::number("incident", &incident)?;
    let asked: Change = json::read(request).await?;
    let change = match (asked.change.as_str(), asked.clock, asked.at) {
        ("note", ..) => IncidentChange::Note { text: asked.text },
        ("close", ..) => IncidentChange::Close { text: asked.text },
        ("done", Some(clock), Some(at)) => IncidentChange::Done { clock, at },
        _ => return Err(Failure::Malformed("change", "note or close with text, or done with clock and at")),
    };
    incident_of(serving.warden.ask(&caller, PageRequest::ChangeIncident { incident, change }).await?)
}

/// `GET /api/questions`
pub(crate) async fn questions(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    questions_of(serving.warden.ask(&caller, PageRequest::Questions).await?)
}

/// `POST /api/questions/{question}/answer`
pub(crate) async fn answer(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(question): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let question = query::number("question", &question)?;
    let Answered { text } = json::read(request).await?;
    questions_of(serving.warden.ask(&caller, PageRequest::AnswerQuestion { question, text }).await?)
}

/// `GET /api/my/questions`
pub(crate) async fn own_questions(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    questions_of(serving.warden.ask(&caller, PageRequest::MyQuestions).await?)
}

/// `POST /api/my/questions`
pub(crate) async fn ask(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let Asked { text, access } = json::read(request).await?;
    questions_of(serving.warden.ask(&caller, PageRequest::AskQuestion { access, text }).await?)
}

fn incident_of(reply: PageReply) -> Result<Response, Failure> {
    match reply {
        PageReply::Incident(detail) => Ok(json::of(&detail)),
        _ => Err(unexpected()),
    }
}

fn questions_of(reply: PageReply) -> Result<Response, Failure> {
    match reply {
        PageReply::Questions(rows) => Ok(json::of(&rows)),
        _ => Err(unexpected()),
    }
}
