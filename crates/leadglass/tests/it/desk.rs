//! Orders and leaks on the pages of officer and administrator: what each sees and may do, and who does not.

use serde_json::{Value, json};

use crate::hl7::message;
use crate::installation::{Installation, wait_until};
use crate::orders::{REFERRER, RUTH, Scene, order};
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

#[test]
fn an_administrator_gives_the_identifier_that_orders_go_by_and_neither_delegate_nor_referrer_does() {
    let scene = Scene::new();
    let (site, nils) = (&scene.site, "nils@practice.example");
    let (officer, administrator) = (of_role(site, "officer"), of_role(site, "administrator"));
    // what a delegate says of a colleague is for the census
    site.ok(&["person", "delegate", REFERRER, "--organisation", "Practice"]);
    let lanr = |id: &str| json!({ "issuer": "LANR", "id": id });
    let colleague = json!({
        "organisation": "Practice", "email": nils, "name": "Nils New", "role": "referrer", "professional_id": lanr("777"),
    });
    let added = scene.ruth.post("/api/colleagues", &colleague);
    assert_eq!(added.status, 200, "{}", added.json());
    let link = format!("/enrol#{}", added.json()["token"].as_str().unwrap());
    let referrer = Person::enrol(site, nils, &link);
    let mut ris = scene.sender();
    let named = |number: &str, patient: u32| {
        let orc = format!("ORC|NW|{number}^RIS||||||||||777^New^Nils^^^^^^LANR");
        message("ORM^O01", number, &[&format!("PID|1||M0000000{patient}^^^DEMO"), &orc])
    };
    let seen = || referrer.get("/api/studies").json()["studies"].as_array().unwrap().len();
    assert_eq!(ris.code(&named("1", 1)), "AE");

    let path = "/api/people/professional-id";
    let giving = |id: &str, holds: bool| json!({ "email": nils, "professional_id": lanr(id), "holds": holds });
    for person in [&scene.ruth, &referrer, &officer] {
        assert_eq!(person.post(path, &giving("777", true)).status, 403, "nobody names themselves or a colleague");
    }
    assert_eq!(scene.ruth.get("/api/people").status, 403);
    let before = scene.entries("professional-id-changed").len();
    assert_eq!((ris.code(&named("2", 1)), seen()), ("AE".to_owned(), 0));

    let row = || {
        let rows = administrator.get("/api/people").json();
        rows.as_array().unwrap().iter().find(|row| row["email"] == nils).unwrap().clone()
    };
    let shown = row();
    assert_eq!((&shown["professional_id"], &shown["professional_ids"]), (&lanr("777"), &json!([])), "{shown}");
    let bare = administrator.post_bare(path, &giving("777", true));
    assert_eq!((bare.status, &bare.json()["fresh"]), (403, &json!("act")), "not without a touch");
    let taken = administrator.post(path, &giving("123456601", true));
    assert_eq!(taken.status, 409, "Ruth has it");
    assert_eq!(taken.json()["error"], "somebody else has this professional identifier");
    assert!(taken.json()["hint"].as_str().unwrap().contains("take it away from them first"), "{}", taken.json());
    let slashes = json!({ "email": nils, "professional_id": lanr("7/77"), "holds": true });
    assert_eq!(administrator.post(path, &slashes).status, 400);
    assert_eq!(scene.entries("professional-id-changed").len(), before, "nothing was given so far");

    let given = administrator.post(path, &giving("777", true));
    assert_eq!((given.status, given.json()), (200, json!({ "professional_ids": [lanr("777")] })));
    assert_eq!(row()["professional_ids"], json!([lanr("777")]));
    let entry = scene.entries("professional-id-changed").pop().unwrap();
    assert!(entry["actor"]["person"].is_object() && entry["holds"] == true, "{entry}");
    assert_eq!((ris.code(&named("3", 1)), seen()), ("AA".to_owned(), 1), "the order makes the relationship");
    let related = scene.entries("related").pop().unwrap();
    assert_eq!(related["relationship"]["basis"], "order", "{related}");

    let taken = administrator.post(path, &giving("777", false));
    assert_eq!((taken.status, taken.json()), (200, json!({ "professional_ids": [] })));
    assert_eq!((ris.code(&named("4", 2)), seen()), ("AE".to_owned(), 1), "no further order names them");
    assert_eq!(row()["professional_id"], lanr("777"), "what was stated stays");
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
