//! Asking a service for a range of leaked passwords: the first five digits of a hash go, and every hash that begins like it comes back.
//!
//! The interface is that of Pwned Passwords: `GET URL/range/21BD1`, answered by lines `SUFFIX:COUNT`. `Add-Padding` asks for lines that
//! count 0, so that the length of an answer does not tell the range to who watches the line.
//!
//! Trust: the service learns five digits of a hash with each question, from this machine, and when. What it answers makes at most somebody
//! choose another password. Losing it costs that passwords are held against the lists of the site alone.

use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use hyper::Uri;
use thiserror::Error;

use crate::client::{Asked, ClientError, Roots, Ways, ask_within};

/// The digits of a hash that are told.
pub const RANGE_DIGITS: usize = 5;
/// How long an answer may take.
const ANSWER_TIME: Duration = Duration::from_millis(1_800);
/// The longest answer, in bytes: a range of a thousand million hashes has some 1,000 lines of 40 bytes, and padding.
const ANSWER_BYTES_MAX: usize = 2 * 1024 * 1024;
/// After so many failures in a row the service is left alone for a while.
const FAILURES_MAX: u32 = 3;
/// For how long.
const REST: Duration = Duration::from_secs(30);

/// Why there is no range.
#[derive(Debug, Error)]
pub enum RangeError {
    /// The address is none.
    #[error("the address is not `https://host[:port][/path]`, or `http://` of this machine")]
    Address,
    /// What is asked for is no beginning of a hash.
    #[error("a range is named by five hexadecimal digits")]
    Digits,
    /// It cannot be reached.
    #[error("the service cannot be reached")]
    Connect,
    /// Its certificate is not trusted.
    #[error("the service's certificate is not trusted by this machine")]
    Certificate,
    /// It broke off, or is no HTTP server.
    #[error("the service broke off")]
    Broken,
    /// It took too long.
    #[error("the service did not answer in time")]
    Late,
    /// The answer is too long, or no text.
    #[error("the service's answer is too long or no text")]
    Answer,
    /// It answered something else.
    #[error("the service answered with status {0}")]
    Status(u16),
    /// It failed again and again a moment ago.
    #[error("the service failed again and again and is left alone for a while")]
    Resting,
}

impl From<ClientError> for RangeError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Address => Self::Address,
            ClientError::Connect(_) => Self::Connect,
            ClientError::Certificate(_) => Self::Certificate,
            ClientError::Http(_) => Self::Broken,
            ClientError::Late => Self::Late,
            ClientError::Answer => Self::Answer,
        }
    }
}

/// The way to a service of ranges.
pub struct Ranges {
    url: String,
    ways: Ways,
    failures: Mutex<Failures>,
}

#[derive(Default)]
struct Failures {
    in_a_row: u32,
    until: Option<Instant>,
}

impl Ranges {
    /// Whether an address may be one of a service: over TLS, or on this machine. In the clear, whoever is on the way could answer.
    #[must_use]
    pub fn is_address(url: &str) -> bool {
        let Ok(address) = url.parse::<Uri>() else { return false };
        let Some(host) = address.host().map(|host| host.trim_matches(['[', ']'])) else { return false };
        let own = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        let way = match address.scheme_str() {
            Some("https") => true,
            Some("http") => own,
            _ => false,
        };
        let authority = address.authority().map_or("", |authority| authority.as_str());
        way && address.query().is_none() && !authority.contains('@')
    }

    /// To this address, whose name is looked up now and not again.
    pub fn at(url: &str) -> Result<Self, RangeError> {
        if !Self::is_address(url) {
            return Err(RangeError::Address);
        }
        let ways = Ways::to(std::iter::once(url), Roots::of_this_machine());
        Ok(Self { url: url.to_owned(), ways, failures: Mutex::default() })
    }

    /// The TCP ports that it connects to: one.
    #[must_use]
    pub fn ports(&self) -> Vec<u16> {
        self.ways.ports().into_iter().collect()
    }

    /// Whether another look at the name may help: it has one, and cannot be reached.
    #[must_use]
    pub fn has_moved(&self, error: &RangeError) -> bool {
        matches!(error, RangeError::Connect) && Ways::is_name(&self.url)
    }

    /// The lines of a range, as they came. `digits` are the first five of a hash, in hexadecimal.
    pub async fn lines(&self, digits: &str) -> Result<String, RangeError> {
        if digits.len() != RANGE_DIGITS || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(RangeError::Digits);
        }
        if self.failures.lock().expect("no holder panics").until.is_some_and(|until| Instant::now() < until) {
            return Err(RangeError::Resting);
        }
        let answer = self.asked(digits).await;
        let mut failures = self.failures.lock().expect("no holder panics");
        match answer {
            Ok(_) => *failures = Failures::default(),
            Err(_) => {
                failures.in_a_row += 1;
                failures.until = (failures.in_a_row >= FAILURES_MAX).then(|| Instant::now() + REST);
            }
        }
        answer
    }

    async fn asked(&self, digits: &str) -> Result<String, RangeError> {
        let path = format!("/range/{}", digits.to_ascii_uppercase());
        let asked = Asked {
            prefix: &self.url,
            path: &path,
            body: None,
            header: Some(("Add-Padding", "true")),
            time: ANSWER_TIME,
            bytes_max: ANSWER_BYTES_MAX,
        };
        let reply = ask_within(asked, &self.ways).await?;
        if reply.status == 200 { Ok(reply.body) } else { Err(RangeError::Status(reply.status)) }
    }
}
