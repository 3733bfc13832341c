//! WADO-RS (PS3.18 section 10.4): whole studies, series and instances, and their metadata.
//!
//! Instances leave as they are stored; nothing is transcoded. They stream: what is held of one is a few blocks.

use std::sync::Arc;

use archive::{ByteStream, Instance, MetadataJson, MetadataOf, OpenStudy, ReadError, Stored};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use model::Uid;
use protocol::{Credential, Refusal, Scope};

use crate::accept::{self, MediaRange};
use crate::address::Path;
use crate::app::Serving;
use crate::assets::etag_matches;
use crate::attributes::instance_place;
use crate::credential::Caller;
use crate::errors::Failure;
use crate::qido::{path_uid, series_uid, study_uid};
use crate::{json, multipart};

/// Instances whose bytes are read before they are needed, the one that is being sent included.
const READ_AHEAD: usize = 2;

const DICOM: &str = "application/dicom";

/// `GET /dicom-web/studies/{study}`
pub(crate) async fn study(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    headers: HeaderMap,
    Path(study): Path<String>,
) -> Result<Response, Failure> {
    let open = serving.reader.open(&caller, &study_uid(&study)?, Scope::Images).await?;
    let instances = open.instances().to_vec();
    retrieve(&serving, &headers, open, instances, false).await
}

/// `GET /dicom-web/studies/{study}/series/{series}`
pub(crate) async fn series(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    headers: HeaderMap,
    Path((study, series)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let (study, series) = (study_uid(&study)?, series_uid(&series)?);
    let open = serving.reader.open(&caller, &study, Scope::Images).await?;
    let instances = open.series(&series).to_vec();
    retrieve(&serving, &headers, open, instances, false).await
}

/// `GET /dicom-web/studies/{study}/series/{series}/instances/{instance}`
pub(crate) async fn instance(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    headers: HeaderMap,
    Path(path): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let place = InstancePath::parse(path)?;
    let (open, instance) = place.open(&serving, &caller, Scope::Images).await?;
    retrieve(&serving, &headers, open, vec![instance], true).await
}

/// Study, series and instance as a path names them.
pub(crate) struct InstancePath {
    pub(crate) study: Uid,
    pub(crate) series: Uid,
    pub(crate) instance: Uid,
}

impl InstancePath {
    pub(crate) fn parse((study, series, instance): (String, String, String)) -> Result<Self, Failure> {
        let instance =
            path_uid(&instance).ok_or(Failure::Malformed("the instance", "a UID of digits and full stops"))?;
        Ok(Self { study: study_uid(&study)?, series: series_uid(&series)?, instance })
    }

    pub(crate) async fn open(
        &self,
        serving: &Serving,
        caller: &Credential,
        scope: Scope,
    ) -> Result<(Arc<OpenStudy>, Arc<Instance>), Failure> {
        let open = serving.reader.open(caller, &self.study, scope).await?;
        let instance = Arc::clone(open.instance(&self.series, &self.instance)?);
        Ok((open, instance))
    }
}

async fn retrieve(
    serving: &Serving,
    headers: &HeaderMap,
    open: Arc<OpenStudy>,
    instances: Vec<Arc<Instance>>,
    one: bool,
) -> Result<Response, Failure> {
    if instances.is_empty() {
        return Err(Failure::Refused(Refusal::NotFound));
    }
    let takes_all =
        |range: &MediaRange| instances.iter().all(|instance| range.takes(instance.row.transfer_syntax.as_str()));
    let mut other_syntax = false;
    for range in accept::ranges(headers) {
        let (multipart, single) = (range.multipart(DICOM), one && range.single(DICOM));
        match (multipart || single, takes_all(&range)) {
            (false, _) => {}
            (true, false) => other_syntax = true,
            (true, true) if multipart => return Ok(several(serving, open, instances)),
            (true, true) => return alone(&open, &instances[0]).await,
        }
    }
    Err(if other_syntax {
        Failure::TransferSyntax
    } else {
        Failure::NotAcceptable("multipart/related; type=\"application/dicom\"; transfer-syntax=*")
    })
}

/// One instance as the whole body (PS3.18 section 8.7.3.3.1).
async fn alone(open: &Arc<OpenStudy>, instance: &Arc<Instance>) -> Result<Response, Failure> {
    let Stored { length, stream } = open.stored(instance).await?;
    let mut response = Body::from_stream(logged(stream)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, typed(DICOM, &instance.row.transfer_syntax)?);
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"instance.dcm\""));
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(response)
}

fn several(serving: &Serving, open: Arc<OpenStudy>, instances: Vec<Arc<Instance>>) -> Response {
    let at = Arc::clone(&serving.dicom_web);
    let parts = stream::iter(instances)
        .map(move |instance| {
            let (open, at) = (Arc::clone(&open), Arc::clone(&at));
            async move {
                let Stored { length, stream } = open.stored(&instance).await?;
                let row = &instance.row;
                Ok(Part {
                    content_type: format!("{DICOM}; transfer-syntax={}", row.transfer_syntax),
                    location: instance_place(&at, open.uid(), &row.series, &row.sop_instance),
                    length,
                    content: stream,
                })
            }
        })
        .buffered(READ_AHEAD);
    multipart_response(DICOM, parts)
}

/// One part of an answer.
pub(crate) struct Part {
    pub(crate) content_type: String,
    pub(crate) location: String,
    pub(crate) length: Option<u64>,
    pub(crate) content: ByteStream,
}

/// A `multipart/related` answer whose parts are read while they are sent. An error in between ends it without its
/// closing boundary, which every client notices.
pub(crate) fn multipart_response(
    media_type: &str,
    parts: impl Stream<Item = Result<Part, ReadError>> + Send + 'static,
) -> Response {
    let boundary = multipart::boundary();
    let content_type = format!("multipart/related; type=\"{media_type}\"; boundary=\"{boundary}\"");
    let close = multipart::close(&boundary);
    let body = parts
        .map(move |part| match part {
            Ok(part) => {
                let head = multipart::part_head(&boundary, &part.content_type, part.length, &part.location);
                stream::iter([Ok(head)])
                    .chain(part.content)
                    .chain(stream::iter([Ok(Bytes::from_static(b"\r\n"))]))
                    .boxed()
            }
            Err(error) => stream::iter([Err(error)]).boxed(),
        })
        .flatten()
        .chain(stream::iter([Ok(close)]));
    match HeaderValue::from_str(&content_type) {
        Ok(content_type) => ([(header::CONTENT_TYPE, content_type)], Body::from_stream(logged(body))).into_response(),
        Err(_) => Failure::Internal.into_response(),
    }
}

/// Says in the log why a body ended early: its status has been sent already.
pub(crate) fn logged<S>(stream: S) -> impl Stream<Item = Result<Bytes, ReadError>>
where
    S: Stream<Item = Result<Bytes, ReadError>>,
{
    stream.inspect(|item| {
        if let Err(error) = item {
            tracing::error!(%error, "an answer was cut off");
        }
    })
}

/// A media type with its transfer syntax.
pub(crate) fn typed(media_type: &str, transfer_syntax: &Uid) -> Result<HeaderValue, Failure> {
    HeaderValue::from_str(&format!("{media_type}; transfer-syntax={transfer_syntax}")).map_err(|_| Failure::Internal)
}

/// `GET /dicom-web/studies/{study}/metadata`
pub(crate) async fn study_metadata(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    headers: HeaderMap,
    Path(study): Path<String>,
) -> Result<Response, Failure> {
    metadata(&serving, &caller, &headers, &study_uid(&study)?, MetadataOf::Study).await
}

/// `GET /dicom-web/studies/{study}/series/{series}/metadata`
pub(crate) async fn series_metadata(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    headers: HeaderMap,
    Path((study, series)): Path<(String, String)>,
) -> Result<Response, Failure> {
    metadata(&serving, &caller, &headers, &study_uid(&study)?, MetadataOf::Series(series_uid(&series)?)).await
}

/// `GET /dicom-web/studies/{study}/series/{series}/instances/{instance}/metadata`
pub(crate) async fn instance_metadata(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    headers: HeaderMap,
    Path(path): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let InstancePath { study, series, instance } = InstancePath::parse(path)?;
    metadata(&serving, &caller, &headers, &study, MetadataOf::Instance(series, instance)).await
}

/// Metadata is sealed under listing keys, so only those are asked for: no pixel opens for it.
async fn metadata(
    serving: &Serving,
    caller: &Credential,
    headers: &HeaderMap,
    study: &Uid,
    of: MetadataOf,
) -> Result<Response, Failure> {
    let answer_type = accept::dicom_json(headers)?;
    let open = serving.reader.open(caller, study, Scope::Listing).await?;
    let MetadataJson { json, etag } = open.metadata(of, &serving.dicom_web).await?;
    let known = headers.get_all(header::IF_NONE_MATCH).iter().any(|value| etag_matches(value, &etag));
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        json::compressible(headers, answer_type, json).await
    };
    // the compressed form has the same meaning and other bytes: a weak tag (RFC 9110 section 8.8.1)
    let weak = if response.headers().contains_key(header::CONTENT_ENCODING) { "W/" } else { "" };
    let etag = HeaderValue::from_str(&format!("{weak}{etag}")).map_err(|_| Failure::Internal)?;
    response.headers_mut().insert(header::ETAG, etag);
    Ok(response)
}
