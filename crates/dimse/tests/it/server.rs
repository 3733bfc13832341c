//! A server with a store and a warden beside it, in a temporary folder.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use archive::{Caller, Handover, Intake, IntakeSettings, NotAdmitted, Reader, WardenLink};
use dimse::{Devices, DimseLimits, DimseServer, Settings};
use dpop::Thumbprint;
use futures::StreamExt;
use model::{DeviceId, Uid};
use policy::Service;
use protocol::{AssociationRefusal, Credential, Scope};
use store::Store;

use crate::warden::{FakeWarden, Serving, TestClock};

/// Devices by AE title: from where, and for what; what was refused; and the certificates of those who are bound to one.
#[derive(Default)]
pub struct TestDevices(
    pub Mutex<Vec<(String, IpAddr, Vec<Service>)>>,
    pub Mutex<Vec<(String, AssociationRefusal)>>,
    pub Mutex<HashMap<String, Thumbprint>>,
);

impl Devices for TestDevices {
    fn admit(&self, ae_title: &str, caller: Caller, service: Service) -> Result<DeviceId, NotAdmitted> {
        let devices = self.0.lock().unwrap();
        let index = devices.iter().position(|(title, ..)| title == ae_title).ok_or(NotAdmitted::Unknown)?;
        let (_, from, may) = &devices[index];
        if *from != caller.address {
            Err(NotAdmitted::Address)
        } else if self.2.lock().unwrap().get(ae_title) != caller.certificate.as_ref() {
            Err(NotAdmitted::Certificate)
        } else if may.contains(&service) {
            Ok(DeviceId(index as u32))
        } else {
            Err(NotAdmitted::Service)
        }
    }

    fn refused(&self, calling_ae_title: &str, _: IpAddr, reason: AssociationRefusal) {
        self.1.lock().unwrap().push((calling_ae_title.to_owned(), reason));
    }
}

pub struct TestServer {
    pub folder: tempfile::TempDir,
    pub runtime: tokio::runtime::Runtime,
    pub warden: FakeWarden,
    pub serving: Serving,
    pub store: Store,
    pub link: WardenLink,
    pub reader: Reader,
    pub handover: Handover,
    pub devices: Arc<TestDevices>,
    pub server: DimseServer,
}

pub fn short_limits() -> DimseLimits {
    let moment = Duration::from_millis(400);
    DimseLimits {
        associate_time: moment,
        handshake_time: moment,
        idle_time: moment,
        pdu_time: moment,
        ..DimseLimits::default()
    }
}

impl TestServer {
    pub fn new() -> Self {
        Self::with(Settings::default(), IntakeSettings::default())
    }

    pub fn with(settings: Settings, intake: IntakeSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let guard = runtime.enter();
        let (_, told) = TestClock::new();
        let warden = FakeWarden::new(told.clone());
        let socket = folder.path().join("warden.sock");
        let serving = warden.serve(&socket);
        let front = folder.path().join("front");
        let (store, _) = Store::open(&front, store::Options::default(), store::files()).unwrap();
        let link = WardenLink::start(&socket, &front, warden.site(), told.clone());
        let reader = Reader::new(store.clone(), link.clone(), told.clone());
        let handover = Handover::start(store.clone(), link.clone(), Some(reader.clone()));
        let here = IpAddr::from([127, 0, 0, 1]);
        let devices = vec![
            ("CT1".into(), here, vec![Service::Echo, Service::Store]),
            ("ELSEWHERE".into(), [192, 0, 2, 1].into(), vec![Service::Echo, Service::Store]),
            ("LISTER".into(), here, vec![Service::Echo]),
        ];
        let devices = Arc::new(TestDevices(Mutex::new(devices), Mutex::default(), Mutex::default()));
        let intake = Intake::new(store.clone(), &warden.site(), intake, told);
        let server =
            DimseServer::bind(SocketAddr::new(here, 0), intake, Arc::clone(&devices) as Arc<dyn Devices>, settings)
                .unwrap();
        drop(guard);
        Self { folder, runtime, warden, serving, store, link, reader, handover, devices, server }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// What the warden filed, as stored, of one study.
    pub fn stored(&self, study: &str) -> Vec<Vec<u8>> {
        self.runtime.block_on(async {
            self.handover.handover_idle().await.unwrap();
            let credential = Credential::DeviceToken { token: "token".into(), origin: model::Origin::default() };
            let open = self.reader.open(&credential, &Uid::parse(study).unwrap(), Scope::Images).await.unwrap();
            let mut all = Vec::new();
            for instance in open.instances() {
                let blocks = open.stored(instance).await.unwrap().stream;
                let blocks = blocks.map(|block| block.unwrap().to_vec()).collect::<Vec<_>>().await;
                all.push(blocks.concat());
            }
            all
        })
    }

    /// How many instances are durable.
    pub fn durable(&self) -> u64 {
        self.store.outbox().last
    }

    /// Waits until no connection is left.
    pub fn until_alone(&self) {
        while self.server.associations() + self.server.waiting() > 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
