//! Failures as people read them: `error: what happened`, `hint: what to do`.

use crate::cli::Format;

/// Prints a failure on standard error. Our messages are 'what happened; what to do'.
pub fn print(error: &anyhow::Error, format: Format) {
    let text = error.to_string();
    let (what, hint) = match text.split_once("; ") {
        Some((what, hint)) => (what.to_owned(), hint.to_owned()),
        None => (text, String::new()),
    };
    let causes: Vec<String> = error.chain().skip(1).map(ToString::to_string).filter(|cause| *cause != what).collect();
    match format {
        Format::Text => {
            eprintln!("error: {what}");
            for cause in causes {
                eprintln!("  because {cause}");
            }
            if !hint.is_empty() {
                eprintln!("hint: {hint}");
            }
        }
        Format::Json => eprintln!("{}", serde_json::json!({ "error": what, "hint": hint, "causes": causes })),
    }
}
