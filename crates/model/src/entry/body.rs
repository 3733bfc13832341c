//! What happened: one variant for each kind of entry.

use serde::{Deserialize, Serialize};

use super::{
    AccountEnds, AssociationRefused, AuthenticatorsSet, DelegateSet, Entry, EscrowDrilled, LinkEnd, LinkMade,
    LinkOpened, LinkRefused, LossAccepted, OpenScope, OpinionAsked, PasswordUntil, ProfessionalIdSet, ProofRefused,
    ResetVouched, RootRenewed, SignInMethod, UnsealMethodAdded,
};
use crate::{
    About, AppointmentMade, ApprovalRule, Authorisation, BreakGlassRule, Ceilings, Change, Clock, ColdHolder, ColdRule,
    ConsentTold, DeviceId, DeviceMay, DiskId, DiskPart, EmergencyReason, EntryNumber, ExposureReported, Finding,
    Instant, KeptOrder, KeyId, LeakList, LinkId, Need, NetworkRule, NumberSet, OrderEnded, OrderRule, OrderTaken,
    OrganisationId, PatientNumber, PatientsMerged, PersonId, ProposalEnd, Relationship, Role, SessionId, SharingRule,
    SiteId, Standing, StudyNumber, Verdict, Warmed, WarmingBasis, What, Whose, Window,
};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum EntryBody {
    /// The site was made.
    Initialised {
        /// The site.
        site: SiteId,
        /// Its name.
        name: String,
    },
    /// The warden started and unsealed the root.
    WardenStarted {
        /// Version of the program.
        program: String,
        /// `passphrase`, `recovery-kit`, `shares`, `age` or `command`.
        unsealed_by: String,
    },
    /// An organisation was added.
    OrganisationAdded {
        /// The organisation.
        organisation: OrganisationId,
        /// Its name.
        name: String,
        /// Which authenticators it accepts.
        authorisation: Authorisation,
    },
    /// A person was added and an enrolment link issued.
    PersonAdded {
        /// The person.
        person: PersonId,
        /// E-mail address, the login name.
        email: String,
        /// Name.
        name: String,
        /// Role.
        role: Role,
    },
    /// A person joined an organisation.
    MemberJoined {
        /// The person.
        person: PersonId,
        /// The organisation.
        organisation: OrganisationId,
    },
    /// A person left an organisation.
    MemberLeft {
        /// The person.
        person: PersonId,
        /// The organisation.
        organisation: OrganisationId,
    },
    /// A new enrolment link was issued; older ones stop working.
    EnrolmentIssued {
        /// For whom.
        person: PersonId,
        /// Until when it works.
        until: Instant,
    },
    /// A passkey was bound.
    PasskeyBound {
        /// To whom.
        person: PersonId,
        /// Its label.
        label: String,
    },
    /// A password and one-time-code secret were set.
    PasswordSet {
        /// By whom.
        person: PersonId,
    },
    /// Somebody signed in.
    SignedIn {
        /// Who.
        person: PersonId,
        /// The session.
        session: SessionId,
        /// How.
        method: SignInMethod,
    },
    /// A sign-in was refused. `person` only when the login name is one of ours.
    SignInRefused {
        /// Whose login name was used.
        person: Option<PersonId>,
        /// A fixed word: `password`, `code`, `code-replayed`, `throttled`, `passkey`, `passkey-counter` (the
        /// authenticator's counter went back: there may be two copies of it), `not-allowed`, `locked`, `leaked`.
        reason: String,
    },
    /// A session ended before its time.
    SessionEnded {
        /// Whose.
        person: PersonId,
        /// Which.
        session: SessionId,
    },
    /// A device was added.
    DeviceAdded {
        /// The device.
        device: DeviceId,
        /// Its name.
        name: String,
        /// Its organisation.
        organisation: OrganisationId,
        /// What it may do.
        may: Vec<DeviceMay>,
    },
    /// A relationship was made. Its `entry` field is this entry's number.
    Related {
        /// The relationship.
        relationship: Relationship,
    },
    /// A relationship ends at `until`, if not before.
    RelationshipEnded {
        /// The entry that made it.
        entry: EntryNumber,
        /// When it ends.
        until: Instant,
    },
    /// A patient was seen for the first time.
    PatientAdded {
        /// The patient.
        patient: PatientNumber,
    },
    /// Images of a study were stored and may be reached from now on.
    Stored {
        /// The patient it is filed under.
        patient: PatientNumber,
        /// The study.
        study: StudyNumber,
        /// How many instances came in.
        instances: u32,
        /// How many were dropped because identical bytes were there.
        duplicates: u32,
        /// How many were kept as conflicting versions.
        conflicts: u32,
        /// When the front took the first of them in.
        taken_in: Instant,
        /// The outbox record this comes from; the same record never counts twice.
        outbox_sequence: u64,
    },
    /// A study was moved to another patient. The bytes stay as they were.
    Moved {
        /// The study.
        study: StudyNumber,
        /// Filed under until now.
        from: PatientNumber,
        /// Filed under from now on.
        to: PatientNumber,
        /// Why.
        reason: String,
    },
    /// Names were released: these patients, by these studies, may be listed until the lease ends.
    Listed {
        /// The patients.
        patients: NumberSet,
        /// The studies.
        studies: NumberSet,
        /// End of the lease.
        lease_until: Instant,
    },
    /// Keys of a study were released.
    Opened {
        /// The patient.
        patient: PatientNumber,
        /// The study.
        study: StudyNumber,
        /// What of it.
        scope: OpenScope,
        /// End of the lease.
        lease_until: Instant,
    },
    /// Somebody asked for what they may not reach.
    Refused {
        /// A fixed word for what was tried: `open`, `list`, `move`, `exposure`, ...
        action: String,
        /// The target, when it is one of ours.
        what: Option<What>,
        /// A fixed word for why.
        reason: String,
    },
    /// A credential was tried without the proof that belongs to it.
    ProofRefused(ProofRefused),
    /// Somebody showed anew that they are there, and meant one act. The act's own entry follows.
    Confirmed {
        /// Who.
        person: PersonId,
        /// SHA-256 that names the act, base64url.
        act: String,
        /// How.
        method: SignInMethod,
    },
    /// An exposure report was made.
    ExposureReported(ExposureReported),
    /// A patient asked who looked.
    AccessesRead {
        /// The patient.
        patient: PatientNumber,
    },
    /// A change was proposed. The proposal is known by the number of this entry.
    Proposed {
        /// The exact change.
        proposed: Box<Change>,
        /// What it needs.
        need: Need,
        /// Not carried out before.
        earliest: Instant,
        /// Ends by itself then.
        expires: Instant,
    },
    /// A person approved a proposal.
    Approved {
        /// The proposal.
        proposal: EntryNumber,
        /// SHA-256 of the exact change, in hexadecimal; `docs/approvals.md` says over which bytes.
        digest: String,
        /// Not carried out before, now that this person stands behind it too.
        earliest: Instant,
        /// What the person's passkey signed for this act, as JSON; a password leaves none.
        evidence: Option<String>,
    },
    /// A proposal ended without being carried out.
    ProposalEnded {
        /// The proposal.
        proposal: EntryNumber,
        /// How.
        end: ProposalEnd,
        /// Why, in a few words.
        reason: String,
    },
    /// A proposal was carried out: the entries of its effect stand just before this one.
    CarriedOut {
        /// The proposal.
        proposal: EntryNumber,
        /// On whose word.
        standing: Standing,
    },
    /// A person has another role.
    RoleChanged {
        /// Who.
        person: PersonId,
        /// Until now.
        from: Role,
        /// From now on.
        to: Role,
    },
    /// A person left: nobody signs in with this account any more, and its address is not given again.
    PersonClosed {
        /// Who.
        person: PersonId,
    },
    /// A passkey was removed.
    PasskeyRemoved {
        /// Whose.
        person: PersonId,
        /// Its label.
        label: String,
        /// The first 16 hexadecimal digits of the SHA-256 of its credential id.
        passkey: String,
    },
    /// A device was removed.
    DeviceRemoved {
        /// Which.
        device: DeviceId,
    },
    /// A device's bearer token was removed.
    DeviceTokenRemoved {
        /// Which.
        device: DeviceId,
    },
    /// The rule about changes that wait was set.
    ApprovalRuleSet {
        /// From now on.
        rule: ApprovalRule,
    },
    /// The rule about break-glass was set.
    BreakGlassRuleSet {
        /// From now on.
        rule: BreakGlassRule,
    },
    /// Somebody reached a patient in an emergency. The relationship stands in the entry just before.
    BrokeGlass {
        /// The patient.
        patient: PatientNumber,
        /// Why.
        reason: EmergencyReason,
        /// Why, in their own words.
        text: String,
        /// Until when.
        until: Instant,
    },
    /// Somebody named a patient to break the glass for, and no patient is known by that.
    BreakGlassMissed {
        /// How many times in a row.
        tries: u32,
    },
    /// An officer looked at a use of break-glass.
    BreakGlassReviewed {
        /// The entry of its use.
        used: EntryNumber,
        /// What they found.
        verdict: Verdict,
        /// Why.
        note: String,
    },
    /// Batch keys open images of this study from now on. Recorded before what they seal is.
    KeysFiled {
        /// The study, the only one that they open.
        study: StudyNumber,
        /// The keys.
        keys: Vec<KeyId>,
    },
    /// A disk was seen to hold parts of the installation; for a copy, everything up to now.
    DiskHolds {
        /// The disk.
        disk: DiskId,
        /// UUID of its filesystem, where the machine tells it.
        filesystem: String,
        /// Which parts.
        holds: Vec<DiskPart>,
        /// The disk that they lay on before and do not grow on any more.
        instead_of: Option<DiskId>,
    },
    /// An incident was opened.
    IncidentOpened {
        /// Its number, from 1.
        incident: u32,
        /// What happened, in a line.
        title: String,
        /// Accounts, devices, disks that it is about.
        about: Vec<About>,
        /// Over which time.
        window: Window,
        /// When somebody here became aware of it: the clocks run from then.
        aware: Instant,
    },
    /// Something to remember was written into an incident.
    IncidentNoted {
        /// Which.
        incident: u32,
        /// The note.
        text: String,
    },
    /// An exposure report belongs to an incident.
    IncidentReport {
        /// Which.
        incident: u32,
        /// The entry of the report.
        report: EntryNumber,
    },
    /// What a clock asks for was done.
    IncidentClock {
        /// Which.
        incident: u32,
        /// The clock.
        clock: Clock,
        /// When it was done.
        done: Instant,
    },
    /// An incident was closed.
    IncidentClosed {
        /// Which.
        incident: u32,
        /// With what outcome.
        text: String,
    },
    /// A patient asked or complained about who looked.
    QuestionAsked {
        /// Its number, from 1.
        question: u32,
        /// The patient.
        patient: PatientNumber,
        /// The entry that it is about, when it is about one.
        access: Option<EntryNumber>,
        /// The question.
        text: String,
    },
    /// An officer answered.
    QuestionAnswered {
        /// Which.
        question: u32,
        /// The answer.
        text: String,
    },
    /// Who holds the keys of cold studies from now on. Studies that are cold already stay with the holders of their generation.
    ColdHoldersSet {
        /// Which set of holders this is, from 1.
        generation: u32,
        /// How many of the sharing holders are needed.
        threshold: u8,
        /// The holders.
        holders: Vec<ColdHolder>,
    },
    /// When studies go cold and which priors an order warms.
    ColdRuleSet {
        /// The rule.
        rule: ColdRule,
    },
    /// Studies went cold: the warden alone cannot open them any more.
    WentCold {
        /// The studies.
        studies: NumberSet,
        /// The set of holders whose shares open them.
        generation: u32,
    },
    /// Somebody asked for cold studies of one patient. This entry's number names the request.
    WarmingRequested {
        /// The patient.
        patient: PatientNumber,
        /// The studies.
        studies: NumberSet,
        /// Why it is asked for.
        basis: WarmingBasis,
        /// The reason in words.
        reason: String,
        /// When the studies go cold again.
        until: Instant,
    },
    /// A holder released their shares of the studies of one request.
    WarmingApproved {
        /// The request.
        request: EntryNumber,
        /// The holder's key.
        holder: KeyId,
    },
    /// An officer or administrator stands behind a request: each holder who is asked is told so. It opens nothing by itself.
    WarmingEndorsed {
        /// The request.
        request: EntryNumber,
        /// SHA-256 of the exact request, in hexadecimal digits, as they saw it.
        digest: String,
        /// What their authenticator signed, where it was a passkey.
        evidence: Option<String>,
    },
    /// An officer or administrator refused a request; it has ended.
    WarmingRefused {
        /// The request.
        request: EntryNumber,
        /// SHA-256 of the exact request, in hexadecimal digits, as they saw it.
        digest: String,
        /// Why.
        reason: String,
        /// What their authenticator signed, where it was a passkey.
        evidence: Option<String>,
    },
    /// A request was withdrawn, or a holder said no.
    WarmingWithdrawn {
        /// The request.
        request: EntryNumber,
        /// The holder who said no.
        holder: Option<KeyId>,
    },
    /// Studies of one patient can be opened again until the deadline.
    Warmed(Warmed),
    /// Warmed studies are cold again.
    WarmingEnded {
        /// The request.
        request: EntryNumber,
        /// The studies.
        studies: NumberSet,
    },
    /// A holder of before released shares, so that what they are of can be closed to the present holders.
    ColdSharesReleased {
        /// The proposal that exchanges holders.
        exchange: EntryNumber,
        /// The holder's key.
        holder: KeyId,
        /// Shares of how many boxes.
        boxes: u32,
    },
    /// Boxes were opened with enough of their holders' shares and closed to the present holders; nobody else was given a key of them.
    ColdReclosed {
        /// The proposal that exchanges holders.
        exchange: EntryNumber,
        /// Studies of which no box of before is left.
        studies: NumberSet,
        /// The set of holders whose shares open them from then on.
        generation: u32,
        /// How many boxes.
        boxes: u32,
        /// The keys of the holders who released shares for it.
        by: Vec<KeyId>,
    },
    /// Everything that stays was wrapped again under a new epoch key, and the older epoch keys were overwritten.
    KeysRotated {
        /// The new epoch.
        epoch: i64,
        /// The epochs whose keys were destroyed.
        destroyed: Vec<i64>,
        /// How many keys were wrapped again.
        keys: u64,
    },
    /// The keys of a study were removed; they are destroyed with the next [`EntryBody::KeysRotated`].
    Shredded {
        /// The patient it was filed under.
        patient: PatientNumber,
        /// The study.
        study: StudyNumber,
        /// How many keys.
        keys: u32,
        /// Why.
        reason: String,
    },
    /// What the warden keeps was copied for a vault: the copy holds the keys of this moment.
    SnapshotTaken {
        /// The newest epoch in it.
        epoch: i64,
    },
    /// A way to unseal the root was added.
    UnsealMethodAdded(Box<UnsealMethodAdded>),
    /// A way to unseal the root was removed.
    UnsealMethodRemoved {
        /// Its id.
        method: String,
        /// As in `unseal-method-added`.
        means: String,
    },
    /// Another root took the place of the one before: what a copy of an older `root.json` opens, opens nothing of now.
    RootRenewed(Box<RootRenewed>),
    /// Holders proved their shares; nothing was opened and no shares were put together.
    EscrowDrilled(Box<EscrowDrilled>),
    /// A front on another machine was introduced: it may connect.
    FrontIntroduced {
        /// SHA-256 of its public key, as 64 hexadecimal digits.
        pin: String,
        /// What people call it.
        name: String,
    },
    /// A front on another machine may connect no more.
    FrontForgotten {
        /// SHA-256 of its public key.
        pin: String,
    },
    /// The ledger's checkpoints are taken to a witness from now on.
    WitnessAdded {
        /// Its submission prefix.
        url: String,
        /// Its vkeys (C2SP tlog-cosignature).
        vkeys: Vec<String>,
    },
    /// A witness is asked no more.
    WitnessRemoved {
        /// Its submission prefix.
        url: String,
    },
    /// Every entry goes to a second folder too from now on.
    SinkAdded {
        /// Its place.
        path: String,
    },
    /// Entries go to a second folder no more.
    SinkRemoved {
        /// Its place.
        path: String,
    },
    /// Somebody showed a checkpoint of this site that this ledger does not continue, and the owner went on.
    LossAccepted(Box<LossAccepted>),
    /// The keys of a window's days left the warden, for an auditor.
    WindowExported {
        /// Which window; the keys are those of the whole days that it touches.
        window: Window,
        /// The proposal that allowed it; earlier versions had none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proposal: Option<EntryNumber>,
    },
    /// The content of an earlier entry was erased: its payload goes from every folder, and this stands in its place.
    Erased {
        /// The entry.
        entry: EntryNumber,
        /// What is left of it: the same without the words that people wrote.
        left: Box<Entry>,
    },
    /// A front refused associations.
    AssociationRefused(AssociationRefused),
    /// What an earlier entry says happened more often to the same person or device.
    Repeated {
        /// The earlier entry.
        entry: EntryNumber,
        /// How many times more.
        times: u64,
        /// The studies that it was about, where it was about studies.
        studies: NumberSet,
    },
    /// Unusual reading was found; this entry's number is the finding's.
    FindingRaised {
        /// What was found.
        finding: Finding,
    },
    /// An officer has looked at a finding.
    FindingAcknowledged {
        /// The finding's entry.
        finding: EntryNumber,
        /// What the officer wrote.
        note: String,
    },
    /// An officer lifted what stopped or slowed somebody: what was read so far counts against no limit any more, and as normal.
    BudgetLifted {
        /// Whose.
        about: Whose,
        /// What the officer wrote.
        note: String,
    },
    /// A ceiling was set by hand, or taken away again.
    BudgetSet {
        /// Whose.
        about: Whose,
        /// From now on.
        ceilings: Ceilings,
    },
    /// A synthetic patient was made whom nobody has a reason to read.
    HoneyAdded {
        /// Which.
        patient: PatientNumber,
    },
    /// The lists of leaked passwords changed that passwords are held against: these are all there are from here on.
    LeakListsRead {
        /// Every one that can be read.
        lists: Vec<LeakList>,
    },
    /// Somebody signed in with a password that a list of leaked ones has: there was no session, and another has to be chosen.
    LeakedPasswordUsed {
        /// Who.
        person: PersonId,
    },
    /// An account was locked because its password was found in a dump: password, one-time-code secret and recovery codes are
    /// removed, and nobody signs in before an enrolment link was used.
    AccountLocked {
        /// Whose.
        person: PersonId,
        /// The incident that was opened with it.
        incident: u32,
    },
    /// A person has a professional identifier from now on, or no more: orders name people by it.
    ProfessionalIdChanged {
        /// Whose.
        person: PersonId,
        /// Who gave it.
        issuer: String,
        /// The identifier.
        id: String,
        /// Whether they have it.
        holds: bool,
    },
    /// What follows from orders was set.
    OrderRuleSet {
        /// From now on.
        rule: OrderRule,
    },
    /// An order was taken in.
    OrderTaken(Box<OrderTaken>),
    /// An order ended.
    OrderEnded(OrderEnded),
    /// An appointment became known, or was cancelled.
    AppointmentMade(Box<AppointmentMade>),
    /// A patient's consent was told: whom orders give no reach.
    ConsentTold(Box<ConsentTold>),
    /// Two records are one person's, or no more.
    PatientsMerged(Box<PatientsMerged>),
    /// A message that was not taken is kept for repair, or what became of it.
    OrderKept {
        /// Its number.
        kept: u32,
        /// What became of it.
        state: KeptOrder,
        /// HL7 table 0357: why it was not taken.
        code: u16,
    },
    /// A study was shared by a link. Its relationship stands in the entry just before.
    LinkMade(LinkMade),
    /// Somebody opened a link.
    LinkOpened(LinkOpened),
    /// Somebody had a link's secret and did not get in.
    LinkRefused(LinkRefused),
    /// Whoever opened a link left; the link goes on.
    LinkLeft {
        /// Which.
        link: LinkId,
        /// The session that ended.
        session: SessionId,
    },
    /// A link opens nothing any more. The end of its relationship stands in the entry just before, where it still ran.
    LinkEnded {
        /// Which.
        link: LinkId,
        /// How.
        end: LinkEnd,
    },
    /// Who may share was set.
    SharingRuleSet {
        /// From now on.
        rule: SharingRule,
    },
    /// Which networks are at which places was set.
    NetworkRuleSet {
        /// From now on.
        rule: NetworkRule,
    },
    /// A device was given a bearer token; the one before works until the new one is used, and not after `before_until`.
    DeviceTokenIssued {
        /// The device.
        device: DeviceId,
        /// When the new one ends.
        until: Instant,
        /// Until when the one before works at the longest, where there was one.
        before_until: Option<Instant>,
    },
    /// A second opinion was asked for. Its relationship stands in the entry just before.
    OpinionAsked(OpinionAsked),
    /// An organisation takes these authenticators from now on.
    AuthenticatorsSet(Box<AuthenticatorsSet>),
    /// Somebody may use a password with a code until then.
    PasswordUntil(PasswordUntil),
    /// Somebody may add colleagues to an organisation, or may no more.
    DelegateSet(DelegateSet),
    /// When an account ends by itself.
    AccountEnds(AccountEnds),
    /// An account ended by itself; the ends of its sessions, memberships and relationships stand beside it.
    AccountLapsed {
        /// Whose.
        person: PersonId,
    },
    /// Somebody said that a colleague lost their authenticators.
    ResetVouched(ResetVouched),
    /// What a person is called by a chamber, an authority or a payer.
    ProfessionalIdSet(ProfessionalIdSet),
    /// A kind that a later version wrote; read as itself, never written.
    #[serde(other)]
    Unknown,
}
