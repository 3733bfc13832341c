//! Orders and leaks on the pages of officer and administrator: what each sees and may do, and who does not.

use serde_json::{Value, json};

use crate::hl7::message;
use crate::installation::Installation;
use crate::orders::{REFERRER, RUTH, Scene, order};
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
