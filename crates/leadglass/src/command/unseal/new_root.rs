//! `leadglass unseal new-root`: another root in the place of the one that is there, while leadglass is stopped.
//!
//! Each method that stays is opened by what it opens with, here and now: a root can be sealed to a passphrase, a paper or a program's key
//! only by who has it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use protocol::{NewRootAsked, PageReply, PageRequest, UnsealReply, UnsealRequest};
use seal::{
    Method as Known, MethodId, MethodKind, MethodSecret, RecoveryKit, RootEnvelope, RootSecret, RootShare as Share,
    Secret32, SystemRandom,
};
use serde_json::json;
use warden::{NewRoot, RootProgress};
use zeroize::Zeroizing;

use super::change::{Outcome, Stopped, done};
use crate::cli::Format;
use crate::command::{pin, read_passphrase};
use crate::owner::Owner;
use crate::unseal::{
    CLEVIS_DECRYPT, Program, clevis_keeper, collect_shares, find, key_of, open_with_age, read_envelope, split_shares,
};

/// What opens the methods that stay.
#[derive(Clone, Debug, Default, Args)]
pub struct StayArgs {
    /// The passphrase of a method that stays, once for each; `-` reads one line of standard input.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Vec<PathBuf>,
    /// The recovery kit of a method that stays, once for each; `-` reads one line of standard input.
    #[arg(long, value_name = "FILE")]
    pub recovery_kit: Vec<PathBuf>,
    /// A holder's share, once for each, as many as open; `-` reads them from standard input until there are enough.
    #[arg(long, value_name = "FILE")]
    pub share_file: Vec<PathBuf>,
    /// The identity file of an `age` method that stays, once for each.
    #[arg(long, value_name = "FILE")]
    pub age_identity: Vec<PathBuf>,
    /// The program that opens a `command` method that stays, once for each; `clevis decrypt` when clevis has sealed it.
    #[arg(long, value_name = "COMMAND")]
    pub unseal_command: Vec<String>,
}

/// Puts another root in place, or proposes it.
pub fn new_root(
    dir: &Path,
    format: Format,
    remove: &[String],
    leave_only_machines: bool,
    with: &StayArgs,
) -> Result<()> {
    let (envelope, json) = read_envelope(dir)?;
    let removed: BTreeSet<MethodId> = remove.iter().map(|name| Ok(find(&envelope, name)?.id)).collect::<Result<_>>()?;
    let methods = envelope.methods()?;
    let (gone, stay): (Vec<Known>, Vec<Known>) = methods.into_iter().partition(|method| removed.contains(&method.id));
    if stay.is_empty() {
        bail!("no unseal method would stay; leave at least one out of --remove, without any the archive would be lost");
    }
    let secrets = Secrets::read(with)?.of_each(&envelope, &stay)?;
    let (first, secret) = &secrets[0];
    let before = envelope.unseal_with(*first, secret)?;
    let mut asked = NewRootAsked {
        based_on: seal::sha256(&json),
        removed: removed.iter().map(ToString::to_string).collect(),
        leave_only_machines,
        signature: Vec::new(),
    };
    asked.signature = before.unseal_signing_key().sign(&asked.message()).to_vec();
    let request = PageRequest::Unseal(UnsealRequest::NewRoot(Box::new(asked)));
    let value = json!({ "removed": gone.iter().map(|method| method.id.to_string()).collect::<Vec<_>>() });
    let by = stay[0].kind.word();
    if let Ok(owner) = Owner::connect(dir) {
        return match owner.ask(request)? {
            PageReply::Proposed(row) => waits(row, format, &value),
            PageReply::Unseal(UnsealReply::NewRootAllowed) => {
                bail!(
                    "a new root is allowed and is made while nothing runs; stop leadglass and give this command again"
                )
            }
            _ => bail!("the warden answered something else; run commands and serve from the same version"),
        };
    }
    let stopped = Stopped::start(dir, &before, by)?;
    match stopped.ask(request)? {
        PageReply::Proposed(row) => waits(row, format, &value),
        PageReply::Unseal(UnsealReply::NewRootAllowed) => {
            let number = make(dir, format, stopped, &envelope, before, &secrets, by)?;
            said(dir, format, number, &gone)
        }
        _ => bail!("the warden answered something else; run commands and serve from the same version"),
    }
}

fn waits(row: Box<protocol::ProposalRow>, format: Format, value: &serde_json::Value) -> Result<()> {
    Outcome::Waits(row).say(format, value, "")?;
    if let Format::Text = format {
        crate::output::say!("When it is carried out, stop leadglass and give this command again within seven days.");
    }
    Ok(())
}

/// Makes it: the warden of the old root writes, the one of the new root finishes, as after a crash.
fn make(
    dir: &Path,
    format: Format,
    stopped: Stopped,
    envelope: &RootEnvelope,
    before: RootSecret,
    secrets: &[(MethodId, MethodSecret)],
    by: &'static str,
) -> Result<u32> {
    let root = RootSecret::generate(&mut SystemRandom);
    let (envelope, stayed) = envelope.renewed(&before, &root, secrets, &mut SystemRandom)?;
    let new = NewRoot { before, root, envelope, stayed };
    // what the front's file says is compared with what the warden said before
    pin::keep_own(dir, &stopped.warden)?;
    let bar = bar(format);
    stopped.warden.renew_root(&new, &mut |progress: RootProgress| {
        bar.set_length(progress.of);
        bar.set_position(progress.done);
    })?;
    bar.finish_and_clear();
    let in_force = "the new root is in force; start leadglass with a method that stays, which finishes the change";
    let started = Stopped::start(dir, &new.root, by).context(in_force)?;
    pin::keep_own(dir, &started.warden).context(in_force)?;
    let number = match started.ask(PageRequest::Unseal(UnsealRequest::Root))? {
        PageReply::Unseal(UnsealReply::Root(row)) => row.number,
        _ => bail!("the warden answered something else; run commands and serve from the same version"),
    };
    drop(started);
    if dir.join("front").join(archive::SITE_FILE).exists() {
        pin::check_site(dir).context(in_force)?;
    }
    Ok(number)
}

fn bar(format: Format) -> ProgressBar {
    if format == Format::Json {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} keys and instances, {eta} left");
    ProgressBar::new(0).with_style(style.expect("the template is right"))
}

fn said(dir: &Path, format: Format, number: u32, gone: &[Known]) -> Result<()> {
    let (envelope, _) = read_envelope(dir)?;
    let methods: Vec<String> = envelope.methods()?.iter().map(|method| method.id.to_string()).collect();
    let removed: Vec<String> = gone.iter().map(|method| method.id.to_string()).collect();
    let value = json!({ "root": number, "methods": methods, "removed": removed });
    let text = format!(
        "Root {number} is in force. Methods that stayed: {}, each with another id. Copies of root.json from before give a root that opens nothing \
         of now. Take a copy for the vault soon, and remove its older generations when whoever was removed may reach them. A front on \
         another machine needs a new introduction: `leadglass warden pin`.",
        methods.len()
    );
    done(format, &value, &text);
    Ok(())
}

/// What was given, by kind.
struct Secrets {
    passphrases: Vec<Zeroizing<String>>,
    kits: Vec<RecoveryKit>,
    shares: Vec<PathBuf>,
    identities: Vec<PathBuf>,
    programs: Vec<Program>,
}

impl Secrets {
    fn read(with: &StayArgs) -> Result<Self> {
        let kit = |path: &PathBuf| RecoveryKit::parse(&read_passphrase(path)?).map_err(|error| anyhow!(error));
        Ok(Self {
            passphrases: with.passphrase_file.iter().map(|path| read_passphrase(path)).collect::<Result<_>>()?,
            kits: with.recovery_kit.iter().map(kit).collect::<Result<_>>()?,
            shares: with.share_file.clone(),
            identities: with.age_identity.clone(),
            programs: with.unseal_command.iter().map(|command| Ok(Program::parse(command)?)).collect::<Result<_>>()?,
        })
    }

    /// What opens each method that stays; says which ones nothing was given for.
    fn of_each(&self, envelope: &RootEnvelope, stay: &[Known]) -> Result<Vec<(MethodId, MethodSecret)>> {
        let (mut secrets, mut missing) = (Vec::new(), Vec::new());
        for method in stay {
            match self.of(envelope, method)? {
                Some(secret) => secrets.push((method.id, secret)),
                None => missing.push(format!("{} ({}, {})", method.id, method.kind.word(), option(&method.kind))),
            }
        }
        if !missing.is_empty() {
            bail!(
                "a new root is sealed to each method that stays by what opens it, and nothing that was given opens {}; \
                 give it, or leave the method out with --remove and add it again afterwards",
                missing.join(", ")
            );
        }
        Ok(secrets)
    }

    fn of(&self, envelope: &RootEnvelope, method: &Known) -> Result<Option<MethodSecret>> {
        let opens = |secret: &MethodSecret| envelope.unseal_with(method.id, secret).is_ok();
        Ok(match &method.kind {
            MethodKind::Passphrase => {
                self.passphrases.iter().map(|words| MethodSecret::Passphrase(words.clone())).find(opens)
            }
            MethodKind::RecoveryKit => self.kits.iter().map(|kit| MethodSecret::RecoveryKit(kit.clone())).find(opens),
            MethodKind::Shares(_) if self.shares.is_empty() => None,
            MethodKind::Shares(set) => {
                let texts = split_shares(&collect_shares(&self.shares, set)?)?;
                let shares: Vec<Share> = texts.iter().map(|text| Share::parse(text)).collect::<Result<_, _>>()?;
                Some(MethodSecret::Shares(shares)).filter(opens)
            }
            MethodKind::Age(_) => {
                let ciphertext = envelope.ciphertext(method.id)?;
                let programs = self.identities.iter().map(|identity| open_with_age(identity));
                first_key(programs, &ciphertext, opens)?
            }
            MethodKind::Command(_) => {
                let ciphertext = envelope.ciphertext(method.id)?;
                let clevis = clevis_keeper(&ciphertext).map(|_| Program::parse(CLEVIS_DECRYPT).map_err(Into::into));
                let programs = self.programs.iter().cloned().map(Ok).chain(clevis);
                first_key(programs, &ciphertext, opens)?
            }
        })
    }
}

/// The first key that a program gives and that opens; a program that cannot is passed over when another can.
fn first_key(
    programs: impl Iterator<Item = Result<Program>>,
    ciphertext: &[u8],
    opens: impl Fn(&MethodSecret) -> bool,
) -> Result<Option<MethodSecret>> {
    for program in programs {
        let key: Result<Secret32> = key_of(&program?, ciphertext);
        match key.map(MethodSecret::Key) {
            Ok(secret) if opens(&secret) => return Ok(Some(secret)),
            Ok(_) => {}
            Err(error) => eprintln!("warning: {error:#}"),
        }
    }
    Ok(None)
}

/// The option that gives what opens a method.
fn option(kind: &MethodKind) -> &'static str {
    match kind {
        MethodKind::Passphrase => "--passphrase-file",
        MethodKind::RecoveryKit => "--recovery-kit",
        MethodKind::Shares(_) => "--share-file",
        MethodKind::Age(_) => "--age-identity",
        MethodKind::Command(_) => "--unseal-command",
    }
}
