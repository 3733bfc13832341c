//! One reader's book: which patients, how many a day, at which hours, in which order.

use std::collections::{HashMap, VecDeque};

use model::{EntryNumber, Instant, Measure, Reaction, SessionId, Span};

use crate::ask::Act;
use crate::day::{Day, day_of, hour_of};
use crate::limits::Table;
use crate::normal::LEARNED_DAYS;

/// A patient who was read within so many days is not new to the reader: rereading costs nothing.
pub(crate) const KNOWN_DAYS: i32 = 28;
/// Hours are judged once so many patients were read.
const HOURS_KNOWN_MIN: u32 = 300;
/// An hour is unusual when it holds less than this share of what was read, in thousandths, the hours beside it counted in.
const UNUSUAL_SHARE: u32 = 4;
/// Openings that follow each other by at most this distance of numbers are a walk ...
const WALK_STEP: u32 = 8;
/// ... once there are more of them in a row than this.
const WALK_RUN: u32 = 8;
/// A finding over 7 or 28 days waits so many days for an officer ...
const UNANSWERED_DAYS: Day = 7;
/// ... and is forgotten after so many: where it goes on, it is told every week.
const UNANSWERED_DAYS_MAX: Day = 28;
/// The most sessions of a day that are told apart.
const SESSIONS_MAX: usize = 64;

/// What was new to a reader on one day.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DayCount {
    pub(crate) day: Day,
    /// Distinct patients by measure.
    pub(crate) patients: [u32; 4],
    /// What counts against the limits; nothing once an officer lifted them.
    pub(crate) weight: [u32; 4],
    pub(crate) unusual_hours: u32,
    pub(crate) in_sequence: u32,
    /// What was read on this day is not learned.
    pub(crate) flagged: bool,
}

/// One patient as they would be counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct New {
    pub(crate) patient: u32,
    pub(crate) measure: Measure,
    pub(crate) unusual_hour: bool,
    pub(crate) in_sequence: bool,
}

impl New {
    pub(crate) fn weight(&self) -> u32 {
        1 + u32::from(self.unusual_hour) + u32::from(self.in_sequence)
    }
}

/// Openings in the order of their numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Walk {
    last: Option<u32>,
    run: u32,
}

impl Walk {
    fn step(&mut self, patient: u32) {
        let step = self.last.map_or(0, |last| last.abs_diff(patient));
        self.run = if (1..=WALK_STEP).contains(&step) { self.run + 1 } else { 0 };
        self.last = Some(patient);
    }
}

/// A finding that no officer has answered yet.
#[derive(Clone, Copy, Debug)]
struct Unanswered {
    entry: EntryNumber,
    on: Day,
    measure: Measure,
    span: Span,
}

/// One reader's book.
#[derive(Clone, Default)]
pub(crate) struct Book {
    /// The last day on which each patient was opened, and listed.
    seen: [HashMap<u32, Day>; 2],
    pub(crate) days: VecDeque<DayCount>,
    pub(crate) first: Option<Day>,
    hour: (i64, [u32; 4]),
    hours: [u32; 24],
    walk: Walk,
    sessions: (Day, Vec<SessionId>),
    swept: Day,
    pub(crate) stopped: [bool; 4],
    pub(crate) asked: Option<Instant>,
    pub(crate) touched: Option<Instant>,
    /// Until when the patients that were let through slowly have used up the time.
    pub(crate) slowed_until: Option<Instant>,
    pub(crate) raised: HashMap<(Measure, Span), (Reaction, Day)>,
    pub(crate) honey: Vec<(u32, Instant)>,
    pub(crate) beyond: Option<Day>,
    unanswered: Vec<Unanswered>,
    /// The last day on which an officer said that what was read was in order.
    pub(crate) looked: Option<Day>,
    pub(crate) limits: Option<(Day, Table)>,
}

impl Book {
    /// Whether a patient was read lately.
    pub(crate) fn knows(&self, act: Act, patient: u32, day: Day) -> bool {
        self.seen[act as usize].get(&patient).is_some_and(|seen| day.saturating_sub(*seen) < KNOWN_DAYS)
    }

    /// How a patient who is new here would be counted.
    pub(crate) fn weigh(&self, act: Act, patient: u32, due: bool, now: Instant, walk: &mut Walk) -> New {
        let measure = match (act, due) {
            (Act::Open, true) => Measure::OpenedDue,
            (Act::Open, false) => Measure::OpenedOther,
            (Act::List, true) => Measure::ListedDue,
            (Act::List, false) => Measure::ListedOther,
        };
        let mut new = New { patient, measure, unusual_hour: false, in_sequence: false };
        if measure == Measure::OpenedOther {
            new.unusual_hour = self.is_unusual(now);
            walk.step(patient);
            new.in_sequence = walk.run > WALK_RUN;
        }
        new
    }

    /// Where the walk stands.
    pub(crate) fn walk(&self) -> Walk {
        self.walk
    }

    /// Counts patients that are new here.
    pub(crate) fn count(&mut self, act: Act, new: &[New], session: Option<SessionId>, now: Instant) {
        let (day, hour) = (day_of(now), hour_of(now));
        self.first.get_or_insert(day);
        self.sweep(day);
        if self.hour.0 != hour {
            self.hour = (hour, [0; 4]);
        }
        if let Some(session) = session {
            if self.sessions.0 != day {
                self.sessions = (day, Vec::new());
            }
            if self.sessions.1.len() < SESSIONS_MAX && !self.sessions.1.contains(&session) {
                self.sessions.1.push(session);
            }
        }
        let opened = new.iter().filter(|new| new.measure.is_opened()).count();
        self.hours[hour.rem_euclid(24) as usize] += u32::try_from(opened).unwrap_or(u32::MAX);
        for one in new {
            let measure = one.measure as usize;
            self.hour.1[measure] += one.weight();
            self.seen[act as usize].insert(one.patient, day);
            let today = self.today(day);
            today.patients[measure] += 1;
            today.weight[measure] += one.weight();
            today.unusual_hours += u32::from(one.unusual_hour);
            today.in_sequence += u32::from(one.in_sequence);
            if one.measure == Measure::OpenedOther {
                self.walk.step(one.patient);
            }
        }
    }

    /// Remembers that a known patient was read again.
    pub(crate) fn reread(&mut self, act: Act, patient: u32, day: Day) {
        self.seen[act as usize].insert(patient, day);
    }

    /// What counts against a limit.
    pub(crate) fn weight(&self, measure: Measure, span: Span, now: Instant) -> u32 {
        match span {
            Span::Hour if self.hour.0 == hour_of(now) => self.hour.1[measure as usize],
            Span::Hour => 0,
            Span::Day => self.sum(day_of(now), 1, |of| of.weight[measure as usize]),
            Span::Week => self.sum(day_of(now), 7, |of| of.weight[measure as usize]),
            Span::Month => self.sum(day_of(now), 28, |of| of.weight[measure as usize]),
        }
    }

    /// Distinct patients that were new.
    pub(crate) fn patients(&self, measure: Measure, span: Span, now: Instant) -> u32 {
        let days = match span {
            Span::Hour => return self.weight(measure, span, now),
            Span::Day => 1,
            Span::Week => 7,
            Span::Month => 28,
        };
        self.sum(day_of(now), days, |of| of.patients[measure as usize])
    }

    /// Sessions that took part today.
    pub(crate) fn sessions(&self, day: Day) -> u32 {
        if self.sessions.0 == day { self.sessions.1.len() as u32 } else { 0 }
    }

    /// Today so far.
    pub(crate) fn today(&mut self, day: Day) -> &mut DayCount {
        if self.days.back().is_none_or(|last| last.day < day) {
            self.days.push_back(DayCount { day, ..DayCount::default() });
        }
        self.days.back_mut().expect("one was pushed")
    }

    /// Whether a touch was asked for and has not come.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.is_some_and(|asked| self.touched.is_none_or(|touched| touched <= asked))
    }

    /// Marks today as unusual where a limit of a day, a week or a month is passed: it is not learned.
    pub(crate) fn flag(&mut self, table: &Table, now: Instant) {
        let passed = Measure::ALL.into_iter().any(|measure| {
            [Span::Day, Span::Week, Span::Month]
                .into_iter()
                .any(|span| self.weight(measure, span, now) > table[measure as usize].0[span as usize].slow)
        });
        if passed {
            self.today(day_of(now)).flagged = true;
        }
    }

    /// An officer looked: what was read until now was in order, and is learned.
    pub(crate) fn learn(&mut self, day: Day) {
        self.looked = Some(day);
        self.days.iter_mut().for_each(|of| of.flagged = false);
        self.limits = None;
    }

    /// An officer lifted the limits: what was read until now was in order, and counts no more.
    pub(crate) fn lift(&mut self, day: Day) {
        self.learn(day);
        self.unanswered.clear();
        self.days.iter_mut().for_each(|of| of.weight = [0; 4]);
        self.hour.1 = [0; 4];
        self.stopped = [false; 4];
        self.asked = None;
        self.slowed_until = None;
        self.raised.clear();
        self.honey.clear();
    }

    /// A finding over 7 or 28 days waits for an officer.
    pub(crate) fn wait_for_officer(&mut self, entry: EntryNumber, on: Day, measure: Measure, span: Span) {
        self.unanswered.retain(|one| on - one.on <= UNANSWERED_DAYS_MAX);
        self.unanswered.push(Unanswered { entry, on, measure, span });
    }

    /// An officer acknowledged a finding.
    pub(crate) fn answered(&mut self, entry: EntryNumber) {
        self.unanswered.retain(|one| one.entry != entry);
    }

    /// Whether no officer answered in time what was told of this measure over this span.
    pub(crate) fn is_unanswered(&self, measure: Measure, span: Span, day: Day) -> bool {
        let late = UNANSWERED_DAYS..=UNANSWERED_DAYS_MAX;
        self.unanswered.iter().any(|one| one.measure == measure && one.span == span && late.contains(&(day - one.on)))
    }

    fn is_unusual(&self, now: Instant) -> bool {
        let all: u32 = self.hours.iter().sum();
        if all < HOURS_KNOWN_MIN {
            return false;
        }
        let hour = hour_of(now).rem_euclid(24) as usize;
        let near: u32 = [hour + 23, hour, hour + 1].iter().map(|at| self.hours[at % 24]).sum();
        near * 1_000 < all * UNUSUAL_SHARE
    }

    fn sum(&self, day: Day, days: Day, of: impl Fn(&DayCount) -> u32) -> u32 {
        self.days.iter().rev().take_while(|count| day - count.day < days).map(of).sum()
    }

    /// Forgets what is too old to matter, once a day.
    fn sweep(&mut self, day: Day) {
        if day <= self.swept {
            return;
        }
        self.swept = day;
        for seen in &mut self.seen {
            seen.retain(|_, last| day.saturating_sub(*last) < KNOWN_DAYS);
        }
        while self.days.front().is_some_and(|first| day - first.day > LEARNED_DAYS + KNOWN_DAYS) {
            self.days.pop_front();
        }
        // an hour's habits fade, so that a change of shifts is learned
        if day % 28 == 0 {
            self.hours.iter_mut().for_each(|count| *count /= 2);
        }
    }
}
