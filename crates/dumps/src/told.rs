//! What a process that reads a dump tells the one that asked for it, record by record over a stream.
//!
//! Whoever asks writes what is [`Wanted`]: 32 bytes of the key, then the digests of addresses and those of names, each a number of them
//! and 16 bytes for each. Then it only hears:
//!
//! | record | first byte | what follows |
//! |---|---|---|
//! | found | 1 | how it fits (0 address, 1 name); length and text of the folded login; length and text of the password |
//! | token | 2 | 53 bytes |
//! | progress | 3 | bytes read of the dump; bytes, lines and too long lines of text |
//! | end | 4 | members of an archive that were passed over; 0, or why it is not the end of the dump |
//!
//! Lengths of texts have two bytes, numbers of digests four, other numbers eight, the last byte first. Records come in batches, one for each chunk of text,
//! with its progress at the end.
//!
//! Trust: whoever asks believes nothing. What it hears may come from code that a dump has brought into the other process, so a record
//! that an honest one would not have sent ends the hearing: a text that is too long or none, a login that is nobody's, something that
//! was told before, numbers that go down. So it hears only who is here, and keeps no more than of any dump.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::sync::atomic::Ordering;

use leaks::{LoginDigest, LoginDigests, LoginKey};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::found::{Found, Fresh, Match, PASSWORD_BYTES_MAX};
use crate::packed::{Input, PackedError, unpacked};
use crate::scan::{Counts, Scanner, Wanted};
use crate::token::{TOKEN_BYTES, Tokens};

/// The longest folded login that is told, in bytes.
const LOGIN_BYTES_MAX: usize = 4096;
/// What is written or heard at once, in bytes.
const BATCH_BYTES: usize = 64 * 1024;
/// The most digests of addresses, and of names.
const DIGESTS_MAX: u32 = 16_000_000;

const FOUND: u8 = 1;
const TOKEN: u8 = 2;
const PROGRESS: u8 = 3;
const END: u8 = 4;

/// Why a dump was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CutShort {
    /// It cannot be read or unpacked further.
    #[error(
        "the dump cannot be read to its end; what comes out before the damage was looked at. Of Zstandard that is up to one window less (8 MiB with usual settings): if there is a whole copy, give that"
    )]
    Damaged,
    /// A zip archive without a usable directory.
    #[error("the zip archive cannot be read; unpack it yourself and give the files one by one")]
    Zip,
    /// Far more comes out of it than out of any dump.
    #[error(
        "the archive unpacks to far more than a dump does, as those that are made to fill machines; what came out until then was looked at. If it is a dump all the same, unpack it yourself and give the text: zstd -dc FILE | leadglass leaks check -"
    )]
    Bomb,
    /// A line has no end.
    #[error(
        "the dump has a line of more than 256 MiB; what stands before it was looked at. Cut that line out and give the rest"
    )]
    EndlessLine,
    /// It is packed in a way that is not unpacked here.
    #[error(
        "the dump is packed as 7z, RAR, xz or bzip2, or is a zip archive in a stream, which are not unpacked here; unpack it and give the text"
    )]
    OtherPacking,
    /// Whoever read it is gone.
    #[error(
        "the process that read the dump ended in the middle, by a mistake, by its limit of memory or by somebody; what it had found until then was looked at. Give the dump in parts, and report this if it happens again"
    )]
    WentAway,
    /// Whoever read it said nothing for as long as the hearing waits.
    #[error(
        "the process that read the dump said nothing for ten minutes; what it had found until then was looked at. If the disk of the dump is slow, give the dump as a stream: leadglass leaks check - < FILE"
    )]
    StoodStill,
    /// Whoever asked wants no more.
    #[error(
        "the look was interrupted; what was found until then was looked at. To look at the rest, give the dump again"
    )]
    Interrupted,
    /// Whoever read it told what nobody finds.
    #[error(
        "the process that read the dump told what cannot be in it, so the dump may have taken it over; what it told before was held against the people, and nothing after it. Open the dump with no other program, and report this"
    )]
    Nonsense,
}

impl From<&PackedError> for CutShort {
    fn from(error: &PackedError) -> Self {
        match error {
            PackedError::Io(_) => Self::Damaged,
            PackedError::Zip(_) => Self::Zip,
            PackedError::Bomb => Self::Bomb,
            PackedError::EndlessLine => Self::EndlessLine,
            PackedError::OtherPacking => Self::OtherPacking,
        }
    }
}

/// Why it is not the end of the dump, as it is written.
const REASONS: [CutShort; 5] =
    [CutShort::Damaged, CutShort::Zip, CutShort::Bomb, CutShort::EndlessLine, CutShort::OtherPacking];

/// What was heard.
#[derive(Debug, Default)]
pub struct Told {
    /// Logins with passwords.
    pub found: Found,
    /// Tokens of devices, in the order of their texts.
    pub tokens: Vec<Zeroizing<String>>,
    /// Whether there were more than are kept.
    pub more_tokens: bool,
    /// What was read.
    pub counts: Counts,
    /// How much of the dump that was, as it is packed, in bytes.
    pub read: u64,
    /// Members of an archive that were passed over.
    pub skipped: u64,
    /// Why not all of it was read.
    pub cut_short: Option<CutShort>,
}

/// Looks through a dump and tells what is found while it reads, and at the end how that came. Fails when nobody hears it.
pub fn tell(input: Input, wanted: Wanted, to: impl Write) -> io::Result<()> {
    let read = input.read();
    let mut scanner = Scanner::new(wanted);
    let mut to = BufWriter::with_capacity(BATCH_BYTES, to);
    let ended = unpacked(input, &mut |text| {
        scanner.text(text, |scanner| batch(&mut to, scanner, read.load(Ordering::Relaxed)))
    });
    batch(&mut to, &mut scanner, read.load(Ordering::Relaxed))?;
    let (skipped, reason) = match ended {
        Ok(skipped) => (skipped, 0),
        Err(error) => {
            let reason = CutShort::from(&error);
            (0, REASONS.iter().position(|known| *known == reason).map_or(1, |place| place as u8 + 1))
        }
    };
    to.write_all(&[END])?;
    to.write_all(&skipped.to_le_bytes())?;
    to.write_all(&[reason])?;
    to.flush()
}

/// What was found in a chunk of text, and how far that is.
fn batch(to: &mut impl Write, scanner: &mut Scanner, read: u64) -> io::Result<()> {
    let (logins, tokens) = scanner.take_fresh();
    // a longer one is nobody's
    for Fresh { by, login, password } in logins.iter().filter(|fresh| fresh.login.len() <= LOGIN_BYTES_MAX) {
        to.write_all(&[FOUND, u8::from(*by == Match::Name)])?;
        for text in [login.as_str(), password.as_str()] {
            to.write_all(&(text.len() as u16).to_le_bytes())?;
            to.write_all(text.as_bytes())?;
        }
    }
    for token in tokens {
        to.write_all(&[TOKEN])?;
        to.write_all(token.as_bytes())?;
    }
    let Counts { bytes, lines, too_long } = scanner.counts();
    to.write_all(&[PROGRESS])?;
    for number in [read, bytes, lines, too_long] {
        to.write_all(&number.to_le_bytes())?;
    }
    to.flush()
}

/// Hears what another process tells of a dump, to its end or to the first record that an honest one would not send. `progress` is told
/// of every batch.
pub fn hear(from: impl Read, wanted: &Wanted, mut progress: impl FnMut(&Told)) -> Told {
    let mut hearing = Hearing {
        from: BufReader::with_capacity(BATCH_BYTES, from),
        wanted,
        told: Told::default(),
        tokens: Tokens::default(),
    };
    let cut_short = loop {
        match hearing.record() {
            Ok(Heard::Record) => {}
            Ok(Heard::Progress) => progress(&hearing.told),
            Ok(Heard::End(cut_short)) => break cut_short,
            Err(cut_short) => break Some(cut_short),
        }
    };
    let Hearing { mut told, mut tokens, .. } = hearing;
    (told.tokens, told.more_tokens) = tokens.take_sorted();
    told.cut_short = cut_short;
    told
}

/// What kind of record came.
enum Heard {
    Record,
    Progress,
    End(Option<CutShort>),
}

struct Hearing<'a, R> {
    from: BufReader<R>,
    wanted: &'a Wanted,
    told: Told,
    tokens: Tokens,
}

impl<R: Read> Hearing<'_, R> {
    fn record(&mut self) -> Result<Heard, CutShort> {
        match self.byte()? {
            FOUND => self.found().map(|()| Heard::Record),
            TOKEN => self.token().map(|()| Heard::Record),
            PROGRESS => self.progress().map(|()| Heard::Progress),
            END => {
                self.told.skipped = self.number()?;
                let reason = self.byte()?;
                let known = REASONS.get(usize::from(reason).wrapping_sub(1)).copied();
                if reason != 0 && known.is_none() { Err(CutShort::Nonsense) } else { Ok(Heard::End(known)) }
            }
            _ => Err(CutShort::Nonsense),
        }
    }

    fn found(&mut self) -> Result<(), CutShort> {
        let by = match self.byte()? {
            0 => Match::Address,
            1 => Match::Name,
            _ => return Err(CutShort::Nonsense),
        };
        let login = self.text(LOGIN_BYTES_MAX)?;
        let password = self.text(PASSWORD_BYTES_MAX)?;
        // a login comes once and by itself, a password after its login
        let known = self.told.found.get(by, &login).is_some();
        if !self.wanted.has(by, &login) || known == password.is_empty() {
            return Err(CutShort::Nonsense);
        }
        self.told.found.named(by, &login, 1, |take| take(&password));
        // not what was told before, no more than are kept
        if self.told.found.take_fresh().is_empty() { Err(CutShort::Nonsense) } else { Ok(()) }
    }

    fn token(&mut self) -> Result<(), CutShort> {
        let mut token = Zeroizing::new([0; TOKEN_BYTES]);
        self.bytes(&mut *token)?;
        let token = std::str::from_utf8(&*token).map_err(|_| CutShort::Nonsense)?;
        self.tokens.line(token);
        match &self.tokens.take_fresh()[..] {
            [one] if one.as_str() == token => Ok(()),
            _ => Err(CutShort::Nonsense),
        }
    }

    fn progress(&mut self) -> Result<(), CutShort> {
        let read = self.number()?;
        let counts = Counts { bytes: self.number()?, lines: self.number()?, too_long: self.number()? };
        let Told { read: read_before, counts: before, .. } = &self.told;
        let grows = read >= *read_before
            && counts.bytes >= before.bytes
            && counts.lines >= before.lines
            && counts.too_long >= before.too_long;
        // each line is a byte at least
        if !grows || counts.lines > counts.bytes || counts.too_long > counts.bytes {
            return Err(CutShort::Nonsense);
        }
        (self.told.read, self.told.counts) = (read, counts);
        Ok(())
    }

    fn text(&mut self, bytes_max: usize) -> Result<Zeroizing<String>, CutShort> {
        let mut length = [0; 2];
        self.bytes(&mut length)?;
        let length = usize::from(u16::from_le_bytes(length));
        if length > bytes_max {
            return Err(CutShort::Nonsense);
        }
        let mut bytes = vec![0; length];
        self.bytes(&mut bytes)?;
        String::from_utf8(bytes).map(Zeroizing::new).map_err(|_| CutShort::Nonsense)
    }

    fn number(&mut self) -> Result<u64, CutShort> {
        let mut number = [0; 8];
        self.bytes(&mut number)?;
        Ok(u64::from_le_bytes(number))
    }

    fn byte(&mut self) -> Result<u8, CutShort> {
        let mut byte = [0];
        self.bytes(&mut byte)?;
        Ok(byte[0])
    }

    fn bytes(&mut self, into: &mut [u8]) -> Result<(), CutShort> {
        self.from.read_exact(into).map_err(|error| match error.kind() {
            // of a stream with a timeout
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => CutShort::StoodStill,
            _ => CutShort::WentAway,
        })
    }
}

impl Wanted {
    /// For whoever looks in another process.
    pub fn write_to(&self, to: &mut impl Write) -> io::Result<()> {
        let mut bytes = self.key.as_bytes().to_vec();
        for digests in [&self.addresses, &self.names] {
            let count = u32::try_from(digests.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
            bytes.extend(count.to_le_bytes());
            digests.iter().for_each(|digest| bytes.extend(digest));
        }
        to.write_all(&bytes)
    }

    /// From whoever asks, who is trusted.
    pub fn read_from(from: &mut impl Read) -> io::Result<Self> {
        let mut key = [0; 32];
        from.read_exact(&mut key)?;
        let mut digests = || {
            let mut count = [0; 4];
            from.read_exact(&mut count)?;
            let count = u32::from_le_bytes(count);
            if count > DIGESTS_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut bytes = vec![0; count as usize * size_of::<LoginDigest>()];
            from.read_exact(&mut bytes)?;
            Ok::<LoginDigests, io::Error>(bytes.as_chunks().0.iter().copied().collect())
        };
        Ok(Self { key: LoginKey::new(key), addresses: digests()?, names: digests()? })
    }
}
