//! A zip whose files are encrypted as WinZip's AE-2 has it (AES-256, APPNOTE 6.3.10 with the specification "AES Encryption
//! Information"), written as a stream: nothing is compressed, nothing is kept but one line a file for the directory at the end.
//!
//! Each file has a salt of its own. PBKDF2 with 1,000 rounds of HMAC-SHA-1 gives the key of AES-256 in counter mode, the key of
//! HMAC-SHA-1 over the encrypted bytes (cut to 80 bits) and two bytes by which a wrong secret is noticed. A thousand rounds are
//! little: they do for secrets of 125 random bits and for no other. Names and lengths stay readable, so names say nothing.

use aws_lc_rs::cipher::{AES_256, EncryptingKey, UnboundCipherKey};
use aws_lc_rs::{hmac, pbkdf2, rand};
use std::num::NonZeroU32;
use thiserror::Error;
use zeroize::Zeroizing;

const SALT_BYTES: usize = 16;
const KEY_BYTES: usize = 32;
const CHECK_BYTES: usize = 2;
const TAG_BYTES: usize = 10;
const ROUNDS: NonZeroU32 = NonZeroU32::new(1000).expect("not zero");
/// Counter blocks that are encrypted at a time.
const BLOCKS: usize = 512;

/// Bit 0: encrypted. Bit 3: lengths follow the content.
const FLAGS: u16 = 1 | 1 << 3;
/// AES encryption marker.
const METHOD_AES: u16 = 99;
/// Version 5.1 reads AES.
const VERSION: u16 = 51;
/// 1 January 1980: when a file was made says nothing of a patient, and nothing is said.
const DATE: u16 = 1 << 5 | 1;
/// The longest file, in bytes: longer ones need other records.
const FILE_BYTES_MAX: u64 = 0xffff_fffe - (SALT_BYTES + CHECK_BYTES + TAG_BYTES) as u64;
const FROM_64: u64 = 0xffff_ffff;

/// Why a file does not fit.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum ZipError {
    /// It has more bytes than a zip without further records can say.
    #[error("a file of {bytes} bytes is too long for this zip; fetch it by WADO-RS")]
    TooLong {
        /// How many so far.
        bytes: u64,
    },
}

/// Writes a zip.
pub(super) struct ZipWriter {
    secret: Zeroizing<Vec<u8>>,
    files: Vec<Written>,
    /// Where the next file begins.
    at: u64,
}

struct Written {
    name: String,
    at: u64,
    /// Salt, check, content and tag.
    stored: u64,
    plain: u64,
}

/// A file that is being written.
pub(super) struct Entry {
    name: String,
    at: u64,
    secret: Zeroizing<Vec<u8>>,
    salt: [u8; SALT_BYTES],
    keys: Option<Keys>,
    plain: u64,
    head_bytes: u64,
}

struct Keys {
    cipher: EncryptingKey,
    tag: hmac::Context,
    check: [u8; CHECK_BYTES],
    counter: u64,
    /// Key stream that is left of the last blocks, and where it goes on.
    stream: Vec<u8>,
    used: usize,
}

impl ZipWriter {
    pub(super) fn new(secret: &str) -> Self {
        Self { secret: Zeroizing::new(secret.as_bytes().to_vec()), files: Vec::new(), at: 0 }
    }

    /// Begins a file. Its local header comes first, then what [`Entry::head`] gives.
    pub(super) fn begin(&self, name: &str) -> (Vec<u8>, Entry) {
        let mut salt = [0; SALT_BYTES];
        rand::fill(&mut salt).expect("the operating system gives randomness");
        let mut head = Vec::with_capacity(64);
        head.extend_from_slice(&0x0403_4b50_u32.to_le_bytes());
        head.extend_from_slice(&common(name, 0, 0));
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(&aes_extra());
        let head_bytes = head.len() as u64;
        let (name, secret) = (name.to_owned(), self.secret.clone());
        (head, Entry { name, at: self.at, secret, salt, keys: None, plain: 0, head_bytes })
    }

    /// Ends a file: its tag, and how long it was.
    pub(super) fn end(&mut self, entry: Entry) -> Vec<u8> {
        let Entry { name, at, keys, plain, head_bytes, .. } = entry;
        let tag = keys.expect("a file that ends has keys").tag.sign();
        let stored = (SALT_BYTES + CHECK_BYTES + TAG_BYTES) as u64 + plain;
        let mut end = tag.as_ref()[..TAG_BYTES].to_vec();
        end.extend_from_slice(&0x0807_4b50_u32.to_le_bytes());
        // AE-2 has no CRC: it would say what short files hold
        end.extend_from_slice(&0_u32.to_le_bytes());
        end.extend_from_slice(&short(stored).to_le_bytes());
        end.extend_from_slice(&short(plain).to_le_bytes());
        self.at = at + head_bytes + stored + 16;
        self.files.push(Written { name, at, stored, plain });
        end
    }

    /// The directory and its end.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut directory = Vec::new();
        for Written { name, at, stored, plain } in &self.files {
            let far = *at >= FROM_64;
            directory.extend_from_slice(&0x0201_4b50_u32.to_le_bytes());
            // made by: 5.1 on UNIX
            directory.extend_from_slice(&(VERSION | 3 << 8).to_le_bytes());
            let mut common = common(name, short(*stored), short(*plain));
            let extra = 11 + if far { 12_u16 } else { 0 };
            let length = common.len();
            common[length - 2..].copy_from_slice(&extra.to_le_bytes());
            directory.extend_from_slice(&common);
            // no comment, one disk, no internal attributes; an ordinary file that its owner reads
            directory.extend_from_slice(&[0; 6]);
            directory.extend_from_slice(&(0o100_400_u32 << 16).to_le_bytes());
            directory.extend_from_slice(&u32::try_from(*at).unwrap_or(u32::MAX).to_le_bytes());
            directory.extend_from_slice(name.as_bytes());
            directory.extend_from_slice(&aes_extra());
            if far {
                directory.extend_from_slice(&1_u16.to_le_bytes());
                directory.extend_from_slice(&8_u16.to_le_bytes());
                directory.extend_from_slice(&at.to_le_bytes());
            }
        }
        let (count, bytes, at) = (self.files.len() as u64, directory.len() as u64, self.at);
        if count >= 0xffff || bytes >= FROM_64 || at >= FROM_64 {
            directory.extend_from_slice(&end_64(count, bytes, at));
        }
        directory.extend_from_slice(&0x0605_4b50_u32.to_le_bytes());
        directory.extend_from_slice(&[0; 4]);
        let count = u16::try_from(count).unwrap_or(u16::MAX);
        directory.extend_from_slice(&count.to_le_bytes());
        directory.extend_from_slice(&count.to_le_bytes());
        directory.extend_from_slice(&u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes());
        directory.extend_from_slice(&u32::try_from(at).unwrap_or(u32::MAX).to_le_bytes());
        directory.extend_from_slice(&[0; 2]);
        directory
    }
}

impl Entry {
    /// The same with its keys. Slow: a few milliseconds.
    pub(super) fn with_keys(mut self) -> Self {
        let mut derived = Zeroizing::new([0; 2 * KEY_BYTES + CHECK_BYTES]);
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA1, ROUNDS, &self.salt, &self.secret, &mut *derived);
        let cipher = UnboundCipherKey::new(&AES_256, &derived[..KEY_BYTES]).expect("32 bytes are a key");
        let tag = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &derived[KEY_BYTES..2 * KEY_BYTES]);
        self.keys = Some(Keys {
            cipher: EncryptingKey::ecb(cipher).expect("a key of this cipher encrypts blocks"),
            tag: hmac::Context::with_key(&tag),
            check: derived[2 * KEY_BYTES..].try_into().expect("two bytes are left"),
            counter: 0,
            stream: Vec::new(),
            used: 0,
        });
        self
    }

    /// What comes before the content.
    pub(super) fn head(&self) -> Vec<u8> {
        let check = self.keys.as_ref().expect("the keys were derived").check;
        [&self.salt[..], &check].concat()
    }

    /// Encrypts the next bytes of the content in place.
    pub(super) fn encrypt(&mut self, bytes: &mut [u8]) -> Result<(), ZipError> {
        self.plain += bytes.len() as u64;
        if self.plain > FILE_BYTES_MAX {
            return Err(ZipError::TooLong { bytes: self.plain });
        }
        let keys = self.keys.as_mut().expect("the keys were derived");
        keys.apply(bytes);
        keys.tag.update(bytes);
        Ok(())
    }
}

impl Keys {
    /// AES in counter mode: the counter is little endian and begins at 1, unlike everywhere else.
    fn apply(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.used == self.stream.len() {
                self.stream.clear();
                for _ in 0..BLOCKS {
                    self.counter += 1;
                    self.stream.extend_from_slice(&u128::from(self.counter).to_le_bytes());
                }
                self.cipher.encrypt(&mut self.stream).expect("whole blocks are encrypted");
                self.used = 0;
            }
            *byte ^= self.stream[self.used];
            self.used += 1;
        }
    }
}

/// What local header and directory have in common, from the version to the lengths of name and extra field.
fn common(name: &str, stored: u32, plain: u32) -> Vec<u8> {
    let mut common = Vec::with_capacity(26);
    for word in [VERSION, FLAGS, METHOD_AES, 0, DATE] {
        common.extend_from_slice(&word.to_le_bytes());
    }
    for long in [0, stored, plain] {
        common.extend_from_slice(&long.to_le_bytes());
    }
    let name_bytes = u16::try_from(name.len()).expect("names are short");
    common.extend_from_slice(&name_bytes.to_le_bytes());
    common.extend_from_slice(&11_u16.to_le_bytes());
    common
}

/// AE-2, AES-256, and below it the method `stored`.
fn aes_extra() -> [u8; 11] {
    [0x01, 0x99, 7, 0, 2, 0, b'A', b'E', 3, 0, 0]
}

/// Zip64: the end of the directory and where it lies.
fn end_64(count: u64, bytes: u64, at: u64) -> Vec<u8> {
    let mut end = 0x0606_4b50_u32.to_le_bytes().to_vec();
    end.extend_from_slice(&44_u64.to_le_bytes());
    end.extend_from_slice(&(VERSION | 3 << 8).to_le_bytes());
    end.extend_from_slice(&VERSION.to_le_bytes());
    end.extend_from_slice(&[0; 8]);
    for long in [count, count, bytes, at] {
        end.extend_from_slice(&long.to_le_bytes());
    }
    end.extend_from_slice(&0x0706_4b50_u32.to_le_bytes());
    end.extend_from_slice(&[0; 4]);
    end.extend_from_slice(&(at + bytes).to_le_bytes());
    end.extend_from_slice(&1_u32.to_le_bytes());
    end
}

fn short(bytes: u64) -> u32 {
    u32::try_from(bytes).expect("a file is not longer than FILE_BYTES_MAX")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A zip of these files, each handed on in pieces.
    fn zip(files: &[(&str, &[u8])], piece: usize) -> Vec<u8> {
        let mut writer = ZipWriter::new("AB23-secret");
        let mut whole = Vec::new();
        for (name, content) in files {
            let (head, entry) = writer.begin(name);
            whole.extend_from_slice(&head);
            let mut entry = entry.with_keys();
            whole.extend_from_slice(&entry.head());
            for part in content.chunks(piece) {
                let mut part = part.to_vec();
                entry.encrypt(&mut part).expect("it is short");
                whole.extend_from_slice(&part);
            }
            whole.extend_from_slice(&writer.end(entry));
        }
        whole.extend_from_slice(&writer.finish());
        whole
    }

    #[test]
    fn the_bytes_do_not_depend_on_how_they_come_and_nothing_of_them_is_readable() {
        let content: Vec<u8> = (0..40_000_u32).flat_map(u32::to_le_bytes).collect();
        let salt = [7; SALT_BYTES];
        let encrypted = |piece| {
            let (_, mut entry) = ZipWriter::new("s").begin("A");
            entry.salt = salt;
            let mut entry = entry.with_keys();
            let mut whole = content.clone();
            whole.chunks_mut(piece).for_each(|part| entry.encrypt(part).expect("it is short"));
            whole
        };
        let whole = encrypted(content.len());
        for piece in [1, 15, 16, 17, 8_192, 8_193] {
            assert_eq!(encrypted(piece), whole, "{piece}");
        }
        let made = zip(&[("DICOMDIR", b"PATIENT^NAME PATIENT^NAME")], 7);
        assert!(!made.windows(7).any(|window| window == b"PATIENT"));
    }

    #[test]
    fn a_file_is_encrypted_as_the_specification_has_it() {
        // computed with PBKDF2 of Python's hashlib and AES of OpenSSL
        let (_, mut entry) = ZipWriter::new("AB23-secret").begin("A");
        entry.salt = [7; SALT_BYTES];
        let mut entry = entry.with_keys();
        assert_eq!(entry.head(), [&[7; SALT_BYTES][..], &[0xe6, 0x98]].concat());
        let mut content = b"a study, forty-one bytes of it and no more"[..41].to_vec();
        entry.encrypt(&mut content).expect("it is short");
        let expected = "ebc711f86d4a07f9e436b0a5dc10ac5387eb8936f6fc4ac0fc01d310ebeb8c3f40d963c4b1eae1fb7b";
        assert_eq!(hex::encode(&content), expected);
        let end = ZipWriter::new("AB23-secret").end(entry);
        assert_eq!(hex::encode(&end[..TAG_BYTES]), "5eb09db1ccb87ec119cd");
    }

    #[test]
    fn a_file_of_four_gibibytes_is_refused_and_not_cut() {
        let (_, entry) = ZipWriter::new("s").begin("A");
        let mut entry = entry.with_keys();
        entry.plain = FILE_BYTES_MAX;
        assert_eq!(entry.encrypt(&mut [0]), Err(ZipError::TooLong { bytes: FILE_BYTES_MAX + 1 }));
    }

    #[test]
    fn offsets_that_are_too_long_for_32_bits_stand_in_further_records() {
        let mut writer = ZipWriter::new("s");
        writer.at = FROM_64 + 5;
        let (_, entry) = writer.begin("FAR");
        let end = writer.end(entry.with_keys());
        assert_eq!(end.len(), TAG_BYTES + 16);
        let directory = writer.finish();
        assert!(
            directory.windows(12).any(|window| window == [&[1, 0, 8, 0][..], &(FROM_64 + 5).to_le_bytes()].concat())
        );
        assert!(directory.windows(4).any(|window| window == 0x0606_4b50_u32.to_le_bytes()));
        assert!(directory.windows(4).any(|window| window == 0x0706_4b50_u32.to_le_bytes()));
    }
}
