//! A site in a temporary folder with a warden that serves both its sockets.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use audit::LedgerOptions;
use model::{DeviceMay, Entry, EntryNumber, Instant, Origin, Tier, Window};
use protocol::{
    Asking, Credential, ExposureReport, HandoverRecord, HandoverReply, INSTANCE_STUDIES_STEP, Level, ListReply,
    ListRequest, OpenReply, OpenRequest, Order, PROTOCOL_VERSION, PageReply, PageRequest, Refusal, Scope, SignInReply,
    SignInRequest, WardenClient, context,
};
use seal::{RecoveryKit, SitePublicKey, SystemRandom};
use tempfile::TempDir;
use warden::{Channel, MadeSite, NewSite, Settings, Unseal, Warden};

use crate::browser::{self, Sent};
use crate::sender::{Sender, uid};

pub const PASSPHRASE: &str = "five random words of a test";

#[allow(clippy::disallowed_methods, reason = "the clock of these tests")]
pub fn now() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Instant(i64::try_from(since.as_micros()).unwrap())
}

/// Copies what lies in a folder; sockets are left out.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&entry.path(), &to);
        } else if kind.is_file() {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The folder of a site.
pub struct Folder {
    folder: TempDir,
    pub made: MadeSite,
}

impl Folder {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kit = RecoveryKit::generate(&mut SystemRandom);
        let new = NewSite { name: "Test", passphrase: PASSPHRASE, kit: &kit, tls_key_pem: "-----KEY-----" };
        let made = warden::init(folder.path(), &new, now()).unwrap();
        Self { folder, made }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn sender(&self) -> Sender {
        Sender::new(self.made.site, SitePublicKey::from_bytes(&self.made.public_key).unwrap())
    }

    pub async fn start(&self) -> Site {
        self.start_with(now, LedgerOptions::default()).await
    }

    pub fn settings(&self, clock: fn() -> Instant) -> Settings {
        Settings {
            dir: self.path().to_owned(),
            unseal: Unseal::Passphrase(PASSPHRASE.to_owned()),
            origin: "http://localhost:8443".to_owned(),
            clock,
        }
    }

    pub async fn start_with(&self, clock: fn() -> Instant, ledger: LedgerOptions) -> Site {
        let warden = Arc::new(Warden::start_with(self.settings(clock), ledger).unwrap());
        let mut tasks = Vec::new();
        let mut serve = |name: &str, channel| {
            let socket: PathBuf = self.path().join(name);
            let listener = protocol::bind(&socket).unwrap();
            tasks.push(tokio::spawn(warden::serve(
                Arc::clone(&warden),
                listener,
                channel,
                tokio::runtime::Handle::current(),
            )));
            socket
        };
        let (front, owner) = (serve("front.sock", Channel::Front), serve("owner.sock", Channel::Owner));
        Site {
            front: protocol::connect(&front).await.unwrap(),
            owner: protocol::connect(&owner).await.unwrap(),
            warden: Some(warden),
            tasks,
            clock,
        }
    }
}

/// Ends keeping house when it is dropped.
pub struct HouseKept(tokio::task::JoinHandle<()>);

impl Drop for HouseKept {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A running warden.
pub struct Site {
    pub front: WardenClient,
    pub owner: WardenClient,
    warden: Option<Arc<Warden>>,
    tasks: Vec<tokio::task::JoinHandle<std::io::Result<()>>>,
    clock: fn() -> Instant,
}

impl Site {
    /// Ends it and returns when its ledger is closed.
    pub async fn stop(mut self) {
        self.tasks.drain(..).for_each(|task| task.abort());
        let mut warden = self.warden.take().unwrap();
        drop(self);
        for _ in 0..1000 {
            match Arc::try_unwrap(warden) {
                Ok(last) => return drop(last),
                Err(shared) => warden = shared,
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("somebody holds the warden");
    }

    pub fn stop_before(&self, step: warden::KeyStep) {
        self.warden.as_ref().unwrap().stop_before(step);
    }

    /// The key that a front is to seal to.
    pub async fn public_key(&self) -> SitePublicKey {
        let hello = self.front.hello(soon(), PROTOCOL_VERSION).await.unwrap().unwrap();
        SitePublicKey::from_bytes(&hello.site_public_key).unwrap()
    }

    pub async fn hand_over(&self, records: &[HandoverRecord]) -> Result<HandoverReply, Refusal> {
        self.front.handover(soon(), records.to_vec()).await.unwrap()
    }

    pub async fn ask(&self, request: PageRequest) -> PageReply {
        self.owner.ask(soon(), Credential::Owner, request).await.unwrap().unwrap()
    }

    pub async fn ask_owner(&self, request: PageRequest) -> Result<PageReply, Refusal> {
        self.owner.ask(soon(), Credential::Owner, request).await.unwrap()
    }

    /// Does what the running program does beside its requests until the answer is dropped.
    pub fn with_house_kept(&self) -> HouseKept {
        HouseKept(tokio::spawn(warden::keep_house(Arc::clone(self.warden.as_ref().unwrap()))))
    }

    /// What the running program does every few seconds.
    pub fn keep_house(&self) {
        self.warden.as_ref().unwrap().tidy_up();
    }

    pub async fn list(&self, credential: &Credential, level: Level) -> Result<ListReply, Refusal> {
        let request = ListRequest {
            level,
            matches: Vec::new(),
            words: String::new(),
            order: Order::NewestFirst,
            offset: 0,
            limit: if level == Level::Instance { INSTANCE_STUDIES_STEP } else { 200 },
        };
        let credential = browser::signed(credential, Asking::List(&request), &self.nonce().await);
        self.front.list(soon(), credential, request).await.unwrap()
    }

    pub async fn open(&self, credential: &Credential, study: &str, scope: Scope) -> Result<OpenReply, Refusal> {
        let request = OpenRequest { study: uid(study), scope };
        let credential = browser::signed(credential, Asking::Open(&request), &self.nonce().await);
        self.front.open(soon(), credential, request).await.unwrap()
    }

    /// What a front says that it refused.
    pub async fn refused(&self, associations: Vec<protocol::RefusedAssociation>) -> Result<(), Refusal> {
        self.front.refused(soon(), associations).await.unwrap()
    }

    /// A device with a token that may list and open.
    pub async fn reader(&self, name: &str) -> Credential {
        self.reader_until(name, None).await
    }

    /// A device that reads; its token works until then, or as long as one does when nothing is said.
    pub async fn reader_until(&self, name: &str, token_until: Option<Instant>) -> Credential {
        self.ask(PageRequest::AddOrganisation {
            name: format!("{name} clinic"),
            authorisation: model::Authorisation::PasswordAndCode,
        })
        .await;
        let request = PageRequest::AddDevice {
            name: name.to_owned(),
            organisation: format!("{name} clinic"),
            may: vec![DeviceMay::List, DeviceMay::Open],
            ae_title: None,
            from: Vec::new(),
            token: true,
            bound: None,
            token_until,
        };
        let PageReply::DeviceAdded { token: Some(token), .. } = self.ask(request).await else { panic!("no token") };
        Credential::DeviceToken { token, origin: Origin("10.0.0.9".into()) }
    }

    pub async fn relate(&self, who: &str, whom: &str, seconds: i64) {
        let request = PageRequest::Relate {
            who: who.to_owned(),
            whom: whom.to_owned(),
            tier: Tier::Open,
            from: now(),
            until: now().plus_seconds(seconds),
            basis: "order".to_owned(),
        };
        self.ask(request).await;
    }

    pub async fn unrelate(&self, who: &str, whom: &str) {
        self.ask(PageRequest::Unrelate { who: who.to_owned(), whom: whom.to_owned(), until: now() }).await;
    }

    pub async fn exposure(&self, who: &str) -> ExposureReport {
        let window = Window { from: Instant(0), to: now().plus_seconds(3600) };
        match self.ask(PageRequest::Exposure { who: who.to_owned(), window }).await {
            PageReply::Exposure(report) => *report,
            other => panic!("{other:?}"),
        }
    }

    pub async fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        loop {
            let from = EntryNumber(entries.len() as u64);
            match self.ask(PageRequest::Entries { from, limit: 500 }).await {
                PageReply::Entries { entries: page, .. } if page.is_empty() => return entries,
                PageReply::Entries { entries: page, .. } => entries.extend(page.iter().map(|row| row.parse().unwrap())),
                other => panic!("{other:?}"),
            }
        }
    }

    pub async fn sign_in(&self, request: SignInRequest) -> Result<SignInReply, Refusal> {
        self.front.sign_in(soon(), Origin("10.0.0.7".into()), request).await.unwrap()
    }

    /// Adds a person in an organisation of passwords and codes, and gives the token of the link.
    pub async fn add_person(&self, email: &str, role: model::Role, own_record: Option<&str>) -> String {
        let organisation = format!("organisation of {email}");
        self.ask(PageRequest::AddOrganisation {
            name: organisation.clone(),
            authorisation: model::Authorisation::PasswordAndCode,
        })
        .await;
        let request = PageRequest::AddPerson {
            email: email.to_owned(),
            name: "Somebody".to_owned(),
            role,
            organisation,
            password_and_code: true,
            own_record: own_record.map(str::to_owned),
        };
        match self.ask(request).await {
            PageReply::EnrolmentLink { token, .. } => token,
            other => panic!("{other:?}"),
        }
    }

    /// Enrols by a link and signs in.
    pub async fn person(&self, email: &str, role: model::Role, own_record: Option<&str>) -> Credential {
        let link = self.add_person(email, role, own_record).await;
        self.session(email, &link).await
    }

    /// Enrols by a link and signs in.
    pub async fn session(&self, email: &str, link: &str) -> Credential {
        let codes = self.enrol(link).await;
        let session = self.password(email, &codes[0]).await.expect("signed in");
        crate::touching::keep_codes(&session, &codes[1..]);
        session
    }

    /// Signs in with a password in a browser of its own.
    pub async fn password(&self, email: &str, code: &str) -> Result<Credential, Refusal> {
        let signer = dpop::Signer::generate();
        let sent = Sent::new("POST", "/api/sign-in/password", code.as_bytes());
        let proof = browser::sign(&signer, None, &sent, &self.nonce().await);
        let request = SignInRequest::Password {
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
            code: code.to_owned(),
            user_agent: "test".to_owned(),
            proof: Box::new(proof),
        };
        match self.sign_in(request).await? {
            SignInReply::SignedIn { token, me } => Ok(browser::keep(&token, signer, me.session)),
            _ => panic!("not signed in"),
        }
    }

    /// Signs a session of these tests out, as its browser does.
    pub async fn sign_out(&self, session: &Credential) -> Result<SignInReply, Refusal> {
        let sent = Sent::new("POST", "/api/sign-out", b"{}");
        let signed = browser::signed_as(session, &sent, &self.nonce().await);
        let Credential::Session { token, proof, .. } = signed else { panic!("a session") };
        self.sign_in(SignInRequest::SignOut { token, proof }).await
    }

    /// The newest nonce for proofs.
    pub async fn nonce(&self) -> String {
        self.front.hello(soon(), PROTOCOL_VERSION).await.unwrap().unwrap().proof_nonces[0].clone()
    }

    /// Sets a password by a link; gives the recovery codes.
    pub async fn enrol(&self, link: &str) -> Vec<String> {
        let begin = SignInRequest::EnrolPasswordBegin { token: link.to_owned(), password: PASSWORD.to_owned() };
        let Ok(SignInReply::OneTimeCodeSecret { ceremony, secret, .. }) = self.sign_in(begin).await else {
            panic!("the link does not work")
        };
        let code = identity::code_at(&secret, (self.clock)()).unwrap();
        let finish = SignInRequest::EnrolPasswordFinish { token: link.to_owned(), ceremony, code };
        match self.sign_in(finish).await {
            Ok(SignInReply::Enrolled { recovery_codes }) => recovery_codes,
            _ => panic!("not enrolled"),
        }
    }
}

pub const PASSWORD: &str = "vortrag kastanie 41 regal";

pub fn soon() -> context::Context {
    let mut context = context::current();
    context.deadline = std::time::Instant::now() + Duration::from_secs(60);
    context
}
