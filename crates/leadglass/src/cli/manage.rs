//! `leadglass org`, `person`, `device`, `relate`, `unrelate` and `move`.

use clap::{Args, Subcommand, ValueEnum};

/// `org`
#[derive(Debug, Subcommand)]
pub enum OrgCommand {
    /// Add an organisation.
    #[command(after_help = "Example: leadglass org add \"Praxis Dr. Beispiel\"")]
    Add {
        /// Its name.
        name: String,
        /// Lets its people use a password and a one-time code besides passkeys.
        #[arg(long)]
        password_and_code: bool,
    },
    /// Set which authenticators an organisation takes. What is not named is not asked for; a looser rule waits for a second person.
    #[command(
        after_help = "Example: leadglass org authenticators \"Praxis Dr. Beispiel\" --device-bound --level aal3\n         leadglass org authenticators \"Patienten\" --password-until 90d"
    )]
    Authenticators(RuleArgs),
    /// List organisations.
    List,
}

/// `org authenticators`
#[derive(Debug, Args)]
pub struct RuleArgs {
    /// Its name.
    pub name: String,
    /// Until when a password with a code signs in: RFC 3339 or a duration ahead, a year at the most. Passkeys only without it.
    #[arg(long, value_name = "WHEN", conflicts_with = "device_bound")]
    pub password_until: Option<String>,
    /// Refuse passkeys that can be copied to other devices.
    #[arg(long)]
    pub device_bound: bool,
    /// The level of NIST SP 800-63B-4 whose times of reauthentication hold; aal3 takes device-bound passkeys only.
    #[arg(long, value_enum)]
    pub level: Option<LevelName>,
    /// A maker's certificate in PEM form: authenticators have to show that they are of one of these.
    #[arg(long, value_name = "FILE")]
    pub maker: Vec<std::path::PathBuf>,
    /// A model of those makers by its AAGUID; all of them without it.
    #[arg(long, value_name = "AAGUID", requires = "maker")]
    pub model: Vec<String>,
}

/// An assurance level on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LevelName {
    /// 24 hours at the most, 1 hour without use.
    Aal2,
    /// 12 hours at the most, 15 minutes without use.
    Aal3,
}

impl From<LevelName> for model::Assurance {
    fn from(name: LevelName) -> Self {
        match name {
            LevelName::Aal2 => Self::Aal2,
            LevelName::Aal3 => Self::Aal3,
        }
    }
}

/// `people`
#[derive(Debug, Subcommand)]
pub enum PeopleCommand {
    /// Compare accounts with a staff list. The list is not kept.
    #[command(
        after_help = "Example: leadglass people census staff.csv --unused-days 60\n\nThe first line names the columns: email or professional id, and name, role, organisation, end date. Commas, semicolons or tabs."
    )]
    Census {
        /// The list, as comma-separated values; `-` reads standard input.
        file: std::path::PathBuf,
        /// From how many days without a sign-in an account counts as unused.
        #[arg(long, default_value_t = 90, value_name = "DAYS")]
        unused_days: u32,
    },
}

/// `person`
#[derive(Debug, Subcommand)]
pub enum PersonCommand {
    /// Add a person and print the enrolment link.
    #[command(
        after_help = "Example: leadglass person add dr@example.org --name \"Dr. B. Beispiel\" --role referrer --organisation \"Praxis Dr. Beispiel\""
    )]
    Add {
        /// E-mail address, the login name.
        email: String,
        /// Name.
        #[arg(long)]
        name: String,
        /// Role.
        #[arg(long, value_enum)]
        role: RoleName,
        /// Organisation.
        #[arg(long, value_name = "ORG")]
        organisation: String,
        /// Lets this person use a password and a one-time code besides passkeys.
        #[arg(long)]
        password_and_code: bool,
        /// For a patient: the record that is theirs.
        #[arg(long, value_name = "ISSUER/ID")]
        record: Option<String>,
        /// A professional identifier by which orders name them.
        #[arg(long, value_name = "ISSUER/ID")]
        professional_id: Option<String>,
        /// When the account ends by itself, for a locum or a shift: RFC 3339 or a duration ahead.
        #[arg(long, value_name = "WHEN")]
        until: Option<String>,
    },
    /// Give a person a professional identifier by which orders name them, or take it away.
    #[command(after_help = "Example: leadglass person professional-id dr@example.org LANR/123456601")]
    ProfessionalId {
        /// E-mail address.
        email: String,
        /// Who gave it, and the identifier.
        #[arg(value_name = "ISSUER/ID")]
        professional_id: String,
        /// Take it away.
        #[arg(long)]
        remove: bool,
    },
    /// Set when an account ends by itself, or that it does not.
    #[command(after_help = "Example: leadglass person until locum@example.org 14d")]
    Until {
        /// E-mail address.
        email: String,
        /// RFC 3339, a duration ahead, or `never`.
        until: String,
    },
    /// Make somebody a member of a further organisation; one that reads the whole site takes a second person.
    #[command(after_help = "Example: leadglass person join dr@example.org --organisation \"Praxis am Markt\"")]
    Join {
        /// E-mail address.
        email: String,
        /// Organisation.
        #[arg(long, value_name = "ORG")]
        organisation: String,
    },
    /// Give somebody the right to add colleagues to an organisation of theirs, or take it.
    #[command(after_help = "Example: leadglass person delegate dr@example.org --organisation \"Praxis Dr. Beispiel\"")]
    Delegate {
        /// E-mail address.
        email: String,
        /// Organisation.
        #[arg(long, value_name = "ORG")]
        organisation: String,
        /// Take the right.
        #[arg(long)]
        end: bool,
    },
    /// Print a link for somebody who is here and lost their authenticators; those stop working when it is used.
    #[command(after_help = "Example: leadglass person reset dr@example.org")]
    Reset {
        /// E-mail address.
        email: String,
    },
    /// Give a person another role: proposed, approved by another person, carried out after the delay.
    #[command(after_help = "Example: leadglass person role dr@example.org radiologist")]
    Role {
        /// E-mail address.
        email: String,
        /// The role from then on.
        #[arg(value_enum)]
        role: RoleName,
    },
    /// Close the account of somebody who left; an officer's or administrator's takes a second person.
    #[command(after_help = "Example: leadglass person close dr@example.org")]
    Close {
        /// E-mail address.
        email: String,
    },
    /// End a person's membership of an organisation.
    #[command(after_help = "Example: leadglass person leave dr@example.org --organisation \"Praxis Dr. Beispiel\"")]
    Leave {
        /// E-mail address.
        email: String,
        /// Organisation.
        #[arg(long, value_name = "ORG")]
        organisation: String,
    },
    /// Print a new enrolment link; older ones stop working.
    #[command(after_help = "Example: leadglass person enrol dr@example.org")]
    Enrol {
        /// E-mail address.
        email: String,
    },
    /// List people.
    List,
}

/// A role on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum RoleName {
    /// Sees own images.
    Patient,
    /// Sees patients referred to them.
    Referrer,
    /// Reads.
    Radiologist,
    /// Checks that images arrived.
    Technologist,
    /// Sees the ledger and exposure.
    Officer,
    /// Manages people and devices.
    Administrator,
}

/// `device`
#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// Add a device; its token is printed once.
    #[command(
        after_help = "Example: leadglass device add CT1 --organisation \"Radiologie\" --may store --ae CT1 --from 10.0.5.0/24\n         leadglass device add CT2 --organisation \"Radiologie\" --ae CT2 --from 10.0.5.0/24 --bind-certificate ct2.pem",
        group(clap::ArgGroup::new("bindable").args(["token", "ae", "may"]).multiple(true))
    )]
    Add {
        /// Its name.
        name: String,
        /// Its organisation.
        #[arg(long, value_name = "ORG")]
        organisation: String,
        /// What it may do: store when nothing is said. `today` narrows list and open to patients who have something of today or yesterday;
        /// `orders` tells orders over HL7, by its name or AE title in MSH-3.
        #[arg(long, value_enum, value_delimiter = ',', default_value = "store")]
        may: Vec<MayName>,
        /// Its AE title.
        #[arg(long, value_name = "AETITLE")]
        ae: Option<String>,
        /// Addresses that it may come from; any when absent.
        #[arg(long, value_name = "CIDR", value_delimiter = ',')]
        from: Vec<String>,
        /// Make a bearer token for DICOMweb.
        #[arg(long)]
        token: bool,
        /// When the token ends, as in 90d or 2027-01-01: a year from now when absent, at most five years.
        #[arg(long, value_name = "TIME", requires = "token")]
        token_until: Option<String>,
        /// Bind the token to a key that signs each request (DPoP, RFC 9449): its JWK thumbprint.
        #[arg(
            long,
            value_name = "JKT",
            requires = "token",
            conflicts_with = "bind_certificate",
            allow_hyphen_values = true
        )]
        bind_dpop: Option<dpop::Thumbprint>,
        /// Bind the device to a client certificate: its PEM file. Its token (RFC 8705) is taken over TLS with it alone, its AE title at
        /// --dicom-tls and its orders at --hl7-tls with it alone.
        #[arg(long, value_name = "FILE", requires = "bindable")]
        bind_certificate: Option<std::path::PathBuf>,
    },
    /// Give a device a new token, printed once. The one before works for a day, or until the new one is used for reading.
    #[command(after_help = "Example: leadglass device rotate VIEWER1 --until 180d")]
    Rotate {
        /// Its name.
        name: String,
        /// When the new token ends: a year from now when absent, at most five years.
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
    },
    /// Remove a device, or only its bearer token.
    #[command(after_help = "Example: leadglass device remove CT1")]
    Remove {
        /// Its name.
        name: String,
        /// Remove the bearer token only; the device stays.
        #[arg(long)]
        token: bool,
    },
    /// List devices.
    List,
}

/// What a device may do, on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum MayName {
    /// Send images in.
    Store,
    /// List what its relationships grant.
    List,
    /// Open what its relationships grant.
    Open,
    /// List and open only patients of today's list.
    Today,
    /// Tell orders, appointments and merged patients (HL7).
    Orders,
}

/// `relate`
#[derive(Debug, Args)]
pub struct RelateArgs {
    /// person:EMAIL, org:NAME or device:NAME
    pub who: String,
    /// patient:ISSUER/ID, study:UID or site
    pub whom: String,
    /// From when: RFC 3339, `now`, or a duration back.
    #[arg(long, default_value = "now", value_name = "WHEN")]
    pub from: String,
    /// Until when: RFC 3339 or a duration ahead.
    #[arg(long, value_name = "WHEN")]
    pub until: String,
    /// Why: an order, a referral, a treatment team.
    #[arg(long, value_name = "TEXT")]
    pub basis: String,
    /// Names and dates only, no images.
    #[arg(long)]
    pub list_only: bool,
}

/// `unrelate`
#[derive(Debug, Args)]
pub struct UnrelateArgs {
    /// As in `relate`.
    pub who: String,
    /// As in `relate`.
    pub whom: String,
    /// When: RFC 3339, `now`, or a duration ahead.
    #[arg(long, default_value = "now", value_name = "WHEN")]
    pub until: String,
}

/// `move`
#[derive(Debug, Args)]
pub struct MoveArgs {
    /// StudyInstanceUID
    pub study: String,
    /// patient:ISSUER/ID of the right patient
    pub patient: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

impl From<RoleName> for model::Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Patient => Self::Patient,
            RoleName::Referrer => Self::Referrer,
            RoleName::Radiologist => Self::Radiologist,
            RoleName::Technologist => Self::Technologist,
            RoleName::Officer => Self::Officer,
            RoleName::Administrator => Self::Administrator,
        }
    }
}

impl From<MayName> for model::DeviceMay {
    fn from(name: MayName) -> Self {
        match name {
            MayName::Store => Self::Store,
            MayName::List => Self::List,
            MayName::Open => Self::Open,
            MayName::Today => Self::Today,
            MayName::Orders => Self::Orders,
        }
    }
}
