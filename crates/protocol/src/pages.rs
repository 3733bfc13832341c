//! Signing in, and everything else that pages and commands ask.

mod exposure;
mod health;
mod reply;
mod request;
mod rows;
mod sign_in;

pub use exposure::*;
pub use health::{Health, SinkRow};
pub use reply::PageReply;
pub use request::PageRequest;
pub use rows::*;
pub use sign_in::*;
