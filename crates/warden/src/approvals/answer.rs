//! What pages and commands ask about proposals.

use budget::is_block;
use model::{ApprovalRule, BreakGlassRule, Change, EntryNumber, Instant, NetworkRule, ProposalEnd, Role, SharingRule};
use policy::Service;
use protocol::{
    ApprovalRequest, ApprovalRow, PageReply, ProposalRow, ProposalState, Proposals, REASON_CHARACTERS_MAX, Refusal,
};

use super::fold::{Proposal, State};
use super::{Asked, person_of, words};
use crate::pages::{HELD, field, unknown};
use crate::state::Warden;
use crate::subject::Caller;

/// The most proposals in one answer.
const ROWS_MAX: usize = 500;

/// Which service a request is.
pub(crate) fn service_of(request: &ApprovalRequest) -> Service {
    match request {
        ApprovalRequest::Approve { .. } | ApprovalRequest::Refuse { .. } => Service::Approve,
        _ => Service::Propose,
    }
}

impl Asked {
    /// The answer to whoever asked for the change alone.
    pub(crate) fn reply(self) -> PageReply {
        match self {
            Self::Made(_) => PageReply::Done,
            Self::Waits(row) => PageReply::Proposed(row),
        }
    }
}

impl Warden {
    /// Answers a request that policy allowed.
    pub(crate) fn approvals(
        &self,
        caller: &Caller,
        request: ApprovalRequest,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let row = match request {
            ApprovalRequest::List { open } => {
                return Ok(PageReply::Proposals(Box::new(self.proposals_for(caller, open, now))));
            }
            ApprovalRequest::One { proposal } => self.proposal_row(proposal, caller)?,
            ApprovalRequest::Role { email, role } => return self.propose_role(caller, &email, role, now),
            ApprovalRequest::Rule { rule } => return self.propose_rule(caller, rule, now),
            ApprovalRequest::SharingRule { rule } => return self.propose_sharing_rule(caller, rule, now),
            ApprovalRequest::NetworkRule { rule } => return self.propose_network_rule(caller, rule, now),
            ApprovalRequest::BreakGlassRule { rule } => return self.propose_break_glass_rule(caller, rule, now),
            ApprovalRequest::Erase { entry, reason } => return self.propose_erasure(caller, entry, &reason, now),
            ApprovalRequest::Approve { proposal, digest } => self.approve(caller, proposal, &digest, now)?,
            ApprovalRequest::Refuse { proposal, reason } => {
                let reason = reason.trim();
                if reason.is_empty()
                    || reason.chars().count() > REASON_CHARACTERS_MAX
                    || reason.chars().any(char::is_control)
                {
                    return Err(field("reason", "why, in 1 to 200 characters"));
                }
                caller.touched()?;
                self.end_proposal(caller, proposal, ProposalEnd::Refused, reason, now)?
            }
            ApprovalRequest::Withdraw { proposal } => {
                self.end_proposal(caller, proposal, ProposalEnd::Withdrawn, "taken back", now)?
            }
        };
        Ok(PageReply::Proposed(Box::new(row)))
    }

    fn propose_role(&self, caller: &Caller, email: &str, to: Role, now: Instant) -> Result<PageReply, Refusal> {
        let (person, from) = {
            let people = self.people.lock().expect(HELD);
            let person = people.person_by_address(email).filter(|person| !people.is_closed(person.id()));
            let person = person.ok_or_else(|| unknown("person", "person list"))?;
            (person.id(), person.role())
        };
        if from == to {
            return Err(Refusal::Exists);
        }
        Ok(self.ask_for(caller, Change::Role { person, from, to }, now)?.reply())
    }

    fn propose_rule(&self, caller: &Caller, rule: ApprovalRule, now: Instant) -> Result<PageReply, Refusal> {
        if !(0..=ApprovalRule::DELAY_SECONDS_MAX).contains(&rule.delay_seconds) {
            return Err(field("delay", "a duration from 0 s to 30 d"));
        }
        if !(0..=ApprovalRule::SETUP_SECONDS_MAX).contains(&rule.setup_seconds) {
            return Err(field("setup", "a duration from 0 s to 7 d"));
        }
        Ok(self.ask_for(caller, Change::ApprovalRule { rule }, now)?.reply())
    }

    fn propose_break_glass_rule(
        &self,
        caller: &Caller,
        rule: BreakGlassRule,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        if !(60..=BreakGlassRule::SECONDS_MAX).contains(&rule.seconds_max) {
            return Err(field("the longest use", "a duration from 1 m to 4 h"));
        }
        if !(0..=BreakGlassRule::REVIEW_SECONDS_MAX).contains(&rule.review_seconds) {
            return Err(field("the time for a review", "a duration of at most 30 d"));
        }
        Ok(self.ask_for(caller, Change::BreakGlassRule { rule }, now)?.reply())
    }

    fn propose_sharing_rule(&self, caller: &Caller, rule: SharingRule, now: Instant) -> Result<PageReply, Refusal> {
        if !(1..=SharingRule::DAYS_MAX).contains(&rule.days_max) {
            return Err(field("the longest link", "1 to 30 days"));
        }
        Ok(self.ask_for(caller, Change::SharingRule { rule }, now)?.reply())
    }

    fn propose_network_rule(&self, caller: &Caller, rule: NetworkRule, now: Instant) -> Result<PageReply, Refusal> {
        if rule.networks.len() > NetworkRule::NETWORKS_MAX {
            return Err(field("the networks", "at most 256 of them"));
        }
        let mut names = std::collections::HashSet::new();
        for network in &rule.networks {
            let (name, blocks) = (network.name.trim(), &network.blocks);
            let named = (1..=NetworkRule::NAME_CHARACTERS_MAX).contains(&name.chars().count()) && name == network.name;
            if !named || name.chars().any(char::is_control) || !names.insert(name.to_lowercase()) {
                return Err(field("the network's name", "1 to 64 characters that no other network has"));
            }
            if !(1..=NetworkRule::BLOCKS_MAX).contains(&blocks.len()) || !blocks.iter().all(|block| is_block(block)) {
                return Err(field("the network's addresses", "1 to 64 blocks like 192.0.2.0/24 or 2001:db8::/32"));
            }
            let on_earth = network.at.is_none_or(|at| at.latitude.abs() <= 9_000 && at.longitude.abs() <= 18_000);
            if !on_earth || network.utc_minutes.is_some_and(|minutes| !(-12 * 60..=14 * 60).contains(&minutes)) {
                return Err(field(
                    "the network's place",
                    "latitude and longitude on earth, a time from -12:00 to +14:00",
                ));
            }
        }
        Ok(self.ask_for(caller, Change::NetworkRule { rule }, now)?.reply())
    }

    fn proposals_for(&self, caller: &Caller, open: bool, now: Instant) -> Proposals {
        let chosen: Vec<Proposal> = {
            let proposals = self.proposals.read().expect(HELD);
            proposals.newest_first().filter(|one| !open || one.is_open()).take(ROWS_MAX).cloned().collect()
        };
        let rows = chosen.iter().map(|proposal| self.row_of(proposal, caller)).collect();
        let (deciders, setting_up) = (self.deciders().len() as u32, self.is_setting_up(now));
        let proposals = self.proposals.read().expect(HELD);
        Proposals {
            rows,
            rule: proposals.rule(),
            break_glass: proposals.break_glass(),
            sharing: proposals.sharing(),
            networks: proposals.networks().clone(),
            deciders,
            one_person: proposals.one_person(),
            setting_up,
        }
    }

    pub(crate) fn proposal_row(&self, number: EntryNumber, caller: &Caller) -> Result<ProposalRow, Refusal> {
        let proposal = self.proposals.read().expect(HELD).get(number).cloned().ok_or(Refusal::NotFound)?;
        Ok(self.row_of(&proposal, caller))
    }

    fn row_of(&self, proposal: &Proposal, caller: &Caller) -> ProposalRow {
        let (may_approve, may_withdraw) = (self.may_approve(proposal, caller), self.may_withdraw(proposal, caller));
        let deciders = self.deciders_of(&proposal.change);
        let people = self.people.lock().expect(HELD);
        let names = words::names(&people, &proposal.change);
        let approved = policy::is_approved(
            &proposal.change,
            proposal.proposer(),
            &proposal.approvers(),
            &proposal.need,
            &deciders,
        );
        ProposalRow {
            proposal: proposal.number,
            change: serde_json::to_string(&proposal.change).expect("a change is JSON"),
            words: words::sentence(&names, &proposal.change),
            names,
            digest: self.digest_of(proposal),
            proposed: proposal.proposed,
            by: self.actor_name(&people, &proposal.by),
            need: proposal.need,
            earliest: if proposal.is_open() { proposal.earliest_with(&deciders) } else { proposal.earliest },
            expires: proposal.expires,
            approvals: proposal
                .approvals
                .iter()
                .map(|approval| ApprovalRow {
                    person: approval.person,
                    name: self.name_of(&people, model::Who::Person(approval.person)).0,
                    at: approval.at,
                    signed: approval.signed,
                })
                .collect(),
            state: match &proposal.state {
                State::Open if approved => ProposalState::Waiting,
                State::Open => ProposalState::Open,
                State::CarriedOut { at, standing } => ProposalState::CarriedOut { at: *at, standing: *standing },
                State::Ended { at, end, by, reason } => ProposalState::Ended {
                    at: *at,
                    end: *end,
                    by: self.actor_name(&people, by),
                    reason: reason.clone(),
                },
            },
            may_approve,
            may_withdraw,
        }
    }

    fn may_approve(&self, proposal: &Proposal, caller: &Caller) -> bool {
        let Some(person) = person_of(caller).filter(|_| proposal.is_open()) else { return false };
        let (proposer, approvers) = (proposal.proposer(), proposal.approvers());
        let deciders = self.deciders_of(&proposal.change);
        policy::may_approve(&proposal.change, proposer, &approvers, &proposal.need, person, &deciders).is_ok()
    }

    /// Who may approve may refuse, also after approving.
    pub(super) fn may_refuse(&self, proposal: &Proposal, caller: &Caller) -> bool {
        let Some(person) = person_of(caller).filter(|_| proposal.is_open()) else { return false };
        let deciders = self.deciders_of(&proposal.change);
        policy::may_approve(&proposal.change, proposal.proposer(), &[], &proposal.need, person, &deciders).is_ok()
    }

    pub(super) fn may_withdraw(&self, proposal: &Proposal, caller: &Caller) -> bool {
        let own = match (proposal.proposer(), person_of(caller)) {
            (Some(proposer), Some(person)) => proposer == person,
            (None, None) => caller.subject == policy::Subject::Owner,
            _ => false,
        };
        own && proposal.is_open()
    }
}
