//! What every answer carries, errors included.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// Scripts, styles, images and connections from here only; WebAssembly for the viewer's codecs; nothing inline.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
    style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; font-src 'self'; worker-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Passkeys are the only capability that the pages use.
const PERMISSIONS_POLICY: &str = "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), \
    microphone=(), geolocation=(), display-capture=(), usb=(), payment=()";

const FIXED: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS_POLICY),
];

/// A year, in seconds. Only where the certificate is one that browsers trust and the host is not this machine alone.
const STRICT_TRANSPORT_SECURITY: &str = "max-age=31536000";

/// Adds the fixed fields, and `no-store` where the handler said nothing about caching: what is of a patient is kept by
/// no cache on the way and by no browser on disk.
pub(crate) fn secure(headers: &mut HeaderMap, strict_transport: bool) {
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if strict_transport {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(STRICT_TRANSPORT_SECURITY));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
