//! A front with a warden beside it, in a temporary folder.

use std::borrow::Borrow;
use std::path::PathBuf;
use std::sync::Arc;

use archive::{
    Accepted, Batch, Clock, Handover, IngestError, Intake, IntakeActor, IntakeSettings, OpenStudy, Reader, Source,
    WardenLink,
};
use model::{DeviceId, Origin, Uid};
use protocol::{Credential, Scope};
use store::Store;

use crate::objects::Object;
use crate::warden::{FakeWarden, Serving, TestClock};

pub struct Front {
    pub folder: tempfile::TempDir,
    pub clock: TestClock,
    pub told: Clock,
    pub warden: FakeWarden,
    pub serving: Option<Serving>,
    pub store: Store,
    pub link: WardenLink,
    pub reader: Reader,
    pub intake: Intake,
    pub handover: Handover,
}

impl Front {
    pub fn new() -> Self {
        Self::with(IntakeSettings::default())
    }

    pub fn with(settings: IntakeSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (clock, told) = TestClock::new();
        let warden = FakeWarden::new(told.clone());
        let serving = Some(warden.serve(&folder.path().join("warden.sock")));
        let (store, _) = Store::open(&folder.path().join("front"), store::Options::default(), store::files()).unwrap();
        let site = warden.site();
        let link =
            WardenLink::start(&folder.path().join("warden.sock"), &folder.path().join("front"), site, told.clone());
        let reader = Reader::new(store.clone(), link.clone(), told.clone());
        let intake = Intake::new(store.clone(), &warden.site(), settings, told.clone());
        let handover = Handover::start(store.clone(), link.clone(), Some(reader.clone()));
        Self { folder, clock, told, warden, serving, store, link, reader, intake, handover }
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("warden.sock")
    }

    pub fn batch(&self) -> Batch {
        let origin = Origin("192.0.2.1".into());
        self.intake.begin_batch(IntakeActor { device: Some(DeviceId(1)), origin })
    }

    /// Takes objects in, in one batch, and waits until the warden has them.
    pub async fn take_in<O: Borrow<Object>>(&self, objects: &[O]) -> Vec<Accepted> {
        let mut batch = self.batch();
        let accepted = objects.iter().map(|object| store(&mut batch, &object.borrow().part10()).unwrap()).collect();
        batch.finish();
        self.handover.handover_idle().await.unwrap();
        accepted
    }

    pub async fn open(&self, study: &str) -> Arc<OpenStudy> {
        self.reader.open(&reader(), &uid(study), Scope::Images).await.unwrap()
    }
}

pub fn store(batch: &mut Batch, part10: &[u8]) -> Result<Accepted, IngestError> {
    batch.store(&Source::Part10 { study: None }, &mut &part10[..])
}

pub fn reader() -> Credential {
    session("token", "192.0.2.9", Some(KEY))
}

/// The key of a browser whose proof holds.
pub const KEY: dpop::Thumbprint = dpop::Thumbprint([7; 32]);

pub fn session(token: &str, origin: &str, key: Option<dpop::Thumbprint>) -> Credential {
    let (jwt, body) = (String::new(), Vec::new());
    let proof = protocol::Proof { jwt, method: "GET".into(), path: String::new(), query: String::new(), body, key };
    Credential::Session { token: token.into(), origin: Origin(origin.into()), proof: Box::new(proof) }
}

pub fn uid(text: &str) -> Uid {
    Uid::parse(text).unwrap()
}
