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
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{ApprovalRequest, BreakGlassRequest, ColdAsk, Match};
    use model::{Instant, SessionId, StudyNumber, Tier};

    fn proof(method: &str, address: &str, body: &str) -> Proof {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        Proof {
            jwt: String::new(),
            method: method.into(),
            path: path.into(),
            query: query.into(),
            body: body.into(),
            key: None,
        }
    }

    #[track_caller]
    pub(super) fn check(method: &str, address: &str, body: &str, asking: Asking<'_>, asked: bool) {
        let proof = proof(method, address, body);
        let read = Asked::of(&proof, |number| (number == 7).then(|| Uid::parse("1.2.7").unwrap()));
        let identities = |study: &str| if study == "1.2.7" { vec![("P7".into(), "SITE".into())] } else { vec![] };
        assert_eq!(read.asks_for(asking, identities), asked, "{method} {address} {body} {asking:?}");
    }

    pub(super) fn list(level: Level, matches: &[(u32, &str)]) -> ListRequest {
        let matches = matches.iter().map(|(tag, value)| Match { tag: *tag, value: (*value).into() }).collect();
        ListRequest { level, matches, words: String::new(), order: Order::NewestFirst, offset: 0, limit: 200 }
    }

    #[test]
    fn a_worklist_is_what_its_query_says() {
        let all = ListRequest { limit: WORKLIST_ROWS_DEFAULT, ..list(Level::Study, &[]) };
        check("GET", "/api/studies?limit=10", "", Asking::List(&ListRequest { limit: 10, ..all.clone() }), true);
        check("GET", "/api/studies?limit=10", "", Asking::List(&ListRequest { limit: 11, ..all.clone() }), false);
        check("GET", "/api/studies?limit=500", "", Asking::List(&ListRequest { limit: 200, ..all.clone() }), true);
        let some = ListRequest { words: "muster ct".into(), offset: 50, order: Order::PatientName, ..all.clone() };
        check("GET", "/api/studies", "", Asking::List(&all), true);
        check("GET", "/api/studies?words=muster+ct&offset=50&order=patient-name", "", Asking::List(&some), true);
        check("GET", "/api/studies?words=muster", "", Asking::List(&all), false);
        check("GET", "/api/studies?words=muster%20ct&offset=50", "", Asking::List(&some), false);
        check("GET", "/api/studies?words=muster%20ct&order=patient-name", "", Asking::List(&some), false);
        check("POST", "/api/studies", "", Asking::List(&all), false);
        check("GET", "/api/session", "", Asking::List(&all), false);
        check("GET", "/api/studies", "", Asking::List(&list(Level::Series, &[])), false);
        check("GET", "/api/studies", "", Asking::List(&list(Level::Study, &[(STUDY_UID, "1.2.7")])), false);
        let none = ListRequest { limit: 0, ..all.clone() };
        check("GET", "/api/studies?limit=0", "", Asking::List(&none), false);
    }

    #[test]
    fn a_studys_page_lists_the_study_and_its_patient_only() {
        for address in ["/api/studies/1.2.7", "/api/studies/number/7"] {
            for level in [Level::Study, Level::Series] {
                check("GET", address, "", Asking::List(&list(level, &[(STUDY_UID, "1.2.7")])), true);
                check("GET", address, "", Asking::List(&list(level, &[(STUDY_UID, "1.2.8")])), false);
                check("GET", address, "", Asking::List(&list(level, &[])), false);
            }
            let of_patient = list(Level::Study, &[(PATIENT_ID, "P7"), (ISSUER_OF_PATIENT_ID, "SITE")]);
            check("GET", address, "", Asking::List(&of_patient), true);
            let of_other = list(Level::Study, &[(PATIENT_ID, "P8"), (ISSUER_OF_PATIENT_ID, "SITE")]);
            check("GET", address, "", Asking::List(&of_other), false);
            check("GET", address, "", Asking::List(&list(Level::Study, &[(PATIENT_ID, "P7")])), false);
        }
        let number = PageRequest::StudyUid { study: StudyNumber(7) };
        check("GET", "/api/studies/number/7", "", Asking::Page(&number), true);
        check("POST", "/api/studies/number/7/move", "{}", Asking::Page(&number), true);
        check("GET", "/api/studies/number/71", "", Asking::Page(&number), false);
    }

    #[test]
    fn a_search_keeps_every_attribute_that_was_asked_for() {
        let named = list(Level::Study, &[(0x0010_0010, "Muster*")]);
        let five = ListRequest { limit: 5, ..named.clone() };
        check("GET", "/dicom-web/studies?PatientName=Muster*&limit=5", "", Asking::List(&five), true);
        check("GET", "/dicom-web/studies?PatientName=Muster*&limit=5", "", Asking::List(&named), false);
        check("GET", "/dicom-web/studies?00100010=Muster*", "", Asking::List(&named), true);
        check("GET", "/dicom-web/studies?PatientName=Muster*", "", Asking::List(&list(Level::Study, &[])), false);
        check("GET", "/dicom-web/studies", "", Asking::List(&named), false);
        check("GET", "/dicom-web/studies?PatientName=*", "", Asking::List(&list(Level::Study, &[])), true);
        let series = list(Level::Series, &[(STUDY_UID, "1.2"), (0x0008_0060, "CT")]);
        check("GET", "/dicom-web/studies/1.2/series?Modality=CT", "", Asking::List(&series), true);
        check(
            "GET",
            "/dicom-web/studies/1.3/series?Modality=CT&StudyInstanceUID=1.2",
            "",
            Asking::List(&series),
            false,
        );
        let instances = ListRequest { limit: 20, offset: 40, ..list(Level::Instance, &[(0x0010_0020, "P")]) };
        let between = ListRequest { offset: 41, ..instances.clone() };
        check("GET", "/dicom-web/instances?PatientID=P", "", Asking::List(&between), false);
        check("GET", "/dicom-web/instances?PatientID=P&InstanceNumber=1", "", Asking::List(&instances), true);
        check("GET", "/dicom-web/instances?InstanceNumber=1", "", Asking::List(&instances), false);
    }

    #[test]
    fn a_study_opens_only_where_the_address_names_it() {
        let open = |study: &str, scope| OpenRequest { study: Uid::parse(study).unwrap(), scope };
        let images = open("1.2", Scope::Images);
        check("GET", "/dicom-web/studies/1.2/series/3/instances/4/frames/1", "", Asking::Open(&images), true);
        check("GET", "/dicom-web/studies/1.2", "", Asking::Open(&images), true);
        check("GET", "/dicom-web/studies/1.2/metadata", "", Asking::Open(&images), false);
        check("GET", "/dicom-web/studies/1.2/series/3/instances", "", Asking::Open(&images), false);
        check("GET", "/dicom-web/studies/1.2/metadata", "", Asking::Open(&open("1.2", Scope::Listing)), true);
        check("GET", "/dicom-web/studies/1.3/thumbnail", "", Asking::Open(&images), false);
        check("GET", "/dicom-web/studies/1.2.3", "", Asking::Open(&images), false);
        check("GET", "/api/studies/1.2", "", Asking::Open(&images), false);
        check("POST", "/dicom-web/studies/1.2", "", Asking::Open(&images), false);
        check("GET", "/dicom-web/instances?StudyInstanceUID=1.2", "", Asking::Open(&open("1.2", Scope::Listing)), true);
        check("GET", "/dicom-web/instances?StudyInstanceUID=1.2", "", Asking::Open(&images), false);
    }

    #[test]
    fn a_change_says_what_the_body_says() {
        let body = r#"{"who":"person:a","whom":"site","tier":"open","from":5,"until":9,"basis":"order"}"#;
        let relate = |who: &str, tier, until| PageRequest::Relate {
            who: who.into(),
            whom: "site".into(),
            tier,
            from: Instant(5),
            until: Instant(until),
            basis: "order".into(),
        };
        let address = "/api/relationships";
        check("POST", address, body, Asking::Page(&relate("person:a", Tier::Open, 9)), true);
        check("POST", address, body, Asking::Page(&relate("person:b", Tier::Open, 9)), false);
        check("POST", address, body, Asking::Page(&relate("person:a", Tier::List, 9)), false);
        check("POST", address, body, Asking::Page(&relate("person:a", Tier::Open, 10)), false);
        check("POST", "/api/relationships/end", body, Asking::Page(&relate("person:a", Tier::Open, 9)), false);
        check("POST", address, "", Asking::Page(&relate("person:a", Tier::Open, 9)), false);
        check("POST", address, "{", Asking::Page(&relate("person:a", Tier::Open, 9)), false);
        let moving = |patient: &str| PageRequest::MoveStudy {
            study: Uid::parse("1.2.7").unwrap(),
            patient: patient.into(),
            reason: "r".into(),
        };
        let body = r#"{"patient":"A/1","reason":"r"}"#;
        for address in ["/api/studies/1.2.7/move", "/api/studies/number/7/move"] {
            check("POST", address, body, Asking::Page(&moving("A/1")), true);
            check("POST", address, body, Asking::Page(&moving("A/2")), false);
        }
        check("POST", "/api/studies/1.2.8/move", body, Asking::Page(&moving("A/1")), false);
        let approve = |proposal, digest: &str| {
            let (proposal, digest) = (model::EntryNumber(proposal), digest.to_owned());
            PageRequest::Approvals(ApprovalRequest::Approve { proposal, digest })
        };
        let (address, body) = (
            "/api/approvals/17/approve",
            r#"{"digest":"ab","fresh":{"ceremony":"c","shown":{"passkey":{"credential":"{}"}}}}"#,
        );
        check("POST", address, body, Asking::Page(&approve(17, "ab")), true);
        check("POST", address, body, Asking::Page(&approve(18, "ab")), false);
        check("POST", address, body, Asking::Page(&approve(17, "cd")), false);
        let open = |open| PageRequest::Approvals(ApprovalRequest::List { open });
        check("GET", "/api/approvals?open=true", "", Asking::Page(&open(true)), true);
        check("GET", "/api/approvals", "", Asking::Page(&open(true)), false);
        let endorse = |request, digest: &str| {
            PageRequest::Cold(ColdAsk::Endorse { request: model::EntryNumber(request), digest: digest.to_owned() })
        };
        let (address, body) = ("/api/cold/17/approve", r#"{"digest":"ab"}"#);
        check("POST", address, body, Asking::Page(&endorse(17, "ab")), true);
        check("POST", address, body, Asking::Page(&endorse(18, "ab")), false);
        check("POST", address, body, Asking::Page(&endorse(17, "cd")), false);
        check("POST", "/api/cold/17/refuse", body, Asking::Page(&endorse(17, "ab")), false);
        let of_study = PageRequest::Cold(ColdAsk::OfStudy { study: Uid::parse("1.2.7").unwrap() });
        check("GET", "/api/studies/1.2.7/cold", "", Asking::Page(&of_study), true);
        check("GET", "/api/studies/1.2.8/cold", "", Asking::Page(&of_study), false);
        check("GET", "/api/cold", "", Asking::Page(&PageRequest::Cold(ColdAsk::Overview)), true);
        check("GET", "/api/cold", "", Asking::Page(&PageRequest::Cold(ColdAsk::State)), false);
        let terms = PageRequest::BreakGlass(BreakGlassRequest::Terms);
        check("GET", "/api/break-glass/terms", "", Asking::Page(&terms), true);
        check("GET", "/api/break-glass", "", Asking::Page(&terms), false);
        let end = PageRequest::EndSession { session: SessionId([0xab; 16]) };
        check("DELETE", &format!("/api/sessions/{}", "ab".repeat(16)), "", Asking::Page(&end), true);
        check("DELETE", &format!("/api/sessions/{}", "ac".repeat(16)), "", Asking::Page(&end), false);
        let report = PageRequest::Exposure {
            who: "person:a".into(),
            window: model::Window { from: Instant(1), to: Instant(2) },
        };
        check("GET", "/api/exposure?who=person:a&from=1&to=2", "", Asking::Page(&report), true);
        check("GET", "/api/exposure?who=person:b&from=1&to=2", "", Asking::Page(&report), false);
    }

    #[test]
    fn a_change_leaves_nothing_out_of_what_the_body_says() {
        let device = |from: &[&str], token, bound| PageRequest::AddDevice {
            name: "CT".into(),
            organisation: "North".into(),
            may: vec![model::DeviceMay::Store],
            ae_title: None,
            from: from.iter().map(|from| (*from).to_owned()).collect(),
            token,
            bound,
            token_until: None,
        };
        let key = dpop::Thumbprint([7; 32]);
        let bound = Some(crate::TokenBinding::Dpop(key));
        let all = device(&["10.0.0.0/8"], true, bound);
        let body = serde_json::json!({
            "name": "CT", "organisation": "North", "may": ["store"], "from": ["10.0.0.0/8"], "token": true, "bound": {"dpop": key},
        });
        let body = body.to_string();
        check("POST", "/api/devices", &body, Asking::Page(&all), true);
        check("POST", "/api/devices", &body, Asking::Page(&device(&["10.0.0.0/8"], true, None)), false);
        check("POST", "/api/devices", &body, Asking::Page(&device(&[], true, bound)), false);
        check("POST", "/api/devices", &body, Asking::Page(&device(&["10.0.0.0/8"], false, bound)), false);
        let certificate = Some(crate::TokenBinding::Certificate(key));
        check("POST", "/api/devices", &body, Asking::Page(&device(&["10.0.0.0/8"], true, certificate)), false);

        let budget = |opened_other| PageRequest::SetBudget {
            whose: "person:a".into(),
            ceilings: model::Ceilings { opened_other, ..model::Ceilings::default() },
        };
        let body = r#"{"whose":"person:a","ceilings":{"opened_other":20,"listed_other":null}}"#;
        check("POST", "/api/budgets", body, Asking::Page(&budget(Some(20))), true);
        check("POST", "/api/budgets", body, Asking::Page(&budget(None)), false);

        let removal = |request| PageRequest::Removals(request);
        let (whole, token) = (r#"{"name":"CT"}"#, r#"{"name":"CT","token":true}"#);
        let name = || "CT".to_owned();
        let address = "/api/devices/remove";
        check("POST", address, whole, Asking::Page(&removal(RemovalRequest::Device { name: name() })), true);
        check("POST", address, whole, Asking::Page(&removal(RemovalRequest::DeviceToken { name: name() })), false);
        check("POST", address, token, Asking::Page(&removal(RemovalRequest::Device { name: name() })), false);
        check("POST", address, token, Asking::Page(&removal(RemovalRequest::DeviceToken { name: name() })), true);

        let change = |change| PageRequest::ChangeIncident { incident: 3, change };
        let note = r#"{"change":"note","text":"t"}"#;
        let text = || "t".to_owned();
        check("POST", "/api/incidents/3", note, Asking::Page(&change(IncidentChange::Note { text: text() })), true);
        check("POST", "/api/incidents/3", note, Asking::Page(&change(IncidentChange::Close { text: text() })), false);

        let relate = |from| PageRequest::Relate {
            who: "person:a".into(),
            whom: "site".into(),
            tier: Tier::Open,
            from: Instant(from),
            until: Instant(9),
            basis: "order".into(),
        };
        let body = r#"{"who":"person:a","whom":"site","tier":"open","from":5,"until":9,"basis":"order"}"#;
        check("POST", "/api/relationships", body, Asking::Page(&relate(5)), true);
        check("POST", "/api/relationships", body, Asking::Page(&relate(0)), false);
        let open = |open| PageRequest::Approvals(ApprovalRequest::List { open });
        check("GET", "/api/approvals?open=true", "", Asking::Page(&open(false)), false);
        check("GET", "/api/approvals", "", Asking::Page(&open(false)), true);
        let of = |person| PageRequest::Sessions { person };
        check("GET", "/api/sessions?person=7", "", Asking::Page(&of(None)), false);
        check("GET", "/api/sessions?person=7", "", Asking::Page(&of(Some(model::PersonId(7)))), true);
    }

    #[test]
    fn what_only_the_owner_asks_for_is_asked_for_by_no_page() {
        for address in ["/api/health", "/api/snapshot", "/"] {
            check("GET", address, "", Asking::Page(&PageRequest::Health), false);
            check("GET", address, "", Asking::Page(&PageRequest::Snapshot { into: "/".into() }), false);
        }
    }
}
