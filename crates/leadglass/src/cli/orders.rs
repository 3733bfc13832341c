//! `leadglass orders`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `orders`
#[derive(Debug, Subcommand)]
pub enum OrdersCommand {
    /// Say what follows from orders, or show the rule when nothing is given. What is not given stays as it is.
    #[command(
        after_help = "Example: leadglass orders rule --reading-group Radiologie --authority HOSPITAL= --place MRT=Neuroradiologie\n         leadglass orders rule --grace 30 --unmatched-per-day 50"
    )]
    Rule(OrderRuleArgs),
    /// The newest orders, what each gave, and what each sender told today.
    #[command(after_help = "Example: leadglass orders state --unmatched")]
    State {
        /// Only orders for which no appointment is known.
        #[arg(long)]
        unmatched: bool,
    },
    /// List messages that were not taken and are kept for repair.
    #[command(after_help = "Example: leadglass orders list")]
    List,
    /// Print one of them as it came; that it was read is an entry.
    #[command(after_help = "Example: leadglass orders show 3 > message.hl7")]
    Show {
        /// Its number in `orders list`.
        kept: u32,
    },
    /// Decide on one of them again, as if its sender had sent it now.
    #[command(
        after_help = "Example: leadglass orders replay 3\n         leadglass orders replay 3 --repaired message.hl7"
    )]
    Replay {
        /// Its number in `orders list`.
        kept: u32,
        /// The message as it should have been, instead of the one that is kept.
        #[arg(long, value_name = "FILE")]
        repaired: Option<PathBuf>,
    },
    /// Throw one of them away.
    #[command(after_help = "Example: leadglass orders drop 3")]
    Drop {
        /// Its number in `orders list`.
        kept: u32,
    },
    /// Take a merge of two records back.
    #[command(after_help = "Example: leadglass orders unmerge 4711")]
    Unmerge {
        /// The merge's entry, as `orders state` shows it.
        merge: u64,
    },
}

/// `orders rule`
#[derive(Debug, Default, PartialEq, Eq, Args)]
pub struct OrderRuleArgs {
    /// How long a relationship lasts after its order was done, in days.
    #[arg(long, value_name = "DAYS")]
    pub grace: Option<u16>,
    /// How long an order that nobody ends is taken to run, in days.
    #[arg(long, value_name = "DAYS")]
    pub open: Option<u16>,
    /// Who reads what no place decides; none when empty.
    #[arg(long, value_name = "ORG")]
    pub reading_group: Option<String>,
    /// Who reads what is placed or performed there; no organisation takes the place out.
    #[arg(long, value_name = "PLACE=ORG")]
    pub place: Vec<String>,
    /// By which issuer an authority's patients are known in images; no issuer is images that name none.
    #[arg(long, value_name = "AUTHORITY=ISSUER")]
    pub authority: Vec<String>,
    /// Takes an authority out of the rule.
    #[arg(long, value_name = "AUTHORITY")]
    pub no_authority: Vec<String>,
    /// The most orders a day of one sender.
    #[arg(long, value_name = "N")]
    pub orders_per_day: Option<u32>,
    /// The most of them without an appointment.
    #[arg(long, value_name = "N")]
    pub unmatched_per_day: Option<u32>,
    /// The most merges a day of one sender.
    #[arg(long, value_name = "N")]
    pub merges_per_day: Option<u32>,
}
