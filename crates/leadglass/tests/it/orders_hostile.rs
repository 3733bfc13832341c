//! What a hostile or broken sender of orders gets: a reason, or a closed connection, and never more than its budget.

use std::io::Write;

use crate::hl7::{Sender, message};
use crate::orders::{RUTH, Scene, order};

#[test]
fn a_ten_megabyte_segment_and_an_endless_message_are_refused_with_a_reason_and_the_next_sender_is_heard() {
    let scene = Scene::new();
    let big =
        message("ORM^O01", "big", &["PID|1||M00000001^^^DEMO", &format!("NTE|1||{}", "x".repeat(10 * 1024 * 1024))]);
    let mut sender = scene.sender();
    // the answer may come before everything is sent, and then the connection closes
    let framed = orders::frame(&big);
    let mut rest = sender.stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || drop(rest.write_all(&framed)));
    let said = sender.answer().expect("a reason");
    sending.join().unwrap();
    assert!(said.contains("MSA|AE|big\r") && said.contains("longer than 4194304 bytes"), "{said}");
    assert!(sender.is_closed());
    // one segment that is too long in a message that is not
    let long =
        message("ORM^O01", "long", &["PID|1||M00000001^^^DEMO", &format!("NTE|1||{}", "x".repeat(3 * 1024 * 1024))]);
    let said = scene.sender().send(&long);
    assert!(said.contains("MSA|AE|long\r") && said.contains("NTE^1|102^"), "{said}");
    // endless: segments without number, and no end
    let mut sender = scene.sender();
    let mut endless = sender.stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        let head = [b"\x0b".as_slice(), &message("ORM^O01", "endless", &[])].concat();
        let mut sent = endless.write_all(&head);
        while sent.is_ok() {
            sent = endless.write_all(&b"NTE|1||and so on\r".repeat(1_000));
        }
    });
    let said = sender.answer().expect("a reason");
    assert!(said.contains("MSA|AE|endless\r"), "{said}");
    assert!(sender.is_closed());
    drop(sender);
    sending.join().unwrap();
    assert_eq!(scene.sender().code(&order("NW", "1", 1, "A")), "AA");
    let kept = scene.site.ok(&["orders", "list"]);
    assert_eq!(kept.as_array().map(Vec::len), Some(1), "what is no message is not kept: {kept}");
}

#[test]
fn frames_may_be_cut_and_joined_anywhere_and_bytes_between_them_end_the_conversation() {
    let scene = Scene::new();
    let mut sender = scene.sender();
    let (one, two) = (orders::frame(&order("NW", "1", 1, "A")), orders::frame(&order("NW", "2", 2, "B")));
    for byte in &one {
        sender.stream.write_all(&[*byte]).unwrap();
    }
    assert!(sender.answer().unwrap().contains("MSA|AA|1"));
    // both at once; each is answered, in order
    let three = orders::frame(&order("NW", "3", 3, "C"));
    sender.stream.write_all(&[two.as_slice(), b"\r\n", &three].concat()).unwrap();
    assert!(sender.answer().unwrap().contains("MSA|AA|2"));
    assert!(sender.answer().unwrap().contains("MSA|AA|3"));
    assert_eq!(scene.seen(), ["M00000001", "M00000002", "M00000003"]);
    for between in [b"MSH|^~\\&|RIS|".as_slice(), b"GET / HTTP/1.1\r\n\r\n", b"\0", b"\x1c\r"] {
        let mut sender = scene.sender();
        assert_eq!(sender.code(&order("NW", "1", 1, "A")), "AA");
        sender.stream.write_all(between).unwrap();
        let said = sender.answer().expect("a reason");
        assert!(said.contains("MSA|AE|\r") && said.contains("outside of a frame"), "{between:?}: {said}");
        assert!(sender.is_closed(), "{between:?}");
    }
    // a frame in a frame is two readings of one stream
    let mut sender = scene.sender();
    let smuggled =
        [b"\x0bMSH|^~\\&|RIS|N|||2026||ADT^A01|9|P|2.5\rNTE|".as_slice(), &orders::frame(&order("NW", "4", 4, "D"))]
            .concat();
    sender.stream.write_all(&smuggled).unwrap();
    assert!(sender.answer().unwrap().contains("a frame began inside another one"));
    assert!(sender.is_closed());
    assert!(!scene.seen().contains(&"M00000004".to_owned()));
}

#[test]
fn wrong_encodings_are_refused_and_the_right_one_is_read() {
    let scene = Scene::new();
    let mut sender = scene.sender();
    let with = |id: &str, set: &str, bytes: &[u8]| {
        let text = String::from_utf8(order("NW", id, 1, id)).unwrap().replace("UNICODE UTF-8", set);
        [text.as_bytes(), b"NTE|1||", bytes, b"\r"].concat()
    };
    for (id, set, bytes) in [
        ("1", "", b"\xc3\xa4".as_slice()),
        ("2", "UNICODE UTF-8", b"\xe4"),
        ("3", "ASCII", b"\xe4"),
        ("4", "KS X 1001", b"x"),
        ("5", "UNICODE", b"x"),
        ("6", "8859/1~ISO IR87", b"x"),
    ] {
        let said = sender.send(&with(id, set, bytes));
        assert!(said.contains(&format!("MSA|AE|{id}\r")) && said.contains("MSH^1^18|10"), "{set}: {said}");
    }
    assert_eq!(scene.seen(), Vec::<String>::new());
    assert_eq!(sender.code(&with("7", "8859/1", b"\xe4")), "AA");
    assert_eq!(sender.code(&with("8", "UNICODE UTF-8", b"\xc3\xa4")), "AA");
}

#[test]
fn only_a_device_that_may_tell_orders_is_heard_by_its_name_and_from_its_address() {
    let scene = Scene::new();
    let site = &scene.site;
    let named = |name: &str, id: &str| {
        let text = String::from_utf8(order("NW", id, 1, id)).unwrap().replacen("|RIS|", &format!("|{name}|"), 1);
        text.into_bytes()
    };
    // CT1 may store, reader may read, and nobody is called STRANGER
    for (id, name) in [("1", "CT1"), ("2", "reader"), ("3", "STRANGER"), ("4", "")] {
        let mut sender = scene.sender();
        let said = sender.send(&named(name, id));
        assert!(said.contains("MSA|AE|") && said.contains("MSH^1^3|103^"), "{name}: {said}");
        assert!(sender.is_closed(), "{name}");
    }
    let without_address = ["device", "add", "X", "--organisation", "Machines", "--may", "orders"];
    let error = site.refused(1, &without_address);
    assert!(error.contains("addresses"), "{error}");
    // a device that is bound to a certificate is not heard in the clear
    let [_, certificate] = site.certificate("bound");
    let bound = ["device", "add", "BOUND", "--organisation", "Machines", "--may", "orders", "--from", "127.0.0.1"];
    site.ok(&[&bound[..], &["--bind-certificate", &certificate]].concat());
    assert!(scene.sender().send(&named("BOUND", "5")).contains("MSH^1^3|103^"));
    // and neither is one that has a token
    site.ok(&[
        "device",
        "add",
        "FHIR",
        "--organisation",
        "Machines",
        "--may",
        "orders",
        "--from",
        "127.0.0.1",
        "--token",
    ]);
    assert!(scene.sender().send(&named("FHIR", "5")).contains("MSH^1^3|103^"));
    let mut heard = scene.sender();
    assert_eq!(heard.code(&named("ris", "6")), "AA");
    // removed: not even on the connection that it has
    site.ok(&["device", "remove", "RIS"]);
    crate::installation::wait_until("the front knows it", || {
        let mut sender = Sender::connect(site.hl7());
        // nobody of this address is left who may tell orders, so not a byte is read
        sender.stream.write_all(&orders::frame(&order("NW", "7", 1, "7"))).is_err() || sender.is_closed()
    });
    let said = heard.send(&order("NW", "8", 1, "8"));
    assert!(said.contains("MSH^1^3|103^"), "{said}");
    assert_eq!(scene.entries("order-taken").len(), 1);
    crate::installation::wait_until("who was not heard is in the ledger", || {
        scene.entries("association-refused").iter().any(|entry| entry["calling_ae_title"] == "STRANGER")
    });
}

#[test]
fn orders_without_an_appointment_are_counted_shown_and_stopped_at_the_ceiling() {
    let scene = Scene::new();
    scene.site.ok(&["orders", "rule", "--unmatched-per-day", "2", "--orders-per-day", "4"]);
    let mut ris = scene.sender();
    assert_eq!(ris.code(&order("NW", "1", 1, "A")), "AA");
    assert_eq!(ris.code(&order("NW", "2", 2, "B")), "AA");
    let said = ris.send(&order("NW", "3", 3, "C"));
    assert!(said.contains("MSA|AE|3\r") && said.contains("2 orders without an appointment today"), "{said}");
    assert_eq!(scene.seen(), ["M00000001", "M00000002"]);
    let findings = scene.site.ok(&["findings", "list"]);
    let about = |findings: &serde_json::Value| {
        let rows = findings.as_array().unwrap().iter();
        rows.filter(|row| row["finding"]["evidence"]["orders"].is_object()).count()
    };
    assert_eq!(about(&findings), 1, "{findings}");
    assert!(
        findings[0]["sentence"].as_str().unwrap().contains("RIS told more than 2 orders for which no appointment"),
        "{findings}"
    );
    // once a day
    assert_eq!(ris.code(&order("NW", "4", 3, "D")), "AE");
    assert_eq!(about(&scene.site.ok(&["findings", "list"])), 1);
    let state = scene.site.ok(&["orders", "state", "--unmatched"]);
    assert_eq!((state["orders"].as_array().unwrap().len(), &state["senders"][0]["unmatched"]), (2, &2.into()));
    // an appointment for one of them, by its number, and one for a patient
    let appointment = |id: &str, patient: u32, order: &str| {
        let sch = format!("SCH|{id}^RIS||||||||||1^^^209912241030|||||||||||||||{order}");
        message("SIU^S12", id, &[&sch, &format!("PID|1||M0000000{patient}^^^DEMO")])
    };
    assert_eq!(ris.code(&appointment("5", 1, "A^RIS")), "AA");
    assert_eq!(scene.site.ok(&["orders", "state"])["senders"][0]["unmatched"], 1);
    assert_eq!(ris.code(&appointment("6", 4, "")), "AA");
    assert_eq!(ris.code(&order("NW", "7", 4, "E")), "AA", "an appointment is known for it");
    assert_eq!(scene.site.ok(&["orders", "state"])["senders"][0]["unmatched"], 1);
    // somebody else's appointment matches nothing
    assert_eq!(ris.code(&appointment("8", 3, "B^RIS")), "AA");
    assert_eq!(scene.site.ok(&["orders", "state"])["senders"][0]["unmatched"], 1);
    // the ceiling of all orders holds with appointments too
    assert_eq!(ris.code(&order("NW", "9", 4, "F")), "AA");
    assert_eq!(ris.code(&order("NW", "10", 4, "G")), "AE");
    // what is beyond is kept, and the owner decides
    let kept = scene.site.ok(&["orders", "list"]);
    assert_eq!(kept.as_array().map(Vec::len), Some(3), "{kept}");
    scene.site.ok(&["orders", "replay", &kept[0]["kept"].to_string()]);
    assert!(scene.seen().contains(&"M00000003".to_owned()));
}

#[test]
fn silent_and_slow_senders_take_no_place_from_others_for_long() {
    let scene = Scene::new();
    // more connections than one address may have: those beyond are closed, those within are heard
    let mut open: Vec<Sender> = (0..16).map(|_| scene.sender()).collect();
    crate::installation::wait_until("the last one within is served", || {
        open[15].code(&order("NW", "1", 1, "A")) == "AA"
    });
    let mut beyond = scene.sender();
    assert!(beyond.stream.write_all(&orders::frame(&order("NW", "2", 2, "B"))).is_err() || beyond.is_closed());
    open.pop();
    crate::installation::wait_until("a place is free again", || {
        let mut sender = scene.sender();
        let sent = sender.stream.write_all(&orders::frame(&order("NW", "3", 3, "C")));
        sent.is_ok() && sender.answer().is_some_and(|said| said.contains("MSA|AA|3"))
    });
    let related = message("ORM^O01", "4", &["PID|1||M00000004^^^DEMO", &format!("ORC|NW|D^RIS||||||||||{RUTH}")]);
    assert_eq!(open[0].code(&related), "AA");
}
