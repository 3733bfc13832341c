//! `leadglass front`: takes images in, serves the pages and DICOMweb; holds no key but those just released to it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use archive::{Clock, Handover, Intake, IntakeSettings, Reader, Site, WardenLink};
use serde_json::json;
use tokio::net::TcpListener;

use crate::cli::{FrontArgs, ListenArgs};
use crate::intake_socket::Served;
use crate::output::say;
use crate::owner::{FRONT_SOCKET, WARDEN_SOCKET};
use crate::{control, intake_socket};

/// How long HTTPS waits for the warden to release the certificate's key, in seconds, before it says so again.
const KEY_SECONDS: u64 = 10;

/// Runs until SIGTERM, SIGINT, or the parent's end.
pub fn front(dir: &Path, arguments: &FrontArgs) -> Result<()> {
    control::log_to_stderr("front");
    control::keep_to_itself("front");
    let folder = dir.join("front");
    let site = Site::read(&folder)?;
    let (store, recovered) = store::Store::open(&folder, store::Options::default(), store::files())?;
    tracing::info!(?recovered, "the store is open");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    runtime.block_on(async {
        let signals = control::Signals::catch();
        let clock = Clock::system();
        let link = WardenLink::start(&dir.join(WARDEN_SOCKET), &folder, site.clone(), clock.clone());
        let reader = Reader::new(store.clone(), link.clone(), clock.clone());
        let handover = Arc::new(Handover::start(store.clone(), link.clone(), Some(reader.clone())));
        let intake = Intake::new(store.clone(), &site, IntakeSettings::default(), clock);
        std::fs::create_dir_all(dir.join("run"))?;
        let served =
            Served { intake: intake.clone(), handover: Arc::clone(&handover), store: store.clone(), runtime: handle };
        intake_socket::serve(&dir.join(FRONT_SOCKET), served)?;

        let listen = &arguments.listen;
        let dimse = start_dimse(listen, &intake, &link)?;
        let dicom = dimse.as_ref().map(|server| server.local_addr().to_string());
        let app = portal::App { warden: link.clone(), reader, intake };
        let portal = start_portal(dir, listen, &link, app).await?;
        let http = portal.as_ref().map(|portal| portal.address().to_string());
        say!("{}", json!({ "ready": true, "role": "front", "pid": std::process::id(), "http": http, "dicom": dicom }));

        signals.first(arguments.until_stdin_closes).await;
        if let Some(mut server) = dimse {
            tokio::task::spawn_blocking(move || server.shutdown()).await?;
        }
        if let Some(portal) = portal {
            portal.stop().await;
        }
        anyhow::Ok(())
    })?;
    store.close();
    runtime.shutdown_timeout(Duration::from_secs(3));
    Ok(())
}

fn start_dimse(listen: &ListenArgs, intake: &Intake, link: &WardenLink) -> Result<Option<dimse::DimseServer>> {
    if listen.dicom == "none" {
        return Ok(None);
    }
    let address = address(&listen.dicom)?;
    let devices = Arc::new(link.clone());
    let settings = dimse::Settings { called_ae_title: listen.ae.clone(), ..dimse::Settings::default() };
    let server = dimse::DimseServer::bind(address, intake.clone(), devices, settings).with_context(|| {
        format!("DICOM cannot listen on {address}; is another program there? Choose another with --dicom")
    })?;
    Ok(Some(server))
}

async fn start_portal(
    dir: &Path,
    listen: &ListenArgs,
    link: &WardenLink,
    app: portal::App,
) -> Result<Option<portal::Portal>> {
    if listen.http == "none" {
        return Ok(None);
    }
    let address = address(&listen.http)?;
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("HTTP cannot listen on {address}; is another program there? Choose another with --http")
    })?;
    let port = listener.local_addr()?.port();
    let tls = match (&listen.tls_cert, &listen.tls_key, listen.plain_http) {
        (_, _, true) => None,
        (Some(certificate), Some(key), false) => {
            let read = |path: &Path| {
                std::fs::read(path)
                    .with_context(|| format!("{} cannot be read; check the path and the rights", path.display()))
            };
            Some(portal::Tls::from_pem(&read(certificate)?, &read(key)?)?)
        }
        _ => {
            let certificate = std::fs::read(dir.join("tls/cert.pem"))
                .context("DIR/tls/cert.pem cannot be read; give a certificate with --tls-cert and --tls-key")?;
            Some(portal::Tls::from_pem(&certificate, released_key(link).await.as_bytes())?)
        }
    };
    let scheme = if tls.is_some() { "https" } else { "http" };
    let public_origin = listen.origin.clone().unwrap_or_else(|| format!("{scheme}://localhost:{port}"));
    replace(&dir.join("run/origin"), public_origin.as_bytes())?;
    let config = portal::HttpConfig { tls, public_origin };
    Ok(Some(portal::serve(listener, config, app)?))
}

/// The key of the development certificate is sealed; the warden releases it. DICOM is taken in meanwhile.
async fn released_key(link: &WardenLink) -> String {
    let mut waited = 0;
    loop {
        if let Some(key) = link.tls_key_pem() {
            return key;
        }
        if link.hello().await.is_err() {
            if waited % (KEY_SECONDS * 10) == 0 {
                tracing::warn!("HTTPS waits for the warden, which keeps the key of its certificate; DICOM is taken in");
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

fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write;
    let beside = path.with_extension("new");
    std::fs::File::create(&beside)?.write_all(bytes)?;
    std::fs::rename(&beside, path)?;
    Ok(())
}
