//! HTTPS: rustls with aws-lc-rs, TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1 by ALPN (RFC 7301).

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use thiserror::Error;

use crate::client_certificate::AnyCertificate;

/// A certificate with its private key. Who holds the key can pose as this front; losing it costs a new certificate.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
}

/// Why TLS cannot be set up.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The chain is not PEM with at least one certificate.
    #[error(
        "the certificate file holds no certificate in PEM form; give the chain with the server's certificate first"
    )]
    Certificate,
    /// The key is not PEM.
    #[error("the key file holds no private key in PEM form; give an unencrypted PKCS#8, SEC1 or PKCS#1 key")]
    Key,
    /// They do not fit.
    #[error("certificate and key do not fit together; give the key that the certificate was made for")]
    Pair(#[source] rustls::Error),
    /// A development certificate cannot be made for these names.
    #[error("no certificate can be made for these names; give host names or addresses")]
    Names(#[source] rcgen::Error),
}

impl Tls {
    /// Reads a certificate chain and its key, both PEM.
    pub fn from_pem(certificate_chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate_chain)
            .collect::<Result<_, _>>()
            .map_err(|_| TlsError::Certificate)?;
        if chain.is_empty() {
            return Err(TlsError::Certificate);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::Key)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let certificates = Arc::new(AnyCertificate::asked(&provider));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Pair)?
            .with_client_cert_verifier(certificates)
            .with_single_cert(chain, key)
            .map_err(TlsError::Pair)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config) })
    }

    /// The same certificate for a port where only devices call (PS3.15 B.12): TLS 1.2 and 1.3, who shows no certificate is not
    /// heard, and no session is taken up again, so each connection shows anew that it holds the certificate's key.
    pub fn for_devices(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::clone(self.config.crypto_provider());
        let certificates = Arc::new(AnyCertificate::wanted(&provider));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Pair)?
            .with_client_cert_verifier(certificates)
            .with_cert_resolver(Arc::clone(&self.config.cert_resolver));
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }

    pub(crate) fn acceptor(&self) -> tokio_rustls::TlsAcceptor {
        Arc::clone(&self.config).into()
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls(..)")
    }
}

/// The thumbprint (RFC 8705 section 3.1) of the first certificate in a PEM text.
#[must_use]
pub fn certificate_thumbprint(pem: &[u8]) -> Option<dpop::Thumbprint> {
    let certificate = CertificateDer::pem_slice_iter(pem).next()?.ok()?;
    Some(dpop::Thumbprint::of_certificate(&certificate))
}

/// A self-signed certificate for trying leadglass on one machine. Browsers refuse passkeys behind it.
pub struct DevelopmentCertificate {
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// Its private key (PKCS#8, PEM): the caller keeps it sealed.
    pub key_pem: String,
}

impl std::fmt::Debug for DevelopmentCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DevelopmentCertificate(..)")
    }
}

/// Makes a self-signed certificate for host names and addresses, for instance `localhost` and `127.0.0.1`.
pub fn development_certificate(names: &[&str]) -> Result<DevelopmentCertificate, TlsError> {
    let key = rcgen::KeyPair::generate().map_err(TlsError::Names)?;
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut parameters = rcgen::CertificateParams::new(names).map_err(TlsError::Names)?;
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "leadglass development certificate");
    parameters.not_before = rcgen::date_time_ymd(2026, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2046, 1, 1);
    let certificate = parameters.self_signed(&key).map_err(TlsError::Names)?;
    Ok(DevelopmentCertificate { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_development_certificate_serves() {
        let made = development_certificate(&["localhost", "127.0.0.1"]).unwrap();
        Tls::from_pem(made.certificate_pem.as_bytes(), made.key_pem.as_bytes()).unwrap();
    }

    #[test]
    fn what_is_no_pair_is_refused() {
        let one = development_certificate(&["localhost"]).unwrap();
        let other = development_certificate(&["localhost"]).unwrap();
        let check = |certificate: &str, key: &str| Tls::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap_err();
        assert!(matches!(check("", &one.key_pem), TlsError::Certificate));
        assert!(matches!(check("not pem", &one.key_pem), TlsError::Certificate));
        assert!(matches!(check(&one.certificate_pem, "not pem"), TlsError::Key));
        assert!(matches!(check(&one.certificate_pem, &one.certificate_pem), TlsError::Key));
        assert!(matches!(check(&one.certificate_pem, &other.key_pem), TlsError::Pair(_)));
    }

    #[test]
    fn debug_output_shows_no_key() {
        let made = development_certificate(&["localhost"]).unwrap();
        assert!(!format!("{made:?}").contains("PRIVATE"));
    }
}
