//! Making a link: one study in the maker's reach → a fresh touch → a relationship of whoever opens it, and the entry that says so →
//! secret and code, shown once.

use budget::Act;
use identity::{
    LINK_BROWSERS_MAX, LINK_ROOM_SECONDS, LINK_ROOM_SECONDS_MAX, LINK_SECONDS, LINKS_PER_PERSON_MAX, LinkDoor, NewLink,
};
use model::{
    EntryBody, EntryNumber, Instant, LinkFor, LinkMade, PersonId, Relationship, Role, SharingRule, Tier, Uid, What,
    Who, Window,
};
use policy::Service;
use protocol::{MadeLink, PageReply, Refusal, SHARING_TEXT_CHARACTERS_MAX, SecretText};
use seal::SystemRandom;

use crate::approvals::person_of;
use crate::budgets::{DECISIONS_MAX, Passed, Reading};
use crate::pages::{HELD, field};
use crate::state::Warden;
use crate::subject::Caller;

/// Why a link reaches what it reaches.
pub(crate) const BASIS: &str = "share link";
/// The shortest time of a link, in seconds.
const SECONDS_MIN: i64 = 60;
/// The most browsers that a maker may allow.
const BROWSERS_MAX: u8 = 10;
const DAY_SECONDS: i64 = 86_400;

/// What the maker wants. 0 and nothing are as the site has it.
pub(super) struct Wanted {
    pub(super) purpose: LinkFor,
    pub(super) seconds: i64,
    pub(super) browsers: u8,
    pub(super) note: String,
}

impl Warden {
    pub(super) async fn make_link(
        &self,
        caller: &Caller,
        uid: &Uid,
        wanted: Wanted,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let maker = person_of(caller).ok_or(Refusal::NotAllowed)?;
        let rule = self.proposals.read().expect(HELD).sharing();
        if !may_share(&rule, caller.role()) {
            return Err(Refusal::NotAllowed);
        }
        let wanted = wanted.within(&rule)?;
        let (patient, study, _) = self.to_share(caller, uid, Service::Share, now).await?;
        caller.touched()?;
        self.count_as_opened(caller, patient, study, now).await?;
        let (new, cost) = (NewLink::new(&mut SystemRandom), self.people.lock().expect(HELD).settings().password_cost);
        let (new, door) = self
            .slowly(move || {
                let door = LinkDoor::of(&new, cost, &mut SystemRandom);
                (new, door)
            })
            .await?;
        // what was in reach before the hash was made may not be after it
        let (caller, now) = (self.still(caller)?, self.now());
        let place = self.to_share(&caller, uid, Service::Share, now).await?;
        let (link, until) = self.record_link(&caller, maker, place, wanted, &door, now)?;
        let origin = {
            let people = self.people.lock().expect(HELD);
            people.settings().origins.first().cloned().unwrap_or_default()
        };
        let qr_svg = identity::qr_svg(&format!("{}/link#{}", origin.trim_end_matches('/'), *new.secret));
        Ok(PageReply::LinkMade(Box::new(MadeLink {
            link,
            secret: SecretText::new(new.secret.to_string()),
            code: SecretText::new(new.code.to_string()),
            qr_svg: SecretText::new(qr_svg),
            until,
        })))
    }

    /// Sharing a patient counts as opening one, so that links are no way around a budget.
    pub(super) async fn count_as_opened(
        &self,
        caller: &Caller,
        patient: model::PatientNumber,
        study: model::StudyNumber,
        now: Instant,
    ) -> Result<(), Refusal> {
        let (patients, studies) = ([patient.0].into_iter().collect(), [study.0].into_iter().collect());
        let patients = self.budgets.lock().expect(HELD).with_former(&patients, &studies);
        let reading = Reading { act: Act::Open, patients: &patients, exactly: true, what: Some(What::Study(study)) };
        for _ in 0..DECISIONS_MAX {
            if self.within_budget(caller, &reading, now).await? == Passed::AtOnce {
                return Ok(());
            }
        }
        Err(Refusal::Throttled { seconds: 1 })
    }

    /// The entries, then what opens it. A crash in between leaves a link that nobody was given.
    fn record_link(
        &self,
        caller: &Caller,
        maker: PersonId,
        (patient, study, reaches_until): (model::PatientNumber, model::StudyNumber, Instant),
        Wanted { purpose, seconds, browsers, note }: Wanted,
        door: &LinkDoor,
        now: Instant,
    ) -> Result<(model::LinkId, Instant), Refusal> {
        // one at a time: no number is given twice
        let _turn = self.numbering.lock().expect(HELD);
        let link = {
            let shared = self.sharing.read().expect(HELD);
            let own = shared.running().filter(|one| one.maker == maker && one.runs(now)).count();
            if own >= LINKS_PER_PERSON_MAX {
                return Err(field(
                    "the number of your links",
                    "at most 20 at once: end one that is not needed any more",
                ));
            }
            shared.next_link()
        };
        let until = now.plus_seconds(seconds).min(reaches_until);
        let relationship = Relationship {
            who: Who::Link(link),
            what: What::Study(study),
            tier: Tier::Open,
            window: Window { from: now, to: until },
            basis: BASIS.to_owned(),
            entry: EntryNumber(0),
        };
        let made = LinkMade { link, patient, study, purpose, until, browsers, note };
        self.append(caller, vec![EntryBody::Related { relationship }, EntryBody::LinkMade(made)], now)?;
        self.write_door(link, door).map_err(|error| {
            tracing::error!(%error, "what opens a link could not be written; it opens nothing");
            Refusal::Internal
        })?;
        self.doors.lock().expect(HELD).put(link, door.clone());
        Ok((link, until))
    }
}

impl Wanted {
    /// The same with the site's values for what was not said, or what is wrong with it.
    fn within(self, rule: &SharingRule) -> Result<Self, Refusal> {
        let Self { purpose, seconds, browsers, note } = self;
        let (usual, longest) = match purpose {
            LinkFor::Outside => (LINK_SECONDS, i64::from(rule.days_max) * DAY_SECONDS),
            LinkFor::Room => (LINK_ROOM_SECONDS, LINK_ROOM_SECONDS_MAX),
        };
        let seconds = if seconds == 0 { usual.min(longest) } else { seconds };
        if !(SECONDS_MIN..=longest).contains(&seconds) {
            let expected = match purpose {
                LinkFor::Outside => format!("at most {} days", rule.days_max),
                LinkFor::Room => "at most 4 hours".to_owned(),
            };
            return Err(field("for how long", &expected));
        }
        let usual = if purpose == LinkFor::Room { 1 } else { LINK_BROWSERS_MAX };
        let browsers = if browsers == 0 { usual } else { browsers };
        if browsers > BROWSERS_MAX {
            return Err(field("how many browsers", "at most 10"));
        }
        Ok(Self { purpose, seconds, browsers, note: said(&note)? })
    }
}

/// Words of a person, or nothing.
pub(super) fn said(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    if text.chars().count() > SHARING_TEXT_CHARACTERS_MAX || text.chars().any(char::is_control) {
        return Err(field("for whom", "at most 200 characters"));
    }
    Ok(text.to_owned())
}

/// Whether the site lets a role share by links.
pub(super) fn may_share(rule: &SharingRule, role: Option<Role>) -> bool {
    match role {
        Some(Role::Patient) => rule.patients,
        Some(Role::Referrer | Role::Radiologist) => rule.clinicians,
        _ => false,
    }
}
