//! The one function that carries a change out. Its effect and the entry that says so are one append: both or none.

use audit::Appended;
use identity::Changed;
use model::{Actor, Change, EntryBody, EntryNumber, Instant, ProposalEnd, Standing, Who};
use protocol::Refusal;
use seal::SystemRandom;

use super::fold::Proposal;
use crate::pages::HELD;
use crate::removals::others_decide;
use crate::state::Warden;
use crate::unseal;

impl Warden {
    /// Carries out a proposal that is due. The caller holds `changing`, so that nobody else does meanwhile.
    pub(super) fn carry_out(&self, number: EntryNumber, actor: &Actor, now: Instant) -> Result<Appended, Refusal> {
        let proposal = self.open_proposal(number)?;
        let carried = match proposal.change.clone() {
            Change::Role { person, from, to } => {
                let mut people = self.people.lock().expect(HELD);
                // the last officer and the last administrator stay: nobody could be asked any more
                let holds = people.person(person).is_some_and(|one| one.role() == from)
                    && others_decide(&people, person, Some(to));
                let changed =
                    if holds { people.set_role(person, to).map_err(Refusal::from) } else { Err(Refusal::NotFound) };
                self.with_people(&proposal, people, changed, actor, now)
            }
            Change::AddPerson { email, name, role, organisation, password_and_code } => {
                let mut people = self.people.lock().expect(HELD);
                let organisations = vec![organisation];
                let new = identity::NewPerson { email, name, role, organisations, password_and_code };
                let changed = people.add_person(new, &mut SystemRandom).map_err(Refusal::from).map(drop_value);
                let changed = changed.map(|mut changed| {
                    changed.entries.extend(people.give_sunsets(now));
                    changed
                });
                self.with_people(&proposal, people, changed, actor, now)
            }
            Change::ClosePerson { person } => self.close_person_as(&proposal, person, actor, now),
            // the approval itself is the effect: a link may be issued once
            Change::Enrol { .. } => self.with_entries(&proposal, Vec::new(), actor, now),
            Change::Relate { relationship } if relationship.window.to <= now => Err(Refusal::NotFound),
            Change::Relate { mut relationship } => {
                // nobody reaches anything before the change that says so was carried out
                relationship.window.from = relationship.window.from.max(now);
                let mut people = self.people.lock().expect(HELD);
                // whoever holds a link from before would read the whole site with it
                if proposal.need.standing != Standing::Setup {
                    people.void_enrolments(|person, organisations| match relationship.who {
                        Who::Person(who) => who == person,
                        Who::Organisation(who) => organisations.contains(&who),
                        Who::Device(_) | Who::Link(_) => false,
                    });
                }
                let changed = Changed { value: (), entries: vec![EntryBody::Related { relationship }] };
                self.with_people(&proposal, people, Ok(changed), actor, now)
            }
            Change::ApprovalRule { rule } => {
                self.with_entries(&proposal, vec![EntryBody::ApprovalRuleSet { rule }], actor, now)
            }
            Change::BreakGlassRule { rule } => {
                self.with_entries(&proposal, vec![EntryBody::BreakGlassRuleSet { rule }], actor, now)
            }
            Change::SharingRule { rule } => {
                self.with_entries(&proposal, vec![EntryBody::SharingRuleSet { rule }], actor, now)
            }
            Change::NetworkRule { rule } => {
                self.with_entries(&proposal, vec![EntryBody::NetworkRuleSet { rule }], actor, now)
            }
            Change::Shred { patient, studies, whole_patient, reason } => {
                let studies: Vec<_> = studies.numbers().iter().copied().map(model::StudyNumber).collect();
                self.shred_as(actor, patient, &studies, whole_patient, &reason, carried_out(&proposal))
            }
            Change::RotateKeys => {
                // a crash in between leaves the proposal due, and keys are rotated once more
                self.rotate().and_then(|_| self.with_entries(&proposal, Vec::new(), actor, now))
            }
            Change::ColdHolders { threshold, holders, keys }
            | Change::ReplaceColdHolders { threshold, holders, keys } => {
                self.set_holders_as(actor, threshold, holders, &keys, carried_out(&proposal))
            }
            Change::ColdRule { rule } => {
                self.with_entries(&proposal, vec![EntryBody::ColdRuleSet { rule }], actor, now)
            }
            Change::OrderRule { rule } => {
                self.with_entries(&proposal, vec![EntryBody::OrderRuleSet { rule }], actor, now)
            }
            change @ (Change::AddWitness { .. }
            | Change::RemoveWitness { .. }
            | Change::AddSink { .. }
            | Change::RemoveSink { .. }) => self.watch_as(&proposal, change, actor, now),
            // the approval itself is the effect: the keys may be taken once
            Change::ExportWindow { .. } => self.with_entries(&proposal, Vec::new(), actor, now),
            Change::Unseal { added, removed, envelope, based_on } => {
                let bodies = unseal::bodies(added, removed);
                self.change_unseal_as(&proposal, bodies, &envelope, &based_on, actor, now)
            }
            // the approval itself is the effect: the owner does it while leadglass is stopped, with the secrets of the methods that stay
            Change::NewRoot { based_on, .. } if !self.root_is(&based_on) => Err(Refusal::NotFound),
            Change::NewRoot { .. } => self.with_entries(&proposal, Vec::new(), actor, now),
            Change::RaiseCeilings { about, from, to } => self.raise_ceilings_as(&proposal, about, from, to, actor, now),
            Change::LiftBudget { about, note } => {
                self.with_entries(&proposal, vec![EntryBody::BudgetLifted { about, note }], actor, now)
            }
            change @ (Change::Join { .. } | Change::Authenticators { .. }) => {
                let mut people = self.people.lock().expect(HELD);
                let entries = crate::accounts::carried(&mut people, &change, now);
                let changed = entries.map(|entries| Changed { value: (), entries });
                self.with_people(&proposal, people, changed, actor, now)
            }
            Change::EraseEntry { entry, .. } => self.erase_as(&proposal, entry, actor, now),
            Change::Unknown => Err(Refusal::NotFound),
        };
        match carried {
            Err(Refusal::NotFound | Refusal::Exists | Refusal::Invalid(_)) => {
                self.end_by_itself(number, ProposalEnd::Overtaken, "what it would change is not there as it was", now)?;
                Err(Refusal::NotFound)
            }
            carried => carried,
        }
    }

    /// Records an effect that is entries alone.
    pub(crate) fn with_entries(
        &self,
        proposal: &Proposal,
        mut bodies: Vec<EntryBody>,
        actor: &Actor,
        now: Instant,
    ) -> Result<Appended, Refusal> {
        bodies.push(carried_out(proposal));
        let entries = bodies.into_iter().map(|body| (actor.clone(), body)).collect();
        let appended = self.ledger.append(entries, now).map_err(|error| self.cannot_record(&error))?;
        // what a lease still gives was decided before this change
        self.leases.lock().expect(HELD).end_all();
        Ok(appended)
    }

    /// Records an effect on people and writes their records.
    pub(crate) fn with_people(
        &self,
        proposal: &Proposal,
        mut people: std::sync::MutexGuard<'_, identity::People>,
        changed: Result<Changed<()>, Refusal>,
        actor: &Actor,
        now: Instant,
    ) -> Result<Appended, Refusal> {
        let mut changed = match changed {
            Ok(changed) => changed,
            Err(refusal) => {
                people.revert();
                return Err(refusal);
            }
        };
        changed.entries.push(carried_out(proposal));
        let appended = self.commit_appended(people, changed.entries, actor, now)?;
        self.leases.lock().expect(HELD).end_all();
        Ok(appended)
    }
}

/// The entry that closes a proposal.
fn carried_out(proposal: &Proposal) -> EntryBody {
    let persons: std::collections::BTreeSet<_> = proposal.approvers().into_iter().chain(proposal.proposer()).collect();
    let standing = match proposal.need.standing {
        Standing::Setup => Standing::Setup,
        _ if persons.len() >= 2 => Standing::TwoPersons,
        _ => Standing::OnePerson,
    };
    EntryBody::CarriedOut { proposal: proposal.number, standing }
}

fn drop_value<T>(changed: Changed<T>) -> Changed<()> {
    Changed { value: (), entries: changed.entries }
}
