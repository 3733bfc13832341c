//! Cold studies for officer, owner and holders.

use model::{Change, EntryNumber, Instant, PatientNumber, StudyNumber, Uid};
use protocol::{ColdAsk, ColdReply, ColdState, PageReply, PageRequest, Refusal};

use super::HELD;
use super::directory::{field, unknown};
use crate::approvals::Asked;
use crate::state::Warden;
use crate::subject::Caller;

impl Warden {
    /// What officer and owner ask. Asking for a study is decided by `ask_for_cold`.
    pub(super) async fn cold_page(&self, caller: &Caller, asked: ColdAsk, now: Instant) -> Result<PageReply, Refusal> {
        let reply = match asked {
            ColdAsk::SetHolders { threshold, holders } => return self.set_holders(caller, threshold, holders, now),
            ColdAsk::ReplaceHolders { threshold, holders } => {
                return self.replace_holders(caller, threshold, holders, now);
            }
            ColdAsk::HandOver { holder, after } => ColdReply::HandOver(self.hand_over_page(holder, after, now)?),
            ColdAsk::HandedOver(shares) => ColdReply::HandedOver(self.handed_over(&shares, now)?),
            ColdAsk::Challenge { holder } => ColdReply::Challenge(self.holder_challenge(holder)?),
            ColdAsk::Prove(proof) => self.prove_holder(&proof).map(|()| ColdReply::Done)?,
            ColdAsk::SetRule(rule) => return self.set_rule(caller, rule, now),
            ColdAsk::State => ColdReply::State(self.cold_state(now)?),
            ColdAsk::Sweep => ColdReply::Swept(self.sweep(now)?),
            ColdAsk::Ask(asked) => return self.ask_for_cold(caller, asked, now).await,
            ColdAsk::Requests => ColdReply::Requests(self.cold_requests(Some(caller), now)),
            ColdAsk::Overview => ColdReply::Overview(Box::new(self.cold_overview(caller, now)?)),
            ColdAsk::Named { request } => ColdReply::Named(Box::new(self.named_request(caller, request, now)?)),
            ColdAsk::Endorse { request, digest } => {
                self.endorse_cold(caller, request, &digest, now).map(|()| ColdReply::Done)?
            }
            ColdAsk::Refuse { request, digest, reason } => {
                self.refuse_cold(caller, request, &digest, &reason, now).map(|()| ColdReply::Done)?
            }
            ColdAsk::OfStudy { study } => return self.cold_of_study(caller, &study, now).await,
            ColdAsk::Request { request, holder } => ColdReply::Request(self.cold_request(request, holder, now)?),
            ColdAsk::Approve(approval) => self.approve_cold(&approval, now)?,
            ColdAsk::Withdraw { request } => self.withdraw_cold(caller, request, now).map(|()| ColdReply::Done)?,
            ColdAsk::Rotate => {
                let from = EntryNumber(self.ledger.size());
                match self.ask_for(caller, Change::RotateKeys, now)? {
                    Asked::Waits(row) => return Ok(PageReply::Proposed(row)),
                    Asked::Made(_) => ColdReply::Rotated(self.rotated_since(from)?),
                }
            }
            ColdAsk::Shred { whom, reason } => return self.shred(caller, &whom, &reason, now),
            ColdAsk::Certificate { entry } => ColdReply::Certificates(vec![self.certificate(entry)?]),
        };
        Ok(PageReply::Cold(reply))
    }

    /// What a holder's program may ask on its own socket: the requests, one of them, and to bring shares. Nothing of it names a patient,
    /// and an approval proves itself by its signature.
    pub(super) async fn holder_page(&self, request: PageRequest, now: Instant) -> Result<PageReply, Refusal> {
        let reply = match request {
            PageRequest::Cold(ColdAsk::Requests) => ColdReply::Requests(self.cold_requests(None, now)),
            PageRequest::Cold(ColdAsk::Request { request, holder }) => {
                ColdReply::Request(self.cold_request(request, holder, now)?)
            }
            PageRequest::Cold(ColdAsk::Approve(approval)) => self.approve_cold(&approval, now)?,
            PageRequest::Cold(ColdAsk::Challenge { holder }) => ColdReply::Challenge(self.holder_challenge(holder)?),
            PageRequest::Cold(ColdAsk::Prove(proof)) => self.prove_holder(&proof).map(|()| ColdReply::Done)?,
            PageRequest::Cold(ColdAsk::HandOver { holder, after }) => {
                ColdReply::HandOver(self.hand_over_page(holder, after, now)?)
            }
            PageRequest::Cold(ColdAsk::HandedOver(shares)) => ColdReply::HandedOver(self.handed_over(&shares, now)?),
            _ => return Err(Refusal::NotAllowed),
        };
        Ok(PageReply::Cold(reply))
    }

    pub(crate) fn cold_state(&self, now: Instant) -> Result<ColdState, Refusal> {
        let behind = self.behind()?;
        let exchange = self.open_exchange(now);
        let set = self.holder_set()?;
        let takes = set.as_ref().is_some_and(|set| set.takes());
        let unproven = set.map(|set| set.unproven).unwrap_or_default();
        let cold = self.cold.read().expect(HELD);
        let (generation, threshold, holders) = cold.holders.clone().unwrap_or_default();
        let (mut is_cold, mut warm) = (0, 0);
        for study in cold.studies() {
            if cold.is_cold(study, now) { is_cold += 1 } else { warm += 1 }
        }
        Ok(ColdState {
            generation,
            threshold,
            holders,
            unproven,
            takes,
            rule: cold.rule,
            cold: is_cold,
            warm,
            requests: cold.open_requests(now).count() as u64,
            behind,
            exchange,
            last_rotation: cold.last_rotation,
            rotation_owed: cold.rotation_owed,
        })
    }

    /// The studies that `patient:ISSUER/ID` or `study:UID` names, with their patient.
    pub(crate) fn named_studies(&self, whom: &str) -> Result<(PatientNumber, Vec<StudyNumber>), Refusal> {
        let registry = self.readable_registry()?;
        match whom.split_once(':') {
            Some(("patient", identity)) => {
                let (issuer, id) = identity
                    .split_once('/')
                    .ok_or_else(|| field("patient", "ISSUER/ID, as in HOSPITAL/12345 or /12345"))?;
                let patient = registry.patient_by_identity(issuer.trim(), id.trim());
                let patient = patient.ok_or_else(|| unknown("patient", "import"))?;
                Ok((patient, registry.studies_of(patient)))
            }
            Some(("study", uid)) => {
                let uid = Uid::parse(uid).map_err(|_| field("study", "a StudyInstanceUID"))?;
                match registry.studies_by_uid(&uid).as_slice() {
                    [study] => {
                        let patient = registry.patient_of(*study).ok_or(Refusal::Internal)?;
                        Ok((patient, vec![*study]))
                    }
                    [] => Err(unknown("study", "import")),
                    _ => Err(field("study", "a StudyInstanceUID that one patient has; name the patient instead")),
                }
            }
            _ => Err(field("whom", "patient:ISSUER/ID or study:UID")),
        }
    }
}
