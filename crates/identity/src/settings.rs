//! What a site says about itself.

use thiserror::Error;
use webauthn_rs::prelude::Url;

use crate::{PasswordCost, SESSION_ABSOLUTE_SECONDS, SESSION_IDLE_SECONDS};

/// What a site says about itself.
///
/// Trust: who changes `rp_id` or `origins` decides which pages may use this site's passkeys; who lengthens a session
/// lengthens what a stolen cookie is worth.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The site's name: shown by authenticators and apps, refused inside passwords.
    pub site_name: String,
    /// The WebAuthn relying party id: `localhost`, or the host of the origin. Changing it makes every passkey useless.
    pub rp_id: String,
    /// The origins that pages are served from, as `https://host[:port]`; at least one.
    pub origins: Vec<String>,
    /// How long a session lives without being used, in seconds.
    pub session_idle_seconds: i64,
    /// How long a session lives at the most, in seconds.
    pub session_absolute_seconds: i64,
    /// What hashing a new password costs.
    pub password_cost: PasswordCost,
}

/// An origin is not usable.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// No URL with a host name.
    #[error(
        "{origin:?} is not an origin; give it as https://host or https://host:port, with a name and not an IP address"
    )]
    Origin {
        /// What was given.
        origin: String,
    },
    /// Browsers offer passkeys over HTTPS and on localhost only.
    #[error("{origin:?} is not secure; browsers offer passkeys over https only, except on localhost")]
    NotSecure {
        /// What was given.
        origin: String,
    },
    /// The relying party id is not the host of an origin or a domain above it.
    #[error("passkeys of {rp_id:?} do not work at {origin:?}; take the host of the origin as relying party id")]
    RelyingParty {
        /// The relying party id.
        rp_id: String,
        /// The origin.
        origin: String,
    },
}

impl Settings {
    /// A site whose pages are at `origin`; its host becomes the relying party id.
    pub fn for_origin(site_name: &str, origin: &str) -> Result<Self, SettingsError> {
        let url = parse(origin)?;
        Ok(Self {
            site_name: site_name.to_owned(),
            rp_id: url.domain().unwrap_or_default().to_owned(),
            origins: vec![origin.trim_end_matches('/').to_owned()],
            session_idle_seconds: SESSION_IDLE_SECONDS,
            session_absolute_seconds: SESSION_ABSOLUTE_SECONDS,
            password_cost: PasswordCost::RECOMMENDED,
        })
    }

    pub(crate) fn origin_urls(&self) -> Result<Vec<Url>, SettingsError> {
        self.origins.iter().map(|origin| parse(origin)).collect()
    }
}

fn parse(origin: &str) -> Result<Url, SettingsError> {
    let out_of_shape = || SettingsError::Origin { origin: origin.to_owned() };
    let url = Url::parse(origin).map_err(|_| out_of_shape())?;
    let host = url.domain().ok_or_else(out_of_shape)?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !bare {
        return Err(out_of_shape());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if host == "localhost" => Ok(url),
        _ => Err(SettingsError::NotSecure { origin: origin.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(origin: &str, rp_id: Option<&str>) {
        let settings = Settings::for_origin("Site", origin).ok();
        assert_eq!(settings.map(|settings| settings.rp_id).as_deref(), rp_id, "{origin}");
    }

    #[test]
    fn the_host_of_the_origin_is_the_relying_party() {
        check("https://images.example.org", Some("images.example.org"));
        check("https://images.example.org:8443/", Some("images.example.org"));
        check("http://localhost:8042", Some("localhost"));
    }

    #[test]
    fn an_origin_that_passkeys_cannot_use_is_refused() {
        check("http://images.example.org", None);
        check("https://192.0.2.7", None);
        check("https://[2001:db8::1]", None);
        check("https://images.example.org/archive", None);
        check("https://images.example.org?x", None);
        check("https://user@images.example.org", None);
        check("ftp://images.example.org", None);
        check("images.example.org", None);
        check("", None);
    }
}
