//! What every request passes before its handler: sizes, the check that it comes from our own pages, a time limit; and
//! what every answer passes on its way out.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tokio::time::timeout;

use crate::body::UnstalledBody;
use crate::errors::Failure;
use crate::possession::Possession;
use crate::{credential, headers, unread};

/// The longest path and query, in bytes.
pub const ADDRESS_BYTES_MAX: usize = 8 * 1024;
/// The longest header, names and values together, in bytes.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;
/// The longest time until an answer begins, in seconds. Uploads are limited by their own file.
pub const ANSWER_SECONDS_MAX: u64 = 60;
/// The longest time until an exposure report over the whole ledger begins, in seconds.
pub const REPORT_SECONDS_MAX: u64 = 900;
/// The longest time that an upload may take, in seconds.
pub const UPLOAD_SECONDS_MAX: u64 = 6 * 3600;

/// Fetches of the pages set it; a form or an image of another site cannot (CORS lets it through after asking only,
/// and nobody here answers that question).
const OWN_PAGES: HeaderName = HeaderName::from_static("x-leadglass");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The address of the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// How this portal is reached.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    public_origin: Arc<str>,
    strict_transport: bool,
    body_stall: Duration,
}

impl Policy {
    /// `None` when the origin is not `scheme://host[:port]`.
    pub(crate) fn new(public_origin: &str, tls: bool, body_stall: Duration) -> Option<Self> {
        let origin = public_origin.trim_end_matches('/');
        let uri: Uri = origin.parse().ok()?;
        let plain = matches!(uri.scheme_str()?, "http" | "https")
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
            && uri.path_and_query().is_none_or(|path| path.as_str() == "/");
        let host = uri.host()?;
        let this_machine = host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        plain.then(|| Self {
            public_origin: origin.to_ascii_lowercase().into(),
            strict_transport: tls && !this_machine,
            body_stall,
        })
    }

    /// Scheme, host and port, in small letters.
    pub(crate) fn public_origin(&self) -> &str {
        &self.public_origin
    }

    /// Whether a request that changes something comes from our own pages.
    ///
    /// The header alone holds off forms and images; `Sec-Fetch-Site` and `Origin`, which scripts cannot set, hold off
    /// everything else. At least one of the two must be there, and none may speak against it.
    fn own_pages(&self, headers: &HeaderMap) -> bool {
        let only = |name: &HeaderName| {
            let mut values = headers.get_all(name).iter();
            let first = values.next().map(|value| value.as_bytes());
            if values.next().is_some() { Some(&b"more than one"[..]) } else { first }
        };
        let marked = only(&OWN_PAGES) == Some(b"1");
        let site = only(&SEC_FETCH_SITE);
        let origin = only(&header::ORIGIN);
        let site_fits = site.is_none_or(|site| site == b"same-origin");
        let origin_fits = origin.is_none_or(|origin| origin.eq_ignore_ascii_case(self.public_origin.as_bytes()));
        marked && site_fits && origin_fits && (site.is_some() || origin.is_some())
    }
}

/// The outermost layer: every request goes in through it, every answer goes out through it.
pub(crate) async fn guard(
    State((policy, possession)): State<(Policy, Possession)>,
    request: Request,
    next: Next,
) -> Response {
    let asks = ["/api/", "/dicom-web/", "/fhir/"].iter().any(|begin| request.uri().path().starts_with(begin));
    let (request, unread) = unread::lend(request);
    let mut response = match judge(&policy, &request) {
        Err(failure) => {
            drop(request);
            failure.into_response()
        }
        Ok(()) => answer(&policy, asks.then_some(&possession), request, next).await,
    };
    // a client whose body did not come on is not waited for again
    if response.status() != StatusCode::REQUEST_TIMEOUT {
        unread.discard().await;
    }
    if asks {
        possession.hand_out(response.headers_mut());
    }
    headers::secure(response.headers_mut(), policy.strict_transport);
    response
}

fn judge(policy: &Policy, request: &Request) -> Result<(), Failure> {
    let address = request.uri().path_and_query().map_or(0, |address| address.as_str().len());
    if address > ADDRESS_BYTES_MAX {
        return Err(Failure::AddressTooLong);
    }
    let header: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if header > HEADER_BYTES_MAX {
        return Err(Failure::HeaderTooLong);
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !reads && acts_by_cookie(request) && !policy.own_pages(request.headers()) {
        return Err(Failure::CrossSite { own: Arc::clone(&policy.public_origin) });
    }
    Ok(())
}

/// Whether what the browser adds by itself could make this request act for somebody. A bearer token is never added by
/// itself; under `/api` a request without any credential still signs in, so it is judged too.
fn acts_by_cookie(request: &Request) -> bool {
    if credential::shows_bearer(request.headers()) {
        return false;
    }
    request.uri().path().starts_with("/api/") || request.headers().contains_key(header::COOKIE)
}

async fn answer(policy: &Policy, possession: Option<&Possession>, request: Request, next: Next) -> Response {
    let seconds = match (request.method(), request.uri().path()) {
        (&Method::POST, path) if path.starts_with("/dicom-web/") => UPLOAD_SECONDS_MAX,
        (_, "/api/exposure" | "/api/exposure/report") => REPORT_SECONDS_MAX,
        _ => ANSWER_SECONDS_MAX,
    };
    let request = request.map(|body| UnstalledBody::wrap(body, policy.body_stall));
    let answer = async {
        match possession {
            Some(possession) => match possession.attach(request).await {
                Ok(request) => next.run(request).await,
                Err(failure) => failure.into_response(),
            },
            None => next.run(request).await,
        }
    };
    let answer = AssertUnwindSafe(answer).catch_unwind();
    match timeout(Duration::from_secs(seconds), answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            // the panic hook has written where; what it was about stays inside
            tracing::error!("a request ended in a panic");
            Failure::Internal.into_response()
        }
        Err(_) => Failure::TookTooLong.into_response(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[track_caller]
    fn check(fields: &[(&str, &str)], own: bool) {
        let policy = Policy::new("https://archive.example:8443", true, Duration::ZERO).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        assert_eq!(policy.own_pages(&headers), own, "{fields:?}");
    }

    #[test]
    fn requests_of_our_own_pages_pass() {
        check(&[("x-leadglass", "1"), ("sec-fetch-site", "same-origin")], true);
        check(&[("x-leadglass", "1"), ("origin", "https://archive.example:8443")], true);
        check(
            &[("x-leadglass", "1"), ("origin", "https://ARCHIVE.example:8443"), ("sec-fetch-site", "same-origin")],
            true,
        );
    }

    #[test]
    fn requests_of_other_pages_do_not() {
        check(&[], false);
        check(&[("x-leadglass", "1")], false);
        check(&[("sec-fetch-site", "same-origin")], false);
        check(&[("x-leadglass", "0"), ("sec-fetch-site", "same-origin")], false);
        for site in ["cross-site", "same-site", "none", "Same-Origin", ""] {
            check(&[("x-leadglass", "1"), ("sec-fetch-site", site)], false);
            check(&[("x-leadglass", "1"), ("sec-fetch-site", site), ("origin", "https://archive.example:8443")], false);
        }
        for origin in [
            "null",
            "",
            "http://archive.example:8443",
            "https://archive.example",
            "https://archive.example:8443.evil.example",
            "https://evil.example",
        ] {
            check(&[("x-leadglass", "1"), ("origin", origin)], false);
            check(&[("x-leadglass", "1"), ("origin", origin), ("sec-fetch-site", "same-origin")], false);
        }
        let twice = [("origin", "https://archive.example:8443"), ("origin", "https://evil.example")];
        check(&[("x-leadglass", "1"), twice[0], twice[1]], false);
        check(&[("x-leadglass", "1"), twice[1], twice[0]], false);
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for origin in ["", "localhost:8443", "ftp://localhost", "https://user@host", "https://host/path", "https://"] {
            assert!(Policy::new(origin, true, Duration::ZERO).is_none(), "{origin}");
        }
    }

    #[test]
    fn strict_transport_is_for_names_that_others_resolve() {
        let check = |origin, tls, strict| {
            assert_eq!(Policy::new(origin, tls, Duration::ZERO).unwrap().strict_transport, strict)
        };
        check("https://archive.example", true, true);
        check("https://localhost:8443", true, false);
        check("https://192.0.2.1", true, false);
        check("https://[2001:db8::1]:8443", true, false);
        check("http://archive.example", false, false);
    }
}
