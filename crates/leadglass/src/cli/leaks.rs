//! `leadglass leaks`.

use std::path::PathBuf;

use clap::Subcommand;

/// `leaks`
#[derive(Debug, Subcommand)]
pub enum LeaksCommand {
    /// Load a list of leaked passwords' hashes (Pwned Passwords, SHA-1 or NTLM): a file, also .gz or .zst, or a folder of ranges.
    #[command(
        after_help = "Example: leadglass leaks load pwned-passwords-sha1-ordered-by-hash.txt.gz\n         leadglass leaks load ranges/ --name ntlm\n\nInterrupted, the same command goes on. It needs no running installation, and one that runs uses the list at once."
    )]
    Load {
        /// The list.
        file: PathBuf,
        /// What the list is called here; one of the same name is replaced. `sha1` or `ntlm` when absent.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
    /// Say which lists are loaded.
    #[command(after_help = "Example: leadglass leaks list --verify")]
    List {
        /// Read all of each list and compare its checksums.
        #[arg(long)]
        verify: bool,
    },
    /// Remove a list.
    #[command(after_help = "Example: leadglass leaks remove ntlm")]
    Remove {
        /// Its name.
        name: String,
    },
    /// Look for the people's logins in a dump of stolen ones: verified ones are locked, others become findings.
    #[command(
        after_help = "Example: leadglass leaks check combo.txt.zst --letters letters/\n         unrar p -inul logs.rar | leadglass leaks check -\n\nNothing of the dump is kept. Exits with 0 whether or not somebody is in it; --format json says who."
    )]
    Check {
        /// The dump: text of any shape, also .gz, .zst or .zip; - for standard input.
        dump: PathBuf,
        /// A folder for one printable letter to each person whose account was locked.
        #[arg(long, value_name = "FOLDER")]
        letters: Option<PathBuf>,
    },
    /// Write one printable letter to each person whose account is locked because its password stood in a dump.
    #[command(
        after_help = "Example: leadglass leaks letters letters/\n\nFor whoever ran `leaks check` without --letters. A letter that is in the folder already stays as it is."
    )]
    Letters {
        /// The folder.
        folder: PathBuf,
    },
}
