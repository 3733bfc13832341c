//! `leadglass link`.

use clap::Subcommand;

/// `link`
#[derive(Debug, Subcommand)]
pub enum LinkCommand {
    /// List share links, those that run first.
    #[command(
        after_help = "Example: leadglass link list\n         leadglass link list --of person:dr@example.org --running"
    )]
    List {
        /// Those of person:EMAIL who made them, study:NUMBER, study:UID, session:ID that they were made in, or link:NUMBER.
        #[arg(long, default_value = "all", value_name = "WHAT")]
        of: String,
        /// Only those that run.
        #[arg(long)]
        running: bool,
    },
    /// End every link that runs of somebody or something, at once.
    #[command(
        after_help = "Example: leadglass link end person:dr@example.org\n         leadglass link end study:1.2.840.1\n         leadglass link end all"
    )]
    End {
        /// person:EMAIL who made them, study:NUMBER, study:UID, session:ID that they were made in, link:NUMBER, or all
        what: String,
    },
}
