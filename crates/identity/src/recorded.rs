//! What the ledger says of people, for records that may be older than it.
//!
//! An entry is durable before the record that follows from it, and a database may come out of a copy. What the ledger
//! says was over stays over then: a session that was ended, a link that was used, a password that was replaced.

use std::collections::{HashMap, HashSet};

use model::{
    AuthenticatorRule, Authorisation, DeviceId, Entry, EntryBody, Instant, OrganisationId, PersonId, Role, SECOND,
    SessionId, Standing, What, Who,
};

use crate::record::{Key, OrganisationRecord, Record};
use crate::{AAL2_ABSOLUTE_SECONDS, People};

/// How far the time of an entry may be from that of its record, in seconds.
const APART_SECONDS: i64 = 60;

/// A token that was given: when it ends, and until when the one before works.
#[derive(Clone, Copy, Debug)]
struct Issued {
    until: Instant,
    before_until: Option<Instant>,
}

/// What entries say was over. Entries come in the order of the ledger.
#[derive(Debug, Default)]
pub struct Recorded {
    /// Sessions that were ended, each with when.
    ended: HashMap<SessionId, Instant>,
    /// Until when the newest link of a person works; `None` once it was used.
    links: HashMap<PersonId, Option<Instant>>,
    /// Before which a person's password counts no more: the last one was set then, or all were taken away.
    passwords: HashMap<PersonId, Instant>,
    /// The same for passkeys: since when an account was locked that is not any more.
    passkeys_since: HashMap<PersonId, Instant>,
    /// Whose authenticators are lost: the next link replaces them, and whose open link does.
    lost: HashSet<PersonId>,
    replaced_by: HashSet<PersonId>,
    /// The role that a person was last given.
    roles: HashMap<PersonId, Role>,
    /// Accounts that were closed, each with when.
    closed: HashMap<PersonId, Instant>,
    /// Accounts that are locked, each since when.
    locked: HashMap<PersonId, Instant>,
    /// Whether a person was a member of an organisation at the end.
    members: HashMap<(PersonId, OrganisationId), bool>,
    /// Whether a person had a professional identifier at the end.
    professional_ids: HashMap<(PersonId, String, String), bool>,
    /// Passkeys that were removed.
    passkeys: HashSet<(PersonId, String)>,
    /// Devices that were removed, each with when, and the token that one was last given; `None` once it was removed.
    devices: HashMap<DeviceId, Instant>,
    tokens: HashMap<DeviceId, Option<Issued>>,
    /// The right to add colleagues, as it was last given or taken.
    delegates: HashMap<(PersonId, OrganisationId), bool>,
    /// When an account ends by itself, as it was last said, and those that did since.
    ends: HashMap<PersonId, Option<Instant>>,
    lapsed: HashMap<PersonId, Instant>,
    /// The rule that an organisation was last given, and the exceptions of persons.
    rules: HashMap<OrganisationId, AuthenticatorRule>,
    passwords_until: HashMap<PersonId, Instant>,
    /// Who was last given the whole site; the entry that it was carried out follows.
    site_wide: Option<Who>,
    latest: Option<Instant>,
}

impl Recorded {
    /// Takes the next entry.
    pub fn see(&mut self, entry: &Entry) {
        self.latest = Some(entry.recorded);
        match &entry.body {
            EntryBody::SessionEnded { session, .. } => {
                self.ended.insert(*session, entry.recorded);
                self.forget_old();
            }
            EntryBody::EnrolmentIssued { person, until } => {
                self.void_link(*person);
                self.links.insert(*person, Some(*until));
                if self.lost.remove(person) {
                    self.replaced_by.insert(*person);
                }
            }
            // a word of a colleague counts for a while, a reset is said in the moment
            EntryBody::ResetVouched(reset) if reset.until <= entry.recorded => {
                self.lost.insert(reset.person);
            }
            EntryBody::PasskeyBound { person, .. } => {
                if self.replaced_by.contains(person) {
                    self.passwords.insert(*person, entry.recorded);
                }
                self.link_used(*person);
            }
            EntryBody::PasswordSet { person } => {
                self.passwords.insert(*person, entry.recorded);
                self.link_used(*person);
            }
            body => self.see_removal(body, entry.recorded),
        }
    }

    fn void_link(&mut self, person: PersonId) {
        self.links.insert(person, None);
        self.replaced_by.remove(&person);
    }

    fn link_used(&mut self, person: PersonId) {
        self.void_link(person);
        if let Some(locked) = self.locked.remove(&person) {
            self.passkeys_since.insert(person, locked);
        }
    }

    fn see_removal(&mut self, body: &EntryBody, at: Instant) {
        match body {
            EntryBody::RoleChanged { person, from, to } => {
                self.roles.insert(*person, *to);
                self.void_link(*person);
                if to.decides() && !from.decides() {
                    self.passwords.insert(*person, at);
                }
            }
            EntryBody::Related { relationship } if relationship.what == What::Site => {
                self.site_wide = Some(relationship.who);
            }
            EntryBody::CarriedOut { standing, .. } => {
                // while the site was set up links stayed
                if let Some(who) = self.site_wide.take().filter(|_| *standing != Standing::Setup) {
                    self.void_links(who);
                }
            }
            EntryBody::AccountLocked { person, .. } => {
                self.void_link(*person);
                self.passwords.insert(*person, at);
                self.locked.insert(*person, at);
            }
            EntryBody::PersonClosed { person } => {
                self.void_link(*person);
                self.closed.insert(*person, at);
            }
            EntryBody::MemberJoined { person, organisation } => {
                self.void_link(*person);
                self.members.insert((*person, *organisation), true);
            }
            EntryBody::MemberLeft { person, organisation } => {
                self.members.insert((*person, *organisation), false);
            }
            EntryBody::ProfessionalIdChanged { person, issuer, id, holds } => {
                self.professional_ids.insert((*person, issuer.clone(), id.clone()), *holds);
            }
            EntryBody::PasskeyRemoved { person, passkey, .. } => {
                self.passkeys.insert((*person, passkey.clone()));
            }
            EntryBody::DelegateSet(set) => {
                if set.delegate {
                    self.void_link(set.person);
                }
                self.delegates.insert((set.person, set.organisation), set.delegate);
            }
            EntryBody::AccountEnds(ends) => {
                self.ends.insert(ends.person, ends.until);
                self.lapsed.remove(&ends.person);
            }
            EntryBody::AccountLapsed { person } => {
                self.void_link(*person);
                self.lapsed.insert(*person, at);
            }
            EntryBody::AuthenticatorsSet(set) => {
                self.rules.insert(set.organisation, set.rule.clone());
            }
            EntryBody::PasswordUntil(allowed) => {
                self.passwords_until.insert(allowed.person, allowed.until);
            }
            EntryBody::DeviceRemoved { device } => {
                self.devices.insert(*device, at);
            }
            EntryBody::DeviceTokenRemoved { device } => {
                self.tokens.insert(*device, None);
            }
            EntryBody::DeviceTokenIssued { device, until, before_until } => {
                self.tokens.insert(*device, Some(Issued { until: *until, before_until: *before_until }));
            }
            _ => {}
        }
    }

    /// Links from before somebody read the whole site.
    fn void_links(&mut self, who: Who) {
        match who {
            Who::Person(person) => self.void_link(person),
            Who::Organisation(of) => {
                let members = self.members.iter().filter(|((_, organisation), is)| *organisation == of && **is);
                let members: Vec<PersonId> = members.map(|((person, _), _)| *person).collect();
                members.into_iter().for_each(|person| self.void_link(person));
            }
            Who::Device(_) | Who::Link(_) => {}
        }
    }

    /// A session that was ended longer ago than any lives is over by itself.
    fn forget_old(&mut self) {
        const KEPT: usize = 10_000;
        if self.ended.len() > KEPT && self.ended.len().is_power_of_two() {
            let latest = self.latest.map_or(i64::MIN, |latest| latest.0);
            self.ended.retain(|_, at| latest.saturating_sub(at.0) < AAL2_ABSOLUTE_SECONDS * SECOND);
        }
    }
}

impl People {
    /// Ends what the ledger says is over and these records do not know of. Call it once, after
    /// [`load`](Self::load); what changes is dirty.
    pub fn bring_up_to(&mut self, recorded: &Recorded) {
        let ended: HashSet<SessionId> =
            self.sessions.keys().filter(|session| recorded.ended.contains_key(session)).copied().collect();
        ended.into_iter().for_each(|session| self.remove(Key::Session(session)));

        let works = |person: &PersonId, until: Instant| recorded.links.get(person) == Some(&Some(until));
        let over: Vec<_> = self.enrolments.values().filter(|link| !works(&link.person, link.until)).collect();
        let over: Vec<_> = over.into_iter().map(|link| link.person).collect();
        over.into_iter().for_each(|person| self.remove(Key::Enrolment(person)));

        let replaced = |person: &PersonId, set: Instant| {
            recorded.passwords.get(person).is_some_and(|newer| set.plus_seconds(APART_SECONDS) < *newer)
        };
        let old: Vec<_> = self
            .persons
            .values()
            .filter(|record| record.password.as_ref().is_some_and(|password| replaced(&record.person, password.set)))
            .cloned()
            .collect();
        for mut record in old {
            record.password = None;
            self.put(Record::Person(record));
        }
        self.bring_people_up_to(recorded);
        self.bring_rules_up_to(recorded);
        self.bring_devices_up_to(recorded);
    }

    /// Roles as they were last given; what was closed, left or removed is that.
    fn bring_people_up_to(&mut self, recorded: &Recorded) {
        let left = |person, organisation| recorded.members.get(&(person, organisation)) == Some(&false);
        let people: Vec<_> = self.persons.values().cloned().collect();
        for was in people {
            let mut record = was.clone();
            let person = record.person;
            record.role = recorded.roles.get(&person).copied().unwrap_or(record.role);
            record.organisations.retain(|organisation| !left(person, *organisation));
            record
                .passkeys
                .retain(|bound| recorded.passkeys.is_empty() || !recorded.passkeys.contains(&(person, bound.id())));
            record.professional_ids.retain(|(issuer, id)| {
                recorded.professional_ids.get(&(person, issuer.clone(), id.clone())) != Some(&false)
            });
            record
                .delegate_of
                .retain(|of| recorded.delegates.get(&(person, *of)) != Some(&false) && !left(person, *of));
            record.until = recorded.ends.get(&person).copied().unwrap_or(record.until);
            record.lapsed = recorded.lapsed.get(&person).copied();
            record.password_until = recorded.passwords_until.get(&person).copied().or(record.password_until);
            if let (None, Some(at)) = (record.closed, recorded.closed.get(&person)) {
                record.close(*at);
            }
            if let Some(since) = recorded.passkeys_since.get(&person) {
                record.passkeys.retain(|bound| bound.bound.plus_seconds(APART_SECONDS) >= *since);
            }
            match (record.locked, recorded.locked.get(&person)) {
                (None, Some(at)) => record.lock(*at),
                (Some(since), None) => {
                    record.passkeys.retain(|bound| bound.bound > since);
                    record.locked = None;
                }
                _ => {}
            }
            let changed = record.role != was.role
                || record.closed != was.closed
                || record.locked != was.locked
                || record.organisations.len() != was.organisations.len()
                || record.professional_ids.len() != was.professional_ids.len()
                || record.passkeys.len() != was.passkeys.len()
                || record.delegate_of.len() != was.delegate_of.len()
                || (record.until, record.lapsed, record.password_until) != (was.until, was.lapsed, was.password_until);
            if changed {
                self.put(Record::Person(record));
            }
        }
    }

    /// Rules as they were last set.
    fn bring_rules_up_to(&mut self, recorded: &Recorded) {
        let other = |record: &&OrganisationRecord| {
            recorded.rules.get(&record.organisation).is_some_and(|rule| *rule != record.rule)
        };
        let older: Vec<_> = self.organisations.values().filter(other).cloned().collect();
        for mut record in older {
            record.rule.clone_from(&recorded.rules[&record.organisation]);
            record.authorisation = match record.rule.password_until {
                Some(_) => Authorisation::PasswordAndCode,
                None => Authorisation::PasskeyOnly,
            };
            self.put(Record::Organisation(record));
        }
    }

    fn bring_devices_up_to(&mut self, recorded: &Recorded) {
        let devices: Vec<_> = self.devices.values().cloned().collect();
        for mut record in devices {
            match recorded.devices.get(&record.device) {
                Some(at) if record.removed.is_none() => record.remove(*at),
                Some(_) => continue,
                None => match recorded.tokens.get(&record.device) {
                    Some(None) if record.token.is_some() => _ = record.lose_tokens(),
                    // another took its place, and nobody knows the hash of that one: what is here ends as was said then
                    Some(Some(issued)) if record.token.is_some() && record.token_until != Some(issued.until) => {
                        let ends = issued.before_until.unwrap_or(Instant(0));
                        record.former = None;
                        record.token_until = Some(record.token_until.map_or(ends, |until| until.min(ends)));
                    }
                    _ => continue,
                },
            }
            self.put(Record::Device(record));
        }
    }
}
