//! Writes the ledger of `testdata/ledger/v3-appointments`: an appointment of an order, and that it was cancelled.
//!
//! `cargo run -p audit --example golden_appointments -- FOLDER`. What is in `testdata` stays as it is: a version that has a further kind
//! writes a folder beside it. Keys, times and entries are fixed; nonces are random in each run.

mod story;

use std::error::Error;

use model::{
    Actor, AppointmentMade, DeviceId, EntryBody, Instant, KeyedDigest, OrderSource, Origin, PatientNumber, SECOND,
    SiteId,
};

/// The site of the golden ledgers before, with another number.
const SITE: SiteId = SiteId(*b"\x90\xad\xe4\x10\0\0\0\0\0\0\0\0\0\0\0\xff");
/// 2025-11-24T16:00:00Z.
const START: Instant = Instant(1_764_000_000 * SECOND);
/// From one entry to the next, in seconds.
const STEP_SECONDS: i64 = 900;

fn told(orders: Vec<KeyedDigest>, starts: Option<Instant>, cancelled: bool, message: u8) -> (Actor, EntryBody) {
    let (device, digest) = (DeviceId(0), |byte| KeyedDigest([byte; 16]));
    let source = OrderSource { device, control: digest(message), content: digest(0x80 | message) };
    let (patient, named, appointment) = (PatientNumber(1), PatientNumber(1), digest(0x33));
    let made = AppointmentMade { patient, named, appointment, orders, starts, cancelled, source };
    let by_system = Actor::Device { device, origin: Origin("192.0.2.17".to_owned()) };
    (by_system, EntryBody::AppointmentMade(Box::new(made)))
}

fn main() -> Result<(), Box<dyn Error>> {
    let entries = vec![
        (Actor::Owner, EntryBody::Initialised { site: SITE, name: "Golden Clinic".to_owned() }),
        told(vec![KeyedDigest([0x11; 16])], Some(START.plus_seconds(86_400)), false, 1),
        told(Vec::new(), None, true, 2),
    ];
    story::write(SITE, START, STEP_SECONDS, entries)
}
