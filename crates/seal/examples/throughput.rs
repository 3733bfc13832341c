//! Throughput of sealing and opening: `cargo run --release -p seal --example throughput`.
#![allow(clippy::unwrap_used, clippy::disallowed_macros)]

use std::hint::black_box;
use std::time::Instant;

use model::{ObjectId, SiteId};
use seal::{
    BatchKeys, EpochKey, HEADER_BYTES, ObjectContext, ObjectKind, Opener, RootSecret, Sealer, SystemRandom, open_blob,
    seal_blob,
};

/// Runs for about a second and prints the time of one run, with the rate when it handles `bytes`.
fn time(what: &str, bytes: usize, mut run: impl FnMut()) {
    run();
    let (start, mut rounds) = (Instant::now(), 0u32);
    while start.elapsed().as_millis() < 700 {
        run();
        rounds += 1;
    }
    let one = start.elapsed() / rounds;
    let rate = bytes as f64 / one.as_secs_f64() / 1e9;
    println!("{what:42} {one:>10.1?}{}", if bytes > 0 { format!("   {rate:.2} GB/s") } else { String::new() });
}

fn main() {
    let rng = &mut SystemRandom;
    let keys = BatchKeys::generate(rng);
    let site = SiteId([1; 16]);
    let context = ObjectContext { site, key: keys.key, object: ObjectId([2; 16]), kind: ObjectKind::Instance };
    let plaintext: Vec<u8> = (0..525_000u32).map(|at| ((at * 31) >> 3) as u8).collect();
    let mut out = Vec::with_capacity(600_000);
    time("seal 525 kB in one piece", plaintext.len(), || {
        out.clear();
        let mut sealer = Sealer::new(&keys.data, context, &mut SystemRandom, &mut out);
        sealer.push(&plaintext, &mut out);
        sealer.finish(&mut out);
    });
    time("seal 525 kB in pieces of 16 KiB", plaintext.len(), || {
        out.clear();
        let mut sealer = Sealer::new(&keys.data, context, &mut SystemRandom, &mut out);
        plaintext.chunks(16 * 1024).for_each(|piece| sealer.push(piece, &mut out));
        sealer.finish(&mut out);
    });
    let mut opened = Vec::with_capacity(600_000);
    time("open 525 kB", plaintext.len(), || {
        opened.clear();
        let opener = Opener::new(&keys.data, context, &out[..HEADER_BYTES], out.len() as u64).unwrap();
        opener.open_range(0..plaintext.len() as u64, &out[HEADER_BYTES..], &mut opened).unwrap();
    });
    let row = seal_blob(&keys.listing, context, &plaintext[..300], rng);
    time("seal a row of 300 bytes", 0, || {
        black_box(seal_blob(&keys.listing, context, &plaintext[..300], &mut SystemRandom));
    });
    time("open a row of 300 bytes", 0, || {
        black_box(open_blob(&keys.listing, context, &row).unwrap());
    });
    let secret = RootSecret::generate(rng).site_secret_key();
    let public = secret.public();
    let wrapped = keys.wrap(&public, site, rng);
    time("wrap batch keys to the site", 0, || {
        black_box(keys.wrap(&public, site, &mut SystemRandom));
    });
    time("unwrap batch keys of the site", 0, || {
        black_box(secret.unwrap(site, keys.key, wrapped.as_bytes()).unwrap());
    });
    let epoch = EpochKey::generate(rng);
    let wrapped = epoch.wrap(&keys, site, rng);
    time("unwrap batch keys of an epoch", 0, || {
        black_box(epoch.unwrap(site, keys.key, &wrapped).unwrap());
    });
}
