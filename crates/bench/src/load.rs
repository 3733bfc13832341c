//! The HTTP client: some connections, each with one request after the other, over TLS with keep-alive.
//!
//! It is the same for both sides: HTTP/1.1, TLS with the archive's own certificate as the one that is trusted, bodies read to
//! their end and thrown away. It runs on the same cores as the archives do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// One answer may take so long.
const ANSWER_TIME: Duration = Duration::from_secs(120);
/// So much of a refusal is shown, in characters.
const REFUSAL_CHARACTERS: usize = 300;

/// `application/dicom+json`
pub const JSON: &str = "application/dicom+json";
/// Instances as they are stored.
pub const INSTANCES: &str = "multipart/related; type=\"application/dicom\"; transfer-syntax=*";
/// Frames, uncompressed.
pub const FRAMES: &str = "multipart/related; type=\"application/octet-stream\"";
/// A picture.
pub const PICTURE: &str = "image/jpeg";

/// Where requests go.
#[derive(Clone)]
pub struct Server {
    address: SocketAddr,
    base: &'static str,
    authorization: Option<String>,
    /// In the clear when absent.
    tls: Option<TlsConnector>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// One request.
#[derive(Clone)]
pub struct Ask {
    path: String,
    accept: &'static str,
    body: Option<(String, Bytes)>,
}

impl Ask {
    /// A GET of a path below the base.
    pub fn get(path: String, accept: &'static str) -> Self {
        Self { path, accept, body: None }
    }

    /// A POST.
    pub fn post(path: &str, content_type: String, body: Bytes) -> Self {
        Self { path: path.to_owned(), accept: JSON, body: Some((content_type, body)) }
    }
}

/// How long a load lasts.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// Until this long has passed; a request that has begun is finished.
    Time(Duration),
    /// Until so many requests have been answered, over all connections.
    Count(usize),
    /// Until either.
    TimeOrCount(Duration, usize),
}

/// What came of a load.
#[derive(Clone, Debug, Default)]
pub struct Answered {
    /// How long each answer took, sorted.
    times: Vec<Duration>,
    /// Bytes of all bodies.
    pub bytes: u64,
    /// From the first request to the last answer.
    pub took: Duration,
}

impl Answered {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.times.len() as f64 / self.took.as_secs_f64()
    }

    /// Body bytes a second, in MB.
    pub fn megabytes(&self) -> f64 {
        self.bytes as f64 / 1e6 / self.took.as_secs_f64()
    }

    /// Such a share of all answers took at most so long.
    pub fn share(&self, share: f64) -> Duration {
        let last = self.times.len().saturating_sub(1);
        self.times.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
    }

    /// Body bytes of one answer, on average.
    pub fn bytes_each(&self) -> u64 {
        self.bytes / self.times.len().max(1) as u64
    }
}

impl Server {
    /// A server with its certificate (PEM) and a bearer token.
    pub fn new(address: SocketAddr, base: &'static str, certificate: &[u8], token: Option<&str>) -> Result<Self> {
        let mut trusted = rustls::RootCertStore::empty();
        trusted.add(CertificateDer::from_pem_slice(certificate).context("the certificate is not PEM")?)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(trusted)
            .with_no_client_auth();
        let authorization = token.map(|token| format!("Bearer {token}"));
        Ok(Self { address, base, authorization, tls: Some(Arc::new(config).into()) })
    }

    /// A server that speaks in the clear.
    pub fn in_the_clear(address: SocketAddr, base: &'static str) -> Self {
        Self { address, base, authorization: None, tls: None }
    }

    /// Asks `connections` times at once, each connection one request after the other; `ask` makes the request of a number.
    /// Connections and their handshakes are made before the clock starts.
    pub async fn load<F>(&self, connections: usize, until: Until, ask: F) -> Result<Answered>
    where
        F: Fn(usize) -> Ask + Send + Sync + 'static,
    {
        let mut open = Vec::with_capacity(connections);
        for _ in 0..connections {
            open.push(Connection::open(self).await?);
        }
        let (ask, next) = (Arc::new(ask), Arc::new(AtomicUsize::new(0)));
        let began = Instant::now();
        let mut tasks = JoinSet::new();
        for mut connection in open {
            let (ask, next) = (Arc::clone(&ask), Arc::clone(&next));
            tasks.spawn(async move {
                let mut answered = Answered::default();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let over = match until {
                        Until::Time(time) => began.elapsed() >= time,
                        Until::Count(count) => number >= count,
                        Until::TimeOrCount(time, count) => number >= count || began.elapsed() >= time,
                    };
                    if over {
                        return anyhow::Ok(answered);
                    }
                    let sent = Instant::now();
                    answered.bytes += connection.ask(&ask(number)).await?;
                    answered.times.push(sent.elapsed());
                }
            });
        }
        let mut all = Answered::default();
        while let Some(one) = tasks.join_next().await {
            let one = one??;
            all.times.extend(one.times);
            all.bytes += one.bytes;
        }
        all.took = began.elapsed();
        all.times.sort_unstable();
        Ok(all)
    }

    /// Asks once, on a connection of its own, and returns the body.
    pub async fn once(&self, ask: &Ask) -> Result<Bytes> {
        let mut connection = Connection::open(self).await?;
        let response = connection.send(ask).await?;
        Ok(response.into_body().collect().await?.to_bytes())
    }
}

struct Connection {
    server: Server,
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    async fn open(server: &Server) -> Result<Self> {
        Ok(Self { server: server.clone(), sender: Self::shake_hands(server).await? })
    }

    async fn shake_hands(server: &Server) -> Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(server.address).await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &server.tls {
            None => Box::new(stream),
            Some(tls) => {
                let name = ServerName::try_from("localhost").expect("a host name");
                Box::new(tls.connect(name, stream).await.context("the TLS handshake failed")?)
            }
        };
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }

    /// Asks and reads the body to its end; how many bytes it had.
    async fn ask(&mut self, ask: &Ask) -> Result<u64> {
        let mut body = self.send(ask).await?.into_body();
        let mut bytes = 0;
        while let Some(frame) = body.frame().await {
            bytes += frame?.data_ref().map_or(0, Bytes::len) as u64;
        }
        Ok(bytes)
    }

    async fn send(&mut self, ask: &Ask) -> Result<hyper::Response<hyper::body::Incoming>> {
        let method = if ask.body.is_some() { Method::POST } else { Method::GET };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{}", self.server.base, ask.path))
            .header(HOST, "localhost")
            .header(ACCEPT, ask.accept);
        if let Some(authorization) = &self.server.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let body = match &ask.body {
            None => Bytes::new(),
            Some((content_type, body)) => {
                request = request.header(CONTENT_TYPE, content_type);
                body.clone()
            }
        };
        // a server may close a connection after some requests; the next one begins on a new one
        if self.sender.ready().await.is_err() {
            self.sender = Self::shake_hands(&self.server).await?;
        }
        let answer = self.sender.send_request(request.body(Full::new(body))?);
        let response = tokio::time::timeout(ANSWER_TIME, answer)
            .await
            .with_context(|| format!("{} was not answered in {} s", ask.path, ANSWER_TIME.as_secs()))?
            .with_context(|| format!("{} was not answered", ask.path))?;
        if !response.status().is_success() {
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            let said: String = String::from_utf8_lossy(&body).chars().take(REFUSAL_CHARACTERS).collect();
            bail!("{} was answered with {status}: {said}", ask.path);
        }
        Ok(response)
    }
}
