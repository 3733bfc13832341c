//! Devices: modalities, workstations and machine clients, and their bearer tokens (RFC 6750).

use model::{DeviceId, DeviceMay, EntryBody, Instant, OrganisationId};
use protocol::{DeviceEntry, DeviceRow, FormerTokenEntry, TokenBinding};
use rand_core::CryptoRng;

use crate::directory::{folded, normal_name};
use crate::record::{DeviceRecord, Record};
use crate::secret::{TokenHash, new_device_token};
use crate::token::token_end;
use crate::{AE_TITLE_CHARACTERS_MAX, Changed, DEVICE_BLOCKS_MAX, DirectoryError, People};

/// A device to add.
#[derive(Clone)]
pub struct NewDevice {
    /// Name; unique without regard to case.
    pub name: String,
    /// Its organisation.
    pub organisation: OrganisationId,
    /// What it may do.
    pub may: Vec<DeviceMay>,
    /// AE title; unique.
    pub ae_title: Option<String>,
    /// Addresses as CIDR; none admits all.
    pub from: Vec<String>,
    /// Whether to make a bearer token.
    pub token: bool,
    /// What the token is bound to; a certificate binds the AE title as well.
    pub bound: Option<TokenBinding>,
    /// When the token ends; a year from now where nothing is said.
    pub token_until: Option<Instant>,
}

/// A device that was added. The token exists here only.
pub struct AddedDevice {
    /// Which.
    pub device: DeviceId,
    /// Its bearer token, to be shown once.
    pub token: Option<String>,
    /// When the token ends.
    pub token_until: Option<Instant>,
}

impl std::fmt::Debug for AddedDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AddedDevice").field("device", &self.device).finish_non_exhaustive()
    }
}

/// A device.
#[derive(Clone, Copy)]
pub struct Device<'a>(pub(crate) &'a DeviceRecord);

impl People {
    /// Adds a device.
    pub fn add_device(
        &mut self,
        new: NewDevice,
        now: Instant,
        random: &mut dyn CryptoRng,
    ) -> Result<Changed<AddedDevice>, DirectoryError> {
        let name = normal_name("name", &new.name)?;
        let ae_title = new.ae_title.as_deref().map(normal_ae_title).transpose()?;
        if !self.organisations.contains_key(&new.organisation) {
            return Err(DirectoryError::UnknownOrganisation);
        }
        let same_ae = ae_title.as_deref().is_some_and(|ae_title| self.device_by_ae_title(ae_title).is_some());
        let same_name = self.device_by_name(&name).is_some_and(|device| device.0.removed.is_none());
        if same_ae || same_name {
            return Err(DirectoryError::DeviceTaken);
        }
        if new.from.len() > DEVICE_BLOCKS_MAX || !new.from.iter().all(|block| is_block(block)) {
            return Err(DirectoryError::Field {
                field: "from",
                expected: "at most 32 addresses or blocks like 192.0.2.0/24 or 2001:db8::/32",
            });
        }
        let mut may = new.may;
        may.sort_unstable();
        may.dedup();
        if may.is_empty() {
            return Err(DirectoryError::Field { field: "may", expected: "at least one of store, list, open, orders" });
        }
        let orders = may.contains(&DeviceMay::Orders);
        if orders && new.from.is_empty() && !new.token && !matches!(new.bound, Some(TokenBinding::Certificate(_))) {
            // a name that everybody may say gives nobody reach
            let expected = "the addresses that orders come from, a token, or a certificate that the sender is bound to";
            return Err(DirectoryError::Field { field: "from", expected });
        }
        let binds = match new.bound {
            None => true,
            Some(TokenBinding::Dpop(_)) => new.token,
            Some(TokenBinding::Certificate(_)) => new.token || orders || ae_title.is_some(),
        };
        if !binds {
            return Err(DirectoryError::Field {
                field: "token",
                expected: "a token to bind to a key; a token, an AE title or orders to bind to a certificate",
            });
        }
        let device = DeviceId(self.next.device);
        let token = new.token.then(|| new_device_token(random));
        let token_until = token.as_ref().map(|_| token_end(new.token_until, now)).transpose()?;
        let mut entries = vec![EntryBody::DeviceAdded {
            device,
            name: name.clone(),
            organisation: new.organisation,
            may: may.clone(),
        }];
        entries.extend(token_until.map(|until| EntryBody::DeviceTokenIssued { device, until, before_until: None }));
        self.put(Record::Device(DeviceRecord {
            device,
            name,
            organisation: new.organisation,
            ae_title,
            from: new.from,
            may,
            token: token.as_deref().map(TokenHash::of),
            removed: None,
            bound: new.bound,
            token_since: token_until.map(|_| now),
            token_until,
            former: None,
            token_used: None,
        }));
        Ok(Changed { value: AddedDevice { device, token, token_until }, entries })
    }

    /// Every device as a front needs it, with the digest of its token.
    #[must_use]
    pub fn device_entries(&self) -> Vec<DeviceEntry> {
        let entry = |record: &DeviceRecord| DeviceEntry {
            device: record.device,
            name: record.name.clone(),
            ae_title: record.ae_title.clone(),
            from: record.from.clone(),
            may: record.may.clone(),
            token_sha256: record.token.map(TokenHash::bytes),
            bound: record.bound,
            token_until: record.token_until,
            former: record.former.map(|former| FormerTokenEntry { sha256: former.token.bytes(), until: former.until }),
        };
        self.devices.values().filter(|record| record.removed.is_none()).map(entry).collect()
    }

    /// A device by number.
    #[must_use]
    pub fn device(&self, device: DeviceId) -> Option<Device<'_>> {
        self.devices.get(&device).map(Device)
    }

    /// A device by name, without regard to case; when there is none any more, the last one that had it.
    #[must_use]
    pub fn device_by_name(&self, name: &str) -> Option<Device<'_>> {
        let wanted = folded(name);
        let named = self.devices.values().filter(|record| folded(&record.name) == wanted);
        named.max_by_key(|record| (record.removed.is_none(), record.device)).map(Device)
    }

    /// A device by AE title (PS3.5 section 6.2: surrounding spaces do not count).
    #[must_use]
    pub fn device_by_ae_title(&self, ae_title: &str) -> Option<Device<'_>> {
        let wanted = ae_title.trim_matches(' ');
        self.devices.values().find(|record| record.ae_title.as_deref() == Some(wanted)).map(Device)
    }

    /// All devices, by number.
    #[must_use]
    pub fn device_rows(&self) -> Vec<DeviceRow> {
        let row = |record: &DeviceRecord| DeviceRow {
            device: record.device,
            name: record.name.clone(),
            organisation: self
                .organisations
                .get(&record.organisation)
                .map(|organisation| organisation.name.clone())
                .unwrap_or_default(),
            ae_title: record.ae_title.clone(),
            from: record.from.clone(),
            may: record.may.clone(),
            token: record.token.is_some(),
            bound: record.bound,
            token_until: record.token_until,
            former_until: record.former.map(|former| former.until),
            token_used: record.token_used,
        };
        self.devices.values().filter(|record| record.removed.is_none()).map(row).collect()
    }
}

impl<'a> Device<'a> {
    /// Number.
    #[must_use]
    pub fn id(self) -> DeviceId {
        self.0.device
    }

    /// Whether it was removed.
    #[must_use]
    pub fn is_removed(self) -> bool {
        self.0.removed.is_some()
    }

    /// Name.
    #[must_use]
    pub fn name(self) -> &'a str {
        &self.0.name
    }

    /// Its organisation.
    #[must_use]
    pub fn organisation(self) -> OrganisationId {
        self.0.organisation
    }

    /// AE title.
    #[must_use]
    pub fn ae_title(self) -> Option<&'a str> {
        self.0.ae_title.as_deref()
    }

    /// Addresses as CIDR; none admits all (`protocol::admits`).
    #[must_use]
    pub fn from(self) -> &'a [String] {
        &self.0.from
    }

    /// Whether it has a token that reads.
    #[must_use]
    pub fn has_token(self) -> bool {
        self.0.removed.is_none() && self.0.token.is_some()
    }

    /// What its token is bound to, and its AE title where it is a certificate.
    #[must_use]
    pub fn bound(self) -> Option<TokenBinding> {
        self.0.bound
    }

    /// What it may do.
    #[must_use]
    pub fn may(self) -> &'a [DeviceMay] {
        &self.0.may
    }
}

/// PS3.5 section 6.2, AE: 1 to 16 characters of the default repertoire, no backslash, no control characters.
fn normal_ae_title(ae_title: &str) -> Result<String, DirectoryError> {
    let ae_title = ae_title.trim_matches(' ');
    let shaped = (1..=AE_TITLE_CHARACTERS_MAX).contains(&ae_title.len())
        && ae_title.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'\\');
    if shaped {
        Ok(ae_title.to_owned())
    } else {
        Err(DirectoryError::Field { field: "ae_title", expected: "1 to 16 ASCII characters without backslash" })
    }
}

fn is_block(block: &str) -> bool {
    let (network, bits) = block.split_once('/').map_or((block, None), |(network, bits)| (network, Some(bits)));
    let Ok(network) = network.parse::<std::net::IpAddr>() else { return false };
    let most = if network.is_ipv4() { 32 } else { 128 };
    bits.is_none_or(|bits| {
        bits.bytes().all(|byte| byte.is_ascii_digit()) && bits.parse::<u32>().is_ok_and(|bits| bits <= most)
    })
}
