//! The devices that the warden has told this front, kept on disk for times when the warden is away.
//!
//! Trust: the list is signed by the site, so who changes `devices.json` is noticed and nobody is admitted from it. An
//! older signed list put back admits devices that were removed since, until the warden answers again. Losing the file
//! costs only that no device is admitted until then.

use std::{fs, io, net::IpAddr, path::Path};

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use dpop::Thumbprint;
use model::{DeviceId, DeviceMay, Instant};
use policy::{Service, Subject, Target};
use protocol::{AssociationRefusal, DeviceEntry, SignedDevices, TokenBinding};
use seal::VerifyingKey;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::site::replace_file;

/// Name of the file in `DIR/front`.
pub const DEVICES_FILE: &str = "devices.json";

/// The longest device list that is read, in bytes.
const DEVICES_BYTES_MAX: u64 = 16 * 1024 * 1024;

const SIGNED_PREFIX: &[u8] = b"leadglass device list v1\n";

/// The devices of this site, out of a list whose signature holds.
#[derive(Clone, Debug, Default)]
pub struct DeviceList {
    devices: Vec<DeviceEntry>,
}

/// Why a device is not admitted, the further it came the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum NotAdmitted {
    /// No device has this AE title or token.
    #[error("no device of this name is known here; add it with `leadglass device add`")]
    Unknown,
    /// The device is known, but not from this address.
    #[error("this device may not connect from this address; see its --from in `leadglass device add`")]
    Address,
    /// The device is known, but it is not bound to the certificate that was shown, or none was shown.
    #[error(
        "a device that is bound to a certificate calls the port of --dicom-tls with it, every other one that of --dicom; see --bind-certificate in `leadglass device add`"
    )]
    Certificate,
    /// The device is known, but may not do this.
    #[error("this device may not do this; see its --may in `leadglass device add`")]
    Service,
}

impl From<NotAdmitted> for AssociationRefusal {
    fn from(why: NotAdmitted) -> Self {
        match why {
            NotAdmitted::Unknown => Self::Unknown,
            NotAdmitted::Address => Self::Address,
            NotAdmitted::Certificate => Self::Certificate,
            NotAdmitted::Service => Self::Service,
        }
    }
}

/// Who calls over DIMSE, beside the name that they give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// From where.
    pub address: IpAddr,
    /// Over TLS, the certificate whose key the caller was seen to hold (SHA-256 over its DER); nothing in the clear.
    pub certificate: Option<Thumbprint>,
}

/// What a caller holds beside a token, verified by the front.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held {
    /// The key that signed the request's proof (RFC 9449).
    pub key: Option<Thumbprint>,
    /// The certificate of the connection (RFC 8705).
    pub certificate: Option<Thumbprint>,
}

impl Held {
    /// Whether it is what a token is bound to. A token without it is one that nobody holds.
    fn fits(self, bound: Option<TokenBinding>) -> bool {
        match bound {
            None => true,
            Some(TokenBinding::Dpop(key)) => self.key == Some(key),
            Some(TokenBinding::Certificate(certificate)) => self.certificate == Some(certificate),
        }
    }
}

/// The device list cannot be used; nobody is admitted from it.
#[derive(Debug, Error)]
pub enum DeviceListError {
    /// The signature does not hold.
    #[error("the device list is not signed by this site; it is fetched anew when the warden answers")]
    Signature,
    /// It is signed and yet out of shape.
    #[error("the device list cannot be read; run front and warden from the same version of leadglass")]
    Shape,
    /// It cannot be read or written.
    #[error(
        "{DEVICES_FILE} in the front's folder cannot be read or written; check the disk and the rights of the folder"
    )]
    Io(#[source] io::Error),
}

#[derive(Serialize, Deserialize)]
struct Written {
    list: String,
    signature: String,
}

impl DeviceList {
    /// Reads a list whose signature by the site's key (Ed25519, RFC 8032) holds.
    pub fn verified(signed: &SignedDevices, verifying_key: &VerifyingKey) -> Result<Self, DeviceListError> {
        let mut message = Vec::with_capacity(SIGNED_PREFIX.len() + signed.list.len());
        message.extend_from_slice(SIGNED_PREFIX);
        message.extend_from_slice(&signed.list);
        verifying_key.verify(&message, &signed.signature).map_err(|_| DeviceListError::Signature)?;
        let devices = serde_json::from_slice(&signed.list).map_err(|_| DeviceListError::Shape)?;
        Ok(Self { devices })
    }

    /// The device of this AE title that calls like this, if it may do `service`. One that is bound to a certificate calls over TLS
    /// with it, every other one in the clear: neither is admitted in the other's way.
    pub fn admit(
        &self,
        ae_title: &str,
        caller: Caller,
        service: Service,
        now: Instant,
    ) -> Result<DeviceId, NotAdmitted> {
        let ae_title = ae_title.trim();
        decide(
            self.devices.iter().filter(|device| {
                !ae_title.is_empty() && device.ae_title.as_deref().is_some_and(|own| own.trim() == ae_title)
            }),
            caller.address,
            |device| certificate_of(device) == caller.certificate,
            service,
            now,
        )
    }

    /// The device that tells orders like this: over TLS by its certificate, and by the name that it gives only where several are bound to
    /// the same; in the clear by that name, its own or its AE title, at one of its addresses, and only where it has neither a token nor
    /// anything that it is bound to. Without a name: whether there is any.
    pub fn admit_order_sender(
        &self,
        name: Option<&str>,
        caller: Caller,
        now: Instant,
    ) -> Result<DeviceId, NotAdmitted> {
        let name = name.map(|name| name.trim().to_lowercase());
        let is_named = |device: &DeviceEntry| match &name {
            None => device.may.contains(&DeviceMay::Orders),
            Some(name) => {
                let own = [Some(device.name.as_str()), device.ae_title.as_deref()];
                own.into_iter().flatten().any(|own| own.trim().to_lowercase() == *name)
            }
        };
        let bound =
            |device: &&DeviceEntry| caller.certificate.is_some() && certificate_of(device) == caller.certificate;
        let alone = self.devices.iter().filter(bound).count() == 1;
        decide(
            self.devices.iter().filter(|device| alone && bound(device) || is_named(device)),
            caller.address,
            // a name that everybody may say is nobody's without an address, and never that of a device that has something to show
            |device| match caller.certificate {
                Some(_) => certificate_of(device) == caller.certificate,
                None => device.bound.is_none() && device.token_sha256.is_none() && !device.from.is_empty(),
            },
            Service::Orders,
            now,
        )
    }

    /// The device that holds this bearer token and what it is bound to, at this address, if it may do `service`.
    pub fn admit_token(
        &self,
        token: &str,
        held: Held,
        address: IpAddr,
        service: Service,
        now: Instant,
    ) -> Result<DeviceId, NotAdmitted> {
        let hash = digest::digest(&digest::SHA256, token.as_bytes());
        decide(
            self.devices.iter().filter(|device| has_token(device, hash.as_ref(), now) && held.fits(device.bound)),
            address,
            // looked at above: a token without what it is bound to is one that nobody holds
            |_| true,
            service,
            now,
        )
    }

    /// Reads the list that the last [`DeviceList::keep`] left in `front`; `None` when there is none.
    pub fn read(front: &Path) -> Result<Option<SignedDevices>, DeviceListError> {
        let path = front.join(DEVICES_FILE);
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(DeviceListError::Io(error)),
            Ok(metadata) if metadata.len() > DEVICES_BYTES_MAX => return Err(DeviceListError::Shape),
            Ok(_) => {}
        }
        let written: Written = serde_json::from_slice(&fs::read(&path).map_err(DeviceListError::Io)?)
            .map_err(|_| DeviceListError::Shape)?;
        let signature = hex::decode(&written.signature).map_err(|_| DeviceListError::Shape)?;
        Ok(Some(SignedDevices { list: written.list.into_bytes(), signature }))
    }

    /// Keeps a list in `front` for the next start.
    pub fn keep(front: &Path, signed: &SignedDevices) -> Result<(), DeviceListError> {
        let list = String::from_utf8(signed.list.clone()).map_err(|_| DeviceListError::Shape)?;
        let written = Written { list, signature: hex::encode(&signed.signature) };
        let text = serde_json::to_vec(&written).expect("strings are JSON");
        replace_file(&front.join(DEVICES_FILE), &text).map_err(DeviceListError::Io)
    }
}

/// Two devices may share one AE title at different addresses, so every one of the name is looked at; the refusal is
/// the one of the device that came closest.
fn decide<'a>(
    named: impl Iterator<Item = &'a DeviceEntry>,
    address: IpAddr,
    is_proved: impl Fn(&DeviceEntry) -> bool,
    service: Service,
    now: Instant,
) -> Result<DeviceId, NotAdmitted> {
    let mut refusal = NotAdmitted::Unknown;
    for device in named {
        let why = if !protocol::admits(&device.from, address) {
            NotAdmitted::Address
        } else if !is_proved(device) {
            NotAdmitted::Certificate
        } else {
            let subject = Subject::Device { device: device.device, may: device.may.clone() };
            match policy::decide(&subject, service, Target::Nothing, now) {
                Ok(_) => return Ok(device.device),
                Err(_) => NotAdmitted::Service,
            }
        };
        refusal = refusal.max(why);
    }
    Err(refusal)
}

/// Whether this is the SHA-256 of a token of the device that works now: its own until it ends, or the one before for a while.
fn has_token(device: &DeviceEntry, hash: &[u8], now: Instant) -> bool {
    let is = |own: &[u8; 32]| verify_slices_are_equal(own, hash).is_ok();
    let newest = device.token_sha256.as_ref().is_some_and(is) && device.token_until.is_none_or(|until| now < until);
    newest || device.former.as_ref().is_some_and(|former| is(&former.sha256) && now < former.until)
}

/// The certificate that a device's AE title is bound to. A key that signs requests (RFC 9449) signs no association.
fn certificate_of(device: &DeviceEntry) -> Option<Thumbprint> {
    match device.bound {
        Some(TokenBinding::Certificate(certificate)) => Some(certificate),
        Some(TokenBinding::Dpop(_)) | None => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods)]
    use model::DeviceMay;
    use seal::{Secret32, SigningKey};

    use super::*;

    const NOW: Instant = Instant(1_000_000_000);

    fn device(
        number: u32,
        ae_title: Option<&str>,
        from: &[&str],
        may: &[DeviceMay],
        token: Option<&str>,
    ) -> DeviceEntry {
        DeviceEntry {
            device: DeviceId(number),
            name: format!("device {number}"),
            ae_title: ae_title.map(str::to_owned),
            from: from.iter().map(|&block| block.to_owned()).collect(),
            may: may.to_vec(),
            token_sha256: token
                .map(|token| digest::digest(&digest::SHA256, token.as_bytes()).as_ref().try_into().unwrap()),
            bound: None,
            token_until: None,
            former: None,
        }
    }

    #[test]
    fn a_token_ends_and_the_one_before_works_beside_it_for_a_while() {
        let hash = |token: &str| digest::digest(&digest::SHA256, token.as_bytes()).as_ref().try_into().unwrap();
        let former = protocol::FormerTokenEntry { sha256: hash("former"), until: NOW.plus_seconds(60) };
        let mut rotated = device(1, None, &[], &[DeviceMay::Store], Some("newest"));
        (rotated.token_until, rotated.former) = (Some(NOW.plus_seconds(600)), Some(former));
        let list = DeviceList { devices: vec![rotated] };
        let admits = |token: &str, seconds| {
            let (held, address) = (Held::default(), "10.0.0.1".parse().unwrap());
            list.admit_token(token, held, address, Service::Store, NOW.plus_seconds(seconds)).is_ok()
        };
        assert_eq!([admits("newest", 0), admits("newest", 599), admits("newest", 600)], [true, true, false]);
        assert_eq!([admits("former", 0), admits("former", 59), admits("former", 60)], [true, true, false]);
        assert!(!admits("another", 0));
    }

    fn devices() -> Vec<DeviceEntry> {
        vec![
            device(1, Some("CT1"), &["10.0.0.0/8"], &[DeviceMay::Store], None),
            device(2, Some("CT1"), &["192.0.2.7"], &[DeviceMay::List], None),
            device(3, None, &[], &[DeviceMay::Store], Some("secret")),
            device(4, Some("  "), &[], &[DeviceMay::Store], None),
        ]
    }

    fn signed(key: &SigningKey, devices: &[DeviceEntry]) -> SignedDevices {
        let list = serde_json::to_vec(devices).unwrap();
        let signature = key.sign(&[SIGNED_PREFIX, &list].concat()).to_vec();
        SignedDevices { list, signature }
    }

    fn key() -> (SigningKey, VerifyingKey) {
        let key = SigningKey::from_seed(&Secret32::from_bytes(&[5; 32]));
        let public = key.verifying_key();
        (key, public)
    }

    #[track_caller]
    fn check(ae_title: &str, address: &str, service: Service, expected: Result<u32, NotAdmitted>) {
        let (key, public) = key();
        let list = DeviceList::verified(&signed(&key, &devices()), &public).unwrap();
        let admitted = list.admit(ae_title, in_the_clear(address), service, NOW);
        assert_eq!(admitted, expected.map(DeviceId), "{ae_title:?} {address} {service:?}");
    }

    fn in_the_clear(address: &str) -> Caller {
        Caller { address: address.parse().unwrap(), certificate: None }
    }

    #[test]
    fn a_device_is_admitted_by_title_address_and_service_together() {
        check("CT1", "10.1.2.3", Service::Store, Ok(1));
        check(" CT1 ", "10.1.2.3", Service::Store, Ok(1));
        check("CT1", "192.0.2.7", Service::List, Ok(2));
        check("CT1", "192.0.2.7", Service::Store, Err(NotAdmitted::Service));
        check("CT1", "10.1.2.3", Service::Open, Err(NotAdmitted::Service));
        check("CT1", "192.0.2.7", Service::Echo, Ok(2));
        check("CT1", "192.0.2.8", Service::Echo, Err(NotAdmitted::Address));
        check("CT1", "192.0.2.8", Service::Store, Err(NotAdmitted::Address));
        check("ct1", "10.1.2.3", Service::Store, Err(NotAdmitted::Unknown));
        check("CT2", "10.1.2.3", Service::Store, Err(NotAdmitted::Unknown));
        check("", "10.1.2.3", Service::Store, Err(NotAdmitted::Unknown));
        check("   ", "10.1.2.3", Service::Store, Err(NotAdmitted::Unknown));
    }

    #[test]
    fn a_token_admits_only_its_own_device() {
        let list = DeviceList { devices: devices() };
        let address = "10.1.2.3".parse().unwrap();
        assert_eq!(list.admit_token("secret", Held::default(), address, Service::Store, NOW), Ok(DeviceId(3)));
        assert_eq!(list.admit_token("secret", Held::default(), address, Service::Open, NOW), Err(NotAdmitted::Service));
        assert_eq!(list.admit_token("", Held::default(), address, Service::Store, NOW), Err(NotAdmitted::Unknown));
        assert_eq!(
            list.admit_token("Secret", Held::default(), address, Service::Store, NOW),
            Err(NotAdmitted::Unknown)
        );
    }

    #[test]
    fn a_device_that_is_bound_to_a_certificate_is_admitted_with_it_alone_and_every_other_one_in_the_clear_alone() {
        let [own, other, key] = [7, 8, 9].map(|byte| Thumbprint([byte; 32]));
        let bound = |number, ae_title, bound| DeviceEntry {
            bound: Some(bound),
            ..device(number, Some(ae_title), &["10.0.0.0/8"], &[DeviceMay::Store], None)
        };
        let list = DeviceList {
            devices: vec![
                bound(1, "BOUND", TokenBinding::Certificate(own)),
                bound(2, "SIGNS", TokenBinding::Dpop(key)),
                device(3, Some("FREE"), &["10.0.0.0/8"], &[DeviceMay::Store], None),
                // one AE title at two devices
                bound(4, "TWICE", TokenBinding::Certificate(own)),
                bound(5, "TWICE", TokenBinding::Certificate(other)),
            ],
        };
        let check = |ae_title: &str, certificate, address: &str, service, expected: Result<u32, NotAdmitted>| {
            let caller = Caller { certificate, ..in_the_clear(address) };
            let admitted = list.admit(ae_title, caller, service, NOW);
            assert_eq!(admitted, expected.map(DeviceId), "{ae_title} {certificate:?} {address} {service:?}");
        };
        let (near, far) = ("10.1.2.3", "192.0.2.7");
        check("BOUND", Some(own), near, Service::Store, Ok(1));
        check("BOUND", Some(own), near, Service::Echo, Ok(1));
        check("BOUND", Some(own), near, Service::Open, Err(NotAdmitted::Service));
        check("BOUND", Some(own), far, Service::Store, Err(NotAdmitted::Address));
        check("BOUND", Some(other), near, Service::Store, Err(NotAdmitted::Certificate));
        check("BOUND", None, near, Service::Store, Err(NotAdmitted::Certificate));
        check("BOUND", None, near, Service::Echo, Err(NotAdmitted::Certificate));
        check("FREE", None, near, Service::Store, Ok(3));
        check("FREE", Some(own), near, Service::Store, Err(NotAdmitted::Certificate));
        check("SIGNS", None, near, Service::Store, Ok(2));
        check("SIGNS", Some(key), near, Service::Store, Err(NotAdmitted::Certificate));
        check("TWICE", Some(own), near, Service::Store, Ok(4));
        check("TWICE", Some(other), near, Service::Store, Ok(5));
        check("TWICE", Some(key), near, Service::Store, Err(NotAdmitted::Certificate));
        check("NOBODY", Some(own), near, Service::Store, Err(NotAdmitted::Unknown));
    }

    #[test]
    fn a_sender_of_orders_is_known_by_its_certificate_or_by_name_and_address_together() {
        let own = Thumbprint([7; 32]);
        let orders = [DeviceMay::Orders];
        let mut bound = device(4, None, &[], &orders, None);
        bound.bound = Some(TokenBinding::Certificate(own));
        let mut signs = device(6, Some("SIGNS"), &["172.16.0.0/12"], &orders, None);
        signs.bound = Some(TokenBinding::Dpop(own));
        let list = DeviceList {
            devices: vec![
                device(1, Some("RIS"), &["10.0.0.0/8"], &orders, None),
                device(2, Some("CT1"), &["10.0.0.0/8"], &[DeviceMay::Store], None),
                device(3, Some("ANYWHERE"), &[], &orders, None),
                bound,
                device(5, Some("TOKEN"), &["172.16.0.0/12"], &orders, Some("secret")),
                signs,
            ],
        };
        let check = |name, certificate, address: &str, expected: Result<u32, NotAdmitted>| {
            let caller = Caller { certificate, ..in_the_clear(address) };
            let admitted = list.admit_order_sender(name, caller, NOW);
            assert_eq!(admitted, expected.map(DeviceId), "{name:?} {certificate:?} {address}");
        };
        let (near, far) = ("10.1.2.3", "192.0.2.7");
        check(Some("RIS"), None, near, Ok(1));
        check(Some(" Device 1 "), None, near, Ok(1));
        check(None, None, near, Ok(1));
        check(Some("RIS"), None, far, Err(NotAdmitted::Address));
        check(None, None, far, Err(NotAdmitted::Certificate));
        check(Some("CT1"), None, near, Err(NotAdmitted::Service));
        check(Some("ANYWHERE"), None, near, Err(NotAdmitted::Certificate));
        check(Some("device 4"), None, near, Err(NotAdmitted::Certificate));
        // who has a token shows it: its name in the clear is not enough
        check(Some("TOKEN"), None, "172.16.0.1", Err(NotAdmitted::Certificate));
        check(Some("SIGNS"), None, "172.16.0.1", Err(NotAdmitted::Certificate));
        check(None, None, "172.16.0.1", Err(NotAdmitted::Certificate));
        check(Some(""), None, near, Err(NotAdmitted::Unknown));
        check(Some("NOBODY"), None, near, Err(NotAdmitted::Unknown));
        check(None, Some(own), far, Ok(4));
        check(Some("whatever it calls itself"), Some(own), far, Ok(4));
        check(Some("RIS"), Some(Thumbprint([8; 32])), near, Err(NotAdmitted::Certificate));
    }

    #[test]
    fn a_list_from_before_devices_were_bound_to_anything_is_read() {
        let (key, public) = key();
        let list =
            br#"[{"device":1,"name":"CT","ae_title":"CT1","from":[],"may":["store"],"token_sha256":null}]"#.to_vec();
        let signature = key.sign(&[SIGNED_PREFIX, &list].concat()).to_vec();
        let list = DeviceList::verified(&SignedDevices { list, signature }, &public).unwrap();
        assert_eq!(list.admit("CT1", in_the_clear("10.1.2.3"), Service::Store, NOW), Ok(DeviceId(1)));
    }

    #[test]
    fn an_empty_list_admits_nobody() {
        let admitted = DeviceList::default().admit("CT1", in_the_clear("10.1.2.3"), Service::Store, NOW);
        assert_eq!(admitted, Err(NotAdmitted::Unknown));
    }

    #[test]
    fn a_list_that_this_site_did_not_sign_is_refused() {
        let (key, public) = key();
        let good = signed(&key, &devices());
        let changed = |change: &dyn Fn(&mut SignedDevices)| {
            let mut bad = good.clone();
            change(&mut bad);
            DeviceList::verified(&bad, &public)
        };
        assert!(matches!(changed(&|s| s.list[20] ^= 1), Err(DeviceListError::Signature)), "a flipped bit");
        assert!(matches!(changed(&|s| s.signature[3] ^= 1), Err(DeviceListError::Signature)), "a flipped signature");
        assert!(matches!(changed(&|s| s.signature.clear()), Err(DeviceListError::Signature)), "no signature");
        assert!(matches!(changed(&|s| s.list.clear()), Err(DeviceListError::Signature)), "an empty list");
        assert!(
            matches!(DeviceList::verified(&good, &VerifyingKey::from_bytes([8; 32])), Err(DeviceListError::Signature)),
            "another site's key"
        );
        let bare = SignedDevices { signature: key.sign(&good.list).to_vec(), ..good.clone() };
        assert!(matches!(DeviceList::verified(&bare, &public), Err(DeviceListError::Signature)), "no context");
    }

    #[test]
    fn a_kept_list_comes_back_and_a_changed_file_is_refused() {
        let (key, public) = key();
        let folder = tempfile::tempdir().unwrap();
        assert!(DeviceList::read(folder.path()).unwrap().is_none());
        DeviceList::keep(folder.path(), &signed(&key, &devices())).unwrap();
        let kept = DeviceList::read(folder.path()).unwrap().unwrap();
        assert!(DeviceList::verified(&kept, &public).is_ok());

        let path = folder.path().join(DEVICES_FILE);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("10.0.0.0/8", "0.0.0.0/0")).unwrap();
        let kept = DeviceList::read(folder.path()).unwrap().unwrap();
        assert!(matches!(DeviceList::verified(&kept, &public), Err(DeviceListError::Signature)));
        fs::write(&path, "{").unwrap();
        assert!(matches!(DeviceList::read(folder.path()), Err(DeviceListError::Shape)));
    }
}
