//! The scanner through its front door: streams in, attributes, JSON, frames and refusals out.

#![allow(clippy::unwrap_used)]

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
