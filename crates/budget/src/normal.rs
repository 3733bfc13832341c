//! What is normal for a reader: learned from the reader's own days, else from the role's other readers, else assumed.

use model::{Measure, Role};

use crate::book::{Book, DayCount};
use crate::day::Day;

/// Days that are learned from.
pub const LEARNED_DAYS: i32 = 56;
/// Days since the first reading before own volume is taken as normal, and how many of them must have been busy.
const OWN_DAYS_MIN: i32 = 14;
const OWN_BUSY_DAYS_MIN: usize = 6;
/// Longer without reading is a holiday.
const AWAY_DAYS_MIN: Day = 4;
/// Groups are learned more slowly: they are more than one habit.
const GROUP_DAYS_MIN: i32 = 21;
/// Readers of a role who have learned before the role's median is taken as normal for a new one.
const PEERS_MIN: usize = 3;

/// What kind of reader a book is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Referrer,
    Radiologist,
    Technologist,
    Device,
    /// An organisation, or the site.
    Group,
}

impl Kind {
    /// A patient reads about nobody else; officers and administrators read nobody.
    pub(crate) fn of(role: Role) -> Option<Self> {
        match role {
            Role::Referrer => Some(Self::Referrer),
            Role::Radiologist => Some(Self::Radiologist),
            Role::Technologist => Some(Self::Technologist),
            Role::Patient | Role::Officer | Role::Administrator | Role::OfficerAdministrator => None,
        }
    }

    pub(crate) fn is_group(self) -> bool {
        self == Self::Group
    }
}

/// What is normal by one measure, in patients.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Normal {
    /// A busy day: nine of ten days on which something was read are not busier.
    pub(crate) busy: f64,
    /// The mean of all days, weekends among them.
    pub(crate) mean: f64,
    /// How far days differ from the mean.
    pub(crate) deviation: f64,
}

impl Normal {
    /// The larger of two in each respect.
    pub(crate) fn or_more(self, other: Self) -> Self {
        Self {
            busy: self.busy.max(other.busy),
            mean: self.mean.max(other.mean),
            deviation: self.deviation.max(other.deviation),
        }
    }

    pub(crate) fn times(self, factor: f64) -> Self {
        Self { busy: self.busy * factor, mean: self.mean * factor, deviation: self.deviation * factor }
    }

    /// The median of several in each respect; `None` of too few.
    pub(crate) fn median(of: &[Self]) -> Option<Self> {
        if of.len() < PEERS_MIN {
            return None;
        }
        let median = |value: fn(&Self) -> f64| {
            let mut values: Vec<f64> = of.iter().map(value).collect();
            values.sort_unstable_by(f64::total_cmp);
            values[values.len() / 2]
        };
        Some(Self { busy: median(|of| of.busy), mean: median(|of| of.mean), deviation: median(|of| of.deviation) })
    }
}

/// What a book shows of the days before `day`; `None` while it is too short. Days with something that was found and not cleared up do
/// not count, or a harvest would teach that harvests are normal.
pub(crate) fn own(book: &Book, kind: Kind, measure: Measure, day: Day) -> Option<Normal> {
    let since = book.first?.max(day - LEARNED_DAYS);
    let read = |of: &DayCount| of.patients.iter().any(|count| *count > 0);
    let before = || book.days.iter().filter(|of| of.day >= since && of.day < day && read(of));
    let flagged = before().filter(|of| of.flagged).count() as Day;
    // a holiday says nothing about the days of work
    let mut last = since;
    let mut away = 0;
    for on in before().map(|of| of.day).chain([day]) {
        away += (on - last - AWAY_DAYS_MIN).max(0);
        last = on;
    }
    let days = day - since - flagged - away;
    let mut busy: Vec<u32> = Vec::new();
    let (mut sum, mut squares) = (0.0, 0.0);
    for of in before().filter(|of| !of.flagged) {
        let count = of.patients[measure as usize];
        busy.push(count);
        sum += f64::from(count);
        squares += f64::from(count) * f64::from(count);
    }
    let days_min = if kind.is_group() { GROUP_DAYS_MIN } else { OWN_DAYS_MIN };
    if days < days_min || busy.len() < OWN_BUSY_DAYS_MIN {
        return None;
    }
    busy.sort_unstable();
    let mean = sum / f64::from(days);
    Some(Normal {
        busy: f64::from(busy[(busy.len() * 9).div_ceil(10) - 1]),
        mean,
        deviation: (squares / f64::from(days) - mean * mean).max(0.0).sqrt(),
    })
}

/// What of a busy day's intake somebody with a reach over the whole site sees in lists on a day.
const SEEN_OF_INTAKE: f64 = 0.6;

/// What is assumed of a reader before anything is known, `intake` being the patients of a busy day with something new. `docs/budgets.md`
/// has the same table.
pub(crate) fn assumed(kind: Kind, measure: Measure, intake: u32) -> Normal {
    let seen = SEEN_OF_INTAKE * f64::from(intake);
    let by_intake = Normal { busy: seen, mean: 0.6 * seen, deviation: 0.5 * seen };
    match measure {
        Measure::ListedDue if !kind.is_group() => by_role(kind, measure).or_more(by_intake),
        _ => by_role(kind, measure),
    }
}

fn by_role(kind: Kind, measure: Measure) -> Normal {
    let (busy, mean, deviation) = match (kind, measure) {
        (Kind::Referrer, Measure::OpenedDue) => (12.0, 5.0, 5.0),
        (Kind::Referrer, Measure::OpenedOther) => (4.0, 1.5, 2.0),
        (Kind::Referrer, Measure::ListedDue) => (150.0, 60.0, 60.0),
        (Kind::Referrer, Measure::ListedOther) => (200.0, 70.0, 80.0),
        (Kind::Technologist, Measure::OpenedDue) => (60.0, 25.0, 25.0),
        (Kind::Technologist, Measure::OpenedOther) => (4.0, 1.5, 2.0),
        (Kind::Technologist, Measure::ListedDue) => (700.0, 400.0, 300.0),
        (Kind::Technologist, Measure::ListedOther) => (80.0, 30.0, 40.0),
        (Kind::Radiologist, Measure::OpenedDue) => (120.0, 55.0, 50.0),
        (Kind::Radiologist, Measure::OpenedOther) => (15.0, 4.0, 6.0),
        (Kind::Radiologist, Measure::ListedDue) => (1_000.0, 600.0, 500.0),
        (Kind::Radiologist, Measure::ListedOther) => (350.0, 150.0, 150.0),
        (Kind::Device, Measure::OpenedDue) => (300.0, 150.0, 150.0),
        (Kind::Device, Measure::OpenedOther) => (40.0, 15.0, 15.0),
        (Kind::Device, Measure::ListedDue) => (600.0, 300.0, 300.0),
        (Kind::Device, Measure::ListedOther) => (350.0, 150.0, 150.0),
        // nothing is assumed of a group: until it has learned, it only counts
        (Kind::Group, _) => (0.0, 0.0, 0.0),
    };
    Normal { busy, mean, deviation }
}
