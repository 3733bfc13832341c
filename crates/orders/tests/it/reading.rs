//! What each kind of message tells.

use model::OrderEnd;
use orders::{instant_of, read};
use protocol::{ErrorCode, Identifier, OrderEvent, OrderProblem, PlacedOrder};

/// A message of one kind, with these segments behind MSH.
pub fn message(kind: &str, segments: &[&str]) -> Vec<u8> {
    let head = format!("MSH|^~\\&|RIS|NORTH|LEADGLASS||20261127093000||{kind}|4711|P|2.5.1||||||UNICODE UTF-8");
    let mut text = head;
    for segment in segments {
        text.push('\r');
        text.push_str(segment);
    }
    text.push('\r');
    text.into_bytes()
}

pub const PID: &str = "PID|1||17^^^HOSPITAL&1.2.3&ISO^PI~900^^^INSURANCE||Muster^Änne||19700101|F";
const ORC: &str = "ORC|NW|P-1^KIS|F-1^RIS|||||||||123456601^Beispiel^Berta^^^Dr.^^^LANR&1.2.276&ISO";
const OBR: &str = "OBR|1|P-1^KIS|F-1^RIS|CT^Computed tomography||||||||||||||||||||MRT|";

fn events(kind: &str, segments: &[&str]) -> Vec<OrderEvent> {
    read(&message(kind, segments)).unwrap().message.events
}

#[track_caller]
fn refused(kind: &str, segments: &[&str], code: ErrorCode, segment: &str, field: u8) {
    let problem: OrderProblem = read(&message(kind, segments)).unwrap_err().problem;
    assert_eq!(
        (problem.code, problem.place.segment.as_str(), problem.place.field),
        (code, segment, field),
        "{segments:?}"
    );
}

fn placed(kind: &str, segments: &[&str]) -> PlacedOrder {
    match events(kind, segments).as_slice() {
        [OrderEvent::Placed(order)] => (**order).clone(),
        _ => panic!("one order"),
    }
}

fn parts(identifier: &Identifier) -> (&str, &str, &str) {
    (&identifier.id, &identifier.authority.name, &identifier.authority.universal)
}

#[test]
fn an_order_names_patient_referrer_numbers_and_places() {
    for kind in ["ORM^O01^ORM_O01", "OMI^O23"] {
        let order = placed(kind, &[PID, "PV1|1|O|WARD7^^^NORTH", ORC, OBR]);
        let patient: Vec<_> = order.patient.iter().map(parts).collect();
        assert_eq!(patient, [("17", "HOSPITAL", "1.2.3"), ("900", "INSURANCE", "")]);
        assert_eq!(parts(&order.ordered_by[0]), ("123456601", "LANR", "1.2.276"));
        assert_eq!(parts(order.numbers.placer.as_ref().unwrap()), ("P-1", "KIS", ""));
        assert_eq!(parts(order.numbers.filler.as_ref().unwrap()), ("F-1", "RIS", ""));
        assert_eq!(order.places, ["MRT", "WARD7", "NORTH", "NORTH"]);
        assert_eq!(order.scheduled, None);
    }
}

#[test]
fn the_referrer_of_the_request_counts_where_the_order_names_none() {
    let obr = "OBR|1|P-1|F-1|CT||||||||||||9^Beispiel^^^^^^^KV";
    let order = placed("ORM^O01", &[PID, "ORC|NW|P-1", obr]);
    assert_eq!(parts(&order.ordered_by[0]), ("9", "KV", ""));
    assert_eq!((order.ordered_by_at.segment.as_str(), order.ordered_by_at.field), ("OBR", 16));
    assert_eq!(placed("ORM^O01", &[PID, "ORC|NW|P-1"]).ordered_by, []);
}

#[test]
fn a_scheduled_time_is_read_where_versions_have_it() {
    let at = instant_of("202612241030");
    let old = placed("ORM^O01", &[PID, "ORC|NW|P-1|||||1^^^202612241030"]);
    let new = placed("OMI^O23", &[PID, "ORC|NW|P-1", "TQ1|1||||||202612241030", "OBR|1|P-1"]);
    assert_eq!((old.scheduled, new.scheduled), (at, at));
    refused("ORM^O01", &[PID, "ORC|NW|P-1|||||1^^^tomorrow"], ErrorCode::DataType, "ORC", 7);
}

#[test]
fn an_order_ends_by_its_control_or_its_status() {
    let how = |orc: &str| match events("ORM^O01", &[PID, orc]).as_slice() {
        [OrderEvent::Ended { how, known: true, .. }] => Some(*how),
        [OrderEvent::Placed(_)] => None,
        _ => panic!("one event"),
    };
    for control in ["CA", "OC", "CR", "DC", "OD", "DR"] {
        assert_eq!(how(&format!("ORC|{control}|P-1")), Some(OrderEnd::Cancelled), "{control}");
    }
    assert_eq!(how("ORC|SC|P-1|||CM"), Some(OrderEnd::Completed));
    assert_eq!(how("ORC|XO|P-1|||DC"), Some(OrderEnd::Cancelled));
    for control in ["NW", "SN", "NA", "OK", "XO", "XX", "XR", "SC", "RE", "PA", "CH"] {
        assert_eq!(how(&format!("ORC|{control}|P-1|||IP")), None, "{control}");
    }
    refused("ORM^O01", &[PID, "ORC|ZZ|P-1"], ErrorCode::TableValue, "ORC", 1);
    refused("ORM^O01", &[PID, "ORC||P-1"], ErrorCode::RequiredField, "ORC", 1);
}

#[test]
fn several_orders_of_one_patient_come_in_one_message() {
    let all = events("ORM^O01", &[PID, "ORC|NW|P-1", "OBR|1|P-1", "NTE|1", "ORC|CA|P-2", "OBR|2|P-2"]);
    assert!(matches!(all.as_slice(), [OrderEvent::Placed(_), OrderEvent::Ended { .. }]));
    refused("ORM^O01", &[PID], ErrorCode::SegmentSequence, "ORC", 0);
    refused("ORM^O01", &[PID, "OBR|1|P-1"], ErrorCode::SegmentSequence, "ORC", 0);
    refused("ORM^O01", &[PID, "ORC|NW|P-1", "OBR|1", "OBR|2"], ErrorCode::SegmentSequence, "ORC", 0);
    refused("ORM^O01", &[PID, "ORC|NW"], ErrorCode::RequiredField, "ORC", 2);
    refused("ORM^O01", &[PID, PID, "ORC|NW|P-1"], ErrorCode::SegmentSequence, "PID", 0);
    refused("ORM^O01", &["ORC|NW|P-1"], ErrorCode::SegmentSequence, "PID", 0);
    refused("ORM^O01", &["PID|1||^^^HOSPITAL", "ORC|NW|P-1"], ErrorCode::RequiredField, "PID", 3);
    let many: Vec<String> = (0..101).map(|n| format!("ORC|NW|P-{n}")).collect();
    let many: Vec<&str> = std::iter::once(PID).chain(many.iter().map(String::as_str)).collect();
    refused("ORM^O01", &many, ErrorCode::SegmentSequence, "MSH", 0);
    assert_eq!(events("ORM^O01", &many[..101]).len(), 100);
}

#[test]
fn a_final_result_completes_its_order_and_an_early_one_does_not() {
    let of = |status: &str| {
        let obr = format!("OBR|1|P-1^KIS|F-1^RIS|CT|||||||||||||||||||||{status}");
        events("ORU^R01", &[PID, "ORC|RE", &obr, "OBX|1|TX|1||finding"])
    };
    for status in ["F", "C"] {
        let all = of(status);
        let [OrderEvent::Ended { numbers, how: OrderEnd::Completed, known: false, .. }] = all.as_slice() else {
            panic!("{status}")
        };
        assert_eq!(parts(numbers.placer.as_ref().unwrap()), ("P-1", "KIS", ""));
    }
    assert!(matches!(of("P").as_slice(), [OrderEvent::Seen { .. }]));
    refused("ORU^R01", &[PID, "OBX|1|TX|1||finding"], ErrorCode::SegmentSequence, "OBR", 0);
}

#[test]
fn an_appointment_names_its_time_and_the_order_where_it_does() {
    let sch = "SCH|A-1^KIS|B-1^RIS|||||||||1^^^202612241030|||||||||||||||P-1^KIS|F-1^RIS";
    let all = events("SIU^S12", &[sch, PID]);
    let [OrderEvent::Appointment { appointment, order, starts, .. }] = all.as_slice() else { panic!() };
    assert_eq!(parts(appointment), ("A-1", "KIS", ""));
    assert_eq!(parts(order.placer.as_ref().unwrap()), ("P-1", "KIS", ""));
    assert_eq!(*starts, instant_of("202612241030"));
    let all = events("SIU^S12", &["SCH||B-1^RIS", PID, "AIS|1"]);
    assert!(matches!(all.as_slice(), [OrderEvent::Appointment { starts: None, .. }]));
    for event in ["SIU^S15", "SIU^S17", "SIU^S26"] {
        let all = events(event, &[sch, PID]);
        let [OrderEvent::AppointmentCancelled { patient, appointment }] = all.as_slice() else { panic!("{event}") };
        assert_eq!((patient.len(), parts(appointment)), (2, ("A-1", "KIS", "")));
        refused(event, &["SCH|", PID], ErrorCode::RequiredField, "SCH", 1);
    }
    refused("SIU^S13", &[sch, PID], ErrorCode::UnsupportedEvent, "MSH", 9);
    refused("SIU^S12", &[PID], ErrorCode::SegmentSequence, "SCH", 0);
    refused("SIU^S12", &["SCH|", PID], ErrorCode::RequiredField, "SCH", 1);
}

#[test]
fn a_merge_names_who_stays_and_who_goes() {
    let other = "PID|2||18^^^HOSPITAL";
    let all = events("ADT^A40^ADT_A39", &[PID, "MRG|16^^^HOSPITAL", other, "PV1|1", "MRG|15^^^HOSPITAL"]);
    let [OrderEvent::Merged { patient, prior }, OrderEvent::Merged { .. }] = all.as_slice() else { panic!() };
    assert_eq!((parts(&patient[0]).0, parts(&prior[0]).0), ("17", "16"));
    refused("ADT^A40", &[PID], ErrorCode::SegmentSequence, "MRG", 0);
    refused("ADT^A40", &[PID, other, "MRG|16^^^HOSPITAL"], ErrorCode::SegmentSequence, "MRG", 0);
    refused("ADT^A40", &["MRG|16^^^HOSPITAL"], ErrorCode::SegmentSequence, "PID", 0);
    refused("ADT^A40", &[PID, "MRG|"], ErrorCode::RequiredField, "MRG", 1);
}

#[test]
fn admissions_and_changes_tell_nothing_but_whom_they_are_about() {
    for event in ["A01", "A04", "A08", "A31"] {
        let all = events(&format!("ADT^{event}"), &["EVN|A01", PID, "PV1|1|I"]);
        assert!(matches!(all.as_slice(), [OrderEvent::Seen { .. }]), "{event}");
    }
}

#[test]
fn what_is_not_read_is_refused_by_its_kind() {
    refused("ADT^A03", &[PID], ErrorCode::UnsupportedEvent, "MSH", 9);
    refused("MDM^T02", &[PID], ErrorCode::UnsupportedMessage, "MSH", 9);
    refused("", &[PID], ErrorCode::UnsupportedMessage, "MSH", 9);
    let text = String::from_utf8(message("ORM^O01", &[PID, ORC])).unwrap();
    let code = |from: &str, to: &str| read(text.replacen(from, to, 1).as_bytes()).unwrap_err().problem.code;
    assert_eq!(code("|P|2.5.1", "|X|2.5.1"), ErrorCode::UnsupportedProcessing);
    assert_eq!(code("|P|2.5.1", "||2.5.1"), ErrorCode::UnsupportedProcessing);
    assert_eq!(code("|P|2.5.1", "|P|3.0"), ErrorCode::UnsupportedVersion);
    assert_eq!(code("|4711|", "||"), ErrorCode::RequiredField);
    for test in ["T", "D"] {
        assert!(read(text.replacen("|P|2.5.1", &format!("|{test}|2.5.1"), 1).as_bytes()).unwrap().message.test);
    }
}

#[test]
fn bytes_are_read_by_the_character_set_that_the_message_names() {
    let text = String::from_utf8(message("ORM^O01", &["PID|1||Ä17^^^HOSPITAL", "ORC|NW|P-1"])).unwrap();
    let id = |bytes: &[u8]| match read(bytes).unwrap().message.events.as_slice() {
        [OrderEvent::Placed(order)] => order.patient[0].id.clone(),
        _ => panic!("one order"),
    };
    let latin: Vec<u8> =
        text.replace("UNICODE UTF-8", "8859/1").chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    assert_eq!(id(text.as_bytes()), "Ä17");
    assert_eq!(id(&latin), "Ä17");
    // one of the two, said to be the other, or nothing
    let wrong: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    for bytes in
        [wrong, text.replace("UNICODE UTF-8", "").into_bytes(), text.replace("UNICODE UTF-8", "ASCII").into_bytes()]
    {
        let unread = read(&bytes).unwrap_err();
        assert_eq!((unread.problem.code, unread.problem.place.field), (ErrorCode::DataType, 18));
        assert_eq!(unread.header.unwrap().control_id, "4711", "it is answered by its name");
    }
}

#[test]
fn the_same_bytes_have_the_same_digest_and_others_another() {
    let content = |bytes: &[u8]| read(bytes).unwrap().message.content;
    let one = message("ORM^O01", &[PID, ORC]);
    assert_eq!(content(&one), content(&one));
    assert_ne!(content(&one), content(&message("ORM^O01", &[PID, ORC, "NTE|1"])));
}

#[test]
fn an_identifier_with_an_escape_sequence_that_is_not_known_is_refused() {
    let known = placed("ORM^O01", &["PID|1||1\\T\\7^^^A\\S\\B", "ORC|NW|P\\X41\\^KIS||||||||||9^^^^^^^^LANR"]);
    assert_eq!(parts(&known.patient[0]), ("1&7", "A^B", ""));
    assert_eq!(known.numbers.placer.unwrap().id, "PA");
    for (pid, orc, at) in [
        ("PID|1||1\\.br\\7^^^HOSPITAL", "ORC|NW|P^KIS", ("PID", 3)),
        ("PID|1||17^^^HOS\\Z1\\PITAL", "ORC|NW|P^KIS", ("PID", 3)),
        ("PID|1||\\X0A\\^^^HOSPITAL", "ORC|NW|P^KIS", ("PID", 3)),
        ("PID|1||17^^^HOSPITAL", "ORC|NW|P\\H\\^KIS", ("ORC", 2)),
        ("PID|1||17^^^HOSPITAL", "ORC|NW|P^KIS|F^R\\N\\IS", ("ORC", 3)),
        ("PID|1||17^^^HOSPITAL", "ORC|NW|P^KIS||||||||||12\\.sp\\3^^^^^^^^LANR", ("ORC", 12)),
    ] {
        refused("ORM^O01", &[pid, orc], ErrorCode::DataType, at.0, at.1);
    }
}

#[test]
fn an_order_is_new_where_the_control_says_so() {
    for (control, new) in [("NW", true), ("SN", true), ("NA", true), ("XO", false), ("SC", false), ("OK", false)] {
        assert_eq!(placed("ORM^O01", &[PID, &ORC.replace("NW", control)]).new, new, "{control}");
    }
}
