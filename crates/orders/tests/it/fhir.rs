//! What each resource tells, and what is none.

use model::OrderEnd;
use orders::{RESOURCE_BYTES_MAX, instant_of, read_resource};
use protocol::{ErrorCode, OrderEvent};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};

fn order() -> Value {
    json!({
        "resourceType": "ServiceRequest",
        "id": "sr-1",
        "status": "active",
        "intent": "order",
        "identifier": [
            { "system": "urn:kis", "value": "P-1" },
            { "type": { "coding": [{ "code": "FILL" }] }, "system": "urn:ris", "value": "F-1" },
        ],
        "subject": { "identifier": { "system": "urn:oid:1.2.3", "value": "17" } },
        "requester": { "identifier": { "system": "https://lanr.example", "value": "123456601" } },
        "locationCode": [{ "coding": [{ "code": "MRT" }], "text": "Magnet" }],
        "occurrenceDateTime": "2026-12-24T10:30:00+01:00",
    })
}

fn event(resource: &Value) -> OrderEvent {
    read_resource(resource.to_string().as_bytes()).unwrap().events.remove(0)
}

#[track_caller]
fn refused(resource: &Value, code: ErrorCode, at: &str) {
    let problem = read_resource(resource.to_string().as_bytes()).unwrap_err();
    assert_eq!((problem.code, problem.place.segment.as_str()), (code, at), "{resource}");
}

#[test]
fn a_service_request_is_an_order_by_its_status() {
    let OrderEvent::Placed(placed) = event(&order()) else { panic!() };
    assert_eq!(
        (placed.patient[0].id.as_str(), placed.patient[0].authority.universal.as_str()),
        ("17", "urn:oid:1.2.3")
    );
    assert_eq!(placed.ordered_by[0].authority.universal, "https://lanr.example");
    assert_eq!((placed.numbers.placer.unwrap().id, placed.numbers.filler.unwrap().id), ("P-1".into(), "F-1".into()));
    assert_eq!(placed.places, ["MRT", "Magnet"]);
    assert_eq!(placed.scheduled, instant_of("202612241030+0100"));
    let with = |name: &str, value: Value| {
        let mut resource = order();
        resource[name] = value;
        resource
    };
    let how = |status: &str| match event(&with("status", json!(status))) {
        OrderEvent::Ended { how, known, .. } => Some((how, known)),
        OrderEvent::Seen { .. } => None,
        _ => panic!("{status}"),
    };
    assert_eq!(how("completed"), Some((OrderEnd::Completed, false)));
    assert_eq!(how("revoked"), Some((OrderEnd::Cancelled, true)));
    assert_eq!(how("entered-in-error"), Some((OrderEnd::Cancelled, true)));
    assert_eq!(how("draft"), None);
    assert!(matches!(event(&with("intent", json!("plan"))), OrderEvent::Seen { .. }));
    assert!(matches!(event(&with("status", json!("on-hold"))), OrderEvent::Placed(_)));
    let is_new = |status: &str| matches!(event(&with("status", json!(status))), OrderEvent::Placed(order) if order.new);
    assert!(is_new("active") && !is_new("on-hold"));
    assert!(matches!(event(&with("doNotPerform", json!(true))), OrderEvent::Seen { .. }));
    assert!(matches!(event(&with("doNotPerform", json!(false))), OrderEvent::Placed(_)));
    refused(&with("doNotPerform", json!("true")), ErrorCode::DataType, "ServiceRequest.doNotPerform");
    assert!(matches!(event(&with("modifierExtension", json!([]))), OrderEvent::Placed(_)));
    let modifier = json!([{ "url": "urn:not", "valueBoolean": true }]);
    refused(&with("modifierExtension", modifier.clone()), ErrorCode::TableValue, "Resource");
    let mut deep = order();
    deep["subject"]["identifier"]["modifierExtension"] = modifier;
    refused(&deep, ErrorCode::TableValue, "Resource");
    let mut group = order();
    group["subject"]["type"] = json!("Group");
    refused(&group, ErrorCode::TableValue, "ServiceRequest.subject");
    group["subject"]["type"] = json!("Patient");
    assert!(matches!(event(&group), OrderEvent::Placed(_)));
    refused(&with("status", json!("done")), ErrorCode::TableValue, "ServiceRequest.status");
    refused(&with("intent", Value::Null), ErrorCode::TableValue, "ServiceRequest.intent");
    refused(&with("identifier", json!([])), ErrorCode::RequiredField, "ServiceRequest.identifier");
    refused(&with("subject", json!({ "reference": "Patient/17" })), ErrorCode::RequiredField, "ServiceRequest.subject");
    refused(
        &with("requester", json!({ "reference": "Practitioner/1" })),
        ErrorCode::RequiredField,
        "ServiceRequest.requester",
    );
    refused(&with("occurrenceDateTime", json!("tomorrow")), ErrorCode::DataType, "ServiceRequest.occurrence");
    refused(&with("occurrenceDateTime", json!("2026-1é-01")), ErrorCode::DataType, "ServiceRequest.occurrence");
    refused(&with("resourceType", json!("Observation")), ErrorCode::UnsupportedMessage, "Resource");
    refused(&json!([]), ErrorCode::UnsupportedMessage, "Resource");
}

#[test]
fn an_appointment_is_known_while_it_is_to_be_and_a_link_of_patients_is_a_merge() {
    let appointment = json!({
        "resourceType": "Appointment",
        "status": "booked",
        "identifier": [{ "system": "urn:ris", "value": "A-1" }],
        "basedOn": [{ "identifier": { "system": "urn:kis", "value": "P-1" } }],
        "start": "2026-12-24T09:30:00Z",
        "participant": [
            { "actor": { "type": "Location", "identifier": { "value": "CT" } } },
            { "actor": { "type": "Patient", "identifier": { "system": "urn:oid:1.2.3", "value": "17" } } },
        ],
    });
    let OrderEvent::Appointment { patient, appointment: own, order, starts } = event(&appointment) else { panic!() };
    assert_eq!((patient[0].id.as_str(), own.id.as_str(), order.placer.unwrap().id.as_str()), ("17", "A-1", "P-1"));
    assert_eq!(starts, instant_of("202612240930"));
    let mut cancelled = appointment.clone();
    for status in ["cancelled", "noshow", "entered-in-error"] {
        cancelled["status"] = json!(status);
        let OrderEvent::AppointmentCancelled { patient, appointment } = event(&cancelled) else { panic!("{status}") };
        assert_eq!((patient[0].id.as_str(), appointment.id.as_str()), ("17", "A-1"));
    }
    for status in ["proposed", "fulfilled", "waitlist"] {
        cancelled["status"] = json!(status);
        assert!(matches!(event(&cancelled), OrderEvent::Seen { .. }), "{status}");
    }
    cancelled["status"] = json!("cancelled");
    cancelled["identifier"] = json!([]);
    refused(&cancelled, ErrorCode::RequiredField, "Appointment.identifier");
    cancelled["participant"] = json!([]);
    refused(&cancelled, ErrorCode::RequiredField, "Appointment.participant");

    let mut patient = json!({
        "resourceType": "Patient",
        "identifier": [{ "system": "urn:oid:1.2.3", "value": "17" }],
        "link": [{ "type": "seealso", "other": { "identifier": { "value": "1" } } }],
    });
    assert!(matches!(event(&patient), OrderEvent::Seen { .. }));
    for (kind, stays, goes) in [("replaces", "17", "16"), ("replaced-by", "16", "17")] {
        patient["link"] =
            json!([{ "type": kind, "other": { "identifier": { "system": "urn:oid:1.2.3", "value": "16" } } }]);
        let OrderEvent::Merged { patient: stay, prior } = event(&patient) else { panic!() };
        assert_eq!((stay[0].id.as_str(), prior[0].id.as_str()), (stays, goes));
    }
    let links = json!([patient["link"][0], patient["link"][0]]);
    patient["link"] = links;
    refused(&patient, ErrorCode::DataType, "Patient.link");
}

#[test]
fn the_same_resource_is_called_the_same_and_a_changed_one_otherwise() {
    let read = |resource: &Value| read_resource(resource.to_string().as_bytes()).unwrap();
    let mut changed = order();
    changed["note"] = json!([{ "text": "x" }]);
    assert_eq!(read(&order()).control_id, read(&order()).control_id);
    assert_ne!(read(&order()).control_id, read(&changed).control_id);
}

#[test]
fn resources_with_bytes_changed_are_read_or_refused_and_nothing_panics() {
    let seed = 4;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let whole = order().to_string().into_bytes();
    for round in 0..20_000 {
        let mut broken = whole.clone();
        for _ in 0..1 + random.next_u32() % 4 {
            let at = random.next_u32() as usize % broken.len();
            match random.next_u32() % 3 {
                0 => broken[at] = b"\"{}[]:,0n\xff\x00-T"[random.next_u32() as usize % 13],
                1 => drop(broken.remove(at)),
                _ => broken.insert(at, b"\"{}[],"[random.next_u32() as usize % 6]),
            }
        }
        let tried = std::panic::catch_unwind(|| drop(read_resource(&broken)));
        assert!(tried.is_ok(), "seed {seed}, round {round}: {}", String::from_utf8_lossy(&broken));
    }
    let deep = format!("{{\"resourceType\":\"Patient\",\"identifier\":{}", "[".repeat(100_000));
    assert!(read_resource(deep.as_bytes()).is_err());
    assert!(read_resource(&vec![b' '; RESOURCE_BYTES_MAX + 1]).is_err());
}
