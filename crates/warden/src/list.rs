//! The list flow: credential → policy → rows in reach → entry 'listed' durable → rows.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use audit::Reachable;
use budget::Act;
use model::{DeviceMay, EntryBody, Instant, PatientNumber, StudyNumber, Who};
use policy::{Reach, Service, Subject, Target};
use protocol::{Asking, Credential, Invalid, Level, ListReply, ListRequest, OpenRequest, Refusal, Scope};

use registry::SearchError;

use crate::budgets::{DECISIONS_MAX, Passed, Reading, names_exactly};
use crate::pages::field;
use crate::state::{Channel, Warden};
use crate::subject::Caller;

impl Warden {
    /// Lists what the caller may list.
    pub(crate) async fn list(
        &self,
        credential: &Credential,
        channel: Channel,
        request: &ListRequest,
        now: Instant,
    ) -> Result<ListReply, Refusal> {
        let caller = self.caller(credential, channel, Asking::List(request), now).await?;
        self.list_for(&caller, request, now).await
    }

    /// The same for a caller who is known already.
    pub(crate) async fn list_for(
        &self,
        caller: &Caller,
        request: &ListRequest,
        now: Instant,
    ) -> Result<ListReply, Refusal> {
        // a page that names nobody is no entry: it must not tell whether there is somebody
        if request.limit == 0 {
            return Err(field("limit", "how many rows, 1 or more"));
        }
        if let Some(reply) = self.list_unless_waited(caller, request, now).await? {
            return Ok(reply);
        }
        for _ in 1..DECISIONS_MAX {
            let caller = self.still(caller)?;
            if let Some(reply) = self.list_unless_waited(&caller, request, self.now()).await? {
                return Ok(reply);
            }
        }
        Err(Refusal::Throttled { seconds: 1 })
    }

    /// Nothing when the budget made it wait: what was in reach before the wait may not be after it.
    async fn list_unless_waited(
        &self,
        caller: &Caller,
        request: &ListRequest,
        now: Instant,
    ) -> Result<Option<ListReply>, Refusal> {
        let grant = match policy::decide(&caller.subject, Service::List, Target::Nothing, now) {
            Ok(grant) => grant,
            Err(denied) => return Err(self.refuse(caller, "list", None, denied, now).await),
        };
        let changes = self.leases.lock().expect("no holder panics").changes();
        let mut found = self.search(caller, request, now)?;
        self.mark_cold(&mut found, now);
        let mut reply = ListReply {
            patients: found.patients,
            studies: found.studies,
            series: found.series,
            listings: Vec::new(),
            more: found.more,
        };
        let (patients, studies) = (found.listed_patients, found.listed_studies);
        let holder = caller.holder.ok_or(Refusal::NotAllowed)?;
        let leased = self.leases.lock().expect("no holder panics").listing(holder, &patients, &studies, now);
        if !patients.is_empty() && leased.is_none() {
            let exactly = names_exactly(request);
            let counted = self.budgets.lock().expect("no holder panics").with_former(&patients, &studies);
            let reading = Reading { act: Act::List, patients: &counted, exactly, what: None };
            if self.within_budget(caller, &reading, now).await? == Passed::AfterWait {
                return Ok(None);
            }
            let lease_until = grant.lease_until();
            let body = EntryBody::Listed { patients: patients.clone(), studies: studies.clone(), lease_until };
            let receipt = self
                .ledger
                .record(grant, caller.actor.clone(), body, now)
                .await
                .map_err(|error| self.cannot_record(&error))?;
            let until = receipt.grant().lease_until();
            let listed = (&patients, &studies);
            self.leases.lock().expect("no holder panics").listed(holder, listed, until, changes, now);
        }
        if request.level == Level::Instance {
            // the studies' listing keys; each is an opening of its own, limited to the listing
            let mut is_cold = false;
            for study in std::mem::take(&mut reply.studies) {
                let request = OpenRequest { study: study.uid, scope: Scope::Listing };
                match self.open_for(caller, &request, now).await {
                    Ok(opened) => reply.listings.extend(opened.studies),
                    // the others are listed all the same
                    Err(Refusal::Cold) => is_cold = true,
                    Err(refusal) => return Err(refusal),
                }
            }
            if is_cold && reply.listings.is_empty() {
                return Err(Refusal::Cold);
            }
            reply.listings.dedup_by_key(|listing| listing.row.number);
        }
        Ok(Some(reply))
    }

    fn search(&self, caller: &Caller, request: &ListRequest, now: Instant) -> Result<registry::Found, Refusal> {
        let (reachable, today) = (self.reachable(caller, now), self.todays_list(caller, now));
        let may_list = |patient: PatientNumber, study: StudyNumber| {
            let ground = reachable.ground(patient, study);
            let reach = ground.filter(|_| is_on(today.as_ref(), patient)).map(reach_of);
            caller.subject.may_list(reach.as_ref(), now)
        };
        let registry = self.readable_registry()?;
        let (patients, studies): (Vec<_>, Vec<_>);
        let reach = if reachable.site().is_some() {
            registry::Reach::Site
        } else {
            patients = reachable.patients().map(|(patient, _)| patient).collect();
            studies = reachable.studies().map(|(study, _)| study).collect();
            registry::Reach::Only { patients: &patients, studies: &studies }
        };
        registry.search(request, reach, &may_list).map_err(|error| {
            let (field, expected) = match error {
                SearchError::Value { tag, expected } => {
                    (format!("({:04X},{:04X})", tag >> 16, tag & 0xffff), expected.to_owned())
                }
                other => ("the query".to_owned(), other.to_string()),
            };
            Refusal::Invalid(Invalid::Field { field, expected })
        })
    }

    /// Says of each row whether its study is cold.
    fn mark_cold(&self, found: &mut registry::Found, now: Instant) {
        let cold = self.cold.read().expect("no holder panics");
        found.studies.iter_mut().for_each(|row| row.cold = cold.is_cold(row.number, now));
        found.series.iter_mut().for_each(|row| row.study.cold = cold.is_cold(row.study.number, now));
    }

    /// The patients to whom a device's reading is narrowed; `None` where it is not.
    pub(crate) fn todays_list(&self, caller: &Caller, now: Instant) -> Option<HashSet<u32>> {
        let narrowed = matches!(&caller.subject, Subject::Device { may, .. } if may.contains(&DeviceMay::Today));
        let who = caller.who.filter(|_| narrowed)?;
        Some(self.budgets.lock().expect("no holder panics").todays_list(who, now))
    }

    /// Everything that the caller's relationships reach now. 'Now' is never before the last entry: what ended by then stays ended
    /// when the clock is set back.
    pub(crate) fn reachable(&self, caller: &Caller, now: Instant) -> Reachable {
        let now = now.max(Instant(self.recorded.load(Ordering::Relaxed)));
        match caller.who {
            // a link reaches no further than who made it
            Some(Who::Link(link)) if !self.maker_reaches(link, now) => Reachable::default(),
            Some(who) => self.index.read().expect("no holder panics").reach().reachable(who, now),
            None => Reachable::default(),
        }
    }
}

/// Whether a patient is on the list, where there is one.
pub(crate) fn is_on(today: Option<&HashSet<u32>>, patient: PatientNumber) -> bool {
    today.is_none_or(|today| today.contains(&patient.0))
}

/// What the policy needs of a ground.
pub(crate) fn reach_of(ground: &audit::Ground) -> Reach {
    Reach { tier: ground.tier, entry: ground.entry, until: ground.until }
}
