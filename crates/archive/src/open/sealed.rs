//! Reading sealed objects in ranges.

use std::{io, ops::Range};

use model::ObjectId;
use seal::{HEADER_BYTES, ObjectContext, ObjectKind, Opener, SealKey};
use store::{Place, Store};

use crate::ReadError;

/// One sealed object, ready to be read in ranges. Every call blocks on the disk.
pub(super) struct SealedObject {
    store: Store,
    place: Place,
    opener: Opener,
}

impl SealedObject {
    pub(super) fn open(store: &Store, place: Place, key: &SealKey, context: ObjectContext) -> Result<Self, ReadError> {
        let header = store.read(&place, 0..(HEADER_BYTES as u64).min(place.length))?;
        let opener = Opener::new(key, context, &header, place.length)?;
        Ok(Self { store: store.clone(), place, opener })
    }

    /// Bytes in the clear.
    pub(super) fn length(&self) -> u64 {
        self.opener.plaintext_length()
    }

    /// Appends a range to `out`. `sealed` is memory to use again.
    pub(super) fn read(&self, range: Range<u64>, sealed: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<(), ReadError> {
        sealed.clear();
        self.store.read_into(&self.place, self.opener.sealed_range(range.clone()), sealed)?;
        self.opener.open_range(range, sealed, out)?;
        Ok(())
    }
}

/// Reads and opens a whole small object.
pub(super) fn read_blob(
    store: &Store,
    place: &Place,
    key: &SealKey,
    context: ObjectContext,
) -> Result<Vec<u8>, ReadError> {
    let sealed = store.read(place, 0..place.length)?;
    Ok(seal::open_blob(key, context, &sealed)?)
}

/// The context of one of the objects of an instance.
pub(super) fn context(site: model::SiteId, key: model::KeyId, object: ObjectId, kind: ObjectKind) -> ObjectContext {
    ObjectContext { site, key, object, kind }
}

/// A sealed object as a reader, from its beginning. For what changes bytes on output.
pub(super) struct SealedReader<'a> {
    object: &'a SealedObject,
    position: u64,
    plain: Vec<u8>,
    used: usize,
    sealed: Vec<u8>,
    /// What ended the reading, because an [`io::Error`] cannot carry it as it is.
    failed: &'a mut Option<ReadError>,
}

/// Bytes that a [`SealedReader`] reads ahead.
const READ_AHEAD_BYTES: u64 = 256 * 1024;

impl<'a> SealedReader<'a> {
    pub(super) fn new(object: &'a SealedObject, failed: &'a mut Option<ReadError>) -> Self {
        Self { object, position: 0, plain: Vec::new(), used: 0, sealed: Vec::new(), failed }
    }
}

impl io::Read for SealedReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.used == self.plain.len() {
            let end = (self.position + READ_AHEAD_BYTES).min(self.object.length());
            self.plain.clear();
            self.used = 0;
            if self.position < end {
                if let Err(error) = self.object.read(self.position..end, &mut self.sealed, &mut self.plain) {
                    *self.failed = Some(error);
                    return Err(io::Error::other("a stored object does not open"));
                }
                self.position = end;
            }
        }
        let count = buffer.len().min(self.plain.len() - self.used);
        buffer[..count].copy_from_slice(&self.plain[self.used..self.used + count]);
        self.used += count;
        Ok(count)
    }
}
