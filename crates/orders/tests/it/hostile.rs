//! Whatever bytes come, reading ends, in bounded time and memory, with facts that keep to their limits or a reason.

use orders::{Answer, Deframer, Header, MESSAGE_BYTES_MAX, acknowledge, frame, read};
use protocol::{ORDER_NAMES_MAX, ORDER_TEXT_CHARACTERS_MAX, OrderEvent, OrderMessage};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::reading::{PID, message};

/// A message that was read keeps to the limits that the warden holds it to.
fn fits(message: &OrderMessage) -> bool {
    let short = |text: &str| text.chars().count() <= ORDER_TEXT_CHARACTERS_MAX && !text.contains(char::is_control);
    let patient = |event: &OrderEvent| match event {
        OrderEvent::Seen { patient } | OrderEvent::Ended { patient, .. } | OrderEvent::Appointment { patient, .. } => {
            patient.clone()
        }
        OrderEvent::AppointmentCancelled { patient, appointment } => {
            [patient.clone(), vec![appointment.clone()]].concat()
        }
        OrderEvent::Placed(order) => [order.patient.clone(), order.ordered_by.clone()].concat(),
        OrderEvent::Merged { patient, prior } => [patient.clone(), prior.clone()].concat(),
        OrderEvent::Consent(told) => {
            [told.patient.clone(), vec![told.consent.clone()], told.denied.people.clone()].concat()
        }
    };
    short(&message.control_id)
        && message.events.iter().all(|event| {
            let all = patient(event);
            all.len() <= 2 * ORDER_NAMES_MAX
                && all.iter().all(|one| short(&one.id) && short(&one.authority.name) && !one.id.is_empty())
        })
}

fn answer(bytes: &[u8]) {
    let (header, answer) = match read(bytes) {
        Ok(read) => {
            assert!(fits(&read.message), "past its limits");
            (Some(read.header), Answer::Taken(Vec::new()))
        }
        Err(unread) => (unread.header, Answer::Refused(unread.problem)),
    };
    let acknowledgement = acknowledge(header.as_ref(), &answer, model::Instant(0), 1);
    // the answer is one message that stays inside its frame
    let mut deframer = Deframer::default();
    let (taken, whole) = deframer.take(&frame(&acknowledgement)).unwrap();
    assert_eq!((taken, whole.as_deref()), (acknowledgement.len() + 3, Some(acknowledgement.as_slice())));
    assert!(acknowledgement.split(|byte| *byte == b'\r').all(|segment| {
        segment.is_empty() || [b"MSH".as_slice(), b"MSA", b"ERR"].iter().any(|name| segment.starts_with(name))
    }));
}

#[test]
fn messages_with_bytes_changed_cut_and_doubled_are_answered_and_nothing_panics() {
    let seed = 20_261_127;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let whole = [
        message("ORM^O01", &[PID, "PV1|1|O|W^^^N", "ORC|NW|P-1^KIS|||||1^^^2026|||||9^B^^^^^^^L", "OBR|1|P-1||CT"]),
        message("ADT^A40", &[PID, "MRG|16^^^HOSPITAL"]),
        message("SIU^S12", &["SCH|A-1||||||||||1^^^202612241030", PID]),
        message("SIU^S15", &["SCH|A-1^KIS", PID]),
        message("ORU^R01", &[PID, "OBR|1|P-1|F-1|CT|||||||||||||||||||||F"]),
    ];
    let bytes = b"|^~\\&\r\n\t\"MSHPIDORCXFE0129\x00\xff\xc3\xa4 ";
    for round in 0..20_000 {
        let mut broken = whole[random.next_u32() as usize % whole.len()].clone();
        for _ in 0..1 + random.next_u32() % 6 {
            let at = random.next_u32() as usize % broken.len().max(1);
            match random.next_u32() % 5 {
                0 => broken.truncate(at),
                1 => broken.insert(at, bytes[random.next_u32() as usize % bytes.len()]),
                2 if at < broken.len() => drop(broken.remove(at)),
                3 => {
                    let tail = broken[at..].to_vec();
                    broken.extend(tail.into_iter().take(200));
                }
                _ if at < broken.len() => broken[at] = bytes[random.next_u32() as usize % bytes.len()],
                _ => {}
            }
            if broken.is_empty() {
                broken.push(b'M');
            }
        }
        let tried = std::panic::catch_unwind(|| answer(&broken));
        assert!(tried.is_ok(), "seed {seed}, round {round}: {:?}", String::from_utf8_lossy(&broken));
    }
}

#[test]
fn random_bytes_are_answered() {
    let seed = 11;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..2_000 {
        let length = random.next_u32() as usize % 400;
        let mut bytes = vec![0; length];
        random.fill_bytes(&mut bytes);
        answer(&bytes);
        answer(&[b"MSH|^~\\&|".as_slice(), &bytes].concat());
    }
}

#[test]
fn the_largest_messages_of_every_shape_are_answered() {
    let fill = |text: &str| text.repeat(MESSAGE_BYTES_MAX / text.len());
    for text in ["|", "^", "~", "&", "\\", "\r", "\rPID|", "\rORC|NW|P", "MSH|", "\\X41\\", "ä"] {
        let head = "MSH|^~\\&|RIS|||||ORM^O01|1|P|2.5||||||UNICODE UTF-8";
        answer(format!("{head}{}", fill(text)).as_bytes());
        answer(format!("{head}\r{PID}{}", fill(text)).as_bytes());
        answer(fill(text).as_bytes());
    }
    let many: String = (0..1_000).map(|n| format!("~{n}^^^A")).collect();
    answer(&message("ADT^A01", &[&format!("PID|1||1^^^A{many}")]));
    assert!(Header::of(b"MSH|^~\\&|RIS").is_some_and(|header| header.application == "RIS"));
}
