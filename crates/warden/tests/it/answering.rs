//! Incidents, questions of patients, and reports that are handed out.

use audit::StatementProof;
use model::{Clock, EntryBody, ExposureReported, Instant, Role, Window};
use protocol::{
    AboutFacts, CASE_TEXT_CHARACTERS_MAX, ClockStanding, IncidentChange, Invalid, PageReply, PageRequest,
    QUESTIONS_WAITING_MAX, QuestionRow, Refusal, ReportDocument, Scope,
};

use crate::site::{Folder, now};

fn questions(reply: Result<PageReply, Refusal>) -> Vec<QuestionRow> {
    match reply {
        Ok(PageReply::Questions(rows)) => rows,
        other => panic!("no questions: {other:?}"),
    }
}

fn ask(text: &str) -> PageRequest {
    PageRequest::AskQuestion { access: None, text: text.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_asks_the_officer_answers_and_nobody_else_reads_it() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1), sender.image("P2", "1.2.2", 1)]).await.unwrap();
    let patient = site.person("p1@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    let other = site.person("p2@x.example", Role::Patient, Some("HOSPITAL/P2")).await;
    let officer = site.person("officer@x.example", Role::Officer, None).await;
    let referrer = site.person("r@x.example", Role::Referrer, None).await;

    let own = questions(site.ask_as(&patient, ask("who is that?\nI do not know them")).await);
    assert_eq!((own.len(), own[0].patient.is_none(), own[0].answers.len()), (1, true, 0));
    let inbox = questions(site.ask_as(&officer, PageRequest::Questions).await);
    assert_eq!(inbox[0].patient.as_ref().unwrap().id, "P1");
    let answer = PageRequest::AnswerQuestion { question: 1, text: "the doctor on call".to_owned() };
    questions(site.ask_as(&officer, answer.clone()).await);
    let own = questions(site.ask_as(&patient, PageRequest::MyQuestions).await);
    assert_eq!((own[0].answers[0].text.as_str(), own[0].answers.len()), ("the doctor on call", 1));

    assert_eq!(questions(site.ask_as(&other, PageRequest::MyQuestions).await), []);
    for request in [PageRequest::Questions, answer] {
        for who in [&patient, &other, &referrer] {
            assert_eq!(site.ask_as(who, request.clone()).await.unwrap_err(), Refusal::NotAllowed);
        }
    }
    assert_eq!(site.ask_as(&referrer, ask("?")).await.unwrap_err(), Refusal::NotAllowed);
    assert_eq!(site.ask_as(&officer, ask("?")).await.unwrap_err(), Refusal::NotAllowed);
    // the inbox named the patient to the officer: that is a listing
    assert_eq!(site.exposure("person:officer@x.example").await.listed.patients, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_limited_in_length_and_number() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    let patient = site.person("p1@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    for text in ["", "  \n ", "a\u{1b}[2J", &"x".repeat(CASE_TEXT_CHARACTERS_MAX + 1)] {
        let refused = site.ask_as(&patient, ask(text)).await.unwrap_err();
        assert!(matches!(refused, Refusal::Invalid(Invalid::Field { .. })), "{refused:?}");
    }
    questions(site.ask_as(&patient, ask(&"ü".repeat(CASE_TEXT_CHARACTERS_MAX))).await);
    for n in 1..QUESTIONS_WAITING_MAX {
        questions(site.ask_as(&patient, ask(&format!("question {n}"))).await);
    }
    let refused = site.ask_as(&patient, ask("one more")).await.unwrap_err();
    assert!(refused.to_string().contains("five questions"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_report_is_an_entry_and_its_proof_holds_for_that_document_only() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "patient:HOSPITAL/P1", 3600).await;
    site.open(&reader, "1.2.1", Scope::Images).await.unwrap();
    let window = Window { from: now().plus_seconds(-60), to: now().plus_seconds(60) };
    let opened = site
        .ask(PageRequest::OpenIncident {
            title: "lost token".to_owned(),
            about: vec!["device:viewer".to_owned()],
            window,
            aware: now().plus_seconds(-1),
        })
        .await;
    let PageReply::Incident(incident) = opened else { panic!("no incident") };
    assert_eq!((incident.opened.patients, incident.row.about[0].as_str()), (1, "device:viewer"));

    let request = PageRequest::SignedExposure { who: "device:viewer".to_owned(), window, incident: Some(1) };
    let PageReply::SignedExposure(signed) = site.ask(request).await else { panic!("no report") };
    let proof = StatementProof::parse(signed.proof.as_bytes()).unwrap();
    let checked = proof.check(signed.document.as_bytes(), &proof.vkey().unwrap()).unwrap();
    let document: ReportDocument = serde_json::from_str(&signed.document).unwrap();
    assert_eq!(document.report.opened.patients, 1);
    assert!(matches!(document.report.about, AboutFacts::Device { .. }));
    assert!(matches!(checked.entry.body, EntryBody::ExposureReported(ExposureReported { sha256: Some(_), .. })));
    assert_eq!(document.report.ledger_size, checked.computed.size);
    let changed = signed.document.replace("viewer", "viewed");
    assert!(proof.check(changed.as_bytes(), &proof.vkey().unwrap()).is_err());
    let PageReply::Incident(incident) = site.ask(PageRequest::Incident { incident: 1 }).await else { panic!() };
    let attached: Vec<_> = incident.steps.iter().filter(|step| step.what == "report").collect();
    assert_eq!((attached.len(), attached[0].text.as_str()), (1, checked.number.to_string().as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_survives_a_restart_and_its_clocks_are_refused_what_cannot_be() {
    let folder = Folder::new();
    let site = folder.start().await;
    let window = Window { from: now().plus_seconds(-60), to: now() };
    let open = |title: &str, aware| PageRequest::OpenIncident { title: title.to_owned(), about: vec![], window, aware };
    let change = |change| PageRequest::ChangeIncident { incident: 1, change };
    for request in [open("", now()), open("two\nlines", now()), open("future", now().plus_seconds(3600))] {
        assert!(matches!(site.ask_owner(request).await, Err(Refusal::Invalid(_))));
    }
    let aware = now().plus_seconds(-25 * 3600);
    site.ask(open("old", aware)).await;
    for at in [aware.plus_seconds(-1), now().plus_seconds(3600)] {
        let done = change(IncidentChange::Done { clock: Clock::GdprNotification, at });
        assert!(matches!(site.ask_owner(done).await, Err(Refusal::Invalid(_))));
    }
    site.ask(change(IncidentChange::Done { clock: Clock::GdprNotification, at: now() })).await;
    site.stop().await;
    let site = folder.start().await;
    let PageReply::Incidents(rows) = site.ask(PageRequest::Incidents).await else { panic!("no incidents") };
    let state = |clock| rows[0].clocks.iter().find(|row| row.clock == clock).unwrap().state;
    assert_eq!(state(Clock::GdprNotification), ClockStanding::Done);
    assert_eq!(state(Clock::Nis2EarlyWarning), ClockStanding::Overdue);
    assert_eq!(state(Clock::NdbAssessment), ClockStanding::Running);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_shows_what_was_done_in_it_and_not_what_was_done_in_another() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1), sender.image("P2", "1.2.2", 1)]).await.unwrap();
    let link = site.add_person("r@x.example", Role::Referrer, None).await;
    site.relate("person:r@x.example", "patient:HOSPITAL/P1", 3600).await;
    let first = site.session("r@x.example", &link).await;
    site.open(&first, "1.2.1", Scope::Images).await.unwrap();
    let sessions: Vec<String> = site
        .entries()
        .await
        .into_iter()
        .filter_map(|entry| match entry.body {
            EntryBody::SignedIn { session, .. } => Some(format!("session:{session}")),
            _ => None,
        })
        .collect();
    let [session] = sessions.as_slice() else { panic!("{sessions:?}") };
    let report = site.exposure(session).await;
    assert_eq!((report.reachable.patients, report.opened.studies), (1, 1));
    let AboutFacts::Session { name, span, .. } = &report.about else { panic!("no session") };
    assert!(!name.is_empty() && span.from < span.to);
    assert_eq!(report.unexpired.patients, 0, "the window ends after every lease");
    let until_now = PageRequest::Exposure { who: session.clone(), window: Window { from: Instant(0), to: now() } };
    let PageReply::Exposure(running) = site.ask(until_now).await else { panic!("no report") };
    assert_eq!(running.unexpired.patients, 1, "the lease runs past the end of the window");
    // reached after the session ended: by the person, not in the session
    let PageReply::Me(me) = site.ask_as(&first, PageRequest::Me).await.unwrap() else { panic!("nobody") };
    site.ask_as(&first, PageRequest::EndSession { session: me.session }).await.unwrap();
    site.relate("person:r@x.example", "patient:HOSPITAL/P2", 3600).await;
    assert_eq!(site.exposure("person:r@x.example").await.reachable.patients, 2);
    assert_eq!(site.exposure(session).await.reachable.patients, 1);
}
