//! QIDO-RS (PS3.18 section 10.6): searches for studies, series and instances.
//!
//! Studies and series are matched by the warden, which records whom it names; instances are matched by the front in
//! rows that the warden's listing keys open. A page holds at most [`PAGE_ROWS_MAX`] studies or series, or
//! [`INSTANCE_ROWS_MAX`] instances; where more match, a `Warning` says so (PS3.18 section 8.3.4.4.1).

use archive::{InstancePage, InstanceQuery, ReadError};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::Uid;
use protocol::{Credential, Level, ListReply, ListRequest, Match, Order, PAGE_ROWS_MAX, Refusal};

use crate::address::Path;
use crate::app::Serving;
use crate::attributes::{self, Attributes, INSTANCE_KEYS, SERIES_KEYS, SERIES_UID, STUDY_KEYS, STUDY_UID};
use crate::credential::Caller;
use crate::errors::Failure;
use crate::query::{self, Search};
use crate::{accept, json};

/// The most instances of one page.
pub const INSTANCE_ROWS_MAX: u32 = 5000;

const MORE: HeaderValue =
    HeaderValue::from_static("299 leadglass \"There are more results; ask for them with offset\"");
const IGNORED: HeaderValue =
    HeaderValue::from_static("299 leadglass \"Some parameters are not searched by and were ignored\"");

/// `GET /dicom-web/studies`
pub(crate) async fn studies(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Failure> {
    let answer_type = accept::dicom_json(&headers)?;
    let search = query::search(raw.as_deref(), is_study_key)?;
    let (reply, limit) = list(&serving, &caller, Level::Study, &search, None).await?;
    let rows: Vec<_> = reply.studies.iter().take(limit).map(|row| attributes::study(row, &serving.dicom_web)).collect();
    answer(&headers, answer_type, &rows, reply.more, search.ignored).await
}

/// `GET /dicom-web/series`
pub(crate) async fn series(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Failure> {
    find_series(&serving, &caller, &headers, raw.as_deref(), None).await
}

/// `GET /dicom-web/studies/{study}/series`
pub(crate) async fn series_of_study(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    Path(study): Path<String>,
) -> Result<Response, Failure> {
    find_series(&serving, &caller, &headers, raw.as_deref(), Some(study_uid(&study)?)).await
}

async fn find_series(
    serving: &Serving,
    caller: &Credential,
    headers: &HeaderMap,
    raw: Option<&str>,
    study: Option<Uid>,
) -> Result<Response, Failure> {
    let answer_type = accept::dicom_json(headers)?;
    let search = query::search(raw, |tag| is_study_key(tag) || is_series_key(tag))?;
    let with_study = study.is_none() || search.include_all;
    let (reply, limit) = list(serving, caller, Level::Series, &search, study).await?;
    let rows: Vec<_> =
        reply.series.iter().take(limit).map(|row| attributes::series(row, &serving.dicom_web, with_study)).collect();
    answer(headers, answer_type, &rows, reply.more, search.ignored).await
}

/// Asks the warden; answers with the number of rows that the client wants of what came.
async fn list(
    serving: &Serving,
    caller: &Credential,
    level: Level,
    search: &Search,
    study: Option<Uid>,
) -> Result<(ListReply, usize), Failure> {
    let mut matches = search.matches.clone();
    // what the path names holds, whatever the query says of it
    if let Some(study) = study {
        matches.retain(|own| own.tag != STUDY_UID);
        matches.push(Match { tag: STUDY_UID, value: study.into() });
    }
    let limit = search.limit.unwrap_or(PAGE_ROWS_MAX).min(PAGE_ROWS_MAX);
    let request = ListRequest {
        level,
        matches,
        words: String::new(),
        order: Order::NewestFirst,
        offset: search.offset,
        limit: limit.max(1),
    };
    Ok((serving.reader.list(caller, &request).await?, limit as usize))
}

/// `GET /dicom-web/instances`: something must bound the search to studies.
pub(crate) async fn instances(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Failure> {
    find_instances(&serving, &caller, &headers, raw.as_deref(), None, None).await
}

/// `GET /dicom-web/studies/{study}/instances`
pub(crate) async fn instances_of_study(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    Path(study): Path<String>,
) -> Result<Response, Failure> {
    find_instances(&serving, &caller, &headers, raw.as_deref(), Some(study_uid(&study)?), None).await
}

/// `GET /dicom-web/studies/{study}/series/{series}/instances`
pub(crate) async fn instances_of_series(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    Path((study, series)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let (study, series) = (study_uid(&study)?, series_uid(&series)?);
    find_instances(&serving, &caller, &headers, raw.as_deref(), Some(study), Some(series)).await
}

async fn find_instances(
    serving: &Serving,
    caller: &Credential,
    headers: &HeaderMap,
    raw: Option<&str>,
    study: Option<Uid>,
    series: Option<Uid>,
) -> Result<Response, Failure> {
    let answer_type = accept::dicom_json(headers)?;
    let Search { mut matches, include_all, limit, offset, ignored } =
        query::search(raw, |tag| is_study_key(tag) || is_instance_key(tag))?;
    // a caller who holds nothing hears that first, whatever else is wrong
    let bounded = study.is_some() || matches.iter().any(|own| is_study_key(own.tag));
    if !bounded && !matches!(caller, Credential::Stranger { .. }) {
        return Err(Failure::Unbounded);
    }
    // what the path names holds, whatever the query says of it
    matches.retain(|own| !(study.is_some() && own.tag == STUDY_UID || series.is_some() && own.tag == SERIES_UID));
    let searched = study.is_none();
    let with_study = searched || include_all;
    let study = study.or_else(|| only_study(&mut matches));
    let limit = limit.unwrap_or(INSTANCE_ROWS_MAX).min(INSTANCE_ROWS_MAX);
    let query = InstanceQuery { study, series, matches, offset, limit };
    let InstancePage { instances, more } = match serving.reader.list_instances(caller, &query).await {
        // a search that finds nothing says so at every level in the same way; only a path is there or not
        Err(ReadError::Refused(Refusal::NotFound)) if searched => InstancePage { instances: Vec::new(), more: false },
        other => other?,
    };
    let rows: Vec<_> =
        instances.iter().map(|listed| attributes::instance(listed, &serving.dicom_web, with_study)).collect();
    answer(headers, answer_type, &rows, more, ignored).await
}

/// A single Study Instance UID in the query is as good as one in the path: its listing stays released for a while.
fn only_study(matches: &mut Vec<Match>) -> Option<Uid> {
    let at = matches.iter().position(|own| own.tag == STUDY_UID)?;
    let study = Uid::parse(&matches[at].value).ok()?;
    matches.remove(at);
    Some(study)
}

async fn answer(
    request: &HeaderMap,
    answer_type: HeaderValue,
    rows: &[Attributes<'_>],
    more: bool,
    ignored: bool,
) -> Result<Response, Failure> {
    let mut response = if rows.is_empty() {
        StatusCode::NO_CONTENT.into_response()
    } else {
        let body = serde_json::to_vec(rows).map_err(|_| Failure::Internal)?;
        json::compressible(request, answer_type, body.into()).await
    };
    for (said, warning) in [(more, MORE), (ignored, IGNORED)] {
        if said {
            response.headers_mut().append(header::WARNING, warning);
        }
    }
    Ok(response)
}

fn is_study_key(tag: u32) -> bool {
    tag == STUDY_UID || STUDY_KEYS.contains(&tag)
}

fn is_series_key(tag: u32) -> bool {
    tag == SERIES_UID || SERIES_KEYS.contains(&tag)
}

fn is_instance_key(tag: u32) -> bool {
    tag == SERIES_UID || INSTANCE_KEYS.contains(&tag)
}

pub(crate) fn study_uid(text: &str) -> Result<Uid, Failure> {
    path_uid(text).ok_or(Failure::Malformed("the study", "a UID of digits and full stops"))
}

pub(crate) fn series_uid(text: &str) -> Result<Uid, Failure> {
    path_uid(text).ok_or(Failure::Malformed("the series", "a UID of digits and full stops"))
}

/// A UID as it stands: the padding that a data element may carry does not belong into a path.
pub(crate) fn path_uid(text: &str) -> Option<Uid> {
    Uid::parse(text).ok().filter(|uid| uid.as_str() == text)
}
