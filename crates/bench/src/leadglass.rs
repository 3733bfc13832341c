//! Starts leadglass as its users do: `init`, `serve`, a device with a token and a relationship to the whole site.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde_json::Value;

use crate::load::Server;
use crate::options::Options;
use crate::peer::{self, CALLING_AE, Peer, Running};
use crate::sending::OverTls;

/// The AE title that sends over TLS.
const TLS_AE: &str = "BENCHTLS";
const SITE: &str = "Measured site";
const START_TIME: Duration = Duration::from_secs(120);

/// The binary that was named, or the one beside this program.
pub fn program(named: Option<&PathBuf>) -> Result<PathBuf> {
    let program = match named {
        Some(program) => program.clone(),
        None => std::env::current_exe()?.with_file_name("leadglass"),
    };
    if !program.exists() {
        bail!("{} is missing; build it with `cargo build --release -p leadglass`", program.display());
    }
    Ok(program)
}

/// Makes an installation and serves it.
pub fn start(options: &Options) -> Result<Peer> {
    let program = program(options.leadglass.as_ref())?;
    let folder = peer::folder("ours", options.scratch.as_deref())?;
    let leadglass = Leadglass { program, dir: folder.path().join("data") };
    let passphrase = folder.path().join("passphrase");
    std::io::Write::write_all(&mut std::fs::File::create_new(&passphrase)?, b"measured for an hour, then gone\n")?;
    leadglass.init(&passphrase, &folder.path().join("kit"))?;

    let mut serve = leadglass.command();
    serve.args(["serve", "--passphrase-file", text(&passphrase)?, "--http", "127.0.0.1:0", "--dicom", "127.0.0.1:0"]);
    serve.args(["--dicom-tls", "127.0.0.1:0"]);
    let mut child = Running::start(serve.stdout(Stdio::piped()))?;
    let line = child.first_line(START_TIME).context("leadglass did not start")?;
    let ready: Value = serde_json::from_str(&line).context("leadglass printed something else than its ready line")?;

    leadglass
        .ask(&[
            "device",
            "add",
            "bench",
            "--organisation",
            SITE,
            "--may",
            "store,list,open",
            "--ae",
            CALLING_AE,
            "--token",
        ])
        .and_then(|added| {
            let token = added["token"].as_str().context("no token was made")?.to_owned();
            leadglass.ask(&["relate", "device:bench", "site", "--until", "30d", "--basis", "a measurement"])?;
            // what is measured is how fast it answers, not when it would stop a reader of everything
            leadglass.ask(&["budget", "set", "device:bench", "--no-limit"])?;
            let certificate = std::fs::read(leadglass.dir.join("tls/cert.pem"))?;
            let origin = ready["http"].as_str().context("leadglass names its address")?;
            let port =
                origin.rsplit(':').next().and_then(|port| port.parse().ok()).context("the address has a port")?;
            let web = Server::new(([127, 0, 0, 1], port).into(), "/dicom-web", &certificate, Some(&token))?;
            let dicom = ready["dicom"].as_str().and_then(|dicom| dicom.parse().ok()).context("a DICOM address")?;
            let serve = ready["pids"]["serve"].as_u64().context("leadglass names its processes")? as u32;
            let dicom_tls = ready["dicom_tls"].as_str().and_then(|dicom| dicom.parse().ok());
            let over_tls = leadglass.over_tls(dicom_tls.context("an address for DICOM over TLS")?, &certificate)?;
            Ok((web, dicom, serve, over_tls))
        })
        .and_then(|(web, dicom, serve, over_tls)| {
            let version = leadglass.version()?;
            let mut peer = Peer::new(("leadglass", version), (dicom, "LEADGLASS"), web, serve, child, folder);
            peer.over_tls = Some(over_tls);
            Ok(peer)
        })
}

/// The built program on an installation.
pub struct Leadglass {
    pub program: PathBuf,
    pub dir: PathBuf,
}

impl Leadglass {
    /// Makes the installation.
    pub fn init(&self, passphrase: &Path, kit: &Path) -> Result<()> {
        let (passphrase, kit) = (text(passphrase)?, text(kit)?);
        self.ask(&["init", "--site", SITE, "--passphrase-file", passphrase, "--recovery-kit", kit]).map(drop)
    }

    /// The command line, as far as it is the same for every command.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--dir").arg(&self.dir);
        command
    }

    /// Runs a command that answers with JSON.
    pub fn ask(&self, arguments: &[&str]) -> Result<Value> {
        let mut command = self.command();
        command.args(["--format", "json"]).args(arguments).stdin(Stdio::null()).stderr(Stdio::piped());
        let output = command.output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("leadglass {} failed: {}", arguments[0], said.trim());
        }
        serde_json::from_slice(&output.stdout).context("leadglass answered with something else than JSON")
    }

    /// Adds a device that is bound to a certificate, and says how it calls; `archive` is the archive's certificate.
    fn over_tls(&self, address: SocketAddr, archive: &[u8]) -> Result<OverTls> {
        let own = rcgen::generate_simple_self_signed([TLS_AE.to_owned()])?;
        let file = self.dir.with_file_name("device.pem");
        std::io::Write::write_all(&mut std::fs::File::create_new(&file)?, own.cert.pem().as_bytes())?;
        let add = ["device", "add", "bench over TLS", "--organisation", SITE, "--ae", TLS_AE, "--may", "store"];
        self.ask(&[&add[..], &["--bind-certificate", text(&file)?]].concat())?;
        let mut trusted = rustls::RootCertStore::empty();
        trusted.add(CertificateDer::from_pem_slice(archive).context("the certificate is not PEM")?)?;
        let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(trusted)
            .with_client_auth_cert(vec![own.cert.der().clone()], key.into())?;
        Ok(OverTls { address, calling_ae: TLS_AE, config: Arc::new(config) })
    }

    fn version(&self) -> Result<String> {
        let output = Command::new(&self.program).arg("--version").output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        Ok(said.trim().trim_start_matches("leadglass ").to_owned())
    }
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the temporary folder's name is not UTF-8; set TMPDIR")
}
