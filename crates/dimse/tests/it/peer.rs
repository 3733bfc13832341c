//! A peer that sends whatever a test wants.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use dicom_ul::pdu::{
    AssociationAC, AssociationRQ, PDataValue, PDataValueType, Pdu, PresentationContextProposed, UserVariableItem,
    read_pdu, write_pdu,
};

pub const VERIFICATION: &str = "1.2.840.10008.1.1";
pub const FIND: &str = "1.2.840.10008.5.1.4.1.2.2.1";
pub const IMPLICIT: &str = "1.2.840.10008.1.2";

pub struct Peer<S = TcpStream> {
    pub stream: S,
}

/// What the server said or did.
#[derive(Debug)]
pub enum Heard {
    Pdu(Pdu),
    Closed,
}

impl Peer {
    pub fn connect(address: SocketAddr) -> Self {
        Self::on(TcpStream::connect(address).unwrap())
    }

    /// Connects from another address of this machine.
    pub fn connect_from(from: Ipv4Addr, address: SocketAddr) -> Self {
        use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&socket, &SocketAddr::new(from.into(), 0)).unwrap();
        connect(&socket, &address).unwrap();
        Self::on(socket.into())
    }

    pub fn on(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        // a server that never answers fails the test instead of hanging it
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self { stream }
    }

    /// Associates with contexts 1, 3, 5 ... for these abstract syntaxes.
    pub fn associate(address: SocketAddr, calling: &str, contexts: &[(&str, &str)]) -> (Self, AssociationAC) {
        let mut peer = Self::connect(address);
        let accepted = peer.accepted(calling, contexts);
        (peer, accepted)
    }
}

impl<S: Read + Write> Peer<S> {
    /// Asks for an association with contexts 1, 3, 5 ... for these abstract syntaxes, and gets it.
    #[track_caller]
    pub fn accepted(&mut self, calling: &str, contexts: &[(&str, &str)]) -> AssociationAC {
        self.send(&request(calling, "ANY", contexts));
        match self.hear() {
            Heard::Pdu(Pdu::AssociationAC(accepted)) => accepted,
            other => panic!("{other:?}"),
        }
    }

    pub fn send(&mut self, pdu: &Pdu) {
        let mut bytes = Vec::new();
        write_pdu(&mut bytes, pdu).unwrap();
        self.write(&bytes);
    }

    pub fn write(&mut self, bytes: &[u8]) {
        // a server that closed already has made its point
        let _ = self.stream.write_all(bytes);
    }

    pub fn command(&mut self, context: u8, set: &[u8]) {
        self.send(&Pdu::PData { data: vec![value(context, PDataValueType::Command, true, set)] });
    }

    pub fn data(&mut self, context: u8, is_last: bool, bytes: &[u8]) {
        self.send(&Pdu::PData { data: vec![value(context, PDataValueType::Data, is_last, bytes)] });
    }

    pub fn hear(&mut self) -> Heard {
        let mut whole = vec![0; 6];
        if self.stream.read_exact(&mut whole).is_err() {
            return Heard::Closed;
        }
        let length = u32::from_be_bytes(whole[2..6].try_into().unwrap()) as usize;
        whole.resize(6 + length, 0);
        if self.stream.read_exact(&mut whole[6..]).is_err() {
            return Heard::Closed;
        }
        Heard::Pdu(read_pdu(whole.as_slice(), 1 << 20, false).unwrap().unwrap())
    }

    /// The status of the next response.
    pub fn status(&mut self) -> u16 {
        let Heard::Pdu(Pdu::PData { data }) = self.hear() else { panic!("no response") };
        let mut set = &data[0].data[..];
        loop {
            let (header, rest) = set.split_at(8);
            let length = u32::from_le_bytes(header[4..8].try_into().unwrap()) as usize;
            if header[2..4] == [0, 9] {
                return u16::from_le_bytes(rest[..2].try_into().unwrap());
            }
            set = &rest[length..];
        }
    }

    #[track_caller]
    pub fn is_aborted(&mut self, defect: &str) {
        match self.hear() {
            Heard::Pdu(Pdu::AbortRQ { .. }) => {}
            other => panic!("{defect}: {other:?}"),
        }
        assert!(matches!(self.hear(), Heard::Closed), "{defect}: not closed");
    }
}

pub fn value(context: u8, value_type: PDataValueType, is_last: bool, bytes: &[u8]) -> PDataValue {
    PDataValue { presentation_context_id: context, value_type, is_last, data: bytes.to_vec() }
}

pub fn request(calling: &str, called: &str, contexts: &[(&str, &str)]) -> Pdu {
    let proposed =
        contexts.iter().enumerate().map(|(index, (abstract_syntax, transfer_syntax))| PresentationContextProposed {
            id: (index * 2 + 1) as u8,
            abstract_syntax: (*abstract_syntax).to_owned(),
            transfer_syntaxes: vec![(*transfer_syntax).to_owned()],
        });
    Pdu::AssociationRQ(AssociationRQ {
        protocol_version: 1,
        calling_ae_title: calling.into(),
        called_ae_title: called.into(),
        application_context_name: "1.2.840.10008.3.1.1.1".into(),
        presentation_contexts: proposed.collect(),
        user_variables: vec![
            UserVariableItem::MaxLength(16384),
            UserVariableItem::ImplementationClassUID("1.2.826.0.1.98".into()),
        ],
    })
}

/// A command set with these elements of group 0000, in order.
pub fn command(elements: &[(u16, &[u8])]) -> Vec<u8> {
    let mut set = Vec::new();
    for (element, value) in elements {
        set.extend_from_slice(&[0, 0]);
        set.extend_from_slice(&element.to_le_bytes());
        set.extend_from_slice(&(value.len() as u32).to_le_bytes());
        set.extend_from_slice(value);
    }
    set
}

pub fn echo() -> Vec<u8> {
    command(&[(0x0002, b"1.2.840.10008.1.1\0"), (0x0100, &[0x30, 0]), (0x0110, &[1, 0]), (0x0800, &[1, 1])])
}

pub fn store(sop_class: &str, instance: &str) -> Vec<u8> {
    let padded = |text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        if bytes.len() % 2 == 1 {
            bytes.push(0);
        }
        bytes
    };
    command(&[
        (0x0002, &padded(sop_class)),
        (0x0100, &[1, 0]),
        (0x0110, &[1, 0]),
        (0x0700, &[0, 0]),
        (0x0800, &[0, 0]),
        (0x1000, &padded(instance)),
    ])
}
