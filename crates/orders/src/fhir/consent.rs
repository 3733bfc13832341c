//! R4 section Consent: whom a patient does not want to reach them by orders.
//!
//! Only what narrows is taken from it: a `deny` for named actors. A `permit` gives nobody anything, and what would narrow a denial (purposes,
//! classes, kinds of data, its beginning, permits inside of it) is passed over, so that more is denied than said and never less. What denies
//! in a way that is not done here is refused: an answer that it was taken would be believed.

use model::Instant;
use protocol::{
    DeniedActors, ErrorCode, ORDER_NAMES_MAX, ORDER_TEXT_CHARACTERS_MAX, OrderEvent, OrderProblem, PatientConsent,
};
use serde_json::Value;

use super::{identifier, moment, problem, reference, text};

/// Provisions inside of provisions that are looked at.
const PROVISIONS_DEEP_MAX: usize = 4;
/// What ends on a day, in a month or in a year ends with it; the longest ones, in seconds.
const DAY_SECONDS: i64 = 86_400;
const MONTH_SECONDS: i64 = 31 * DAY_SECONDS;
const YEAR_SECONDS: i64 = 366 * DAY_SECONDS;
/// A day that names no zone ends last at the date line: twelve hours, in seconds.
const WEST_SECONDS: i64 = DAY_SECONDS / 2;
/// Policies of HL7 (ActCode) by which nobody reaches the patient but whom a provision excepts.
const OPT_OUT: [&str; 2] = ["OPTOUT", "OPTOUTE"];

/// `active` holds; `inactive`, `rejected` and `entered-in-error` hold no more; `draft` and `proposed` do not yet.
pub(super) fn consent(resource: &Value) -> Result<OrderEvent, OrderProblem> {
    let subject = &resource["patient"];
    if !subject["type"].is_null() && subject["type"] != "Patient" {
        return Err(problem(ErrorCode::TableValue, "Consent.patient", "a Patient is expected"));
    }
    let patient = reference(subject, "Consent.patient")?;
    let denials = match resource["status"].as_str().unwrap_or_default() {
        "active" => denials(resource)?,
        "inactive" | "rejected" | "entered-in-error" => Denials::default(),
        "draft" | "proposed" => return Ok(OrderEvent::Seen { patient }),
        _ => return Err(problem(ErrorCode::TableValue, "Consent.status", "a status of R4 is expected")),
    };
    let own = resource["identifier"].as_array().into_iter().flatten().next().unwrap_or(&Value::Null);
    let why = "an identifier says which consent it is";
    let consent = identifier(own, "Consent.identifier")?
        .ok_or_else(|| problem(ErrorCode::RequiredField, "Consent.identifier", why))?;
    let Denials { denied, until } = denials;
    let until = until.filter(|until| *until < Instant::MAX);
    Ok(OrderEvent::Consent(Box::new(PatientConsent { patient, consent, denied, until })))
}

/// Everybody who is denied, and the end of the last denial.
#[derive(Default)]
struct Denials {
    denied: DeniedActors,
    until: Option<Instant>,
}

fn denials(resource: &Value) -> Result<Denials, OrderProblem> {
    let wrong = |at: &str, why: &str| problem(ErrorCode::TableValue, at, why);
    let policies = resource["policyRule"]["coding"].as_array().map(Vec::as_slice).unwrap_or_default();
    if policies.iter().any(|coding| OPT_OUT.iter().any(|code| coding["code"] == *code)) {
        return Err(wrong("Consent.policyRule", "a denial names whom it is about; one for everybody is made by hand"));
    }
    if !resource["except"].is_null() {
        return Err(wrong("Consent.except", "a Consent of R4 is expected, whose exceptions are provisions"));
    }
    let elsewhere = !resource["policy"].is_null() || !resource["policyRule"].is_null() && policies.is_empty();
    if resource["provision"].is_null() && elsewhere {
        return Err(wrong(
            "Consent.provision",
            "whom it denies is said in provisions; a policy in words or by address is not read",
        ));
    }
    let mut denials = Denials::default();
    match &resource["provision"] {
        Value::Null => {}
        provision @ Value::Object(_) => read(provision, 0, Instant::MAX, &mut denials)?,
        _ => return Err(wrong("Consent.provision", "one provision is expected, and others inside of it")),
    }
    Ok(denials)
}

/// The actors of every denial. One that does not say when it ends does so with the provision around it.
fn read(provision: &Value, depth: usize, around: Instant, denials: &mut Denials) -> Result<(), OrderProblem> {
    let at = "Consent.provision";
    let ends = end(&provision["period"]["end"])?.unwrap_or(around);
    match &provision["type"] {
        Value::Null if depth == 0 && list(&provision["actor"], at)?.is_empty() => {}
        kind if kind == "permit" => {}
        kind if kind == "deny" => {
            actors(provision, &mut denials.denied)?;
            denials.until = denials.until.max(Some(ends));
        }
        _ => return Err(problem(ErrorCode::TableValue, at, "deny or permit is expected")),
    }
    let inside = list(&provision["provision"], at)?;
    if !inside.is_empty() && depth >= PROVISIONS_DEEP_MAX {
        return Err(problem(ErrorCode::DataType, at, "provisions are read four deep"));
    }
    inside.iter().try_for_each(|provision| read(provision, depth + 1, ends, denials))
}

/// The moment when a `dateTime` is over wherever it is.
fn end(value: &Value) -> Result<Option<Instant>, OrderProblem> {
    if value.is_null() {
        return Ok(None);
    }
    let named = moment(value, "Consent.provision.period")?;
    let lasting = match value.as_str().map_or(0, |text| text.trim().len()) {
        0..=4 => YEAR_SECONDS,
        5..=7 => MONTH_SECONDS,
        _ => DAY_SECONDS,
    };
    Ok(Some(named.plus_seconds(lasting + WEST_SECONDS)))
}

fn list<'v>(value: &'v Value, at: &str) -> Result<&'v [Value], OrderProblem> {
    match value {
        Value::Null => Ok(&[]),
        Value::Array(values) => Ok(values),
        _ => Err(problem(ErrorCode::DataType, at, "a list is expected")),
    }
}

fn actors(provision: &Value, denied: &mut DeniedActors) -> Result<(), OrderProblem> {
    let at = "Consent.provision.actor";
    let actors = list(&provision["actor"], at)?;
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
                let name = organisation(reference);
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

/// `system|value` of its identifier, else its name. The same value of another system is another organisation's.
fn organisation(reference: &Value) -> Option<String> {
    let [system, value] = ["system", "value"].map(|name| text(&reference["identifier"][name]));
    let name = match (system.is_empty(), value.is_empty()) {
        (_, true) => text(&reference["display"]),
        (true, false) => value,
        (false, false) => format!("{system}|{value}"),
    };
    Some(name).filter(|name| !name.is_empty())
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
            OrderEvent::Consent(told) => {
                (told.denied.people.into_iter().map(|one| one.id).collect(), told.denied.organisations)
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
    fn an_organisation_of_one_system_is_not_that_of_another() {
        let of = |identifier: Value| {
            let actor =
                json!({ "reference": { "type": "Organization", "identifier": identifier, "display": "Clinic" } });
            denied("active", json!({ "type": "deny", "actor": [actor] })).1
        };
        assert_eq!(of(json!({ "system": "urn:bsnr", "value": "Reading" })), ["urn:bsnr|Reading"]);
        assert_eq!(of(json!({ "value": "Reading" })), ["Reading"]);
        assert_eq!(of(json!({ "system": "urn:bsnr" })), ["Clinic"]);
    }

    #[test]
    fn a_denial_lasts_as_long_as_anybody_may_read_its_end() {
        let until = |provision: Value| match of("active", provision).unwrap() {
            OrderEvent::Consent(told) => told.until,
            _ => panic!("a consent"),
        };
        let deny = |period: Value| json!({ "type": "deny", "actor": [practitioner("1")], "period": period });
        // noon of the day after, in UTC, is when 2026-11-30 is over everywhere
        let noon = crate::time::instant_of("2026120112");
        for end in ["2026-11-30", "2026-11-30T00:00:00Z"] {
            assert_eq!(until(deny(json!({ "end": end }))), noon, "{end}");
        }
        assert!(until(deny(json!({ "end": "2026-11" }))) >= noon, "a month ends with its last day");
        assert!(until(deny(json!({ "end": "2026" }))) >= crate::time::instant_of("2027010112"));
        assert_eq!(until(deny(Value::Null)), None);
        // the last of several counts, and one without an end takes that of the provision around it
        let within = json!({ "period": { "end": "2026-11-30" }, "provision": [deny(Value::Null)] });
        assert_eq!(until(within), noon);
        let (early, late) = (deny(json!({ "end": "2026-11-01" })), deny(json!({ "end": "2026-11-30" })));
        assert_eq!(until(json!({ "provision": [late, early] })), noon);
        let endless = json!({ "provision": [deny(json!({ "end": "2026-11-30" })), deny(Value::Null)] });
        assert_eq!(until(endless), None);
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
            // whose are these: a provision says whether it denies
            json!({ "actor": [practitioner("1")] }),
            json!({ "provision": [{ "actor": [practitioner("1")] }] }),
            // what is no list would be passed over
            json!({ "provision": { "type": "deny", "actor": [practitioner("1")] } }),
            json!({ "type": "deny", "actor": practitioner("1") }),
            json!([{ "type": "deny", "actor": [practitioner("1")] }]),
            json!("deny"),
            json!({ "type": "deny", "actor": [practitioner("1")], "period": { "end": "soon" } }),
            deep,
        ] {
            assert!(of("active", wrong.clone()).is_err(), "{wrong}");
        }
        assert!(of("on", Value::Null).is_err());
        let nameless = json!({ "status": "active", "patient": { "identifier": { "system": "A", "value": "7" } } });
        assert!(consent(&nameless).is_err());
        let with = |name: &str, value: Value| {
            let mut resource = json!({
                "status": "active",
                "patient": { "identifier": { "system": "DEMO", "value": "7" } },
                "identifier": [{ "system": "KIS", "value": "C1" }],
            });
            resource[name] = value;
            consent(&resource)
        };
        assert!(with("note", Value::Null).is_ok());
        assert!(with("policyRule", json!({ "coding": [{ "code": "OPTIN" }] })).is_ok());
        for (field, policy) in
            [("policyRule", json!({ "text": "opt out" })), ("policy", json!([{ "uri": "https://example.org/out" }]))]
        {
            assert!(with(field, policy).is_err(), "{field}");
        }
        for code in OPT_OUT {
            assert!(with("policyRule", json!({ "coding": [{ "code": code }] })).is_err(), "{code}");
        }
        assert!(with("except", json!([{ "type": "deny", "actor": [practitioner("1")] }])).is_err());
        let group = json!({ "type": "Group", "identifier": { "system": "DEMO", "value": "7" } });
        assert!(with("patient", group).is_err());
        for other in ["", "Active", "on-hold", "unknown"] {
            assert!(with("status", other.into()).is_err(), "{other}");
        }
    }
}
