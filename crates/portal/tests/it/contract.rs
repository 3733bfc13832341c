//! The published contract against the table of routes.

use std::collections::BTreeSet;

use portal::routes::ROUTES;
use protocol::OrderEvent;
use serde_json::{Value, json};

use crate::harness::{As, start};
use crate::schema::{conforms, referred};

/// Objects inside of answers whose members are not this document's to name, by where they stand, and why.
const OPEN: [(&str, &str); 8] = [
    ("Ceremony.options", "what WebAuthn takes"),
    ("FreshChallenge.options", "what WebAuthn takes"),
    (
        "GET /api/ledger/entries 200.entries[].entry",
        "docs/formats/ledger.md, and entries of every version stay readable",
    ),
    ("Finding.finding.evidence{}", "docs/formats/ledger.md"),
    ("Exposure.about{}", "each kind has members of its own"),
    ("AuthenticatorRule", "a request leaves out what it does not ask for; each answer requires all of it"),
    ("Ceilings", "a request leaves out what it does not ask for; each answer requires all of it"),
    ("DicomJson{}", "PS3.18 Annex F: a value, a bulk data URI, or nothing beside the VR"),
];

async fn document() -> Value {
    start().await.get("/api/openapi.json", As::Stranger).await.json()
}

#[tokio::test]
async fn every_route_is_in_the_document_and_nothing_else() {
    let document = document().await;
    let mut written = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            written.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let served: BTreeSet<_> = ROUTES.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(written, served);
}

#[tokio::test]
async fn the_document_says_who_is_let_in() {
    let document = document().await;
    for route in ROUTES {
        let operation = &document["paths"][route.path][route.method.as_str().to_lowercase()];
        let open = policy::is_open_to_strangers(route.service);
        assert_eq!(operation["security"] == serde_json::json!([]), open, "{} {}", route.method, route.path);
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{} {}", route.method, route.path);
        assert!(operation["responses"].as_object().is_some_and(|responses| !responses.is_empty()), "{}", route.path);
        for name in route.path.split('/').filter_map(|part| part.strip_prefix('{')) {
            let name = name.trim_end_matches('}');
            let item = &document["paths"][route.path]["parameters"];
            let reference = format!("#/components/parameters/{name}");
            let named = item.as_array().is_some_and(|list| list.iter().any(|own| own["$ref"] == reference));
            assert!(named, "{} has no parameter {name}", route.path);
        }
    }
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere() {
    fn walk(value: &Value, root: &Value, seen: &mut u32) {
        match value {
            Value::Object(fields) => {
                if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(root.pointer(pointer).is_some(), "{reference}");
                    *seen += 1;
                }
                fields.values().for_each(|value| walk(value, root, seen));
            }
            Value::Array(items) => items.iter().for_each(|value| walk(value, root, seen)),
            _ => {}
        }
    }
    let document = document().await;
    let mut seen = 0;
    walk(&document, &document, &mut seen);
    assert!(seen > 50, "{seen} references");
}

/// Every answer of the document that says that something was done: what it is called, and its content by media type.
fn answers(document: &Value) -> Vec<(String, String, Value)> {
    let mut answers = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(key, _)| *key != "parameters") {
            for (status, answer) in operation["responses"].as_object().unwrap() {
                if status.starts_with('2') {
                    let name = format!("{} {path} {status}", method.to_uppercase());
                    answers.push((name, status.clone(), answer["content"].clone()));
                }
            }
        }
    }
    answers
}

#[tokio::test]
async fn no_answer_may_be_just_anything() {
    let document = document().await;
    let (mut seen, mut walk) = (0, Walk { document: &document, named: BTreeSet::new(), open: BTreeSet::new() });
    for (name, status, content) in answers(&document) {
        let Some(content) = content.as_object() else {
            assert_eq!(status, "204", "{name} says nothing of what is answered");
            continue;
        };
        for (_, media) in content.iter().filter(|(kind, _)| kind.ends_with("/json") || kind.ends_with("+json")) {
            let schema = media.get("schema").unwrap_or_else(|| panic!("{name} has no schema"));
            for anything in [json!({}), json!([{}]), json!([[]]), json!(null), json!(""), json!(0), json!(true)] {
                assert!(conforms(&document, schema, &anything).is_err(), "{name}: {anything} conforms");
            }
            walk.look_into(&name, schema);
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen} answers");
    let unused: Vec<_> = OPEN.iter().filter(|(place, _)| !walk.open.contains(*place)).collect();
    assert!(unused.is_empty(), "no exception is needed any more for {unused:?}");
}

/// Looks for objects of which nothing is said.
struct Walk<'d> {
    document: &'d Value,
    named: BTreeSet<String>,
    open: BTreeSet<String>,
}

impl Walk<'_> {
    fn look_into(&mut self, at: &str, schema: &Value) {
        if let Some(reference) = schema.get("$ref") {
            let name = reference.as_str().unwrap().rsplit('/').next().unwrap();
            if self.named.insert(name.to_owned()) {
                self.look_into(name, referred(self.document, reference));
            }
            return;
        }
        for inner in ["oneOf", "allOf", "prefixItems"].iter().filter_map(|name| schema[*name].as_array()).flatten() {
            self.look_into(at, inner);
        }
        if !schema["items"].is_null() {
            self.look_into(&format!("{at}[]"), &schema["items"]);
        }
        let members = &schema["additionalProperties"];
        if members.is_object() {
            self.look_into(&format!("{at}{{}}"), members);
        }
        for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
            self.look_into(&format!("{at}.{name}"), inner);
        }
        let of = |kind: &str| {
            schema["type"] == kind || schema["type"].as_array().is_some_and(|own| own.contains(&json!(kind)))
        };
        let said = ["enum", "const", "oneOf", "allOf", "required"].iter().any(|name| !schema[*name].is_null());
        if of("array") {
            let items = ["items", "prefixItems"].iter().any(|name| !schema[*name].is_null());
            assert!(items, "{at}: a list of anything");
        } else if of("object") && OPEN.iter().any(|(place, _)| *place == at) {
            self.open.insert(at.to_owned());
        } else if of("object") {
            let required = schema["required"].as_array().is_some_and(|names| !names.is_empty());
            assert!(required || members.is_object(), "{at}: an object of anything");
        } else {
            assert!(said || !schema["type"].is_null(), "{at}: anything");
        }
    }
}

#[tokio::test]
async fn every_example_of_a_fhir_resource_is_read_and_what_is_required_is_demanded() {
    let document = document().await;
    let content = &document["paths"]["/fhir/{resource}"]["post"]["requestBody"]["content"]["application/fhir+json"];
    let kinds = &document["components"]["parameters"]["resource"]["schema"]["enum"];
    let examples = content["examples"].as_object().unwrap();
    assert_eq!(kinds.as_array().unwrap().len(), examples.len());
    let read = |resource: &Value| orders::read_resource(resource.to_string().as_bytes());
    for kind in kinds.as_array().unwrap() {
        let kind = kind.as_str().unwrap();
        let example = &examples[kind]["value"];
        conforms(&document, &content["schema"], example).unwrap_or_else(|wrong| panic!("{kind}{wrong}"));
        let message = read(example).unwrap_or_else(|problem| panic!("{kind}: {problem:?}"));
        assert!(message.control_id.starts_with(&format!("{kind}/")), "{kind}");
        let told = match &message.events[..] {
            [OrderEvent::Placed(_)] => "ServiceRequest",
            [OrderEvent::Appointment { .. }] => "Appointment",
            [OrderEvent::Merged { .. }] => "Patient",
            [OrderEvent::Consent(_)] => "Consent",
            _ => "nothing",
        };
        assert_eq!(told, kind);
        let schema = &document["components"]["schemas"][format!("Fhir{kind}")];
        let required = schema["required"].as_array().unwrap();
        assert!(required.len() > 1, "{kind}");
        for name in required {
            let mut without = example.clone();
            without.as_object_mut().unwrap().remove(name.as_str().unwrap());
            assert!(read(&without).is_err(), "{kind} is read without {name}");
        }
    }
}
