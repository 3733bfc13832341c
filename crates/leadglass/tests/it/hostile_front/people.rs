//! The people of the installation, their patients and their browsers.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Entry, EntryNumber, PersonId};
use phantom::{ct_instance, uid};
use protocol::{Credential, PROTOCOL_VERSION, PageReply, PageRequest};
use serde_json::{Value, json};

use crate::browser::{Browser, Sent};
use crate::installation::{Installation, store};

/// People whose browser shows a page of this archive.
pub const PRESENT: usize = 7;
/// People who are signed in and somewhere else.
pub const ABSENT: usize = 43;
/// Those of the present ones who reach patients by name.
pub const PRESENT_READERS: usize = PRESENT - 3;
/// The present one who reaches the whole site.
pub const WIDE: usize = PRESENT_READERS;
/// Each reader reaches so many patients, and nobody else's.
pub const PATIENTS_EACH: usize = 2;
/// Patients a day whose images the one who reaches everybody may open; three quarters of them before a touch is asked for.
pub const OPENED: usize = 8;
/// Names a day that the same one may read.
pub const LISTED: usize = 24;

/// Patients whose studies are cold: one is asked for already, one is not.
const COLD: [u32; 2] = [901, 902];

/// What somebody is here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Reads the patients that name them.
    Reader,
    /// Reaches the whole site, within a budget.
    Wide,
    Officer,
    Administrator,
}

fn part(person: usize) -> Part {
    const LAST: usize = PRESENT + ABSENT - 1;
    const BEFORE: usize = LAST - 1;
    match person {
        WIDE => Part::Wide,
        5 | BEFORE => Part::Officer,
        6 | LAST => Part::Administrator,
        _ => Part::Reader,
    }
}

pub struct Cast {
    /// The present ones first.
    pub browsers: Vec<Browser>,
    pub absent: Vec<PersonId>,
    /// Somebody who is about to sign in.
    visitor: Browser,
    device_token: String,
    /// What waits for somebody to decide, and whom it is about.
    waiting: Value,
}

/// The studies of a reader, one for each patient; of whoever reads nobody, those of somebody else.
fn studies_of(person: usize) -> Vec<String> {
    let person = if part(person) == Part::Reader { person } else { PRESENT };
    (0..PATIENTS_EACH).map(|own| patient(person, own)).map(|patient| uid(&[9, patient, patient])).collect()
}

fn patient(person: usize, own: usize) -> u32 {
    (person * PATIENTS_EACH + own + 1) as u32
}

impl Cast {
    /// 50 people who are signed in with passkeys: readers who have listed and opened, one who reaches the whole site, officers and
    /// administrators; and one more who is about to sign in. The site is set up: what makes somebody powerful waits for a second
    /// person.
    pub fn of(site: &Installation) -> Self {
        site.with_devices();
        let device_token = bound_device(site);
        let request = cold_studies(site);
        let readers = (0..=PRESENT + ABSENT).filter(|person| part(*person) == Part::Reader);
        let files = readers.flat_map(|person| (0..PATIENTS_EACH).map(move |own| patient(person, own)));
        let files: Vec<_> = files.map(|patient| ct_instance(patient, patient, 1, 1, 16, 16)).collect();
        assert!(store(site.dicom(), files).unwrap().iter().all(|status| *status == 0));
        site.ok(&["settle"]);
        site.ok(&["org", "add", "Practice"]);
        // nobody is asked before an officer or an administrator has enrolled: those come last
        let links: Vec<String> = (0..=PRESENT + ABSENT).map(|person| added(site, person)).collect();
        let last = |person: &usize| matches!(part(*person), Part::Officer | Part::Administrator);
        let (deciders, readers): (Vec<usize>, Vec<usize>) = (0..links.len()).partition(last);
        let mut people: BTreeMap<usize, Browser> = BTreeMap::new();
        for person in readers.into_iter().chain(deciders) {
            let mut browser = Browser::new(site.http());
            browser.enrol(&links[person]);
            people.insert(person, browser);
        }
        let (_, visitor) = people.pop_last().unwrap();
        let mut people: Vec<Browser> = people.into_values().collect();
        for (person, browser) in people.iter_mut().enumerate() {
            browser.sign_in();
            look_around(person, browser);
        }
        let absent = (PRESENT..PRESENT + ABSENT).map(|person| number_of(site, &email(person))).collect();
        let waiting = waiting(site, &request, &people[PRESENT + ABSENT - 3]);
        Self { browsers: people, absent, visitor, device_token, waiting }
    }

    /// What a front's memory holds.
    pub fn memory(&mut self, site: &Installation) -> Value {
        let sent_by = |browser: &Browser| -> Vec<Value> {
            let told =
                |sent: &Sent| json!({ "method": sent.method, "path": sent.path, "query": sent.query, "jwt": sent.jwt });
            browser.sent.iter().map(told).collect()
        };
        let told = |(person, browser): (usize, &Browser)| {
            let (present, studies) = (person < PRESENT, studies_of(person));
            let (name, reach, budget) = if present { described(site, person) } else { Default::default() };
            json!({
                "name": name, "reach": reach, "budget": budget, "token": browser.token, "session": browser.session,
                "present": present, "reads": part(person) == Part::Reader, "wide": part(person) == Part::Wide,
                "studies": studies, "sent": sent_by(browser),
                "credential": URL_SAFE_NO_PAD.encode(&browser.authenticator.credential_id),
            })
        };
        let people: Vec<Value> = self.browsers.iter().enumerate().map(told).collect();
        // the browser of somebody present sent it a moment ago, and the front kept it to itself
        let browser = &mut self.browsers[0];
        browser.renew_nonce();
        let withheld = browser.sign("GET", "/api/studies", "", b"", browser.nonce());
        json!({
            "warden": site.dir().join("run/warden.sock"),
            "origin": self.visitor.origin,
            "people": people,
            "visitor_studies": studies_of(PRESENT + ABSENT),
            "withheld": withheld,
            "device_token": self.device_token,
            "waiting": self.waiting,
        })
    }

    /// What the visitor's authenticator signs: for the page's own challenge, or for the one that the front put there.
    pub fn visitor_signs(&mut self, begun: &Value, honest: bool) -> String {
        let options = if honest { self.visitor.with_own_challenge(begun) } else { begun["options"].to_string() };
        self.visitor.authenticator.get(&options)
    }
}

pub fn email(person: usize) -> String {
    format!("reader{person}@x.example")
}

/// Adds somebody with their reach; the secret of their enrolment link.
fn added(site: &Installation, person: usize) -> String {
    let email = email(person);
    let role = match part(person) {
        Part::Reader | Part::Wide => "radiologist",
        Part::Officer => "officer",
        Part::Administrator => "administrator",
    };
    let added = site.ok(&["person", "add", &email, "--name", "Somebody", "--role", role, "--organisation", "Practice"]);
    let who = format!("person:{email}");
    let relate = |whom: &str| site.ok(&["relate", &who, whom, "--until", "8h", "--basis", "order"]);
    match part(person) {
        Part::Reader => (0..PATIENTS_EACH).for_each(|own| {
            relate(&format!("patient:DEMO/M{:08}", patient(person, own)));
        }),
        Part::Wide => {
            relate("site");
            let (opened, listed) = (OPENED.to_string(), LISTED.to_string());
            site.ok(&["budget", "set", &who, "--opened-due", &opened, "--listed-due", &listed]);
        }
        Part::Officer | Part::Administrator => {}
    }
    added["enrolment"].as_str().unwrap().split_once('#').unwrap().1.to_owned()
}

/// What somebody did before the front was taken over.
fn look_around(person: usize, browser: &mut Browser) {
    match part(person) {
        Part::Reader => {
            assert_eq!(browser.get("/api/studies?limit=50").json()["studies"].as_array().unwrap().len(), PATIENTS_EACH);
            let study = &studies_of(person)[0];
            assert_eq!(browser.get(&format!("/dicom-web/studies/{study}/thumbnail")).status, 200);
        }
        Part::Wide => assert_eq!(browser.get("/api/session").status, 200),
        Part::Officer | Part::Administrator => {
            for path in ["/api/people", "/api/approvals"] {
                assert_eq!(browser.get(path).status, 200, "{path}");
            }
        }
    }
}

/// A device whose token is bound to a key that nobody here has.
fn bound_device(site: &Installation) -> String {
    let key = dpop::Thumbprint([3; 32]).to_string();
    let add = ["device", "add", "bound reader", "--organisation", "Machines", "--may", "list,open", "--token"];
    let added = site.ok(&[&add[..], &["--bind-dpop", &key]].concat());
    site.ok(&["relate", "device:bound reader", "site", "--until", "8h", "--basis", "machine reader"]);
    added["token"].as_str().unwrap().to_owned()
}

/// Two cold studies, one of which is asked for; that request's row.
fn cold_studies(site: &Installation) -> Value {
    let files = COLD.iter().map(|patient| ct_instance(*patient, *patient, 1, 1, 16, 16)).collect();
    assert!(store(site.dicom(), files).unwrap().iter().all(|status| *status == 0));
    site.ok(&["settle"]);
    let words = site.path("holder.words");
    site.ok(&["cold", "holder", "new", "anna", "--out", &words]);
    site.ok(&["cold", "init", "--threshold", "1", "--holder", &format!("{words}.pub")]);
    site.ok(&["cold", "rule", "--after", "0s"]);
    crate::cold::prove(site, &words);
    assert_eq!(site.ok(&["cold", "sweep"])["studies"], COLD.len());
    let asked = format!("study:{}", uid(&[9, COLD[0], COLD[0]]));
    site.ok(&["cold", "ask", &asked, "--reason", "comparison", "--until", "8h"]);
    site.ok(&["cold", "requests"])[0].clone()
}

/// What waits for somebody to decide, and what an emergency would be about.
fn waiting(site: &Installation, request: &Value, absent: &Browser) -> Value {
    let proposed = site.ok(&["person", "role", &email(PRESENT), "technologist"])["proposal"].clone();
    let proposals = site.ok(&["approve", "list"]);
    let proposal = proposals["proposals"].as_array().unwrap().iter().find(|row| row["proposal"] == proposed).unwrap();
    let stranger = patient(PRESENT + 1, 0);
    json!({
        "proposal": proposed, "proposal_digest": proposal["digest"],
        "request": request["request"], "request_digest": request["digest"],
        "cold_study": uid(&[9, COLD[1], COLD[1]]),
        "patient": format!("M{stranger:08}"), "birth_date": "19700101",
        "friend": email(PRESENT + 2),
        "session": absent.session,
    })
}

/// A present person's name, reach and budget of a day, in words.
fn described(site: &Installation, person: usize) -> (String, String, String) {
    let name = email(person);
    let reach = match part(person) {
        Part::Reader => format!("{PATIENTS_EACH} patients"),
        Part::Wide => "the whole site".to_owned(),
        Part::Officer | Part::Administrator => return (name, "nobody".to_owned(), "none".to_owned()),
    };
    let stop = |measure: &str| {
        let rows = site.ok(&["budget", "show", &format!("person:{name}")])["rows"].clone();
        let row =
            rows.as_array().unwrap().iter().find(|row| row["measure"] == measure && row["span"] == "day").cloned();
        row.unwrap()["stop"].to_string()
    };
    let budget = format!("{} opened, {} names", stop("opened-due"), stop("listed-due"));
    (name, reach, budget)
}

fn number_of(site: &Installation, email: &str) -> PersonId {
    let people = site.ok(&["person", "list"]);
    let row = people.as_array().unwrap().iter().find(|row| row["email"] == email).unwrap().clone();
    PersonId(u32::try_from(row["person"].as_u64().unwrap()).unwrap())
}

/// Every entry of the ledger.
pub fn entries(site: &Installation) -> Vec<Entry> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = protocol::connect(&site.dir().join("run/owner.sock")).await.unwrap();
        client.hello(protocol::context::current(), PROTOCOL_VERSION).await.unwrap().unwrap();
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let request = PageRequest::Entries { from: EntryNumber(entries.len() as u64), limit: 500 };
            match client.ask(protocol::context::current(), Credential::Owner, request).await.unwrap().unwrap() {
                PageReply::Entries { entries: page, .. } if page.is_empty() => return entries,
                PageReply::Entries { entries: page, .. } => entries.extend(page.iter().map(|row| row.parse().unwrap())),
                other => panic!("{other:?}"),
            }
        }
    })
}
