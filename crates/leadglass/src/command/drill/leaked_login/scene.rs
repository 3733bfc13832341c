//! The scene: an archive of twenty years, its accounts, holders of what is cold, and a day's images.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use dimse::sender::{Outgoing, Sender};
use model::{Authorisation, Ceilings, DeviceMay, Entry, EntryNumber, Tier};
use phantom::{ct_instance, uid};
use protocol::{PageReply, PageRequest};
use seal::{RecoveryKit, SystemRandom};
use zeroize::Zeroizing;

use super::super::browser::Browser;
use super::super::ending;
use super::super::http;
use super::super::played::{Played, text};
use super::accounts::{Account, TODAY, three};
use crate::command::import::{Link, Report, settle};
use crate::owner::Owner;
use crate::time;

/// Connections that fill the archive.
const FILLERS: u32 = 8;
/// Rows and columns of an image.
const SIDE: u16 = 16;
const AE_TITLE: &str = "DRILL";
const NETWORK: &str = "Imaging Network";
/// How long relationships last, in seconds.
const REACH_SECONDS: i64 = 30 * 86_400;
/// Who holds what is cold.
const HOLDERS: [&str; 3] = ["anna", "bela", "chris"];
const HOLDER_PASSPHRASE: &str = "nine calm rivers of copper";
/// So many entries are looked at for what just happened.
const NEWEST: u64 = 300;
/// The answer of another version.
const OTHER: &str = "the warden answered something else; run everything from the same version";

/// Everything that is played with.
pub struct Scene {
    pub site: Played,
    pub front: SocketAddr,
    pub folder: PathBuf,
    pub patients: u32,
    pub accounts: Vec<Account>,
}

impl Scene {
    /// Makes it. `as_it_was` gives the accounts everybody, without a limit.
    pub fn build(folder: &Path, patients: u32, as_it_was: bool) -> Result<Self> {
        let passphrase = Zeroizing::new(RecoveryKit::generate(&mut SystemRandom).to_text().replace('\n', " "));
        let mut site = Played::with_dicom(folder.join("data"));
        let kit = folder.join("kit");
        let init = ["init", "--site", NETWORK, "--passphrase-file", "-", "--recovery-kit", text(&kit)?];
        site.ok(&[&init[..], &["--password-and-code"]].concat(), &passphrase)?;
        let ready = site.start(&["--passphrase-file", "-"], &passphrase)?;
        let ready = ready.map_err(|error| anyhow::anyhow!("the drill could not be played: {error}"))?;
        let front = http::front(&ready)?;
        let mut scene = Self { site, front, folder: folder.to_owned(), patients, accounts: three() };
        scene.fill()?;
        scene.people(as_it_was)?;
        if !as_it_was {
            scene.cool()?;
        }
        let dicom = ready["dicom"].as_str().and_then(|address| address.parse().ok());
        scene.send_today(dicom.context("the front takes no DICOM; play the drill again")?)?;
        Ok(scene)
    }

    pub fn owner(&self) -> Result<Owner> {
        Owner::connect(self.site.dir())
    }

    /// Entries of the ledger, from one on, at most so many.
    pub fn entries(&self, from: u64, count: u64) -> Result<Vec<Entry>> {
        let (owner, mut entries) = (self.owner()?, Vec::new());
        while (entries.len() as u64) < count {
            ending::check()?;
            let next = EntryNumber(from + entries.len() as u64);
            let limit = u32::try_from(count - entries.len() as u64).unwrap_or(u32::MAX);
            let reply = owner.ask(PageRequest::Entries { from: next, limit })?;
            let PageReply::Entries { entries: page, .. } = reply else { bail!(OTHER) };
            if page.is_empty() {
                break;
            }
            for row in page {
                entries.push(row.parse()?);
            }
        }
        Ok(entries)
    }

    /// The newest entries, as JSON.
    pub fn newest_entries(&self) -> Result<Vec<serde_json::Value>> {
        let owner = self.owner()?;
        let first = PageRequest::Entries { from: EntryNumber(0), limit: 1 };
        let PageReply::Entries { size, .. } = owner.ask(first)? else { bail!(OTHER) };
        let from = size.saturating_sub(NEWEST);
        let entries = self.entries(from, NEWEST)?;
        let shown = |entry| -> Result<serde_json::Value> {
            let mut value = serde_json::to_value(entry)?;
            portal::identifiers(&mut value);
            Ok(value)
        };
        entries.iter().map(shown).collect()
    }

    /// A browser on this machine.
    pub fn browser(&self, name: &str) -> Result<Browser> {
        self.browser_from(Ipv4Addr::LOCALHOST, name)
    }

    /// A browser elsewhere.
    pub fn browser_from(&self, from: Ipv4Addr, name: &str) -> Result<Browser> {
        Browser::at(from, self.front, name)
    }

    /// One study of each patient, from 2006 on, over many connections: each answer is a durable image.
    fn fill(&self) -> Result<()> {
        let (dir, patients, next) = (self.site.dir(), self.patients, AtomicU32::new(1));
        let fill = || {
            let (mut link, mut report) = (Link::connect(dir)?, Report::default());
            loop {
                let patient = next.fetch_add(1, Ordering::Relaxed);
                if patient > patients {
                    return anyhow::Ok(report.stored);
                }
                ending::check()?;
                let file = ct_instance(patient, patient, 1, 1, SIDE, SIDE);
                let length = file.len() as u64;
                link.send(&mut file.as_slice(), length, "", &mut report)?;
            }
        };
        let stored = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..FILLERS).map(|_| scope.spawn(fill)).collect();
            threads.into_iter().map(joined).sum::<Result<u64>>()
        })?;
        if stored != u64::from(patients) {
            bail!("the drill could not be played: {stored} of {patients} images were stored");
        }
        settle(dir)
    }

    fn people(&mut self, as_it_was: bool) -> Result<()> {
        let owner = self.owner()?;
        for name in ["Clinic North", "Clinic South"] {
            let authorisation = Authorisation::PasswordAndCode;
            owner.tell(PageRequest::AddOrganisation { name: name.to_owned(), authorisation })?;
        }
        for account in &mut self.accounts {
            let reply = owner.ask(PageRequest::AddPerson {
                email: account.email.to_owned(),
                name: account.name.to_owned(),
                role: account.role,
                organisation: account.organisation.to_owned(),
                password_and_code: true,
                own_record: None,
            })?;
            let PageReply::EnrolmentLink { token, .. } = reply else { bail!(OTHER) };
            account.link = token;
            match account.referred.clone() {
                Some(patients) if !as_it_was => {
                    for patient in patients {
                        let whom = format!("patient:{}/{}", phantom::DEMO_ISSUER, patient_id(patient));
                        relate(&owner, &format!("org:{}", account.organisation), whom, "referral")?;
                    }
                }
                _ => relate(&owner, &account.subject(), "site".to_owned(), "reading group")?,
            }
            if as_it_was {
                let limit = Some(Ceilings::NO_LIMIT);
                let ceilings =
                    Ceilings { opened_due: limit, opened_other: limit, listed_due: limit, listed_other: limit };
                owner.tell(PageRequest::SetBudget { whose: account.subject(), ceilings })?;
            }
        }
        owner.ask(PageRequest::AddDevice {
            name: "Modality".to_owned(),
            organisation: NETWORK.to_owned(),
            may: vec![DeviceMay::Store],
            ae_title: Some(AE_TITLE.to_owned()),
            from: vec!["127.0.0.1".to_owned()],
            token: false,
            token_until: None,
            bound: None,
        })?;
        Ok(())
    }

    /// Three holders, of whom two are needed; what no relationship names goes cold at once, as it would over the years.
    fn cool(&self) -> Result<()> {
        let mut init = vec!["cold".to_owned(), "init".to_owned(), "--threshold".to_owned(), "2".to_owned()];
        for name in HOLDERS {
            let file = self.folder.join(name);
            let new = ["cold", "holder", "new", name, "--out", text(&file)?, "--passphrase-file", "-"];
            self.site.ok(&new, HOLDER_PASSPHRASE)?;
            init.extend(["--holder".to_owned(), format!("{}.pub", text(&file)?)]);
        }
        self.site.ok(&init.iter().map(String::as_str).collect::<Vec<_>>(), "")?;
        for name in HOLDERS {
            let file = self.folder.join(name);
            let prove = ["cold", "holder", "prove", "--share-file", text(&file)?, "--passphrase-file", "-"];
            self.site.ok(&prove, HOLDER_PASSPHRASE)?;
        }
        self.site.ok(&["cold", "rule", "--after", "0s"], "")?;
        let swept = self.site.ok(&["cold", "sweep"], "")?;
        if swept["studies"].as_u64().unwrap_or_default() == 0 {
            bail!("the drill could not be played: nothing went cold");
        }
        self.site.ok(&["cold", "rule", "--after", "90d"], "").map(drop)
    }

    /// What a modality sends on the day of the attack.
    fn send_today(&self, dicom: SocketAddr) -> Result<()> {
        let files = TODAY.map(|patient| Outgoing::from_part10(ct_instance(patient, today(patient), 1, 1, SIDE, SIDE)));
        let files = files.collect::<Option<Vec<_>>>().context("an image of the drill is no Part 10 file")?;
        let mut sender = Sender::connect(dicom, AE_TITLE, "LEADGLASS", files.iter().map(Outgoing::kind))?;
        for file in &files {
            let status = sender.store(file)?;
            if status != 0 {
                bail!("the drill could not be played: an image was refused with status {status:#06x}");
            }
        }
        sender.release()?;
        settle(self.site.dir())
    }
}

fn relate(owner: &Owner, who: &str, whom: String, basis: &str) -> Result<()> {
    let now = time::now();
    let (who, basis, until) = (who.to_owned(), basis.to_owned(), now.plus_seconds(REACH_SECONDS));
    owner.ask(PageRequest::Relate { who, whom, tier: Tier::Open, from: now, until, basis }).map(drop)
}

/// What a thread returned.
pub fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread
        .join()
        .unwrap_or_else(|_| bail!("a part of the drill failed; this is a mistake in the program, please report it"))
}

/// The patient ID of a number.
pub fn patient_id(patient: u32) -> String {
    format!("M{patient:08}")
}

/// The study number of a patient's images of today.
fn today(patient: u32) -> u32 {
    // ends on 19, so that its date is the latest that there is
    1_000_019 + 20 * patient
}

/// The UID of a patient's study of some day in the last twenty years.
pub fn old_study(patient: u32) -> String {
    uid(&[9, patient, patient])
}

/// The UID of a patient's study of today.
pub fn new_study(patient: u32) -> String {
    uid(&[9, patient, today(patient)])
}

/// Waits as somebody is told to, and no longer than a minute.
pub fn wait(seconds: Option<&str>) -> Result<()> {
    const LONGEST: u64 = 60;
    let seconds = seconds.and_then(|seconds| seconds.parse().ok()).unwrap_or(1);
    ending::sleep(Duration::from_secs(seconds.min(LONGEST)))
}
