//! A whole front in a folder of its own, and clients of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use archive::{Clock, Handover, Intake, IntakeSettings, Reader, WardenLink};
use bytes::Bytes;
use codecs::{Job, NoPicture, Reader as PictureReader, Renderer, Turn, Turns};
use futures::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use hyper::header::{self, HeaderMap};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use model::StudyNumber;
use portal::{App, HttpConfig, HttpLimits, Portal};
use serde_json::Value;
use store::Store;
use tempfile::TempDir;

use crate::dicom::Image;
use crate::double::{ADMINISTRATOR, Double, MODALITY, NONCE, RADIOLOGIST, WORKSTATION};

pub struct Front {
    pub portal: Portal,
    pub double: Double,
    pub app: App,
    pub intake: Intake,
    handover: Handover,
    client: Client<HttpConnector, Full<Bytes>>,
    origin: String,
    /// The browser's key.
    pub signer: dpop::Signer,
    _folder: TempDir,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Pictures made on a thread of the test; the program has other processes make them.
struct InThisProcess(Turns);

impl Renderer for InThisProcess {
    fn turn(&self, reader: PictureReader, study: StudyNumber) -> BoxFuture<'static, Result<Turn, NoPicture>> {
        let turns = self.0.clone();
        Box::pin(async move { turns.take(reader, study).await })
    }

    fn render(&self, turn: Turn, job: Job) -> BoxFuture<'static, Result<Vec<u8>, NoPicture>> {
        Box::pin(async move {
            let render = move || {
                render::render_frame(&job.description, &job.transfer_syntax, &job.frame, job.first_bit, job.options)
            };
            let rendered = tokio::task::spawn_blocking(render).await.unwrap();
            drop(turn);
            Ok(rendered?)
        })
    }
}

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum As {
    Stranger,
    Radiologist,
    Administrator,
    Workstation,
    Modality,
}

pub async fn start() -> Front {
    start_with(None, HttpLimits::default()).await
}

pub async fn start_with(tls: Option<portal::Tls>, limits: HttpLimits) -> Front {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("warden.sock");
    let front = folder.path().join("front");
    let double = Double::new();
    tokio::spawn(double.clone().serve(protocol::bind(&socket).unwrap()));
    let (store, _) = Store::open(&front, store::Options::default(), store::files()).unwrap();
    let site = double.site();
    let clock = Clock::system();
    let warden = WardenLink::start(&socket, &front, site.clone(), clock.clone());
    let intake = Intake::new(store.clone(), &site, IntakeSettings::default(), clock.clone());
    let reader = Reader::new(store.clone(), warden.clone(), clock);
    let handover = Handover::start(store, warden.clone(), Some(reader.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let origin = format!("{scheme}://localhost:{}", listener.local_addr().unwrap().port());
    let config = HttpConfig { tls, public_origin: origin.clone() };
    let app = App { warden, reader, intake: intake.clone(), renderer: Arc::new(InThisProcess(Turns::at(2))) };
    let portal = portal::serve_within(listener, config, limits, app.clone()).unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let signer = dpop::Signer::generate();
    let front = Front { portal, double, app, intake, handover, client, origin, signer, _folder: folder };
    // the first nonce has come from the warden
    front.app.warden.hello().await.unwrap();
    front
}

impl Front {
    pub fn address(&self) -> SocketAddr {
        self.portal.address()
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Stores through STOW-RS as the modality and waits until the warden has it.
    pub async fn store(&self, images: &[Image]) -> Value {
        let files: Vec<Vec<u8>> = images.iter().map(Image::to_bytes).collect();
        let (content_type, body) = multipart(&files);
        let answer = self.post_dicom("/dicom-web/studies", As::Modality, &content_type, body).await;
        assert_eq!(answer.status, 200, "{:?}", answer.text());
        self.handed_over().await;
        answer.json()
    }

    pub async fn handed_over(&self) {
        tokio::time::timeout(Duration::from_secs(30), self.handover.handover_idle()).await.unwrap().unwrap();
    }

    pub async fn post_dicom(&self, path: &str, who: As, content_type: &str, body: impl Into<Bytes>) -> Answer {
        let content_type = (header::CONTENT_TYPE.as_str(), content_type);
        self.send("POST", path, who, &[content_type, (header::ACCEPT.as_str(), "application/dicom+json")], body).await
    }

    pub async fn get(&self, path: &str, who: As) -> Answer {
        self.send("GET", path, who, &[], Bytes::new()).await
    }

    pub async fn get_accepting(&self, path: &str, who: As, accept: &str) -> Answer {
        self.send("GET", path, who, &[(header::ACCEPT.as_str(), accept)], Bytes::new()).await
    }

    /// As the pages do it.
    pub async fn post_json(&self, path: &str, who: As, body: &Value) -> Answer {
        self.as_pages_do("POST", path, who, body).await
    }

    pub async fn as_pages_do(&self, method: &str, path: &str, who: As, body: &Value) -> Answer {
        let fields = [
            (header::CONTENT_TYPE.as_str(), "application/json"),
            ("x-leadglass", "1"),
            ("sec-fetch-site", "same-origin"),
            (header::ORIGIN.as_str(), self.origin.as_str()),
        ];
        self.send(method, path, who, &fields, body.to_string()).await
    }

    /// What the browser's key signs for a request.
    pub fn proof(&self, method: &str, path: &str, body: &[u8]) -> String {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let body = if method == "GET" || path.starts_with("/dicom-web/") { &[] } else { body };
        let address = format!("{}{path}", self.origin);
        let claims = dpop::Claims {
            method,
            address: &address,
            nonce: NONCE,
            query,
            body,
            session: Some("session"),
            token: None,
        };
        self.signer.sign(&claims)
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        who: As,
        fields: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut request =
            hyper::Request::builder().method(method).uri(format!("http://{}{path}", self.portal.address()));
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let body = body.into();
        if let Some((name, value)) = who.credential() {
            request = request.header(name, value);
        }
        if matches!(who, As::Radiologist | As::Administrator) || path == "/api/sign-in/password" {
            request = request.header("dpop", self.proof(method, path, &body));
        }
        let request = request.body(Full::new(body)).unwrap();
        let response = self.client.request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_or_else(|_| Bytes::from_static(b"(cut off)"), |body| body.to_bytes());
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }
}

impl As {
    pub fn credential(self) -> Option<(header::HeaderName, String)> {
        let cookie = |token| Some((header::COOKIE, format!("__Host-leadglass={token}")));
        let bearer = |token| Some((header::AUTHORIZATION, format!("Bearer {token}")));
        match self {
            Self::Stranger => None,
            Self::Radiologist => cookie(RADIOLOGIST),
            Self::Administrator => cookie(ADMINISTRATOR),
            Self::Workstation => bearer(WORKSTATION),
            Self::Modality => bearer(MODALITY),
        }
    }
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn field(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The parts of a `multipart/related` body: content type and content.
    #[track_caller]
    pub fn parts(&self) -> Vec<(String, Vec<u8>)> {
        let content_type = self.field("content-type");
        let boundary = content_type.split("boundary=\"").nth(1).unwrap().trim_end_matches('"');
        let delimiter = format!("--{boundary}\r\n");
        let closing = format!("--{boundary}--\r\n");
        let body = self.body.strip_suffix(closing.as_bytes()).expect("the closing boundary");
        let find = |body: &[u8], what: &[u8]| body.windows(what.len()).position(|window| window == what);
        let mut parts = Vec::new();
        let mut rest = body;
        while !rest.is_empty() {
            rest = rest.strip_prefix(delimiter.as_bytes()).expect("a boundary");
            let head_end = find(rest, b"\r\n\r\n").expect("the end of the header");
            let head = std::str::from_utf8(&rest[..head_end]).unwrap();
            rest = &rest[head_end + 4..];
            let end = find(rest, delimiter.as_bytes()).unwrap_or(rest.len());
            let content = rest[..end].strip_suffix(b"\r\n").expect("a line break before the boundary");
            let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            if let Some(length) = value("Content-Length: ") {
                assert_eq!(length.parse::<usize>().unwrap(), content.len());
            }
            parts.push((value("Content-Type: ").unwrap(), content.to_vec()));
            rest = &rest[end..];
        }
        parts
    }
}

pub fn multipart(files: &[Vec<u8>]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for file in files {
        body.extend_from_slice(b"--the-boundary\r\nContent-Type: application/dicom\r\n\r\n");
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--the-boundary--");
    ("multipart/related; type=\"application/dicom\"; boundary=the-boundary".into(), body)
}
