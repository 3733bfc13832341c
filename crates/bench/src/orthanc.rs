//! Starts Orthanc with its SQLite index and the DICOMweb plugin, and a relay in front of it that ends TLS.
//!
//! Its documentation asks for such a relay in front of it rather than for its own TLS; that of Debian 12 ends with a
//! segmentation fault at the first request. The relay passes bytes on and looks at none; it runs in this program. Rows are
//! measured without it, too: that is the figure in the clear.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::load::Server;
use crate::options::Options;
use crate::peer::{self, Peer, Running};

const PROGRAMS: [&str; 2] = ["/usr/sbin/Orthanc", "/usr/local/sbin/Orthanc"];
const PLUGINS: [&str; 2] =
    ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so", "/usr/local/share/orthanc/plugins/libOrthancDicomWeb.so"];
const START_TIME: Duration = Duration::from_secs(60);
const AE_TITLE: &str = "ORTHANC";
/// What the relay holds of one connection in each direction, in bytes.
const RELAY_BYTES: usize = 128 * 1024;

/// Starts it, or says which packages are missing.
pub async fn start(options: &Options) -> Result<Peer> {
    let (Some(program), Some(plugin)) = (there(&PROGRAMS), there(&PLUGINS)) else {
        bail!("Orthanc is not installed; `apt install orthanc orthanc-dicomweb`, or measure with --alone");
    };
    let folder = peer::folder("orthanc", options.scratch.as_deref())?;
    let (http, dicom) = (peer::free_address()?, peer::free_address()?);

    let configuration = folder.path().join("orthanc.json");
    create(&configuration, configure(folder.path(), plugin, http.port(), dicom.port()).to_string().as_bytes())?;
    let log = std::fs::File::create(folder.path().join("log"))?;
    let mut command = Command::new(program);
    // without this every C-STORE waits for the delayed acknowledgement of Nagle's algorithm
    command.arg(&configuration).env("TCP_NODELAY", "1").stdout(Stdio::null()).stderr(log);
    let mut child = Running::start(&mut command)?;
    if let Err(error) = child.listening(http, START_TIME).and_then(|()| child.listening(dicom, START_TIME)) {
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(5).collect();
        return Err(error).context(format!("Orthanc did not start: {}", tail.join(" | ")));
    }
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
    let relay = relay(http, &certified).await?;
    let web = Server::new(relay, "/dicom-web", certified.cert.pem().as_bytes(), None)?;
    let version = version(program)?;
    let pid = child.pid();
    let mut peer = Peer::new(("Orthanc", version), (dicom, AE_TITLE), web, pid, child, folder);
    peer.clear = Some(Server::in_the_clear(http, "/dicom-web"));
    Ok(peer)
}

/// Ends TLS and passes everything on to `http`. Where it listens; it lives as long as the runtime.
async fn relay(http: SocketAddr, certified: &rcgen::CertifiedKey<rcgen::KeyPair>) -> Result<SocketAddr> {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                stream.set_nodelay(true)?;
                let mut outside = acceptor.accept(stream).await?;
                let mut inside = TcpStream::connect(http).await?;
                inside.set_nodelay(true)?;
                let (a, b) = (RELAY_BYTES, RELAY_BYTES);
                tokio::io::copy_bidirectional_with_sizes(&mut outside, &mut inside, a, b).await
            });
        }
    });
    Ok(address)
}

fn configure(folder: &Path, plugin: &str, http: u16, dicom: u16) -> Value {
    json!({
        "Name": "Measured",
        "StorageDirectory": folder.join("db"),
        "IndexDirectory": folder.join("db"),
        "TemporaryDirectory": folder.join("tmp"),
        "Plugins": [plugin],
        "HttpServerEnabled": true,
        "HttpPort": http,
        "HttpThreadsCount": 50,
        "KeepAlive": true,
        "TcpNoDelay": true,
        "RemoteAccessAllowed": false,
        "AuthenticationEnabled": false,
        "OrthancExplorerEnabled": false,
        "WebDavEnabled": false,
        "SslEnabled": false,
        "DicomServerEnabled": true,
        "DicomAet": AE_TITLE,
        "DicomPort": dicom,
        "DicomAlwaysAllowStore": true,
        "DicomAlwaysAllowEcho": true,
        "DicomCheckCalledAet": false,
        "DicomThreadsCount": 20,
        "MaximumPduLength": 131_072,
        "ConcurrentJobs": 2,
        "StorageCompression": false,
        "SyncStorageArea": true,
        "LogExportedResources": false,
        "SaveJobs": false,
        "DicomWeb": { "Enable": true, "Root": "/dicom-web/", "EnableWado": false },
    })
}

fn version(program: &str) -> Result<String> {
    let output = Command::new(program).arg("--version").output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let version = said.lines().next().unwrap_or_default().rsplit(' ').next().unwrap_or_default().to_owned();
    let packages = Command::new("dpkg-query").args(["-W", "-f", "${Version}", "orthanc-dicomweb"]).output();
    let plugin = packages.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let plugin = plugin.split(['+', '-']).next().unwrap_or_default().to_owned();
    Ok(if plugin.is_empty() { version } else { format!("{version} with DICOMweb {plugin}") })
}

fn there(paths: &[&'static str]) -> Option<&'static str> {
    paths.iter().copied().find(|path| Path::new(path).exists())
}

pub(crate) fn create(path: &Path, bytes: &[u8]) -> Result<()> {
    Ok(std::fs::File::create_new(path)?.write_all(bytes)?)
}
