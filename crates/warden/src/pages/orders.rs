//! Orders for officer, administrator and owner: the rule, what came, what is kept for repair, merges, professional identifiers.

use std::collections::BTreeMap;

use model::{Change, Instant, OrderRule, OrganisationId, ProfessionalId, Who};
use policy::Service;
use protocol::{
    MergeRow, OrderRow, OrderRuleAsked, OrdersReply, OrdersRequest, OrdersState, PageReply, Refusal, SenderDay,
};

use super::HELD;
use super::directory::{field, unknown};
use crate::approvals::Asked;
use crate::state::Warden;
use crate::subject::Caller;

/// The most orders in one answer.
const ROWS_MAX: usize = 500;
/// The longest grace, and the longest that an order is taken to run, in days.
const DAYS_MAX: u16 = 3_660;
/// The most authorities and places that the rule names.
const NAMES_MAX: usize = 1_000;
/// The most that one sender may tell a day.
const PER_DAY_MAX: u32 = 1_000_000;

/// Which service a request is. What shows a message, or decides on one as it is read anew, is the owner's.
pub(super) fn service_of(request: &OrdersRequest) -> Service {
    match request {
        OrdersRequest::State { .. } | OrdersRequest::Kept | OrdersRequest::Drop { .. } => Service::OrderDesk,
        // studies are filed under another patient by it
        OrdersRequest::Unmerge { .. } => Service::MoveStudy,
        OrdersRequest::SetRule(_) | OrdersRequest::ProfessionalId { .. } => Service::Manage,
        OrdersRequest::Show { .. } | OrdersRequest::Replay { .. } => Service::Machine,
    }
}

impl Warden {
    pub(super) fn orders_page(
        &self,
        caller: &Caller,
        request: OrdersRequest,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let reply = match request {
            OrdersRequest::State { unmatched } => OrdersReply::State(Box::new(self.orders_state(unmatched, now))),
            OrdersRequest::SetRule(asked) => {
                let rule = self.order_rule(asked)?;
                match self.ask_for(caller, Change::OrderRule { rule }, now)? {
                    Asked::Waits(row) => return Ok(PageReply::Proposed(row)),
                    Asked::Made(_) => OrdersReply::Done,
                }
            }
            OrdersRequest::Kept => OrdersReply::Kept(self.kept_rows()?),
            OrdersRequest::Show { kept } => self.show_kept(caller, kept, now)?,
            OrdersRequest::Replay { kept, message } => self.replay_kept(caller, kept, &message, now)?,
            OrdersRequest::Drop { kept } => self.drop_kept(caller, kept)?,
            OrdersRequest::Unmerge { merge } => self.unmerge(caller, merge, now).map(|()| OrdersReply::Done)?,
            OrdersRequest::ProfessionalId { email, professional_id, holds } => {
                self.set_professional_id(caller, &email, &professional_id, holds, now)?
            }
        };
        Ok(PageReply::Orders(reply))
    }

    fn orders_state(&self, unmatched: bool, now: Instant) -> OrdersState {
        let people = self.people.lock().expect(HELD);
        let reached = |entries: &[model::EntryNumber]| {
            let index = self.index.read().expect(HELD);
            let made = entries.iter().filter_map(|entry| index.reach().relationship(*entry));
            made.filter(|one| now < one.window.to).map(|one| one.who).collect::<Vec<_>>()
        };
        let name = |who: Who| self.name_of(&people, who).0;
        let device = |device| people.device(device).map(|device| device.name().to_owned()).unwrap_or_default();
        let orders = self.orders.read().expect(HELD);
        let wanted = orders.newest().filter(|(_, order)| !unmatched || !order.matched).take(ROWS_MAX);
        let rows = wanted.map(|(number, order)| OrderRow {
            order: number,
            at: order.at,
            sender: device(order.device),
            patient: order.patient,
            matched: order.matched,
            ended: order.ended,
            holders: reached(&order.relationships).into_iter().map(name).collect(),
        });
        let senders = orders.senders().into_iter().map(|sender| {
            let told = orders.told_today(sender, now);
            let (orders, unmatched, merges) = (told.orders, told.unmatched, told.merges);
            SenderDay { sender: device(sender), orders, unmatched, merges }
        });
        let merges = orders.open_merges().take(ROWS_MAX);
        let merges = merges.map(|(merge, row)| MergeRow { merge, at: row.at, from: row.from, to: row.to });
        let organisations = orders.rule.reading_group.into_iter().chain(orders.rule.places.values().copied());
        OrdersState {
            organisations: organisations.map(|one| name(Who::Organisation(one))).collect(),
            orders: rows.collect(),
            senders: senders.collect(),
            merges: merges.collect(),
            rule: orders.rule.clone(),
        }
    }

    /// A rule as it is asked for, if it fits.
    fn order_rule(&self, asked: OrderRuleAsked) -> Result<OrderRule, Refusal> {
        let OrderRuleAsked { rule, reading_group, places } = asked;
        let people = self.people.lock().expect(HELD);
        let organisation = |name: &str| -> Result<OrganisationId, Refusal> {
            let found = people.organisation_by_name(name).map(|organisation| organisation.id());
            found.ok_or_else(|| unknown("organisation", "org list"))
        };
        let reading_group = reading_group.as_deref().map(organisation).transpose()?;
        let places: BTreeMap<String, OrganisationId> = places
            .into_iter()
            .map(|(place, name)| Ok((place, organisation(&name)?)))
            .collect::<Result<_, Refusal>>()?;
        if rule.grace_days > DAYS_MAX || rule.open_days > DAYS_MAX {
            return Err(field("days", "at most 3660"));
        }
        if rule.orders_per_day.max(rule.unmatched_per_day).max(rule.merges_per_day) > PER_DAY_MAX {
            return Err(field("per day", "at most 1000000"));
        }
        let short = |text: &String| text.chars().count() <= 64 && !text.chars().any(char::is_control);
        let authorities = rule.authorities.iter().all(|(authority, issuer)| short(authority) && short(issuer));
        if places.len() > NAMES_MAX || rule.authorities.len() > NAMES_MAX || !authorities || !places.keys().all(short) {
            return Err(field("the rule", "at most 1000 authorities and places of at most 64 characters each"));
        }
        Ok(OrderRule { reading_group, places, ..rule })
    }

    /// Whoever has it reads every patient whom an order of that physician names, so a touch says that it is meant.
    fn set_professional_id(
        &self,
        caller: &Caller,
        email: &str,
        ProfessionalId { issuer, id }: &ProfessionalId,
        holds: bool,
        now: Instant,
    ) -> Result<OrdersReply, Refusal> {
        caller.touched()?;
        // an issuer may be an address with slashes, an identifier is not
        if id.contains('/') {
            return Err(field("professional id", "ISSUER/ID, as in LANR/123456601, with no slash in ID"));
        }
        let mut people = self.people.lock().expect(HELD);
        let person = crate::removals::open_person(&people, email)?;
        let changed = people.set_professional_id(person, issuer, id, holds)?;
        let named = people.professional_ids(person);
        self.commit(people, changed, &caller.actor, now)?;
        Ok(OrdersReply::ProfessionalIds(named))
    }
}
