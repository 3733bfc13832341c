//! Going cold: what is due goes in batches, then what stays is wrapped again and the old epoch key is destroyed.
//!
//! Durable steps of a batch, and what a restart finds after each:
//! 1. one transaction: hot keys out, boxes and locks in, the entry announced. Before it: hot, the next sweep takes them.
//! 2. the entry. A crash before it: the start appends it.
//! 3. the rotation, once for all batches. Until it is done the old epoch key opens what is left of the hot keys in free pages and in
//!    the log; the ledger says that it is owed, and every start and sweep does it.

use std::collections::BTreeMap;

use model::{
    Actor, EntryBody, EntryNumber, Instant, KeyId, NumberSet, PatientNumber, Priors, StudyNumber, WarmingBasis,
};
use protocol::{Refusal, Swept};
use seal::{BatchKeys, ColdBox, SystemRandom};

use super::holders::HolderSet;
use super::{KeyStep, failed};
use crate::database::Database;
use crate::keyring::ColdRow;
use crate::pages::HELD;
use crate::state::Warden;

/// Studies that go cold with one entry.
const BATCH_STUDIES: usize = 2_000;
/// The most keys in one box; a study with more has several.
const BOX_KEYS: usize = 1_000;
/// The most threads that close boxes.
const THREADS_MAX: usize = 4;
/// Seconds of a year, for the rule about priors.
const YEAR_SECONDS: i64 = 31_557_600;

/// A study whose keys are ready to go: the names that were read, and the boxes.
struct Ready {
    study: StudyNumber,
    keys: Vec<KeyId>,
    boxes: Vec<(seal::ColdLock, ColdBox)>,
}

impl Warden {
    /// Ends warmings that are over, lets what is due go cold, asks for priors, and destroys the old epoch key when anything went.
    pub(crate) fn sweep(&self, now: Instant) -> Result<Swept, Refusal> {
        let work = self.key_work.lock().expect(HELD);
        let mut swept = Swept { ended: self.end_warmings(now, true)?, ..Swept::default() };
        // holders are given nothing before they have shown their keys
        let set = self.holder_set()?;
        if let Some(set) = set.as_ref().filter(|set| !set.takes()) {
            let missing = set.unproven.join(", ");
            tracing::warn!(%missing, "nothing goes cold before these have shown their key: leadglass cold holder prove");
        }
        if let Some(set) = set.filter(HolderSet::takes) {
            let mut own = Database::open(&self.dir.join("warden/warden.db")).map_err(failed)?;
            let due = self.due(&own, now)?;
            for batch in due.chunks(BATCH_STUDIES) {
                swept.studies += self.go_cold(&mut own, &set, batch)?;
            }
        }
        if swept.studies > 0 {
            // what was released lately may not be released again from a lease
            self.leases.lock().expect(HELD).end_all();
        }
        if self.cold.read().expect(HELD).rotation_owed {
            swept.rotated = self.rotate_keys()?.keys;
        }
        drop(work);
        self.forget_exchange(now);
        swept.asked = self.ask_for_priors(None, now)?;
        Ok(swept)
    }

    /// Studies with hot keys whose last relationship and last image are long enough ago.
    fn due(&self, own: &Database, now: Instant) -> Result<Vec<StudyNumber>, Refusal> {
        let mut hot = own.hot_studies().map_err(failed)?;
        let index = self.index.read().expect(HELD);
        let cold = self.cold.read().expect(HELD);
        let lasting = index.reach().lasting();
        hot.retain(|study| {
            let patient = index.reach().filed_under(*study, Instant::MAX);
            let last = patient.and_then(|patient| lasting.until(patient, *study));
            let over = last.unwrap_or(Instant(i64::MIN)).max(cold.last_stored(*study));
            over.plus_seconds(cold.rule.after_seconds) <= now
        });
        Ok(hot)
    }

    /// Lets a batch go cold; says how many did.
    fn go_cold(&self, own: &mut Database, set: &HolderSet, batch: &[StudyNumber]) -> Result<u64, Refusal> {
        let mut studies = Vec::with_capacity(batch.len());
        {
            let changes = own.begin_reading().map_err(failed)?;
            for study in batch {
                let keys = changes.hot_keys(*study).map_err(failed)?;
                let keys = keys.iter().filter(|key| key.epoch > 0);
                let keys = keys.map(|key| self.secrets.unwrap(key.key, key.epoch, &key.wrapped));
                match keys.collect::<Result<Vec<_>, _>>() {
                    Ok(keys) => studies.push((*study, keys)),
                    // one damaged study must not keep the others warm
                    Err(error) => {
                        tracing::error!(%error, %study, "a key does not open, so its study stays where it is")
                    }
                }
            }
        }
        let ready = self.close(studies, set);
        self.steps.before(KeyStep::GoCold)?;
        let mut database = self.database.lock().expect(HELD);
        self.settle(&mut database)?;
        let mut gone = Vec::with_capacity(ready.len());
        let changes = database.begin().map_err(failed)?;
        let epochs = self.secrets.epochs.read().expect(HELD);
        let (epoch, epoch_key) = epochs.newest().map_err(failed)?;
        for Ready { study, keys, boxes } in ready {
            let now_there = changes.hot_keys(study).map_err(failed)?;
            let now_there = now_there.into_iter().filter(|key| key.epoch > 0).map(|key| key.key);
            if !now_there.eq(keys.iter().copied()) {
                // an image came meanwhile: it stays until the next sweep
                continue;
            }
            changes.remove_hot(study).map_err(failed)?;
            keys.iter().try_for_each(|key| changes.retire(*key)).map_err(failed)?;
            for (lock, sealed) in boxes {
                let wrapped = lock.wrap(epoch_key, self.secrets.site, &mut SystemRandom);
                let row = ColdRow {
                    study,
                    name: lock.name(),
                    generation: set.generation,
                    sealed: sealed.as_bytes().to_vec(),
                    lock: Some((epoch, wrapped)),
                };
                changes.put_cold(&row).map_err(failed)?;
            }
            gone.push(study.0);
        }
        drop(epochs);
        if gone.is_empty() {
            return Ok(0);
        }
        let count = gone.len() as u64;
        let body = EntryBody::WentCold { studies: gone.into_iter().collect(), generation: set.generation };
        let entries = vec![(Actor::Warden, body)];
        self.announce(&changes, &entries).map_err(failed)?;
        changes.commit().map_err(failed)?;
        self.recent_keys.lock().expect(HELD).clear();
        self.steps.before(KeyStep::RecordCold)?;
        self.append_announced(&mut database, entries).map_err(|error| self.cannot_record(&error))?;
        Ok(count)
    }

    /// Closes boxes on several threads: encapsulation is what takes the time.
    fn close(&self, studies: Vec<(StudyNumber, Vec<BatchKeys>)>, set: &HolderSet) -> Vec<Ready> {
        let site = self.secrets.site;
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
        let part = studies.len().div_ceil(threads).max(1);
        std::thread::scope(|scope| {
            let close = |part: &[(StudyNumber, Vec<BatchKeys>)]| -> Vec<Ready> {
                let ready = |(study, keys): &(StudyNumber, Vec<BatchKeys>)| Ready {
                    study: *study,
                    keys: keys.iter().map(|keys| keys.key).collect(),
                    boxes: keys
                        .chunks(BOX_KEYS)
                        .map(|keys| ColdBox::close(keys, site, &set.holders, &mut SystemRandom))
                        .collect(),
                };
                part.iter().map(ready).collect()
            };
            let running: Vec<_> = studies.chunks(part).map(|part| scope.spawn(move || close(part))).collect();
            running.into_iter().flat_map(|thread| thread.join().expect(HELD)).collect()
        })
    }

    /// Asks the holders for the cold priors of patients who have a relationship now: of one, or of all. Says how many requests
    /// were made.
    pub(crate) fn ask_for_priors(&self, only: Option<PatientNumber>, now: Instant) -> Result<u64, Refusal> {
        let mut wanted: BTreeMap<PatientNumber, (Instant, Vec<u32>)> = BTreeMap::new();
        {
            // in the order of locks
            let registry = self.readable_registry()?;
            let index = self.index.read().expect(HELD);
            let cold = self.cold.read().expect(HELD);
            let since = match cold.rule.priors {
                Priors::None => return Ok(0),
                Priors::All => None,
                Priors::Years(years) => Some(date_of(now.plus_seconds(-YEAR_SECONDS * i64::from(years)))),
            };
            let studies: Vec<StudyNumber> = match only {
                Some(patient) => registry.studies_of(patient),
                None => cold.studies().collect(),
            };
            let studies: Vec<_> = studies.into_iter().filter(|study| cold.is_cold(*study, now)).collect();
            if studies.is_empty() {
                return Ok(0);
            }
            let lasting = index.reach().lasting();
            for study in studies {
                let Some(patient) = index.reach().filed_under(study, Instant::MAX) else { continue };
                let Some(until) = lasting.until(patient, study) else { continue };
                // a new relationship asks again for what was refused; a sweep does not
                let again = only.is_some() && cold.priors_refused(patient);
                if until <= now || (cold.priors_asked(patient, until) && !again) {
                    continue;
                }
                let old = since.as_ref().is_some_and(|since| {
                    registry.study(study).is_none_or(|row| row.date.is_empty() || row.date < *since)
                });
                if !old {
                    let (latest, studies) = wanted.entry(patient).or_insert((until, Vec::new()));
                    *latest = (*latest).max(until);
                    studies.push(study.0);
                }
            }
        }
        let asked = wanted.len() as u64;
        for (patient, (until, studies)) in wanted {
            let body = EntryBody::WarmingRequested {
                patient,
                studies: studies.into_iter().take(protocol::COLD_STUDIES_MAX).collect::<NumberSet>(),
                basis: WarmingBasis::Order,
                reason: "a relationship with the patient began".to_owned(),
                until,
            };
            self.ledger.append(vec![(Actor::Warden, body)], now).map_err(|error| self.cannot_record(&error))?;
        }
        Ok(asked)
    }

    /// Ends warmings whose deadline has passed, and with `orders` also those whose relationship ended early; says how many studies.
    pub(crate) fn end_warmings(&self, now: Instant, orders: bool) -> Result<u64, Refusal> {
        let over: Vec<(EntryNumber, NumberSet)> = {
            let index = self.index.read().expect(HELD);
            let cold = self.cold.read().expect(HELD);
            let lasting = orders.then(|| index.reach().lasting());
            let over = cold.warmings.iter().filter(|(_, warming)| {
                let ended_early = lasting.as_ref().is_some_and(|lasting| {
                    warming.basis == WarmingBasis::Order
                        && warming.studies.numbers().iter().all(|study| {
                            lasting.until(warming.patient, StudyNumber(*study)).is_none_or(|until| until <= now)
                        })
                });
                warming.until <= now || ended_early
            });
            over.map(|(request, warming)| (*request, warming.studies.clone())).collect()
        };
        let mut ended = 0;
        for (request, studies) in over {
            ended += studies.len() as u64;
            self.end_warming(request, studies)?;
        }
        Ok(ended)
    }
}

/// The date of an instant in UTC, `YYYYMMDD`.
fn date_of(at: Instant) -> String {
    let days = at.0.div_euclid(model::SECOND * 86_400) + 719_468;
    // days from civil, H. Hinnant: eras of 400 years that begin on 1 March
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, date) in
            [(0, "19700101"), (951_782_400, "20000229"), (951_868_800, "20000301"), (1_798_675_199, "20261230")]
        {
            assert_eq!(date_of(Instant(seconds * model::SECOND)), date);
        }
        assert_eq!(date_of(Instant(-1)), "19691231");
    }
}
