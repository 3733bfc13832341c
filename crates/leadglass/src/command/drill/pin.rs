//! A stand-in for a second pin: a key that lies outside of what is carried away. Where tang and clevis are installed, tests use them;
//! a drill has to work on every machine.

use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use clap::ValueEnum;
use model::{KeyId, ObjectId, SiteId};
use seal::{ObjectContext, ObjectKind, SealKey, SystemRandom, open_blob, seal_blob};
use zeroize::Zeroizing;

/// The longest text that is sealed or opened, in bytes.
const TEXT_BYTES_MAX: u64 = 4096;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Direction {
    /// Standard input is sealed.
    Seal,
    /// Standard input is opened.
    Open,
}

/// Seals or opens standard input with the key in a file; makes the key when there is none to seal with.
pub fn pin(what: Direction, file: &Path) -> Result<()> {
    let context = ObjectContext {
        site: SiteId(*b"drill of a theft"),
        key: KeyId(*b"second pin v1\0\0\0"),
        object: ObjectId(*b"pin of one drill"),
        kind: ObjectKind::Secret,
    };
    if what == Direction::Seal && !file.exists() {
        std::fs::File::create_new(file)?.write_all(SealKey::generate(&mut SystemRandom).expose())?;
    }
    let key = std::fs::read(file).context("the second pin cannot be reached; it stayed behind")?;
    let key: [u8; 32] =
        key.try_into().map_err(|_| anyhow::anyhow!("the second pin is no key; play the drill again"))?;
    let mut text = Zeroizing::new(Vec::with_capacity(TEXT_BYTES_MAX as usize));
    std::io::stdin().lock().take(TEXT_BYTES_MAX).read_to_end(&mut text)?;
    let key = SealKey::from_bytes(&key);
    let answer = match what {
        Direction::Seal => seal_blob(&key, context, &text, &mut SystemRandom),
        Direction::Open => open_blob(&key, context, &text)?,
    };
    let answer = Zeroizing::new(answer);
    std::io::stdout().lock().write_all(&answer)?;
    Ok(())
}
