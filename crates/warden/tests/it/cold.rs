//! Cold studies: who has everything of the warden opens none, holders warm one patient, and every step survives its crash.

use audit::LedgerOptions;
use model::{
    Authorisation, ColdRule, EntryBody, Evidence, HolderKind, KeyId, Priors, Role, StudyNumber, Tier, Warmed,
    WarmingBasis,
};
use protocol::{ColdAsk, ColdReply, Credential, HandoverRecord, Level, PageReply, PageRequest, Refusal, Scope};
use seal::BatchKeys;
use warden::KeyStep;

use crate::holder::{Holder, days_pass, later, seconds_pass};
use crate::sender::{Sender, keys, note};
use crate::site::{Folder, Site, copy};
use crate::thief::Thief;

/// Two patients, each with a study, and a reader of the whole site.
pub struct Scene {
    pub folder: Folder,
    pub site: Site,
    sender: Sender,
    reader: Credential,
    pub one: BatchKeys,
    pub two: BatchKeys,
    pub officers: [Holder; 3],
    pub on_call: Holder,
    pub service: Holder,
}

fn image(sender: &mut Sender, patient: &str, study: &str, keys: &BatchKeys) -> HandoverRecord {
    let object = sender.object(keys, &note(patient, study, 1));
    sender.record(vec![sender.wrap(keys)], vec![object])
}

async fn start(folder: &Folder) -> Site {
    folder.start_with(later, LedgerOptions::default()).await
}

impl Scene {
    pub async fn new() -> Self {
        let scene = Self::unproven().await;
        for holder in scene.holders() {
            holder.prove(&scene.site).await;
        }
        scene
    }

    pub fn holders(&self) -> [&Holder; 5] {
        let [a, b, c] = &self.officers;
        [a, b, c, &self.on_call, &self.service]
    }

    /// The same, and no holder has shown their key.
    pub async fn unproven() -> Self {
        let folder = Folder::new();
        let site = start(&folder).await;
        let mut sender = folder.sender();
        let (one, two) = (keys(), keys());
        let records = [image(&mut sender, "P1", "1.2.1", &one), image(&mut sender, "P2", "1.2.2", &two)];
        site.hand_over(&records).await.unwrap();
        let reader = site.reader("viewer").await;
        site.relate("device:viewer", "site", 400 * 86_400).await;
        let officers = ["A", "B", "C"].map(|name| Holder::new(name, HolderKind::Sharing));
        let on_call = Holder::new("on call", HolderKind::Emergency);
        let service = Holder::new("service", HolderKind::Service);
        let [a, b, c] = &officers;
        site.name_holders(2, &[a, b, c, &on_call, &service]).await;
        site.after_a_day().await;
        Self { folder, site, sender, reader, one, two, officers, on_call, service }
    }

    /// Both studies are cold.
    pub async fn cold() -> Self {
        let scene = Self::new().await;
        days_pass(2);
        assert_eq!(scene.site.sweep().await.unwrap().studies, 2);
        scene
    }

    /// The process ends and begins again.
    pub async fn restart(mut self) -> Self {
        self.site.stop().await;
        self.site = start(&self.folder).await;
        self
    }

    /// A copy of the warden's files as a vault keeps it.
    pub async fn kept(&self) -> tempfile::TempDir {
        let snapshot = self.folder.path().join("snapshot");
        self.site.ask(PageRequest::Snapshot { into: snapshot.to_str().unwrap().to_owned() }).await;
        let kept = tempfile::tempdir().unwrap();
        copy(&snapshot, kept.path());
        std::fs::remove_dir_all(&snapshot).unwrap();
        kept
    }

    /// The process ends, and begins again with the warden's files of before and the ledger of now.
    pub async fn restored(mut self, kept: &std::path::Path) -> Self {
        self.site.stop().await;
        let warden = self.folder.path().join("warden");
        for file in ["warden.db-wal", "warden.db-shm"] {
            let _ = std::fs::remove_file(warden.join(file));
        }
        std::fs::remove_dir_all(warden.join("epochs")).unwrap();
        copy(kept, &warden);
        self.site = start(&self.folder).await;
        self
    }

    /// A copy of the ledger as it is now.
    pub async fn ledger_kept(mut self) -> (Self, tempfile::TempDir) {
        self.site.stop().await;
        let kept = tempfile::tempdir().unwrap();
        copy(&self.folder.path().join("ledger"), kept.path());
        self.site = start(&self.folder).await;
        (self, kept)
    }

    /// The process ends, and begins again with a ledger of before and the warden's files of now.
    pub async fn forgetting(mut self, ledger: &std::path::Path) -> Self {
        self.site.stop().await;
        std::fs::remove_dir_all(self.folder.path().join("ledger")).unwrap();
        std::fs::create_dir(self.folder.path().join("ledger")).unwrap();
        copy(ledger, &self.folder.path().join("ledger"));
        self.site = start(&self.folder).await;
        self
    }

    /// One more image of a study comes in.
    pub async fn image_of(&mut self, patient: &str, study: &str) {
        let keys = keys();
        let object = self.sender.object(&keys, &note(patient, study, 2));
        let record = self.sender.record(vec![self.sender.wrap(&keys)], vec![object]);
        self.site.hand_over(&[record]).await.unwrap();
    }

    pub async fn opens(&self, study: &str) -> Result<Vec<BatchKeys>, Refusal> {
        let opened = self.site.open(&self.reader, study, Scope::Images).await?;
        let keys = opened.studies.iter().flat_map(|study| &study.keys);
        Ok(keys
            .map(|keys| BatchKeys {
                key: keys.key,
                data: seal::SealKey::from_bytes(&keys.data_key.unwrap()),
                listing: seal::SealKey::from_bytes(&keys.listing_key),
            })
            .collect())
    }

    pub fn stolen(&self, keys: &[&BatchKeys]) -> Vec<BatchKeys> {
        let names: Vec<KeyId> = keys.iter().map(|keys| keys.key).collect();
        let thief = Thief::takes(self.folder.path());
        assert!(thief.epochs() > 0, "the thief has at least the epoch key of what is hot");
        thief.opens(&names)
    }

    pub async fn approve(&self, holder: &Holder, request: model::EntryNumber) -> Result<(u32, u8), Refusal> {
        holder.approve(&self.folder, &self.site, request).await
    }

    pub async fn bodies(&self) -> Vec<EntryBody> {
        self.site.entries().await.into_iter().map(|entry| entry.body).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_root_leaves_cold_studies_cold_and_warm_ones_warm_and_the_same_holders_open_them() {
    let mut scene = Scene::cold().await;
    let request = scene.site.ask_for_cold("patient:HOSPITAL/P1", 2, false).await.unwrap();
    for officer in &scene.officers[..2] {
        scene.approve(officer, request).await.unwrap();
    }
    assert!(scene.opens("1.2.1").await.is_ok());
    scene.site.stop().await;
    crate::rooting::renew(scene.folder.path(), later).await;
    scene.site = start(&scene.folder).await;
    assert_eq!(scene.opens("1.2.1").await.unwrap(), [scene.one.clone()], "the warming goes on");
    assert_eq!(scene.opens("1.2.2").await.err(), Some(Refusal::Cold));
    assert_eq!(scene.stolen(&[&scene.two]), []);
    let request = scene.site.ask_for_cold("patient:HOSPITAL/P2", 2, false).await.unwrap();
    for officer in &scene.officers[1..] {
        scene.approve(officer, request).await.unwrap();
    }
    assert_eq!(scene.opens("1.2.2").await.unwrap(), [scene.two.clone()]);
    // both end at their deadline as before
    seconds_pass(3 * 3_600);
    scene.site.sweep().await.unwrap();
    for study in ["1.2.1", "1.2.2"] {
        assert_eq!(scene.opens(study).await.err(), Some(Refusal::Cold), "{study}");
    }
    assert_eq!(scene.stolen(&[&scene.one, &scene.two]), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_study_goes_cold_when_its_last_relationship_has_ended_and_says_so_to_whoever_may_reach_it() {
    let scene = Scene::new().await;
    let site = &scene.site;
    let request = PageRequest::AddOrganisation { name: "Praxis".into(), authorisation: Authorisation::PasskeyOnly };
    site.ask(request).await;
    site.relate("org:Praxis", "patient:HOSPITAL/P1", 10 * 86_400).await;
    days_pass(2);
    assert_eq!(site.sweep().await.unwrap().studies, 1, "a device with the whole site keeps nothing warm");
    assert!(scene.opens("1.2.1").await.is_ok());
    assert_eq!(scene.opens("1.2.2").await.err(), Some(Refusal::Cold));
    let rows = site.list(&scene.reader, Level::Study).await.unwrap().studies;
    let cold: Vec<_> = rows.iter().map(|row| (row.uid.as_str(), row.cold)).collect();
    assert!(cold.contains(&("1.2.1", false)) && cold.contains(&("1.2.2", true)), "{cold:?}");
    // who may not reach it hears nothing of it
    let stranger = site.reader("stranger").await;
    assert_eq!(site.open(&stranger, "1.2.2", Scope::Images).await.err(), Some(Refusal::NotFound));
    // the listing key is gone as well, and the others are listed all the same
    let listed = site.list(&scene.reader, Level::Instance).await.unwrap();
    assert_eq!(listed.listings.len(), 1);
    assert_eq!(site.open(&scene.reader, "1.2.2", Scope::Listing).await.err(), Some(Refusal::Cold));
    let bodies = scene.bodies().await;
    let cold = |body: &EntryBody| matches!(body, EntryBody::WentCold { studies, .. } if studies.numbers() == [1]);
    assert!(bodies.iter().any(cold));
    let refused = |body: &EntryBody| matches!(body, EntryBody::Refused { reason, .. } if reason == "cold");
    assert!(bodies.iter().any(refused), "an attempt on a cold study is an entry");
    days_pass(10);
    assert_eq!(site.sweep().await.unwrap().studies, 1);
    assert_eq!(scene.opens("1.2.1").await.err(), Some(Refusal::Cold));
}

#[tokio::test(flavor = "multi_thread")]
async fn root_on_the_machine_of_a_running_warden_opens_no_cold_study_with_everything_in_the_folder() {
    let scene = Scene::new().await;
    let both = [&scene.one, &scene.two];
    let before = scene.stolen(&both);
    assert!(before.contains(&scene.one) && before.contains(&scene.two), "the search finds what is hot");
    days_pass(2);
    scene.site.sweep().await.unwrap();
    assert_eq!(scene.stolen(&both), []);
    // nor after a start, nor after a warming has come to its end
    let scene = scene.restart().await;
    let request = scene.site.ask_for_cold("patient:HOSPITAL/P1", 1, true).await.unwrap();
    scene.approve(&scene.on_call, request).await.unwrap();
    let warm = scene.stolen(&[&scene.one, &scene.two]);
    assert!(warm.contains(&scene.one) && !warm.contains(&scene.two), "while it is warm, this patient's and no other");
    seconds_pass(3_601);
    assert_eq!(scene.site.sweep().await.unwrap().ended, 1);
    assert_eq!(scene.stolen(&[&scene.one, &scene.two]), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_three_holders_warm_one_patient_until_the_deadline_and_no_other() {
    let scene = Scene::cold().await;
    let request = scene.site.ask_for_cold("patient:HOSPITAL/P1", 8, false).await.unwrap();
    let [a, b, c] = &scene.officers;
    assert_eq!(scene.approve(a, request).await.unwrap(), (0, 1));
    assert_eq!(scene.approve(a, request).await.unwrap(), (0, 1), "one holder twice is one holder");
    assert_eq!(scene.opens("1.2.1").await.err(), Some(Refusal::Cold));
    assert_eq!(scene.approve(c, request).await.unwrap(), (1, 0));
    assert_eq!(scene.opens("1.2.1").await.unwrap(), std::slice::from_ref(&scene.one));
    assert_eq!(scene.opens("1.2.2").await.err(), Some(Refusal::Cold));
    assert!(scene.approve(b, request).await.is_err(), "a request that was answered takes no more shares");
    // a restart changes nothing of it
    let scene = scene.restart().await;
    assert_eq!(scene.opens("1.2.1").await.unwrap(), std::slice::from_ref(&scene.one));
    seconds_pass(8 * 3_600 + 1);
    assert_eq!(scene.opens("1.2.1").await.err(), Some(Refusal::Cold), "the deadline needs no sweep");
    assert_eq!(scene.site.sweep().await.unwrap().ended, 1);
    assert!(scene.bodies().await.iter().any(|body| matches!(body, EntryBody::WarmingEnded { .. })));
    // and it can be asked for again
    let request = scene.site.ask_for_cold("study:1.2.1", 8, false).await.unwrap();
    let [a, b, _] = &scene.officers;
    scene.approve(a, request).await.unwrap();
    assert_eq!(scene.approve(b, request).await.unwrap(), (1, 0));
    assert_eq!(scene.opens("1.2.1").await.unwrap(), std::slice::from_ref(&scene.one));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_serves_one_request_of_one_holder_and_once() {
    let scene = Scene::cold().await;
    let one = scene.site.ask_for_cold("patient:HOSPITAL/P1", 8, false).await.unwrap();
    let two = scene.site.ask_for_cold("patient:HOSPITAL/P2", 8, false).await.unwrap();
    let [a, b, _] = &scene.officers;
    let approval = a.approval(&scene.folder, &scene.site, one).await.unwrap();
    let mut elsewhere = approval.clone();
    elsewhere.request = two;
    // the other request's key is drawn when somebody takes the request
    let of_two = a.approval(&scene.folder, &scene.site, two).await.unwrap();
    let mut forged = approval.clone();
    forged.holder = b.secret.public().id();
    let mut swapped = approval.clone();
    swapped.sealed = of_two.sealed;
    let stranger = Holder::new("stranger", HolderKind::Sharing);
    let mut unknown = approval.clone();
    unknown.holder = stranger.secret.public().id();
    for wrong in [elsewhere, forged, swapped, unknown] {
        assert!(a.bring(&scene.site, wrong).await.is_err());
    }
    assert!(stranger.approval(&scene.folder, &scene.site, one).await.is_err());
    // a restart draws another key: what was sealed to the old one is worth nothing
    let scene = scene.restart().await;
    let [a, ..] = &scene.officers;
    assert!(a.bring(&scene.site, approval).await.is_err());
    assert_eq!(scene.approve(a, one).await.unwrap(), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn at_night_the_holder_on_call_warms_one_patient_alone_for_at_most_four_hours_and_loudly() {
    let scene = Scene::cold().await;
    let rule = ColdRule { after_seconds: 86_400, emergency_per_day: 1, ..ColdRule::default() };
    scene.site.cold(ColdAsk::SetRule(rule)).await.unwrap();
    let request = scene.site.ask_for_cold("patient:HOSPITAL/P1", 24, false).await.unwrap();
    assert_eq!(scene.approve(&scene.on_call, request).await.unwrap(), (1, 0));
    assert_eq!(scene.opens("1.2.1").await.unwrap(), std::slice::from_ref(&scene.one));
    assert_eq!(scene.opens("1.2.2").await.err(), Some(Refusal::Cold));
    let loud =
        |body: &EntryBody| matches!(body, EntryBody::Warmed(Warmed { emergency: true, by, .. }) if by.len() == 1);
    assert!(scene.bodies().await.iter().any(loud));
    // the officer finds it, and the patient reads who asked, why, and who alone held the key
    let PageReply::Findings(findings) = scene.site.ask(PageRequest::Findings).await else { panic!("no findings") };
    let holder = scene.on_call.secret.public().id();
    let (patient, studies) = (model::PatientNumber(0), 1);
    let evidence = Evidence::EmergencyWarming { patient, studies, request, holder };
    assert_eq!(findings.iter().map(|row| &row.finding.evidence).collect::<Vec<_>>(), [&evidence]);
    assert!(findings[0].sentence.contains("the owner of the machine asked for it"), "{}", findings[0].sentence);
    let told = scene.bodies().await;
    let warmed = told.iter().position(loud).unwrap();
    assert!(matches!(told[warmed + 1], EntryBody::FindingRaised { .. }), "in one breath with the warming");
    let enrol = async |email: &str, record: &str| {
        let link = scene.site.add_person(email, Role::Patient, Some(record)).await;
        scene.site.with_passkey(&link).await
    };
    let me = enrol("patient@x.example", "HOSPITAL/P1").await;
    let Ok(PageReply::MyAccesses(rows)) = scene.site.ask_as(&me, PageRequest::MyAccesses).await else { panic!("none") };
    let row = rows.rows.iter().find(|row| row.warmed_by.is_some()).expect("the patient is told");
    assert_eq!((row.warmed_by.as_deref(), row.basis.as_str()), (Some("on call"), "comparison"));
    assert_eq!((row.who.as_str(), row.opened), ("owner of the machine", false));
    assert_eq!(row.studies.iter().map(model::Uid::as_str).collect::<Vec<_>>(), ["1.2.1"]);
    let other = enrol("other@x.example", "HOSPITAL/P2").await;
    let Ok(PageReply::MyAccesses(rows)) = scene.site.ask_as(&other, PageRequest::MyAccesses).await else {
        panic!("none")
    };
    assert!(rows.rows.iter().all(|row| row.warmed_by.is_none()), "and nobody else");
    // the day's budget is used up
    let next = scene.site.ask_for_cold("patient:HOSPITAL/P2", 4, true).await.unwrap();
    assert!(matches!(scene.approve(&scene.on_call, next).await, Err(Refusal::Throttled { .. })));
    seconds_pass(4 * 3_600 + 1);
    assert_eq!(scene.opens("1.2.1").await.err(), Some(Refusal::Cold));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_holder_spoils_no_later_study_with_shares_that_they_made_up() {
    let mut scene = Scene::cold().await;
    let later_holders = ["D", "E"].map(|name| Holder::new(name, HolderKind::Sharing));
    let [d, e] = &later_holders;
    scene.site.set_holders(2, &[d, e]).await;
    let third = keys();
    let record = image(&mut scene.sender, "P1", "1.2.3", &third);
    scene.site.hand_over(&[record]).await.unwrap();
    days_pass(20);
    assert_eq!(scene.site.sweep().await.unwrap().studies, 1);
    let request = scene.site.ask_for_cold("patient:HOSPITAL/P1", 1, false).await.unwrap();
    let names: Vec<KeyId> =
        d.asked(&scene.folder, &scene.site, request).await.unwrap().shares.iter().map(|share| share.name).collect();
    assert_eq!(names.len(), 1, "of the later study alone");
    let [a, ..] = &scene.officers;
    let spoiled = a.approval_with(&scene.folder, &scene.site, request, &names).await.unwrap();
    assert_eq!(a.bring(&scene.site, spoiled).await.unwrap(), (0, 1));
    assert_eq!(scene.approve(d, request).await.unwrap(), (0, 1));
    assert_eq!(scene.approve(e, request).await.unwrap(), (1, 1), "what is with holders of before waits for them");
    assert_eq!(scene.opens("1.2.3").await.unwrap(), [third]);
    assert_eq!(scene.opens("1.2.1").await.err(), Some(Refusal::Cold));
    // the request stays open for the rest, also for a warden that starts again
    let scene = scene.restart().await;
    let ColdReply::Requests(rows) = scene.site.cold(ColdAsk::Requests).await.unwrap() else { panic!("no requests") };
    assert_eq!(rows.iter().map(|row| (row.request, row.studies)).collect::<Vec<_>>(), [(request, 1)]);
    let [a, b, _] = &scene.officers;
    assert_eq!(scene.approve(a, request).await.unwrap(), (0, 1));
    assert_eq!(scene.approve(b, request).await.unwrap(), (1, 0));
    assert_eq!(scene.opens("1.2.1").await.unwrap(), std::slice::from_ref(&scene.one));
    assert!(scene.opens("1.2.3").await.is_ok(), "and the first part stays open");
    seconds_pass(3_601);
    assert_eq!(scene.site.sweep().await.unwrap().ended, 2, "both parts end together");
    assert_eq!(scene.opens("1.2.1").await.err(), Some(Refusal::Cold));
    assert_eq!(scene.opens("1.2.3").await.err(), Some(Refusal::Cold));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_relationship_asks_for_that_patients_priors_and_the_service_warms_them_within_its_budget() {
    let scene = Scene::cold().await;
    let site = &scene.site;
    let asked = site.ask_for_cold("patient:HOSPITAL/P2", 4, false).await.unwrap();
    assert!(scene.approve(&scene.service, asked).await.is_err(), "the service warms for orders only");
    site.relate("device:viewer", "patient:HOSPITAL/P1", 20 * 86_400).await;
    let orders = |bodies: &[EntryBody]| {
        let order = |body: &EntryBody| matches!(body, EntryBody::WarmingRequested { basis: WarmingBasis::Order, .. });
        bodies.iter().filter(|body| order(body)).count()
    };
    assert_eq!(orders(&scene.bodies().await), 0, "a device's relationship is no order");
    let request = PageRequest::AddOrganisation { name: "Praxis".into(), authorisation: Authorisation::PasskeyOnly };
    site.ask(request).await;
    site.relate("org:Praxis", "patient:HOSPITAL/P1", 20 * 86_400).await;
    let ColdReply::Requests(rows) = site.cold(ColdAsk::Requests).await.unwrap() else { panic!("another answer") };
    let order = rows.iter().find(|row| row.basis == WarmingBasis::Order).unwrap().request;
    site.sweep().await.unwrap();
    assert_eq!(orders(&scene.bodies().await), 1, "asked once, not at every sweep");
    assert_eq!(scene.approve(&scene.service, order).await.unwrap(), (1, 0));
    assert_eq!(scene.opens("1.2.1").await.unwrap(), std::slice::from_ref(&scene.one));
    assert_eq!(site.sweep().await.unwrap(), protocol::Swept::default());
    // the relationship ends early, and with it the warming
    site.unrelate("org:Praxis", "patient:HOSPITAL/P1").await;
    seconds_pass(1);
    assert_eq!(site.sweep().await.unwrap().ended, 1);
    assert_eq!(scene.opens("1.2.1").await.err(), Some(Refusal::Cold));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shared_of_a_warmed_study_lasts_no_longer_than_the_warming() {
    let scene = Scene::cold().await;
    let site = &scene.site;
    site.cold(ColdAsk::SetRule(ColdRule { priors: Priors::None, ..ColdRule::default() })).await.unwrap();
    let doctor = site.person("doctor@x.example", Role::Radiologist, None).await;
    let colleague = site.person("colleague@x.example", Role::Radiologist, None).await;
    site.relate("person:doctor@x.example", "patient:HOSPITAL/P1", 900 * 86_400).await;
    let request = site.ask_for_cold("study:1.2.1", 2, false).await.unwrap();
    let [a, b, _] = &scene.officers;
    scene.approve(a, request).await.unwrap();
    assert_eq!(scene.approve(b, request).await.unwrap(), (1, 0));
    let ask = protocol::OpinionRequest::Ask {
        study: crate::sender::uid("1.2.1"),
        colleague: "colleague@x.example".to_owned(),
        seconds: 30 * 86_400,
        reason: "is this a fracture".to_owned(),
    };
    site.ask_as(&doctor, PageRequest::Opinions(ask)).await.unwrap();
    let link = crate::sharing::make(site, &doctor, "1.2.1").await.unwrap();
    assert!(site.open(&colleague, "1.2.1", Scope::Images).await.is_ok());
    let bodies = scene.bodies().await;
    let warm = |body: &EntryBody| match body {
        EntryBody::WarmingRequested { until, .. } => Some(*until),
        _ => None,
    };
    let warm = bodies.iter().find_map(warm).unwrap();
    let asked = |body: &EntryBody| match body {
        EntryBody::OpinionAsked(asked) => Some(asked.until),
        _ => None,
    };
    assert_eq!((bodies.iter().find_map(asked), link.until), (Some(warm), warm));
    // the session of somebody who works on goes on
    for _ in 0..12 {
        seconds_pass(600);
        let _ = site.open(&colleague, "1.2.1", Scope::Images).await;
    }
    seconds_pass(1);
    let swept = site.sweep().await.unwrap();
    assert_eq!((swept.ended, swept.asked), (1, 0));
    assert_eq!(site.open(&colleague, "1.2.1", Scope::Images).await.err(), Some(Refusal::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sites_rule_says_which_priors_an_order_asks_for() {
    let scene = Scene::cold().await;
    let site = &scene.site;
    let rule = ColdRule { priors: Priors::None, ..ColdRule::default() };
    site.cold(ColdAsk::SetRule(rule)).await.unwrap();
    let request = PageRequest::AddOrganisation { name: "Praxis".into(), authorisation: Authorisation::PasskeyOnly };
    site.ask(request).await;
    site.relate("org:Praxis", "patient:HOSPITAL/P1", 20 * 86_400).await;
    assert_eq!(site.sweep().await.unwrap().asked, 0);
    // the study is of 2026
    site.cold(ColdAsk::SetRule(ColdRule { priors: Priors::Years(0), ..ColdRule::default() })).await.unwrap();
    assert_eq!(site.sweep().await.unwrap().asked, 0);
    site.cold(ColdAsk::SetRule(ColdRule { priors: Priors::Years(30), ..ColdRule::default() })).await.unwrap();
    assert_eq!(site.sweep().await.unwrap().asked, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_asks_for_a_cold_study_that_they_could_not_open_if_it_were_hot() {
    let scene = Scene::cold().await;
    let site = &scene.site;
    let stranger = site.reader("stranger").await;
    let ask = |whom: &str| {
        let until = later().plus_seconds(3_600);
        let asked = protocol::AskForCold { whom: whom.to_owned(), reason: "why".to_owned(), until, emergency: false };
        PageRequest::Cold(ColdAsk::Ask(asked))
    };
    for whom in ["study:1.2.1", "patient:HOSPITAL/P1", "study:9.9.9", "patient:HOSPITAL/NOBODY"] {
        assert_eq!(site.ask_as(&stranger, ask(whom)).await.err(), Some(Refusal::NotFound), "{whom}");
    }
    assert!(site.ask_as(&scene.reader, ask("study:1.2.1")).await.is_ok());
    // a person shows that they are there, for this request; a device has nobody to ask
    let link = site.add_person("doctor@x.example", model::Role::Radiologist, None).await;
    let doctor = site.with_passkey(&link).await;
    site.relate("person:doctor@x.example", "patient:HOSPITAL/P2", 20 * 86_400).await;
    let asking = ask("study:1.2.2");
    let elsewhere = site.touch(&doctor, crate::touching::act(&ask("study:1.2.1"))).await;
    assert_eq!(site.ask_bare(&doctor, &asking).await.err(), Some(Refusal::FreshNeeded));
    assert_eq!(site.ask_with(&doctor, &asking, &elsewhere).await.err(), Some(Refusal::FreshNeeded));
    assert!(site.ask_as(&doctor, asking).await.is_ok());
    assert_eq!(site.ask_as(&doctor, ask("study:1.2.1")).await.err(), Some(Refusal::NotFound));
    // and nobody but officer and owner names holders, rotates or shreds
    for asked in [ColdAsk::Rotate, ColdAsk::State, ColdAsk::Sweep] {
        assert_eq!(site.ask_as(&scene.reader, PageRequest::Cold(asked)).await.err(), Some(Refusal::NotAllowed));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrap_that_a_front_kept_brings_no_cold_key_back() {
    let mut scene = Scene::cold().await;
    // the same keys once more, for a study of a patient whom the front's accomplice may reach
    let record = image(&mut scene.sender, "P9", "1.2.9", &scene.one);
    scene.site.hand_over(&[record]).await.unwrap();
    assert_eq!(scene.opens("1.2.9").await.err(), Some(Refusal::NotFound));
    assert_eq!(scene.stolen(&[&scene.one]), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_from_before_keeps_cold_studies_cold() {
    let scene = Scene::new().await;
    let kept = scene.kept().await;
    days_pass(2);
    scene.site.sweep().await.unwrap();
    let scene = scene.restored(kept.path()).await;
    assert_eq!(scene.opens("1.2.1").await.err(), Some(Refusal::Cold), "its keys are there, and not released");
    assert_eq!(scene.site.sweep().await.unwrap().studies, 2, "and the sweep takes them");
    assert_eq!(scene.stolen(&[&scene.one, &scene.two]), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warden_that_ends_in_front_of_any_step_loses_no_key_and_leaves_none_that_opens_what_is_cold() {
    for step in KeyStep::ALL {
        let scene = Scene::new().await;
        days_pass(2);
        scene.site.stop_before(step);
        let mut stopped = scene.site.sweep().await.is_err();
        if !stopped {
            let request = scene.site.ask_for_cold("patient:HOSPITAL/P1", 1, false).await.unwrap();
            let [a, b, _] = &scene.officers;
            scene.approve(a, request).await.unwrap();
            stopped = scene.approve(b, request).await.is_err();
        }
        if !stopped {
            seconds_pass(3_601);
            stopped = scene.site.sweep().await.is_err();
        }
        if !stopped {
            let shred = ColdAsk::Shred { whom: "patient:HOSPITAL/P2".to_owned(), reason: "asked".to_owned() };
            stopped = scene.site.cold(shred).await.is_err();
        }
        assert!(stopped, "{step:?} is never reached");

        let scene = scene.restart().await;
        seconds_pass(3_601);
        scene.site.sweep().await.unwrap();
        let shredded = scene.bodies().await.iter().any(|body| matches!(body, EntryBody::Shredded { .. }));
        assert_eq!(scene.opens("1.2.1").await.err(), Some(Refusal::Cold), "{step:?}");
        assert_eq!(scene.stolen(&[&scene.one, &scene.two]), [], "{step:?}");
        // nothing was lost: the holders bring it back
        let request = scene.site.ask_for_cold("patient:HOSPITAL/P1", 1, false).await.unwrap();
        let [a, b, _] = &scene.officers;
        scene.approve(a, request).await.unwrap();
        assert_eq!(scene.approve(b, request).await.unwrap(), (1, 0), "{step:?}");
        assert_eq!(scene.opens("1.2.1").await.unwrap(), std::slice::from_ref(&scene.one), "{step:?}");
        let two = scene.opens("1.2.2").await.err();
        assert_eq!(two, Some(if shredded { Refusal::NotFound } else { Refusal::Cold }), "{step:?}");
        let went_cold = scene.bodies().await;
        let times = went_cold
            .iter()
            .filter(|body| matches!(body, EntryBody::WentCold { studies, .. } if studies.contains(StudyNumber(0).0)));
        assert_eq!(times.count(), 1, "{step:?}: an entry is neither lost nor doubled");
        scene.site.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_relationship_opens_no_cold_study_and_an_image_that_comes_meanwhile_keeps_its_study_hot() {
    let mut scene = Scene::new().await;
    days_pass(2);
    // an image of today: the study is not due
    let three = keys();
    let record = image(&mut scene.sender, "P1", "1.2.1", &three);
    scene.site.hand_over(&[record]).await.unwrap();
    assert_eq!(scene.site.sweep().await.unwrap().studies, 1);
    assert!(scene.opens("1.2.1").await.is_ok());
    let listing = scene.site.reader("lister").await;
    let request = PageRequest::Relate {
        who: "device:lister".into(),
        whom: "site".into(),
        tier: Tier::List,
        from: later(),
        until: later().plus_seconds(3_600),
        basis: "desk".into(),
    };
    scene.site.ask(request).await;
    assert_eq!(scene.site.open(&listing, "1.2.2", Scope::Images).await.err(), Some(Refusal::NotFound));
    assert_eq!(scene.site.open(&listing, "1.2.2", Scope::Listing).await.err(), Some(Refusal::Cold));
}
