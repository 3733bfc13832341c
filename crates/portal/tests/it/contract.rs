//! The published contract against the table of routes.

use std::collections::BTreeSet;

use portal::routes::ROUTES;
use serde_json::Value;

use crate::harness::{As, start};

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
