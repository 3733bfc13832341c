//! Bearer tokens of devices (RFC 6750): how long they live, how one takes the place of another, and which is found in a text.

use model::{DeviceId, EntryBody, Instant, SECOND};
use rand_core::CryptoRng;

use crate::record::{DeviceRecord, FormerToken, Record};
use crate::secret::{TokenHash, is_device_token, new_device_token};
use crate::{Changed, Device, DirectoryError, People, RemovalError};

/// How long a token lives when nothing is said, in seconds: a year.
pub const TOKEN_SECONDS: i64 = 365 * 86_400;
/// The longest that one lives, in seconds: five years.
pub const TOKEN_SECONDS_MAX: i64 = 5 * 365 * 86_400;
/// How long the token before works beside a new one that was not used yet, in seconds.
pub const TOKEN_OVERLAP_SECONDS: i64 = 86_400;
/// The last use is kept by the hour.
const USED_SECONDS: i64 = 3_600;

/// A new token in the place of another. It exists here only.
pub struct RotatedToken {
    /// The new one, to be shown once.
    pub token: String,
    /// When it ends.
    pub until: Instant,
    /// Until when the one before works, unless the new one is used earlier.
    pub before_until: Option<Instant>,
}

impl std::fmt::Debug for RotatedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RotatedToken").field("until", &self.until).finish_non_exhaustive()
    }
}

impl People {
    /// The device that holds this bearer token now. A token whose checksum is wrong is refused without looking for it.
    #[must_use]
    pub fn device_by_token(&self, token: &str, now: Instant) -> Option<Device<'_>> {
        if !is_device_token(token) {
            return None;
        }
        let hash = TokenHash::of(token);
        let device = self.device_by_token_hash(hash).and_then(|device| self.device(device))?;
        device.0.works(hash, now).then_some(device)
    }

    /// Devices whose token, or the one before it, is among these and works now: each once, with its name and since when the token is given
    /// as far as that is known. Of one that another took the place of, that is not known any more.
    #[must_use]
    pub fn devices_with(&self, tokens: &[impl AsRef<str>], now: Instant) -> Vec<(DeviceId, String, Option<Instant>)> {
        let mut found = std::collections::BTreeMap::new();
        for token in tokens {
            let Some(Device(record)) = self.device_by_token(token.as_ref(), now) else { continue };
            let is_newest = record.token == Some(TokenHash::of(token.as_ref()));
            let since = record.token_since.filter(|_| is_newest);
            let known = found.entry(record.device).or_insert((record.name.clone(), since));
            known.1 = known.1.min(since);
        }
        found.into_iter().map(|(device, (name, since))| (device, name, since)).collect()
    }

    /// Remembers that a token was used: when, by the hour, and that the one before is not needed any more. Written without an entry.
    pub fn token_used(&mut self, token: &str, now: Instant) {
        let hash = TokenHash::of(token);
        let Some(record) = self.device_by_token_hash(hash).and_then(|device| self.devices.get(&device)) else { return };
        let hour = Instant(now.0 - now.0.rem_euclid(USED_SECONDS * SECOND));
        let is_new = record.token == Some(hash);
        if record.token_used.is_some_and(|used| used >= hour) && !(is_new && record.former.is_some()) {
            return;
        }
        let mut record = record.clone();
        record.token_used = Some(hour);
        if is_new {
            record.former = None;
        }
        self.put(Record::Device(record));
    }

    /// Gives a device that has or had a token a new one. The one before works until the new one is used, for a day at the longest; one that was
    /// before that ends now.
    pub fn rotate_token(
        &mut self,
        device: DeviceId,
        until: Option<Instant>,
        now: Instant,
        random: &mut dyn CryptoRng,
    ) -> Result<Changed<RotatedToken>, DirectoryError> {
        let with_token = |record: &&DeviceRecord| record.token.is_some() || record.token_since.is_some();
        let known = self.devices.get(&device).filter(|record| record.removed.is_none()).filter(with_token);
        let Some(mut record) = known.cloned() else {
            let expected = "a device that was added with a token; `leadglass device list` says which have one";
            return Err(DirectoryError::Field { field: "device", expected });
        };
        let until = token_end(until, now)?;
        let overlap = now.plus_seconds(TOKEN_OVERLAP_SECONDS);
        let before_until = record.token_until.map_or(overlap, |ends| ends.min(overlap));
        // one that has ended does not come back for a day
        let before_until = (record.token.is_some() && now < before_until).then_some(before_until);
        let token = new_device_token(random);
        record.former = record.token.zip(before_until).map(|(token, until)| FormerToken { token, until });
        record.token = Some(TokenHash::of(&token));
        (record.token_since, record.token_until) = (Some(now), Some(until));
        self.put(Record::Device(record));
        let entries = vec![EntryBody::DeviceTokenIssued { device, until, before_until }];
        Ok(Changed { value: RotatedToken { token, until, before_until }, entries })
    }

    /// Removes a device's bearer token; the device stays, and its AE title as bound as it was. No entry when it has none.
    pub fn remove_device_token(&mut self, device: DeviceId) -> Result<Changed<()>, RemovalError> {
        let record = self.devices.get(&device).filter(|record| record.removed.is_none()).cloned();
        let mut record = record.ok_or(RemovalError::UnknownDevice)?;
        if !record.lose_tokens() {
            return Ok(Changed { value: (), entries: Vec::new() });
        }
        self.put(Record::Device(record));
        Ok(Changed { value: (), entries: vec![EntryBody::DeviceTokenRemoved { device }] })
    }
}

impl DeviceRecord {
    /// Every token that may still work.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = TokenHash> + use<> {
        self.token.into_iter().chain(self.former.map(|former| former.token))
    }

    /// Whether there was any.
    pub(crate) fn lose_tokens(&mut self) -> bool {
        let had = self.token.take().is_some() | self.former.take().is_some();
        // `token_since` stays: it says that the device may be given one again
        self.token_until = None;
        had
    }

    fn works(&self, hash: TokenHash, now: Instant) -> bool {
        let newest = self.token == Some(hash) && self.token_until.is_none_or(|until| now < until);
        newest || self.former.is_some_and(|former| former.token == hash && now < former.until)
    }
}

/// When a token ends that is given now.
pub(crate) fn token_end(until: Option<Instant>, now: Instant) -> Result<Instant, DirectoryError> {
    let until = until.unwrap_or(now.plus_seconds(TOKEN_SECONDS));
    if until <= now || until > now.plus_seconds(TOKEN_SECONDS_MAX) {
        return Err(DirectoryError::Field { field: "token_until", expected: "a time ahead, at most five years" });
    }
    Ok(until)
}
