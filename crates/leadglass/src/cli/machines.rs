//! `leadglass warden`, `front` and the line between them.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ListenArgs;
use crate::unseal::UnsealArgs;

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
    /// Ask this service, too, whether a password is known from a leak: only the first five hexadecimal digits of its SHA-1 leave.
    #[arg(long, value_name = "URL", value_parser = crate::command::ranges::service)]
    pub leak_range: Option<String>,
    /// Ends when standard input closes: the parent is gone.
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
    /// Asks for ranges at its socket.
    #[arg(long, hide = true, requires = "until_stdin_closes")]
    pub with_ranges: bool,
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
    /// Tells the warden, which is on another machine, of the disk here.
    #[arg(long, hide = true, requires = "until_stdin_closes")]
    pub own_machine: bool,
    /// How many codec workers it may ask its parent for.
    #[arg(long, hide = true, requires = "until_stdin_closes", default_value_t = codecs::WORKERS_MIN)]
    pub codecs: u8,
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
    /// serve, warden, front, courier, ranges, codecs, dump, line-that-dials or line-that-listens
    pub role: String,
    /// A TCP port of this machine where somebody listens.
    #[arg(long)]
    pub port: u16,
    /// Raises no wall: what is tried works.
    #[arg(long)]
    pub without_walls: bool,
}
