//! Who watches the ledger from outside, and what happens when they have seen more than it holds.
//!
//! The warden asks nobody itself. A courier, which holds no key, takes checkpoints to the witnesses and leaves what they
//! show in `DIR/witnesses`. A note counts only when this site's own key signed it, so nobody else can make the warden
//! stop; and a witness that is away stops nothing.

use std::path::{Path, PathBuf};

use audit::{
    Ahead, Checkpoint, Ledger, LedgerKeys, LossAccepted, Reconciled, RejoinError, WitnessAt, forget_ahead,
    read_accepted, read_ahead,
};
use model::{Actor, Entry, EntryBody, Instant};
use protocol::Refusal;

use crate::state::{StartError, Warden};

/// Witnesses, as the ledger says.
#[derive(Default)]
pub(crate) struct Watched {
    witnesses: Vec<WitnessAt>,
    sinks: Vec<String>,
    behind: Option<Checkpoint>,
    /// Entries that were answered are in a second folder only, which was not there at the start.
    second_away: bool,
}

impl Watched {
    pub(crate) fn after(second_away: bool) -> Self {
        Self { second_away, ..Self::default() }
    }

    /// Takes the next entry.
    pub(crate) fn apply(&mut self, entry: &Entry) {
        match &entry.body {
            EntryBody::WitnessAdded { url, vkeys } => {
                self.witnesses.retain(|witness| witness.url != *url);
                self.witnesses.push(WitnessAt { url: url.clone(), vkeys: vkeys.clone() });
            }
            EntryBody::WitnessRemoved { url } => self.witnesses.retain(|witness| witness.url != *url),
            EntryBody::SinkAdded { path } => {
                self.sinks.retain(|place| place != path);
                self.sinks.push(path.clone());
            }
            EntryBody::SinkRemoved { path } => self.sinks.retain(|place| place != path),
            _ => {}
        }
    }

    pub(crate) fn sinks(&self) -> &[String] {
        &self.sinks
    }

    pub(crate) fn witnesses(&self) -> &[WitnessAt] {
        &self.witnesses
    }
}

/// A loss that the owner accepted, and what follows it.
pub(crate) struct Accepted {
    ahead: Ahead,
    reason: String,
    shown: Checkpoint,
    origin: String,
    /// Entries that were there when it was accepted.
    kept: u64,
}

/// What was found before the ledger is opened.
#[derive(Default)]
pub(crate) struct Settled {
    pub accepted: Option<Accepted>,
    /// Entries that were answered are in a second folder only, which is not there.
    pub second_away: bool,
}

/// Before the ledger is opened: second folders say whether they hold more than it, and an accepted loss is put right. What
/// a second folder holds is taken over; what is nowhere is gone, and checkpoints begin under a new origin line.
pub(crate) fn settle_before_opening(
    dir: &Path,
    keys: &LedgerKeys,
    base: &str,
    now: Instant,
) -> Result<Settled, StartError> {
    let (ledger, folder) = (dir.join("ledger"), dir.join("witnesses"));
    let accepted = accepted(&folder, &ledger, keys, base);
    let places = audit::read_sinks(&folder).map_err(StartError::Sinks)?;
    for place in &places {
        let own = accepted.as_ref().is_some_and(|(ahead, ..)| ahead.witness == *place);
        match audit::reconcile(&ledger, Path::new(place), keys, base, own) {
            Ok(Reconciled::Behind | Reconciled::Empty) => {}
            Ok(Reconciled::TakenOver(entries)) => {
                tracing::warn!(
                    place,
                    entries,
                    "the second folder of the ledger had more entries; they were taken over"
                );
                if let Some((ahead, reason, shown)) = accepted.clone().filter(|_| own) {
                    let prover = audit::Prover::open(&ledger)
                        .map_err(|_| StartError::Io(std::io::ErrorKind::NotFound.into()))?;
                    let (size, origin) = (prover.checkpoint().1.size, prover.verifier().name().to_owned());
                    let accepted = Accepted { ahead, reason, shown, origin, kept: size.saturating_sub(entries) };
                    return Ok(Settled { accepted: Some(accepted), second_away: false });
                }
            }
            Ok(Reconciled::Ahead(ahead)) if !own => {
                audit::write_ahead(&folder, &ahead).map_err(StartError::Io)?;
            }
            Ok(Reconciled::Ahead(_)) => {
                // another history by now: it stays beside, and the place is filled anew
                let second = audit::sink_ledger(Path::new(place));
                std::fs::rename(&second, second.with_file_name(format!("ledger-until-{}", now.0)))
                    .map_err(StartError::Io)?;
            }
            // what the owner wants from it may be there the next time
            Err(error) if own && !matches!(error, RejoinError::Place) => return Err(error.into()),
            // one folder that is away stops nobody, unless the flag says that it holds more
            Err(error) => tracing::error!(place, %error, "the second folder of the ledger was not looked at"),
        }
    }
    let second_away = audit::first_is_away(&ledger).map_err(StartError::Io)?;
    // what a witness showed may be in the second folder that is not there: giving it up is accepted by its name
    let named = |(ahead, ..): &(Ahead, String, Checkpoint)| {
        !second_away || places.is_empty() || places.contains(&ahead.witness)
    };
    let Some((ahead, reason, shown)) = accepted.filter(named) else {
        if second_away {
            tracing::error!(
                "the last entries of the ledger are in its second folder only, which is not there: nothing is released"
            );
        }
        return Ok(Settled { accepted: None, second_away });
    };
    // crash after this, before the entry: the next start begins yet another origin and records it; no number is lost
    let (_, origin) = Ledger::renew(&ledger, keys, base)?;
    let kept = audit::checkpoint(&ledger).map_or(0, |(_, checkpoint)| checkpoint.size);
    Ok(Settled { accepted: Some(Accepted { ahead, reason, shown, origin, kept }), second_away: false })
}

/// What was shown and accepted, when it is the same, this site's key signed it, and the ledger does not continue it. Whoever writes
/// files accepts nothing with a note of their own; with a genuine one they do, and the entry says so.
fn accepted(folder: &Path, ledger: &Path, keys: &LedgerKeys, base: &str) -> Option<(Ahead, String, Checkpoint)> {
    let (ahead, LossAccepted { note, reason }) = (read_ahead(folder)?, read_accepted(folder)?);
    if ahead.note != note {
        return None;
    }
    let Some(shown) = signed_here(&note, keys, base) else {
        tracing::error!("a loss was accepted for a note that this site did not sign; it is not looked at");
        return None;
    };
    // what only a second folder held that is lost is shown by nothing but what this ledger still has
    let second_away = audit::first_is_away(ledger).unwrap_or(false);
    if !second_away && audit::continues(ledger, &shown) {
        tracing::warn!("a loss was accepted, but the ledger holds what was shown; nothing is lost");
        return None;
    }
    Some((ahead, reason, shown))
}

/// What a note says, if this site's key signed it, under its first origin line or a later one.
fn signed_here(note: &str, keys: &LedgerKeys, base: &str) -> Option<Checkpoint> {
    let origin = note.lines().next()?;
    let generation = origin.strip_prefix(base)?;
    let later = generation.strip_prefix('/').is_some_and(|number| number.parse::<u64>().is_ok());
    if !generation.is_empty() && !later {
        return None;
    }
    Checkpoint::open(note.as_bytes(), &keys.verifier(origin)).ok()
}

impl Warden {
    fn witnesses_folder(&self) -> PathBuf {
        self.dir.join("witnesses")
    }

    /// Writes down for the courier whom it asks, and for the next start which second folders there are.
    pub(crate) fn tell_courier(&self) -> std::io::Result<()> {
        let (witnesses, sinks) = {
            let watched = self.watched.lock().expect("no holder panics");
            (watched.witnesses.clone(), watched.sinks.clone())
        };
        if witnesses.is_empty() && sinks.is_empty() && !self.witnesses_folder().exists() {
            return Ok(());
        }
        audit::write_witnesses(&self.witnesses_folder(), &witnesses)?;
        audit::write_sinks(&self.witnesses_folder(), &sinks)
    }

    /// Has entries go to every second folder that the ledger names.
    pub(crate) fn open_sinks(&self) -> Result<(), audit::OpenError> {
        let sinks = self.watched.lock().expect("no holder panics").sinks.clone();
        sinks.iter().try_for_each(|place| self.ledger.add_sink(Path::new(place)))
    }

    /// Records an accepted loss and forgets what showed it.
    pub(crate) fn record_loss(&self, accepted: Accepted, now: Instant) -> Result<(), StartError> {
        let Accepted { ahead, reason, shown, origin, kept } = accepted;
        let body = EntryBody::LossAccepted(Box::new(model::LossAccepted {
            shown_by: ahead.witness,
            shown_size: shown.size,
            shown_root: shown.root.to_string(),
            kept,
            origin,
            reason,
        }));
        self.ledger.append(vec![(Actor::Owner, body)], now)?;
        audit::forget_first_away(&self.dir.join("ledger")).map_err(StartError::Io)?;
        forget_ahead(&self.witnesses_folder()).map_err(StartError::Io)
    }

    /// Looks at what witnesses have shown. Called at the start and every few seconds.
    pub(crate) fn look_at_witnesses(&self) {
        let second_away = self.watched.lock().expect("no holder panics").second_away;
        self.keep_what_folders_show();
        let Some(ahead) = read_ahead(&self.witnesses_folder()) else {
            self.watched.lock().expect("no holder panics").behind = None;
            self.ledger.hold(second_away);
            return;
        };
        let contradicted = self.ledger.contradicts(&ahead.note);
        match &contradicted {
            Some(shown) if self.watched.lock().expect("no holder panics").behind.as_ref() == Some(shown) => {}
            Some(shown) => tracing::error!(
                ours = self.ledger.size(),
                theirs = shown.size,
                witness = ahead.witness,
                "the ledger was rolled back or forked: nothing is released; restore the newest copy of DIR, or accept the loss"
            ),
            None => {
                if let Err(error) = forget_ahead(&self.witnesses_folder()) {
                    tracing::warn!(%error, "a note that is not ahead any more cannot be removed");
                }
            }
        }
        // what came behind it now would make a fork of it: images wait in the front's outbox, as they do while the warden is away
        self.ledger.hold(second_away || contradicted.is_some());
        self.watched.lock().expect("no holder panics").behind = contradicted;
    }

    /// A second folder that came back with another history, or with more of it, may be the only one that has it: it is named as a
    /// witness is, until the owner has decided.
    fn keep_what_folders_show(&self) {
        let folder = self.witnesses_folder();
        for sink in self.ledger.sinks() {
            let (Some(note), Some(place)) = (sink.ahead, sink.folder.parent()) else { continue };
            if read_ahead(&folder).is_some() || self.ledger.contradicts(&note).is_none() {
                continue;
            }
            let ahead = Ahead { witness: place.display().to_string(), note };
            if let Err(error) = audit::write_ahead(&folder, &ahead) {
                tracing::error!(%error, "what a second folder of the ledger holds more cannot be written down");
            }
        }
    }

    /// Whether the ledger is the one that its witnesses have seen, as far as they have said.
    pub(crate) fn not_behind(&self) -> Result<(), Refusal> {
        let watched = self.watched.lock().expect("no holder panics");
        match &watched.behind {
            Some(shown) => Err(Refusal::Behind { ours: self.ledger.size(), theirs: shown.size }),
            None if watched.second_away => Err(Refusal::SecondAway),
            None => Ok(()),
        }
    }
}
