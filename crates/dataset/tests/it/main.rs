//! The scanner through its front door: streams in, attributes, JSON, frames and refusals out.

// the tables of what became of real files are printed for whoever reads the log
#![allow(clippy::unwrap_used, clippy::disallowed_macros)]

mod corpus;
mod damage;
mod filed;
mod frames;
mod overlays;
mod refused;
mod stream;

/// Counts what the whole process holds; nextest runs each test in a process of its own.
#[global_allocator]
static MEMORY: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;
