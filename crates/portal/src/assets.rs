//! The pages: files that were embedded at build time, and one HTML page for every other path.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::accept;
use crate::errors::Failure;

/// One file of the pages.
pub(crate) struct Page {
    /// Path below `/`.
    path: &'static str,
    content_type: &'static str,
    etag: &'static str,
    bytes: &'static [u8],
    gzip: Option<&'static [u8]>,
}

/// Sorted by path.
static PAGES: &[Page] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// Files under this folder carry a hash of their content in their name, so they never change.
const HASHED: &str = "assets/";

/// `GET /` and every path that no other route has.
pub(crate) async fn page(request: Request) -> Response {
    answer(PAGES, &request)
}

fn answer(pages: &[Page], request: &Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Failure::Method.into_response();
    }
    let path = request.uri().path().trim_start_matches('/');
    let begins = |name: &str| path == name || path.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
    if begins("api") || begins("dicom-web") || begins("fhir") {
        return Failure::NoRoute.into_response();
    }
    let find = |path: &str| pages.iter().find(|page| page.path == path);
    let page = match find(path) {
        Some(page) => page,
        // a file that is not there; a page's path has no extension
        None if path.contains('.') || path.contains('%') || path.contains("//") => {
            return Failure::NoRoute.into_response();
        }
        None => match find("index.html") {
            Some(index) => index,
            None => return Failure::PagesNotBuilt.into_response(),
        },
    };
    let etag = HeaderValue::from_static(page.etag);
    let known = request.headers().get_all(header::IF_NONE_MATCH).iter().any(|value| etag_matches(value, page.etag));
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        match page.gzip.filter(|_| accept::gzip(request.headers())) {
            Some(gzip) => ([(header::CONTENT_ENCODING, "gzip")], Body::from(gzip)).into_response(),
            None => Body::from(page.bytes).into_response(),
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    headers.insert(header::ETAG, etag);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // the page itself is asked for each time, also on the way back after signing out
    let cache = if page.path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-store" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

/// Weak comparison (RFC 9110 section 8.8.3.2) of one `If-None-Match` field with our entity tag.
pub(crate) fn etag_matches(field: &HeaderValue, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    field.to_str().is_ok_and(|field| field.trim() == "*" || field.split(',').any(|tag| opaque(tag) == opaque(etag)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const BUILT: &[Page] = &[
        Page {
            path: "assets/app-1a2b.js",
            content_type: "text/javascript; charset=utf-8",
            etag: "\"js\"",
            bytes: b"script",
            gzip: Some(b"squeezed"),
        },
        Page {
            path: "index.html",
            content_type: "text/html; charset=utf-8",
            etag: "\"html\"",
            bytes: b"page",
            gzip: None,
        },
    ];

    fn get(pages: &[Page], path: &str, fields: &[(header::HeaderName, &str)]) -> Response {
        let mut request = Request::builder().uri(path).body(Body::empty()).unwrap();
        for (name, value) in fields {
            request.headers_mut().append(name, value.parse().unwrap());
        }
        answer(pages, &request)
    }

    #[track_caller]
    fn check(path: &str, status: u16, content_type: &str, cache: &str) {
        let response = get(BUILT, path, &[]);
        let field = |name| response.headers().get(name).map_or("", |value: &HeaderValue| value.to_str().unwrap());
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert_eq!((field(header::CONTENT_TYPE), field(header::CACHE_CONTROL)), (content_type, cache), "{path}");
    }

    #[test]
    fn paths_without_a_file_are_the_one_page() {
        for path in ["/", "/sign-in", "/study/17", "/my", "/officer?x=1", "/index.html"] {
            check(path, 200, "text/html; charset=utf-8", "no-store");
        }
        check("/assets/app-1a2b.js", 200, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable");
    }

    #[test]
    fn files_that_are_not_there_are_not_made_up() {
        let attempts = [
            "/assets/other.js",
            "/favicon.ico",
            "/../../etc/passwd",
            "/..%2f..%2fetc%2fpasswd",
            "/assets/../index.html",
            "//index.html/x.y",
            "/.git/config",
            "/api/nothing",
            "/dicom-web/nothing",
            "/api",
        ];
        for path in attempts {
            assert_eq!(get(BUILT, path, &[]).status().as_u16(), 404, "{path}");
        }
    }

    #[test]
    fn a_known_page_is_not_sent_again() {
        let status = |tag| get(BUILT, "/", &[(header::IF_NONE_MATCH, tag)]).status().as_u16();
        assert_eq!(
            (status("\"html\""), status("W/\"html\""), status("\"a\", \"html\""), status("*")),
            (304, 304, 304, 304)
        );
        assert_eq!((status("\"other\""), status("html")), (200, 200));
    }

    #[test]
    fn the_small_form_goes_to_those_who_take_it() {
        let encoding = |accepted| {
            let response = get(BUILT, "/assets/app-1a2b.js", &[(header::ACCEPT_ENCODING, accepted)]);
            response.headers().contains_key(header::CONTENT_ENCODING)
        };
        assert!(encoding("gzip") && !encoding("br") && !encoding("gzip;q=0"));
    }

    #[test]
    fn without_pages_a_sentence_says_what_to_run() {
        assert_eq!(get(&[], "/", &[]).status().as_u16(), 503);
    }
}
