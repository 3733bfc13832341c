//! Who acts in the story, and when.

use model::{Actor, DeviceId, EntryBody, EntryNumber, Instant, Origin, PersonId, SECOND, SessionId, Window};

/// 2025-11-24T16:00:00Z.
pub const START: Instant = Instant(1_764_000_000 * SECOND);
/// From one entry to the next, in seconds: the story lasts for more than a day, and a day has a key of its own.
const STEP_SECONDS: i64 = 900;

pub const RADIOLOGIST: PersonId = PersonId(1);
pub const REFERRER: PersonId = PersonId(2);
pub const PATIENT: PersonId = PersonId(3);
pub const OFFICER: PersonId = PersonId(5);
pub const ADMINISTRATOR: PersonId = PersonId(6);

/// Entries so far, each with its time.
#[derive(Default)]
pub struct Story {
    pub entries: Vec<(Actor, EntryBody, Instant)>,
}

impl Story {
    /// When the next entry is recorded.
    pub fn now(&self) -> Instant {
        START.plus_seconds(self.entries.len() as i64 * STEP_SECONDS)
    }

    /// The next entry, and its number.
    pub fn add(&mut self, actor: &Actor, body: EntryBody) -> EntryNumber {
        let (number, now) = (EntryNumber(self.entries.len() as u64), self.now());
        self.entries.push((actor.clone(), body, now));
        number
    }
}

/// A person in their session, which bears their number.
pub fn by(person: PersonId) -> Actor {
    Actor::Person { person, session: session(person), origin: Origin("192.0.2.17".to_owned()) }
}

pub fn session(person: PersonId) -> SessionId {
    SessionId([0x50 + person.0 as u8; 16])
}

pub fn device(device: u32) -> Actor {
    Actor::Device { device: DeviceId(device), origin: Origin("2001:db8::5".to_owned()) }
}

pub fn stranger() -> Actor {
    Actor::Stranger { origin: Origin("198.51.100.9".to_owned()) }
}

/// Ninety days from the story's begin.
pub fn window() -> Window {
    Window { from: START, to: START.plus_seconds(90 * 86_400) }
}
