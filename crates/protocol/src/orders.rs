//! Orders on their way to the warden: the facts that it decides on, and what it answers. A front read them out of HL7 or FHIR; nothing
//! of the message goes with them.

use std::fmt;

use model::{DeviceId, EntryNumber, Instant, OrderRule, Origin, PatientNumber, ProfessionalId};
use serde::{Deserialize, Serialize};

use crate::Credential;

/// The most events of one message.
pub const ORDER_EVENTS_MAX: usize = 100;
/// The longest identifier, name or reason in it, in characters.
pub const ORDER_TEXT_CHARACTERS_MAX: usize = 199;
/// The most identifiers of one patient, professionals of one order, or places of it.
pub const ORDER_NAMES_MAX: usize = 16;
/// The longest message that is kept for repair, in bytes.
pub const KEPT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderMessage {
    /// What the sender calls it (MSH-10).
    pub control_id: String,
    /// BLAKE3 over its bytes: the same message again is answered the same again.
    pub content: [u8; 32],
    /// It is looked at and answered, and nothing follows from it (MSH-11 `T` or `D`).
    pub test: bool,
    /// What it tells, in order. All of it is done, or nothing.
    pub events: Vec<OrderEvent>,
}

/// Who gives identifiers: a name and an OID or the like, of which one may be empty (HL7 HD).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// Namespace.
    pub name: String,
    /// Universal identifier.
    pub universal: String,
}

/// An identifier with who gave it. Neither is anything without the other.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identifier {
    /// Who gave it.
    pub authority: Authority,
    /// The identifier.
    pub id: String,
}

/// How an order is called by who places it and by who fills it. At least one is there.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderNumbers {
    /// Placer order number.
    pub placer: Option<Identifier>,
    /// Filler order number.
    pub filler: Option<Identifier>,
}

/// Where in a message a fact stands, for an answer: segment, and field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// `PID`, `ORC`, ...
    pub segment: String,
    /// 0 for the whole segment.
    pub field: u8,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderEvent {
    /// A patient came, or what is known of one changed: no reach follows from it.
    Seen {
        /// Identifiers of the patient.
        patient: Vec<Identifier>,
    },
    /// An order was placed or changed.
    Placed(Box<PlacedOrder>),
    /// An order ended.
    Ended {
        /// Which.
        numbers: OrderNumbers,
        /// Identifiers of the patient.
        patient: Vec<Identifier>,
        /// How.
        how: model::OrderEnd,
        /// Whether an order that is not known is an error; a result of an order from elsewhere is none.
        known: bool,
    },
    /// An appointment was made.
    Appointment {
        /// Identifiers of the patient.
        patient: Vec<Identifier>,
        /// How the appointment is called.
        appointment: Identifier,
        /// The order that it is for, where that is said.
        order: OrderNumbers,
        /// When.
        starts: Option<Instant>,
    },
    /// Two records are one person's: what is known of `prior` belongs to `patient`.
    Merged {
        /// Who stays.
        patient: Vec<Identifier>,
        /// Who goes.
        prior: Vec<Identifier>,
    },
    /// A patient's consent: whom it denies, or nobody any more.
    Consent(Box<PatientConsent>),
    /// An appointment takes place no more.
    AppointmentCancelled {
        /// Identifiers of the patient.
        patient: Vec<Identifier>,
        /// How the appointment is called.
        appointment: Identifier,
    },
}

/// An order that was placed or changed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedOrder {
    /// Whether it is a new order: nothing else opens one that is not known, or that is over.
    pub new: bool,
    /// How it is called.
    pub numbers: OrderNumbers,
    /// Identifiers of the patient.
    pub patient: Vec<Identifier>,
    /// Professionals who ordered it.
    pub ordered_by: Vec<Identifier>,
    /// Where `ordered_by` stands.
    pub ordered_by_at: Place,
    /// Where it was placed and is to be performed, the most telling first.
    pub places: Vec<String>,
    /// When it is to be performed.
    pub scheduled: Option<Instant>,
}

/// A patient's consent, as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientConsent {
    /// Identifiers of the patient.
    pub patient: Vec<Identifier>,
    /// What the consent is called.
    pub consent: Identifier,
    /// Whom it denies; nobody where it holds no more.
    pub denied: DeniedActors,
    /// Until when; until it is changed where it does not say.
    pub until: Option<Instant>,
}

/// Whom a patient does not want to reach them by orders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeniedActors {
    /// Professionals, by their identifier.
    pub people: Vec<Identifier>,
    /// Organisations, by their name here or a place of the rule; one that somebody gave an identifier is `system|value`.
    pub organisations: Vec<String>,
}

/// HL7 table 0357, message error condition codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ErrorCode {
    /// 100
    SegmentSequence,
    /// 101
    RequiredField,
    /// 102
    DataType,
    /// 103
    TableValue,
    /// 200
    UnsupportedMessage,
    /// 201
    UnsupportedEvent,
    /// 202
    UnsupportedProcessing,
    /// 203
    UnsupportedVersion,
    /// 204
    UnknownKey,
    /// 205
    DuplicateKey,
    /// 207
    Internal,
}

impl ErrorCode {
    /// The number.
    #[must_use]
    pub fn number(self) -> u16 {
        match self {
            Self::SegmentSequence => 100,
            Self::RequiredField => 101,
            Self::DataType => 102,
            Self::TableValue => 103,
            Self::UnsupportedMessage => 200,
            Self::UnsupportedEvent => 201,
            Self::UnsupportedProcessing => 202,
            Self::UnsupportedVersion => 203,
            Self::UnknownKey => 204,
            Self::DuplicateKey => 205,
            Self::Internal => 207,
        }
    }

    /// The table's words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::SegmentSequence => "Segment sequence error",
            Self::RequiredField => "Required field missing",
            Self::DataType => "Data type error",
            Self::TableValue => "Table value not found",
            Self::UnsupportedMessage => "Unsupported message type",
            Self::UnsupportedEvent => "Unsupported event code",
            Self::UnsupportedProcessing => "Unsupported processing id",
            Self::UnsupportedVersion => "Unsupported version id",
            Self::UnknownKey => "Unknown key identifier",
            Self::DuplicateKey => "Duplicate key identifier",
            Self::Internal => "Application internal error",
        }
    }

    /// Whether it is about what the message is, and not about what it says: nobody repairs that here, and it is not kept.
    #[must_use]
    pub fn rejects(self) -> bool {
        matches!(
            self,
            Self::UnsupportedMessage
                | Self::UnsupportedEvent
                | Self::UnsupportedProcessing
                | Self::UnsupportedVersion
                | Self::DuplicateKey
        )
    }
}

/// What is wrong with a message, or worth knowing about one that was taken. Its words name no patient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderProblem {
    /// Which kind.
    pub code: ErrorCode,
    /// Where.
    pub place: Place,
    /// What to do about it.
    pub text: String,
}

impl OrderProblem {
    /// At a field of a segment.
    #[must_use]
    pub fn at(code: ErrorCode, segment: &str, field: u8, text: &str) -> Self {
        Self { code, place: Place { segment: segment.to_owned(), field }, text: text.to_owned() }
    }
}

/// Who tells an order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum OrderCaller {
    /// A device that the front knows by its certificate, or by name and address. None that shows a token is known like this.
    Named {
        /// Which.
        device: DeviceId,
        /// From where.
        origin: Origin,
    },
    /// Whoever holds this, as for reading.
    Token(Credential),
}

/// What a front asks about an order.
#[derive(Clone, Serialize, Deserialize)]
pub enum OrderAsk {
    /// To decide on it.
    Decide(OrderMessage),
    /// To keep one that was not taken, for repair.
    Keep(UntakenMessage),
}

/// A message that was not taken, on its way to be kept.
#[derive(Clone, Serialize, Deserialize)]
pub struct UntakenMessage {
    /// MSH-10, as far as it could be read.
    pub control_id: String,
    /// `ORM^O01`, as far as it could be read.
    pub kind: String,
    /// Why it was not taken.
    pub problem: OrderProblem,
    /// The message.
    pub bytes: Vec<u8>,
}

/// What the warden made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderReply {
    /// It is recorded, with what is worth knowing.
    Taken(Vec<OrderProblem>),
    /// Nothing of it was done.
    Refused(OrderProblem),
    /// It is kept under this number; nothing where there is no room for it, or it is kept already.
    Kept(Option<u32>),
}

/// What the owner and an officer ask about orders.
#[derive(Clone, Serialize, Deserialize)]
pub enum OrdersRequest {
    /// The rule, and the newest orders with what they gave.
    State {
        /// Only those that no appointment is known for.
        unmatched: bool,
    },
    /// Another rule; names of organisations are theirs.
    SetRule(OrderRuleAsked),
    /// Messages that were not taken.
    Kept,
    /// One of them as it came.
    Show {
        /// Its number.
        kept: u32,
    },
    /// Decide on one of them again, read anew and perhaps repaired, as if its sender had sent it now.
    Replay {
        /// Its number.
        kept: u32,
        /// What was read out of it.
        message: OrderMessage,
    },
    /// Throw one of them away.
    Drop {
        /// Its number.
        kept: u32,
    },
    /// Take a merge back.
    Unmerge {
        /// Its entry.
        merge: EntryNumber,
    },
    /// Give a person a professional identifier that orders go by, or take it away.
    ProfessionalId {
        /// Whose.
        email: String,
        /// The identifier with its issuer, as orders name it.
        professional_id: ProfessionalId,
        /// Whether they have it from now on, or no more.
        holds: bool,
    },
}

/// [`OrderRule`] with organisations by name, as a page and a command ask for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRuleAsked {
    /// As in [`OrderRule`].
    pub grace_days: u16,
    /// As in [`OrderRule`].
    pub open_days: u16,
    /// Name of the organisation that reads what no place decides.
    pub reading_group: Option<String>,
    /// Who reads what is placed or performed where.
    pub places: Vec<PlaceReader>,
    /// By which issuer which authority's patients are known.
    pub authorities: Vec<AuthorityIssuer>,
    /// As in [`OrderRule`].
    pub orders_per_day: u32,
    /// As in [`OrderRule`].
    pub unmatched_per_day: u32,
    /// As in [`OrderRule`].
    pub merges_per_day: u32,
}

/// Who reads what is placed or performed at a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceReader {
    /// The place, as orders name it.
    pub place: String,
    /// Name of the organisation.
    pub organisation: String,
}

/// By which issuer an authority's patients are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityIssuer {
    /// The authority, as orders name it; empty for orders that name none.
    pub authority: String,
    /// The issuer of images; empty for images that name none.
    pub issuer: String,
}

impl OrderRuleAsked {
    /// A rule with the names of its organisations, in the order of its reading group and places.
    #[must_use]
    pub fn naming(rule: &OrderRule, organisations: &[String]) -> Self {
        let mut names = organisations.iter().cloned();
        let reading_group = rule.reading_group.and_then(|_| names.next());
        let places = rule.places.keys().cloned().zip(names);
        let authorities = rule.authorities.clone().into_iter();
        Self {
            grace_days: rule.grace_days,
            open_days: rule.open_days,
            reading_group,
            places: places.map(|(place, organisation)| PlaceReader { place, organisation }).collect(),
            authorities: authorities.map(|(authority, issuer)| AuthorityIssuer { authority, issuer }).collect(),
            orders_per_day: rule.orders_per_day,
            unmatched_per_day: rule.unmatched_per_day,
            merges_per_day: rule.merges_per_day,
        }
    }
}

/// The rule and the newest orders.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrdersState {
    /// The rule.
    pub rule: OrderRule,
    /// Names of its organisations, in the order of its reading group and places.
    pub organisations: Vec<String>,
    /// The newest first.
    pub orders: Vec<OrderRow>,
    /// Of each sender, what it sent today (UTC).
    pub senders: Vec<SenderDay>,
    /// Merges that can be taken back, the newest first.
    pub merges: Vec<MergeRow>,
}

/// One order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRow {
    /// Its entry.
    pub order: EntryNumber,
    /// When it was recorded.
    pub at: Instant,
    /// Who sent it.
    pub sender: String,
    /// The patient.
    pub patient: PatientNumber,
    /// Whether an appointment is known for it.
    pub matched: bool,
    /// How it ended.
    pub ended: Option<model::OrderEnd>,
    /// Who reaches the patient by it.
    pub holders: Vec<String>,
}

/// What one sender sent today.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderDay {
    /// The device's name.
    pub sender: String,
    /// Orders.
    pub orders: u32,
    /// Those that no appointment is known for.
    pub unmatched: u32,
    /// Merges.
    pub merges: u32,
}

/// One merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeRow {
    /// Its entry.
    pub merge: EntryNumber,
    /// When.
    pub at: Instant,
    /// Who went.
    pub from: PatientNumber,
    /// Who stayed.
    pub to: PatientNumber,
}

/// A message that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRow {
    /// Its number.
    pub kept: u32,
    /// When it came.
    pub at: Instant,
    /// The device that sent it.
    pub device: DeviceId,
    /// Its name.
    pub sender: String,
    /// What the sender calls the message.
    pub control_id: String,
    /// `ORM^O01`.
    pub kind: String,
    /// Why it was not taken.
    pub problem: OrderProblem,
    /// How long it is, in bytes.
    pub bytes: u64,
}

/// The answers.
#[derive(Clone, Serialize, Deserialize)]
pub enum OrdersReply {
    /// The rule and the newest orders.
    State(Box<OrdersState>),
    /// Messages that are kept.
    Kept(Vec<KeptRow>),
    /// One as it came.
    Message(Vec<u8>),
    /// What became of it.
    Replayed(OrderReply),
    /// Done.
    Done,
    /// All that orders name a person by now.
    ProfessionalIds(Vec<ProfessionalId>),
}

/// What a message says names patients, so debug output does not show it.
macro_rules! debug_without_content {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

debug_without_content!(
    OrderMessage,
    Authority,
    Identifier,
    OrderNumbers,
    OrderEvent,
    PlacedOrder,
    OrderAsk,
    UntakenMessage,
    OrdersRequest,
    OrdersReply
);
