//! The warden's state, and how it comes back at a start.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock};

use audit::{AppendError, ExposureIndex, Ledger, LedgerOptions};
use model::{Actor, Entry, EntryBody, EntryNumber, Instant, PatientNumber, SiteId, StudyNumber, What};
use protocol::{Refusal, SecretText};
use registry::Registry;
use seal::{RecoveryKit, RootEnvelope, RootSecret, SealKey};
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::announce::Owed;
use crate::approvals::fold::Proposals;
use crate::break_glass::fold::Uses;
use crate::bundles::Loose;
use crate::cases::Cases;
use crate::cold::{Challenges, Cold, Exchange, KeyStep, Named, Steps, Years};
use crate::database::{Changes, Database, DatabaseError, Space};
use crate::handover::RecentKeys;
use crate::init::{MadeSite, origin};
use crate::leaked::{KnownPasswords, LockedAccount};
use crate::leases::Leases;
use crate::orders::fold::Orders;
use crate::places::KnownPlaces;
use crate::proof::Proofs;
use crate::ranges::Ranges;
use crate::relations::Relations;
use crate::repeats::Repeats;
use crate::secrets::{Secrets, read_secret};
use crate::sharing::Doors;
use crate::sharing::fold::Shared;
use crate::unseal::UnsealMethods;
use crate::warm::Transits;
use crate::watched::{Settled, Watched, settle_before_opening};

/// Which socket a caller came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// The front's.
    Front,
    /// The owner's, which only the owner of DIR may open.
    Owner,
    /// That of programs that hold shares of cold studies: requests and approvals, nothing else.
    Holder,
}

/// What unseals the root.
pub enum Unseal {
    /// The passphrase.
    Passphrase(String),
    /// The recovery kit.
    Kit(RecoveryKit),
    /// Nothing any more: it was unsealed before, by any method.
    Root {
        /// The root.
        root: RootSecret,
        /// The word for the method, as the ledger records it.
        by: &'static str,
    },
}

/// How a warden starts.
pub struct Settings {
    /// DIR.
    pub dir: PathBuf,
    /// What unseals the root.
    pub unseal: Unseal,
    /// The origin that the pages are served from, `https://host[:port]`; its host is the WebAuthn relying party.
    pub origin: String,
    /// The only place where the clock is read.
    pub clock: fn() -> Instant,
}

/// Why a warden does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// There is no site here.
    #[error("there is no installation in this folder; make one with `leadglass init`")]
    NoSite,
    /// A file cannot be read.
    #[error("the warden's folder cannot be read; check the path and the rights")]
    Io(#[source] std::io::Error),
    /// The envelope is damaged.
    #[error("warden/root.json cannot be used; restore it from the vault")]
    Envelope(#[from] seal::EnvelopeError),
    /// The root stays sealed.
    #[error("the root stays sealed; check the passphrase, or use another method of `leadglass unseal list`")]
    Unseal(#[from] seal::UnsealError),
    /// A change of the root that a crash interrupted cannot be finished.
    #[error(
        "the change of the root that was interrupted cannot be finished; do what the cause says, or see whether the disk is full, and start again"
    )]
    NewRoot(#[source] std::io::Error),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The ledger does not open.
    #[error("the ledger does not open; `leadglass ledger verify` says where it is damaged, the vault has a copy")]
    Ledger(#[from] audit::OpenError),
    /// The list of second folders cannot be read.
    #[error("witnesses/sinks.json cannot be read; restore it, or write the ledger's second folder into it again")]
    Sinks(#[source] std::io::Error),
    /// What an accepted loss takes over from the second folder cannot be taken.
    #[error("the second folder of the ledger cannot be taken over: {0}")]
    Second(#[from] audit::RejoinError),
    /// The ledger cannot be replayed.
    #[error("an entry of the ledger cannot be read; `leadglass ledger verify` says which, the vault has a copy")]
    Replay(#[from] audit::ReplayError),
    /// The end of the ledger cannot be read.
    #[error("the end of the ledger cannot be read; `leadglass ledger verify` says where it is damaged")]
    Read(#[from] audit::ReadError),
    /// A first entry cannot be written.
    #[error("the ledger takes no entry; see whether the disk is full")]
    Append(#[from] AppendError),
    /// The origin is not usable.
    #[error(transparent)]
    Origin(#[from] identity::SettingsError),
    /// People cannot be loaded.
    #[error("the people's records cannot be loaded; restore warden.db from the vault")]
    People(#[from] identity::LoadError),
}

/// A running warden.
pub struct Warden {
    pub(crate) dir: PathBuf,
    pub(crate) site_name: String,
    pub(crate) secrets: Secrets,
    pub(crate) ledger: Ledger,
    pub(crate) index: Arc<RwLock<ExposureIndex>>,
    pub(crate) relations: Arc<RwLock<Relations>>,
    /// Who watches from outside, and whether the ledger is behind what they have seen.
    pub(crate) watched: Arc<Mutex<Watched>>,
    /// Proposals, folded from the ledger; never held while something is appended.
    pub(crate) proposals: Arc<RwLock<Proposals>>,
    /// Uses of break-glass, likewise.
    pub(crate) uses: Arc<RwLock<Uses>>,
    /// Share links and second opinions, likewise.
    pub(crate) sharing: Arc<RwLock<Shared>>,
    /// What opens links. Taken alone.
    pub(crate) doors: Mutex<Doors>,
    /// One change is proposed, approved or carried out at a time. Taken before every other lock.
    pub(crate) changing: Mutex<()>,
    /// Incidents and questions, likewise.
    pub(crate) cases: Arc<RwLock<Cases>>,
    /// Held while an incident or a question is given its number. Before every other lock.
    pub(crate) numbering: Mutex<()>,
    /// The turn of whoever ends links.
    pub(crate) ending: Mutex<()>,
    pub(crate) budgets: Arc<Mutex<budget::State>>,
    /// Orders, likewise. Alone, or under any other lock.
    pub(crate) orders: Arc<RwLock<Orders>>,
    /// Held while an order is decided on. Before every other lock.
    pub(crate) ordering: Mutex<()>,
    // lock order: changing, key_work, warm_work, people, cold_years, database, registry, transits, index, cold, recent_keys, leases;
    // `reader`, `budgets`, `proposals`, `exchange` and `challenges` alone
    pub(crate) database: Mutex<Database>,
    pub(crate) reader: Mutex<Database>,
    pub(crate) registry: RwLock<Registry>,
    /// Registry records that no bundle has yet. Taken last.
    pub(crate) loose: Mutex<Loose>,
    pub(crate) people: Mutex<identity::People>,
    pub(crate) recent_keys: Mutex<RecentKeys>,
    pub(crate) leases: Mutex<Leases>,
    pub(crate) owed: Owed,
    /// Taken after the index, alone otherwise.
    pub(crate) cold: Arc<RwLock<Cold>>,
    /// Held by whoever changes which keys there are, before every other lock but `changing`.
    pub(crate) key_work: Mutex<()>,
    /// Held by whoever warms, one after the other.
    pub(crate) warm_work: Mutex<()>,
    pub(crate) transits: Mutex<Transits>,
    /// Shares that holders of before handed over, until enough of them did.
    pub(crate) exchange: Mutex<Exchange>,
    /// What was sealed to new holders and not answered yet.
    pub(crate) challenges: Mutex<Challenges>,
    /// Cold studies by year, as they were counted last.
    pub(crate) cold_years: Mutex<Years>,
    /// Names of patients that officers were shown for requests; held on its own.
    pub(crate) cold_named: Mutex<Named>,
    pub(crate) steps: Steps,
    /// When the last sweep began, in microseconds.
    pub(crate) swept: AtomicI64,
    /// When a front's word about its disk became an entry last.
    pub(crate) front_disk_told: AtomicI64,
    pub(crate) unseal: Arc<Mutex<UnsealMethods>>,
    pub(crate) changing_unseal: Mutex<()>,
    pub(crate) repeats: Repeats,
    pub(crate) proofs: Proofs,
    /// When the last entry was recorded, in microseconds: a clock that is set back does not bring back what had ended by then.
    pub(crate) recorded: Arc<AtomicI64>,
    /// Where addresses are. Taken alone.
    pub(crate) places: Mutex<KnownPlaces>,
    pub(crate) slow_places: Arc<Semaphore>,
    /// Lists of leaked passwords, and which of them the ledger names. Taken alone.
    pub(crate) known_passwords: Arc<Mutex<KnownPasswords>>,
    /// Where ranges of leaked passwords are asked for; nowhere unless the site says so.
    pub(crate) ranges: OnceLock<Arc<Ranges>>,
    /// Accounts that were locked because a dump had their password, the oldest first. Alone, or under any other lock.
    pub(crate) locked: Arc<RwLock<Vec<LockedAccount>>>,
    pub(crate) tls_key_pem: Option<SecretText>,
    line_seed: seal::Secret32,
    pub(crate) in_use: crate::new_root::InUse,
    pub(crate) clock: fn() -> Instant,
}

impl Warden {
    /// Unseals the root, replays the ledger, finishes what a crash left, and records the start.
    pub fn start(settings: Settings) -> Result<Self, StartError> {
        Self::start_with(settings, LedgerOptions::default())
    }

    /// The same with a ledger that is written in another way: for tests of what a failing disk leaves.
    pub fn start_with(settings: Settings, ledger: LedgerOptions) -> Result<Self, StartError> {
        let Settings { dir, unseal, origin: page_origin, clock } = settings;
        let (root, site, unsealed_by) = unseal_root(&dir, &unseal)?;
        let in_use = crate::new_root::settle(&dir.join("warden")).map_err(StartError::NewRoot)?;
        ask_for(&dir.join("warden/warden.db"));
        let mut database = Database::open(&dir.join("warden/warden.db"))?;
        let reader = Database::open(&dir.join("warden/warden.db"))?;
        let secrets = Secrets::derive(&root, site, &dir.join("warden"), &mut database)?;
        let secret_key = SealKey::from(root.derive("warden secrets v1"));
        let tls_key_pem = read_secret(&secret_key, site, &database, b"front tls key")?;
        let tls_key_pem = tls_key_pem.and_then(|pem| String::from_utf8(pem).ok()).map(SecretText::new);

        let inherited = secrets.inherited();
        let line_seed = inherited.line.clone();
        let Settled { accepted, second_away } =
            settle_before_opening(&dir, &inherited.ledger_keys(&root), &origin(site), clock())?;
        let (ledger, replay) =
            Ledger::open_with(&dir.join("ledger"), inherited.ledger_keys(&root), &origin(site), ledger)?;
        drop((root, inherited));
        let mut index = ExposureIndex::default();
        let mut relations = Relations::default();
        let (mut proposals, mut uses, mut sharing) = (Proposals::default(), Uses::default(), Shared::default());
        let mut cases = Cases::default();
        let mut cold = Cold::default();
        let mut orders = Orders::default();
        let mut unseal = UnsealMethods::default();
        let mut watched = Watched::after(second_away);
        let mut budgets = budget::State::since(clock());
        let mut places = KnownPlaces::in_dir(&dir);
        budgets.know_places(places.renewed().flatten());
        let mut site_name = String::new();
        let mut numbers = Numbers::default();
        let mut of_people = identity::Recorded::default();
        let mut known_passwords = KnownPasswords::open(&dir);
        let mut locked = Vec::new();
        let recorded = Arc::new(AtomicI64::new(i64::MIN));
        // reading the ledger and reading the registry take most of a start
        let (reader, registry) = std::thread::scope(|scope| {
            let reading = scope.spawn(|| {
                let registry = read_registry(&secrets, &reader);
                (reader, registry)
            });
            for entry in replay {
                let (number, entry) = entry?;
                recorded.fetch_max(entry.recorded.0, Ordering::Relaxed);
                index.apply(number, &entry);
                relations.apply(number, &entry);
                proposals.apply(number, &entry);
                uses.apply(number, &entry);
                sharing.apply(number, &entry);
                cases.apply(number, &entry);
                cold.apply(number, &entry);
                orders.apply(number, &entry);
                unseal.apply(&entry);
                watched.apply(&entry);
                budgets.apply(number, &entry);
                of_people.see(&entry);
                known_passwords.see(&entry);
                locked.extend(LockedAccount::of(&entry));
                match &entry.body {
                    EntryBody::Initialised { name, .. } => site_name.clone_from(name),
                    body => numbers.see(body),
                }
            }
            Ok::<_, StartError>(reading.join().expect("no reader panics"))
        })?;
        let doors = Doors::load(&secrets, &database)?;
        let records = secrets.records(&database, Space::Identity)?;
        let records = records
            .into_iter()
            .map(|(_, plain)| identity::IdentityRecord::from_bytes(&plain))
            .collect::<Result<Vec<_>, _>>()?;
        let identity = identity::Settings::for_origin(&site_name, &page_origin)?;
        let mut people = identity::People::load(identity, records)?;
        people.bring_up_to(&of_people);
        // a database restored from a moment before the ledger's end must not give a number twice: what the ledger says of the first
        // bearer, relationships among it, would hold for the second
        people.numbers_given(numbers.person, numbers.organisation, numbers.device);
        let (mut registry, loose) = registry?;
        registry.numbers_given(numbers.patient, numbers.study);

        let index = Arc::new(RwLock::new(index));
        let relations = Arc::new(RwLock::new(relations));
        let (proposals, uses) = (Arc::new(RwLock::new(proposals)), Arc::new(RwLock::new(uses)));
        let sharing = Arc::new(RwLock::new(sharing));
        let observed_deciding = (Arc::clone(&proposals), Arc::clone(&uses), Arc::clone(&sharing));
        let cases = Arc::new(RwLock::new(cases));
        let cold = Arc::new(RwLock::new(cold));
        let watched = Arc::new(Mutex::new(watched));
        let observed_watched = Arc::clone(&watched);
        let observed = (Arc::clone(&index), Arc::clone(&relations), Arc::clone(&recorded), Arc::clone(&cases));
        let observed_cold = Arc::clone(&cold);
        let orders = Arc::new(RwLock::new(orders));
        let observed_orders = Arc::clone(&orders);
        let unseal = Arc::new(Mutex::new(unseal));
        let observed_unseal = Arc::clone(&unseal);
        let locked = Arc::new(RwLock::new(locked));
        let observed_locked = Arc::clone(&locked);
        let budgets = Arc::new(Mutex::new(budgets));
        let budgets_observed = Arc::clone(&budgets);
        ledger.observe(Box::new(move |number: EntryNumber, entry: &Entry| {
            observed.2.fetch_max(entry.recorded.0, Ordering::Relaxed);
            observed.0.write().expect("no holder panics").apply(number, entry);
            observed.1.write().expect("no holder panics").apply(number, entry);
            observed_deciding.0.write().expect("no holder panics").apply(number, entry);
            observed_deciding.1.write().expect("no holder panics").apply(number, entry);
            observed_deciding.2.write().expect("no holder panics").apply(number, entry);
            observed.3.write().expect("no holder panics").apply(number, entry);
            observed_cold.write().expect("no holder panics").apply(number, entry);
            observed_orders.write().expect("no holder panics").apply(number, entry);
            observed_unseal.lock().expect("no holder panics").apply(entry);
            observed_locked.write().expect("no holder panics").extend(LockedAccount::of(entry));
            observed_watched.lock().expect("no holder panics").apply(entry);
            budgets_observed.lock().expect("no holder panics").apply(number, entry);
        }));
        let warden = Self {
            registry: RwLock::new(registry),
            loose: Mutex::new(loose),
            dir,
            site_name,
            secrets,
            ledger,
            index,
            relations,
            proposals,
            uses,
            sharing,
            doors: Mutex::new(doors),
            changing: Mutex::default(),
            cases,
            numbering: Mutex::default(),
            ending: Mutex::default(),
            watched,
            budgets,
            orders,
            ordering: Mutex::default(),
            database: Mutex::new(database),
            reader: Mutex::new(reader),
            people: Mutex::new(people),
            recent_keys: Mutex::default(),
            leases: Mutex::default(),
            owed: Owed::default(),
            cold,
            key_work: Mutex::default(),
            warm_work: Mutex::default(),
            transits: Mutex::default(),
            exchange: Mutex::default(),
            challenges: Mutex::default(),
            cold_years: Mutex::default(),
            cold_named: Mutex::default(),
            steps: Steps::default(),
            swept: AtomicI64::new(i64::MIN),
            front_disk_told: AtomicI64::new(i64::MIN),
            unseal,
            changing_unseal: Mutex::default(),
            repeats: Repeats::default(),
            proofs: Proofs::new(&page_origin, &fresh_key(), clock()),
            recorded,
            known_passwords: Arc::new(Mutex::new(known_passwords)),
            places: Mutex::new(places),
            ranges: OnceLock::new(),
            locked,
            slow_places: Arc::new(Semaphore::new(identity::PASSWORD_CHECKS_AT_ONCE_MAX)),
            tls_key_pem,
            line_seed,
            in_use,
            clock,
        };
        if let Some(accepted) = accepted {
            warden.record_loss(accepted, clock())?;
        }
        warden.tell_courier().map_err(StartError::Io)?;
        warden.open_sinks()?;
        warden.look_at_witnesses();
        match warden.finish_announced(&mut warden.database.lock().expect("no holder panics")) {
            // they stay owed until the ledger is the right one
            Ok(()) | Err(StartError::Append(AppendError::Held)) => {}
            Err(error) => return Err(error),
        }
        warden.file_as_the_ledger_says()?;
        warden.restore_holders()?;
        warden.finish_shredding()?;
        warden.flush_people();
        let program = env!("CARGO_PKG_VERSION").to_owned();
        let started = EntryBody::WardenStarted { program, unsealed_by: unsealed_by.to_owned() };
        match warden.ledger.append(vec![(Actor::Warden, started)], clock()) {
            // what was approved before a crash, or fell due meanwhile
            Ok(_) => {
                warden.drop_loose_doors()?;
                warden.give_sunsets(clock());
                warden.lapse_accounts(clock());
                warden.carry_out_due(clock());
                warden.look_at_leak_lists(clock());
            }
            Err(AppendError::Held) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(warden)
    }

    /// The site.
    #[must_use]
    pub fn site(&self) -> SiteId {
        self.secrets.site
    }

    /// The public half of the site, as the root has it, and its name.
    #[must_use]
    pub fn public_half(&self) -> (MadeSite, &str) {
        let public_key = self.secrets.site_key.public().to_bytes();
        let verifying_key = self.secrets.signing.verifying_key().to_bytes();
        (MadeSite { site: self.secrets.site, public_key, verifying_key }, &self.site_name)
    }

    /// What the key of the line to other machines is made from. It follows from the first root of the site, so that fronts know its pin
    /// whatever root came after it.
    #[must_use]
    pub fn line_seed(&self) -> &[u8; 32] {
        self.line_seed.expose()
    }

    /// Answers the owner without a socket: `init` adds the first person this way.
    pub async fn ask_as_owner(&self, request: protocol::PageRequest) -> Result<protocol::PageReply, Refusal> {
        self.ask(&protocol::Credential::Owner, Channel::Owner, request, self.now()).await
    }

    /// Stops every flow in front of a durable step, as if the process ended there: for tests of what a restart finds.
    #[doc(hidden)]
    pub fn stop_before(&self, step: KeyStep) {
        self.steps.stop_before(step);
    }

    pub(crate) fn now(&self) -> Instant {
        (self.clock)()
    }

    /// The registry as the disk has it.
    pub(crate) fn read_registry(&self, database: &Database) -> Result<Registry, DatabaseError> {
        let (registry, loose) = read_registry(&self.secrets, database)?;
        *self.loose.lock().expect("no holder panics") = loose;
        Ok(registry)
    }

    /// After a restore the ledger may know moves that the database does not: where the two differ the ledger holds, because reach and
    /// exposure are computed from it.
    fn file_as_the_ledger_says(&self) -> Result<(), DatabaseError> {
        let mut database = self.database.lock().expect("no holder panics");
        let mut registry = self.registry.write().expect("no holder panics");
        let index = self.index.read().expect("no holder panics");
        for study in (0..registry.studies()).map(StudyNumber) {
            let recorded = index.reach().filed_under(study, Instant::MAX);
            if let (Some(recorded), Some(filed)) = (recorded, registry.patient_of(study))
                && recorded != filed
            {
                match registry.move_study(study, recorded) {
                    Ok(()) => tracing::warn!(%study, "a study is filed again as the ledger says"),
                    Err(error) => tracing::error!(%study, %error, "a study is not filed as the ledger says"),
                }
            }
        }
        let changes = database.begin()?;
        self.put_registry(&changes, &mut registry)?;
        changes.commit()
    }

    /// Writes what changed in the registry into a transaction.
    pub(crate) fn put_registry(&self, changes: &Changes<'_>, registry: &mut Registry) -> Result<(), DatabaseError> {
        self.put_registry_records(changes, registry.take_dirty())
    }

    pub(crate) fn cannot_record(&self, error: &AppendError) -> Refusal {
        tracing::error!(%error, "the ledger takes no entry, so nothing is released");
        self.not_behind().err().unwrap_or(Refusal::CannotRecord)
    }
}

/// The highest numbers that the ledger has seen.
#[derive(Default)]
struct Numbers {
    person: Option<model::PersonId>,
    organisation: Option<model::OrganisationId>,
    device: Option<model::DeviceId>,
    patient: Option<PatientNumber>,
    study: Option<StudyNumber>,
}

impl Numbers {
    fn see(&mut self, body: &EntryBody) {
        match body {
            EntryBody::PersonAdded { person, .. } => self.person = self.person.max(Some(*person)),
            EntryBody::OrganisationAdded { organisation, .. } => {
                self.organisation = self.organisation.max(Some(*organisation));
            }
            EntryBody::DeviceAdded { device, .. } => self.device = self.device.max(Some(*device)),
            EntryBody::PatientAdded { patient } => self.patient = self.patient.max(Some(*patient)),
            EntryBody::Stored { patient, study, .. } | EntryBody::Moved { study, to: patient, .. } => {
                self.patient = self.patient.max(Some(*patient));
                self.study = self.study.max(Some(*study));
            }
            EntryBody::Related { relationship } => match relationship.what {
                What::Patient(patient) => self.patient = self.patient.max(Some(patient)),
                What::Study(study) => self.study = self.study.max(Some(study)),
                What::Site => {}
            },
            _ => {}
        }
    }
}

/// 256 random bits.
fn fresh_key() -> [u8; 32] {
    let mut key = [0; 32];
    aws_lc_rs::rand::fill(&mut key).expect("the operating system gives randomness");
    key
}

/// Has the disk read a file that a start reads in another order than it lies there. Only before SQLite has it open in this process:
/// closing another descriptor of the file would drop SQLite's locks.
fn ask_for(path: &Path) {
    if let Ok(file) = std::fs::File::open(path) {
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::WillNeed);
    }
}

fn read_registry(secrets: &Secrets, database: &Database) -> Result<(Registry, Loose), DatabaseError> {
    let damaged = DatabaseError::Damaged { what: "registry record" };
    let mut loader = registry::Loader::default();
    let loose = secrets.each_registry_record(database, |plain| {
        let record = registry::Record::from_bytes(plain).ok();
        let taken = record.and_then(|record| loader.take(record).ok());
        taken.ok_or(DatabaseError::Damaged { what: "registry record" })
    })?;
    Ok((loader.finish().map_err(|_| damaged)?, loose))
}

fn unseal_root(dir: &Path, unseal: &Unseal) -> Result<(RootSecret, SiteId, &'static str), StartError> {
    let envelope = match std::fs::read(dir.join("warden/root.json")) {
        Ok(json) => RootEnvelope::from_json(&json)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(StartError::NoSite),
        Err(error) => return Err(StartError::Io(error)),
    };
    let site = envelope.site()?;
    Ok(match unseal {
        Unseal::Passphrase(passphrase) => (envelope.unseal_with_passphrase(passphrase)?, site, "passphrase"),
        Unseal::Kit(kit) => (envelope.unseal_with_kit(kit)?, site, "recovery-kit"),
        Unseal::Root { root, by } => (root.clone(), site, *by),
    })
}
