//! What is shown of a budget: every number that it judges by.

use model::{Ceilings, Instant, Measure, Span, Whose};

use crate::State;
use crate::day::{begin_of, day_of};
use crate::limits::{Basis, Limit};
use crate::normal::LEARNED_DAYS;

/// Somebody's volume and limits now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// One row for each measure and span.
    pub rows: Vec<Row>,
    /// The last 56 days, oldest first, days without reading among them.
    pub days: Vec<DayOf>,
    /// What is stopped.
    pub stopped: Vec<Measure>,
    /// When a fresh touch was asked for that has not come.
    pub asked: Option<Instant>,
    /// What was set by hand.
    pub ceilings: Ceilings,
}

/// One measure over one span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// What is counted.
    pub measure: Measure,
    /// Over which time.
    pub span: Span,
    /// What counts against the limits.
    pub weight: u32,
    /// The limits.
    pub limit: Limit,
    /// What they go by.
    pub basis: Basis,
}

/// Distinct patients that were new on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayOf {
    /// Where the day begins (UTC).
    pub from: Instant,
    /// Patients by measure.
    pub patients: [u32; 4],
}

impl State {
    /// Somebody's volume and limits.
    pub fn view(&mut self, whose: Whose, now: Instant) -> View {
        let today = day_of(now);
        let table = self.limits(whose, today);
        let ceilings = self.ceilings(whose);
        let stopped = self.stopped(whose);
        let book = self.books.entry(whose).or_default();
        let mut rows = Vec::new();
        for measure in Measure::ALL {
            let (limits, basis) = table[measure as usize];
            for span in Span::ALL {
                let weight = book.weight(measure, span, now);
                rows.push(Row { measure, span, weight, limit: limits[span as usize], basis });
            }
        }
        let on = |day| book.days.iter().find(|of| of.day == day).map_or([0; 4], |of| of.patients);
        let days =
            (today - LEARNED_DAYS + 1..=today).map(|day| DayOf { from: begin_of(day), patients: on(day) }).collect();
        let asked = book.asked.filter(|asked| book.touched.is_none_or(|touched| touched <= *asked));
        View { rows, days, stopped, asked, ceilings }
    }
}
