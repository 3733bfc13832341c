//! Budgets: their rules, a simulated site in a normal month, and harvests of it.
#![allow(clippy::unwrap_used, missing_docs)]
#![allow(clippy::disallowed_macros, reason = "tests print their numbers")]

mod dice;
mod harvest;
mod month;
mod normal;
mod rules;
mod seats;
mod signs;
mod site;
mod unanswered;
