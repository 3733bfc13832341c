//! What the front and the warden say to each other: versioned, limited messages over a Unix socket.
//!
//! Transport: tarpc over length-delimited postcard frames of at most [`FRAME_BYTES_MAX`]. The first call on a
//! connection is [`Warden::hello`], which refuses a front of another [`PROTOCOL_VERSION`].
//! The socket that the owner's command line uses carries the same service; only there [`Credential::Owner`] holds.

mod accounts;
mod addresses;
mod approvals;
mod asked;
mod break_glass;
mod budgets;
mod cases;
mod codec;
mod cold;
mod fronts;
mod handover;
mod leaks;
mod orders;
mod pages;
mod proof;
mod reading;
mod refusal;
mod refused;
mod removals;
mod secret;
mod sharing;
mod unseal;
mod window;

pub use accounts::*;
pub use addresses::admits;
pub use approvals::*;
pub use asked::{
    Asked, Asking, INSTANCE_STUDIES_MAX, INSTANCE_STUDIES_STEP, WORKLIST_ROWS_DEFAULT, asked_by_page, query_pairs,
};
pub use break_glass::*;
pub use budgets::{BudgetDay, BudgetReport, BudgetRow, FindingRow};
pub use cases::*;
pub use codec::{FRAME_BYTES_MAX, bind, connect, converse, listen};
pub use cold::*;
pub use fronts::{FrontDisk, FrontRequest};
pub use handover::{
    HandoverBody, HandoverObject, HandoverRecord, HandoverReply, InstanceAttributes, ObjectVerdict, PatientAttributes,
    SeriesAttributes, StoredNote, StudyAttributes, Verdict, WrappedKey,
};
pub use leaks::*;
pub use orders::*;
pub use pages::*;
pub use proof::{Fresh, Proof, Shown, act_of};
pub use reading::*;
pub use refusal::{Invalid, Refusal};
pub use refused::{AE_TITLE_CHARACTERS_MAX, AssociationRefusal, REFUSED_ASSOCIATIONS_MAX, RefusedAssociation};
pub use removals::*;
pub use secret::SecretText;
pub use sharing::*;
/// The deadline of a call.
pub use tarpc::context;
pub use unseal::{NewRootAsked, RootRow, UnsealChange, UnsealMethodRow, UnsealReply, UnsealRequest, drill_message};
pub use window::WindowRequest;

/// The version of these messages. A front and a warden of different versions do not talk.
pub const PROTOCOL_VERSION: u16 = 8;

/// The warden's service. Every method takes the credential that its caller holds and decides by itself.
#[tarpc::service]
pub trait Warden {
    /// Opens the conversation; refuses another protocol version.
    async fn hello(version: u16) -> Result<Hello, Refusal>;
    /// Takes outbox records in their order; what is acknowledged will not be sent again.
    async fn handover(records: Vec<HandoverRecord>) -> Result<HandoverReply, Refusal>;
    /// Lists patients, studies or series that the caller may list. The entry is durable before the answer.
    async fn list(credential: Credential, request: ListRequest) -> Result<ListReply, Refusal>;
    /// Releases the keys of a study to a caller who may open it. The entry is durable before the answer.
    async fn open(credential: Credential, request: OpenRequest) -> Result<OpenReply, Refusal>;
    /// Signing in, enrolling and signing out.
    async fn sign_in(origin: model::Origin, request: SignInRequest) -> Result<SignInReply, Refusal>;
    /// Everything else that a page or a command asks.
    async fn ask(credential: Credential, request: PageRequest) -> Result<PageReply, Refusal>;
    /// Records associations that the front refused. The entries, or the counts in them, are durable before the answer.
    async fn refused(associations: Vec<RefusedAssociation>) -> Result<(), Refusal>;
    /// Whether the process runs: answered at once, whatever else it is doing.
    async fn pulse();
    /// A front on a machine of its own says which disk it keeps images on.
    async fn lies_on(disk: FrontDisk) -> Result<(), Refusal>;
    /// Decides on an order that a device sent, or keeps one that was not taken. The entries are durable before the answer.
    async fn order(caller: OrderCaller, ask: OrderAsk) -> Result<OrderReply, Refusal>;
}
