//! Making a site: the root, its unseal methods, the empty database and the first ledger entry.

use std::path::Path;

use audit::{Ledger, LedgerKeys};
use model::{Actor, EntryBody, Instant, SiteId};
use seal::{CryptoRng, PassphraseCost, RecoveryKit, RootEnvelope, RootSecret, SystemRandom, UnsealMethod};
use thiserror::Error;

use crate::database::{Database, DatabaseError, Space};
use crate::epochs::Epochs;
use crate::secrets::RecordKeys;

/// The shortest passphrase that unseals a root, in characters. It guards everything and is typed once a start.
pub const PASSPHRASE_CHARACTERS_MIN: usize = 12;

/// What a new site is made of.
pub struct NewSite<'a> {
    /// Name of the site.
    pub name: &'a str,
    /// Unseals the root at every start.
    pub passphrase: &'a str,
    /// Unseals the root when the passphrase is lost.
    pub kit: &'a RecoveryKit,
    /// Private key of the front's development certificate (PEM), kept sealed.
    pub tls_key_pem: &'a str,
}

/// The public half of a new site, for the front's `site.json`.
#[derive(Clone, Debug)]
pub struct MadeSite {
    /// The site.
    pub site: SiteId,
    /// What batch keys are wrapped to.
    pub public_key: Vec<u8>,
    /// Signs checkpoints and the device list.
    pub verifying_key: [u8; 32],
}

/// Why a site could not be made.
#[derive(Debug, Error)]
pub enum InitError {
    /// The passphrase is too short.
    #[error(
        "the passphrase has {characters} characters; it guards every image, use at least {PASSPHRASE_CHARACTERS_MIN}, best five or more random words"
    )]
    ShortPassphrase {
        /// How many it has.
        characters: usize,
    },
    /// The name is out of shape.
    #[error("the site's name must have 1 to 100 characters without line breaks; give another with --site")]
    Name,
    /// The folder cannot be used.
    #[error("the warden's folder could not be written; check the path, the rights and the space on the disk")]
    Io(#[from] std::io::Error),
    /// The root could not be sealed.
    #[error("the root could not be sealed")]
    Envelope(#[from] seal::EnvelopeError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The ledger could not be made.
    #[error("the ledger could not be made")]
    LedgerOpen(#[from] audit::OpenError),
    /// The first entry could not be written.
    #[error("the first ledger entry could not be written")]
    LedgerAppend(#[from] audit::AppendError),
}

/// Makes `DIR/warden` and `DIR/ledger` in a folder that the caller has just made. The caller puts the folder in place by a
/// rename, so a crash in here leaves nothing that looks like a site.
pub fn init(dir: &Path, new: &NewSite<'_>, now: Instant) -> Result<MadeSite, InitError> {
    let characters = new.passphrase.trim().chars().count();
    if characters < PASSPHRASE_CHARACTERS_MIN {
        return Err(InitError::ShortPassphrase { characters });
    }
    if new.name.trim().is_empty() || new.name.chars().count() > 100 || new.name.chars().any(char::is_control) {
        return Err(InitError::Name);
    }
    let rng = &mut SystemRandom;
    let root = RootSecret::generate(rng);
    let site = SiteId(new_identifier(rng));

    let warden = dir.join("warden");
    std::fs::create_dir_all(&warden)?;
    let methods = [
        UnsealMethod::Passphrase { passphrase: new.passphrase, cost: PassphraseCost::default() },
        UnsealMethod::RecoveryKit(new.kit),
    ];
    let envelope = RootEnvelope::seal(&root, site, &methods, rng)?;
    write_new(&warden.join("root.json"), envelope.to_json().as_bytes())?;

    Epochs::create(&warden, &root, site)?;
    let mut database = Database::open(&warden.join("warden.db"))?;
    let changes = database.begin()?;
    RecordKeys::of(&root, site).put(&changes, Space::Secret, b"front tls key", new.tls_key_pem.as_bytes())?;
    changes.commit()?;

    let folder = dir.join("ledger");
    Ledger::create(&folder, &LedgerKeys::from_root(&root), &origin(site))?;
    let (ledger, _) = Ledger::open(&folder, LedgerKeys::from_root(&root), &origin(site))?;
    ledger.append(vec![(Actor::Owner, EntryBody::Initialised { site, name: new.name.trim().to_owned() })], now)?;
    Ok(MadeSite {
        site,
        public_key: root.site_secret_key().public().to_bytes(),
        verifying_key: root.site_signing_key().verifying_key().to_bytes(),
    })
}

/// The checkpoint's origin line (C2SP tlog-checkpoint).
pub(crate) fn origin(site: SiteId) -> String {
    format!("leadglass/{site}")
}

fn new_identifier(rng: &mut impl CryptoRng) -> [u8; 16] {
    let mut identifier = [0; 16];
    rng.fill_bytes(&mut identifier);
    identifier
}

fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let mut file = std::fs::File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
