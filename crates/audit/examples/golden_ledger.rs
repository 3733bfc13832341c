//! Writes the ledgers of `testdata/ledger`: one closed, and the same as a kill left it eight entries later.
//!
//! `cargo run -p audit --example golden_ledger -- FOLDER`. What is in `testdata` stays as it is; a later version that
//! writes another form adds a folder beside it.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use audit::{Ledger, LedgerKeys, LedgerOptions};
use model::{
    About, Actor, Authorisation, DeviceId, DeviceMay, EntryBody, EntryNumber, ExposureReported, Instant, OpenScope,
    OrganisationId, Origin, PatientNumber, PersonId, Relationship, Role, SECOND, SessionId, SignInMethod, SiteId,
    StudyNumber, Tier, What, Who, Window,
};
use seal::RootSecret;

const ORIGIN: &str = "leadglass/90ade4000000000000000000000000ff";
const START: Instant = Instant(1_764_000_000 * SECOND);

fn keys() -> LedgerKeys {
    LedgerKeys::from_root(&RootSecret::from_bytes(&[0x42; 32]))
}

/// Every kind of entry once.
fn kinds() -> Vec<(Actor, EntryBody)> {
    let person = PersonId(1);
    let session = SessionId([0x5e; 16]);
    let origin = Origin("192.0.2.17".to_owned());
    let somebody = Actor::Person { person, session, origin: origin.clone() };
    let device = Actor::Device { device: DeviceId(0), origin: Origin("2001:db8::5".to_owned()) };
    let stranger = Actor::Stranger { origin };
    let window = Window { from: START, to: START.plus_seconds(90 * 86_400) };
    let until = START.plus_seconds(300);
    let site: SiteId = SiteId(*b"\x90\xad\xe4\0\0\0\0\0\0\0\0\0\0\0\0\xff");
    let organisation = OrganisationId(0);
    let (patient, study) = (PatientNumber(0), StudyNumber(0));
    let relationship = |who, what, tier| EntryBody::Related {
        relationship: Relationship { who, what, tier, window, basis: "order 17".to_owned(), entry: EntryNumber(0) },
    };
    vec![
        (Actor::Owner, EntryBody::Initialised { site, name: "Golden Clinic".to_owned() }),
        (Actor::Warden, EntryBody::WardenStarted { program: "0.1.0".to_owned(), unsealed_by: "passphrase".to_owned() }),
        (
            Actor::Owner,
            EntryBody::OrganisationAdded {
                organisation,
                name: "Ward 3".to_owned(),
                authorisation: Authorisation::PasswordAndCode,
            },
        ),
        (
            Actor::Owner,
            EntryBody::PersonAdded {
                person,
                email: "a@example.org".to_owned(),
                name: "Ärztin A".to_owned(),
                role: Role::Radiologist,
            },
        ),
        (Actor::Owner, EntryBody::MemberJoined { person, organisation }),
        (Actor::Owner, EntryBody::EnrolmentIssued { person, until }),
        (somebody.clone(), EntryBody::PasskeyBound { person, label: "key on the desk".to_owned() }),
        (somebody.clone(), EntryBody::PasswordSet { person }),
        (somebody.clone(), EntryBody::SignedIn { person, session, method: SignInMethod::PasswordAndRecoveryCode }),
        (stranger.clone(), EntryBody::SignInRefused { person: None, reason: "password".to_owned() }),
        (
            Actor::Owner,
            EntryBody::DeviceAdded {
                device: DeviceId(0),
                name: "CT 1".to_owned(),
                organisation,
                may: vec![DeviceMay::Store, DeviceMay::List, DeviceMay::Open],
            },
        ),
        (Actor::Owner, relationship(Who::Person(person), What::Patient(patient), Tier::Open)),
        (Actor::Owner, relationship(Who::Organisation(organisation), What::Study(study), Tier::List)),
        (Actor::Owner, relationship(Who::Device(DeviceId(0)), What::Site, Tier::List)),
        (Actor::Owner, EntryBody::RelationshipEnded { entry: EntryNumber(13), until }),
        (Actor::Warden, EntryBody::PatientAdded { patient }),
        (
            device.clone(),
            EntryBody::Stored {
                patient,
                study,
                instances: 120,
                duplicates: 1,
                conflicts: 2,
                taken_in: START,
                outbox_sequence: 1,
            },
        ),
        (
            somebody.clone(),
            EntryBody::Moved { study, from: patient, to: PatientNumber(1), reason: "wrong patient".to_owned() },
        ),
        (
            device,
            EntryBody::Listed {
                patients: [0, 1, 300].into_iter().collect(),
                studies: (0..40).collect(),
                lease_until: until,
            },
        ),
        (somebody.clone(), EntryBody::Opened { patient, study, scope: OpenScope::Images, lease_until: until }),
        (somebody.clone(), EntryBody::Opened { patient, study, scope: OpenScope::Listing, lease_until: until }),
        (
            stranger,
            EntryBody::Refused {
                action: "open".to_owned(),
                what: Some(What::Patient(patient)),
                reason: "reach".to_owned(),
            },
        ),
        (
            Actor::Owner,
            EntryBody::ExposureReported(ExposureReported {
                about: About::Person(person),
                window,
                reachable_patients: 1,
                listed_patients: 0,
                opened_patients: 1,
                sha256: None,
            }),
        ),
        (somebody.clone(), EntryBody::AccessesRead { patient }),
        (somebody.clone(), EntryBody::SessionEnded { person, session }),
        (somebody, EntryBody::MemberLeft { person, organisation }),
    ]
}

fn entry(n: u64) -> (Actor, EntryBody) {
    let kinds = kinds();
    kinds[n as usize % kinds.len()].clone()
}

fn append(ledger: &Ledger, to: u64, lines: &mut String) -> Result<(), Box<dyn Error>> {
    while ledger.size() < to {
        let n = ledger.size();
        for (_, entry) in ledger.append(vec![entry(n)], START.plus_seconds(n as i64 * 600))? {
            lines.push_str(&serde_json::to_string(&entry)?);
            lines.push('\n');
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (path, target) = entry.map(|entry| (entry.path(), to.join(entry.file_name())))?;
        if path.is_dir() { copy(&path, &target)? } else { fs::copy(path, target).map(|_| ())? }
    }
    Ok(())
}

fn write(path: &Path, content: &str) -> std::io::Result<()> {
    fs::File::create(path)?.write_all(content.as_bytes())
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("name the folder to write into")?);
    fs::create_dir_all(&folder)?;
    let closed = folder.join("closed");
    let mut lines = String::new();
    Ledger::create(&closed, &keys(), ORIGIN)?;
    let quiet = || LedgerOptions {
        journal_bytes: 4096,
        publish_entries: u64::MAX,
        publish_after: Duration::from_secs(3600),
        ..LedgerOptions::default()
    };
    let (ledger, _) = Ledger::open_with(&closed, keys(), ORIGIN, quiet())?;
    append(&ledger, 262, &mut lines)?;
    drop(ledger);

    let going_on = folder.join("going-on");
    copy(&closed, &going_on)?;
    let (ledger, _) = Ledger::open_with(&going_on, keys(), ORIGIN, quiet())?;
    append(&ledger, 270, &mut lines)?;
    write(&folder.join("since-270"), &ledger.checkpoint())?;
    std::thread::sleep(Duration::from_millis(200));
    copy(&going_on, &folder.join("killed"))?;
    drop(ledger);
    fs::remove_dir_all(going_on)?;
    write(&folder.join("entries.jsonl"), &lines)?;

    // the same site's key, other entries
    let other = folder.join("other");
    Ledger::create(&other, &keys(), ORIGIN)?;
    let (ledger, _) = Ledger::open(&other, keys(), ORIGIN)?;
    append(&ledger, 100, &mut String::new())?;
    write(&folder.join("since-100-of-another"), &ledger.checkpoint())?;
    drop(ledger);
    fs::remove_dir_all(other)?;
    Ok(())
}
