//! Who may do what: one table and one pure function, [`decide`].
//!
//! Everything that reaches an image, a name or a setting goes through [`decide`] and receives a [`Grant`], which
//! only this crate can make, or a [`Denied`]. Nothing is allowed that is not written in the table; relationships
//! give reach, roles only narrow it. No I/O, no clock: the caller passes `now` and the reach that the ledger's replay shows.

mod approval;
mod grant;
mod service;

pub use approval::{Decider, NotApprover, administers, decides, earliest, is_approved, may_approve, need, officer};
pub use grant::{Denied, Grant, Reach, Subject, Target, decide, denied_of_nothing, may_be_delegate, role_covers};
pub use service::{Service, is_open_to_strangers};

/// The longest lease, in seconds: how long released names or keys may be used without a new entry.
pub const LEASE_SECONDS_MAX: i64 = 300;

/// The longest that taking a study along may last, in seconds.
pub const DOWNLOAD_SECONDS_MAX: i64 = 1800;
