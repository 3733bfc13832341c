//! One-time codes (RFC 6238: SHA-1, 6 digits, 30 seconds, one step either way) and recovery codes.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use model::{Instant, SECOND};
use rand_core::CryptoRng;
use totp_rs::{Algorithm, Builder, Secret, Totp};
use zeroize::Zeroizing;

use crate::record::PasswordRecord;
use crate::secret::{SecretBytes, TokenHash};
use crate::{
    CODE_BYTES_MAX, CODE_DIGITS, CODE_SECRET_BYTES, CODE_SKEW_STEPS, CODE_STEP_SECONDS, RECOVERY_CODE_BYTES,
    RECOVERY_CODES,
};

/// What a code is worth at a moment.
pub(crate) enum CodeVerdict {
    /// Right; no code of this step or an earlier one is right again.
    OneTimeCode { step: u64 },
    /// Right, the recovery code at this place; it is used up.
    RecoveryCode { place: usize },
    /// Would be right, but was used.
    Replayed,
    /// Wrong.
    Wrong,
}

/// Judges what somebody typed in place of the second factor.
pub(crate) fn check_code(password: &PasswordRecord, code: &str, now: Instant) -> CodeVerdict {
    let Some(code) = typed(code) else { return CodeVerdict::Wrong };
    if code.len() == usize::from(CODE_DIGITS) && code.bytes().all(|byte| byte.is_ascii_digit()) {
        return match step_of(&password.code_secret, &code, now) {
            // RFC 6238 section 5.2: the second use of a code must not be accepted
            Some(step) if step <= password.last_step => CodeVerdict::Replayed,
            Some(step) => CodeVerdict::OneTimeCode { step },
            None => CodeVerdict::Wrong,
        };
    }
    let hash = hash_of_recovery_code(&code);
    match password.recovery_codes.iter().position(|kept| *kept == hash) {
        Some(place) => CodeVerdict::RecoveryCode { place },
        None => CodeVerdict::Wrong,
    }
}

/// The step whose code this is, within the skew; the latest where two are alike.
pub(crate) fn step_of(secret: &SecretBytes, code: &str, now: Instant) -> Option<u64> {
    let present = step_at(now)?;
    let skew = u64::from(CODE_SKEW_STEPS);
    let steps = present.saturating_sub(skew)..=present.saturating_add(skew);
    steps.rev().find(|&step| verify_slices_are_equal(code_of_step(secret, step).as_bytes(), code.as_bytes()).is_ok())
}

/// The code of a secret (Base32, as an authenticator app takes it) at a moment: what an app shows. For the demo and
/// for tests; `None` when the secret is no Base32 of 160 bits.
#[must_use]
pub fn code_at(secret: &str, now: Instant) -> Option<String> {
    let secret = Secret::try_from_base32(secret).ok()?;
    if secret.as_bytes().len() != CODE_SECRET_BYTES {
        return None;
    }
    Some(code_of_step(&SecretBytes(secret.as_bytes().to_vec()), step_at(now)?).to_string())
}

pub(crate) fn new_code_secret(random: &mut dyn CryptoRng) -> SecretBytes {
    let mut secret = vec![0; CODE_SECRET_BYTES];
    random.fill_bytes(&mut secret);
    SecretBytes(secret)
}

/// The `otpauth://totp/SITE:EMAIL?secret=...&issuer=SITE` URI and the secret in Base32.
pub(crate) fn otpauth_uri(secret: &SecretBytes, site_name: &str, email: &str) -> (String, String) {
    // the colon parts issuer and account in such a URI, so no name may have one
    let issuer = site_name.replace(':', " ");
    let totp = builder(secret)
        .with_issuer(Some(issuer))
        .with_account_name(email)
        .build()
        .expect("160 bits, six digits and names without colon are usable");
    let uri = totp.to_url().expect("an e-mail address is an account name");
    (uri, totp.secret().to_base32())
}

/// Fresh recovery codes to show once, and what is kept of them.
///
/// 80 random bits each, so a fast hash is enough: nobody tries 2^80 of them, and a slow one over ten codes would cost
/// seconds at each sign-in.
pub(crate) fn new_recovery_codes(random: &mut dyn CryptoRng) -> (Vec<String>, Vec<TokenHash>) {
    let mut shown = Vec::with_capacity(RECOVERY_CODES);
    let mut kept = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        let mut bytes = Zeroizing::new([0; RECOVERY_CODE_BYTES]);
        random.fill_bytes(&mut *bytes);
        let code = crockford(&bytes);
        kept.push(hash_of_recovery_code(&code));
        let groups: Vec<&str> = (0..code.len()).step_by(4).map(|from| &code[from..from + 4]).collect();
        shown.push(groups.join("-"));
    }
    (shown, kept)
}

/// What somebody typed, without what does not count: space, hyphens, case, wide digits, letters that look like digits.
pub(crate) fn typed(code: &str) -> Option<String> {
    use unicode_normalization::UnicodeNormalization;

    if code.len() > CODE_BYTES_MAX {
        return None;
    }
    let code = code.nfkc().filter(|c| !c.is_whitespace() && *c != '-');
    Some(code.map(|c| c.to_ascii_lowercase()).collect())
}

fn hash_of_recovery_code(code: &str) -> TokenHash {
    let read = |c| match c {
        'o' => '0',
        'i' | 'l' => '1',
        other => other,
    };
    let code: Zeroizing<String> = Zeroizing::new(code.chars().map(read).collect());
    TokenHash::of(&code)
}

/// Base32 of Crockford: no letter that is mistaken for a digit.
fn crockford(bytes: &[u8; RECOVERY_CODE_BYTES]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let whole = bytes.iter().fold(0_u128, |whole, &byte| whole << 8 | u128::from(byte));
    let digits = RECOVERY_CODE_BYTES * 8 / 5;
    (0..digits).rev().map(|place| char::from(ALPHABET[(whole >> (5 * place) & 31) as usize])).collect()
}

fn step_at(now: Instant) -> Option<u64> {
    u64::try_from(now.0.div_euclid(SECOND)).ok().map(|seconds| seconds / CODE_STEP_SECONDS)
}

fn code_of_step(secret: &SecretBytes, step: u64) -> Zeroizing<String> {
    let totp: Totp = builder(secret).build_noncompliant();
    Zeroizing::new(totp.generate(step.saturating_mul(CODE_STEP_SECONDS)).to_string())
}

fn builder(secret: &SecretBytes) -> Builder {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(CODE_DIGITS)
        .with_step_duration(CODE_STEP_SECONDS)
        .with_secret(Secret::new(secret.0.clone().into_boxed_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, the rows of SHA-1; its eight digits cut to the last six.
    #[track_caller]
    fn check_rfc(seconds: i64, code: &str) {
        let secret = SecretBytes(b"12345678901234567890".to_vec());
        let now = Instant(seconds * SECOND);
        assert_eq!(step_of(&secret, code, now), Some(seconds as u64 / 30), "{seconds}");
        assert_eq!(code_at("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", now).as_deref(), Some(code), "{seconds}");
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        check_rfc(59, "287082");
        check_rfc(1_111_111_109, "081804");
        check_rfc(1_111_111_111, "050471");
        check_rfc(1_234_567_890, "005924");
        check_rfc(2_000_000_000, "279037");
        check_rfc(20_000_000_000, "353130");
    }

    #[test]
    fn a_code_holds_one_step_either_way_and_no_further() {
        let secret = SecretBytes(b"12345678901234567890".to_vec());
        let step = 1_234_567_890 / 30;
        for (away, right) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let now = Instant((step + away) * 30 * SECOND);
            assert_eq!(step_of(&secret, "005924", now).is_some(), right, "{away}");
        }
    }

    #[test]
    fn what_is_no_code_is_wrong() {
        let (_, recovery_codes) = new_recovery_codes(&mut seeded());
        let password = PasswordRecord {
            hash: crate::password_hash::PasswordHash::of_nobody(crate::PasswordCost::RECOMMENDED),
            set: Instant(0),
            code_secret: SecretBytes(b"12345678901234567890".to_vec()),
            last_step: 0,
            recovery_codes,
        };
        let long = "1".repeat(CODE_BYTES_MAX + 1);
        for code in [
            "",
            " ",
            "28708",
            "2870820",
            "+28708",
            "-28708",
            "28708a",
            "١٢٣٤٥٦",
            "287 083",
            &long,
            "0000-0000-0000-0000",
        ] {
            let verdict = check_code(&password, code, Instant(59 * SECOND));
            assert!(matches!(verdict, CodeVerdict::Wrong), "{code}");
        }
        for code in ["287082", " 287 082 ", "287-082", "２８７０８２"] {
            let verdict = check_code(&password, code, Instant(59 * SECOND));
            assert!(matches!(verdict, CodeVerdict::OneTimeCode { step: 1 }), "{code}");
        }
    }

    #[test]
    fn a_recovery_code_is_read_as_people_type_it() {
        let (shown, kept) = new_recovery_codes(&mut seeded());
        assert_eq!(shown.len(), RECOVERY_CODES);
        let typed_in = |code: &str| hash_of_recovery_code(&typed(code).expect("short enough"));
        for (shown, kept) in shown.iter().zip(&kept) {
            assert_eq!(shown.len(), 19, "{shown}");
            assert_eq!(typed_in(shown), *kept);
            assert_eq!(typed_in(&shown.to_uppercase().replace('-', " ")), *kept);
            assert_eq!(typed_in(&shown.replace('0', "O").replace('1', "l")), *kept);
            assert_ne!(typed_in(&shown[..18]), *kept);
        }
    }

    #[test]
    fn a_secret_out_of_shape_has_no_code() {
        for secret in ["", "GEZDGNBV", "!!!!", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"] {
            assert_eq!(code_at(secret, Instant(0)), None, "{secret}");
        }
    }

    fn seeded() -> rand_chacha::ChaCha20Rng {
        <rand_chacha::ChaCha20Rng as rand_chacha::rand_core::SeedableRng>::seed_from_u64(6238)
    }
}
