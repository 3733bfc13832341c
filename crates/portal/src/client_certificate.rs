//! Client certificates (RFC 8705): asked of everybody, wanted from nobody but on the port where only devices call, trusted for
//! nothing but being the same again.
//!
//! A device's token or AE title may be bound to a certificate by its thumbprint, so a certificate needs no authority: the handshake
//! shows that its key is held (section 3), and whoever decides compares the thumbprint. Nothing in it is read.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

/// `CN=leadglass devices`, as a set of one attribute. An authority of this name exists nowhere: browsers offer only certificates of
/// the authorities that a server names, so nobody with a smart card is asked to choose one.
const AUTHORITY: &[u8] = b"\x31\x1a\x30\x18\x06\x03\x55\x04\x03\x0c\x11leadglass devices";

/// Takes any certificate whose key the client holds.
#[derive(Debug)]
pub(crate) struct AnyCertificate {
    algorithms: WebPkiSupportedAlgorithms,
    authorities: Vec<DistinguishedName>,
    is_wanted: bool,
}

impl AnyCertificate {
    /// Takes none as well: browsers and devices call here.
    pub(crate) fn asked(provider: &CryptoProvider) -> Self {
        let authorities = vec![DistinguishedName::in_sequence(AUTHORITY)];
        Self { algorithms: provider.signature_verification_algorithms, authorities, is_wanted: false }
    }

    /// Only devices call here. No authority is named, so each of them offers what it has.
    pub(crate) fn wanted(provider: &CryptoProvider) -> Self {
        Self { algorithms: provider.signature_verification_algorithms, authorities: Vec::new(), is_wanted: true }
    }
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        self.is_wanted
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.authorities
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        // who it is, the thumbprint says
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
