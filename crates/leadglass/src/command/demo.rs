//! `leadglass demo`: an installation in a temporary folder with synthetic patients, real in every part.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use model::{DeviceMay, Instant, Origin, Role, Tier};
use protocol::{PROTOCOL_VERSION, PageReply, PageRequest, SignInReply, SignInRequest};
use seal::{RecoveryKit, SystemRandom};
use serde_json::json;
use zeroize::Zeroizing;

use super::import::settle;
use super::serve::{Installation, Plan};
use crate::cli::{DemoArgs, InitArgs, ListenArgs, ServeArgs};
use crate::output::say;
use crate::owner::{Owner, WARDEN_SOCKET};
use crate::unseal::UnsealArgs;
use crate::{control, time};

const HOSPITAL: &str = "Demonstration Hospital";
const PRACTICE: &str = "Practice Robin";
const OTHER_PRACTICE: &str = "Practice Other";
const AE_TITLE: &str = "DEMO";
/// Where everybody's link for a passkey stands, in the folder that goes with the demonstration.
const LINKS_FILE: &str = "links";
/// How long the demonstration's relationships last, in seconds.
const REACH_SECONDS: i64 = 90 * 86_400;

/// Somebody in the demonstration.
struct DemoPerson {
    role: Role,
    email: &'static str,
    name: &'static str,
    organisation: &'static str,
    record: Option<&'static str>,
}

const PEOPLE: [DemoPerson; 6] = [
    person(Role::Patient, "anna@demo.example", "Anna Beispiel", HOSPITAL, Some("DEMO/D-1001")),
    person(Role::Referrer, "robin@demo.example", "Dr. Robin Referrer", PRACTICE, None),
    person(Role::Radiologist, "rae@demo.example", "Dr. Rae Reader", HOSPITAL, None),
    person(Role::Technologist, "toni@demo.example", "Toni Technologist", HOSPITAL, None),
    person(Role::Officer, "olga@demo.example", "Olga Officer", HOSPITAL, None),
    person(Role::Administrator, "adam@demo.example", "Adam Administrator", HOSPITAL, None),
];

const fn person(
    role: Role,
    email: &'static str,
    name: &'static str,
    organisation: &'static str,
    record: Option<&'static str>,
) -> DemoPerson {
    DemoPerson { role, email, name, organisation, record }
}

/// What somebody signs in with.
struct Ready {
    person: &'static DemoPerson,
    password: String,
    secret: String,
    link: String,
}

/// Runs until Ctrl-C or SIGTERM; leaves nothing behind.
pub fn demo(arguments: &DemoArgs) -> Result<()> {
    // before there is anything to leave behind
    let ending = control::ending();
    let files = dicom_files(&arguments.data)?;
    let folder = tempfile::Builder::new().prefix("leadglass-demo-").tempdir()?;
    let mut installation = start(folder.path(), arguments)?;
    let dir = folder.path().join("data");
    let address = installation.http().context("the demonstration serves HTTP")?.to_owned();
    let people = fill(&dir, &address, installation.dicom().context("the demonstration takes DICOM")?, &files)?;
    if arguments.machine {
        let people: Vec<_> = people
            .iter()
            .map(|ready| {
                json!({ "role": ready.person.role, "email": ready.person.email, "name": ready.person.name,
                        "password": ready.password, "secret": ready.secret, "enrolment": ready.link })
            })
            .collect();
        let mut line = installation.ready_line();
        line["people"] = json!(people);
        line["dir"] = json!(dir);
        say!("{line}");
    } else {
        let links = folder.path().join(LINKS_FILE);
        let lines = people.iter().map(|ready| format!("{:<18} {}\n", ready.person.email, ready.link));
        write(&links, lines.collect::<String>().as_bytes())?;
        print_welcome(&address, &links, &people);
    }
    let mut shown = time::now().0 / (30 * model::SECOND);
    let alive = std::io::stdout().is_terminal() && !arguments.machine;
    loop {
        if ending.recv_timeout(Duration::from_secs(1)).is_ok() {
            break;
        }
        installation.look_after();
        let step = time::now().0 / (30 * model::SECOND);
        if alive && step != shown {
            refresh_codes(&people);
            shown = step;
        }
    }
    installation.end();
    // the folder goes with everything in it
    folder.close().context("the demonstration's folder could not be removed")?;
    Ok(())
}

fn start(folder: &Path, DemoArgs { http, machine, .. }: &DemoArgs) -> Result<Installation> {
    // the passphrase of an installation that lives for minutes is made up and thrown away with it
    let passphrase = Zeroizing::new(RecoveryKit::generate(&mut SystemRandom).to_text().replace('\n', " "));
    let passphrase_file = folder.join("passphrase");
    write(&passphrase_file, passphrase.as_bytes())?;
    let http = if std::net::TcpListener::bind(http).is_ok() { http.as_str() } else { "127.0.0.1:0" };
    // orders come in where a test tells some
    let hl7 = if *machine { "127.0.0.1:0" } else { "none" };
    let init = InitArgs {
        site: HOSPITAL.to_owned(),
        passphrase_file: passphrase_file.clone(),
        recovery_kit: Some(folder.join("recovery-kit")),
        officer: "first-officer@demo.example".to_owned(),
        officer_name: "First officer".to_owned(),
        password_and_code: true,
        approval_delay: "24h".to_owned(),
        setup: "1h".to_owned(),
        origin: "http://localhost:8080".to_owned(),
    };
    super::init::create(&folder.join("data"), &init, &passphrase)?;
    let serve = ServeArgs {
        unseal: UnsealArgs { passphrase_file: Some(passphrase_file), ..UnsealArgs::default() },
        listen: ListenArgs {
            http: http.to_owned(),
            dicom: "127.0.0.1:0".to_owned(),
            dicom_tls: "none".to_owned(),
            hl7: hl7.to_owned(),
            hl7_tls: "none".to_owned(),
            metrics: "none".to_owned(),
            ae: None,
            origin: None,
            tls_cert: None,
            tls_key: None,
            plain_http: true,
        },
        leak_range: None,
    };
    Installation::start(&Plan::read(&folder.join("data"), &serve)?, Some("error"))
}

/// How long changes wait in the demonstration, in seconds.
const DELAY_SECONDS: i64 = 60;

/// Organisations, a modality, images by C-STORE, people and their relationships.
fn fill(dir: &Path, address: &str, dicom: &str, files: &[PathBuf]) -> Result<Vec<Ready>> {
    let owner = Owner::connect(dir)?;
    for name in [PRACTICE, OTHER_PRACTICE] {
        let authorisation = model::Authorisation::PasswordAndCode;
        owner.tell(PageRequest::AddOrganisation { name: name.to_owned(), authorisation })?;
    }
    owner.ask(PageRequest::AddDevice {
        name: "Demonstration modality".to_owned(),
        organisation: HOSPITAL.to_owned(),
        may: vec![DeviceMay::Store],
        ae_title: Some(AE_TITLE.to_owned()),
        from: vec!["127.0.0.1".to_owned()],
        token: false,
        bound: None,
        token_until: None,
    })?;
    let dicom = dicom.parse().context("the front named its DICOM address")?;
    let statuses = dimse::sender::send_files(dicom, AE_TITLE, "LEADGLASS", files)
        .map_err(|error| anyhow!("the demonstration's images could not be sent; {error}"))?;
    if let Some(status) = statuses.iter().find(|status| **status != 0) {
        bail!("an image was refused with status {status:#06x}; see the log with LEADGLASS_LOG=info");
    }
    settle(dir)?;
    let people = PEOPLE.iter().map(|person| enrol(dir, &owner, address, person)).collect::<Result<Vec<_>>>()?;
    let now = time::now();
    let relate = |who: &str, whom: &str, tier: Tier, basis: &str| {
        let until = now.plus_seconds(REACH_SECONDS);
        let (who, whom, basis) = (who.to_owned(), whom.to_owned(), basis.to_owned());
        owner.ask(PageRequest::Relate { who, whom, tier, from: now, until, basis }).map(|_| ())
    };
    relate("person:rae@demo.example", "site", Tier::Open, "reading group of the hospital")?;
    relate("person:toni@demo.example", "site", Tier::List, "technologists of the hospital")?;
    for patient in ["D-1001", "D-1002", "D-1005"] {
        relate(&format!("org:{PRACTICE}"), &format!("patient:DEMO/{patient}"), Tier::Open, "referral")?;
    }
    for patient in ["D-1003", "D-1004", "D-1006"] {
        relate(&format!("org:{OTHER_PRACTICE}"), &format!("patient:DEMO/{patient}"), Tier::Open, "referral")?;
    }
    // set up: from here on changes wait, long enough to look at a proposal and short enough to see it carried out
    let rule = model::ApprovalRule { delay_seconds: DELAY_SECONDS, setup_seconds: 0 };
    owner.tell(PageRequest::Approvals(protocol::ApprovalRequest::Rule { rule }))?;
    Ok(people)
}

/// Adds a person and enrols them with a password and a one-time code, as their own browser would; then issues one more
/// link, to try a passkey with.
fn enrol(dir: &Path, owner: &Owner, address: &str, person: &'static DemoPerson) -> Result<Ready> {
    let request = PageRequest::AddPerson {
        email: person.email.to_owned(),
        name: person.name.to_owned(),
        role: person.role,
        organisation: person.organisation.to_owned(),
        password_and_code: true,
        own_record: person.record.map(str::to_owned),
    };
    let PageReply::EnrolmentLink { token, .. } = owner.ask(request)? else { return unexpected() };
    let password = new_password();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let secret = runtime.block_on(async {
        let client = protocol::connect(&dir.join(WARDEN_SOCKET)).await?;
        let refused = |refusal: protocol::Refusal| anyhow!(refusal.to_string());
        client.hello(protocol::context::current(), PROTOCOL_VERSION).await?.map_err(refused)?;
        let origin = Origin("127.0.0.1".to_owned());
        let begin = SignInRequest::EnrolPasswordBegin { token: token.clone(), password: password.clone() };
        let reply = client.sign_in(protocol::context::current(), origin.clone(), begin).await?.map_err(refused)?;
        let SignInReply::OneTimeCodeSecret { ceremony, secret, .. } = reply else { return unexpected() };
        let code = code_of(&secret, time::now())?;
        let finish = SignInRequest::EnrolPasswordFinish { token, ceremony, code };
        client.sign_in(protocol::context::current(), origin, finish).await?.map_err(refused)?;
        anyhow::Ok(secret)
    })?;
    let reply = owner.ask(PageRequest::IssueEnrolment { email: person.email.to_owned() })?;
    let PageReply::EnrolmentLink { token, .. } = reply else { return unexpected() };
    Ok(Ready { person, password, secret, link: format!("{address}/enrol#{token}") })
}

/// A dozen lines. The people come last: what stands above may be longer than the terminal is wide, and is not written again.
fn print_welcome(address: &str, links: &Path, people: &[Ready]) {
    say!("leadglass runs with synthetic patients until Ctrl-C: {address}");
    say!("Try: 1. as Rae, open a CT and press ?.  2. as Anna, see who looked at your images.");
    say!("     3. as Olga, ask what Dr. Robin Referrer could reach, and what was opened.");
    say!("     4. as Robin, take emergency access to patient D-1003, born 1944-06-30.");
    say!("Sign in as below, or with a passkey as Rae (the others: {}):", links.display());
    for ready in people.iter().filter(|ready| ready.person.role == Role::Radiologist) {
        say!("  {}", ready.link);
    }
    print_people(people);
}

/// One line each, which fits into 80 columns, so that they can be written again in place.
fn print_people(people: &[Ready]) {
    let now = time::now();
    for ready in people {
        let role = format!("{:?}", ready.person.role).to_lowercase();
        let code = code_of(&ready.secret, now).unwrap_or_default();
        say!("  {role:<13} {:<18} {:<24} code {code}", ready.person.email, ready.password);
    }
}

/// Writes the people's lines again in place, with the codes of now.
fn refresh_codes(people: &[Ready]) {
    print!("\x1b[{}A\r", people.len());
    print_people(people);
    // an error here means that the terminal went away
    let _ = std::io::stdout().flush();
}

/// The code of the moment, as an authenticator app shows it.
fn code_of(secret: &str, now: Instant) -> Result<String> {
    identity::code_at(secret, now).context("the secret is Base32 of 160 bits")
}

/// A password that nobody has used before: four groups of a fresh random text.
fn new_password() -> String {
    let text = RecoveryKit::generate(&mut SystemRandom).to_text().to_lowercase();
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|group| !group.is_empty())
        .take(4)
        .collect::<Vec<_>>()
        .join("-")
}

fn dicom_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("{} cannot be read; name a folder of DICOM files with --data", folder.display()))?;
    let mut files = entries.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "dcm"));
    files.sort();
    if files.is_empty() {
        bail!("{} holds no .dcm file; name a folder of DICOM files with --data", folder.display());
    }
    Ok(files)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    Ok(std::fs::File::create_new(path)?.write_all(bytes)?)
}

fn unexpected<T>() -> Result<T> {
    bail!("the warden answered something else; run everything from the same version")
}
