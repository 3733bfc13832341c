//! A report to hand out: computed, recorded with its SHA-256, then signed with the proof that it was recorded.

use std::time::Duration;

use audit::{DiscloseError, ProofError, document_sha256};
use model::{EntryBody, EntryNumber, Instant, Window};
use protocol::{PageReply, REPORT_FORM, Refusal, ReportDocument, SignedReport};

use super::HELD;
use super::directory::unknown;
use super::exposure::reported;
use crate::state::Warden;
use crate::subject::Caller;

/// How long a report waits for its entry to be published, in looks of [`PUBLISHED_PAUSE`].
const PUBLISHED_LOOKS_MAX: usize = 200;
/// How long between two looks: tiles are written about every second.
const PUBLISHED_PAUSE: Duration = Duration::from_millis(50);

impl Warden {
    /// 1. compute, 2. record with the document's SHA-256, 3. wait until the entry is published, 4. sign with the proof. A crash
    ///    after 2 leaves an entry for a report that nobody got: never the other way round.
    pub(super) async fn signed_exposure(
        &self,
        caller: &Caller,
        who: &str,
        window: Window,
        incident: Option<u32>,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        if let Some(incident) = incident {
            let cases = self.cases.read().expect(HELD);
            cases.incidents.get(incident).ok_or_else(|| unknown("incident", "incident list"))?;
        }
        let (subject, report, shown) = self.exposed(who, window)?;
        let made_by = self.actor_name(&self.people.lock().expect(HELD), &caller.actor);
        let computed = report.checkpoint.clone();
        let document = ReportDocument {
            leadglass: REPORT_FORM.to_owned(),
            site: self.site_name.clone(),
            // the checkpoint's own name: it has a number behind it once a loss was accepted
            ledger: computed.lines().next().unwrap_or_default().to_owned(),
            made: now,
            made_by,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            report,
        };
        let text = serde_json::to_string(&document).expect("reports are JSON");
        let sha256 = document_sha256(text.as_bytes());
        let appended = self.append(caller, reported(&subject, &document.report, shown, Some(sha256), now), now)?;
        let entry = appended.first().map(|(number, _)| *number).ok_or(Refusal::Internal)?;
        if let Some(incident) = incident {
            self.append(caller, vec![EntryBody::IncidentReport { incident, report: entry }], now)?;
        }
        let proof = self.stated(text.as_bytes(), &computed, entry).await?;
        Ok(PageReply::SignedExposure(Box::new(SignedReport { document: text, proof })))
    }

    async fn stated(&self, document: &[u8], computed: &str, entry: EntryNumber) -> Result<String, Refusal> {
        for _ in 0..PUBLISHED_LOOKS_MAX {
            match self.ledger.state(document, computed, entry, &self.secrets.signing) {
                Ok(proof) => return Ok(serde_json::to_string(&proof).expect("proofs are JSON")),
                // not published yet, or a tile was replaced by a larger one between two reads
                Err(DiscloseError::Proof(ProofError::Beyond { .. } | ProofError::File(_))) => {}
                Err(error) => {
                    tracing::error!(%error, "a report cannot be proved");
                    return Err(Refusal::Internal);
                }
            }
            tokio::time::sleep(PUBLISHED_PAUSE).await;
        }
        tracing::error!("the report's entry was not published; see whether the disk is full");
        Err(Refusal::CannotRecord)
    }
}
