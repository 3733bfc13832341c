//! Two persons and a delay: who may decide about a change, how many are needed, and what cuts the delay. Pure.
//!
//! The rule, in `docs/approvals.md` for people:
//! - Whoever proposes never approves; the owner of the machine is no person.
//! - While the site is set up the owner of the machine acts alone; a person never does.
//! - Whom a change is about may agree to what another person proposes, never to what the owner proposes: the owner may be them.
//! - Where the owner proposes something about the only officer, nobody with that role could agree: seven times the delay.
//! - Whoever is alone confirms their own proposal, so that each change that is carried out was meant by somebody present.
//! - One other person is enough for a proposal by a person, two for one by the owner, as far as there are so many.
//! - Somebody with the officer's role must be among them, when there is one.
//! - Each further person halves the delay. Everybody, and at least three, ends it.

use model::{ApprovalRule, Change, Instant, Need, PersonId, Role, SECOND, Standing};
use thiserror::Error;

/// How many times the delay runs where nobody with the officer's role could agree.
const UNHEARD_TIMES: i64 = 7;

/// Somebody who may decide about changes: enrolled, and an officer or an administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decider {
    /// Who.
    pub person: PersonId,
    /// Their role.
    pub role: Role,
}

impl Decider {
    fn is_officer(&self) -> bool {
        officer(self.role)
    }
}

/// Whether a role decides about others.
#[must_use]
pub fn decides(role: Role) -> bool {
    role.decides()
}

/// Whether a role has the officer's part.
#[must_use]
pub fn officer(role: Role) -> bool {
    matches!(role, Role::Officer | Role::OfficerAdministrator)
}

/// Whether a role has the administrator's part.
#[must_use]
pub fn administers(role: Role) -> bool {
    matches!(role, Role::Administrator | Role::OfficerAdministrator)
}

/// Why somebody may not approve a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotApprover {
    /// Neither officer nor administrator, or not enrolled.
    #[error("the role does not include approving")]
    Role,
    /// They proposed it.
    #[error("whoever proposed a change does not approve it")]
    Proposer,
    /// It is about them, and no other person proposed it.
    #[error("nobody approves a change about themselves that the owner of the machine proposed")]
    Subject,
    /// They did already.
    #[error("this person has approved it already")]
    Already,
}

/// What a change needs. `proposer` is `None` for the owner of the machine; `setup_until` is when setting the site up ends.
#[must_use]
pub fn need(
    change: &Change,
    proposer: Option<PersonId>,
    deciders: &[Decider],
    rule: &ApprovalRule,
    setup_until: Instant,
    now: Instant,
) -> Need {
    // somebody's session is not the owner of the machine, also while the site is set up
    if proposer.is_none() && now < setup_until {
        return Need { standing: Standing::Setup, approvals: 0, officer: false, delay_seconds: 0 };
    }
    let officer_stands = deciders.iter().any(|decider| officer(decider.role) && may_stand(change, proposer, decider));
    let about_officer =
        deciders.iter().any(|decider| officer(decider.role) && change.subject() == Some(decider.person));
    // with nobody left to decide, or nobody to speak for the only officer, there is at least time to notice
    let unheard = deciders.is_empty() || (about_officer && !officer_stands);
    let times = if unheard { UNHEARD_TIMES } else { 1 };
    let others = others(change, proposer, deciders).count();
    let (standing, approvals) = match (proposer, others) {
        // whoever is alone confirms it themselves
        (Some(_), 0) => (Standing::OnePerson, 1),
        (Some(_), _) => (Standing::TwoPersons, 1),
        (None, others @ (0 | 1)) => (Standing::OnePerson, others as u8),
        (None, _) => (Standing::TwoPersons, 2),
    };
    let delayed = change.is_delayed() || standing == Standing::OnePerson;
    Need {
        standing,
        approvals,
        officer: others > 0 && officer_stands,
        delay_seconds: if delayed { rule.delay_seconds.saturating_mul(times) } else { 0 },
    }
}

/// Whether somebody may approve a change that these have approved already.
pub fn may_approve(
    change: &Change,
    proposer: Option<PersonId>,
    approvers: &[PersonId],
    need: &Need,
    person: PersonId,
    deciders: &[Decider],
) -> Result<(), NotApprover> {
    if !deciders.iter().any(|decider| decider.person == person) {
        return Err(NotApprover::Role);
    }
    if proposer == Some(person) && need.standing != Standing::OnePerson {
        return Err(NotApprover::Proposer);
    }
    if proposer.is_none() && change.subject() == Some(person) {
        return Err(NotApprover::Subject);
    }
    if approvers.contains(&person) { Err(NotApprover::Already) } else { Ok(()) }
}

/// Whether a change has all approvals that it needs. Who lost the role since does not count any more.
#[must_use]
pub fn is_approved(
    change: &Change,
    proposer: Option<PersonId>,
    approvers: &[PersonId],
    need: &Need,
    deciders: &[Decider],
) -> bool {
    let proposing = deciders.iter().find(|decider| Some(decider.person) == proposer);
    let own = proposing.filter(|_| need.standing == Standing::OnePerson);
    let standing = others(change, proposer, deciders).chain(own);
    let standing: Vec<_> = standing.filter(|one| approvers.contains(&one.person)).collect();
    standing.len() >= usize::from(need.approvals)
        && (!need.officer || standing.iter().copied().chain(proposing).any(Decider::is_officer))
}

/// When a change may be carried out, given who approved it so far. Who lost the role since cuts nothing.
#[must_use]
pub fn earliest(
    change: &Change,
    proposer: Option<PersonId>,
    approvers: &[PersonId],
    need: &Need,
    deciders: &[Decider],
    proposed: Instant,
) -> Instant {
    let decides = |person: &PersonId| deciders.iter().any(|decider| decider.person == *person);
    let approving = approvers.iter().filter(|person| decides(person)).count();
    let further = approving.saturating_sub(usize::from(need.approvals)).min(62) as u32;
    let persons = approving + usize::from(proposer.as_ref().is_some_and(decides));
    let everybody = others(change, proposer, deciders).all(|decider| approvers.contains(&decider.person));
    if need.standing == Standing::TwoPersons && everybody && persons >= 3 {
        return proposed;
    }
    let delay = need.delay_seconds.saturating_mul(SECOND) >> further;
    Instant(proposed.0.saturating_add(delay))
}

fn others<'a>(
    change: &'a Change,
    proposer: Option<PersonId>,
    deciders: &'a [Decider],
) -> impl Iterator<Item = &'a Decider> {
    deciders.iter().filter(move |decider| Some(decider.person) != proposer && may_stand(change, proposer, decider))
}

/// Nobody stands behind a change about themselves that no other person proposed.
fn may_stand(change: &Change, proposer: Option<PersonId>, decider: &Decider) -> bool {
    proposer.is_some() || change.subject() != Some(decider.person)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MADE: Instant = Instant(0);
    const LATER: Instant = Instant(100_000 * SECOND);
    const OWNER: Option<PersonId> = None;

    fn rule() -> ApprovalRule {
        ApprovalRule { delay_seconds: 1000, setup_seconds: 60 }
    }

    fn change() -> Change {
        Change::Role { person: PersonId(9), from: Role::Referrer, to: Role::Radiologist }
    }

    fn deciders(roles: &[Role]) -> Vec<Decider> {
        let decider = |(number, role): (usize, &Role)| Decider { person: PersonId(number as u32), role: *role };
        roles.iter().enumerate().map(decider).collect()
    }

    fn at(seconds: i64) -> Instant {
        LATER.plus_seconds(seconds)
    }

    #[track_caller]
    fn check(proposer: Option<u32>, roles: &[Role], standing: Standing, approvals: u8, delay: i64) {
        let need = need(&change(), proposer.map(PersonId), &deciders(roles), &rule(), MADE, LATER);
        assert_eq!((need.standing, need.approvals, need.delay_seconds), (standing, approvals, delay), "{roles:?}");
    }

    #[test]
    fn a_person_needs_another_the_owner_two_and_whoever_is_alone_the_whole_delay() {
        use Role::{Administrator as A, Officer as O, OfficerAdministrator as B};
        check(Some(1), &[O, A], Standing::TwoPersons, 1, 1000);
        check(None, &[O, A], Standing::TwoPersons, 2, 1000);
        check(None, &[O, A, A], Standing::TwoPersons, 2, 1000);
        check(Some(0), &[B], Standing::OnePerson, 1, 1000);
        check(None, &[B], Standing::OnePerson, 1, 1000);
        check(None, &[], Standing::OnePerson, 0, 7000);
    }

    #[test]
    fn setting_up_ends_with_its_time() {
        let people = deciders(&[Role::OfficerAdministrator]);
        let standing = |now| need(&change(), OWNER, &people, &rule(), MADE.plus_seconds(60), now).standing;
        assert_eq!(standing(MADE.plus_seconds(59)), Standing::Setup);
        assert_eq!(standing(MADE.plus_seconds(60)), Standing::OnePerson);
        assert_eq!(need(&change(), OWNER, &[], &rule(), Instant::MAX, LATER).standing, Standing::Setup);
    }

    #[test]
    fn setting_up_is_the_owners_alone() {
        use Role::{Administrator as A, Officer as O};
        for (roles, standing) in [(&[O, A][..], Standing::TwoPersons), (&[O], Standing::OnePerson)] {
            let need = need(&change(), Some(PersonId(0)), &deciders(roles), &rule(), Instant::MAX, LATER);
            assert_eq!((need.standing, need.approvals, need.delay_seconds), (standing, 1, 1000), "{roles:?}");
        }
    }

    #[test]
    fn neither_proposer_nor_a_reader_approves_and_nobody_twice() {
        let people = deciders(&[Role::Officer, Role::Administrator]);
        let about_officer = Change::ClosePerson { person: PersonId(0) };
        let may = |change: &Change, proposer: Option<u32>, approvers: &[PersonId], person| {
            let proposer = proposer.map(PersonId);
            let need = need(change, proposer, &people, &rule(), MADE, LATER);
            may_approve(change, proposer, approvers, &need, PersonId(person), &people)
        };
        let role = change();
        assert_eq!(may(&role, Some(1), &[], 0), Ok(()));
        assert_eq!(may(&role, Some(1), &[], 1), Err(NotApprover::Proposer));
        assert_eq!(may(&role, Some(1), &[], 7), Err(NotApprover::Role));
        assert_eq!(may(&role, None, &[PersonId(0)], 0), Err(NotApprover::Already));
        assert_eq!(may(&about_officer, Some(1), &[], 0), Ok(()), "two persons agree");
        assert_eq!(may(&about_officer, None, &[], 0), Err(NotApprover::Subject), "the owner may be that person");
    }

    #[test]
    fn two_administrators_without_the_officer_are_not_enough() {
        let people = deciders(&[Role::Officer, Role::Administrator, Role::Administrator]);
        let need = need(&change(), Some(PersonId(1)), &people, &rule(), MADE, LATER);
        let approved = |approvers: &[PersonId]| is_approved(&change(), Some(PersonId(1)), approvers, &need, &people);
        assert!(!approved(&[]));
        assert!(!approved(&[PersonId(2)]));
        assert!(approved(&[PersonId(0)]));
        // a role that was lost since does not count
        assert!(!is_approved(&change(), Some(PersonId(1)), &[PersonId(0)], &need, &people[1..]));
    }

    #[test]
    fn only_more_persons_cut_the_delay() {
        let people = deciders(&[Role::Officer, Role::Administrator, Role::Officer, Role::Officer]);
        let proposer = Some(PersonId(1));
        let need = need(&change(), proposer, &people, &rule(), MADE, LATER);
        let earliest = |approvers: &[u32]| {
            let approvers: Vec<_> = approvers.iter().copied().map(PersonId).collect();
            earliest(&change(), proposer, &approvers, &need, &people, LATER)
        };
        assert_eq!(earliest(&[]), at(1000));
        assert_eq!(earliest(&[0]), at(1000));
        assert_eq!(earliest(&[0, 2]), at(500));
        assert_eq!(earliest(&[0, 2, 3]), at(0), "everybody");
    }

    #[test]
    fn who_lost_the_role_since_cuts_no_delay() {
        let people = deciders(&[Role::Officer, Role::Administrator, Role::Officer, Role::Officer]);
        let proposer = Some(PersonId(1));
        let need = need(&change(), proposer, &people, &rule(), MADE, LATER);
        let earliest = |deciders: &[Decider]| {
            let approvers = [PersonId(0), PersonId(2), PersonId(3)];
            earliest(&change(), proposer, &approvers, &need, deciders, LATER)
        };
        assert_eq!(earliest(&people), at(0));
        // one of the three is no officer any more; then another; then the two who are left are not three
        assert_eq!(earliest(&people[..3]), at(0), "everybody who is left, and three stand behind it");
        assert_eq!(earliest(&people[..2]), at(1000));
        assert_eq!(earliest(&[people[0], people[2]]), at(500), "the proposer left: two approve");
    }

    #[test]
    fn a_pair_waits_the_whole_delay_and_a_lost_passkey_does_not() {
        let people = deciders(&[Role::Officer, Role::Administrator]);
        let proposer = Some(PersonId(1));
        let wait = |change: &Change| {
            let need = need(change, proposer, &people, &rule(), MADE, LATER);
            (need.standing, earliest(change, proposer, &[PersonId(0)], &need, &people, LATER))
        };
        assert_eq!(wait(&change()), (Standing::TwoPersons, at(1000)));
        assert_eq!(wait(&Change::Enrol { person: PersonId(9) }), (Standing::TwoPersons, at(0)));
        assert_eq!(wait(&Change::Enrol { person: PersonId(0) }), (Standing::TwoPersons, at(0)), "with their consent");
    }

    #[test]
    fn nobody_becomes_the_only_officer_without_that_officer_or_a_week() {
        let rule = rule();
        let need = |proposer: Option<u32>, roles: &[Role], person: u32| {
            let change = Change::Enrol { person: PersonId(person) };
            let need = need(&change, proposer.map(PersonId), &deciders(roles), &rule, MADE, LATER);
            (need.standing, need.approvals, need.delay_seconds)
        };
        use Role::{Administrator as A, Officer as O, OfficerAdministrator as B};
        // an administrator needs the officer's own consent
        assert_eq!(need(Some(1), &[O, A], 0), (Standing::TwoPersons, 1, 0));
        // the owner needs the administrator, and a week
        assert_eq!(need(None, &[O, A], 0), (Standing::OnePerson, 1, 7000));
        assert_eq!(need(None, &[B], 0), (Standing::OnePerson, 0, 7000));
        // with a second officer it is an ordinary change
        assert_eq!(need(None, &[O, A, O], 0), (Standing::TwoPersons, 2, 0));
    }

    #[test]
    fn whoever_is_alone_confirms_it_and_nobody_else_is_needed() {
        let people = deciders(&[Role::OfficerAdministrator]);
        let alone = Some(PersonId(0));
        let need = need(&change(), alone, &people, &rule(), MADE, LATER);
        let approved = |approvers: &[PersonId]| is_approved(&change(), alone, approvers, &need, &people);
        assert!(!approved(&[]));
        assert_eq!(may_approve(&change(), alone, &[], &need, PersonId(0), &people), Ok(()));
        assert!(approved(&[PersonId(0)]));
        assert_eq!(earliest(&change(), alone, &[PersonId(0)], &need, &people, LATER), at(1000));
        // somebody who enrolled meanwhile may agree as well
        let two = deciders(&[Role::OfficerAdministrator, Role::Officer]);
        assert_eq!(may_approve(&change(), alone, &[], &need, PersonId(1), &two), Ok(()));
    }
}
