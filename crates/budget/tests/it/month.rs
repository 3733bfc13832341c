//! The model of a site: who works when, and what they read. `docs/budgets.md` describes it for people.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use budget::Verdict;
use model::{OrganisationId, Origin, PatientNumber, Role, SessionId, What, Who, Whose};

use crate::dice::Dice;
use crate::seats::Seats;
use crate::site::Site;

pub const RADIOLOGISTS: u32 = 50;
const LOCUMS: u32 = 2;
const PRACTICES: u32 = 100;
const WARD_DOCTORS: u32 = 40;
const TECHNOLOGISTS: u32 = 10;
/// Patients known at the beginning.
pub const OLD_PATIENTS: u32 = 300_000;
const STUDIES_WEEKDAY: f64 = 2_300.0;
const STUDIES_WEEKEND: f64 = 450.0;
/// Patients whose names begin alike.
const NAMES_ALIKE: u32 = 150;
const LOCUMS_FROM: i32 = 30;
/// A public holiday on a Thursday, and the Monday after it.
const HOLIDAY: i32 = 38;
const BUSY_MONDAY: i32 = 42;
/// A day on which three radiologists gather cases for a course.
const COURSE: i32 = 36;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    Radiologist,
    Locum,
    Referrer { practice: u32 },
    WardDoctor,
    Technologist,
    Gateway,
}

#[derive(Clone)]
pub struct Reader {
    pub who: Who,
    pub habit: Habit,
    factor: f64,
    share: f64,
    teaches: Option<i32>,
    board: Option<i32>,
    holiday: std::ops::Range<i32>,
}

#[derive(Clone, Debug)]
enum Event {
    Arrives,
    ReadNext,
    ReadDue,
    ReadOther,
    ReadReferred,
    ReadOldReferral,
    Worklist(usize),
    Search,
    /// A patient whom somebody harvests with this reader's login.
    Harvest(u32),
    /// A page of names.
    HarvestNames(u32),
    /// A patient whom somebody else reads with this reader's login, in care as the reader.
    Lent,
}

/// What happened to one reader.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub days: u32,
    pub stops: u32,
    pub touches: u32,
    pub waits: u32,
    pub waited_seconds: u32,
}

#[derive(Clone)]
pub struct Month {
    pub site: Site,
    pub dice: Dice,
    pub readers: Vec<Reader>,
    pub patients: u32,
    /// Patients of the newest studies, oldest first.
    newest: VecDeque<u32>,
    unread: VecDeque<u32>,
    /// Patients of practices, by the day of the order.
    referred: HashMap<u32, Vec<(u32, i32)>>,
    pub day: i32,
    pub tallies: BTreeMap<usize, Tally>,
    /// Whether owners of accounts touch whenever they are asked.
    pub touching: bool,
    /// Whether an officer lifts what was stopped, the next morning.
    pub lifting: bool,
    /// Patients and names that were asked for with harvested logins.
    pub asked: usize,
    pub harvested: HashSet<u32>,
    pub harvested_names: HashSet<u32>,
    /// Readers whose logins are used by somebody else, and what happens with each.
    pub harvests: Vec<(usize, Harvest)>,
    /// The first finding about a harvested login: the day and how many patients were gone.
    pub found: Option<(i32, usize)>,
    /// Where everybody sits; without it nobody sits anywhere.
    pub seats: Option<Seats>,
    /// A login that somebody else uses too: whose, for how many patients a day, from where.
    pub lent: Option<(usize, u32, Origin)>,
}

/// How a login is harvested.
#[derive(Clone, Copy, Debug)]
pub enum Harvest {
    /// As fast as the front answers, over all patients in the order of their numbers.
    Fast { from: u32 },
    /// The same in no order.
    FastAnywhere { requests: i32 },
    /// Names only, by pages of 200.
    Names { from: u32 },
    /// One page of 200 names a day, in office hours.
    NamesSlowly { from: u32 },
    /// So many patients a day, spread over office hours.
    Slow { patients: u32 },
    /// The same, around the clock.
    AroundTheClock { patients: u32 },
    /// So many patients a day whose studies came in lately.
    SlowDue { patients: u32 },
}

impl Month {
    pub fn new(seed: u64) -> Self {
        let mut month = Self {
            site: Site::new(),
            dice: Dice::new(seed),
            readers: Vec::new(),
            patients: OLD_PATIENTS,
            newest: VecDeque::new(),
            unread: VecDeque::new(),
            referred: HashMap::new(),
            day: 0,
            tallies: BTreeMap::new(),
            touching: true,
            lifting: true,
            asked: 0,
            harvested: HashSet::new(),
            harvested_names: HashSet::new(),
            harvests: Vec::new(),
            found: None,
            seats: None,
            lent: None,
        };
        month.hire();
        month
    }

    /// The same with networks, workstations, phones, journeys and nights on call.
    pub fn with_seats(seed: u64) -> Self {
        let mut month = Self::new(seed);
        let people = month.people();
        month.seats = Some(Seats::new(seed, &mut month.site, people));
        month
    }

    fn people(&self) -> u32 {
        self.readers.iter().filter(|reader| matches!(reader.who, Who::Person(_))).count() as u32
    }

    fn hire(&mut self) {
        let mut habits = vec![(Habit::Radiologist, Role::Radiologist, 0); RADIOLOGISTS as usize];
        habits.extend(vec![(Habit::Locum, Role::Radiologist, 0); LOCUMS as usize]);
        habits.extend(vec![(Habit::WardDoctor, Role::Referrer, 1); WARD_DOCTORS as usize]);
        habits.extend(vec![(Habit::Technologist, Role::Technologist, 2); TECHNOLOGISTS as usize]);
        for practice in 0..PRACTICES {
            for _ in 0..1 + practice % 3 {
                habits.push((Habit::Referrer { practice }, Role::Referrer, 10 + practice));
            }
        }
        for (person, (habit, role, organisation)) in (0..).zip(habits) {
            let who = self.site.person(person, role, organisation);
            let dice = &mut self.dice;
            let radiologist = habit == Habit::Radiologist;
            let reader = Reader {
                who,
                habit,
                factor: 0.7 + 0.6 * dice.share(),
                share: if dice.chance(0.2) { 0.5 } else { 1.0 },
                teaches: (radiologist && dice.chance(0.1)).then(|| dice.below(5) as i32),
                board: (radiologist && dice.chance(0.3)).then(|| dice.below(5) as i32),
                holiday: {
                    let from = dice.below(56) as i32;
                    from..from + 7 * dice.below(3) as i32
                },
            };
            self.readers.push(reader);
        }
        let who = self.site.device(0);
        self.readers.push(Reader {
            who,
            habit: Habit::Gateway,
            factor: 1.0,
            share: 1.0,
            teaches: None,
            board: None,
            holiday: 0..0,
        });
    }

    /// The first reader of a habit.
    pub fn reader(&self, habit: impl Fn(Habit) -> bool) -> usize {
        self.readers.iter().position(|reader| habit(reader.habit)).unwrap()
    }

    /// Runs days up to `day`.
    pub fn run_to(&mut self, day: i32) {
        while self.day < day {
            self.run_day();
            self.day += 1;
        }
    }

    fn is_off(&self) -> bool {
        self.day % 7 >= 5 || self.day == HOLIDAY
    }

    fn run_day(&mut self) {
        let mut events: Vec<(i32, usize, Event)> = Vec::new();
        let busy = if self.day == BUSY_MONDAY {
            1.5
        } else if self.day % 7 == 0 {
            1.25
        } else {
            1.0
        };
        let studies = self.dice.about(if self.is_off() { STUDIES_WEEKEND } else { STUDIES_WEEKDAY * busy });
        for _ in 0..studies {
            let at = if self.dice.chance(0.85) { self.hour(6.5, 18.0) } else { self.hour(0.0, 24.0) };
            events.push((at, usize::MAX, Event::Arrives));
        }
        for index in 0..self.readers.len() {
            let before = events.len();
            self.plan(index, busy, &mut events);
            if events.len() > before {
                self.tallies.entry(index).or_default().days += 1;
            }
        }
        if let Some((index, patients, _)) = self.lent.clone() {
            for _ in 0..patients {
                events.push((self.hour(8.0, 17.0), index, Event::Lent));
            }
        }
        let people = self.people();
        if let Some(seats) = &mut self.seats {
            self.site.at(self.day, 0);
            seats.begin_day(&mut self.site, people);
        }
        for (index, harvest) in self.harvests.clone() {
            self.plan_harvest(index, harvest, &mut events);
        }
        events.sort_by_key(|(at, index, _)| (*at, *index));
        for (at, index, event) in events {
            self.site.at(self.day, at);
            match (&mut self.seats, self.readers.get(index)) {
                _ if matches!(event, Event::Lent) => {
                    let (_, _, from) = self.lent.clone().unwrap();
                    self.site.seat = (SessionId([0xee; 16]), from);
                }
                (Some(seats), Some(reader)) => {
                    seats.take(&mut self.site, index, reader.habit, reader.who, self.day, f64::from(at) / 3_600.0);
                }
                _ => {}
            }
            self.happen(index, event);
        }
        if self.lifting {
            self.lift();
        }
    }

    /// An officer looks at what was stopped and lifts it.
    fn lift(&mut self) {
        self.site.at(self.day, 86_399);
        let readers: Vec<Whose> = self.readers.iter().map(|reader| Whose::from(reader.who)).collect();
        let groups = (0..10 + PRACTICES).map(|organisation| Whose::Organisation(OrganisationId(organisation)));
        for whose in readers.into_iter().chain(groups).chain([Whose::Site]) {
            if !self.site.state.stopped(whose).is_empty() {
                self.site.lift(whose);
            }
        }
    }

    fn hour(&mut self, from: f64, to: f64) -> i32 {
        ((from + (to - from) * self.dice.share()) * 3_600.0) as i32
    }

    /// What a reader does on this day.
    fn plan(&mut self, index: usize, busy: f64, events: &mut Vec<(i32, usize, Event)>) {
        let reader = self.readers[index].clone();
        let (day, off) = (self.day, self.is_off());
        if reader.holiday.contains(&day) || (reader.habit == Habit::Locum && day < LOCUMS_FROM) {
            return;
        }
        let radiologist = matches!(reader.habit, Habit::Radiologist | Habit::Locum);
        let on_call = radiologist && index as i32 == day % RADIOLOGISTS as i32;
        let weekend_shift = radiologist && self.dice.chance(0.15);
        let works = if off { weekend_shift } else { self.dice.chance(reader.share * 0.92) };
        let shift = if self.dice.chance(0.3) { (10.0, 19.0) } else { (7.0, 16.0) };
        let mut add = |month: &mut Self, count: u32, (from, to): (f64, f64), event: Event| {
            for _ in 0..count {
                let at = month.hour(from, to);
                events.push((at, index, event.clone()));
            }
        };
        if on_call {
            let emergencies = self.dice.about(25.0);
            add(self, emergencies, (19.0, 24.0), Event::ReadNext);
            let calls = self.dice.about(1.5);
            add(self, calls, (19.0, 24.0), Event::ReadOther);
            add(self, 10, (19.0, 24.0), Event::Worklist(50));
        }
        // the second half of a night
        if self.seats.is_some() && radiologist && index as i32 == (day - 1).rem_euclid(RADIOLOGISTS as i32) {
            let emergencies = self.dice.about(8.0);
            add(self, emergencies, (0.0, 7.0), Event::ReadNext);
        }
        match reader.habit {
            Habit::Gateway => {
                let images = self.dice.about(if off { 60.0 } else { 350.0 });
                add(self, images, (0.0, 24.0), Event::ReadDue);
                add(self, 48, (0.0, 24.0), Event::Worklist(50));
            }
            Habit::Radiologist | Habit::Locum if works => {
                let studies = self.dice.about(62.0 * reader.factor * busy);
                add(self, studies, shift, Event::ReadNext);
                let consultations = self.dice.about(4.0 * reader.factor);
                add(self, consultations, shift, Event::ReadOther);
                let searches = self.dice.about(7.0 * reader.factor);
                add(self, searches, shift, Event::Search);
                add(self, 2, shift, Event::Worklist(200));
                add(self, 24, shift, Event::Worklist(50));
                if reader.teaches == Some(day % 7) {
                    let cases = 20 + self.dice.below(15);
                    add(self, cases, (shift.0 + 2.0, shift.0 + 3.5), Event::ReadOther);
                }
                if reader.board == Some(day % 7) {
                    let (old, new) = (self.dice.about(10.0), self.dice.about(8.0));
                    add(self, old, (shift.0 + 1.0, shift.0 + 3.0), Event::ReadOther);
                    add(self, new, (shift.0 + 1.0, shift.0 + 3.0), Event::ReadDue);
                }
                if day == COURSE && (3..6).contains(&index) {
                    add(self, 60, (shift.0 + 1.0, shift.0 + 4.0), Event::ReadOther);
                }
            }
            Habit::WardDoctor if works || (off && self.dice.chance(0.3)) => {
                let (ward, old, searches) =
                    (self.dice.about(8.0 * reader.factor), self.dice.about(1.0), self.dice.about(4.0 * reader.factor));
                add(self, ward, (7.0, 18.0), Event::ReadDue);
                add(self, old, (7.0, 18.0), Event::ReadOther);
                add(self, searches, (7.0, 18.0), Event::Search);
            }
            Habit::Technologist if works => {
                let checks = self.dice.about(30.0 * reader.factor);
                add(self, checks, shift, Event::ReadDue);
                add(self, 20, shift, Event::Worklist(50));
                let old = self.dice.about(0.4);
                add(self, old, shift, Event::ReadOther);
            }
            Habit::Referrer { .. } if works => {
                let (new, old) = (self.dice.about(5.0 * reader.factor), self.dice.about(0.8 * reader.factor));
                add(self, new, (7.5, 18.0), Event::ReadReferred);
                add(self, old, (7.5, 18.0), Event::ReadOldReferral);
            }
            _ => {}
        }
    }

    fn plan_harvest(&mut self, index: usize, harvest: Harvest, events: &mut Vec<(i32, usize, Event)>) {
        match harvest {
            // a request at a time, 20 a second: more than a front answers
            Harvest::Fast { from } => {
                events.extend((0..20_000).map(|n| (43_200 + n as i32 / 20, index, Event::Harvest(from + n))));
            }
            Harvest::FastAnywhere { requests } => {
                for n in 0..requests {
                    events.push((43_200 + n / 20, index, Event::Harvest(self.dice.below(OLD_PATIENTS))));
                }
            }
            Harvest::Names { from } => {
                events.extend((0..500).map(|n| (43_200 + n as i32 / 5, index, Event::HarvestNames(from + n * 200))));
            }
            Harvest::NamesSlowly { from } => {
                if self.day % 7 < 5 {
                    let at = self.hour(8.0, 17.0);
                    events.push((at, index, Event::HarvestNames(from + self.day as u32 * 200)));
                }
            }
            Harvest::Slow { patients } | Harvest::AroundTheClock { patients } => {
                let hours = if matches!(harvest, Harvest::Slow { .. }) { (8.0, 17.0) } else { (0.0, 24.0) };
                if self.day % 7 < 5 || matches!(harvest, Harvest::AroundTheClock { .. }) {
                    for _ in 0..patients {
                        let (at, patient) = (self.hour(hours.0, hours.1), self.dice.below(OLD_PATIENTS));
                        events.push((at, index, Event::Harvest(patient)));
                    }
                }
            }
            Harvest::SlowDue { patients } => {
                if self.day % 7 < 5 && !self.newest.is_empty() {
                    for _ in 0..patients {
                        let newest = self.dice.below(self.newest.len() as u32);
                        let (at, patient) = (self.hour(8.0, 17.0), self.newest[newest as usize]);
                        events.push((at, index, Event::Harvest(patient)));
                    }
                }
            }
        }
    }

    fn happen(&mut self, index: usize, event: Event) {
        let who = self.readers.get(index).map(|reader| reader.who);
        match event {
            Event::Arrives => self.arrive(),
            Event::ReadNext => {
                if let Some(patient) = self.unread.pop_front() {
                    self.read(index, patient);
                }
            }
            Event::ReadDue | Event::Lent => {
                let recent = self.newest.len().min(4_000) as u32;
                if recent > 0 {
                    let position = self.newest.len() - 1 - self.dice.below(recent) as usize;
                    self.read(index, self.newest[position]);
                }
            }
            Event::ReadOther => {
                let patient = self.dice.below(self.patients);
                self.read(index, patient);
            }
            Event::ReadReferred | Event::ReadOldReferral => {
                let Habit::Referrer { practice } = self.readers[index].habit else { return };
                let new = matches!(event, Event::ReadReferred);
                let patients = self.referred.entry(practice).or_default();
                let wanted: Vec<u32> = patients
                    .iter()
                    .filter(|(_, day)| (self.day - day < 5) == new)
                    .map(|(patient, _)| *patient)
                    .collect();
                if !wanted.is_empty() {
                    let patient = wanted[self.dice.below(wanted.len() as u32) as usize];
                    // the practice's whole list stands on the screen before
                    let rows: Vec<u32> = wanted.iter().rev().take(200).copied().collect();
                    self.names(index, &rows);
                    self.read(index, patient);
                }
            }
            Event::Worklist(rows) => {
                let rows: HashSet<u32> = self.newest.iter().rev().take(rows).copied().collect();
                let mut rows: Vec<u32> = rows.into_iter().collect();
                rows.sort_unstable();
                self.names(index, &rows);
            }
            Event::Search => {
                // typed letter by letter: 25 names that begin alike, then 8, then the one
                let patient = self.dice.below(self.patients);
                let first = patient / NAMES_ALIKE * NAMES_ALIKE;
                self.names(index, &(first..first + 25).collect::<Vec<_>>());
                let second = patient / 8 * 8;
                self.names(index, &(second..second + 8).collect::<Vec<_>>());
                self.names(index, &[patient]);
            }
            Event::Harvest(patient) => {
                self.asked += 1;
                let verdict = self.site.open(who.unwrap(), patient);
                let verdict = self.answer_touch(index, verdict, |month| month.site.open(who.unwrap(), patient));
                if matches!(verdict, Verdict::Pass | Verdict::Wait { .. }) {
                    self.harvested.insert(patient);
                }
                self.note_found(index);
            }
            Event::HarvestNames(from) => {
                let names: Vec<u32> = (from..from + 200).collect();
                self.asked += names.len();
                let verdict = self.site.list(who.unwrap(), &names);
                let verdict = self.answer_touch(index, verdict, |month| month.site.list(who.unwrap(), &names));
                if matches!(verdict, Verdict::Pass | Verdict::Wait { .. }) {
                    self.harvested_names.extend(names);
                }
                self.note_found(index);
            }
        }
    }

    fn note_found(&mut self, index: usize) {
        let whose = Whose::from(self.readers[index].who);
        if self.found.is_none()
            && self.site.findings.iter().any(|(at, finding)| finding.about == whose && *at == self.site.now)
        {
            self.found = Some((self.day, self.harvested.len() + self.harvested_names.len()));
        }
    }

    fn arrive(&mut self) {
        let patient = if self.dice.chance(0.6) {
            self.dice.below(self.patients)
        } else {
            self.patients += 1;
            self.patients - 1
        };
        self.site.store(patient, false);
        self.newest.push_back(patient);
        self.unread.push_back(patient);
        if self.newest.len() > 20_000 {
            self.newest.pop_front();
        }
        // what nobody reads within a day is read by somebody who is not simulated
        if self.unread.len() > 1_500 {
            self.unread.pop_front();
        }
        if self.dice.chance(0.4) {
            let practice = self.dice.below(PRACTICES);
            self.site.relate(Who::Organisation(OrganisationId(10 + practice)), What::Patient(PatientNumber(patient)));
            self.referred.entry(practice).or_default().push((patient, self.day));
        }
    }

    fn read(&mut self, index: usize, patient: u32) {
        let who = self.readers[index].who;
        let verdict = self.site.open(who, patient);
        let verdict = self.answer_touch(index, verdict, |month| month.site.open(who, patient));
        self.tally(index, verdict);
    }

    fn names(&mut self, index: usize, patients: &[u32]) {
        if patients.is_empty() {
            return;
        }
        let who = self.readers[index].who;
        let verdict = self.site.list(who, patients);
        let verdict = self.answer_touch(index, verdict, |month| month.site.list(who, patients));
        self.tally(index, verdict);
    }

    fn answer_touch(&mut self, index: usize, verdict: Verdict, again: impl Fn(&mut Self) -> Verdict) -> Verdict {
        if verdict != Verdict::Touch || !self.touching {
            return verdict;
        }
        self.tallies.entry(index).or_default().touches += 1;
        let who = self.readers[index].who;
        self.site.now = self.site.now.plus_seconds(1);
        self.site.sign_in(who);
        self.site.now = self.site.now.plus_seconds(1);
        again(self)
    }

    fn tally(&mut self, index: usize, verdict: Verdict) {
        let tally = self.tallies.entry(index).or_default();
        match verdict {
            Verdict::Pass | Verdict::Touch => {}
            Verdict::Wait { milliseconds } => {
                tally.waits += 1;
                tally.waited_seconds += milliseconds.div_ceil(1_000);
            }
            Verdict::Later { seconds } => {
                tally.waits += 1;
                tally.waited_seconds += seconds;
            }
            Verdict::Stop => tally.stops += 1,
        }
    }

    /// Everybody's days, stops (one for each stop, however often it was felt), touches and waits since the last call.
    pub fn take_tally(&mut self) -> (u32, u32, u32, u32) {
        let tallies = std::mem::take(&mut self.tallies);
        let sum = |of: fn(&Tally) -> u32| tallies.values().map(of).sum::<u32>();
        (sum(|of| of.days), sum(|of| of.stops), sum(|of| of.touches), sum(|of| of.waits))
    }
}
