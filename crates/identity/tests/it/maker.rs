//! A maker of authenticators, with the certificate that organisations are given and those of its authenticators (WebAuthn section
//! 8.2.1).

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rcgen::{BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::authenticator::{Authenticator, MadeBy};

/// id-fido-gen-ce-aaguid
const AAGUID: [u64; 9] = [1, 3, 6, 1, 4, 1, 45724, 1, 1];

pub struct Maker {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Maker {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "A maker of keys");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    pub fn pem(&self) -> String {
        self.pem.clone()
    }

    /// Gives an authenticator what shows that it is of this maker and model.
    pub fn puts_into(&self, authenticator: &mut Authenticator, model: [u8; 16]) {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::ExplicitNoCa;
        for (kind, value) in [
            (DnType::CountryName, "SE"),
            (DnType::OrganizationName, "A maker of keys"),
            (DnType::OrganizationalUnitName, "Authenticator Attestation"),
            (DnType::CommonName, "A key"),
        ] {
            params.distinguished_name.push(kind, value);
        }
        let octets = [&[0x04, 0x10][..], &model].concat();
        let oid: Vec<u64> = AAGUID.into_iter().chain([4]).collect();
        params.custom_extensions.push(CustomExtension::from_oid_content(&oid, octets));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().to_vec();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &key.serialize_der()).unwrap();
        authenticator.aaguid = model;
        authenticator.made_by = Some(MadeBy { certificate, key });
    }
}
