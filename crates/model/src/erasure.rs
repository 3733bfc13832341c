//! What of an entry's content may be erased: words that people wrote, in entries on which nothing rests.
//!
//! What is left stands in the erasure's own entry: the same entry with [`ERASED`] in place of its words. So every number,
//! time and actor stays, and no fold of the ledger comes to another result.

use thiserror::Error;

use crate::{Change, EntryBody, LinkMade};

/// What stands in place of erased words.
pub const ERASED: &str = "(erased)";

/// Why an entry's content stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Kept {
    /// Who could reach or did reach what rests on it.
    #[error(
        "who could reach and who did reach what rests on this entry; it stays as long as that has to be answered for"
    )]
    Reach,
    /// A name, address or label by which entries are understood.
    #[error(
        "this entry says whom or what a number stands for; it stays as long as what was done under it has to be answered for"
    )]
    Name,
    /// How the site was guarded, and on whose word.
    #[error("this entry shows how the site was guarded and on whose word; it stays as long as that has to be shown")]
    Guard,
    /// It has no words.
    #[error("this entry holds numbers, times and fixed words only; there is nothing in it that somebody wrote")]
    NoWords,
    /// It is an erasure.
    #[error("this entry is what is left of an erased one")]
    Erasure,
    /// A later version wrote it.
    #[error("this entry is of a kind that another version of leadglass knows; use that version")]
    Unknown,
}

impl EntryBody {
    /// The entry without the words that people wrote, or why it stays whole. Every kind is named here: a new one has to say
    /// what of it may go.
    pub fn without_words(&self) -> Result<Self, Kept> {
        let mut left = self.clone();
        let words = match &mut left {
            Self::QuestionAsked { text, .. }
            | Self::QuestionAnswered { text, .. }
            | Self::IncidentOpened { title: text, .. }
            | Self::IncidentNoted { text, .. }
            | Self::IncidentClosed { text, .. }
            | Self::BreakGlassReviewed { note: text, .. }
            | Self::FindingAcknowledged { note: text, .. }
            | Self::BudgetLifted { note: text, .. }
            | Self::ProposalEnded { reason: text, .. }
            | Self::LinkMade(LinkMade { note: text, .. })
            | Self::WarmingRequested { reason: text, .. }
            | Self::WarmingRefused { reason: text, .. }
            | Self::Shredded { reason: text, .. } => text,
            Self::Proposed { proposed, .. } => match proposed.as_mut() {
                Change::Shred { reason, .. }
                | Change::EraseEntry { reason, .. }
                | Change::LiftBudget { note: reason, .. } => reason,
                _ => return Err(Kept::Guard),
            },
            Self::Erased { .. } => return Err(Kept::Erasure),
            Self::Unknown => return Err(Kept::Unknown),
            Self::Initialised { .. }
            | Self::OrganisationAdded { .. }
            | Self::PersonAdded { .. }
            | Self::PasskeyBound { .. }
            | Self::PasskeyRemoved { .. }
            | Self::DeviceAdded { .. }
            | Self::ProfessionalIdSet(_)
            | Self::FrontIntroduced { .. }
            | Self::ProfessionalIdChanged { .. }
            | Self::DiskHolds { .. } => return Err(Kept::Name),
            Self::MemberJoined { .. }
            | Self::MemberLeft { .. }
            | Self::RoleChanged { .. }
            | Self::PersonClosed { .. }
            | Self::AccountLapsed { .. }
            | Self::DeviceRemoved { .. }
            | Self::SignedIn { .. }
            | Self::SessionEnded { .. }
            | Self::Related { .. }
            | Self::RelationshipEnded { .. }
            | Self::PatientAdded { .. }
            | Self::Stored { .. }
            | Self::Moved { .. }
            | Self::Listed { .. }
            | Self::Opened { .. }
            | Self::BrokeGlass { .. }
            | Self::OrderTaken(_)
            | Self::OrderEnded(_)
            | Self::AppointmentMade(_)
            | Self::ConsentTold(_)
            | Self::PatientsMerged(_)
            | Self::LinkOpened(_)
            | Self::LinkLeft { .. }
            | Self::LinkEnded { .. }
            | Self::OpinionAsked(_)
            | Self::KeysFiled { .. } => return Err(Kept::Reach),
            Self::WardenStarted { .. }
            | Self::SignInRefused { .. }
            | Self::Refused { .. }
            | Self::ProofRefused(_)
            | Self::AssociationRefused(_)
            | Self::Approved { .. }
            | Self::CarriedOut { .. }
            | Self::ApprovalRuleSet { .. }
            | Self::BreakGlassRuleSet { .. }
            | Self::SharingRuleSet { .. }
            | Self::NetworkRuleSet { .. }
            | Self::DeviceTokenIssued { .. }
            | Self::LinkRefused(_)
            | Self::ColdHoldersSet { .. }
            | Self::UnsealMethodAdded(_)
            | Self::UnsealMethodRemoved { .. }
            | Self::RootRenewed(_)
            | Self::EscrowDrilled(_)
            | Self::FrontForgotten { .. }
            | Self::WitnessAdded { .. }
            | Self::WitnessRemoved { .. }
            | Self::SinkAdded { .. }
            | Self::SinkRemoved { .. }
            | Self::LossAccepted(_)
            | Self::FindingRaised { .. }
            | Self::LeakListsRead { .. }
            | Self::LeakedPasswordUsed { .. }
            | Self::AccountLocked { .. }
            | Self::OrderRuleSet { .. }
            | Self::AuthenticatorsSet(_)
            | Self::PasswordUntil(_)
            | Self::DelegateSet(_)
            | Self::AccountEnds(_)
            | Self::ResetVouched(_)
            | Self::BudgetSet { .. } => return Err(Kept::Guard),
            Self::EnrolmentIssued { .. }
            | Self::PasswordSet { .. }
            | Self::Confirmed { .. }
            | Self::ExposureReported(_)
            | Self::AccessesRead { .. }
            | Self::DeviceTokenRemoved { .. }
            | Self::BreakGlassMissed { .. }
            | Self::IncidentReport { .. }
            | Self::IncidentClock { .. }
            | Self::ColdRuleSet { .. }
            | Self::WentCold { .. }
            | Self::WarmingApproved { .. }
            | Self::WarmingEndorsed { .. }
            | Self::ColdSharesReleased { .. }
            | Self::ColdReclosed { .. }
            | Self::WarmingWithdrawn { .. }
            | Self::Warmed(_)
            | Self::WarmingEnded { .. }
            | Self::KeysRotated { .. }
            | Self::SnapshotTaken { .. }
            | Self::WindowExported { .. }
            | Self::Repeated { .. }
            | Self::OrderKept { .. }
            | Self::HoneyAdded { .. } => return Err(Kept::NoWords),
        };
        ERASED.clone_into(words);
        Ok(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EntryNumber, PatientNumber, Relationship, StudyNumber, Tier, What, Who, Window};

    #[test]
    fn words_go_and_everything_else_stays() {
        let asked = EntryBody::QuestionAsked {
            question: 3,
            patient: PatientNumber(7),
            access: Some(EntryNumber(12)),
            text: "why did my neighbour look".to_owned(),
        };
        let left = asked.without_words().expect("a question may go");
        let EntryBody::QuestionAsked { question: 3, patient: PatientNumber(7), access: Some(EntryNumber(12)), text } =
            left
        else {
            panic!("the same question without its text")
        };
        assert_eq!(text, ERASED);
    }

    #[test]
    fn what_reach_rests_on_stays_and_so_does_an_erasure() {
        let relationship = Relationship {
            who: Who::Person(crate::PersonId(1)),
            what: What::Study(StudyNumber(1)),
            tier: Tier::Open,
            window: Window { from: crate::Instant(0), to: crate::Instant(1) },
            basis: "referral".to_owned(),
            entry: EntryNumber(4),
        };
        assert_eq!(EntryBody::Related { relationship }.without_words(), Err(Kept::Reach));
        let opened = EntryBody::Opened {
            patient: PatientNumber(1),
            study: StudyNumber(1),
            scope: crate::OpenScope::Images,
            lease_until: crate::Instant(1),
        };
        assert_eq!(opened.without_words(), Err(Kept::Reach));
        let left = crate::Entry { version: 1, recorded: crate::Instant(1), actor: crate::Actor::Owner, body: opened };
        let erased = EntryBody::Erased { entry: EntryNumber(1), left: Box::new(left) };
        assert_eq!(erased.without_words(), Err(Kept::Erasure));
    }
}
