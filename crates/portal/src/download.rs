//! `POST /api/studies/{study}/download`: a study as DICOM files with a DICOMDIR, in a zip that is encrypted.

use archive::Download;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::address::Path;
use crate::app::Serving;
use crate::credential::Caller;
use crate::errors::Failure;
use crate::qido::study_uid;
use crate::wado::logged;

/// What opens the zip. In a field of the header, so that it is in no address and in no log; the page shows it once.
const SECRET: HeaderName = HeaderName::from_static("leadglass-secret");

/// The zip. The entry `opened` with the scope `download` is durable before its first byte.
pub(crate) async fn study(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(study): Path<String>,
) -> Result<Response, Failure> {
    let open = serving.reader.open_to_download(&caller, &study_uid(&study)?).await?;
    let Download { secret, stream } = open.download().await?;
    let mut secret = HeaderValue::from_str(&secret).map_err(|_| Failure::Internal)?;
    secret.set_sensitive(true);
    let mut response = Body::from_stream(logged(stream)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"images.zip\""));
    headers.insert(SECRET, secret);
    Ok(response)
}
