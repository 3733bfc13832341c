//! Lists of leaked passwords: which there are, and whether one has a password.
//!
//! They lie in `DIR/warden/leaks`, where `leadglass leaks load` puts them and the warden reads them inside its walls. Which lists hold
//! is an entry, so that one that was taken away or exchanged does not go unseen. A list that cannot be read is left out and said:
//! nobody is kept out because of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use leaks::Lists;
use model::{Actor, Entry, EntryBody, Instant, LeakList, PersonId};
use protocol::LeakListRow;

use crate::pages::HELD;
use crate::state::Warden;

/// Where lists lie in DIR.
pub const LEAK_LISTS: &str = "warden/leaks";

/// An account that was locked because its password stood in a dump.
#[derive(Clone, Copy)]
pub(crate) struct LockedAccount {
    pub(crate) at: Instant,
    pub(crate) person: PersonId,
    pub(crate) incident: u32,
}

impl LockedAccount {
    /// What an entry says of one.
    pub(crate) fn of(entry: &Entry) -> Option<Self> {
        let EntryBody::AccountLocked { person, incident } = entry.body else { return None };
        Some(Self { at: entry.recorded, person, incident })
    }
}

/// The lists, and what the ledger says of them.
pub(crate) struct KnownPasswords {
    lists: Lists,
    recorded: Vec<LeakList>,
    /// Since when each of them holds.
    since: BTreeMap<(String, String), Instant>,
}

impl KnownPasswords {
    pub(crate) fn open(dir: &Path) -> Self {
        Self { lists: Lists::open(&dir.join(LEAK_LISTS)), recorded: Vec::new(), since: BTreeMap::new() }
    }

    /// Takes the next entry.
    pub(crate) fn see(&mut self, entry: &Entry) {
        if let EntryBody::LeakListsRead { lists } = &entry.body {
            self.record(lists.clone(), entry.recorded);
        }
    }

    fn record(&mut self, lists: Vec<LeakList>, at: Instant) {
        let key = |list: &LeakList| (list.name.clone(), list.digest.clone());
        let since = lists.iter().map(|list| (key(list), *self.since.get(&key(list)).unwrap_or(&at)));
        self.since = since.collect();
        self.recorded = lists;
    }

    fn present(&self) -> Vec<LeakList> {
        let readable = self.lists.all().iter().filter_map(|named| Some((&named.name, named.filter.as_ref().ok()?)));
        readable.map(|(name, filter)| listed(name, filter)).collect()
    }
}

/// A list as an entry names it.
fn listed(name: &str, filter: &leaks::Filter) -> LeakList {
    let digest = filter.digest().iter().map(|byte| format!("{byte:02x}")).collect();
    LeakList { name: name.to_owned(), hash: filter.kind().word().to_owned(), hashes: filter.hashes(), digest }
}

impl Warden {
    /// Opens lists that were loaded or removed, and records which there are from now on.
    pub(crate) fn look_at_leak_lists(&self, now: Instant) {
        let mut known = self.known_passwords.lock().expect(HELD);
        if known.lists.renew() {
            for named in known.lists.all() {
                if let Err(error) = &named.filter {
                    tracing::error!(list = named.name, %error, "a list of leaked passwords is not used");
                }
            }
        }
        let present = known.present();
        if present == known.recorded {
            return;
        }
        let body = EntryBody::LeakListsRead { lists: present.clone() };
        match self.ledger.append(vec![(Actor::Warden, body)], now) {
            Ok(_) => known.record(present, now),
            Err(error) => tracing::warn!(%error, "the lists of leaked passwords changed, which is not recorded yet"),
        }
    }

    /// Every list that lies there, as an officer reads it.
    pub(crate) fn leak_list_rows(&self) -> Vec<LeakListRow> {
        let known = self.known_passwords.lock().expect(HELD);
        let row = |named: &leaks::Named| {
            let (name, since) = (named.name.clone(), |list: &LeakList| {
                known.since.get(&(list.name.clone(), list.digest.clone())).copied()
            });
            match &named.filter {
                Ok(filter) => {
                    let list = listed(&name, filter);
                    LeakListRow { since: since(&list), hash: list.hash, hashes: list.hashes, name, readable: true }
                }
                Err(_) => LeakListRow { name, hash: String::new(), hashes: 0, since: None, readable: false },
            }
        };
        known.lists.all().iter().map(row).collect()
    }

    /// Says whether a list has a password; goes to another thread. Lists that were loaded a moment ago are looked at, too.
    pub(crate) fn known_passwords(&self) -> impl Fn(&str) -> bool + Send + use<> {
        let known: Arc<Mutex<KnownPasswords>> = Arc::clone(&self.known_passwords);
        move |password| {
            let mut known = known.lock().expect(HELD);
            known.lists.renew();
            known.lists.knows(password, |list, error| {
                tracing::error!(list, %error, "a list of leaked passwords cannot be read");
            })
        }
    }

    /// The same, and where the site says so a range is asked for elsewhere when no list has it. For a password that is set or used, and
    /// never for one that is still being typed: the ranges of its beginnings, one after the other, would tell it.
    pub(crate) fn known_anywhere(&self) -> impl Fn(&str) -> bool + Send + use<> {
        let (in_a_list, ranges) = (self.known_passwords(), self.ranges.get().cloned());
        move |password| in_a_list(password) || ranges.as_ref().is_some_and(|ranges| ranges.knows(password))
    }

    /// Takes streams of whoever asks for ranges, from a thread of its own, until the process ends.
    pub fn ask_for_ranges(&self, socket: std::os::unix::net::UnixListener) -> std::io::Result<()> {
        let ranges = Arc::clone(self.ranges.get_or_init(Arc::default));
        std::thread::Builder::new().spawn(move || {
            if let Err(error) = ranges.accept(&socket) {
                tracing::error!(%error, "no range of leaked passwords is asked for any more");
            }
        })?;
        Ok(())
    }
}
