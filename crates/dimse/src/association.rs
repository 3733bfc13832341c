//! The association: who calls, what is offered (PS3.8 9.3.2, PS3.7 D.3).

use archive::{Caller, NotAdmitted};
use dicom_ul::pdu::{
    AssociationAC, AssociationRJ, AssociationRJResult, AssociationRJServiceProviderASCEReason as ProviderReason,
    AssociationRJServiceProviderPresentationReason as PresentationReason, AssociationRJServiceUserReason as UserReason,
    AssociationRJSource, AssociationRQ, Pdu, PresentationContextProposed, PresentationContextResult,
    PresentationContextResultReason as ResultReason, UserVariableItem, read_pdu,
};
use model::{DeviceId, Uid};
use policy::Service;
use protocol::AssociationRefusal;

use crate::{
    connection::{Connection, Ended, PDU_HEADER_BYTES},
    devices::Devices,
    limits::DimseLimits,
};

/// Verification SOP Class (PS3.4 A.4).
pub(crate) const VERIFICATION: &str = "1.2.840.10008.1.1";
/// DICOM Application Context Name (PS3.7 A.2.1).
pub(crate) const APPLICATION_CONTEXT: &str = "1.2.840.10008.3.1.1.1";
/// Implicit VR little endian, named in the result of a context that is refused.
const IMPLICIT_VR_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2";

const A_ASSOCIATE_RQ: u8 = 0x01;

/// What was agreed.
pub(crate) struct Association {
    pub(crate) device: DeviceId,
    pub(crate) calling_ae_title: String,
    contexts: Vec<Context>,
}

/// An accepted presentation context.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) id: u8,
    pub(crate) abstract_syntax: Uid,
    pub(crate) transfer_syntax: Uid,
}

/// Who may take a place among the associations, which `Place` is.
pub(crate) struct Admission<'a, Place> {
    pub(crate) called_ae_title: Option<&'a str>,
    pub(crate) devices: &'a dyn Devices,
    pub(crate) caller: Caller,
    /// A place; nothing when the server is past a limit.
    pub(crate) room: &'a dyn Fn() -> Option<Place>,
}

impl Association {
    /// The accepted context of this number.
    pub(crate) fn context(&self, id: u8) -> Option<&Context> {
        self.contexts.iter().find(|context| context.id == id)
    }

    /// Accepts or rejects a request; with the place that the association takes.
    pub(crate) fn accept<Place>(
        connection: &mut Connection,
        request: AssociationRQ,
        limits: &DimseLimits,
        admission: &Admission<'_, Place>,
    ) -> Result<(Self, Place), Ended> {
        match decide(&request, admission) {
            Ok((device, place)) => {
                let (contexts, results) = negotiate(&request.presentation_contexts);
                connection.send(&accepted(&request, results, limits))?;
                Ok((Self { device, calling_ae_title: request.calling_ae_title, contexts }, place))
            }
            Err(Refused { rejection, reason }) => {
                // before the answer: who hangs up early is counted too
                admission.devices.refused(&request.calling_ae_title, admission.caller.address, reason);
                connection.send(&Pdu::AssociationRJ(rejection))?;
                Err(Ended::Rejected)
            }
        }
    }
}

/// Reads the request for an association.
pub(crate) fn read_request(connection: &mut Connection, limits: &DimseLimits) -> Result<AssociationRQ, Ended> {
    let (kind, length) = connection.pdu_header()?;
    if kind != A_ASSOCIATE_RQ {
        return Err(Ended::Protocol("the connection does not begin with an A-ASSOCIATE-RQ"));
    }
    if length > limits.associate_bytes {
        return Err(Ended::Protocol("the A-ASSOCIATE-RQ is too long"));
    }
    let body = connection.body(length)?;
    let mut whole = Vec::with_capacity(PDU_HEADER_BYTES + body.len());
    whole.extend_from_slice(&[kind, 0]);
    whole.extend_from_slice(&length.to_be_bytes());
    whole.extend_from_slice(&body);
    match read_pdu(whole.as_slice(), dicom_ul::pdu::MAXIMUM_PDU_SIZE, false) {
        Ok(Some(Pdu::AssociationRQ(request))) => Ok(request),
        _ => Err(Ended::Protocol("the A-ASSOCIATE-RQ is out of shape")),
    }
}

/// Who calls must be a device that may do what it proposes; the reasons are those of PS3.8 Table 9-21.
fn decide<Place>(request: &AssociationRQ, admission: &Admission<'_, Place>) -> Result<(DeviceId, Place), Refused> {
    let Admission { called_ae_title, devices, caller, room } = *admission;
    let permanent = |source, reason| Refused {
        rejection: AssociationRJ { result: AssociationRJResult::Permanent, source },
        reason,
    };
    if request.protocol_version & 1 == 0 {
        let reason = ProviderReason::ProtocolVersionNotSupported;
        return Err(permanent(AssociationRJSource::ServiceProviderASCE(reason), AssociationRefusal::Protocol));
    }
    if request.application_context_name.trim_end_matches(['\0', ' ']) != APPLICATION_CONTEXT {
        let reason = UserReason::ApplicationContextNameNotSupported;
        return Err(permanent(AssociationRJSource::ServiceUser(reason), AssociationRefusal::Protocol));
    }
    if called_ae_title.is_some_and(|own| own != request.called_ae_title) {
        let reason = UserReason::CalledAETitleNotRecognized;
        return Err(permanent(AssociationRJSource::ServiceUser(reason), AssociationRefusal::CalledAeTitle));
    }
    let stores = request.presentation_contexts.iter().any(|context| is_storage(trimmed(&context.abstract_syntax)));
    let service = if stores { Service::Store } else { Service::Echo };
    let device = devices.admit(&request.calling_ae_title, caller, service).map_err(|why| {
        log_refusal(&request.calling_ae_title, caller, why);
        let reason = match why {
            NotAdmitted::Unknown => AssociationRefusal::Unknown,
            NotAdmitted::Address => AssociationRefusal::Address,
            NotAdmitted::Certificate => AssociationRefusal::Certificate,
            NotAdmitted::Service => AssociationRefusal::Service,
        };
        permanent(AssociationRJSource::ServiceUser(UserReason::CallingAETitleNotRecognized), reason)
    })?;
    match room() {
        Some(place) => Ok((device, place)),
        None => {
            let source = AssociationRJSource::ServiceProviderPresentation(PresentationReason::LocalLimitExceeded);
            let rejection = AssociationRJ { result: AssociationRJResult::Transient, source };
            Err(Refused { rejection, reason: AssociationRefusal::Room })
        }
    }
}

/// What is answered, and what is counted.
struct Refused {
    rejection: AssociationRJ,
    reason: AssociationRefusal,
}

fn log_refusal(calling_ae_title: &str, caller: Caller, why: NotAdmitted) {
    let (peer, certificate) = (caller.address, caller.certificate);
    // at most 16 characters, and `?` escapes what is not printable
    tracing::warn!(calling_ae_title = ?calling_ae_title, %peer, ?certificate, %why, "an association was refused");
}

/// Accepts Verification and every storage class, each with the first transfer syntax that was proposed for it.
fn negotiate(proposed: &[PresentationContextProposed]) -> (Vec<Context>, Vec<PresentationContextResult>) {
    let mut contexts: Vec<Context> = Vec::new();
    let results = proposed.iter().map(|proposal| {
        let refused = |reason| PresentationContextResult {
            id: proposal.id,
            reason,
            transfer_syntax: IMPLICIT_VR_LITTLE_ENDIAN.to_owned(),
        };
        let name = trimmed(&proposal.abstract_syntax);
        let Some(abstract_syntax) = Uid::parse(name).ok().filter(|_| name == VERIFICATION || is_storage(name)) else {
            return refused(ResultReason::AbstractSyntaxNotSupported);
        };
        if proposal.id % 2 == 0 || contexts.iter().any(|context| context.id == proposal.id) {
            return refused(ResultReason::NoReason);
        }
        let Some(transfer_syntax) = proposal.transfer_syntaxes.iter().find_map(|uid| Uid::parse(trimmed(uid)).ok())
        else {
            return refused(ResultReason::TransferSyntaxesNotSupported);
        };
        let accepted = PresentationContextResult {
            id: proposal.id,
            reason: ResultReason::Acceptance,
            transfer_syntax: transfer_syntax.to_string(),
        };
        contexts.push(Context { id: proposal.id, abstract_syntax, transfer_syntax });
        accepted
    });
    let results = results.collect();
    (contexts, results)
}

/// Standard storage classes (PS3.4 B.5, GG.3 and the retired ones), and private ones: whatever is not the standard's own
/// is taken for a private storage class. Commands other than C-STORE are refused on it later.
fn is_storage(abstract_syntax: &str) -> bool {
    const STORAGE: [&str; 8] = [
        // PS3.4 B.5: composite storage
        "1.2.840.10008.5.1.4.1.1.",
        // RT instructions
        "1.2.840.10008.5.1.4.34.7",
        "1.2.840.10008.5.1.4.34.10",
        // PS3.4 GG.3: hanging protocols, colour palettes, implant templates
        "1.2.840.10008.5.1.4.38.1",
        "1.2.840.10008.5.1.4.39.1",
        "1.2.840.10008.5.1.4.43.1",
        "1.2.840.10008.5.1.4.44.1",
        "1.2.840.10008.5.1.4.45.1",
    ];
    let is_standard = abstract_syntax.starts_with("1.2.840.10008.");
    !is_standard
        || STORAGE.iter().any(|storage| {
            if storage.ends_with('.') { abstract_syntax.starts_with(storage) } else { abstract_syntax == *storage }
        })
}

fn accepted(request: &AssociationRQ, results: Vec<PresentationContextResult>, limits: &DimseLimits) -> Pdu {
    Pdu::AssociationAC(AssociationAC {
        protocol_version: 1,
        // PS3.8 Table 9-17: the same values come back, and are not tested
        called_ae_title: request.called_ae_title.clone(),
        calling_ae_title: request.calling_ae_title.clone(),
        application_context_name: APPLICATION_CONTEXT.to_owned(),
        presentation_contexts: results,
        user_variables: vec![
            UserVariableItem::MaxLength(limits.pdu_bytes),
            UserVariableItem::ImplementationClassUID(dataset::IMPLEMENTATION_CLASS_UID.to_owned()),
            UserVariableItem::ImplementationVersionName(dataset::IMPLEMENTATION_VERSION_NAME.to_owned()),
        ],
    })
}

fn trimmed(uid: &str) -> &str {
    uid.trim_end_matches(['\0', ' '])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn check(id: u8, abstract_syntax: &str, transfer_syntaxes: &[&str], expected: Result<&str, ResultReason>) {
        let proposal = PresentationContextProposed {
            id,
            abstract_syntax: abstract_syntax.to_owned(),
            transfer_syntaxes: transfer_syntaxes.iter().map(|&uid| uid.to_owned()).collect(),
        };
        let (contexts, results) = negotiate(&[proposal]);
        match expected {
            Ok(transfer_syntax) => {
                assert_eq!(results[0].reason, ResultReason::Acceptance);
                assert_eq!(results[0].transfer_syntax, transfer_syntax);
                assert_eq!(contexts.len(), 1);
            }
            Err(reason) => {
                assert_eq!(results[0].reason, reason);
                assert!(contexts.is_empty());
            }
        }
    }

    #[test]
    fn storage_is_accepted_in_the_first_transfer_syntax_proposed() {
        check(1, VERIFICATION, &["1.2.840.10008.1.2"], Ok("1.2.840.10008.1.2"));
        check(
            1,
            "1.2.840.10008.5.1.4.1.1.2",
            &["1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2"],
            Ok("1.2.840.10008.1.2.4.90"),
        );
        check(3, "1.2.840.10008.5.1.4.1.1.481.3\0", &["1.2.840.10008.1.2.1\0"], Ok("1.2.840.10008.1.2.1"));
        check(5, "1.2.840.10008.5.1.4.38.1", &["1.2.840.10008.1.2"], Ok("1.2.840.10008.1.2"));
        check(255, "1.3.46.670589.5.0.1", &["1.2.3.4"], Ok("1.2.3.4"));
    }

    #[test]
    fn what_is_not_offered_is_refused() {
        let refused = Err(ResultReason::AbstractSyntaxNotSupported);
        for query in [
            "1.2.840.10008.5.1.4.1.2.1.1",
            "1.2.840.10008.5.1.4.1.2.2.1",
            "1.2.840.10008.5.1.4.1.2.2.2",
            "1.2.840.10008.5.1.4.1.2.2.3",
            "1.2.840.10008.5.1.4.31",
            "1.2.840.10008.1.20.1",
            "1.2.840.10008.3.1.2.3.3",
            "1.2.840.10008.5.1.4.38.2",
            "1.2.840.10008.5.1.4.1.1",
            "",
            "1.2.abc",
        ] {
            check(1, query, &["1.2.840.10008.1.2"], refused.clone());
        }
        check(1, VERIFICATION, &[], Err(ResultReason::TransferSyntaxesNotSupported));
        check(1, VERIFICATION, &["nonsense"], Err(ResultReason::TransferSyntaxesNotSupported));
        check(2, VERIFICATION, &["1.2.840.10008.1.2"], Err(ResultReason::NoReason));
    }

    #[test]
    fn a_context_number_is_accepted_once() {
        let proposal = PresentationContextProposed {
            id: 1,
            abstract_syntax: VERIFICATION.to_owned(),
            transfer_syntaxes: vec![IMPLICIT_VR_LITTLE_ENDIAN.to_owned()],
        };
        let (contexts, results) = negotiate(&[proposal.clone(), proposal]);
        assert_eq!(contexts.len(), 1);
        assert_eq!(results[1].reason, ResultReason::NoReason);
    }
}
