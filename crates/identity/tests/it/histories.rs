//! Random histories: what is written is what is in memory, and what is reverted never was.

use std::collections::BTreeMap;

use identity::{IdentityRecord, NewDevice, NewPerson, People};
use model::{Authorisation, DeviceMay, Instant, OrganisationId, PersonId, Role};
use protocol::{DeviceRow, OrganisationRow, PersonRow, SessionRow};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::site::{GOOD_PASSWORD, START, Site, WithPassword, settings};

const SEEDS: std::ops::Range<u64> = 0..12;
const STEPS: usize = 120;

type Shown = (Vec<OrganisationRow>, Vec<PersonRow>, Vec<DeviceRow>, Vec<SessionRow>);

fn shown(people: &People, now: Instant) -> Shown {
    let persons = people.person_rows();
    let sessions = persons.iter().flat_map(|row| people.session_rows(row.person, None, now)).collect();
    (people.organisation_rows(START), persons, people.device_rows(), sessions)
}

/// The warden's table of records.
#[derive(Default)]
struct Disk(BTreeMap<String, Vec<u8>>);

impl Disk {
    fn write(&mut self, records: Vec<IdentityRecord>) {
        for record in records {
            if record.is_tombstone() {
                self.0.remove(&record.key());
            } else {
                self.0.insert(record.key(), record.to_bytes().to_vec());
            }
        }
    }

    fn read(&self) -> People {
        let records = self.0.values().map(|bytes| IdentityRecord::from_bytes(bytes).unwrap());
        People::load(settings(), records).unwrap()
    }
}

struct History {
    site: Site,
    dice: ChaCha20Rng,
    with_password: Vec<(String, WithPassword)>,
    tokens: Vec<String>,
    made: u32,
}

impl History {
    fn throw(&mut self, sides: u32) -> u32 {
        self.dice.next_u32() % sides
    }

    /// Anything; what is refused changes nothing.
    fn step(&mut self) {
        self.made += 1;
        let name = format!("n{}", self.made);
        let persons = self.site.people.person_rows().len() as u32;
        let organisation = OrganisationId(self.throw(4));
        let person = PersonId(if persons == 0 { 0 } else { self.throw(persons + 1) });
        match self.throw(10) {
            0 => {
                let _ = self.site.people.add_organisation(&name, Authorisation::PasswordAndCode);
            }
            1 | 2 => {
                let new = NewPerson {
                    email: format!("{name}@example.org"),
                    name,
                    role: Role::Technologist,
                    organisations: vec![organisation],
                    password_and_code: self.throw(2) == 0,
                };
                let _ = self.site.people.add_person(new, &mut self.site.random);
            }
            3 => {
                let _ = self.site.people.join(person, organisation);
            }
            4 => {
                let _ = self.site.people.leave(person, organisation);
            }
            5 => {
                let new = NewDevice {
                    name,
                    organisation,
                    may: vec![DeviceMay::Store],
                    ae_title: None,
                    from: Vec::new(),
                    token: self.throw(2) == 0,
                    bound: None,
                    token_until: None,
                };
                let _ = self.site.people.add_device(new, self.site.now, &mut self.site.random);
            }
            6 => {
                let Some(email) = self.site.people.person(person).map(|person| person.email().to_owned()) else {
                    return;
                };
                let _ = self.site.people.issue_enrolment(person, self.site.now, &mut self.site.random);
                if let Ok(enrolled) = self.site.enrol_password(person, GOOD_PASSWORD) {
                    self.with_password.retain(|(other, _)| *other != email);
                    self.with_password.push((email, enrolled));
                }
            }
            7 => {
                let Some((email, who)) = self.with_password.first() else { return };
                let (email, code) = (email.clone(), self.site.code(who));
                if let Ok(signed_in) = self.site.sign_in(&email, GOOD_PASSWORD, &code) {
                    self.tokens.push(signed_in.value.token);
                }
                self.with_password.rotate_left(1);
            }
            8 => {
                let Some(token) = self.tokens.pop() else { return };
                if self.throw(2) == 0 {
                    let _ = self.site.people.sign_out(&token);
                } else {
                    let _ = self.site.people.session(&token, self.site.now);
                    self.tokens.insert(0, token);
                }
            }
            _ => {
                let seconds = self.throw(1200);
                self.site.later(i64::from(seconds));
                self.site.people.sweep(self.site.now);
            }
        }
    }
}

#[test]
fn memory_and_records_agree_whatever_happens_and_a_revert_leaves_no_trace() {
    for seed in SEEDS {
        eprintln!("seed {seed}");
        let site = Site::new();
        let dice = ChaCha20Rng::seed_from_u64(seed);
        let mut history = History { site, dice, with_password: Vec::new(), tokens: Vec::new(), made: 0 };
        let mut disk = Disk::default();
        disk.write(history.site.people.take_dirty());
        let (mut kept, mut put_back) = (0, 0);
        for step in 0..STEPS {
            let now = history.site.now;
            let before = shown(&history.site.people, now);
            history.step();
            if history.throw(4) == 0 {
                history.site.people.revert();
                assert_eq!(shown(&history.site.people, now), before, "seed {seed} step {step}");
                put_back += 1;
            } else {
                disk.write(history.site.people.take_dirty());
                kept += 1;
            }
            let now = history.site.now;
            let mut expected = shown(&history.site.people, now);
            let mut read = shown(&disk.read(), now);
            // the last use is written once a minute at the most
            for row in expected.3.iter_mut().chain(&mut read.3) {
                row.last_used = row.since;
            }
            assert_eq!(read, expected, "seed {seed} step {step}");
        }
        assert!(kept > 0 && put_back > 0);
        assert!(history.site.people.person_rows().iter().any(|row| row.password), "seed {seed} enrolled nobody");
    }
}
