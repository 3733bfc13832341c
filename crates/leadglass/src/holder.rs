//! A holder's file and what a holder does with a request: look at it, check the site's signature, release the shares for it alone.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};
use base64::Engine;
use model::{KeyId, SiteId};
use protocol::{
    COLD_SHARES_MAX, COLD_STUDIES_MAX, ColdApproval, ColdHandOver, ColdHandedOver, ColdRequest, HolderChallenge,
    HolderProof, SignedColdRequest, SignedHandOver, SignedHolderChallenge,
};
use seal::{
    HolderPublicKey, HolderSecret, PassphraseCost, RecoveryKit, RootEnvelope, RootSecret, Share, SitePublicKey,
    SystemRandom, UnsealMethod, VerifyingKey, holder_set_digest,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The longest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
const FORMAT: &str = "leadglass cold holder";
const VERSION: u32 = 1;

/// A holder, ready to approve.
pub struct Holder {
    pub secret: HolderSecret,
    pub site: SiteKey,
}

/// Which site a holder works for, and the key that signs its requests.
#[derive(Clone, Debug)]
pub struct SiteKey {
    pub site: SiteId,
    pub verifying: VerifyingKey,
}

/// What a public key file holds.
#[derive(Serialize, Deserialize)]
pub struct PublicFile {
    pub name: String,
    pub public: String,
}

/// What a holder's file holds: who it is, which site it is for, and the secret sealed to a passphrase like a root.
#[derive(Serialize, Deserialize)]
struct HolderFile {
    format: String,
    version: u32,
    name: String,
    site: String,
    site_key: String,
    sealed: serde_json::Value,
}

impl SiteKey {
    /// Reads `site.vkey` of a ledger.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| {
            format!("{} cannot be read; give the site's public key with --site-key", path.display())
        })?;
        let parts: Vec<&str> = text.trim().splitn(3, '+').collect();
        let [origin, _, key] = parts.as_slice() else {
            bail!("{} is no site's public key; copy DIR/ledger/site.vkey", path.display())
        };
        let key = base64::engine::general_purpose::STANDARD.decode(key).unwrap_or_default();
        let site = origin.strip_prefix("leadglass/").and_then(|site| site.parse().ok());
        match (site, key.as_slice()) {
            (Some(site), [1, key @ ..]) if key.len() == 32 => {
                let key = key.try_into().expect("the length was looked at");
                Ok(Self { site, verifying: VerifyingKey::from_bytes(key) })
            }
            _ => bail!("{} is no site's public key; copy DIR/ledger/site.vkey", path.display()),
        }
    }
}

/// Makes a holder: its file's content, and its public file's.
pub fn make(name: &str, site: &SiteKey, passphrase: Option<&str>) -> Result<(Zeroizing<String>, String)> {
    let kit = RecoveryKit::generate(&mut SystemRandom);
    let secret = HolderSecret::from_kit(&kit);
    let public = PublicFile { name: name.to_owned(), public: hex::encode(secret.public().to_bytes()) };
    let file = match passphrase {
        None => kit.to_text(),
        Some(passphrase) => {
            let method = UnsealMethod::Passphrase { passphrase, cost: PassphraseCost::default() };
            let sealed =
                RootEnvelope::seal(&RootSecret::from_bytes(secret.expose()), site.site, &[method], &mut SystemRandom)?;
            let file = HolderFile {
                format: FORMAT.to_owned(),
                version: VERSION,
                name: name.to_owned(),
                site: site.site.to_string(),
                site_key: hex::encode(site.verifying.to_bytes()),
                sealed: serde_json::from_str(&sealed.to_json())?,
            };
            Zeroizing::new(serde_json::to_string_pretty(&file)?)
        }
    };
    Ok((file, serde_json::to_string(&public)?))
}

impl Holder {
    /// Opens a holder's file, or words on paper.
    pub fn open(path: &Path, passphrase: Option<&str>, site_key: &Path) -> Result<Self> {
        let text = Zeroizing::new(read(path)?);
        if !text.trim_start().starts_with('{') {
            let kit =
                RecoveryKit::parse(&text).context("these are no words of a holder; compare them with the paper")?;
            return Ok(Self { secret: HolderSecret::from_kit(&kit), site: SiteKey::read(site_key)? });
        }
        let file: HolderFile = serde_json::from_str(&text).with_context(|| {
            format!("{} is no holder's file; make one with `leadglass cold holder new`", path.display())
        })?;
        if file.format != FORMAT || file.version != VERSION {
            bail!("{} is of another version; use the leadglass that wrote it", path.display());
        }
        let passphrase = passphrase.context("this holder's file is sealed; give --passphrase-file")?;
        let sealed = RootEnvelope::from_json(file.sealed.to_string().as_bytes())?;
        let secret = sealed.unseal_with_passphrase(passphrase)?;
        let key: Vec<u8> = hex::decode(&file.site_key)?;
        let key: [u8; 32] = key.as_slice().try_into().context("the holder's file is damaged; make a new holder")?;
        let site = file.site.parse().map_err(|_| anyhow::anyhow!("the holder's file is damaged; make a new holder"))?;
        Ok(Self {
            secret: HolderSecret::from_bytes(secret.expose()),
            site: SiteKey { site, verifying: VerifyingKey::from_bytes(key) },
        })
    }

    /// The name of the holder's key.
    pub fn id(&self) -> KeyId {
        self.secret.public().id()
    }

    /// Reads a request, if the site signed it and it is for this holder.
    pub fn read(&self, signed: &SignedColdRequest) -> Result<ColdRequest> {
        let signature = hex::decode(&signed.signature)?;
        self.site
            .verifying
            .verify(&SignedColdRequest::message(&signed.request), &signature)
            .context("the request is not signed by this holder's site; take it again")?;
        let request: ColdRequest = serde_json::from_str(&signed.request)?;
        if !(1..=2).contains(&request.version) || request.site != self.site.site || request.holder != self.id() {
            bail!("the request is for another holder or site; take it again with this holder's public key");
        }
        check_shares(&request)?;
        Ok(request)
    }

    /// Releases the shares of a request, sealed for it alone.
    pub fn approve(&self, request: &ColdRequest) -> Result<ColdApproval> {
        let opener = self.secret.share_opener();
        // as long as it gets: what grows leaves copies behind
        let mut shares = Zeroizing::new(Vec::with_capacity(request.shares.len() * (size_of::<KeyId>() + Share::BYTES)));
        for share in &request.shares {
            let opened = opener.open(request.site, share.name, &hex::decode(&share.wrapped)?)?;
            shares.extend_from_slice(&share.name.0);
            shares.extend_from_slice(opened.expose());
        }
        let to = SitePublicKey::from_bytes(&hex::decode(&request.transit)?)?;
        let info = ColdApproval::info(request.site, request.request, self.id());
        let sealed = hex::encode(to.seal_message(&info, &shares, &mut SystemRandom));
        let message = ColdApproval::message(request.site, request.request, &request.transit, &sealed);
        let signature = hex::encode(self.secret.sign(&message));
        Ok(ColdApproval { request: request.request, holder: self.id(), sealed, signature })
    }
}

impl Holder {
    /// Reads a page of an exchange, if the site signed it and it is for this holder.
    pub fn read_hand_over(&self, signed: &SignedHandOver) -> Result<ColdHandOver> {
        let signature = hex::decode(&signed.signature)?;
        self.site.verifying.verify(&SignedHandOver::message(&signed.page), &signature).context(
            "what is to be handed over is not signed by this holder's site; hand nothing over, and ask the site why",
        )?;
        let page: ColdHandOver = serde_json::from_str(&signed.page)?;
        if page.version != 2 || page.site != self.site.site || page.holder != self.id() {
            bail!("what is to be handed over is another holder's or another site's; hand nothing over");
        }
        Ok(page)
    }

    /// The digest of the set that a page is for.
    pub fn set_of(&self, page: &ColdHandOver) -> String {
        hex::encode(holder_set_digest(page.site, page.generation, page.threshold, &page.to))
    }

    /// Answers a challenge: only who has this holder's secret can.
    pub fn prove(&self, signed: &SignedHolderChallenge) -> Result<HolderProof> {
        self.site
            .verifying
            .verify(&SignedHolderChallenge::message(&signed.challenge), &hex::decode(&signed.signature)?)
            .context("the challenge is not signed by this holder's site; ask the site why")?;
        let asked: HolderChallenge = serde_json::from_str(&signed.challenge)?;
        if asked.version != 1 || asked.site != self.site.site || asked.holder != self.id() {
            bail!("the challenge is another holder's or another site's; ask again");
        }
        let info = HolderChallenge::info(asked.site, asked.generation, asked.holder);
        let answer = self.secret.open_message(&info, &hex::decode(&asked.sealed)?);
        let answer = hex::encode(
            answer.context("the challenge does not open; this is not the key that the site was given")?.as_slice(),
        );
        let set = hex::encode(holder_set_digest(asked.site, asked.generation, asked.threshold, &asked.to));
        let message = HolderProof::message(asked.site, asked.generation, &set, &answer);
        let signature = hex::encode(self.secret.sign(&message));
        Ok(HolderProof { generation: asked.generation, holder: self.id(), answer, signature })
    }

    /// Hands the shares of a page over, sealed for this exchange and this set of holders alone; says how many are damaged and stay.
    pub fn hand_over(&self, page: &ColdHandOver) -> Result<(ColdHandedOver, usize)> {
        let opener = self.secret.share_opener();
        let placed = size_of::<u32>() + size_of::<KeyId>() + Share::BYTES;
        let mut shares = Zeroizing::new(Vec::with_capacity(page.shares.len() * placed));
        let mut damaged = 0;
        for share in &page.shares {
            let Ok(opened) = opener.open(page.site, share.name, &hex::decode(&share.wrapped)?) else {
                damaged += 1;
                continue;
            };
            shares.extend_from_slice(&share.study.0.to_be_bytes());
            shares.extend_from_slice(&share.name.0);
            shares.extend_from_slice(opened.expose());
        }
        let to = SitePublicKey::from_bytes(&hex::decode(&page.transit)?)?;
        let info = ColdHandedOver::info(page.site, page.exchange, self.id());
        let sealed = hex::encode(to.seal_message(&info, &shares, &mut SystemRandom));
        let message = ColdHandedOver::message(
            page.site,
            page.exchange,
            (page.generation, &self.set_of(page)),
            &page.transit,
            &sealed,
        );
        let signature = hex::encode(self.secret.sign(&message));
        Ok((ColdHandedOver { exchange: page.exchange, holder: self.id(), sealed, signature }, damaged))
    }
}

/// Whether a request asks for no more than it says: a holder decides on its number of studies, and nothing else binds the shares.
fn check_shares(request: &ColdRequest) -> Result<()> {
    let names: BTreeSet<_> = request.shares.iter().map(|share| share.name).collect();
    let studies: BTreeSet<_> = request.shares.iter().map(|share| share.study).collect();
    if request.studies as usize > COLD_STUDIES_MAX || request.shares.len() > COLD_SHARES_MAX {
        bail!("the request asks for more than one may; release nothing, and ask the site why");
    }
    if names.len() != request.shares.len() || studies.len() > request.studies as usize {
        bail!("the request holds shares of more studies than it says; release nothing, and tell the site's officer");
    }
    Ok(())
}

impl PublicFile {
    /// Reads a holder's public key.
    pub fn read(path: &Path) -> Result<(String, HolderPublicKey)> {
        let file: Self = serde_json::from_str(&read(path)?).with_context(|| {
            format!("{} is no holder's public key; `leadglass cold holder new` writes it", path.display())
        })?;
        Ok((file.name, HolderPublicKey::from_bytes(&hex::decode(&file.public)?)?))
    }
}

/// Reads a file of a bounded length.
pub fn read(path: &Path) -> Result<String> {
    use std::io::Read;
    let mut text = String::new();
    let file = std::fs::File::open(path)
        .with_context(|| format!("the file {} cannot be read; check the path and the rights", path.display()))?;
    file.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use model::{EntryNumber, Instant, PatientNumber, StudyNumber, WarmingBasis};
    use protocol::WrappedShare;

    use super::*;

    fn request(studies: u32, shares: &[(u32, u8)]) -> ColdRequest {
        let share = |(study, name): &(u32, u8)| WrappedShare {
            study: StudyNumber(*study),
            name: KeyId([*name; 16]),
            wrapped: String::new(),
        };
        ColdRequest {
            version: 1,
            site: SiteId([1; 16]),
            request: EntryNumber(7),
            holder: KeyId([2; 16]),
            patient: PatientNumber(3),
            studies,
            basis: WarmingBasis::Order,
            reason: "priors".to_owned(),
            actor: "the warden".to_owned(),
            asked: Instant(0),
            until: Instant(1),
            endorsed: Vec::new(),
            transit: String::new(),
            shares: shares.iter().map(share).collect(),
        }
    }

    #[test]
    fn a_request_for_more_than_it_says_releases_nothing() {
        // a study may lie in more than one box
        assert!(check_shares(&request(2, &[(1, 1), (1, 2), (2, 3)])).is_ok());
        assert!(check_shares(&request(1, &[(1, 1), (2, 2)])).is_err(), "two studies under the name of one");
        assert!(check_shares(&request(2, &[(1, 1), (2, 1)])).is_err(), "one share twice");
        assert!(check_shares(&request(1_001, &[(1, 1)])).is_err(), "more studies than one may ask for");
        let many: Vec<_> = (0..=COLD_SHARES_MAX as u32).map(|number| (1, number)).collect();
        let mut too_many = request(1, &[]);
        too_many.shares = many
            .iter()
            .map(|(study, number)| {
                let mut name = [0; 16];
                name[..4].copy_from_slice(&number.to_be_bytes());
                WrappedShare { study: StudyNumber(*study), name: KeyId(name), wrapped: String::new() }
            })
            .collect();
        assert!(check_shares(&too_many).is_err(), "more shares than one may ask for");
    }
}
