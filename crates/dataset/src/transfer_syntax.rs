//! Which encoding a transfer syntax means, and what a data set without a usable one looks like (PS3.5 section 10).

use dicom_core::VR;
use model::Uid;

use crate::element::{Syntax, is_known};

pub(crate) const IMPLICIT_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2";
pub(crate) const EXPLICIT_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2.1";
pub(crate) const DEFLATED_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2.1.99";
pub(crate) const EXPLICIT_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";
/// A vendor's: implicit VR little endian with big endian pixels.
pub(crate) const IMPLICIT_WITH_BIG_ENDIAN_PIXELS: &str = "1.2.840.113619.5.2";
/// JPIP Referenced Deflate.
const JPIP_DEFLATE: &str = "1.2.840.10008.1.2.4.95";
/// JPIP HTJ2K Referenced Deflate.
const JPIP_HTJ2K_DEFLATE: &str = "1.2.840.10008.1.2.4.205";

/// What the first bytes of a data set were taken for.
#[derive(Clone, Debug)]
pub(crate) struct Encoding {
    pub(crate) syntax: Syntax,
    pub(crate) deflated: bool,
    pub(crate) transfer_syntax: Uid,
    /// Whether that is what the stream itself says.
    pub(crate) declared: bool,
}

/// Settles how a data set is encoded: as `declared` says when its first bytes allow that, else as they look.
/// `None` when they look like no data set at all, which is only asked without a preamble (`sure`).
pub(crate) fn settle(declared: Option<Uid>, first: &[u8], sure: bool) -> Option<Encoding> {
    if let Some(transfer_syntax) = declared {
        let deflated = matches!(transfer_syntax.as_str(), DEFLATED_LITTLE_ENDIAN | JPIP_DEFLATE | JPIP_HTJ2K_DEFLATE);
        let syntax = match transfer_syntax.as_str() {
            IMPLICIT_LITTLE_ENDIAN | IMPLICIT_WITH_BIG_ENDIAN_PIXELS => Syntax::IMPLICIT,
            EXPLICIT_BIG_ENDIAN => Syntax::BIG_ENDIAN,
            _ => Syntax::EXPLICIT,
        };
        let encapsulated = !matches!(
            transfer_syntax.as_str(),
            IMPLICIT_LITTLE_ENDIAN | EXPLICIT_LITTLE_ENDIAN | EXPLICIT_BIG_ENDIAN | IMPLICIT_WITH_BIG_ENDIAN_PIXELS
        );
        let looks = guess(first);
        if deflated || looks.is_none_or(|looks| looks == syntax) {
            return Some(Encoding { syntax, deflated, transfer_syntax, declared: true });
        }
        let looks = looks.unwrap_or(syntax);
        let (transfer_syntax, declared) = if encapsulated { (transfer_syntax, true) } else { (uid_of(looks), false) };
        return Some(Encoding { syntax: looks, deflated: false, transfer_syntax, declared });
    }
    let syntax = guess(first)?;
    (sure || is_plausible(first, syntax)).then(|| Encoding {
        syntax,
        deflated: false,
        transfer_syntax: uid_of(syntax),
        declared: false,
    })
}

/// What a first element looks like; groups are small numbers, so the smaller reading is the byte order.
fn guess(first: &[u8]) -> Option<Syntax> {
    let first = first.get(..8)?;
    let big_endian = Syntax::BIG_ENDIAN.u16(first) < Syntax::EXPLICIT.u16(first);
    match VR::from_binary([first[4], first[5]]) {
        Some(_) => Some(Syntax { explicit: true, big_endian }),
        None if big_endian => None,
        None => Some(Syntax::IMPLICIT),
    }
}

/// Whether the first element may begin a data set that nothing announces: a group of identification and patient, and
/// in implicit VR, where two letters are no witness, a known attribute of ordinary length.
fn is_plausible(first: &[u8], syntax: Syntax) -> bool {
    let tag = syntax.tag(first);
    let group = tag >> 16;
    (syntax.explicit && (1..=0x0020).contains(&group))
        || (matches!(group, 0x0008 | 0x0010) && is_known(tag) && syntax.u32(&first[4..]) <= 1024)
        || (group == 0x0008 && tag & 0xFFFF == 0 && syntax.u32(&first[4..]) == 4)
}

fn uid_of(syntax: Syntax) -> Uid {
    let text = match syntax {
        Syntax { explicit: false, .. } => IMPLICIT_LITTLE_ENDIAN,
        Syntax { big_endian: true, .. } => EXPLICIT_BIG_ENDIAN,
        Syntax { .. } => EXPLICIT_LITTLE_ENDIAN,
    };
    Uid::parse(text).expect("a constant UID")
}

/// Video: fragments are parts of a stream, not frames (PS3.5 8.2.5 to 8.2.9).
pub(crate) fn is_video(transfer_syntax: &Uid) -> bool {
    transfer_syntax.as_str().strip_prefix("1.2.840.10008.1.2.4.10").is_some_and(|rest| {
        matches!(
            rest,
            "0" | "0.1" | "1" | "1.1" | "2" | "2.1" | "3" | "3.1" | "4" | "4.1" | "5" | "5.1" | "6" | "6.1" | "7" | "8"
        )
    })
}
