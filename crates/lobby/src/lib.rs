//! Places for callers of a port who have not said yet who they are: how many there are, and who goes when another one comes.
//!
//! Whoever reaches a port can connect and say nothing. When the places for strangers are taken, a newcomer gets the place of one of
//! them: of the network that holds most, the one that has said nothing for longest. So who holds many places loses them to each other,
//! and a caller who says at once who it is, as every device does, is through before its turn comes to go. Nobody goes for a newcomer while
//! something is done for them.
//!
//! One module for the DICOM ports and for HTTP; who knows a caller takes it out ([`Place`] is dropped) or says that it is known
//! ([`Place::busy`]).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Who has said nothing for so long goes before one who has just come or has begun to speak.
const SILENT: Duration = Duration::from_secs(1);

/// How often the log says that strangers had to go.
const SAID: Duration = Duration::from_secs(60);

/// How many places there are.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For everybody together.
    pub places: usize,
    /// Of them for strangers: who has not been [`Place::busy`].
    pub strangers: usize,
    /// Of these for strangers of one network ([`network`]).
    pub strangers_of_one: usize,
}

/// The places of one port. Clones share them.
#[derive(Clone)]
pub struct Lobby {
    shared: Arc<Shared>,
}

struct Shared {
    limits: Limits,
    /// The port as the log names it.
    port: &'static str,
    callers: Mutex<Callers>,
}

#[derive(Default)]
struct Callers {
    next: u64,
    here: HashMap<u64, Here>,
    /// How many had to go since the log said so, and when it did.
    sent_away: u64,
    said: Option<Instant>,
}

/// A caller that has a place.
struct Here {
    network: IpAddr,
    standing: Standing,
    since: Instant,
    leave: Leave,
}

/// Ends a caller's connection from outside.
type Leave = Box<dyn FnOnce() + Send>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// A stranger who has said nothing.
    Silent,
    /// A stranger who has begun to speak.
    Speaking,
    /// Somebody for whom nothing is done now.
    Resting,
    /// Somebody for whom so many things are done.
    Busy(u32),
}

/// A caller's place, free when it is dropped.
pub struct Place {
    shared: Arc<Shared>,
    number: u64,
}

/// Something is done for this caller until it is dropped.
pub struct Busy {
    shared: Arc<Shared>,
    number: u64,
}

/// What counts as one: an IPv4 address, the /64 of an IPv6 address, which is what one subscriber has at least.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address => address,
    }
}

impl Lobby {
    /// Nobody is there yet. `port` is what the log calls this port.
    #[must_use]
    pub fn new(port: &'static str, limits: Limits) -> Self {
        Self { shared: Arc::new(Shared { limits, port, callers: Mutex::default() }) }
    }

    /// A place for a caller, whose connection `leave` ends from outside. Somebody else has to go where none is free; nothing where
    /// all are busy.
    pub fn enter(&self, from: IpAddr, leave: impl FnOnce() + Send + 'static) -> Option<Place> {
        self.enter_at(from, Instant::now(), Box::new(leave))
    }

    fn enter_at(&self, from: IpAddr, now: Instant, leave: Leave) -> Option<Place> {
        let network = network(from);
        let mut callers = self.shared.callers();
        let goes = match callers.who_goes(network, &self.shared.limits, now) {
            Room::Enough => None,
            Room::For(number) => callers.here.remove(&number),
            Room::None => return None,
        };
        let number = callers.next;
        callers.next += 1;
        callers.here.insert(number, Here { network, standing: Standing::Silent, since: now, leave });
        let said = goes.is_some().then(|| callers.sent_away(now)).flatten();
        drop(callers);
        if let Some(Here { leave, .. }) = goes {
            leave();
        }
        if let Some(sent_away) = said {
            let port = self.shared.port;
            tracing::warn!(
                port,
                sent_away,
                "all places for callers who have not said who they are were taken; silent ones made room for others"
            );
        }
        Some(Place { shared: Arc::clone(&self.shared), number })
    }

    /// How many have a place now.
    #[must_use]
    pub fn callers(&self) -> usize {
        self.shared.callers().here.len()
    }

    /// Ends the connections of all who have a place.
    pub fn clear(&self) {
        let here = std::mem::take(&mut self.shared.callers().here);
        here.into_values().for_each(|caller| (caller.leave)());
    }
}

/// Whether there is room for one more.
enum Room {
    Enough,
    /// In the place of this one.
    For(u64),
    None,
}

impl Callers {
    fn who_goes(&self, network: IpAddr, limits: &Limits, now: Instant) -> Room {
        let strangers = |here: &Here| matches!(here.standing, Standing::Silent | Standing::Speaking);
        let own = |here: &Here| strangers(here) && here.network == network;
        let resting = |here: &Here| here.standing == Standing::Resting;
        let count = |who: &dyn Fn(&Here) -> bool| self.here.values().filter(|here| who(here)).count();
        let goes = if count(&own) >= limits.strangers_of_one {
            self.first_to_go(own, now)
        } else if count(&strangers) >= limits.strangers {
            self.first_to_go(strangers, now)
        } else if self.here.len() >= limits.places {
            self.first_to_go(resting, now).or_else(|| self.first_to_go(strangers, now))
        } else {
            return Room::Enough;
        };
        goes.map_or(Room::None, Room::For)
    }

    /// Of the networks that have most of these, the one that has been silent for longest, or else the one that is here for longest.
    fn first_to_go(&self, who: impl Fn(&Here) -> bool, now: Instant) -> Option<u64> {
        let mut of_each = HashMap::<IpAddr, usize>::new();
        for here in self.here.values().filter(|here| who(here)) {
            *of_each.entry(here.network).or_default() += 1;
        }
        let most = *of_each.values().max()?;
        let among = self.here.iter().filter(|(_, here)| who(here) && of_each[&here.network] == most);
        let first = among.min_by_key(|(number, here)| (!here.is_silent(now), here.since, **number));
        first.map(|(number, _)| *number)
    }

    /// Counts one who has to go; how many they were when it is time to say so.
    fn sent_away(&mut self, now: Instant) -> Option<u64> {
        self.sent_away += 1;
        if self.said.is_some_and(|said| now.saturating_duration_since(said) < SAID) {
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.sent_away))
    }
}

impl Here {
    fn is_silent(&self, now: Instant) -> bool {
        self.standing == Standing::Silent && now.saturating_duration_since(self.since) >= SILENT
    }
}

impl Shared {
    fn callers(&self) -> MutexGuard<'_, Callers> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes where a caller stands who has its place still.
    fn stands(&self, number: u64, change: impl FnOnce(&mut Here)) {
        if let Some(here) = self.callers().here.get_mut(&number) {
            change(here);
        }
    }
}

impl Place {
    /// It has begun to speak.
    pub fn heard(&self) {
        self.shared.stands(self.number, |here| {
            if here.standing == Standing::Silent {
                here.standing = Standing::Speaking;
            }
        });
    }

    /// Something is done for it: it keeps its place until that is over, and is no stranger any more.
    #[must_use]
    pub fn busy(&self) -> Busy {
        self.shared.stands(self.number, |here| {
            let already = if let Standing::Busy(already) = here.standing { already } else { 0 };
            here.standing = Standing::Busy(already + 1);
        });
        Busy { shared: Arc::clone(&self.shared), number: self.number }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // outside of the lock: it may hold the last of a connection
        let here = self.shared.callers().here.remove(&self.number);
        drop(here);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.shared.stands(self.number, |here| match here.standing {
            Standing::Busy(count @ 2..) => here.standing = Standing::Busy(count - 1),
            _ => (here.standing, here.since) = (Standing::Resting, Instant::now()),
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A lobby, and who had to leave it, in order.
    struct Scene {
        lobby: Lobby,
        left: Arc<Mutex<Vec<u32>>>,
        began: Instant,
        places: Vec<(u32, Place)>,
    }

    impl Scene {
        fn new(places: usize, strangers: usize, strangers_of_one: usize) -> Self {
            let lobby = Lobby::new("a test", Limits { places, strangers, strangers_of_one });
            Self { lobby, left: Arc::default(), began: Instant::now(), places: Vec::new() }
        }

        /// Caller `name` comes from this address so many milliseconds after the beginning; whether there was a place.
        fn comes(&mut self, name: u32, from: &str, after: u64) -> bool {
            let left = Arc::clone(&self.left);
            let leave = Box::new(move || left.lock().unwrap().push(name));
            let now = self.began + Duration::from_millis(after);
            let place = self.lobby.enter_at(from.parse().unwrap(), now, leave);
            let there = place.is_some();
            self.places.extend(place.map(|place| (name, place)));
            there
        }

        fn place(&self, name: u32) -> &Place {
            &self.places.iter().find(|(of, _)| *of == name).unwrap().1
        }

        #[track_caller]
        fn left(&self, expected: &[u32]) {
            assert_eq!(*self.left.lock().unwrap(), expected);
        }
    }

    #[test]
    fn who_holds_most_loses_the_place_that_is_silent_for_longest() {
        let mut scene = Scene::new(4, 4, 4);
        for (name, from) in [(1, "192.0.2.1"), (2, "192.0.2.2"), (3, "192.0.2.2"), (4, "192.0.2.2")] {
            assert!(scene.comes(name, from, u64::from(name)));
        }
        // 2 has begun to speak; 3 is silent for longer than 4
        scene.place(2).heard();
        assert!(scene.comes(5, "192.0.2.3", 2_000));
        scene.left(&[3]);
        // 2 and 4 hold the most still, and 4 is the silent one
        assert!(scene.comes(6, "192.0.2.4", 2_001));
        scene.left(&[3, 4]);
        assert_eq!(scene.lobby.callers(), 4);
    }

    #[test]
    fn a_newcomer_is_not_silent_before_it_could_say_something() {
        let mut scene = Scene::new(3, 3, 3);
        for name in 1..4 {
            assert!(scene.comes(name, &format!("192.0.2.{name}"), 0));
        }
        // strangers who have begun to speak hold all places but that of the newcomer
        (1..4).for_each(|name| scene.place(name).heard());
        assert!(scene.comes(4, "192.0.2.4", 500));
        assert!(scene.comes(5, "192.0.2.5", 501));
        scene.left(&[1, 2]);
        // a second later it could have
        assert!(scene.comes(6, "192.0.2.6", 1_500));
        scene.left(&[1, 2, 4]);
    }

    #[test]
    fn one_network_has_so_many_strangers_and_no_more() {
        let mut scene = Scene::new(9, 9, 2);
        // the addresses of one /64; an IPv4 address, also in IPv6's words
        for (name, from) in [(1, "2001:db8::1"), (2, "2001:db8::2"), (3, "2001:db8:0:1::1"), (4, "192.0.2.1")] {
            assert!(scene.comes(name, from, 0));
        }
        scene.left(&[]);
        assert!(scene.comes(5, "2001:db8::ffff:3", 1));
        scene.left(&[1]);
        assert!(scene.comes(6, "::ffff:192.0.2.1", 2));
        assert!(scene.comes(7, "192.0.2.1", 3));
        scene.left(&[1, 4]);
        assert_ne!(network("192.0.2.1".parse().unwrap()), network("192.0.2.2".parse().unwrap()));
    }

    #[test]
    fn for_whom_something_is_done_stays_and_who_rests_goes_before_nobody_has_a_place() {
        let mut scene = Scene::new(3, 2, 2);
        assert!(scene.comes(1, "192.0.2.1", 0) && scene.comes(2, "192.0.2.2", 0));
        let (one, again, two) = (scene.place(1).busy(), scene.place(1).busy(), scene.place(2).busy());
        // no strangers any more, so there is room for two
        assert!(scene.comes(3, "192.0.2.3", 1));
        scene.left(&[]);
        // all places are taken, and one stranger is all that can go
        assert!(scene.comes(4, "192.0.2.4", 2));
        scene.left(&[3]);
        let four = scene.place(4).busy();
        assert!(!scene.comes(5, "192.0.2.5", 3), "everybody is busy");
        // one of two things is over: still busy
        drop(again);
        assert!(!scene.comes(6, "192.0.2.6", 4));
        drop(one);
        assert!(scene.comes(7, "192.0.2.7", 5));
        scene.left(&[3, 1]);
        drop((two, four));
    }

    #[test]
    fn a_place_that_is_given_back_is_free_and_clearing_ends_everybody() {
        let mut scene = Scene::new(2, 2, 2);
        assert!(scene.comes(1, "192.0.2.1", 0) && scene.comes(2, "192.0.2.1", 0));
        scene.places.remove(0);
        assert!(scene.comes(3, "192.0.2.1", 1));
        scene.left(&[]);
        let busy = scene.place(3).busy();
        scene.lobby.clear();
        let mut left = scene.left.lock().unwrap().clone();
        left.sort_unstable();
        assert_eq!((left, scene.lobby.callers()), (vec![2, 3], 0));
        drop(busy);
    }

    #[test]
    fn the_log_says_once_a_minute_how_many_had_to_go() {
        let mut callers = Callers::default();
        let began = Instant::now();
        assert_eq!(callers.sent_away(began), Some(1));
        for seconds in 1..60 {
            assert_eq!(callers.sent_away(began + Duration::from_secs(seconds)), None);
        }
        assert_eq!(callers.sent_away(began + SAID), Some(60));
    }
}
