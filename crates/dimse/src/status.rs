//! What a C-STORE is answered with (PS3.4 B.2.3, PS3.7 C): the one place where a refusal becomes a status.

use archive::IngestError;

/// Status (0000,0900) and Error Comment (0000,0902) of a C-STORE-RSP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreStatus {
    /// (0000,0900)
    pub code: u16,
    /// (0000,0902): at most 64 characters, a fixed text.
    pub comment: &'static str,
}

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $comment:literal;)*) => {
        impl StoreStatus {
            $($(#[$doc])* pub const $name: Self = Self { code: $code, comment: $comment };)*

            /// Every status that is sent.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

statuses! {
    /// Durable here.
    SUCCESS = 0x0000, "";
    /// The command names no usable instance or class.
    INVALID_ATTRIBUTE_VALUE = 0x0106, "SOP class or instance UID of the command is not a UID";
    /// The command's class is not the one of its presentation context.
    CLASS_NOT_SUPPORTED = 0x0122, "SOP class is not that of the presentation context";
    /// The device may not store any more.
    NOT_AUTHORIZED = 0x0124, "this device may not store here";
    /// A command that is not offered.
    UNRECOGNIZED_OPERATION = 0x0211, "only C-ECHO and C-STORE are offered here";
    /// Out of resources: the disk is full.
    NO_ROOM = 0xA700, "the archive's disk is full; send it again later";
    /// Out of resources: the disk failed, or leadglass is stopping.
    NOT_STORED = 0xA701, "the archive cannot store now; send it again later";
    /// Out of resources: the object is past a limit.
    TOO_LARGE = 0xA702, "the object is larger than this archive takes";
    /// Data set does not match SOP class.
    OTHER_CLASS = 0xA900, "the data set is of another SOP class than announced";
    /// The same for its instance.
    OTHER_INSTANCE = 0xA900, "the data set is another SOP instance than announced";
    /// Cannot understand.
    NOT_UNDERSTOOD = 0xC000, "the data set is damaged or cannot be filed";
}

/// The status of a refusal; `None` when nobody is there to be answered.
#[must_use]
pub fn store_status(error: &IngestError) -> Option<StoreStatus> {
    Some(match error {
        IngestError::NotUnderstood(_) => StoreStatus::NOT_UNDERSTOOD,
        IngestError::TooLarge(_) => StoreStatus::TOO_LARGE,
        IngestError::OtherClass { .. } => StoreStatus::OTHER_CLASS,
        // a C-STORE names no study, so there is none to differ from
        IngestError::OtherInstance { .. } | IngestError::OtherStudy { .. } => StoreStatus::OTHER_INSTANCE,
        IngestError::NoRoom { .. } => StoreStatus::NO_ROOM,
        IngestError::NotStored { .. } => StoreStatus::NOT_STORED,
        IngestError::Interrupted(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{io, sync::Arc};

    use archive::Identity;
    use dataset::ScanError;
    use model::Uid;
    use store::StoreError;

    use super::*;

    #[track_caller]
    fn check(error: &IngestError, expected: Option<u16>) {
        assert_eq!(store_status(error).map(|status| status.code), expected, "{error}");
    }

    #[test]
    fn every_refusal_has_the_status_of_its_kind() {
        let uid = Uid::parse("1.2.3").unwrap();
        let identity = Identity { sop_class: uid.clone(), sop_instance: uid };
        let failed = || Arc::new(io::Error::from(io::ErrorKind::StorageFull));
        check(&IngestError::NotUnderstood(ScanError::NotDicom), Some(0xC000));
        check(&IngestError::TooLarge(ScanError::TooLong { max: 1 }), Some(0xA702));
        check(&IngestError::OtherClass { identity: identity.clone() }, Some(0xA900));
        check(&IngestError::OtherInstance { identity: identity.clone() }, Some(0xA900));
        check(&IngestError::OtherStudy { identity }, Some(0xA900));
        check(&IngestError::NoRoom { identity: None, source: StoreError::Full(failed()) }, Some(0xA700));
        check(&IngestError::NotStored { identity: None, source: StoreError::Io(failed()) }, Some(0xA701));
        check(&IngestError::NotStored { identity: None, source: StoreError::Stopped }, Some(0xA701));
        check(&IngestError::Interrupted(io::ErrorKind::BrokenPipe.into()), None);
    }

    #[test]
    fn every_comment_fits_its_attribute() {
        for status in StoreStatus::ALL {
            assert!(status.comment.len() <= 64, "{status:?}");
            assert!(status.comment.is_ascii() && !status.comment.contains('\\'), "{status:?}");
        }
    }
}
