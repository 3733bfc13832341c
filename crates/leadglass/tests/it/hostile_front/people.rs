//! The people of the installation, their patients and their browsers.

use model::{Entry, EntryNumber, PersonId};
use phantom::{ct_instance, uid};
use protocol::{Credential, PROTOCOL_VERSION, PageReply, PageRequest};
use serde_json::{Value, json};

use crate::browser::{Browser, Sent};
use crate::installation::{Installation, store};

/// People whose browser shows a page of this archive.
pub const PRESENT: usize = 5;
/// People who are signed in and somewhere else.
pub const ABSENT: usize = 45;
/// Each person reaches so many patients, and nobody else's.
pub const PATIENTS_EACH: usize = 2;

pub struct Cast {
    /// The present ones first.
    pub browsers: Vec<Browser>,
    pub absent: Vec<PersonId>,
    /// Somebody who is about to sign in.
    visitor: Browser,
    device_token: String,
}

/// The studies of a person: one for each patient.
pub fn studies_of(person: usize) -> Vec<String> {
    (0..PATIENTS_EACH).map(|own| patient(person, own)).map(|patient| uid(&[9, patient, patient])).collect()
}

fn patient(person: usize, own: usize) -> u32 {
    (person * PATIENTS_EACH + own + 1) as u32
}

impl Cast {
    /// 50 people who are signed in with passkeys, each with two patients, each of whom has listed and opened; and one more
    /// who is about to sign in.
    pub fn of(site: &Installation) -> Self {
        site.with_devices();
        let files = (0..=PRESENT + ABSENT).flat_map(|person| (0..PATIENTS_EACH).map(move |own| patient(person, own)));
        let files: Vec<_> = files.map(|patient| ct_instance(patient, patient, 1, 1, 16, 16)).collect();
        assert!(store(site.dicom(), files).unwrap().iter().all(|status| *status == 0));
        site.ok(&["settle"]);
        site.ok(&["org", "add", "Practice"]);
        let mut people: Vec<Browser> = (0..=PRESENT + ABSENT).map(|person| enrolled(site, person)).collect();
        let visitor = people.pop().unwrap();
        for (person, browser) in people.iter_mut().enumerate() {
            browser.sign_in();
            assert_eq!(browser.get("/api/studies?limit=50").json()["studies"].as_array().unwrap().len(), PATIENTS_EACH);
            let study = &studies_of(person)[0];
            assert_eq!(browser.get(&format!("/dicom-web/studies/{study}/thumbnail")).status, 200);
        }
        let absent = (PRESENT..PRESENT + ABSENT).map(|person| number_of(site, &email(person))).collect();
        let key = dpop::Thumbprint([3; 32]).to_string();
        let added = site.ok(&[
            "device",
            "add",
            "bound reader",
            "--organisation",
            "Machines",
            "--may",
            "list,open",
            "--token",
            "--bind-dpop",
            &key,
        ]);
        site.ok(&["relate", "device:bound reader", "site", "--until", "8h", "--basis", "machine reader"]);
        let device_token = added["token"].as_str().unwrap().to_owned();
        Self { browsers: people, absent, visitor, device_token }
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
            json!({ "token": browser.token, "present": present, "studies": studies, "sent": sent_by(browser) })
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
        })
    }

    /// What the visitor's authenticator signs: for the page's own challenge, or for the one that the front put there.
    pub fn visitor_signs(&mut self, begun: &Value, honest: bool) -> String {
        let options = if honest { self.visitor.with_own_challenge(begun) } else { begun["options"].to_string() };
        self.visitor.authenticator.get(&options)
    }
}

fn email(person: usize) -> String {
    format!("reader{person}@x.example")
}

fn enrolled(site: &Installation, person: usize) -> Browser {
    let email = email(person);
    let added =
        site.ok(&["person", "add", &email, "--name", "Reader", "--role", "radiologist", "--organisation", "Practice"]);
    let link = added["enrolment"].as_str().unwrap().split_once('#').unwrap().1.to_owned();
    for own in 0..PATIENTS_EACH {
        let whom = format!("patient:DEMO/M{:08}", patient(person, own));
        site.ok(&["relate", &format!("person:{email}"), &whom, "--until", "8h", "--basis", "order"]);
    }
    let mut browser = Browser::new(site.http());
    browser.enrol(&link);
    browser
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
