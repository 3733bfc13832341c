//! Orders for officer, administrator and owner: the rule, what came, what is kept for repair, merges, professional identifiers.

use std::collections::BTreeMap;

use model::{Change, Instant, OrderRule, OrganisationId, ProfessionalId, Who};
use policy::Service;
use protocol::{
    MergeRow, OrderRow, OrderRuleAsked, OrdersReply, OrdersRequest, OrdersState, PageReply, Refusal, SenderDay,
};

use super::HELD;
use super::directory::{field, unknown};
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
        OrdersRequest::SetRule(_) => Service::Propose,
        OrdersRequest::ProfessionalId { .. } => Service::Manage,
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
                return Ok(self.ask_for(caller, Change::OrderRule { rule }, now)?.reply());
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
        if asked.grace_days > DAYS_MAX || asked.open_days > DAYS_MAX {
            return Err(field("days", "at most 3660"));
        }
        if asked.orders_per_day.max(asked.unmatched_per_day).max(asked.merges_per_day) > PER_DAY_MAX {
            return Err(field("per day", "at most 1000000"));
        }
        let short = |text: &String| text.chars().count() <= 64 && !text.chars().any(char::is_control);
        let (named, known) = (asked.places.len(), asked.authorities.len());
        let authorities = asked.authorities.iter().all(|one| short(&one.authority) && short(&one.issuer));
        if named.max(known) > NAMES_MAX || !authorities || !asked.places.iter().all(|one| short(&one.place)) {
            return Err(field("the rule", "at most 1000 authorities and places of at most 64 characters each"));
        }
        let people = self.people.lock().expect(HELD);
        let organisation = |name: &str| -> Result<OrganisationId, Refusal> {
            let found = people.organisation_by_name(name).map(|organisation| organisation.id());
            found.ok_or_else(|| unknown("organisation", "org list"))
        };
        let places = asked.places.into_iter().map(|one| Ok((one.place, organisation(&one.organisation)?)));
        let rule = OrderRule {
            grace_days: asked.grace_days,
            open_days: asked.open_days,
            reading_group: asked.reading_group.as_deref().map(organisation).transpose()?,
            places: places.collect::<Result<BTreeMap<_, _>, Refusal>>()?,
            authorities: asked.authorities.into_iter().map(|one| (one.authority, one.issuer)).collect(),
            orders_per_day: asked.orders_per_day,
            unmatched_per_day: asked.unmatched_per_day,
            merges_per_day: asked.merges_per_day,
        };
        if rule.places.len() < named || rule.authorities.len() < known {
            return Err(field("the rule", "each place and each authority once"));
        }
        Ok(rule)
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
