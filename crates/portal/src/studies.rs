//! The worklist and one study as the pages show them: `/api/studies/...`. Every list is an entry before it is an answer.

use axum::extract::{RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::{StudyNumber, Uid};
use protocol::{
    Credential, Level, ListReply, ListRequest, Match, Order, PAGE_ROWS_MAX, PageReply, PageRequest, Refusal, SeriesRow,
    StudyRow, WORKLIST_ROWS_DEFAULT,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::address::Path;
use crate::app::{Serving, unexpected};
use crate::attributes::STUDY_UID;
use crate::credential::Caller;
use crate::errors::Failure;
use crate::qido::study_uid;
use crate::{json, query};

/// The longest search text, in characters.
const WORDS_CHARACTERS_MAX: usize = 200;

#[derive(Deserialize)]
struct Move {
    patient: String,
    reason: String,
}

/// `GET /api/studies?words=&order=&offset=&limit=`
pub(crate) async fn worklist(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Failure> {
    let mut request = ListRequest {
        level: Level::Study,
        matches: Vec::new(),
        words: String::new(),
        order: Order::NewestFirst,
        offset: 0,
        limit: WORKLIST_ROWS_DEFAULT,
    };
    for (name, value) in query::parameters(raw.as_deref())? {
        match name.as_str() {
            "words" if value.chars().count() > WORDS_CHARACTERS_MAX => {
                return Err(Failure::Malformed("words", "at most 200 characters"));
            }
            "words" => request.words = value,
            "order" => request.order = order(&value)?,
            "offset" => request.offset = query::number("offset", &value)?,
            "limit" => {
                request.limit = match query::number::<u32>("limit", &value)? {
                    0 => return Err(Failure::Malformed("limit", "a whole number from 1")),
                    rows => rows.min(PAGE_ROWS_MAX),
                };
            }
            _ => {}
        }
    }
    let ListReply { studies, more, .. } = serving.reader.list(&caller, &request).await?;
    Ok(json::of(&json!({ "studies": studies, "more": more })))
}

fn order(value: &str) -> Result<Order, Failure> {
    match value {
        "" | "newest-first" => Ok(Order::NewestFirst),
        "oldest-first" => Ok(Order::OldestFirst),
        "patient-name" => Ok(Order::PatientName),
        _ => Err(Failure::Malformed("order", "newest-first, oldest-first or patient-name")),
    }
}

/// `GET /api/studies/{study}`: the study, its series, and what else the caller may list of the same patient.
pub(crate) async fn one(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(study): Path<String>,
) -> Result<Response, Failure> {
    show(&serving, &caller, study_uid(&study)?).await
}

/// `GET /api/studies/number/{number}`: the same by the number that stands in a page's address.
pub(crate) async fn one_by_number(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let uid = numbered(&serving, &caller, &number).await?;
    show(&serving, &caller, uid).await
}

async fn show(serving: &Serving, caller: &Credential, uid: Uid) -> Result<Response, Failure> {
    let of_study = vec![Match { tag: STUDY_UID, value: uid.into() }];
    let studies = list(serving, caller, Level::Study, of_study.clone()).await?.studies;
    let study = studies.into_iter().next().ok_or(Refusal::NotFound)?;
    let series = list(serving, caller, Level::Series, of_study).await?.series;
    let series: Vec<Value> =
        series.iter().filter(|row| row.study.number == study.number).map(without_study).collect::<Result<_, _>>()?;
    let priors = priors(serving, caller, &study).await?;
    Ok(json::of(&json!({ "study": study, "series": series, "priors": priors })))
}

/// The UID behind the number in a page's address; the warden says it to whoever may know it.
async fn numbered(serving: &Serving, caller: &Credential, number: &str) -> Result<Uid, Failure> {
    let study = StudyNumber(query::number("the study number", number)?);
    match serving.warden.ask(caller, PageRequest::StudyUid { study }).await? {
        PageReply::StudyUid(uid) => Ok(uid),
        _ => Err(unexpected()),
    }
}

async fn priors(serving: &Serving, caller: &Credential, study: &StudyRow) -> Result<Vec<StudyRow>, Failure> {
    if study.patient.id.is_empty() {
        return Ok(Vec::new());
    }
    // an identity is (issuer, id); characters that match more than themselves are settled by the patient's number below
    let mut matches = vec![Match { tag: 0x0010_0020, value: study.patient.id.clone() }];
    if !study.patient.issuer.is_empty() {
        matches.push(Match { tag: 0x0010_0021, value: study.patient.issuer.clone() });
    }
    let mut studies = list(serving, caller, Level::Study, matches).await?.studies;
    studies.retain(|other| other.patient.number == study.patient.number && other.number != study.number);
    Ok(studies)
}

async fn list(serving: &Serving, caller: &Credential, level: Level, matches: Vec<Match>) -> Result<ListReply, Failure> {
    let (words, order) = (String::new(), Order::NewestFirst);
    let request = ListRequest { level, matches, words, order, offset: 0, limit: PAGE_ROWS_MAX };
    Ok(serving.reader.list(caller, &request).await?)
}

fn without_study(row: &SeriesRow) -> Result<Value, Failure> {
    let mut value = serde_json::to_value(row).map_err(|_| Failure::Internal)?;
    if let Value::Object(fields) = &mut value {
        fields.remove("study");
    }
    Ok(value)
}

/// `POST /api/studies/{study}/move`: files a study under the right patient. The bytes stay; an entry says so.
pub(crate) async fn move_study(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(study): Path<String>,
    request: Request,
) -> Result<StatusCode, Failure> {
    move_to(&serving, &caller, study_uid(&study)?, request).await
}

/// `POST /api/studies/number/{number}/move`: the same by number, which is what the ledger shows.
pub(crate) async fn move_by_number(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(number): Path<String>,
    request: Request,
) -> Result<StatusCode, Failure> {
    let uid = numbered(&serving, &caller, &number).await?;
    move_to(&serving, &caller, uid, request).await
}

async fn move_to(serving: &Serving, caller: &Credential, study: Uid, request: Request) -> Result<StatusCode, Failure> {
    let Move { patient, reason } = json::read(request).await?;
    match serving.warden.ask(caller, PageRequest::MoveStudy { study, patient, reason }).await? {
        PageReply::Done => Ok(StatusCode::NO_CONTENT),
        _ => Err(unexpected()),
    }
}
