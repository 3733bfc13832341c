//! From segments to what happened: one function for each kind of message.

use model::{Instant, OrderEnd};
use protocol::{
    ErrorCode, Identifier, ORDER_EVENTS_MAX, ORDER_NAMES_MAX, ORDER_TEXT_CHARACTERS_MAX, OrderEvent, OrderNumbers,
    OrderProblem, Place, PlacedOrder,
};

use crate::fields::{entity, patient, professionals};
use crate::header::Header;
use crate::message::{Message, Segment};
use crate::time::instant_of;

/// What a message tells. `docs/orders.md` has the same as a table.
pub(crate) fn events(message: &Message, header: &Header) -> Result<Vec<OrderEvent>, OrderProblem> {
    let events = match (header.code.as_str(), header.event.as_str()) {
        ("ADT", "A01" | "A04" | "A08" | "A31") => vec![OrderEvent::Seen { patient: patient_of(message)? }],
        ("ADT", "A40") => merges(message)?,
        ("ORM", "O01") | ("OMI", "O23") => orders(message)?,
        ("ORU", "R01") => results(message)?,
        ("SIU", "S12") => vec![appointment(message)?],
        // cancelled, deleted since it was a mistake, and whose patient did not come
        ("SIU", "S15" | "S17" | "S26") => vec![appointment_cancelled(message)?],
        ("ADT" | "ORM" | "OMI" | "ORU" | "SIU", _) => {
            let why =
                "of these messages ADT^A01 A04 A08 A31 A40, ORM^O01, OMI^O23, ORU^R01 and SIU^S12 S15 S17 S26 are read";
            return Err(OrderProblem::at(ErrorCode::UnsupportedEvent, "MSH", 9, why));
        }
        _ => {
            let why = "ADT, ORM, OMI, ORU and SIU messages are read";
            return Err(OrderProblem::at(ErrorCode::UnsupportedMessage, "MSH", 9, why));
        }
    };
    if events.len() > ORDER_EVENTS_MAX {
        let why = format!("a message tells at most {ORDER_EVENTS_MAX} orders; send several");
        return Err(OrderProblem::at(ErrorCode::SegmentSequence, "MSH", 0, &why));
    }
    Ok(events)
}

/// The one patient of a message. Two in one message would leave open whose an order is.
fn patient_of(message: &Message) -> Result<Vec<Identifier>, OrderProblem> {
    let mut segments = message.segments().filter(|segment| segment.name() == "PID");
    let first = segments.next().ok_or_else(|| missing("PID", 0, "a PID segment says whom the message is about"))?;
    if segments.next().is_some() {
        let why = "one patient in a message; send one message for each";
        return Err(OrderProblem::at(ErrorCode::SegmentSequence, "PID", 0, why));
    }
    patient(&first, 3)
}

/// ADT^A40 (chapter 3.3.40): pairs of PID, who stays, and MRG, who goes.
fn merges(message: &Message) -> Result<Vec<OrderEvent>, OrderProblem> {
    let mut stays: Option<Vec<Identifier>> = None;
    let mut events = Vec::new();
    for segment in message.segments() {
        match segment.name() {
            "PID" if stays.is_some() => {
                return Err(missing("MRG", 0, "each PID segment is followed by an MRG segment"));
            }
            "PID" => stays = Some(patient(&segment, 3)?),
            "MRG" => {
                let patient_stays =
                    stays.take().ok_or_else(|| missing("PID", 0, "each MRG segment follows a PID segment"))?;
                events.push(OrderEvent::Merged { patient: patient_stays, prior: patient(&segment, 1)? });
            }
            _ => {}
        }
    }
    if stays.is_some() || events.is_empty() {
        return Err(missing("MRG", 0, "an MRG segment says which record goes"));
    }
    Ok(events)
}

/// One order as its segments come: ORC, then OBR, TQ1 and IPC of it.
struct Order<'m> {
    orc: Segment<'m>,
    obr: Option<Segment<'m>>,
    tq1: Option<Segment<'m>>,
}

/// ORM^O01 and OMI^O23 (chapter 4).
fn orders(message: &Message) -> Result<Vec<OrderEvent>, OrderProblem> {
    let patient = patient_of(message)?;
    let mut orders: Vec<Order<'_>> = Vec::new();
    let mut visit = None;
    for segment in message.segments() {
        match (segment.name(), orders.last_mut()) {
            ("PV1", _) => visit = Some(segment),
            ("ORC", _) => orders.push(Order { orc: segment, obr: None, tq1: None }),
            ("OBR", None) => return Err(missing("ORC", 0, "an ORC segment begins each order")),
            ("OBR", Some(order)) if order.obr.is_none() => order.obr = Some(segment),
            ("OBR", Some(_)) => return Err(missing("ORC", 0, "each OBR segment has an ORC segment of its own")),
            ("TQ1", Some(order)) if order.tq1.is_none() => order.tq1 = Some(segment),
            _ => {}
        }
    }
    if orders.is_empty() {
        return Err(missing("ORC", 0, "an ORC segment begins each order"));
    }
    orders.iter().map(|order| order_event(message, &patient, visit.as_ref(), order)).collect()
}

fn order_event(
    message: &Message,
    patient: &[Identifier],
    visit: Option<&Segment<'_>>,
    order: &Order<'_>,
) -> Result<OrderEvent, OrderProblem> {
    let (orc, obr) = (&order.orc, order.obr.as_ref());
    let numbers = numbers(Some((orc, 2, 3)), obr)?;
    let patient = patient.to_vec();
    let ended = |numbers, patient, how| OrderEvent::Ended { numbers, patient, how, known: true };
    // ORC-5, table 0038, says that it ended whatever ORC-1, table 0119, asks for
    match orc.text(5)?.as_str() {
        "CA" | "DC" => return Ok(ended(numbers, patient, OrderEnd::Cancelled)),
        "CM" => return Ok(ended(numbers, patient, OrderEnd::Completed)),
        _ => {}
    }
    let control = orc.text(1)?;
    match control.as_str() {
        "CA" | "OC" | "CR" | "DC" | "OD" | "DR" => return Ok(ended(numbers, patient, OrderEnd::Cancelled)),
        "NW" | "SN" | "NA" | "OK" | "XO" | "XX" | "XR" | "SC" | "RE" | "PA" | "CH" => {}
        "" => return Err(missing("ORC", 1, "the order control says what is done with the order")),
        _ => {
            let why = "of the order controls NW SN NA OK XO XX XR SC RE PA CH and CA OC CR DC OD DR are read";
            return Err(OrderProblem::at(ErrorCode::TableValue, "ORC", 1, why));
        }
    }
    let (mut ordered_by, mut at) = (professionals(orc, 12)?, ("ORC", 12));
    if let (true, Some(obr)) = (ordered_by.is_empty(), obr) {
        (ordered_by, at) = (professionals(obr, 16)?, ("OBR", 16));
    }
    Ok(OrderEvent::Placed(Box::new(PlacedOrder {
        new: matches!(control.as_str(), "NW" | "SN" | "NA"),
        numbers,
        patient,
        ordered_by,
        ordered_by_at: Place { segment: at.0.to_owned(), field: at.1 },
        places: places(message, orc, obr, visit)?,
        scheduled: scheduled(order)?,
    })))
}

/// Placer and filler order number: of ORC, or of OBR where ORC does not say.
fn numbers(orc: Option<(&Segment<'_>, usize, usize)>, obr: Option<&Segment<'_>>) -> Result<OrderNumbers, OrderProblem> {
    let mut numbers = OrderNumbers::default();
    for (segment, placer, filler) in orc.into_iter().chain(obr.map(|obr| (obr, 2, 3))) {
        numbers.placer = numbers.placer.or(entity(segment, placer)?);
        numbers.filler = numbers.filler.or(entity(segment, filler)?);
    }
    if numbers == OrderNumbers::default() {
        let segment = if orc.is_some() { "ORC" } else { "OBR" };
        return Err(missing(segment, 2, "a placer or filler order number says which order it is"));
    }
    Ok(numbers)
}

/// Where an order is performed, then where it was placed: OBR-24, ORC-17, ORC-21, PV1-3.1, PV1-3.4, MSH-4.
fn places(
    message: &Message,
    orc: &Segment<'_>,
    obr: Option<&Segment<'_>>,
    visit: Option<&Segment<'_>>,
) -> Result<Vec<String>, OrderProblem> {
    let mut places = Vec::new();
    if let Some(obr) = obr {
        places.push(obr.text(24)?);
    }
    places.extend([orc.text(17)?, orc.text(21)?]);
    if let Some(visit) = visit {
        let assigned = visit.field(3)?;
        places.extend([assigned.component(1).text(), assigned.component(4).text()]);
    }
    if let Some(msh) = message.first("MSH") {
        places.push(msh.text(4)?);
    }
    let fits = |place: &str| place.chars().count() <= ORDER_TEXT_CHARACTERS_MAX && !place.contains(char::is_control);
    places.retain(|place| !place.is_empty() && fits(place));
    places.truncate(ORDER_NAMES_MAX);
    Ok(places)
}

/// When an order is to be performed: TQ1-7, ORC-7.4 or OBR-27.4.
fn scheduled(order: &Order<'_>) -> Result<Option<Instant>, OrderProblem> {
    let mut texts = Vec::new();
    if let Some(tq1) = &order.tq1 {
        texts.push((("TQ1", 7), tq1.text(7)?));
    }
    texts.push((("ORC", 7), order.orc.field(7)?.component(4).text()));
    if let Some(obr) = &order.obr {
        texts.push((("OBR", 27), obr.field(27)?.component(4).text()));
    }
    let Some(((segment, field), text)) = texts.into_iter().find(|(_, text)| !text.is_empty()) else { return Ok(None) };
    let why = "a time like 20261127, 202611270930 or 20261127093000+0100 is expected";
    instant_of(&text).map(Some).ok_or_else(|| OrderProblem::at(ErrorCode::DataType, segment, field, why))
}

/// ORU^R01 (chapter 7): an order whose result is final was done.
fn results(message: &Message) -> Result<Vec<OrderEvent>, OrderProblem> {
    let patient = patient_of(message)?;
    let (mut events, mut orc, mut seen) = (Vec::new(), None, false);
    for segment in message.segments() {
        match segment.name() {
            "ORC" => orc = Some(segment),
            "OBR" => {
                seen = true;
                let numbers = numbers(orc.as_ref().map(|orc| (orc, 2, 3)), Some(&segment))?;
                // table 0123: final, and corrected after it was
                if matches!(segment.text(25)?.as_str(), "F" | "C") {
                    let (patient, how) = (patient.clone(), OrderEnd::Completed);
                    events.push(OrderEvent::Ended { numbers, patient, how, known: false });
                }
                orc = None;
            }
            _ => {}
        }
    }
    if !seen {
        return Err(missing("OBR", 0, "an OBR segment says which order the result is of"));
    }
    if events.is_empty() {
        events.push(OrderEvent::Seen { patient });
    }
    Ok(events)
}

/// SIU^S12 (chapter 10).
fn appointment(message: &Message) -> Result<OrderEvent, OrderProblem> {
    let patient = patient_of(message)?;
    let (sch, appointment) = appointment_named(message)?;
    let order = OrderNumbers { placer: entity(&sch, 26)?, filler: entity(&sch, 27)? };
    let mut starts = sch.field(11)?.component(4).text();
    if let (true, Some(tq1)) = (starts.is_empty(), message.first("TQ1")) {
        starts = tq1.text(7)?;
    }
    let starts = if starts.is_empty() {
        None
    } else {
        let why = "a time like 202611270930 is expected";
        Some(instant_of(&starts).ok_or_else(|| OrderProblem::at(ErrorCode::DataType, "SCH", 11, why))?)
    };
    Ok(OrderEvent::Appointment { patient, appointment, order, starts })
}

/// SIU^S15, S17 and S26 (chapter 10).
fn appointment_cancelled(message: &Message) -> Result<OrderEvent, OrderProblem> {
    let patient = patient_of(message)?;
    let (_, appointment) = appointment_named(message)?;
    Ok(OrderEvent::AppointmentCancelled { patient, appointment })
}

/// The SCH segment, and the appointment's number: the placer's, or where there is none the filler's.
fn appointment_named(message: &Message) -> Result<(Segment<'_>, Identifier), OrderProblem> {
    let sch = message.first("SCH").ok_or_else(|| missing("SCH", 0, "an SCH segment says which appointment it is"))?;
    let appointment = match entity(&sch, 1)? {
        Some(placer) => Some(placer),
        None => entity(&sch, 2)?,
    };
    let why = "a placer or filler appointment number says which appointment it is";
    let appointment = appointment.ok_or_else(|| missing("SCH", 1, why))?;
    Ok((sch, appointment))
}

fn missing(segment: &str, field: u8, why: &str) -> OrderProblem {
    let code = if field == 0 { ErrorCode::SegmentSequence } else { ErrorCode::RequiredField };
    OrderProblem::at(code, segment, field, why)
}
