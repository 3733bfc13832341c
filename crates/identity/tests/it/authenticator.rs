//! A software authenticator and its browser: one P-256 key, discoverable, with a counter. Everything that it signs can
//! be set wrong.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Where the pages of these tests are.
pub const HERE: &str = "https://images.example.org";

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKUP_STATE: u8 = 1 << 4;
const ATTESTED: u8 = 1 << 6;

pub struct Authenticator {
    key: EcdsaKeyPair,
    pub credential_id: Vec<u8>,
    pub user_handle: Option<Vec<u8>>,
    pub counter: u32,
    // what an honest one would not change
    pub origin: String,
    pub rp_id: String,
    pub user_present: bool,
    pub user_verified: bool,
    pub backup: bool,
    pub challenge: Option<String>,
    pub kind: Option<&'static str>,
    pub cred_props: Option<bool>,
    pub damage_signature: bool,
    pub aaguid: [u8; 16],
    /// Who made it, where it shows that.
    pub made_by: Option<MadeBy>,
    pub damage_attestation: bool,
}

/// What a maker puts into an authenticator: a certificate, and its key, which signs that a registration came from it.
pub struct MadeBy {
    pub certificate: Vec<u8>,
    pub key: EcdsaKeyPair,
}

impl Authenticator {
    pub fn new(number: u8) -> Self {
        Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap(),
            credential_id: vec![number; 32],
            user_handle: None,
            counter: 1,
            origin: HERE.to_owned(),
            rp_id: "images.example.org".to_owned(),
            user_present: true,
            user_verified: true,
            backup: false,
            challenge: None,
            kind: None,
            cred_props: Some(true),
            damage_signature: false,
            aaguid: [0; 16],
            made_by: None,
            damage_attestation: false,
        }
    }

    /// `navigator.credentials.create()`.
    pub fn create(&mut self, options: &str) -> String {
        let options: Value = serde_json::from_str(options).unwrap();
        let public_key = &options["publicKey"];
        self.user_handle = Some(URL_SAFE_NO_PAD.decode(public_key["user"]["id"].as_str().unwrap()).unwrap());
        let client_data = self.client_data("webauthn.create", public_key);
        let mut data = self.authenticator_data(ATTESTED);
        data.extend(self.aaguid);
        data.extend(u16::try_from(self.credential_id.len()).unwrap().to_be_bytes());
        data.extend(&self.credential_id);
        data.extend(self.cose_key());
        let mut attestation = vec![0xa3];
        text(&mut attestation, "fmt");
        text(&mut attestation, if self.made_by.is_some() { "packed" } else { "none" });
        text(&mut attestation, "attStmt");
        match &self.made_by {
            None => attestation.push(0xa0),
            Some(made_by) => self.statement(made_by, &mut attestation, &data, &client_data),
        }
        text(&mut attestation, "authData");
        bytes(&mut attestation, &data);
        let properties = self.cred_props.map(|rk| json!({ "rk": rk })).unwrap_or(Value::Null);
        json!({
            "id": URL_SAFE_NO_PAD.encode(&self.credential_id),
            "rawId": URL_SAFE_NO_PAD.encode(&self.credential_id),
            "type": "public-key",
            "response": {
                "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
                "attestationObject": URL_SAFE_NO_PAD.encode(attestation),
            },
            "clientExtensionResults": { "credProps": properties },
        })
        .to_string()
    }

    /// `navigator.credentials.get()`; counts up.
    pub fn get(&mut self, options: &str) -> String {
        let options: Value = serde_json::from_str(options).unwrap();
        let client_data = self.client_data("webauthn.get", &options["publicKey"]);
        self.counter = self.counter.wrapping_add(1);
        let data = self.authenticator_data(0);
        let signed = [data.as_slice(), digest(&SHA256, &client_data).as_ref()].concat();
        let mut signature = self.key.sign(&SystemRandom::new(), &signed).unwrap().as_ref().to_vec();
        if self.damage_signature {
            *signature.last_mut().unwrap() ^= 1;
        }
        let handle = self.user_handle.as_ref().map(|handle| URL_SAFE_NO_PAD.encode(handle));
        json!({
            "id": URL_SAFE_NO_PAD.encode(&self.credential_id),
            "rawId": URL_SAFE_NO_PAD.encode(&self.credential_id),
            "type": "public-key",
            "response": {
                "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
                "authenticatorData": URL_SAFE_NO_PAD.encode(data),
                "signature": URL_SAFE_NO_PAD.encode(signature),
                "userHandle": handle,
            },
            "clientExtensionResults": {},
        })
        .to_string()
    }

    /// As authenticators without a counter answer.
    pub fn get_with_counter(&mut self, options: &str, counter: u32) -> String {
        self.counter = counter.wrapping_sub(1);
        self.get(options)
    }

    fn client_data(&self, kind: &str, public_key: &Value) -> Vec<u8> {
        let challenge = self.challenge.clone().unwrap_or_else(|| public_key["challenge"].as_str().unwrap().to_owned());
        json!({
            "type": self.kind.unwrap_or(kind),
            "challenge": challenge,
            "origin": self.origin,
            "crossOrigin": false,
        })
        .to_string()
        .into_bytes()
    }

    fn authenticator_data(&self, more: u8) -> Vec<u8> {
        let mut flags = more;
        if self.user_present {
            flags |= USER_PRESENT;
        }
        if self.user_verified {
            flags |= USER_VERIFIED;
        }
        if self.backup {
            flags |= BACKUP_ELIGIBLE | BACKUP_STATE;
        }
        let mut data = digest(&SHA256, self.rp_id.as_bytes()).as_ref().to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// WebAuthn section 8.2, as CBOR: {alg: -7, sig, x5c: [certificate]}.
    fn statement(&self, made_by: &MadeBy, cbor: &mut Vec<u8>, data: &[u8], client_data: &[u8]) {
        let signed = [data, digest(&SHA256, client_data).as_ref()].concat();
        let mut signature = made_by.key.sign(&SystemRandom::new(), &signed).unwrap().as_ref().to_vec();
        if self.damage_attestation {
            *signature.last_mut().unwrap() ^= 1;
        }
        cbor.push(0xa3);
        text(cbor, "alg");
        cbor.push(0x26);
        text(cbor, "sig");
        bytes(cbor, &signature);
        text(cbor, "x5c");
        cbor.push(0x81);
        bytes(cbor, &made_by.certificate);
    }

    /// RFC 9053 section 7.1.1, as CBOR: {1: 2, 3: -7, -1: 1, -2: x, -3: y}.
    fn cose_key(&self) -> Vec<u8> {
        let point = self.key.public_key().as_ref();
        let mut cose = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21];
        bytes(&mut cose, &point[1..33]);
        cose.push(0x22);
        bytes(&mut cose, &point[33..65]);
        cose
    }
}

fn text(cbor: &mut Vec<u8>, text: &str) {
    cbor.push(0x60 | u8::try_from(text.len()).unwrap());
    cbor.extend(text.as_bytes());
}

fn bytes(cbor: &mut Vec<u8>, bytes: &[u8]) {
    cbor.push(0x59);
    cbor.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
    cbor.extend(bytes);
}
