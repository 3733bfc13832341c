//! A request for every route of the table whose shape nothing is wrong with, so that only who asks decides what is answered.

use policy::Service;
use portal::routes::Route;
use serde_json::{Value, json};

/// What stands in the addresses.
#[derive(Clone, Debug)]
pub struct Names {
    pub study: String,
    pub series: String,
    pub instance: String,
    pub number: String,
    pub session: String,
    /// Issuer and identifier, as in a query.
    pub patient: String,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            study: "1.2.3".into(),
            series: "1.2.3.1".into(),
            instance: "1.2.3.1.1".into(),
            number: "0".into(),
            session: "ab".repeat(16),
            patient: "ISSUER%7C1".into(),
        }
    }
}

/// Path and query. What is numbered and not named is number 0 or 1: it need not be there.
pub fn path(route: &Route, names: &Names) -> String {
    let path = route
        .path
        .replace("{session}", &names.session)
        .replace("{number}", &names.number)
        .replace("{study}", &names.study)
        .replace("{series}", &names.series)
        .replace("{instance}", &names.instance)
        .replace("{resource}", "ServiceRequest")
        .replace("{frames}", "1")
        .replace("{range}", "0-10")
        .replace("{passkey}", "ab");
    let mut numbered = path;
    for (name, number) in [
        ("proposal", "0"),
        ("request", "0"),
        ("person", "1"),
        ("device", "0"),
        ("used", "0"),
        ("incident", "1"),
        ("question", "1"),
        ("finding", "1"),
        ("link", "1"),
        ("kept", "1"),
        ("merge", "1"),
        ("opinion", "1"),
    ] {
        numbered = numbered.replace(&format!("{{{name}}}"), number);
    }
    assert!(!numbered.contains('{'), "{numbered}: say what stands there");
    let query = match route.path {
        "/api/budgets" => "?whose=site".to_owned(),
        "/fhir/ImagingStudy" => format!("?patient={}", names.patient),
        path if path.starts_with("/api/exposure") => "?who=person:a&from=1&to=2".to_owned(),
        _ => String::new(),
    };
    format!("{numbered}{query}")
}

pub fn content_type(route: &Route) -> &'static str {
    match route.service {
        Service::Store => "application/dicom",
        Service::Orders => "application/fhir+json",
        _ => "application/json",
    }
}

/// The fields that the document names for this body, each usable. What a browser signs has no other.
pub fn body(route: &Route) -> Value {
    let mut body = every_field(route);
    let document: Value = serde_json::from_str(include_str!("../../src/openapi.json")).unwrap();
    let content = &document["paths"][route.path][route.method.as_str().to_lowercase()]["requestBody"]["content"]["application/json"];
    let schema = match content["schema"]["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => &content["schema"],
    };
    let named = schema["properties"].as_object();
    if let (Some(fields), false) = (body.as_object_mut(), route.service == Service::Orders) {
        fields.retain(|name, _| named.is_some_and(|named| named.contains_key(name)));
    }
    body
}

fn every_field(route: &Route) -> Value {
    let mut body = json!({
        "whose": "site", "ceilings": {}, "count": 1,
        "ceremony": "c", "credential": {}, "email": "a@example.org", "password": "p", "code": "1", "token": "t",
        "label": "l", "patient": "ISSUER/1", "reason": "a reason", "name": "n", "role": "referrer", "organisation": "o",
        "password_and_code": false, "authorisation": "passkey-only", "may": ["store"], "from": 1, "until": 2,
        "who": "person:a@example.org", "whom": "site", "tier": "open", "basis": "b",
        "text": "bleeding", "seconds": 60, "verdict": "justified", "note": "n", "digest": "d",
        "delay_seconds": 1, "setup_seconds": 1, "seconds_max": 60, "review_seconds": 60,
        "title": "t", "about": [], "to": 2, "aware": 1, "change": "note",
        "key": dpop::Thumbprint([1; 32]), "act": dpop::Thumbprint([2; 32]),
    });
    for (name, value) in [("purpose", "outside"), ("secret", "s"), ("colleague", "b@example.org")] {
        body[name] = value.into();
    }
    for (name, value) in [("patients", true.into()), ("clinicians", true.into()), ("days_max", 7.into())] {
        body[name] = value;
    }
    body["networks"] = json!([]);
    match route.path {
        "/api/people/census" => body = json!({ "list": "email\n", "unused_days": 90 }),
        "/api/organisations/authenticators" => body = json!({ "organisation": "o", "rule": {} }),
        "/api/people/professional-id" => {
            let professional_id = json!({ "issuer": "LANR", "id": "1" });
            body = json!({ "email": "a@example.org", "professional_id": professional_id, "holds": true });
        }
        "/api/approvals/orders-rule" => {
            body = json!({
                "grace_days": 30, "open_days": 90, "reading_group": null, "places": [], "authorities": [],
                "orders_per_day": 2_000, "unmatched_per_day": 100, "merges_per_day": 50,
            });
        }
        "/api/links/end" => body = json!({ "of": format!("session:{}", "cd".repeat(16)) }),
        "/api/break-glass" => body["reason"] = json!("other"),
        "/api/devices/remove" => body["token"] = json!(true),
        "/api/devices" => {
            body["from"] = json!([]);
            body["token"] = json!(true);
        }
        _ => {}
    }
    body
}
