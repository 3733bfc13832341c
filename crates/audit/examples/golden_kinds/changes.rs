//! Changes that wait for two persons, each once, and how they end.

use model::{
    Actor, ApprovalRule, BreakGlassRule, Ceilings, Change, ColdRule, DeviceId, EntryBody, EntryNumber, Need,
    OrganisationId, PatientNumber, PersonId, ProposalEnd, Relationship, Role, Standing, Tier, UnsealMethodGone, What,
    Who, Whose,
};

use crate::guarding::{holders, unseal_methods};
use crate::story::{ADMINISTRATOR, OFFICER, RADIOLOGIST, Story, by, window};

/// Proposes every change; the last one is the erasure of `to_erase`, which is approved. Its number.
pub fn tell(story: &mut Story, to_erase: EntryNumber) -> EntryNumber {
    for change in people().into_iter().chain(rules_and_keys()).chain(machine()) {
        let exported = matches!(change, Change::ExportWindow { .. });
        let proposal = propose(story, change, Standing::TwoPersons);
        if exported {
            let (window, proposal) = (window(), Some(proposal));
            story.add(&Actor::Owner, EntryBody::WindowExported { window, proposal });
        }
    }
    let (rule, glass) = (ApprovalRule::default(), BreakGlassRule::default());
    for standing in [Standing::Setup, Standing::OnePerson] {
        let proposal = propose(story, Change::ApprovalRule { rule }, standing);
        story.add(&Actor::Warden, EntryBody::ApprovalRuleSet { rule });
        story.add(&Actor::Warden, EntryBody::BreakGlassRuleSet { rule: glass });
        story.add(&Actor::Warden, EntryBody::CarriedOut { proposal, standing });
    }
    for end in [ProposalEnd::Refused, ProposalEnd::Withdrawn, ProposalEnd::Expired, ProposalEnd::Overtaken] {
        let proposal = propose(story, Change::RotateKeys, Standing::TwoPersons);
        let reason = "not in this week".to_owned();
        story.add(&by(OFFICER), EntryBody::ProposalEnded { proposal, end, reason });
    }
    let reason = "it names somebody who is no patient".to_owned();
    let erasing = propose(story, Change::EraseEntry { entry: to_erase, reason }, Standing::TwoPersons);
    for evidence in [None, Some("{\"id\":\"q80\",\"type\":\"public-key\"}".to_owned())] {
        let (digest, earliest) = ("99".repeat(32), story.now());
        story.add(&by(OFFICER), EntryBody::Approved { proposal: erasing, digest, earliest, evidence });
    }
    erasing
}

fn propose(story: &mut Story, change: Change, standing: Standing) -> EntryNumber {
    let two = standing == Standing::TwoPersons;
    let delay_seconds = if change.is_delayed() { 86_400 } else { 0 };
    let need = Need { standing, approvals: u8::from(two), officer: two, delay_seconds };
    let (earliest, expires) = (story.now().plus_seconds(delay_seconds), story.now().plus_seconds(14 * 86_400));
    let proposed = Box::new(change);
    story.add(&by(ADMINISTRATOR), EntryBody::Proposed { proposed, need, earliest, expires })
}

fn people() -> Vec<Change> {
    let (person, entry) = (PersonId(2), EntryNumber(0));
    let relationship = Relationship {
        who: Who::Person(person),
        what: What::Site,
        tier: Tier::Open,
        window: window(),
        basis: "reads for the whole site".to_owned(),
        entry,
    };
    vec![
        Change::Role { person, from: Role::Referrer, to: Role::Radiologist },
        Change::AddPerson {
            email: "new@example.org".to_owned(),
            name: "Neu".to_owned(),
            role: Role::Officer,
            organisation: OrganisationId(0),
            password_and_code: false,
        },
        Change::Enrol { person },
        Change::ClosePerson { person: OFFICER },
        Change::Relate { relationship },
        Change::RaiseCeilings {
            about: Whose::Device(DeviceId(1)),
            from: Ceilings { opened_due: Some(10), ..Ceilings::default() },
            to: Ceilings { opened_due: Some(100), listed_other: Some(Ceilings::NO_LIMIT), ..Ceilings::default() },
        },
        Change::LiftBudget { about: Whose::Person(RADIOLOGIST), note: "on duty alone".to_owned() },
    ]
}

fn rules_and_keys() -> Vec<Change> {
    let rule = BreakGlassRule { seconds_max: 7200, review_seconds: 86_400 };
    vec![
        Change::ApprovalRule { rule: ApprovalRule { delay_seconds: 3600, setup_seconds: 0 } },
        Change::BreakGlassRule { rule },
        Change::Shred {
            patient: PatientNumber(1),
            studies: [2].into_iter().collect(),
            whole_patient: true,
            reason: "kept for long enough".to_owned(),
        },
        Change::RotateKeys,
        Change::ColdHolders { threshold: 2, holders: holders(), keys: vec!["aa".repeat(32); 3] },
        Change::ColdRule { rule: ColdRule::default() },
    ]
}

fn machine() -> Vec<Change> {
    let (url, path) = ("https://witness.example/golden/".to_owned(), "/mnt/second".to_owned());
    let gone =
        UnsealMethodGone { method: "a1".to_owned(), means: "passphrase".to_owned(), label: Some("old".to_owned()) };
    let vkeys = vec!["witness.example/golden+00000000+BA==".to_owned()];
    vec![
        Change::AddWitness { url: url.clone(), vkeys },
        Change::RemoveWitness { url },
        Change::AddSink { path: path.clone() },
        Change::RemoveSink { path },
        Change::ExportWindow { window: window() },
        Change::Unseal {
            added: unseal_methods(),
            removed: vec![gone.clone()],
            envelope: "bb".repeat(32),
            based_on: "cc".repeat(32),
        },
        Change::NewRoot { removed: vec![gone], based_on: "dd".repeat(32) },
    ]
}
