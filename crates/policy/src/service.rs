//! Everything that leadglass does for anybody, named once.

/// A service. Every HTTP route, DIMSE service and owner's command names the one that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// The pages' own files: markup, script, style.
    Pages,
    /// Whether front and warden answer; no counts.
    Liveness,
    /// Signing in and signing out.
    SignIn,
    /// Enrolling with a link.
    Enrol,
    /// Opening a share link with its secret and its code.
    OpenLink,
    /// What an open share link shows.
    SharedStudy,
    /// C-ECHO (PS3.4 A).
    Echo,
    /// C-STORE and STOW-RS (PS3.4 B, PS3.18 10.5).
    Store,
    /// QIDO-RS and the worklist (PS3.18 10.6).
    List,
    /// WADO-RS (PS3.18 10.4): images.
    Open,
    /// Listing instances and metadata of one study: its listing key, never its pixels.
    OpenListing,
    /// Filing a study under another patient.
    MoveStudy,
    /// One's own session and sign-ins.
    OwnSessions,
    /// Everybody's sessions and the tokens of devices, and ending them.
    AllSessions,
    /// A patient's own studies.
    OwnStudies,
    /// Who looked at a patient's own images.
    OwnAccesses,
    /// Reading the lists of people, organisations and devices.
    Directory,
    /// Adding people, organisations and devices, and making relationships.
    Manage,
    /// Seeing who else works in one's own organisations, and vouching for one who lost their authenticators.
    Colleagues,
    /// Adding colleagues to an organisation and ending their memberships, by the right to do so there.
    Delegate,
    /// Reading ledger entries and the checkpoint.
    Ledger,
    /// Exposure reports.
    Exposure,
    /// Reading proposals, making them and taking them back.
    Propose,
    /// Approving and refusing what others proposed.
    Approve,
    /// Taking a study along as DICOM files.
    Download,
    /// Sharing a study by a link; one's own links.
    Share,
    /// Everybody's share links.
    AllLinks,
    /// Asking a colleague for a second opinion on one study.
    SecondOpinion,
    /// Reaching a patient in an emergency, without a relationship.
    BreakGlass,
    /// Looking at every use of break-glass and signing it off.
    ReviewBreakGlass,
    /// Cold studies: their holders and rule, requests and approvals, rotation and destruction of keys.
    Cold,
    /// Findings of unusual reading, budgets, honey patients.
    Findings,
    /// Telling orders, appointments and merged patients (HL7 v2): devices.
    Orders,
    /// Looking at what senders of orders told, and at messages that are kept for repair; throwing those away.
    OrderDesk,
    /// Importing files, snapshots for the vault, the state of the machine.
    Machine,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 35] = [
        Self::Pages,
        Self::Liveness,
        Self::SignIn,
        Self::Enrol,
        Self::OpenLink,
        Self::SharedStudy,
        Self::Echo,
        Self::Store,
        Self::List,
        Self::Open,
        Self::OpenListing,
        Self::MoveStudy,
        Self::OwnSessions,
        Self::AllSessions,
        Self::OwnStudies,
        Self::OwnAccesses,
        Self::Directory,
        Self::Manage,
        Self::Colleagues,
        Self::Delegate,
        Self::Ledger,
        Self::Exposure,
        Self::Propose,
        Self::Approve,
        Self::Download,
        Self::Share,
        Self::AllLinks,
        Self::SecondOpinion,
        Self::BreakGlass,
        Self::ReviewBreakGlass,
        Self::Cold,
        Self::Findings,
        Self::Orders,
        Self::OrderDesk,
        Self::Machine,
    ];
}

/// Whether nobody in particular may use a service: what must work before somebody is known.
#[must_use]
pub fn is_open_to_strangers(service: Service) -> bool {
    matches!(service, Service::Pages | Service::Liveness | Service::SignIn | Service::Enrol | Service::OpenLink)
}
