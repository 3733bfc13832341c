//! The command line. The forms are fixed, so that scripts can rely on them.

mod approve;
mod budget;
mod cases;
mod cold;
mod leaks;
mod ledger;
mod link;
mod machines;
mod manage;
mod network;
mod orders;
mod session;
mod start;
mod vault;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

pub use self::leaks::LeaksCommand;
pub use approve::{ApproveCommand, ProposeCommand, Sharers};
pub use budget::{BudgetCommand, BudgetSetArgs, FindingsCommand, HoneyCommand};
pub use cases::{ExposureArgs, IncidentCommand, QuestionCommand};
pub use cold::{ColdCommand, HolderCommand, ShredArgs};
pub use ledger::{LedgerCommand, LedgerSinkCommand, LedgerWitnessCommand, WitnessCommand};
pub use link::LinkCommand;
#[cfg(debug_assertions)]
pub use machines::WallTestArgs;
pub use machines::{FrontArgs, FrontCommand, LineArgs, WardenArgs, WardenCommand, WardenPinCommand};
pub use manage::{
    DeviceCommand, MoveArgs, OrgCommand, PeopleCommand, PersonCommand, RelateArgs, RuleArgs, UnrelateArgs,
};
pub use network::NetworkCommand;
pub use orders::{OrderRuleArgs, OrdersCommand};
pub use session::SessionCommand;
pub use start::{DemoArgs, ImportArgs, InitArgs, ListenArgs, RangesArgs, ServeArgs};
pub use vault::VaultCommand;

use crate::command::{DrillCommand, UnsealCommand};

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
    #[command(
        after_help = "Example: leadglass serve --passphrase-file /media/stick/passphrase --dicom 0.0.0.0:11112\n         leadglass serve --passphrase-file /media/stick/passphrase --dicom none --dicom-tls 0.0.0.0:2762"
    )]
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
    /// Everybody at once: the census.
    #[command(subcommand)]
    People(PeopleCommand),
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
    /// Orders of other systems (HL7): what follows from them, what came, what is kept for repair.
    #[command(subcommand)]
    Orders(OrdersCommand),
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
    /// Leaked passwords: lists that none may be in, dumps that name people.
    #[command(subcommand)]
    Leaks(LeaksCommand),
    /// Sessions of people: which are open, and ending one.
    #[command(subcommand)]
    Session(SessionCommand),
    /// Share links: which there are, and ending them.
    #[command(subcommand)]
    Link(LinkCommand),
    /// Networks and where they are: what signs of sharing and takeover go by.
    #[command(subcommand)]
    Network(NetworkCommand),
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
    /// Ask a service for ranges of leaked passwords (its parent starts it).
    #[command(hide = true)]
    Ranges(RangesArgs),
    /// Decode frames for a front (its parent starts it).
    #[command(hide = true)]
    Codecs,
    /// Read a dump on standard input for whoever asks on standard output (`leaks check` starts it).
    #[command(hide = true)]
    Dump {
        /// Standard input is no file that can be read at any place.
        #[arg(long)]
        stream: bool,
    },
    /// Raise the walls of a role and try what they refuse.
    #[cfg(debug_assertions)]
    #[command(hide = true)]
    WallTest(WallTestArgs),
}
