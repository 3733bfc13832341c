//! Whose turn it is: no reader and no study has all workers, and no reader has workers started without end.
//!
//! Frames may be slow because somebody made them so, and a worker is started whenever the study changes. Both cost the reader who asks
//! and those who look at that study; the rest find a worker that is free.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use model::StudyNumber;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::NoPicture;

/// How many workers one reader may have started within a minute.
pub const STARTS_PER_MINUTE_MAX: u32 = 120;

const MINUTE: Duration = Duration::from_secs(60);

/// Who asks for pictures, as the front tells its readers apart. It says nothing about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reader(pub u64);

/// The turns at some workers. Clones share them.
#[derive(Clone)]
pub struct Turns {
    shared: Arc<Shared>,
}

struct Shared {
    /// How many workers one reader, and one study, may have at one time.
    at_once: usize,
    readers: Mutex<HashMap<Reader, Asking>>,
    studies: Mutex<HashMap<StudyNumber, Arc<Semaphore>>>,
}

struct Asking {
    places: Arc<Semaphore>,
    starts: Starts,
}

/// The starts of a reader: until when those that were are spread, when they come no faster than allowed.
#[derive(Clone, Copy)]
struct Starts {
    until: Instant,
}

/// A reader's turn at a worker with a frame of one study, until it is dropped.
pub struct Turn {
    reader: Reader,
    study: StudyNumber,
    shared: Arc<Shared>,
    _places: [OwnedSemaphorePermit; 2],
}

impl Turns {
    /// Turns at so many workers. One of them is left to others, unless there is one only.
    #[must_use]
    pub fn at(workers: u8) -> Self {
        let at_once = usize::from(workers).saturating_sub(1).max(1);
        Self { shared: Arc::new(Shared { at_once, readers: Mutex::default(), studies: Mutex::default() }) }
    }

    /// Waits until reader and study have their turn. Refused while too many workers were started for this reader.
    pub async fn take(&self, reader: Reader, study: StudyNumber) -> Result<Turn, NoPicture> {
        // the reader's own first: whoever waits for it is in nobody else's way
        let own =
            self.shared.place_of(reader, Instant::now())?.acquire_owned().await.map_err(|_| NoPicture::NoWorker)?;
        let of_study = self.shared.place_at(study).acquire_owned().await.map_err(|_| NoPicture::NoWorker)?;
        Ok(Turn { reader, study, shared: Arc::clone(&self.shared), _places: [own, of_study] })
    }
}

impl Shared {
    fn place_of(&self, reader: Reader, now: Instant) -> Result<Arc<Semaphore>, NoPicture> {
        let mut readers = self.readers();
        // who asks for nothing and has nothing to wait for is forgotten
        readers.retain(|_, asking| Arc::strong_count(&asking.places) > 1 || asking.starts.until > now);
        let none = || Asking { places: Arc::new(Semaphore::new(self.at_once)), starts: Starts { until: now } };
        let asking = readers.entry(reader).or_insert_with(none);
        match asking.starts.wait(now) {
            None => Ok(Arc::clone(&asking.places)),
            Some(seconds) => Err(NoPicture::TooManyStarts { seconds }),
        }
    }

    fn place_at(&self, study: StudyNumber) -> Arc<Semaphore> {
        let mut studies = self.studies.lock().unwrap_or_else(PoisonError::into_inner);
        studies.retain(|_, places| Arc::strong_count(places) > 1);
        Arc::clone(studies.entry(study).or_insert_with(|| Arc::new(Semaphore::new(self.at_once))))
    }

    fn readers(&self) -> MutexGuard<'_, HashMap<Reader, Asking>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// The study whose turn it is.
    #[must_use]
    pub fn study(&self) -> StudyNumber {
        self.study
    }

    /// A worker is started for this reader.
    pub(crate) fn charge(&self) {
        if let Some(asking) = self.shared.readers().get_mut(&self.reader) {
            asking.starts.charge(Instant::now());
        }
    }
}

impl Starts {
    fn charge(&mut self, now: Instant) {
        self.until = self.until.max(now) + MINUTE / STARTS_PER_MINUTE_MAX;
    }

    /// How long to wait for the next start, in seconds; nothing when it may be now.
    fn wait(self, now: Instant) -> Option<u32> {
        let ahead = self.until.saturating_duration_since(now);
        let over = (ahead + MINUTE / STARTS_PER_MINUTE_MAX).saturating_sub(MINUTE);
        let seconds = over.as_secs() + u64::from(over.subsec_nanos() > 0);
        u32::try_from(seconds).ok().filter(|seconds| *seconds > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_starts_a_minute_and_then_no_faster() {
        let began = Instant::now();
        let mut starts = Starts { until: began };
        for number in 0..STARTS_PER_MINUTE_MAX {
            assert_eq!(starts.wait(began), None, "{number}");
            starts.charge(began);
        }
        assert_eq!(starts.wait(began), Some(1));
        // one comes free every half second
        let later = began + Duration::from_millis(500);
        assert_eq!(starts.wait(later), None);
        starts.charge(later);
        assert_eq!(starts.wait(later), Some(1));
        // a minute later everything is as at the beginning
        let minute = later + MINUTE;
        assert_eq!(starts.wait(minute), None);
        (1..STARTS_PER_MINUTE_MAX).for_each(|_| starts.charge(minute));
        assert_eq!(starts.wait(minute), None);
        starts.charge(minute);
        assert_eq!(starts.wait(minute), Some(1));
        // one that cannot be refused at the time is paid for later
        (0..4).for_each(|_| starts.charge(minute));
        assert_eq!(starts.wait(minute), Some(3));
    }
}
