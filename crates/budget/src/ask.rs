//! **Asking**: whether these patients may be read now, and what happens otherwise.

use model::{Evidence, Finding, Instant, Measure, Reaction, SessionId, Span, Volume, Who, Whose};

use crate::State;
use crate::book::{Book, New};
use crate::day::{Day, day_of};
use crate::limits::Table;
use crate::normal::Kind;

/// How long a fresh touch is good for.
const TOUCH_SECONDS: i64 = 8 * 3_600;
/// What each further patient waits just past the limit, and just before a touch is asked for.
const WAIT_MILLISECONDS_MIN: i64 = 300;
/// The longest that one request waits; a caller who would wait longer is told to come back.
pub const WAIT_MILLISECONDS_MAX: i64 = 3_000;
/// So long may a queue of waiting requests become before further ones are sent away.
const QUEUE_MILLISECONDS_MAX: i64 = 6_000;
/// Listed names wait together: a page of so many counts like one patient.
const NAMES_PER_WAIT: usize = 50;

/// What somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Opens images.
    Open,
    /// Reads names.
    List,
}

/// The question.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Who.
    pub who: Who,
    /// In which session.
    pub session: Option<SessionId>,
    /// What.
    pub act: Act,
    /// Whom it is about.
    pub patients: &'a [u32],
    /// Whether the patient was named exactly, by an identifier.
    pub exactly: bool,
    /// Now.
    pub now: Instant,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Pass,
    /// It may be read after waiting so long.
    Wait {
        /// How long.
        milliseconds: u32,
    },
    /// Too many wait already: not now.
    Later {
        /// How long.
        seconds: u32,
    },
    /// Not before a fresh touch.
    Touch,
    /// Not before an officer lifts it.
    Stop,
}

/// The answer: what happens, and what was found on the way, which the caller records before it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What happens.
    pub verdict: Verdict,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// What judging one book gives.
struct Judged {
    reaction: Option<Reaction>,
    /// How far between slow and touch, from 0 to 1.
    along: f64,
    finding: Option<Finding>,
}

impl State {
    /// Whether these patients may be read. What may be is counted at once; what may not is not counted.
    pub fn ask(&mut self, ask: &Ask<'_>) -> Answer {
        let pass = Answer { verdict: Verdict::Pass, findings: Vec::new() };
        let Some(kind) = self.kind(ask.who) else { return pass };
        let own = Whose::from(ask.who);
        let mut findings = Vec::new();
        let mut verdict = self.honey(ask, kind, &mut findings);
        let new = self.new_to(own, ask);
        if new.is_empty() && verdict == Verdict::Pass {
            return Answer { verdict, findings };
        }
        if kind != Kind::Device && !new.is_empty() && self.books.get(&own).is_some_and(Book::is_asked) {
            // whoever was asked and has not answered reads nobody new, whatever the measure
            verdict = worse(verdict, Verdict::Touch);
        }
        let mut slowest: Option<f64> = None;
        for whose in self.books_of(ask.who) {
            let new_here: Vec<New> =
                new.iter().filter(|one| !self.knows(whose, ask.act, one.patient, ask.now)).copied().collect();
            let table = self.limits(whose, day_of(ask.now));
            let book = self.books.entry(whose).or_default();
            let judged = judge(whose, book, &table, &new_here, ask.now);
            findings.extend(judged.finding);
            let here = match judged.reaction {
                Some(Reaction::Stopped) => Verdict::Stop,
                // only its own reader can be asked, and only a person has a hand to touch with
                Some(Reaction::Touch) if whose == own && kind != Kind::Device => touch(book, ask.now),
                Some(Reaction::Touch | Reaction::Slowed) if whose == own => Verdict::Wait { milliseconds: 0 },
                _ => Verdict::Pass,
            };
            if whose == own && matches!(here, Verdict::Wait { .. }) {
                slowest = Some(judged.along);
            }
            verdict = worse(verdict, here);
        }
        // break-glass is counted and found like anything else, and never held back
        if self.is_emergency(ask) && matches!(verdict, Verdict::Touch | Verdict::Stop) {
            verdict = Verdict::Pass;
        }
        if let (Some(along), Verdict::Wait { .. }) = (slowest, verdict) {
            verdict = self.queue(own, along, new.len(), ask);
        }
        if matches!(verdict, Verdict::Pass | Verdict::Wait { .. }) {
            self.count(ask.who, ask.act, &new, ask.session, ask.now);
        }
        Answer { verdict, findings }
    }

    /// The patients that are new to a reader. Names that a relationship reaches by name are not counted: the relationship bounds them.
    pub(crate) fn new_to(&self, own: Whose, ask: &Ask<'_>) -> Vec<New> {
        let day = day_of(ask.now);
        let holders = self.holders(ask.who);
        let nothing = Book::default();
        let book = self.books.get(&own).unwrap_or(&nothing);
        let mut walk = book.walk();
        let mut new = Vec::new();
        for &patient in ask.patients {
            if book.knows(ask.act, patient, day) || (ask.act == Act::List && self.due.is_named(&holders, patient)) {
                continue;
            }
            new.push(book.weigh(ask.act, patient, self.due.is_due(&holders, patient, day), ask.now, &mut walk));
        }
        new
    }

    /// Everybody waits one after the other, or many requests at a time would wait no longer than one.
    fn queue(&mut self, own: Whose, along: f64, new: usize, ask: &Ask<'_>) -> Verdict {
        let names = if ask.act == Act::List { new.div_ceil(NAMES_PER_WAIT) } else { new }.max(1) as i64;
        let range = (WAIT_MILLISECONDS_MAX - WAIT_MILLISECONDS_MIN) as f64;
        let each = WAIT_MILLISECONDS_MIN + (along.clamp(0.0, 1.0) * range) as i64;
        let book = self.books.entry(own).or_default();
        let begin = book.slowed_until.map_or(ask.now, |until| until.max(ask.now));
        let until = Instant(begin.0.saturating_add((each * names).min(WAIT_MILLISECONDS_MAX) * 1_000));
        let milliseconds = (until.0 - ask.now.0) / 1_000;
        if milliseconds > QUEUE_MILLISECONDS_MAX {
            return Verdict::Later { seconds: (milliseconds / 1_000) as u32 };
        }
        book.slowed_until = Some(until);
        Verdict::Wait { milliseconds: milliseconds as u32 }
    }

    /// Nobody has a reason to read a honey patient. One name in a list may be chance, so it asks for a touch; a second name within a day,
    /// or an opening, stops.
    fn honey(&mut self, ask: &Ask<'_>, kind: Kind, findings: &mut Vec<Finding>) -> Verdict {
        let whose = Whose::from(ask.who);
        let exact = ask.act == Act::List && ask.exactly;
        let touched: Vec<u32> = ask.patients.iter().filter(|patient| self.honey.contains(patient)).copied().collect();
        if touched.is_empty() || exact {
            return Verdict::Pass;
        }
        let unlimited = self.is_unlimited(whose);
        let day_ago = ask.now.plus_seconds(-86_400);
        let book = self.books.entry(whose).or_default();
        book.honey.retain(|(_, at)| *at > day_ago);
        let mut verdict = Verdict::Pass;
        for patient in touched {
            let again = book.honey.iter().any(|(known, _)| *known == patient);
            if !again {
                book.honey.push((patient, ask.now));
            }
            let stop = ask.act == Act::Open || book.honey.len() > 1;
            let (reaction, here) = match (unlimited, stop) {
                (true, _) => (Reaction::Noticed, Verdict::Pass),
                (false, true) => (Reaction::Stopped, Verdict::Stop),
                (false, false) if kind == Kind::Device => (Reaction::Noticed, Verdict::Pass),
                (false, false) => (Reaction::Touch, touch(book, ask.now)),
            };
            let stopped = book.stopped[Measure::OpenedOther as usize] && book.stopped[Measure::ListedOther as usize];
            if !again || (reaction == Reaction::Stopped && !stopped) {
                let evidence = Evidence::Honey { patient: model::PatientNumber(patient), opened: ask.act == Act::Open };
                findings.push(Finding { about: whose, reaction, evidence });
            }
            if reaction == Reaction::Stopped {
                book.stopped[Measure::OpenedOther as usize] = true;
                book.stopped[Measure::ListedOther as usize] = true;
                book.today(day_of(ask.now)).flagged = true;
            }
            verdict = worse(verdict, here);
        }
        verdict
    }
}

/// Judges what would be counted in one book.
fn judge(whose: Whose, book: &mut Book, table: &Table, new: &[New], now: Instant) -> Judged {
    let mut judged = Judged { reaction: None, along: 0.0, finding: None };
    let day = day_of(now);
    // who was stopped with one kind of reading goes on with those who are due, as far as a normal day goes
    let group = matches!(whose, Whose::Organisation(_) | Whose::Site);
    let restrained = !group && book.stopped.contains(&true);
    for measure in Measure::ALL {
        let of_measure = || new.iter().filter(|one| one.measure == measure);
        let more: u32 = of_measure().map(New::weight).sum();
        if more == 0 {
            continue;
        }
        if book.stopped[measure as usize] {
            judged.reaction = Some(Reaction::Stopped);
            continue;
        }
        let mut worst: Option<(Reaction, Span, u32, u32)> = None;
        for span in Span::ALL {
            let mut limit = table[measure as usize].0[span as usize];
            if restrained && measure.is_due() && span == Span::Day {
                limit = limit.restrained();
            }
            let weight = book.weight(measure, span, now).saturating_add(more);
            let (reaction, passed) = match weight {
                weight if weight > limit.stop => (Reaction::Stopped, limit.stop),
                weight if weight > limit.unanswered && book.is_unanswered(measure, span, day) => {
                    (Reaction::Stopped, limit.unanswered)
                }
                weight if weight > limit.touch => (Reaction::Touch, limit.touch),
                weight if weight > limit.slow => (Reaction::Slowed, limit.slow),
                _ => continue,
            };
            let room = f64::from(limit.touch.saturating_sub(limit.slow)).max(1.0);
            judged.along = judged.along.max(f64::from(weight - limit.slow.min(weight)) / room);
            if worst.is_none_or(|(known, ..)| known < reaction) {
                worst = Some((reaction, span, weight, passed));
            }
        }
        let Some((reaction, span, weight, limit)) = worst else { continue };
        judged.reaction = judged.reaction.max(Some(reaction));
        if reaction == Reaction::Stopped {
            book.stopped[measure as usize] = true;
        }
        // a group is not slowed and not asked: its readers are
        let reaction = if group && reaction != Reaction::Stopped { Reaction::Noticed } else { reaction };
        if is_told(book, measure, span, reaction, day) {
            let volume = Volume {
                measure,
                span,
                patients: book.patients(measure, span, now) + of_measure().count() as u32,
                weight,
                normal: table[measure as usize].0[span as usize].normal,
                limit,
                unusual_hours: book.today(day).unusual_hours
                    + of_measure().filter(|one| one.unusual_hour).count() as u32,
                in_sequence: book.today(day).in_sequence + of_measure().filter(|one| one.in_sequence).count() as u32,
                sessions: book.sessions(day).max(1),
            };
            judged.finding = Some(Finding { about: whose, reaction, evidence: Evidence::Volume(volume) });
        }
    }
    judged
}

/// Whether this is told now: once a day, or once a week for what a week or a month shows, and again when it becomes worse.
fn is_told(book: &mut Book, measure: Measure, span: Span, reaction: Reaction, day: Day) -> bool {
    let repeat = if matches!(span, Span::Hour | Span::Day) { 1 } else { 7 };
    let told = book.raised.get(&(measure, span)).is_some_and(|(known, on)| *known >= reaction && day - on < repeat);
    if !told {
        book.raised.insert((measure, span), (reaction, day));
    }
    !told
}

/// Asks for a touch, unless one was given after it was asked for and is still good.
fn touch(book: &mut Book, now: Instant) -> Verdict {
    let answered = matches!((book.asked, book.touched), (Some(asked), Some(touched)) if touched > asked);
    if answered && book.touched.is_some_and(|touched| now < touched.plus_seconds(TOUCH_SECONDS)) {
        return Verdict::Wait { milliseconds: 0 };
    }
    if answered || book.asked.is_none() {
        book.asked = Some(now);
    }
    Verdict::Touch
}

fn worse(one: Verdict, other: Verdict) -> Verdict {
    let rank = |verdict: Verdict| match verdict {
        Verdict::Pass => 0,
        Verdict::Wait { .. } => 1,
        Verdict::Later { .. } => 2,
        Verdict::Touch => 3,
        Verdict::Stop => 4,
    };
    if rank(other) > rank(one) { other } else { one }
}
