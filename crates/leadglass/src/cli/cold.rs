//! The command line of cold studies and of the keys' life.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `cold`
#[derive(Debug, Subcommand)]
pub enum ColdCommand {
    /// Holders of shares.
    #[command(subcommand)]
    Holder(HolderCommand),
    /// Name the holders. Studies go cold once each of them has run `cold holder prove`; what is cold already stays with its own holders (`cold holder replace` moves it).
    #[command(
        after_help = "Example: leadglass cold init --threshold 2 --holder anna.pub --holder bela.pub --holder chris.pub --emergency on-call.pub"
    )]
    Init {
        /// How many of the --holder keys are needed.
        #[arg(long, value_name = "T")]
        threshold: u8,
        /// The public key of a holder with one share.
        #[arg(long = "holder", value_name = "FILE.pub", required = true)]
        holders: Vec<PathBuf>,
        /// The public key of a holder on call, who alone warms one patient at a time.
        #[arg(long, value_name = "FILE.pub")]
        emergency: Vec<PathBuf>,
        /// The public key of a program on another machine, which alone warms the priors of orders within a budget.
        #[arg(long, value_name = "FILE.pub")]
        service: Vec<PathBuf>,
    },
    /// Holders, rule and counts.
    State,
    /// Set when studies go cold and which priors a new relationship asks for.
    #[command(after_help = "Example: leadglass cold rule --after 90d --priors 5y")]
    Rule {
        /// How long after the last relationship ended and the last image came; below a day only for rehearsals.
        #[arg(long, default_value = "30d", value_name = "DURATION")]
        after: String,
        /// Which cold studies of a patient a new relationship asks for: all, none, or of how many years (5y).
        #[arg(long, default_value = "all", value_name = "PRIORS")]
        priors: String,
        /// How many patients a day a service warms alone.
        #[arg(long, default_value_t = 200, value_name = "N")]
        service_per_day: u32,
        /// How many patients a day a holder on call warms alone.
        #[arg(long, default_value_t = 5, value_name = "N")]
        emergency_per_day: u32,
    },
    /// Let everything go cold that is due; it happens by itself every hour.
    Sweep,
    /// Ask the holders for the cold studies of a patient, or for one study.
    #[command(after_help = "Example: leadglass cold ask patient:HOSPITAL/12345 --reason \"comparison\" --until 8h")]
    Ask {
        /// patient:ISSUER/ID or study:UID
        whom: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// When they go cold again: RFC 3339 or a duration ahead; at most 14 days, for an emergency 4 hours.
        #[arg(long, default_value = "4h", value_name = "WHEN")]
        until: String,
        /// It cannot wait: the holder on call is to answer now.
        #[arg(long)]
        emergency: bool,
    },
    /// Requests that wait.
    Requests,
    /// Write a request to a file, for a holder who approves it on another machine.
    #[command(after_help = "Example: leadglass cold show 4711 --holder anna.pub --out request.json")]
    Show {
        /// The request's number.
        request: u64,
        /// The holder's public key.
        #[arg(long, value_name = "FILE.pub")]
        holder: PathBuf,
        /// Where to write it.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Release the holder's shares for one request.
    #[command(
        after_help = "Example: leadglass cold approve 4711 --share-file anna.holder --passphrase-file -\nElsewhere: leadglass cold approve --request-file request.json --share-file anna.holder --passphrase-file - --out approval.json"
    )]
    Approve {
        /// The request's number.
        #[arg(required_unless_present = "request_file", conflicts_with = "request_file")]
        request: Option<u64>,
        /// A request from `cold show`, when no installation runs here.
        #[arg(long, value_name = "FILE", requires = "out")]
        request_file: Option<PathBuf>,
        /// The holder's file, or the words on paper typed into a file.
        #[arg(long, value_name = "FILE")]
        share_file: PathBuf,
        /// The passphrase of the holder's file; `-` reads standard input.
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        /// The site's public key, for words on paper; DIR/ledger/site.vkey when absent.
        #[arg(long, value_name = "VKEY-FILE")]
        site_key: Option<PathBuf>,
        /// Where to write the approval, with --request-file.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Bring an approval that was made on another machine.
    #[command(after_help = "Example: leadglass cold submit approval.json")]
    Submit {
        /// The approval.
        file: PathBuf,
    },
    /// Take a request back.
    #[command(after_help = "Example: leadglass cold withdraw 4711")]
    Withdraw {
        /// The request's number.
        request: u64,
    },
}

/// `cold holder`
#[derive(Debug, Subcommand)]
pub enum HolderCommand {
    /// Make a holder's key, best on the holder's own machine. Writes FILE.pub beside it, which `cold init` takes.
    #[command(
        after_help = "Example: leadglass cold holder new \"Dr. A. Beispiel\" --out anna.holder --passphrase-file - --site-key site.vkey\nOn paper: leadglass cold holder new \"Dr. A. Beispiel\" --out anna.words"
    )]
    New {
        /// Who it is.
        name: String,
        /// Where to write it.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Seals the file with this passphrase; `-` reads standard input. Without it the file holds words to be printed and removed.
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        /// The site's public key; DIR/ledger/site.vkey when absent.
        #[arg(long, value_name = "VKEY-FILE")]
        site_key: Option<PathBuf>,
    },
    /// Name other holders of everything that is cold. What goes cold from then on is theirs at once; what is cold already as soon as
    /// enough of its present holders have run `cold holder hand-over`.
    #[command(
        after_help = "Example: leadglass cold holder replace --threshold 2 --holder anna.pub --holder bela.pub --holder dora.pub --emergency on-call.pub"
    )]
    Replace {
        /// How many of the --holder keys are needed.
        #[arg(long, value_name = "T")]
        threshold: u8,
        /// The public key of a holder with one share.
        #[arg(long = "holder", value_name = "FILE.pub", required = true)]
        holders: Vec<PathBuf>,
        /// The public key of a holder on call, who alone warms one patient at a time.
        #[arg(long, value_name = "FILE.pub")]
        emergency: Vec<PathBuf>,
        /// The public key of a program on another machine, which alone warms the priors of orders within a budget.
        #[arg(long, value_name = "FILE.pub")]
        service: Vec<PathBuf>,
    },
    /// Show that a holder has the key that the site was given. Nothing goes cold, and nothing is handed over, before every holder has.
    #[command(after_help = "Example: leadglass cold holder prove --share-file dora.holder --passphrase-file -")]
    Prove {
        /// The warden's socket for holders where it is forwarded to; DIR/run/holder.sock when absent.
        #[arg(long, value_name = "SOCKET")]
        socket: Option<PathBuf>,
        /// The holder's file, or the words on paper typed into a file.
        #[arg(long, value_name = "FILE")]
        share_file: PathBuf,
        /// The passphrase of the holder's file; `-` reads standard input.
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        /// The site's public key, for words on paper; DIR/ledger/site.vkey when absent.
        #[arg(long, value_name = "VKEY-FILE")]
        site_key: Option<PathBuf>,
    },
    /// Hand over the shares of what is cold already to the holders that `cold holder replace` named, together with other holders and
    /// within four hours of the first. Meanwhile the warden's machine can open what enough of you handed over.
    #[command(
        after_help = "Example: leadglass cold holder hand-over --to SET --share-file anna.holder --passphrase-file -\nElsewhere: leadglass cold holder hand-over --to SET --socket /run/leadglass-holder.sock --share-file anna.holder --passphrase-file -"
    )]
    HandOver {
        /// The warden's socket for holders where it is forwarded to; DIR/run/holder.sock when absent.
        #[arg(long, value_name = "SOCKET")]
        socket: Option<PathBuf>,
        /// The holder's file, or the words on paper typed into a file.
        #[arg(long, value_name = "FILE")]
        share_file: PathBuf,
        /// The passphrase of the holder's file; `-` reads standard input.
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        /// The site's public key, for words on paper; DIR/ledger/site.vkey when absent.
        #[arg(long, value_name = "VKEY-FILE")]
        site_key: Option<PathBuf>,
        /// The new set of holders, as `cold state` and the officer's page show it; asked for when absent.
        #[arg(long, value_name = "SET")]
        to: Option<String>,
    },
    /// Answer the requests of orders, within a budget of this program's own. Run it where the warden's administrators have no access.
    #[command(
        after_help = "Example: leadglass cold holder serve --socket /run/leadglass-holder.sock --share-file service.holder --passphrase-file - --log /var/lib/holder.log"
    )]
    Serve {
        /// The warden's socket for holders: DIR/run/holder.sock, or where it is forwarded to.
        #[arg(long, value_name = "SOCKET")]
        socket: PathBuf,
        /// The holder's file.
        #[arg(long, value_name = "FILE")]
        share_file: PathBuf,
        /// Its passphrase; `-` reads standard input.
        #[arg(long, value_name = "FILE")]
        passphrase_file: PathBuf,
        /// How many patients a day at most.
        #[arg(long, default_value_t = 100, value_name = "N")]
        per_day: usize,
        /// How many studies a day at most.
        #[arg(long, default_value_t = 2_000, value_name = "N")]
        studies_per_day: usize,
        /// What was released, one line each, written before it is released.
        #[arg(long, value_name = "FILE")]
        log: PathBuf,
    },
}

/// `shred`
#[derive(Debug, Args)]
pub struct ShredArgs {
    /// patient:ISSUER/ID or study:UID
    #[arg(required_unless_present = "certificate", requires = "reason")]
    pub whom: Option<String>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Prints what is known of a destruction: the number of the entry that says that keys were removed.
    #[arg(long, value_name = "ENTRY", conflicts_with = "whom")]
    pub certificate: Option<u64>,
}
