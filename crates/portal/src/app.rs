//! What the handlers work with.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use archive::{Intake, Reader, WardenLink};
use codecs::{Reader as PictureReader, Renderer};
use protocol::Credential;
use tokio::sync::Semaphore;

use crate::download::Downloads;
use crate::errors::Failure;

/// What the portal serves: the use cases of the front.
#[derive(Clone)]
pub struct App {
    /// The conversation with the warden.
    pub warden: WardenLink,
    /// Listing and opening.
    pub reader: Reader,
    /// Taking in.
    pub intake: Intake,
    /// Pictures of frames.
    pub renderer: Arc<dyn Renderer>,
}

/// The same, with what this portal knows of itself.
#[derive(Clone)]
pub(crate) struct Serving {
    pub(crate) warden: WardenLink,
    pub(crate) reader: Reader,
    pub(crate) intake: Intake,
    pub(crate) renderer: Arc<dyn Renderer>,
    /// Tells readers of pictures apart without saying anything about them.
    readers: RandomState,
    /// Where DICOMweb begins as clients see it, for RetrieveURL and BulkDataURI.
    pub(crate) dicom_web: Arc<str>,
    /// Frames that are held for a picture, and reports that are drawn, at one time.
    pub(crate) rendering: Arc<Semaphore>,
    /// STOW-RS requests at one time.
    pub(crate) storing: Arc<Semaphore>,
    /// Studies that are taken along at one time.
    pub(crate) downloads: Downloads,
}

/// One more than there are processors, as there are codec workers: one reader has at most all of these but one.
fn rendering_max() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get) + 1
}

/// The most STOW-RS requests at one time: each holds a thread and its chunks.
pub const STORING_MAX: usize = 64;

impl Serving {
    pub(crate) fn new(app: App, public_origin: &str) -> Self {
        Self {
            warden: app.warden,
            reader: app.reader,
            intake: app.intake,
            renderer: app.renderer,
            readers: RandomState::new(),
            dicom_web: format!("{}/dicom-web", public_origin.trim_end_matches('/')).into(),
            rendering: Arc::new(Semaphore::new(rendering_max())),
            storing: Arc::new(Semaphore::new(STORING_MAX)),
            downloads: Downloads::default(),
        }
    }

    /// Who asks for a picture: a session or a token, whichever request carries it.
    pub(crate) fn reader_of(&self, caller: &Credential) -> PictureReader {
        let token = match caller {
            Credential::Session { token, .. }
            | Credential::DeviceToken { token, .. }
            | Credential::BoundToken { token, .. } => token,
            Credential::Stranger { .. } | Credential::Owner => "",
        };
        PictureReader(self.readers.hash_one(token))
    }
}

/// The warden answered something else than it was asked.
pub(crate) fn unexpected() -> Failure {
    tracing::error!("the warden answered something else than it was asked; front and warden are of different versions");
    Failure::Internal
}
