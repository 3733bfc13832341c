//! `leadglass orders`: the rule, what came, and what is kept for repair.

use std::io::{IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use model::{EntryNumber, ProfessionalId};
use protocol::{
    AuthorityIssuer, OrderProblem, OrderReply, OrderRuleAsked, OrdersReply, OrdersRequest, OrdersState, PageReply,
    PageRequest, PlaceReader,
};
use serde_json::json;

use crate::cli::{Format, OrderRuleArgs, OrdersCommand};
use crate::command::approve::told;
use crate::command::manage::{done, list, other};
use crate::output::say;
use crate::owner::Owner;
use crate::time;

/// Runs it.
pub fn orders(dir: &Path, format: Format, command: OrdersCommand) -> Result<()> {
    let owner = Owner::connect(dir)?;
    match command {
        OrdersCommand::Rule(arguments) => rule(&owner, format, &arguments),
        OrdersCommand::State { unmatched } => {
            show_state(format, &state(&owner, unmatched)?);
            Ok(())
        }
        OrdersCommand::List => match ask(&owner, OrdersRequest::Kept)? {
            OrdersReply::Kept(rows) => list(format, &rows, |row| {
                format!(
                    "{}\t{}\t{}\t{} {}\t{} bytes\t{}",
                    row.kept,
                    time::show(row.at),
                    row.sender,
                    row.kind,
                    row.control_id,
                    row.bytes,
                    problem_text(&row.problem)
                )
            }),
            _ => other(),
        },
        OrdersCommand::Show { kept } => {
            let message = message(&owner, kept)?;
            let mut out = std::io::stdout();
            let written = if out.is_terminal() {
                out.write_all(for_terminal(&message).as_bytes())
            } else {
                out.write_all(&message)
            };
            written.with_context(|| {
                format!("the message could not be written out; send it into a file that has room for it, as in `leadglass orders show {kept} > message.hl7`")
            })
        }
        OrdersCommand::Replay { kept, repaired } => {
            let bytes = match repaired {
                Some(file) => {
                    let bytes = std::fs::read(&file);
                    bytes.with_context(|| format!("{} cannot be read; check the path", file.display()))?
                }
                None => message(&owner, kept)?,
            };
            replay(&owner, format, kept, &bytes)
        }
        OrdersCommand::Drop { kept } => {
            ask(&owner, OrdersRequest::Drop { kept })?;
            done(format, &json!({ "dropped": kept }), &format!("Message {kept} is thrown away."));
            Ok(())
        }
        OrdersCommand::Unmerge { merge } => {
            ask(&owner, OrdersRequest::Unmerge { merge: EntryNumber(merge) })?;
            done(format, &json!({ "unmerged": merge }), &format!("The merge of entry {merge} is taken back."));
            Ok(())
        }
    }
}

/// `ISSUER/ID`. An issuer may be an address with slashes, an identifier is not.
pub fn professional_id_of(text: &str) -> Result<ProfessionalId> {
    let (issuer, id) = text
        .rsplit_once('/')
        .with_context(|| format!("{text} is no professional identifier; give ISSUER/ID, as in LANR/123456601"))?;
    Ok(ProfessionalId { issuer: issuer.to_owned(), id: id.to_owned() })
}

/// Gives a person a professional identifier, or takes it away.
pub fn professional_id(owner: &Owner, email: &str, professional_id: ProfessionalId, holds: bool) -> Result<()> {
    let email = email.to_owned();
    ask(owner, OrdersRequest::ProfessionalId { email, professional_id, holds }).map(drop)
}

fn ask(owner: &Owner, request: OrdersRequest) -> Result<OrdersReply> {
    match owner.ask(PageRequest::Orders(request))? {
        PageReply::Orders(reply) => Ok(reply),
        _ => other(),
    }
}

fn state(owner: &Owner, unmatched: bool) -> Result<OrdersState> {
    match ask(owner, OrdersRequest::State { unmatched })? {
        OrdersReply::State(state) => Ok(*state),
        _ => other(),
    }
}

fn message(owner: &Owner, kept: u32) -> Result<Vec<u8>> {
    match ask(owner, OrdersRequest::Show { kept })? {
        OrdersReply::Message(bytes) => Ok(bytes),
        _ => other(),
    }
}

fn replay(owner: &Owner, format: Format, kept: u32, bytes: &[u8]) -> Result<()> {
    // a resource is an object, a message begins with MSH
    let read = if bytes.trim_ascii_start().starts_with(b"{") {
        orders::read_resource(bytes)
    } else {
        orders::read(bytes).map(|read| read.message).map_err(|unread| unread.problem)
    };
    let message = read.map_err(|problem| {
        let what = one_part(&problem);
        anyhow!(
            "the message still cannot be read: {what}; mend what `leadglass orders show {kept}` writes out, and give it with `--repaired FILE`"
        )
    })?;
    let OrdersReply::Replayed(reply) = ask(owner, OrdersRequest::Replay { kept, message })? else {
        return other();
    };
    match reply {
        OrderReply::Taken(said) => {
            let text: Vec<_> = said.iter().map(problem_text).collect();
            let words = if text.is_empty() { String::new() } else { format!(" ({})", text.join("; ")) };
            done(format, &json!({ "replayed": kept, "said": said }), &format!("Message {kept} is taken.{words}"));
            Ok(())
        }
        OrderReply::Refused(problem) => bail!(
            "the message is still not taken: {}; give the person whom it names this identifier with `leadglass person professional-id`, name its authority or place with `leadglass orders rule`, or mend what `leadglass orders show {kept}` writes out and give it with `--repaired FILE`",
            one_part(&problem)
        ),
        OrderReply::Kept(_) => other(),
    }
}

/// A message line by line, without anything that a terminal would act on.
fn for_terminal(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message);
    let lines = text.split(['\r', '\n']).filter(|line| !line.is_empty());
    let shown = |line: &str| -> String {
        line.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
    };
    lines.map(|line| shown(line) + "\n").collect()
}

/// The same as the first part of a failure, which what is to be done follows.
fn one_part(problem: &OrderProblem) -> String {
    problem_text(problem).replace("; ", ": ")
}

fn problem_text(problem: &OrderProblem) -> String {
    let place = match problem.place.field {
        0 => problem.place.segment.clone(),
        field => format!("{}-{field}", problem.place.segment),
    };
    format!("{} at {place}: {}", problem.code.words(), problem.text)
}

/// Sets what is given of the rule; shows it when nothing is.
fn rule(owner: &Owner, format: Format, arguments: &OrderRuleArgs) -> Result<()> {
    let now = state(owner, false)?;
    let known = OrderRuleAsked::naming(&now.rule, &now.organisations);
    let mut rule = known.clone();
    let OrderRuleArgs { grace, open, orders_per_day, unmatched_per_day, merges_per_day, .. } = arguments;
    rule.grace_days = grace.unwrap_or(rule.grace_days);
    rule.open_days = open.unwrap_or(rule.open_days);
    rule.orders_per_day = orders_per_day.unwrap_or(rule.orders_per_day);
    rule.unmatched_per_day = unmatched_per_day.unwrap_or(rule.unmatched_per_day);
    rule.merges_per_day = merges_per_day.unwrap_or(rule.merges_per_day);
    if let Some(group) = &arguments.reading_group {
        rule.reading_group = (!group.is_empty()).then(|| group.clone());
    }
    for text in &arguments.place {
        let (place, organisation) = named("--place", text)?;
        rule.places.retain(|one| one.place != place);
        if !organisation.is_empty() {
            rule.places.push(PlaceReader { place: place.to_owned(), organisation: organisation.to_owned() });
        }
    }
    for text in &arguments.authority {
        let (authority, issuer) = named("--authority", text)?;
        rule.authorities.retain(|one| one.authority != authority);
        rule.authorities.push(AuthorityIssuer { authority: authority.to_owned(), issuer: issuer.to_owned() });
    }
    rule.authorities.retain(|one| !arguments.no_authority.contains(&one.authority));
    if rule == known && *arguments == OrderRuleArgs::default() {
        show_rule(format, &now);
        return Ok(());
    }
    match owner.ask(PageRequest::Orders(OrdersRequest::SetRule(rule)))? {
        PageReply::Done => {
            show_rule(format, &state(owner, false)?);
            Ok(())
        }
        reply => told(format, reply),
    }
}

fn named<'t>(option: &str, text: &'t str) -> Result<(&'t str, &'t str)> {
    text.split_once('=').ok_or_else(|| anyhow!("{option} {text} has no `=`; give it as NAME=NAME"))
}

fn show_rule(format: Format, state: &OrdersState) {
    let rule = OrderRuleAsked::naming(&state.rule, &state.organisations);
    match format {
        Format::Json => say!(
            "{}",
            json!({
                "grace_days": rule.grace_days,
                "open_days": rule.open_days,
                "reading_group": rule.reading_group,
                "places": rule.places,
                "authorities": state.rule.authorities,
                "orders_per_day": rule.orders_per_day,
                "unmatched_per_day": rule.unmatched_per_day,
                "merges_per_day": rule.merges_per_day,
            })
        ),
        Format::Text => {
            say!(
                "An order gives a relationship of {} days, and {} more after it was done.",
                rule.open_days,
                rule.grace_days
            );
            say!("Reading group: {}", rule.reading_group.as_deref().unwrap_or("none"));
            for PlaceReader { place, organisation } in &rule.places {
                say!("  {place} is read by {organisation}");
            }
            for AuthorityIssuer { authority, issuer } in &rule.authorities {
                let issuer = if issuer.is_empty() { "no issuer" } else { issuer };
                say!("  patients of the authority {authority:?} are known by {issuer}");
            }
            say!(
                "One sender may tell {} orders a day, {} without an appointment, and {} merges.",
                rule.orders_per_day,
                rule.unmatched_per_day,
                rule.merges_per_day
            );
        }
    }
}

fn show_state(format: Format, state: &OrdersState) {
    if format == Format::Json {
        say!("{}", json!({ "orders": state.orders, "senders": state.senders, "merges": state.merges }));
        return;
    }
    for sender in &state.senders {
        say!(
            "{} told {} orders today, {} without an appointment, and {} merges",
            sender.sender,
            sender.orders,
            sender.unmatched,
            sender.merges
        );
    }
    for row in &state.orders {
        say!(
            "{}\t{}\t{}\tpatient {}\t{}\t{}\t{}",
            row.order,
            time::show(row.at),
            row.sender,
            row.patient,
            if row.matched { "appointment" } else { "no appointment" },
            row.ended.map_or_else(|| "open".to_owned(), |ended| format!("{ended:?}").to_lowercase()),
            row.holders.join(", ")
        );
    }
    for row in &state.merges {
        say!("merge {}\t{}\tpatient {} into patient {}", row.merge, time::show(row.at), row.from, row.to);
    }
}

#[cfg(test)]
mod tests {
    use super::for_terminal;

    #[test]
    fn a_message_on_a_terminal_holds_nothing_that_the_terminal_acts_on() {
        let shown = for_terminal("MSH|^~\\&|\u{1b}]0;x\u{7}\rPID|1||Ä\u{9b}2J\t\n".as_bytes());
        assert_eq!(shown, "MSH|^~\\&|\\u{1b}]0;x\\u{7}\nPID|1||Ä\\u{9b}2J\\t\n");
    }
}
