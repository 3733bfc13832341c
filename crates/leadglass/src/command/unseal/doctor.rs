//! What `doctor` says about unseal methods.

use std::path::Path;

use seal::{Keeper, Method, MethodKind, RootEnvelope};

use super::list;
use crate::time;
use crate::unseal::{clevis_keeper, read_envelope};

/// After this many days a drill is old.
const DRILL_DAYS_MAX: i64 = 400;

/// One thing that was looked at: whether it holds, what it is, what to do.
pub type Finding = (bool, String, &'static str);

/// Looks at the methods without unsealing.
pub fn findings(dir: &Path) -> Vec<Finding> {
    let envelope = match read_envelope(dir) {
        Ok((envelope, _)) => envelope,
        Err(error) => return vec![(false, error.to_string(), "restore warden/root.json from the vault")],
    };
    let methods = envelope.methods().unwrap_or_default();
    let mut findings = Vec::new();
    for method in &methods {
        if keeper(&envelope, method).is_some_and(Keeper::goes_with_the_machine) {
            findings.push((
                false,
                format!("the unseal method {} opens with this machine alone: who carries it away reads everything", method.id),
                "seal to the TPM and to a Tang server on another machine together (`leadglass unseal add command -- clevis encrypt sss ...`), then remove this one",
            ));
        }
    }
    if findings.is_empty() {
        let what = format!("no unseal method opens with this machine alone ({} methods)", methods.len());
        findings.push((true, what, ""));
    }
    let only_machines = methods.iter().all(|method| method.kind.needs_one_machine());
    findings.push((
        !only_machines,
        "an unseal method does not depend on one machine".to_owned(),
        "add a passphrase, a recovery kit or shares; when a machine breaks the archive is lost otherwise",
    ));
    if let Some(root) = list::root(dir) {
        findings.push((true, list::in_words(&root), ""));
    }
    for row in list::rows(dir).unwrap_or_default() {
        if row.removed_in_ledger {
            findings.push((
                false,
                format!("the unseal method {} was removed and is in root.json again", row.id),
                "root.json is older than the ledger; remove the method again with `leadglass unseal remove`",
            ));
        }
        // without a running warden nothing is known of drills
        if row.set.is_some() && row.added.is_some() {
            let old =
                row.drilled.as_ref().is_none_or(|(when, _)| when.plus_seconds(DRILL_DAYS_MAX * 86_400) < time::now());
            let what = format!("the holders' shares were proven in the last {DRILL_DAYS_MAX} days");
            findings.push((!old, what, "run `leadglass unseal drill` with them; it opens nothing"));
        }
    }
    findings
}

/// Where a method's key is kept: the text itself counts more than what somebody said of it.
fn keeper(envelope: &RootEnvelope, method: &Method) -> Option<Keeper> {
    let said = method.kind.keeper();
    let MethodKind::Command(_) = method.kind else { return said };
    let found = envelope.ciphertext(method.id).ok().and_then(|text| clevis_keeper(&text));
    found.filter(|found| found.goes_with_the_machine()).or(said)
}
