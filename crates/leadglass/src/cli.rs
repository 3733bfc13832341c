//! The command line. The forms are fixed, so that scripts can rely on them.

use std::net::SocketAddr;
use std::path::PathBuf;

pub use crate::cli_cold::{ColdCommand, HolderCommand, ShredArgs};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::command::{DrillCommand, UnsealCommand};
use crate::unseal::UnsealArgs;
mod ledger;

pub use ledger::{LedgerCommand, LedgerSinkCommand, LedgerWitnessCommand, WitnessCommand};

/// A sealed radiology image archive: every reading recorded, every reach bounded.
#[derive(Debug, Parser)]
#[command(name = "leadglass", version, propagate_version = true)]
pub struct Cli {
    /// The installation's folder.
    #[arg(long, global = true, default_value = "./leadglass-data", value_name = "DIR")]
    pub dir: PathBuf,
    /// How answers are printed.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a demonstration on localhost with synthetic patients; Ctrl-C leaves nothing behind.
    #[command(after_help = "Example: leadglass demo")]
    Demo(DemoArgs),
    /// Make an installation.
    #[command(
        after_help = "Example: leadglass init --site \"Praxis am Markt\" --passphrase-file /media/stick/passphrase"
    )]
    Init(InitArgs),
    /// Start front and warden on this machine.
    #[command(after_help = "Example: leadglass serve --passphrase-file /media/stick/passphrase --dicom 0.0.0.0:11112")]
    Serve(ServeArgs),
    /// Take in files, folders, zip archives or a DICOMDIR.
    #[command(after_help = "Example: leadglass import /media/cdrom/DICOMDIR old-archive/ studies.zip")]
    Import(ImportArgs),
    /// Wait until everything that was taken in is recorded and can be listed.
    #[command(after_help = "Example: leadglass settle")]
    Settle,
    /// Organisations.
    #[command(subcommand)]
    Org(OrgCommand),
    /// People.
    #[command(subcommand)]
    Person(PersonCommand),
    /// Devices: modalities and machine clients.
    #[command(subcommand)]
    Device(DeviceCommand),
    /// Make a relationship: who may see whom, until when, and why.
    #[command(
        after_help = "Example: leadglass relate person:dr@example.org patient:HOSPITAL/12345 --until 90d --basis \"referral of 24 November\""
    )]
    Relate(RelateArgs),
    /// End relationships between the two.
    #[command(after_help = "Example: leadglass unrelate person:dr@example.org patient:HOSPITAL/12345 --until now")]
    Unrelate(UnrelateArgs),
    /// What somebody could reach and did reach, in a session, with a key, or what lay on a disk.
    #[command(
        after_help = "Example: leadglass exposure person:dr@example.org --from 30d --to now --format json\n         leadglass exposure disk:3f0c... --from 2026-11-01T00:00:00Z --output report.pdf --language de"
    )]
    Exposure(ExposureArgs),
    /// Incidents: who did what when, and the clocks that run.
    #[command(subcommand)]
    Incident(IncidentCommand),
    /// What patients asked about who looked.
    #[command(subcommand)]
    Question(QuestionCommand),
    /// Unusual reading that was found.
    #[command(subcommand)]
    Findings(FindingsCommand),
    /// How many patients somebody reads, and the limits.
    #[command(subcommand)]
    Budget(BudgetCommand),
    /// Synthetic patients whom nobody has a reason to read.
    #[command(subcommand)]
    Honey(HoneyCommand),
    /// File a study under another patient; the stored bytes stay as they are.
    #[command(
        after_help = "Example: leadglass move 1.2.840.1 patient:HOSPITAL/12345 --reason \"wrong patient at the console\""
    )]
    Move(MoveArgs),
    /// Changes that wait for a second person and a delay.
    #[command(subcommand)]
    Approve(ApproveCommand),
    /// Propose a change that no other command makes.
    #[command(subcommand)]
    Propose(ProposeCommand),
    /// Cold studies: who holds their keys, asking for them, approving.
    #[command(subcommand)]
    Cold(ColdCommand),
    /// Destroy the keys of a study or patient: no copy in DIR opens it any more. Nothing brings it back.
    #[command(
        after_help = "Example: leadglass shred patient:HOSPITAL/12345 --reason \"erasure asked for on 24 November\"\nLater:   leadglass shred --certificate 4711"
    )]
    Shred(ShredArgs),
    /// Wrap every key again under a new epoch key and destroy the old ones.
    #[command(after_help = "Example: leadglass rotate")]
    Rotate,
    /// The ledger's files.
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Be a witness for ledgers of other sites (C2SP tlog-witness).
    #[command(subcommand)]
    Witness(WitnessCommand),
    /// Take the ledger's checkpoints to its witnesses (`serve` starts it).
    #[command(after_help = "Example: leadglass courier --dir /srv/leadglass")]
    Courier {
        /// Ends when standard input closes: the parent is gone.
        #[arg(long, hide = true)]
        until_stdin_closes: bool,
    },
    /// The second copy.
    #[command(subcommand)]
    Vault(VaultCommand),
    /// What unseals the root: passphrase, recovery kit, shares, age, TPM and Tang, any program.
    #[command(subcommand)]
    Unseal(UnsealCommand),
    /// Play an incident of the past with synthetic patients, and say what held.
    #[command(subcommand)]
    Drill(DrillCommand),
    /// Look for what is wrong with an installation and say what to do.
    #[command(after_help = "Example: leadglass doctor --dir /srv/leadglass")]
    Doctor,
    /// Run the warden alone (`serve` starts it), also for fronts on other machines.
    #[command(
        after_help = "Example: leadglass warden --passphrase-file /media/stick/passphrase --listen 10.0.7.1:7443",
        args_conflicts_with_subcommands = true,
        subcommand_negates_reqs = true
    )]
    Warden(WardenArgs),
    /// Run the front alone (`serve` starts it), also with a warden on another machine.
    #[command(
        after_help = "Example: leadglass front --warden 10.0.7.1:7443 --http 0.0.0.0:443",
        args_conflicts_with_subcommands = true
    )]
    Front(FrontArgs),
    /// The line between a front and a warden on two machines (`warden` and `front` start it).
    #[command(hide = true)]
    Line(LineArgs),
    /// Raise the walls of a role and try what they refuse.
    #[cfg(debug_assertions)]
    #[command(hide = true)]
    WallTest(WallTestArgs),
}

/// `demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// A folder of DICOM files to take in.
    #[arg(long, default_value = "demo", value_name = "DIR")]
    pub data: PathBuf,
    /// Where the pages are.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub http: String,
    /// Prints the address and the people as one line of JSON, for tests.
    #[arg(long, hide = true)]
    pub machine: bool,
}

/// `init`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Name of the site.
    #[arg(long, value_name = "NAME")]
    pub site: String,
    /// The passphrase that unseals the root; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: PathBuf,
    /// Writes the recovery kit there instead of asking for it to be typed back.
    #[arg(long, value_name = "FILE")]
    pub recovery_kit: Option<PathBuf>,
    /// E-mail address of the first person, who is officer and administrator.
    #[arg(long, default_value = "officer@localhost", value_name = "EMAIL")]
    pub officer: String,
    /// Name of the first person.
    #[arg(long, default_value = "First officer", value_name = "NAME")]
    pub officer_name: String,
    /// Lets the first person use a password and a one-time code besides passkeys.
    #[arg(long)]
    pub password_and_code: bool,
    /// How long changes wait that take two persons.
    #[arg(long, default_value = "24h", value_name = "DURATION")]
    pub approval_delay: String,
    /// How long the owner of the machine sets the site up without waiting.
    #[arg(long, default_value = "1h", value_name = "DURATION")]
    pub setup: String,
    /// The origin that the pages will have; a passkey belongs to it for good.
    #[arg(long, default_value = "https://localhost:8443", value_name = "ORIGIN")]
    pub origin: String,
}

/// `serve`
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// How the root is unsealed.
    #[command(flatten)]
    pub unseal: UnsealArgs,
    /// Where to listen.
    #[command(flatten)]
    pub listen: ListenArgs,
}

/// Where to listen.
#[derive(Clone, Debug, Args)]
pub struct ListenArgs {
    /// HTTPS: pages and DICOMweb. ADDRESS:PORT or none; port 0 picks one.
    #[arg(long, default_value = "127.0.0.1:8443", value_name = "ADDRESS")]
    pub http: String,
    /// DICOM. ADDRESS:PORT or none; port 0 picks one.
    #[arg(long, default_value = "127.0.0.1:11112", value_name = "ADDRESS")]
    pub dicom: String,
    /// DICOM over TLS: only `none` in this version.
    #[arg(long, default_value = "none", value_parser = ["none"], value_name = "ADDRESS")]
    pub dicom_tls: String,
    /// Metrics: only `none` in this version.
    #[arg(long, default_value = "none", value_parser = ["none"], value_name = "ADDRESS")]
    pub metrics: String,
    /// The AE title that callers must use; any when absent.
    #[arg(long, value_name = "AETITLE")]
    pub ae: Option<String>,
    /// The origin that the pages have for browsers; https://localhost:PORT when absent.
    #[arg(long, value_name = "ORIGIN")]
    pub origin: Option<String>,
    /// Certificate chain (PEM); with --tls-key. The development certificate when absent.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Plain HTTP, on a loopback address only: for the demonstration, where browsers treat localhost as secure.
    #[arg(long)]
    pub plain_http: bool,
}

/// `warden`
#[derive(Debug, Args)]
pub struct WardenArgs {
    /// The fronts that it knows.
    #[command(subcommand)]
    pub command: Option<WardenCommand>,
    /// How the root is unsealed.
    #[command(flatten)]
    pub unseal: UnsealArgs,
    /// The origin that the pages have for browsers.
    #[arg(long, default_value = "https://localhost:8443", value_name = "ORIGIN")]
    pub origin: String,
    /// Where fronts on other machines connect, by mutual TLS with pinned keys: ADDRESS:PORT.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Ends when standard input closes: the parent is gone.
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
    /// Hands the line's secret to the parent.
    #[arg(long, hide = true, requires = "until_stdin_closes")]
    pub with_line: bool,
}

/// `warden pin`
#[derive(Debug, Subcommand)]
pub enum WardenCommand {
    /// Print what a front on another machine must know, or say which fronts may connect.
    #[command(after_help = "Example: leadglass warden pin > warden.json")]
    Pin {
        /// What to do; prints the warden's own when absent.
        #[command(subcommand)]
        command: Option<WardenPinCommand>,
    },
}

/// `warden pin add`
#[derive(Debug, Subcommand)]
pub enum WardenPinCommand {
    /// Let a front connect.
    #[command(after_help = "Example: leadglass warden pin add 8f1c... --name \"front in the city\"")]
    Add {
        /// What `leadglass front pin` prints.
        pin: line::Pin,
        /// What people call this front.
        #[arg(long)]
        name: String,
    },
    /// Let a front connect no more; its connections end within seconds.
    #[command(after_help = "Example: leadglass warden pin remove 8f1c...")]
    Remove {
        /// Its pin.
        pin: line::Pin,
    },
    /// List the fronts that may connect.
    #[command(after_help = "Example: leadglass warden pin list")]
    List,
}

/// `front`
#[derive(Debug, Args)]
pub struct FrontArgs {
    /// Its own key.
    #[command(subcommand)]
    pub command: Option<FrontCommand>,
    /// Where to listen.
    #[command(flatten)]
    pub listen: ListenArgs,
    /// The warden on another machine: ADDRESS:PORT. It must be introduced with `front pin` before.
    #[arg(long, value_name = "ADDRESS")]
    pub warden: Option<String>,
    /// The front's own key for the line; `-` reads one line of standard input. DIR/line/key when absent.
    #[arg(long, value_name = "FILE", requires = "warden")]
    pub line_key: Option<PathBuf>,
    /// Ends when standard input closes: the parent is gone.
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
}

/// `front pin`
#[derive(Debug, Subcommand)]
pub enum FrontCommand {
    /// Get to know the warden, make the front's own key when there is none, and print its pin.
    #[command(after_help = "Example: leadglass front pin warden.json")]
    Pin {
        /// What `leadglass warden pin` printed; may be left out when it is known already.
        introduction: Option<PathBuf>,
        /// Where the front's own key is, or is made. DIR/line/key when absent.
        #[arg(long, value_name = "FILE")]
        line_key: Option<PathBuf>,
    },
}

/// `line`
#[derive(Debug, Args)]
pub struct LineArgs {
    /// On the warden's machine: where fronts connect.
    #[arg(long, value_name = "ADDRESS", required_unless_present = "to")]
    pub listen: Option<SocketAddr>,
    /// On the front's machine: where the warden's machine listens.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "listen")]
    pub to: Option<String>,
    /// Ends when standard input closes: the parent is gone.
    #[arg(long, required = true)]
    pub until_stdin_closes: bool,
}

/// `wall-test`
#[cfg(debug_assertions)]
#[derive(Debug, Args)]
pub struct WallTestArgs {
    /// warden, front or line
    pub role: String,
    /// A TCP port of this machine where somebody listens.
    #[arg(long)]
    pub port: u16,
    /// Raises no wall: what is tried works.
    #[arg(long)]
    pub without_walls: bool,
}

/// `import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Files, folders, zip archives or a DICOMDIR.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// `org`
#[derive(Debug, Subcommand)]
pub enum OrgCommand {
    /// Add an organisation.
    #[command(after_help = "Example: leadglass org add \"Praxis Dr. Beispiel\"")]
    Add {
        /// Its name.
        name: String,
        /// Lets its people use a password and a one-time code besides passkeys.
        #[arg(long)]
        password_and_code: bool,
    },
    /// List organisations.
    List,
}

/// `person`
#[derive(Debug, Subcommand)]
pub enum PersonCommand {
    /// Add a person and print the enrolment link.
    #[command(
        after_help = "Example: leadglass person add dr@example.org --name \"Dr. B. Beispiel\" --role referrer --organisation \"Praxis Dr. Beispiel\""
    )]
    Add {
        /// E-mail address, the login name.
        email: String,
        /// Name.
        #[arg(long)]
        name: String,
        /// Role.
        #[arg(long, value_enum)]
        role: RoleName,
        /// Organisation.
        #[arg(long, value_name = "ORG")]
        organisation: String,
        /// Lets this person use a password and a one-time code besides passkeys.
        #[arg(long)]
        password_and_code: bool,
        /// For a patient: the record that is theirs.
        #[arg(long, value_name = "ISSUER/ID")]
        record: Option<String>,
    },
    /// Give a person another role: proposed, approved by another person, carried out after the delay.
    #[command(after_help = "Example: leadglass person role dr@example.org radiologist")]
    Role {
        /// E-mail address.
        email: String,
        /// The role from then on.
        #[arg(value_enum)]
        role: RoleName,
    },
    /// Close the account of somebody who left; an officer's or administrator's takes a second person.
    #[command(after_help = "Example: leadglass person close dr@example.org")]
    Close {
        /// E-mail address.
        email: String,
    },
    /// End a person's membership of an organisation.
    #[command(after_help = "Example: leadglass person leave dr@example.org --organisation \"Praxis Dr. Beispiel\"")]
    Leave {
        /// E-mail address.
        email: String,
        /// Organisation.
        #[arg(long, value_name = "ORG")]
        organisation: String,
    },
    /// Print a new enrolment link; older ones stop working.
    #[command(after_help = "Example: leadglass person enrol dr@example.org")]
    Enrol {
        /// E-mail address.
        email: String,
    },
    /// List people.
    List,
}

/// A role on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum RoleName {
    /// Sees own images.
    Patient,
    /// Sees patients referred to them.
    Referrer,
    /// Reads.
    Radiologist,
    /// Checks that images arrived.
    Technologist,
    /// Sees the ledger and exposure.
    Officer,
    /// Manages people and devices.
    Administrator,
}

impl From<RoleName> for model::Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Patient => Self::Patient,
            RoleName::Referrer => Self::Referrer,
            RoleName::Radiologist => Self::Radiologist,
            RoleName::Technologist => Self::Technologist,
            RoleName::Officer => Self::Officer,
            RoleName::Administrator => Self::Administrator,
        }
    }
}

/// `device`
#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// Add a device; its token is printed once.
    #[command(
        after_help = "Example: leadglass device add CT1 --organisation \"Radiologie\" --may store --ae CT1 --from 10.0.5.0/24"
    )]
    Add {
        /// Its name.
        name: String,
        /// Its organisation.
        #[arg(long, value_name = "ORG")]
        organisation: String,
        /// What it may do.
        #[arg(long, value_enum, value_delimiter = ',', required = true)]
        may: Vec<MayName>,
        /// Its AE title.
        #[arg(long, value_name = "AETITLE")]
        ae: Option<String>,
        /// Addresses that it may come from; any when absent.
        #[arg(long, value_name = "CIDR", value_delimiter = ',')]
        from: Vec<String>,
        /// Make a bearer token for DICOMweb.
        #[arg(long)]
        token: bool,
        /// Bind the token to a key that signs each request (DPoP, RFC 9449): its JWK thumbprint.
        #[arg(long, value_name = "JKT", requires = "token", conflicts_with = "bind_certificate")]
        bind_dpop: Option<dpop::Thumbprint>,
        /// Bind the token to a client certificate (RFC 8705): its PEM file. The device connects over TLS with it.
        #[arg(long, value_name = "FILE", requires = "token")]
        bind_certificate: Option<std::path::PathBuf>,
    },
    /// Remove a device, or only its bearer token.
    #[command(after_help = "Example: leadglass device remove CT1")]
    Remove {
        /// Its name.
        name: String,
        /// Remove the bearer token only; the device stays.
        #[arg(long)]
        token: bool,
    },
    /// List devices.
    List,
}

/// What a device may do, on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum MayName {
    /// Send images in.
    Store,
    /// List what its relationships grant.
    List,
    /// Open what its relationships grant.
    Open,
}

impl From<MayName> for model::DeviceMay {
    fn from(name: MayName) -> Self {
        match name {
            MayName::Store => Self::Store,
            MayName::List => Self::List,
            MayName::Open => Self::Open,
        }
    }
}

/// `relate`
#[derive(Debug, Args)]
pub struct RelateArgs {
    /// person:EMAIL, org:NAME or device:NAME
    pub who: String,
    /// patient:ISSUER/ID, study:UID or site
    pub whom: String,
    /// From when: RFC 3339, `now`, or a duration back.
    #[arg(long, default_value = "now", value_name = "WHEN")]
    pub from: String,
    /// Until when: RFC 3339 or a duration ahead.
    #[arg(long, value_name = "WHEN")]
    pub until: String,
    /// Why: an order, a referral, a treatment team.
    #[arg(long, value_name = "TEXT")]
    pub basis: String,
    /// Names and dates only, no images.
    #[arg(long)]
    pub list_only: bool,
}

/// `unrelate`
#[derive(Debug, Args)]
pub struct UnrelateArgs {
    /// As in `relate`.
    pub who: String,
    /// As in `relate`.
    pub whom: String,
    /// When: RFC 3339, `now`, or a duration ahead.
    #[arg(long, default_value = "now", value_name = "WHEN")]
    pub until: String,
}

/// `exposure`
#[derive(Debug, Args)]
pub struct ExposureArgs {
    /// person:EMAIL, org:NAME, device:NAME, session:ID, key:ID or disk:ID
    pub who: String,
    /// From when: RFC 3339, `now`, or a duration back.
    #[arg(long, value_name = "WHEN")]
    pub from: String,
    /// To when: RFC 3339, `now`, or a duration back.
    #[arg(long, default_value = "now", value_name = "WHEN")]
    pub to: String,
    /// Writes a signed report: FILE.pdf, FILE.json (two lines: report, proof) or FILE.csv.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Language of the PDF and CSV.
    #[arg(long, default_value = "en", value_parser = ["en", "de"], value_name = "LANGUAGE")]
    pub language: String,
    /// The incident that the signed report belongs to.
    #[arg(long, value_name = "NUMBER", requires = "output")]
    pub incident: Option<u32>,
}

/// `incident`
#[derive(Debug, Subcommand)]
pub enum IncidentCommand {
    /// Open an incident; its clocks run from --aware.
    #[command(
        after_help = "Example: leadglass incident open --title \"login found in a dump\" --account person:dr@example.org --from 30d --to now"
    )]
    Open {
        /// What happened, in a line.
        #[arg(long, value_name = "TEXT")]
        title: String,
        /// What it is about, as in `exposure`; may be given again.
        #[arg(long, value_name = "WHO")]
        account: Vec<String>,
        /// From when: RFC 3339 or a duration back.
        #[arg(long, value_name = "WHEN")]
        from: String,
        /// To when: RFC 3339, `now`, or a duration back.
        #[arg(long, default_value = "now", value_name = "WHEN")]
        to: String,
        /// When somebody became aware of it: RFC 3339, `now`, or a duration back.
        #[arg(long, default_value = "now", value_name = "WHEN")]
        aware: String,
    },
    /// List incidents with their clocks.
    List,
    /// Show one incident.
    Show {
        /// Its number.
        incident: u32,
    },
    /// Write something down.
    #[command(after_help = "Example: leadglass incident note 1 \"all sessions of the account ended\"")]
    Note {
        /// Its number.
        incident: u32,
        /// What.
        text: String,
    },
    /// What a clock asks for was done.
    #[command(after_help = "Example: leadglass incident done 1 gdpr-notification --at 10m")]
    Done {
        /// Its number.
        incident: u32,
        /// Which clock.
        #[arg(value_parser = ["nis2-early-warning", "nis2-notification", "gdpr-notification", "ndb-assessment"])]
        clock: String,
        /// When: RFC 3339, `now`, or a duration back.
        #[arg(long, default_value = "now", value_name = "WHEN")]
        at: String,
    },
    /// Draft the notice to the supervisory authority (GDPR Art. 33), for a human to finish.
    #[command(after_help = "Example: leadglass incident draft 1 --language de --output notice.pdf")]
    Draft {
        /// Its number.
        incident: u32,
        /// Language.
        #[arg(long, default_value = "en", value_parser = ["en", "de"], value_name = "LANGUAGE")]
        language: String,
        /// Writes FILE.pdf or FILE.txt instead of printing.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Close it.
    #[command(after_help = "Example: leadglass incident close 1 \"false alarm: the dump was ten years old\"")]
    Close {
        /// Its number.
        incident: u32,
        /// With what outcome.
        text: String,
    },
}

/// `question`
#[derive(Debug, Subcommand)]
pub enum QuestionCommand {
    /// List questions, those that wait first.
    List,
    /// Answer one.
    #[command(after_help = "Example: leadglass question answer 3 \"That was the reading of your CT by our partner.\"")]
    Answer {
        /// Its number.
        question: u32,
        /// The answer.
        text: String,
    },
}

/// `findings`
#[derive(Debug, Subcommand)]
pub enum FindingsCommand {
    /// List findings, newest first.
    #[command(after_help = "Example: leadglass findings list --open")]
    List {
        /// Only those that nobody has acknowledged.
        #[arg(long)]
        open: bool,
    },
    /// Say that a finding was looked at.
    #[command(
        after_help = "Example: leadglass findings acknowledge 4711 --note \"prepared the tumour board, asked her\""
    )]
    Acknowledge {
        /// The finding's number.
        finding: u64,
        /// What was seen.
        #[arg(long, value_name = "TEXT")]
        note: String,
    },
}

/// `budget`
#[derive(Debug, Subcommand)]
pub enum BudgetCommand {
    /// Print volume and limits.
    #[command(after_help = "Example: leadglass budget show person:dr@example.org")]
    Show {
        /// person:EMAIL, org:NAME, device:NAME or site
        whose: String,
    },
    /// Set ceilings by hand, in patients a day; what is not named goes by what was learned.
    #[command(after_help = "Example: leadglass budget set device:gateway --opened 2000 --listed 5000")]
    Set(BudgetSetArgs),
    /// Lift what stopped or slowed somebody.
    #[command(
        after_help = "Example: leadglass budget lift person:dr@example.org --note \"prepared the tumour board, asked her\""
    )]
    Lift {
        /// person:EMAIL, org:NAME, device:NAME or site
        whose: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        note: String,
    },
}

/// `budget set`
#[derive(Debug, Args)]
pub struct BudgetSetArgs {
    /// person:EMAIL, org:NAME, device:NAME or site
    pub whose: String,
    /// Images of patients about whom nothing is new.
    #[arg(long, value_name = "PATIENTS")]
    pub opened: Option<u32>,
    /// Images of patients about whom something is new.
    #[arg(long, value_name = "PATIENTS")]
    pub opened_due: Option<u32>,
    /// Names of patients about whom nothing is new.
    #[arg(long, value_name = "PATIENTS")]
    pub listed: Option<u32>,
    /// Names of patients about whom something is new.
    #[arg(long, value_name = "PATIENTS")]
    pub listed_due: Option<u32>,
    /// Never slow and never stop: for a machine that copies everything.
    #[arg(long, conflicts_with_all = ["opened", "opened_due", "listed", "listed_due"])]
    pub no_limit: bool,
}

/// `honey`
#[derive(Debug, Subcommand)]
pub enum HoneyCommand {
    /// Make honey patients.
    #[command(after_help = "Example: leadglass honey add --count 20")]
    Add {
        /// How many, at most 100.
        #[arg(long, default_value_t = 10, value_name = "NUMBER")]
        count: u32,
    },
    /// List them.
    #[command(after_help = "Example: leadglass honey list --format json")]
    List,
}

/// `move`
#[derive(Debug, Args)]
pub struct MoveArgs {
    /// StudyInstanceUID
    pub study: String,
    /// patient:ISSUER/ID of the right patient
    pub patient: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// `approve`
#[derive(Debug, Subcommand)]
pub enum ApproveCommand {
    /// List proposals.
    #[command(after_help = "Example: leadglass approve list --open")]
    List {
        /// Only those that are open.
        #[arg(long)]
        open: bool,
    },
    /// Show one proposal. People approve on the pages, with a passkey; the owner of the machine cannot.
    #[command(after_help = "Example: leadglass approve show 4711")]
    Show {
        /// Its number.
        proposal: u64,
    },
    /// Take back a proposal that was made on this command line.
    #[command(after_help = "Example: leadglass approve withdraw 4711")]
    Withdraw {
        /// Its number.
        proposal: u64,
    },
}

/// `propose`
#[derive(Debug, Subcommand)]
pub enum ProposeCommand {
    /// Another delay for changes that wait, or another time for setting up.
    #[command(after_help = "Example: leadglass propose rule --delay 48h")]
    Rule {
        /// How long changes wait.
        #[arg(long, value_name = "DURATION")]
        delay: String,
        /// How long after it was made a site is set up without waiting.
        #[arg(long, value_name = "DURATION", default_value = "1h")]
        setup: String,
    },
    /// How long break-glass lasts at the most.
    #[command(after_help = "Example: leadglass propose break-glass --longest 2h --review 24h")]
    BreakGlass {
        /// The longest that one use lasts; at most 4h.
        #[arg(long, value_name = "DURATION")]
        longest: String,
        /// A use that no officer reviewed after this long counts as overdue.
        #[arg(long, value_name = "DURATION", default_value = "3d")]
        review: String,
    },
}

/// `vault`
#[derive(Debug, Subcommand)]
pub enum VaultCommand {
    /// Make a vault in an empty folder on another filesystem.
    #[command(after_help = "Example: leadglass vault init /mnt/second-disk/vault")]
    Init {
        /// The folder.
        vault: PathBuf,
        /// Allow the filesystem of DIR: a rehearsal, no protection.
        #[arg(long)]
        allow_same_filesystem: bool,
    },
    /// Copy what is new, while serving.
    #[command(after_help = "Example: leadglass vault sync /mnt/second-disk/vault")]
    Sync {
        /// The folder.
        vault: PathBuf,
    },
    /// Read everything in the vault again and compare.
    #[command(after_help = "Example: leadglass vault verify /mnt/second-disk/vault")]
    Verify {
        /// The folder.
        vault: PathBuf,
    },
    /// Restore into DIR, which must not exist or be empty.
    #[command(after_help = "Example: leadglass vault restore /mnt/second-disk/vault --dir /srv/leadglass")]
    Restore {
        /// The folder.
        vault: PathBuf,
    },
}
