//! What the warden answers to a page or a command.

use model::{DeviceId, EntryNumber, Instant, PersonId, Uid};
use serde::{Deserialize, Serialize};

use super::{
    Accesses, DeviceRow, ExposureReport, Health, Me, NumberedEntry, OrganisationRow, PersonRow, SessionRow,
    SignedInRows,
};
use crate::{PatientRow, StudyRow};

/// The answer.
#[derive(Clone, Serialize, Deserialize)]
pub enum PageReply {
    /// Done.
    Done,
    /// Who is signed in.
    Me(Me),
    /// A challenge for one act.
    FreshChallenge {
        /// Names this ceremony in [`Fresh`](crate::Fresh).
        ceremony: String,
        /// `{"publicKey": ...}` for `navigator.credentials.get`, as JSON; `None` where the person has no passkey and types
        /// password and code instead.
        options: Option<String>,
        /// The challenge is SHA-256 of these 32 bytes, the thumbprint of the browser's key and the act's digest.
        nonce: String,
        /// Whether a password with a new code serves too.
        password: bool,
    },
    /// Sessions.
    Sessions(Vec<SessionRow>),
    /// People.
    People(Vec<PersonRow>),
    /// Organisations.
    Organisations(Vec<OrganisationRow>),
    /// Devices.
    Devices(Vec<DeviceRow>),
    /// An enrolment link's token.
    EnrolmentLink {
        /// For whom.
        person: PersonId,
        /// Token; the link is `/enrol#TOKEN`, so that it never reaches a server's log.
        token: String,
        /// The whole link as an SVG QR code.
        qr_svg: String,
        /// Until when it works.
        until: Instant,
    },
    /// A device was added.
    DeviceAdded {
        /// Which.
        device: DeviceId,
        /// Its bearer token, shown once.
        token: Option<String>,
        /// When the token ends.
        token_until: Option<Instant>,
    },
    /// A device has a new token.
    TokenRotated {
        /// The new token, shown once.
        token: String,
        /// When it ends.
        until: Instant,
        /// Until when the one before works, unless the new one is used earlier; nothing where it had ended.
        before_until: Option<Instant>,
    },
    /// Sessions and tokens.
    SignedIn(Box<SignedInRows>),
    /// A relationship was made or ended.
    Related {
        /// The entry.
        entry: EntryNumber,
    },
    /// The UID of a study.
    StudyUid(Uid),
    /// Studies of the patient.
    MyStudies(Vec<StudyRow>),
    /// Who looked.
    MyAccesses(Box<Accesses>),
    /// Entries.
    Entries {
        /// The entries from the wanted one on.
        entries: Vec<NumberedEntry>,
        /// How many there are in all.
        size: u64,
    },
    /// The checkpoint, a signed note.
    Checkpoint(String),
    /// The report.
    Exposure(Box<ExposureReport>),
    /// The signed report.
    SignedExposure(Box<crate::SignedReport>),
    /// All incidents, the newest first.
    Incidents(Vec<crate::IncidentRow>),
    /// One incident.
    Incident(Box<crate::IncidentDetail>),
    /// Questions, those that wait first.
    Questions(Vec<crate::QuestionRow>),
    /// Cold studies, rotation, shredding.
    Cold(crate::ColdReply),
    /// Findings.
    Findings(Vec<crate::FindingRow>),
    /// Volume and limits.
    Budget(Box<crate::BudgetReport>),
    /// Honey patients.
    Honey(Vec<PatientRow>),
    /// How the warden is.
    Health(Health),
    /// A change was not made: it waits for a second person, or for its time.
    Proposed(Box<crate::ProposalRow>),
    /// Changes that wait.
    Proposals(Box<crate::Proposals>),
    /// Who else works in the caller's organisations.
    Colleagues(Vec<crate::ColleagueRow>),
    /// What a census found.
    Census(Box<crate::CensusReport>),
    /// Passkeys.
    Passkeys(Vec<crate::PasskeyRow>),
    /// What the form says before the glass is broken.
    BreakGlassTerms(crate::BreakGlassTerms),
    /// The glass is broken.
    BrokenGlass(crate::BrokenGlass),
    /// Every use.
    BreakGlassUses(Box<crate::BreakGlassUses>),
    /// One use.
    BreakGlassUse(Box<crate::UseDetail>),
    /// A share link was made.
    LinkMade(Box<crate::MadeLink>),
    /// Share links.
    Links(Box<crate::Links>),
    /// Links that were ended.
    LinksEnded(Vec<model::LinkId>),
    /// What an open link shows.
    Shared(Box<crate::SharedStudy>),
    /// Second opinions.
    Opinions(Vec<crate::OpinionRow>),
    /// Who may be asked for one.
    Askable(Vec<crate::AskableRow>),
    /// Unseal methods.
    Unseal(crate::UnsealReply),
    /// Logins that stand in a dump.
    Leaks(Box<crate::LeakReply>),
    /// Lines of a window's file.
    Window {
        /// The lines.
        lines: Vec<String>,
        /// Where to go on, when there is more.
        next: Option<EntryNumber>,
    },
    /// Orders.
    Orders(crate::OrdersReply),
}

impl std::fmt::Debug for PageReply {
    /// The kind only: an answer may hold a token or name a patient.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Done => "Done",
            Self::Leaks(_) => "Leaks",
            Self::Me(_) => "Me",
            Self::FreshChallenge { .. } => "FreshChallenge",
            Self::Sessions(_) => "Sessions",
            Self::TokenRotated { .. } => "TokenRotated",
            Self::SignedIn(_) => "SignedIn",
            Self::People(_) => "People",
            Self::Organisations(_) => "Organisations",
            Self::Devices(_) => "Devices",
            Self::EnrolmentLink { .. } => "EnrolmentLink",
            Self::DeviceAdded { .. } => "DeviceAdded",
            Self::Related { .. } => "Related",
            Self::StudyUid(_) => "StudyUid",
            Self::MyStudies(_) => "MyStudies",
            Self::MyAccesses(_) => "MyAccesses",
            Self::Entries { .. } => "Entries",
            Self::Checkpoint(_) => "Checkpoint",
            Self::Exposure(_) => "Exposure",
            Self::SignedExposure(_) => "SignedExposure",
            Self::Incidents(_) => "Incidents",
            Self::Incident(_) => "Incident",
            Self::Questions(_) => "Questions",
            Self::Cold(_) => "Cold",
            Self::Findings(_) => "Findings",
            Self::Budget(_) => "Budget",
            Self::Honey(_) => "Honey",
            Self::Health(_) => "Health",
            Self::Proposed(_) => "Proposed",
            Self::Proposals(_) => "Proposals",
            Self::Colleagues(_) => "Colleagues",
            Self::Census(_) => "Census",
            Self::Passkeys(_) => "Passkeys",
            Self::BreakGlassTerms(_) => "BreakGlassTerms",
            Self::BrokenGlass(_) => "BrokenGlass",
            Self::BreakGlassUses(_) => "BreakGlassUses",
            Self::BreakGlassUse(_) => "BreakGlassUse",
            Self::LinkMade(_) => "LinkMade",
            Self::Links(_) => "Links",
            Self::LinksEnded(_) => "LinksEnded",
            Self::Shared(_) => "Shared",
            Self::Opinions(_) => "Opinions",
            Self::Askable(_) => "Askable",
            Self::Unseal(_) => "Unseal",
            Self::Window { .. } => "Window",
            Self::Orders(_) => "Orders",
        })
    }
}
