//! One conversation with one witness, after C2SP tlog-witness.

use std::path::Path;

use audit::{
    AddCheckpoint, Ahead, Checkpoint, Cosigner, NoteVerifier, Prover, TOLD, WitnessAt, add_cosignatures, decimal,
    write_ahead,
};

use super::kept::{Status, cosigned_path};
use super::{CourierError, Told};
use crate::client::{Ways, ask as send};
use crate::files::{hash_of, write};

/// How often a request is made with the size that the witness answered.
const ATTEMPTS: u32 = 3;

/// Has the prover's checkpoint cosigned.
pub(super) async fn ask(
    mut prover: Prover,
    folder: &Path,
    witness: &WitnessAt,
    cosigners: &[Cosigner],
    confirmed: bool,
    ways: &Ways,
) -> Result<Told, CourierError> {
    let (note, checkpoint) = (prover.checkpoint().0.to_owned(), prover.checkpoint().1.clone());
    let before = Status::cosigned(folder, witness).filter(|note| is_cosigned(note, cosigners));
    let mut old_size = match before.as_deref().map(|note| Checkpoint::open(note.as_bytes(), prover.verifier())) {
        // another ledger's, or one of this site before a loss was accepted
        None | Some(Err(_)) => 0,
        Some(Ok(last)) if last == checkpoint && confirmed => return Ok(Told::Cosigned { size: last.size }),
        Some(Ok(last)) => last.size,
    };
    if old_size > checkpoint.size {
        // the ledger's folder is older than what lies beside it
        return ahead(&mut prover, old_size, before, folder, witness);
    }
    for _ in 0..ATTEMPTS {
        let request = AddCheckpoint::new(prover.consistency(old_size)?, &note);
        let body = request.map_err(|_| CourierError::Cosignature)?.to_body();
        let reply = send(&witness.url, "/add-checkpoint", Some(body), ways).await?;
        match reply.status {
            200 => {
                let cosigned = add_cosignatures(&note, &reply.body, cosigners);
                let cosigned = cosigned.ok().flatten().ok_or(CourierError::Cosignature)?;
                write(&cosigned_path(folder, witness), cosigned.as_bytes())?;
                return Ok(Told::Cosigned { size: checkpoint.size });
            }
            409 if reply.content_type == "text/x.tlog.size" => {
                let size = reply.body.strip_suffix('\n').and_then(decimal).ok_or(CourierError::Status(409))?;
                if size > checkpoint.size || size == old_size {
                    let latest = latest(witness, &checkpoint.origin, ways).await;
                    return ahead(&mut prover, size, latest, folder, witness);
                }
                old_size = size;
            }
            // this ledger does not continue what the witness cosigned
            409 | 422 => {
                let latest = latest(witness, &checkpoint.origin, ways).await;
                return ahead(&mut prover, old_size, latest, folder, witness);
            }
            404 => return Err(CourierError::Unknown),
            403 => return Err(CourierError::Forbidden),
            status => return Err(CourierError::Status(status)),
        }
    }
    Err(CourierError::Status(409))
}

fn is_cosigned(note: &str, cosigners: &[Cosigner]) -> bool {
    cosigners.iter().any(|cosigner| matches!(cosigner.cosigned(note.as_bytes()), Ok(Some(_))))
}

/// The note that the witness cosigned last (monitor retrieval).
async fn latest(witness: &WitnessAt, origin: &str, ways: &Ways) -> Option<String> {
    let reply = send(&witness.url, &format!("/{}/checkpoint", hash_of(origin)), None, ways).await.ok()?;
    (reply.status == 200).then_some(reply.body)
}

/// Keeps what shows that the ledger does not continue what a witness has seen. A bare number shows nothing: only a
/// note that this site signed does.
fn ahead(
    prover: &mut Prover,
    size: u64,
    latest: Option<String>,
    folder: &Path,
    witness: &WitnessAt,
) -> Result<Told, CourierError> {
    let verifier: NoteVerifier = prover.verifier().clone();
    let shown = latest.as_deref().and_then(|note| Checkpoint::open(note.as_bytes(), &verifier).ok());
    let (Some(note), Some(shown)) = (latest, shown) else { return Ok(Told::Ahead { size, proven: false }) };
    let root = prover.checkpoint().1.root;
    let continued = prover.consistency(shown.size).is_ok_and(|proof| proof.check(shown.root, root).is_ok());
    if continued {
        // it cosigned meanwhile, or says something that its own note does not
        return Err(CourierError::Status(409));
    }
    write_ahead(&folder.join(TOLD), &Ahead { witness: witness.url.clone(), note })?;
    Ok(Told::Ahead { size: shown.size, proven: true })
}
