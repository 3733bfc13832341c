//! `leadglass session`.

use clap::Subcommand;
use model::SessionId;

/// `session`
#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    /// List the sessions that are open, the newest first.
    #[command(
        after_help = "Example: leadglass session list\n         leadglass session list --person dr@example.org --format json"
    )]
    List {
        /// Only those of whoever has this e-mail address.
        #[arg(long, value_name = "EMAIL")]
        person: Option<String>,
    },
    /// End a session at once; whoever has it open signs in again.
    #[command(after_help = "Example: leadglass session end 0123456789abcdef0123456789abcdef")]
    End {
        /// 32 hexadecimal digits, as `session list` and the ledger show them.
        #[arg(value_parser = session)]
        session: SessionId,
    },
}

fn session(text: &str) -> Result<SessionId, String> {
    text.parse().map_err(|_| "give the 32 hexadecimal digits that `leadglass session list` shows".to_owned())
}
