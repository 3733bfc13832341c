//! Signs that somebody else uses an account: where it was used from, and the networks that a site knows.

use serde::{Deserialize, Serialize};

use crate::{Instant, Origin, SessionId};

/// Where a session was used from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedFrom {
    /// The session.
    pub session: SessionId,
    /// The network address.
    pub origin: Origin,
    /// The place: the name of a network that the site knows, a latitude and longitude from a file of places, or nothing.
    pub place: String,
}

/// Two sessions of one person were used in turns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParallelSessions {
    /// One of them.
    pub one: UsedFrom,
    /// The other.
    pub other: UsedFrom,
    /// How often one was gone back to from the other.
    pub returns: u32,
    /// Since when.
    pub since: Instant,
}

/// A person was at two places, and nobody travels as fast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImpossibleTravel {
    /// Where first.
    pub from: UsedFrom,
    /// Where then.
    pub to: UsedFrom,
    /// How far apart they are at least.
    pub kilometres: u32,
    /// The time between, in minutes.
    pub minutes: u32,
}

/// A sign-in from an address that others failed to sign in from shortly before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriedOthers {
    /// The session.
    pub session: SessionId,
    /// The network address.
    pub origin: Origin,
    /// How many other people's names were tried.
    pub others: u32,
    /// How many tries had a name that nobody has here.
    pub unknown: u32,
    /// Since when.
    pub since: Instant,
}

/// The networks that a site knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkRule {
    /// Every one.
    pub networks: Vec<Network>,
}

/// A network at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// What people call the place.
    pub name: String,
    /// Its addresses as CIDR. The longest block that holds an address decides.
    pub blocks: Vec<String>,
    /// Where it is; `None` for what is at no place, as a VPN.
    pub at: Option<Coordinates>,
    /// Its standard time, in minutes east of UTC: without coordinates it says how far two places are apart at least.
    pub utc_minutes: Option<i16>,
}

/// A place on the earth, in hundredths of a degree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coordinates {
    /// Latitude, north is positive.
    pub latitude: i16,
    /// Longitude, east is positive.
    pub longitude: i16,
}

impl NetworkRule {
    /// The most networks.
    pub const NETWORKS_MAX: usize = 256;
    /// The most blocks of one.
    pub const BLOCKS_MAX: usize = 64;
    /// The longest name, in characters.
    pub const NAME_CHARACTERS_MAX: usize = 64;
}

impl Coordinates {
    /// Latitude and longitude in degrees; `None` of what is nowhere on earth.
    #[must_use]
    pub fn from_degrees(latitude: f64, longitude: f64) -> Option<Self> {
        let on_earth = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        let hundredths = |degrees: f64| (degrees * 100.0).round() as i16;
        on_earth.then(|| Self { latitude: hundredths(latitude), longitude: hundredths(longitude) })
    }

    /// How far it is, along a great circle (haversine, on a sphere of 6,371 km).
    #[must_use]
    pub fn kilometres_to(self, other: Self) -> f64 {
        let radians = |hundredths: i16| (f64::from(hundredths) / 100.0).to_radians();
        let (one, two) = (radians(self.latitude), radians(other.latitude));
        let (north, east) = (two - one, radians(other.longitude) - radians(self.longitude));
        let half = (north / 2.0).sin().powi(2) + one.cos() * two.cos() * (east / 2.0).sin().powi(2);
        2.0 * 6_371.0 * half.clamp(0.0, 1.0).sqrt().asin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_map() {
        let at = |latitude, longitude| Coordinates::from_degrees(latitude, longitude).expect("on earth");
        let (berlin, munich, sydney) = (at(52.52, 13.40), at(48.14, 11.58), at(-33.87, 151.21));
        assert_eq!(berlin.kilometres_to(munich).round(), 504.0);
        assert!((16_000.0..16_200.0).contains(&berlin.kilometres_to(sydney)));
        assert_eq!(berlin.kilometres_to(berlin), 0.0);
        let nowhere = [(90.01, 0.0), (0.0, 180.5), (f64::NAN, 0.0), (0.0, f64::INFINITY)];
        nowhere.iter().for_each(|(north, east)| assert_eq!(Coordinates::from_degrees(*north, *east), None));
    }
}
