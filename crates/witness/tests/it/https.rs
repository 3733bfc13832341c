//! A witness behind TLS: its certificate is checked before anything is sent.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;
use witness::{Courier, Roots, Status};

use crate::site::{Site, served, witness_of};

const NOW: u64 = 1_764_000_000;

/// An authority of its own, and its certificate in a file as a machine keeps it.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("roots.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn roots(&self) -> PathBuf {
        self.folder.path().join("roots.pem")
    }

    /// TLS in front of a witness, with a certificate for `name`; the prefix under which it is reached, and what came through.
    async fn in_front_of(&self, plain: &str, name: &str) -> String {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let behind = plain.trim_start_matches("http://").to_owned();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, behind) = (acceptor.clone(), behind.clone());
                tokio::spawn(async move {
                    // a client that does not trust the certificate goes away here
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut behind = tokio::net::TcpStream::connect(behind).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut behind).await;
                });
            }
        });
        url
    }
}

#[tokio::test]
async fn a_witness_behind_a_trusted_certificate_cosigns_and_one_behind_another_is_not_asked() {
    let (site, authority, stranger) = (Site::new(), Authority::new(), Authority::new());
    let size = site.grow(1, 3);
    let (_folder, witness) = witness_of(&site);
    let (plain, witness) = served(witness).await;
    let folder = site.dir().join("witnesses");
    let round = async |url: &str, roots: PathBuf| {
        site.watched_by(url, &witness);
        let report = Courier::trusting(site.dir(), Roots::of(&roots)).round(NOW).await;
        (report.reached, Status::read(&folder, &audit::read_witnesses(&folder).unwrap()[0]).problem)
    };
    let wrong_name = authority.in_front_of(&plain, "witness.example").await;
    let wrong_issuer = stranger.in_front_of(&plain, "localhost").await;
    for url in [&wrong_name, &wrong_issuer] {
        let (reached, problem) = round(url, authority.roots()).await;
        assert_eq!(reached, 0);
        assert!(problem.unwrap().contains("certificate is not trusted"), "{url}");
    }
    let right = authority.in_front_of(&plain, "localhost").await;
    let (reached, problem) = round(&right, stranger.folder.path().join("no such list")).await;
    assert!(
        reached == 0 && problem.unwrap().contains("certificate is not trusted"),
        "nobody is trusted without a list"
    );
    assert!(
        witness.status().iter().all(|(_, note)| note.lines().nth(1) != Some("3")),
        "nothing reached the witness so far"
    );
    // plain HTTP where TLS is spoken is no witness
    let (reached, problem) = round(&right.replace("https", "http"), authority.roots()).await;
    assert!(reached == 0 && problem.is_some());

    let (reached, problem) = round(&right, authority.roots()).await;
    assert_eq!((reached, problem), (1, None));
    let note = Status::cosigned(&folder, &audit::read_witnesses(&folder).unwrap()[0]).unwrap();
    assert_eq!(note.lines().nth(1), Some(size.to_string().as_str()));
}
