//! HTTPS, and where plain HTTP is not served.

use std::sync::Arc;

use portal::{HttpConfig, HttpLimits, ServeError, Tls, development_certificate};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use crate::harness::{Front, start, start_with};

async fn over_tls(protocols: &[&[u8]]) -> (Front, tokio_rustls::client::TlsStream<TcpStream>) {
    let made = development_certificate(&["localhost", "127.0.0.1"]).unwrap();
    let tls = Tls::from_pem(made.certificate_pem.as_bytes(), made.key_pem.as_bytes()).unwrap();
    let front = start_with(Some(tls), HttpLimits::default()).await;
    let stream = shaken(&front, &made.certificate_pem, protocols).await;
    (front, stream)
}

/// A connection to a front with this certificate, its handshake done.
pub async fn shaken(
    front: &Front,
    certificate_pem: &str,
    protocols: &[&[u8]],
) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate_pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let stream = TcpStream::connect(front.address()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

#[tokio::test]
async fn https_is_served_with_http_1() {
    let (_front, mut stream) = over_tls(&[b"http/1.1"]).await;
    stream.write_all(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(!answer.to_lowercase().contains("strict-transport-security"), "localhost is never pinned");
}

#[tokio::test]
async fn https_is_served_with_http_2() {
    let (_front, stream) = over_tls(&[b"h2", b"http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) = hyper::client::conn::http2::handshake(
        hyper_util::rt::TokioExecutor::new(),
        hyper_util::rt::TokioIo::new(stream),
    )
    .await
    .unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::get("https://localhost/api/health").body(axum::body::Body::empty()).unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.version(), hyper::Version::HTTP_2);
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn plain_http_on_a_tls_port_gets_nothing() {
    let (front, _stream) = over_tls(&[b"http/1.1"]).await;
    let mut stream = TcpStream::connect(front.address()).await.unwrap();
    stream.write_all(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.windows(4).any(|window| window == b"HTTP"));
}

#[tokio::test]
async fn plain_http_is_not_served_beyond_this_machine() {
    let front = start().await;
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let config = HttpConfig { tls: None, public_origin: "http://localhost".into() };
    assert!(matches!(portal::serve(listener, config, front.app.clone()), Err(ServeError::PlainBeyondLoopback)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = HttpConfig { tls: None, public_origin: "localhost:1".into() };
    assert!(matches!(portal::serve(listener, config, front.app.clone()), Err(ServeError::Origin)));
}
