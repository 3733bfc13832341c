//! Fast harvesting: with everything that the owners have, as fast as the front answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use anyhow::Result;

use super::accounts::{Account, REFERRED, TODAY};
use super::scene::{Scene, joined, new_study, old_study, patient_id, wait};
use super::sessions::SignedIn;
use crate::command::drill::browser::Browser;
use crate::command::drill::http::Answer;
use crate::command::drill::rows::Rows;

/// Names asked for at a time.
const PAGE: usize = 50;
/// Studies of strangers that each account tries to open, from everywhere in the twenty years.
const STRANGERS: u32 = 60;
/// More patients' images than that from three accounts on a day, and the row fails.
const OPENED_MAX: usize = 200;
/// So many names of patients about whom nothing is new no radiologist reads on a day, whatever was learned (`docs/budgets.md`).
const NAMES_MAX: usize = 1_500;

/// What an attacker took through one account.
#[derive(Default)]
pub struct Taken {
    /// Patients by ID whose names were read, with the years of their studies.
    pub listed: BTreeMap<String, String>,
    /// Patients by ID of whom images were opened.
    pub opened: BTreeSet<String>,
    /// Which studies these were.
    studies: BTreeSet<String>,
    /// Studies that were tried and read as not there.
    hidden: u32,
    /// Studies that were tried and are cold.
    cold: u32,
    /// Touches that were given.
    touches: u32,
    /// Requests that were told to wait.
    waits: u32,
    /// Whether it was stopped.
    stopped: bool,
}

/// One account in an attacker's hands: its browser and what the owner knows.
struct Attacker<'a> {
    browser: &'a mut Browser,
    password: &'static str,
    codes: &'a Mutex<Vec<String>>,
    taken: Taken,
}

/// All accounts at once, the radiologist's on two devices.
pub fn harvest(scene: &mut Scene, signed_in: &mut SignedIn) -> Result<Vec<Taken>> {
    let patients = scene.patients;
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        let mut second = Some(&mut signed_in.second);
        for (account, browser) in scene.accounts.iter_mut().zip(&mut signed_in.first) {
            let second = if account.referred.is_none() { second.take() } else { None };
            threads.push(scope.spawn(move || one_account(account, browser, second, patients)));
        }
        threads.into_iter().map(joined).collect()
    })
}

fn one_account(
    account: &mut Account,
    browser: &mut Browser,
    second: Option<&mut Browser>,
    patients: u32,
) -> Result<Taken> {
    let (password, referred) = (account.password, account.referred.clone());
    let codes = Mutex::new(std::mem::take(&mut account.codes));
    let attacker = |browser| Attacker { browser, password, codes: &codes, taken: Taken::default() };
    let new = |patient| (patient_id(patient), if referred.is_some() { old_study(patient) } else { new_study(patient) });
    let others = TODAY.end() + 1..=patients;
    let step = (patients - TODAY.end()) / STRANGERS;
    let strangers = others.step_by(step as usize).take(STRANGERS as usize);
    let strangers = strangers.map(|patient| (patient_id(patient), old_study(patient)));
    let own: Vec<(String, String)> = referred.clone().unwrap_or(TODAY).map(new).collect();
    let strangers: Vec<(String, String)> = strangers.collect();
    let taken = std::thread::scope(|scope| {
        let (mut here, mut there) = (attacker(browser), second.map(attacker));
        for (number, study) in own.iter().enumerate() {
            // in turns where there are two devices, as two people at work
            let device = there.as_mut().filter(|_| number % 2 == 1).unwrap_or(&mut here);
            device.open(std::slice::from_ref(study))?;
        }
        let elsewhere = there.map(|mut there| scope.spawn(move || there.names().map(|()| there.taken)));
        if elsewhere.is_none() {
            here.names()?;
        }
        here.open(&strangers)?;
        if let Some(elsewhere) = elsewhere {
            let elsewhere = joined(elsewhere)?;
            // whose names were read are opened too
            let named = elsewhere.listed.keys().filter_map(|id| id.get(1..)?.parse::<u32>().ok());
            here.open(&named.map(|patient| (patient_id(patient), old_study(patient))).collect::<Vec<_>>())?;
            here.taken.add(elsewhere);
        }
        anyhow::Ok(here.taken)
    })?;
    account.codes = codes.into_inner().expect("no holder panics");
    Ok(taken)
}

impl Taken {
    fn add(&mut self, other: Self) {
        self.listed.extend(other.listed);
        self.opened.extend(other.opened);
        self.studies.extend(other.studies);
        self.touches += other.touches;
        self.waits += other.waits;
        self.stopped |= other.stopped;
    }
}

impl Attacker<'_> {
    /// Reads names from 2006 on, page after page, until there are no more or it is stopped.
    fn names(&mut self) -> Result<()> {
        for years in ["20060101-20101231", "20110101-"] {
            for page in 0.. {
                let offset = page * PAGE;
                let address = format!("/dicom-web/studies?StudyDate={years}&limit={PAGE}&offset={offset}");
                let answer = self.ask(&address)?;
                let rows = answer.json();
                let rows = rows.as_array().filter(|_| answer.status == 200);
                let Some(rows) = rows.filter(|rows| !rows.is_empty()) else { break };
                for row in rows {
                    let value = |tag: &str| row[tag]["Value"][0].as_str().unwrap_or_default().to_owned();
                    let year = value("00080020").get(..4).unwrap_or_default().to_owned();
                    self.taken.listed.insert(value("00100020"), year);
                }
            }
        }
        Ok(())
    }

    /// Opens these studies, each of a patient.
    fn open(&mut self, wanted: &[(String, String)]) -> Result<()> {
        for (patient, study) in wanted {
            match self.ask(&format!("/dicom-web/studies/{study}"))?.status {
                200 => {
                    self.taken.opened.insert(patient.clone());
                    self.taken.studies.insert(study.clone());
                }
                404 => self.taken.hidden += 1,
                409 => self.taken.cold += 1,
                _ => {}
            }
        }
        Ok(())
    }

    /// Asks, waits as often as it is told to, and touches whenever it is asked to.
    fn ask(&mut self, address: &str) -> Result<Answer> {
        loop {
            let answer = self.browser.get(address)?;
            match answer.status {
                429 => {
                    self.taken.waits += 1;
                    wait(answer.header("retry-after"))?;
                }
                403 if answer.json()["fresh"] == "still-here" => {
                    let code = self.codes.lock().expect("no holder panics").pop();
                    let Some(code) = code else { return Ok(answer) };
                    if !self.browser.touch(self.password, &code)? {
                        return Ok(answer);
                    }
                    self.taken.touches += 1;
                }
                403 => {
                    self.taken.stopped = true;
                    return Ok(answer);
                }
                _ => return Ok(answer),
            }
        }
    }
}

/// Back to 2006: what a relationship names, and nothing else.
pub fn reach(rows: &mut Rows, scene: &Scene, taken: &[Taken]) {
    rows.about("some of the logins reached back to 2006: lists, files and images of everybody");
    let clinics: Vec<_> = scene.accounts.iter().zip(taken).filter(|(account, _)| account.referred.is_some()).collect();
    let strangers = |(account, taken): &(&Account, &Taken)| {
        let own: BTreeSet<String> = account.referred.clone().into_iter().flatten().map(patient_id).collect();
        taken.listed.keys().chain(&taken.opened).filter(|patient| !own.contains(*patient)).count()
    };
    let beyond: usize = clinics.iter().map(strangers).sum();
    let hidden: u32 = clinics.iter().map(|(_, taken)| taken.hidden).sum();
    let tried = STRANGERS as usize * clinics.len();
    let names: Vec<String> = clinics.iter().map(|(_, taken)| taken.listed.len().to_string()).collect();
    rows.played(
        "a clinic's login lists and opens whom the clinic referred, and nobody else",
        beyond == 0 && hidden as usize >= tried && names.iter().all(|count| *count == REFERRED.to_string()),
        format!(
            "of {} patients the two logins list {} and reach nobody else: {beyond} strangers were listed or opened; {hidden} studies of others, back to 2006, read as not there",
            scene.patients,
            names.join(" and "),
        ),
    );
    let Some(radiologist) = taken.last() else { return };
    // images of the day, and of patients whom somebody treats now
    let care = scene.accounts.iter().filter_map(|account| account.referred.clone()).flatten();
    let hot: BTreeSet<String> = TODAY.map(new_study).chain(care.map(old_study)).collect();
    let old = radiologist.studies.difference(&hot).count();
    let early = radiologist.listed.values().filter(|year| year.as_str() < "2011").count();
    rows.played(
        "older studies are cold: the radiologist's login opens none without a reason and two holders",
        old == 0 && radiologist.cold as usize >= STRANGERS as usize,
        format!(
            "{} studies of twenty years were tried and are cold, {old} of them opened; {} studies of today or of patients in care opened; of 2006 to 2010 {early} names were read and no image that is cold",
            radiologist.cold,
            radiologist.studies.len() - old,
        ),
    );
}

/// How far it came, and what the officer reads of it.
pub fn fast(rows: &mut Rows, scene: &Scene, taken: &[Taken]) -> Result<()> {
    rows.about("thousands of patients were gone in one month alone; the provider saw 'no unusual access'");
    let names: BTreeSet<&String> = taken.iter().flat_map(|taken| taken.listed.keys()).collect();
    let opened: BTreeSet<&String> = taken.iter().flat_map(|taken| &taken.opened).collect();
    let [touches, waits] =
        [|taken: &Taken| taken.touches, |taken: &Taken| taken.waits].map(|of| taken.iter().map(of).sum::<u32>());
    let findings = scene.site.ok(&["findings", "list"], "")?;
    let findings = findings.as_array().cloned().unwrap_or_default();
    let stopped = findings.iter().find(|row| row["finding"]["reaction"] == "stopped");
    let sentence = stopped.and_then(|row| row["sentence"].as_str()).unwrap_or("no finding says that it was stopped");
    // the clinics' logins are bounded by their relationships, which is another row
    let bounded = taken.last().is_some_and(|taken| taken.stopped && taken.listed.len() <= NAMES_MAX);
    rows.played(
        "fast harvesting with everything that the owners have is slowed, asked and stopped, and found while it happens",
        bounded && stopped.is_some() && opened.len() <= OPENED_MAX,
        format!(
            "three accounts, four devices at once: images of {} patients and {} names of {}; {touches} touches given, {waits} times told to come back later; {} findings, the newest stop: {sentence}",
            opened.len(),
            names.len(),
            scene.patients,
            findings.len(),
        ),
    );
    Ok(())
}
