//! The services of an association: C-ECHO (PS3.7 9.1.5) and C-STORE (PS3.7 9.1.1), one after another.

use archive::{Batch, Caller, IngestError, Source};
use dicom_ul::pdu::{PDataValue, PDataValueType, Pdu};
use model::Uid;
use policy::Service;

use crate::{
    association::{Association, Context, VERIFICATION},
    command::{C_CANCEL_RQ, C_ECHO_RQ, C_STORE_RQ, Command, RESPONSE},
    connection::{Connection, Ended},
    data_set::DataSetReader,
    devices::Devices,
    limits::DimseLimits,
    status::{StoreStatus, store_status},
};

/// What serving one association takes.
pub(crate) struct Served<'a> {
    pub(crate) connection: &'a mut Connection,
    pub(crate) association: &'a Association,
    pub(crate) limits: &'a DimseLimits,
    pub(crate) devices: &'a dyn Devices,
    pub(crate) caller: Caller,
    pub(crate) batch: &'a mut Batch,
}

impl Served<'_> {
    /// Serves until the conversation ends, and says how it did.
    pub(crate) fn until_end(mut self) -> Ended {
        loop {
            if let Err(ended) = self.message() {
                return ended;
            }
        }
    }

    fn message(&mut self) -> Result<(), Ended> {
        self.connection.expect_within(self.limits.idle_time);
        let (context, command) = self.command()?;
        match command.field {
            C_STORE_RQ => self.store(&context, &command),
            C_ECHO_RQ => self.echo(&context, &command),
            // PS3.7 9.3.2.3: nothing is running that could be cancelled
            C_CANCEL_RQ => Ok(()),
            field if field & RESPONSE != 0 => Err(Ended::Protocol("a response came that nobody asked for")),
            _ => {
                if command.has_data_set {
                    self.drain(&context)?;
                }
                self.respond(&context, &command, StoreStatus::UNRECOGNIZED_OPERATION)
            }
        }
    }

    /// Reads a whole command set.
    fn command(&mut self) -> Result<(Context, Command), Ended> {
        let mut set = Vec::new();
        let mut of = None;
        loop {
            let pdv = self.connection.next_pdv()?;
            if !pdv.is_command || of.is_some_and(|id| id != pdv.context) {
                return Err(Ended::Protocol("a command was expected"));
            }
            of = Some(pdv.context);
            loop {
                let at = set.len();
                set.resize((at + 1024).min(self.limits.command_bytes + 1), 0);
                let count = self.connection.read_pdv(&mut set[at..])?;
                set.truncate(at + count);
                if set.len() > self.limits.command_bytes {
                    return Err(Ended::Protocol("a command set is too long"));
                }
                if count == 0 {
                    break;
                }
            }
            if pdv.is_last {
                let context = self.association.context(pdv.context);
                let context = context.ok_or(Ended::Protocol("a context was used that was not accepted"))?.clone();
                let command = Command::parse(&set).map_err(|_| Ended::Protocol("a command set is out of shape"))?;
                return Ok((context, command));
            }
        }
    }

    fn echo(&mut self, context: &Context, command: &Command) -> Result<(), Ended> {
        if command.has_data_set {
            return Err(Ended::Protocol("a C-ECHO has no data set"));
        }
        let status = if context.abstract_syntax.as_str() != VERIFICATION {
            StoreStatus::CLASS_NOT_SUPPORTED
        } else if self.admits(Service::Echo) {
            StoreStatus::SUCCESS
        } else {
            StoreStatus::NOT_AUTHORIZED
        };
        self.respond(context, command, status)
    }

    fn store(&mut self, context: &Context, command: &Command) -> Result<(), Ended> {
        if !command.has_data_set {
            return Err(Ended::Protocol("a C-STORE has a data set"));
        }
        let source = match self.source(context, command) {
            Ok(source) => source,
            Err(status) => {
                self.drain(context)?;
                return self.respond(context, command, status);
            }
        };
        let mut data_set = DataSetReader::new(self.connection, context.id);
        let stored = self.batch.store(&source, &mut data_set);
        // a conversation that ended inside the data set ends here: the scanner saw it break off, and nothing was stored
        data_set.drain(self.limits.refused_bytes)?;
        let status = match stored {
            Ok(_) => StoreStatus::SUCCESS,
            Err(error) => {
                log_refusal(&self.association.calling_ae_title, &error);
                store_status(&error).ok_or(Ended::Protocol("the data set broke off"))?
            }
        };
        self.respond(context, command, status)
    }

    fn source(&self, context: &Context, command: &Command) -> Result<Source, StoreStatus> {
        let uid = |text: &str| Uid::parse(text).map_err(|_| StoreStatus::INVALID_ATTRIBUTE_VALUE);
        let (sop_class, sop_instance) = (uid(&command.sop_class)?, uid(&command.sop_instance)?);
        if sop_class != context.abstract_syntax {
            return Err(StoreStatus::CLASS_NOT_SUPPORTED);
        }
        if !self.admits(Service::Store) {
            return Err(StoreStatus::NOT_AUTHORIZED);
        }
        Ok(Source::DataSet {
            transfer_syntax: context.transfer_syntax.clone(),
            sop_class,
            sop_instance,
            source_ae: self.association.calling_ae_title.clone(),
        })
    }

    /// The one place where a service asks whether it may be used.
    fn admits(&self, service: Service) -> bool {
        let admitted = self.devices.admit(&self.association.calling_ae_title, self.caller, service);
        admitted == Ok(self.association.device)
    }

    fn respond(&mut self, context: &Context, command: &Command, status: StoreStatus) -> Result<(), Ended> {
        let response = PDataValue {
            presentation_context_id: context.id,
            value_type: PDataValueType::Command,
            is_last: true,
            data: command.response(status.code, status.comment),
        };
        self.connection.send(&Pdu::PData { data: vec![response] })
    }

    /// Reads a data set that is refused, so that the next message is understood.
    fn drain(&mut self, context: &Context) -> Result<(), Ended> {
        DataSetReader::new(self.connection, context.id).drain(self.limits.refused_bytes)
    }
}

fn log_refusal(calling_ae_title: &str, error: &IngestError) {
    tracing::warn!(calling_ae_title = ?calling_ae_title, %error, "an instance was refused");
}
