//! `leadglass question`: what patients asked about who looked.

use std::path::Path;

use anyhow::{Result, bail};
use protocol::{PageReply, PageRequest};

use crate::cli::{Format, QuestionCommand};
use crate::output::say;
use crate::owner::Owner;
use crate::time;

/// `leadglass question`
pub fn question(dir: &Path, format: Format, command: QuestionCommand) -> Result<()> {
    let request = match command {
        QuestionCommand::List => PageRequest::Questions,
        QuestionCommand::Answer { question, text } => PageRequest::AnswerQuestion { question, text },
    };
    let PageReply::Questions(rows) = Owner::connect(dir)?.ask(request)? else {
        bail!("the warden answered something else; run commands and serve from the same version")
    };
    if format == Format::Json {
        say!("{}", serde_json::to_string(&rows)?);
        return Ok(());
    }
    for row in rows {
        let patient = row.patient.map(|patient| format!("{}/{} {}", patient.issuer, patient.id, patient.name));
        say!("{}\t{}\t{}", row.question, time::show(row.asked), patient.unwrap_or_default());
        say!("\t{}", row.text.replace('\n', "\n\t"));
        for answer in row.answers {
            say!("\t{} {}: {}", time::show(answer.at), answer.by, answer.text.replace('\n', "\n\t"));
        }
    }
    Ok(())
}
