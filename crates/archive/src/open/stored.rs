//! Whole instances and bulk data as streams (PS3.18 sections 10.4.1.1 and 10.4.1.5): constant memory, one block read
//! ahead.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use futures::{StreamExt, stream, stream::BoxStream};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    Instance, OpenStudy, blocking,
    frame::read_inflated,
    sealed::{SealedObject, SealedReader},
};
use crate::{ReadError, read_error::DamagedBy};

/// Bytes that are read, opened and handed on at a time. A multiple of the segment, so that none is opened twice.
const BLOCK_BYTES: u64 = 1024 * 1024;

/// Blocks of a changed stream that wait for a slow receiver.
const BLOCKS_WAITING_MAX: usize = 2;

/// Bytes as they come.
pub type ByteStream = BoxStream<'static, Result<Bytes, ReadError>>;

/// A stream and, where it is known beforehand, its length.
pub struct Stored {
    /// How many bytes come, when that is known.
    pub length: Option<u64>,
    /// The bytes. An error ends them.
    pub stream: ByteStream,
}

impl OpenStudy {
    /// The instance as a Part 10 stream (PS3.10 7): as stored, unless the study was moved to another patient or came
    /// without a meta group. Reading begins at once, so a caller may ask for the next instance before it is needed.
    pub async fn stored(self: &Arc<Self>, instance: &Arc<Instance>) -> Result<Stored, ReadError> {
        if self.part_of(instance).moved {
            return Ok(self.overlaid(instance));
        }
        if instance.row.part10 {
            return Ok(self.as_stored(instance, Bytes::new(), 0..instance.row.stored_bytes));
        }
        let (study, made_for) = (Arc::clone(self), Arc::clone(instance));
        let header = blocking(move || study.make_header(&made_for)).await?;
        Ok(self.as_stored(instance, header, instance.row.dataset_offset..instance.row.stored_bytes))
    }

    /// A range of the instance: what a BulkDataURI names, or a part of it. Of a moved study nothing else: the rest of its bytes
    /// still names the former patient.
    pub async fn bulk(
        self: &Arc<Self>,
        instance: &Arc<Instance>,
        offset: u64,
        length: u64,
    ) -> Result<Stored, ReadError> {
        let end = offset.checked_add(length).ok_or(ReadError::NoSuchPart)?;
        if self.part_of(instance).moved {
            let (study, instance) = (Arc::clone(self), Arc::clone(instance));
            let named = blocking(move || study.names_bulk(&instance, offset..end)).await?;
            if !named {
                return Err(ReadError::NoSuchPart);
            }
        }
        if instance.row.deflated {
            let (study, instance) = (Arc::clone(self), Arc::clone(instance));
            let bytes = blocking(move || {
                let object = study.sealed(&instance)?;
                let mut bytes = Vec::new();
                read_inflated(&object, instance.row.dataset_offset, offset, length, &mut bytes)?;
                Ok(Bytes::from(bytes))
            })
            .await?;
            return Ok(Stored { length: Some(length), stream: stream::iter([Ok(bytes)]).boxed() });
        }
        if end > instance.row.stored_bytes {
            return Err(ReadError::NoSuchPart);
        }
        Ok(self.as_stored(instance, Bytes::new(), offset..end))
    }

    /// Whether the metadata, as it leaves, has a BulkDataURI that covers the range.
    fn names_bulk(&self, instance: &Instance, range: Range<u64>) -> Result<bool, ReadError> {
        let metadata = self.read_metadata_object(instance)?;
        let patient = super::metadata::patient_attributes(&self.part_of(instance).row.patient);
        let json = dataset::apply_overlay(&metadata.json, &patient);
        Ok(bulk_spans(&json).any(|span| span.start <= range.start && range.end <= span.end))
    }

    fn make_header(&self, instance: &Instance) -> Result<Bytes, ReadError> {
        let metadata = self.read_metadata_object(instance)?;
        let mut stored = Vec::new();
        self.sealed(instance)?.read(0..metadata.dataset_offset, &mut Vec::new(), &mut stored)?;
        Ok(dataset::output_header(&metadata, &stored).into())
    }

    fn as_stored(self: &Arc<Self>, instance: &Arc<Instance>, header: Bytes, range: Range<u64>) -> Stored {
        let length = header.len() as u64 + (range.end - range.start);
        let blocks = Blocks {
            study: Arc::clone(self),
            instance: Arc::clone(instance),
            from: range.start,
            handed_on: 0,
            rest: range,
            reading: None,
            scratch: Vec::new(),
        };
        let blocks = stream::unfold(blocks.read_ahead(None), |mut blocks| async move {
            let block = blocks.next().await?;
            Some((block, blocks))
        });
        let header = stream::iter((!header.is_empty()).then_some(Ok(header)));
        Stored { length: Some(length), stream: header.chain(blocks).boxed() }
    }

    /// The instance with the patient attributes of the patient that the study is filed under.
    fn overlaid(self: &Arc<Self>, instance: &Arc<Instance>) -> Stored {
        let (sender, receiver) = mpsc::channel(BLOCKS_WAITING_MAX);
        let (study, instance) = (Arc::clone(self), Arc::clone(instance));
        tokio::task::spawn_blocking(move || {
            if let Err(error) = study.write_overlaid(&instance, &sender) {
                // a receiver that went away needs no reason
                let _ = sender.blocking_send(Err(error));
            }
        });
        let stream = stream::unfold(receiver, |mut receiver| async move {
            let block = receiver.recv().await?;
            Some((block, receiver))
        });
        Stored { length: None, stream: stream.boxed() }
    }

    fn write_overlaid(
        &self,
        instance: &Instance,
        sender: &mpsc::Sender<Result<Bytes, ReadError>>,
    ) -> Result<(), ReadError> {
        let metadata = self.read_metadata_object(instance)?;
        let object = self.sealed(instance)?;
        let patient = super::metadata::patient_attributes(&self.part_of(instance).row.patient);
        let (mut failed, mut ended) = (None, None);
        let mut block = Vec::with_capacity(BLOCK_BYTES as usize);
        let send = |block: &mut Vec<u8>, size| {
            let full = std::mem::replace(block, Vec::with_capacity(size));
            sender.blocking_send(Ok(full.into())).map_err(|_| std::io::Error::from(std::io::ErrorKind::BrokenPipe))
        };
        let overlaid = dataset::overlay_part10(
            &mut SealedReader::new(&object, &mut failed),
            &metadata,
            &patient,
            &mut |bytes: &[u8]| {
                if let Err(error) = self.check_lease() {
                    ended = Some(error);
                    return Err(std::io::Error::other("the lease ended"));
                }
                block.extend_from_slice(bytes);
                if block.len() as u64 >= BLOCK_BYTES { send(&mut block, BLOCK_BYTES as usize) } else { Ok(()) }
            },
        );
        match (failed.or(ended), overlaid) {
            (Some(error), _) => Err(error),
            (None, Err(error)) => Err(ReadError::Damaged(DamagedBy::DataSet(error))),
            (None, Ok(())) => {
                let _ = send(&mut block, 0);
                Ok(())
            }
        }
    }
}

/// The spans that the BulkDataURIs of an instance's JSON name: `leadglass:/studies/…/bulkdata/OFFSET-LENGTH`.
fn bulk_spans(json: &[u8]) -> impl Iterator<Item = Range<u64>> {
    // inside a string every quotation mark is escaped, so this cannot stand in a value
    const MARK: &str = "\"BulkDataURI\":\"leadglass:";
    let text = std::str::from_utf8(json).unwrap_or_default();
    text.match_indices(MARK).filter_map(|(at, mark)| {
        let uri = text[at + mark.len()..].split('"').next()?;
        let (offset, length) = uri.rsplit('/').next()?.split_once('-')?;
        let (offset, length) = (offset.parse::<u64>().ok()?, length.parse::<u64>().ok()?);
        Some(offset..offset.checked_add(length)?)
    })
}

/// The rest of a range, and the block that is being read.
struct Blocks {
    study: Arc<OpenStudy>,
    instance: Arc<Instance>,
    from: u64,
    handed_on: u64,
    /// What no block was begun for.
    rest: Range<u64>,
    reading: Option<JoinHandle<Result<Block, ReadError>>>,
    scratch: Vec<u8>,
}

struct Block {
    bytes: Vec<u8>,
    object: SealedObject,
    scratch: Vec<u8>,
}

impl Blocks {
    /// Begins to read the next block, if there is one.
    fn read_ahead(mut self, object: Option<SealedObject>) -> Self {
        self.begin(object);
        self
    }

    fn begin(&mut self, object: Option<SealedObject>) {
        if self.rest.is_empty() {
            return;
        }
        // blocks end where segments end
        let end = ((self.rest.start / BLOCK_BYTES + 1) * BLOCK_BYTES).min(self.rest.end);
        let range = self.rest.start..end;
        self.rest.start = end;
        let (study, instance) = (Arc::clone(&self.study), Arc::clone(&self.instance));
        let mut scratch = std::mem::take(&mut self.scratch);
        self.reading = Some(tokio::task::spawn_blocking(move || {
            study.check_lease()?;
            let object = object.map_or_else(|| study.sealed(&instance), Ok)?;
            let mut bytes = Vec::with_capacity((range.end - range.start) as usize);
            object.read(range, &mut scratch, &mut bytes)?;
            Ok(Block { bytes, object, scratch })
        }));
    }

    async fn next(&mut self) -> Option<Result<Bytes, ReadError>> {
        let mut block = self.reading.take()?.await.unwrap_or(Err(ReadError::Stopping));
        if self.handed_on > 0 && matches!(block, Err(ReadError::LeaseEnded)) {
            block = self.read_again().await;
        }
        let block = match block {
            Ok(block) => block,
            Err(error) => return Some(self.end(error)),
        };
        self.scratch = block.scratch;
        self.handed_on += block.bytes.len() as u64;
        if let Err(error) = self.renew_if_ended().await {
            return Some(self.end(error));
        }
        self.begin(Some(block.object));
        Some(Ok(block.bytes.into()))
    }

    fn end(&mut self, error: ReadError) -> Result<Bytes, ReadError> {
        self.rest = 0..0;
        Err(error)
    }

    /// The lease ended between the decision to read a block and the reading.
    async fn read_again(&mut self) -> Result<Block, ReadError> {
        self.rest.start = self.from + self.handed_on;
        self.renew_if_ended().await?;
        self.begin(None);
        match self.reading.take() {
            Some(reading) => reading.await.unwrap_or(Err(ReadError::Stopping)),
            None => Err(ReadError::Stopping),
        }
    }

    /// A long transfer outlives its lease: then the warden is asked again, which is another entry.
    async fn renew_if_ended(&mut self) -> Result<(), ReadError> {
        if self.rest.is_empty() || self.study.check_lease().is_ok() {
            return Ok(());
        }
        let study = self.study.renewed().await?;
        let row = &self.instance.row;
        let instance = study.instance(&row.series, &row.sop_instance)?;
        if instance.object != self.instance.object {
            return Err(ReadError::LeaseEnded);
        }
        self.instance = Arc::clone(instance);
        self.study = study;
        Ok(())
    }
}
