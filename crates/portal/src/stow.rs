//! STOW-RS (PS3.18 section 10.5): `POST /dicom-web/studies` and `POST /dicom-web/studies/{study}`.
//!
//! Only devices store. They are admitted from the list that the warden signed, so that taking in goes on while the
//! warden is away. Each part streams into the batch of this request; what is held of it is a few chunks. An instance is
//! reported as stored after it is durable, never before.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::net::IpAddr;

use archive::{Accepted, Batch, Held, Identity, IngestError, IntakeActor, NotAdmitted, Source, Staged};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt;
use model::Uid;
use policy::Service;
use protocol::{Credential, Refusal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::address::Path;
use crate::app::Serving;
use crate::attributes::{Attributes, instance_place};
use crate::credential::Caller;
use crate::errors::Failure;
use crate::multipart::{MultipartError, MultipartReader};
use crate::qido::study_uid;
use crate::{accept, json};

/// The longest body of one request, in bytes.
pub const BODY_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;
/// Chunks of one part that wait to be read; each is what came in one piece from the network.
const CHUNKS_WAITING_MAX: usize = 8;
/// Parts that wait to be scanned.
const PARTS_WAITING_MAX: usize = 2;

const DICOM: &str = "application/dicom";
const EXPECTED: &str = "multipart/related; type=\"application/dicom\"; boundary=..., or application/dicom";

/// `POST /dicom-web/studies`
pub(crate) async fn store(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    take_in(serving, caller, None, request).await
}

/// `POST /dicom-web/studies/{study}`
pub(crate) async fn store_study(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(study): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let study = study_uid(&study)?;
    take_in(serving, caller, Some(study), request).await
}

async fn take_in(
    serving: Serving,
    caller: Credential,
    study: Option<Uid>,
    request: Request,
) -> Result<Response, Failure> {
    let actor = admit(&serving, caller).await?;
    let answer_type = accept::dicom_json(request.headers())?;
    let shape = Shape::of(request.headers())?;
    let _place = serving.storing.clone().try_acquire_owned().map_err(|_| Failure::Busy)?;

    let worker = Worker::start(serving.intake.begin_batch(actor), study.clone());
    let sent = match shape {
        Shape::Single => send_single(request.into_body(), &worker).await,
        Shape::Multipart { boundary } => send_parts(request.into_body(), &boundary, &worker).await,
    };
    // whatever became of the body: what was staged is waited for, and the batch is finished
    let outcomes = worker.finish().await?;
    sent?;
    if outcomes.is_empty() {
        return Err(Failure::Malformed("the body", EXPECTED));
    }
    Ok(report(&serving.dicom_web, study.as_ref(), &outcomes, answer_type))
}

/// The front's own decision, from the list that the warden signed.
async fn admit(serving: &Serving, caller: Credential) -> Result<IntakeActor, Failure> {
    let (token, origin, held) = match caller {
        Credential::DeviceToken { token, origin } => (token, origin, Held::default()),
        Credential::BoundToken { token, origin, proof, certificate } => {
            (token, origin, Held { key: proof.and_then(|proof| proof.key), certificate })
        }
        Credential::Session { .. } => return Err(Failure::Refused(Refusal::NotAllowed)),
        Credential::Stranger { .. } | Credential::Owner => return Err(Failure::Refused(Refusal::SignedOut)),
    };
    let address: IpAddr = origin.0.parse().map_err(|_| Failure::Refused(Refusal::SignedOut))?;
    match serving.warden.admit_token(&token, held, address, Service::Store).await {
        Ok(device) => Ok(IntakeActor { device: Some(device), origin }),
        Err(NotAdmitted::Unknown) => Err(Failure::Refused(Refusal::SignedOut)),
        Err(NotAdmitted::Address | NotAdmitted::Certificate | NotAdmitted::Service) => {
            Err(Failure::Refused(Refusal::NotAllowed))
        }
    }
}

enum Shape {
    Single,
    Multipart { boundary: String },
}

impl Shape {
    fn of(headers: &HeaderMap) -> Result<Self, Failure> {
        let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (kind, parameters) = accept::content_type(value);
        let parameter = |name: &str| parameters.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        match kind.as_str() {
            DICOM => Ok(Self::Single),
            "multipart/related" => {
                if parameter("type").is_some_and(|parts| !parts.eq_ignore_ascii_case(DICOM)) {
                    return Err(Failure::MediaType(EXPECTED));
                }
                let boundary = parameter("boundary").ok_or(MultipartError::Boundary)?;
                Ok(Self::Multipart { boundary: boundary.to_owned() })
            }
            _ => Err(Failure::MediaType(EXPECTED)),
        }
    }
}

impl From<MultipartError> for Failure {
    fn from(error: MultipartError) -> Self {
        match error {
            MultipartError::Boundary => Self::Malformed("the Content-Type", EXPECTED),
            MultipartError::Preamble => Self::Malformed("the body", "a first part behind the boundary of Content-Type"),
            MultipartError::Header => Self::Malformed("the header of a part", "at most 8192 bytes of header fields"),
            MultipartError::Parts => Self::Malformed("the body", "at most 100000 parts"),
            MultipartError::Truncated => Self::Malformed("the body", "a closing boundary"),
            MultipartError::Broken => Self::BodyBroken,
            MultipartError::TooLong => Self::TooLarge { bytes_max: BODY_BYTES_MAX },
        }
    }
}

async fn send_single(body: Body, worker: &Worker) -> Result<(), Failure> {
    let mut frames = body.into_data_stream();
    let part = worker.begin_part().await?;
    let mut left = BODY_BYTES_MAX;
    while let Some(frame) = frames.next().await {
        let frame = frame.map_err(|_| Failure::BodyBroken)?;
        left = left.checked_sub(frame.len() as u64).ok_or(Failure::TooLarge { bytes_max: BODY_BYTES_MAX })?;
        // an error means that the scanner refused the part; it is read to its end so that the client reads our answer
        let _ = part.send(Piece::Bytes(frame)).await;
    }
    let _ = part.send(Piece::End).await;
    Ok(())
}

async fn send_parts(body: Body, boundary: &str, worker: &Worker) -> Result<(), Failure> {
    let mut reader = MultipartReader::new(body.into_data_stream(), boundary, BODY_BYTES_MAX)?;
    while let Some(header) = reader.next_part().await? {
        let kind = header.content_type.as_deref().map_or(DICOM.to_owned(), |value| accept::content_type(value).0);
        if kind != DICOM {
            worker.refuse_part();
            continue;
        }
        let part = worker.begin_part().await?;
        while let Some(chunk) = reader.chunk().await? {
            let _ = part.send(Piece::Bytes(chunk)).await;
        }
        let _ = part.send(Piece::End).await;
    }
    Ok(())
}

/// What goes to the thread that scans. A part whose pieces stop without `End` broke off.
enum Piece {
    Bytes(Bytes),
    End,
}

type Pieces = mpsc::Receiver<Piece>;

/// What became of one part.
enum Outcome {
    Stored(Accepted),
    Failed(IngestError),
    /// Its media type is not DICOM.
    NotDicom,
}

enum Handed {
    Staged(Staged),
    Failed(IngestError),
    NotDicom,
}

/// A thread that owns the batch and scans one part after another, and a task that waits for what it staged.
struct Worker {
    parts: mpsc::Sender<Pieces>,
    handed: mpsc::UnboundedSender<Handed>,
    thread: JoinHandle<()>,
    outcomes: JoinHandle<Vec<Outcome>>,
}

impl Worker {
    fn start(mut batch: Batch, study: Option<Uid>) -> Self {
        let (parts, mut parts_here) = mpsc::channel::<Pieces>(PARTS_WAITING_MAX);
        let (handed, mut handed_here) = mpsc::unbounded_channel();
        let tell = handed.clone();
        let thread = tokio::task::spawn_blocking(move || {
            let source = Source::Part10 { study };
            while let Some(pieces) = parts_here.blocking_recv() {
                let mut reader = PieceReader { pieces, now: Bytes::new(), ended: false };
                let became = match batch.stage(&source, &mut reader) {
                    Ok(staged) => Handed::Staged(staged),
                    Err(error) => Handed::Failed(error),
                };
                if tell.send(became).is_err() {
                    return;
                }
            }
            batch.finish();
        });
        let outcomes = tokio::spawn(async move {
            let mut outcomes = Vec::new();
            while let Some(became) = handed_here.recv().await {
                outcomes.push(match became {
                    Handed::Staged(staged) => staged.durable().await.map_or_else(Outcome::Failed, Outcome::Stored),
                    Handed::Failed(error) => Outcome::Failed(error),
                    Handed::NotDicom => Outcome::NotDicom,
                });
            }
            outcomes
        });
        Self { parts, handed, thread, outcomes }
    }

    async fn begin_part(&self) -> Result<mpsc::Sender<Piece>, Failure> {
        let (pieces, pieces_there) = mpsc::channel(CHUNKS_WAITING_MAX);
        self.parts.send(pieces_there).await.map_err(|_| Failure::Internal)?;
        Ok(pieces)
    }

    fn refuse_part(&self) {
        // the receiver lives until this sender is dropped
        let _ = self.handed.send(Handed::NotDicom);
    }

    async fn finish(self) -> Result<Vec<Outcome>, Failure> {
        let Self { parts, handed, thread, outcomes } = self;
        drop((parts, handed));
        if thread.await.is_err() {
            tracing::error!("a STOW-RS request ended in a panic");
            return Err(Failure::Internal);
        }
        outcomes.await.map_err(|_| Failure::Internal)
    }
}

/// The pieces of one part as a reader. It blocks; the sender's own limits end the wait.
struct PieceReader {
    pieces: Pieces,
    now: Bytes,
    ended: bool,
}

impl Read for PieceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.now.is_empty() && !self.ended {
            match self.pieces.blocking_recv() {
                Some(Piece::Bytes(bytes)) => self.now = bytes,
                Some(Piece::End) => self.ended = true,
                // the body did not come to its end: the client went away, or nothing came for too long
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let length = self.now.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.now.split_to(length));
        Ok(length)
    }
}

/// The response of PS3.18 section 10.5.3.
fn report(dicom_web: &str, study: Option<&Uid>, outcomes: &[Outcome], answer_type: HeaderValue) -> Response {
    let (mut stored, mut failed, mut other, mut studies) = (Vec::new(), Vec::new(), Vec::new(), BTreeSet::new());
    let mut only_storage_failed = true;
    for outcome in outcomes {
        let reason = match outcome {
            Outcome::Stored(Accepted { identity, study, series, .. }) => {
                studies.insert(study);
                let mut item = sop(identity);
                item.made("00081190", "UR", instance_place(dicom_web, study, series, &identity.sop_instance));
                stored.push(item);
                continue;
            }
            Outcome::Failed(error) => {
                only_storage_failed &= matches!(error, IngestError::NoRoom { .. } | IngestError::NotStored { .. });
                failure_reason(error)
            }
            Outcome::NotDicom => {
                only_storage_failed = false;
                CANNOT_UNDERSTAND
            }
        };
        let identity = if let Outcome::Failed(error) = outcome { error.identity() } else { None };
        let (mut item, list) = match identity {
            Some(identity) => (sop(identity), &mut failed),
            None => (Attributes::default(), &mut other),
        };
        item.number("00081197", "US", reason);
        list.push(item);
    }
    let status = match (stored.is_empty(), failed.is_empty() && other.is_empty()) {
        (false, true) => StatusCode::OK,
        (false, false) => StatusCode::ACCEPTED,
        (true, _) if only_storage_failed => StatusCode::SERVICE_UNAVAILABLE,
        (true, _) => StatusCode::CONFLICT,
    };
    let mut object = Attributes::default();
    if let Some(study) = study.or_else(|| studies.first().copied().filter(|_| studies.len() == 1)) {
        object.made("00081190", "UR", format!("{dicom_web}/studies/{study}"));
    }
    // Failed SOP Sequence, Referenced SOP Sequence, Other Failures Sequence (PS3.18 Table 10.5.3-1)
    for (tag, items) in [("00081198", failed), ("00081199", stored), ("0008119A", other)] {
        if !items.is_empty() {
            object.items(tag, items);
        }
    }
    let mut response = (status, json::of(&object)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, answer_type);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
    }
    response
}

fn sop(identity: &Identity) -> Attributes<'_> {
    let mut item = Attributes::default();
    item.text("00081150", "UI", identity.sop_class.as_str());
    item.text("00081155", "UI", identity.sop_instance.as_str());
    item
}

/// Cannot understand (PS3.18 Table 10.5.3-2, PS3.4 B.2.3); the same codes as a C-STORE is answered with.
const CANNOT_UNDERSTAND: u16 = 0xC000;

fn failure_reason(error: &IngestError) -> u16 {
    match error {
        IngestError::NotUnderstood(_) | IngestError::Interrupted(_) => CANNOT_UNDERSTAND,
        // out of resources
        IngestError::NoRoom { .. } => 0xA700,
        IngestError::NotStored { .. } => 0xA701,
        IngestError::TooLarge(_) => 0xA702,
        // the data set does not match what was announced
        IngestError::OtherClass { .. } | IngestError::OtherInstance { .. } | IngestError::OtherStudy { .. } => 0xA900,
    }
}
