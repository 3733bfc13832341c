//! The decision.

use model::{
    DeviceId, DeviceMay, EntryNumber, Instant, LinkId, OrganisationId, PatientNumber, PersonId, Role, StudyNumber, Tier,
};
use thiserror::Error;

use crate::{DOWNLOAD_SECONDS_MAX, LEASE_SECONDS_MAX, Service, is_open_to_strangers};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Nobody who is known.
    Stranger,
    /// A person with a live session.
    Person {
        /// Who.
        person: PersonId,
        /// Role.
        role: Role,
        /// Organisations that they are a member of now.
        organisations: Vec<OrganisationId>,
        /// Organisations to which they may add colleagues.
        delegate_of: Vec<OrganisationId>,
        /// When the session ends at the latest.
        session_until: Instant,
    },
    /// A device that proved itself by address and AE title, or by its token.
    Device {
        /// Which.
        device: DeviceId,
        /// What it may do.
        may: Vec<DeviceMay>,
    },
    /// Whoever opened a share link in this browser.
    Link {
        /// Which.
        link: LinkId,
        /// When the session ends at the latest.
        session_until: Instant,
    },
    /// The owner of the machine, on the owner's socket.
    Owner,
}

/// How a relationship reaches a target at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// How far.
    pub tier: Tier,
    /// The entry that made the relationship.
    pub entry: EntryNumber,
    /// When it ends.
    pub until: Instant,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nothing in particular; rows are filtered one by one by [`Subject::may_list`].
    Nothing,
    /// A study, with the reach that the subject has on it.
    Study {
        /// The patient it is filed under.
        patient: PatientNumber,
        /// The study.
        study: StudyNumber,
        /// The subject's reach on it.
        reach: Option<Reach>,
    },
    /// A person's own things.
    Person(PersonId),
    /// An organisation whose people are concerned.
    Organisation(OrganisationId),
}

/// Proof that [`decide`] allowed something. Consumed by the ledger, which turns it into a receipt.
#[derive(Debug)]
pub struct Grant {
    service: Service,
    target: Target,
    lease_until: Instant,
}

impl Grant {
    /// What was allowed.
    #[must_use]
    pub fn service(&self) -> Service {
        self.service
    }

    /// On what.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Until when at the latest, without another decision.
    #[must_use]
    pub fn lease_until(&self) -> Instant {
        self.lease_until
    }
}

/// Why not. Outside, a study that may not be reached reads as one that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Denied {
    /// Nobody is known; signing in may help.
    #[error("signing in is needed")]
    Unknown,
    /// Somebody is known, and their role or permission does not include this.
    #[error("the role does not include this")]
    Role,
    /// No relationship reaches the target now.
    #[error("no relationship reaches this now")]
    Reach,
}

impl Denied {
    /// The fixed word that the ledger records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Role => "role",
            Self::Reach => "reach",
        }
    }
}

impl Subject {
    /// Whether patients' names and images can be reached at all, by any relationship.
    #[must_use]
    pub fn reads_patients(&self) -> bool {
        match self {
            Self::Person { role, .. } => {
                matches!(role, Role::Patient | Role::Referrer | Role::Radiologist | Role::Technologist)
            }
            Self::Device { may, .. } => may.contains(&DeviceMay::List) || may.contains(&DeviceMay::Open),
            Self::Link { .. } => true,
            Self::Owner | Self::Stranger => false,
        }
    }

    /// Whether one row of a list may be shown, given the reach on it.
    #[must_use]
    pub fn may_list(&self, reach: Option<&Reach>, now: Instant) -> bool {
        self.reads_patients() && reach.is_some_and(|reach| now < reach.until)
    }

    fn may(&self, service: Service) -> Result<(), Denied> {
        if is_open_to_strangers(service) {
            return Ok(());
        }
        let allowed = match self {
            Self::Stranger => return Err(Denied::Unknown),
            Self::Owner => matches!(
                service,
                Service::Manage
                    | Service::Directory
                    | Service::Ledger
                    | Service::Exposure
                    | Service::Cold
                    | Service::Findings
                    | Service::Machine
                    | Service::MoveStudy
                    | Service::Propose
                    | Service::AllLinks
                    | Service::AllSessions
                    | Service::OrderDesk
            ),
            Self::Device { may, .. } => match service {
                Service::Echo => true,
                Service::Store => may.contains(&DeviceMay::Store),
                Service::List | Service::OpenListing => {
                    may.contains(&DeviceMay::List) || may.contains(&DeviceMay::Open)
                }
                Service::Open => may.contains(&DeviceMay::Open),
                Service::Orders => may.contains(&DeviceMay::Orders),
                _ => false,
            },
            Self::Person { role, delegate_of, .. } if service == Service::Delegate => {
                may_be_delegate(*role) && !delegate_of.is_empty()
            }
            Self::Person { role, .. } => role_includes(*role, service),
            Self::Link { .. } => matches!(
                service,
                Service::SharedStudy | Service::List | Service::Open | Service::OpenListing | Service::Download
            ),
        };
        if allowed { Ok(()) } else { Err(Denied::Role) }
    }
}

/// The table. `docs/access.md` is the same for people who do not read Rust; a test keeps the two alike.
fn role_includes(role: Role, service: Service) -> bool {
    use Service::*;
    let mine = matches!(service, OwnSessions);
    mine || match role {
        Role::Patient => {
            matches!(service, List | Open | OpenListing | Download | Share | OwnStudies | OwnAccesses)
        }
        Role::Referrer | Role::Radiologist => {
            matches!(service, List | Open | OpenListing | Download | Share | SecondOpinion | BreakGlass | Colleagues)
        }
        Role::Technologist => matches!(service, List | Open | OpenListing | Colleagues),
        Role::Officer => {
            matches!(
                service,
                Ledger
                    | Exposure
                    | Cold
                    | Findings
                    | Directory
                    | AllSessions
                    | MoveStudy
                    | Propose
                    | Approve
                    | ReviewBreakGlass
                    | AllLinks
                    | OrderDesk
            )
        }
        Role::Administrator => matches!(service, Directory | Manage | MoveStudy | Propose | Approve | OrderDesk),
        Role::OfficerAdministrator => {
            role_includes(Role::Officer, service) || role_includes(Role::Administrator, service)
        }
    }
}

/// Whether a role includes everything that another does.
#[must_use]
pub fn role_covers(role: Role, other: Role) -> bool {
    Service::ALL.into_iter().all(|service| role_includes(role, service) || !role_includes(other, service))
}

/// Whether somebody of a role may be given the right to add colleagues, and may be added by it: whoever works with patients, and
/// decides about nobody.
#[must_use]
pub fn may_be_delegate(role: Role) -> bool {
    matches!(role, Role::Referrer | Role::Radiologist | Role::Technologist)
}

/// Decides. Default deny: what the table does not include, and what no relationship reaches, is refused.
pub fn decide(subject: &Subject, service: Service, target: Target, now: Instant) -> Result<Grant, Denied> {
    subject.may(service)?;
    // a download cannot ask again on its way: its browser made one proof, for the whole of it
    let seconds = if service == Service::Download { DOWNLOAD_SECONDS_MAX } else { LEASE_SECONDS_MAX };
    let mut lease_until = now.plus_seconds(seconds);
    if let Subject::Person { session_until, .. } | Subject::Link { session_until, .. } = subject {
        lease_until = lease_until.min(*session_until);
    }
    match (service, &target) {
        (
            Service::Open | Service::OpenListing | Service::Download | Service::Share | Service::SecondOpinion,
            Target::Study { reach, .. },
        ) => {
            let needed = if service == Service::OpenListing { Tier::List } else { Tier::Open };
            let reach =
                reach.as_ref().filter(|reach| reach.tier >= needed && now < reach.until).ok_or(Denied::Reach)?;
            lease_until = lease_until.min(reach.until);
        }
        // an opening without a target is a mistake of the caller: refused, as everything unknown is
        (Service::Open | Service::OpenListing | Service::Download, _) => return Err(Denied::Reach),
        (Service::OwnSessions | Service::OwnStudies | Service::OwnAccesses, Target::Person(owner)) => match subject {
            Subject::Person { person, .. } if person == owner => {}
            _ => return Err(Denied::Role),
        },
        (Service::Delegate, Target::Organisation(organisation)) => match subject {
            Subject::Person { delegate_of, .. } if delegate_of.contains(organisation) => {}
            _ => return Err(Denied::Role),
        },
        // the right is for an organisation, never for nothing in particular
        (Service::Delegate, _) => return Err(Denied::Role),
        _ => {}
    }
    Ok(Grant { service, target, lease_until })
}

/// Why somebody does not get a study that is not there: the same as for one that is there and that they do not reach, so that an
/// answer says nothing about which it is.
#[must_use]
pub fn denied_of_nothing(subject: &Subject, service: Service, now: Instant) -> Denied {
    let target = Target::Study { patient: PatientNumber(u32::MAX), study: StudyNumber(u32::MAX), reach: None };
    decide(subject, service, target, now).err().unwrap_or(Denied::Reach)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_refused_like_what_is_not_reached() {
        let stored = Subject::Device { device: DeviceId(1), may: vec![DeviceMay::Store] };
        let subjects = ROLES.map(person).into_iter().chain([stored, link(), Subject::Owner, Subject::Stranger]);
        for subject in subjects {
            for service in [Service::Open, Service::OpenListing, Service::Download, Service::Share] {
                let there = Target::Study { patient: PatientNumber(1), study: StudyNumber(2), reach: None };
                let denied = decide(&subject, service, there, NOW).err();
                assert_eq!(Some(denied_of_nothing(&subject, service, NOW)), denied, "{subject:?} {service:?}");
            }
        }
    }

    const NOW: Instant = Instant(1_000_000_000);

    fn person(role: Role) -> Subject {
        delegate(role, &[])
    }

    fn delegate(role: Role, of: &[OrganisationId]) -> Subject {
        Subject::Person {
            person: PersonId(7),
            role,
            organisations: vec![],
            delegate_of: of.to_vec(),
            session_until: Instant::MAX,
        }
    }

    fn link() -> Subject {
        Subject::Link { link: LinkId(4), session_until: Instant::MAX }
    }

    fn study(tier: Tier, until: Instant) -> Target {
        Target::Study {
            patient: PatientNumber(1),
            study: StudyNumber(2),
            reach: Some(Reach { tier, entry: EntryNumber(3), until }),
        }
    }

    const ROLES: [Role; 7] = [
        Role::Patient,
        Role::Referrer,
        Role::Radiologist,
        Role::Technologist,
        Role::Officer,
        Role::Administrator,
        Role::OfficerAdministrator,
    ];

    #[test]
    fn a_stranger_gets_only_what_must_work_before_somebody_is_known() {
        for service in Service::ALL {
            let answer = decide(&Subject::Stranger, service, study(Tier::Open, Instant::MAX), NOW);
            assert_eq!(answer.is_ok(), is_open_to_strangers(service), "{service:?}");
        }
    }

    #[test]
    fn nobody_opens_without_a_relationship() {
        let target = || Target::Study { patient: PatientNumber(1), study: StudyNumber(2), reach: None };
        let device =
            Subject::Device { device: DeviceId(1), may: vec![DeviceMay::Store, DeviceMay::List, DeviceMay::Open] };
        for subject in ROLES.map(person).into_iter().chain([device, link(), Subject::Owner, Subject::Stranger]) {
            for service in [Service::Open, Service::OpenListing, Service::Download] {
                assert!(decide(&subject, service, target(), NOW).is_err(), "{subject:?} {service:?}");
                assert!(decide(&subject, service, Target::Nothing, NOW).is_err(), "{subject:?} {service:?}");
            }
        }
    }

    #[test]
    fn an_officer_an_administrator_and_the_owner_see_no_patient_whatever_relationship_they_hold() {
        let reach = Reach { tier: Tier::Open, entry: EntryNumber(0), until: Instant::MAX };
        let blind = [Role::Officer, Role::Administrator, Role::OfficerAdministrator].map(person);
        for subject in blind.into_iter().chain([Subject::Owner]) {
            let blind = [
                Service::List,
                Service::Open,
                Service::OpenListing,
                Service::Download,
                Service::Share,
                Service::OwnStudies,
            ];
            for service in blind {
                let answer = decide(&subject, service, study(Tier::Open, Instant::MAX), NOW);
                assert_eq!(answer.err(), Some(Denied::Role), "{subject:?} {service:?}");
            }
            assert!(!subject.may_list(Some(&reach), NOW), "{subject:?}");
        }
    }

    #[test]
    fn reach_ends_with_the_relationship() {
        let referrer = person(Role::Referrer);
        assert!(decide(&referrer, Service::Open, study(Tier::Open, NOW.plus_seconds(1)), NOW).is_ok());
        assert_eq!(decide(&referrer, Service::Open, study(Tier::Open, NOW), NOW).err(), Some(Denied::Reach));
        assert_eq!(decide(&referrer, Service::OpenListing, study(Tier::List, NOW), NOW).err(), Some(Denied::Reach));
    }

    #[test]
    fn a_listing_relationship_opens_no_image() {
        let referrer = person(Role::Referrer);
        assert_eq!(decide(&referrer, Service::Open, study(Tier::List, Instant::MAX), NOW).err(), Some(Denied::Reach));
        assert!(decide(&referrer, Service::OpenListing, study(Tier::List, Instant::MAX), NOW).is_ok());
    }

    #[test]
    fn a_lease_outlives_neither_relationship_nor_session_nor_five_minutes() {
        let until = |session_until, reach_until| {
            let subject = Subject::Person {
                person: PersonId(7),
                role: Role::Radiologist,
                organisations: vec![],
                delegate_of: vec![],
                session_until,
            };
            decide(&subject, Service::Open, study(Tier::Open, reach_until), NOW).expect("reach is there").lease_until()
        };
        assert_eq!(until(Instant::MAX, Instant::MAX), NOW.plus_seconds(LEASE_SECONDS_MAX));
        assert_eq!(until(NOW.plus_seconds(9), Instant::MAX), NOW.plus_seconds(9));
        assert_eq!(until(Instant::MAX, NOW.plus_seconds(8)), NOW.plus_seconds(8));
    }

    #[test]
    fn a_device_that_may_only_store_reads_nothing() {
        let modality = Subject::Device { device: DeviceId(1), may: vec![DeviceMay::Store] };
        for service in Service::ALL {
            let expected = matches!(service, Service::Store | Service::Echo) || is_open_to_strangers(service);
            let answer = decide(&modality, service, study(Tier::Open, Instant::MAX), NOW);
            assert_eq!(answer.is_ok(), expected, "{service:?}");
        }
    }

    #[test]
    fn a_device_that_tells_orders_stores_and_reads_nothing_and_no_person_tells_any() {
        let sender = Subject::Device { device: DeviceId(1), may: vec![DeviceMay::Orders] };
        for service in Service::ALL {
            let expected = matches!(service, Service::Orders | Service::Echo) || is_open_to_strangers(service);
            assert_eq!(decide(&sender, service, study(Tier::Open, Instant::MAX), NOW).is_ok(), expected, "{service:?}");
        }
        for subject in ROLES.map(person).into_iter().chain([Subject::Owner]) {
            assert!(decide(&subject, Service::Orders, Target::Nothing, NOW).is_err(), "{subject:?}");
        }
    }

    #[test]
    fn whoever_opened_a_link_reads_one_study_and_does_nothing_else() {
        for service in Service::ALL {
            let reads = matches!(
                service,
                Service::SharedStudy | Service::List | Service::Open | Service::OpenListing | Service::Download
            );
            let answer = decide(&link(), service, study(Tier::Open, Instant::MAX), NOW);
            assert_eq!(answer.is_ok(), reads || is_open_to_strangers(service), "{service:?}");
        }
        let lease = decide(&link(), Service::Open, study(Tier::Open, NOW.plus_seconds(7)), NOW);
        assert_eq!(lease.expect("reach is there").lease_until(), NOW.plus_seconds(7));
        let over = Subject::Link { link: LinkId(4), session_until: NOW.plus_seconds(3) };
        let lease = decide(&over, Service::Download, study(Tier::Open, Instant::MAX), NOW);
        assert_eq!(lease.expect("reach is there").lease_until(), NOW.plus_seconds(3));
    }

    #[test]
    fn nobody_shares_what_they_may_only_list_or_do_not_reach() {
        for role in [Role::Patient, Role::Referrer, Role::Radiologist] {
            let share = |target| decide(&person(role), Service::Share, target, NOW).err();
            assert_eq!(share(study(Tier::Open, Instant::MAX)), None, "{role:?}");
            assert_eq!(share(study(Tier::List, Instant::MAX)), Some(Denied::Reach), "{role:?}");
            assert_eq!(share(study(Tier::Open, NOW)), Some(Denied::Reach), "{role:?}");
        }
    }

    #[test]
    fn a_delegate_adds_to_that_organisation_and_to_no_other() {
        let (own, other) = (OrganisationId(1), OrganisationId(2));
        for role in ROLES {
            let ask = |target| decide(&delegate(role, &[own]), Service::Delegate, target, NOW).is_ok();
            assert_eq!(ask(Target::Organisation(own)), may_be_delegate(role), "{role:?}");
            assert!(!ask(Target::Organisation(other)), "{role:?}");
            assert!(!ask(Target::Nothing), "{role:?}");
            assert!(decide(&person(role), Service::Delegate, Target::Organisation(own), NOW).is_err(), "{role:?}");
        }
        assert!(decide(&Subject::Owner, Service::Delegate, Target::Organisation(own), NOW).is_err());
    }

    #[test]
    fn nobody_reads_another_persons_own_things() {
        for service in [Service::OwnSessions, Service::OwnStudies, Service::OwnAccesses] {
            let answer = decide(&person(Role::Patient), service, Target::Person(PersonId(8)), NOW);
            assert_eq!(answer.err(), Some(Denied::Role), "{service:?}");
            assert!(decide(&person(Role::Patient), service, Target::Person(PersonId(7)), NOW).is_ok());
        }
    }

    #[test]
    fn the_table_for_people_who_do_not_read_rust_is_the_same() {
        let document = include_str!("../../../docs/access.md");
        for service in Service::ALL {
            let line = document
                .lines()
                .find(|line| line.starts_with(&format!("| {service:?} |")))
                .unwrap_or_else(|| panic!("docs/access.md has no line for {service:?}"));
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            for (role, cell) in ROLES.iter().zip(&cells[3..]) {
                let expected = match (person(*role).may(service), delegate(*role, &[OrganisationId(1)]).may(service)) {
                    (Ok(()), _) => "yes",
                    (Err(_), Ok(())) => "right",
                    _ => "-",
                };
                assert_eq!(*cell, expected, "{service:?} for {role:?}");
            }
            let owner = if Subject::Owner.may(service).is_ok() { "yes" } else { "-" };
            assert_eq!(cells[3 + ROLES.len()], owner, "{service:?} for the owner");
            let link = if link().may(service).is_ok() { "yes" } else { "-" };
            assert_eq!(cells[4 + ROLES.len()], link, "{service:?} for a share link");
        }
    }
}
