//! `leadglass approve` and `propose`.

use clap::Subcommand;

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
    /// Who may share a study by a link, and for how long at the most.
    #[command(after_help = "Example: leadglass propose sharing --by patients --days 14")]
    Sharing {
        /// Who: patients (their own studies), clinicians (studies in their reach), both or nobody.
        #[arg(long, value_name = "WHO")]
        by: Sharers,
        /// The longest that a link lasts, in days; at most 30.
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        days: u16,
    },
}

/// Who may share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Sharers {
    Both,
    Patients,
    Clinicians,
    Nobody,
}
