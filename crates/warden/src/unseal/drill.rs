//! The escrow drill: each share signs a challenge with a key of its own. The warden checks the signatures against the keys that the
//! ledger has, so neither a changed root.json nor a wrong paper passes; the shares stay where they are typed.

use std::collections::BTreeSet;

use model::{EntryBody, EscrowDrilled, Instant};
use protocol::{Invalid, Refusal, UnsealReply, drill_message};
use seal::{CryptoRng, MethodKind, SystemRandom, VerifyingKey};

use crate::pages::HELD;
use crate::state::Warden;
use crate::subject::Caller;

impl Warden {
    /// Begins a drill; an older one that was not ended is void.
    pub(super) fn drill_challenge(&self) -> [u8; 32] {
        let challenge = drawn(&mut SystemRandom);
        self.unseal.lock().expect(HELD).challenge = Some(challenge);
        challenge
    }

    /// Checks what the shares signed, and records whose were proven.
    pub(super) fn drill(
        &self,
        caller: &Caller,
        challenge: [u8; 32],
        signatures: &[(u8, Vec<u8>)],
        now: Instant,
    ) -> Result<UnsealReply, Refusal> {
        let (envelope, _) = self.envelope()?;
        let methods = envelope.methods().map_err(|_| Refusal::Internal)?;
        let shared = methods.iter().find(|method| matches!(method.kind, MethodKind::Shares(_)));
        let method = shared.map(|method| method.id.to_string()).unwrap_or_default();
        let shares = {
            let mut ledger = self.unseal.lock().expect(HELD);
            // used up, whatever comes of it
            if ledger.challenge.take() != Some(challenge) {
                return Err(field("the challenge", "that of the drill which began last"));
            }
            ledger.known.get(&method).and_then(|known| known.shares.clone())
        };
        let Some(shares) = shares else {
            return Err(field("the drill", "a share set that the ledger knows"));
        };
        let message = drill_message(&shares.set, &challenge);
        let mut proven = BTreeSet::new();
        for (number, signature) in signatures {
            let key = usize::from(*number).checked_sub(1).and_then(|place| shares.keys.get(place));
            let key = key.and_then(|digits| <[u8; 32]>::try_from(hex::decode(digits).ok()?).ok());
            let holds = key.is_some_and(|key| VerifyingKey::from_bytes(key).verify(&message, signature).is_ok());
            if !holds || !proven.insert(*number) {
                return Err(field(&format!("the signature of share {number}"), "one by the share that was handed out"));
            }
        }
        if proven.is_empty() {
            return Err(field("the drill", "at least one share"));
        }
        let body = EntryBody::EscrowDrilled(Box::new(EscrowDrilled {
            method,
            set: shares.set.clone(),
            threshold: shares.threshold,
            proven: signatures.iter().map(|(number, _)| *number).collect(),
            challenge: hex::encode(challenge),
            signatures: signatures.iter().map(|(_, signature)| hex::encode(signature)).collect(),
        }));
        self.append(caller, vec![body], now)?;
        let names = proven.iter().filter_map(|number| shares.holders.get(usize::from(*number) - 1).cloned()).collect();
        Ok(UnsealReply::Drilled { proven: names, threshold: shares.threshold })
    }
}

fn drawn(rng: &mut impl CryptoRng) -> [u8; 32] {
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    bytes
}

fn field(field: &str, expected: &str) -> Refusal {
    Refusal::Invalid(Invalid::Field { field: field.to_owned(), expected: expected.to_owned() })
}
