//! A warden for tests: files and releases by Study Instance UID, opens what was sealed to its site, and records nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use archive::Site;
use futures::StreamExt;
use model::{Instant, KeyId, ObjectId, Origin, PatientNumber, SiteId, StudyNumber, Uid};
use protocol::{
    Credential, DeviceEntry, HandoverBody, HandoverRecord, HandoverReply, Hello, Invalid, ListReply, ListRequest,
    ObjectVerdict, OpenReply, OpenRequest, PROTOCOL_VERSION, PageReply, PageRequest, PatientRow, Refusal,
    RefusedAssociation, ReleasedKey, ReleasedStudy, Scope, SignInReply, SignInRequest, SignedDevices, StoredNote,
    StudyRow, Verdict, Warden,
};
use seal::{BatchKeys, ObjectContext, ObjectKind, RootSecret, SigningKey, SiteSecretKey};
use tarpc::context::Context;
use tarpc::server::{BaseChannel, Channel as _};

/// How long this warden's leases last, in seconds.
pub const LEASE_SECONDS: i64 = 60;

#[derive(Clone)]
pub struct FakeWarden {
    shared: Arc<Shared>,
}

struct Shared {
    site: SiteId,
    secret: SiteSecretKey,
    signing: SigningKey,
    clock: archive::Clock,
    state: Mutex<State>,
}

#[derive(Default)]
pub struct State {
    pub sequence: u64,
    pub chain: [u8; 32],
    pub keys: HashMap<KeyId, BatchKeys>,
    pub studies: Vec<FakeStudy>,
    pub devices: Vec<DeviceEntry>,
    /// What was filed, for records that come again.
    pub filed: HashMap<ObjectId, StudyNumber>,
    /// The version of the messages that it speaks, where it is not this one.
    pub speaks: Option<u16>,
    /// How long listing takes, in milliseconds.
    pub slow_list: u64,
    /// SOP Instance UID: content hash and study.
    pub instances: HashMap<Uid, ([u8; 32], StudyNumber)>,
    pub notes: Vec<StoredNote>,
    pub bodies: Vec<HandoverBody>,
    /// How often `open` released something.
    pub opened: usize,
    pub listed: usize,
    /// Answers every opening and signing in or out with this.
    pub refuse: Option<Refusal>,
    /// Objects whose verdict is `Unreadable`, with why.
    pub unreadable: Vec<ObjectId>,
    /// Refused associations that were reported.
    pub refused: Vec<RefusedAssociation>,
}

pub struct FakeStudy {
    pub uid: Uid,
    /// Patient ID of the data sets.
    pub sent_for: String,
    pub keys: HashSet<KeyId>,
    pub patient: PatientRow,
    pub moved: bool,
}

/// A running server; dropping it cuts every connection.
pub struct Serving {
    task: tokio::task::JoinHandle<()>,
    connections: Arc<Mutex<Vec<tokio::task::JoinHandle<()>>>>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
        self.connections.lock().unwrap().iter().for_each(tokio::task::JoinHandle::abort);
    }
}

impl FakeWarden {
    pub fn new(clock: archive::Clock) -> Self {
        let root = RootSecret::from_bytes(&[42; 32]);
        let shared = Shared {
            site: SiteId([3; 16]),
            secret: root.site_secret_key(),
            signing: root.site_signing_key(),
            clock,
            state: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    pub fn site(&self) -> Site {
        Site {
            id: self.shared.site,
            name: "Test".into(),
            public_key: self.shared.secret.public(),
            verifying_key: self.shared.signing.verifying_key(),
        }
    }

    pub fn state<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.shared.state.lock().unwrap())
    }

    pub fn serve(&self, socket: &Path) -> Serving {
        let listener = protocol::bind(socket).unwrap();
        let connections: Arc<Mutex<Vec<tokio::task::JoinHandle<()>>>> = Arc::default();
        let (warden, opened) = (self.clone(), Arc::clone(&connections));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = warden.clone();
                opened.lock().unwrap().push(tokio::spawn(async move {
                    BaseChannel::with_defaults(protocol::listen(stream))
                        .execute(service.serve())
                        .for_each(|response| async {
                            tokio::spawn(response);
                        })
                        .await;
                }));
            }
        });
        Serving { task, connections }
    }

    fn take(&self, state: &mut State, record: &HandoverRecord) -> Result<Vec<ObjectVerdict>, Refusal> {
        let chain = HandoverRecord::chain_after(&state.chain, record.sequence, &record.body);
        if record.sequence != state.sequence + 1 || record.chain != chain {
            return Err(Refusal::Invalid(Invalid::Chain { sequence: record.sequence, expected: state.sequence }));
        }
        (state.sequence, state.chain) = (record.sequence, record.chain);
        let body: HandoverBody = postcard::from_bytes(&record.body).unwrap();
        for wrapped in &body.keys {
            let keys = self.shared.secret.unwrap(self.shared.site, wrapped.key, &wrapped.wrapped).unwrap();
            state.keys.insert(wrapped.key, keys);
        }
        let mut verdicts = Vec::new();
        for object in &body.objects {
            let (object, key) = (object.object, object.key);
            let context = ObjectContext { site: self.shared.site, key, object, kind: ObjectKind::Note };
            let sealed = &body.objects.iter().find(|o| o.object == object).unwrap().sealed_note;
            let verdict = match state.keys.get(&key) {
                Some(keys) => {
                    let note = seal::open_blob(&keys.listing, context, sealed).unwrap();
                    state.file(key, postcard::from_bytes(&note).unwrap())
                }
                None => {
                    state.unreadable.push(object);
                    Verdict::Unreadable
                }
            };
            if let Verdict::Accepted { study } | Verdict::Conflict { study } = &verdict {
                state.filed.insert(object, *study);
            }
            verdicts.push(ObjectVerdict { object, verdict });
        }
        state.bodies.push(body);
        Ok(verdicts)
    }

    fn release(&self, state: &State, study: usize, scope: Scope) -> ReleasedStudy {
        let own = &state.studies[study];
        let keys = own.keys.iter().map(|key| {
            let keys = &state.keys[key];
            ReleasedKey {
                key: *key,
                data_key: (scope != Scope::Listing).then(|| *keys.data.expose()),
                listing_key: *keys.listing.expose(),
            }
        });
        ReleasedStudy {
            row: row_of(study, own),
            moved: own.moved,
            keys: keys.collect(),
            lease_until: self.shared.clock.now().plus_seconds(LEASE_SECONDS),
        }
    }
}

fn row_of(number: usize, own: &FakeStudy) -> StudyRow {
    StudyRow {
        number: StudyNumber(number as u32),
        patient: own.patient.clone(),
        uid: own.uid.clone(),
        date: String::new(),
        time: String::new(),
        accession_number: String::new(),
        id: String::new(),
        description: String::new(),
        referring_physician: String::new(),
        modalities: vec![],
        sop_classes: vec![],
        series: 1,
        instances: 1,
        conflict: false,
        cold: false,
    }
}

impl State {
    fn file(&mut self, key: KeyId, note: StoredNote) -> Verdict {
        // two patients' studies may carry one UID
        let same = |study: &FakeStudy| study.uid == note.study.uid && study.sent_for == note.patient.id;
        let number = match self.studies.iter().position(same) {
            Some(number) => number,
            None => {
                let patient = PatientRow {
                    number: PatientNumber(self.studies.len() as u32),
                    id: note.patient.id.clone(),
                    issuer: note.patient.issuer.clone(),
                    name: note.patient.name.clone(),
                    birth_date: note.patient.birth_date.clone(),
                    sex: note.patient.sex.clone(),
                    studies: 1,
                };
                let uid = note.study.uid.clone();
                let sent_for = note.patient.id.clone();
                self.studies.push(FakeStudy { uid, sent_for, keys: HashSet::new(), patient, moved: false });
                self.studies.len() - 1
            }
        };
        let study = StudyNumber(number as u32);
        let known = self.instances.get(&note.instance.uid).cloned();
        let verdict = match known {
            Some((content, _)) if content == note.content => return Verdict::Duplicate,
            Some(_) => Verdict::Conflict { study },
            None => Verdict::Accepted { study },
        };
        self.studies[number].keys.insert(key);
        self.instances.entry(note.instance.uid.clone()).or_insert((note.content, study));
        self.notes.push(note);
        verdict
    }

    pub fn by_study(&self) -> BTreeMap<Uid, usize> {
        let mut counts = BTreeMap::new();
        self.notes.iter().for_each(|note| *counts.entry(note.study.uid.clone()).or_default() += 1);
        counts
    }
}

impl Warden for FakeWarden {
    async fn hello(self, _: Context, version: u16) -> Result<Hello, Refusal> {
        let theirs = self.state(|state| state.speaks).unwrap_or(PROTOCOL_VERSION);
        if version != theirs {
            return Err(Refusal::Version { theirs });
        }
        self.state(|state| {
            let list = serde_json::to_vec(&state.devices).unwrap();
            let message = [b"leadglass device list v1\n".as_slice(), &list].concat();
            Ok(Hello {
                site: self.shared.site,
                site_name: "Test".into(),
                site_public_key: self.shared.secret.public().to_bytes(),
                next_outbox_sequence: state.sequence + 1,
                outbox_chain: state.chain,
                devices: SignedDevices { signature: self.shared.signing.sign(&message).to_vec(), list },
                tls_key_pem: None,
                proof_nonces: Vec::new(),
            })
        })
    }

    async fn handover(self, _: Context, records: Vec<HandoverRecord>) -> Result<HandoverReply, Refusal> {
        self.state(|state| {
            let mut verdicts = Vec::new();
            for record in records.iter().filter(|record| record.sequence <= state.sequence) {
                let body: HandoverBody = postcard::from_bytes(&record.body).unwrap();
                verdicts.extend(body.objects.iter().map(|object| ObjectVerdict {
                    object: object.object,
                    verdict: match state.filed.get(&object.object) {
                        Some(study) => Verdict::Accepted { study: *study },
                        None => Verdict::Unreadable,
                    },
                }));
            }
            for record in records.iter().filter(|record| record.sequence > state.sequence).collect::<Vec<_>>() {
                verdicts.extend(self.take(state, record)?);
            }
            Ok(HandoverReply { acknowledged: state.sequence, verdicts })
        })
    }

    async fn list(self, _: Context, _: Credential, request: ListRequest) -> Result<ListReply, Refusal> {
        tokio::time::sleep(std::time::Duration::from_millis(self.state(|state| state.slow_list))).await;
        self.state(|state| {
            state.listed += 1;
            let wanted = |study: &FakeStudy| {
                request.matches.iter().all(|wanted| match wanted.tag {
                    0x0020_000D => study.uid.as_str() == wanted.value,
                    0x0010_0020 => study.patient.id == wanted.value,
                    _ => true,
                })
            };
            let matching: Vec<_> = (0..state.studies.len()).filter(|&number| wanted(&state.studies[number])).collect();
            let page = matching.iter().skip(request.offset as usize).take(request.limit as usize);
            let listings = page.map(|&number| self.release(state, number, Scope::Listing)).collect();
            let more = matching.len() > (request.offset + request.limit) as usize;
            Ok(ListReply { listings, more, ..ListReply::default() })
        })
    }

    async fn open(self, _: Context, _: Credential, request: OpenRequest) -> Result<OpenReply, Refusal> {
        // long enough for others to arrive while this one is being answered
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        self.state(|state| {
            if let Some(refusal) = &state.refuse {
                return Err(refusal.clone());
            }
            let numbers = (0..state.studies.len()).filter(|&number| state.studies[number].uid == request.study);
            let studies: Vec<_> = numbers.map(|number| self.release(state, number, request.scope)).collect();
            if studies.is_empty() {
                return Err(Refusal::NotFound);
            }
            state.opened += 1;
            Ok(OpenReply { studies })
        })
    }

    async fn sign_in(self, _: Context, _: Origin, _: SignInRequest) -> Result<SignInReply, Refusal> {
        self.state(|state| state.refuse.clone()).map_or(Ok(SignInReply::Done), Err)
    }

    async fn ask(self, _: Context, _: Credential, _: PageRequest) -> Result<PageReply, Refusal> {
        Ok(PageReply::Done)
    }

    async fn refused(self, _: Context, associations: Vec<RefusedAssociation>) -> Result<(), Refusal> {
        self.state(|state| state.refused.extend(associations));
        Ok(())
    }

    async fn pulse(self, _: Context) {}

    async fn order(
        self,
        _: Context,
        _: protocol::OrderCaller,
        _: protocol::OrderAsk,
    ) -> Result<protocol::OrderReply, Refusal> {
        Err(Refusal::NotAllowed)
    }

    async fn lies_on(self, _: Context, _: protocol::FrontDisk) -> Result<(), Refusal> {
        Ok(())
    }
}

/// A clock that a test moves.
#[derive(Clone)]
pub struct TestClock(Arc<Mutex<Instant>>);

impl TestClock {
    pub fn new() -> (Self, archive::Clock) {
        let own = Self(Arc::new(Mutex::new(Instant(1_700_000_000_000_000))));
        let told = own.clone();
        (own, archive::Clock::telling(move || *told.0.lock().unwrap()))
    }

    pub fn pass(&self, seconds: i64) {
        let mut now = self.0.lock().unwrap();
        *now = now.plus_seconds(seconds);
    }
}
