//! Sealed payloads: the JSON of an entry under the key of its day.
//!
//! One key for each UTC day, so that an auditor of a window is given the window's keys and opens nothing else.
//! `version ‖ day ‖ nonce ‖ AES-256-GCM(salt ‖ JSON)`; the leaf's commitment is SHA-256(salt ‖ JSON), which also makes
//! the ciphertext commit to its key.

use std::ops::RangeInclusive;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use model::{Entry, EntryBody, EntryNumber, Instant, SECOND, Window};
use seal::Secret32;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::entry_json::read_entry;
use crate::leaf::{Erases, Leaf, Payload, SealedEntry};
use crate::merkle::{Hash, sha256};

/// The longest entry, in bytes of its JSON.
pub const ENTRY_BYTES_MAX: usize = 256 * 1024;

const VERSION: u8 = 1;
pub(crate) const SALT_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
const HEADER_BYTES: usize = 1 + 4 + NONCE_LEN;
const DAY_MICROSECONDS: i64 = 86_400 * SECOND;

/// The longest sealed payload, in bytes.
pub(crate) const PAYLOAD_BYTES_MAX: usize = HEADER_BYTES + SALT_BYTES + ENTRY_BYTES_MAX + TAG_BYTES;

/// A day, counted from 1970-01-01 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// The day of an instant; days outside of 32 bits are the outermost ones.
    #[must_use]
    pub fn of(at: Instant) -> Self {
        let day = at.0.div_euclid(DAY_MICROSECONDS);
        Self(day.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32)
    }

    /// The days that a window touches; `None` when it is empty or touches more than [`PayloadKeys::DAYS_MAX`].
    #[must_use]
    pub fn touched(window: Window) -> Option<RangeInclusive<Self>> {
        if window.from >= window.to {
            return None;
        }
        let (first, last) = (Self::of(window.from), Self::of(Instant(window.to.0 - 1)));
        let days = i64::from(last.0) - i64::from(first.0) + 1;
        (days <= PayloadKeys::DAYS_MAX as i64).then_some(first..=last)
    }
}

/// The key of one day's payloads. Who holds it reads every entry recorded on that day.
#[derive(Clone)]
pub struct DayKey {
    day: Day,
    key: Secret32,
}

impl DayKey {
    /// Takes a day's key as it was given to an auditor; wiping the source stays the caller's duty.
    #[must_use]
    pub fn from_bytes(day: Day, key: &[u8; 32]) -> Self {
        Self { day, key: Secret32::from_bytes(key) }
    }

    /// The key's bytes, to give to an auditor. Each use of this is a place to look at.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        self.key.expose()
    }

    /// Which day.
    #[must_use]
    pub fn day(&self) -> Day {
        self.day
    }
}

/// What opens payloads: the secrets that every day's keys derive from, or the keys of some days.
#[derive(Clone)]
pub enum PayloadKeys {
    /// Every day. The last secret seals; those before it open what was sealed before the site had another root.
    All(Vec<Secret32>),
    /// These days.
    Days(Vec<DayKey>),
}

/// Why a payload does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PayloadError {
    /// It was written by a later version, or is no payload.
    #[error("entry {number} has a form that this version does not know; use the version that wrote it")]
    Version {
        /// Which entry.
        number: EntryNumber,
    },
    /// The key of its day is not there.
    #[error("the key of entry {number}'s day is not at hand; ask for a window that includes it")]
    NoKey {
        /// Which entry.
        number: EntryNumber,
    },
    /// The key does not open it, or the plaintext is not what the leaf commits to.
    #[error("entry {number} does not open with this site's keys; run `leadglass ledger verify`")]
    Sealed {
        /// Which entry.
        number: EntryNumber,
    },
    /// Its content was erased.
    #[error("the content of entry {number} was erased; entry {by} says what is left of it")]
    Erased {
        /// Which entry.
        number: EntryNumber,
        /// The erasure's entry.
        by: EntryNumber,
    },
    /// Its payload is not there, and what should say why does not.
    #[error(
        "the payload of entry {number} is missing and no entry says that it was erased; run `leadglass ledger verify`"
    )]
    Missing {
        /// Which entry.
        number: EntryNumber,
    },
    /// The plaintext is no entry.
    #[error("entry {number} opens but cannot be read; use the version that wrote it")]
    Json {
        /// Which entry.
        number: EntryNumber,
    },
}

impl PayloadKeys {
    /// The keys of a day that are at hand, the one that seals first. A site that never had another root has one for each day.
    #[must_use]
    pub fn day(&self, day: Day) -> Vec<DayKey> {
        match self {
            Self::All(secrets) => secrets.iter().rev().map(|secret| derive(secret, day)).collect(),
            Self::Days(keys) => keys.iter().filter(|key| key.day == day).cloned().collect(),
        }
    }

    /// The keys of every day that a window touches, as far as they are at hand; `None` as [`Day::touched`] has it.
    #[must_use]
    pub fn window(&self, window: Window) -> Option<Vec<DayKey>> {
        let (first, last) = Day::touched(window)?.into_inner();
        Some((first.0..=last.0).flat_map(|day| self.day(Day(day))).collect())
    }

    /// The most days that one window's keys are given for: a hundred years.
    pub const DAYS_MAX: usize = 36_525;
}

fn derive(secret: &Secret32, day: Day) -> DayKey {
    let mut key = Zeroizing::new([0; 32]);
    Salt::new(HKDF_SHA256, b"leadglass ledger payload v1")
        .extract(secret.expose())
        .expand(&[format!("day {}", day.0).as_bytes()], HKDF_SHA256)
        .and_then(|okm| okm.fill(key.as_mut_slice()))
        .expect("32 bytes are derived");
    DayKey { day, key: Secret32::from_bytes(&key) }
}

/// Seals and opens payloads of one ledger, remembering the key schedules of the last day.
pub(crate) struct PayloadSealer {
    keys: PayloadKeys,
    origin: String,
    sealing: Option<(Day, LessSafeKey)>,
    /// What opened last.
    opening: Option<(Day, LessSafeKey)>,
}

impl PayloadSealer {
    pub fn new(keys: PayloadKeys, origin: &str) -> Self {
        Self { keys, origin: origin.to_owned(), sealing: None, opening: None }
    }

    /// The same for another thread.
    pub fn another(&self) -> Self {
        Self::new(self.keys.clone(), &self.origin)
    }

    fn sealing_key(&mut self, day: Day) -> Option<&LessSafeKey> {
        if self.sealing.as_ref().is_none_or(|(last, _)| *last != day) {
            self.sealing = Some((day, schedule(self.keys.day(day).first()?)));
        }
        self.sealing.as_ref().map(|(_, key)| key)
    }

    /// Opens with the key of the day; where the site has had several roots, with the one that fits.
    fn open_body(
        &mut self,
        number: EntryNumber,
        day: Day,
        nonce: &[u8; NONCE_LEN],
        body: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, PayloadError> {
        let aad = self.aad(number, day);
        if let Some((last, key)) = &self.opening
            && *last == day
            && let Some(plain) = opened(key, nonce, &aad, body)
        {
            return Ok(plain);
        }
        let keys = self.keys.day(day);
        if keys.is_empty() {
            return Err(PayloadError::NoKey { number });
        }
        for key in &keys {
            let key = schedule(key);
            if let Some(plain) = opened(&key, nonce, &aad, body) {
                self.opening = Some((day, key));
                return Ok(plain);
            }
        }
        Err(PayloadError::Sealed { number })
    }

    /// Binds a payload to its ledger, its place and its day.
    fn aad(&self, number: EntryNumber, day: Day) -> Vec<u8> {
        let mut aad = format!("leadglass ledger payload v1\n{}\n", self.origin).into_bytes();
        aad.extend_from_slice(&number.0.to_be_bytes());
        aad.push(VERSION);
        aad.extend_from_slice(&day.0.to_be_bytes());
        aad
    }

    /// Seals an entry's JSON of at most [`ENTRY_BYTES_MAX`]. The nonce is random: a number may be used again with
    /// another plaintext after a crash cut an unacknowledged entry away.
    pub fn seal(&mut self, number: EntryNumber, recorded: Instant, json: &[u8], erases: Option<Erases>) -> SealedEntry {
        assert!(json.len() <= ENTRY_BYTES_MAX, "the caller refuses longer entries");
        let day = Day::of(recorded);
        let mut random = [0; NONCE_LEN + SALT_BYTES];
        aws_lc_rs::rand::fill(&mut random)
            .expect("the operating system gives randomness; without it nothing is sealed");
        let (nonce, salt) = random.split_first_chunk::<NONCE_LEN>().expect("the nonce comes first");
        let aad = self.aad(number, day);

        let mut sealed = Vec::with_capacity(HEADER_BYTES + SALT_BYTES + json.len() + TAG_BYTES);
        sealed.push(VERSION);
        sealed.extend_from_slice(&day.0.to_be_bytes());
        sealed.extend_from_slice(nonce);
        sealed.extend_from_slice(salt);
        sealed.extend_from_slice(json);
        let commitment = commit(&sealed[HEADER_BYTES..]);
        let key = self.sealing_key(day).expect("who writes a ledger holds the key of every day");
        let tag = key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(aad),
                &mut sealed[HEADER_BYTES..],
            )
            .expect("the plaintext is shorter than what AES-GCM takes");
        sealed.extend_from_slice(tag.as_ref());
        let leaf = Leaf { payload_sha256: sha256(&[&sealed]), commitment, payload_bytes: sealed.len() as u32, erases };
        SealedEntry { leaf, payload: Payload::Sealed(sealed) }
    }

    /// Opens a payload and compares it with the leaf's commitment.
    pub fn open(&mut self, number: EntryNumber, sealed: &SealedEntry) -> Result<Entry, PayloadError> {
        let salted = self.open_salted(number, sealed)?;
        let entry = entry_of_salted(&salted).ok_or(PayloadError::Json { number })?;
        // the tree and the sealed text say the same of an erasure
        if sealed.leaf.erases != erases(&entry.body) {
            return Err(PayloadError::Sealed { number });
        }
        Ok(entry)
    }

    /// What `erasure`, the entry `by`, says is left of the entry `number`.
    pub fn open_left(
        &mut self,
        number: EntryNumber,
        by: EntryNumber,
        erasure: &SealedEntry,
    ) -> Result<Entry, PayloadError> {
        match self.open(by, erasure)?.body {
            EntryBody::Erased { entry, left } if entry == number && number < by => Ok(*left),
            _ => Err(PayloadError::Missing { number }),
        }
    }

    /// The same as it is committed to, `salt ‖ JSON`: whoever is shown it can check it against the tree.
    pub fn open_salted(
        &mut self,
        number: EntryNumber,
        sealed: &SealedEntry,
    ) -> Result<Zeroizing<Vec<u8>>, PayloadError> {
        let bytes = match &sealed.payload {
            Payload::Sealed(bytes) => bytes,
            Payload::ErasedBy(by) => return Err(PayloadError::Erased { number, by: EntryNumber(*by) }),
        };
        let Some((header, body)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Err(PayloadError::Version { number });
        };
        if header[0] != VERSION || bytes.len() > PAYLOAD_BYTES_MAX {
            return Err(PayloadError::Version { number });
        }
        let day = Day(i32::from_be_bytes(*header[1..].first_chunk().expect("the day follows the version")));
        let nonce = *header[5..].first_chunk().expect("the nonce ends the header");
        let plain = self.open_body(number, day, &nonce, body)?;
        if plain.len() < SALT_BYTES || commit(&plain) != sealed.leaf.commitment {
            return Err(PayloadError::Sealed { number });
        }
        Ok(plain)
    }
}

fn schedule(key: &DayKey) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.key.expose()).expect("the key has 32 bytes"))
}

fn opened(key: &LessSafeKey, nonce: &[u8; NONCE_LEN], aad: &[u8], body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut plain = Zeroizing::new(body.to_vec());
    let bytes = key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), &mut plain).ok()?.len();
    plain.truncate(bytes);
    Some(plain)
}

/// What an entry's leaf says that it erases.
pub(crate) fn erases(body: &EntryBody) -> Option<Erases> {
    match body {
        EntryBody::Erased { entry, left } => Some(Erases { entry: entry.0, day: Day::of(left.recorded).0 }),
        _ => None,
    }
}

/// The entry in `salt ‖ JSON`.
pub(crate) fn entry_of_salted(salted: &[u8]) -> Option<Entry> {
    read_entry(salted.get(SALT_BYTES..)?)
}

/// The salted commitment to a plaintext: `salt ‖ JSON`, the salt having a fixed length.
pub(crate) fn commit(salted: &[u8]) -> Hash {
    sha256(&[salted])
}

#[cfg(test)]
mod tests {
    use model::{Actor, EntryBody, SiteId};

    use super::*;

    fn entry() -> Entry {
        Entry {
            version: Entry::VERSION,
            recorded: Instant(1_764_000_000_000_000),
            actor: Actor::Owner,
            body: EntryBody::Initialised { site: SiteId([7; 16]), name: "St. Mary".to_owned() },
        }
    }

    fn sealer(secret: u8, origin: &str) -> PayloadSealer {
        PayloadSealer::new(PayloadKeys::All(vec![Secret32::from_bytes(&[secret; 32])]), origin)
    }

    fn sealed() -> SealedEntry {
        let json = serde_json::to_vec(&entry()).unwrap();
        sealer(1, "leadglass/a").seal(EntryNumber(5), entry().recorded, &json, None)
    }

    #[test]
    fn an_entry_comes_back_as_it_was_sealed() {
        assert_eq!(sealer(1, "leadglass/a").open(EntryNumber(5), &sealed()), Ok(entry()));
    }

    #[test]
    fn sealing_twice_shows_nothing_alike() {
        let (one, two) = (sealed(), sealed());
        assert_ne!(one.leaf.commitment, two.leaf.commitment);
        let bytes = |sealed: &SealedEntry| sealed.sealed().unwrap().to_vec();
        assert_ne!(bytes(&one)[HEADER_BYTES..HEADER_BYTES + 64], bytes(&two)[HEADER_BYTES..HEADER_BYTES + 64]);
        assert!(!bytes(&one).windows(8).any(|window| window == b"St. Mary"));
    }

    #[test]
    fn another_key_number_or_ledger_opens_nothing() {
        let refused = Err(PayloadError::Sealed { number: EntryNumber(5) });
        assert_eq!(sealer(2, "leadglass/a").open(EntryNumber(5), &sealed()), refused);
        assert_eq!(sealer(1, "leadglass/b").open(EntryNumber(5), &sealed()), refused);
        let refused = Err(PayloadError::Sealed { number: EntryNumber(6) });
        assert_eq!(sealer(1, "leadglass/a").open(EntryNumber(6), &sealed()), refused);
    }

    #[test]
    fn a_changed_payload_or_commitment_opens_nothing() {
        let whole = sealed();
        let bytes = whole.sealed().unwrap();
        let with = |bytes: Vec<u8>| SealedEntry { leaf: whole.leaf, payload: Payload::Sealed(bytes) };
        for position in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[position] ^= 1;
            let changed = with(changed);
            assert!(sealer(1, "leadglass/a").open(EntryNumber(5), &changed).is_err(), "byte {position}");
            let changed = with(bytes[..position].to_vec());
            assert!(sealer(1, "leadglass/a").open(EntryNumber(5), &changed).is_err(), "cut at {position}");
        }
        let mut other = sealed();
        other.leaf.commitment = sha256(&[b"another"]);
        let refused = Err(PayloadError::Sealed { number: EntryNumber(5) });
        assert_eq!(sealer(1, "leadglass/a").open(EntryNumber(5), &other), refused);
    }

    #[test]
    fn a_days_key_opens_that_day_and_no_other() {
        let all = PayloadKeys::All(vec![Secret32::from_bytes(&[1; 32])]);
        let day = Day::of(entry().recorded);
        let open = |day: Day| {
            let keys = PayloadKeys::Days(all.day(day));
            PayloadSealer::new(keys, "leadglass/a").open(EntryNumber(5), &sealed())
        };
        assert_eq!(open(day), Ok(entry()));
        assert_eq!(open(Day(day.0 + 1)), Err(PayloadError::NoKey { number: EntryNumber(5) }));
    }

    #[test]
    fn a_later_secret_seals_and_earlier_ones_still_open() {
        let secret = |byte: u8| Secret32::from_bytes(&[byte; 32]);
        let both = PayloadKeys::All(vec![secret(1), secret(2)]);
        let json = serde_json::to_vec(&entry()).unwrap();
        let later = PayloadSealer::new(both.clone(), "leadglass/a").seal(EntryNumber(6), entry().recorded, &json, None);
        // the older secret opens nothing that came after it, on the same day
        let refused = Err(PayloadError::Sealed { number: EntryNumber(6) });
        assert_eq!(sealer(1, "leadglass/a").open(EntryNumber(6), &later), refused);
        assert_eq!(sealer(2, "leadglass/a").open(EntryNumber(6), &later), Ok(entry()));
        // and the two are told apart in any order, also by the keys that an auditor of that day has
        let days = PayloadKeys::Days(both.day(Day::of(entry().recorded)));
        for keys in [both, days] {
            let mut reader = PayloadSealer::new(keys, "leadglass/a");
            for _ in 0..2 {
                assert_eq!(reader.open(EntryNumber(5), &sealed()), Ok(entry()));
                assert_eq!(reader.open(EntryNumber(6), &later), Ok(entry()));
            }
        }
    }

    #[test]
    fn a_window_gets_the_days_that_it_touches() {
        let all = PayloadKeys::All(vec![Secret32::from_bytes(&[1; 32])]);
        let days = |from: i64, to: i64| {
            let window = Window { from: Instant(from), to: Instant(to) };
            Some(all.window(window)?.iter().map(|key| key.day().0).collect::<Vec<_>>())
        };
        assert_eq!(days(0, 0), None);
        assert_eq!(days(0, 1), Some(vec![0]));
        assert_eq!(days(-1, 1), Some(vec![-1, 0]));
        assert_eq!(days(0, DAY_MICROSECONDS), Some(vec![0]));
        assert_eq!(days(0, DAY_MICROSECONDS + 1), Some(vec![0, 1]));
        // all of them or none: a window whose last days lack their keys would leave their entries out
        let longest = PayloadKeys::DAYS_MAX as i64 * DAY_MICROSECONDS;
        assert_eq!(days(0, longest).map(|days| days.len()), Some(PayloadKeys::DAYS_MAX));
        assert_eq!(days(0, longest + 1), None);
        assert_eq!(days(i64::MIN, i64::MAX), None);
    }
}
