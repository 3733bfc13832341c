//! Every parser that reads a ledger's files takes any bytes: bundles, journal records, notes, keys, paths, entries.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| audit::parse_anything(bytes));
