//! How many patients somebody reads, what is usual, and what happens when it is more.
//!
//! [`State`] is a replay of the ledger like reach itself: it counts distinct patients, never requests, for every person, organisation
//! and device and for the whole site. [`State::ask`] is asked before names or keys leave; it counts at once, so that requests that
//! run at the same time cannot pass a limit together. Every number that it judges by can be shown ([`State::view`]), and every
//! finding says in one sentence why ([`sentence()`]). `docs/budgets.md` describes the model, the limits and what they stop.
//!
//! No input or output, no clock: the caller passes `now`.

mod ask;
mod book;
mod day;
mod due;
mod inflow;
mod limits;
mod normal;
mod sentence;
mod signs;
mod state;
mod view;

pub use ask::{Act, Answer, Ask, Verdict, WAIT_MILLISECONDS_MAX};
pub use due::{DUE_AFTER_RELATIONSHIP_DAYS, DUE_AFTER_STUDY_DAYS};
pub use limits::{Basis, Limit};
pub use normal::LEARNED_DAYS;
pub use sentence::sentence;
pub use signs::{Places, PlacesError, is_block};
pub use state::{Found, State};
pub use view::{DayOf, Row, View};
