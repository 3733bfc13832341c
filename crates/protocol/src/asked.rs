//! What a browser's request asks for, read from its method, path, query and body.
//!
//! The browser signs these four; the front turns them into a message to the warden. Here is the way back: whether a
//! message is what was signed. The warden holds every message of a session against it, so that a front can ask for
//! nothing that a present person's browser did not.

mod fhir;
mod page;

use model::Uid;
use serde_json::Value;

pub use self::page::asked_by_page;
use crate::{
    IncidentChange, Level, ListRequest, OpenRequest, Order, OrderAsk, PAGE_ROWS_MAX, PageRequest, Proof,
    RemovalRequest, Scope,
};

/// Tags and keywords of what studies are searched by (PS3.6), Study Instance UID included.
const STUDY_KEYS: [(u32, &str); 14] = [
    (0x0008_0020, "StudyDate"),
    (0x0008_0030, "StudyTime"),
    (0x0008_0050, "AccessionNumber"),
    (0x0008_0061, "ModalitiesInStudy"),
    (0x0008_0062, "SOPClassesInStudy"),
    (0x0008_0090, "ReferringPhysicianName"),
    (0x0008_1030, "StudyDescription"),
    (0x0010_0010, "PatientName"),
    (PATIENT_ID, "PatientID"),
    (ISSUER_OF_PATIENT_ID, "IssuerOfPatientID"),
    (0x0010_0030, "PatientBirthDate"),
    (0x0010_0040, "PatientSex"),
    (0x0020_0010, "StudyID"),
    (STUDY_UID, "StudyInstanceUID"),
];

/// The same of series.
const SERIES_KEYS: [(u32, &str); 7] = [
    (0x0008_0060, "Modality"),
    (0x0008_103e, "SeriesDescription"),
    (0x0018_0015, "BodyPartExamined"),
    (0x0020_000e, "SeriesInstanceUID"),
    (0x0020_0011, "SeriesNumber"),
    (0x0040_0244, "PerformedProcedureStepStartDate"),
    (0x0040_0245, "PerformedProcedureStepStartTime"),
];

/// Rows of the worklist when the address does not say.
pub const WORKLIST_ROWS_DEFAULT: u32 = 50;

/// Studies that the front looks through at a time for instances, and at most.
pub const INSTANCE_STUDIES_STEP: u32 = 20;

/// See [`INSTANCE_STUDIES_STEP`].
pub const INSTANCE_STUDIES_MAX: u32 = 200;

const PATIENT_ID: u32 = 0x0010_0020;

const ISSUER_OF_PATIENT_ID: u32 = 0x0010_0021;

const STUDY_UID: u32 = 0x0020_000d;

/// Attributes whose values are UIDs: a comma separates them.
const UIDS: [u32; 3] = [STUDY_UID, 0x0020_000e, 0x0008_0062];

/// A message to the warden.
#[derive(Clone, Copy, Debug)]
pub enum Asking<'a> {
    /// [`crate::Warden::list`]
    List(&'a ListRequest),
    /// [`crate::Warden::open`]
    Open(&'a OpenRequest),
    /// [`crate::Warden::ask`]
    Page(&'a PageRequest),
    /// [`crate::Warden::order`]
    Order(&'a OrderAsk),
}

/// A request as it was signed, with study numbers in its path told as UIDs.
pub struct Asked<'a> {
    method: &'a str,
    /// As it was sent.
    path: &'a str,
    /// With the UID in place of a study number.
    by_uid: String,
    query: Vec<(String, String)>,
    body: &'a [u8],
}

impl<'a> Asked<'a> {
    /// Reads what a proof was made for. `uid_of` tells the UID of a study by its number.
    pub fn of(proof: &'a Proof, uid_of: impl Fn(u32) -> Option<Uid>) -> Self {
        let by_uid = proof.path.strip_prefix("/api/studies/number/").and_then(|rest| {
            let (number, rest) = rest.split_once('/').map_or((rest, ""), |(number, _)| (number, &rest[number.len()..]));
            let uid = number.parse().ok().and_then(uid_of)?;
            Some(format!("/api/studies/{uid}{rest}"))
        });
        Self {
            method: &proof.method,
            path: &proof.path,
            by_uid: by_uid.unwrap_or_else(|| proof.path.clone()),
            query: query_pairs(&proof.query),
            body: &proof.body,
        }
    }

    /// Whether the browser's request asks for this. `identities` tells patient ID and issuer of the patients that have
    /// a study of this UID.
    pub fn asks_for(&self, asking: Asking<'_>, identities: impl Fn(&str) -> Vec<(String, String)>) -> bool {
        match asking {
            Asking::List(request) => self.method == "GET" && request.limit > 0 && self.lists(request, identities),
            Asking::Open(request) if request.scope == Scope::Download => {
                self.method == "POST" && self.by_uid == format!("/api/studies/{}/download", request.study)
            }
            Asking::Open(request) => self.method == "GET" && self.opens(request),
            Asking::Page(request) => self.asks_page(request),
            Asking::Order(ask) => {
                self.method == "POST" && self.path.strip_prefix("/fhir/").is_some_and(|kind| fhir::tells(kind, ask))
            }
        }
    }

    fn lists(&self, request: &ListRequest, identities: impl Fn(&str) -> Vec<(String, String)>) -> bool {
        let matches = sorted(request.matches.iter().map(|own| (own.tag, own.value.clone())).collect());
        let plain = request.words.is_empty() && request.order == Order::NewestFirst;
        if self.path == "/api/studies" {
            let order = match self.parameter("order") {
                "oldest-first" => Order::OldestFirst,
                "patient-name" => Order::PatientName,
                _ => Order::NewestFirst,
            };
            return request.level == Level::Study
                && matches.is_empty()
                && request.words == self.parameter("words")
                && request.order == order
                && request.offset.to_string() == self.parameter_or("offset", "0")
                && request.limit == self.limit(WORKLIST_ROWS_DEFAULT);
        }
        let segments: Vec<&str> = self.by_uid.split('/').skip(1).collect();
        match segments.as_slice() {
            // one study's page: the study, its series, and what else there is of its patient
            ["api", "studies", study] => {
                let of_study = [(STUDY_UID, (*study).to_owned())];
                let of_patient = |(id, issuer): (String, String)| {
                    let issuer = Some((ISSUER_OF_PATIENT_ID, issuer)).filter(|(_, issuer)| !issuer.is_empty());
                    let wanted: Vec<_> = [(PATIENT_ID, id)].into_iter().chain(issuer).collect();
                    !wanted[0].1.is_empty() && sorted(wanted) == matches
                };
                let known = matches!(request.level, Level::Study | Level::Series) && matches == of_study
                    || request.level == Level::Study && identities(study).into_iter().any(of_patient);
                plain && request.offset == 0 && request.limit == PAGE_ROWS_MAX && known
            }
            ["dicom-web", rest @ ..] => plain && self.searches(request, &matches, rest),
            ["fhir", "ImagingStudy"] => plain && self.finds(request, &matches),
            _ => false,
        }
    }

    /// QIDO-RS (PS3.18 section 10.6): every attribute of the query that is searched by, and no other.
    fn searches(&self, request: &ListRequest, matches: &[(u32, String)], path: &[&str]) -> bool {
        let (study, level) = match path {
            ["patients"] => (None, Level::Patient),
            ["studies"] => (None, Level::Study),
            ["series"] => (None, Level::Series),
            ["instances"] => (None, Level::Instance),
            ["studies", study, "series"] => (Some(*study), Level::Series),
            ["studies", study, "instances"] | ["studies", study, "series", _, "instances"] => {
                (Some(*study), Level::Instance)
            }
            _ => return false,
        };
        let keys = STUDY_KEYS.iter().chain(SERIES_KEYS.iter().filter(|_| level == Level::Series));
        let keys: Vec<_> = keys.collect();
        let named = |name: &str| {
            let tag = u32::from_str_radix(name, 16).ok().filter(|_| name.len() == 8);
            keys.iter().find(|(own, keyword)| tag == Some(*own) || *keyword == name).map(|(tag, _)| *tag)
        };
        let of_query = self.query.iter().filter_map(|(name, value)| {
            let tag = named(name).filter(|tag| !(study.is_some() && *tag == STUDY_UID))?;
            let value = if UIDS.contains(&tag) { value.replace(',', "\\") } else { value.clone() };
            (!value.is_empty() && value != "*").then_some((tag, value))
        });
        let of_path = study.map(|study| (STUDY_UID, study.to_owned()));
        let page = match level {
            // the front looks through studies in steps
            Level::Instance => {
                request.limit == INSTANCE_STUDIES_STEP
                    && request.offset < INSTANCE_STUDIES_MAX
                    && request.offset.is_multiple_of(INSTANCE_STUDIES_STEP)
            }
            _ => {
                request.limit == self.limit(PAGE_ROWS_MAX).max(1)
                    && request.offset.to_string() == self.parameter_or("offset", "0")
            }
        };
        request.level == level && page && sorted(of_query.chain(of_path).collect()) == matches
    }

    fn opens(&self, request: &OpenRequest) -> bool {
        let segments: Vec<&str> = self.path.split('/').skip(1).collect();
        let listing = matches!(segments.last(), Some(&("metadata" | "series" | "instances")));
        match segments.as_slice() {
            ["dicom-web", "studies", study, ..] => {
                *study == request.study.as_str() && (request.scope == Scope::Listing || !listing)
            }
            ["dicom-web", "instances"] => {
                let named =
                    [self.parameter("StudyInstanceUID"), self.parameter("0020000D"), self.parameter("0020000d")];
                request.scope == Scope::Listing && named.contains(&request.study.as_str())
            }
            _ => false,
        }
    }

    fn asks_page(&self, request: &PageRequest) -> bool {
        if let PageRequest::StudyUid { study } = request {
            let number = format!("/api/studies/number/{study}");
            return self.path == number || self.path.strip_prefix(&number) == Some("/move");
        }
        let by = asked_by_page(request).is_some_and(|(method, path)| {
            // the draft of the notice is made from the incident
            let notice = matches!(request, PageRequest::Incident { .. }).then(|| format!("{path}/notice"));
            method == self.method && (path == self.by_uid || notice.as_ref() == Some(&self.by_uid))
        });
        by && self.says_all_of(request)
    }

    /// Whether the request says what body, query and path say, all of it and nothing else. What is empty, false or 0 needs no word,
    /// and stands for no word that says more.
    fn says_all_of(&self, request: &PageRequest) -> bool {
        let Ok(message) = serde_json::to_value(request) else { return false };
        let body: Value = if self.body.is_empty() {
            Value::Null
        } else {
            match serde_json::from_slice(self.body) {
                Ok(body) => body,
                Err(_) => return false,
            }
        };
        let (mut said, mut sent) = (Vec::new(), Vec::new());
        if let Some(variant) = message.as_object().and_then(|variants| variants.values().next()) {
            leaves("", variant, &mut said);
        }
        leaves("", &body, &mut sent);
        // the touch goes beside the message, and holds for this very request
        let without_touch = body.as_object().into_iter().flatten().filter(|(name, _)| *name != "fresh");
        let mut told = Vec::new();
        without_touch.for_each(|(name, value)| leaves(name, value, &mut told));
        let of_query = |name: &str| {
            let name = name.to_owned();
            self.query.iter().filter(move |(own, _)| *own == name)
        };
        let is_asked = |(name, value): &(&str, &Value)| {
            // what has no name is the kind of the request, which the address tells
            name.is_empty()
                || (is_nothing(value) && of_query(name).all(|(_, text)| text.is_empty() || is_written(value, text)))
                || sent.contains(&(*name, *value))
                || of_query(name).any(|(_, text)| is_written(value, text))
                || self.by_uid.split('/').any(|segment| is_written(value, segment))
                // the front may ask for fewer than a page wants, and says how many where the page does not
                || (self.method == "GET" && *name == "limit")
        };
        let kind = kind_word(request, &body);
        let is_said =
            |leaf: &(&str, &Value)| is_nothing(leaf.1) || kind.is_ok_and(|word| word == leaf.0) || said.contains(leaf);
        kind.is_ok() && said.iter().all(is_asked) && told.iter().all(is_said)
    }

    /// How many rows the address asks for, at most a page.
    fn limit(&self, default: u32) -> u32 {
        self.parameter("limit").parse().unwrap_or(default).min(PAGE_ROWS_MAX)
    }

    fn parameter(&self, name: &str) -> &str {
        self.query.iter().rev().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }

    fn parameter_or<'b>(&'b self, name: &str, default: &'b str) -> &'b str {
        let value = self.parameter(name);
        if value.is_empty() { default } else { value }
    }
}

/// Name and value of each parameter of a query, decoded (the URL standard's form encoding).
#[must_use]
pub fn query_pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

fn sorted(mut matches: Vec<(u32, String)>) -> Vec<(u32, String)> {
    matches.sort();
    matches
}

/// Every value that is no object, with the name that it stands under.
fn leaves<'v>(name: &'v str, value: &'v Value, into: &mut Vec<(&'v str, &'v Value)>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| leaves(name, value, into)),
        leaf => into.push((name, leaf)),
    }
}

/// The word of a body that chooses between requests of one address, once it chooses this one; empty where the address alone does.
fn kind_word(request: &PageRequest, body: &Value) -> Result<&'static str, ()> {
    let (word, fits) = match request {
        PageRequest::Removals(RemovalRequest::Device { .. }) => ("token", body["token"] != true),
        PageRequest::Removals(RemovalRequest::DeviceToken { .. }) => ("token", body["token"] == true),
        PageRequest::ChangeIncident { change, .. } => {
            let kind = match change {
                IncidentChange::Note { .. } => "note",
                IncidentChange::Done { .. } => "done",
                IncidentChange::Close { .. } => "close",
            };
            ("change", body["change"] == kind)
        }
        _ => ("", true),
    };
    if fits { Ok(word) } else { Err(()) }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Whether `text` is how an address writes this value.
fn is_written(value: &Value, text: &str) -> bool {
    match value {
        Value::String(value) => value == text || value.strip_prefix("study:") == Some(text),
        Value::Number(number) => number.to_string() == text,
        Value::Bool(value) => value.to_string() == text,
        // identifiers are 16 bytes here and hexadecimal digits there
        Value::Array(bytes) if bytes.len() == 16 => {
            let digits: Option<String> = bytes.iter().map(|byte| Some(format!("{:02x}", byte.as_u64()?))).collect();
            digits.as_deref() == Some(text)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
