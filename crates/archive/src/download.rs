//! **download**: a study as a DICOM File-set (PS3.10 section 8) in an encrypted zip, in place of a CD.
//!
//! ```text
//! warden: decide, record the entry 'opened' with the scope download, release ──► DICOMDIR from the metadata
//!        ──► DICOMDIR, then each instance: read, encrypted, handed on; a few blocks are held at a time
//! ```
//! Instances leave as they are stored: nothing is transcoded, so the File-set claims no application profile of PS3.11. Only their
//! preambles are blank, as those of a medium are: a file that somebody takes home is never a program as well. The secret is
//! made here and is in the answer's header once; nobody keeps it.

mod dicomdir;
mod records;
mod zip;

use std::sync::Arc;

use aws_lc_rs::rand;
use bytes::Bytes;
use futures::{StreamExt, stream};
use protocol::Refusal;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use self::dicomdir::FileSet;
use self::zip::{Entry, ZipError, ZipWriter};
use crate::open::blocking;
use crate::{ByteStream, OpenStudy, ReadError};

/// Blocks that wait for a slow receiver.
const BLOCKS_WAITING_MAX: usize = 2;
/// What stands before `DICM` (PS3.10 7.1).
const PREAMBLE_BYTES: usize = 128;
/// What secrets are spelled with: no character that looks like another one.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Groups of a secret.
const GROUPS: usize = 5;
/// Characters of a group: 25 in all are 125 bits, so that the zip format's cheap key derivation does not matter.
const GROUP_CHARACTERS: usize = 5;

/// A study on its way out.
pub struct Download {
    /// What opens the zip.
    pub secret: Zeroizing<String>,
    /// The zip as it comes.
    pub stream: ByteStream,
}

impl OpenStudy {
    /// The study as a File-set in a zip. Memory does not grow with the pixels, nor with what no directory record holds; the directory is
    /// made first, of the metadata.
    pub async fn download(self: &Arc<Self>) -> Result<Download, ReadError> {
        if self.instances().is_empty() {
            return Err(Refusal::NotFound.into());
        }
        let study = Arc::clone(self);
        let set = blocking(move || FileSet::of(&study)).await?;
        let secret = new_secret();
        let zip = ZipWriter::new(&secret);
        let (sender, receiver) = mpsc::channel(BLOCKS_WAITING_MAX);
        let study = Arc::clone(self);
        tokio::spawn(async move {
            // whoever takes it slowly holds no keys beyond the lease
            let written = tokio::time::timeout(study.lease_left(), write(&study, set, zip, &sender)).await;
            drop(study);
            if let Err(error) = written.unwrap_or(Err(ReadError::LeaseEnded)) {
                // a receiver that went away needs no reason
                let _ = sender.send(Err(error)).await;
            }
        });
        let stream = stream::unfold(receiver, |mut receiver| async move {
            let block = receiver.recv().await?;
            Some((block, receiver))
        });
        Ok(Download { secret, stream: stream.boxed() })
    }
}

type Sender = mpsc::Sender<Result<Bytes, ReadError>>;

async fn write(study: &Arc<OpenStudy>, set: FileSet, mut zip: ZipWriter, sender: &Sender) -> Result<(), ReadError> {
    let entry = zip.begin("DICOMDIR");
    let directory = stream::iter([Ok(Bytes::from(set.directory))]).boxed();
    zip = write_file(zip, entry, directory, sender).await?;
    for (name, instance) in set.files {
        let stored = study.stored(&instance).await?;
        let entry = zip.begin(&name);
        zip = write_file(zip, entry, without_preamble(stored.stream), sender).await?;
    }
    hand_on(sender, zip.finish()).await
}

/// A Part 10 stream whose preamble is zeros (PS3.10 7.1), whatever stood in it.
fn without_preamble(content: ByteStream) -> ByteStream {
    let mut left = PREAMBLE_BYTES;
    let mut blank = move |block: Bytes| {
        let here = left.min(block.len());
        left -= here;
        if block[..here].iter().all(|byte| *byte == 0) {
            return block;
        }
        let mut changed = block.to_vec();
        changed[..here].fill(0);
        changed.into()
    };
    content.map(move |block| block.map(&mut blank)).boxed()
}

/// One file: its header, its bytes as they come, its end.
async fn write_file(
    mut zip: ZipWriter,
    (head, entry): (Vec<u8>, Entry),
    mut content: ByteStream,
    sender: &Sender,
) -> Result<ZipWriter, ReadError> {
    hand_on(sender, head).await?;
    // keys are derived where it may take a moment
    let mut entry = blocking(move || Ok(entry.with_keys())).await?;
    hand_on(sender, entry.head()).await?;
    while let Some(block) = content.next().await {
        let block = block?;
        let (sealed, next) = blocking(move || {
            let mut sealed = block.to_vec();
            entry.encrypt(&mut sealed).map(|()| (sealed, entry)).map_err(too_long)
        })
        .await?;
        entry = next;
        hand_on(sender, sealed).await?;
    }
    hand_on(sender, zip.end(entry)).await?;
    Ok(zip)
}

async fn hand_on(sender: &Sender, block: Vec<u8>) -> Result<(), ReadError> {
    sender.send(Ok(block.into())).await.map_err(|_| ReadError::Stopping)
}

fn too_long(error: ZipError) -> ReadError {
    let ZipError::TooLong { bytes } = error;
    ReadError::TooLong { bytes }
}

/// Five groups of five characters.
fn new_secret() -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; GROUPS * GROUP_CHARACTERS]);
    rand::fill(&mut *bytes).expect("the operating system gives randomness");
    let mut secret = Zeroizing::new(String::with_capacity(GROUPS * (GROUP_CHARACTERS + 1)));
    for (place, byte) in bytes.iter().enumerate() {
        if place > 0 && place % GROUP_CHARACTERS == 0 {
            secret.push('-');
        }
        secret.push(char::from(ALPHABET[usize::from(byte & 31)]));
    }
    secret
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preamble_is_blank_however_the_stream_is_cut() {
        for at in [1, 64, 127, 128, 129, 140] {
            let file = [&[b'M'; PREAMBLE_BYTES][..], b"DICM and more bytes"].concat();
            let blocks = [&file[..at], &file[at..]].map(|block| Ok(Bytes::copy_from_slice(block)));
            let read = futures::executor::block_on(without_preamble(stream::iter(blocks).boxed()).collect::<Vec<_>>());
            let read: Vec<u8> = read.into_iter().flat_map(|block| block.expect("no error").to_vec()).collect();
            assert_eq!(read[..PREAMBLE_BYTES], [0; PREAMBLE_BYTES], "{at}");
            assert_eq!(read[PREAMBLE_BYTES..], file[PREAMBLE_BYTES..], "{at}");
        }
    }

    #[test]
    fn secrets_are_five_groups_of_five_and_never_the_same() {
        let secrets: std::collections::HashSet<String> = (0..100).map(|_| new_secret().to_string()).collect();
        assert_eq!(secrets.len(), 100);
        for secret in secrets {
            let groups: Vec<&str> = secret.split('-').collect();
            assert_eq!(groups.len(), GROUPS, "{secret}");
            assert!(groups.iter().all(|group| group.len() == GROUP_CHARACTERS), "{secret}");
            assert!(secret.bytes().all(|byte| byte == b'-' || ALPHABET.contains(&byte)), "{secret}");
        }
    }
}
