//! `leadglass ledger` and `leadglass witness`.

use std::path::PathBuf;

use clap::Subcommand;

/// `ledger`
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Recompute everything from the files alone; no keys, also while serving.
    #[command(after_help = "Example: leadglass ledger verify --since checkpoint-of-last-month")]
    Verify {
        /// An older checkpoint that this ledger must continue.
        #[arg(long, value_name = "CHECKPOINT-FILE")]
        since: Option<PathBuf>,
        /// A window's file (`ledger export-window`): folds the window again and prints everybody's exposure in it.
        #[arg(long, value_name = "FILE", conflicts_with = "since")]
        refold: Option<PathBuf>,
        /// Checks a signed report instead, PDF or JSON. Needs no installation.
        #[arg(long, value_name = "FILE", conflicts_with_all = ["since", "refold"])]
        report: Option<PathBuf>,
        /// The site's public key, as text or in a file, got on another way than the report.
        #[arg(long, value_name = "KEY", requires = "report")]
        key: Option<String>,
        /// A checkpoint of this site that was kept: the report must fit it.
        #[arg(long, value_name = "CHECKPOINT-FILE", requires = "report")]
        checkpoint: Option<PathBuf>,
        /// Draws the pages of the report's signed content again.
        #[arg(long, value_name = "FILE", requires = "report")]
        pages: Option<PathBuf>,
        /// Language of those pages.
        #[arg(long, default_value = "en", value_parser = ["en", "de"], value_name = "LANGUAGE", requires = "report")]
        language: String,
        /// With --refold: only this one, person:EMAIL, org:NAME or device:NAME.
        #[arg(long, value_name = "WHO", requires = "refold")]
        who: Option<String>,
    },
    /// Write what an auditor needs to fold a window again: the keys of its days, and the earlier entries that reach rests on.
    ///
    /// Who holds the file reads every entry of the whole UTC days that the window touches, and no listing or opening of
    /// other days. Give it together with a copy of DIR/ledger. Once officers are enrolled this proposes it, and writes no file;
    /// when it was carried out, take the file with --proposal, once, within 7 days.
    #[command(
        after_help = "Example: leadglass ledger export-window --from 30d --to 1d --out window.jsonl\n         leadglass ledger export-window --proposal 812 --out window.jsonl"
    )]
    ExportWindow {
        /// From when: RFC 3339, `now`, or a duration back.
        #[arg(long, value_name = "WHEN", required_unless_present = "proposal")]
        from: Option<String>,
        /// To when.
        #[arg(long, default_value = "now", value_name = "WHEN")]
        to: String,
        /// Takes the keys of a proposal that was carried out.
        #[arg(long, value_name = "NUMBER", conflicts_with_all = ["from", "to"])]
        proposal: Option<u64>,
        /// The file; it must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Print the signed checkpoint.
    #[command(after_help = "Example: leadglass ledger checkpoint > checkpoint-of-today")]
    Checkpoint {
        /// The newest one that a witness cosigned, with its cosignatures.
        #[arg(long)]
        cosigned: bool,
    },
    /// Print entries of a running installation.
    #[command(after_help = "Example: leadglass ledger entries --from 0 --limit 50")]
    Entries {
        /// First entry.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// How many.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Who cosigns this ledger.
    #[command(subcommand)]
    Witness(LedgerWitnessCommand),
    /// A second folder for every entry.
    #[command(subcommand)]
    Sink(LedgerSinkCommand),
    /// Go on although a witness has seen entries that are nowhere any more. Stop `serve` first.
    ///
    /// First look for a newer copy of DIR: the vault, a snapshot, the disk of before. Only when there is none, accept: the
    /// next start begins checkpoints under a new origin line, records an entry that names the gap, and releases
    /// again. Then give the new line of ledger/site.vkey to each witness: for them it is another ledger.
    #[command(
        after_help = "Example: leadglass ledger accept-loss --reason \"disk of 24 November lost, vault of the 23rd restored\""
    )]
    AcceptLoss {
        /// Why the entries are lost; it stands in the ledger.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// `ledger witness`
#[derive(Debug, Subcommand)]
pub enum LedgerWitnessCommand {
    /// Have a witness cosign from now on. Give its operator the line of ledger/site.vkey.
    #[command(
        after_help = "Example: leadglass ledger witness add https://witness.example --vkey witness.example/w1+6e0c...+BvX..."
    )]
    Add {
        /// Its submission prefix.
        url: String,
        /// Its key as it prints it; both when it has two.
        #[arg(long, required = true, value_name = "VKEY")]
        vkey: Vec<String>,
    },
    /// Ask a witness no more.
    #[command(after_help = "Example: leadglass ledger witness remove https://witness.example")]
    Remove {
        /// Its submission prefix.
        url: String,
    },
    /// Witnesses, what they cosigned last and how far behind that is; needs the files only.
    #[command(after_help = "Example: leadglass ledger witness list")]
    List,
}

/// `ledger sink`
#[derive(Debug, Subcommand)]
pub enum LedgerSinkCommand {
    /// Have every entry go to a second folder too, on another disk.
    #[command(after_help = "Example: leadglass ledger sink add /mnt/second-disk/ledger")]
    Add {
        /// The folder.
        path: PathBuf,
        /// Allow the filesystem of DIR: a rehearsal, no protection.
        #[arg(long)]
        allow_same_filesystem: bool,
    },
    /// Have entries go there no more, from the next start on.
    #[command(after_help = "Example: leadglass ledger sink remove /mnt/second-disk/ledger")]
    Remove {
        /// The folder.
        path: PathBuf,
    },
    /// The folders that entries go to, and how they are.
    #[command(after_help = "Example: leadglass ledger sink list")]
    List,
}

/// `witness`
#[derive(Debug, Subcommand)]
pub enum WitnessCommand {
    /// Make a witness in DIR and print its keys for the sites to configure.
    #[command(after_help = "Example: leadglass witness init --dir /srv/witness --name witness.example/w1")]
    Init {
        /// Its name for good: a URL of yours without scheme.
        #[arg(long, value_name = "NAME")]
        name: String,
    },
    /// Cosign for a site: the line of its ledger/site.vkey.
    #[command(after_help = "Example: leadglass witness add-log leadglass/0123...+1f2e3d4c+AbC... --dir /srv/witness")]
    AddLog {
        /// The site's key.
        vkey: String,
    },
    /// Answer over HTTP. Cosignatures authenticate themselves; a reverse proxy may add TLS.
    #[command(after_help = "Example: leadglass witness serve --dir /srv/witness --listen 0.0.0.0:7380")]
    Serve {
        /// Where to listen; port 0 picks one.
        #[arg(long, default_value = "127.0.0.1:7380", value_name = "ADDRESS")]
        listen: std::net::SocketAddr,
        /// Ends when standard input closes: the parent is gone.
        #[arg(long, hide = true)]
        until_stdin_closes: bool,
    },
    /// Its keys, and for each site what was cosigned last.
    #[command(after_help = "Example: leadglass witness status --dir /srv/witness")]
    Status,
}
