//! The nouns of leadglass: identifiers, people, relationships and ledger entries.
//!
//! Nothing here does I/O, reads a clock or draws randomness. Every other crate speaks in these words.

mod accounts;
mod approval;
mod cases;
mod cold;
mod entry;
mod erasure;
mod finding;
mod id;
mod leaked;
mod orders;
mod patient_set;
mod reach;
mod signs;
mod time;

pub use accounts::{Assurance, AuthenticatorRule, InvalidProfessionalId, ProfessionalId};
pub use approval::{
    ApprovalRule, BreakGlassRule, Change, EmergencyReason, Need, ProposalEnd, SharingRule, Standing, Verdict,
};
pub use cases::{About, Clock, DiskPart, ExposureReported};
pub use cold::{ColdHolder, ColdRule, HolderKind, Priors, Warmed, WarmingBasis};
pub use entry::{
    AccountEnds, Actor, AssociationRefused, AuthenticatorsSet, DelegateSet, Entry, EntryBody, EscrowDrilled, LinkEnd,
    LinkFor, LinkMade, LinkOpened, LinkRefused, LinkWrong, LossAccepted, OpenScope, OpinionAsked, Origin,
    PasswordUntil, ProfessionalIdSet, ProofRefused, ResetVouched, RootRenewed, ShareSetAdded, SignInMethod,
    UnsealMethodAdded, UnsealMethodGone, UnsealMethodRenamed,
};
pub use erasure::{ERASED, Kept};
pub use finding::{Ceilings, Evidence, Finding, Measure, Reaction, Span, Volume, Whose};
pub use id::{
    DeviceId, DiskId, EntryNumber, InvalidUid, KeyId, KeyedDigest, LinkId, ObjectId, OrganisationId, PatientNumber,
    PersonId, SessionId, SiteId, StudyNumber, Uid,
};
pub use leaked::LeakList;
pub use orders::{
    AppointmentMade, ConsentTold, KeptOrder, OrderCount, OrderEnd, OrderEnded, OrderRule, OrderSource, OrderTaken,
    PatientsMerged,
};
pub use patient_set::{NumberSet, NumberSetError};
pub use reach::{Authorisation, DeviceMay, Relationship, Role, Tier, What, Who};
pub use signs::{Coordinates, ImpossibleTravel, Network, NetworkRule, ParallelSessions, TriedOthers, UsedFrom};
pub use time::{Instant, SECOND, Window};
