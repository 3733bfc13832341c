//! Where every proposal stands: a fold of the ledger, nothing else. Whoever has the entries computes the same.

use std::collections::{BTreeMap, HashMap, HashSet};

use model::{
    Actor, ApprovalRule, BreakGlassRule, Change, ColdHolder, Entry, EntryBody, EntryNumber, Instant, Need, NetworkRule,
    OrganisationId, PersonId, ProposalEnd, Role, SharingRule, Standing, What, Who, Window,
};

/// How long an enrolment link may be issued, a window's keys be taken, or a new root be made, after the approval, in seconds.
const LINK_SECONDS: i64 = 7 * 24 * 3600;

/// How long holders may hand over what is cold already, after the approval, in seconds.
const EXCHANGE_SECONDS: i64 = 30 * 24 * 3600;

/// One proposal.
#[derive(Clone, Debug)]
pub(crate) struct Proposal {
    pub(crate) number: EntryNumber,
    pub(crate) change: Change,
    pub(crate) by: Actor,
    pub(crate) need: Need,
    pub(crate) proposed: Instant,
    pub(crate) earliest: Instant,
    pub(crate) expires: Instant,
    pub(crate) approvals: Vec<Approval>,
    pub(crate) state: State,
}

/// One approval.
#[derive(Clone, Debug)]
pub(crate) struct Approval {
    pub(crate) person: PersonId,
    pub(crate) at: Instant,
    pub(crate) signed: bool,
}

/// Where it stands.
#[derive(Clone, Debug)]
pub(crate) enum State {
    Open,
    CarriedOut { at: Instant, standing: Standing },
    Ended { at: Instant, end: ProposalEnd, by: Actor, reason: String },
}

impl State {
    pub(crate) fn is_carried_out(&self) -> bool {
        matches!(self, Self::CarriedOut { .. })
    }
}

impl Proposal {
    /// The person who proposed it; nobody for the owner of the machine.
    pub(crate) fn proposer(&self) -> Option<PersonId> {
        match self.by {
            Actor::Person { person, .. } => Some(person),
            _ => None,
        }
    }

    pub(crate) fn approvers(&self) -> Vec<PersonId> {
        self.approvals.iter().map(|approval| approval.person).collect()
    }

    /// When it may be carried out: not before the ledger said so, nor before those who are deciders still are enough.
    pub(crate) fn earliest_with(&self, deciders: &[policy::Decider]) -> Instant {
        let approvers = self.approvers();
        let proposer = self.proposer();
        let now = policy::earliest(&self.change, proposer, &approvers, &self.need, deciders, self.proposed);
        now.max(self.earliest)
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }
}

/// Every proposal of a site, and what approvals left behind.
#[derive(Default)]
pub(crate) struct Proposals {
    all: BTreeMap<EntryNumber, Proposal>,
    rule: ApprovalRule,
    made: Option<Instant>,
    /// Who may be issued a link although they are enrolled, and until when.
    links: HashMap<PersonId, Instant>,
    /// Windows whose keys nobody took yet, and until when.
    windows: HashMap<EntryNumber, Instant>,
    /// New roots that nobody made yet, and until when.
    roots: HashMap<EntryNumber, Instant>,
    /// The exchange of holders that was carried out, until when they may hand over, and to which set. Another set ends it.
    exchange: Option<(EntryNumber, Instant, u32)>,
    /// The set of holders that was named last.
    holders: u32,
    /// Who was added last: the entry of their addition stands just before the one that it was carried out.
    added: Option<PersonId>,
    one_person: u32,
    /// People with a role that decides.
    deciding: HashSet<PersonId>,
    /// Whether one of them ever enrolled: a site is set up once, also when an older database comes back.
    enrolled: bool,
    break_glass: BreakGlassRule,
    sharing: SharingRule,
    networks: NetworkRule,
}

impl Proposals {
    /// Takes the next entry.
    pub(crate) fn apply(&mut self, number: EntryNumber, entry: &Entry) {
        let at = entry.recorded;
        match &entry.body {
            EntryBody::Initialised { .. } => self.made = Some(at),
            EntryBody::ApprovalRuleSet { rule } => self.rule = *rule,
            EntryBody::BreakGlassRuleSet { rule } => self.break_glass = *rule,
            EntryBody::SharingRuleSet { rule } => self.sharing = *rule,
            EntryBody::NetworkRuleSet { rule } => self.networks.clone_from(rule),
            EntryBody::PersonAdded { person, role, .. } => {
                self.added = Some(*person);
                self.holds(*person, *role);
            }
            EntryBody::RoleChanged { person, to, .. } => {
                // what was approved, was approved for the role of then
                self.links.remove(person);
                self.holds(*person, *to);
            }
            EntryBody::Related { relationship } => {
                if let (What::Site, Who::Person(person)) = (relationship.what, relationship.who) {
                    self.links.remove(&person);
                }
            }
            EntryBody::PasskeyBound { person, .. } | EntryBody::PasswordSet { person } => {
                self.enrolled |= self.deciding.contains(person);
            }
            EntryBody::EnrolmentIssued { person, .. } => {
                self.links.remove(person);
            }
            EntryBody::WindowExported { proposal: Some(proposal), .. } => {
                self.windows.remove(proposal);
            }
            // whatever else was approved, was approved for the root of then
            EntryBody::RootRenewed(_) => self.roots.clear(),
            EntryBody::Proposed { proposed, need, earliest, expires } => {
                let proposal = Proposal {
                    number,
                    change: proposed.as_ref().clone(),
                    by: entry.actor.clone(),
                    need: *need,
                    proposed: at,
                    earliest: *earliest,
                    expires: *expires,
                    approvals: Vec::new(),
                    state: State::Open,
                };
                self.all.insert(number, proposal);
            }
            EntryBody::Approved { proposal, earliest, evidence, .. } => {
                if let (Some(proposal), Actor::Person { person, .. }) = (self.all.get_mut(proposal), &entry.actor) {
                    proposal.approvals.push(Approval { person: *person, at, signed: evidence.is_some() });
                    proposal.earliest = *earliest;
                }
            }
            EntryBody::ProposalEnded { proposal, end, reason } => {
                let ended = State::Ended { at, end: *end, by: entry.actor.clone(), reason: reason.clone() };
                self.end(*proposal, ended);
            }
            EntryBody::CarriedOut { proposal, standing } => {
                let linked = match self.end(*proposal, State::CarriedOut { at, standing: *standing }) {
                    Some(Change::Enrol { person }) => Some(person),
                    Some(Change::AddPerson { .. }) => self.added,
                    // who comes to decide about others enrols anew
                    Some(Change::Role { person, from, to }) if to.decides() && !from.decides() => Some(person),
                    Some(Change::ExportWindow { .. }) => {
                        self.windows.insert(*proposal, at.plus_seconds(LINK_SECONDS));
                        None
                    }
                    Some(Change::ReplaceColdHolders { .. }) => {
                        self.exchange = Some((*proposal, at.plus_seconds(EXCHANGE_SECONDS), self.holders));
                        None
                    }
                    Some(Change::NewRoot { .. }) => {
                        self.roots.insert(*proposal, at.plus_seconds(LINK_SECONDS));
                        None
                    }
                    _ => None,
                };
                self.links.extend(linked.map(|person| (person, at.plus_seconds(LINK_SECONDS))));
                self.one_person += u32::from(*standing == Standing::OnePerson);
            }
            // what is handed over was approved for the set of then, and for no other
            EntryBody::ColdHoldersSet { generation, .. } => {
                self.holders = *generation;
                self.exchange = None;
            }
            EntryBody::Erased { entry, left } => self.erased(*entry, &left.body),
            _ => {}
        }
    }

    /// Forgets words that were erased.
    fn erased(&mut self, entry: EntryNumber, left: &EntryBody) {
        match left {
            EntryBody::Proposed { proposed, .. } => {
                if let Some(proposal) = self.all.get_mut(&entry) {
                    proposal.change = proposed.as_ref().clone();
                }
            }
            EntryBody::ProposalEnded { proposal, reason: words, .. } => {
                let state = self.all.get_mut(proposal).map(|proposal| &mut proposal.state);
                if let Some(State::Ended { reason, .. }) = state {
                    words.clone_into(reason);
                }
            }
            _ => {}
        }
    }

    fn holds(&mut self, person: PersonId, role: Role) {
        if policy::decides(role) {
            self.deciding.insert(person);
        } else {
            self.deciding.remove(&person);
        }
    }

    fn end(&mut self, proposal: EntryNumber, state: State) -> Option<Change> {
        let proposal = self.all.get_mut(&proposal)?;
        proposal.state = state;
        Some(proposal.change.clone())
    }

    pub(crate) fn get(&self, proposal: EntryNumber) -> Option<&Proposal> {
        self.all.get(&proposal)
    }

    /// All, newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Proposal> {
        self.all.values().rev()
    }

    pub(crate) fn open(&self) -> impl Iterator<Item = &Proposal> {
        self.all.values().filter(|proposal| proposal.is_open())
    }

    /// Whether a change that waits would let a person, or one of these organisations of theirs, read the whole site, or would make the
    /// person decide about others. What is done for them meanwhile is done as if it was carried out.
    pub(crate) fn would_raise(&self, person: Option<PersonId>, organisations: &[OrganisationId]) -> bool {
        self.open().any(|proposal| match &proposal.change {
            Change::Role { person: who, to, .. } => person == Some(*who) && to.decides(),
            Change::Relate { relationship } if relationship.what == What::Site => match relationship.who {
                Who::Person(who) => person == Some(who),
                Who::Organisation(who) => organisations.contains(&who),
                Who::Device(_) | Who::Link(_) => false,
            },
            _ => false,
        })
    }

    /// When setting up ends: never before somebody who decides has enrolled, then with the time that the rule gives.
    pub(crate) fn setup_until(&self) -> Instant {
        if !self.enrolled {
            return Instant::MAX;
        }
        self.made.unwrap_or(Instant(0)).plus_seconds(self.rule.setup_seconds)
    }

    pub(crate) fn rule(&self) -> ApprovalRule {
        self.rule
    }

    /// How long break-glass lasts.
    pub(crate) fn break_glass(&self) -> BreakGlassRule {
        self.break_glass
    }

    /// Who may share studies.
    pub(crate) fn sharing(&self) -> SharingRule {
        self.sharing
    }

    /// Which networks are at which places.
    pub(crate) fn networks(&self) -> &NetworkRule {
        &self.networks
    }

    /// How many changes were carried out on the word of one person.
    pub(crate) fn one_person(&self) -> u32 {
        self.one_person
    }

    /// The window of an export that was carried out, and whether its keys may still be taken.
    pub(crate) fn window(&self, proposal: EntryNumber, now: Instant) -> Option<(Window, bool)> {
        let Proposal { change: Change::ExportWindow { window }, state: State::CarriedOut { .. }, .. } =
            self.get(proposal)?
        else {
            return None;
        };
        Some((*window, self.windows.get(&proposal).is_some_and(|until| now < *until)))
    }

    /// The proposal by which another root may take the place of the one in this `root.json`, without exactly these methods.
    pub(crate) fn new_root(&self, based_on: &str, removed: &[String], now: Instant) -> Option<EntryNumber> {
        let allows = |proposal: &&EntryNumber| match self.get(**proposal).map(|proposal| &proposal.change) {
            Some(Change::NewRoot { removed: gone, based_on: there }) => {
                there == based_on && gone.iter().map(|gone| &gone.method).eq(removed)
            }
            _ => false,
        };
        self.roots.iter().filter(|(_, until)| now < **until).map(|(proposal, _)| proposal).find(allows).copied()
    }

    /// The exchange of holders that is open, until when, and to which set.
    pub(crate) fn exchange(&self, now: Instant) -> Option<(EntryNumber, Instant, u32)> {
        self.exchange.filter(|(_, until, _)| now < *until)
    }

    /// The public keys of holders who were named, as the proposal that named them has them.
    pub(crate) fn keys_of(&self, threshold: u8, holders: &[ColdHolder]) -> Option<&[String]> {
        self.newest_first().filter(|one| one.state.is_carried_out()).find_map(|one| match &one.change {
            Change::ColdHolders { threshold: needed, holders: named, keys }
            | Change::ReplaceColdHolders { threshold: needed, holders: named, keys }
                if *needed == threshold && named == holders =>
            {
                Some(keys.as_slice())
            }
            _ => None,
        })
    }

    /// Where the proposal stands that puts a `root.json` of this digest in place.
    pub(crate) fn of_envelope(&self, digest: &str) -> Option<&Proposal> {
        let is_it = |one: &&Proposal| matches!(&one.change, Change::Unseal { envelope, .. } if envelope == digest);
        self.newest_first().find(is_it)
    }

    /// Whether an approval lets a link be issued for somebody who is enrolled.
    pub(crate) fn link_approved(&self, person: PersonId, now: Instant) -> bool {
        self.links.get(&person).is_some_and(|until| now < *until)
    }
}
