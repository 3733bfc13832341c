//! A site for a warden, filled through its front's socket as a front does it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use model::{Ceilings, DeviceId, DeviceMay, Instant, ObjectId, Origin, SiteId, Tier, Uid};
use protocol::{
    Credential, HandoverBody, HandoverObject, HandoverRecord, InstanceAttributes, PROTOCOL_VERSION, PageReply,
    PageRequest, PatientAttributes, SeriesAttributes, StoredNote, StudyAttributes, WardenClient, WrappedKey, context,
};
use seal::{BatchKeys, CryptoRng, ObjectContext, ObjectKind, RecoveryKit, SitePublicKey, SystemRandom};
use warden::{MadeSite, NewSite};

/// The passphrase of measured sites.
pub const PASSPHRASE: &str = "seven quiet lamps in a row";
/// Records of one handover.
const RECORDS: u32 = 500;

/// The clock of these measurements.
#[allow(clippy::disallowed_methods, reason = "measurements read the clock")]
pub fn now() -> Instant {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Instant(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Makes the site's folders.
pub fn init(dir: &Path) -> Result<MadeSite> {
    let kit = RecoveryKit::generate(&mut SystemRandom);
    let new = NewSite { name: "Measured", passphrase: PASSPHRASE, kit: &kit, tls_key_pem: "-----KEY-----" };
    Ok(warden::init(dir, &new, now())?)
}

/// A conversation over a socket.
pub async fn connect(socket: &Path) -> Result<WardenClient> {
    let client = protocol::connect(socket).await?;
    client.hello(soon(), PROTOCOL_VERSION).await??;
    Ok(client)
}

/// A running `leadglass warden`, the role itself.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts it on the folder of a site and waits until it answers.
    pub fn start(program: &Path, dir: &Path) -> Result<Self> {
        let mut child = Command::new(program)
            .args(["warden", "--until-stdin-closes", "--passphrase-file", "-", "--dir"])
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        let input = child.stdin.as_mut().context("it has a standard input")?;
        input.write_all(format!("{PASSPHRASE}\n").as_bytes())?;
        let output = child.stdout.take().context("it has a standard output")?;
        let started = Self { child };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        ensure!(line.contains("\"ready\":true"), "the warden did not start; its message stands above");
        Ok(started)
    }

    /// The front's and the owner's conversation with it.
    pub async fn conversations(dir: &Path) -> Result<(WardenClient, WardenClient)> {
        Ok((connect(&dir.join("run/warden.sock")).await?, connect(&dir.join("run/owner.sock")).await?))
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it in order.
    pub fn end(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // it ended already, or the measurement failed
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Memory that a process holds now, in MiB: `field` is `VmRSS`, or `VmHWM` for the most that it ever held.
pub fn memory_mib(pid: u32, field: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))
        .context("the process ended during the measurement; see its messages")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    Ok(kib.context("the system tells a process's memory")? / 1024)
}

/// A deadline far away: a full disk is slow.
pub fn soon() -> context::Context {
    let mut context = context::current();
    context.deadline = std::time::Instant::now() + std::time::Duration::from_secs(600);
    context
}

/// Asks as the owner.
pub async fn owner(client: &WardenClient, request: PageRequest) -> Result<PageReply> {
    client.ask(soon(), Credential::Owner, request).await?.map_err(|refusal| anyhow::anyhow!(refusal.to_string()))
}

/// A device that may read the whole site; its token.
pub async fn reader(client: &WardenClient) -> Result<String> {
    let authorisation = model::Authorisation::PasskeyOnly;
    owner(client, PageRequest::AddOrganisation { name: "Machines".to_owned(), authorisation }).await?;
    let added = owner(
        client,
        PageRequest::AddDevice {
            name: "reader".to_owned(),
            organisation: "Machines".to_owned(),
            may: vec![DeviceMay::Store, DeviceMay::List, DeviceMay::Open],
            ae_title: None,
            from: Vec::new(),
            token: true,
            bound: None,
            token_until: None,
        },
    )
    .await?;
    let PageReply::DeviceAdded { token: Some(token), .. } = added else { bail!("no token was given") };
    let (from, until) = (now(), now().plus_seconds(86_400));
    let (who, whom, basis) = ("device:reader".to_owned(), "site".to_owned(), "measurement".to_owned());
    owner(client, PageRequest::Relate { who, whom, tier: Tier::Open, from, until, basis }).await?;
    // measured is how fast it answers, not when it would stop a reader of everything
    let none = Some(Ceilings::NO_LIMIT);
    let ceilings = Ceilings { opened_due: none, opened_other: none, listed_due: none, listed_other: none };
    owner(client, PageRequest::SetBudget { whose: "device:reader".to_owned(), ceilings }).await?;
    Ok(token)
}

/// What a front shows for a device with this token.
pub fn credential(token: &str) -> Credential {
    Credential::DeviceToken { token: token.to_owned(), origin: Origin("127.0.0.1".to_owned()) }
}

/// The UID of a study.
pub fn study_uid(study: u32) -> Uid {
    Uid::parse(&format!("1.2.826.0.1.{study}")).expect("digits and full stops")
}

/// Writes an outbox.
pub struct Sender {
    site: SiteId,
    public: SitePublicKey,
    sequence: u64,
    chain: [u8; 32],
}

impl Sender {
    /// Begins where the warden at the other end of `client` is.
    pub async fn new(client: &WardenClient) -> Result<Self> {
        let hello = client.hello(soon(), PROTOCOL_VERSION).await??;
        let public =
            SitePublicKey::from_bytes(&hello.site_public_key).ok().context("the site's public key can be read")?;
        Ok(Self {
            site: hello.site,
            public,
            sequence: hello.next_outbox_sequence.saturating_sub(1),
            chain: hello.outbox_chain,
        })
    }

    /// Hands over one-instance studies of as many patients, `from..to`.
    pub async fn fill(&mut self, client: &WardenClient, from: u32, to: u32) -> Result<()> {
        let mut next = from;
        let mut waiting = None;
        while next < to {
            let behind = to.min(next + RECORDS);
            // wrapping keys is the slow half: the next records are made while the warden takes these
            let records = self.records(next, behind);
            if let Some(handover) = waiting.take() {
                taken(handover).await?;
            }
            let client = client.clone();
            waiting = Some(tokio::spawn(async move { client.handover(soon(), records).await }));
            next = behind;
            if next.is_multiple_of(100_000) {
                eprintln!("{next} studies");
            }
        }
        match waiting {
            Some(handover) => taken(handover).await,
            None => Ok(()),
        }
    }

    fn records(&mut self, from: u32, to: u32) -> Vec<HandoverRecord> {
        let half = from + (to - from) / 2;
        let bodies: Vec<Vec<u8>> = std::thread::scope(|scope| {
            let this = &*self;
            let first = scope.spawn(move || (from..half).map(|study| this.body(study)).collect::<Vec<_>>());
            let second: Vec<_> = (half..to).map(|study| this.body(study)).collect();
            let mut bodies = first.join().unwrap_or_default();
            bodies.extend(second);
            bodies
        });
        bodies
            .into_iter()
            .map(|body| {
                self.sequence += 1;
                self.chain = HandoverRecord::chain_after(&self.chain, self.sequence, &body);
                HandoverRecord { sequence: self.sequence, chain: self.chain, body }
            })
            .collect()
    }

    fn body(&self, study: u32) -> Vec<u8> {
        let rng = &mut SystemRandom;
        let keys = BatchKeys::generate(rng);
        let object = fresh(rng);
        let plain = postcard::to_stdvec(&note(study)).expect("a note is text and numbers");
        let context = ObjectContext { site: self.site, key: keys.key, object, kind: ObjectKind::Note };
        let sealed_note = seal::seal_blob(&keys.listing, context, &plain, rng);
        let wrapped = keys.wrap(&self.public, self.site, rng).into_bytes();
        let object = HandoverObject {
            object,
            key: keys.key,
            device: Some(DeviceId(0)),
            origin: Origin("192.0.2.7".to_owned()),
            sealed_note,
        };
        let keys = vec![WrappedKey { key: keys.key, wrapped }];
        let body = HandoverBody { taken_in: now(), keys, objects: vec![object] };
        postcard::to_stdvec(&body).expect("a body is bytes and numbers")
    }
}

fn fresh(rng: &mut impl CryptoRng) -> ObjectId {
    let mut object = ObjectId([0; 16]);
    rng.fill_bytes(&mut object.0);
    object
}

async fn taken(
    handover: tokio::task::JoinHandle<
        Result<Result<protocol::HandoverReply, protocol::Refusal>, impl std::error::Error>,
    >,
) -> Result<()> {
    match handover.await? {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(refusal)) => bail!(refusal.to_string()),
        Err(error) => bail!(error.to_string()),
    }
}

/// One CT image of the study of this number; every study has a patient of its own.
fn note(study: u32) -> StoredNote {
    let mut content = [0; 32];
    content[..4].copy_from_slice(&study.to_be_bytes());
    let surnames = ["Adler", "Brandt", "Castell", "Dietz", "Ebner", "Falk", "Gerlach", "Huber", "Immel", "Jansen"];
    let given = ["Anna", "Ben", "Clara", "David", "Eva", "Felix", "Greta", "Hans", "Ida", "Jonas", "Karla"];
    let pick = |words: &[&str], by: u32| words[(study / by) as usize % words.len()].to_owned();
    let uid = study_uid(study);
    let child = |suffix: &str| Uid::parse(&format!("{}.{suffix}", uid.as_str())).expect("digits and full stops");
    let day = 1 + study % 28;
    let month = 1 + study / 28 % 12;
    StoredNote {
        version: 1,
        content,
        patient: PatientAttributes {
            id: format!("P{study:08}"),
            issuer: "HOSPITAL".to_owned(),
            name: format!("{}-{}^{}", pick(&surnames, 1), study / 100, pick(&given, 10)),
            birth_date: format!("{:04}{month:02}{day:02}", 1930 + study % 80),
            sex: if study.is_multiple_of(2) { "F" } else { "M" }.to_owned(),
        },
        study: StudyAttributes {
            uid: uid.clone(),
            date: format!("{:04}{month:02}{day:02}", 2015 + study % 11),
            time: "101112".to_owned(),
            accession_number: format!("A{study:08}"),
            id: format!("{}", study % 10_000),
            description: "CT Thorax".to_owned(),
            referring_physician: format!("{}^{}", pick(&surnames, 7), pick(&given, 3)),
        },
        series: SeriesAttributes {
            uid: child("1"),
            modality: "CT".to_owned(),
            number: "1".to_owned(),
            description: "axial".to_owned(),
            body_part: "CHEST".to_owned(),
            date: format!("{:04}{month:02}{day:02}", 2015 + study % 11),
            time: "101112".to_owned(),
        },
        instance: InstanceAttributes {
            uid: child("1.1"),
            sop_class: Uid::parse("1.2.840.10008.5.1.4.1.1.2").expect("a UID"),
            number: "1".to_owned(),
            frames: 1,
        },
    }
}
