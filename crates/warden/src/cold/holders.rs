//! Who holds shares of what goes cold from now on, and the rule of when that is.

use std::collections::HashMap;

use audit::Appended;
use model::{Actor, Change, ColdHolder, ColdRule, EntryBody, HolderKind, Instant, KeyId};
use protocol::{ColdReply, HolderChallenge, HolderProof, NewHolder, PageReply, Refusal, SignedHolderChallenge};
use seal::{HolderPublicKey, Holders, Secret32, SystemRandom, holder_set_digest};
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
    /// Whether these took the place of others: then nothing is closed to them before all have shown their key. Since version 2.
    #[serde(default)]
    replaced: bool,
    /// Who has shown that they have their key. Since version 2.
    #[serde(default)]
    proved: Vec<KeyId>,
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
    /// SHA-256 of the set, in hexadecimal digits.
    pub(crate) digest: String,
    /// Names of those who have not shown their key.
    pub(crate) unproven: Vec<String>,
    replaced: bool,
}

impl HolderSet {
    /// Whether anything may be closed to them: a set that takes the place of another has shown first that it can open.
    pub(crate) fn takes(&self) -> bool {
        !self.replaced || self.unproven.is_empty()
    }
}

/// What was sealed to new holders and not answered yet, by set and holder.
#[derive(Default)]
pub(crate) struct Challenges(HashMap<(u32, KeyId), [u8; 32]>);

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
        (threshold, replaced): (u8, bool),
        holders: Vec<ColdHolder>,
        keys: &[String],
        carried_out: EntryBody,
    ) -> Result<Appended, Refusal> {
        let _work = self.key_work.lock().expect(HELD);
        let generation = self.cold.read().expect(HELD).holders.as_ref().map_or(1, |(generation, ..)| generation + 1);
        let record = Record { replaced, ..record(generation, threshold, holders.clone(), keys)? };
        let plain = serde_json::to_vec(&record).expect("names and bytes are JSON");
        let body = EntryBody::ColdHoldersSet { generation, threshold, holders };
        self.change_keys(vec![(actor.clone(), body), (actor.clone(), carried_out)], None, |changes| {
            self.secrets.put(changes, Space::Holder, format!("set/{generation}").as_bytes(), &plain)
        })?;
        // shares that wait were handed over for another set
        self.forget_handed_over();
        Ok(Appended::default())
    }

    /// A database that is older than the ledger (restored) may lack the present holders' keys: the proposal that named them has them.
    /// Whether they have their keys is asked again.
    pub(crate) fn restore_holders(&self) -> Result<(), DatabaseError> {
        let Some((generation, threshold, holders)) = self.cold.read().expect(HELD).holders.clone() else {
            return Ok(());
        };
        let there = self.holder_records().is_ok_and(|sets| sets.iter().any(|set| set.generation == generation));
        let keys = {
            let proposals = self.proposals.read().expect(HELD);
            proposals.keys_of(threshold, &holders).map(|(keys, replaced)| (keys.to_vec(), replaced))
        };
        let (false, Some((keys, replaced))) = (there, keys) else { return Ok(()) };
        let Ok(record) = record(generation, threshold, holders, &keys) else { return Ok(()) };
        let plain = serde_json::to_vec(&Record { replaced, ..record }).expect("names and bytes are JSON");
        let mut database = self.database.lock().expect(HELD);
        let changes = database.begin()?;
        self.secrets.put(&changes, Space::Holder, format!("set/{generation}").as_bytes(), &plain)?;
        tracing::warn!(generation, "the holders' keys were not in the database; they are taken from the ledger");
        changes.commit()
    }

    /// Something sealed to one of the present holders.
    pub(crate) fn holder_challenge(&self, holder: KeyId) -> Result<SignedHolderChallenge, Refusal> {
        let of_set = || field("holder", "one of the present set; `leadglass cold state` lists them");
        let (generation, threshold, to) = self.cold.read().expect(HELD).holders.clone().ok_or_else(of_set)?;
        let record = self.holder_records()?.into_iter().find(|set| set.generation == generation).ok_or_else(of_set)?;
        let record = record.holders.into_iter().find(|record| record.holder.key == holder).ok_or_else(of_set)?;
        let key = HolderPublicKey::from_bytes(&record.public).map_err(failed)?;
        let site = self.secrets.site;
        let answer = *Secret32::generate(&mut SystemRandom).expose();
        let sealed = key.seal_message(&HolderChallenge::info(site, generation, holder), &answer, &mut SystemRandom);
        {
            let mut challenges = self.challenges.lock().expect(HELD);
            challenges.0.retain(|(of, _), _| *of == generation);
            challenges.0.insert((generation, holder), answer);
        }
        let sealed = hex::encode(sealed);
        let challenge = HolderChallenge { version: 1, site, generation, threshold, to, holder, sealed };
        let challenge = serde_json::to_string(&challenge).map_err(failed)?;
        let signature = hex::encode(self.secrets.signing.sign(&SignedHolderChallenge::message(&challenge)));
        Ok(SignedHolderChallenge { challenge, signature })
    }

    /// Takes the answer of a holder: from then on it is known that they have both of their keys.
    pub(crate) fn prove_holder(&self, proof: &HolderProof) -> Result<(), Refusal> {
        let _work = self.key_work.lock().expect(HELD);
        let unfit = || field("the proof", "the answer to the last challenge of the present set; begin once more");
        let set = self.holder_set()?.filter(|set| set.generation == proof.generation).ok_or_else(unfit)?;
        let place = (proof.generation, proof.holder);
        let expected = self.challenges.lock().expect(HELD).0.get(&place).copied().ok_or_else(unfit)?;
        if hex::decode(&proof.answer).map_err(|_| unfit())? != expected {
            return Err(unfit());
        }
        let mut record = self
            .holder_records()?
            .into_iter()
            .find(|record| record.generation == proof.generation)
            .ok_or_else(unfit)?;
        let holder = record.holders.iter().find(|one| one.holder.key == proof.holder).ok_or_else(unfit)?;
        let key = HolderPublicKey::from_bytes(&holder.public).map_err(failed)?;
        let message = HolderProof::message(self.secrets.site, proof.generation, &set.digest, &proof.answer);
        let signature = hex::decode(&proof.signature).map_err(|_| unfit())?;
        key.verify(&message, &signature).map_err(|_| unfit())?;
        if !record.proved.contains(&proof.holder) {
            record.proved.push(proof.holder);
        }
        record.version = 2;
        let plain = serde_json::to_vec(&record).expect("names and bytes are JSON");
        let mut database = self.database.lock().expect(HELD);
        let changes = database.begin().map_err(failed)?;
        let name = format!("set/{}", proof.generation);
        self.secrets.put(&changes, Space::Holder, name.as_bytes(), &plain).map_err(failed)?;
        changes.commit().map_err(failed)?;
        self.challenges.lock().expect(HELD).0.remove(&place);
        Ok(())
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
        let named: Vec<ColdHolder> = record.holders.iter().map(|one| one.holder.clone()).collect();
        let unproven =
            named.iter().filter(|one| !record.proved.contains(&one.key)).map(|one| one.name.clone()).collect();
        let digest = hex::encode(holder_set_digest(self.secrets.site, generation, record.threshold, &named));
        let replaced = record.replaced;
        for HolderRecord { holder, public } in record.holders {
            let key = HolderPublicKey::from_bytes(&public).map_err(failed)?;
            if holder.kind == HolderKind::Sharing { holders.sharing.push(key) } else { holders.alone.push(key) }
        }
        Ok(Some(HolderSet { generation, holders, digest, unproven, replaced }))
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
    Ok(Record { version: 2, generation, threshold, holders: records, replaced: false, proved: Vec::new() })
}
