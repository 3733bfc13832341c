//! Images, who may see them and who did; reports, questions and incidents about it.

use model::{
    About, Actor, Clock, DeviceId, DiskId, DiskPart, EmergencyReason, EntryBody, EntryNumber, ExposureReported, KeyId,
    OpenScope, OrganisationId, PatientNumber, Relationship, StudyNumber, Tier, Verdict, What, Who,
};

use crate::story::{ADMINISTRATOR, OFFICER, PATIENT, RADIOLOGIST, REFERRER, Story, by, device, session, window};

const KEY: KeyId = KeyId([0xaa; 16]);
const DISK: DiskId = DiskId([0xd1; 16]);

/// The number of the second question, which is erased later.
pub fn tell(story: &mut Story) -> EntryNumber {
    images(story);
    relationships(story);
    readings(story);
    emergencies(story);
    disks(story);
    incident(story);
    questions(story)
}

/// Patient 0 has the studies 0 and 1, of which the second is moved to patient 1, who has study 2.
fn images(story: &mut Story) {
    for patient in [0, 1] {
        story.add(&Actor::Warden, EntryBody::PatientAdded { patient: PatientNumber(patient) });
    }
    for (outbox_sequence, (patient, study)) in (1..).zip([(0, 0), (0, 1), (1, 2)]) {
        let (patient, study) = (PatientNumber(patient), StudyNumber(study));
        let keys = if study.0 == 0 { vec![KEY, KeyId([0xab; 16])] } else { vec![KeyId([study.0 as u8; 16])] };
        story.add(&Actor::Warden, EntryBody::KeysFiled { study, keys });
        let taken_in = story.now();
        let stored = EntryBody::Stored {
            patient,
            study,
            instances: 120,
            duplicates: study.0,
            conflicts: 2,
            taken_in,
            outbox_sequence,
        };
        story.add(&device(0), stored);
    }
    let (study, from, to) = (StudyNumber(1), PatientNumber(0), PatientNumber(1));
    let reason = "wrong worklist entry".to_owned();
    story.add(&by(ADMINISTRATOR), EntryBody::Moved { study, from, to, reason });
    story.add(&by(OFFICER), EntryBody::HoneyAdded { patient: PatientNumber(2) });
}

fn related(who: Who, what: What, tier: Tier, basis: &str) -> EntryBody {
    let (window, basis, entry) = (window(), basis.to_owned(), EntryNumber(0));
    EntryBody::Related { relationship: Relationship { who, what, tier, window, basis, entry } }
}

fn relationships(story: &mut Story) {
    let (patient, study) = (What::Patient(PatientNumber(0)), What::Study(StudyNumber(2)));
    story.add(&by(ADMINISTRATOR), related(Who::Person(RADIOLOGIST), patient, Tier::Open, "order 17"));
    let organisation = Who::Organisation(OrganisationId(0));
    let ward = story.add(&by(ADMINISTRATOR), related(organisation, study, Tier::List, "treatment team"));
    story.add(&Actor::Owner, related(Who::Device(DeviceId(1)), What::Site, Tier::Open, "viewer"));
    story.add(&Actor::Owner, related(Who::Person(PATIENT), patient, Tier::Open, "patient"));
    let until = story.now();
    story.add(&by(ADMINISTRATOR), EntryBody::RelationshipEnded { entry: ward, until });
}

fn readings(story: &mut Story) {
    let lease = |story: &Story| story.now().plus_seconds(300);
    let lease_until = lease(story);
    let (patients, studies) = ([0].into_iter().collect(), [0, 300, 70_000].into_iter().collect());
    story.add(&by(RADIOLOGIST), EntryBody::Listed { patients, studies, lease_until });
    let lease_until = lease(story);
    story.add(
        &device(1),
        EntryBody::Listed { patients: [0, 1].into_iter().collect(), studies: (0..3).collect(), lease_until },
    );
    let (patient, study) = (PatientNumber(0), StudyNumber(0));
    for scope in [OpenScope::Listing, OpenScope::Images] {
        let lease_until = lease(story);
        story.add(&by(RADIOLOGIST), EntryBody::Opened { patient, study, scope, lease_until });
    }
    let what = [None, Some(What::Patient(PatientNumber(1))), Some(What::Study(StudyNumber(2))), Some(What::Site)];
    for what in what {
        let (action, reason) = ("open".to_owned(), "reach".to_owned());
        story.add(&by(REFERRER), EntryBody::Refused { action, what, reason });
    }
    let entry = EntryNumber(story.entries.len() as u64 - 1);
    story.add(&Actor::Warden, EntryBody::Repeated { entry, times: 41, studies: [2, 5].into_iter().collect() });
    story.add(&by(PATIENT), EntryBody::AccessesRead { patient });
}

fn emergencies(story: &mut Story) {
    let patient = PatientNumber(1);
    story.add(&by(REFERRER), EntryBody::BreakGlassMissed { tries: 1 });
    for (reason, verdict) in [
        (EmergencyReason::LifeThreatening, Some(Verdict::Justified)),
        (EmergencyReason::UrgentTreatment, Some(Verdict::NotJustified)),
        (EmergencyReason::CriticalResult, None),
        (EmergencyReason::SystemDown, None),
        (EmergencyReason::Other, None),
    ] {
        let basis = "break-glass, unconscious in the ambulance";
        story.add(&by(REFERRER), related(Who::Person(REFERRER), What::Patient(patient), Tier::Open, basis));
        let (text, until) = ("unconscious in the ambulance".to_owned(), story.now().plus_seconds(4 * 3600));
        let used = story.add(&by(REFERRER), EntryBody::BrokeGlass { patient, reason, text, until });
        if let Some(verdict) = verdict {
            let note = "the ward confirms it".to_owned();
            story.add(&by(OFFICER), EntryBody::BreakGlassReviewed { used, verdict, note });
        }
    }
}

fn disks(story: &mut Story) {
    let filesystem = "5f1c6f5e-0c55-4c2e-9d1f-6b7c1c0d7f00".to_owned();
    let holds = vec![DiskPart::Images, DiskPart::Keyring, DiskPart::Ledger];
    story.add(&Actor::Owner, EntryBody::DiskHolds { disk: DISK, filesystem, holds, instead_of: None });
    let (disk, holds) = (DiskId([0xd2; 16]), vec![DiskPart::Copy]);
    story.add(&Actor::Owner, EntryBody::DiskHolds { disk, filesystem: String::new(), holds, instead_of: None });
    let (disk, holds) = (DiskId([0xd3; 16]), vec![DiskPart::Images]);
    let body = EntryBody::DiskHolds { disk, filesystem: String::new(), holds, instead_of: Some(DISK) };
    story.add(&Actor::Warden, body);
}

fn incident(story: &mut Story) {
    let about = vec![
        About::Person(REFERRER),
        About::Organisation(OrganisationId(1)),
        About::Device(DeviceId(1)),
        About::Session(session(REFERRER)),
        About::Key(KEY),
        About::Disk(DISK),
    ];
    let (incident, aware) = (1, story.now());
    let title = "a login is on a list of leaked ones".to_owned();
    let (window, reported) = (window(), about.clone());
    story.add(&by(OFFICER), EntryBody::IncidentOpened { incident, title, about, window, aware });
    let text = "the referrer was called".to_owned();
    story.add(&by(OFFICER), EntryBody::IncidentNoted { incident, text });
    for (number, about) in (0u64..).zip(reported) {
        // a report that was only shown has no hash
        let sha256 = number.is_multiple_of(2).then(|| "e3".repeat(32));
        let (reachable_patients, listed_patients, opened_patients) = (number + 2, number + 1, number);
        let body = EntryBody::ExposureReported(ExposureReported {
            about,
            window,
            reachable_patients,
            listed_patients,
            opened_patients,
            sha256,
        });
        let report = story.add(&by(OFFICER), body);
        story.add(&by(OFFICER), EntryBody::IncidentReport { incident, report });
    }
    for clock in Clock::ALL {
        let done = story.now();
        story.add(&by(OFFICER), EntryBody::IncidentClock { incident, clock, done });
    }
    story.add(&by(OFFICER), EntryBody::IncidentClosed { incident, text: "nothing was opened".to_owned() });
}

/// The number of a question.
fn questions(story: &mut Story) -> EntryNumber {
    let patient = PatientNumber(0);
    let looked = story.entries.iter().position(|(_, body, _)| matches!(body, EntryBody::Opened { .. }));
    let looked = looked.map(|number| EntryNumber(number as u64));
    let mut asked = EntryNumber(0);
    for (question, access) in [(1, None), (2, looked)] {
        let text = format!("Why did \"somebody\" look?\n\tI was not there, question {question}. \u{1f914}");
        asked = story.add(&by(PATIENT), EntryBody::QuestionAsked { question, patient, access, text });
        let text = "The ward asked for a second opinion.".to_owned();
        story.add(&by(OFFICER), EntryBody::QuestionAnswered { question, text });
    }
    asked
}
