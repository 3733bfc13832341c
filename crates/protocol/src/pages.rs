//! Signing in, and everything else that pages and commands ask.

use dpop::Thumbprint;
use model::{
    Authorisation, DeviceId, DeviceMay, Entry, EntryNumber, Instant, OrganisationId, Origin, PersonId, Role, SessionId,
    SignInMethod, Tier, Uid, Window,
};
use serde::{Deserialize, Serialize};

use crate::{PatientRow, Proof, StudyRow, TokenBinding};

/// One step of signing in or enrolling. WebAuthn structures travel as the JSON that the browser makes and takes.
#[derive(Clone, Serialize, Deserialize)]
pub enum SignInRequest {
    /// Start a discoverable passkey sign-in.
    PasskeyBegin {
        /// The browser's key: the challenge names it, and the session is bound to it.
        key: Thumbprint,
    },
    /// Finish it.
    PasskeyFinish {
        /// From [`SignInReply::Ceremony`].
        ceremony: String,
        /// `PublicKeyCredential` as JSON.
        credential: String,
        /// What the browser calls itself, shown in the list of sessions.
        user_agent: String,
    },
    /// Sign in with a password and a one-time code, or a recovery code in its place.
    Password {
        /// E-mail address.
        email: String,
        /// Password.
        password: String,
        /// Six digits, or a recovery code.
        code: String,
        /// What the browser calls itself.
        user_agent: String,
        /// Shows that the browser holds the key that the session will be bound to.
        proof: Box<Proof>,
    },
    /// What an enrolment link is for.
    EnrolmentLook {
        /// The token in the link.
        token: String,
    },
    /// Start binding a passkey.
    EnrolPasskeyBegin {
        /// The token in the link.
        token: String,
        /// The browser's key: the challenge names it.
        key: Thumbprint,
    },
    /// Finish binding a passkey. The link is used up.
    EnrolPasskeyFinish {
        /// The token in the link.
        token: String,
        /// From [`SignInReply::Ceremony`].
        ceremony: String,
        /// `PublicKeyCredential` as JSON.
        credential: String,
        /// What the person calls this passkey.
        label: String,
    },
    /// Set a password, where the organisation allows it; answers with the one-time-code secret to confirm.
    EnrolPasswordBegin {
        /// The token in the link.
        token: String,
        /// The new password.
        password: String,
    },
    /// Confirm with a code of the moment. The link is used up; recovery codes are shown once.
    EnrolPasswordFinish {
        /// The token in the link.
        token: String,
        /// From [`SignInReply::OneTimeCodeSecret`].
        ceremony: String,
        /// Six digits.
        code: String,
    },
    /// How strong a password would be. Nothing is kept.
    PasswordEstimate {
        /// The token of an enrolment link.
        token: String,
        /// The password.
        password: String,
    },
    /// End this session.
    SignOut {
        /// The session's token.
        token: String,
    },
}

impl std::fmt::Debug for SignInRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignInRequest(..)")
    }
}

/// The answer to one step.
#[derive(Clone, Serialize, Deserialize)]
pub enum SignInReply {
    /// What the browser's `navigator.credentials` call takes, as JSON.
    Ceremony {
        /// Names this ceremony in the next step.
        ceremony: String,
        /// `PublicKeyCredentialCreationOptions` or `...RequestOptions` wrapped in `publicKey`, as JSON.
        options: String,
        /// The challenge is SHA-256 of these 32 bytes and the thumbprint of the browser's key; the page computes it too.
        nonce: String,
    },
    /// Signed in.
    SignedIn {
        /// The token for the cookie.
        token: String,
        /// Who and until when.
        me: Me,
    },
    /// Whom an enrolment link is for.
    Enrolment(EnrolmentFor),
    /// The secret for an authenticator app.
    OneTimeCodeSecret {
        /// Names this ceremony in the next step.
        ceremony: String,
        /// `otpauth://` URI (shown as QR).
        uri: String,
        /// The URI as an SVG QR code.
        qr_svg: String,
        /// The secret in Base32, to type.
        secret: String,
    },
    /// Enrolled. Recovery codes are shown once, when a password was set.
    Enrolled {
        /// Recovery codes.
        recovery_codes: Vec<String>,
    },
    /// How strong a password would be.
    Estimate(PasswordEstimate),
    /// Done.
    Done,
}

impl std::fmt::Debug for SignInReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignInReply(..)")
    }
}

/// Whom an enrolment link is for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EnrolmentFor {
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Role.
    pub role: Role,
    /// Whether a password and code may be set.
    pub password_allowed: bool,
    /// Until when the link works.
    pub until: Instant,
}

/// How strong a password would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordEstimate {
    /// Whether it would be accepted.
    pub accepted: bool,
    /// 0 (guessed at once) to 4 (very hard to guess).
    pub score: u8,
    /// Fixed words for why: `too-short`, `too-long`, `common`, `context`, `guessable`, `fine`, and zxcvbn's hints.
    pub reasons: Vec<String>,
}

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// Number.
    pub person: PersonId,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Role.
    pub role: Role,
    /// Organisations by name.
    pub organisations: Vec<String>,
    /// This session.
    pub session: SessionId,
    /// When it ends if nothing is done.
    pub idle_until: Instant,
    /// When it ends at the latest.
    pub absolute_until: Instant,
    /// How many recovery codes are left.
    pub recovery_codes_left: u32,
    /// Name of the site.
    pub site: String,
}

/// Everything else that a page or a command asks.
#[derive(Clone, Serialize, Deserialize)]
pub enum PageRequest {
    /// Who am I.
    Me,
    /// A challenge for one act that wants a fresh touch.
    FreshBegin {
        /// What [`act_digest`](dpop::act_digest) gives for the act, as base64url.
        act: Thumbprint,
    },
    /// My sessions, or with `person` somebody else's (officer).
    Sessions {
        /// Whose; `None` is the caller's own.
        person: Option<PersonId>,
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
        /// `person:EMAIL`, `org:NAME`, `device:NAME`, `session:ID`, `key:ID`, `disk:ID`.
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
    /// What an auditor is given to fold a window again, a piece at a time (owner).
    ExportWindow {
        /// Which window.
        window: Window,
        /// From which entry on; the first piece begins at 0 and holds the keys.
        from: EntryNumber,
    },
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
    /// What ends.
    Removals(crate::RemovalRequest),
    /// Emergencies.
    BreakGlass(crate::BreakGlassRequest),
    /// Unseal methods (owner).
    Unseal(crate::UnsealRequest),
}

impl std::fmt::Debug for PageRequest {
    /// The kind only: a request may name a patient.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Me => "Me",
            Self::FreshBegin { .. } => "FreshBegin",
            Self::Sessions { .. } => "Sessions",
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
            Self::ExportWindow { .. } => "ExportWindow",
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
            Self::Removals(_) => "Removals",
            Self::BreakGlass(_) => "BreakGlass",
            Self::Unseal(_) => "Unseal",
        })
    }
}

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
    },
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
    /// Unseal methods.
    Unseal(crate::UnsealReply),
    /// Lines of a window's file.
    Window {
        /// The lines.
        lines: Vec<String>,
        /// Where to go on, when there is more.
        next: Option<EntryNumber>,
    },
}

impl std::fmt::Debug for PageReply {
    /// The kind only: an answer may hold a token or name a patient.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Done => "Done",
            Self::Me(_) => "Me",
            Self::FreshChallenge { .. } => "FreshChallenge",
            Self::Sessions(_) => "Sessions",
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
            Self::Passkeys(_) => "Passkeys",
            Self::BreakGlassTerms(_) => "BreakGlassTerms",
            Self::BrokenGlass(_) => "BrokenGlass",
            Self::BreakGlassUses(_) => "BreakGlassUses",
            Self::BreakGlassUse(_) => "BreakGlassUse",
            Self::Unseal(_) => "Unseal",
            Self::Window { .. } => "Window",
        })
    }
}

/// How the warden is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Health {
    /// Entries in the ledger.
    pub entries: u64,
    /// Patients.
    pub patients: u64,
    /// Studies.
    pub studies: u64,
    /// Last outbox record taken.
    pub outbox_sequence: u64,
    /// Instances that were dropped because identical bytes were there.
    pub duplicates: u64,
    /// The folders that entries go to, the ledger's own first.
    pub sinks: Vec<SinkRow>,
    /// What keeps the warden from releasing anything, in a sentence.
    pub withheld: Option<String>,
}

/// How one of the ledger's folders is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkRow {
    /// The folder.
    pub folder: String,
    /// Why nothing is written there now, if so.
    pub away: Option<String>,
    /// Entries that it lacks.
    pub behind: u64,
}

/// One session in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// Which.
    pub session: SessionId,
    /// Whose.
    pub person: PersonId,
    /// Since when.
    pub since: Instant,
    /// Last use.
    pub last_used: Instant,
    /// From where.
    pub origin: Origin,
    /// What the browser calls itself.
    pub user_agent: String,
    /// How.
    pub method: SignInMethod,
    /// Whether it is the caller's.
    pub current: bool,
}

/// One person in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRow {
    /// Number.
    pub person: PersonId,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Role.
    pub role: Role,
    /// Organisations by name.
    pub organisations: Vec<String>,
    /// Passkeys bound.
    pub passkeys: u32,
    /// Whether a password is set.
    pub password: bool,
    /// Last sign-in.
    pub last_sign_in: Option<Instant>,
    /// When the account was closed.
    pub closed: Option<Instant>,
}

/// One organisation in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganisationRow {
    /// Number.
    pub organisation: OrganisationId,
    /// Name.
    pub name: String,
    /// Which authenticators it accepts.
    pub authorisation: Authorisation,
    /// Members.
    pub members: u32,
}

/// One device in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRow {
    /// Number.
    pub device: DeviceId,
    /// Name.
    pub name: String,
    /// Organisation's name.
    pub organisation: String,
    /// AE title.
    pub ae_title: Option<String>,
    /// Addresses.
    pub from: Vec<String>,
    /// What it may do.
    pub may: Vec<DeviceMay>,
    /// Whether it has a bearer token.
    pub token: bool,
    /// What the token is bound to.
    pub bound: Option<TokenBinding>,
}

/// One entry with its number and the names behind its numbers, for the officer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NumberedEntry {
    /// Number.
    pub number: EntryNumber,
    /// The entry as JSON (`model::Entry`), exactly as it was recorded.
    pub entry: String,
    /// Who did it, in words ("Dr. A. Example", "device CT1", "owner").
    pub actor_name: String,
}

impl NumberedEntry {
    /// The entry, parsed.
    pub fn parse(&self) -> Result<Entry, serde_json::Error> {
        serde_json::from_str(&self.entry)
    }
}

/// One line of 'who looked at my images'.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRow {
    /// The entry.
    pub entry: EntryNumber,
    /// When.
    pub at: Instant,
    /// Name of the person or device.
    pub who: String,
    /// Role, for a person.
    pub role: Option<Role>,
    /// Organisations by name.
    pub organisations: Vec<String>,
    /// Why they may: the relationship's basis.
    pub basis: String,
    /// Whether images were opened, or only listed.
    pub opened: bool,
    /// Whether a study was filed under another patient: nobody looked.
    pub moved: bool,
    /// Whether it is a device.
    pub device: bool,
    /// How often: lists of one reader on one day are one line, which names the newest.
    pub times: u32,
    /// Which studies: description and date, in the patient's own list.
    pub studies: Vec<Uid>,
}

/// Who looked at a patient's images.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accesses {
    /// The newest first. Every opening, emergency and move stands here; of lists the newest.
    pub rows: Vec<AccessRow>,
    /// Whether older lists were left out.
    pub truncated: bool,
}

/// A number of patients and studies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Patients.
    pub patients: u64,
    /// Studies.
    pub studies: u64,
}

/// What could be reached, what was listed and what was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExposureReport {
    /// About whom, as asked.
    pub who: String,
    /// Over which time.
    pub window: Window,
    /// What a relationship granted at some instant of the window.
    pub reachable: Count,
    /// What was listed, leases included.
    pub listed: Count,
    /// What was opened, leases included.
    pub opened: Count,
    /// What of it a lease still covered at the window's end.
    pub unexpired: Count,
    /// About whom or what, in names and dates.
    pub about: crate::AboutFacts,
    /// The patients, opened ones first; at most [`EXPOSURE_PATIENTS_MAX`] rows, `truncated` says whether there are more.
    pub patients: Vec<ExposedPatient>,
    /// Whether rows are missing (counts never are).
    pub truncated: bool,
    /// The window cut into equal parts, for the plot.
    pub timeline: Vec<TimelinePart>,
    /// Entries in the ledger when this was computed.
    pub ledger_size: u64,
    /// The signed checkpoint over them.
    pub checkpoint: String,
}

/// The most patients in one report over RPC.
pub const EXPOSURE_PATIENTS_MAX: usize = 10_000;

/// One patient of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExposedPatient {
    /// The patient, named (an officer may know whom to tell).
    pub patient: PatientRow,
    /// Studies reachable.
    pub reachable: u32,
    /// Studies listed.
    pub listed: u32,
    /// Studies opened.
    pub opened: u32,
    /// First and last listing or opening.
    pub first: Option<Instant>,
    /// Last.
    pub last: Option<Instant>,
    /// From where, distinct.
    pub origins: Vec<Origin>,
    /// When the last lease ends.
    pub lease_until: Option<Instant>,
    /// The studies; fewer than the counts say when the report holds [`crate::EXPOSURE_STUDIES_MAX`] of them.
    pub details: Vec<crate::ExposedStudy>,
}

/// One part of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelinePart {
    /// Where it begins.
    pub from: Instant,
    /// Patients listed in it.
    pub listed: u32,
    /// Patients opened in it.
    pub opened: u32,
}
