//! What pages show of cold studies: counts and requests to whoever decides, the state of their own request to whoever asked.

use std::collections::{BTreeMap, HashMap};

use model::{Actor, EntryBody, EntryNumber, Instant, NumberSet, PatientNumber, PersonId, StudyNumber, Uid};
use policy::{Service, Target};
use protocol::{
    AskedForCold, AskedState, ColdOfStudy, ColdOverview, ColdReply, ColdYear, NamedColdRequest, PageReply, Refusal,
    WarmedRow,
};

use super::decide::is_officer;
use super::replay::{Request, WarmUp};
use crate::approvals::person_of;
use crate::pages::HELD;
use crate::state::Warden;
use crate::subject::Caller;

/// How far back warm-ups are shown, in seconds: thirty days.
const WARMED_SECONDS: i64 = 30 * 86_400;
/// The most warm-ups in one answer.
const WARMED_ROWS_MAX: usize = 200;
/// How old counts by year may be, in seconds: they go through every cold study.
const YEARS_SECONDS: i64 = 60;

/// The most patients of requests that one officer is shown the names of in a day: the role has no budget for lists.
const NAMED_PER_DAY_MAX: usize = 50;
const DAY_SECONDS: i64 = 86_400;

/// Whose requests' patients were named lately to whom.
#[derive(Default)]
pub(crate) struct Named(HashMap<PersonId, Vec<(Instant, PatientNumber)>>);

impl Named {
    /// Whether an officer may be shown a patient's name now. It is counted at once.
    fn takes(&mut self, officer: PersonId, patient: PatientNumber, now: Instant) -> bool {
        let shown = self.0.entry(officer).or_default();
        shown.retain(|(at, _)| now < at.plus_seconds(DAY_SECONDS));
        if shown.iter().all(|(_, one)| *one != patient) {
            if shown.len() >= NAMED_PER_DAY_MAX {
                return false;
            }
            shown.push((now, patient));
        }
        true
    }
}

/// Counts by year, when they were taken, and how many cold studies there were then.
#[derive(Default)]
pub(crate) struct Years(Option<(Instant, u64, Vec<ColdYear>)>);

impl Warden {
    /// The whole page. Nothing of it names a patient.
    pub(crate) fn cold_overview(&self, caller: &Caller, now: Instant) -> Result<ColdOverview, Refusal> {
        let state = self.cold_state(now)?;
        let years = self.years(state.cold, now)?;
        Ok(ColdOverview { years, requests: self.cold_requests(Some(caller), now), warmed: self.warmed(now), state })
    }

    /// One request with the patient's name, because whoever decides must be able to ask the ward: for officers alone, for so many patients
    /// a day. Recorded as a list.
    pub(crate) fn named_request(
        &self,
        caller: &Caller,
        number: EntryNumber,
        now: Instant,
    ) -> Result<NamedColdRequest, Refusal> {
        let Some(officer) = person_of(caller).filter(|_| is_officer(caller)) else { return Err(Refusal::NotAllowed) };
        let request = self.open_request(number, now)?;
        if !self.cold_named.lock().expect(HELD).takes(officer, request.patient, now) {
            return Err(Refusal::Throttled { seconds: 3_600 });
        }
        let patients: NumberSet = [request.patient.0].into_iter().collect();
        let listed = EntryBody::Listed { patients, studies: request.studies.clone(), lease_until: now };
        self.append(caller, vec![listed], now)?;
        let registry = self.readable_registry()?;
        let described = |study: &u32| registry.study(StudyNumber(*study));
        let line = |row: protocol::StudyRow| format!("{} {}", row.date, row.description).trim().to_owned();
        let studies = request.studies.numbers().iter().filter_map(described).map(line).collect();
        Ok(NamedColdRequest { request: number, patient: registry.patient(request.patient), studies })
    }

    /// Where a study stands, for whoever could open it if it were not cold.
    pub(crate) async fn cold_of_study(&self, caller: &Caller, uid: &Uid, now: Instant) -> Result<PageReply, Refusal> {
        let reachable = self.reachable(caller, now);
        let found: Vec<(PatientNumber, StudyNumber)> = {
            let registry = self.readable_registry()?;
            let studies = registry.studies_by_uid(uid);
            studies.iter().filter_map(|study| Some((registry.patient_of(*study)?, *study))).collect()
        };
        let mut denied = policy::denied_of_nothing(&caller.subject, Service::Open, now);
        let study = found.into_iter().find_map(|(patient, study)| {
            let reach = reachable.ground(patient, study).map(crate::list::reach_of);
            let target = Target::Study { patient, study, reach };
            policy::decide(&caller.subject, Service::Open, target, now).map_err(|why| denied = why).ok()?;
            Some(study)
        });
        // who is not there reads like who may not be reached
        let Some(study) = study else { return Err(self.refuse(caller, "cold", None, denied, now).await) };
        Ok(PageReply::Cold(ColdReply::OfStudy(Box::new(self.state_of(study, person_of(caller), now)))))
    }

    fn state_of(&self, study: StudyNumber, person: Option<PersonId>, now: Instant) -> ColdOfStudy {
        let (cold, warm_until, asked, others, threshold) = {
            let cold = self.cold.read().expect(HELD);
            let own = |request: &Request| matches!(&request.actor, Actor::Person { person: asked, .. } if Some(*asked) == person);
            let waiting = cold.requests_about(study).map(|(number, request)| {
                let state = if now < request.until { AskedState::Waiting } else { AskedState::Over };
                (number, request, state)
            });
            let refused = cold.refused_about(study).map(|(number, refused)| {
                let state = AskedState::Refused { at: refused.at, reason: refused.reason.clone() };
                (number, &refused.request, state)
            });
            let warmed = cold.warm_ups_about(study).map(|up| {
                let warm = up.until > now && cold.warmings.contains_key(&up.number);
                let state = if warm { AskedState::Warmed { until: up.until } } else { AskedState::Over };
                (up.number, &up.request, state)
            });
            let all = waiting.chain(refused).chain(warmed).filter(|(_, request, _)| own(request));
            let asked =
                all.max_by_key(|(number, ..)| *number).map(|(number, request, state)| (number, request.clone(), state));
            let others = cold.requests_about(study).filter(|(_, one)| now < one.until && !own(one)).count() as u32;
            let warm_until = cold.warm_until(study).filter(|until| now < *until);
            let threshold = cold.holders.as_ref().map_or(0, |(_, threshold, _)| *threshold);
            (cold.is_cold(study, now), warm_until, asked, others, threshold)
        };
        let asked = asked.map(|(number, request, state)| AskedForCold {
            request: number,
            at: request.recorded,
            until: request.until,
            approved: self.answered(number).len() as u8,
            threshold,
            endorsed: request.endorsed.len() as u8,
            reason: request.reason,
            state,
        });
        ColdOfStudy { cold, warm_until, asked, others }
    }

    /// What was warmed lately, newest first.
    fn warmed(&self, now: Instant) -> Vec<WarmedRow> {
        let ups: Vec<(WarmUp, bool, Option<String>)> = {
            let cold = self.cold.read().expect(HELD);
            let since = cold.warm_ups_since(now.plus_seconds(-WARMED_SECONDS));
            let told = |up: &WarmUp| {
                let open = now < up.until && cold.warmings.contains_key(&up.number);
                (up.clone(), open, up.alone.map(|holder| cold.name_of(holder)))
            };
            since.into_iter().rev().take(WARMED_ROWS_MAX).map(told).collect()
        };
        let row = |(up, open, alone): (WarmUp, bool, Option<String>)| WarmedRow {
            request: up.number,
            actor: self.actor_words(&up.request.actor),
            patient: up.request.patient,
            studies: up.request.studies.len() as u32,
            basis: up.request.basis,
            reason: up.request.reason,
            at: up.at,
            until: up.until,
            open,
            alone,
        };
        ups.into_iter().map(row).collect()
    }

    /// Cold studies by the year of the study, newest first.
    fn years(&self, cold: u64, now: Instant) -> Result<Vec<ColdYear>, Refusal> {
        let mut last = self.cold_years.lock().expect(HELD);
        if let Some((at, counted, years)) = &last.0
            && *counted == cold
            && now < at.plus_seconds(YEARS_SECONDS)
        {
            return Ok(years.clone());
        }
        let mut counts: BTreeMap<Option<u16>, u64> = BTreeMap::new();
        {
            // in the order of locks
            let registry = self.readable_registry()?;
            let of = self.cold.read().expect(HELD);
            for study in of.studies().filter(|study| of.is_cold(*study, now)) {
                *counts.entry(registry.year_of(study)).or_default() += 1;
            }
        }
        let years: Vec<_> = counts.into_iter().rev().map(|(year, studies)| ColdYear { year, studies }).collect();
        last.0 = Some((now, cold, years.clone()));
        Ok(years)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_officer_is_shown_the_names_of_so_many_patients_a_day() {
        let mut named = Named::default();
        let (officer, other) = (PersonId(1), PersonId(2));
        let day = |seconds: i64| Instant(0).plus_seconds(seconds);
        for patient in 0..NAMED_PER_DAY_MAX as u32 {
            assert!(named.takes(officer, PatientNumber(patient), day(0)));
        }
        assert!(named.takes(officer, PatientNumber(0), day(1)), "the same one is not one more");
        assert!(!named.takes(officer, PatientNumber(1_000), day(1)));
        assert!(named.takes(other, PatientNumber(1_000), day(1)), "another officer has an own day");
        assert!(!named.takes(officer, PatientNumber(1_000), day(DAY_SECONDS - 1)));
        assert!(named.takes(officer, PatientNumber(1_000), day(DAY_SECONDS)));
    }
}
