//! `leadglass findings`, `budget` and `honey`.

use clap::{Args, Subcommand};

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
