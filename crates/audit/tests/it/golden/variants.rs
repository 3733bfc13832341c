//! Which kinds and variants entries hold, and which of today's they lack.
//!
//! Every enum that stands in an entry is written down here once more, and a match compares the two: a new variant does not
//! compile until it is named here, and is then missing until a golden ledger holds it.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    About, Actor, Authorisation, Change, Clock, DeviceMay, DiskPart, EmergencyReason, Entry, EntryBody, Evidence,
    HolderKind, KeptOrder, LinkEnd, LinkFor, LinkWrong, Measure, OpenScope, OrderCount, OrderEnd, Priors, ProposalEnd,
    Reaction, Relationship, Role, SignInMethod, Span, Standing, Tier, Verdict, WarmingBasis, What, Who, Whose,
};

/// An enum that stands in entries.
trait Variants {
    const NAME: &'static str;
    /// Those that are written; what stands for kinds of later versions is only read.
    const WRITTEN: &'static [&'static str];
    fn variant(&self) -> &'static str;
}

macro_rules! variants {
    ($($name:ident { $($written:ident),+ $(; $read:ident)? })+) => {
        $(impl Variants for $name {
            const NAME: &'static str = stringify!($name);
            const WRITTEN: &'static [&'static str] = &[$(stringify!($written)),+];
            fn variant(&self) -> &'static str {
                match self {
                    $(Self::$written { .. } => stringify!($written),)+
                    $(Self::$read { .. } => stringify!($read),)?
                }
            }
        })+

        impl Seen {
            /// What is written today and was not seen, in the order of the enums.
            pub fn missing(&self) -> Vec<String> {
                let mut missing = Vec::new();
                $(self.missing_of::<$name>(&mut missing);)+
                missing
            }
        }
    };
}

variants! {
    EntryBody {
        Initialised, WardenStarted, OrganisationAdded, PersonAdded, MemberJoined, MemberLeft, EnrolmentIssued,
        PasskeyBound, PasswordSet, SignedIn, SignInRefused, SessionEnded, DeviceAdded, Related, RelationshipEnded,
        PatientAdded, Stored, Moved, Listed, Opened, Refused, ProofRefused, Confirmed, ExposureReported, AccessesRead,
        Proposed, Approved, ProposalEnded, CarriedOut, RoleChanged, PersonClosed, PasskeyRemoved, DeviceRemoved,
        DeviceTokenRemoved, ApprovalRuleSet, BreakGlassRuleSet, BrokeGlass, BreakGlassMissed, BreakGlassReviewed,
        KeysFiled, DiskHolds, IncidentOpened, IncidentNoted, IncidentReport, IncidentClock, IncidentClosed,
        QuestionAsked, QuestionAnswered, ColdHoldersSet, ColdRuleSet, WentCold, WarmingRequested, WarmingApproved,
        WarmingEndorsed, WarmingRefused, WarmingWithdrawn, ColdSharesReleased, ColdReclosed, Warmed, WarmingEnded, KeysRotated, Shredded, SnapshotTaken, UnsealMethodAdded,
        UnsealMethodRemoved, EscrowDrilled, RootRenewed, FrontIntroduced, FrontForgotten, WitnessAdded, WitnessRemoved, SinkAdded,
        SinkRemoved, LossAccepted, WindowExported, Erased, AssociationRefused, Repeated, FindingRaised,
        FindingAcknowledged, BudgetLifted, BudgetSet, HoneyAdded, LeakListsRead, LeakedPasswordUsed, AccountLocked, ProfessionalIdChanged, OrderRuleSet, OrderTaken, OrderEnded,
        AppointmentMade, ConsentTold, PatientsMerged, OrderKept, LinkMade, LinkOpened, LinkRefused, LinkLeft, LinkEnded,
        SharingRuleSet, OpinionAsked, AuthenticatorsSet, PasswordUntil, DelegateSet,
        AccountEnds, AccountLapsed, ResetVouched, ProfessionalIdSet, NetworkRuleSet, DeviceTokenIssued;
        Unknown
    }
    Change {
        Role, AddPerson, Enrol, ClosePerson, Relate, ApprovalRule, BreakGlassRule, SharingRule, Shred, RotateKeys, ColdHolders,
        ReplaceColdHolders, ColdRule, AddWitness, RemoveWitness, AddSink, RemoveSink, ExportWindow, Unseal, NewRoot, RaiseCeilings, LiftBudget,
        EraseEntry, OrderRule, Join, Authenticators, NetworkRule;
        Unknown
    }
    Actor { Owner, Person, Device, Link, Stranger, Warden }
    SignInMethod { Passkey, PasswordAndCode, PasswordAndRecoveryCode }
    Role { Patient, Referrer, Radiologist, Technologist, Officer, Administrator, OfficerAdministrator }
    Authorisation { PasskeyOnly, PasswordAndCode }
    DeviceMay { Store, List, Open, Today, Orders }
    Who { Person, Organisation, Device, Link }
    What { Patient, Study, Site }
    Tier { List, Open }
    OpenScope { Images, Listing, Download }
    About { Person, Organisation, Device, Session, Key, Disk, Link }
    LinkFor { Outside, Room }
    LinkWrong { Code, Browsers }
    LinkEnd { Revoked, Guessed, Expired, Maker }
    Standing { Setup, OnePerson, TwoPersons }
    ProposalEnd { Refused, Withdrawn, Expired, Overtaken }
    EmergencyReason { LifeThreatening, UrgentTreatment, CriticalResult, SystemDown, Other }
    Verdict { Justified, NotJustified }
    DiskPart { Images, Keyring, Ledger, Copy }
    Clock { Nis2EarlyWarning, Nis2Notification, GdprNotification, NdbAssessment }
    HolderKind { Sharing, Emergency, Service }
    Priors { All, None, Years }
    WarmingBasis { Request, Order, Emergency }
    Whose { Person, Organisation, Device, Site }
    Reaction { Noticed, Slowed, Touch, Stopped }
    Evidence {
        Volume, Honey, BeyondPeers, Intake, Related, EmergencyWarming, LeakedLogin, Orders, EmergencyRefused,
        ParallelSessions, ImpossibleTravel, DayAndNight, NewAuthenticator, TriedOthers
    }
    OrderEnd { Cancelled, Completed, Changed }
    OrderCount { Orders, Unmatched, Merges, Appointments }
    KeptOrder { Kept, Read, Replayed, Dropped }
    Measure { OpenedDue, OpenedOther, ListedDue, ListedOther }
    Span { Hour, Day, Week, Month }
}

/// Variants that entries hold, by their enum.
#[derive(Default)]
pub struct Seen(BTreeMap<&'static str, BTreeSet<&'static str>>);

impl Seen {
    fn see<T: Variants>(&mut self, value: &T) {
        self.0.entry(T::NAME).or_default().insert(value.variant());
    }

    fn missing_of<T: Variants>(&self, missing: &mut Vec<String>) {
        let seen = self.0.get(T::NAME);
        let lacks = T::WRITTEN.iter().filter(|name| seen.is_none_or(|seen| !seen.contains(*name)));
        missing.extend(lacks.map(|name| format!("{}::{name}", T::NAME)));
    }

    /// Takes what an entry holds.
    pub fn entry(&mut self, entry: &Entry) {
        self.see(&entry.actor);
        self.see(&entry.body);
        match &entry.body {
            EntryBody::OrganisationAdded { authorisation, .. } => self.see(authorisation),
            EntryBody::PersonAdded { role, .. } => self.see(role),
            EntryBody::SignedIn { method, .. } | EntryBody::Confirmed { method, .. } => self.see(method),
            EntryBody::DeviceAdded { may, .. } => may.iter().for_each(|may| self.see(may)),
            EntryBody::Related { relationship } => self.relationship(relationship),
            EntryBody::Opened { scope, .. } => self.see(scope),
            EntryBody::Refused { what: Some(what), .. } => self.see(what),
            EntryBody::ExposureReported(reported) => self.see(&reported.about),
            EntryBody::Proposed { proposed, need, .. } => {
                self.see(proposed.as_ref());
                self.see(&need.standing);
            }
            EntryBody::ProposalEnded { end, .. } => self.see(end),
            EntryBody::CarriedOut { standing, .. } => self.see(standing),
            EntryBody::BrokeGlass { reason, .. } => self.see(reason),
            EntryBody::BreakGlassReviewed { verdict, .. } => self.see(verdict),
            EntryBody::DiskHolds { holds, .. } => holds.iter().for_each(|part| self.see(part)),
            EntryBody::IncidentClock { clock, .. } => self.see(clock),
            EntryBody::ColdHoldersSet { holders, .. } => holders.iter().for_each(|holder| self.see(&holder.kind)),
            EntryBody::ColdRuleSet { rule } => self.see(&rule.priors),
            EntryBody::WarmingRequested { basis, .. } => self.see(basis),
            EntryBody::FindingRaised { finding } => {
                self.see(&finding.about);
                self.see(&finding.reaction);
                self.see(&finding.evidence);
                match &finding.evidence {
                    Evidence::Volume(volume) => {
                        self.see(&volume.measure);
                        self.see(&volume.span);
                    }
                    Evidence::Orders { count, .. } => self.see(count),
                    _ => {}
                }
            }
            EntryBody::OrderEnded(ended) => self.see(&ended.how),
            EntryBody::OrderKept { state, .. } => self.see(state),
            EntryBody::LinkMade(made) => self.see(&made.purpose),
            EntryBody::LinkRefused(refused) => self.see(&refused.wrong),
            EntryBody::LinkEnded { end, .. } => self.see(end),
            EntryBody::Erased { left, .. } => self.entry(left),
            _ => {}
        }
    }

    fn relationship(&mut self, relationship: &Relationship) {
        self.see(&relationship.who);
        self.see(&relationship.what);
        self.see(&relationship.tier);
    }
}
