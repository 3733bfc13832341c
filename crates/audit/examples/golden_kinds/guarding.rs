//! How the site is guarded: ways to unseal, fronts, witnesses, second folders, cold studies, keys, budgets.

use model::{
    Actor, Ceilings, ColdHolder, ColdRule, DeviceId, EntryBody, EntryNumber, EscrowDrilled, Evidence, Finding,
    HolderKind, KeyId, LossAccepted, Measure, NumberSet, OrganisationId, PatientNumber, Priors, Reaction, RootRenewed,
    ShareSetAdded, Span, StudyNumber, UnsealMethodAdded, UnsealMethodGone, UnsealMethodRenamed, Volume, Warmed,
    WarmingBasis, Whose,
};

use crate::story::{ADMINISTRATOR, OFFICER, RADIOLOGIST, REFERRER, Story, by, window};

pub fn tell(story: &mut Story) {
    unsealing(story);
    machines(story);
    cold(story);
    keys(story);
    let request = warming(story);
    findings(story, request);
    budgets(story);
}

pub fn unseal_methods() -> Vec<UnsealMethodAdded> {
    let shares = ShareSetAdded {
        set: "c0ffee00".to_owned(),
        threshold: 2,
        holders: vec!["A".to_owned(), "Ö".to_owned(), "C".to_owned()],
        keys: vec!["11".repeat(32), "22".repeat(32), "33".repeat(32)],
    };
    let method = |method: &str, means: &str| UnsealMethodAdded {
        method: method.to_owned(),
        means: means.to_owned(),
        label: None,
        keeper: None,
        shares: None,
    };
    vec![
        method("a1", "passphrase"),
        UnsealMethodAdded { shares: Some(shares), label: Some("escrow".to_owned()), ..method("a2", "shares") },
        UnsealMethodAdded { keeper: Some("tang".to_owned()), ..method("a3", "command") },
    ]
}

fn unsealing(story: &mut Story) {
    for added in unseal_methods() {
        story.add(&Actor::Owner, EntryBody::UnsealMethodAdded(Box::new(added)));
    }
    let (method, means) = ("a1".to_owned(), "passphrase".to_owned());
    story.add(&Actor::Owner, EntryBody::UnsealMethodRemoved { method, means });
    let drilled = EscrowDrilled {
        method: "a2".to_owned(),
        set: "c0ffee00".to_owned(),
        threshold: 2,
        proven: vec![1, 3],
        challenge: "44".repeat(32),
        signatures: vec!["55".repeat(64), "66".repeat(64)],
    };
    story.add(&Actor::Owner, EntryBody::EscrowDrilled(Box::new(drilled)));
    let renewed = RootRenewed {
        proposal: EntryNumber(7),
        root: 2,
        stayed: vec![UnsealMethodRenamed { before: "a3".to_owned(), method: "b1".to_owned() }],
        removed: vec![UnsealMethodGone {
            method: "a2".to_owned(),
            means: "shares".to_owned(),
            label: Some("escrow".to_owned()),
        }],
    };
    story.add(&Actor::Owner, EntryBody::RootRenewed(Box::new(renewed)));
}

fn machines(story: &mut Story) {
    let pin = "77".repeat(32);
    story.add(&Actor::Owner, EntryBody::FrontIntroduced { pin: pin.clone(), name: "front in the DMZ".to_owned() });
    story.add(&Actor::Owner, EntryBody::FrontForgotten { pin });
    let (url, path) = ("https://witness.example/golden/".to_owned(), "/mnt/second".to_owned());
    let vkeys = vec!["witness.example/golden+00000000+BA==".to_owned()];
    story.add(&Actor::Owner, EntryBody::WitnessAdded { url: url.clone(), vkeys });
    story.add(&Actor::Owner, EntryBody::WitnessRemoved { url: url.clone() });
    story.add(&Actor::Owner, EntryBody::SinkAdded { path: path.clone() });
    story.add(&Actor::Owner, EntryBody::SinkRemoved { path });
    let accepted = LossAccepted {
        shown_by: url,
        shown_size: 200,
        shown_root: "88".repeat(32),
        kept: 120,
        origin: "leadglass/90ade4020000000000000000000000ff/2".to_owned(),
        reason: "the disk died before it was copied".to_owned(),
    };
    story.add(&Actor::Owner, EntryBody::LossAccepted(Box::new(accepted)));
    // as versions wrote it before exports waited for two persons
    story.add(&Actor::Owner, EntryBody::WindowExported { window: window(), proposal: None });
}

pub fn holders() -> Vec<ColdHolder> {
    let kinds = [("A", HolderKind::Sharing), ("on call", HolderKind::Emergency), ("priors", HolderKind::Service)];
    let holder = |(number, (name, kind)): (u8, (&str, HolderKind))| ColdHolder {
        key: KeyId([number; 16]),
        name: name.to_owned(),
        kind,
    };
    (0xc0..).zip(kinds).map(holder).collect()
}

fn studies() -> NumberSet {
    [1, 2].into_iter().collect()
}

fn cold(story: &mut Story) {
    let (generation, threshold) = (1, 2);
    story.add(&Actor::Owner, EntryBody::ColdHoldersSet { generation, threshold, holders: holders() });
    for priors in [Priors::All, Priors::None, Priors::Years(5)] {
        let rule = ColdRule { priors, ..ColdRule::default() };
        story.add(&by(ADMINISTRATOR), EntryBody::ColdRuleSet { rule });
    }
    story.add(&Actor::Warden, EntryBody::WentCold { studies: studies(), generation });
}

/// The number of the emergency's request.
fn warming(story: &mut Story) -> EntryNumber {
    let patient = PatientNumber(1);
    let mut last = EntryNumber(0);
    for (basis, emergency) in
        [(WarmingBasis::Request, false), (WarmingBasis::Order, false), (WarmingBasis::Emergency, true)]
    {
        let (reason, until) = ("compared with the new study".to_owned(), story.now().plus_seconds(86_400));
        let asked = EntryBody::WarmingRequested { patient, studies: studies(), basis, reason, until };
        let request = story.add(&by(RADIOLOGIST), asked);
        let by_whom: Vec<KeyId> =
            if emergency { vec![KeyId([0xc1; 16])] } else { vec![KeyId([0xc0; 16]), KeyId([0xc2; 16])] };
        for holder in &by_whom {
            story.add(&Actor::Warden, EntryBody::WarmingApproved { request, holder: *holder });
        }
        let warmed = EntryBody::Warmed(Warmed { request, patient, studies: studies(), until, by: by_whom, emergency });
        story.add(&Actor::Warden, warmed);
        story.add(&Actor::Warden, EntryBody::WarmingEnded { request, studies: studies() });
        last = request;
    }
    for holder in [None, Some(KeyId([0xc0; 16]))] {
        story.add(&Actor::Warden, EntryBody::WarmingWithdrawn { request: last, holder });
    }
    last
}

fn keys(story: &mut Story) {
    story.add(&Actor::Owner, EntryBody::SnapshotTaken { epoch: 1 });
    let (patient, study, reason) = (PatientNumber(1), StudyNumber(2), "kept for long enough".to_owned());
    story.add(&Actor::Owner, EntryBody::Shredded { patient, study, keys: 1, reason });
    story.add(&Actor::Owner, EntryBody::KeysRotated { epoch: 2, destroyed: vec![0, 1], keys: 4 });
}

fn findings(story: &mut Story, request: EntryNumber) {
    let whose =
        [Whose::Person(RADIOLOGIST), Whose::Organisation(OrganisationId(0)), Whose::Device(DeviceId(1)), Whose::Site];
    let reactions = [Reaction::Noticed, Reaction::Slowed, Reaction::Touch, Reaction::Stopped];
    for (((about, reaction), measure), span) in whose.into_iter().zip(reactions).zip(Measure::ALL).zip(Span::ALL) {
        let evidence = Evidence::Volume(Volume {
            measure,
            span,
            patients: 90,
            weight: 120,
            normal: 40,
            limit: 100,
            unusual_hours: 12,
            in_sequence: 18,
            sessions: 3,
        });
        raise(story, about, reaction, evidence);
    }
    let (patient, site) = (PatientNumber(2), Whose::Site);
    for opened in [false, true] {
        raise(story, Whose::Person(RADIOLOGIST), Reaction::Stopped, Evidence::Honey { patient, opened });
    }
    let peers = Evidence::BeyondPeers { measure: Measure::OpenedOther, normal: 900, peers: 30 };
    raise(story, Whose::Person(REFERRER), Reaction::Noticed, peers);
    raise(story, site, Reaction::Noticed, Evidence::Intake { patients: 900, high: 300 });
    raise(story, Whose::Person(ADMINISTRATOR), Reaction::Noticed, Evidence::Related { patients: 140, limit: 100 });
    let holder = KeyId([0xc1; 16]);
    let warming = Evidence::EmergencyWarming { patient: PatientNumber(1), studies: 2, request, holder };
    let finding = raise(story, Whose::Person(RADIOLOGIST), Reaction::Noticed, warming);
    let note = "the night duty confirms it".to_owned();
    story.add(&by(OFFICER), EntryBody::FindingAcknowledged { finding, note });
}

fn raise(story: &mut Story, about: Whose, reaction: Reaction, evidence: Evidence) -> EntryNumber {
    story.add(&Actor::Warden, EntryBody::FindingRaised { finding: Finding { about, reaction, evidence } })
}

fn budgets(story: &mut Story) {
    let note = "a tumour board".to_owned();
    story.add(&by(OFFICER), EntryBody::BudgetLifted { about: Whose::Person(RADIOLOGIST), note });
    let by_hand = Ceilings { opened_other: Some(20), listed_due: Some(Ceilings::NO_LIMIT), ..Ceilings::default() };
    for ceilings in [by_hand, Ceilings::default()] {
        story.add(&by(OFFICER), EntryBody::BudgetSet { about: Whose::Device(DeviceId(1)), ceilings });
    }
}
