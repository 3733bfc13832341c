//! Shares as holders bring them: typed on the terminal, one line after the other, or in files.

use std::io::{BufRead, IsTerminal, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use seal::{RootShare as Share, SHARE_WORDS, ShareSet};
use zeroize::Zeroizing;

/// The longest file of one share, in bytes.
const FILE_BYTES_MAX: u64 = 4096;
/// How often a share is asked for on a terminal.
const TRIES_MAX: usize = 3;

/// The words of enough shares. Each is looked at as soon as it is there, so that a mistake is named to whoever made it.
pub fn collect(files: &[PathBuf], set: &ShareSet) -> Result<Zeroizing<String>> {
    let needed = usize::from(set.threshold);
    let mut words = Zeroizing::new(String::with_capacity(17 * SHARE_WORDS * 9));
    let mut numbers = Vec::new();
    let mut add = |share: &Share, words: &mut String| -> Result<()> {
        set.check(share)?;
        if numbers.contains(&share.index()) {
            bail!(seal::UnsealError::DuplicateShare { index: share.index() });
        }
        numbers.push(share.index());
        words.push_str(&share.to_words().replace('\n', " "));
        words.push(' ');
        Ok(())
    };
    for file in files.iter().filter(|file| *file != Path::new("-")) {
        add(&read_share_file(file)?, &mut words)?;
    }
    if files.iter().any(|file| file == Path::new("-")) {
        let mut rest = Zeroizing::new(String::new());
        while words.split_whitespace().count() < needed * SHARE_WORDS {
            let number = words.split_whitespace().count() / SHARE_WORDS + 1;
            let share = read_share(&format!("Share {number} of {needed}, 7 lines of 5 words:"), &mut rest)?;
            add(&share, &mut words)?;
        }
    }
    let given = words.split_whitespace().count() / SHARE_WORDS;
    if given < needed {
        bail!("the root stays sealed: {}", seal::UnsealError::TooFewShares { given, needed });
    }
    Ok(words)
}

/// The texts of shares that stand one after the other.
pub fn split(words: &str) -> Result<Vec<Zeroizing<String>>> {
    let words: Vec<&str> = words.split_whitespace().collect();
    if words.is_empty() || !words.len().is_multiple_of(SHARE_WORDS) {
        bail!(seal::ShareError::Words { found: words.len() });
    }
    Ok(words.chunks(SHARE_WORDS).map(|share| Zeroizing::new(share.join(" "))).collect())
}

/// Reads one share from a file.
fn read_share_file(path: &Path) -> Result<Share> {
    let mut text = Zeroizing::new(String::with_capacity(FILE_BYTES_MAX as usize));
    let file = std::fs::File::open(path)
        .with_context(|| format!("the share in {} cannot be read; check the path and the rights", path.display()))?;
    file.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(Share::parse(&text)?)
}

/// Reads one share from standard input: lines until there are 35 words. On a terminal a mistyped share is asked for again.
/// `rest` keeps what stood behind it on the same line.
pub fn read_share(prompt: &str, rest: &mut Zeroizing<String>) -> Result<Share> {
    let terminal = std::io::stdin().is_terminal();
    let tries = if terminal { TRIES_MAX } else { 1 };
    for left in (0..tries).rev() {
        if terminal {
            eprintln!("{prompt}");
        }
        let text = read_words(rest)?;
        match Share::parse(&text) {
            Ok(share) => return Ok(share),
            Err(error) if left > 0 => eprintln!("{error}. Once more:"),
            Err(error) => bail!(error),
        }
    }
    unreachable!("the last try returns")
}

fn read_words(rest: &mut Zeroizing<String>) -> Result<Zeroizing<String>> {
    let mut words: Zeroizing<Vec<String>> = Zeroizing::new(rest.split_whitespace().map(ToOwned::to_owned).collect());
    let mut input = std::io::stdin().lock();
    while words.len() < SHARE_WORDS {
        let mut line = Zeroizing::new(String::new());
        if (&mut input).take(64 * FILE_BYTES_MAX).read_line(&mut line)? == 0 {
            break;
        }
        if !line.trim_start().starts_with('#') {
            words.extend(line.split_whitespace().map(ToOwned::to_owned));
        }
    }
    let end = words.len().min(SHARE_WORDS);
    *rest = Zeroizing::new(words[end..].join(" "));
    Ok(Zeroizing::new(words[..end].join(" ")))
}

/// Reads one share from a file, or from standard input for `-`.
pub fn read_one(path: &Path, prompt: &str, rest: &mut Zeroizing<String>) -> Result<Share> {
    if path == Path::new("-") { read_share(prompt, rest) } else { read_share_file(path) }
}
