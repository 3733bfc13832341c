//! Proposals of changes that wait for a second person and a delay.

use model::{
    ApprovalRule, BreakGlassRule, EntryNumber, Instant, Need, NetworkRule, PersonId, ProposalEnd, Role, SharingRule,
    Standing,
};
use serde::{Deserialize, Serialize};

/// The longest reason, in characters.
pub const REASON_CHARACTERS_MAX: usize = 200;
/// The most proposals that are open at one time.
pub const PROPOSALS_OPEN_MAX: usize = 200;

/// What is asked about proposals.
#[derive(Clone, Serialize, Deserialize)]
pub enum ApprovalRequest {
    /// Every proposal, newest first; with `open` only those that are open.
    List {
        /// Only those that are open.
        open: bool,
    },
    /// One.
    One {
        /// Its number.
        proposal: EntryNumber,
    },
    /// Propose that a person gets another role.
    Role {
        /// Whose.
        email: String,
        /// The role.
        role: Role,
    },
    /// Propose another rule about changes that wait.
    Rule {
        /// The rule.
        rule: ApprovalRule,
    },
    /// Propose another rule about break-glass.
    BreakGlassRule {
        /// The rule.
        rule: BreakGlassRule,
    },
    /// Propose another rule about who may share studies.
    SharingRule {
        /// The rule.
        rule: SharingRule,
    },
    /// Propose which networks are at which places.
    NetworkRule {
        /// The rule.
        rule: NetworkRule,
    },
    /// Propose that the words of an entry are erased (owner).
    Erase {
        /// The entry.
        entry: EntryNumber,
        /// Why.
        reason: String,
    },
    /// Approve a proposal.
    Approve {
        /// Which.
        proposal: EntryNumber,
        /// The digest of the exact change, as it was shown, in hexadecimal.
        digest: String,
    },
    /// Refuse a proposal.
    Refuse {
        /// Which.
        proposal: EntryNumber,
        /// Why.
        reason: String,
    },
    /// Take one's own proposal back.
    Withdraw {
        /// Which.
        proposal: EntryNumber,
    },
}

/// The proposals and what stands around them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Proposals {
    /// The proposals, newest first.
    pub rows: Vec<ProposalRow>,
    /// The rule of this site.
    pub rule: ApprovalRule,
    /// How long break-glass lasts.
    pub break_glass: BreakGlassRule,
    /// Who may share studies.
    pub sharing: SharingRule,
    /// Which networks are at which places.
    pub networks: NetworkRule,
    /// How many persons may decide: enrolled officers and administrators.
    pub deciders: u32,
    /// How many changes were carried out on the word of one person.
    pub one_person: u32,
    /// Whether the site is still being set up: changes take effect at once.
    pub setting_up: bool,
}

/// One proposal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProposalRow {
    /// Its number, the entry that made it.
    pub proposal: EntryNumber,
    /// The exact change as JSON (`model::Change`).
    pub change: String,
    /// Names for the numbers in it: `person:7` → name and address, `organisation:2` → name, and so on.
    pub names: Vec<(String, String)>,
    /// The change in one English sentence.
    pub words: String,
    /// SHA-256 of the exact change, in hexadecimal.
    pub digest: String,
    /// When.
    pub proposed: Instant,
    /// By whom.
    pub by: String,
    /// What it needs.
    pub need: Need,
    /// Not carried out before.
    pub earliest: Instant,
    /// Ends by itself then.
    pub expires: Instant,
    /// Who approved it.
    pub approvals: Vec<ApprovalRow>,
    /// Where it stands.
    pub state: ProposalState,
    /// Whether whoever asks may approve or refuse it.
    pub may_approve: bool,
    /// Whether whoever asks may take it back.
    pub may_withdraw: bool,
}

/// One approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRow {
    /// Who.
    pub person: PersonId,
    /// Their name.
    pub name: String,
    /// When.
    pub at: Instant,
    /// Whether a passkey signed it; the ledger holds the signature then.
    pub signed: bool,
}

/// Where a proposal stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProposalState {
    /// It lacks approvals.
    Open,
    /// It is approved and waits for its time.
    Waiting,
    /// It was carried out.
    CarriedOut {
        /// When.
        at: Instant,
        /// On whose word.
        standing: Standing,
    },
    /// It ended.
    Ended {
        /// When.
        at: Instant,
        /// How.
        end: ProposalEnd,
        /// By whom.
        by: String,
        /// Why.
        reason: String,
    },
}
