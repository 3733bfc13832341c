//! R4 section Consent: whom a patient does not want to reach them by orders.
//!
//! Only what narrows is taken from it: a `deny` for named actors. A `permit` gives nobody anything, and what would narrow a denial (purposes,
//! classes, kinds of data, permits inside of it) is passed over, so that more is denied than said and never less.

use protocol::{DeniedActors, ErrorCode, ORDER_NAMES_MAX, ORDER_TEXT_CHARACTERS_MAX, OrderEvent, OrderProblem};
use serde_json::Value;

use super::{identifier, moment, problem, reference, text};

/// Provisions inside of provisions that are looked at.
const PROVISIONS_DEEP_MAX: usize = 4;
/// A day: what ends on one ends with it.
const DAY_SECONDS: i64 = 86_400;

/// `active` holds; `inactive`, `rejected` and `entered-in-error` hold no more; `draft` and `proposed` do not yet.
pub(super) fn consent(resource: &Value) -> Result<OrderEvent, OrderProblem> {
    let patient = reference(&resource["patient"], "Consent.patient")?;
    let own = resource["identifier"].as_array().into_iter().flatten().next().unwrap_or(&Value::Null);
    let named = |denied, until| {
        let consent = identifier(own, "Consent.identifier")?;
        let why = "an identifier says which consent it is";
        let consent = consent.ok_or_else(|| problem(ErrorCode::RequiredField, "Consent.identifier", why))?;
        Ok(OrderEvent::Consent { patient: patient.clone(), consent, denied, until })
    };
    match resource["status"].as_str().unwrap_or_default() {
        "active" => {}
        "inactive" | "rejected" | "entered-in-error" => return named(DeniedActors::default(), None),
        "draft" | "proposed" => return Ok(OrderEvent::Seen { patient: patient.clone() }),
        _ => return Err(problem(ErrorCode::TableValue, "Consent.status", "a status of R4 is expected")),
    }
    let mut denied = DeniedActors::default();
    read(&resource["provision"], 0, &mut denied)?;
    let until = match &resource["provision"]["period"]["end"] {
        Value::Null => None,
        end => Some(moment(end, "Consent.provision.period")?.plus_seconds(DAY_SECONDS)),
    };
    named(denied, until)
}

/// The actors of every denial.
fn read(provision: &Value, depth: usize, denied: &mut DeniedActors) -> Result<(), OrderProblem> {
    let at = "Consent.provision";
    match &provision["type"] {
        Value::Null => {}
        kind if kind == "permit" => {}
        kind if kind == "deny" => actors(provision, denied)?,
        _ => return Err(problem(ErrorCode::TableValue, at, "deny or permit is expected")),
    }
    let inside = provision["provision"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !inside.is_empty() && depth >= PROVISIONS_DEEP_MAX {
        return Err(problem(ErrorCode::DataType, at, "provisions are read four deep"));
    }
    inside.iter().try_for_each(|provision| read(provision, depth + 1, denied))
}

fn actors(provision: &Value, denied: &mut DeniedActors) -> Result<(), OrderProblem> {
    let at = "Consent.provision.actor";
    let actors = provision["actor"].as_array().map(Vec::as_slice).unwrap_or_default();
    let wrong = |why: &str| problem(ErrorCode::RequiredField, at, why);
    if actors.is_empty() {
        return Err(wrong("a denial names whom it is about; one for everybody is made by hand"));
    }
    for reference in actors.iter().map(|actor| &actor["reference"]) {
        let literal = reference["reference"].as_str().unwrap_or_default().split('/').next().unwrap_or_default();
        match reference["type"].as_str().unwrap_or(literal) {
            "Practitioner" | "PractitionerRole" => {
                let read = identifier(&reference["identifier"], at)?;
                denied.people.push(read.ok_or_else(|| wrong("a practitioner is named by an identifier"))?);
            }
            "Organization" => {
                let named = [text(&reference["identifier"]["value"]), text(&reference["display"])];
                let name = named.into_iter().find(|name| !name.is_empty());
                let name = name.ok_or_else(|| wrong("an organisation is named by an identifier or its name"))?;
                if name.chars().count() > ORDER_TEXT_CHARACTERS_MAX || name.contains(char::is_control) {
                    return Err(problem(ErrorCode::DataType, at, "a name has at most 199 characters"));
                }
                denied.organisations.push(name);
            }
            _ => return Err(wrong("an actor is a Practitioner or an Organization")),
        }
    }
    if denied.people.len() + denied.organisations.len() > ORDER_NAMES_MAX {
        return Err(problem(ErrorCode::DataType, at, "a consent denies at most 16 actors"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn of(status: &str, provision: Value) -> Result<OrderEvent, OrderProblem> {
        consent(&json!({
            "status": status,
            "patient": { "identifier": { "system": "DEMO", "value": "7" } },
            "identifier": [{ "system": "KIS", "value": "C1" }],
            "provision": provision,
        }))
    }

    /// People and organisations that it denies.
    #[track_caller]
    fn denied(status: &str, provision: Value) -> (Vec<String>, Vec<String>) {
        match of(status, provision).unwrap() {
            OrderEvent::Consent { denied, .. } => {
                (denied.people.into_iter().map(|one| one.id).collect(), denied.organisations)
            }
            _ => panic!("a consent"),
        }
    }

    fn practitioner(id: &str) -> Value {
        json!({ "reference": { "type": "Practitioner", "identifier": { "system": "LANR", "value": id } } })
    }

    #[test]
    fn a_denial_names_its_actors_and_a_permit_nobody() {
        let clinic = json!({ "reference": { "reference": "Organization/9", "display": "Clinic" } });
        let deny = json!({ "type": "deny", "actor": [practitioner("1"), clinic] });
        assert_eq!(denied("active", deny.clone()), (vec!["1".into()], vec!["Clinic".into()]));
        let none = (vec![], vec![]);
        assert_eq!(denied("active", json!({ "type": "permit", "actor": [practitioner("1")] })), none);
        assert_eq!(denied("active", Value::Null), none);
        for over in ["inactive", "rejected", "entered-in-error"] {
            assert_eq!(denied(over, deny.clone()), none, "{over}");
        }
        // an exception of a permit is a denial; one of a denial would widen it
        let inside = json!({ "type": "permit", "provision": [{ "type": "deny", "actor": [practitioner("2")] }] });
        assert_eq!(denied("active", inside), (vec!["2".into()], vec![]));
        let widened = json!({ "type": "deny", "actor": [practitioner("3")], "provision": [{ "type": "permit" }] });
        assert_eq!(denied("active", widened), (vec!["3".into()], vec![]));
        assert!(matches!(of("draft", deny).unwrap(), OrderEvent::Seen { .. }));
    }

    #[test]
    fn a_denial_that_cannot_be_done_as_it_says_is_refused() {
        let mut deep = json!({ "type": "deny", "actor": [practitioner("1")] });
        for _ in 0..=PROVISIONS_DEEP_MAX {
            deep = json!({ "provision": [deep] });
        }
        let many: Vec<Value> = (0..=ORDER_NAMES_MAX).map(|n| practitioner(&n.to_string())).collect();
        for wrong in [
            json!({ "type": "deny" }),
            json!({ "type": "deny", "actor": [{ "reference": { "reference": "Practitioner/1" } }] }),
            json!({ "type": "deny", "actor": [{ "reference": { "type": "Device", "display": "CT" } }] }),
            json!({ "type": "deny", "actor": many }),
            json!({ "type": "perhaps" }),
            json!({ "type": "deny", "actor": [practitioner("1")], "period": { "end": "soon" } }),
            deep,
        ] {
            assert!(of("active", wrong.clone()).is_err(), "{wrong}");
        }
        assert!(of("on", Value::Null).is_err());
        let nameless = json!({ "status": "active", "patient": { "identifier": { "system": "A", "value": "7" } } });
        assert!(consent(&nameless).is_err());
    }
}
