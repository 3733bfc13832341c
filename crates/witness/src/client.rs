//! One HTTP request to a witness, with a deadline and a limit. `https://` trusts the machine's certificate authorities.
//!
//! Names are looked up once, at the start: afterwards walls stand around the courier, and it opens no file and asks no name server.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long a witness may take, in seconds.
const ANSWER_TIME: Duration = Duration::from_secs(4);
/// The longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = audit::NOTE_BYTES_MAX;
/// Where this system keeps the certificate authorities that it trusts.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What a witness answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub status: u16,
    pub content_type: String,
    pub body: String,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The address is none.
    #[error("the witness's address is not `http://host[:port][/path]` or `https://...`; add it again")]
    Address,
    /// It cannot be reached.
    #[error("the witness cannot be reached")]
    Connect(#[source] std::io::Error),
    /// Its certificate is not trusted.
    #[error("the witness's certificate is not trusted by this machine")]
    Certificate(#[source] std::io::Error),
    /// It broke off or is no HTTP server.
    #[error("the witness broke off")]
    Http(#[from] hyper::Error),
    /// It took too long.
    #[error("the witness did not answer in time")]
    Late,
    /// The answer is too long, or no text.
    #[error("the witness's answer is too long or no text")]
    Answer,
}

/// The ways to the witnesses: where they are, and the certificate authorities that they are checked against.
#[derive(Clone)]
pub(crate) struct Ways {
    roots: Roots,
    addresses: Arc<HashMap<Place, Vec<SocketAddr>>>,
}

/// Host and port.
type Place = (String, u16);

impl Ways {
    /// To these witnesses.
    pub fn to<'a>(urls: impl Iterator<Item = &'a str>, roots: Roots) -> Self {
        let places: HashSet<Place> = urls.filter_map(|url| Some(Far::of(&url.parse().ok()?)?.place)).collect();
        // threads that end before this returns: none is left outside of the walls
        let addresses = std::thread::scope(|scope| {
            let asked: Vec<_> = places
                .into_iter()
                .map(|place| {
                    let looked_up = place.clone();
                    (
                        place,
                        scope
                            .spawn(move || looked_up.to_socket_addrs().map(|found| found.collect::<Vec<SocketAddr>>())),
                    )
                })
                .collect();
            let found = asked.into_iter().map(|(place, thread)| (place, thread.join().ok().and_then(Result::ok)));
            found.map(|(place, addresses)| (place, addresses.unwrap_or_default())).collect()
        });
        Self { roots, addresses: Arc::new(addresses) }
    }

    /// The TCP ports of all.
    pub fn ports(&self) -> BTreeSet<u16> {
        self.addresses.keys().map(|(_, port)| *port).collect()
    }

    /// Whether this witness's host is a name, whose address may change.
    pub fn is_name(url: &str) -> bool {
        let far = url.parse().ok().and_then(|uri| Far::of(&uri));
        far.is_some_and(|far| far.place.0.parse::<IpAddr>().is_err())
    }
}

/// The certificate authorities that witnesses are checked against.
#[derive(Clone)]
pub struct Roots(Arc<rustls::ClientConfig>);

impl Roots {
    /// Those of this machine: the list that `SSL_CERT_FILE` names, as other programs take it, or the system's; none when there
    /// is no list.
    #[must_use]
    pub fn of_this_machine() -> Self {
        Self::of(std::env::var_os("SSL_CERT_FILE").map_or_else(|| SYSTEM_ROOTS.into(), PathBuf::from).as_path())
    }

    /// Those of a PEM file; none when it cannot be read.
    #[must_use]
    pub fn of(file: &Path) -> Self {
        let mut trusted = rustls::RootCertStore::empty();
        if let Ok(certificates) = CertificateDer::pem_file_iter(file) {
            trusted.add_parsable_certificates(certificates.filter_map(Result::ok));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has the default versions")
            .with_root_certificates(trusted)
            .with_no_client_auth();
        Self(Arc::new(config))
    }
}

/// Where a witness is.
struct Far {
    place: Place,
    tls: bool,
}

impl Far {
    fn of(uri: &Uri) -> Option<Self> {
        let tls = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Some(Self { place: (uri.host()?.trim_matches(['[', ']']).to_owned(), port), tls })
    }
}

/// One request and its limits.
pub(crate) struct Asked<'a> {
    /// The address that `path` is put behind.
    pub prefix: &'a str,
    pub path: &'a str,
    /// What is sent; without it the resource is asked for.
    pub body: Option<String>,
    /// One header more.
    pub header: Option<(&'static str, &'static str)>,
    /// How long the answer may take.
    pub time: Duration,
    /// The longest answer, in bytes.
    pub bytes_max: usize,
}

/// Sends `body` to a witness, or asks for the resource when there is none.
pub(crate) async fn ask(prefix: &str, path: &str, body: Option<String>, ways: &Ways) -> Result<Reply, ClientError> {
    let asked = Asked { prefix, path, body, header: None, time: ANSWER_TIME, bytes_max: ANSWER_BYTES_MAX };
    ask_within(asked, ways).await
}

/// The same with limits of one's own.
pub(crate) async fn ask_within(asked: Asked<'_>, ways: &Ways) -> Result<Reply, ClientError> {
    tokio::time::timeout(asked.time, ask_patiently(asked, ways)).await.map_err(|_| ClientError::Late)?
}

async fn ask_patiently(asked: Asked<'_>, ways: &Ways) -> Result<Reply, ClientError> {
    let Asked { prefix, path, body, header, bytes_max, .. } = asked;
    let uri: Uri = format!("{}{path}", prefix.trim_end_matches('/')).parse().map_err(|_| ClientError::Address)?;
    let Far { place, tls } = Far::of(&uri).ok_or(ClientError::Address)?;
    let host = place.0.clone();
    let addresses = ways.addresses.get(&place).map(Vec::as_slice).unwrap_or_default();
    let stream = TcpStream::connect(addresses).await.map_err(ClientError::Connect)?;
    let mut request = Request::builder();
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let request = request
        .method(if body.is_some() { Method::POST } else { Method::GET })
        .uri(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header(HOST, uri.authority().map_or(host.as_str(), |authority| authority.as_str()))
        .body(Full::new(Bytes::from(body.unwrap_or_default())))
        .map_err(|_| ClientError::Address)?;
    if !tls {
        return send(stream, request, bytes_max).await;
    }
    let name = ServerName::try_from(host).map_err(|_| ClientError::Address)?;
    let stream =
        TlsConnector::from(Arc::clone(&ways.roots.0)).connect(name, stream).await.map_err(ClientError::Certificate)?;
    send(stream, request, bytes_max).await
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
    bytes_max: usize,
) -> Result<Reply, ClientError> {
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request).await;
    let reply = async {
        let response = response?;
        let status = response.status().as_u16();
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let body = Limited::new(response.into_body(), bytes_max).collect().await;
        let body = body.map_err(|_| ClientError::Answer)?.to_bytes();
        let body = String::from_utf8(body.to_vec()).map_err(|_| ClientError::Answer)?;
        Ok(Reply { status, content_type, body })
    };
    let reply = reply.await;
    driver.abort();
    reply
}
