//! FHIR R4 resources about orders: ServiceRequest, Appointment, Patient and Consent, read into the same facts as HL7 v2.
//!
//! References are read as logical ones (`identifier` with `system` and `value`): a literal one (`Patient/17`) names something at the sender,
//! where nobody here looks. An identifier's `system` is its authority.

mod consent;

use protocol::{
    Authority, ErrorCode, Identifier, ORDER_NAMES_MAX, ORDER_TEXT_CHARACTERS_MAX, OrderEvent, OrderMessage,
    OrderNumbers, OrderProblem, Place, PlacedOrder,
};
use serde_json::Value;

use crate::time::instant_of;

/// The longest resource, in bytes.
pub const RESOURCE_BYTES_MAX: usize = 1024 * 1024;

/// Reads one resource. What it is called is its type and id with its content: the same resource again counts once, a changed one anew.
pub fn read_resource(bytes: &[u8]) -> Result<OrderMessage, OrderProblem> {
    let wrong = |why: &str| problem(ErrorCode::DataType, "Resource", why);
    if bytes.len() > RESOURCE_BYTES_MAX {
        return Err(wrong("a resource has at most 1048576 bytes"));
    }
    let resource: Value = serde_json::from_slice(bytes).map_err(|_| wrong("one resource as JSON is expected"))?;
    let kind = resource["resourceType"].as_str().unwrap_or_default();
    if is_modified(&resource) {
        let why = "a modifierExtension changes what the resource means, and none is known here";
        return Err(problem(ErrorCode::TableValue, "Resource", why));
    }
    let event = match kind {
        "ServiceRequest" => service_request(&resource)?,
        "Appointment" => appointment(&resource)?,
        "Patient" => patient(&resource)?,
        "Consent" => consent::consent(&resource)?,
        _ => {
            let why = "ServiceRequest, Appointment, Patient and Consent are read";
            return Err(problem(ErrorCode::UnsupportedMessage, "Resource", why));
        }
    };
    let content = blake3::hash(bytes);
    let id: String = text(&resource["id"]).chars().filter(|c| !c.is_control()).take(64).collect();
    let control_id = format!("{kind}/{id}/{}", &content.to_hex()[..32]);
    Ok(OrderMessage { control_id, content: *content.as_bytes(), test: false, events: vec![event] })
}

/// Whether anything in it says that it means something else than it says.
fn is_modified(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(is_modified),
        Value::Object(members) => members.iter().any(|(name, value)| {
            let says =
                name == "modifierExtension" && !value.is_null() && value.as_array().is_none_or(|own| !own.is_empty());
            says || is_modified(value)
        }),
        _ => false,
    }
}

/// R4 section ServiceRequest: an order is placed by `active` and `on-hold`, ended by `completed`, `revoked` and `entered-in-error`.
fn service_request(resource: &Value) -> Result<OrderEvent, OrderProblem> {
    let subject = &resource["subject"];
    if !subject["type"].is_null() && subject["type"] != "Patient" {
        let why = "orders are about patients; a group, a device or a place is none";
        return Err(problem(ErrorCode::TableValue, "ServiceRequest.subject", why));
    }
    let patient = reference(subject, "ServiceRequest.subject")?;
    match &resource["doNotPerform"] {
        Value::Null | Value::Bool(false) => {}
        // that something is not to be done is no order
        Value::Bool(true) => return Ok(OrderEvent::Seen { patient }),
        _ => return Err(problem(ErrorCode::DataType, "ServiceRequest.doNotPerform", "true or false is expected")),
    }
    match resource["intent"].as_str().unwrap_or_default() {
        "order" | "original-order" | "reflex-order" | "filler-order" | "instance-order" => {}
        "proposal" | "plan" | "directive" | "option" => return Ok(OrderEvent::Seen { patient }),
        _ => return Err(problem(ErrorCode::TableValue, "ServiceRequest.intent", "an intent of R4 is expected")),
    }
    let numbers = numbers(resource)?;
    let ended = |how, known| OrderEvent::Ended { numbers: numbers.clone(), patient: patient.clone(), how, known };
    match resource["status"].as_str().unwrap_or_default() {
        "draft" | "unknown" => return Ok(OrderEvent::Seen { patient }),
        "completed" => return Ok(ended(model::OrderEnd::Completed, false)),
        "revoked" | "entered-in-error" => return Ok(ended(model::OrderEnd::Cancelled, true)),
        "active" | "on-hold" => {}
        _ => return Err(problem(ErrorCode::TableValue, "ServiceRequest.status", "a status of R4 is expected")),
    }
    let ordered_by = match &resource["requester"] {
        Value::Null => Vec::new(),
        requester => reference(requester, "ServiceRequest.requester")?,
    };
    let start = [&resource["occurrenceDateTime"], &resource["occurrencePeriod"]["start"]];
    let start = start.into_iter().find(|value| !value.is_null());
    Ok(OrderEvent::Placed(Box::new(PlacedOrder {
        new: resource["status"] == "active",
        numbers,
        patient,
        ordered_by,
        ordered_by_at: Place { segment: "ServiceRequest.requester".to_owned(), field: 0 },
        places: places(resource),
        scheduled: start.map(|value| moment(value, "ServiceRequest.occurrence")).transpose()?,
    })))
}

/// Placer (`PLAC`) and filler number (`FILL`, table 0203); the first without a type is the placer's.
fn numbers(resource: &Value) -> Result<OrderNumbers, OrderProblem> {
    let at = "ServiceRequest.identifier";
    let mut numbers = OrderNumbers::default();
    for value in resource["identifier"].as_array().into_iter().flatten().take(ORDER_NAMES_MAX) {
        let codes = value["type"]["coding"].as_array().into_iter().flatten();
        let codes: Vec<&str> = codes.filter_map(|coding| coding["code"].as_str()).collect();
        let Some(read) = identifier(value, at)? else { continue };
        if codes.contains(&"FILL") {
            numbers.filler = numbers.filler.or(Some(read));
        } else if codes.contains(&"PLAC") || codes.is_empty() {
            numbers.placer = numbers.placer.or(Some(read));
        }
    }
    if numbers == OrderNumbers::default() {
        let why = "an identifier of type PLAC or FILL, or of no type, says which order it is";
        return Err(problem(ErrorCode::RequiredField, at, why));
    }
    Ok(numbers)
}

/// Codes and texts of `locationCode`, and displays of `locationReference` and `performer`.
fn places(resource: &Value) -> Vec<String> {
    let mut places = Vec::new();
    for location in resource["locationCode"].as_array().into_iter().flatten() {
        places.extend(location["coding"].as_array().into_iter().flatten().map(|coding| text(&coding["code"])));
        places.push(text(&location["text"]));
    }
    for name in ["locationReference", "performer"] {
        places.extend(resource[name].as_array().into_iter().flatten().map(|value| text(&value["display"])));
    }
    let fits = |place: &str| place.chars().count() <= ORDER_TEXT_CHARACTERS_MAX && !place.contains(char::is_control);
    places.retain(|place| !place.is_empty() && fits(place));
    places.truncate(ORDER_NAMES_MAX);
    places
}

/// R4 section Appointment: `booked`, `pending`, `arrived` and `checked-in` are known, `cancelled`, `noshow` and `entered-in-error` no more; of
/// the patient among its participants.
fn appointment(resource: &Value) -> Result<OrderEvent, OrderProblem> {
    let participants = resource["participant"].as_array().into_iter().flatten();
    let actor = participants.map(|participant| &participant["actor"]).find(|actor| {
        let literal = actor["reference"].as_str().is_some_and(|reference| reference.starts_with("Patient/"));
        actor["type"] == "Patient" || literal
    });
    let missing = || {
        problem(ErrorCode::RequiredField, "Appointment.participant", "a participant whose actor is a Patient is needed")
    };
    let patient = reference(actor.ok_or_else(missing)?, "Appointment.participant")?;
    let takes_place = match resource["status"].as_str().unwrap_or_default() {
        "booked" | "pending" | "arrived" | "checked-in" => true,
        "cancelled" | "noshow" | "entered-in-error" => false,
        "proposed" | "fulfilled" | "waitlist" => return Ok(OrderEvent::Seen { patient }),
        _ => return Err(problem(ErrorCode::TableValue, "Appointment.status", "a status of R4 is expected")),
    };
    let own = resource["identifier"].as_array().into_iter().flatten().next().unwrap_or(&Value::Null);
    let appointment = identifier(own, "Appointment.identifier")?;
    let why = "an identifier says which appointment it is";
    let appointment = appointment.ok_or_else(|| problem(ErrorCode::RequiredField, "Appointment.identifier", why))?;
    if !takes_place {
        return Ok(OrderEvent::AppointmentCancelled { patient, appointment });
    }
    let based = resource["basedOn"].as_array().into_iter().flatten().next().unwrap_or(&Value::Null);
    let placer = identifier(&based["identifier"], "Appointment.basedOn")?;
    let starts = match &resource["start"] {
        Value::Null => None,
        start => Some(moment(start, "Appointment.start")?),
    };
    Ok(OrderEvent::Appointment { patient, appointment, order: OrderNumbers { placer, filler: None }, starts })
}

/// R4 section Patient.link: `replaced-by` and `replaces` say that two records are one person's.
fn patient(resource: &Value) -> Result<OrderEvent, OrderProblem> {
    let own = identifiers(&resource["identifier"], "Patient.identifier")?;
    let mut merges = resource["link"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|link| matches!(link["type"].as_str(), Some("replaced-by" | "replaces")));
    let Some(link) = merges.next() else { return Ok(OrderEvent::Seen { patient: own }) };
    if merges.next().is_some() {
        let why = "one link that replaces or is replaced; send one resource for each";
        return Err(problem(ErrorCode::DataType, "Patient.link", why));
    }
    let other = reference(&link["other"], "Patient.link")?;
    let (patient, prior) = if link["type"] == "replaces" { (own, other) } else { (other, own) };
    Ok(OrderEvent::Merged { patient, prior })
}

/// The identifier of a logical reference.
fn reference(value: &Value, at: &str) -> Result<Vec<Identifier>, OrderProblem> {
    identifiers(&value["identifier"], at)
}

/// One or several identifiers; at least one with a value.
fn identifiers(value: &Value, at: &str) -> Result<Vec<Identifier>, OrderProblem> {
    let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    let read = values.iter().take(ORDER_NAMES_MAX).map(|value| identifier(value, at));
    let read: Vec<_> = read.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    if read.is_empty() {
        let why =
            "an identifier with system and value is needed; a reference to a resource of the sender names nobody here";
        return Err(problem(ErrorCode::RequiredField, at, why));
    }
    Ok(read)
}

fn identifier(value: &Value, at: &str) -> Result<Option<Identifier>, OrderProblem> {
    let id = text(&value["value"]);
    if id.is_empty() {
        return Ok(None);
    }
    let universal = text(&value["system"]);
    let fits = |text: &str| text.chars().count() <= ORDER_TEXT_CHARACTERS_MAX && !text.contains(char::is_control);
    if !fits(&id) || !fits(&universal) {
        return Err(problem(ErrorCode::DataType, at, "system and value have at most 199 characters"));
    }
    Ok(Some(Identifier { authority: Authority { name: String::new(), universal }, id }))
}

/// `dateTime` and `instant` of R4: the punctuation that HL7 v2 leaves out goes.
fn moment(value: &Value, at: &str) -> Result<model::Instant, OrderProblem> {
    let text = value.as_str().unwrap_or_default();
    let wrong =
        || problem(ErrorCode::DataType, at, "a dateTime like 2026-11-27 or 2026-11-27T09:30:00+01:00 is expected");
    let (date, time) = text.split_once('T').unwrap_or((text, ""));
    let time = time.strip_suffix('Z').unwrap_or(time);
    let (time, zone) = time.find(['+', '-']).map_or((time, ""), |place| time.split_at(place));
    let plain = |text: &str| text.replace([':', '-'], "");
    let sign = zone.chars().next().map(String::from).unwrap_or_default();
    let well = date.len() >= 4 && date.is_ascii() && time.is_ascii() && zone.is_ascii();
    let whole = format!("{}{}{sign}{}", plain(date), plain(time), plain(zone.get(1..).unwrap_or_default()));
    instant_of(&whole).filter(|_| well).ok_or_else(wrong)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().trim().to_owned()
}

fn problem(code: ErrorCode, at: &str, why: &str) -> OrderProblem {
    OrderProblem::at(code, at, 0, why)
}
