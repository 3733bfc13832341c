//! What a request carries to say who sends it: a session cookie (RFC 6265) with a proof (RFC 9449), or a token (RFC 6750),
//! which may be bound to a key (RFC 9449) or a client certificate (RFC 8705).

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use model::Origin;
use protocol::{Credential, Proof};

use crate::guard::Peer;
use crate::possession::{ClientCertificate, Shown};

/// The session cookie. Browsers take the `__Host-` prefix from `http://localhost` too, which they hold to be secure.
pub(crate) const COOKIE: &str = "__Host-leadglass";

/// The longest token that is looked at, in characters.
const TOKEN_CHARACTERS_MAX: usize = 512;

/// The caller as the warden hears of it. It is what the request carries, not yet who it is.
pub(crate) struct Caller(pub(crate) Credential);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let origin = origin(parts);
        let shown = parts.extensions.remove::<Shown>().map(|shown| shown.0);
        let certificate = parts.extensions.get::<ClientCertificate>().map(|certificate| certificate.0);
        Ok(Self(if let Some((bound, token)) = authorization(&parts.headers) {
            if bound || certificate.is_some() {
                Credential::BoundToken { token, origin, proof: shown.filter(|_| bound), certificate }
            } else {
                Credential::DeviceToken { token, origin }
            }
        } else if let Some(token) = session(&parts.headers) {
            Credential::Session { token, origin, proof: shown.unwrap_or_else(|| none(parts)) }
        } else {
            Credential::Stranger { origin }
        }))
    }
}

/// Where a request came from.
pub(crate) struct From(pub(crate) Origin);

impl<S: Sync> FromRequestParts<S> for From {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(origin(parts)))
    }
}

fn origin(parts: &Parts) -> Origin {
    Origin(parts.extensions.get::<Peer>().map(|peer| peer.0.to_string()).unwrap_or_default())
}

/// Whether the request shows a bearer token, usable or not: such a request is never judged by its cookie.
pub(crate) fn shows_bearer(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION)
}

/// A request that nothing was put beside: it was not asked for under `/api` or `/dicom-web`.
fn none(parts: &Parts) -> Box<Proof> {
    Box::new(Proof {
        jwt: String::new(),
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: String::new(),
        body: Vec::new(),
        key: None,
    })
}

/// The token of the `Authorization` header, and whether it comes by the scheme `DPoP` (RFC 9449 section 7.1).
fn authorization(headers: &HeaderMap) -> Option<(bool, String)> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return Some((false, String::new())) };
    let read = value.to_str().ok().and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        let bound = scheme.eq_ignore_ascii_case("dpop");
        (bound || scheme.eq_ignore_ascii_case("bearer")).then(|| (bound, token.trim()))
    });
    // a header that is no token is a token that nobody holds, not a reason to look at the cookie
    let (bound, token) = read.filter(|(_, token)| usable(token)).unwrap_or_default();
    Some((bound, token.to_owned()))
}

/// The token that a proof of this request must name.
pub(crate) fn token(headers: &HeaderMap) -> Option<String> {
    authorization(headers).map(|(_, token)| token)
}

/// The session token of the cookie, if there is exactly one of that name.
pub(crate) fn session(headers: &HeaderMap) -> Option<String> {
    let mut tokens = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE)
        .map(|(_, token)| token);
    match (tokens.next(), tokens.next()) {
        (Some(token), None) if usable(token) => Some(token.to_owned()),
        _ => None,
    }
}

fn usable(token: &str) -> bool {
    !token.is_empty() && token.len() <= TOKEN_CHARACTERS_MAX && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The cookie that begins a session. It ends with the browser; the warden's limits end it earlier.
pub(crate) fn set_cookie(token: &str) -> Option<HeaderValue> {
    let plain = usable(token) && !token.contains([';', ',', '"', '\\']);
    plain
        .then(|| HeaderValue::from_str(&format!("{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict")).ok())?
}

/// The cookie that ends one.
pub(crate) const COOKIE_ENDED: HeaderValue =
    HeaderValue::from_static("__Host-leadglass=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn of(fields: &[(header::HeaderName, &str)]) -> Credential {
        let mut request = axum::http::Request::new(());
        for (name, value) in fields {
            request.headers_mut().append(name, value.parse().unwrap());
        }
        let mut parts = request.into_parts().0;
        futures::executor::block_on(Caller::from_request_parts(&mut parts, &())).unwrap().0
    }

    fn session_of(token: &str) -> Credential {
        let proof = none(&axum::http::Request::new(()).into_parts().0);
        Credential::Session { token: token.into(), origin: Origin::default(), proof }
    }

    fn device_of(token: &str) -> Credential {
        Credential::DeviceToken { token: token.into(), origin: Origin::default() }
    }

    const STRANGER: Credential = Credential::Stranger { origin: Origin(String::new()) };

    #[test]
    fn cookies_and_tokens_are_found() {
        assert_eq!(of(&[(header::COOKIE, "a=1; __Host-leadglass=tok; b=2")]), session_of("tok"));
        assert_eq!(of(&[(header::AUTHORIZATION, "Bearer tok")]), device_of("tok"));
        assert_eq!(of(&[(header::AUTHORIZATION, "bearer tok")]), device_of("tok"));
        let bound =
            Credential::BoundToken { token: "tok".into(), origin: Origin::default(), proof: None, certificate: None };
        assert_eq!(of(&[(header::AUTHORIZATION, "DPoP tok")]), bound);
    }

    #[test]
    fn what_is_not_a_credential_is_a_stranger() {
        let long = format!("__Host-leadglass={}", "x".repeat(TOKEN_CHARACTERS_MAX + 1));
        for cookie in ["", "leadglass=tok", "__Host-leadglass=", "__host-leadglass=tok", "__Host-leadglass", &long] {
            assert_eq!(of(&[(header::COOKIE, cookie)]), STRANGER, "{cookie}");
        }
        let twice = [(header::COOKIE, "__Host-leadglass=a"), (header::COOKIE, "__Host-leadglass=b")];
        assert_eq!(of(&twice), STRANGER, "two cookies of one name");
    }

    #[test]
    fn a_bearer_header_hides_the_cookie_even_when_it_is_unusable() {
        for value in ["Basic dTpw", "Bearer", "Bearer  ", "Bearer a b"] {
            let seen = of(&[(header::AUTHORIZATION, value), (header::COOKIE, "__Host-leadglass=tok")]);
            assert_eq!(seen, device_of(""), "{value}");
        }
        let twice = [(header::AUTHORIZATION, "Bearer a"), (header::AUTHORIZATION, "Bearer b")];
        assert_eq!(of(&twice), device_of(""), "two tokens");
    }

    #[test]
    fn a_token_that_would_break_the_cookie_is_not_set() {
        assert!(set_cookie("abc_DEF-1").is_some());
        for token in ["a;b", "a b", "a\r\nb", "", "a\"b"] {
            assert!(set_cookie(token).is_none(), "{token:?}");
        }
    }
}
