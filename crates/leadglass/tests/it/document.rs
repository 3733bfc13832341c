//! Every answer that a test gets is held against the contract for machines: what the document says of it must be so.

use std::sync::LazyLock;

use serde_json::Value;

use crate::client::Answer;
use crate::schema::conforms;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../portal/src/openapi.json")).unwrap());

/// An answer to what was done is one that the document names, and as it says. Pages, pictures and DICOM are held elsewhere.
#[track_caller]
pub fn hold(method: &str, address: &str, answer: &Answer) {
    let path = address.split('?').next().unwrap_or_default();
    let ours = path.starts_with("/api/") || path.starts_with("/fhir/");
    if !ours || !(200..300).contains(&answer.status) {
        return;
    }
    let Some(operation) = operation(&DOCUMENT, method, path) else { return };
    let named = &operation["responses"][answer.status.to_string()];
    assert!(named.is_object(), "the document does not name {} of {method} {path}", answer.status);
    let kind = answer.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !(kind.ends_with("/json") || kind.ends_with("+json")) {
        return;
    }
    let schema = &named["content"][kind]["schema"];
    assert!(schema.is_object(), "the document has no schema of {kind} of {method} {path}");
    let value = serde_json::from_slice(&answer.body).unwrap();
    if let Err(wrong) = conforms(&DOCUMENT, schema, &value) {
        panic!("{method} {path}: the answer{wrong}");
    }
}

/// What the document says of an address as it was asked for. A path that is written out goes before one with names in it.
fn operation<'d>(document: &'d Value, method: &str, path: &str) -> Option<&'d Value> {
    let asked: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let parts: Vec<&str> = template.split('/').collect();
        parts.len() == asked.len()
            && parts.iter().zip(&asked).all(|(part, asked)| part.starts_with('{') || part == asked)
    };
    let items = document["paths"].as_object()?.iter().filter(|(template, _)| fits(template));
    let (_, item) = items.min_by_key(|(template, _)| template.matches('{').count())?;
    item.get(method.to_lowercase())
}
