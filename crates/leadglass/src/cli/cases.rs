//! `leadglass exposure`, `incident` and `question`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `exposure`
#[derive(Debug, Args)]
pub struct ExposureArgs {
    /// person:EMAIL, org:NAME, device:NAME, session:ID, key:ID, disk:ID or link:ID
    pub who: String,
    /// From when: RFC 3339, `now`, or a duration back.
    #[arg(long, value_name = "WHEN")]
    pub from: String,
    /// To when: RFC 3339, `now`, or a duration back.
    #[arg(long, default_value = "now", value_name = "WHEN")]
    pub to: String,
    /// Writes a signed report: FILE.pdf, FILE.json (two lines: report, proof) or FILE.csv.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Language of the PDF and CSV.
    #[arg(long, default_value = "en", value_parser = ["en", "de"], value_name = "LANGUAGE")]
    pub language: String,
    /// The incident that the signed report belongs to.
    #[arg(long, value_name = "NUMBER", requires = "output")]
    pub incident: Option<u32>,
}

/// `incident`
#[derive(Debug, Subcommand)]
pub enum IncidentCommand {
    /// Open an incident; its clocks run from --aware.
    #[command(
        after_help = "Example: leadglass incident open --title \"login found in a dump\" --account person:dr@example.org --from 30d --to now"
    )]
    Open {
        /// What happened, in a line.
        #[arg(long, value_name = "TEXT")]
        title: String,
        /// What it is about, as in `exposure`; may be given again.
        #[arg(long, value_name = "WHO")]
        account: Vec<String>,
        /// From when: RFC 3339 or a duration back.
        #[arg(long, value_name = "WHEN")]
        from: String,
        /// To when: RFC 3339, `now`, or a duration back.
        #[arg(long, default_value = "now", value_name = "WHEN")]
        to: String,
        /// When somebody became aware of it: RFC 3339, `now`, or a duration back.
        #[arg(long, default_value = "now", value_name = "WHEN")]
        aware: String,
    },
    /// List incidents with their clocks.
    List,
    /// Show one incident.
    Show {
        /// Its number.
        incident: u32,
    },
    /// Write something down.
    #[command(after_help = "Example: leadglass incident note 1 \"all sessions of the account ended\"")]
    Note {
        /// Its number.
        incident: u32,
        /// What.
        text: String,
    },
    /// What a clock asks for was done.
    #[command(after_help = "Example: leadglass incident done 1 gdpr-notification --at 10m")]
    Done {
        /// Its number.
        incident: u32,
        /// Which clock.
        #[arg(value_parser = ["nis2-early-warning", "nis2-notification", "gdpr-notification", "ndb-assessment"])]
        clock: String,
        /// When: RFC 3339, `now`, or a duration back.
        #[arg(long, default_value = "now", value_name = "WHEN")]
        at: String,
    },
    /// Draft the notice to the supervisory authority (GDPR Art. 33), for a human to finish.
    #[command(after_help = "Example: leadglass incident draft 1 --language de --output notice.pdf")]
    Draft {
        /// Its number.
        incident: u32,
        /// Language.
        #[arg(long, default_value = "en", value_parser = ["en", "de"], value_name = "LANGUAGE")]
        language: String,
        /// Writes FILE.pdf or FILE.txt instead of printing.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Close it.
    #[command(after_help = "Example: leadglass incident close 1 \"false alarm: the dump was ten years old\"")]
    Close {
        /// Its number.
        incident: u32,
        /// With what outcome.
        text: String,
    },
}

/// `question`
#[derive(Debug, Subcommand)]
pub enum QuestionCommand {
    /// List questions, those that wait first.
    List,
    /// Answer one.
    #[command(after_help = "Example: leadglass question answer 3 \"That was the reading of your CT by our partner.\"")]
    Answer {
        /// Its number.
        question: u32,
        /// The answer.
        text: String,
    },
}
