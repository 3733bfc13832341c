//! Tokens of devices that are bound to a key or a client certificate, against the built program.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use dpop::{Claims, Signer};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use crate::client::{Answer, ask};
use crate::installation::Installation;

fn proof(signer: &Signer, site: &Installation, token: &str, method: &str, path: &str) -> String {
    let origin = format!("http://localhost:{}", site.http().port());
    let health = ask(site.http(), "GET", "/api/health", &[], &[]);
    let (address, nonce) = (format!("{origin}{path}"), health.header("dpop-nonce").unwrap());
    signer.sign(&Claims { method, address: &address, nonce, query: "", body: b"", session: None, token: Some(token) })
}

#[test]
fn a_thumbprint_that_begins_with_a_hyphen_is_no_option() {
    let site = Installation::new();
    site.with_devices();
    let key = dpop::Thumbprint([0xFB; 32]).to_string();
    assert!(key.starts_with('-'), "{key}");
    let bind = ["--may", "store", "--token", "--bind-dpop", &key];
    let added = site.ok(&[&["device", "add", "bound", "--organisation", "Machines"], &bind[..]].concat());
    assert!(added["token"].is_string(), "{added}");
}

#[test]
fn a_token_that_is_bound_to_a_key_is_refused_without_its_proof_for_reading_and_for_storing() {
    let site = Installation::new();
    site.with_devices();
    let signer = Signer::generate();
    let key = signer.thumbprint().to_string();
    let added = site.ok(&[
        "device",
        "add",
        "bound",
        "--organisation",
        "Machines",
        "--may",
        "store,list",
        "--token",
        "--bind-dpop",
        &key,
    ]);
    site.ok(&["relate", "device:bound", "site", "--until", "8h", "--basis", "machine"]);
    let token = added["token"].as_str().unwrap();
    let file = phantom::ct_instance(1, 1, 1, 1, 16, 16);
    let thief = Signer::generate();
    let send = |method: &str, scheme: &str, proof: Option<String>| {
        let authorization = format!("{scheme} {token}");
        let mut headers = vec![("Authorization", authorization.as_str())];
        if let Some(proof) = &proof {
            headers.push(("DPoP", proof));
        }
        if method == "POST" {
            headers.push(("Content-Type", "application/dicom"));
        }
        let body = if method == "POST" { file.as_slice() } else { &[] };
        ask(site.http(), method, "/dicom-web/studies", &headers, body).status
    };
    for method in ["GET", "POST"] {
        let by = |signer: &Signer| Some(proof(signer, &site, token, method, "/dicom-web/studies"));
        assert_eq!(send(method, "Bearer", None), 401, "{method}: the token alone");
        assert_eq!(send(method, "DPoP", None), 401, "{method}: no proof");
        assert_eq!(send(method, "Bearer", by(&signer)), 401, "{method}: the wrong scheme");
        assert_eq!(send(method, "DPoP", by(&thief)), 401, "{method}: another key");
        let elsewhere = proof(&signer, &site, token, method, "/dicom-web/series");
        assert_eq!(send(method, "DPoP", Some(elsewhere)), 401, "{method}: another address");
        let right = by(&signer);
        assert!(matches!(send(method, "DPoP", right.clone()), 200 | 204), "{method}");
        assert_eq!(send(method, "DPoP", right), 401, "{method}: sent again");
    }
    let error =
        site.refused(2, &["device", "add", "x", "--organisation", "Machines", "--may", "list", "--bind-dpop", &key]);
    assert!(error.contains("--token"), "{error}");
}

#[test]
fn a_token_that_is_bound_to_a_certificate_is_refused_over_a_connection_without_it() {
    let mut site = Installation::stopped();
    site.start_tls();
    let (own, other) = (certificate(), certificate());
    std::fs::write(site.path("device.pem"), &own.0).unwrap();
    site.ok(&["org", "add", "Machines"]);
    let added = site.ok(&[
        "device",
        "add",
        "bound",
        "--organisation",
        "Machines",
        "--may",
        "list",
        "--token",
        "--bind-certificate",
        &site.path("device.pem"),
    ]);
    let token = added["token"].as_str().unwrap();
    assert_eq!(over_tls(&site, Some(&own), token).status, 204);
    assert_eq!(over_tls(&site, None, token).status, 401);
    assert_eq!(over_tls(&site, Some(&other), token).status, 401);
    // whoever shows no certificate is served as before
    assert_eq!(over_tls(&site, None, "").status, 401);
    let error = site.refused(
        1,
        &[
            "device",
            "add",
            "x",
            "--organisation",
            "Machines",
            "--may",
            "list",
            "--token",
            "--bind-certificate",
            "/dev/null",
        ],
    );
    assert!(error.contains("holds no certificate"), "{error}");
}

/// Certificate and key, PEM.
fn certificate() -> (String, String) {
    let made = portal::development_certificate(&["device.example"]).unwrap();
    (made.certificate_pem, made.key_pem)
}

fn over_tls(site: &Installation, certificate: Option<&(String, String)>, token: &str) -> Answer {
    let mut roots = rustls::RootCertStore::empty();
    let pem = std::fs::read(site.dir().join("tls/cert.pem")).unwrap();
    roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots);
    let config = match certificate {
        Some((chain, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(chain.as_bytes()).unwrap()];
            config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap()).unwrap()
        }
        None => config.with_no_client_auth(),
    };
    let name = ServerName::try_from("localhost").unwrap();
    let connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, TcpStream::connect(site.http()).unwrap());
    let request =
        format!("GET /dicom-web/studies HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // a server that closes without a notice has answered all the same
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, headers: text, body: Vec::new() }
}
