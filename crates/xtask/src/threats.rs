//! `docs/threats.md` names a test for each attacker, `docs/peers.md` for each mistake and `docs/incidents.md` for each
//! fact: each must exist, and each row must name one.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// The pages, and how the head of each table begins.
const PAGES: [(&str, &str); 3] =
    [("docs/threats.md", "| attacker"), ("docs/peers.md", "| class"), ("docs/incidents.md", "| fact")];

/// Names each row without a test, and each test that no source has. `sources` are all of the workspace.
pub fn threats(sources: &[PathBuf], breaches: &mut Vec<String>) -> Result<()> {
    let mut known = BTreeSet::new();
    for path in sources.iter().filter(|path| path.extension().is_some_and(|end| end == "rs")) {
        let Some(module) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
        let source = std::fs::read_to_string(path)?;
        // a module in a folder of its own has the folder's name
        let folder = path.parent().and_then(|folder| folder.file_name()?.to_str());
        let module = if module == "mod" { folder.unwrap_or(module) } else { module };
        let source = source.replace("#[tokio::test", "#[test]");
        let tests = source.split("#[test]").skip(1).filter_map(|rest| rest.split_once("fn ")?.1.split_once('('));
        known.extend(tests.map(|(name, _)| format!("{module}::{name}")));
    }
    for (page, head) in PAGES {
        let text = std::fs::read_to_string(page).with_context(|| format!("{page} cannot be read"))?;
        breaches.extend(wrong_rows(page, head, &text, &known));
    }
    Ok(())
}

fn wrong_rows(page: &str, head: &str, text: &str, known: &BTreeSet<String>) -> Vec<String> {
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with(head));
    let mut wrong = Vec::new();
    for row in rows {
        let named: Vec<&str> = row.split('`').skip(1).step_by(2).filter(|span| is_test(span)).collect();
        if named.is_empty() {
            let first = row.split('|').nth(1).unwrap_or_default().trim();
            wrong.push(format!("{page}: \"{first}\" has no test"));
        }
        let missing = named.into_iter().filter(|name| !known.contains(*name));
        wrong.extend(missing.map(|name| format!("{page}: there is no test {name}")));
    }
    wrong
}

/// `module::sentence`
fn is_test(span: &str) -> bool {
    let word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    span.split_once("::").is_some_and(|(module, name)| word(module) && word(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_without_a_test_and_a_test_that_is_nowhere_are_named() {
        let known = BTreeSet::from(["walls::it_holds".to_owned()]);
        let text = "| attacker | shown by |\n|---|---|\n| one | `walls::it_holds` |\n| two | `DIR` |\n| three | `walls::it_does_not` |\n";
        let wrong = wrong_rows("page", "| attacker", text, &known);
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(wrong[0].contains("\"two\" has no test") && wrong[1].contains("no test walls::it_does_not"));
    }
}
