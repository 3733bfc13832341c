//! What a clevis text needs to open: its header says which pins (a JWE of RFC 7516 in the compact form, with the member `clevis`).

use seal::Keeper;
use serde_json::Value;

/// What opens what clevis has sealed.
pub const CLEVIS_DECRYPT: &str = "clevis decrypt";
/// How deep thresholds may stand in each other.
const DEPTH_MAX: usize = 4;
/// The longest header that is looked at, in bytes.
const HEADER_BYTES_MAX: usize = 16 * 1024;

/// Where the keys of a clevis text are kept, or nothing when it is none. A threshold that this machine reaches alone counts as this
/// machine; so does a Tang server that runs on it.
pub fn clevis_keeper(text: &[u8]) -> Option<Keeper> {
    let needs = needs(text, 0)?;
    Some(if needs.opens_here {
        if needs.tang { Keeper::ThisMachine } else { Keeper::Tpm }
    } else if needs.tpm && needs.tang {
        Keeper::TpmAndTang
    } else if needs.tang {
        Keeper::Tang
    } else {
        Keeper::Other
    })
}

/// What to say when a text does not open.
pub fn sealed_hint(text: &[u8]) -> String {
    let needs = needs(text, 0);
    let what = match needs.map(|needs| (needs.tpm, needs.tang)) {
        Some((true, true)) => {
            "it opens with the TPM of this machine and where its Tang server can be reached: carried away it stays shut"
        }
        Some((true, false)) => "it opens with the TPM of the machine that it was sealed on",
        Some((false, true)) => "it opens where its Tang server can be reached",
        _ => "it opens with what it was sealed to",
    };
    format!("the root stays sealed: {what}; bring that back, or use another method of `leadglass unseal list`")
}

struct Needs {
    tpm: bool,
    tang: bool,
    opens_here: bool,
}

fn needs(text: &[u8], depth: usize) -> Option<Needs> {
    if depth > DEPTH_MAX {
        return None;
    }
    let header = text.trim_ascii().split(|byte| *byte == b'.').next()?;
    if header.len() > HEADER_BYTES_MAX {
        return None;
    }
    let header: Value = serde_json::from_slice(&base64url(header)?).ok()?;
    let clevis = header.get("clevis")?;
    match clevis.get("pin")?.as_str()? {
        "tpm2" => Some(Needs { tpm: true, tang: false, opens_here: true }),
        "tang" => {
            let here = clevis["tang"]["url"].as_str().is_some_and(is_this_machine);
            Some(Needs { tpm: false, tang: true, opens_here: here })
        }
        "sss" => {
            let threshold = usize::try_from(clevis["sss"]["t"].as_u64()?).ok()?;
            let parts = clevis["sss"]["jwe"].as_array()?.iter();
            let parts: Vec<Needs> =
                parts.filter_map(|part| needs(part.as_str().unwrap_or_default().as_bytes(), depth + 1)).collect();
            Some(Needs {
                tpm: parts.iter().any(|part| part.tpm),
                tang: parts.iter().any(|part| part.tang),
                opens_here: parts.iter().filter(|part| part.opens_here).count() >= threshold,
            })
        }
        _ => Some(Needs { tpm: false, tang: false, opens_here: false }),
    }
}

fn is_this_machine(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or_default();
    let host = host
        .strip_prefix('[')
        .map_or_else(|| host.split(':').next().unwrap_or_default(), |six| six.split(']').next().unwrap_or_default());
    host == "localhost" || host.ends_with(".localhost") || host == "::1" || host.starts_with("127.")
}

/// Base64url without padding (RFC 7515 section 2).
fn base64url(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut word, mut bits) = (0u32, 0);
    for character in text {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        word = (word & 0xffff) << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((word >> bits) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(json: &str) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let digit = |word: u32, shift: u32| char::from(ALPHABET[(word >> shift & 63) as usize]);
        let mut text = String::new();
        for group in json.as_bytes().chunks(3) {
            let word = group.iter().fold(0, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
            (0..=group.len()).for_each(|place| text.push(digit(word, 18 - 6 * place as u32)));
        }
        text
    }

    fn jwe(clevis: &str) -> String {
        format!("{}..iv.text.tag", encode(&format!("{{\"alg\":\"dir\",\"clevis\":{clevis}}}")))
    }

    fn tang(url: &str) -> String {
        jwe(&format!("{{\"pin\":\"tang\",\"tang\":{{\"url\":\"{url}\"}}}}"))
    }

    fn threshold(t: u8, parts: &[String]) -> String {
        let parts = serde_json::to_string(parts).expect("strings are JSON");
        jwe(&format!("{{\"pin\":\"sss\",\"sss\":{{\"t\":{t},\"p\":\"x\",\"jwe\":{parts}}}}}"))
    }

    #[test]
    fn what_a_text_needs_is_told_from_its_header() {
        let tpm = jwe("{\"pin\":\"tpm2\",\"tpm2\":{}}");
        let (far, here) = (tang("http://tang.example:7500"), tang("http://127.0.0.1:7500/x"));
        for (text, expected) in [
            (tpm.clone(), Some(Keeper::Tpm)),
            (far.clone(), Some(Keeper::Tang)),
            (here.clone(), Some(Keeper::ThisMachine)),
            (tang("http://[::1]:80"), Some(Keeper::ThisMachine)),
            (tang("localhost"), Some(Keeper::ThisMachine)),
            (threshold(2, &[tpm.clone(), far.clone()]), Some(Keeper::TpmAndTang)),
            (threshold(1, &[tpm.clone(), far.clone()]), Some(Keeper::ThisMachine)),
            (threshold(2, &[tpm.clone(), here]), Some(Keeper::ThisMachine)),
            (threshold(1, std::slice::from_ref(&tpm)), Some(Keeper::Tpm)),
            (threshold(2, &[far.clone(), far.clone()]), Some(Keeper::Tang)),
            (threshold(2, &[threshold(1, &[tpm.clone(), far.clone()]), far.clone()]), Some(Keeper::TpmAndTang)),
            (jwe("{\"pin\":\"pkcs11\"}"), Some(Keeper::Other)),
            ("age-encryption.org/v1".to_owned(), None),
            (String::new(), None),
            ("e30.x".to_owned(), None),
        ] {
            assert_eq!(clevis_keeper(text.as_bytes()), expected, "{text}");
        }
    }
}
