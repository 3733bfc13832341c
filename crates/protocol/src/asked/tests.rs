//! What is asked for is what was signed, and nothing else.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    ApprovalRequest, AuthorityIssuer, BreakGlassRequest, ColdAsk, Match, OrderRuleAsked, OrdersRequest, PlaceReader,
};
use model::{Instant, SessionId, StudyNumber, Tier};

fn proof(method: &str, address: &str, body: &str) -> Proof {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    Proof {
        jwt: String::new(),
        method: method.into(),
        path: path.into(),
        query: query.into(),
        body: body.into(),
        key: None,
    }
}

#[track_caller]
pub fn check(method: &str, address: &str, body: &str, asking: Asking<'_>, asked: bool) {
    let proof = proof(method, address, body);
    let read = Asked::of(&proof, |number| (number == 7).then(|| Uid::parse("1.2.7").unwrap()));
    let identities = |study: &str| if study == "1.2.7" { vec![("P7".into(), "SITE".into())] } else { vec![] };
    assert_eq!(read.asks_for(asking, identities), asked, "{method} {address} {body} {asking:?}");
}

pub fn list(level: Level, matches: &[(u32, &str)]) -> ListRequest {
    let matches = matches.iter().map(|(tag, value)| Match { tag: *tag, value: (*value).into() }).collect();
    ListRequest { level, matches, words: String::new(), order: Order::NewestFirst, offset: 0, limit: 200 }
}

#[test]
fn a_worklist_is_what_its_query_says() {
    let all = ListRequest { limit: WORKLIST_ROWS_DEFAULT, ..list(Level::Study, &[]) };
    check("GET", "/api/studies?limit=10", "", Asking::List(&ListRequest { limit: 10, ..all.clone() }), true);
    check("GET", "/api/studies?limit=10", "", Asking::List(&ListRequest { limit: 11, ..all.clone() }), false);
    check("GET", "/api/studies?limit=500", "", Asking::List(&ListRequest { limit: 200, ..all.clone() }), true);
    let some = ListRequest { words: "muster ct".into(), offset: 50, order: Order::PatientName, ..all.clone() };
    check("GET", "/api/studies", "", Asking::List(&all), true);
    check("GET", "/api/studies?words=muster+ct&offset=50&order=patient-name", "", Asking::List(&some), true);
    check("GET", "/api/studies?words=muster", "", Asking::List(&all), false);
    check("GET", "/api/studies?words=muster%20ct&offset=50", "", Asking::List(&some), false);
    check("GET", "/api/studies?words=muster%20ct&order=patient-name", "", Asking::List(&some), false);
    check("POST", "/api/studies", "", Asking::List(&all), false);
    check("GET", "/api/session", "", Asking::List(&all), false);
    check("GET", "/api/studies", "", Asking::List(&list(Level::Series, &[])), false);
    check("GET", "/api/studies", "", Asking::List(&list(Level::Study, &[(STUDY_UID, "1.2.7")])), false);
    let none = ListRequest { limit: 0, ..all.clone() };
    check("GET", "/api/studies?limit=0", "", Asking::List(&none), false);
}

#[test]
fn a_studys_page_lists_the_study_and_its_patient_only() {
    for address in ["/api/studies/1.2.7", "/api/studies/number/7"] {
        for level in [Level::Study, Level::Series] {
            check("GET", address, "", Asking::List(&list(level, &[(STUDY_UID, "1.2.7")])), true);
            check("GET", address, "", Asking::List(&list(level, &[(STUDY_UID, "1.2.8")])), false);
            check("GET", address, "", Asking::List(&list(level, &[])), false);
        }
        let of_patient = list(Level::Study, &[(PATIENT_ID, "P7"), (ISSUER_OF_PATIENT_ID, "SITE")]);
        check("GET", address, "", Asking::List(&of_patient), true);
        let of_other = list(Level::Study, &[(PATIENT_ID, "P8"), (ISSUER_OF_PATIENT_ID, "SITE")]);
        check("GET", address, "", Asking::List(&of_other), false);
        check("GET", address, "", Asking::List(&list(Level::Study, &[(PATIENT_ID, "P7")])), false);
    }
    let number = PageRequest::StudyUid { study: StudyNumber(7) };
    check("GET", "/api/studies/number/7", "", Asking::Page(&number), true);
    check("POST", "/api/studies/number/7/move", "{}", Asking::Page(&number), true);
    check("GET", "/api/studies/number/71", "", Asking::Page(&number), false);
}

#[test]
fn a_search_keeps_every_attribute_that_was_asked_for() {
    let named = list(Level::Study, &[(0x0010_0010, "Muster*")]);
    let five = ListRequest { limit: 5, ..named.clone() };
    check("GET", "/dicom-web/studies?PatientName=Muster*&limit=5", "", Asking::List(&five), true);
    check("GET", "/dicom-web/studies?PatientName=Muster*&limit=5", "", Asking::List(&named), false);
    check("GET", "/dicom-web/studies?00100010=Muster*", "", Asking::List(&named), true);
    check("GET", "/dicom-web/studies?PatientName=Muster*", "", Asking::List(&list(Level::Study, &[])), false);
    check("GET", "/dicom-web/studies", "", Asking::List(&named), false);
    check("GET", "/dicom-web/studies?PatientName=*", "", Asking::List(&list(Level::Study, &[])), true);
    let series = list(Level::Series, &[(STUDY_UID, "1.2"), (0x0008_0060, "CT")]);
    check("GET", "/dicom-web/studies/1.2/series?Modality=CT", "", Asking::List(&series), true);
    check("GET", "/dicom-web/studies/1.3/series?Modality=CT&StudyInstanceUID=1.2", "", Asking::List(&series), false);
    let instances = ListRequest { limit: 20, offset: 40, ..list(Level::Instance, &[(0x0010_0020, "P")]) };
    let between = ListRequest { offset: 41, ..instances.clone() };
    check("GET", "/dicom-web/instances?PatientID=P", "", Asking::List(&between), false);
    check("GET", "/dicom-web/instances?PatientID=P&InstanceNumber=1", "", Asking::List(&instances), true);
    check("GET", "/dicom-web/instances?InstanceNumber=1", "", Asking::List(&instances), false);
}

#[test]
fn a_study_opens_only_where_the_address_names_it() {
    let open = |study: &str, scope| OpenRequest { study: Uid::parse(study).unwrap(), scope };
    let images = open("1.2", Scope::Images);
    check("GET", "/dicom-web/studies/1.2/series/3/instances/4/frames/1", "", Asking::Open(&images), true);
    check("GET", "/dicom-web/studies/1.2", "", Asking::Open(&images), true);
    check("GET", "/dicom-web/studies/1.2/metadata", "", Asking::Open(&images), false);
    check("GET", "/dicom-web/studies/1.2/series/3/instances", "", Asking::Open(&images), false);
    check("GET", "/dicom-web/studies/1.2/metadata", "", Asking::Open(&open("1.2", Scope::Listing)), true);
    check("GET", "/dicom-web/studies/1.3/thumbnail", "", Asking::Open(&images), false);
    check("GET", "/dicom-web/studies/1.2.3", "", Asking::Open(&images), false);
    check("GET", "/api/studies/1.2", "", Asking::Open(&images), false);
    check("POST", "/dicom-web/studies/1.2", "", Asking::Open(&images), false);
    check("GET", "/dicom-web/instances?StudyInstanceUID=1.2", "", Asking::Open(&open("1.2", Scope::Listing)), true);
    check("GET", "/dicom-web/instances?StudyInstanceUID=1.2", "", Asking::Open(&images), false);
}

#[test]
fn a_change_says_what_the_body_says() {
    let body = r#"{"who":"person:a","whom":"site","tier":"open","from":5,"until":9,"basis":"order"}"#;
    let relate = |who: &str, tier, until| PageRequest::Relate {
        who: who.into(),
        whom: "site".into(),
        tier,
        from: Instant(5),
        until: Instant(until),
        basis: "order".into(),
    };
    let address = "/api/relationships";
    check("POST", address, body, Asking::Page(&relate("person:a", Tier::Open, 9)), true);
    check("POST", address, body, Asking::Page(&relate("person:b", Tier::Open, 9)), false);
    check("POST", address, body, Asking::Page(&relate("person:a", Tier::List, 9)), false);
    check("POST", address, body, Asking::Page(&relate("person:a", Tier::Open, 10)), false);
    check("POST", "/api/relationships/end", body, Asking::Page(&relate("person:a", Tier::Open, 9)), false);
    check("POST", address, "", Asking::Page(&relate("person:a", Tier::Open, 9)), false);
    check("POST", address, "{", Asking::Page(&relate("person:a", Tier::Open, 9)), false);
    let moving = |patient: &str| PageRequest::MoveStudy {
        study: Uid::parse("1.2.7").unwrap(),
        patient: patient.into(),
        reason: "r".into(),
    };
    let body = r#"{"patient":"A/1","reason":"r"}"#;
    for address in ["/api/studies/1.2.7/move", "/api/studies/number/7/move"] {
        check("POST", address, body, Asking::Page(&moving("A/1")), true);
        check("POST", address, body, Asking::Page(&moving("A/2")), false);
    }
    check("POST", "/api/studies/1.2.8/move", body, Asking::Page(&moving("A/1")), false);
    let approve = |proposal, digest: &str| {
        let (proposal, digest) = (model::EntryNumber(proposal), digest.to_owned());
        PageRequest::Approvals(ApprovalRequest::Approve { proposal, digest })
    };
    let (address, body) = (
        "/api/approvals/17/approve",
        r#"{"digest":"ab","fresh":{"ceremony":"c","shown":{"passkey":{"credential":"{}"}}}}"#,
    );
    check("POST", address, body, Asking::Page(&approve(17, "ab")), true);
    check("POST", address, body, Asking::Page(&approve(18, "ab")), false);
    check("POST", address, body, Asking::Page(&approve(17, "cd")), false);
    let open = |open| PageRequest::Approvals(ApprovalRequest::List { open });
    check("GET", "/api/approvals?open=true", "", Asking::Page(&open(true)), true);
    check("GET", "/api/approvals", "", Asking::Page(&open(true)), false);
    let endorse = |request, digest: &str| {
        PageRequest::Cold(ColdAsk::Endorse { request: model::EntryNumber(request), digest: digest.to_owned() })
    };
    let (address, body) = ("/api/cold/17/approve", r#"{"digest":"ab"}"#);
    check("POST", address, body, Asking::Page(&endorse(17, "ab")), true);
    check("POST", address, body, Asking::Page(&endorse(18, "ab")), false);
    check("POST", address, body, Asking::Page(&endorse(17, "cd")), false);
    check("POST", "/api/cold/17/refuse", body, Asking::Page(&endorse(17, "ab")), false);
    let of_study = PageRequest::Cold(ColdAsk::OfStudy { study: Uid::parse("1.2.7").unwrap() });
    check("GET", "/api/studies/1.2.7/cold", "", Asking::Page(&of_study), true);
    check("GET", "/api/studies/1.2.8/cold", "", Asking::Page(&of_study), false);
    check("GET", "/api/cold", "", Asking::Page(&PageRequest::Cold(ColdAsk::Overview)), true);
    check("GET", "/api/cold", "", Asking::Page(&PageRequest::Cold(ColdAsk::State)), false);
    let terms = PageRequest::BreakGlass(BreakGlassRequest::Terms);
    check("GET", "/api/break-glass/terms", "", Asking::Page(&terms), true);
    check("GET", "/api/break-glass", "", Asking::Page(&terms), false);
    let end = PageRequest::EndSession { session: SessionId([0xab; 16]) };
    check("DELETE", &format!("/api/sessions/{}", "ab".repeat(16)), "", Asking::Page(&end), true);
    check("DELETE", &format!("/api/sessions/{}", "ac".repeat(16)), "", Asking::Page(&end), false);
    let report =
        PageRequest::Exposure { who: "person:a".into(), window: model::Window { from: Instant(1), to: Instant(2) } };
    check("GET", "/api/exposure?who=person:a&from=1&to=2", "", Asking::Page(&report), true);
    check("GET", "/api/exposure?who=person:b&from=1&to=2", "", Asking::Page(&report), false);
}

#[test]
fn a_change_leaves_nothing_out_of_what_the_body_says() {
    let device = |from: &[&str], token, bound| PageRequest::AddDevice {
        name: "CT".into(),
        organisation: "North".into(),
        may: vec![model::DeviceMay::Store],
        ae_title: None,
        from: from.iter().map(|from| (*from).to_owned()).collect(),
        token,
        bound,
        token_until: None,
    };
    let key = dpop::Thumbprint([7; 32]);
    let bound = Some(crate::TokenBinding::Dpop(key));
    let all = device(&["10.0.0.0/8"], true, bound);
    let body = serde_json::json!({
        "name": "CT", "organisation": "North", "may": ["store"], "from": ["10.0.0.0/8"], "token": true, "bound": {"dpop": key},
    });
    let body = body.to_string();
    check("POST", "/api/devices", &body, Asking::Page(&all), true);
    check("POST", "/api/devices", &body, Asking::Page(&device(&["10.0.0.0/8"], true, None)), false);
    check("POST", "/api/devices", &body, Asking::Page(&device(&[], true, bound)), false);
    check("POST", "/api/devices", &body, Asking::Page(&device(&["10.0.0.0/8"], false, bound)), false);
    let certificate = Some(crate::TokenBinding::Certificate(key));
    check("POST", "/api/devices", &body, Asking::Page(&device(&["10.0.0.0/8"], true, certificate)), false);

    let budget = |opened_other| PageRequest::SetBudget {
        whose: "person:a".into(),
        ceilings: model::Ceilings { opened_other, ..model::Ceilings::default() },
    };
    let body = r#"{"whose":"person:a","ceilings":{"opened_other":20,"listed_other":null}}"#;
    check("POST", "/api/budgets", body, Asking::Page(&budget(Some(20))), true);
    check("POST", "/api/budgets", body, Asking::Page(&budget(None)), false);

    let removal = |request| PageRequest::Removals(request);
    let (whole, token) = (r#"{"name":"CT"}"#, r#"{"name":"CT","token":true}"#);
    let name = || "CT".to_owned();
    let address = "/api/devices/remove";
    check("POST", address, whole, Asking::Page(&removal(RemovalRequest::Device { name: name() })), true);
    check("POST", address, whole, Asking::Page(&removal(RemovalRequest::DeviceToken { name: name() })), false);
    check("POST", address, token, Asking::Page(&removal(RemovalRequest::Device { name: name() })), false);
    check("POST", address, token, Asking::Page(&removal(RemovalRequest::DeviceToken { name: name() })), true);

    let change = |change| PageRequest::ChangeIncident { incident: 3, change };
    let note = r#"{"change":"note","text":"t"}"#;
    let text = || "t".to_owned();
    check("POST", "/api/incidents/3", note, Asking::Page(&change(IncidentChange::Note { text: text() })), true);
    check("POST", "/api/incidents/3", note, Asking::Page(&change(IncidentChange::Close { text: text() })), false);

    let of_orders = |change: &dyn Fn(&mut OrderRuleAsked)| {
        let mut rule = OrderRuleAsked::naming(&model::OrderRule::default(), &[]);
        rule.reading_group = Some("North".to_owned());
        rule.places = vec![PlaceReader { place: "MRT".to_owned(), organisation: "South".to_owned() }];
        rule.authorities = vec![AuthorityIssuer { authority: "HOSPITAL".to_owned(), issuer: String::new() }];
        change(&mut rule);
        rule
    };
    let asked = |change| PageRequest::Orders(OrdersRequest::SetRule(of_orders(change)));
    let body = serde_json::to_string(&of_orders(&|_| ())).unwrap();
    let address = "/api/approvals/orders-rule";
    check("POST", address, &body, Asking::Page(&asked(&|_| ())), true);
    let others: [&dyn Fn(&mut OrderRuleAsked); 6] = [
        &|rule| rule.reading_group = None,
        &|rule| rule.places[0].organisation = "North".to_owned(),
        &|rule| rule.places.clear(),
        // what says nothing is part of the list that it stands in
        &|rule| rule.authorities.push(AuthorityIssuer { authority: "OTHER".to_owned(), issuer: String::new() }),
        &|rule| rule.authorities[0].authority = "OTHER".to_owned(),
        &|rule| rule.grace_days = 0,
    ];
    for other in others {
        check("POST", address, &body, Asking::Page(&asked(other)), false);
    }

    let relate = |from| PageRequest::Relate {
        who: "person:a".into(),
        whom: "site".into(),
        tier: Tier::Open,
        from: Instant(from),
        until: Instant(9),
        basis: "order".into(),
    };
    let body = r#"{"who":"person:a","whom":"site","tier":"open","from":5,"until":9,"basis":"order"}"#;
    check("POST", "/api/relationships", body, Asking::Page(&relate(5)), true);
    check("POST", "/api/relationships", body, Asking::Page(&relate(0)), false);
    let open = |open| PageRequest::Approvals(ApprovalRequest::List { open });
    check("GET", "/api/approvals?open=true", "", Asking::Page(&open(false)), false);
    check("GET", "/api/approvals", "", Asking::Page(&open(false)), true);
    let of = |person| PageRequest::Sessions { person };
    check("GET", "/api/sessions?person=7", "", Asking::Page(&of(None)), false);
    check("GET", "/api/sessions?person=7", "", Asking::Page(&of(Some(model::PersonId(7)))), true);
}

#[test]
fn what_only_the_owner_asks_for_is_asked_for_by_no_page() {
    for address in ["/api/health", "/api/snapshot", "/"] {
        check("GET", address, "", Asking::Page(&PageRequest::Health), false);
        check("GET", address, "", Asking::Page(&PageRequest::Snapshot { into: "/".into() }), false);
    }
}
