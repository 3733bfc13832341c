//! Messages that were not taken, sealed in the warden's database until somebody repairs, replays or drops them.
//!
//! Each is two records: what it is, and its bytes. There is room for a number of messages and bytes in all and of one sender, so that
//! nobody fills the disk with what is not taken; what finds no room is answered all the same, and its sender has it.

use model::{Actor, DeviceId, EntryBody, Instant, KeptOrder};
use protocol::{
    KEPT_BYTES_MAX, KeptRow, ORDER_TEXT_CHARACTERS_MAX, OrderMessage, OrderProblem, OrderReply, OrdersReply, Refusal,
    UntakenMessage,
};
use serde::{Deserialize, Serialize};

use super::OrderSender;
use super::fold::DAY_SECONDS;
use crate::cold::failed;
use crate::database::{Space, each_beginning};
use crate::pages::{HELD, unknown};
use crate::state::Warden;
use crate::subject::Caller;

/// The most messages that are kept, and of one sender.
const KEPT_MAX: usize = 1_000;
const KEPT_OF_SENDER_MAX: usize = 250;
/// The most bytes of them, and of one sender.
const KEPT_BYTES_IN_ALL_MAX: u64 = 64 * 1024 * 1024;
const KEPT_BYTES_OF_SENDER_MAX: u64 = 16 * 1024 * 1024;

/// How long one is kept, in days.
const KEPT_DAYS: i64 = 90;

/// What a kept message is.
#[derive(Serialize, Deserialize)]
struct Record {
    version: u8,
    at: Instant,
    device: DeviceId,
    control_id: String,
    kind: String,
    problem: OrderProblem,
    bytes: u64,
    /// BLAKE3 over the message, in hexadecimal: the same one is kept once.
    content: String,
}

impl Warden {
    /// Keeps one, where there is room.
    pub(crate) fn keep_order(
        &self,
        sender: &OrderSender,
        untaken: UntakenMessage,
        now: Instant,
    ) -> Result<OrderReply, Refusal> {
        let UntakenMessage { control_id, kind, mut problem, bytes } = untaken;
        let [control_id, kind] = [control_id, kind].map(|text| shown(&text));
        (problem.place.segment, problem.text) = (shown(&problem.place.segment), shown(&problem.text));
        let short = |text: &str| text.chars().count() <= ORDER_TEXT_CHARACTERS_MAX;
        let fits = short(&control_id) && short(&kind) && short(&problem.place.segment) && problem.text.len() <= 1_000;
        if !fits || bytes.is_empty() || bytes.len() > KEPT_BYTES_MAX {
            return Err(Refusal::NotAllowed);
        }
        let _turn = self.ordering.lock().expect(HELD);
        let content = self.secrets.digest_of(&[b"kept order", &bytes]).to_string();
        let there = self.kept_records()?;
        let length = bytes.len() as u64;
        let sum = |own: &dyn Fn(&Record) -> bool| {
            let own = there.iter().filter(|(_, record)| own(record));
            own.fold((0, 0), |(count, sum), (_, record)| (count + 1, sum + record.bytes))
        };
        let (in_all, of_sender) = (sum(&|_| true), sum(&|record| record.device == sender.device));
        let same = there.iter().any(|(_, record)| record.device == sender.device && record.content == content);
        let room = in_all.0 < KEPT_MAX
            && in_all.1 + length <= KEPT_BYTES_IN_ALL_MAX
            && of_sender.0 < KEPT_OF_SENDER_MAX
            && of_sender.1 + length <= KEPT_BYTES_OF_SENDER_MAX;
        if same || !room {
            if !room {
                tracing::warn!("a message was not taken and there is no room to keep it; see `leadglass orders list`");
            }
            return Ok(OrderReply::Kept(None));
        }
        let (kept, code) = (self.orders.read().expect(HELD).next_kept(), problem.code.number());
        let device = sender.device;
        let record = Record { version: 1, at: now, device, control_id, kind, problem, bytes: length, content };
        let plain = serde_json::to_vec(&record).expect("texts and numbers are JSON");
        let body = EntryBody::OrderKept { kept, state: KeptOrder::Kept, code };
        self.change_keys(vec![(sender.actor.clone(), body)], None, |changes| {
            self.secrets.put(changes, Space::KeptOrder, &kept.to_be_bytes(), &plain)?;
            self.secrets.put(changes, Space::KeptMessage, &kept.to_be_bytes(), &bytes)
        })?;
        Ok(OrderReply::Kept(Some(kept)))
    }

    /// What is kept, the oldest first.
    pub(crate) fn kept_rows(&self) -> Result<Vec<KeptRow>, Refusal> {
        let records = self.kept_records()?;
        let people = self.people.lock().expect(HELD);
        let row = |(kept, record): (u32, Record)| KeptRow {
            kept,
            at: record.at,
            device: record.device,
            sender: people.device(record.device).map(|device| device.name().to_owned()).unwrap_or_default(),
            control_id: record.control_id,
            kind: record.kind,
            problem: record.problem,
            bytes: record.bytes,
        };
        Ok(records.into_iter().map(row).collect())
    }

    /// One as it came. That it was read is an entry.
    pub(crate) fn show_kept(&self, caller: &Caller, kept: u32, now: Instant) -> Result<OrdersReply, Refusal> {
        let record = self.kept_record(kept)?;
        let mut message = None;
        {
            let reader = self.reader.lock().expect(HELD);
            each_beginning(&reader.connection, Space::KeptMessage, &kept.to_be_bytes(), |key, sealed| {
                message = Some(self.secrets.open(Space::KeptMessage, key, sealed)?);
                Ok(())
            })
            .map_err(failed)?;
        }
        let message = message.ok_or(Refusal::Internal)?;
        let body = EntryBody::OrderKept { kept, state: KeptOrder::Read, code: record.problem.code.number() };
        self.append(caller, vec![body], now)?;
        Ok(OrdersReply::Message(message))
    }

    /// Decides on one again, as read anew; when it is taken it is kept no more.
    pub(crate) fn replay_kept(
        &self,
        caller: &Caller,
        kept: u32,
        message: &OrderMessage,
        now: Instant,
    ) -> Result<OrdersReply, Refusal> {
        let record = self.kept_record(kept)?;
        // the owner decides that it is more than the sender may tell a day
        let sender = OrderSender { device: record.device, actor: caller.actor.clone(), kept: Some(record.at) };
        let reply = self.take_order(&sender, message, now)?;
        if matches!(reply, OrderReply::Taken(_)) && !message.test {
            self.end_kept(&caller.actor, kept, KeptOrder::Replayed, &record)?;
        }
        Ok(OrdersReply::Replayed(reply))
    }

    /// Throws one away.
    pub(crate) fn drop_kept(&self, caller: &Caller, kept: u32) -> Result<OrdersReply, Refusal> {
        let record = self.kept_record(kept)?;
        self.end_kept(&caller.actor, kept, KeptOrder::Dropped, &record)?;
        Ok(OrdersReply::Done)
    }

    /// Throws away what nobody looked at for too long.
    pub(crate) fn drop_old_kept(&self, now: Instant) -> Result<(), Refusal> {
        let _turn = self.ordering.lock().expect(HELD);
        for (kept, record) in self.kept_records()? {
            if record.at.plus_seconds(KEPT_DAYS * DAY_SECONDS) <= now {
                self.end_kept(&Actor::Warden, kept, KeptOrder::Dropped, &record)?;
            }
        }
        Ok(())
    }

    fn end_kept(&self, actor: &Actor, kept: u32, state: KeptOrder, record: &Record) -> Result<(), Refusal> {
        let body = EntryBody::OrderKept { kept, state, code: record.problem.code.number() };
        self.change_keys(vec![(actor.clone(), body)], None, |changes| {
            changes.remove(Space::KeptOrder, &kept.to_be_bytes())?;
            changes.remove(Space::KeptMessage, &kept.to_be_bytes())
        })
    }

    fn kept_record(&self, kept: u32) -> Result<Record, Refusal> {
        let found = self.kept_records()?.into_iter().find(|(number, _)| *number == kept);
        found.map(|(_, record)| record).ok_or_else(|| unknown("kept message", "orders list"))
    }

    fn kept_records(&self) -> Result<Vec<(u32, Record)>, Refusal> {
        let reader = self.reader.lock().expect(HELD);
        let records = self.secrets.records(&reader, Space::KeptOrder).map_err(failed)?;
        let read = |(key, plain): (Vec<u8>, Vec<u8>)| {
            let number = u32::from_be_bytes(key.try_into().ok()?);
            let record: Record = serde_json::from_slice(&plain).ok()?;
            (record.version == 1).then_some((number, record))
        };
        let damaged = || failed(crate::database::DatabaseError::Damaged { what: "kept message" });
        records.into_iter().map(|record| read(record).ok_or_else(damaged)).collect()
    }
}

/// A text from outside as a terminal may show it.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
