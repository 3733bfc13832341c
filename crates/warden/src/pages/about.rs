//! What a report is about: `person:EMAIL`, `org:NAME`, `device:NAME`, `session:ID`, `key:ID`, `disk:ID`, `link:ID`.

use audit::{DiskKey, Exposure, ExposureIndex, FiledKey, HeldDisk, Session, TimelinePart};
use model::{About, DiskId, Instant, KeyId, LinkId, SessionId, Who, Window};
use protocol::{AboutFacts, DISK_KEYS_MAX, HeldPart, KEY_RELEASES_MAX, Refusal, ReleaseRow, SealedUnder, SessionLink};

use super::HELD;
use super::directory::{field, unknown};
use super::ledger::OWNER;
use crate::state::Warden;

/// A session that ended by itself left no entry: its report counts as long as one may last.
const _: () = assert!(identity::SESSION_ABSOLUTE_SECONDS <= audit::SESSION_SECONDS_MAX);
const _: () = assert!(identity::AAL2_ABSOLUTE_SECONDS <= audit::SESSION_SECONDS_MAX);

/// Something that was found in the ledger and can be reported about.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    Who(Who),
    Session(SessionId, Session),
    Key(KeyId, FiledKey),
    Disk(DiskId, HeldDisk),
}

impl Subject {
    /// As entries name it.
    pub(super) fn about(&self) -> About {
        match self {
            Self::Who(who) => About::from(*who),
            Self::Session(session, _) => About::Session(*session),
            Self::Key(key, _) => About::Key(*key),
            Self::Disk(disk, _) => About::Disk(*disk),
        }
    }

    /// What was reachable, listed and opened.
    pub(super) fn report(&self, index: &ExposureIndex, window: Window) -> Exposure {
        match self {
            Self::Who(who) => index.report(*who, window),
            Self::Session(_, session) => index.report_session(session, window),
            Self::Key(_, key) => index.report_key(*key, window),
            Self::Disk(_, disk) => index.report_disk(disk, window),
        }
    }

    /// The same as parts of a plot.
    pub(super) fn timeline(&self, index: &ExposureIndex, window: Window, parts: u32) -> Vec<TimelinePart> {
        match self {
            Self::Who(who) => index.timeline(*who, window, parts),
            Self::Session(_, session) => index.timeline_of_session(session, window, parts),
            Self::Key(_, key) => index.timeline_of_key(*key, window, parts),
            Self::Disk(_, disk) => index.timeline_of_disk(disk, window, parts),
        }
    }
}

impl Warden {
    /// Finds what a text names.
    pub(super) fn subject_named(&self, text: &str) -> Result<Subject, Refusal> {
        match text.split_once(':') {
            Some(("session", id)) => {
                let id: SessionId = parse(id, "session")?;
                let session = self.index.read().expect(HELD).session(id);
                session.map(|session| Subject::Session(id, session)).ok_or_else(|| unknown("session", "ledger entries"))
            }
            Some(("key", id)) => {
                let id: KeyId = parse(id, "key")?;
                let filed = self.index.read().expect(HELD).key(id);
                let filed = match filed {
                    Some(filed) => Some(filed),
                    None => self.key_from_before(id)?,
                };
                filed.map(|key| Subject::Key(id, key)).ok_or_else(|| unknown("key", "ledger entries"))
            }
            Some(("disk", id)) => {
                let index = self.index.read().expect(HELD);
                let named = |(disk, held): &(DiskId, &HeldDisk)| {
                    disk.to_string() == id || (!held.filesystem.is_empty() && held.filesystem == id)
                };
                let found = index.disks().find(named);
                found
                    .map(|(disk, held)| Subject::Disk(disk, held.clone()))
                    .ok_or_else(|| unknown("disk", "ledger entries"))
            }
            Some(("link", id)) => {
                let link = id.parse().map(LinkId).ok();
                let link = link.filter(|link| self.sharing.read().expect(HELD).link(*link).is_some());
                link.map(|link| Subject::Who(Who::Link(link))).ok_or_else(|| unknown("share link", "ledger entries"))
            }
            _ => self.who_named(text).map(Subject::Who).map_err(|refusal| match text.split_once(':') {
                Some(("person" | "org" | "device", _)) => refusal,
                _ => field("who", "person:EMAIL, org:NAME, device:NAME, session:ID, key:ID, disk:ID or link:ID"),
            }),
        }
    }

    /// What an entry is about. Nothing for what no entry names any more.
    pub(super) fn subject_of(&self, about: &About) -> Result<Option<Subject>, Refusal> {
        let index = self.index.read().expect(HELD);
        Ok(match about {
            About::Person(person) => Some(Subject::Who(Who::Person(*person))),
            About::Organisation(organisation) => Some(Subject::Who(Who::Organisation(*organisation))),
            About::Device(device) => Some(Subject::Who(Who::Device(*device))),
            About::Link(link) => Some(Subject::Who(Who::Link(*link))),
            About::Session(id) => index.session(*id).map(|session| Subject::Session(*id, session)),
            About::Disk(id) => index.disk(*id).map(|disk| Subject::Disk(*id, disk.clone())),
            About::Key(id) => {
                let filed = index.key(*id);
                drop(index);
                let filed = filed.map_or_else(|| self.key_from_before(*id), |key| Ok(Some(key)))?;
                filed.map(|key| Subject::Key(*id, key))
            }
        })
    }

    /// A key that was filed before the ledger recorded keys: as old as can be, so that nothing is left out.
    fn key_from_before(&self, key: KeyId) -> Result<Option<FiledKey>, Refusal> {
        let study = self.reader.lock().expect(HELD).study_of_key(key).map_err(|error| {
            tracing::error!(%error, "the keyring cannot be read");
            Refusal::Internal
        })?;
        Ok(study.map(|study| FiledKey { study, filed: Instant(i64::MIN) }))
    }

    /// How a subject is named on the command line.
    pub(super) fn text_of(&self, about: &About) -> String {
        let people = self.people.lock().expect(HELD);
        let unnamed = || format!("{about:?}");
        match about {
            About::Person(person) => {
                people.person(*person).map_or_else(unnamed, |person| format!("person:{}", person.email()))
            }
            About::Organisation(organisation) => {
                people.organisation(*organisation).map_or_else(unnamed, |row| format!("org:{}", row.name()))
            }
            // the name of a removed device may be another's by now
            About::Device(id) => match people.device(*id) {
                Some(device) if !device.is_removed() => format!("device:{}", device.name()),
                _ => format!("device:#{id}"),
            },
            About::Session(session) => format!("session:{session}"),
            About::Key(key) => format!("key:{key}"),
            About::Disk(disk) => format!("disk:{disk}"),
            About::Link(link) => format!("link:{link}"),
        }
    }

    /// Names and dates for a report.
    pub(super) fn facts_of(&self, subject: &Subject, window: Window) -> AboutFacts {
        let name = |who: Who| self.name_of(&self.people.lock().expect(HELD), who);
        let reader = |who: Option<Who>| who.map_or_else(|| OWNER.to_owned(), |who| name(who).0);
        match subject {
            Subject::Who(who) => {
                let (name, role, organisations) = name(*who);
                match *who {
                    Who::Person(person) => AboutFacts::Person { person, name, role, organisations },
                    Who::Organisation(_) => AboutFacts::Organisation { name },
                    Who::Device(device) => AboutFacts::Device { device, name },
                    Who::Link(link) => self.facts_of_link(link, name),
                }
            }
            Subject::Session(id, session) => {
                let (name, ..) = name(session.who);
                AboutFacts::Session {
                    session: id.to_string(),
                    name,
                    span: session.span,
                    links: Some(self.made_in(*id)),
                }
            }
            Subject::Key(id, key) => {
                let before = Window { from: Instant(i64::MIN), to: window.from };
                let (before, during) = {
                    let index = self.index.read().expect(HELD);
                    (index.releases_of_key(*key, before).len(), index.releases_of_key(*key, window))
                };
                let released = during.len() as u64;
                let rows = during.into_iter().take(KEY_RELEASES_MAX).map(|release| ReleaseRow {
                    entry: release.entry,
                    who: reader(release.who),
                    lease: release.lease,
                    origin: release.origin,
                    images: release.tier == model::Tier::Open,
                });
                AboutFacts::Key {
                    key: id.to_string(),
                    filed: (key.filed > Instant(i64::MIN)).then_some(key.filed),
                    released_before: before as u64,
                    releases: rows.collect(),
                    released,
                }
            }
            Subject::Disk(id, disk) => {
                let keys = self.index.read().expect(HELD).keys_of_disk(disk, window);
                let holds = disk.holds.iter().map(|(part, span)| HeldPart {
                    part: *part,
                    from: span.from,
                    until: (span.to != Instant::MAX).then_some(span.to),
                });
                AboutFacts::Disk {
                    disk: id.to_string(),
                    filesystem: disk.filesystem.clone(),
                    holds: holds.collect(),
                    keys: keys.keys.len() as u64,
                    studies_opened_before: keys.studies_opened_before,
                    sealed_under: Some(keys.keys.iter().take(DISK_KEYS_MAX).map(sealed_under).collect()),
                }
            }
        }
    }
}

fn sealed_under(key: &DiskKey) -> SealedUnder {
    SealedUnder { key: key.key.to_string(), study: key.filed.study, released: key.released }
}

impl Warden {
    /// The share links that were made in a session, the oldest first.
    fn made_in(&self, session: SessionId) -> Vec<SessionLink> {
        let links = self.index.read().expect(HELD).links_of_session(session).to_vec();
        let shared = self.sharing.read().expect(HELD);
        let told = |one: &crate::sharing::fold::Link| SessionLink {
            link: one.link,
            study: one.study,
            note: one.note.clone(),
            span: Window { from: one.made, to: one.until },
            openings: one.openings,
            ended: one.end.map(|(_, end)| end),
        };
        links.into_iter().filter_map(|link| shared.link(link).map(told)).collect()
    }

    fn facts_of_link(&self, link: LinkId, name: String) -> AboutFacts {
        let one = self.sharing.read().expect(HELD).link(link).cloned();
        let Some(one) = one else { return AboutFacts::Organisation { name } };
        let maker = self.name_of(&self.people.lock().expect(HELD), Who::Person(one.maker)).0;
        AboutFacts::Link {
            link,
            maker,
            note: one.note,
            span: Window { from: one.made, to: one.until },
            ended: one.end.map(|(_, end)| end),
            openings: one.openings,
            browsers: one.browsers.len() as u32,
            downloads: one.downloads,
            tries: one.tries,
        }
    }
}

fn parse<T: std::str::FromStr>(text: &str, name: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| field(name, "32 hexadecimal digits, as `leadglass ledger entries` shows them"))
}
