//! What those who decide say to a request: that they stand behind it, or that it ends.
//!
//! Neither opens anything: only holders' shares do. Who stands behind a request is told to every holder who is asked for shares, in
//! what the site signs. A refusal ends the request, and whoever asked reads why.

use aws_lc_rs::digest::{SHA256, digest};
use model::{Actor, EntryBody, EntryNumber, Evidence, Finding, Instant, Reaction, Role, WarmingBasis, Who, Whose};
use policy::{Service, Target};
use protocol::{ApprovalRow, ColdAsk, REASON_CHARACTERS_MAX, Refusal};

use super::replay::Request;
use crate::approvals::person_of;
use crate::pages::{HELD, field};
use crate::state::Warden;
use crate::subject::Caller;

/// Which service a request is.
pub(crate) fn service_of(request: &ColdAsk) -> Service {
    match request {
        ColdAsk::Overview | ColdAsk::Endorse { .. } | ColdAsk::Refuse { .. } => Service::Approve,
        _ => Service::Cold,
    }
}

/// Whether a caller decides as an officer: who only administers the machine, and its owner, do not.
pub(super) fn is_officer(caller: &Caller) -> bool {
    matches!(caller.role(), Some(Role::Officer | Role::OfficerAdministrator))
}

impl Warden {
    /// Records that somebody stands behind a request.
    pub(crate) fn endorse_cold(
        &self,
        caller: &Caller,
        number: EntryNumber,
        shown: &str,
        now: Instant,
    ) -> Result<(), Refusal> {
        // nobody stands behind it twice, also at the same moment
        let _turn = self.warm_work.lock().expect(HELD);
        let (digest, evidence) = self.decided(caller, number, shown, now)?;
        self.append(caller, vec![EntryBody::WarmingEndorsed { request: number, digest, evidence }], now)?;
        Ok(())
    }

    /// Ends a request.
    pub(crate) fn refuse_cold(
        &self,
        caller: &Caller,
        number: EntryNumber,
        shown: &str,
        reason: &str,
        now: Instant,
    ) -> Result<(), Refusal> {
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > REASON_CHARACTERS_MAX || reason.chars().any(char::is_control) {
            return Err(field("reason", "why, in 1 to 200 characters"));
        }
        // not while a share is being taken: a request that was refused warms nothing afterwards
        let _turn = self.warm_work.lock().expect(HELD);
        let request = self.open_request(number, now)?;
        let emergency = request.basis == WarmingBasis::Emergency;
        if emergency && !is_officer(caller) {
            // somebody may die of it: nobody who only administers the machine ends it
            return Err(Refusal::NotAllowed);
        }
        let (digest, evidence) = self.decided(caller, number, shown, now)?;
        let reason = reason.to_owned();
        let mut bodies = vec![EntryBody::WarmingRefused { request: number, digest, reason, evidence }];
        if let (true, Some(person)) = (emergency, person_of(caller)) {
            let (patient, studies) = (request.patient, request.studies.len() as u32);
            let evidence = Evidence::EmergencyRefused { patient, studies, request: number };
            let finding = Finding { about: Whose::Person(person), reaction: Reaction::Noticed, evidence };
            bodies.push(EntryBody::FindingRaised { finding });
        }
        self.append(caller, bodies, now)?;
        self.forget_shares(number);
        Ok(())
    }

    /// Whether somebody may stand behind a request, or refuse it: never who asked, and nobody twice.
    pub(crate) fn may_decide(&self, caller: &Caller, request: &Request, now: Instant) -> bool {
        let decides = policy::decide(&caller.subject, Service::Approve, Target::Nothing, now).is_ok();
        person_of(caller).is_some_and(|person| {
            let asked = matches!(&request.actor, Actor::Person { person: asked, .. } if *asked == person);
            decides && !asked && request.endorsed.iter().all(|one| one.person != person)
        })
    }

    /// Who stands behind a request, with names.
    pub(crate) fn endorsements(&self, request: &Request) -> Vec<ApprovalRow> {
        let people = self.people.lock().expect(HELD);
        let row = |one: &super::replay::Endorsement| ApprovalRow {
            person: one.person,
            name: self.name_of(&people, Who::Person(one.person)).0,
            at: one.at,
            signed: one.signed,
        };
        request.endorsed.iter().map(row).collect()
    }

    /// SHA-256, in hexadecimal, of the line `leadglass warming v1`, the site's 16 bytes, the request's number as 8 bytes, most significant
    /// first, and the request as it stands in its entry.
    pub(crate) fn warming_digest(&self, number: EntryNumber, request: &Request) -> String {
        let Request { patient, studies, basis, reason, until, .. } = request.clone();
        let body = EntryBody::WarmingRequested { patient, studies, basis, reason, until };
        let body = serde_json::to_vec(&body).expect("a request is JSON");
        let whole = [b"leadglass warming v1\n".as_slice(), &self.site().0, &number.0.to_be_bytes(), &body].concat();
        hex::encode(digest(&SHA256, &whole))
    }

    /// The digest of what was shown and what the authenticator signed, if this person may decide on exactly this now.
    fn decided(
        &self,
        caller: &Caller,
        number: EntryNumber,
        shown: &str,
        now: Instant,
    ) -> Result<(String, Option<String>), Refusal> {
        let touch = caller.touched()?.ok_or(Refusal::NotAllowed)?;
        let request = self.open_request(number, now)?;
        let digest = self.warming_digest(number, &request);
        if shown != digest {
            return Err(field("the digest", "that of this request as it is shown; look at it again"));
        }
        if !self.may_decide(caller, &request, now) {
            let stands_behind = request.endorsed.iter().any(|one| Some(one.person) == person_of(caller));
            return Err(if stands_behind { Refusal::Exists } else { Refusal::NotAllowed });
        }
        Ok((digest, touch.evidence().map(str::to_owned)))
    }
}
