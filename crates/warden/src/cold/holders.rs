//! Who holds shares of what goes cold from now on, and the rule of when that is.

use audit::Appended;
use model::{Actor, Change, ColdHolder, ColdRule, EntryBody, HolderKind, Instant, KeyId};
use protocol::{ColdReply, NewHolder, PageReply, Refusal};
use seal::{HolderPublicKey, Holders};
use serde::{Deserialize, Serialize};

use super::failed;
use crate::approvals::Asked;
use crate::database::{DatabaseError, Space};
use crate::pages::{HELD, field};
use crate::state::Warden;
use crate::subject::Caller;

/// The longest name of a holder, in characters.
const NAME_CHARACTERS_MAX: usize = 100;
/// The longest time until a study goes cold: ten years.
const AFTER_SECONDS_MAX: i64 = 10 * 366 * 86_400;
/// The most patients a day that one holder warms alone.
const ALONE_PER_DAY_MAX: u32 = 10_000;

/// One generation of holders, as its record has it.
#[derive(Serialize, Deserialize)]
struct Record {
    version: u8,
    generation: u32,
    threshold: u8,
    holders: Vec<HolderRecord>,
}

#[derive(Serialize, Deserialize)]
struct HolderRecord {
    holder: ColdHolder,
    public: Vec<u8>,
}

/// Holders with their keys.
pub(crate) struct HolderSet {
    pub(crate) generation: u32,
    pub(crate) holders: Holders,
}

impl Warden {
    /// Asks for others to hold what goes cold from then on: two persons and a delay stand in front of it, because who holds shares can
    /// open, and who loses them loses. What is cold already stays with those that it went cold with ([`Warden::replace_holders`]).
    pub(crate) fn set_holders(
        &self,
        caller: &Caller,
        threshold: u8,
        new: Vec<NewHolder>,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let (holders, keys) = named(new)?;
        record(0, threshold, holders.clone(), &keys)?;
        self.ask_for_holders(caller, Change::ColdHolders { threshold, holders, keys }, now)
    }

    /// Asks for others to hold everything that is cold, also what is cold already.
    pub(crate) fn replace_holders(
        &self,
        caller: &Caller,
        threshold: u8,
        new: Vec<NewHolder>,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        if self.cold.read().expect(HELD).holders.is_none() {
            return Err(field("holder", "a site that has holders; name the first with `leadglass cold init`"));
        }
        let (holders, keys) = named(new)?;
        record(0, threshold, holders.clone(), &keys)?;
        self.ask_for_holders(caller, Change::ReplaceColdHolders { threshold, holders, keys }, now)
    }

    fn ask_for_holders(&self, caller: &Caller, change: Change, now: Instant) -> Result<PageReply, Refusal> {
        match self.ask_for(caller, change, now)? {
            Asked::Waits(row) => Ok(PageReply::Proposed(row)),
            Asked::Made(_) => {
                let generation =
                    self.cold.read().expect(HELD).holders.as_ref().map_or(0, |(generation, ..)| *generation);
                Ok(PageReply::Cold(ColdReply::HoldersSet { generation }))
            }
        }
    }

    /// Names the holders. `carried_out` is the entry that closes the proposal.
    pub(crate) fn set_holders_as(
        &self,
        actor: &Actor,
        threshold: u8,
        holders: Vec<ColdHolder>,
        keys: &[String],
        carried_out: EntryBody,
    ) -> Result<Appended, Refusal> {
        let _work = self.key_work.lock().expect(HELD);
        let generation = self.cold.read().expect(HELD).holders.as_ref().map_or(1, |(generation, ..)| generation + 1);
        let record = record(generation, threshold, holders.clone(), keys)?;
        let plain = serde_json::to_vec(&record).expect("names and bytes are JSON");
        let body = EntryBody::ColdHoldersSet { generation, threshold, holders };
        self.change_keys(vec![(actor.clone(), body), (actor.clone(), carried_out)], None, |changes| {
            self.secrets.put(changes, Space::Holder, format!("set/{generation}").as_bytes(), &plain)
        })?;
        Ok(Appended::default())
    }

    /// Asks for another rule.
    pub(crate) fn set_rule(&self, caller: &Caller, rule: ColdRule, now: Instant) -> Result<PageReply, Refusal> {
        if !(0..=AFTER_SECONDS_MAX).contains(&rule.after_seconds) {
            return Err(field("after", "a duration of at most ten years"));
        }
        if rule.service_per_day.max(rule.emergency_per_day) > ALONE_PER_DAY_MAX {
            return Err(field("per day", "at most 10000 patients"));
        }
        match self.ask_for(caller, Change::ColdRule { rule }, now)? {
            Asked::Waits(row) => Ok(PageReply::Proposed(row)),
            Asked::Made(_) => Ok(PageReply::Cold(ColdReply::Done)),
        }
    }

    /// The present holders with their keys; `None` when there are none yet.
    pub(crate) fn holder_set(&self) -> Result<Option<HolderSet>, Refusal> {
        let Some(generation) = self.cold.read().expect(HELD).holders.as_ref().map(|(generation, ..)| *generation)
        else {
            return Ok(None);
        };
        let sets = self.holder_records()?;
        let Some(record) = sets.into_iter().find(|set| set.generation == generation) else {
            tracing::error!(generation, "the holders' keys are not in the database; name them again");
            return Ok(None);
        };
        let mut holders = Holders { threshold: record.threshold, sharing: Vec::new(), alone: Vec::new() };
        for HolderRecord { holder, public } in record.holders {
            let key = HolderPublicKey::from_bytes(&public).map_err(failed)?;
            if holder.kind == HolderKind::Sharing { holders.sharing.push(key) } else { holders.alone.push(key) }
        }
        Ok(Some(HolderSet { generation, holders }))
    }

    /// The key of a holder of any generation.
    pub(crate) fn holder_key(&self, id: KeyId) -> Result<Option<HolderPublicKey>, Refusal> {
        let records = self.holder_records()?.into_iter().flat_map(|set| set.holders);
        let found = records.into_iter().find(|record| record.holder.key == id);
        found.map(|record| HolderPublicKey::from_bytes(&record.public).map_err(failed)).transpose()
    }

    fn holder_records(&self) -> Result<Vec<Record>, Refusal> {
        let reader = self.reader.lock().expect(HELD);
        let records = self.secrets.records(&reader, Space::Holder).map_err(failed)?;
        let read = |(_, plain): (Vec<u8>, Vec<u8>)| serde_json::from_slice(&plain);
        records
            .into_iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map_err(|_| failed(DatabaseError::Damaged { what: "record of holders" }))
    }
}

/// New holders with their public keys in hexadecimal digits, in the same order.
fn named(new: Vec<NewHolder>) -> Result<(Vec<ColdHolder>, Vec<String>), Refusal> {
    let (mut holders, mut keys) = (Vec::with_capacity(new.len()), Vec::with_capacity(new.len()));
    for NewHolder { name, kind, public } in new {
        let name = name.trim().to_owned();
        if name.is_empty() || name.chars().count() > NAME_CHARACTERS_MAX || name.chars().any(char::is_control) {
            return Err(field("holder", "a name of 1 to 100 characters"));
        }
        let key = HolderPublicKey::from_bytes(&public)
            .map_err(|_| field("holder", "a public key that `leadglass cold holder new` wrote"))?;
        holders.push(ColdHolder { key: key.id(), name, kind });
        keys.push(hex::encode(&public));
    }
    Ok((holders, keys))
}

/// The record of a set, if it fits: keys that are keys and each once, numbers within each other.
fn record(generation: u32, threshold: u8, holders: Vec<ColdHolder>, keys: &[String]) -> Result<Record, Refusal> {
    let mut set = Holders { threshold, sharing: Vec::new(), alone: Vec::new() };
    let mut records: Vec<HolderRecord> = Vec::with_capacity(holders.len());
    if holders.len() != keys.len() {
        return Err(field("holder", "a public key for each"));
    }
    for (holder, public) in holders.into_iter().zip(keys) {
        let public = hex::decode(public).map_err(|_| field("holder", "a public key"))?;
        let key = HolderPublicKey::from_bytes(&public).map_err(|_| field("holder", "a public key"))?;
        if key.id() != holder.key || records.iter().any(|record| record.holder.key == holder.key) {
            return Err(field("holder", "each key once: two names for one key are one holder"));
        }
        if holder.kind == HolderKind::Sharing {
            set.sharing.push(key)
        } else {
            set.alone.push(key)
        }
        records.push(HolderRecord { holder, public });
    }
    if !set.fit() {
        return Err(field("threshold", "1 to the number of sharing holders, and at most 16 holders"));
    }
    Ok(Record { version: 1, generation, threshold, holders: records })
}
