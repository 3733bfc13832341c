//! FHIR R4: what a patient's consent ends and keeps from beginning, and studies found as ImagingStudy.

use serde_json::{Value, json};

use crate::client::Answer;
use crate::hl7::message;
use crate::orders::{RUTH, Scene, order};

/// A device with a token.
struct Device<'s> {
    scene: &'s Scene,
    token: String,
}

impl<'s> Device<'s> {
    fn add(scene: &'s Scene, name: &str, may: &str) -> Self {
        let added = scene.site.ok(&["device", "add", name, "--organisation", "Machines", "--may", may, "--token"]);
        Self { scene, token: added["token"].as_str().unwrap().to_owned() }
    }

    fn tell(&self, resource: &Value) -> Answer {
        self.tell_bytes(resource["resourceType"].as_str().unwrap(), resource.to_string().as_bytes())
    }

    fn tell_bytes(&self, kind: &str, body: &[u8]) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/fhir+json")];
        crate::client::ask(self.scene.site.http(), "POST", &format!("/fhir/{kind}"), &headers, body)
    }

    /// What is not taken, and its code of table 0357.
    #[track_caller]
    fn refused(&self, resource: &Value, code: &str) -> Answer {
        let said = self.tell(resource);
        let coded = said.json()["issue"][0]["details"]["coding"][0]["code"].clone();
        assert_eq!((said.status, coded), (422, json!(code)), "{resource}: {}", String::from_utf8_lossy(&said.body));
        said
    }

    fn find(&self, query: &str) -> Answer {
        crate::client::get(self.scene.site.http(), &self.token, &format!("/fhir/ImagingStudy?{query}"))
    }
}

fn consent(version: u32, patient: &str, status: &str, provision: &Value) -> Value {
    json!({
        "resourceType": "Consent",
        "id": "c-1",
        "meta": { "versionId": version.to_string() },
        "status": status,
        "identifier": [{ "system": "urn:kis", "value": "C-1" }],
        "patient": { "identifier": { "system": "DEMO", "value": patient } },
        "provision": provision,
    })
}

fn denies(kind: &str, system: &str, value: &str) -> Value {
    json!({ "type": "deny", "actor": [{ "reference": { "type": kind, "identifier": { "system": system, "value": value } } }] })
}

#[test]
fn an_appointment_is_known_until_it_is_cancelled_and_a_link_of_patients_merges_their_records() {
    let scene = Scene::new();
    let kis = Device::add(&scene, "KIS", "orders");
    let request = json!({
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "identifier": [{ "system": "urn:kis", "value": "P-1" }],
        "subject": { "identifier": { "system": "DEMO", "value": "M00000002" } },
        "requester": { "identifier": { "system": "LANR", "value": "123456601" } },
    });
    assert_eq!(kis.tell(&request).status, 200);
    let matched = || {
        let state = scene.site.ok(&["orders", "state"]);
        let unmatched = scene.site.ok(&["orders", "state", "--unmatched"])["orders"].as_array().unwrap().len();
        (
            state["orders"][0]["matched"].as_bool().unwrap(),
            unmatched,
            state["senders"][0]["unmatched"].as_u64().unwrap(),
        )
    };
    assert_eq!(matched(), (false, 1, 1));
    let appointment = |version: u32, status: &str, patient: &str| {
        json!({
            "resourceType": "Appointment",
            "meta": { "versionId": version.to_string() },
            "status": status,
            "identifier": [{ "system": "urn:ris", "value": "A-1" }],
            "basedOn": [{ "identifier": { "system": "urn:kis", "value": "P-1" } }],
            "start": "2099-12-24T09:30:00Z",
            "participant": [{ "actor": { "type": "Patient", "identifier": { "system": "DEMO", "value": patient } }, "status": "accepted" }],
        })
    };
    for (version, status) in [(1, "cancelled"), (3, "noshow"), (5, "entered-in-error")] {
        assert_eq!(kis.tell(&appointment(version, "booked", "M00000002")).status, 200);
        assert_eq!(matched(), (true, 0, 0), "booked");
        // that of another patient is not this one
        let said = kis.tell(&appointment(version, status, "M00000001"));
        let issue = said.json()["issue"].to_string();
        assert!(said.status == 200 && issue.contains("no appointment of this number is known"), "{issue}");
        assert_eq!(matched(), (true, 0, 0), "{status} for another patient");
        assert_eq!(kis.tell(&appointment(version + 1, status, "M00000002")).status, 200);
        assert_eq!(matched(), (false, 1, 1), "{status}");
    }
    // the same bytes again count once
    let entries = scene.entries("appointment-made").len();
    assert_eq!(kis.tell(&appointment(6, "entered-in-error", "M00000002")).status, 200);
    assert_eq!((scene.entries("appointment-made").len(), entries), (6, 6));
    assert_eq!(scene.seen(), ["M00000002"], "reach goes by the order");
    let unnamed = {
        let mut unnamed = appointment(7, "cancelled", "M00000002");
        unnamed["identifier"] = json!([]);
        unnamed
    };
    kis.refused(&unnamed, "101");

    // the record of M00000002 is one with that of M00000001
    let person = |link: &Value| json!({ "resourceType": "Patient", "identifier": [{ "system": "DEMO", "value": "M00000002" }], "link": link });
    assert_eq!(kis.tell(&person(&json!([]))).status, 200);
    assert_eq!((scene.seen(), scene.entries("patients-merged").len()), (vec!["M00000002".to_owned()], 0));
    let other = json!({ "identifier": { "system": "DEMO", "value": "M00000001" } });
    let replaced = person(&json!([{ "type": "replaced-by", "other": other }]));
    assert_eq!(kis.tell(&replaced).status, 200);
    assert_eq!(scene.seen(), ["M00000001", "M00000001"], "both studies, under the record that stays");
    assert_eq!(kis.tell(&replaced).status, 200);
    assert_eq!(scene.entries("patients-merged").len(), 1);
    kis.refused(&person(&json!([{ "type": "replaced-by", "other": { "reference": "Patient/1" } }])), "101");
    let merge = scene.site.ok(&["orders", "state"])["merges"][0]["merge"].to_string();
    scene.site.ok(&["orders", "unmerge", &merge]);
    assert_eq!(scene.seen(), ["M00000002"]);
}

#[test]
fn a_consent_ends_what_orders_gave_and_keeps_new_ones_from_giving_it_until_it_holds_no_more() {
    let scene = Scene::new();
    let kis = Device::add(&scene, "KIS", "orders");
    let mut ris = scene.sender();
    assert_eq!(ris.code(&order("NW", "1", 1, "A")), "AA");
    assert_eq!(ris.code(&order("NW", "2", 2, "B")), "AA");
    assert_eq!(scene.seen(), ["M00000001", "M00000002"]);

    // a permit gives nobody anything, and a denial of somebody unknown is kept whole for repair
    let permit = json!({ "type": "permit", "actor": denies("Practitioner", "LANR", "123456601")["actor"] });
    assert_eq!(kis.tell(&consent(1, "M00000003", "active", &permit)).status, 200);
    let unknown = kis.tell(&consent(1, "M00000001", "active", &denies("Practitioner", "LANR", "999")));
    assert_eq!((unknown.status, &unknown.json()["issue"][0]["details"]["coding"][0]["code"]), (422, &json!("204")));
    assert_eq!(scene.seen(), ["M00000001", "M00000002"]);

    // her reach by orders ends at once, with this patient alone
    let ruth = denies("Practitioner", "LANR", "123456601");
    let said = kis.tell(&consent(2, "M00000001", "active", &ruth));
    assert_eq!(said.status, 200, "{}", said.json());
    assert_eq!(scene.seen(), ["M00000002"]);
    // the same consent of another patient is refused
    assert_eq!(kis.tell(&consent(3, "M00000002", "active", &ruth)).status, 422);
    assert_eq!(scene.seen(), ["M00000002"]);
    // new orders, and changed ones, give her nothing, and their sender hears it
    let said = ris.send(&order("NW", "3", 1, "C"));
    assert!(said.contains("MSA|AA|3") && said.contains("consent"), "{said}");
    // a test, of which nothing tells, does not say whom a consent keeps away
    let test = String::from_utf8(order("NW", "T", 1, "T")).unwrap().replacen("|P|2.5", "|T|2.5", 1);
    let said = ris.send(test.as_bytes());
    assert!(said.contains("MSA|AA|T") && said.contains("this is a test") && !said.contains("consent"), "{said}");
    assert_eq!(ris.code(&order("XO", "4", 1, "A")), "AA");
    assert_eq!(scene.seen(), ["M00000002"]);
    // also where the other record becomes this patient's
    let merge = message("ADT^A40", "5", &["PID|1||M00000001^^^DEMO", "MRG|M00000002^^^DEMO"]);
    assert_eq!(ris.code(&merge), "AA");
    assert_eq!(scene.seen(), Vec::<String>::new());

    // it holds over a restart of the warden's memory: the ledger tells it
    let told = scene.entries("consent-told");
    assert_eq!(told.iter().map(|entry| entry["denied"].as_array().unwrap().len()).collect::<Vec<_>>(), [0, 1]);
    assert!(!format!("{told:?}").contains("M0000000"), "patients are numbers");

    // once it holds no more, the next order gives as before
    assert_eq!(kis.tell(&consent(4, "M00000001", "inactive", &ruth)).status, 200);
    assert_eq!(scene.seen(), Vec::<String>::new(), "what ended stays ended");
    assert_eq!(ris.code(&order("NW", "6", 1, "D")), "AA");
    assert_eq!(scene.seen(), ["M00000001", "M00000001"]);
    // an organisation is named by a place of the rule or its name
    scene.site.ok(&["orders", "rule", "--reading-group", "Practice"]);
    let placed = message("ORM^O01", "7", &["PID|1||M00000003^^^DEMO", &format!("ORC|NW|E^RIS||||||||||{RUTH}")]);
    assert_eq!(ris.code(&placed), "AA");
    let group = denies("Organization", "", "Practice");
    assert_eq!(kis.tell(&consent(5, "M00000003", "active", &group)).status, 200);
    let holders = scene.site.ok(&["orders", "state"])["orders"][0]["holders"].clone();
    assert_eq!(holders, json!(["Ruth Referrer"]));
}

#[test]
fn a_hostile_consent_is_refused_with_a_reason_and_lifts_nothing() {
    let scene = Scene::new();
    let kis = Device::add(&scene, "KIS", "orders");
    let other = Device::add(&scene, "Other", "orders");
    let mut ris = scene.sender();
    let mut placed = 0;
    let mut order_again = || {
        placed += 1;
        ris.code(&order("NW", &format!("o{placed}"), 1, &format!("N{placed}")))
    };
    assert_eq!(order_again(), "AA");
    assert_eq!(scene.seen(), ["M00000001"]);
    let ruth = denies("Practitioner", "LANR", "123456601");
    let first = consent(1, "M00000001", "active", &ruth);
    let nobody = json!({ "type": "permit" });

    // of whoever may not tell it
    let lists = Device::add(&scene, "lists", "list,open");
    assert_eq!(lists.tell(&first).status, 403);
    assert_eq!(scene.ruth.post("/fhir/Consent", &first).status, 403);
    let bare = first.to_string();
    let json_type = [("Content-Type", "application/fhir+json")];
    let stranger = crate::client::ask(scene.site.http(), "POST", "/fhir/Consent", &json_type, bare.as_bytes());
    assert_eq!(stranger.status, 401);
    let made_up = Device { scene: &scene, token: kis.token.replace(&kis.token[10..], &other.token[10..][..20]) };
    assert_eq!(made_up.tell(&first).status, 401);
    // under another name, and what is none
    assert_eq!(kis.tell_bytes("Patient", bare.as_bytes()).status, 400);
    assert_eq!(kis.tell_bytes("Consent", b"<Consent/>").status, 422);
    assert_eq!(kis.tell_bytes("Consent", &[b"[".repeat(100_000), b"]".repeat(100_000)].concat()).status, 422);
    let long = |bytes: usize| {
        let mut resource = first.clone();
        resource["note"] = "x".repeat(bytes).into();
        kis.tell(&resource).status
    };
    assert_eq!(long(1024 * 1024), 413);
    // its answer may come before all of it was sent, and then the connection closes
    assert!(matches!(long(10 * 1024 * 1024), 413 | 0));
    // of no status, of nobody, of somebody elsewhere
    for status in ["", "Active", "on-hold", "unknown"] {
        kis.refused(&consent(1, "M00000001", status, &ruth), "103");
    }
    kis.refused(&consent(1, "M00000001", "active", &denies("Practitioner", "ELSEWHERE", "123456601")), "204");
    kis.refused(&consent(1, "M00000001", "active", &denies("Practitioner", "", "123456601")), "204");
    kis.refused(&consent(1, "M00000001", "active", &denies("Organization", "urn:elsewhere", "Practice")), "204");
    kis.refused(&consent(1, "M00000001", "active", &json!({ "type": "deny" })), "101");
    let mut nameless = first.clone();
    nameless["patient"]["identifier"]["system"] = json!("");
    kis.refused(&nameless, "101");
    let mut literal = first.clone();
    literal["patient"] = json!({ "reference": "Patient/1" });
    kis.refused(&literal, "101");
    assert_eq!((scene.seen(), scene.entries("consent-told").len()), (vec!["M00000001".to_owned()], 0));
    // the same identifier from another authority is another person
    let mut foreign = first.clone();
    foreign["patient"]["identifier"]["system"] = json!("ELSEWHERE");
    foreign["identifier"][0]["value"] = json!("C-2");
    assert_eq!(kis.tell(&foreign).status, 200);
    assert_eq!(scene.seen(), ["M00000001"]);

    assert_eq!(kis.tell(&first).status, 200);
    assert_eq!(scene.seen(), Vec::<String>::new());
    // another sender lifts nothing, whatever it says
    let mut lifting = consent(2, "M00000001", "inactive", &ruth);
    other.refused(&lifting, "204");
    other.refused(&consent(2, "M00000001", "active", &nobody), "204");
    // nor does the sender, for another patient
    kis.refused(&consent(2, "M00000002", "inactive", &ruth), "204");
    assert_eq!(order_again(), "AA");
    assert_eq!(scene.seen(), Vec::<String>::new());
    // the same bytes again do not bring back what was told before them
    assert_eq!((kis.tell(&first).status, kis.tell(&first).status), (200, 200));
    assert_eq!(kis.tell(&lifting).status, 200);
    kis.refused(&first, "205");
    assert_eq!(order_again(), "AA");
    assert_eq!(scene.seen(), ["M00000001"], "it was lifted by who told it");
    assert_eq!(kis.tell(&consent(3, "M00000001", "active", &ruth)).status, 200);
    kis.refused(&lifting, "205");
    assert_eq!(order_again(), "AA");
    assert_eq!(scene.seen(), Vec::<String>::new());

    // what was kept does not undo what was told since
    let newest_kept = || {
        let kept = scene.site.ok(&["orders", "list"]);
        let newest = kept.as_array().unwrap().iter().filter(|row| row["sender"] == "Other");
        newest.map(|row| row["kept"].as_u64().unwrap()).max().unwrap().to_string()
    };
    lifting["meta"]["versionId"] = json!("kept before");
    other.refused(&lifting, "204");
    assert_eq!(kis.tell(&consent(4, "M00000001", "active", &ruth)).status, 200);
    scene.site.refused(1, &["orders", "replay", &newest_kept()]);
    assert_eq!(order_again(), "AA");
    assert_eq!(scene.seen(), Vec::<String>::new());
    // a person has what another sender said done, and is in its entry
    lifting["meta"]["versionId"] = json!("by hand");
    other.refused(&lifting, "204");
    scene.site.ok(&["orders", "replay", &newest_kept()]);
    let told = scene.entries("consent-told");
    assert_eq!(told.last().unwrap()["actor"], json!("owner"));
    assert_eq!(order_again(), "AA");
    assert_eq!(scene.seen(), ["M00000001"]);
}

#[test]
fn a_device_that_may_list_finds_studies_as_fhir_within_its_relationships() {
    let scene = Scene::new();
    let viewer = Device::add(&scene, "viewer", "list");
    let orders = Device::add(&scene, "KIS", "orders");
    let none = viewer.find("patient=DEMO%7CM00000001");
    assert_eq!((none.status, &none.json()["entry"]), (200, &json!([])), "nothing is in its reach");
    let relate =
        ["relate", "device:viewer", "patient:DEMO/M00000001", "--list-only", "--until", "90d", "--basis", "test"];
    scene.site.ok(&relate);

    let found = viewer.find("patient=DEMO%7CM00000001").json();
    assert_eq!((&found["resourceType"], &found["type"]), (&json!("Bundle"), &json!("searchset")));
    let [entry] = &found["entry"].as_array().unwrap()[..] else { panic!("{found}") };
    let study = &entry["resource"];
    assert_eq!((&study["resourceType"], &study["status"]), (&json!("ImagingStudy"), &json!("available")));
    assert_eq!(study["subject"]["identifier"], json!({ "system": "DEMO", "value": "M00000001" }));
    assert_eq!((&study["numberOfSeries"], &study["numberOfInstances"]), (&json!(1), &json!(1)));
    assert_eq!(study["modality"][0]["code"], "CT");
    assert!(study["started"].as_str().is_some_and(|day| day.len() == 10), "{study}");
    let urn = study["identifier"][0]["value"].as_str().unwrap();
    assert_eq!(study["identifier"][0]["system"], "urn:dicom:uid");
    assert_eq!(viewer.find(&format!("identifier={urn}")).json()["entry"], found["entry"]);
    // it was recorded as a list, as QIDO-RS is
    let listed: Vec<Value> = scene.entries("listed");
    assert!(listed.iter().any(|entry| entry["actor"].to_string().contains("device")), "{listed:?}");

    // an identifier without its issuer, or with another one, names nobody; what is not searched by is refused
    assert_eq!(viewer.find("patient=ELSEWHERE%7CM00000001").json()["entry"], json!([]));
    assert_eq!(viewer.find("patient=%7CM00000001").json()["entry"], json!([]));
    assert_eq!(viewer.find("patient=DEMO%7CM00000002").json()["entry"], json!([]), "out of its reach");
    let padded = ["patient=DEMO%7C%20", "patient=DEMO%7C%00", "patient=%20%7CM00000001", "patient=DEMO%7C%20M00000001"];
    let others =
        ["", "patient=M00000001", "patient=DEMO%7C*", "patient=DEMO%7CM00000001&modality=CT", "identifier=1.2"];
    for wrong in padded.into_iter().chain(others) {
        assert_eq!(viewer.find(wrong).status, 400, "{wrong}");
    }
    assert_eq!(orders.find("patient=DEMO%7CM00000001").status, 403, "telling orders is not listing");
    let ruths = scene.ruth.get("/fhir/ImagingStudy?patient=DEMO%7CM00000001");
    assert_eq!((ruths.status, &ruths.json()["entry"]), (200, &json!([])), "a person finds what is in their own reach");
    let stranger = crate::client::ask(scene.site.http(), "GET", "/fhir/ImagingStudy?patient=DEMO%7C1", &[], b"");
    assert_eq!(stranger.status, 401);
}
