//! THREATS: a forged order or referral, told over HL7, or by a front that was taken over and speaks to the warden itself.

use model::{DeviceId, Instant, OrderEnd, Origin};
use protocol::{
    Authority, Identifier, OrderAsk, OrderCaller, OrderEvent, OrderMessage, OrderNumbers, OrderReply, PROTOCOL_VERSION,
    Place, PlacedOrder, Refusal, UntakenMessage, WardenClient, context,
};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::hl7::message;
use crate::orders::{REFERRER, RUTH, Scene};

/// What a front that was taken over holds: a connection to the warden.
struct Front {
    runtime: Runtime,
    warden: WardenClient,
}

impl Front {
    fn of(scene: &Scene, socket: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let warden = runtime.block_on(protocol::connect(&scene.site.dir().join(socket))).unwrap();
        runtime.block_on(warden.hello(context::current(), PROTOCOL_VERSION)).unwrap().unwrap();
        Self { runtime, warden }
    }

    fn order(&self, device: u32, origin: &str, ask: OrderAsk) -> Result<OrderReply, Refusal> {
        let caller = OrderCaller::Named { device: DeviceId(device), origin: Origin(origin.to_owned()) };
        let order = self.warden.order(context::current(), caller, ask);
        self.runtime.block_on(order).unwrap()
    }
}

fn identifier(authority: &str, id: &str) -> Identifier {
    Identifier { authority: Authority { name: authority.into(), universal: String::new() }, id: id.into() }
}

fn forged(number: u32, patient: &str, ordered_by: Identifier) -> OrderMessage {
    let placer = Some(identifier("RIS", &format!("F{number}")));
    let order = PlacedOrder {
        new: true,
        numbers: OrderNumbers { placer, filler: None },
        patient: vec![identifier("DEMO", patient)],
        ordered_by: vec![ordered_by],
        ordered_by_at: Place { segment: "ORC".into(), field: 12 },
        places: Vec::new(),
        scheduled: Some(Instant::MAX),
    };
    let event = OrderEvent::Placed(Box::new(order));
    OrderMessage { control_id: format!("forged-{number}"), content: [0; 32], test: false, events: vec![event] }
}

fn number_of(scene: &Scene, device: &str) -> u32 {
    let rows = scene.site.ok(&["device", "list"]);
    let row = rows.as_array().unwrap().iter().find(|row| row["name"] == device).unwrap();
    u32::try_from(row["device"].as_u64().unwrap()).unwrap()
}

#[test]
fn a_front_that_was_taken_over_forges_orders_for_nobody_but_whom_the_site_named_and_within_the_budget() {
    let scene = Scene::new();
    scene.site.ok(&["orders", "rule", "--orders-per-day", "3", "--unmatched-per-day", "3", "--merges-per-day", "1"]);
    let front = Front::of(&scene, "run/warden.sock");
    // a system that tells FHIR shows its token, and is not to be named without it
    scene.site.ok(&["device", "add", "KIS", "--organisation", "Machines", "--may", "orders", "--token"]);
    let (ris, ct, kis) = (number_of(&scene, "RIS"), number_of(&scene, "CT1"), number_of(&scene, "KIS"));
    let ruth = || identifier("LANR", "123456601");
    let decide = OrderAsk::Decide;
    let near = "127.0.0.1";
    // in the name of who may not, of nobody, from elsewhere, on the owner's socket
    for (device, origin) in [(ct, near), (kis, near), (999, near), (ris, "192.0.2.1"), (ris, "nowhere"), (ris, "")] {
        let refused = front.order(device, origin, decide(forged(1, "M00000001", ruth())));
        assert_eq!(refused, Err(Refusal::NotAllowed), "{device} {origin}");
    }
    let owner = Front::of(&scene, "run/owner.sock");
    assert_eq!(owner.order(ris, near, decide(forged(1, "M00000001", ruth()))), Err(Refusal::NotAllowed));
    // for somebody whom the message describes and the site does not
    for (number, nobody) in
        [(1, identifier("", "123456601")), (2, identifier("LANR", REFERRER)), (3, identifier("LANR", ""))]
    {
        let reply = front.order(ris, near, decide(forged(number, "M00000001", nobody))).unwrap();
        assert!(matches!(reply, OrderReply::Refused(_)), "{reply:?}");
    }
    // past every limit of a message
    let mut many = forged(4, "M00000001", ruth());
    many.events = vec![many.events[0].clone(); 101];
    let mut long = forged(5, "M00000001", ruth());
    long.control_id = "x".repeat(200);
    let mut control = forged(6, "M00000001", ruth());
    control.control_id = "a\nb".into();
    let mut nameless = forged(7, "M00000001", ruth());
    nameless.events = vec![OrderEvent::Ended {
        numbers: OrderNumbers::default(),
        patient: vec![identifier("DEMO", "M00000001")],
        how: OrderEnd::Cancelled,
        known: true,
    }];
    for message in [many, long, control, nameless] {
        assert_eq!(front.order(ris, near, decide(message)), Err(Refusal::NotAllowed));
    }
    assert_eq!(scene.entries("order-taken").len(), 0);
    // what is left to it: orders for people whom the site named, so many a day and for so long
    let taken = (10..60).filter(|number| {
        let patient = format!("M0000000{}", 1 + number % 4);
        let reply = front.order(ris, near, decide(forged(*number, &patient, ruth()))).unwrap();
        matches!(reply, OrderReply::Taken(_))
    });
    assert_eq!(taken.count(), 3, "the ceiling of one sender and day");
    let merges = (1..4).filter(|number| {
        let events = vec![OrderEvent::Merged {
            patient: vec![identifier("DEMO", "M00000001")],
            prior: vec![identifier("DEMO", &format!("X{number}"))],
        }];
        let message = OrderMessage { control_id: format!("m{number}"), content: [1; 32], test: false, events };
        matches!(front.order(ris, near, decide(message)).unwrap(), OrderReply::Taken(_))
    });
    assert_eq!(merges.count(), 1);
    let related: Vec<_> =
        scene.entries("related").into_iter().filter(|entry| entry["relationship"]["basis"] == "order").collect();
    for entry in &related {
        let window = &entry["relationship"]["window"];
        let days = (window["to"].as_i64().unwrap() - entry["recorded"].as_i64().unwrap()) / 86_400_000_000;
        assert!(days <= 400 + 90 + 30, "{days}");
        assert_eq!(entry["actor"]["device"]["device"], ris, "and each says who told it");
    }
    assert_eq!(scene.site.ok(&["findings", "list"]).as_array().unwrap().len(), 2, "orders and merges, each once");
    // filling the room for what is not taken
    let problem = protocol::OrderProblem::at(protocol::ErrorCode::DataType, "MSH", 0, "x");
    let untaken = |number: u32, length: usize| {
        let mut bytes = number.to_be_bytes().to_vec();
        bytes.resize(length, b'x');
        OrderAsk::Keep(UntakenMessage { control_id: "k".into(), kind: "k".into(), problem: problem.clone(), bytes })
    };
    let kept = (0..6).filter(|number| {
        matches!(front.order(ris, near, untaken(*number, 4 * 1024 * 1024)).unwrap(), OrderReply::Kept(Some(_)))
    });
    assert_eq!(kept.count(), 4, "16 MiB of one sender");
    assert_eq!(front.order(ris, near, untaken(99, 4 * 1024 * 1024 + 1)), Err(Refusal::NotAllowed));
    let small = (100..400)
        .filter(|number| matches!(front.order(ris, near, untaken(*number, 10)).unwrap(), OrderReply::Kept(Some(_))));
    assert_eq!(small.count(), 0, "there is no room left");
}

#[test]
fn a_forged_order_that_names_another_authority_another_order_or_another_patient_moves_nobodys_reach() {
    let scene = Scene::new();
    let mut ris = scene.sender();
    let of = |kind: &str, id: &str, patient: &str, orc: &str| message(kind, id, &[&format!("PID|1||{patient}"), orc]);
    let order = format!("ORC|NW|A^RIS||||||||||{RUTH}");
    assert_eq!(ris.code(&of("ORM^O01", "1", "M00000001^^^DEMO", &order)), "AA");
    // the end of an order under another patient, another authority, or of one that is not there
    for (id, patient, orc) in [
        ("2", "M00000002^^^DEMO", "ORC|CA|A^RIS"),
        ("3", "M00000001^^^OTHER", "ORC|CA|A^RIS"),
        ("4", "M00000001^^^DEMO", "ORC|CA|A^OTHER"),
        ("5", "M00000001^^^DEMO", "ORC|CA|A"),
        ("6", "M00000001^^^DEMO", "ORC|CA|B^RIS"),
    ] {
        assert_eq!(ris.code(&of("ORM^O01", id, patient, orc)), "AE", "{id}");
    }
    assert_eq!(scene.seen(), ["M00000001"]);
    // an officer is nobody's referrer, and neither is somebody who left
    scene.site.ok(&["person", "professional-id", "officer@localhost", "LANR/1"]);
    let officer = "ORC|NW|B^RIS||||||||||1^Officer^^^^^^^LANR";
    assert_eq!(ris.code(&of("ORM^O01", "7", "M00000002^^^DEMO", officer)), "AE");
    let error = scene.site.refused(1, &["person", "professional-id", "officer@localhost", "LANR/123456601"]);
    assert!(error.contains("error: somebody else has this"), "one identifier is one person's: {error}");
    assert!(error.contains("hint: take it away from them first"), "{error}");
    scene.site.ok(&["person", "close", REFERRER]);
    assert_eq!(ris.code(&of("ORM^O01", "8", "M00000003^^^DEMO", &order.replace("A^RIS", "C^RIS"))), "AE");
    let related = scene.entries("related").into_iter().filter(|entry| entry["relationship"]["basis"] == json!("order"));
    assert_eq!(related.count(), 1);
}
