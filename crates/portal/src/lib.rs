//! The HTTP side of the front: DICOMweb (PS3.18), the JSON that the pages ask for, and the pages themselves.
//!
//! The portal parses and renders; it decides nothing. Every request carries a [`protocol::Credential`] to the warden,
//! through `archive`, and the warden says yes or no. The routes that a stranger may use stand by name in
//! [`routes::ROUTES`]; a test walks that table and proves that every other one refuses a stranger.
//!
//! - `serve` accepts connections, `tls` makes them private, `guard` is what every request passes, `possession` reads what it
//!   shows beside its token.
//! - `routes` is the table; one file per resource holds its handlers.
//! - `errors` is the one translator from refusals to answers; `headers` is what every answer carries.

mod accept;
mod accounts;
mod address;
mod app;
mod approvals;
mod assets;
mod attributes;
mod body;
mod break_glass;
mod budgets;
mod cases;
mod client_certificate;
mod cold;
mod credential;
mod download;
mod errors;
mod exposure;
mod fhir;
mod frames;
mod guard;
mod headers;
mod health;
mod imaging_study;
mod json;
mod leaked;
mod ledger;
mod multipart;
mod my;
mod openapi;
mod order_desk;
mod people;
mod possession;
mod qido;
mod query;
mod range;
mod removals;
mod rendered;
mod reports;
pub mod routes;
mod serve;
mod session;
mod sharing;
mod sign_in;
mod stow;
mod studies;
mod tls;
mod unread;
mod wado;

pub use app::App;
pub use body::BODY_STALL_SECONDS_MAX;
pub use json::identifiers;
pub use serve::{
    CONNECTIONS_MAX, DRAIN_SECONDS_MAX, HEADER_SECONDS_MAX, HttpConfig, HttpLimits, Portal, STRANGERS_MAX,
    STRANGERS_PER_ADDRESS_MAX, ServeError, TLS_HANDSHAKE_SECONDS_MAX, WRITE_STALL_SECONDS_MAX, serve, serve_within,
};
pub use tls::{DevelopmentCertificate, Tls, TlsError, certificate_thumbprint, development_certificate};
