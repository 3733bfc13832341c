//! Sending by C-STORE: some associations at once, each with one object after the other, as fast as they are answered.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Barrier, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use dimse::sender::{Outgoing, Sender};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use crate::peer::CALLING_AE;

/// Out of resources (PS3.4 B.2.3): the sender may try again, and a modality does.
const OUT_OF_RESOURCES: std::ops::RangeInclusive<u16> = 0xa700..=0xa7ff;
/// An instance that is out of the archive's resources is sent so many times more.
const SENT_AGAIN_MAX: u32 = 10;
const PAUSE: Duration = Duration::from_millis(50);

/// How often an archive said that it is out of resources, by AE title.
static SENT_AGAIN: Mutex<BTreeMap<&'static str, u64>> = Mutex::new(BTreeMap::new());

/// One sentence for each archive that was out of resources.
pub fn sent_again() -> Vec<String> {
    let counts = SENT_AGAIN.lock().unwrap_or_else(PoisonError::into_inner);
    let sentence = |(archive, count): (&&str, &u64)| {
        format!(
            "{archive} refused instances {count} times as out of resources (0xA7xx); they were sent again, and the clock ran."
        )
    };
    counts.iter().map(sentence).collect()
}

/// Where to send.
#[derive(Clone)]
pub struct Destination {
    address: SocketAddr,
    called_ae: &'static str,
    tls: Option<OverTls>,
}

/// The port for DICOM over TLS, and the device that calls there.
#[derive(Clone)]
pub struct OverTls {
    /// Where it listens.
    pub address: SocketAddr,
    /// The AE title of the device.
    pub calling_ae: &'static str,
    /// Its certificate, and the archive's.
    pub config: Arc<ClientConfig>,
}

impl Destination {
    /// An address and the AE title there.
    pub fn new(address: SocketAddr, called_ae: &'static str) -> Self {
        Self { address, called_ae, tls: None }
    }

    /// The same archive over TLS.
    pub fn over(self, tls: OverTls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Sends over `associations`, each its own share of what `object` makes: of association and number, until it has no
    /// more. Objects are made before the clock starts. How many instances a second were acknowledged.
    pub fn send(&self, associations: u32, each: u32, object: impl Fn(u32, u32) -> Outgoing + Sync) -> Result<f64> {
        let start = Barrier::new(associations as usize + 1);
        let took = std::thread::scope(|scope| {
            let senders: Vec<_> = (0..associations)
                .map(|association| {
                    let (start, object) = (&start, &object);
                    scope.spawn(move || {
                        let objects: Vec<Outgoing> = (0..each).map(|number| object(association, number)).collect();
                        let sender = objects.first().map(|first| self.connect(first));
                        start.wait();
                        let mut sender = sender.ok_or_else(|| anyhow!("nothing to send"))??;
                        for object in &objects {
                            self.store(&mut sender, object)?;
                        }
                        // what was acknowledged is stored; the end of the association is not part of it
                        let ended = Instant::now();
                        sender.release()?;
                        anyhow::Ok(ended)
                    })
                })
                .collect();
            start.wait();
            let began = Instant::now();
            let mut last = began;
            for sender in senders {
                last = last.max(sender.join().map_err(|_| anyhow!("a sender panicked"))??);
            }
            anyhow::Ok(last - began)
        })?;
        Ok(f64::from(associations * each) / took.as_secs_f64())
    }

    /// Sends objects numbered from 0, over several associations of `each` objects, until `count` or `time` is reached.
    /// How many went in: all numbers below it.
    pub fn fill(
        &self,
        associations: u32,
        each: u32,
        count: u32,
        time: Duration,
        object: impl Fn(u32) -> Outgoing + Sync,
    ) -> Result<u32> {
        let (began, mut done) = (Instant::now(), 0);
        while done < count && began.elapsed() < time {
            let each = each.min((count - done).div_ceil(associations));
            std::thread::scope(|scope| {
                let senders: Vec<_> = (0..associations)
                    .map(|association| {
                        let object = &object;
                        scope.spawn(move || {
                            let from = done + association * each;
                            let mut sender = self.connect(&object(from))?;
                            for number in from..from + each {
                                self.store(&mut sender, &object(number))?;
                            }
                            anyhow::Ok(sender.release()?)
                        })
                    })
                    .collect();
                senders.into_iter().try_for_each(|sender| sender.join().map_err(|_| anyhow!("a sender panicked"))?)
            })?;
            done += associations * each;
        }
        Ok(done)
    }

    fn connect(&self, first: &Outgoing) -> Result<Sender> {
        let kinds = [first.kind()];
        Ok(match &self.tls {
            None => Sender::connect(self.address, CALLING_AE, self.called_ae, kinds)?,
            Some(OverTls { address, calling_ae, config }) => {
                let as_whom = (Arc::clone(config), ServerName::try_from("localhost")?);
                Sender::connect_tls(*address, as_whom, calling_ae, self.called_ae, kinds)?
            }
        })
    }

    fn store(&self, sender: &mut Sender, object: &Outgoing) -> Result<()> {
        for _ in 0..=SENT_AGAIN_MAX {
            match sender.store(object)? {
                0 => return Ok(()),
                status if OUT_OF_RESOURCES.contains(&status) => {
                    let mut counts = SENT_AGAIN.lock().unwrap_or_else(PoisonError::into_inner);
                    *counts.entry(self.called_ae).or_default() += 1;
                    drop(counts);
                    std::thread::sleep(PAUSE);
                }
                status => bail!("an instance was refused with status {status:#06x}; see the archive's log"),
            }
        }
        bail!("an instance was refused {} times as out of resources; see the archive's log", SENT_AGAIN_MAX + 1)
    }
}
