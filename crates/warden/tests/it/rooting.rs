//! Another root in the place of the one that is there: what whoever has the old one opens, and what a crash leaves.

use std::path::{Path, PathBuf};

use audit::{LedgerKeys, LedgerOptions, Reader};
use model::{EntryBody, KeyId, ObjectId, SiteId};
use protocol::{
    Credential, Level, NewRootAsked, PageReply, PageRequest, Refusal, RootRow, Scope, UnsealReply, UnsealRequest,
    Verdict,
};
use seal::{
    BatchKeys, MethodId, MethodKind, MethodSecret, ObjectContext, ObjectKind, RootEnvelope, RootSecret, SealKey,
    SystemRandom,
};
use warden::{NewRoot, NewRootError, NoHooks, RootHooks, RootProgress, RootStep, Settings, Unseal, Warden};

use crate::approving::{DELAY, approve, clock, look, proposed, set_up, two_persons, wait};
use crate::sender::{Sender, keys, note};
use crate::site::{Folder, PASSPHRASE, Site, copy, now};
use crate::thief::Thief;

fn envelope(dir: &Path) -> (RootEnvelope, Vec<u8>) {
    let json = std::fs::read(dir.join("warden/root.json")).unwrap();
    (RootEnvelope::from_json(&json).unwrap(), json)
}

fn root(dir: &Path) -> RootSecret {
    envelope(dir).0.unseal_with_passphrase(PASSPHRASE).unwrap()
}

fn method(envelope: &RootEnvelope, kind: &MethodKind) -> MethodId {
    envelope.methods().unwrap().iter().find(|method| method.kind == *kind).unwrap().id
}

/// A new root: the passphrase stays, the recovery kit goes.
fn new_root(dir: &Path) -> NewRoot {
    let (old, _) = envelope(dir);
    let (before, root) = (root(dir), RootSecret::generate(&mut SystemRandom));
    let passphrase = MethodSecret::Passphrase(PASSPHRASE.to_owned().into());
    let stay = [(method(&old, &MethodKind::Passphrase), passphrase)];
    let (envelope, stayed) = old.renewed(&before, &root, &stay, &mut SystemRandom).unwrap();
    NewRoot { before, root, envelope, stayed }
}

fn asked(dir: &Path, signed_by: &RootSecret) -> PageRequest {
    let (old, json) = envelope(dir);
    let kit = old.methods().unwrap().into_iter().find(|method| method.kind == MethodKind::RecoveryKit);
    let mut asked = NewRootAsked {
        based_on: seal::sha256(&json),
        removed: kit.iter().map(|kit| kit.id.to_string()).collect(),
        leave_only_machines: false,
        signature: Vec::new(),
    };
    asked.signature = signed_by.unseal_signing_key().sign(&asked.message()).to_vec();
    PageRequest::Unseal(UnsealRequest::NewRoot(Box::new(asked)))
}

/// What the owner asks for a new root without the recovery kit.
pub fn asked_by_owner(dir: &Path) -> PageRequest {
    asked(dir, &root(dir))
}

/// A warden that serves nobody, as the command has it.
fn alone(dir: &Path, clock: fn() -> model::Instant) -> Warden {
    let unseal = Unseal::Passphrase(PASSPHRASE.to_owned());
    let origin = "http://localhost:8443".to_owned();
    Warden::start(Settings { dir: dir.to_owned(), unseal, origin, clock }).unwrap()
}

/// The warden ends in front of a step, as if it had been killed there.
struct EndsBefore(RootStep);

impl RootHooks for EndsBefore {
    fn before(&mut self, step: RootStep) -> std::io::Result<()> {
        if step == self.0 { Err(std::io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    }
}

/// Something happens to what was written for the new root before it is looked at.
struct Damaged(String, PathBuf);

impl RootHooks for Damaged {
    fn before(&mut self, step: RootStep) -> std::io::Result<()> {
        if step == RootStep::Check {
            let rows = rusqlite::Connection::open(&self.1).unwrap().execute(&self.0, []).unwrap();
            assert_eq!(rows, 1, "{}", self.0);
        }
        Ok(())
    }
}

/// A warden as the command has it, that may put this root in place.
async fn allowed(dir: &Path, new: &NewRoot) -> Warden {
    let unseal = Unseal::Root { root: new.before.clone(), by: "passphrase" };
    let origin = "http://localhost:8443".to_owned();
    let warden = Warden::start(Settings { dir: dir.to_owned(), unseal, origin, clock: now }).unwrap();
    warden.ask_as_owner(asked(dir, &new.before)).await.unwrap();
    warden
}

/// What the command does while the site is set up.
pub async fn renew(dir: &Path, clock: fn() -> model::Instant) {
    let warden = alone(dir, clock);
    let reply = warden.ask_as_owner(asked_by_owner(dir)).await.unwrap();
    assert!(matches!(reply, PageReply::Unseal(UnsealReply::NewRootAllowed)), "{reply:?}");
    warden.renew_root(&new_root(dir), &mut NoHooks).unwrap();
}

async fn root_row(site: &Site) -> RootRow {
    match site.ask(PageRequest::Unseal(UnsealRequest::Root)).await {
        PageReply::Unseal(UnsealReply::Root(row)) => row,
        other => panic!("{other:?}"),
    }
}

async fn store(site: &Site, sender: &mut Sender, patient: &str, study: &str) -> BatchKeys {
    let keys = keys();
    let object = sender.object(&keys, &note(patient, study, 1));
    let record = sender.record(vec![sender.wrap(&keys)], vec![object]);
    let reply = site.hand_over(&[record]).await.unwrap();
    assert!(matches!(reply.verdicts[0].verdict, Verdict::Accepted { .. }), "{:?}", reply.verdicts);
    keys
}

/// How many records of warden.db open with what follows from a root, and how many there are.
fn records(dir: &Path, site: SiteId, root: &RootSecret) -> (usize, usize) {
    let database = rusqlite::Connection::open(dir.join("warden/warden.db")).unwrap();
    let mut statement = database.prepare("SELECT space, key, sealed FROM record").unwrap();
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, u8>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, Vec<u8>>(2)?)))
        .unwrap();
    let (mut opened, mut all) = (0, 0);
    for row in rows {
        let (space, key, sealed) = row.unwrap();
        all += 1;
        let named = seal::sha256(&[&[space], key.as_slice()].concat());
        let object = ObjectId(named[..16].try_into().unwrap());
        let opens = ["registry records v1", "identity records v1", "warden secrets v1"].iter().any(|label| {
            let under = SealKey::from(root.derive(label));
            [ObjectKind::Registry, ObjectKind::Person, ObjectKind::Secret].into_iter().any(|kind| {
                seal::open_blob(&under, ObjectContext { site, key: KeyId([0; 16]), object, kind }, &sealed).is_ok()
            })
        });
        opened += usize::from(opens);
    }
    (opened, all)
}

/// The kinds of entries that open with a root alone.
fn entries_of(dir: &Path, root: &RootSecret) -> Vec<EntryBody> {
    let mut reader = Reader::open(&dir.join("ledger"), LedgerKeys::from_root(root).payload_keys()).unwrap();
    let mut bodies = Vec::new();
    for index in 0..reader.size().div_ceil(256) {
        bodies.extend(reader.bundle(index).unwrap().into_iter().filter_map(|(_, entry)| Some(entry.ok()?.body)));
    }
    bodies
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_root_json_and_the_disk_of_today_open_no_key_no_record_and_no_entry_of_since() {
    let folder = Folder::new();
    let dir = folder.path();
    let site = folder.start().await;
    let mut sender = folder.sender();
    let one = store(&site, &mut sender, "P1", "1.2.1").await;
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "site", 3600).await;
    assert_eq!(root_row(&site).await.number, 1);
    let old = root(dir);
    site.stop().await;
    assert_eq!(records(dir, folder.made.site, &old).0, records(dir, folder.made.site, &old).1, "the search finds all");
    assert!(Thief::takes(dir).opens(&[one.key]).contains(&one), "the search finds it before");
    let older = tempfile::tempdir().unwrap();
    copy(&dir.join("warden"), &older.path().join("older"));

    renew(dir, now).await;
    let site = folder.start().await;
    let row = root_row(&site).await;
    assert_eq!((row.number, row.left_open, row.former_kept), (2, None, true));
    assert_eq!(envelope(dir).0.methods().unwrap().len(), 1, "the kit went");
    // all of before opens and is known
    assert_eq!(site.list(&reader, Level::Study).await.unwrap().studies.len(), 1);
    assert!(site.open(&reader, "1.2.1", Scope::Images).await.is_ok());
    let again = sender.image("P1", "1.2.1", 1);
    let reply = site.hand_over(&[again]).await.unwrap();
    assert_eq!(reply.verdicts[0].verdict, Verdict::Duplicate, "digests of before are known");
    // what is new comes in, sealed to the new key
    let public = site.public_key().await;
    assert!(public != sender.public);
    sender.public = public;
    let two = store(&site, &mut sender, "P2", "1.2.2").await;
    assert!(site.open(&reader, "1.2.2", Scope::Images).await.is_ok());
    site.stop().await;

    let thief = Thief::with_root(dir, folder.made.site, old.clone());
    assert_eq!(thief.opens(&[one.key, two.key]), []);
    assert_eq!(thief.epochs(), 0);
    let (opened, all) = records(dir, folder.made.site, &old);
    assert!(opened == 0 && all > 5, "{opened} of {all}");
    let is_since = |body: &EntryBody| matches!(body, EntryBody::RootRenewed(_) | EntryBody::KeysRotated { .. });
    let of_before = entries_of(dir, &old);
    assert!(!of_before.iter().any(is_since) && of_before.iter().any(|body| matches!(body, EntryBody::Stored { .. })));
    // with all of an older copy beside it, what that copy held, and nothing of since
    copy(dir, &older.path().join("today"));
    let opened = Thief::with_root(older.path(), folder.made.site, old.clone()).opens(&[one.key, two.key]);
    assert!(opened.contains(&one) && !opened.contains(&two));
    // and the search is one: with the root of now it finds everything
    let owner = Thief::takes(dir);
    assert!([&one, &two].into_iter().all(|keys| owner.opens(&[one.key, two.key]).contains(keys)));
    let (opened, all) = records(dir, folder.made.site, &root(dir));
    assert_eq!(opened, all);
    assert_eq!(entries_of(dir, &root(dir)).iter().filter(|body| is_since(body)).count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_sealed_to_the_old_key_is_taken_in_until_the_front_seals_to_the_new_one() {
    let folder = Folder::new();
    let mut sender = folder.sender();
    let (waits, also) = (sender.image("P1", "1.2.1", 1), sender.image("P2", "1.2.2", 1));
    renew(folder.path(), now).await;
    let site = folder.start().await;
    site.hand_over(&[waits]).await.unwrap();
    site.stop().await;
    // over a restart, and over one more new root
    renew(folder.path(), now).await;
    let site = folder.start().await;
    let reply = site.hand_over(&[also]).await.unwrap();
    assert!(matches!(reply.verdicts[0].verdict, Verdict::Accepted { .. }), "{:?}", reply.verdicts);
    assert!(root_row(&site).await.former_kept);
    // the last that was sealed to the old key and the first that was not, in one answer
    let last = sender.image("P3", "1.2.3", 1);
    let mut newer = sender.clone();
    newer.public = site.public_key().await;
    let first = newer.image("P4", "1.2.4", 1);
    let reply = site.hand_over(&[last, first]).await.unwrap();
    assert!(reply.verdicts.iter().all(|one| matches!(one.verdict, Verdict::Accepted { .. })), "{:?}", reply.verdicts);
    assert!(!root_row(&site).await.former_kept);
    // from here on the old key opens nothing, also after a start
    let mut older = newer.clone();
    older.public = sender.public.clone();
    let reply = site.hand_over(&[older.image("P5", "1.2.5", 1)]).await.unwrap();
    assert_eq!(reply.verdicts[0].verdict, Verdict::Unreadable);
    site.stop().await;
    let site = folder.start().await;
    assert!(!root_row(&site).await.former_kept);
    let reply = site.hand_over(&[older.image("P6", "1.2.6", 1)]).await.unwrap();
    assert_eq!(reply.verdicts[0].verdict, Verdict::Unreadable);
    assert_eq!(site.entries().await.iter().filter(|one| matches!(one.body, EntryBody::RootRenewed(_))).count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warden_that_ends_in_front_of_any_step_starts_with_the_old_root_and_the_next_try_succeeds() {
    let folder = Folder::new();
    let dir = folder.path();
    let site = folder.start().await;
    let mut sender = folder.sender();
    store(&site, &mut sender, "P1", "1.2.1").await;
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "site", 3600).await;
    site.stop().await;
    let before = envelope(dir).1;
    for (number, step) in RootStep::ALL.into_iter().enumerate() {
        let new = new_root(dir);
        let stopped = allowed(dir, &new).await.renew_root(&new, &mut EndsBefore(step)).unwrap_err();
        assert!(matches!(stopped, NewRootError::Io(_)), "{stopped}");
        let site = folder.start().await;
        assert_eq!(envelope(dir).1, before, "{step:?}");
        assert_eq!(root_row(&site).await.number, 1, "{step:?}");
        let study = format!("1.2.1{number}");
        store(&site, &mut sender, "P1", &study).await;
        for study in ["1.2.1", &study] {
            assert!(site.open(&reader, study, Scope::Images).await.is_ok(), "{step:?} {study}");
        }
        site.stop().await;
        assert!(!dir.join("warden/new-root").exists() && !dir.join("warden/new-root.building").exists(), "{step:?}");
    }
    // in force and not finished: whoever starts next finishes it
    renew(dir, now).await;
    assert!(dir.join("warden/new-root/warden.db").exists());
    let site = folder.start().await;
    assert!(!dir.join("warden/new-root").exists());
    assert_eq!(root_row(&site).await.number, 2);
    assert_eq!(site.list(&reader, Level::Study).await.unwrap().studies.len(), 1 + RootStep::ALL.len());
    for number in 0..RootStep::ALL.len() {
        assert!(site.open(&reader, &format!("1.2.1{number}"), Scope::Images).await.is_ok());
    }
    assert_eq!(site.entries().await.iter().filter(|one| matches!(one.body, EntryBody::RootRenewed(_))).count(), 1);
}

/// What a new root must leave as it is when there is none: `root.json`, epoch keys, and what the database holds but the announcement,
/// which is of the last start.
fn kept(dir: &Path) -> (Vec<u8>, Vec<Vec<u8>>, Vec<String>) {
    let epochs = std::fs::read_dir(dir.join("warden/epochs")).unwrap();
    let mut epochs: Vec<Vec<u8>> = epochs.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    epochs.sort();
    let database = rusqlite::Connection::open(dir.join("warden/warden.db")).unwrap();
    let rows = |query: &str| {
        let mut statement = database.prepare(query).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>()
    };
    let mut tables = rows("SELECT space || hex(key) || hex(sealed) FROM record WHERE space != 4 ORDER BY space, key");
    tables.extend(rows("SELECT study || hex(key) || epoch || hex(wrapped) FROM keyring ORDER BY study, key"));
    tables.extend(rows("SELECT hex(name) || hex(content) || study FROM instance ORDER BY name, content"));
    (envelope(dir).1, epochs, tables)
}

/// A stopped site with five studies, and who reads them.
async fn with_five_studies(folder: &Folder) -> Credential {
    let site = folder.start().await;
    let mut sender = folder.sender();
    for study in 1..=5 {
        store(&site, &mut sender, &format!("P{study}"), &format!("1.2.{study}")).await;
    }
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "site", 3600).await;
    site.stop().await;
    reader
}

/// How many of the five open.
async fn opened(folder: &Folder, reader: &Credential) -> usize {
    let site = folder.start().await;
    let mut opened = 0;
    for study in 1..=5 {
        opened += usize::from(site.open(reader, &format!("1.2.{study}"), Scope::Images).await.is_ok());
    }
    site.stop().await;
    opened
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_do_not_open_are_counted_wherever_they_stand_and_the_old_root_stays() {
    let folder = Folder::new();
    let dir = folder.path();
    let reader = with_five_studies(&folder).await;
    let new = new_root(dir);
    let database = rusqlite::Connection::open(dir.join("warden/warden.db")).unwrap();
    let whole = wrapped(&database);
    // the last key, then the last two: no look at the first ones tells
    for (number, lost) in [(0, 1), (1, 2)] {
        let damage =
            "UPDATE keyring SET wrapped = CAST(substr(wrapped, 1, 100) || x'00' || substr(wrapped, 102) AS BLOB)
                      WHERE study = (SELECT study FROM keyring ORDER BY study DESC LIMIT 1 OFFSET ?)";
        assert_eq!(database.execute(damage, [number]).unwrap(), 1);
        let before = kept(dir);
        let refused = allowed(dir, &new).await.renew_root(&new, &mut NoHooks).unwrap_err();
        assert!(matches!(refused, NewRootError::Lost { lost: found, of: 5, .. } if found == lost), "{refused}");
        assert!(refused.to_string().contains("do not open") && refused.to_string().contains("; restore"), "{refused}");
        assert_eq!(opened(&folder, &reader).await, 5 - lost as usize);
        assert!(kept(dir) == before, "everything of the old root is where it was");
        assert!(!dir.join("warden/new-root.building").exists());
    }
    // mended, the same command goes through
    for (study, wrapped) in whole {
        database.execute("UPDATE keyring SET wrapped = ? WHERE study = ?", (wrapped, study)).unwrap();
    }
    drop(database);
    renew(dir, now).await;
    assert_eq!(opened(&folder, &reader).await, 5);
}

/// The wrapped key of each study.
fn wrapped(database: &rusqlite::Connection) -> Vec<(u32, Vec<u8>)> {
    let mut statement = database.prepare("SELECT study, wrapped FROM keyring").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_for_a_new_root_is_looked_at_to_the_last_key_and_record_before_it_counts() {
    let folder = Folder::new();
    let dir = folder.path();
    let reader = with_five_studies(&folder).await;
    let building = dir.join("warden/new-root.building/warden.db");
    let cut = "CAST(substr(wrapped, 1, 100) || x'00' || substr(wrapped, 102) AS BLOB)";
    let last = "study = (SELECT max(study) FROM keyring)";
    let damages: [(&str, String); 8] = [
        ("a key", format!("UPDATE keyring SET wrapped = {cut} WHERE {last}")),
        ("a key", format!("UPDATE keyring SET epoch = epoch - 1 WHERE {last}")),
        ("a key", format!("UPDATE keyring SET study = study + 1 WHERE {last}")),
        ("number of keys", format!("DELETE FROM keyring WHERE {last}")),
        ("number of keys", "DELETE FROM instance WHERE name = (SELECT max(name) FROM instance)".to_owned()),
        (
            "a record",
            "DELETE FROM record WHERE space = 2 AND key = (SELECT max(key) FROM record WHERE space = 2)".into(),
        ),
        ("announced", "DELETE FROM record WHERE space = 4".to_owned()),
        ("earlier roots", "DELETE FROM record WHERE space = 3 AND key = CAST('inherited' AS BLOB)".to_owned()),
    ];
    let (before, new) = (kept(dir), new_root(dir));
    for (what, damage) in damages {
        let damaged = &mut Damaged(damage.clone(), building.clone());
        let refused = allowed(dir, &new).await.renew_root(&new, damaged).unwrap_err();
        assert!(matches!(refused, NewRootError::Check(_)) && refused.to_string().contains(what), "{damage}: {refused}");
        assert!(kept(dir) == before, "{damage}");
    }
    // a record that was changed is told by its seal
    let changed = "UPDATE record SET sealed = CAST(substr(sealed, 1, length(sealed) - 1) || x'00' AS BLOB)
                   WHERE space = 2 AND key = (SELECT max(key) FROM record WHERE space = 2)";
    let refused = allowed(dir, &new).await.renew_root(&new, &mut Damaged(changed.to_owned(), building)).unwrap_err();
    assert!(matches!(refused, NewRootError::Database(_)), "{refused}");
    assert_eq!(opened(&folder, &reader).await, 5);
    // and undamaged it counts, and says how far it is
    let mut shown = Vec::new();
    let show = &mut |progress: RootProgress| shown.push((progress.done, progress.of));
    allowed(dir, &new).await.renew_root(&new, show).unwrap();
    assert_eq!((shown.first(), shown.last()), (Some(&(0, 15)), Some(&(15, 15))), "5 keys twice and 5 instances");
    assert_eq!(opened(&folder, &reader).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_json_of_before_that_comes_back_before_anything_moved_is_in_force_again() {
    let folder = Folder::new();
    let dir = folder.path();
    let reader = with_five_studies(&folder).await;
    let before = kept(dir);
    let (in_force, older) = (dir.join("warden/root.json"), dir.join("older.json"));
    std::fs::copy(&in_force, &older).unwrap();
    renew(dir, now).await;
    std::fs::copy(&older, &in_force).unwrap();
    assert_eq!(opened(&folder, &reader).await, 5);
    assert!(kept(dir) == before && !dir.join("warden/new-root").exists());
    renew(dir, now).await;
    assert_eq!(opened(&folder, &reader).await, 5);
    assert!(kept(dir).0 != before.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_persons_agree_to_a_new_root_and_it_is_made_once() {
    let folder = Folder::new();
    let dir = folder.path();
    let site = set_up(&folder).await;
    let (officer, admin) = two_persons(&site).await;
    let request = asked_by_owner(dir);
    let row = proposed(site.ask_owner(request.clone()).await);
    assert!(
        row.words.contains("the root is replaced by a new one") && row.words.contains("recovery-kit"),
        "{}",
        row.words
    );
    assert_eq!(site.ask_owner(request).await.err(), Some(Refusal::Exists));
    site.stop().await;
    let refused = |warden: Warden| match warden.renew_root(&new_root(dir), &mut NoHooks) {
        Err(NewRootError::Refused(refusal)) => assert_eq!(refusal, Refusal::NotAllowed),
        other => panic!("{other:?}"),
    };
    refused(alone(dir, clock));
    let before = envelope(dir).1;
    let site = folder.start_with(clock, LedgerOptions::default()).await;
    for person in [&officer, &admin] {
        approve(&site, person, &row).await.unwrap();
    }
    wait(DELAY + 1);
    let carried = look(&site, &row).await;
    assert!(matches!(carried.state, protocol::ProposalState::CarriedOut { .. }), "{:?}", carried.state);
    assert_eq!(envelope(dir).1, before, "the owner makes it, with what opens the methods that stay");
    site.stop().await;
    // not with other methods than those that were agreed to
    let warden = alone(dir, clock);
    let mut other = new_root(dir);
    let (old, _) = envelope(dir);
    let passphrase = MethodSecret::Passphrase(PASSPHRASE.to_owned().into());
    let stay = [(method(&old, &MethodKind::Passphrase), passphrase)];
    (other.envelope, _) = old.renewed(&other.before, &other.root, &stay, &mut SystemRandom).unwrap();
    assert!(matches!(warden.renew_root(&other, &mut NoHooks), Err(NewRootError::Refused(Refusal::Invalid(_)))));
    alone(dir, clock).renew_root(&new_root(dir), &mut NoHooks).unwrap();
    refused(alone(dir, clock));
    let site = folder.start_with(clock, LedgerOptions::default()).await;
    let renewals: Vec<_> = site
        .entries()
        .await
        .into_iter()
        .filter_map(|entry| match entry.body {
            EntryBody::RootRenewed(renewed) => Some(renewed),
            _ => None,
        })
        .collect();
    assert_eq!((renewals.len(), renewals[0].proposal, renewals[0].root), (1, row.proposal, 2));
    assert_eq!((renewals[0].stayed.len(), renewals[0].removed[0].means.as_str()), (1, "recovery-kit"));
    // sessions and people came along
    assert!(matches!(site.ask_as(&officer, PageRequest::Me).await, Ok(PageReply::Me(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_new_root_is_not_made_after_seven_days_also_with_the_clock_set_back() {
    let folder = Folder::new();
    let dir = folder.path();
    let site = set_up(&folder).await;
    let (officer, admin) = two_persons(&site).await;
    let row = proposed(site.ask_owner(asked_by_owner(dir)).await);
    for person in [&officer, &admin] {
        approve(&site, person, &row).await.unwrap();
    }
    wait(DELAY + 1);
    assert!(matches!(look(&site, &row).await.state, protocol::ProposalState::CarriedOut { .. }));
    site.stop().await;
    let seven_days = 7 * 86_400;
    wait(seven_days);
    // a start is an entry: the ledger knows how late it is
    drop(alone(dir, clock));
    wait(-seven_days);
    let refused = alone(dir, clock).renew_root(&new_root(dir), &mut NoHooks).unwrap_err();
    assert!(matches!(refused, NewRootError::Refused(Refusal::NotAllowed)), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_hold_the_root_asks_for_none() {
    let folder = Folder::new();
    let site = folder.start().await;
    let somebody = RootSecret::generate(&mut SystemRandom);
    let refused = site.ask_owner(asked(folder.path(), &somebody)).await;
    assert_eq!(refused.err(), Some(Refusal::NotAllowed));
    // and after a new root, whoever holds the old one holds none
    let old = root(folder.path());
    site.stop().await;
    renew(folder.path(), now).await;
    let site = folder.start().await;
    assert_eq!(site.ask_owner(asked(folder.path(), &old)).await.err(), Some(Refusal::NotAllowed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_for_a_vault_that_is_taken_after_it_opens_with_what_stayed() {
    let folder = Folder::new();
    let dir = folder.path();
    let site = folder.start().await;
    store(&site, &mut folder.sender(), "P1", "1.2.1").await;
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "site", 3600).await;
    site.stop().await;
    renew(dir, now).await;
    let site = folder.start().await;
    let into = dir.join("copy");
    site.ask(PageRequest::Snapshot { into: into.to_str().unwrap().to_owned() }).await;
    site.stop().await;
    // the machine is wiped but for its ledger, and the copy put in its place
    std::fs::remove_dir_all(dir.join("warden")).unwrap();
    std::fs::rename(&into, dir.join("warden")).unwrap();
    let site = folder.start().await;
    opens(&site, &reader).await;
    assert_eq!(root_row(&site).await.number, 2);
}

async fn opens(site: &Site, reader: &Credential) {
    assert!(site.open(reader, "1.2.1", Scope::Images).await.is_ok());
}
