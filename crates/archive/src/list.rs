//! **list**: patients, studies and series come from the warden, which records whom it names before it answers. Instances
//! are matched here, in rows that the warden's listing keys open.

use std::sync::Arc;

use model::Uid;
use protocol::{
    Credential, INSTANCE_STUDIES_MAX, INSTANCE_STUDIES_STEP, Level, ListReply, ListRequest, Match, Order, Refusal,
    Scope, StudyRow,
};

use crate::{
    InstanceRow, ReadError, Reader,
    open::{OpenedListing, blocking, open_listing},
};

/// Which instances are wanted (PS3.18 section 10.6.1.2.3).
#[derive(Clone, Debug, Default)]
pub struct InstanceQuery {
    /// Of one study.
    pub study: Option<Uid>,
    /// Of one series.
    pub series: Option<Uid>,
    /// All of these must match; attributes of patient, study and series among them.
    pub matches: Vec<Match>,
    /// Rows to pass over.
    pub offset: u32,
    /// Rows wanted.
    pub limit: u32,
}

/// A page of instances.
#[derive(Clone, Debug, Default)]
pub struct InstancePage {
    /// The rows.
    pub instances: Vec<ListedInstance>,
    /// Whether more match behind this page.
    pub more: bool,
}

/// One instance with its study.
#[derive(Clone, Debug)]
pub struct ListedInstance {
    /// The study, as the registry shows it.
    pub study: Arc<StudyRow>,
    /// The instance.
    pub row: InstanceRow,
}

impl Reader {
    /// Lists patients, studies or series. The entry is durable before this returns.
    pub async fn list(&self, credential: &Credential, request: &ListRequest) -> Result<ListReply, Refusal> {
        self.link().list(credential, request).await
    }

    /// Lists instances. The entry is durable before this returns.
    pub async fn list_instances(
        &self,
        credential: &Credential,
        query: &InstanceQuery,
    ) -> Result<InstancePage, ReadError> {
        let (own, others) = split(query);
        match &query.study {
            // the listing of one study is released under a lease, so that its instances can be looked through again
            Some(study) if others.is_empty() => self.list_in_study(credential, study, query, &own).await,
            _ => self.list_in_many(credential, query, &own, others).await,
        }
    }

    async fn list_in_study(
        &self,
        credential: &Credential,
        study: &Uid,
        query: &InstanceQuery,
        own: &[RowMatch],
    ) -> Result<InstancePage, ReadError> {
        let open = self.open(credential, study, Scope::Listing).await?;
        let rows: Vec<Arc<StudyRow>> = open.rows().cloned().map(Arc::new).collect();
        let study_of = |instance| {
            let number = open.row_of(instance).number;
            rows.iter().find(|row| row.number == number).cloned().expect("every instance belongs to one of the rows")
        };
        let mut page = Page::new(query);
        for instance in open.instances().iter().filter(|instance| own.iter().all(|m| m.fits(&instance.row))) {
            if !page.take(|| ListedInstance { study: study_of(instance), row: instance.row.clone() }) {
                break;
            }
        }
        Ok(page.done())
    }

    async fn list_in_many(
        &self,
        credential: &Credential,
        query: &InstanceQuery,
        own: &[RowMatch],
        others: Vec<Match>,
    ) -> Result<InstancePage, ReadError> {
        let mut page = Page::new(query);
        let mut request = ListRequest {
            level: Level::Instance,
            matches: others,
            words: String::new(),
            order: Order::NewestFirst,
            offset: 0,
            limit: INSTANCE_STUDIES_STEP,
        };
        while request.offset < INSTANCE_STUDIES_MAX {
            let reply = self.list(credential, &request).await?;
            request.offset += INSTANCE_STUDIES_STEP;
            let (reader, more) = (self.clone(), reply.more);
            let opened = blocking(move || open_listing(&reader, reply.listings)).await?;
            for OpenedListing { study, rows } in opened {
                for row in rows.into_iter().filter(|row| own.iter().all(|m| m.fits(row))) {
                    if !page.take(|| ListedInstance { study: Arc::clone(&study), row }) {
                        return Ok(page.done());
                    }
                }
            }
            if !more {
                return Ok(page.done());
            }
        }
        page.page.more = true;
        Ok(page.done())
    }
}

/// Fills a page: passes over `offset` rows, takes `limit`, notices one more.
struct Page {
    pass_over: u32,
    limit: usize,
    page: InstancePage,
}

impl Page {
    fn new(query: &InstanceQuery) -> Self {
        Self { pass_over: query.offset, limit: query.limit as usize, page: InstancePage::default() }
    }

    /// Takes a matching row; whether another one is wanted.
    fn take(&mut self, row: impl FnOnce() -> ListedInstance) -> bool {
        if self.pass_over > 0 {
            self.pass_over -= 1;
        } else if self.page.instances.len() < self.limit {
            self.page.instances.push(row());
        } else {
            self.page.more = true;
        }
        !self.page.more
    }

    fn done(self) -> InstancePage {
        self.page
    }
}

/// What is matched here, and what the warden matches.
fn split(query: &InstanceQuery) -> (Vec<RowMatch>, Vec<Match>) {
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for wanted in &query.matches {
        match RowMatch::of(wanted) {
            Some(wanted) => own.push(wanted),
            None => others.push(wanted.clone()),
        }
    }
    own.extend(query.series.as_ref().map(|series| RowMatch::Uids(|row| &row.series, vec![series.to_string()])));
    // the study stands first for the warden when it has more to match
    if !others.is_empty() {
        others.extend(query.study.as_ref().map(|study| Match { tag: 0x0020_000D, value: study.to_string() }));
    }
    (own, others)
}

/// A match on an attribute that rows have (PS3.4 C.2.2.2).
enum RowMatch {
    /// Universal matching.
    Any,
    /// Single value or list of UID matching.
    Uids(fn(&InstanceRow) -> &Uid, Vec<String>),
    /// Single value matching of a number.
    Number(fn(&InstanceRow) -> Option<i64>, String),
    /// Single value and wildcard matching of a code string.
    Text(fn(&InstanceRow) -> &str, String),
}

impl RowMatch {
    fn of(wanted: &Match) -> Option<Self> {
        let value = wanted.value.trim();
        let uids = |uid: fn(&InstanceRow) -> &Uid| {
            Self::Uids(uid, value.split(['\\', ',']).map(|uid| uid.trim().to_owned()).collect())
        };
        let number = |number: fn(&InstanceRow) -> Option<i64>| Self::Number(number, value.to_owned());
        let matcher = match wanted.tag {
            0x0008_0016 => uids(|row| &row.sop_class),
            0x0008_0018 => uids(|row| &row.sop_instance),
            0x0020_000E => uids(|row| &row.series),
            0x0008_3002 => uids(|row| &row.transfer_syntax),
            0x0008_0060 => Self::Text(|row| &row.modality, value.to_owned()),
            0x0020_0013 => number(|row| row.instance_number.trim().parse().ok()),
            0x0028_0010 => number(|row| row.rows.map(i64::from)),
            0x0028_0011 => number(|row| row.columns.map(i64::from)),
            0x0028_0100 => number(|row| row.bits_allocated.map(i64::from)),
            0x0028_0008 => number(|row| Some(i64::from(row.frames))),
            _ => return None,
        };
        Some(if value.is_empty() || value == "*" { Self::Any } else { matcher })
    }

    fn fits(&self, row: &InstanceRow) -> bool {
        match self {
            Self::Any => true,
            Self::Uids(uid, wanted) => wanted.iter().any(|wanted| wanted == uid(row).as_str()),
            Self::Number(number, wanted) => number(row).is_some_and(|own| wanted.parse() == Ok(own)),
            Self::Text(text, wanted) => wildcard(wanted.as_bytes(), text(row).trim().as_bytes()),
        }
    }
}

/// `*` is any run of characters, `?` one (PS3.4 C.2.2.2.4). Linear in the text for each `*`.
fn wildcard(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == b'?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn row() -> InstanceRow {
        let uid = |text| Uid::parse(text).unwrap();
        InstanceRow {
            sop_instance: uid("1.2.3.4"),
            series: uid("1.2.3"),
            sop_class: uid("1.2.840.10008.5.1.4.1.1.2"),
            transfer_syntax: uid("1.2.840.10008.1.2.1"),
            modality: "CT".into(),
            instance_number: " 017".into(),
            rows: Some(512),
            columns: None,
            bits_allocated: Some(16),
            frames: 1,
            stored_bytes: 1,
            dataset_offset: 0,
            part10: true,
            deflated: false,
            metadata_bytes: 1,
        }
    }

    #[track_caller]
    fn check(tag: u32, value: &str, fits: bool) {
        let wanted = RowMatch::of(&Match { tag, value: value.into() }).unwrap();
        assert_eq!(wanted.fits(&row()), fits, "{tag:08X} {value:?}");
    }

    #[test]
    fn rows_are_matched_as_the_standard_has_it() {
        check(0x0008_0018, "1.2.3.4", true);
        check(0x0008_0018, "1.2.3.5\\1.2.3.4", true);
        check(0x0008_0018, "1.2.3.5,1.2.3.4", true);
        check(0x0008_0018, "", true);
        check(0x0008_0018, "1.2.3", false);
        check(0x0008_0018, "1.2.3.*", false);
        check(0x0020_0013, "17", true);
        check(0x0020_0013, "1", false);
        check(0x0020_0013, "seventeen", false);
        check(0x0028_0010, "512", true);
        check(0x0028_0011, "512", false);
        check(0x0028_0011, "*", true);
        check(0x0008_0060, "C?", true);
        check(0x0008_0060, "*T", true);
        check(0x0008_0060, "MR", false);
        check(0x0008_0060, "CTX*", false);
    }

    #[test]
    fn an_attribute_of_the_patient_is_left_to_the_warden() {
        assert!(RowMatch::of(&Match { tag: 0x0010_0010, value: "X".into() }).is_none());
    }
}
