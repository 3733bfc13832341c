//! What the handlers work with.

use std::sync::Arc;

use archive::{Intake, Reader, WardenLink};
use codecs::Renderer;
use tokio::sync::Semaphore;

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
    /// Where DICOMweb begins as clients see it, for RetrieveURL and BulkDataURI.
    pub(crate) dicom_web: Arc<str>,
    /// Frames that are held for a picture, and reports that are drawn, at one time.
    pub(crate) rendering: Arc<Semaphore>,
    /// STOW-RS requests at one time.
    pub(crate) storing: Arc<Semaphore>,
}

/// As many as there are processors: more of them would only wait for each other, and hold memory.
fn rendering_max() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).max(codecs::WORKERS_MIN.into())
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
            dicom_web: format!("{}/dicom-web", public_origin.trim_end_matches('/')).into(),
            rendering: Arc::new(Semaphore::new(rendering_max())),
            storing: Arc::new(Semaphore::new(STORING_MAX)),
        }
    }
}

/// The warden answered something else than it was asked.
pub(crate) fn unexpected() -> Failure {
    tracing::error!("the warden answered something else than it was asked; front and warden are of different versions");
    Failure::Internal
}
