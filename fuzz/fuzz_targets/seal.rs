//! Bytes from anybody as objects, wraps, envelopes and kits; and sound objects with a change, which must not open.

#![no_main]

use std::convert::Infallible;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use model::{KeyId, ObjectId, SiteId};
use rand_core::{TryCryptoRng, TryRng};
use seal::{
    BatchKeys, EpochKey, HEADER_BYTES, ObjectContext, ObjectKind, Opener, RecoveryKit, RootEnvelope, RootSecret, SealKey,
    SiteSecretKey, open_blob, seal_blob,
};

/// The same bytes every time, so that a finding is found again.
struct Fixed;

impl TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0x5a5a_5a5a)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0x5a5a_5a5a_5a5a_5a5a)
    }

    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), Infallible> {
        destination.fill(0x5a);
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}

const SITE: SiteId = SiteId([1; 16]);
const CONTEXT: ObjectContext =
    ObjectContext { site: SITE, key: KeyId([2; 16]), object: ObjectId([3; 16]), kind: ObjectKind::Instance };
static SITE_KEY: LazyLock<SiteSecretKey> = LazyLock::new(|| RootSecret::from_bytes(&[4; 32]).site_secret_key());

fuzz_target!(|input: &[u8]| {
    let Some((&choice, input)) = input.split_first() else { return };
    match choice % 6 {
        0 => drop(open_blob(&SealKey::from_bytes(&[5; 32]), CONTEXT, input)),
        1 => changed_object(input),
        2 => range(input),
        3 => {
            let _ = SITE_KEY.unwrap(SITE, CONTEXT.key, input);
            let _ = EpochKey::from_bytes(&[6; 32]).unwrap(SITE, CONTEXT.key, input);
        }
        4 => {
            if let Ok(envelope) = RootEnvelope::from_json(input) {
                assert_eq!(RootEnvelope::from_json(envelope.to_json().as_bytes()), Ok(envelope.clone()));
                let _ = envelope.unseal_with_kit(&RecoveryKit::generate(&mut Fixed));
            }
        }
        _ => {
            if let Ok(text) = std::str::from_utf8(input)
                && let Ok(kit) = RecoveryKit::parse(text)
            {
                assert!(RecoveryKit::parse(&kit.to_text()) == Ok(kit));
            }
        }
    }
});

/// Place (4 bytes) and what it is changed with (1 byte), then the plaintext.
fn changed_object(input: &[u8]) {
    let Some((&[a, b, c, d, mask], plaintext)) = input.split_first_chunk() else { return };
    let key = BatchKeys::generate(&mut Fixed).data;
    let mut sealed = seal_blob(&key, CONTEXT, plaintext, &mut Fixed);
    assert_eq!(open_blob(&key, CONTEXT, &sealed).as_deref(), Ok(plaintext));
    let place = u32::from_be_bytes([a, b, c, d]) as usize % sealed.len();
    sealed[place] ^= mask;
    assert_eq!(open_blob(&key, CONTEXT, &sealed).is_ok(), mask == 0);
}

/// A range (two times 8 bytes) and a length (8 bytes) that somebody claims, then the plaintext.
fn range(input: &[u8]) {
    let Some((numbers, plaintext)) = input.split_first_chunk::<24>() else { return };
    let number = |at: usize| u64::from_be_bytes(numbers[at..at + 8].try_into().expect("eight bytes"));
    let (from, to, length) = (number(0), number(8), number(16));
    let key = SealKey::from_bytes(&[5; 32]);
    let sealed = seal_blob(&key, CONTEXT, plaintext, &mut Fixed);
    for length in [length, sealed.len() as u64] {
        let Ok(opener) = Opener::new(&key, CONTEXT, &sealed[..HEADER_BYTES], length) else { continue };
        let read = opener.sealed_range(from..to);
        assert!(read.start <= read.end && read.end <= length);
        let Some(bytes) = sealed.get(read.start as usize..read.end as usize) else { continue };
        let mut out = Vec::new();
        if opener.open_range(from..to, bytes, &mut out).is_ok() {
            // under a length that is not true an empty range may lie anywhere; bytes may not
            assert_eq!(plaintext.get(from as usize..to as usize).unwrap_or_default(), out);
        }
    }
}
