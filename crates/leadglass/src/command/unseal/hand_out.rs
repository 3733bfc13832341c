//! Shares on their way to their holders: each is shown once, as words and as a QR code.

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, Result};
use qrcode::QrCode;
use seal::{NewShares, RootShare as Share};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::cli::Format;
use crate::output::say;

/// Shows each share, or writes each into files of its own. The answer lists them for programs.
pub fn hand_out(
    dir: &Path,
    format: Format,
    new: &NewShares,
    holders: &[String],
    out: Option<&Path>,
) -> Result<Vec<Value>> {
    let site = archive::Site::read(&dir.join("front")).map(|site| site.name).unwrap_or_default();
    let mut listed = Vec::new();
    for (share, holder) in new.shares.iter().zip(holders) {
        let head = heading(&site, new, share, holder);
        let words = share.to_words();
        // capitals make the smallest code
        let code = Zeroizing::new(words.replace('\n', " ").to_uppercase());
        let code = QrCode::new(code.as_bytes()).context("the share does not fit a QR code; use the words")?;
        let mut row = json!({ "holder": holder, "share": share.index() });
        if let Some(out) = out {
            let name = format!("share-{}-of-{}", share.index(), holders.len());
            let text = Zeroizing::new(format!("{}\n{}\n", head.replace("\n", "\n# "), *words));
            write(&out.join(format!("{name}.txt")), format!("# {}", *text).as_bytes())?;
            let svg = code.render::<qrcode::render::svg::Color<'_>>().min_dimensions(320, 320).build();
            write(&out.join(format!("{name}.svg")), svg.as_bytes())?;
            row["files"] = json!([format!("{name}.txt"), format!("{name}.svg")]);
        } else if format == Format::Json {
            row["words"] = json!(*words);
        } else {
            show(&head, &words, &code, share.index() as usize == holders.len())?;
        }
        listed.push(row);
    }
    Ok(listed)
}

fn heading(site: &str, new: &NewShares, share: &Share, holder: &str) -> String {
    format!(
        "leadglass share {} of {}, for {holder}\nsite {site}, set {}: {} of {} open the archive. Keep it apart from the machine and from other shares.",
        share.index(),
        new.shares.len(),
        share.set(),
        share.threshold(),
        new.shares.len(),
    )
}

/// One holder after the other on a terminal; the screen is cleared in between.
fn show(head: &str, words: &str, code: &QrCode, last: bool) -> Result<()> {
    say!("{head}");
    say!("");
    for (number, line) in (1..).zip(words.lines()) {
        say!("  {number}  {line}");
    }
    say!("");
    say!("{}", code.render::<qrcode::render::unicode::Dense1x2>().build());
    if std::io::stdout().is_terminal() && std::io::stdin().is_terminal() {
        say!("Write it down, then press Enter{}.", if last { "" } else { " and call the next holder" });
        std::io::stdin().lock().read_line(&mut String::new())?;
        // clears the screen and what was scrolled off it
        say!("\u{1b}[2J\u{1b}[3J\u{1b}[H");
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = std::fs::File::create_new(path).with_context(|| {
        format!("{} cannot be made; name a folder that is there and holds no shares", path.display())
    })?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(())
}
