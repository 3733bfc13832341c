//! Lists of leaked passwords: which there are, and whether one has a password.
//!
//! They lie in `DIR/warden/leaks`, where `leadglass leaks load` puts them and the warden reads them inside its walls. Which lists hold
//! is an entry, so that one that was taken away or exchanged does not go unseen. A list that cannot be read is left out and said:
//! nobody is kept out because of it.

use std::path::Path;
use std::sync::{Arc, Mutex};

use leaks::Lists;
use model::{Actor, Entry, EntryBody, Instant, LeakList};

use crate::pages::HELD;
use crate::state::Warden;

/// Where lists lie in DIR.
pub const LEAK_LISTS: &str = "warden/leaks";

/// The lists, and what the ledger says of them.
pub(crate) struct KnownPasswords {
    lists: Lists,
    recorded: Vec<LeakList>,
}

impl KnownPasswords {
    pub(crate) fn open(dir: &Path) -> Self {
        Self { lists: Lists::open(&dir.join(LEAK_LISTS)), recorded: Vec::new() }
    }

    /// Takes the next entry.
    pub(crate) fn see(&mut self, entry: &Entry) {
        if let EntryBody::LeakListsRead { lists } = &entry.body {
            self.recorded.clone_from(lists);
        }
    }

    fn present(&self) -> Vec<LeakList> {
        let present = self.lists.all().iter().filter_map(|named| {
            let filter = named.filter.as_ref().ok()?;
            let digest = filter.digest().iter().map(|byte| format!("{byte:02x}")).collect();
            let (name, hash) = (named.name.clone(), filter.kind().word().to_owned());
            Some(LeakList { name, hash, hashes: filter.hashes(), digest })
        });
        present.collect()
    }
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
            Ok(_) => known.recorded = present,
            Err(error) => tracing::warn!(%error, "the lists of leaked passwords changed, which is not recorded yet"),
        }
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
}
