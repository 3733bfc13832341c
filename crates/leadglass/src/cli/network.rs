//! `leadglass network`.

use std::path::PathBuf;

use clap::Subcommand;

/// `network`
#[derive(Debug, Subcommand)]
pub enum NetworkCommand {
    /// Say which networks are known.
    #[command(after_help = "Example: leadglass network list")]
    List,
    /// Propose a network at a place, or other addresses for one: signs of sharing go by them.
    #[command(
        after_help = "Example: leadglass network add \"Klinikum Mitte\" 10.1.0.0/16 192.0.2.0/24 --at 52.52,13.40\n         leadglass network add \"Praxis Sydney\" 203.0.113.0/24 --time +10:00\n         leadglass network add VPN 10.9.0.0/16"
    )]
    Add {
        /// What people call the place.
        name: String,
        /// Its addresses as CIDR; the longest block that holds an address decides.
        #[arg(required = true, value_name = "CIDR")]
        blocks: Vec<String>,
        /// Where it is, in degrees. Without it, and without --time, it is at no place, as a VPN.
        #[arg(long, value_name = "LAT,LON", allow_hyphen_values = true)]
        at: Option<String>,
        /// Its standard time, when nobody knows better where it is: places whose times differ by hours are far apart.
        #[arg(long, value_name = "+HH:MM", allow_hyphen_values = true)]
        time: Option<String>,
    },
    /// Propose that a network is known no more.
    #[command(after_help = "Example: leadglass network remove \"Praxis Sydney\"")]
    Remove {
        /// Its name.
        name: String,
    },
    /// Put a file of addresses and where they are in place, for addresses in no network of the site; one that runs reads it within seconds.
    #[command(
        after_help = "Example: leadglass network places GeoLite2-City-Blocks-IPv4.csv\n         leadglass network places --none\n\nA line is CIDR,latitude,longitude[,kilometres that it may be wrong], or one of MaxMind's blocks with their first line."
    )]
    Places {
        /// The file.
        #[arg(required_unless_present = "none")]
        file: Option<PathBuf>,
        /// Take it away.
        #[arg(long, conflicts_with = "file")]
        none: bool,
    },
}
