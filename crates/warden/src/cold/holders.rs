//! Who holds shares of what goes cold from now on, and the rule of when that is.

use std::collections::HashMap;

use audit::Appended;
use model::{Actor, Change, ColdHolder, ColdRule, EntryBody, HolderKind, Instant, KeyId, SiteId};
use protocol::{ColdReply, HolderChallenge, HolderProof, NewHolder, PageReply, Refusal, SignedHolderChallenge};
use seal::{HolderPublicKey, Holders, Secret32, SystemRandom, holder_set_digest};
use serde::{Deserialize, Serialize};

use super::failed;
use crate::approvals::Asked;
use crate::database::{DatabaseError, Space};
use crate::pages::{HELD, field};
use crate::state::Warden;
use crate::subject::Caller;

/// The version of a record that is written.
const VERSION: u8 = 2;
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
}

impl Record {
    fn named(&self) -> Vec<ColdHolder> {
        self.holders.iter().map(|one| one.holder.clone()).collect()
    }

    /// Whether it is the record of exactly this set.
    fn is_of(&self, (generation, threshold, holders): &(u32, u8, Vec<ColdHolder>)) -> bool {
        (self.generation, self.threshold) == (*generation, *threshold)
            && self.holders.iter().map(|one| &one.holder).eq(holders)
    }

    fn digest(&self, site: SiteId) -> String {
        hex::encode(holder_set_digest(site, self.generation, self.threshold, &self.named()))
    }
}

impl HolderSet {
    /// Whether anything may be closed to them: not before all have shown that they can open it. A key that nobody has would lose it.
    pub(crate) fn takes(&self) -> bool {
        self.unproven.is_empty()
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
        threshold: u8,
        holders: Vec<ColdHolder>,
        keys: &[String],
        carried_out: EntryBody,
    ) -> Result<Appended, Refusal> {
        let _work = self.key_work.lock().expect(HELD);
        // what is owed to the ledger may be a set of holders
        self.settle(&mut self.database.lock().expect(HELD))?;
        let generation = self.next_generation()?;
        let record = record(generation, threshold, holders.clone(), keys)?;
        let body = EntryBody::ColdHoldersSet { generation, threshold, holders };
        self.change_keys(vec![(actor.clone(), body), (actor.clone(), carried_out)], None, |changes| {
            self.secrets.put(changes, Space::Holder, format!("set/{generation}").as_bytes(), &plain(&record))
        })?;
        // shares that wait were handed over for another set
        self.forget_handed_over();
        Ok(Appended::default())
    }

    /// The number of the next set. A database that is newer than the ledger has sets that the ledger lost: no record of theirs is written over,
    /// because boxes may be closed to them.
    fn next_generation(&self) -> Result<u32, Refusal> {
        let of_ledger = self.cold.read().expect(HELD).holders.as_ref().map_or(0, |(generation, ..)| *generation);
        let of_records = self.holder_records()?.into_iter().map(|(_, record)| record.generation).max();
        Ok(of_ledger.max(of_records.unwrap_or(0)) + 1)
    }

    /// Makes ledger and database agree about holders at a start. A database that is older than the ledger (restored) may lack the present
    /// holders' keys: the proposal that named them has them, and whether they have their keys is asked again. One that is newer has
    /// holders that the ledger lost: what is closed to them is still theirs.
    pub(crate) fn restore_holders(&self) -> Result<(), DatabaseError> {
        let records = self.holder_records().unwrap_or_default();
        let present = {
            let mut cold = self.cold.write().expect(HELD);
            for (_, record) in &records {
                record.holders.iter().for_each(|one| cold.also_known(record.generation, &one.holder));
            }
            cold.holders.clone()
        };
        let Some(present) = present else { return Ok(()) };
        if records.iter().any(|(_, record)| record.is_of(&present)) {
            return Ok(());
        }
        let (generation, threshold, holders) = present;
        let keys = self.proposals.read().expect(HELD).keys_of(threshold, &holders).map(<[String]>::to_vec);
        let Some(Ok(record)) = keys.map(|keys| record(generation, threshold, holders, &keys)) else { return Ok(()) };
        let place = format!("set/{generation}");
        let mut database = self.database.lock().expect(HELD);
        let changes = database.begin()?;
        if let Some((_, other)) = records.iter().find(|(at, _)| at == place.as_bytes()) {
            // another set of the same number: what is closed to it needs its keys
            let aside = format!("{place}/{}", other.digest(self.secrets.site));
            self.secrets.put(&changes, Space::Holder, aside.as_bytes(), &plain(other))?;
        }
        self.secrets.put(&changes, Space::Holder, place.as_bytes(), &plain(&record))?;
        tracing::warn!(generation, "the holders' keys were not in the database; they are taken from the ledger");
        changes.commit()
    }

    /// Something sealed to one of the present holders.
    pub(crate) fn holder_challenge(&self, holder: KeyId) -> Result<SignedHolderChallenge, Refusal> {
        let of_set = || {
            field(
                "holder",
                "one of the present set, as `leadglass cold state` lists it; if you were told that you are a holder, tell the officer: \
                 the site was given another key",
            )
        };
        let (_, record) = self.present_record()?.ok_or_else(of_set)?;
        let (generation, threshold, to) = (record.generation, record.threshold, record.named());
        let record = record.holders.into_iter().find(|record| record.holder.key == holder).ok_or_else(of_set)?;
        let key = HolderPublicKey::from_bytes(&record.public).map_err(failed)?;
        let site = self.secrets.site;
        let answer = {
            let mut challenges = self.challenges.lock().expect(HELD);
            challenges.0.retain(|(of, _), _| *of == generation);
            // one that is open stays: whoever asks again and again keeps no holder from answering
            *challenges.0.entry((generation, holder)).or_insert_with(|| *Secret32::generate(&mut SystemRandom).expose())
        };
        let sealed = key.seal_message(&HolderChallenge::info(site, generation, holder), &answer, &mut SystemRandom);
        let sealed = hex::encode(sealed);
        let challenge = HolderChallenge { version: 1, site, generation, threshold, to, holder, sealed };
        let challenge = serde_json::to_string(&challenge).map_err(failed)?;
        let signature = hex::encode(self.secrets.signing.sign(&SignedHolderChallenge::message(&challenge)));
        Ok(SignedHolderChallenge { challenge, signature })
    }

    /// Takes the answer of a holder: from then on it is known that they have both of their keys.
    pub(crate) fn prove_holder(&self, proof: &HolderProof) -> Result<(), Refusal> {
        let _work = self.key_work.lock().expect(HELD);
        let unfit = || field("the proof", "the answer to a challenge of the present set; begin once more");
        let (at, mut record) = self.present_record()?.ok_or_else(unfit)?;
        let place = (proof.generation, proof.holder);
        let expected = self.challenges.lock().expect(HELD).0.get(&place).copied().ok_or_else(unfit)?;
        if proof.generation != record.generation || hex::decode(&proof.answer).map_err(|_| unfit())? != expected {
            return Err(unfit());
        }
        let holder = record.holders.iter().find(|one| one.holder.key == proof.holder).ok_or_else(unfit)?;
        let key = HolderPublicKey::from_bytes(&holder.public).map_err(failed)?;
        let site = self.secrets.site;
        let message = HolderProof::message(site, proof.generation, &record.digest(site), &proof.answer);
        let signature = hex::decode(&proof.signature).map_err(|_| unfit())?;
        key.verify(&message, &signature).map_err(|_| unfit())?;
        if !record.proved.contains(&proof.holder) {
            record.proved.push(proof.holder);
        }
        record.version = VERSION;
        let mut database = self.database.lock().expect(HELD);
        let changes = database.begin().map_err(failed)?;
        self.secrets.put(&changes, Space::Holder, &at, &plain(&record)).map_err(failed)?;
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
        let Some((_, record)) = self.present_record()? else { return Ok(None) };
        let unproven = record.holders.iter().filter(|one| !record.proved.contains(&one.holder.key));
        let unproven = unproven.map(|one| one.holder.name.clone()).collect();
        let (generation, digest) = (record.generation, record.digest(self.secrets.site));
        let mut holders = Holders { threshold: record.threshold, sharing: Vec::new(), alone: Vec::new() };
        for HolderRecord { holder, public } in record.holders {
            let key = HolderPublicKey::from_bytes(&public).map_err(failed)?;
            if holder.kind == HolderKind::Sharing { holders.sharing.push(key) } else { holders.alone.push(key) }
        }
        Ok(Some(HolderSet { generation, holders, digest, unproven }))
    }

    /// The record of the present holders and its place: of exactly those whom the ledger names.
    fn present_record(&self) -> Result<Option<(Vec<u8>, Record)>, Refusal> {
        let Some(present) = self.cold.read().expect(HELD).holders.clone() else { return Ok(None) };
        let found = self.holder_records()?.into_iter().find(|(_, record)| record.is_of(&present));
        if found.is_none() {
            let generation = present.0;
            tracing::error!(
                generation,
                "the keys of the holders whom the ledger names are not in the database; name them again"
            );
        }
        Ok(found)
    }

    /// The key of a holder of any generation.
    pub(crate) fn holder_key(&self, id: KeyId) -> Result<Option<HolderPublicKey>, Refusal> {
        let records = self.holder_records()?.into_iter().flat_map(|(_, set)| set.holders);
        let found = records.into_iter().find(|record| record.holder.key == id);
        found.map(|record| HolderPublicKey::from_bytes(&record.public).map_err(failed)).transpose()
    }

    /// Every record of holders with its place.
    fn holder_records(&self) -> Result<Vec<(Vec<u8>, Record)>, Refusal> {
        let reader = self.reader.lock().expect(HELD);
        let records = self.secrets.records(&reader, Space::Holder).map_err(failed)?;
        let read = |(at, plain): (Vec<u8>, Vec<u8>)| serde_json::from_slice(&plain).map(|record| (at, record));
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
    Ok(Record { version: VERSION, generation, threshold, holders: records, proved: Vec::new() })
}

fn plain(record: &Record) -> Vec<u8> {
    serde_json::to_vec(record).expect("names and bytes are JSON")
}
