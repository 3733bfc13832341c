//! FHIR R4 ImagingStudy: `GET /fhir/ImagingStudy`, a search by patient or study for whoever may list.
//!
//! It is QIDO-RS with another answer: the warden decides, bounds it to the caller's relationships and records whom it names.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use model::Uid;
use protocol::{Level, ListReply, ListRequest, Match, Order, PAGE_ROWS_MAX, StudyRow};
use serde_json::{Map, Value, json};

use crate::app::Serving;
use crate::attributes::STUDY_UID;
use crate::credential::Caller;
use crate::errors::Failure;
use crate::qido::path_uid;
use crate::query;

const FHIR_JSON: HeaderValue = HeaderValue::from_static("application/fhir+json");
/// Patient ID and Issuer of Patient ID.
const PATIENT: [u32; 2] = [0x0010_0020, 0x0010_0021];
/// The coding system of modalities (PS3.16).
const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
/// The system of a UID as an identifier.
const UID_SYSTEM: &str = "urn:dicom:uid";

/// What is searched for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Search {
    /// Issuer and identifier.
    patient: Option<(String, String)>,
    study: Option<Uid>,
    offset: u32,
    limit: Option<u32>,
}

/// `GET /fhir/ImagingStudy?patient=ISSUER|ID`, or `?identifier=urn:oid:UID`
pub(crate) async fn search(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Failure> {
    let search = read(query::parameters(raw.as_deref())?)?;
    let limit = search.limit.unwrap_or(PAGE_ROWS_MAX).clamp(1, PAGE_ROWS_MAX);
    let request = ListRequest {
        level: Level::Study,
        matches: search.matches(),
        words: String::new(),
        order: Order::NewestFirst,
        offset: search.offset,
        limit,
    };
    let ListReply { studies, more, .. } = serving.reader.list(&caller, &request).await?;
    let fits = |row: &&StudyRow| search.fits(row);
    let entries: Vec<Value> = studies.iter().filter(fits).map(entry).collect();
    let mut links = vec![json!({ "relation": "self", "url": search.url(search.offset, limit) })];
    if more {
        links.push(json!({ "relation": "next", "url": search.url(search.offset.saturating_add(limit), limit) }));
    }
    let bundle = json!({ "resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries });
    Ok(([(header::CONTENT_TYPE, FHIR_JSON)], bundle.to_string()).into_response())
}

fn read(parameters: Vec<(String, String)>) -> Result<Search, Failure> {
    let mut search = Search::default();
    for (name, value) in parameters {
        match name.as_str() {
            "patient" | "patient:identifier" | "patient.identifier" if search.patient.is_none() => {
                let wrong = || Failure::Malformed("patient", "ISSUER|ID, without * ? \\, controls and spaces around");
                let (issuer, id) = value.split_once('|').ok_or_else(wrong)?;
                // a list is asked for as it is read: what padding hides would be counted and not shown
                let padded = |text: &str| text.starts_with(' ') || text.ends_with(' ');
                if id.is_empty()
                    || padded(issuer)
                    || padded(id)
                    || value.contains(['*', '?', '\\'].as_slice())
                    || value.contains(char::is_control)
                {
                    return Err(wrong());
                }
                search.patient = Some((issuer.to_owned(), id.to_owned()));
            }
            "identifier" if search.study.is_none() => {
                let uid = value.strip_prefix(UID_SYSTEM).and_then(|value| value.strip_prefix('|')).unwrap_or(&value);
                let uid = uid.strip_prefix("urn:oid:").and_then(path_uid);
                search.study = Some(uid.ok_or(Failure::Malformed("identifier", "urn:oid: and a Study Instance UID"))?);
            }
            "_count" => search.limit = Some(query::number("_count", &value)?),
            "_offset" => search.offset = query::number("_offset", &value)?,
            "_format" if matches!(value.as_str(), "json" | "application/fhir+json") => {}
            // what narrowed a search and was passed over would name more people than were asked for
            _ => return Err(Failure::Malformed("the query", "patient, identifier, _count and _offset, each once")),
        }
    }
    if search.patient.is_none() && search.study.is_none() {
        return Err(Failure::Malformed("the query", "patient=ISSUER|ID or identifier=urn:oid:UID"));
    }
    Ok(search)
}

impl Search {
    fn matches(&self) -> Vec<Match> {
        let mut matches = Vec::new();
        if let Some((issuer, id)) = &self.patient {
            matches.push(Match { tag: PATIENT[0], value: id.clone() });
            if !issuer.is_empty() {
                matches.push(Match { tag: PATIENT[1], value: issuer.clone() });
            }
        }
        if let Some(study) = &self.study {
            matches.push(Match { tag: STUDY_UID, value: study.clone().into() });
        }
        matches
    }

    /// An identity is issuer and identifier: one without an issuer is nobody with one.
    fn fits(&self, row: &StudyRow) -> bool {
        let patient = &row.patient;
        self.patient.as_ref().is_none_or(|(issuer, id)| patient.issuer == *issuer && patient.id == *id)
    }

    fn url(&self, offset: u32, limit: u32) -> String {
        let mut url = form_urlencoded::Serializer::new(String::new());
        if let Some((issuer, id)) = &self.patient {
            url.append_pair("patient", &format!("{issuer}|{id}"));
        }
        if let Some(study) = &self.study {
            url.append_pair("identifier", &format!("urn:oid:{study}"));
        }
        url.append_pair("_count", &limit.to_string()).append_pair("_offset", &offset.to_string());
        format!("/fhir/ImagingStudy?{}", url.finish())
    }
}

fn entry(row: &StudyRow) -> Value {
    let urn = format!("urn:oid:{}", row.uid);
    json!({ "fullUrl": urn, "resource": imaging_study(row, &urn), "search": { "mode": "match" } })
}

/// R4 section ImagingStudy. Times of images name no zone, so `started` is a day.
fn imaging_study(row: &StudyRow, urn: &str) -> Value {
    let mut identifiers = vec![json!({ "use": "official", "system": UID_SYSTEM, "value": urn })];
    if !row.accession_number.is_empty() {
        let acsn = json!([{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN" }]);
        identifiers.push(json!({ "type": { "coding": acsn }, "value": row.accession_number }));
    }
    let mut patient = Map::new();
    if !row.patient.issuer.is_empty() {
        patient.insert("system".to_owned(), row.patient.issuer.clone().into());
    }
    patient.insert("value".to_owned(), row.patient.id.clone().into());
    let modalities: Vec<Value> = row.modalities.iter().map(|code| json!({ "system": DCM, "code": code })).collect();
    let mut study = json!({
        "resourceType": "ImagingStudy",
        "id": row.number.to_string(),
        "identifier": identifiers,
        "status": "available",
        "subject": { "type": "Patient", "identifier": patient },
        "numberOfSeries": row.series,
        "numberOfInstances": row.instances,
    });
    // an element of R4 is left out where it would be empty
    if !modalities.is_empty() {
        study["modality"] = modalities.into();
    }
    if let Some(day) = day(&row.date) {
        study["started"] = day.into();
    }
    if !row.description.is_empty() {
        study["description"] = row.description.clone().into();
    }
    study
}

/// `2026-11-27` of `20261127` (PS3.5, DA).
fn day(date: &str) -> Option<String> {
    let whole = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
    whole.then(|| format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn of(query: &str) -> Result<Search, Failure> {
        read(query::parameters(Some(query)).unwrap())
    }

    #[test]
    fn a_search_names_a_patient_with_their_issuer_or_a_study() {
        let anna = Some(("DEMO".to_owned(), "A 1".to_owned()));
        for name in ["patient", "patient:identifier", "patient.identifier"] {
            assert_eq!(of(&format!("{name}=DEMO%7CA+1")).unwrap().patient, anna, "{name}");
        }
        assert_eq!(of("patient=%7C7").unwrap().patient, Some((String::new(), "7".to_owned())));
        for query in ["identifier=urn:oid:1.2.3", "identifier=urn:dicom:uid%7Curn:oid:1.2.3&_count=5&_offset=10"] {
            assert_eq!(of(query).unwrap().study.unwrap().as_str(), "1.2.3", "{query}");
        }
        for wrong in [
            "",
            "patient=7",
            "patient=DEMO%7C",
            "patient=DEMO%7C*",
            "patient=A%7C1&patient=A%7C2",
            "identifier=1.2.3",
            "identifier=urn:oid:1.2*",
            "identifier=urn:oid:1.2%5C1.3",
            "identifier=urn:oid:",
            "patient=A%7C1&modality=CT",
            "patient=A%7C1&_count=many",
            "started=2026",
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_link_asks_the_same_again() {
        let search = of("patient=A%26B%7C1&_count=5").unwrap();
        let url = search.url(5, 5);
        let (path, query) = url.split_once('?').unwrap();
        assert_eq!(path, "/fhir/ImagingStudy");
        assert_eq!(of(query).unwrap(), Search { offset: 5, ..search });
    }

    #[test]
    fn days_are_told_where_there_is_one() {
        assert_eq!(day("20261127").unwrap(), "2026-11-27");
        assert_eq!((day(""), day("2026"), day("2026112é")), (None, None, None));
    }
}
