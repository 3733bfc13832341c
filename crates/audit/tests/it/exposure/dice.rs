//! Random histories: the same for the same seed, everywhere.

use model::{
    Actor, DeviceId, DeviceMay, DiskId, DiskPart, Entry, EntryBody, EntryNumber, Instant, KeyId, LinkFor, LinkId,
    LinkMade, NumberSet, OpenScope, OrganisationId, Origin, PatientNumber, PersonId, Relationship, Role, SessionId,
    SignInMethod, StudyNumber, Tier, What, Who, Window,
};

/// Time runs from 0 to here, so that every instant can be looked at.
pub(super) const END: i64 = 24;

/// A small generator (xorshift64*), so that a seed gives the same history everywhere.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }

    fn instant(&mut self) -> Instant {
        Instant(self.roll(END as u64 + 4) as i64 - 2)
    }

    pub(super) fn window(&mut self) -> Window {
        let (from, to) = (self.instant(), self.instant());
        // now and then empty, or the wrong way round
        match self.roll(6) {
            0 => Window { from, to },
            1 | 2 => Window { from, to: Instant::MAX },
            _ => Window { from: from.min(to), to: to.max(from) },
        }
    }

    fn patient(&mut self) -> PatientNumber {
        PatientNumber(self.roll(4) as u32)
    }

    fn study(&mut self) -> StudyNumber {
        StudyNumber(self.roll(5) as u32)
    }

    fn person(&mut self) -> PersonId {
        PersonId(self.roll(3) as u32)
    }

    fn organisation(&mut self) -> OrganisationId {
        OrganisationId(self.roll(2) as u32)
    }

    fn device(&mut self) -> DeviceId {
        DeviceId(self.roll(2) as u32)
    }

    fn link(&mut self) -> LinkId {
        LinkId(self.roll(2) as u32)
    }

    /// One of two sessions of a person.
    fn session(&mut self, person: PersonId) -> SessionId {
        SessionId([person.0 as u8 * 2 + self.roll(2) as u8; 16])
    }

    fn key(&mut self) -> KeyId {
        KeyId([self.roll(4) as u8; 16])
    }

    fn disk(&mut self) -> DiskId {
        DiskId([self.roll(3) as u8; 16])
    }

    pub(super) fn who(&mut self) -> Who {
        match self.roll(6) {
            0 | 1 => Who::Person(self.person()),
            2 | 3 => Who::Organisation(self.organisation()),
            4 => Who::Link(self.link()),
            _ => Who::Device(self.device()),
        }
    }

    fn what(&mut self) -> What {
        match self.roll(6) {
            0..3 => What::Patient(self.patient()),
            3 | 4 => What::Study(self.study()),
            _ => What::Site,
        }
    }

    fn tier(&mut self) -> Tier {
        if self.roll(2) == 0 { Tier::List } else { Tier::Open }
    }

    fn set(&mut self) -> NumberSet {
        let count = self.roll(4);
        (0..count).map(|_| self.roll(5) as u32).collect()
    }

    fn actor(&mut self) -> Actor {
        let origin = Origin(["", "192.0.2.1", "2001:db8::1"][self.roll(3) as usize].to_owned());
        match self.roll(9) {
            0 => Actor::Owner,
            1 => Actor::Warden,
            2 => Actor::Stranger { origin },
            3 => Actor::Device { device: self.device(), origin },
            4 => {
                let link = self.link();
                Actor::Link { link, session: SessionId([0x80 + link.0 as u8; 16]), origin }
            }
            _ => {
                let person = self.person();
                Actor::Person { person, session: self.session(person), origin }
            }
        }
    }

    fn body(&mut self, number: u64, at: Instant) -> EntryBody {
        let lease_until = Instant(at.0 + self.roll(7) as i64 - 1);
        match self.roll(33) {
            0 | 1 => EntryBody::Stored {
                patient: self.patient(),
                study: self.study(),
                instances: 1,
                duplicates: 0,
                conflicts: 0,
                taken_in: at,
                outbox_sequence: number,
            },
            2 | 3 => EntryBody::Moved {
                study: self.study(),
                from: self.patient(),
                to: self.patient(),
                reason: "misfiled".to_owned(),
            },
            4..8 => EntryBody::Related {
                relationship: Relationship {
                    who: self.who(),
                    what: self.what(),
                    tier: self.tier(),
                    window: self.window(),
                    basis: format!("basis {}", self.roll(3)),
                    entry: EntryNumber(number),
                },
            },
            8 | 9 => EntryBody::RelationshipEnded { entry: EntryNumber(self.roll(number + 1)), until: self.instant() },
            10 | 11 => EntryBody::MemberJoined { person: self.person(), organisation: self.organisation() },
            12 => EntryBody::MemberLeft { person: self.person(), organisation: self.organisation() },
            13 => EntryBody::PersonAdded {
                person: self.person(),
                email: "a@example.org".to_owned(),
                name: "A".to_owned(),
                role: [
                    Role::Patient,
                    Role::Referrer,
                    Role::Radiologist,
                    Role::Technologist,
                    Role::Officer,
                    Role::Administrator,
                    Role::OfficerAdministrator,
                ][self.roll(7) as usize],
            },
            14 => EntryBody::DeviceAdded {
                device: self.device(),
                name: "CT 1".to_owned(),
                organisation: self.organisation(),
                may: [DeviceMay::Store, DeviceMay::List, DeviceMay::Open]
                    .into_iter()
                    .filter(|_| self.roll(2) == 0)
                    .collect(),
            },
            15..18 => EntryBody::Listed { patients: self.set(), studies: self.set(), lease_until },
            18..21 => EntryBody::Opened {
                patient: self.patient(),
                study: self.study(),
                scope: if self.roll(3) == 0 { OpenScope::Listing } else { OpenScope::Images },
                lease_until,
            },
            21 => EntryBody::PatientAdded { patient: self.patient() },
            22 => {
                let person = self.person();
                EntryBody::SignedIn { person, session: self.session(person), method: SignInMethod::Passkey }
            }
            23 => {
                let person = self.person();
                EntryBody::SessionEnded { person, session: self.session(person) }
            }
            24 | 25 => EntryBody::KeysFiled { study: self.study(), keys: vec![self.key(), self.key()] },
            26 => EntryBody::RoleChanged {
                person: self.person(),
                from: Role::Referrer,
                to: if self.roll(2) == 0 { Role::Officer } else { Role::Radiologist },
            },
            27 => EntryBody::PersonClosed { person: self.person() },
            28 => EntryBody::DeviceRemoved { device: self.device() },
            29 | 30 => EntryBody::LinkMade(LinkMade {
                link: self.link(),
                patient: self.patient(),
                study: self.study(),
                purpose: LinkFor::Outside,
                until: self.instant(),
                browsers: 3,
                note: String::new(),
            }),
            _ => EntryBody::DiskHolds {
                disk: self.disk(),
                filesystem: String::new(),
                holds: [DiskPart::Images, DiskPart::Copy, DiskPart::Keyring]
                    .into_iter()
                    .filter(|_| self.roll(2) == 0)
                    .collect(),
                instead_of: (self.roll(3) == 0).then(|| self.disk()),
            },
        }
    }
}

/// A history: most begin with people and studies, so that something happens in them.
pub(super) fn history(dice: &mut Dice) -> Vec<(EntryNumber, Entry)> {
    let mut at = Instant(dice.roll(3) as i64);
    let mut bodies = Vec::new();
    if dice.roll(4) > 0 {
        for person in 0..3 {
            let (email, name) = (String::new(), String::new());
            bodies.push(EntryBody::PersonAdded { person: PersonId(person), email, name, role: Role::Referrer });
        }
        bodies.push(EntryBody::MemberJoined { person: PersonId(0), organisation: OrganisationId(0) });
    }
    let length = 10 + dice.roll(50);
    (0..length)
        .map(|n| {
            // several entries may carry one time
            at = Instant((at.0 + [0, 0, 0, 1, 1, 2][dice.roll(6) as usize]).min(END));
            let body = match bodies.get(n as usize) {
                Some(body) => body.clone(),
                None => dice.body(n, at),
            };
            (EntryNumber(n), Entry { version: 1, recorded: at, actor: dice.actor(), body })
        })
        .collect()
}
