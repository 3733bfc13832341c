//! Where an address is: by the networks that the site knows, else by a file of places.

use core::net::IpAddr;
use std::io::BufRead;

use model::{Coordinates, NetworkRule, Origin};
use thiserror::Error;

/// The most rows of a file of places.
const ROWS_MAX: usize = 6_000_000;
/// The longest line of it, in bytes.
const LINE_BYTES_MAX: usize = 4_096;
/// What a file of places says is not nearer than this: an address of a mobile network leaves the country's other end.
const UNSURE_KILOMETRES: f64 = 500.0;
/// Two places whose standard times differ lie so far apart at least for each hour beyond the first and a half.
const KILOMETRES_PER_HOUR_OF_TIME: f64 = 900.0;
const HOURS_OF_TIME_UNSURE: f64 = 1.5;

/// The networks of a site.
#[derive(Clone, Default)]
pub(super) struct Networks {
    /// (block, bits, which network), the longest block first.
    blocks: Vec<(u128, u32, usize)>,
    networks: Vec<(String, Option<Where>)>,
}

/// A place on the earth, as well as it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Where {
    /// Somebody of the site said where.
    Said(Coordinates),
    /// A file of addresses says so, with how many kilometres it may be wrong.
    Looked(Coordinates, f64),
    /// Only the standard time is known, in minutes.
    Time(i16),
}

/// What is known of an address.
pub(super) enum Found<'a> {
    Network(&'a (String, Option<Where>)),
    Place(Coordinates, f64),
    Unknown,
}

impl Networks {
    pub(super) fn of(rule: &NetworkRule) -> Self {
        let mut networks = Self::default();
        for (index, network) in rule.networks.iter().enumerate() {
            let place = network.at.map(Where::Said).or(network.utc_minutes.map(Where::Time));
            networks.networks.push((network.name.clone(), place));
            let blocks = network.blocks.iter().filter_map(|block| block_of(block));
            networks.blocks.extend(blocks.map(|(block, bits)| (block, bits, index)));
        }
        networks.blocks.sort_unstable_by_key(|(block, bits, _)| (std::cmp::Reverse(*bits), *block));
        networks
    }

    pub(super) fn find(&self, origin: &Origin, places: Option<&Places>) -> Found<'_> {
        let Some(address) = address_of(origin) else { return Found::Unknown };
        let holds = |(block, bits, _): &&(u128, u32, usize)| in_block(address, *block, *bits);
        if let Some((_, _, index)) = self.blocks.iter().find(holds) {
            return Found::Network(&self.networks[*index]);
        }
        match places.and_then(|places| places.find(address)) {
            Some((at, radius)) => Found::Place(at, radius),
            None => Found::Unknown,
        }
    }
}

impl Found<'_> {
    /// As the officer reads it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Network((name, _)) => name.clone(),
            Self::Place(at, _) => {
                format!("{:.2}, {:.2}", f64::from(at.latitude) / 100.0, f64::from(at.longitude) / 100.0)
            }
            Self::Unknown => String::new(),
        }
    }

    /// What network an address lies in, in words that tell two apart. Addresses that are not routed in the Internet lie in one, the site's
    /// own, unless the site says more.
    pub(super) fn network(&self, origin: &Origin) -> String {
        if let Self::Network((name, _)) = self {
            return format!("network {name}");
        }
        match address_of(origin) {
            Some(address) if is_inside(address) => "inside".to_owned(),
            Some(address) if address >> 32 == 0xffff => format!("{:x}/24", address >> 8),
            Some(address) => format!("{:x}/48", address >> 80),
            None => origin.0.clone(),
        }
    }

    pub(super) fn place(&self) -> Option<Where> {
        match self {
            Self::Network((_, place)) => *place,
            Self::Place(at, radius) => Some(Where::Looked(*at, *radius)),
            Self::Unknown => None,
        }
    }
}

impl Where {
    /// How far two places are apart at the least.
    pub(super) fn kilometres_to(self, other: Self) -> f64 {
        use Where::{Looked, Said, Time};
        match (self, other) {
            (Said(one), Said(other)) => one.kilometres_to(other),
            (Looked(one, unsure), Said(other)) | (Said(other), Looked(one, unsure)) => {
                far(one.kilometres_to(other) - unsure)
            }
            (Looked(one, unsure), Looked(other, more)) => far(one.kilometres_to(other) - unsure - more),
            (Time(one), Time(other)) => {
                let minutes = f64::from((i32::from(one) - i32::from(other)).abs());
                // around the earth the other way, too
                let hours = (minutes / 60.0).min(24.0 - minutes / 60.0);
                (hours - HOURS_OF_TIME_UNSURE).max(0.0) * KILOMETRES_PER_HOUR_OF_TIME
            }
            (Time(_), _) | (_, Time(_)) => 0.0,
        }
    }
}

fn far(kilometres: f64) -> f64 {
    if kilometres < UNSURE_KILOMETRES { 0.0 } else { kilometres }
}

/// A file of addresses and where they are: CSV with a block, latitude, longitude and how far it may be wrong, or MaxMind's blocks.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// (first address, last address, where, how far it may be wrong in kilometres), ascending.
    rows: Vec<(u128, u128, Coordinates, u16)>,
}

/// Why a file is no file of places.
#[derive(Debug, Error)]
pub enum PlacesError {
    /// It cannot be read.
    #[error("it cannot be read")]
    Io(#[from] std::io::Error),
    /// A line is none.
    #[error(
        "line {line} has no block with a latitude and a longitude; give CSV of block,latitude,longitude[,kilometres], or the blocks of MaxMind with their first line"
    )]
    Line {
        /// Which, from 1.
        line: usize,
    },
    /// Two blocks overlap.
    #[error("two of its blocks overlap: {0} begins inside of the one before")]
    Overlap(IpAddr),
    /// It has too many.
    #[error("it has more than {ROWS_MAX} places; take one without cities, or of fewer countries")]
    TooMany,
    /// It has none.
    #[error("no place is in it")]
    Empty,
}

impl Places {
    /// Reads CSV. Lines of MaxMind without coordinates are left out; neighbours at one place become one row.
    pub fn read(mut csv: impl BufRead) -> Result<Self, PlacesError> {
        let (mut rows, mut columns, mut text) = (Vec::new(), Columns::PLAIN, Vec::new());
        for line in 1.. {
            text.clear();
            if std::io::Read::take(&mut csv, LINE_BYTES_MAX as u64).read_until(b'\n', &mut text)? == 0 {
                break;
            }
            let refused = PlacesError::Line { line };
            let Ok(words) = std::str::from_utf8(&text) else { return Err(refused) };
            let words: Vec<&str> = words.trim_end().split(',').map(|word| word.trim().trim_matches('"')).collect();
            if line == 1 && block_of(words[0]).is_none() {
                columns = Columns::named(&words).ok_or(refused)?;
                continue;
            }
            match columns.row(&words) {
                Row::Place(row) => rows.push(row),
                Row::Nowhere => {}
                Row::Broken => return Err(refused),
            }
            if rows.len() > ROWS_MAX {
                return Err(PlacesError::TooMany);
            }
        }
        Self::of(rows)
    }

    fn of(mut rows: Vec<(u128, u128, Coordinates, u16)>) -> Result<Self, PlacesError> {
        rows.sort_unstable_by_key(|(first, ..)| *first);
        let mut merged: Vec<(u128, u128, Coordinates, u16)> = Vec::new();
        for row in rows {
            match merged.last_mut() {
                Some(last) if row.0 <= last.1 => return Err(PlacesError::Overlap(ip(row.0))),
                Some(last) if last.1 + 1 == row.0 && (last.2, last.3) == (row.2, row.3) => last.1 = row.1,
                _ => merged.push(row),
            }
        }
        merged.shrink_to_fit();
        if merged.is_empty() { Err(PlacesError::Empty) } else { Ok(Self { rows: merged }) }
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    fn find(&self, address: u128) -> Option<(Coordinates, f64)> {
        let after = self.rows.partition_point(|(first, ..)| *first <= address);
        let (_, last, at, radius) = self.rows.get(after.checked_sub(1)?)?;
        (address <= *last).then_some((*at, f64::from(*radius)))
    }
}

/// Where a line has what.
struct Columns {
    block: usize,
    latitude: usize,
    longitude: usize,
    radius: usize,
    /// Lines may have no coordinates.
    gaps: bool,
}

enum Row {
    Place((u128, u128, Coordinates, u16)),
    Nowhere,
    Broken,
}

impl Columns {
    const PLAIN: Self = Self { block: 0, latitude: 1, longitude: 2, radius: 3, gaps: false };

    /// By the names of the first line, as MaxMind gives them.
    fn named(words: &[&str]) -> Option<Self> {
        let find = |names: &[&str]| words.iter().position(|word| names.contains(&word.to_ascii_lowercase().as_str()));
        Some(Self {
            block: find(&["network", "cidr", "block"])?,
            latitude: find(&["latitude", "lat"])?,
            longitude: find(&["longitude", "lon", "lng"])?,
            radius: find(&["accuracy_radius", "radius", "kilometres"]).unwrap_or(usize::MAX),
            gaps: true,
        })
    }

    fn row(&self, words: &[&str]) -> Row {
        let word = |at: usize| words.get(at).copied().unwrap_or_default();
        let (latitude, longitude) = (word(self.latitude), word(self.longitude));
        if self.gaps && latitude.is_empty() && longitude.is_empty() {
            return Row::Nowhere;
        }
        let at = latitude.parse().ok().zip(longitude.parse().ok());
        let at = at.and_then(|(latitude, longitude)| Coordinates::from_degrees(latitude, longitude));
        let radius = if word(self.radius).is_empty() { Ok(0) } else { word(self.radius).parse() };
        match (block_of(word(self.block)), at, radius) {
            (Some((block, bits)), Some(at), Ok(radius)) => Row::Place((block, block | host_bits(bits), at, radius)),
            _ => Row::Broken,
        }
    }
}

/// An address as 128 bits; IPv4 as `::ffff:a.b.c.d`.
pub(super) fn address_of(origin: &Origin) -> Option<u128> {
    origin.0.parse::<IpAddr>().ok().map(number)
}

fn number(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(address.to_ipv6_mapped()),
        IpAddr::V6(address) => u128::from(address),
    }
}

fn ip(address: u128) -> IpAddr {
    IpAddr::from(core::net::Ipv6Addr::from(address)).to_canonical()
}

/// A block's first address and its bits, of 128.
fn block_of(block: &str) -> Option<(u128, u32)> {
    let (address, bits) = block.split_once('/').map_or((block, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.parse().ok()?;
    let (most, offset) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
    let bits = bits.map_or(Some(most), |bits| bits.parse::<u32>().ok()).filter(|bits| *bits <= most)? + offset;
    Some((number(address) & !host_bits(bits), bits))
}

fn host_bits(bits: u32) -> u128 {
    u128::MAX.checked_shr(bits).unwrap_or(0)
}

fn in_block(address: u128, block: u128, bits: u32) -> bool {
    address & !host_bits(bits) == block
}

/// Loopback, RFC 1918, RFC 3927, RFC 4193, RFC 4291 link-local.
fn is_inside(address: u128) -> bool {
    match ip(address) {
        IpAddr::V4(address) => address.is_private() || address.is_loopback() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}

/// Whether text is a CIDR block or an address.
#[must_use]
pub fn is_block(text: &str) -> bool {
    block_of(text).is_some()
}
