//! Orders and leaks on the pages of officer and administrator: what each sees and may do, and who does not.

use serde_json::{Value, json};

use crate::hl7::message;
use crate::installation::Installation;
use crate::orders::{RUTH, Scene, order};
use crate::persons::Person;

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
