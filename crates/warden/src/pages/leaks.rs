//! Logins that stand in a dump of stolen ones: verified, locked, told.
//!
//! The dump never comes here: the command of the owner reads it, and sends what stands beside logins that are ours. Why the parts are so:
//! a dump is the most hostile file that the site ever opens, so no byte of it is parsed where the keys are; the stored hashes never leave
//! where the keys are, so the candidates come to them. Candidates are wiped when they were tried, and no entry holds one.

use std::collections::{BTreeMap, BTreeSet};

use identity::FoundPassword;
use leaks::LoginKey;
use model::{About, Actor, EntryBody, Evidence, Finding, Instant, PersonId, Reaction, SECOND, Whose, Window};
use protocol::{
    LEAK_CANDIDATES_MAX, LEAK_TRIES_MAX, LeakCandidate, LeakLogins, LeakReply, LeakRequest, LeakedAccount, LeakedToken,
    LeaksChecked, LeaksState, LockedRow, NamedAccount, NamedRow, PageReply, Refusal, SecretText,
};
use seal::{CryptoRng, SystemRandom};

use super::HELD;
use super::directory::field;
use super::exposure::reported;
use crate::leaked::LockedAccount;
use crate::leases::Holder;
use crate::sign_in::ended_sessions;
use crate::state::Warden;
use crate::subject::Caller;

/// The most accounts of one incident, as for incidents that people open.
const ACCOUNTS_PER_INCIDENT: usize = protocol::INCIDENT_ABOUT_MAX;

/// The most rows of each kind that an officer is shown.
const ROWS_MAX: usize = 500;

/// What a dump says of one person.
#[derive(Default)]
struct Suspected {
    /// Whether a line has the whole address.
    by_address: bool,
    /// What may be the password; that beside the whole address first.
    passwords: Vec<SecretText>,
}

impl Warden {
    pub(super) async fn leaks(
        &self,
        caller: &Caller,
        request: LeakRequest,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let reply = match request {
            LeakRequest::Logins => LeakReply::Logins(self.leak_logins()),
            LeakRequest::State => LeakReply::State(self.leaks_state()),
            LeakRequest::Check { candidates } => LeakReply::Checked(self.check_leaks(caller, candidates, now).await?),
            LeakRequest::Tokens { tokens } => LeakReply::Tokens(self.end_leaked_tokens(caller, &tokens, now)?),
        };
        Ok(PageReply::Leaks(Box::new(reply)))
    }

    /// Lists and what was found so far, for an officer.
    fn leaks_state(&self) -> LeaksState {
        let lists = self.leak_list_rows();
        let found: Vec<budget::Found> = {
            let budgets = self.budgets.lock().expect(HELD);
            let found = budgets.findings().iter().rev();
            found
                .filter(|found| matches!(found.finding.evidence, Evidence::LeakedLogin { .. }))
                .take(ROWS_MAX)
                .cloned()
                .collect()
        };
        let locked = self.locked.read().expect(HELD).clone();
        let people = self.people.lock().expect(HELD);
        let who = |person| {
            let one = people.person(person);
            one.map(|one| (one.name().to_owned(), one.email().to_owned())).unwrap_or_default()
        };
        let mut seen = BTreeSet::new();
        let locked = locked.into_iter().rev().take(ROWS_MAX).map(|LockedAccount { at, person, incident }| {
            let (name, email) = who(person);
            // the newest lock of an account is the one that may hold
            let locked = seen.insert(person) && people.is_locked(person);
            LockedRow { at, person, name, email, incident, locked }
        });
        let named = found.into_iter().filter_map(|found| {
            let Whose::Person(person) = found.finding.about else { return None };
            let Evidence::LeakedLogin { by_name, tried } = found.finding.evidence else { return None };
            let (name, email) = who(person);
            let acknowledged = found.acknowledged.is_some();
            Some(NamedRow { finding: found.entry, at: found.at, person, name, email, by_name, tried, acknowledged })
        });
        let ranges_failed = self.ranges.get().map(|ranges| ranges.failed());
        LeaksState { lists, locked: locked.collect(), named: named.collect(), ranges_failed }
    }

    fn leak_logins(&self) -> LeakLogins {
        let key = drawn(&mut SystemRandom);
        let digests = LoginKey::new(key);
        let people = self.people.lock().expect(HELD);
        let mut addresses: Vec<_> = people.login_names().map(|(_, email)| digests.digest(email)).collect();
        let names: BTreeSet<&str> = people.login_names().map(|(_, email)| name_of(email)).collect();
        let names = names.into_iter().map(|name| digests.digest(name)).collect();
        // their order would say who is who
        addresses.sort_unstable();
        LeakLogins { key, addresses, names }
    }

    /// First verifies, a slow hash a candidate, beside sign-ins and no faster than they; then locks, with the incident, in one append;
    /// then computes what each account could reach; last raises a finding for each that is only named. A crash before the append leaves
    /// nothing, after it accounts that are locked under an incident whose exposure its page computes anyway.
    async fn check_leaks(
        &self,
        caller: &Caller,
        candidates: Vec<LeakCandidate>,
        now: Instant,
    ) -> Result<LeaksChecked, Refusal> {
        if candidates.len() > LEAK_CANDIDATES_MAX {
            return Err(field("candidates", "at most 10,000 logins at once"));
        }
        let (mut found, mut named) = (Vec::new(), Vec::new());
        for (person, suspected) in self.suspected(candidates) {
            let by_name = !suspected.by_address;
            let (verified, tried) = self.try_passwords(person, suspected.passwords).await?;
            match verified {
                Some(verified) if self.forgot_unused(&verified, now)? => named.push((person, by_name, tried)),
                Some(verified) => found.push(verified),
                None => named.push((person, by_name, tried)),
            }
        }
        let mut checked = LeaksChecked::default();
        for together in found.chunks(ACCOUNTS_PER_INCIDENT) {
            let (incident, locked) = self.lock_found(caller, together, self.now())?;
            for found in locked {
                checked.verified.push(self.exposed_account(caller, found, incident, self.now())?);
            }
        }
        checked.named = self.find_named(&named, now)?;
        Ok(checked)
    }

    /// Whose logins they are, each person once. One name may be several people's.
    fn suspected(&self, mut candidates: Vec<LeakCandidate>) -> BTreeMap<PersonId, Suspected> {
        let people = self.people.lock().expect(HELD);
        let mut by_address = BTreeMap::<&str, Vec<PersonId>>::new();
        let mut by_name = by_address.clone();
        for (person, email) in people.login_names() {
            by_address.entry(email).or_default().push(person);
            by_name.entry(name_of(email)).or_default().push(person);
        }
        candidates.sort_by_key(|candidate| candidate.by_name);
        let mut suspected: BTreeMap<PersonId, Suspected> = BTreeMap::new();
        for candidate in candidates {
            let whose = if candidate.by_name { &by_name } else { &by_address };
            for person in whose.get(candidate.login.expose()).into_iter().flatten() {
                let suspected = suspected.entry(*person).or_default();
                suspected.by_address |= !candidate.by_name;
                let room = LEAK_TRIES_MAX.saturating_sub(suspected.passwords.len());
                let new = candidate.passwords.iter().filter(|one| !suspected.passwords.contains(one)).take(room);
                let new: Vec<SecretText> = new.cloned().collect();
                suspected.passwords.extend(new);
            }
        }
        suspected
    }

    async fn try_passwords(
        &self,
        person: PersonId,
        passwords: Vec<SecretText>,
    ) -> Result<(Option<FoundPassword>, u32), Refusal> {
        let stored = self.people.lock().expect(HELD).stored_password(person);
        let Some(stored) = stored else { return Ok((None, 0)) };
        let mut tried = 0;
        for password in passwords {
            let stored = stored.clone();
            let found = self.slowly(move || stored.found(password.expose())).await?;
            tried += 1;
            if found.is_some() {
                return Ok((found, tried));
            }
        }
        Ok((None, tried))
    }

    /// Removes a password that signs nobody in any more: it is known, and a later rule must not make it good again. Nobody is locked for
    /// it, and the finding says that a login was found.
    fn forgot_unused(&self, found: &FoundPassword, now: Instant) -> Result<bool, Refusal> {
        let mut people = self.people.lock().expect(HELD);
        let value = people.forget_unused(found, now);
        self.commit(people, identity::Changed { value, entries: Vec::new() }, &Actor::Warden, now)
    }

    /// Locks accounts under one incident. Those whose password was replaced meanwhile stay as they are.
    fn lock_found<'a>(
        &self,
        caller: &Caller,
        together: &'a [FoundPassword],
        now: Instant,
    ) -> Result<(u32, Vec<&'a FoundPassword>), Refusal> {
        // the number is given while nobody else can be given it
        let numbering = self.numbering.lock().expect(HELD);
        let incident = self.cases.read().expect(HELD).incidents.next();
        let mut people = self.people.lock().expect(HELD);
        let (mut locked, mut entries, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        for found in together {
            let Some(changed) = people.lock(found, incident, now) else { continue };
            entries.extend(changed.entries);
            notes.push(EntryBody::IncidentNoted { incident, text: to_be_told(&people, changed.value) });
            locked.push(found);
        }
        let Some(since) = locked.iter().map(|found| found.since()).min() else { return Ok((incident, locked)) };
        let from = since.min(Instant(now.0.saturating_sub(SECOND)));
        let opened = EntryBody::IncidentOpened {
            incident,
            title: format!("passwords of {} accounts stood in a dump of stolen logins", locked.len()),
            about: locked.iter().map(|found| About::Person(found.person())).collect(),
            window: Window { from, to: now },
            aware: now,
        };
        let ended = ended_sessions(&entries);
        let bodies = std::iter::once(opened).chain(entries).chain(notes).collect();
        self.commit_appended(people, bodies, &caller.actor, now)?;
        drop(numbering);
        self.end_leases(&ended);
        // what these people share ends with it, not at the next round
        self.end_links_due(now);
        Ok((incident, locked))
    }

    /// What an account could reach while its password held, recorded with the incident.
    fn exposed_account(
        &self,
        caller: &Caller,
        found: &FoundPassword,
        incident: u32,
        now: Instant,
    ) -> Result<LeakedAccount, Refusal> {
        let (name, email) = self.name_and_email(found.person())?;
        let window = Window { from: found.since().min(Instant(now.0.saturating_sub(SECOND))), to: now };
        let (subject, mut report, _) = self.exposed(&format!("person:{email}"), window)?;
        // the command prints counts: no patient is shown to anybody
        report.patients.clear();
        let bodies = reported(&subject, &report, Default::default(), None, now);
        let appended = self.append(caller, bodies, now)?;
        let entry = appended.first().map(|(number, _)| *number).ok_or(Refusal::Internal)?;
        self.append(caller, vec![EntryBody::IncidentReport { incident, report: entry }], now)?;
        let (reachable, listed, opened) = (report.reachable, report.listed, report.opened);
        Ok(LeakedAccount {
            person: found.person(),
            name,
            email,
            incident,
            since: found.since(),
            reachable,
            listed,
            opened,
        })
    }

    fn find_named(&self, named: &[(PersonId, bool, u32)], now: Instant) -> Result<Vec<NamedAccount>, Refusal> {
        let entry = |(person, by_name, tried): &(PersonId, bool, u32)| {
            let evidence = Evidence::LeakedLogin { by_name: *by_name, tried: *tried };
            let finding = Finding { about: Whose::Person(*person), reaction: Reaction::Noticed, evidence };
            (Actor::Warden, EntryBody::FindingRaised { finding })
        };
        if !named.is_empty() {
            let entries = named.iter().map(entry).collect();
            self.ledger.append(entries, now).map_err(|error| self.cannot_record(&error))?;
        }
        let account = |&(person, by_name, tried): &(PersonId, bool, u32)| {
            let (name, email) = self.name_and_email(person)?;
            Ok(NamedAccount { person, name, email, by_name, tried })
        };
        named.iter().map(account).collect()
    }

    /// Tokens that stood in a dump end, with an incident, in one append; then what each device could reach is recorded. No hash is slow
    /// here: nobody guesses 256 bits, so a token that fits was there.
    fn end_leaked_tokens(
        &self,
        caller: &Caller,
        tokens: &[SecretText],
        now: Instant,
    ) -> Result<Vec<LeakedToken>, Refusal> {
        if tokens.len() > LEAK_CANDIDATES_MAX {
            return Err(field("tokens", "at most 10,000 tokens at once"));
        }
        let tokens: Vec<&str> = tokens.iter().map(SecretText::expose).collect();
        let found = self.people.lock().expect(HELD).devices_with(&tokens, now);
        let mut ended = Vec::new();
        for together in found.chunks(ACCOUNTS_PER_INCIDENT) {
            let begins =
                |since: &Option<Instant>| since.unwrap_or(Instant(0)).min(Instant(now.0.saturating_sub(SECOND)));
            let from = together.iter().map(|(.., since)| begins(since)).min().unwrap_or(now);
            // the number is given while nobody else can be given it
            let numbering = self.numbering.lock().expect(HELD);
            let incident = self.cases.read().expect(HELD).incidents.next();
            let mut people = self.people.lock().expect(HELD);
            let mut bodies = vec![EntryBody::IncidentOpened {
                incident,
                title: format!("tokens of {} devices stood in a dump", together.len()),
                about: together.iter().map(|(device, ..)| About::Device(*device)).collect(),
                window: Window { from, to: now },
                aware: now,
            }];
            for (device, ..) in together {
                // one that was removed meanwhile has none any more
                bodies.extend(people.remove_device_token(*device).map(|changed| changed.entries).unwrap_or_default());
            }
            self.commit_appended(people, bodies, &caller.actor, now)?;
            drop(numbering);
            let mut leases = self.leases.lock().expect(HELD);
            together.iter().for_each(|(device, ..)| leases.end(Holder::Device(*device)));
            drop(leases);
            for (device, name, since) in together {
                let window = Window { from: begins(since), to: now };
                let (subject, mut report, _) = self.exposed(&format!("device:{name}"), window)?;
                report.patients.clear();
                let bodies = reported(&subject, &report, Default::default(), None, now);
                let appended = self.append(caller, bodies, now)?;
                let entry = appended.first().map(|(number, _)| *number).ok_or(Refusal::Internal)?;
                self.append(caller, vec![EntryBody::IncidentReport { incident, report: entry }], now)?;
                let (reachable, listed, opened) = (report.reachable, report.listed, report.opened);
                ended.push(LeakedToken { device: *device, name: name.clone(), incident, reachable, listed, opened });
            }
        }
        Ok(ended)
    }

    fn name_and_email(&self, person: PersonId) -> Result<(String, String), Refusal> {
        let people = self.people.lock().expect(HELD);
        let one = people.person(person).ok_or(Refusal::Internal)?;
        Ok((one.name().to_owned(), one.email().to_owned()))
    }
}

/// What the incident says has to be done: nothing in here may reach whoever holds the dump.
fn to_be_told(people: &identity::People, person: PersonId) -> String {
    let (name, email) = people.person(person).map_or(("", ""), |one| (one.name(), one.email()));
    format!(
        "{name} ({email}) is to be told in person, by a telephone number known from before or by a printed letter, and never by e-mail: \
         the password of the mailbox may stand in the same dump. Then hand over a new enrolment link in person; the account is locked until \
         it was used. The computer on which the password was typed may hold the malware that took it."
    )
}

fn drawn(random: &mut dyn CryptoRng) -> [u8; 32] {
    let mut key = [0; 32];
    random.fill_bytes(&mut key);
    key
}

fn name_of(email: &str) -> &str {
    email.rsplit_once('@').map_or(email, |(name, _)| name)
}
