//! People, organisations, devices, and how they sign in.

use model::{
    Actor, AssociationRefused, Authorisation, DeviceId, DeviceMay, EntryBody, Instant, OrganisationId, PersonId,
    ProofRefused, Role, SignInMethod, SiteId,
};

use crate::story::{ADMINISTRATOR, OFFICER, PATIENT, RADIOLOGIST, REFERRER, START, Story, by, session, stranger};

pub fn tell(story: &mut Story, site: SiteId) {
    story.add(&Actor::Owner, EntryBody::Initialised { site, name: "Golden Clinic".to_owned() });
    let (program, unsealed_by) = ("0.1.0".to_owned(), "shares".to_owned());
    story.add(&Actor::Warden, EntryBody::WardenStarted { program, unsealed_by });
    people(story);
    devices(story);
    signing_in(story);
    leaving(story);
}

fn people(story: &mut Story) {
    let organisations =
        [("Ward 3", Authorisation::PasswordAndCode), ("Practice \"Süd\" \\ 1", Authorisation::PasskeyOnly)];
    for (number, (name, authorisation)) in (0..).zip(organisations) {
        let (organisation, name) = (OrganisationId(number), name.to_owned());
        story.add(&Actor::Owner, EntryBody::OrganisationAdded { organisation, name, authorisation });
    }
    let roles = [
        Role::Radiologist,
        Role::Referrer,
        Role::Patient,
        Role::Technologist,
        Role::Officer,
        Role::Administrator,
        Role::OfficerAdministrator,
    ];
    for (number, role) in (1..).zip(roles) {
        let (email, name) = (format!("p{number}@example.org"), format!("Ärztin {number}"));
        story.add(&Actor::Owner, EntryBody::PersonAdded { person: PersonId(number), email, name, role });
    }
    for (person, organisation) in [(RADIOLOGIST, 0), (REFERRER, 1), (OFFICER, 0), (ADMINISTRATOR, 0)] {
        let organisation = OrganisationId(organisation);
        story.add(&Actor::Owner, EntryBody::MemberJoined { person, organisation });
    }
    let until = START.plus_seconds(7 * 86_400);
    story.add(&by(ADMINISTRATOR), EntryBody::EnrolmentIssued { person: PATIENT, until });
}

fn devices(story: &mut Story) {
    let devices = [
        ("CT 1", vec![DeviceMay::Store]),
        ("Viewer", vec![DeviceMay::List, DeviceMay::Open, DeviceMay::Today]),
        ("Old gateway", vec![DeviceMay::Store, DeviceMay::List]),
    ];
    for (number, (name, may)) in (0..).zip(devices) {
        let (device, organisation) = (DeviceId(number), OrganisationId(0));
        story.add(&Actor::Owner, EntryBody::DeviceAdded { device, name: name.to_owned(), organisation, may });
    }
    story.add(&by(ADMINISTRATOR), EntryBody::DeviceTokenRemoved { device: DeviceId(2) });
    story.add(&by(ADMINISTRATOR), EntryBody::DeviceRemoved { device: DeviceId(2) });
}

fn signing_in(story: &mut Story) {
    let label = "key on the desk".to_owned();
    story.add(&stranger(), EntryBody::PasskeyBound { person: RADIOLOGIST, label });
    story.add(&stranger(), EntryBody::PasswordSet { person: REFERRER });
    for (person, method) in [
        (RADIOLOGIST, SignInMethod::Passkey),
        (REFERRER, SignInMethod::PasswordAndCode),
        (PATIENT, SignInMethod::PasswordAndRecoveryCode),
        (OFFICER, SignInMethod::Passkey),
        (ADMINISTRATOR, SignInMethod::Passkey),
    ] {
        story.add(&by(person), EntryBody::SignedIn { person, session: session(person), method });
    }
    for (person, reason) in [(None, "password"), (Some(REFERRER), "code-replayed")] {
        story.add(&stranger(), EntryBody::SignInRefused { person, reason: reason.to_owned() });
    }
    let act = "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg".to_owned();
    let method = SignInMethod::PasswordAndCode;
    story.add(&by(REFERRER), EntryBody::Confirmed { person: REFERRER, act, method });
    proofs(story);
}

fn proofs(story: &mut Story) {
    let since = story.now();
    let refused = |person, device, reason: &str, count, since: Instant| {
        EntryBody::ProofRefused(ProofRefused {
            person,
            session: person.map(session),
            device,
            reason: reason.to_owned(),
            count,
            since,
        })
    };
    story.add(&stranger(), refused(None, None, "session", 1, since));
    story.add(&stranger(), refused(Some(REFERRER), None, "key", 1, since));
    story.add(&stranger(), refused(None, Some(DeviceId(1)), "replayed", 499, since));
    // the second names nobody: it counts what many callers called themselves
    for (calling_ae_title, reason, count) in [("SCANNER \\1", "unknown", 1), ("", "room", 70_000)] {
        let (calling_ae_title, reason) = (calling_ae_title.to_owned(), reason.to_owned());
        story.add(
            &stranger(),
            EntryBody::AssociationRefused(AssociationRefused { calling_ae_title, reason, count, since }),
        );
    }
}

fn leaving(story: &mut Story) {
    let (technologist, owner, organisation) = (PersonId(4), PersonId(7), OrganisationId(0));
    story.add(&Actor::Owner, EntryBody::MemberJoined { person: owner, organisation });
    story.add(&Actor::Owner, EntryBody::MemberLeft { person: owner, organisation });
    let (from, to) = (Role::Technologist, Role::Radiologist);
    story.add(&Actor::Warden, EntryBody::RoleChanged { person: technologist, from, to });
    let (label, passkey) = ("lost key".to_owned(), "0123456789abcdef".to_owned());
    story.add(&by(ADMINISTRATOR), EntryBody::PasskeyRemoved { person: technologist, label, passkey });
    story.add(&by(PATIENT), EntryBody::SessionEnded { person: PATIENT, session: session(PATIENT) });
    story.add(&by(ADMINISTRATOR), EntryBody::PersonClosed { person: technologist });
}
