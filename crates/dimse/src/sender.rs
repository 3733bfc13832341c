//! A C-STORE SCU: sends files over one association, one presentation context for each SOP class and transfer syntax, as
//! fast as the other side answers. For `demo`, `bench` and tests.

use std::{
    collections::BTreeMap,
    io::{self, IoSlice, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use dicom_ul::pdu::{
    AssociationRJ, AssociationRQ, Pdu, PresentationContextProposed, PresentationContextResultReason, UserVariableItem,
    read_pdu, write_pdu,
};
use model::Uid;
use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};
use thiserror::Error;

use crate::{
    association::{APPLICATION_CONTEXT, VERIFICATION},
    command::{C_STORE_RSP, Command},
    connection::{A_ABORT, P_DATA_TF, PDU_HEADER_BYTES, PDV_HEADER_BYTES},
};

/// The most presentation contexts of one association (PS3.8 9.3.2.2: odd numbers from 1 to 255).
pub const CONTEXTS_MAX: usize = 128;

/// How long the other side may take to answer.
const ANSWER_TIME: Duration = Duration::from_secs(120);

/// The longest PDU that is sent, whatever the other side takes, in bytes of its variable field.
const PDU_BYTES_MAX: u32 = 1024 * 1024;

/// The longest PDU that is received, in bytes of its variable field.
const ANSWER_BYTES_MAX: u32 = 128 * 1024;

/// One object to be sent.
#[derive(Clone)]
pub struct Outgoing {
    /// (0002,0002)
    pub sop_class: Uid,
    /// (0002,0003)
    pub sop_instance: Uid,
    /// (0002,0010)
    pub transfer_syntax: Uid,
    /// The data set.
    pub data_set: Vec<u8>,
}

/// Why nothing can be sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The connection failed.
    #[error("the connection to the archive failed; check address and port")]
    Io(#[from] io::Error),
    /// TLS cannot be begun.
    #[error("TLS to the archive cannot be begun; check certificate and key")]
    Tls(#[from] rustls::Error),
    /// A file cannot be read, or is no Part 10 file.
    #[error("{path} is not a DICOM file with a meta group; leave it out")]
    NotPart10 {
        /// The file.
        path: PathBuf,
    },
    /// The association was rejected.
    #[error("the archive rejected the association: {0}; add this AE title with `leadglass device add`")]
    Rejected(String),
    /// The other side ended the conversation.
    #[error("the archive aborted the association; its log says why")]
    Aborted,
    /// The other side's answer is out of shape.
    #[error("the answer is not DICOM; check address and port")]
    Answer,
    /// No context for an object was accepted.
    #[error("the archive takes no objects of this class and transfer syntax")]
    NotAccepted,
    /// More classes and transfer syntaxes than one association can carry.
    #[error("more than {CONTEXTS_MAX} classes and transfer syntaxes; send in several associations")]
    TooManyContexts,
}

/// An open association.
pub struct Sender {
    stream: Box<dyn Wire>,
    contexts: BTreeMap<(Uid, Uid), u8>,
    pdu_bytes: u32,
    message_id: u16,
}

/// What an association goes over.
trait Wire: Read + Write + Send {}

impl<Stream: Read + Write + Send> Wire for Stream {}

/// Sends files over one association; the status of each, in order.
pub fn send_files(
    address: SocketAddr,
    calling_ae_title: &str,
    called_ae_title: &str,
    paths: &[PathBuf],
) -> Result<Vec<u16>, SendError> {
    let headers = paths.iter().map(|path| Outgoing::read(path).map(|object| object.kind()));
    let kinds: Vec<_> = headers.collect::<Result<_, _>>()?;
    let mut sender = Sender::connect(address, calling_ae_title, called_ae_title, kinds)?;
    let statuses = paths.iter().map(|path| sender.store(&Outgoing::read(path)?)).collect::<Result<_, _>>()?;
    sender.release()?;
    Ok(statuses)
}

impl Outgoing {
    /// Reads a Part 10 file.
    pub fn read(path: &Path) -> Result<Self, SendError> {
        Self::from_part10(std::fs::read(path)?).ok_or_else(|| SendError::NotPart10 { path: path.to_owned() })
    }

    /// Takes a Part 10 stream apart (PS3.10 7.1).
    #[must_use]
    pub fn from_part10(mut part10: Vec<u8>) -> Option<Self> {
        let mut at = 132;
        if part10.get(128..at)? != b"DICM" {
            return None;
        }
        let (mut sop_class, mut sop_instance, mut transfer_syntax) = (None, None, None);
        // group 2 is explicit VR little endian
        while part10.get(at..at + 2) == Some(&[2, 0]) {
            let header = part10.get(at..at + 8)?;
            let element = u16::from_le_bytes([header[2], header[3]]);
            let long = matches!(&header[4..6], b"OB" | b"OW" | b"UN" | b"UT" | b"SQ");
            let (start, length) = if long {
                let length = part10.get(at + 8..at + 12)?;
                (at + 12, u32::from_le_bytes(length.try_into().ok()?) as usize)
            } else {
                (at + 8, usize::from(u16::from_le_bytes([header[6], header[7]])))
            };
            let value = part10.get(start..start.checked_add(length)?)?;
            let uid = || std::str::from_utf8(value).ok().and_then(|text| Uid::parse(text).ok());
            match element {
                0x0002 => sop_class = uid(),
                0x0003 => sop_instance = uid(),
                0x0010 => transfer_syntax = uid(),
                _ => {}
            }
            at = start + length;
        }
        part10.drain(..at);
        Some(Self {
            sop_class: sop_class?,
            sop_instance: sop_instance?,
            transfer_syntax: transfer_syntax?,
            data_set: part10,
        })
    }

    /// SOP class and transfer syntax.
    #[must_use]
    pub fn kind(&self) -> (Uid, Uid) {
        (self.sop_class.clone(), self.transfer_syntax.clone())
    }
}

impl Sender {
    /// Asks for an association with one context for each kind (SOP class, transfer syntax), and one for Verification.
    pub fn connect(
        address: SocketAddr,
        calling_ae_title: &str,
        called_ae_title: &str,
        kinds: impl IntoIterator<Item = (Uid, Uid)>,
    ) -> Result<Self, SendError> {
        Self::over(Box::new(connected(address)?), calling_ae_title, called_ae_title, kinds)
    }

    /// The same over TLS (PS3.15 B.12), with the certificate that `config` has, to an archive of this name.
    pub fn connect_tls(
        address: SocketAddr,
        (config, name): (Arc<ClientConfig>, ServerName<'static>),
        calling_ae_title: &str,
        called_ae_title: &str,
        kinds: impl IntoIterator<Item = (Uid, Uid)>,
    ) -> Result<Self, SendError> {
        let stream = StreamOwned::new(ClientConnection::new(config, name)?, connected(address)?);
        Self::over(Box::new(stream), calling_ae_title, called_ae_title, kinds)
    }

    fn over(
        mut stream: Box<dyn Wire>,
        calling_ae_title: &str,
        called_ae_title: &str,
        kinds: impl IntoIterator<Item = (Uid, Uid)>,
    ) -> Result<Self, SendError> {
        let mut wanted: BTreeMap<(Uid, Uid), u8> = kinds.into_iter().map(|kind| (kind, 0)).collect();
        if wanted.len() >= CONTEXTS_MAX {
            return Err(SendError::TooManyContexts);
        }
        for (index, id) in wanted.values_mut().enumerate() {
            *id = u8::try_from(index * 2 + 3).expect("fewer than CONTEXTS_MAX");
        }
        send(&mut *stream, &request(calling_ae_title, called_ae_title, &wanted))?;
        let (answer, pdu_bytes) = match receive(&mut *stream)? {
            Pdu::AssociationAC(answer) => {
                let max = answer.user_variables.iter().find_map(|item| match item {
                    UserVariableItem::MaxLength(max) => Some(*max),
                    _ => None,
                });
                // PS3.8 D.1.1: 0 is no limit
                (answer, max.filter(|max| *max != 0).unwrap_or(PDU_BYTES_MAX).clamp(1024, PDU_BYTES_MAX))
            }
            Pdu::AssociationRJ(AssociationRJ { source, .. }) => return Err(SendError::Rejected(source.to_string())),
            Pdu::AbortRQ { .. } => return Err(SendError::Aborted),
            _ => return Err(SendError::Answer),
        };
        let accepted = |id: u8| {
            let mut results = answer.presentation_contexts.iter();
            results.any(|result| result.id == id && result.reason == PresentationContextResultReason::Acceptance)
        };
        let contexts = wanted.into_iter().filter(|(_, id)| accepted(*id)).collect();
        Ok(Self { stream, contexts, pdu_bytes, message_id: 0 })
    }

    /// Sends one object and waits for its status.
    pub fn store(&mut self, object: &Outgoing) -> Result<u16, SendError> {
        self.message_id = self.message_id.wrapping_add(1);
        let id = *self.contexts.get(&object.kind()).ok_or(SendError::NotAccepted)?;
        let command = Command::store_request(self.message_id, &object.sop_class, &object.sop_instance);
        self.send_fragments(id, &command, &object.data_set)?;
        self.response()
    }

    /// Sends an object as pieces that come later, and waits for its status: for objects that do not fit in memory.
    pub fn store_pieces(&mut self, object: &Outgoing, pieces: impl Iterator<Item = Vec<u8>>) -> Result<u16, SendError> {
        self.message_id = self.message_id.wrapping_add(1);
        let id = *self.contexts.get(&object.kind()).ok_or(SendError::NotAccepted)?;
        let command = Command::store_request(self.message_id, &object.sop_class, &object.sop_instance);
        write_fragment(&mut *self.stream, id, Fragment::Command, &command)?;
        let step = (self.pdu_bytes - PDV_HEADER_BYTES) as usize;
        for piece in std::iter::once(object.data_set.clone()).chain(pieces) {
            for part in piece.chunks(step) {
                write_fragment(&mut *self.stream, id, Fragment::Data, part)?;
            }
        }
        write_fragment(&mut *self.stream, id, Fragment::LastData, &[])?;
        self.response()
    }

    /// Releases the association.
    pub fn release(mut self) -> Result<(), SendError> {
        send(&mut *self.stream, &Pdu::ReleaseRQ)?;
        match receive(&mut *self.stream)? {
            Pdu::ReleaseRP => Ok(()),
            _ => Err(SendError::Answer),
        }
    }

    fn send_fragments(&mut self, id: u8, command: &[u8], data_set: &[u8]) -> Result<(), SendError> {
        let step = (self.pdu_bytes - PDV_HEADER_BYTES) as usize;
        let mut parts = data_set.chunks(step).peekable();
        let first = parts.next().unwrap_or_default();
        let kind = |last| if last { Fragment::LastData } else { Fragment::Data };
        // command and first fragment leave together
        let first_headers = headers(id, kind(parts.peek().is_none()), first.len());
        let mut head = headers(id, Fragment::Command, command.len()).to_vec();
        head.extend_from_slice(command);
        head.extend_from_slice(&first_headers);
        write_all(&mut *self.stream, &head, first)?;
        while let Some(part) = parts.next() {
            write_fragment(&mut *self.stream, id, kind(parts.peek().is_none()), part)?;
        }
        Ok(())
    }

    fn response(&mut self) -> Result<u16, SendError> {
        let Pdu::PData { data } = receive(&mut *self.stream)? else { return Err(SendError::Aborted) };
        let set: Vec<u8> = data.into_iter().flat_map(|value| value.data).collect();
        let response = Command::parse(&set).map_err(|_| SendError::Answer)?;
        if response.field == C_STORE_RSP && response.message_id == self.message_id {
            Ok(response.status)
        } else {
            Err(SendError::Answer)
        }
    }
}

fn connected(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(10))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_TIME))?;
    stream.set_write_timeout(Some(ANSWER_TIME))?;
    Ok(stream)
}

#[derive(Clone, Copy)]
enum Fragment {
    Command,
    Data,
    LastData,
}

const HEADERS_BYTES: usize = PDU_HEADER_BYTES + PDV_HEADER_BYTES as usize;

/// The headers of a PDU with one data value (PS3.8 9.3.5).
fn headers(id: u8, fragment: Fragment, length: usize) -> [u8; HEADERS_BYTES] {
    let length = u32::try_from(length).expect("no longer than a PDU");
    let mut headers = [0; HEADERS_BYTES];
    headers[0] = P_DATA_TF;
    headers[2..6].copy_from_slice(&(length + PDV_HEADER_BYTES).to_be_bytes());
    headers[6..10].copy_from_slice(&(length + 2).to_be_bytes());
    headers[10] = id;
    headers[11] = match fragment {
        Fragment::Command => 0b11,
        Fragment::Data => 0b00,
        Fragment::LastData => 0b10,
    };
    headers
}

fn write_fragment(stream: &mut dyn Wire, id: u8, fragment: Fragment, part: &[u8]) -> io::Result<()> {
    write_all(stream, &headers(id, fragment, part.len()), part)
}

/// Both slices in one call where the system takes them.
fn write_all(stream: &mut dyn Wire, head: &[u8], part: &[u8]) -> io::Result<()> {
    let written = stream.write_vectored(&[IoSlice::new(head), IoSlice::new(part)])?;
    stream.write_all(head.get(written..).unwrap_or_default())?;
    stream.write_all(&part[written.saturating_sub(head.len())..])
}

fn request(calling_ae_title: &str, called_ae_title: &str, wanted: &BTreeMap<(Uid, Uid), u8>) -> Pdu {
    let context = |id, abstract_syntax: &str, transfer_syntax: &str| PresentationContextProposed {
        id,
        abstract_syntax: abstract_syntax.to_owned(),
        transfer_syntaxes: vec![transfer_syntax.to_owned()],
    };
    let verification = context(1, VERIFICATION, "1.2.840.10008.1.2");
    let storage = wanted.iter().map(|((class, syntax), id)| context(*id, class.as_str(), syntax.as_str()));
    Pdu::AssociationRQ(AssociationRQ {
        protocol_version: 1,
        calling_ae_title: calling_ae_title.to_owned(),
        called_ae_title: called_ae_title.to_owned(),
        application_context_name: APPLICATION_CONTEXT.to_owned(),
        presentation_contexts: std::iter::once(verification).chain(storage).collect(),
        user_variables: vec![
            UserVariableItem::MaxLength(ANSWER_BYTES_MAX),
            UserVariableItem::ImplementationClassUID(dataset::IMPLEMENTATION_CLASS_UID.to_owned()),
            UserVariableItem::ImplementationVersionName(dataset::IMPLEMENTATION_VERSION_NAME.to_owned()),
        ],
    })
}

fn send(stream: &mut dyn Wire, pdu: &Pdu) -> Result<(), SendError> {
    let mut bytes = Vec::new();
    write_pdu(&mut bytes, pdu).map_err(|_| SendError::Answer)?;
    Ok(stream.write_all(&bytes)?)
}

fn receive(stream: &mut dyn Wire) -> Result<Pdu, SendError> {
    let mut whole = vec![0; PDU_HEADER_BYTES];
    stream.read_exact(&mut whole)?;
    if whole[0] == A_ABORT {
        return Err(SendError::Aborted);
    }
    let length = u32::from_be_bytes([whole[2], whole[3], whole[4], whole[5]]);
    if length > ANSWER_BYTES_MAX {
        return Err(SendError::Answer);
    }
    whole.resize(PDU_HEADER_BYTES + length as usize, 0);
    stream.read_exact(&mut whole[PDU_HEADER_BYTES..])?;
    match read_pdu(whole.as_slice(), ANSWER_BYTES_MAX, false) {
        Ok(Some(pdu)) => Ok(pdu),
        _ => Err(SendError::Answer),
    }
}
