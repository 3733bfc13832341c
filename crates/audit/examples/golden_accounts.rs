//! Writes the ledger of `testdata/ledger/v3-accounts`: what came with ends of accounts, delegates, lost authenticators and rules
//! about authenticators.
//!
//! `cargo run -p audit --example golden_accounts -- FOLDER`. What is in `testdata` stays as it is. Keys, times and entries are fixed;
//! nonces and salts are random in each run.

mod story;

use std::error::Error;

use model::{
    AccountEnds, Actor, Assurance, AuthenticatorRule, AuthenticatorsSet, Change, DelegateSet, EntryBody, Instant, Need,
    OrganisationId, PasswordUntil, PersonId, ProfessionalId, ProfessionalIdSet, ResetVouched, SECOND, SiteId, Standing,
};

/// The site of the first version's golden ledgers, with another number.
const SITE: SiteId = SiteId(*b"\x90\xad\xe4\x03\0\0\0\0\0\0\0\0\0\0\0\xff");
/// 2026-11-24T16:00:00Z.
const START: Instant = Instant(1_795_536_000 * SECOND);

fn bodies() -> Vec<EntryBody> {
    let (person, organisation, until) = (PersonId(3), OrganisationId(1), START.plus_seconds(86_400));
    let strict = AuthenticatorRule {
        password_until: None,
        device_bound: true,
        assurance: Some(Assurance::Aal3),
        makers: vec!["-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n".to_owned()],
        models: vec!["00000000-0000-0000-0000-0000000000a1".to_owned()],
    };
    let loose = AuthenticatorRule {
        password_until: Some(until),
        assurance: Some(Assurance::Aal2),
        ..AuthenticatorRule::default()
    };
    let need = Need { standing: Standing::TwoPersons, approvals: 1, officer: true, delay_seconds: 86_400 };
    let propose = |change| EntryBody::Proposed { proposed: Box::new(change), need, earliest: until, expires: until };
    let id = ProfessionalId { issuer: "KV Süd".to_owned(), id: "123456701".to_owned() };
    vec![
        EntryBody::Initialised { site: SITE, name: "Praxis \"Am Fluss\"".to_owned() },
        EntryBody::AuthenticatorsSet(Box::new(AuthenticatorsSet { organisation, rule: loose.clone() })),
        EntryBody::AuthenticatorsSet(Box::new(AuthenticatorsSet { organisation, rule: strict.clone() })),
        EntryBody::PasswordUntil(PasswordUntil { person, until }),
        EntryBody::DelegateSet(DelegateSet { person, organisation, delegate: true }),
        EntryBody::DelegateSet(DelegateSet { person, organisation, delegate: false }),
        EntryBody::AccountEnds(AccountEnds { person, until: Some(until) }),
        EntryBody::AccountEnds(AccountEnds { person, until: None }),
        EntryBody::AccountLapsed { person },
        EntryBody::ResetVouched(ResetVouched { person, until }),
        EntryBody::ProfessionalIdSet(ProfessionalIdSet { person, professional_id: Some(id) }),
        EntryBody::ProfessionalIdSet(ProfessionalIdSet { person, professional_id: None }),
        propose(Change::Join { person, organisation }),
        propose(Change::Authenticators { organisation, from: strict, to: loose }),
    ]
}

fn main() -> Result<(), Box<dyn Error>> {
    story::write(SITE, START, 60, bodies().into_iter().map(|body| (Actor::Owner, body)))
}
