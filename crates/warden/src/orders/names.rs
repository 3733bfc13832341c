//! Who is meant by the identifiers of a message. One without who gave it names nobody.

use identity::People;
use model::{Actor, EntryBody, KeyedDigest, OrderRule, OrganisationId, PatientNumber, PersonId, Role};
use protocol::{Authority, ErrorCode, Identifier, OrderNumbers, OrderProblem, PlacedOrder};
use registry::Registry;

use super::OrderSender;
use crate::pages::HELD;
use crate::state::Warden;

/// The longest issuer and identifier of a patient, in characters.
const PATIENT_CHARACTERS_MAX: usize = 64;

/// An issuer and an identifier.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PatientName {
    pub(super) issuer: String,
    pub(super) id: String,
}

/// The patient that a message names: by the first identifier whose authority the rule knows, else by the first that has one. `segment` is
/// where it stands.
pub(super) fn patient_name(
    rule: &OrderRule,
    identifiers: &[Identifier],
    (segment, field): (&str, u8),
) -> Result<PatientName, OrderProblem> {
    let known = |one: &&Identifier| issuer_of(rule, &one.authority).is_some();
    let named = |one: &&Identifier| !name_of(&one.authority).is_empty();
    let chosen = identifiers.iter().find(known).or_else(|| identifiers.iter().find(named)).ok_or_else(|| {
        let why = "the identifier has no assigning authority, and without one it could be anybody's";
        OrderProblem::at(ErrorCode::RequiredField, segment, field, why)
    })?;
    let issuer = issuer_of(rule, &chosen.authority).unwrap_or_else(|| name_of(&chosen.authority));
    let (issuer, id) = (issuer.trim(), chosen.id.trim());
    let fits = |text: &str| text.chars().count() <= PATIENT_CHARACTERS_MAX && !text.chars().any(char::is_control);
    if id.is_empty() || !fits(id) || !fits(issuer) {
        let why = "identifier and authority of a patient have 1 to 64 characters";
        return Err(OrderProblem::at(ErrorCode::DataType, segment, field, why));
    }
    Ok(PatientName { issuer: issuer.to_owned(), id: id.to_owned() })
}

/// The issuer that the rule names for an authority; the rule may name one for authorities that are not said.
fn issuer_of<'r>(rule: &'r OrderRule, authority: &Authority) -> Option<&'r str> {
    let names = [&authority.name, &authority.universal].into_iter().filter(|name| !name.is_empty());
    let mut known = names.filter_map(|name| rule.authorities.get(name));
    let none = || rule.authorities.get("").filter(|_| name_of(authority).is_empty());
    known.next().or_else(none).map(String::as_str)
}

fn name_of(authority: &Authority) -> &str {
    if authority.name.is_empty() { &authority.universal } else { &authority.name }
}

/// People with an account here who are named as having ordered it, and read patients.
pub(super) fn referrers(people: &People, ordered_by: &[Identifier]) -> Vec<PersonId> {
    let mut found = Vec::new();
    for Identifier { authority, id } in ordered_by {
        let issuers = [&authority.name, &authority.universal].into_iter().filter(|issuer| !issuer.is_empty());
        let person = issuers.filter_map(|issuer| people.person_by_professional_id(issuer, id)).next();
        let reads = |role| matches!(role, Role::Referrer | Role::Radiologist);
        found.extend(person.filter(|person| reads(person.role())).map(|person| person.id()));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Whoever has this professional identifier from its authority.
pub(super) fn person_of(people: &People, Identifier { authority, id }: &Identifier) -> Option<PersonId> {
    let issuers = [&authority.name, &authority.universal].into_iter().filter(|issuer| !issuer.is_empty());
    issuers.filter_map(|issuer| people.person_by_professional_id(issuer, id)).next().map(|person| person.id())
}

/// Who reads what is placed or performed there.
pub(super) fn reading_group(rule: &OrderRule, order: &PlacedOrder) -> Option<OrganisationId> {
    order.places.iter().find_map(|place| rule.places.get(place).copied()).or(rule.reading_group)
}

impl Warden {
    /// Digests of an order's numbers. A number whose authority is not said is the sender's own.
    pub(super) fn order_numbers(&self, sender: &OrderSender, numbers: &OrderNumbers) -> Vec<KeyedDigest> {
        let each = [(b"placer".as_slice(), &numbers.placer), (b"filler".as_slice(), &numbers.filler)];
        let digest = |(kind, number): (&[u8], &Option<Identifier>)| {
            number.as_ref().map(|number| self.entity_digest(sender, kind, number))
        };
        each.into_iter().filter_map(digest).collect()
    }

    /// Digest of an order's or appointment's identifier.
    pub(super) fn entity_digest(&self, sender: &OrderSender, kind: &[u8], number: &Identifier) -> KeyedDigest {
        let own = sender.device.0.to_be_bytes();
        let (whose, authority): (&[u8], &[u8]) = match name_of(&number.authority) {
            "" => (b"device", &own),
            name => (b"authority", name.as_bytes()),
        };
        self.secrets.digest_of(&[b"order number", kind, whose, authority, number.id.as_bytes()])
    }

    /// The patient of this name, where there is one.
    pub(super) fn known_patient(&self, registry: &Registry, name: &PatientName) -> Option<PatientNumber> {
        let known = registry.patient_by_identity(&name.issuer, &name.id)?;
        Some(self.orders.read().expect(HELD).stays(known))
    }

    /// The patient of this name, made when there is none, with the entry that says so.
    pub(super) fn patient_for_order(
        &self,
        registry: &mut Registry,
        name: &PatientName,
    ) -> (PatientNumber, Option<(Actor, EntryBody)>) {
        if let Some(known) = self.known_patient(registry, name) {
            return (known, None);
        }
        let patient = registry.ensure_patient(&name.issuer, &name.id);
        (patient, Some((Actor::Warden, EntryBody::PatientAdded { patient })))
    }
}
