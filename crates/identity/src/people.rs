//! Everything about people, in memory: records, what finds them quickly, and what changed since the last write.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::{DeviceId, EntryBody, Instant, OrganisationId, PersonId, SessionId};
use thiserror::Error;
use webauthn_rs::prelude::{Webauthn, WebauthnBuilder};
use webauthn_rs_core::WebauthnCore;

use crate::ceremony::Ceremonies;
use crate::record::{DeviceRecord, EnrolmentRecord, Key, OrganisationRecord, PersonRecord, Record, SessionRecord};
use crate::secret::TokenHash;
use crate::throttle::Throttle;
use crate::{IdentityRecord, Settings, SettingsError};

/// What browsers would be told of a time limit; nobody asks this half for options.
const CORE_TIMEOUT: std::time::Duration = std::time::Duration::from_mins(5);

/// Everything about people, in memory.
///
/// One writer at a time: the warden holds a lock over a change, its ledger entries and [`take_dirty`](Self::take_dirty)
/// or [`revert`](Self::revert).
pub struct People {
    pub(crate) settings: Settings,
    pub(crate) webauthn: Webauthn,
    /// The same once more, for what the other does not offer: attestation against the makers of one organisation.
    pub(crate) core: WebauthnCore,
    pub(crate) organisations: BTreeMap<OrganisationId, OrganisationRecord>,
    pub(crate) persons: BTreeMap<PersonId, PersonRecord>,
    pub(crate) devices: BTreeMap<DeviceId, DeviceRecord>,
    pub(crate) enrolments: BTreeMap<PersonId, EnrolmentRecord>,
    pub(crate) sessions: HashMap<SessionId, SessionRecord>,
    by_email: HashMap<String, PersonId>,
    by_handle: HashMap<Vec<u8>, PersonId>,
    by_device_token: HashMap<TokenHash, DeviceId>,
    by_session_token: HashMap<TokenHash, SessionId>,
    pub(crate) next: NextNumbers,
    /// What each changed record was before; `None` when it was not there.
    before: BTreeMap<Key, Option<Record>>,
    /// Records whose write failed, to be given out again.
    not_written: BTreeSet<Key>,
    /// When `last_used` of a session was last written.
    pub(crate) touched: HashMap<SessionId, Instant>,
    /// Lost at a restart, as the next: whoever is in the middle of signing in starts again.
    pub(crate) ceremonies: Ceremonies,
    pub(crate) throttle: Throttle,
}

/// A value together with the entries that the ledger must hold before anybody is told.
#[derive(Clone, Debug)]
#[must_use = "the entries must be recorded, or the change reverted"]
pub struct Changed<T> {
    /// The value.
    pub value: T,
    /// The entries, in order.
    pub entries: Vec<EntryBody>,
}

/// A record cannot be read.
#[derive(Debug, Error)]
pub enum LoadError {
    /// Another version wrote it.
    #[error(
        "a record about people has version {found}, this program reads {}; run the version that wrote it",
        IdentityRecord::VERSION
    )]
    Version {
        /// Its version.
        found: u8,
    },
    /// Not a record.
    #[error("a record about people is out of shape; restore the warden's database from the vault")]
    OutOfShape,
    /// The site's origin or relying party does not fit.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// The numbers that come next. A number is never given twice, even when the record of the first was lost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NextNumbers {
    pub(crate) person: u32,
    pub(crate) organisation: u32,
    pub(crate) device: u32,
}

impl People {
    /// A site without people.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let webauthn = webauthn(&settings)?;
        let core = WebauthnCore::new_unsafe_experts_only(
            &settings.site_name,
            &settings.rp_id,
            settings.origin_urls()?,
            CORE_TIMEOUT,
            Some(false),
            Some(false),
        );
        Ok(Self {
            settings,
            webauthn,
            core,
            organisations: BTreeMap::new(),
            persons: BTreeMap::new(),
            devices: BTreeMap::new(),
            enrolments: BTreeMap::new(),
            sessions: HashMap::new(),
            by_email: HashMap::new(),
            by_handle: HashMap::new(),
            by_device_token: HashMap::new(),
            by_session_token: HashMap::new(),
            next: NextNumbers::default(),
            before: BTreeMap::new(),
            not_written: BTreeSet::new(),
            touched: HashMap::new(),
            ceremonies: Ceremonies::default(),
            throttle: Throttle::default(),
        })
    }

    /// A site as its records say. Tombstones are taken too, so that a log of records can be replayed.
    pub fn load(settings: Settings, records: impl IntoIterator<Item = IdentityRecord>) -> Result<Self, LoadError> {
        let mut people = Self::new(settings)?;
        for record in records {
            match record.body {
                Some(body) => people.place(*body),
                None => people.displace(record.key),
            }
        }
        Ok(people)
    }

    /// Tells which numbers the ledger has given, so that none is given again. Call it after [`load`](Self::load)
    /// with the highest numbers that entries name: a crash may have kept an entry and lost its record.
    pub fn numbers_given(
        &mut self,
        person: Option<PersonId>,
        organisation: Option<OrganisationId>,
        device: Option<DeviceId>,
    ) {
        let after = |number: Option<u32>| number.map_or(0, |number| number.saturating_add(1));
        self.next.person = self.next.person.max(after(person.map(|person| person.0)));
        self.next.organisation = self.next.organisation.max(after(organisation.map(|organisation| organisation.0)));
        self.next.device = self.next.device.max(after(device.map(|device| device.0)));
    }

    /// The records that changed since the last call, to be sealed and written (or deleted) in one transaction.
    #[must_use = "what is not written is lost at a restart"]
    pub fn take_dirty(&mut self) -> Vec<IdentityRecord> {
        let mut keys = std::mem::take(&mut self.not_written);
        let before = std::mem::take(&mut self.before);
        // what came and went since the last call was never written
        keys.extend(before.into_iter().filter(|(key, was)| was.is_some() || self.holds(*key)).map(|(key, _)| key));
        keys.into_iter().map(|key| IdentityRecord { key, body: self.record(key).map(Box::new) }).collect()
    }

    /// Takes back records that could not be written: the next [`take_dirty`](Self::take_dirty) gives them out again,
    /// as they are then.
    pub fn not_written(&mut self, records: &[IdentityRecord]) {
        self.not_written.extend(records.iter().map(|record| record.key));
    }

    /// Whether there is something to write.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        !self.before.is_empty() || !self.not_written.is_empty()
    }

    /// Puts every record back as it was at the last [`take_dirty`](Self::take_dirty): its entry could not be recorded.
    pub fn revert(&mut self) {
        let before = std::mem::take(&mut self.before);
        before.keys().for_each(|key| self.displace(*key));
        before.into_values().flatten().for_each(|was| self.place(was));
    }

    /// What the site says about itself.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn person_by_email(&self, normalised: &str) -> Option<&PersonRecord> {
        self.by_email.get(normalised).and_then(|person| self.persons.get(person))
    }

    pub(crate) fn person_by_handle(&self, handle: &[u8]) -> Option<&PersonRecord> {
        self.by_handle.get(handle).and_then(|person| self.persons.get(person))
    }

    pub(crate) fn device_by_token_hash(&self, token: TokenHash) -> Option<DeviceId> {
        self.by_device_token.get(&token).copied()
    }

    pub(crate) fn session_by_token_hash(&self, token: TokenHash) -> Option<SessionId> {
        self.by_session_token.get(&token).copied()
    }

    /// Writes a record and remembers what was there.
    pub(crate) fn put(&mut self, record: Record) {
        let key = record.key();
        self.remember(key);
        self.displace(key);
        self.place(record);
    }

    /// Deletes a record and remembers what was there.
    pub(crate) fn remove(&mut self, key: Key) {
        self.remember(key);
        self.displace(key);
    }

    fn remember(&mut self, key: Key) {
        if !self.before.contains_key(&key) {
            let was = self.record(key);
            self.before.insert(key, was);
        }
    }

    fn holds(&self, key: Key) -> bool {
        match key {
            Key::Organisation(key) => self.organisations.contains_key(&key),
            Key::Person(key) => self.persons.contains_key(&key),
            Key::Device(key) => self.devices.contains_key(&key),
            Key::Enrolment(key) => self.enrolments.contains_key(&key),
            Key::Session(key) => self.sessions.contains_key(&key),
        }
    }

    fn record(&self, key: Key) -> Option<Record> {
        match key {
            Key::Organisation(key) => self.organisations.get(&key).cloned().map(Record::Organisation),
            Key::Person(key) => self.persons.get(&key).cloned().map(Record::Person),
            Key::Device(key) => self.devices.get(&key).cloned().map(Record::Device),
            Key::Enrolment(key) => self.enrolments.get(&key).cloned().map(Record::Enrolment),
            Key::Session(key) => self.sessions.get(&key).cloned().map(Record::Session),
        }
    }

    fn place(&mut self, record: Record) {
        match record {
            Record::Organisation(record) => {
                self.next.organisation = self.next.organisation.max(record.organisation.0.saturating_add(1));
                self.organisations.insert(record.organisation, record);
            }
            Record::Person(record) => {
                self.next.person = self.next.person.max(record.person.0.saturating_add(1));
                self.by_email.insert(record.email.clone(), record.person);
                self.by_handle.insert(record.user_handle.clone(), record.person);
                self.persons.insert(record.person, record);
            }
            Record::Device(record) => {
                self.next.device = self.next.device.max(record.device.0.saturating_add(1));
                for token in record.tokens() {
                    self.by_device_token.insert(token, record.device);
                }
                self.devices.insert(record.device, record);
            }
            Record::Enrolment(record) => {
                self.enrolments.insert(record.person, record);
            }
            Record::Session(record) => {
                self.by_session_token.insert(record.token, record.session);
                self.sessions.insert(record.session, record);
            }
        }
    }

    fn displace(&mut self, key: Key) {
        match key {
            Key::Organisation(key) => {
                self.organisations.remove(&key);
            }
            Key::Person(key) => {
                if let Some(record) = self.persons.remove(&key) {
                    self.by_email.remove(&record.email);
                    self.by_handle.remove(&record.user_handle);
                }
            }
            Key::Device(key) => {
                for token in self.devices.remove(&key).iter().flat_map(DeviceRecord::tokens) {
                    self.by_device_token.remove(&token);
                }
            }
            Key::Enrolment(key) => {
                self.enrolments.remove(&key);
            }
            Key::Session(key) => {
                if let Some(record) = self.sessions.remove(&key) {
                    self.by_session_token.remove(&record.token);
                }
            }
        }
    }
}

impl std::fmt::Debug for People {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("People")
            .field("organisations", &self.organisations.len())
            .field("persons", &self.persons.len())
            .field("devices", &self.devices.len())
            .field("sessions", &self.sessions.len())
            .finish_non_exhaustive()
    }
}

fn webauthn(settings: &Settings) -> Result<Webauthn, SettingsError> {
    let origins = settings.origin_urls()?;
    let (first, further) = origins.split_first().ok_or_else(|| SettingsError::Origin { origin: String::new() })?;
    let mut builder = None;
    for origin in &origins {
        // each origin is tried alone: the builder itself looks at the first only
        let fits = WebauthnBuilder::new(&settings.rp_id, origin);
        let fits = fits.map_err(|_| SettingsError::RelyingParty {
            rp_id: settings.rp_id.clone(),
            origin: origin.as_str().trim_end_matches('/').to_owned(),
        })?;
        if origin == first {
            builder = Some(fits);
        }
    }
    let mut builder = builder.expect("the first origin was among those tried").rp_name(&settings.site_name);
    for origin in further {
        builder = builder.append_allowed_origin(origin);
    }
    Ok(builder.build().expect("building a tried builder cannot fail"))
}
