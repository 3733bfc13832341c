//! What is asked for over FHIR R4: messages about orders, and ImagingStudy.

use super::{Asked, ISSUER_OF_PATIENT_ID, PATIENT_ID, STUDY_UID, sorted};
use crate::{Level, ListRequest, OrderAsk, PAGE_ROWS_MAX};

/// Whether a resource of this kind is what is decided on or kept.
pub(super) fn tells(kind: &str, ask: &OrderAsk) -> bool {
    match ask {
        OrderAsk::Decide(message) => message.control_id.strip_prefix(kind).is_some_and(|rest| rest.starts_with('/')),
        OrderAsk::Keep(untaken) => {
            untaken.kind.strip_prefix("FHIR ").is_some_and(|kept| !kept.is_empty() && kind.starts_with(kept))
        }
    }
}

impl Asked<'_> {
    /// ImagingStudy: by patient, with their issuer, or study.
    pub(super) fn finds(&self, request: &ListRequest, matches: &[(u32, String)]) -> bool {
        let mut wanted = Vec::new();
        let patient = ["patient", "patient:identifier", "patient.identifier"].map(|name| self.parameter(name));
        for (issuer, id) in patient.into_iter().filter_map(|patient| patient.split_once('|')) {
            wanted.push((PATIENT_ID, id.to_owned()));
            wanted.extend(Some((ISSUER_OF_PATIENT_ID, issuer.to_owned())).filter(|(_, issuer)| !issuer.is_empty()));
        }
        let study = self.parameter("identifier");
        let study = study.strip_prefix("urn:dicom:uid|").unwrap_or(study).strip_prefix("urn:oid:");
        wanted.extend(study.map(|study| (STUDY_UID, study.to_owned())));
        let count = self.parameter("_count").parse().unwrap_or(PAGE_ROWS_MAX).clamp(1, PAGE_ROWS_MAX);
        request.level == Level::Study
            && request.limit == count
            && request.offset.to_string() == self.parameter_or("_offset", "0")
            && !wanted.is_empty()
            && sorted(wanted) == matches
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, list};
    use super::*;
    use crate::asked::Asking;

    #[test]
    fn an_order_is_told_where_its_kind_is() {
        let decide = |control_id: &str| {
            OrderAsk::Decide(crate::OrderMessage {
                control_id: control_id.into(),
                content: [0; 32],
                test: false,
                events: Vec::new(),
            })
        };
        let keep = |kind: &str| {
            let problem = crate::OrderProblem::at(crate::ErrorCode::DataType, "Resource", 0, "x");
            OrderAsk::Keep(crate::UntakenMessage {
                control_id: String::new(),
                kind: kind.into(),
                problem,
                bytes: vec![1],
            })
        };
        let own = decide("ServiceRequest/7/ab");
        check("POST", "/fhir/ServiceRequest", "", Asking::Order(&own), true);
        check("GET", "/fhir/ServiceRequest", "", Asking::Order(&own), false);
        check("POST", "/fhir/Service", "", Asking::Order(&own), false);
        check("POST", "/fhir/Patient", "", Asking::Order(&own), false);
        check("POST", "/dicom-web/studies", "", Asking::Order(&own), false);
        check("POST", "/fhir/Patient", "", Asking::Order(&keep("FHIR Patient")), true);
        check("POST", "/fhir/Patient", "", Asking::Order(&keep("FHIR ServiceRequest")), false);
        check("POST", "/fhir/Patient", "", Asking::Order(&keep("ORM^O01")), false);
    }

    #[test]
    fn studies_are_searched_by_the_patient_and_study_that_the_address_names() {
        let of = |matches: &[(u32, &str)]| list(Level::Study, matches);
        let anna = of(&[(PATIENT_ID, "7"), (ISSUER_OF_PATIENT_ID, "DEMO")]);
        for name in ["patient", "patient:identifier", "patient.identifier"] {
            check("GET", &format!("/fhir/ImagingStudy?{name}=DEMO%7C7"), "", Asking::List(&anna), true);
        }
        let (by_patient, by_study) =
            ("/fhir/ImagingStudy?patient=DEMO%7C7", "/fhir/ImagingStudy?identifier=urn:oid:1.2.7");
        check("POST", by_patient, "", Asking::List(&anna), false);
        check("GET", "/fhir/ImagingStudy", "", Asking::List(&anna), false);
        check("GET", "/fhir/ImagingStudy", "", Asking::List(&of(&[])), false);
        check("GET", "/fhir/ServiceRequest?patient=DEMO%7C7", "", Asking::List(&anna), false);
        check("GET", "/fhir/ImagingStudy?patient=DEMO%7C8", "", Asking::List(&anna), false);
        check("GET", "/fhir/ImagingStudy?patient=OTHER%7C7", "", Asking::List(&anna), false);
        // less narrow than was asked for
        check("GET", by_patient, "", Asking::List(&of(&[(PATIENT_ID, "7")])), false);
        check("GET", by_patient, "", Asking::List(&of(&[])), false);
        check("GET", &format!("{by_patient}&identifier=urn:oid:1.2.7"), "", Asking::List(&anna), false);
        check("GET", by_patient, "", Asking::List(&ListRequest { level: Level::Series, ..anna.clone() }), false);
        check("GET", by_patient, "", Asking::List(&ListRequest { offset: 200, ..anna.clone() }), false);
        let page = ListRequest { offset: 10, limit: 5, ..anna };
        check("GET", &format!("{by_patient}&_count=5&_offset=10"), "", Asking::List(&page), true);
        check("GET", by_patient, "", Asking::List(&page), false);
        let study = of(&[(STUDY_UID, "1.2.7")]);
        check("GET", by_study, "", Asking::List(&study), true);
        check("GET", &by_study.replace("urn:oid", "urn:dicom:uid%7Curn:oid"), "", Asking::List(&study), true);
        check("GET", by_study, "", Asking::List(&of(&[(STUDY_UID, "1.2.8")])), false);
    }
}
