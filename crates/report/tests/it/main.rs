//! Reports as people and authorities get them.

mod notices;
mod samples;
mod signed;
