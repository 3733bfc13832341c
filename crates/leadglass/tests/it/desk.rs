//! Orders and leaks on the pages of officer and administrator: what each sees and may do, and who does not.

use serde_json::{Value, json};

use crate::hl7::message;
use crate::installation::{Installation, wait_until};
use crate::orders::{RUTH, Scene, order};
use crate::persons::Person;
use crate::threats_insider;

fn of_role(site: &Installation, role: &str) -> Person {
    let email = format!("{role}@practice.example");
    let add = ["person", "add", &email, "--name", role, "--role", role, "--organisation", "Practice"];
    let added = site.ok(&[&add[..], &["--password-and-code"]].concat());
    Person::enrol(site, &email, added["enrolment"].as_str().unwrap())
}

#[test]
fn an_officer_and_an_administrator_see_what_senders_told_throw_messages_away_and_take_merges_back() {
    let scene = Scene::new();
    let (officer, administrator) = (of_role(&scene.site, "officer"), of_role(&scene.site, "administrator"));
    let mut ris = scene.sender();
    assert_eq!(ris.code(&order("NW", "1", 2, "A")), "AA");
    let merge = message("ADT^A40", "2", &["PID|1||M00000001^^^DEMO", "MRG|M00000002^^^DEMO"]);
    assert_eq!(ris.code(&merge), "AA");
    let broken =
        message("ORM^O01", "MSG-3", &["PID|1||M00000004||Geheimfrau^Anna", &format!("ORC|NW|B^RIS||||||||||{RUTH}")]);
    assert_eq!(ris.code(&broken), "AE");

    for person in [&officer, &administrator] {
        let state = person.get("/api/orders").json();
        assert_eq!(
            (&state["senders"][0]["sender"], &state["senders"][0]["orders"]),
            (&json!("RIS"), &json!(1)),
            "{state}"
        );
        assert_eq!(state["orders"][0]["holders"], json!(["Ruth Referrer"]), "{state}");
        assert_eq!(person.get("/api/orders?unmatched=true").json()["orders"].as_array().unwrap().len(), 1);
        assert_eq!(person.get("/api/orders?unmatched=perhaps").status, 400);
        let kept = person.get("/api/orders/kept").json();
        assert_eq!((&kept[0]["control_id"], &kept[0]["sender"]), (&json!("MSG-3"), &json!("RIS")), "{kept}");
        assert_eq!(kept[0]["problem"]["place"], json!({ "segment": "PID", "field": 3 }), "{kept}");
        assert_eq!(kept[0]["bytes"], broken.len(), "{kept}");
        let said = format!("{state}{kept}");
        assert!(!said.contains("Geheimfrau") && !said.contains("M0000000"), "no patient is named: {said}");
    }
    // whoever reads images does not: the address is not theirs, whatever stands in it
    let number = officer.get("/api/orders").json()["merges"][0]["merge"].clone();
    let (kept, undo) = ("/api/orders/kept/1", format!("/api/orders/merges/{number}/undo"));
    for path in ["/api/orders", "/api/orders/kept", "/api/leaks"] {
        assert_eq!(scene.ruth.get(path).status, 403, "{path}");
    }
    assert_eq!(scene.ruth.delete(kept).status, 403);
    assert_eq!(scene.ruth.post(&undo, &json!({})).status, 403);

    assert_eq!(scene.seen(), ["M00000001", "M00000001"]);
    assert_eq!(officer.post(&undo, &json!({})).status, 204);
    assert_eq!(scene.seen(), ["M00000002"], "the order is where it was");
    assert_eq!(officer.post(&undo, &json!({})).status, 404);
    let kept = format!("/api/orders/kept/{}", administrator.get("/api/orders/kept").json()[0]["kept"]);
    assert_eq!(administrator.delete(&kept).status, 204);
    assert_eq!(administrator.delete(&kept).status, 404);
    assert_eq!(officer.get("/api/orders/kept").json(), json!([]));
    let actors: Vec<Value> = scene.entries("order-kept").into_iter().map(|entry| entry["state"].clone()).collect();
    assert_eq!(actors, ["kept", "dropped"].map(Value::from), "no page reads a message");
}

const ORDERS_RULE: &str = "/api/approvals/orders-rule";

/// Another rule than that of a new site, as the page asks for it.
fn another() -> Value {
    json!({
        "grace_days": 14, "open_days": 60, "reading_group": "Radiology",
        "places": [{ "place": "MRT", "organisation": "Practice" }],
        "authorities": [{ "authority": "HOSPITAL", "issuer": "DEMO" }],
        "orders_per_day": 500, "unmatched_per_day": 20, "merges_per_day": 5,
    })
}

#[test]
fn another_rule_of_orders_waits_for_a_second_person_and_holds_then() {
    let scene = threats_insider::Scene::new();
    let site = &scene.site;
    site.ok(&["org", "add", "Radiology"]);
    let before = site.ok(&["orders", "rule"]);
    for role in ["referrer", "radiologist", "technologist"] {
        assert_eq!(of_role(site, role).post(ORDERS_RULE, &another()).status, 403, "{role}");
    }

    let answer = scene.admin.post(ORDERS_RULE, &another());
    assert_eq!(answer.status, 202, "{}", answer.json());
    let row = answer.json()["proposed"].clone();
    let words = row["words"].as_str().unwrap();
    for named in ["Radiology a relationship of 60 days and 14 more", "Practice reads what is at \"MRT\"", "\"DEMO\""] {
        assert!(words.contains(named), "whoever approves reads {named}: {words}");
    }
    assert_eq!(scene.admin.post(ORDERS_RULE, &another()).status, 409, "it waits already");
    let own = scene.admin.approve(&row);
    assert!(matches!(own.status, 400 | 403), "nobody approves their own: {}", own.status);
    scene.let_the_delay_pass("technologist");
    assert_eq!(site.ok(&["orders", "rule"]), before, "the delay alone changes nothing");

    assert_eq!(scene.officer.approve(&row).status, 202);
    wait_until("the rule holds", || site.ok(&["orders", "rule"]) != before);
    let mut wanted = another();
    wanted["authorities"] = json!({ "HOSPITAL": "DEMO" });
    assert_eq!(site.ok(&["orders", "rule"]), wanted);
    let rule = scene.officer.get("/api/orders").json()["rule"].clone();
    assert_eq!((&rule["grace_days"], &rule["authorities"]), (&json!(14), &wanted["authorities"]), "{rule}");
    assert_eq!(site.entries_of("order-rule-set").len(), 1);
}

#[test]
fn a_rule_of_orders_that_does_not_fit_is_no_proposal_and_one_of_an_officer_takes_the_administrator() {
    let scene = threats_insider::Scene::new();
    let site = &scene.site;
    site.ok(&["org", "add", "Radiology"]);
    let other = |name: &str, value: Value| {
        let mut rule = another();
        rule[name] = value;
        rule
    };
    let place = json!({ "place": "MRT", "organisation": "Practice" });
    let many: Vec<Value> = (0..1_001).map(|n| json!({ "authority": n.to_string(), "issuer": "" })).collect();
    for (wrong, status) in [
        (other("reading_group", json!("Nowhere")), 404),
        (other("places", json!([{ "place": "MRT", "organisation": "Nowhere" }])), 404),
        (other("places", json!([place, place])), 400),
        (other("places", json!([{ "place": "M".repeat(65), "organisation": "Practice" }])), 400),
        (other("places", json!({ "MRT": "Practice" })), 400),
        (other("authorities", many.into()), 400),
        (other("grace_days", json!(3_661)), 400),
        (other("open_days", json!(-1)), 400),
        (other("orders_per_day", json!(1_000_001)), 400),
        (other("merges_per_day", Value::Null), 400),
    ] {
        let answer = scene.officer.post(ORDERS_RULE, &wrong);
        assert_eq!(answer.status, status, "{wrong}: {}", answer.json());
    }
    assert!(scene.proposals().iter().all(|row| row["state"] != "open"), "nothing of it waits");

    // without a touch for exactly this there is no proposal either
    let bare = scene.officer.post_bare(ORDERS_RULE, &another());
    assert_eq!((bare.status, &bare.json()["fresh"]), (403, &json!("act")));
    let answer = scene.officer.post(ORDERS_RULE, &other("reading_group", Value::Null));
    assert_eq!(answer.status, 202, "{}", answer.json());
    assert_eq!(scene.admin.approve(&answer.json()["proposed"]).status, 202);
    wait_until("the rule holds", || {
        site.ok(&["orders", "rule"])["reading_group"] == Value::Null && site.ok(&["orders", "rule"])["open_days"] == 60
    });
}

#[test]
fn other_rules_of_sharing_and_networks_wait_for_a_second_person_and_are_told_as_they_stand() {
    let scene = threats_insider::Scene::new();
    let ruth = of_role(&scene.site, "referrer");
    let sharing = json!({ "patients": false, "clinicians": true, "days_max": 7 });
    let networks = json!({ "networks": [
        { "name": "Mitte", "blocks": ["10.1.0.0/16"], "at": { "latitude": 5_252, "longitude": 1_340 }, "utc_minutes": null },
    ] });
    let stand = || {
        let told = scene.officer.get("/api/approvals?open=true").json();
        (told["sharing"].clone(), told["networks"].clone())
    };
    let before = stand();
    assert_eq!((&before.0["patients"], &before.1), (&json!(true), &json!({ "networks": [] })));
    for (path, rule) in [("/api/approvals/sharing-rule", &sharing), ("/api/approvals/network-rule", &networks)] {
        assert_eq!(ruth.post(path, rule).status, 403, "{path}");
        let stood = stand();
        let answer = scene.officer.post(path, rule);
        assert_eq!(answer.status, 202, "{path}: {}", answer.json());
        assert_eq!(stand(), stood, "{path}: nothing at once");
        let row = answer.json()["proposed"].clone();
        assert!(matches!(scene.officer.approve(&row).status, 400 | 403), "{path}: nobody approves their own");
        assert_eq!(scene.admin.approve(&row).status, 202, "{path}");
        wait_until("it is carried out", || scene.state(&row["proposal"]).get("carried-out").is_some());
    }
    assert_eq!(stand(), (sharing, networks));
}
