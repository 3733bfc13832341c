//! Holders of shares, and the clock that lets relationships end.

use std::sync::atomic::{AtomicI64, Ordering};

use model::{ColdRule, EntryNumber, HolderKind, Instant, KeyId};
use protocol::{
    AskForCold, BoxPlace, ColdApproval, ColdAsk, ColdHandOver, ColdHandedOver, ColdReply, ColdRequest, ColdState,
    Credential, HandedOver, HolderChallenge, HolderProof, NewHolder, PageReply, PageRequest, Refusal,
    SignedColdRequest, SignedHandOver, Swept,
};
use seal::{HolderSecret, Share, SitePublicKey, SystemRandom};

use crate::site::{Folder, Site, soon};

/// A holder of shares.
pub struct Holder {
    pub name: &'static str,
    pub kind: HolderKind,
    pub secret: HolderSecret,
}

impl Holder {
    pub fn new(name: &'static str, kind: HolderKind) -> Self {
        Self { name, kind, secret: HolderSecret::generate(&mut SystemRandom) }
    }

    pub fn named(&self) -> NewHolder {
        NewHolder { name: self.name.to_owned(), kind: self.kind, public: self.secret.public().to_bytes() }
    }

    /// Takes a request, checks the site's signature, and releases the shares.
    pub async fn approve(&self, folder: &Folder, site: &Site, request: EntryNumber) -> Result<(u32, u8), Refusal> {
        let approval = self.approval(folder, site, request).await?;
        self.bring(site, approval).await
    }

    pub async fn bring(&self, site: &Site, approval: ColdApproval) -> Result<(u32, u8), Refusal> {
        match site.cold(ColdAsk::Approve(approval)).await? {
            ColdReply::Approved { warmed, missing, .. } => Ok((warmed, missing)),
            _ => panic!("another answer"),
        }
    }

    /// A request as this holder gets it.
    pub async fn asked(&self, folder: &Folder, site: &Site, request: EntryNumber) -> Result<ColdRequest, Refusal> {
        let holder = self.secret.public().id();
        let ColdReply::Request(signed) = site.cold(ColdAsk::Request { request, holder }).await? else {
            panic!("another answer")
        };
        let SignedColdRequest { request: text, signature } = signed;
        let verifying = seal::VerifyingKey::from_bytes(folder.made.verifying_key);
        verifying.verify(&SignedColdRequest::message(&text), &hex::decode(signature).unwrap()).unwrap();
        Ok(serde_json::from_str(&text).unwrap())
    }

    pub async fn approval(&self, folder: &Folder, site: &Site, request: EntryNumber) -> Result<ColdApproval, Refusal> {
        self.approval_with(folder, site, request, &[]).await
    }

    /// Releases what it has, and under other names what it made up.
    pub async fn approval_with(
        &self,
        folder: &Folder,
        site: &Site,
        request: EntryNumber,
        made_up: &[KeyId],
    ) -> Result<ColdApproval, Refusal> {
        let holder = self.secret.public().id();
        let asked = self.asked(folder, site, request).await?;
        let mut plain = Vec::new();
        for name in made_up {
            plain.extend_from_slice(&name.0);
            // the place of a whole secret
            plain.extend_from_slice(&[0; Share::BYTES]);
        }
        for share in &asked.shares {
            let opened = self.secret.open_share(asked.site, share.name, &hex::decode(&share.wrapped).unwrap()).unwrap();
            plain.extend_from_slice(&share.name.0);
            plain.extend_from_slice(opened.expose());
        }
        let to = SitePublicKey::from_bytes(&hex::decode(&asked.transit).unwrap()).unwrap();
        let sealed =
            hex::encode(to.seal_message(&ColdApproval::info(asked.site, request, holder), &plain, &mut SystemRandom));
        let message = ColdApproval::message(asked.site, request, &asked.transit, &sealed);
        let signature = hex::encode(self.secret.sign(&message));
        Ok(ColdApproval { request, holder, sealed, signature })
    }
}

impl Holder {
    /// A page of what is to be handed over, as this holder gets it.
    pub async fn hand_over_page(
        &self,
        folder: &Folder,
        site: &Site,
        after: Option<BoxPlace>,
    ) -> Result<ColdHandOver, Refusal> {
        let holder = self.secret.public().id();
        let ColdReply::HandOver(signed) = site.cold(ColdAsk::HandOver { holder, after }).await? else {
            panic!("another answer")
        };
        let SignedHandOver { page, signature } = signed;
        let verifying = seal::VerifyingKey::from_bytes(folder.made.verifying_key);
        verifying.verify(&SignedHandOver::message(&page), &hex::decode(signature).unwrap()).unwrap();
        Ok(serde_json::from_str(&page).unwrap())
    }

    /// The shares of a page, sealed and signed.
    pub fn handed_over(&self, page: &ColdHandOver) -> ColdHandedOver {
        let mut plain = Vec::new();
        for share in &page.shares {
            let opened = self.secret.open_share(page.site, share.name, &hex::decode(&share.wrapped).unwrap()).unwrap();
            plain.extend_from_slice(&share.study.0.to_be_bytes());
            plain.extend_from_slice(&share.name.0);
            plain.extend_from_slice(opened.expose());
        }
        self.sealed(page, &plain)
    }

    /// Anything in the place of shares, sealed and signed as they are.
    pub fn sealed(&self, page: &ColdHandOver, plain: &[u8]) -> ColdHandedOver {
        let (exchange, holder) = (page.exchange, self.secret.public().id());
        let set = hex::encode(seal::holder_set_digest(page.site, page.generation, page.threshold, &page.to));
        let to = SitePublicKey::from_bytes(&hex::decode(&page.transit).unwrap()).unwrap();
        let info = ColdHandedOver::info(page.site, exchange, holder);
        let sealed = hex::encode(to.seal_message(&info, plain, &mut SystemRandom));
        let message = ColdHandedOver::message(page.site, exchange, (page.generation, &set), &page.transit, &sealed);
        let signature = hex::encode(self.secret.sign(&message));
        ColdHandedOver { exchange, holder, sealed, signature }
    }

    /// The answer to a challenge, as a holder gives it who has this secret.
    pub async fn proof(&self, site: &Site, holder: KeyId) -> Result<HolderProof, Refusal> {
        let ColdReply::Challenge(signed) = site.cold(ColdAsk::Challenge { holder }).await? else {
            panic!("another answer")
        };
        let asked: HolderChallenge = serde_json::from_str(&signed.challenge).unwrap();
        let info = HolderChallenge::info(asked.site, asked.generation, holder);
        let answer = self.secret.open_message(&info, &hex::decode(&asked.sealed).unwrap());
        // who has not the key can only guess
        let answer = hex::encode(answer.map_or_else(|| vec![0; 32], |answer| answer.to_vec()));
        let set = hex::encode(seal::holder_set_digest(asked.site, asked.generation, asked.threshold, &asked.to));
        let message = HolderProof::message(asked.site, asked.generation, &set, &answer);
        let signature = hex::encode(self.secret.sign(&message));
        Ok(HolderProof { generation: asked.generation, holder, answer, signature })
    }

    pub async fn prove(&self, site: &Site) {
        let proof = self.proof(site, self.secret.public().id()).await.unwrap();
        site.cold(ColdAsk::Prove(proof)).await.unwrap();
    }

    /// Hands everything over that there is, in one page.
    pub async fn hand_over(&self, folder: &Folder, site: &Site) -> Result<HandedOver, Refusal> {
        let page = self.hand_over_page(folder, site, None).await?;
        match site.cold(ColdAsk::HandedOver(self.handed_over(&page))).await? {
            ColdReply::HandedOver(handed) => Ok(handed),
            _ => panic!("another answer"),
        }
    }
}

impl Site {
    pub async fn replace_holders(&self, threshold: u8, holders: &[&Holder]) {
        let holders = holders.iter().map(|holder| holder.named()).collect();
        self.cold(ColdAsk::ReplaceHolders { threshold, holders }).await.unwrap();
    }

    pub async fn cold_state(&self) -> ColdState {
        match self.cold(ColdAsk::State).await.unwrap() {
            ColdReply::State(state) => state,
            _ => panic!("another answer"),
        }
    }

    pub async fn cold(&self, asked: ColdAsk) -> Result<ColdReply, Refusal> {
        match self.owner.ask(soon(), Credential::Owner, PageRequest::Cold(asked)).await.unwrap()? {
            PageReply::Cold(reply) => Ok(reply),
            other => panic!("{other:?}"),
        }
    }

    /// Names holders, who show their keys at once.
    pub async fn set_holders(&self, threshold: u8, holders: &[&Holder]) {
        self.name_holders(threshold, holders).await;
        for holder in holders {
            holder.prove(self).await;
        }
    }

    /// Names holders who have shown nothing yet.
    pub async fn name_holders(&self, threshold: u8, holders: &[&Holder]) {
        let holders = holders.iter().map(|holder| holder.named()).collect();
        self.cold(ColdAsk::SetHolders { threshold, holders }).await.unwrap();
    }

    /// What has no relationship goes cold a day after.
    pub async fn after_a_day(&self) {
        self.cold(ColdAsk::SetRule(ColdRule { after_seconds: 86_400, ..ColdRule::default() })).await.unwrap();
    }

    pub async fn sweep(&self) -> Result<Swept, Refusal> {
        match self.cold(ColdAsk::Sweep).await? {
            ColdReply::Swept(swept) => Ok(swept),
            _ => panic!("another answer"),
        }
    }

    pub async fn ask_for_cold(&self, whom: &str, hours: i64, emergency: bool) -> Result<EntryNumber, Refusal> {
        let until = later().plus_seconds(hours * 3_600);
        let asked = AskForCold { whom: whom.to_owned(), reason: "comparison".to_owned(), until, emergency };
        match self.cold(ColdAsk::Ask(asked)).await? {
            ColdReply::Asked { request, .. } => Ok(request),
            _ => panic!("another answer"),
        }
    }
}

static AHEAD_SECONDS: AtomicI64 = AtomicI64::new(0);

/// A clock that only goes on when told to.
pub fn later() -> Instant {
    crate::site::now().plus_seconds(AHEAD_SECONDS.load(Ordering::SeqCst))
}

pub fn days_pass(days: i64) {
    seconds_pass(days * 86_400);
}

pub fn seconds_pass(seconds: i64) {
    AHEAD_SECONDS.fetch_add(seconds, Ordering::SeqCst);
}
