//! What a page or a command asks.

use dpop::Thumbprint;
use model::{Authorisation, DeviceId, DeviceMay, EntryNumber, Instant, PersonId, Role, SessionId, Tier, Uid, Window};
use serde::{Deserialize, Serialize};

use crate::TokenBinding;

/// Everything else that a page or a command asks.
#[derive(Clone, Serialize, Deserialize)]
pub enum PageRequest {
    /// Who am I.
    Me,
    /// A challenge for one act that wants a fresh touch.
    FreshBegin {
        /// What [`act_of`](crate::act_of) gives for the request that does it, as base64url.
        act: Thumbprint,
    },
    /// That the person is there and reads on, after a budget asked for it: wants a fresh touch, and does nothing else.
    StillHere,
    /// My sessions, or with `person` somebody else's (officer).
    Sessions {
        /// Whose; `None` is the caller's own.
        person: Option<PersonId>,
    },
    /// Everybody's sessions and every device's token in one list (officer).
    SignedIn,
    /// End a device's token (officer).
    EndDeviceToken {
        /// Whose.
        device: DeviceId,
    },
    /// Give a device a new token in the place of the one that it has (administrator, owner).
    RotateToken {
        /// The device's name.
        name: String,
        /// When the new one ends; a year from now where nothing is said.
        until: Option<Instant>,
    },
    /// End a session: one's own, or anybody's (officer).
    EndSession {
        /// Which.
        session: SessionId,
    },
    /// All people (administrator, officer, owner).
    People,
    /// All organisations (administrator, officer, owner).
    Organisations,
    /// All devices (administrator, officer, owner).
    Devices,
    /// Add an organisation.
    AddOrganisation {
        /// Name.
        name: String,
        /// Which authenticators it accepts.
        authorisation: Authorisation,
    },
    /// Add a person and issue an enrolment link.
    AddPerson {
        /// E-mail address.
        email: String,
        /// Name.
        name: String,
        /// Role.
        role: Role,
        /// Organisation's name.
        organisation: String,
        /// Whether this person may use a password and code (turns the organisation's setting on for them).
        password_and_code: bool,
        /// For a patient: `ISSUER/ID` of their own record, which gives the relationship of being the patient.
        own_record: Option<String>,
    },
    /// Issue a new enrolment link; older ones stop working.
    IssueEnrolment {
        /// Whose.
        email: String,
    },
    /// Add a device.
    AddDevice {
        /// Name.
        name: String,
        /// Organisation's name.
        organisation: String,
        /// What it may do.
        may: Vec<DeviceMay>,
        /// AE title.
        ae_title: Option<String>,
        /// Addresses as CIDR.
        from: Vec<String>,
        /// Whether to make a bearer token.
        token: bool,
        /// What the token is bound to.
        bound: Option<TokenBinding>,
        /// When the token ends; a year from now where nothing is said.
        token_until: Option<Instant>,
    },
    /// Make a relationship.
    Relate {
        /// `person:EMAIL`, `org:NAME`, `device:NAME`.
        who: String,
        /// `patient:ISSUER/ID`, `study:UID`, `site`.
        whom: String,
        /// How far.
        tier: Tier,
        /// From when.
        from: Instant,
        /// Until when.
        until: Instant,
        /// Why.
        basis: String,
    },
    /// End relationships between the two at `until`.
    Unrelate {
        /// As in `Relate`.
        who: String,
        /// As in `Relate`.
        whom: String,
        /// When.
        until: Instant,
    },
    /// Move a study to another patient (officer, administrator, owner).
    MoveStudy {
        /// The study.
        study: Uid,
        /// `ISSUER/ID` of the right patient.
        patient: String,
        /// Why.
        reason: String,
    },
    /// The UID of a study, for a page that knows its number (whoever may list it, or move studies).
    StudyUid {
        /// The number.
        study: model::StudyNumber,
    },
    /// The patient's own studies (patient).
    MyStudies,
    /// Who looked at the patient's images (patient).
    MyAccesses,
    /// Ledger entries, newest last (officer, owner).
    Entries {
        /// First entry wanted.
        from: EntryNumber,
        /// How many, at most 500.
        limit: u32,
    },
    /// The signed checkpoint (officer, owner).
    Checkpoint,
    /// The exposure report (officer, owner).
    Exposure {
        /// `person:EMAIL`, `org:NAME`, `device:NAME`, `session:ID`, `key:ID`, `disk:ID`, `link:ID`.
        who: String,
        /// Over which time.
        window: Window,
    },
    /// The same, signed, to be handed out (officer, owner).
    SignedExposure {
        /// As in `Exposure`.
        who: String,
        /// Over which time.
        window: Window,
        /// The incident that it belongs to.
        incident: Option<u32>,
    },
    /// All incidents (officer, owner).
    Incidents,
    /// One incident (officer, owner).
    Incident {
        /// Its number.
        incident: u32,
    },
    /// Open an incident (officer, owner).
    OpenIncident {
        /// What happened.
        title: String,
        /// What it is about, as in `Exposure`.
        about: Vec<String>,
        /// Over which time.
        window: Window,
        /// When somebody became aware; not in the future.
        aware: Instant,
    },
    /// Do something about an incident (officer, owner).
    ChangeIncident {
        /// Its number.
        incident: u32,
        /// What.
        change: crate::IncidentChange,
    },
    /// Questions of patients (officer, owner).
    Questions,
    /// Answer a question (officer).
    AnswerQuestion {
        /// Its number.
        question: u32,
        /// The answer.
        text: String,
    },
    /// The patient's own questions (patient).
    MyQuestions,
    /// Ask about who looked (patient).
    AskQuestion {
        /// The line of 'who looked' that it is about.
        access: Option<EntryNumber>,
        /// The question.
        text: String,
    },
    /// A disk holds parts of this installation (owner).
    DiskHolds {
        /// Which.
        disk: model::DiskId,
        /// UUID of its filesystem.
        filesystem: String,
        /// Which parts.
        holds: Vec<model::DiskPart>,
        /// The disk that they lay on before.
        instead_of: Option<model::DiskId>,
    },
    /// Cold studies, rotation, shredding.
    Cold(crate::ColdAsk),
    /// Have the ledger's checkpoints cosigned by a witness from now on, or no more when it has no vkeys (owner).
    SetWitness {
        /// Its submission prefix.
        url: String,
        /// Its vkeys.
        vkeys: Vec<String>,
    },
    /// What an auditor is given to fold a window again (owner).
    ExportWindow(crate::WindowRequest),
    /// Have every entry go to a second folder too, or no more (owner).
    SetSink {
        /// Its place, an absolute path on the warden's machine.
        path: String,
        /// Whether from now on, or no more.
        on: bool,
    },
    /// Unusual reading that was found, newest first (officer, owner).
    Findings,
    /// Say that a finding was looked at (officer, owner).
    AcknowledgeFinding {
        /// The finding's entry.
        finding: EntryNumber,
        /// What was seen.
        note: String,
    },
    /// Somebody's volume and limits (officer, owner).
    Budget {
        /// `person:EMAIL`, `org:NAME`, `device:NAME`, `site`.
        whose: String,
    },
    /// Lift what stopped or slowed somebody (officer, owner).
    LiftBudget {
        /// As in `Budget`.
        whose: String,
        /// Why.
        note: String,
    },
    /// Set ceilings by hand (officer, owner).
    SetBudget {
        /// As in `Budget`.
        whose: String,
        /// The ceilings.
        ceilings: model::Ceilings,
    },
    /// Make synthetic patients whom nobody has a reason to read (officer, owner).
    AddHoney {
        /// How many, at most 100.
        count: u32,
    },
    /// The honey patients (officer, owner).
    Honey,
    /// Wait until the outbox is handed over up to here, for commands that relate right after an import (owner).
    Health,
    /// Take a consistent snapshot of the warden's files into a folder that the caller names (owner; `vault sync`).
    Snapshot {
        /// The folder, on the warden's machine.
        into: String,
    },
    /// Fronts on other machines (owner).
    Fronts(crate::FrontRequest),
    /// Changes that wait for a second person.
    Approvals(crate::ApprovalRequest),
    /// Accounts: rights, ends, colleagues, authenticators.
    Accounts(crate::AccountsRequest),
    /// What ends.
    Removals(crate::RemovalRequest),
    /// Emergencies.
    BreakGlass(crate::BreakGlassRequest),
    /// Share links.
    Links(crate::LinkRequest),
    /// Second opinions.
    Opinions(crate::OpinionRequest),
    /// Unseal methods (owner).
    Unseal(crate::UnsealRequest),
    /// Logins that stand in a dump (owner).
    Leaks(crate::LeakRequest),
    /// Orders: their rule, what came, what is kept for repair.
    Orders(crate::OrdersRequest),
}

impl std::fmt::Debug for PageRequest {
    /// The kind only: a request may name a patient.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Me => "Me",
            Self::FreshBegin { .. } => "FreshBegin",
            Self::StillHere => "StillHere",
            Self::Sessions { .. } => "Sessions",
            Self::SignedIn => "SignedIn",
            Self::EndDeviceToken { .. } => "EndDeviceToken",
            Self::RotateToken { .. } => "RotateToken",
            Self::EndSession { .. } => "EndSession",
            Self::People => "People",
            Self::Organisations => "Organisations",
            Self::Devices => "Devices",
            Self::AddOrganisation { .. } => "AddOrganisation",
            Self::AddPerson { .. } => "AddPerson",
            Self::IssueEnrolment { .. } => "IssueEnrolment",
            Self::AddDevice { .. } => "AddDevice",
            Self::Relate { .. } => "Relate",
            Self::Unrelate { .. } => "Unrelate",
            Self::MoveStudy { .. } => "MoveStudy",
            Self::StudyUid { .. } => "StudyUid",
            Self::MyStudies => "MyStudies",
            Self::MyAccesses => "MyAccesses",
            Self::Entries { .. } => "Entries",
            Self::Checkpoint => "Checkpoint",
            Self::Exposure { .. } => "Exposure",
            Self::SignedExposure { .. } => "SignedExposure",
            Self::Incidents => "Incidents",
            Self::Incident { .. } => "Incident",
            Self::OpenIncident { .. } => "OpenIncident",
            Self::ChangeIncident { .. } => "ChangeIncident",
            Self::Questions => "Questions",
            Self::AnswerQuestion { .. } => "AnswerQuestion",
            Self::MyQuestions => "MyQuestions",
            Self::AskQuestion { .. } => "AskQuestion",
            Self::DiskHolds { .. } => "DiskHolds",
            Self::Cold(_) => "Cold",
            Self::SetWitness { .. } => "SetWitness",
            Self::SetSink { .. } => "SetSink",
            Self::ExportWindow(_) => "ExportWindow",
            Self::Findings => "Findings",
            Self::AcknowledgeFinding { .. } => "AcknowledgeFinding",
            Self::Budget { .. } => "Budget",
            Self::LiftBudget { .. } => "LiftBudget",
            Self::SetBudget { .. } => "SetBudget",
            Self::AddHoney { .. } => "AddHoney",
            Self::Honey => "Honey",
            Self::Health => "Health",
            Self::Snapshot { .. } => "Snapshot",
            Self::Fronts(_) => "Fronts",
            Self::Approvals(_) => "Approvals",
            Self::Accounts(_) => "Accounts",
            Self::Removals(_) => "Removals",
            Self::BreakGlass(_) => "BreakGlass",
            Self::Links(_) => "Links",
            Self::Opinions(_) => "Opinions",
            Self::Unseal(_) => "Unseal",
            Self::Leaks(_) => "Leaks",
            Self::Orders(_) => "Orders",
        })
    }
}
