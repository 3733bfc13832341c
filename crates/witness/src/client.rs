//! One HTTP request to a witness, with a deadline and a limit. `https://` trusts the machine's certificate authorities.

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

/// Sends `body`, or asks for the resource when there is none.
pub(crate) async fn ask(prefix: &str, path: &str, body: Option<String>, roots: &Roots) -> Result<Reply, ClientError> {
    tokio::time::timeout(ANSWER_TIME, ask_patiently(prefix, path, body, roots)).await.map_err(|_| ClientError::Late)?
}

async fn ask_patiently(prefix: &str, path: &str, body: Option<String>, roots: &Roots) -> Result<Reply, ClientError> {
    let uri: Uri = format!("{}{path}", prefix.trim_end_matches('/')).parse().map_err(|_| ClientError::Address)?;
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else { return Err(ClientError::Address) };
    let tls = match scheme {
        "http" => false,
        "https" => true,
        _ => return Err(ClientError::Address),
    };
    let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await.map_err(ClientError::Connect)?;
    let request = Request::builder()
        .method(if body.is_some() { Method::POST } else { Method::GET })
        .uri(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header(HOST, uri.authority().map_or(host, |authority| authority.as_str()))
        .body(Full::new(Bytes::from(body.unwrap_or_default())))
        .map_err(|_| ClientError::Address)?;
    if !tls {
        return send(stream, request).await;
    }
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(|_| ClientError::Address)?;
    let stream =
        TlsConnector::from(Arc::clone(&roots.0)).connect(name, stream).await.map_err(ClientError::Certificate)?;
    send(stream, request).await
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Reply, ClientError> {
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request).await;
    let reply = async {
        let response = response?;
        let status = response.status().as_u16();
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|_| ClientError::Answer)?.to_bytes();
        let body = String::from_utf8(body.to_vec()).map_err(|_| ClientError::Answer)?;
        Ok(Reply { status, content_type, body })
    };
    let reply = reply.await;
    driver.abort();
    reply
}
