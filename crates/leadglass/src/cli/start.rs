//! `leadglass demo`, `init`, `serve` and `import`.

use std::path::PathBuf;

use clap::Args;

use crate::unseal::UnsealArgs;

/// `demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// A folder of DICOM files to take in.
    #[arg(long, default_value = "demo", value_name = "DIR")]
    pub data: PathBuf,
    /// Where the pages are.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub http: String,
    /// Prints the address and the people as one line of JSON, for tests.
    #[arg(long, hide = true)]
    pub machine: bool,
}

/// `init`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Name of the site.
    #[arg(long, value_name = "NAME")]
    pub site: String,
    /// The passphrase that unseals the root; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: PathBuf,
    /// Writes the recovery kit there instead of asking for it to be typed back.
    #[arg(long, value_name = "FILE")]
    pub recovery_kit: Option<PathBuf>,
    /// E-mail address of the first person, who is officer and administrator.
    #[arg(long, default_value = "officer@localhost", value_name = "EMAIL")]
    pub officer: String,
    /// Name of the first person.
    #[arg(long, default_value = "First officer", value_name = "NAME")]
    pub officer_name: String,
    /// Lets the first person use a password and a one-time code besides passkeys.
    #[arg(long)]
    pub password_and_code: bool,
    /// How long changes wait that take two persons.
    #[arg(long, default_value = "24h", value_name = "DURATION")]
    pub approval_delay: String,
    /// How long the owner of the machine sets the site up without waiting.
    #[arg(long, default_value = "1h", value_name = "DURATION")]
    pub setup: String,
    /// The origin that the pages will have; a passkey belongs to it for good.
    #[arg(long, default_value = "https://localhost:8443", value_name = "ORIGIN")]
    pub origin: String,
}

/// `serve`
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// How the root is unsealed.
    #[command(flatten)]
    pub unseal: UnsealArgs,
    /// Where to listen.
    #[command(flatten)]
    pub listen: ListenArgs,
    /// Ask this service, too, whether a password is known from a leak: only the first five hexadecimal digits of its SHA-1 leave.
    #[arg(long, value_name = "URL", value_parser = crate::command::ranges::service)]
    pub leak_range: Option<String>,
}

/// `ranges`
#[derive(Debug, Args)]
pub struct RangesArgs {
    /// The service.
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// Ends when standard input closes: the parent is gone.
    #[arg(long)]
    pub until_stdin_closes: bool,
}

/// Where to listen.
#[derive(Clone, Debug, Args)]
pub struct ListenArgs {
    /// HTTPS: pages and DICOMweb. ADDRESS:PORT or none; port 0 picks one.
    #[arg(long, default_value = "127.0.0.1:8443", value_name = "ADDRESS")]
    pub http: String,
    /// DICOM in the clear. ADDRESS:PORT or none; port 0 picks one.
    #[arg(long, default_value = "127.0.0.1:11112", value_name = "ADDRESS")]
    pub dicom: String,
    /// DICOM over TLS, for devices that are bound to a certificate. ADDRESS:PORT or none; port 0 picks one, 2762 is the registered one.
    #[arg(long, default_value = "none", value_name = "ADDRESS")]
    pub dicom_tls: String,
    /// Orders by HL7 v2 (MLLP) in the clear, from the addresses of devices that may tell them. ADDRESS:PORT or none; port 0 picks one,
    /// 2575 is the registered one.
    #[arg(long, default_value = "none", value_name = "ADDRESS")]
    pub hl7: String,
    /// The same over TLS, from devices that are bound to a certificate. ADDRESS:PORT or none; port 0 picks one.
    #[arg(long, default_value = "none", value_name = "ADDRESS")]
    pub hl7_tls: String,
    /// Metrics: only `none` in this version.
    #[arg(long, default_value = "none", value_parser = ["none"], value_name = "ADDRESS")]
    pub metrics: String,
    /// The AE title that callers must use; any when absent.
    #[arg(long, value_name = "AETITLE")]
    pub ae: Option<String>,
    /// The origin that the pages have for browsers; https://localhost:PORT when absent.
    #[arg(long, value_name = "ORIGIN")]
    pub origin: Option<String>,
    /// Certificate chain (PEM) for HTTPS and DICOM TLS; with --tls-key. The development certificate when absent.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Plain HTTP, on a loopback address only: for the demonstration, where browsers treat localhost as secure.
    #[arg(long)]
    pub plain_http: bool,
}

/// `import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Files, folders, zip archives or a DICOMDIR.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}
