//! Who may use a service. Default deny: a device that the warden did not name is refused.

use std::net::IpAddr;

use archive::{Caller, NotAdmitted, WardenLink};
use model::DeviceId;
use policy::Service;
use protocol::AssociationRefusal;

/// Tells which device an AE title is that calls like this, and whether it may use a service.
pub trait Devices: Send + Sync {
    /// The device, if there is one that may do `service`. Called from an association's own thread, and may block for a
    /// few seconds.
    fn admit(&self, ae_title: &str, caller: Caller, service: Service) -> Result<DeviceId, NotAdmitted>;

    /// Takes note of an association that was refused. Must not block.
    fn refused(&self, calling_ae_title: &str, peer: IpAddr, reason: AssociationRefusal);
}

impl Devices for WardenLink {
    fn admit(&self, ae_title: &str, caller: Caller, service: Service) -> Result<DeviceId, NotAdmitted> {
        self.admit_ae_title(ae_title, caller, service)
    }

    fn refused(&self, calling_ae_title: &str, peer: IpAddr, reason: AssociationRefusal) {
        self.count_refused(calling_ae_title, peer, reason);
    }
}
