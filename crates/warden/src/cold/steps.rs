//! The durable steps of the keyring, named, so that a test can end the warden in front of each.

use std::sync::Mutex;

use protocol::Refusal;

use crate::pages::HELD;

/// A step that makes something durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStep {
    /// Before a batch of studies goes cold.
    GoCold,
    /// The batch is committed, its entry is announced and not yet recorded.
    RecordCold,
    /// Before a new epoch begins.
    BeginEpoch,
    /// Before a page of keys is wrapped again.
    WrapAgain,
    /// Before the older epoch keys are destroyed.
    DestroyEpochs,
    /// They are destroyed, and no entry says so yet.
    RecordRotation,
    /// Before a warming's epoch begins.
    BeginWarming,
    /// The epoch of a warming is there, nothing is wrapped under it.
    PutWarm,
    /// Warm keys are committed, their entry is announced and not yet recorded.
    RecordWarm,
    /// Before warm keys are removed.
    EndWarming,
    /// They are removed, and their epoch key is still there.
    DestroyWarming,
    /// The end of a warming is announced and not yet recorded.
    RecordEnd,
    /// Before boxes are closed to other holders.
    Reclose,
    /// They are, their entry is announced and not yet recorded.
    RecordReclosed,
    /// Before a study's keys are removed.
    Shred,
    /// They are removed, its entry is announced and not yet recorded.
    RecordShred,
    /// Announced entries are recorded, and their announcement is still there.
    ForgetAnnounced,
}

impl KeyStep {
    /// Those of an exchange of holders.
    pub const EXCHANGE: [Self; 2] = [Self::Reclose, Self::RecordReclosed];

    /// All others of the keyring, for tests that go through them.
    pub const ALL: [Self; 14] = [
        Self::GoCold,
        Self::RecordCold,
        Self::BeginEpoch,
        Self::WrapAgain,
        Self::DestroyEpochs,
        Self::RecordRotation,
        Self::BeginWarming,
        Self::PutWarm,
        Self::RecordWarm,
        Self::EndWarming,
        Self::DestroyWarming,
        Self::RecordEnd,
        Self::Shred,
        Self::RecordShred,
    ];
}

/// Where the next flow stops, as if the process had been killed there.
#[derive(Default)]
pub(crate) struct Steps(Mutex<Option<KeyStep>>);

impl Steps {
    /// Stops in front of a step from now on.
    pub(crate) fn stop_before(&self, step: KeyStep) {
        *self.0.lock().expect(HELD) = Some(step);
    }

    /// Goes on, unless a test stops here.
    pub(crate) fn before(&self, step: KeyStep) -> Result<(), Refusal> {
        if *self.0.lock().expect(HELD) == Some(step) { Err(Refusal::Internal) } else { Ok(()) }
    }
}
