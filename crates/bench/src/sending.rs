//! Sending by C-STORE: some associations at once, each with one object after the other, as fast as they are answered.

use std::net::SocketAddr;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use dimse::sender::{Outgoing, Sender};

use crate::peer::CALLING_AE;

/// Where to send.
#[derive(Clone, Copy)]
pub struct Destination {
    address: SocketAddr,
    called_ae: &'static str,
}

impl Destination {
    /// An address and the AE title there.
    pub fn new(address: SocketAddr, called_ae: &'static str) -> Self {
        Self { address, called_ae }
    }

    /// Sends over `associations`, each its own share of what `object` makes: of association and number, until it has no
    /// more. Objects are made before the clock starts. How many instances a second were acknowledged.
    pub fn send(self, associations: u32, each: u32, object: impl Fn(u32, u32) -> Outgoing + Sync) -> Result<f64> {
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
                            store(&mut sender, object)?;
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
        self,
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
                                store(&mut sender, &object(number))?;
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

    fn connect(self, first: &Outgoing) -> Result<Sender> {
        Ok(Sender::connect(self.address, CALLING_AE, self.called_ae, [first.kind()])?)
    }
}

fn store(sender: &mut Sender, object: &Outgoing) -> Result<()> {
    match sender.store(object)? {
        0 => Ok(()),
        status => bail!("an instance was refused with status {status:#06x}; see the archive's log"),
    }
}
