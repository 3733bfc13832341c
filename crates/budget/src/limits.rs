//! From what is normal to the limits at which something happens.

use model::{Ceilings, Measure, Span};

use crate::normal::{Kind, Normal};

/// What a limit goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// What the reader itself did.
    Own,
    /// What others in the same role do.
    Peers,
    /// What is assumed of a role.
    Role,
    /// A ceiling that was set by hand.
    Set,
    /// Nothing yet: it is only counted.
    Nothing,
}

/// The limits of one measure over one span, in patients. Passing one means having more than it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What is normal.
    pub normal: u32,
    /// Past it each further patient waits.
    pub slow: u32,
    /// Past it a person is asked for a fresh touch.
    pub touch: u32,
    /// Past it reading of this kind stops.
    pub stop: u32,
    /// Past it reading of this kind stops where it was told and no officer has answered for 7 days; at most `slow`.
    pub unanswered: u32,
}

impl Limit {
    /// Nothing happens however many there are.
    pub const NONE: Self = Self { normal: 0, slow: u32::MAX, touch: u32::MAX, stop: u32::MAX, unanswered: u32::MAX };

    /// What is left to somebody whose other reading was stopped: a normal day.
    pub(crate) fn restrained(self) -> Self {
        Self {
            slow: self.slow.min(self.normal),
            touch: self.touch.min(self.normal),
            stop: self.stop.min(self.normal),
            ..self
        }
    }

    fn at(normal: f64, beyond: f64, ceiling: u32) -> Self {
        let whole = |value: f64| value.round().clamp(0.0, f64::from(ceiling)) as u32;
        Self {
            normal: whole(normal),
            slow: whole(normal + beyond),
            touch: whole(normal + TOUCH * beyond),
            stop: whole(normal + STOP * beyond),
            unanswered: u32::MAX,
        }
    }
}

/// A touch is asked for at this many times what lies between normal and slow ...
const TOUCH: f64 = 1.5;
/// ... and reading stops at this many times.
const STOP: f64 = 2.5;
/// Days differ by chance like this many square roots of a busy day.
const CHANCE: f64 = 3.0;
/// Weeks and months differ by chance like this many deviations.
const DEVIATIONS: f64 = 1.5;

/// What a role may read beyond normal without anything happening: (hour, day, week, month).
type Leeway = [f64; 4];

/// The limits of a book by measure and span, with what they go by.
pub(crate) type Table = [([Limit; 4], Basis); 4];

/// The limits of one measure: of an hour and a day by `normal`, of weeks and months by what was normal before them, where that is known.
pub(crate) fn limits(
    kind: Kind,
    measure: Measure,
    normal: Normal,
    before: Option<Normal>,
    intake_high: Option<u32>,
) -> [Limit; 4] {
    let [hour, day, week, month] = leeway(kind, measure);
    let long = before.unwrap_or(normal);
    let by_chance = CHANCE * normal.busy.sqrt();
    let spread = |days: f64| DEVIATIONS * long.deviation * days.sqrt();
    let (ceiling_day, ceiling_month) = ceilings(kind, measure, intake_high);
    let ceiling_week = (ceiling_day.saturating_mul(4)).min(ceiling_month);
    let mut limits = [
        Limit::at(normal.busy / 2.0, by_chance + hour, ceiling_day),
        Limit::at(normal.busy, by_chance + day, ceiling_day),
        Limit::at((7.0 * long.mean).max(long.busy), spread(7.0) + week, ceiling_week),
        Limit::at((28.0 * long.mean).max(long.busy), spread(28.0) + month, ceiling_month),
    ];
    // a busy hour is no reason to stop: the day decides
    limits[Span::Hour as usize].stop = u32::MAX;
    if before.is_some() {
        for span in [Span::Week, Span::Month] {
            limits[span as usize].unanswered = limits[span as usize].slow;
        }
    }
    limits
}

/// The limits of a ceiling that was set by hand.
pub(crate) fn set(ceilings: &Ceilings, measure: Measure) -> Option<[Limit; 4]> {
    let day = ceilings.of(measure)?;
    if day == Ceilings::NO_LIMIT {
        return Some([Limit::NONE; 4]);
    }
    let of = |stop: u32| Limit { normal: stop / 4, slow: stop / 2, touch: stop - stop / 4, stop, unanswered: u32::MAX };
    let mut hour = of(day);
    hour.stop = u32::MAX;
    Some([hour, of(day), of(day.saturating_mul(4)), of(day.saturating_mul(10))])
}

fn leeway(kind: Kind, measure: Measure) -> Leeway {
    match (kind, measure) {
        (Kind::Referrer, Measure::OpenedDue) => [10.0, 15.0, 30.0, 50.0],
        (Kind::Referrer, Measure::OpenedOther) => [6.0, 8.0, 12.0, 18.0],
        (Kind::Referrer, Measure::ListedDue) => [150.0, 200.0, 400.0, 800.0],
        (Kind::Referrer, Measure::ListedOther) => [120.0, 180.0, 300.0, 500.0],
        (Kind::Technologist, Measure::OpenedDue) => [30.0, 40.0, 100.0, 200.0],
        (Kind::Technologist, Measure::OpenedOther) => [6.0, 8.0, 12.0, 18.0],
        (Kind::Technologist, Measure::ListedDue) => [200.0, 300.0, 800.0, 1_500.0],
        (Kind::Technologist, Measure::ListedOther) => [60.0, 80.0, 150.0, 250.0],
        (Kind::Radiologist, Measure::OpenedDue) => [30.0, 40.0, 120.0, 250.0],
        (Kind::Radiologist, Measure::OpenedOther) => [15.0, 15.0, 25.0, 40.0],
        (Kind::Radiologist, Measure::ListedDue) => [250.0, 400.0, 1_000.0, 2_000.0],
        (Kind::Radiologist, Measure::ListedOther) => [200.0, 250.0, 500.0, 800.0],
        (Kind::Device, Measure::OpenedDue) => [200.0, 300.0, 800.0, 2_000.0],
        (Kind::Device, Measure::OpenedOther) => [40.0, 60.0, 120.0, 240.0],
        (Kind::Device, Measure::ListedDue) => [600.0, 800.0, 2_000.0, 5_000.0],
        (Kind::Device, Measure::ListedOther) => [250.0, 400.0, 1_000.0, 2_000.0],
        (Kind::Group, Measure::OpenedOther) => [60.0, 80.0, 150.0, 300.0],
        (Kind::Group, Measure::ListedOther) => [1_000.0, 1_500.0, 4_000.0, 8_000.0],
        (Kind::Group, _) => [f64::MAX, f64::MAX, f64::MAX, f64::MAX],
    }
}

/// What nobody of a kind may pass whatever was learned: (day, month). Who is due is bounded by what the site takes in.
fn ceilings(kind: Kind, measure: Measure, intake_high: Option<u32>) -> (u32, u32) {
    let (day, month): (u32, u32) = match (kind, measure) {
        (Kind::Referrer | Kind::Technologist, Measure::OpenedOther) => (60, 400),
        (Kind::Referrer, Measure::OpenedDue) => (150, 2_000),
        (Kind::Referrer | Kind::Technologist, Measure::ListedOther) => (800, 6_000),
        (Kind::Technologist, Measure::OpenedDue) => (300, 5_000),
        (Kind::Radiologist, Measure::OpenedDue) => (500, 8_000),
        (Kind::Radiologist, Measure::OpenedOther) => (150, 900),
        (Kind::Radiologist, Measure::ListedOther) => (1_500, 15_000),
        (Kind::Device, Measure::OpenedOther) => (500, 3_000),
        (Kind::Device, Measure::OpenedDue) => (5_000, 60_000),
        (Kind::Device, Measure::ListedOther) => (2_500, 25_000),
        (_, Measure::ListedDue) => (8_000, 80_000),
        (Kind::Group, _) => (u32::MAX, u32::MAX),
    };
    match intake_high {
        // twice the site's busiest day: what came in over a weekend is read on Monday
        Some(intake) if measure == Measure::OpenedDue && !kind.is_group() => {
            let bound = intake.saturating_mul(2).max(100);
            (day.min(bound), month.min(bound.saturating_mul(28)))
        }
        _ => (day, month),
    }
}
