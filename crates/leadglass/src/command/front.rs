//! `leadglass front`: takes images in, serves the pages and DICOMweb; holds no key but those just released to it.
//!
//! It opens its sockets and its certificate, raises the walls, and only then reads anything. Inside them it reads and writes `DIR/front`
//! and makes no socket; its parent connects it to the warden and to codec workers, and to nothing else.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use archive::{Clock, Dial, Handover, Intake, IntakeSettings, Reader, Site, WardenLink};
use codecs::{FRAME_SECONDS_MAX, Workers};
use dimse::DimseServer;
use protocol::{Refusal, SecretText};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use walls::Standing;
use zeroize::Zeroizing;

use super::serve::{self, front_recipe, settled, watch};
use super::supervise::{Recipe, Roles, replace};
use super::{pin, walled, workers};
use crate::cli::{FrontArgs, ListenArgs};
use crate::intake_socket::Served;
use crate::output::say;
use crate::owner::FRONT_SOCKET;
use crate::parent::Parent;
use crate::sockets::Bound;
use crate::{control, disk, intake_socket};

/// How long TLS waits for the warden to release the certificate's key, in seconds, before it says so again.
const KEY_SECONDS: u64 = 10;
/// How long a front waits before it tells the warden of its disk again.
const DISK_RETRY: Duration = Duration::from_secs(5);

/// Runs until SIGTERM or SIGINT: the role itself as a child of `serve`, or a parent that connects the role to the warden.
pub fn front(dir: &Path, arguments: &FrontArgs) -> Result<()> {
    if arguments.until_stdin_closes { role(dir, arguments) } else { supervised(dir, arguments) }
}

fn supervised(dir: &Path, arguments: &FrontArgs) -> Result<()> {
    control::log_to_stderr("front");
    control::keep_to_itself("front");
    let dir = std::path::absolute(dir)?;
    std::fs::create_dir_all(dir.join("run"))?;
    let secret = arguments.warden.is_some().then(|| pin::own_key(&dir, arguments.line_key.as_deref())).transpose()?;
    let listens = settled(&arguments.listen)?;
    let ports = listens.iter().flat_map(serve::ports).collect();
    let workers = workers::count();
    // everything that is started from here on is inside as well
    let standing = walled::parent(&dir, None, Some(&arguments.listen), ports).raise()?;
    let ending = control::ending();
    let mut roles = Roles::default();
    roles.stand_in(&dir, standing);
    if let (Some(warden), Some((secret, _))) = (&arguments.warden, secret) {
        let arguments = vec!["--to".into(), warden.into()];
        roles.start(Recipe {
            name: "line",
            dir: dir.clone(),
            log: None,
            arguments,
            secret: Some(secret),
            reaches: None,
            workers: 0,
        })?;
    }
    let recipe = |listen: &ListenArgs| {
        let mut recipe = front_recipe(&dir, None, listen, workers);
        if arguments.warden.is_some() {
            recipe.arguments.push("--own-machine".into());
        }
        recipe
    };
    let mut left = listens.iter().peekable();
    let ready = loop {
        let listen = left.next().expect("there is one to begin with, and one was seen");
        match roles.start(recipe(listen)) {
            Ok(front) => break front.ready().clone(),
            // somebody else took a picked port
            Err(error) if left.peek().is_some() => tracing::warn!(%error, "the front is started on another port"),
            Err(error) => return Err(error),
        }
    };
    if arguments.warden.is_none()
        && let Err(error) = disk::register(&dir)
    {
        tracing::warn!(%error, "which disks this installation lies on is not recorded; exposure of a disk may miss one");
    }
    let mut line = ready;
    line["pids"] = json!(roles.pids());
    line["walls"] = roles.walls();
    say!("{line}");
    watch(&mut roles, &ending, |_| ());
    roles.end();
    Ok(())
}

/// How long a start waits for the codec workers before it takes images in without them.
const WORKERS_TIME: Duration = Duration::from_secs(2);

/// What is opened before the walls stand.
struct Opened {
    imports: Bound,
    ports: Ports,
}

/// The sockets of the network, and the certificate for them.
struct Ports {
    dicom: Option<Bound>,
    dicom_tls: Option<Bound>,
    http: Option<Bound>,
    /// For HTTPS and DICOM TLS.
    certificate: Option<Certificate>,
}

/// A certificate chain, and its key when it came in a file.
struct Certificate {
    chain: Vec<u8>,
    key: Option<Zeroizing<Vec<u8>>>,
}

fn role(dir: &Path, arguments: &FrontArgs) -> Result<()> {
    control::log_to_stderr("front");
    control::keep_to_itself("front");
    let listen = &arguments.listen;
    pin::check_site(dir)?;
    let opened = open(dir, listen)?;
    // the names of filesystems are outside of the walls
    let disk = arguments.own_machine.then(|| disk::of_front(dir)).transpose()?;
    let folder = dir.join("front");
    let standing = walled::front(dir).raise()?;

    // from here on nothing outside of DIR/front is opened and nothing is connected to
    let site = Site::read(&folder)?;
    let (store, recovered) = store::Store::open(&folder, store::Options::default(), store::files())?;
    tracing::info!(?recovered, "the store is open");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    runtime.block_on(async {
        let signals = control::Signals::catch();
        let clock = Clock::system();
        let parent = Parent::on_stdin()?;
        let asked = parent.clone();
        let dial = Dial::by(move || asked.clone().connect());
        let link = WardenLink::start(dial, &folder, site.clone(), clock.clone());
        if let Some(disk) = disk {
            tokio::spawn(tell_disk(link.clone(), disk));
        }
        let reader = Reader::new(store.clone(), link.clone(), clock.clone());
        let handover = Arc::new(Handover::start(store.clone(), link.clone(), Some(reader.clone())));
        let intake = Intake::new(store.clone(), &site, IntakeSettings::default(), clock);
        let served =
            Served { intake: intake.clone(), handover: Arc::clone(&handover), store: store.clone(), runtime: handle };
        intake_socket::serve(opened.imports.listen_unix()?, served);

        let asked = parent.clone();
        let limit = Duration::from_secs(FRAME_SECONDS_MAX);
        let workers = Workers::new(arguments.codecs, limit, move |place| asked.clone().worker(place));
        // images are taken in and listed without them; that no picture can be made is logged there, and said to who asks for one
        let _ = tokio::time::timeout(WORKERS_TIME, workers.begin()).await;
        let app = portal::App { warden: link, reader, intake, renderer: Arc::new(workers) };
        let doors = Doors::open(listen, opened.ports, app).await?;
        say!("{}", doors.ready_line(&standing));
        signals.first(true, parent.gone()).await;
        doors.shut().await?;
        anyhow::Ok(())
    })?;
    store.close();
    runtime.shutdown_timeout(Duration::from_secs(3));
    Ok(())
}

/// Tells the warden which disk images lie on here, until it has recorded it.
async fn tell_disk(link: WardenLink, disk: protocol::FrontDisk) {
    while let Err(refusal) = link.lies_on(&disk).await {
        match refusal {
            Refusal::WardenAway => tracing::debug!("the warden is told of this disk when it answers"),
            refusal => {
                tracing::warn!(%refusal, "which disk images lie on is not recorded yet; exposure of a disk may miss it");
            }
        }
        tokio::time::sleep(DISK_RETRY).await;
    }
}

/// Binds every socket and reads the certificate.
fn open(dir: &Path, listen: &ListenArgs) -> Result<Opened> {
    let tcp = |text: &str, what: &str, flag: &str| -> Result<Option<Bound>> {
        if text == "none" {
            return Ok(None);
        }
        let address = address(text)?;
        let bound = Bound::tcp(address).with_context(|| {
            format!("{what} cannot listen on {address}; is another program there? Choose another with {flag}")
        })?;
        Ok(Some(bound))
    };
    let dicom = tcp(&listen.dicom, "DICOM", "--dicom")?;
    let dicom_tls = tcp(&listen.dicom_tls, "DICOM over TLS", "--dicom-tls")?;
    std::fs::create_dir_all(dir.join("run"))?;
    let http = match tcp(&listen.http, "HTTP", "--http")? {
        Some(bound) => {
            let scheme = if listen.plain_http { "http" } else { "https" };
            let port = bound.address()?.port();
            let origin = listen.origin.clone().unwrap_or_else(|| format!("{scheme}://localhost:{port}"));
            replace(&dir.join("run/origin"), origin.as_bytes())?;
            Some(bound)
        }
        None => None,
    };
    let speaks_tls = dicom_tls.is_some() || http.is_some() && !listen.plain_http;
    let certificate = speaks_tls.then(|| certificate(dir, listen)).transpose()?;
    let socket = dir.join(FRONT_SOCKET);
    let imports = Bound::unix(&socket).with_context(|| {
        format!("the socket {} cannot be made; is another front running in this folder?", socket.display())
    })?;
    Ok(Opened { imports, ports: Ports { dicom, dicom_tls, http, certificate } })
}

fn certificate(dir: &Path, listen: &ListenArgs) -> Result<Certificate> {
    let read = |path: &Path| {
        std::fs::read(path).with_context(|| format!("{} cannot be read; check the path and the rights", path.display()))
    };
    Ok(match (&listen.tls_cert, &listen.tls_key) {
        (Some(chain), Some(key)) => Certificate { chain: read(chain)?, key: Some(Zeroizing::new(read(key)?)) },
        _ => {
            let chain = std::fs::read(dir.join("tls/cert.pem"))
                .context("DIR/tls/cert.pem cannot be read; give a certificate with --tls-cert and --tls-key")?;
            Certificate { chain, key: None }
        }
    })
}

/// The certificate with its key, which the warden releases when it came in no file.
async fn tls(certificate: Option<Certificate>, link: &WardenLink) -> Result<Option<portal::Tls>> {
    let Some(Certificate { chain, key }) = certificate else { return Ok(None) };
    let tls = match key {
        Some(key) => portal::Tls::from_pem(&chain, &key)?,
        None => portal::Tls::from_pem(&chain, released_key(link).await.expose().as_bytes())?,
    };
    Ok(Some(tls))
}

/// What listens at the network.
struct Doors {
    dicom: Option<DimseServer>,
    dicom_tls: Option<DimseServer>,
    portal: Option<portal::Portal>,
}

impl Doors {
    /// DICOM in the clear is taken in at once; what speaks TLS waits for the certificate's key.
    async fn open(listen: &ListenArgs, ports: Ports, app: portal::App) -> Result<Self> {
        let settings = dimse::Settings { called_ae_title: listen.ae.clone(), ..dimse::Settings::default() };
        let dicom = ports.dicom.map(|bound| start_dimse("--dicom", bound, settings.clone(), &app)).transpose()?;
        let tls = tls(ports.certificate, &app.warden).await?;
        let dicom_tls = match ports.dicom_tls.zip(tls.as_ref()) {
            Some((bound, tls)) => {
                let settings = dimse::Settings { tls: Some(tls.for_devices()?), ..settings };
                Some(start_dimse("--dicom-tls", bound, settings, &app)?)
            }
            None => None,
        };
        let portal = ports.http.map(|bound| start_portal(listen, bound, tls, app)).transpose()?;
        Ok(Self { dicom, dicom_tls, portal })
    }

    /// The line that says that it answers.
    fn ready_line(&self, standing: &Standing) -> Value {
        let at = |server: &Option<DimseServer>| server.as_ref().map(|server| server.local_addr().to_string());
        json!({
            "ready": true,
            "role": "front",
            "pid": std::process::id(),
            "http": self.portal.as_ref().map(|portal| portal.address().to_string()),
            "dicom": at(&self.dicom),
            "dicom_tls": at(&self.dicom_tls),
            "walls": standing,
        })
    }

    async fn shut(self) -> Result<()> {
        // both at once: each may take its time
        let servers = [self.dicom, self.dicom_tls].into_iter().flatten();
        let ending: Vec<_> = servers.map(|mut server| tokio::task::spawn_blocking(move || server.shutdown())).collect();
        for ended in ending {
            ended.await?;
        }
        if let Some(portal) = self.portal {
            portal.stop().await;
        }
        Ok(())
    }
}

fn start_dimse(flag: &str, bound: Bound, settings: dimse::Settings, app: &portal::App) -> Result<DimseServer> {
    let listener = bound
        .listen_tcp()
        .with_context(|| format!("DICOM cannot listen; is another program there? Choose another with {flag}"))?;
    let devices = Arc::new(app.warden.clone());
    Ok(DimseServer::serve(listener, app.intake.clone(), devices, settings)?)
}

fn start_portal(
    listen: &ListenArgs,
    bound: Bound,
    tls: Option<portal::Tls>,
    app: portal::App,
) -> Result<portal::Portal> {
    let listener =
        bound.listen_tcp().context("HTTP cannot listen; is another program there? Choose another with --http")?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    let tls = tls.filter(|_| !listen.plain_http);
    let scheme = if tls.is_some() { "https" } else { "http" };
    let public_origin = listen.origin.clone().unwrap_or_else(|| format!("{scheme}://localhost:{port}"));
    let config = portal::HttpConfig { tls, public_origin };
    Ok(portal::serve(TcpListener::from_std(listener)?, config, app)?)
}

/// The key of the development certificate is sealed; the warden releases it. DICOM in the clear is taken in meanwhile.
async fn released_key(link: &WardenLink) -> SecretText {
    let mut waited = 0;
    loop {
        if let Some(key) = link.tls_key_pem() {
            return key;
        }
        if link.hello().await.is_err() {
            if waited % (KEY_SECONDS * 10) == 0 {
                tracing::warn!(
                    "HTTPS and DICOM TLS wait for the warden, which keeps the key of their certificate; DICOM in the clear is taken in"
                );
            }
            waited += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn address(text: &str) -> Result<SocketAddr> {
    match text.parse() {
        Ok(address) => Ok(address),
        Err(_) => bail!("{text} is no address; give it as 127.0.0.1:8443, or none"),
    }
}
