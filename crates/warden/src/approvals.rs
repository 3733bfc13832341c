//! Changes that one person must not make alone: proposed → approved by others → after a delay carried out, each step an entry.
//!
//! What waits is a fold of the ledger ([`fold`]), so a restart finds every proposal where it stood. A crash between an
//! approval and its effect leaves a proposal that is due: the next look carries it out by the same function. Who may
//! approve, how many, and what cuts the delay is `policy::approval`, pure.

mod answer;
mod carry_out;
pub(crate) mod fold;
mod words;

pub(crate) use self::answer::service_of;
pub(crate) use self::fold::Proposal;

use std::sync::MutexGuard;

use audit::Appended;
use aws_lc_rs::digest::{SHA256, digest};
use identity::People;
use model::{Change, EntryBody, EntryNumber, Instant, PersonId, ProposalEnd, SiteId, Standing};
use policy::Decider;
use protocol::{PROPOSALS_OPEN_MAX, ProposalRow, Refusal};

use crate::pages::HELD;
use crate::state::Warden;
use crate::subject::Caller;

/// How long a proposal is open after it could have been carried out, in seconds.
const OPEN_SECONDS: i64 = 14 * 24 * 3600;

/// What became of a change that somebody asked for.
pub(crate) enum Asked {
    /// The site is being set up: it was made. The entries of its effect.
    Made(Appended),
    /// It waits.
    Waits(Box<ProposalRow>),
}

impl Warden {
    /// Proposes a change; while the site is set up it is carried out at once, by the same steps. The one way in for every flow.
    pub(crate) fn ask_for(&self, caller: &Caller, change: Change, now: Instant) -> Result<Asked, Refusal> {
        caller.touched()?;
        let _turn = self.changing.lock().expect(HELD);
        let now = self.not_before_recorded(now);
        let (proposer, deciders) = (person_of(caller), self.deciders_of(&change));
        let need = {
            let proposals = self.proposals.read().expect(HELD);
            if proposals.open().any(|open| open.change == change) {
                return Err(Refusal::Exists);
            }
            if proposals.open().count() >= PROPOSALS_OPEN_MAX {
                return Err(crate::pages::field("the proposal", "fewer than 200 open proposals; decide those first"));
            }
            policy::need(&change, proposer, &deciders, &proposals.rule(), proposals.setup_until(), now)
        };
        let earliest = policy::earliest(&change, proposer, &[], &need, &deciders, now);
        let expires = earliest.plus_seconds(OPEN_SECONDS);
        let body = EntryBody::Proposed { proposed: Box::new(change), need, earliest, expires };
        let appended = self.append(caller, vec![body], now)?;
        let number = appended.first().map(|(number, _)| *number).ok_or(Refusal::Internal)?;
        if need.standing == Standing::Setup {
            return self.carry_out(number, &caller.actor, now).map(Asked::Made);
        }
        self.proposal_row(number, caller).map(|row| Asked::Waits(Box::new(row)))
    }

    /// Records that a person stands behind a change too, and carries it out when that was the last that it lacked.
    pub(crate) fn approve(
        &self,
        caller: &Caller,
        number: EntryNumber,
        shown: &str,
        now: Instant,
    ) -> Result<ProposalRow, Refusal> {
        let touch = caller.touched()?.ok_or(Refusal::NotAllowed)?;
        let turn = self.changing.lock().expect(HELD);
        let now = self.not_before_recorded(now);
        let proposal = self.open_proposal(number)?;
        let person = person_of(caller).ok_or(Refusal::NotAllowed)?;
        let (digest, deciders) = (self.digest_of(&proposal), self.deciders_of(&proposal.change));
        // what was shown is what is approved
        if shown != digest {
            return Err(crate::pages::field("the digest", "that of this change as it is shown; look at it again"));
        }
        let mut approvers = proposal.approvers();
        policy::may_approve(&proposal.change, proposal.proposer(), &approvers, &proposal.need, person, &deciders)
            .map_err(not_approver)?;
        approvers.push(person);
        let Proposal { change, need, proposed, .. } = &proposal;
        let earliest = policy::earliest(change, proposal.proposer(), &approvers, need, &deciders, *proposed);
        let body =
            EntryBody::Approved { proposal: number, digest, earliest, evidence: touch.evidence().map(str::to_owned) };
        self.append(caller, vec![body], now)?;
        drop(turn);
        self.carry_out_due(now);
        self.proposal_row(number, caller)
    }

    /// Ends a proposal: refused by somebody who may approve it, or taken back by whoever made it.
    pub(crate) fn end_proposal(
        &self,
        caller: &Caller,
        number: EntryNumber,
        end: ProposalEnd,
        reason: &str,
        now: Instant,
    ) -> Result<ProposalRow, Refusal> {
        let turn = self.changing.lock().expect(HELD);
        let proposal = self.open_proposal(number)?;
        let allowed = match end {
            ProposalEnd::Withdrawn => self.may_withdraw(&proposal, caller),
            _ => self.may_refuse(&proposal, caller),
        };
        if !allowed {
            return Err(Refusal::NotAllowed);
        }
        let body = EntryBody::ProposalEnded { proposal: number, end, reason: reason.to_owned() };
        self.append(caller, vec![body], now)?;
        drop(turn);
        self.proposal_row(number, caller)
    }

    /// Carries out whatever is due, and ends what nobody approved in time. Called now and then, at a start, and after an approval.
    pub(crate) fn carry_out_due(&self, now: Instant) {
        let _turn = self.changing.lock().expect(HELD);
        let now = self.not_before_recorded(now);
        self.settle_unseal();
        let open: Vec<Proposal> = self.proposals.read().expect(HELD).open().cloned().collect();
        for proposal in open {
            let Proposal { number, change, need, expires, .. } = &proposal;
            let deciders = self.deciders_of(change);
            let approved = policy::is_approved(change, proposal.proposer(), &proposal.approvers(), need, &deciders);
            let done = if approved && now >= proposal.earliest_with(&deciders) {
                self.carry_out(*number, &model::Actor::Warden, now).map(|_| ())
            } else if now >= *expires {
                self.end_by_itself(*number, ProposalEnd::Expired, "nobody approved it in time", now)
            } else {
                continue;
            };
            match done {
                // overtaken: it ended, and its entry says so
                Ok(()) | Err(Refusal::NotFound) => {}
                Err(error) => {
                    tracing::warn!(%error, proposal = %number, "what is due could not be carried out; it is tried again");
                }
            }
        }
    }

    fn end_by_itself(
        &self,
        proposal: EntryNumber,
        end: ProposalEnd,
        reason: &str,
        now: Instant,
    ) -> Result<(), Refusal> {
        let body = EntryBody::ProposalEnded { proposal, end, reason: reason.to_owned() };
        let entries = vec![(model::Actor::Warden, body)];
        self.ledger.append(entries, now).map(|_| ()).map_err(|error| self.cannot_record(&error))
    }

    fn open_proposal(&self, number: EntryNumber) -> Result<Proposal, Refusal> {
        let proposals = self.proposals.read().expect(HELD);
        proposals.get(number).filter(|proposal| proposal.is_open()).cloned().ok_or(Refusal::NotFound)
    }

    /// Who decides: enrolled officers and administrators.
    pub(crate) fn deciders(&self) -> Vec<Decider> {
        deciders(&self.people.lock().expect(HELD))
    }

    /// Who may decide about a change. Of those whose accounts are locked nobody is left out, or knowing a password would be enough to take
    /// an officer's word away; but about a link that ends a lock only those are asked who can answer, or locks could keep each other shut.
    pub(crate) fn deciders_of(&self, change: &Change) -> Vec<Decider> {
        let people = self.people.lock().expect(HELD);
        let mut deciders = deciders(&people);
        if let Change::Enrol { person } = change
            && people.is_locked(*person)
        {
            deciders.retain(|decider| decider.person == *person || !people.is_locked(decider.person));
        }
        deciders
    }

    /// Whether changes still take effect at once.
    pub(crate) fn is_setting_up(&self, now: Instant) -> bool {
        self.not_before_recorded(now) < self.proposals.read().expect(HELD).setup_until()
    }

    /// What an approving person signs: the site, the proposal's number and the exact change.
    pub(crate) fn digest_of(&self, proposal: &Proposal) -> String {
        digest_of(self.site(), proposal.number, &proposal.change)
    }

    /// A clock that is set back makes no delay longer or shorter than the ledger says.
    pub(crate) fn not_before_recorded(&self, now: Instant) -> Instant {
        now.max(Instant(self.recorded.load(std::sync::atomic::Ordering::Relaxed)))
    }
}

/// SHA-256, in hexadecimal, of the line `leadglass change v1`, the site's 16 bytes, the proposal's number as 8 bytes, most
/// significant first, and the change as it stands in its entry.
fn digest_of(site: SiteId, proposal: EntryNumber, change: &Change) -> String {
    let change = serde_json::to_vec(change).expect("a change is JSON");
    let number = proposal.0.to_be_bytes();
    let whole = [b"leadglass change v1\n".as_slice(), &site.0, &number, &change].concat();
    digest(&SHA256, &whole).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The caller's person; nobody for the owner of the machine.
pub(crate) fn person_of(caller: &Caller) -> Option<PersonId> {
    match &caller.actor {
        model::Actor::Person { person, .. } => Some(*person),
        _ => None,
    }
}

/// Enrolled officers and administrators.
pub(crate) fn deciders(people: &MutexGuard<'_, People>) -> Vec<Decider> {
    people.enrolled(policy::decides).into_iter().map(|(person, role)| Decider { person, role }).collect()
}

fn not_approver(error: policy::NotApprover) -> Refusal {
    match error {
        policy::NotApprover::Already => Refusal::Exists,
        policy::NotApprover::Role => Refusal::NotAllowed,
        policy::NotApprover::Proposer => {
            crate::pages::field("this approval", "one by somebody who did not propose the change")
        }
        policy::NotApprover::Subject => {
            crate::pages::field("this approval", "one by somebody whom the change is not about")
        }
    }
}
