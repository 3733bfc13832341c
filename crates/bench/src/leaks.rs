//! `cargo xtask bench leaks`: lists of leaked passwords and dumps of stolen logins, on one core.
//!
//! The list is generated: hashes of a fixed generator, as lines of the Pwned Passwords format, made while they are read, in no order. The
//! filter lies in the page cache while it is asked, as a list does that is asked at each sign-in; a first question after a start also
//! waits for two reads of the disk. What is said of a thousand million hashes is computed from what was measured, and says so.

mod dumps;

use std::hint::black_box;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use ::leaks::{CHECKPOINT_BYTES, Filter, HashKind, KnownHash, Part, Progress, Shape, Source, load};
use anyhow::{Result, ensure};
use clap::Parser;

/// What the extrapolation is for.
const BILLION: u64 = 1_000_000_000;
/// 2.5 GiB.
const BILLION_BYTES_MAX: f64 = 2.5 * (1_u64 << 30) as f64;
/// Questions that are timed one by one.
const TIMED: u64 = 1_000_000;
/// Questions for hashes that are not in the list.
const OTHERS: u64 = 10_000_000;
/// Where the numbers of hashes begin that are not in the list.
const ELSEWHERE: u64 = 1 << 40;

/// Measures lists of leaked passwords and the look through dumps.
#[derive(Debug, Parser)]
#[command(name = "leaks", after_help = "Example: cargo xtask bench leaks --hashes 100000000")]
pub struct LeakOptions {
    /// Hashes of the list.
    #[arg(long, default_value_t = 100_000_000, value_name = "N")]
    pub hashes: u64,
    /// Lines of each dump.
    #[arg(long, default_value_t = 3_000_000, value_name = "N")]
    pub lines: u64,
    /// Where the list is built; the system's temporary folder when absent.
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
}

/// Runs both parts and fails when a bar is missed.
pub fn run(options: &LeakOptions) -> Result<()> {
    let mut held = filter(options)?;
    held &= dumps::of_every_shape(options.lines)?;
    ensure!(held, "a bar was missed; see the lines above");
    Ok(())
}

fn filter(options: &LeakOptions) -> Result<bool> {
    let scratch = options.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::tempdir_in(scratch)?;
    let target = folder.path().join("list.leaks");
    let began = Instant::now();
    let mut sorted = began;
    let mut source = Generated { hashes: options.hashes };
    let loaded = load(&mut source, &folder.path().join("work"), &target, CHECKPOINT_BYTES, &mut |progress| {
        if matches!(progress, Progress::Read { .. }) {
            sorted = Instant::now();
        }
        ControlFlow::Continue(())
    })?;
    let filter = Filter::open(&target)?;
    let bytes = loaded.bytes as f64 / options.hashes as f64;
    eprintln!(
        "list            {} hashes, {} bytes, {:.3} bytes = {:.2} bits a hash",
        options.hashes,
        loaded.bytes,
        bytes,
        8.0 * bytes
    );
    eprintln!(
        "build           {:.1} s: {:.1} s reading and sorting (with making the lines), {:.1} s writing and checking",
        began.elapsed().as_secs_f64(),
        (sorted - began).as_secs_f64(),
        sorted.elapsed().as_secs_f64()
    );
    let mut held = true;
    for (what, from) in [("in the list", 0), ("not in the list", ELSEWHERE)] {
        let mut nanoseconds = Vec::with_capacity(TIMED as usize);
        for number in 0..TIMED {
            let hash = KnownHash::from_bits(mixed(from + mixed(number) % options.hashes));
            let asked = Instant::now();
            black_box(filter.contains(hash)?);
            nanoseconds.push(asked.elapsed().as_nanos() as u64);
        }
        nanoseconds.sort_unstable();
        let at = |part: f64| nanoseconds[((nanoseconds.len() - 1) as f64 * part) as usize] as f64 / 1000.0;
        eprintln!(
            "asked, {what:<16} p50 {:.2} us, p99 {:.2} us, p99.9 {:.2} us (bar: p99 under 10 us)",
            at(0.5),
            at(0.99),
            at(0.999)
        );
        held &= at(0.99) < 10.0;
    }
    for number in (0..TIMED).map(|number| mixed(!number) % options.hashes) {
        ensure!(filter.contains(KnownHash::from_bits(mixed(number)))?, "a hash of the list is not known");
    }
    let mut wrong = 0_u64;
    for number in 0..OTHERS {
        wrong += u64::from(filter.contains(KnownHash::from_bits(mixed(ELSEWHERE + number)))?);
    }
    eprintln!(
        "false positives {wrong} of {OTHERS}: 1 in {:.0} (bar: at most 1 in 10,000)",
        OTHERS as f64 / wrong.max(1) as f64
    );
    held &= wrong * 10_000 <= OTHERS;
    let (here, there) = (expected_bits(options.hashes), expected_bits(BILLION));
    eprintln!(
        "expected        {here:.2} bits a hash for this list by the coding's own arithmetic; measured {:.2}",
        8.0 * bytes
    );
    let extrapolated = there / 8.0 * BILLION as f64 * (8.0 * bytes / here);
    eprintln!(
        "extrapolated    to {BILLION} hashes: {there:.2} bits a hash, {:.2} GiB (bar: under 2.5 GiB); computed, not measured",
        extrapolated / (1_u64 << 30) as f64
    );
    Ok(held && extrapolated < BILLION_BYTES_MAX)
}

/// What a hash takes on average: low bits, the one that ends the high part, the high part of a geometric gap, and the bucket's share.
fn expected_bits(hashes: u64) -> f64 {
    let shape = Shape::for_hashes(HashKind::Sha1, hashes);
    let gap = (shape.kept_bits as f64).exp2() / hashes as f64;
    let high = 1.0 / (((shape.rice_bits as f64).exp2() / gap).exp() - 1.0);
    // checksum, count and place in the index, and the half byte that is left over
    let bucket_bits = 8.0 * (4.0 + 2.0 + 8.0) + 3.5;
    f64::from(shape.rice_bits) + 1.0 + high + bucket_bits * shape.buckets() as f64 / hashes as f64
}

/// A number from a number: the finaliser of SplitMix64, one to one.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

struct Generated {
    hashes: u64,
}

/// One line of the list.
const LINE: &[u8; 44] = b"0000000000000000000000000000000000000000:1\r\n";

impl Source for Generated {
    fn identity(&self) -> io::Result<String> {
        Ok(format!("generated {}", self.hashes))
    }

    fn parts(&self) -> u32 {
        1
    }

    fn open(&mut self, _: u32, from: u64) -> io::Result<Option<Part>> {
        ensure_whole(from)?;
        let lines = Lines { next: from / LINE.len() as u64, hashes: self.hashes, line: *LINE, at: LINE.len() };
        Ok(Some(Part { prefix: String::new(), text: Box::new(lines) }))
    }

    fn bytes(&self) -> Option<u64> {
        Some(self.hashes * LINE.len() as u64)
    }
}

fn ensure_whole(from: u64) -> io::Result<()> {
    if from.is_multiple_of(LINE.len() as u64) { Ok(()) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

struct Lines {
    next: u64,
    hashes: u64,
    line: [u8; LINE.len()],
    /// How much of the line was read.
    at: usize,
}

impl Lines {
    fn make(&mut self) {
        self.line = *LINE;
        let hash = mixed(self.next);
        for (digit, byte) in self.line[..16].iter_mut().enumerate() {
            *byte = b"0123456789ABCDEF"[(hash >> (60 - 4 * digit) & 0xf) as usize];
        }
        self.next += 1;
        self.at = 0;
    }
}

impl Read for Lines {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut length = 0;
        while length < into.len() {
            if self.at == LINE.len() {
                if self.next == self.hashes {
                    break;
                }
                self.make();
            }
            let more = (LINE.len() - self.at).min(into.len() - length);
            into[length..length + more].copy_from_slice(&self.line[self.at..self.at + more]);
            (self.at, length) = (self.at + more, length + more);
        }
        Ok(length)
    }
}
