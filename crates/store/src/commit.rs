//! Group commit: one thread writes what waits, makes it durable with one sync of the volume and one of the journal at
//! the same time, and answers everybody.
//!
//! A crash before both syncs are done leaves a torn tail in either file; nobody was answered, and the next start cuts
//! it off (`recover.rs`). A crash after them leaves everything. Nothing is written before the batch in front of it is
//! durable or cut off, so what is torn is always the last batch.

use std::io;
use std::sync::Arc;

use model::{KeyId, ObjectId};

use crate::inbox::{Body, Job, Point, Record};
use crate::io::{Step, StoreFile};
use crate::journal;
use crate::keeper::Kept;
use crate::outbox::{Entry, Outbox, create_journal};
use crate::record::{self, FILE_HEADER_BYTES, HEADER_BYTES, Header, Kind};
use crate::recover::Start;
use crate::rows::Change;
use crate::store::Shared;
use crate::syncer::Syncer;
use crate::ticket::{Answer, Durable};
use crate::{OutboxState, Placement, StoreError};

/// A file that is appended to.
struct Tail {
    number: u32,
    file: Arc<dyn StoreFile>,
    /// Behind the last durable record.
    end: u64,
    /// A sync failed: the file stays as it is from here on.
    retired: bool,
}

/// The committing thread's state.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    syncer: Syncer,
    volume: Option<Tail>,
    next_volume: u32,
    journal: Option<Tail>,
    next_journal: u32,
    /// The tail of the last batch could not be cut off yet.
    unsettled: bool,
}

/// What a batch looks like on disk.
#[derive(Default)]
struct Plan {
    /// The volume records, header first.
    records: Vec<(Record, [u8; HEADER_BYTES], u64)>,
    volume_end: u64,
    journal_bytes: Vec<u8>,
    entries: Vec<Entry>,
    last: u64,
    chain: [u8; 32],
    /// The highest acknowledgement.
    acknowledged: Option<(u64, [u8; 32])>,
    jump: Option<(u64, [u8; 32])>,
    durable: Vec<(Answer<Durable>, u64)>,
    done: Vec<Answer<()>>,
}

impl Committer {
    pub fn new(shared: Arc<Shared>, start: Start) -> io::Result<Self> {
        let volume =
            start.volume.map(|last| Tail { number: last.number, file: last.file, end: last.end, retired: false });
        let syncer = Syncer::start(Arc::clone(&shared))?;
        let (next_volume, next_journal) = (start.next_volume, start.next_journal);
        Ok(Self { shared, syncer, volume, next_volume, journal: None, next_journal, unsettled: false })
    }

    /// The thread: batches until the inbox is closed.
    pub fn run(mut self) {
        loop {
            let batch = self.shared.inbox.take();
            if batch.is_empty() {
                break;
            }
            let bytes = batch.iter().map(Job::bytes).sum();
            self.commit(batch);
            self.shared.inbox.release(bytes);
        }
        self.syncer.stop();
    }

    fn commit(&mut self, mut batch: Vec<Job>) {
        if let Some(Job::Snapshot { .. }) = batch.first() {
            return batch.drain(..).for_each(|job| self.point(job));
        }
        let ready = self.shared.keeper.room().and_then(|()| self.prepare(&batch).map_err(StoreError::from_io));
        if let Err(error) = ready {
            return batch.into_iter().for_each(|job| job.refuse(error.clone()));
        }
        let plan = self.plan(batch);
        match self.write(&plan) {
            Ok(()) => self.publish(plan),
            Err(error) => {
                self.unsettled = true;
                // tried at once, so that what is refused is gone; when it fails, before the next batch
                let _ = self.settle();
                let error = StoreError::from_io(error);
                plan.durable.into_iter().for_each(|(answer, _)| answer.give(Err(error.clone())));
                plan.done.into_iter().for_each(|answer| answer.give(Err(error.clone())));
            }
        }
    }

    /// Tells where everything stands between two batches. Nothing is written.
    fn point(&self, job: Job) {
        let Job::Snapshot { rows, answer } = job else { return };
        let (volume, end) = self.volume.as_ref().map_or((0, 0), |volume| (volume.number, volume.end));
        let outbox = self.shared.outbox.state();
        let held = Outbox::hold(&self.shared.outbox);
        let kept = Kept { changes: Vec::new(), volume, offset: end, last: outbox.last, answers: vec![rows] };
        if volume != 0 {
            self.shared.keeper.put(kept);
        } else {
            kept.answers.into_iter().for_each(|rows| rows.give(Ok(())));
        }
        answer.give(Ok(Point { volume, end, outbox, held }));
    }

    /// Makes sure that there is a volume and a journal to write to, and that nothing unfinished lies behind their end.
    fn prepare(&mut self, batch: &[Job]) -> io::Result<()> {
        self.settle()?;
        let options = self.shared.options.clone();
        if self.volume.as_ref().is_none_or(|volume| volume.retired || volume.end >= options.volume_bytes) {
            self.volume = Some(self.create_volume()?);
        }
        let groups = batch.iter().any(|job| matches!(job, Job::Group { .. }));
        let full = |journal: &Tail| journal.retired || journal.end >= options.journal_bytes;
        if groups && self.journal.as_ref().is_none_or(full) {
            let outbox = self.shared.outbox.state();
            let number = self.next_journal;
            self.next_journal += 1;
            let io = &*self.shared.io;
            let journal = create_journal(io, &self.shared.dir, number, outbox, options.journal_bytes)?;
            self.journal =
                Some(Tail { number, file: Arc::clone(&journal.file), end: journal::FILE_HEADER_BYTES, retired: false });
            self.shared.outbox.begin_journal(journal);
        }
        Ok(())
    }

    fn create_volume(&mut self) -> io::Result<Tail> {
        self.shared.io.before(Step::VolumeCreate)?;
        let number = self.next_volume;
        self.next_volume += 1;
        let path = self.shared.volumes.path(number);
        let file = self.shared.io.create(&path)?;
        let written = file.write_at(&[&record::file_header(number)], 0).and_then(|()| file.sync());
        if let Err(error) = written {
            // half a header in which nothing was written; a crash here leaves it, and the next start removes it
            let _ = self.shared.io.remove(&path);
            return Err(error);
        }
        Ok(Tail { number, file, end: FILE_HEADER_BYTES, retired: false })
    }

    /// Gives every record its place, its number and its chain value. Writes nothing.
    fn plan(&self, batch: Vec<Job>) -> Plan {
        let OutboxState { last, chain, acknowledged } = self.shared.outbox.state();
        let volume = self.volume.as_ref().expect("prepared");
        let mut plan = Plan { volume_end: volume.end, last, chain, ..Plan::default() };
        for job in batch {
            match job {
                Job::Group { records, body, answer, .. } => {
                    let journal = self.journal.as_ref().expect("prepared when a group is in the batch");
                    plan.group(volume, journal, records, &body, last);
                    plan.durable.push((answer, plan.last));
                }
                Job::Chunk { record, .. } => {
                    plan.record(volume, *record);
                }
                // only what was durable before this batch can have been handed over
                Job::Acknowledge { up_to, answer, .. } if up_to > last => {
                    answer.give(Err(StoreError::NotInOutbox { up_to, last }));
                }
                Job::Acknowledge { up_to, answer, .. }
                    if up_to <= plan.acknowledged.map_or(acknowledged, |(up_to, _)| up_to) =>
                {
                    plan.done.push(answer);
                }
                Job::Acknowledge { up_to, placements, answer } => match self.shared.outbox.chain_of(up_to) {
                    Ok(chain) => {
                        plan.record(volume, acknowledgement(up_to, &chain, &placements));
                        plan.acknowledged = Some((up_to, chain));
                        plan.done.push(answer);
                    }
                    Err(error) => answer.give(Err(StoreError::from_io(io::Error::other(error)))),
                },
                Job::Jump { last: to, answer, .. } if to < last => {
                    answer.give(Err(StoreError::NotInOutbox { up_to: to, last }));
                }
                Job::Jump { answer, .. } if acknowledged < last => {
                    answer.give(Err(StoreError::StillWaiting { waiting: last - acknowledged }));
                }
                Job::Snapshot { .. } => unreachable!("a snapshot is a batch of its own, and writes nothing"),
                Job::Jump { last, chain, answer } => {
                    plan.record(volume, acknowledgement(last, &chain, &[]));
                    plan.jump = Some((last, chain));
                    plan.done.push(answer);
                }
            }
        }
        plan
    }

    /// Writes both files and syncs both, at the same time.
    fn write(&mut self, plan: &Plan) -> io::Result<()> {
        let io = &self.shared.io;
        if !plan.journal_bytes.is_empty() {
            let journal = self.journal.as_ref().expect("prepared when a group is in the batch");
            io.before(Step::JournalWrite)?;
            journal.file.write_at(&[&plan.journal_bytes], journal.end)?;
            // a crash from here on may leave the record without its instances: the next start cuts it off
            self.syncer.begin(Arc::clone(&journal.file));
        }
        let written = self.write_volume(plan);
        if !plan.journal_bytes.is_empty()
            && let Err(error) = self.syncer.end()
        {
            self.journal.iter_mut().for_each(|journal| journal.retired = true);
            return Err(error);
        }
        written?;
        // a crash here leaves a whole group that nobody was answered for: it is stored, and sent again it is a duplicate
        self.shared.io.before(Step::Answer)
    }

    fn write_volume(&mut self, plan: &Plan) -> io::Result<()> {
        if plan.records.is_empty() {
            return Ok(());
        }
        let volume = self.volume.as_mut().expect("prepared");
        let mut pieces: Vec<&[u8]> = Vec::with_capacity(plan.records.len() * 8);
        for (record, header, offset) in &plan.records {
            pieces.extend([header.as_slice(), &record.row, &record.detail]);
            if let Body::Here(body) = &record.body {
                pieces.extend(body.iter().map(Vec::as_slice));
            }
            let length = record.header.length().expect("lengths were limited when the record was made");
            pieces.push(record::padding(offset + length));
        }
        pieces.retain(|piece| !piece.is_empty());
        self.shared.io.before(Step::VolumeWrite)?;
        volume.file.write_at(&pieces, volume.end)?;
        let synced = self.shared.io.before(Step::VolumeSync).and_then(|()| volume.file.sync());
        volume.retired |= synced.is_err();
        synced
    }

    /// Everything of the batch is durable: says so to the outbox, the keeper and whoever waits.
    fn publish(&mut self, plan: Plan) {
        let Plan { records, volume_end, journal_bytes, entries, last, chain, acknowledged, jump, durable, done } = plan;
        let volume = self.volume.as_mut().expect("prepared");
        volume.end = volume_end;
        if let Some(journal) = &mut self.journal {
            journal.end += journal_bytes.len() as u64;
        }
        let outbox = &self.shared.outbox;
        if !entries.is_empty() {
            outbox.push(&entries, last, chain);
        }
        if let Some((up_to, chain)) = acknowledged {
            outbox.acknowledge(up_to, chain);
        }
        if let Some((last, chain)) = jump {
            outbox.jump(last, chain);
            self.journal = None;
        }
        let (number, offset) = (volume.number, volume.end);
        self.shared.ends.set(number, offset);
        let large = records.iter().filter(|(record, ..)| record.header.large.is_some());
        self.shared.ends.add(large.map(|(record, ..)| record.header.body_length).sum());
        let changes = records.into_iter().map(|(record, _, offset)| change(record, number, offset)).collect();
        let last = jump.map_or(last, |(last, _)| last);
        self.shared.keeper.put(Kept { changes, volume: number, offset, last, answers: done });
        durable.into_iter().for_each(|(answer, sequence)| answer.give(Ok(Durable { sequence })));
    }

    /// Cuts off what an unsuccessful batch wrote. A crash here leaves a torn tail, as any other.
    fn settle(&mut self) -> io::Result<()> {
        if self.unsettled {
            self.shared.io.before(Step::Rollback)?;
            for tail in self.volume.iter().chain(&self.journal) {
                tail.file.truncate(tail.end)?;
                tail.file.sync()?;
            }
            self.unsettled = false;
        }
        Ok(())
    }
}

impl Plan {
    fn group(&mut self, volume: &Tail, journal: &Tail, records: Vec<Record>, body: &[u8], durable: u64) {
        self.last += 1;
        self.chain = journal::chain(&self.chain, self.last, body);
        let offset = self.volume_end;
        let mut hasher = blake3::Hasher::new();
        for mut record in records {
            record.header.sequence = self.last;
            hasher.update(&self.record(volume, record));
        }
        let at = journal.end + self.journal_bytes.len() as u64;
        let header = journal::Header {
            sequence: self.last,
            body_length: body.len() as u32,
            volume: volume.number,
            offset,
            length: self.volume_end - offset,
            durable,
            group: hasher.finalize().into(),
            chain: self.chain,
        };
        self.journal_bytes.extend_from_slice(&header.encode(journal.number, at));
        self.journal_bytes.extend_from_slice(body);
        self.journal_bytes.resize((header.end(at) - journal.end) as usize, 0);
        self.entries.push(Entry { journal: journal.number, offset: at, body_length: header.body_length });
    }

    fn record(&mut self, volume: &Tail, mut record: Record) -> [u8; HEADER_BYTES] {
        let offset = self.volume_end;
        record.header.synced = volume.end;
        let raw = record.header.encode(volume.number, offset);
        let end = record.header.length().and_then(|length| record::padded(offset + length));
        self.volume_end = end.expect("lengths were limited when the record was made");
        self.records.push((record, raw, offset));
        raw
    }
}

fn acknowledgement(up_to: u64, chain: &[u8; 32], placements: &[(ObjectId, Placement)]) -> Record {
    let body = record::encode_verdicts(chain, placements);
    let header = Header {
        kind: Kind::Acknowledgement,
        sequence: up_to,
        object: ObjectId([0; 16]),
        key: KeyId([0; 16]),
        large: None,
        row_length: 0,
        detail_length: 0,
        body_length: body.len() as u64,
        synced: 0,
        details_hash: blake3::hash(&[]).into(),
        body_hash: blake3::hash(&body).into(),
    };
    Record { header, row: Vec::new(), detail: Vec::new(), body: Body::Here(vec![body]) }
}

/// What a record that was just written means for the rows.
fn change(record: Record, volume: u32, offset: u64) -> Change {
    let body = match record.body {
        Body::Here(pieces) if record.header.kind == Kind::Acknowledgement => pieces.concat(),
        Body::Here(_) => Vec::new(),
        Body::Large(large) => {
            large.keep();
            Vec::new()
        }
    };
    let change = Change::of(&record.header, volume, offset, record.row, record.detail, &body);
    change.expect("what was just written reads back")
}
