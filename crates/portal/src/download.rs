//! `POST /api/studies/{study}/download`: a study as DICOM files with a DICOMDIR, in a zip that is encrypted. Few at one time, one for each
//! reader: each holds keys and reads a whole study, and whoever opened a link may ask for it too.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use archive::Download;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;

use crate::address::Path;
use crate::app::Serving;
use crate::credential::Caller;
use crate::errors::Failure;
use crate::qido::study_uid;
use crate::wado::logged;

/// What opens the zip. In a field of the header, so that it is in no address and in no log; the page shows it once.
const SECRET: HeaderName = HeaderName::from_static("leadglass-secret");

/// The most downloads at one time.
pub const DOWNLOADS_MAX: usize = 4;
/// Seconds after which to ask again.
const AGAIN_SECONDS: u32 = 30;

/// Readers to whom a study is on its way. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Downloads(Arc<Mutex<HashSet<u64>>>);

/// The place of one download, until its stream ends or breaks off.
struct Place {
    of: Downloads,
    reader: u64,
}

impl Downloads {
    fn place(&self, reader: u64) -> Result<Place, Failure> {
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() >= DOWNLOADS_MAX || !readers.insert(reader) {
            return Err(Failure::TooManyDownloads { seconds: AGAIN_SECONDS });
        }
        Ok(Place { of: self.clone(), reader })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.of.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.reader);
    }
}

/// The zip. The entry `opened` with the scope `download` is durable before its first byte.
pub(crate) async fn study(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(study): Path<String>,
) -> Result<Response, Failure> {
    let place = serving.downloads.place(serving.reader_of(&caller).0)?;
    let open = serving.reader.open_to_download(&caller, &study_uid(&study)?).await?;
    let Download { secret, stream } = open.download().await?;
    let mut secret = HeaderValue::from_str(&secret).map_err(|_| Failure::Internal)?;
    secret.set_sensitive(true);
    let stream = logged(stream).map(move |block| {
        let _held = &place;
        block
    });
    let mut response = Body::from_stream(stream).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"images.zip\""));
    headers.insert(SECRET, secret);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_are_on_their_way_at_once_and_one_to_each_reader() {
        let downloads = Downloads::default();
        let mut places: Vec<Place> = (0..4).map(|reader| downloads.place(reader).expect("there is a place")).collect();
        assert!(downloads.place(9).is_err(), "a fifth");
        places.pop();
        assert!(downloads.place(0).is_err(), "a second one of the same reader");
        let place = downloads.place(9).expect("a place is free");
        drop((place, places));
        assert!(downloads.place(0).is_ok());
    }
}
