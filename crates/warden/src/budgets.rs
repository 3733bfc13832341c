//! Between the decision and the entry: whether so many patients may be read now. What is found is an entry before anything happens.

use std::time::Duration;

use budget::{Act, Ask, Verdict};
use model::{Actor, EntryBody, Finding, Instant, NumberSet, What};
use protocol::{ListRequest, Refusal};

use crate::leases::Holder;
use crate::pages::HELD;
use crate::state::Warden;
use crate::subject::Caller;

/// Attributes that name one patient or one study: Patient ID, Accession Number, StudyInstanceUID.
const EXACT: [u32; 3] = [0x0010_0020, 0x0008_0050, 0x0020_000D];

/// How often a reading is decided: after a wait once more, because reach may have ended meanwhile.
pub(crate) const DECISIONS_MAX: usize = 3;

/// How a reading passed its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    AtOnce,
    /// What was decided before is to be decided again.
    AfterWait,
}

/// What a reading is, for its budget.
pub(crate) struct Reading<'a> {
    pub(crate) act: Act,
    pub(crate) patients: &'a NumberSet,
    /// Whether the patient was named exactly.
    pub(crate) exactly: bool,
    /// What the entry of a refusal is about.
    pub(crate) what: Option<What>,
}

impl Warden {
    /// Lets a reading pass, makes it wait a moment, or refuses it. It is counted at once, so that requests that run at the same time
    /// cannot pass a limit together.
    pub(crate) async fn within_budget(
        &self,
        caller: &Caller,
        reading: &Reading<'_>,
        now: Instant,
    ) -> Result<Passed, Refusal> {
        let Some(who) = caller.who else { return Ok(Passed::AtOnce) };
        let session = match caller.holder {
            Some(Holder::Session(session)) => Some(session),
            _ => None,
        };
        let &Reading { act, patients, exactly, what } = reading;
        let ask = Ask { who, session, act, patients: patients.numbers(), exactly, now };
        let answer = {
            let mut budgets = self.budgets.lock().expect(HELD);
            let mut answer = budgets.ask(&ask);
            answer.findings.extend(budgets.take_signs(now));
            answer
        };
        self.record_findings(answer.findings, now).await?;
        let (reason, refusal) = match answer.verdict {
            Verdict::Pass | Verdict::Wait { milliseconds: 0 } => return Ok(Passed::AtOnce),
            Verdict::Wait { milliseconds } => {
                tokio::time::sleep(Duration::from_millis(u64::from(milliseconds))).await;
                return Ok(Passed::AfterWait);
            }
            Verdict::Later { seconds } => ("throttled", Refusal::Throttled { seconds }),
            Verdict::Touch => ("touch", Refusal::TouchNeeded),
            Verdict::Stop => ("budget", Refusal::OverBudget),
        };
        let action = if act == Act::Open { "open" } else { "list" };
        let body = EntryBody::Refused { action: action.to_owned(), what, reason: reason.to_owned() };
        self.record_limited(caller, body, now).await?;
        Err(refusal)
    }

    /// Tells the officer of readers whose learned volume is far beyond their role, and of a day on which far more became due than usual.
    pub(crate) async fn look_for_the_unusual(&self) -> Result<(), Refusal> {
        let now = self.now();
        let findings = {
            let mut budgets = self.budgets.lock().expect(HELD);
            let mut findings = budgets.beyond_peers(now);
            findings.extend(budgets.unusual_inflow(now));
            findings
        };
        self.record_findings(findings, now).await
    }

    /// Tells the officer of signs that an account is shared or in other hands.
    pub(crate) async fn tell_signs(&self) {
        let now = self.now();
        let signs = self.budgets.lock().expect(HELD).take_signs(now);
        if let Err(refusal) = self.record_findings(signs, now).await {
            tracing::error!(%refusal, "signs of sharing could not be told");
        }
    }

    /// Takes a file of places that was given, or taken away.
    pub(crate) fn look_at_places(&self) {
        let Some(read) = self.places.lock().expect(HELD).renewed() else { return };
        self.budgets.lock().expect(HELD).know_places(read);
    }

    async fn record_findings(&self, findings: Vec<Finding>, now: Instant) -> Result<(), Refusal> {
        if findings.is_empty() {
            return Ok(());
        }
        let entries =
            findings.into_iter().map(|finding| (Actor::Warden, EntryBody::FindingRaised { finding })).collect();
        match self.ledger.append_later(entries, now).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.cannot_record(&error)),
        }
    }
}

/// Whether a list asks for one patient or study by identifier: one value, no wildcard.
pub(crate) fn names_exactly(request: &ListRequest) -> bool {
    request.matches.iter().any(|wanted| {
        // what the registry takes for everything names nobody
        let names = !registry::is_universal(&wanted.value) && !wanted.value.contains(['*', '?', '\\', ',']);
        EXACT.contains(&wanted.tag) && names
    })
}
