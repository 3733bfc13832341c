//! Dying at every durable step, over and over, and what must hold afterwards.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::{ObjectId, StudyNumber};
use store::{Group, Placement, Step, Store, StoreError, Ticket};

use crate::support::{Bench, Fault, Faults, Random, Sent, chunk, everything, group, settled, waiting};

const STUDIES: u32 = 3;

/// An acknowledgement: the last record, its chain value, the verdicts.
type Acknowledged = (u64, [u8; 32], Vec<(ObjectId, Placement)>);

/// What the sender and the warden remember.
struct World {
    seed: u64,
    random: Random,
    bench: Bench,
    /// Instances that were answered for, by outbox number.
    answered: BTreeMap<u64, Vec<Sent>>,
    /// Instances that nobody was answered for: the process died first.
    unanswered: Vec<Sent>,
    /// Instances whose group was refused.
    refused: Vec<ObjectId>,
    placed: BTreeMap<ObjectId, Placement>,
    /// What the warden acknowledged last, with its chain value.
    warden: (u64, [u8; 32]),
    /// Acknowledgements that were on their way when the process died: they are there at the next start, or not.
    on_their_way: Vec<Acknowledged>,
    /// `front.db` as it was at an earlier moment.
    old_rows: Option<Vec<u8>>,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            random: Random(seed),
            bench: Bench::new(),
            answered: BTreeMap::new(),
            unanswered: Vec::new(),
            refused: Vec::new(),
            placed: BTreeMap::new(),
            warden: (0, [0; 32]),
            on_their_way: Vec::new(),
            old_rows: None,
        }
    }

    /// One life: opens, does random things, dies at `step`.
    fn life(&mut self, step: Step, fault: Fault) {
        let faults = Arc::new(Faults::default());
        let (store, _) = self.bench.open_with(&faults);
        self.check(&store);
        faults.set(step, self.random.below(4) as u32, fault);
        for _ in 0..6 {
            match self.random.below(10) {
                0..=5 => self.send(&store),
                6..=7 => self.hand_over(&store),
                _ => self.put_chunk(&store),
            }
            if faults.dead.load(Ordering::SeqCst) {
                break;
            }
        }
        faults.dead.store(self.random.chance(70), Ordering::SeqCst);
        drop(store);
        self.lose_power();
    }

    fn send(&mut self, store: &Store) {
        let groups = 1 + self.random.below(4);
        let mut tickets: Vec<(Ticket, Vec<Sent>)> = Vec::new();
        for _ in 0..groups {
            let count = self.random.below(4);
            let lengths: Vec<usize> = (0..count).map(|_| self.random.below(9000) as usize).collect();
            let sent: Vec<Sent> = lengths.iter().map(|length| Sent::random(&mut self.random, *length)).collect();
            let body_length = self.random.below(2500) as usize;
            let body = self.random.bytes(body_length);
            let instances: Result<Vec<_>, StoreError> = sent.iter().map(|sent| self.instance(store, sent)).collect();
            match instances {
                Ok(instances) => tickets.push((store.submit(Group { instances, body }), sent)),
                Err(_) => self.refused.extend(sent.iter().map(|sent| sent.object)),
            }
        }
        for (ticket, sent) in tickets {
            match ticket.wait() {
                Ok(durable) => drop(self.answered.insert(durable.sequence, sent)),
                Err(_) => self.unanswered.extend(sent),
            }
        }
    }

    fn instance(&self, store: &Store, sent: &Sent) -> Result<store::NewInstance, StoreError> {
        if !sent.instance.len().is_multiple_of(5) {
            return Ok(sent.instance());
        }
        let mut writer = store.begin_large(sent.object)?;
        for bytes in sent.instance.chunks(1000) {
            writer.append(bytes)?;
        }
        Ok(sent.large(writer.finish()?))
    }

    fn put_chunk(&mut self, store: &Store) {
        if let Some(sent) = self.answered.values().flatten().next() {
            let chunk = chunk(&mut self.random, sent.key, &[sent.object]);
            store.put_chunk(chunk).unwrap();
        }
    }

    /// The warden records before the front hears of it, as the real one does.
    fn hand_over(&mut self, store: &Store) {
        let limit = 1 + self.random.below(5) as usize;
        let Ok(records) = store.pending(0, limit, usize::MAX) else { return };
        let Some(last) = records.last() else { return };
        let mut placements = Vec::new();
        for record in &records {
            for sent in self.answered.get(&record.sequence).into_iter().flatten() {
                placements.push((sent.object, verdict(sent.object)));
            }
        }
        match store.acknowledge(last.sequence, &placements) {
            Ok(()) => self.acknowledged((last.sequence, last.chain, placements)),
            Err(StoreError::NotInOutbox { .. }) => panic!("seed {}: what was handed over is in the outbox", self.seed),
            // not durable, or durable and not in the rows yet: the next start tells
            Err(_) => self.on_their_way.push((last.sequence, last.chain, placements)),
        }
    }

    fn acknowledged(&mut self, (last, chain, placements): Acknowledged) {
        // one that was refused at first may be told of after a later one
        if last > self.warden.0 {
            self.warden = (last, chain);
        }
        self.placed.extend(placements);
    }

    fn lose_power(&mut self) {
        let percent = [0, 30, 70, 100][self.random.below(4) as usize];
        let mut random = self.random.clone();
        self.bench.disk = self.bench.disk.after_power_loss(&mut || random.chance(percent));
        self.random = random;
        let rows = self.bench.dir().join("front.db");
        match self.random.below(4) {
            0 => self.bench.remove_rows(),
            1 => {
                if let Some(old) = &self.old_rows {
                    self.bench.remove_rows();
                    std::fs::write(&rows, old).unwrap();
                }
            }
            // the store was closed, so the database is whole in this one file
            2 if !self.bench.dir().join("front.db-wal").exists() => self.old_rows = std::fs::read(&rows).ok(),
            _ => {}
        }
    }

    fn check(&mut self, store: &Store) {
        let seed = self.seed;
        let state = store.outbox();
        assert!(state.acknowledged >= self.warden.0, "seed {seed}: an acknowledgement is forgotten");
        for acknowledged in std::mem::take(&mut self.on_their_way) {
            if acknowledged.0 <= state.acknowledged {
                self.acknowledged(acknowledged);
            }
        }
        assert_eq!(state.acknowledged, self.warden.0, "seed {seed}: something is acknowledged that never was");
        let records = waiting(store, self.warden.1);
        let last_answered = self.answered.keys().next_back().copied().unwrap_or(0);
        assert!(state.last >= last_answered, "seed {seed}: outbox record {last_answered} is lost");
        // records that nobody was answered for are part of the outbox from now on
        let all = everything(store, STUDIES);
        for sent in self.answered.values().flatten() {
            let (placement, found) =
                all.get(&sent.object).unwrap_or_else(|| panic!("seed {seed}: an instance is lost"));
            assert_eq!(found, sent, "seed {seed}");
            assert_eq!(placement.as_ref(), self.placed.get(&sent.object), "seed {seed}");
        }
        let answered: usize = self.answered.values().map(Vec::len).sum();
        let mut more = 0;
        for (object, (_, found)) in &all {
            assert!(!self.refused.contains(object), "seed {seed}: a refused instance is there");
            if let Some(sent) = self.unanswered.iter().find(|sent| sent.object == *object) {
                assert_eq!(found, sent, "seed {seed}: half an instance is there");
                more += 1;
            }
        }
        assert_eq!(all.len(), answered + more, "seed {seed}: an instance is there that was never sent");
        let counts = store.counts().unwrap();
        assert_eq!(counts.placed + counts.pending, all.len() as u64, "seed {seed}");
        for study in 0..STUDIES {
            for chunk in store.chunks_of_study(StudyNumber(study)).unwrap() {
                assert_eq!(store.read(&chunk.chunk, 0..chunk.chunk.length).unwrap().len(), 500, "seed {seed}");
            }
        }
        // what survived without an answer is stored from now on
        let (stay, gone): (Vec<_>, Vec<_>) = self.unanswered.drain(..).partition(|sent| all.contains_key(&sent.object));
        drop(gone);
        let numbers: Vec<u64> = records.iter().map(|record| record.sequence).collect();
        if let Some(number) = numbers.last()
            && !stay.is_empty()
        {
            self.answered.entry(*number).or_default().extend(stay);
        }
    }
}

/// The warden's verdict is the same each time that it is asked.
fn verdict(object: ObjectId) -> Placement {
    let study = StudyNumber(u32::from(object.0[0]) % STUDIES);
    if object.0[1] < 200 { Placement::Study(study) } else { Placement::Conflict(study) }
}

#[test]
fn dying_at_every_step_loses_nothing_that_was_answered_and_adds_nothing() {
    for (index, step) in Step::ALL.into_iter().enumerate() {
        for round in 0..5 {
            let mut world = World::new(1000 * index as u64 + round);
            for _ in 0..6 {
                world.life(step, Fault::Death);
            }
            let (store, _) = world.bench.open();
            world.check(&store);
        }
    }
}

#[test]
fn random_histories_with_deaths_and_refusals() {
    for seed in 50_000..50_040 {
        println!("seed {seed}");
        let mut world = World::new(seed);
        for _ in 0..12 {
            let step = Step::ALL[world.random.below(Step::ALL.len() as u64) as usize];
            let fault = match world.random.below(3) {
                0 => Fault::Once(ErrorKind::StorageFull),
                1 => Fault::Once(ErrorKind::Other),
                _ => Fault::Death,
            };
            world.life(step, fault);
        }
        let (store, _) = world.bench.open();
        world.check(&store);
    }
}

#[test]
fn a_refused_group_is_not_there_after_a_start() {
    for step in [Step::JournalWrite, Step::JournalSync, Step::VolumeWrite, Step::VolumeSync, Step::Answer] {
        let mut bench = Bench::new();
        let faults = Faults::at(step, 0, Fault::Once(ErrorKind::Other));
        let (store, _) = bench.open_with(&faults);
        let mut random = Random(9);
        let sent = Sent::random(&mut random, 3000);
        store.submit(group(&[&sent], b"x")).wait().unwrap_err();
        faults.dead.store(true, Ordering::SeqCst);
        drop(store);
        bench.disk = bench.disk.after_kill();
        let (store, _) = bench.open();
        assert_eq!(everything(&store, 0).len(), 0, "{step:?}");
        assert_eq!(store.outbox().last, 0, "{step:?}");
    }
}

#[test]
fn rows_are_rebuilt_from_the_volumes_alone() {
    let mut bench = Bench::new();
    let mut random = Random(10);
    let sent: Vec<Sent> = (0..40).map(|_| Sent::random(&mut random, 5000)).collect();
    let (store, _) = bench.open();
    for sent in &sent {
        store.submit(group(&[sent], b"x")).wait().unwrap();
    }
    let placements: Vec<_> = sent.iter().map(|sent| (sent.object, Placement::Study(StudyNumber(1)))).collect();
    store.acknowledge(30, &placements[..30]).unwrap();
    settled(&store, 10);
    let before = everything(&store, 2);
    drop(store);
    bench.remove_rows();
    bench.disk = bench.disk.after_kill();
    let (store, recovered) = bench.open();
    assert_eq!(recovered.rows, 40);
    assert_eq!(everything(&store, 2), before);
    assert_eq!(store.outbox().acknowledged, 30);
}

#[test]
fn a_large_object_without_its_group_is_removed_at_start() {
    let mut bench = Bench::new();
    let faults = Arc::new(Faults::default());
    let (store, _) = bench.open_with(&faults);
    let mut writer = store.begin_large(ObjectId([1; 16])).unwrap();
    writer.append(&[1; 400_000]).unwrap();
    let large = writer.finish().unwrap();
    faults.dead.store(true, Ordering::SeqCst);
    drop(large);
    drop(store);
    bench.disk = bench.disk.after_kill();
    let (_, recovered) = bench.open();
    assert_eq!(recovered.large_removed, 1);
    let (_, recovered) = bench.open();
    assert_eq!(recovered.large_removed, 0);
}
