//! A warden of the tests' own, behind a real socket: it decides by who the token says it is, and remembers who asked.
//!
//! It files what is handed over as the real one does, opens the wraps with the site's secret key, and releases keys.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use model::{
    DeviceId, DeviceMay, EntryNumber, Instant, KeyId, PatientNumber, PersonId, Role, SECOND, SessionId, SiteId,
    StudyNumber, Uid, Window,
};
use protocol::*;
use seal::{BatchKeys, ObjectContext, ObjectKind, RootSecret, SystemRandom, open_blob};
use tarpc::context::Context;
use tarpc::server::{BaseChannel, Channel as _};
use tokio::net::UnixListener;

pub const SITE: SiteId = SiteId([7; 16]);
pub const LEASE_SECONDS: i64 = 300;

/// What the test's people hold.
pub const RADIOLOGIST: &str = "token-of-a-radiologist";
pub const ADMINISTRATOR: &str = "token-of-an-administrator";
pub const WORKSTATION: &str = "token-of-a-workstation";
pub const MODALITY: &str = "token-of-a-modality";
/// What proofs are made with.
pub const NONCE: &str = "nonce-of-the-double";
pub const PASSWORD: &str = "correct horse battery staple";

#[derive(Clone)]
pub struct Double {
    root: Arc<RootSecret>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    chain: (u64, [u8; 32]),
    keys: HashMap<KeyId, BatchKeys>,
    studies: Vec<Filed>,
    objects: HashMap<Uid, [u8; 32]>,
    /// Method and caller of every call that carries a credential.
    asked: Vec<(&'static str, &'static str)>,
    moved_to: HashMap<StudyNumber, PatientRow>,
    away: Option<Refusal>,
}

struct Filed {
    row: StudyRow,
    keys: Vec<KeyId>,
    series: BTreeMap<Uid, SeriesRow>,
}

impl Double {
    pub fn new() -> Self {
        Self { root: Arc::new(RootSecret::generate(&mut SystemRandom)), state: Arc::default() }
    }

    pub fn site(&self) -> archive::Site {
        archive::Site {
            id: SITE,
            name: "Practice".into(),
            public_key: self.root.site_secret_key().public(),
            verifying_key: self.root.site_signing_key().verifying_key(),
        }
    }

    pub async fn serve(self, listener: UnixListener) {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = self.clone();
            tokio::spawn(
                BaseChannel::with_defaults(protocol::listen(stream)).execute(Warden::serve(service)).for_each(
                    |response| async {
                        tokio::spawn(response);
                    },
                ),
            );
        }
    }

    /// Who asked for what since the last time.
    pub fn asked(&self) -> Vec<(&'static str, &'static str)> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }

    /// Answers everything with `refusal` from now on.
    pub fn answer_with(&self, refusal: Option<Refusal>) {
        self.state.lock().unwrap().away = refusal;
    }

    /// Files a study under another patient.
    pub fn move_study(&self, uid: &str, patient: PatientRow) {
        let mut state = self.state.lock().unwrap();
        let number = state.studies.iter().find(|study| study.row.uid.as_str() == uid).unwrap().row.number;
        state.moved_to.insert(number, patient);
    }

    fn heard(&self, method: &'static str, credential: &Credential) -> Result<Caller, Refusal> {
        let caller = Caller::of(credential);
        let mut state = self.state.lock().unwrap();
        state.asked.push((method, caller.name()));
        if let Some(refusal) = &state.away {
            return Err(refusal.clone());
        }
        match caller {
            Caller::Stranger => Err(Refusal::SignedOut),
            known => Ok(known),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Caller {
    Radiologist,
    Administrator,
    Workstation,
    Modality,
    Stranger,
}

impl Caller {
    fn of(credential: &Credential) -> Self {
        match credential {
            Credential::Session { token, .. } if token == RADIOLOGIST => Self::Radiologist,
            Credential::Session { token, .. } if token == ADMINISTRATOR => Self::Administrator,
            Credential::DeviceToken { token, .. } if token == WORKSTATION => Self::Workstation,
            Credential::DeviceToken { token, .. } if token == MODALITY => Self::Modality,
            _ => Self::Stranger,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Radiologist => "radiologist",
            Self::Administrator => "administrator",
            Self::Workstation => "workstation",
            Self::Modality => "modality",
            Self::Stranger => "stranger",
        }
    }

    fn reads(self) -> Result<(), Refusal> {
        match self {
            Self::Radiologist | Self::Workstation => Ok(()),
            _ => Err(Refusal::NotAllowed),
        }
    }
}

pub fn now() -> Instant {
    archive::Clock::system().now()
}

impl Warden for Double {
    async fn hello(self, _: Context, version: u16) -> Result<Hello, Refusal> {
        if version != PROTOCOL_VERSION {
            return Err(Refusal::Version { theirs: PROTOCOL_VERSION });
        }
        if let Some(refusal) = &self.state.lock().unwrap().away {
            return Err(refusal.clone());
        }
        let device = |number, name: &str, token: &str, may: &[DeviceMay]| DeviceEntry {
            device: DeviceId(number),
            name: name.into(),
            ae_title: None,
            from: Vec::new(),
            may: may.to_vec(),
            token_sha256: aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes())
                .as_ref()
                .try_into()
                .ok(),
            bound: None,
            token_until: None,
            former: None,
        };
        let list = serde_json::to_vec(&[
            device(1, "workstation", WORKSTATION, &[DeviceMay::List, DeviceMay::Open]),
            device(2, "modality", MODALITY, &[DeviceMay::Store]),
        ])
        .unwrap();
        let signature =
            self.root.site_signing_key().sign(&[b"leadglass device list v1\n", &list[..]].concat()).to_vec();
        let state = self.state.lock().unwrap();
        Ok(Hello {
            site: SITE,
            site_name: "Practice".into(),
            site_public_key: self.root.site_secret_key().public().to_bytes(),
            next_outbox_sequence: state.chain.0 + 1,
            outbox_chain: state.chain.1,
            devices: SignedDevices { list, signature },
            tls_key_pem: None,
            proof_nonces: vec![NONCE.into()],
        })
    }

    async fn handover(self, _: Context, records: Vec<HandoverRecord>) -> Result<HandoverReply, Refusal> {
        let secret = self.root.site_secret_key();
        let mut state = self.state.lock().unwrap();
        let mut verdicts = Vec::new();
        for record in records {
            let body: HandoverBody = postcard::from_bytes(&record.body).unwrap();
            for wrapped in body.keys {
                let keys = secret.unwrap(SITE, wrapped.key, &wrapped.wrapped).unwrap();
                state.keys.insert(wrapped.key, keys);
            }
            for object in body.objects {
                let context =
                    ObjectContext { site: SITE, key: object.key, object: object.object, kind: ObjectKind::Note };
                let note = open_blob(&state.keys[&object.key].listing, context, &object.sealed_note).unwrap();
                let note: StoredNote = postcard::from_bytes(&note).unwrap();
                let verdict = match state.objects.get(&note.instance.uid) {
                    Some(content) if *content == note.content => Verdict::Duplicate,
                    Some(_) => Verdict::Conflict { study: state.file(&note, object.key) },
                    None => {
                        state.objects.insert(note.instance.uid.clone(), note.content);
                        Verdict::Accepted { study: state.file(&note, object.key) }
                    }
                };
                verdicts.push(ObjectVerdict { object: object.object, verdict });
            }
            state.chain = (record.sequence, record.chain);
        }
        Ok(HandoverReply { acknowledged: state.chain.0, verdicts })
    }

    async fn list(self, _: Context, credential: Credential, request: ListRequest) -> Result<ListReply, Refusal> {
        self.heard("list", &credential)?.reads()?;
        let state = self.state.lock().unwrap();
        let mut found: Vec<&Filed> = state.studies.iter().filter(|study| study.fits(&request)).collect();
        found.sort_by(|one, other| other.row.date.cmp(&one.row.date).then(one.row.number.cmp(&other.row.number)));
        let (from, limit) = (request.offset as usize, request.limit.min(PAGE_ROWS_MAX) as usize);
        let mut reply = ListReply::default();
        match request.level {
            Level::Patient => {}
            Level::Study => {
                reply.more = found.len() > from + limit;
                reply.studies = found.iter().skip(from).take(limit).map(|study| study.row.clone()).collect();
            }
            Level::Series => {
                let series: Vec<_> = found
                    .iter()
                    .flat_map(|study| study.series.values())
                    .filter(|series| request.matches.iter().all(|m| series_fits(series, m)))
                    .collect();
                reply.more = series.len() > from + limit;
                reply.series = series.into_iter().skip(from).take(limit).cloned().collect();
            }
            Level::Instance => {
                reply.more = found.len() > from + limit;
                reply.listings =
                    found.iter().skip(from).take(limit).map(|study| state.release(study, Scope::Listing)).collect();
            }
        }
        Ok(reply)
    }

    async fn open(self, _: Context, credential: Credential, request: OpenRequest) -> Result<OpenReply, Refusal> {
        let method = if request.scope == Scope::Listing { "open listing" } else { "open" };
        self.heard(method, &credential)?.reads()?;
        let state = self.state.lock().unwrap();
        let studies: Vec<_> = state
            .studies
            .iter()
            .filter(|study| study.row.uid == request.study)
            .map(|study| state.release(study, request.scope))
            .collect();
        if studies.is_empty() { Err(Refusal::NotFound) } else { Ok(OpenReply { studies }) }
    }

    async fn sign_in(self, _: Context, _: model::Origin, request: SignInRequest) -> Result<SignInReply, Refusal> {
        self.state.lock().unwrap().asked.push(("sign_in", "somebody"));
        match request {
            SignInRequest::PasskeyBegin { .. } => Ok(SignInReply::Ceremony {
                ceremony: "ceremony".into(),
                options: r#"{"publicKey":{"challenge":"AAAA"}}"#.into(),
                nonce: "BBBB".into(),
            }),
            SignInRequest::Password { password, code, .. } if password == PASSWORD && code == "123456" => {
                Ok(SignInReply::SignedIn { token: RADIOLOGIST.into(), me: me() })
            }
            SignInRequest::PasskeyFinish { .. } | SignInRequest::Password { .. } => Err(Refusal::SignInFailed),
            SignInRequest::SignOut { token, .. } if token != RADIOLOGIST => Err(Refusal::SignedOut),
            // a proof that the front found to hold
            SignInRequest::SignOut { proof, .. } if proof.key.is_none() => Err(Refusal::Proof),
            SignInRequest::SignOut { .. } => Ok(SignInReply::Done),
            SignInRequest::PasswordEstimate { .. } => Ok(SignInReply::Estimate(PasswordEstimate {
                accepted: false,
                score: 0,
                reasons: vec!["too-short".into()],
            })),
            _ => Err(Refusal::Invalid(Invalid::EnrolmentLink)),
        }
    }

    async fn ask(self, _: Context, credential: Credential, request: PageRequest) -> Result<PageReply, Refusal> {
        let caller = self.heard("ask", &credential)?;
        match (caller, request) {
            (Caller::Radiologist, PageRequest::Me) => Ok(PageReply::Me(me())),
            (Caller::Radiologist, PageRequest::Sessions { person: None }) => {
                Ok(PageReply::Sessions(vec![SessionRow {
                    session: SessionId([0xab; 16]),
                    person: PersonId(1),
                    since: Instant(1),
                    last_used: Instant(2),
                    origin: model::Origin("127.0.0.1".into()),
                    user_agent: "<script>alert(1)</script>".into(),
                    method: model::SignInMethod::Passkey,
                    current: true,
                }]))
            }
            (Caller::Radiologist, PageRequest::EndSession { session }) if session.0 == [0xab; 16] => {
                Ok(PageReply::Done)
            }
            (Caller::Administrator, PageRequest::People) => Ok(PageReply::People(Vec::new())),
            (Caller::Administrator, PageRequest::AddPerson { .. }) => Ok(PageReply::EnrolmentLink {
                person: PersonId(9),
                token: "link".into(),
                qr_svg: String::new(),
                until: Instant(99),
            }),
            (Caller::Administrator, PageRequest::MoveStudy { .. }) => Ok(PageReply::Done),
            (Caller::Radiologist | Caller::Administrator, PageRequest::StudyUid { study }) => {
                let state = self.state.lock().unwrap();
                let found = state.studies.iter().find(|filed| filed.row.number == study);
                found.map(|filed| PageReply::StudyUid(filed.row.uid.clone())).ok_or(Refusal::NotFound)
            }
            (Caller::Administrator, PageRequest::Entries { from, .. }) => Ok(PageReply::Entries {
                entries: vec![NumberedEntry {
                    number: from,
                    entry: serde_json::to_string(&model::Entry {
                        version: 1,
                        recorded: Instant(5),
                        actor: model::Actor::Person {
                            person: PersonId(1),
                            session: SessionId([0xab; 16]),
                            origin: model::Origin::default(),
                        },
                        body: model::EntryBody::PatientAdded { patient: PatientNumber(3) },
                    })
                    .unwrap(),
                    actor_name: "Dr. Example".into(),
                }],
                size: 1,
            }),
            (Caller::Administrator, PageRequest::Checkpoint) => Ok(PageReply::Checkpoint("origin\n0\n".into())),
            (Caller::Administrator, PageRequest::Exposure { who, window: Window { from, to } }) => {
                Ok(PageReply::Exposure(Box::new(ExposureReport {
                    who,
                    window: Window { from, to },
                    reachable: Count::default(),
                    listed: Count::default(),
                    opened: Count::default(),
                    unexpired: Count::default(),
                    about: protocol::AboutFacts::Organisation { name: String::new() },
                    patients: Vec::new(),
                    truncated: false,
                    timeline: Vec::new(),
                    erased: 0,
                    ledger_size: EntryNumber(0).0,
                    checkpoint: String::new(),
                })))
            }
            _ => Err(Refusal::NotAllowed),
        }
    }

    async fn refused(self, _: Context, _: Vec<protocol::RefusedAssociation>) -> Result<(), Refusal> {
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

pub fn me() -> Me {
    Me {
        person: PersonId(1),
        name: "Dr. Example".into(),
        email: "radiologist@example.org".into(),
        role: Role::Radiologist,
        organisations: vec!["Practice".into()],
        session: SessionId([0xab; 16]),
        idle_until: Instant(10),
        absolute_until: Instant(20),
        recovery_codes_left: 0,
        site: "Practice".into(),
        delegate_of: Vec::new(),
        account_until: None,
        password_until: None,
    }
}

impl State {
    fn file(&mut self, note: &StoredNote, key: KeyId) -> StudyNumber {
        let at = match self.studies.iter().position(|study| study.row.uid == note.study.uid) {
            Some(at) => at,
            None => {
                let number = StudyNumber(u32::try_from(self.studies.len()).unwrap());
                self.studies.push(Filed::of(number, note));
                self.studies.len() - 1
            }
        };
        self.studies[at].add(note, key);
        self.studies[at].row.number
    }

    fn release(&self, study: &Filed, scope: Scope) -> ReleasedStudy {
        let keys = study.keys.iter().map(|key| {
            let keys = &self.keys[key];
            ReleasedKey {
                key: *key,
                data_key: (scope != Scope::Listing).then(|| *keys.data.expose()),
                listing_key: *keys.listing.expose(),
            }
        });
        let mut row = study.row.clone();
        let moved = self.moved_to.get(&row.number);
        if let Some(patient) = moved {
            row.patient = patient.clone();
        }
        ReleasedStudy {
            row,
            moved: moved.is_some(),
            keys: keys.collect(),
            lease_until: Instant(now().0 + LEASE_SECONDS * SECOND),
        }
    }
}

impl Filed {
    fn of(number: StudyNumber, note: &StoredNote) -> Self {
        let patient = PatientRow {
            number: PatientNumber(number.0),
            id: note.patient.id.clone(),
            issuer: note.patient.issuer.clone(),
            name: note.patient.name.clone(),
            birth_date: note.patient.birth_date.clone(),
            sex: note.patient.sex.clone(),
            studies: 1,
        };
        let row = StudyRow {
            number,
            patient,
            uid: note.study.uid.clone(),
            date: note.study.date.clone(),
            time: note.study.time.clone(),
            accession_number: note.study.accession_number.clone(),
            id: note.study.id.clone(),
            description: note.study.description.clone(),
            referring_physician: note.study.referring_physician.clone(),
            modalities: Vec::new(),
            sop_classes: Vec::new(),
            series: 0,
            instances: 0,
            conflict: false,
            cold: false,
        };
        Self { row, keys: Vec::new(), series: BTreeMap::new() }
    }

    fn add(&mut self, note: &StoredNote, key: KeyId) {
        if !self.keys.contains(&key) {
            self.keys.push(key);
        }
        self.row.instances += 1;
        for (list, value) in [
            (&mut self.row.modalities, note.series.modality.clone()),
            (&mut self.row.sop_classes, note.instance.sop_class.to_string()),
        ] {
            if !list.contains(&value) {
                list.push(value);
                list.sort();
            }
        }
        let study = self.row.clone();
        let series = self.series.entry(note.series.uid.clone()).or_insert_with(|| SeriesRow {
            study,
            uid: note.series.uid.clone(),
            modality: note.series.modality.clone(),
            series_number: note.series.number.clone(),
            description: note.series.description.clone(),
            body_part: note.series.body_part.clone(),
            date: note.series.date.clone(),
            time: note.series.time.clone(),
            instances: 0,
        });
        series.instances += 1;
        self.row.series = u32::try_from(self.series.len()).unwrap();
    }

    /// Enough matching for what the portal's tests ask; the registry has tests of its own.
    fn fits(&self, request: &ListRequest) -> bool {
        let words = request.words.split_whitespace().all(|word| {
            self.row.patient.name.to_lowercase().contains(&word.to_lowercase()) || self.row.patient.id == word
        });
        words
            && request.matches.iter().all(|Match { tag, value }| match tag {
                0x0020_000d => value.split('\\').any(|uid| uid == self.row.uid.as_str()),
                0x0010_0010 => self.row.patient.name.starts_with(value.trim_end_matches('*')),
                0x0010_0020 => self.row.patient.id == *value,
                0x0010_0021 => self.row.patient.issuer == *value,
                0x0008_0020 => self.row.date == *value,
                0x0008_0050 => self.row.accession_number == *value,
                _ => true,
            })
    }
}

fn series_fits(series: &SeriesRow, Match { tag, value }: &Match) -> bool {
    match tag {
        0x0020_000e => value.split('\\').any(|uid| uid == series.uid.as_str()),
        0x0008_0060 => series.modality == *value,
        _ => true,
    }
}
