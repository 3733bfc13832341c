//! What officers and administrators say to a request for cold studies, and what whoever asked reads of it.

use model::{EntryBody, EntryNumber, Evidence, Role};
use protocol::{
    AskForCold, AskedState, ColdAsk, ColdOfStudy, ColdOverview, ColdReply, Credential, PageReply, PageRequest, Refusal,
};

use crate::cold::Scene;
use crate::holder::later;
use crate::touching::act;

/// Both studies are cold; an officer, an administrator, and a doctor who reaches one patient.
struct Deciding {
    scene: Scene,
    officer: Credential,
    admin: Credential,
    doctor: Credential,
}

fn cold(asked: ColdAsk) -> PageRequest {
    PageRequest::Cold(asked)
}

fn endorse(request: EntryNumber, digest: &str) -> PageRequest {
    cold(ColdAsk::Endorse { request, digest: digest.to_owned() })
}

fn refuse(request: EntryNumber, digest: &str) -> PageRequest {
    let reason = "no operation is planned".to_owned();
    cold(ColdAsk::Refuse { request, digest: digest.to_owned(), reason })
}

impl Deciding {
    async fn new() -> Self {
        let scene = Scene::cold().await;
        let site = &scene.site;
        let links = [("officer@x.example", Role::Officer), ("admin@x.example", Role::Administrator)];
        let [officer, admin] = links.map(|(email, role)| site.add_person(email, role, None));
        // both, before one of them is enrolled and the other needs two persons
        let (officer, admin) = (officer.await, admin.await);
        let (officer, admin) = (site.with_passkey(&officer).await, site.with_passkey(&admin).await);
        let doctor = site.person("doctor@x.example", Role::Radiologist, None).await;
        site.relate("person:doctor@x.example", "patient:HOSPITAL/P1", 10 * 86_400).await;
        Self { scene, officer, admin, doctor }
    }

    async fn ask(&self, who: &Credential, request: PageRequest) -> Result<ColdReply, Refusal> {
        match self.scene.site.ask_as(who, request).await? {
            PageReply::Cold(reply) => Ok(reply),
            other => panic!("{other:?}"),
        }
    }

    /// The doctor asks for the cold study.
    async fn asked(&self) -> EntryNumber {
        self.asked_for(false).await
    }

    async fn asked_for(&self, emergency: bool) -> EntryNumber {
        let until = later().plus_seconds(2 * 3_600);
        let (whom, reason) = ("study:1.2.1".to_owned(), "comparison".to_owned());
        let asked = cold(ColdAsk::Ask(AskForCold { whom, reason, until, emergency }));
        match self.ask(&self.doctor, asked).await.unwrap() {
            ColdReply::Asked { request, .. } => request,
            _ => panic!("another answer"),
        }
    }

    async fn overview(&self, who: &Credential) -> Result<Box<ColdOverview>, Refusal> {
        match self.ask(who, cold(ColdAsk::Overview)).await? {
            ColdReply::Overview(overview) => Ok(overview),
            _ => panic!("another answer"),
        }
    }

    async fn row(&self, who: &Credential, request: EntryNumber) -> protocol::ColdRequestRow {
        self.overview(who).await.unwrap().requests.into_iter().find(|row| row.request == request).unwrap()
    }

    async fn of_study(&self, who: &Credential, study: &str) -> Result<Box<ColdOfStudy>, Refusal> {
        let study = model::Uid::parse(study).unwrap();
        match self.ask(who, cold(ColdAsk::OfStudy { study })).await? {
            ColdReply::OfStudy(state) => Ok(state),
            _ => panic!("another answer"),
        }
    }

    async fn state(&self) -> AskedState {
        self.of_study(&self.doctor, "1.2.1").await.unwrap().asked.unwrap().state
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_of_exactly_one_request_opens_nothing_and_is_told_to_every_holder() {
    let deciding = Deciding::new().await;
    let (scene, officer) = (&deciding.scene, &deciding.officer);
    assert!(deciding.of_study(&deciding.doctor, "1.2.1").await.unwrap().asked.is_none());
    let request = deciding.asked().await;
    let row = deciding.row(officer, request).await;
    assert!(row.may_decide && row.endorsed.is_empty());
    assert_eq!((row.reason.as_str(), row.studies, row.threshold), ("comparison", 1, 2));
    assert!(!row.from.is_empty(), "from where");

    let wanted = endorse(request, &row.digest);
    let bare = scene.site.ask_bare(officer, &wanted).await.err();
    assert_eq!(bare, Some(Refusal::FreshNeeded));
    let elsewhere = scene.site.touch(officer, act(&refuse(request, &row.digest))).await;
    assert_eq!(scene.site.ask_with(officer, &wanted, &elsewhere).await.err(), Some(Refusal::FreshNeeded));
    let other = endorse(request, &"ab".repeat(32));
    assert!(matches!(deciding.ask(officer, other).await.err(), Some(Refusal::Invalid(_))), "another digest");
    deciding.ask(officer, wanted.clone()).await.unwrap();
    assert_eq!(deciding.ask(officer, wanted).await.err(), Some(Refusal::Exists), "nobody twice");
    deciding.ask(&deciding.admin, endorse(request, &row.digest)).await.unwrap();
    assert!(
        deciding.ask(&deciding.doctor, endorse(request, &row.digest)).await.is_err(),
        "whoever asked decides nothing"
    );

    let row = deciding.row(&deciding.admin, request).await;
    assert!(!row.may_decide);
    assert_eq!(row.endorsed.iter().map(|one| one.signed).collect::<Vec<_>>(), [true, true]);
    let is_it = |body: &EntryBody| {
        matches!(body, EntryBody::WarmingEndorsed { request: of, digest, evidence: Some(evidence) }
            if *of == request && *digest == row.digest && evidence.contains("signature"))
    };
    assert_eq!(scene.bodies().await.iter().filter(|body| is_it(body)).count(), 2);
    assert_eq!(scene.opens("1.2.1").await.err(), Some(Refusal::Cold), "it opens nothing");
    let [a, b, _] = &scene.officers;
    let told = a.asked(&scene.folder, &scene.site, request).await.unwrap();
    assert_eq!(told.endorsed, row.endorsed.iter().map(|one| one.name.clone()).collect::<Vec<_>>());

    // whoever asked follows it
    let state = deciding.of_study(&deciding.doctor, "1.2.1").await.unwrap();
    let asked = state.asked.unwrap();
    assert_eq!((asked.request, asked.approved, asked.threshold, asked.endorsed), (request, 0, 2, 2));
    assert_eq!((state.cold, asked.state), (true, AskedState::Waiting));
    scene.approve(a, request).await.unwrap();
    assert_eq!(deciding.of_study(&deciding.doctor, "1.2.1").await.unwrap().asked.unwrap().approved, 1);
    assert_eq!(deciding.row(officer, request).await.answered, ["A"]);
    assert_eq!(scene.approve(b, request).await.unwrap(), (1, 0));
    let state = deciding.of_study(&deciding.doctor, "1.2.1").await.unwrap();
    assert!(!state.cold && state.warm_until.is_some());
    assert!(matches!(state.asked.unwrap().state, AskedState::Warmed { .. }));
    let overview = deciding.overview(officer).await.unwrap();
    assert_eq!((overview.state.cold, overview.state.warm), (1, 1));
    assert_eq!(overview.years.iter().map(|year| year.studies).sum::<u64>(), 1);
    assert!(overview.warmed.iter().any(|row| row.request == request && row.open));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_ends_the_request_with_the_shares_that_were_there_and_is_read_by_whoever_asked() {
    let deciding = Deciding::new().await;
    let scene = &deciding.scene;
    let [a, b, _] = &scene.officers;
    let request = deciding.asked().await;
    scene.approve(a, request).await.unwrap();
    let late = b.approval(&scene.folder, &scene.site, request).await.unwrap();
    let digest = deciding.row(&deciding.officer, request).await.digest;
    let wordless = cold(ColdAsk::Refuse { request, digest: digest.clone(), reason: " ".to_owned() });
    assert!(matches!(deciding.ask(&deciding.admin, wordless).await.err(), Some(Refusal::Invalid(_))));
    deciding.ask(&deciding.admin, refuse(request, &digest)).await.unwrap();
    assert!(b.bring(&scene.site, late).await.is_err(), "a share that comes afterwards warms nothing");
    assert_eq!(scene.opens("1.2.1").await.err(), Some(Refusal::Cold));
    assert!(deciding.ask(&deciding.officer, endorse(request, &digest)).await.is_err(), "it has ended");
    let AskedState::Refused { reason, .. } = deciding.state().await else { panic!("not refused") };
    assert_eq!(reason, "no operation is planned");

    // the next one is a new one, also for a warden that has started again
    let Deciding { scene, officer, admin, doctor } = deciding;
    let deciding = Deciding { scene: scene.restart().await, officer, admin, doctor };
    assert!(matches!(deciding.state().await, AskedState::Refused { .. }));
    let next = deciding.asked().await;
    assert_eq!(deciding.state().await, AskedState::Waiting);
    let [a, b, _] = &deciding.scene.officers;
    deciding.scene.approve(a, next).await.unwrap();
    assert_eq!(deciding.scene.approve(b, next).await.unwrap(), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_decides_on_their_own_request_or_sees_more_than_their_role() {
    let deciding = Deciding::new().await;
    let Deciding { scene, officer, admin, doctor } = &deciding;
    let until = later().plus_seconds(3_600);
    let (whom, reason) = ("study:1.2.2".to_owned(), "a complaint".to_owned());
    let asked = cold(ColdAsk::Ask(AskForCold { whom, reason, until, emergency: false }));
    let ColdReply::Asked { request, .. } = deciding.ask(officer, asked).await.unwrap() else { panic!("not asked") };
    let row = deciding.row(officer, request).await;
    assert!(!row.may_decide && deciding.row(admin, request).await.may_decide);
    assert_eq!(deciding.ask(officer, endorse(request, &row.digest)).await.err(), Some(Refusal::NotAllowed));
    assert_eq!(deciding.ask(officer, refuse(request, &row.digest)).await.err(), Some(Refusal::NotAllowed));

    assert!(deciding.overview(doctor).await.is_err());
    let named = cold(ColdAsk::Named { request });
    assert!(deciding.ask(admin, named.clone()).await.is_err(), "an administrator sees no name");
    let listed = |body: &EntryBody| matches!(body, EntryBody::Listed { studies, .. } if studies.numbers() == [1]);
    let before = scene.bodies().await.iter().filter(|body| listed(body)).count();
    let of_owner = scene.site.cold(ColdAsk::Named { request }).await.err();
    assert_eq!(of_owner, Some(Refusal::NotAllowed), "who owns the machine is shown no name either");
    let ColdReply::Named(shown) = deciding.ask(officer, named).await.unwrap() else { panic!("another answer") };
    assert_eq!(shown.patient.unwrap().id, "P2");
    assert_eq!(scene.bodies().await.iter().filter(|body| listed(body)).count(), before + 1);

    // who may not be reached reads like who is not there
    let refused = deciding.of_study(doctor, "1.2.2").await.err();
    assert_eq!(refused, deciding.of_study(doctor, "1.2.99").await.err());
    assert!(refused.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emergency_is_refused_by_an_officer_and_by_nobody_who_only_administers() {
    let deciding = Deciding::new().await;
    let request = deciding.asked_for(true).await;
    let digest = deciding.row(&deciding.admin, request).await.digest;
    assert_eq!(deciding.ask(&deciding.admin, refuse(request, &digest)).await.err(), Some(Refusal::NotAllowed));
    assert_eq!(deciding.state().await, AskedState::Waiting);
    deciding.ask(&deciding.officer, refuse(request, &digest)).await.unwrap();
    assert!(matches!(deciding.state().await, AskedState::Refused { .. }));
    // and it does not pass unseen
    let PageReply::Findings(findings) = deciding.scene.site.ask(PageRequest::Findings).await else { panic!("none") };
    let is_it = |row: &&protocol::FindingRow| matches!(row.finding.evidence, Evidence::EmergencyRefused { request: of, studies: 1, .. } if of == request);
    assert_eq!(findings.iter().filter(is_it).count(), 1);
    assert!(findings.iter().any(|row| row.sentence.contains("refused")), "in words");
}

#[tokio::test(flavor = "multi_thread")]
async fn priors_of_an_order_that_were_refused_are_asked_for_again_by_the_next_relationship_and_by_no_sweep() {
    let deciding = Deciding::new().await;
    let site = &deciding.scene.site;
    let order = async || {
        let mut rows = deciding.overview(&deciding.admin).await.unwrap().requests.into_iter();
        rows.rfind(|row| row.basis == model::WarmingBasis::Order)
    };
    let add = |name: &str| PageRequest::AddOrganisation {
        name: name.into(),
        authorisation: model::Authorisation::PasskeyOnly,
    };
    site.ask(add("Praxis")).await;
    site.ask(add("Klinik")).await;
    site.relate("org:Praxis", "patient:HOSPITAL/P2", 20 * 86_400).await;
    let row = order().await.unwrap();
    deciding.ask(&deciding.admin, refuse(row.request, &row.digest)).await.unwrap();
    assert_eq!(site.sweep().await.unwrap().asked, 0, "a refusal holds against a sweep");
    // ends no later than the first: nothing but the new relationship asks
    site.relate("org:Klinik", "patient:HOSPITAL/P2", 5 * 86_400).await;
    assert!(order().await.is_some_and(|next| next.request > row.request));
}
