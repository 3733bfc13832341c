//! The open flow: credential → [`policy::Grant`] → [`audit::Receipt`] (durable) → [`Release`] → keys.

use budget::Act;
use model::{Actor, EntryBody, Instant, OpenScope, StudyNumber, What, Who};
use policy::{Denied, Reach, Service, Target};
use protocol::{Asking, Credential, OpenReply, OpenRequest, Refusal, ReleasedStudy, Scope};
use seal::BatchKeys;

use crate::budgets::{DECISIONS_MAX, Passed, Reading};
use crate::list::{is_on, reach_of};
use crate::release::{Lease, Release};
use crate::state::{Channel, Warden};
use crate::subject::Caller;

impl Warden {
    /// Releases the keys of a study.
    pub(crate) async fn open(
        &self,
        credential: &Credential,
        channel: Channel,
        request: &OpenRequest,
        now: Instant,
    ) -> Result<OpenReply, Refusal> {
        let caller = self.caller(credential, channel, Asking::Open(request), now).await?;
        self.open_for(&caller, request, now).await
    }

    /// The same for a caller who is known already.
    pub(crate) async fn open_for(
        &self,
        caller: &Caller,
        request: &OpenRequest,
        now: Instant,
    ) -> Result<OpenReply, Refusal> {
        let candidates = self.readable_registry()?.studies_by_uid(&request.study);
        let service = match request.scope {
            Scope::Images => Service::Open,
            Scope::Listing => Service::OpenListing,
            Scope::Download => Service::Download,
        };
        let _turn = match caller.who {
            Some(Who::Link(link)) if service == Service::Download => Some(self.download_turn(link, now)?),
            _ => None,
        };
        let mut studies = Vec::new();
        let mut denied = None;
        let mut is_cold = false;
        for study in candidates {
            match self.open_one(caller, study, service, now).await {
                Ok(released) => studies.push(released),
                Err(OpenRefusal::Denied(reason)) => denied = Some((reason, study)),
                Err(OpenRefusal::Cold) => is_cold = true,
                Err(OpenRefusal::Failed(refusal)) => return Err(refusal),
            }
        }
        if !studies.is_empty() {
            return Ok(OpenReply { studies });
        }
        if is_cold {
            return Err(Refusal::Cold);
        }
        // what may not be reached reads as what is not there; the ledger knows the difference
        match denied {
            Some((reason, study)) => Err(self.refuse(caller, "open", Some(What::Study(study)), reason, now).await),
            // recorded like the others, or the time that the record takes would tell one from the other
            None => {
                let reason = policy::denied_of_nothing(&caller.subject, service, now);
                Err(self.refuse(caller, "open", None, reason, now).await)
            }
        }
    }

    async fn open_one(
        &self,
        caller: &Caller,
        study: StudyNumber,
        service: Service,
        now: Instant,
    ) -> Result<ReleasedStudy, OpenRefusal> {
        if let Some(released) = self.open_unless_waited(caller, study, service, now).await? {
            return Ok(released);
        }
        for _ in 1..DECISIONS_MAX {
            let caller = self.still(caller).map_err(OpenRefusal::Failed)?;
            if let Some(released) = self.open_unless_waited(&caller, study, service, self.now()).await? {
                return Ok(released);
            }
        }
        Err(OpenRefusal::Failed(Refusal::Throttled { seconds: 1 }))
    }

    /// Nothing when the budget made it wait: what was decided before the wait may not hold after it.
    async fn open_unless_waited(
        &self,
        caller: &Caller,
        study: StudyNumber,
        service: Service,
        now: Instant,
    ) -> Result<Option<ReleasedStudy>, OpenRefusal> {
        // what changes reach while this runs ends no lease that does not exist yet: the lease made below is kept only if nothing did
        let changes = self.leases.lock().expect("no holder panics").changes();
        let (reachable, today) = (self.reachable(caller, now), self.todays_list(caller, now));
        let (row, moved) = {
            let may_list = |patient, study| {
                let ground = reachable.ground(patient, study);
                let reach = ground.filter(|_| is_on(today.as_ref(), patient)).map(reach_of);
                caller.subject.may_list(reach.as_ref(), now)
            };
            let registry = self.readable_registry().map_err(OpenRefusal::Failed)?;
            let row = registry.study_as(study, &may_list).ok_or(OpenRefusal::Failed(Refusal::NotFound))?;
            (row, registry.moved(study))
        };
        let patient = row.patient.number;
        let reach = reachable.ground(patient, study).map(reach_of).filter(|_| is_on(today.as_ref(), patient));
        let warm_until = self.cold.read().expect("no holder panics").warm_until(study);
        // a lease ends with the warming at the latest; what is cold is decided as if it were not, so that only who may reach it hears that it is
        let still_warm = warm_until.filter(|until| now < *until);
        let reach =
            reach.map(|reach| Reach { until: still_warm.map_or(reach.until, |warm| warm.min(reach.until)), ..reach });
        let target = Target::Study { patient, study, reach };
        let grant = policy::decide(&caller.subject, service, target, now).map_err(OpenRefusal::Denied)?;
        let with_pixels = service != Service::OpenListing;
        let act = if with_pixels { Act::Open } else { Act::List };
        let patients = {
            let (patients, studies) = ([patient.0].into_iter().collect(), [study.0].into_iter().collect());
            self.budgets.lock().expect("no holder panics").with_former(&patients, &studies)
        };
        let reading = Reading { act, patients: &patients, exactly: true, what: Some(What::Study(study)) };
        // a honey patient is found before anybody hears whether the study is cold
        let is_honey = self.budgets.lock().expect("no holder panics").is_honey(patient);
        if is_honey
            && self.within_budget(caller, &reading, now).await.map_err(OpenRefusal::Failed)? == Passed::AfterWait
        {
            return Ok(None);
        }
        if warm_until.is_some() && still_warm.is_none() {
            let body = EntryBody::Refused {
                action: "open".to_owned(),
                what: Some(What::Study(study)),
                reason: "cold".to_owned(),
            };
            let recorded = self.ledger.append_later(vec![(caller.actor.clone(), body)], now).await;
            return Err(
                recorded.map_or_else(|error| OpenRefusal::Failed(self.cannot_record(&error)), |_| OpenRefusal::Cold)
            );
        }

        let holder = caller.holder.ok_or(OpenRefusal::Denied(Denied::Unknown))?;
        let lease = self.leases.lock().expect("no holder panics").opening(holder, study, with_pixels, now);
        // what is taken along is an entry each time
        let lease = lease.filter(|_| service != Service::Download);
        if lease.is_none()
            && self.within_budget(caller, &reading, now).await.map_err(OpenRefusal::Failed)? == Passed::AfterWait
        {
            return Ok(None);
        }
        let keys = self.keys_of(study)?;
        if let Some(mut lease) = lease {
            lease.until = lease.until.min(grant.lease_until());
            return Ok(Some(Release::again(&lease, row, moved, keys).into_study()));
        }
        let scope = match service {
            Service::Download => OpenScope::Download,
            Service::Open => OpenScope::Images,
            _ => OpenScope::Listing,
        };
        let body = EntryBody::Opened { patient, study, scope, lease_until: grant.lease_until() };
        let receipt = self
            .ledger
            .record(grant, caller.actor.clone(), body, now)
            .await
            .map_err(|error| OpenRefusal::Failed(self.cannot_record(&error)))?;
        let lease = Lease::of(&receipt);
        let release =
            Release::new(receipt, row, moved, keys).ok_or(OpenRefusal::Failed(Refusal::Internal))?.into_study();
        // a download's lease is its own: nothing else is served within it
        if service != Service::Download {
            self.leases.lock().expect("no holder panics").opened(holder, study, lease, changes, now);
        }
        Ok(Some(release))
    }

    /// The batch keys of a study, unwrapped.
    fn keys_of(&self, study: StudyNumber) -> Result<Vec<BatchKeys>, OpenRefusal> {
        let failed = |error: crate::DatabaseError| {
            tracing::error!(%error, %study, "the keyring cannot be read");
            OpenRefusal::Failed(Refusal::Internal)
        };
        let mut tries = 0;
        loop {
            let wrapped = self.reader.lock().expect("no holder panics").keys_of(study).map_err(failed)?;
            let keys = wrapped.into_iter().map(|(key, epoch, wrapped)| self.secrets.unwrap(key, epoch, &wrapped));
            match keys.collect::<Result<Vec<_>, _>>() {
                // an epoch may end between the two: the wraps under the next one are there already
                Err(_) if tries < 3 => tries += 1,
                keys => return keys.map_err(failed),
            }
        }
    }

    /// Records a refusal and says it: existence is private, so reach reads as 'not found'.
    pub(crate) async fn refuse(
        &self,
        caller: &Caller,
        action: &str,
        what: Option<What>,
        denied: Denied,
        now: Instant,
    ) -> Refusal {
        // a stranger's every knock is not an entry: nobody who is known, nothing that was reached; the front's log counts them
        if !matches!(caller.actor, Actor::Stranger { .. }) {
            let body = EntryBody::Refused { action: action.to_owned(), what, reason: denied.word().to_owned() };
            if let Err(refusal) = self.record_limited(caller, body, now).await {
                return refusal;
            }
        }
        match denied {
            Denied::Unknown => Refusal::SignedOut,
            Denied::Role => Refusal::NotAllowed,
            Denied::Reach => Refusal::NotFound,
        }
    }
}

enum OpenRefusal {
    Denied(Denied),
    Failed(Refusal),
    /// In reach, and cold.
    Cold,
}
