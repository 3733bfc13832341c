//! Erasing the words of an entry: on two persons' word, out of every file, and out of nothing that anybody answers for.

use std::path::{Path, PathBuf};

use audit::LedgerOptions;
use model::{ERASED, Entry, EntryBody, EntryNumber, Instant, Origin, Role, Standing, Window};
use protocol::{
    ApprovalRequest, Credential, ExposureReport, Invalid, PageReply, PageRequest, ProposalState, Refusal, Scope,
};

use crate::approving::{DELAY, approve, clock, look, proposed, refuse, set_up, two_persons, wait};
use crate::gates::with_images;
use crate::site::{Folder, Site, soon};

const WORDS: &str = "my neighbour Quirinus Hagedorn looked";

fn erase(entry: EntryNumber) -> PageRequest {
    PageRequest::Approvals(ApprovalRequest::Erase { entry, reason: "Art. 17, request of 3 November".to_owned() })
}

fn number_of(entries: &[Entry], is_it: impl Fn(&EntryBody) -> bool) -> EntryNumber {
    EntryNumber(entries.iter().position(|entry| is_it(&entry.body)).unwrap() as u64)
}

fn is_erasure(body: &EntryBody) -> bool {
    matches!(body, EntryBody::Erased { .. })
}

/// Every file of a folder; sockets are none.
fn files(folder: &Path) -> Vec<PathBuf> {
    let inside = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    inside
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.is_file())
        .collect()
}

/// The files of DIR that hold these bytes.
fn holding(folder: &Folder, bytes: &[u8]) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| std::fs::read(path).unwrap().windows(bytes.len()).any(|window| window == bytes);
    files(folder.path()).into_iter().filter(holds).collect()
}

/// The sealed payload of an entry in a closed ledger of fewer than 256 (`docs/formats/ledger.md`).
fn sealed(folder: &Folder, number: EntryNumber) -> Vec<u8> {
    let [bundle] = &files(&folder.path().join("ledger/payload"))[..] else { panic!("one bundle") };
    let bytes = std::fs::read(bundle).unwrap();
    let mut rest = &bytes[..];
    for _ in 0..number.0 {
        let (length, behind) = rest.split_first_chunk::<4>().unwrap();
        rest = &behind[u32::from_be_bytes(*length) as usize..];
    }
    let (length, behind) = rest.split_first_chunk::<4>().unwrap();
    behind[..u32::from_be_bytes(*length) as usize].to_vec()
}

/// What a report says of its time, without where the ledger stood when it was made.
async fn exposed(site: &Site, to: Instant) -> ExposureReport {
    let window = Window { from: Instant(0), to };
    match site.ask(PageRequest::Exposure { who: "device:viewer".to_owned(), window }).await {
        PageReply::Exposure(report) => {
            ExposureReport { erased: 0, ledger_size: 0, checkpoint: String::new(), ..*report }
        }
        other => panic!("{other:?}"),
    }
}

/// A site that is set up, where a patient's images were opened and the patient asked something.
struct Scene {
    site: Site,
    reader: Credential,
    patient: Credential,
    officer: Credential,
    admin: Credential,
}

impl Scene {
    async fn in_folder(folder: &Folder) -> Self {
        let site = set_up(folder).await;
        let (reader, _) = with_images(folder, &site).await;
        let patient = site.person("p1@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
        site.open(&reader, "1.2.1", Scope::Images).await.unwrap();
        site.ask_as(&patient, PageRequest::AskQuestion { access: None, text: WORDS.to_owned() }).await.unwrap();
        let (officer, admin) = two_persons(&site).await;
        Self { site, reader, patient, officer, admin }
    }
}

async fn question(site: &Site, officer: &Credential) -> String {
    match site.ask_as(officer, PageRequest::Questions).await {
        Ok(PageReply::Questions(rows)) => rows[0].text.clone(),
        other => panic!("{other:?}"),
    }
}

async fn restarted(folder: &Folder, site: Site) -> Site {
    site.stop().await;
    folder.start_with(clock, LedgerOptions::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_persons_erase_words_and_they_are_in_no_file_while_the_tree_and_exposure_stay() {
    let folder = Folder::new();
    let Scene { site, officer, admin, .. } = Scene::in_folder(&folder).await;
    assert_eq!(question(&site, &officer).await, WORDS);
    let number = number_of(&site.entries().await, |body| matches!(body, EntryBody::QuestionAsked { .. }));

    let row = proposed(site.ask_owner(erase(number)).await);
    assert_eq!((row.need.standing, row.need.approvals), (Standing::TwoPersons, 2), "{}", row.words);
    proposed(approve(&site, &officer, &row).await);
    wait(DELAY + 1);
    assert_eq!(look(&site, &row).await.state, ProposalState::Open, "one of two, however long it waits");
    assert_eq!(question(&site, &officer).await, WORDS);

    // closed, everything is in the tiles: this is what has to go
    let before = site.entries().await;
    let to = clock();
    let exposure = exposed(&site, to).await;
    assert_eq!((exposure.opened.patients, exposure.reachable.patients), (1, 2));
    site.stop().await;
    let payload = sealed(&folder, number);
    assert!(payload.len() > WORDS.len() && !holding(&folder, &payload).is_empty());
    let site = folder.start_with(clock, LedgerOptions::default()).await;

    proposed(approve(&site, &admin, &row).await);
    wait(DELAY + 1);
    let state = look(&site, &row).await.state;
    assert!(matches!(state, ProposalState::CarriedOut { standing: Standing::TwoPersons, .. }), "{state:?}");
    assert_eq!(question(&site, &officer).await, ERASED);
    site.stop().await;
    assert_eq!(holding(&folder, &payload), [] as [PathBuf; 0], "the sealed words");
    assert_eq!(holding(&folder, WORDS.as_bytes()), [] as [PathBuf; 0]);
    let verified = audit::verify(&folder.path().join("ledger"), None).unwrap();
    assert_eq!((verified.erased, verified.erasures_owed), (1, 0));

    let site = folder.start_with(clock, LedgerOptions::default()).await;
    let after = site.entries().await;
    let changed: Vec<u64> = (0..).zip(before.iter().zip(&after)).filter(|(_, (b, a))| b != a).map(|(n, _)| n).collect();
    assert_eq!(changed, [number.0], "every other entry is as it was");
    let left = &after[number.0 as usize];
    assert_eq!((&left.actor, left.recorded), (&before[number.0 as usize].actor, before[number.0 as usize].recorded));
    assert!(matches!(&left.body, EntryBody::QuestionAsked { text, .. } if text == ERASED), "{left:?}");
    assert_eq!(after.iter().filter(|entry| is_erasure(&entry.body)).count(), 1);
    assert_eq!(question(&site, &officer).await, ERASED);
    assert_eq!(exposed(&site, to).await, exposure);
    assert_eq!(site.ask_owner(erase(number)).await.err(), Some(Refusal::Exists), "erased before");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_asks_for_an_erasure_and_what_reach_rests_on_is_not_erased() {
    let folder = Folder::new();
    let Scene { site, reader, patient, officer, admin } = Scene::in_folder(&folder).await;
    let entries = site.entries().await;
    let number = number_of(&entries, |body| matches!(body, EntryBody::QuestionAsked { .. }));

    // no page asks for it, so no session's proof fits; the owner's word is none on the front's socket
    for (who, session) in [("the patient", &patient), ("an officer", &officer), ("an administrator", &admin)] {
        assert_eq!(site.ask_as(session, erase(number)).await.err(), Some(Refusal::Proof), "{who}");
    }
    let stranger = Credential::Stranger { origin: Origin("10.0.0.66".to_owned()) };
    for (who, credential, refusal) in [
        ("a device", reader, Refusal::NotAllowed),
        ("the owner through the front", Credential::Owner, Refusal::NotAllowed),
        ("a stranger", stranger, Refusal::SignedOut),
    ] {
        let asked = site.front.ask(soon(), credential, erase(number)).await.unwrap();
        assert_eq!(asked.err(), Some(refusal), "{who}");
    }

    let kept = |is_it: fn(&EntryBody) -> bool| erase(number_of(&entries, is_it));
    for (what, request) in [
        ("a relationship", kept(|body| matches!(body, EntryBody::Related { .. }))),
        ("an opening", kept(|body| matches!(body, EntryBody::Opened { .. }))),
        ("a person's name", kept(|body| matches!(body, EntryBody::PersonAdded { .. }))),
    ] {
        let refused = site.ask_owner(request).await.err();
        assert!(matches!(refused, Some(Refusal::Invalid(Invalid::Kept(_)))), "{what}: {refused:?}");
    }

    // one who says no is enough
    let row = proposed(site.ask_owner(erase(number)).await);
    proposed(approve(&site, &admin, &row).await);
    proposed(refuse(&site, &officer, &row).await);
    wait(DELAY + 1);
    assert!(matches!(look(&site, &row).await.state, ProposalState::Ended { .. }));
    let site = restarted(&folder, site).await;
    assert_eq!(question(&site, &officer).await, WORDS);
    assert!(!site.entries().await.iter().any(|entry| is_erasure(&entry.body)));
}
