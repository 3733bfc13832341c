//! Signs that an account is shared or in other hands, as the officer is told them.

use model::{Coordinates, Evidence, Finding, Network, NetworkRule, Origin, Reaction, Role, Whose};
use protocol::{
    ApprovalRequest, Credential, Invalid, Level, PageReply, PageRequest, Refusal, Scope, SignInReply, SignInRequest,
};

use crate::browser::{self, Sent};
use crate::site::{Folder, PASSWORD, Site, soon};

/// The same session from another address.
fn from(credential: &Credential, address: &str) -> Credential {
    let Credential::Session { token, proof, .. } = credential else { panic!("a session") };
    Credential::Session { token: token.clone(), origin: Origin(address.into()), proof: proof.clone() }
}

async fn findings(site: &Site) -> Vec<Finding> {
    match site.ask(PageRequest::Findings).await {
        PageReply::Findings(rows) => rows.into_iter().map(|row| row.finding).collect(),
        other => panic!("{other:?}"),
    }
}

/// A try to sign in with a password from an address.
async fn tries(site: &Site, email: &str, password: &str, code: &str, address: &str) -> Result<Credential, Refusal> {
    let signer = dpop::Signer::generate();
    let sent = Sent::new("POST", "/api/sign-in/password", code.as_bytes());
    let proof = browser::sign(&signer, None, &sent, &site.nonce().await);
    let request = SignInRequest::Password {
        email: email.to_owned(),
        password: password.to_owned(),
        code: code.to_owned(),
        user_agent: "test".to_owned(),
        proof: Box::new(proof),
    };
    match site.front.sign_in(soon(), Origin(address.into()), request).await.unwrap()? {
        SignInReply::SignedIn { token, me } => Ok(browser::keep(&token, signer, me.session)),
        _ => panic!("not signed in"),
    }
}

/// A radiologist who reaches the whole site and eight studies of eight patients; two sessions and the codes that are left.
async fn radiologist(folder: &Folder, site: &Site) -> ([Credential; 2], Vec<String>) {
    let mut sender = folder.sender();
    for number in 1..=8 {
        site.hand_over(&[sender.image(&format!("P{number}"), &format!("1.2.{number}"), 1)]).await.unwrap();
    }
    let link = site.add_person("r@x.example", Role::Radiologist, None).await;
    let codes = site.enrol(&link).await;
    let one = site.password("r@x.example", &codes[0]).await.unwrap();
    let two = site.password("r@x.example", &codes[1]).await.unwrap();
    site.relate("person:r@x.example", "site", 3600).await;
    ([one, two], codes[2..].to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sessions_in_turns_from_two_networks_are_told_once_and_hold_nothing_back() {
    let folder = Folder::new();
    let site = folder.start().await;
    let (sessions, _) = radiologist(&folder, &site).await;
    let at_work = from(&sessions[0], "10.1.0.5");
    let elsewhere = from(&sessions[1], "203.0.113.9");
    for turn in 1..=8 {
        for session in [&at_work, &elsewhere] {
            let study = format!("1.2.{turn}");
            site.open(session, &study, Scope::Images).await.unwrap();
        }
    }
    // whoever reads next, or the next look of the house, takes the sign to the ledger
    site.list(&at_work, Level::Study).await.unwrap();
    let found = findings(&site).await;
    let [Finding { about: Whose::Person(_), reaction: Reaction::Noticed, evidence: Evidence::ParallelSessions(seen) }] =
        &found[..]
    else {
        panic!("{found:?}")
    };
    let mut origins = [&seen.one.origin.0[..], &seen.other.origin.0[..]];
    origins.sort_unstable();
    assert_eq!((origins, seen.returns), (["10.1.0.5", "203.0.113.9"], 6));
    assert_ne!(seen.one.session, seen.other.session);
    // both go on, and a restart tells nothing a second time
    site.stop().await;
    let site = folder.start().await;
    for (turn, session) in (1..=8).flat_map(|turn| [(turn, &at_work), (turn, &elsewhere)]) {
        site.open(session, &format!("1.2.{turn}"), Scope::Images).await.unwrap();
    }
    site.list(&at_work, Level::Study).await.unwrap();
    assert_eq!(findings(&site).await, found);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_beside_a_workstation_at_one_site_is_no_sign() {
    let folder = Folder::new();
    let site = folder.start().await;
    let (sessions, _) = radiologist(&folder, &site).await;
    let (workstation, phone) = (from(&sessions[0], "10.1.0.5"), from(&sessions[1], "10.1.200.31"));
    for turn in 1..=8 {
        let session = if turn % 3 == 0 { &phone } else { &workstation };
        site.open(session, &format!("1.2.{turn}"), Scope::Images).await.unwrap();
    }
    site.list(&workstation, Level::Study).await.unwrap();
    assert_eq!(findings(&site).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_from_an_address_that_tried_others_is_told() {
    let folder = Folder::new();
    let site = folder.start().await;
    let (_, codes) = radiologist(&folder, &site).await;
    for other in ["a@x.example", "b@x.example", "c@x.example"] {
        let link = site.add_person(other, Role::Referrer, None).await;
        site.enrol(&link).await;
    }
    // two colleagues who mistype are no sign
    for other in ["a@x.example", "b@x.example"] {
        assert!(tries(&site, other, "wrong horse 17 battery", "000000", "192.0.2.66").await.is_err());
    }
    tries(&site, "r@x.example", PASSWORD, &codes[0], "192.0.2.66").await.unwrap();
    assert_eq!(findings(&site).await, []);
    assert!(tries(&site, "c@x.example", "wrong horse 17 battery", "000000", "192.0.2.66").await.is_err());
    // from another address it is none either
    tries(&site, "r@x.example", PASSWORD, &codes[1], "192.0.2.67").await.unwrap();
    assert_eq!(findings(&site).await, []);
    tries(&site, "r@x.example", PASSWORD, &codes[2], "192.0.2.66").await.unwrap();
    let found = findings(&site).await;
    let [Finding { about: Whose::Person(_), reaction: Reaction::Noticed, evidence: Evidence::TriedOthers(tried) }] =
        &found[..]
    else {
        panic!("{found:?}")
    };
    assert_eq!((&tried.origin.0[..], tried.others, tried.unknown), ("192.0.2.66", 3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_at_two_places_of_the_site_within_minutes_is_told_and_networks_are_a_change_of_two() {
    let folder = Folder::new();
    let site = folder.start().await;
    let network = |name: &str, block: &str, latitude, longitude| Network {
        name: name.to_owned(),
        blocks: vec![block.to_owned()],
        at: Some(Coordinates { latitude, longitude }),
        utc_minutes: None,
    };
    let rule = NetworkRule {
        networks: vec![network("Berlin", "10.1.0.0/16", 5252, 1340), network("München", "10.2.0.0/16", 4814, 1158)],
    };
    let set = |rule| PageRequest::Approvals(ApprovalRequest::NetworkRule { rule });
    let broken = |change: fn(&mut Network)| {
        let mut rule = rule.clone();
        change(&mut rule.networks[1]);
        rule
    };
    for rule in [
        broken(|network| network.name = "berlin".to_owned()),
        broken(|network| network.name = String::new()),
        broken(|network| network.blocks.clear()),
        broken(|network| network.blocks[0] = "10.2.0.0/33".to_owned()),
        broken(|network| network.at = Some(Coordinates { latitude: 9_001, longitude: 0 })),
        broken(|network| network.utc_minutes = Some(15 * 60)),
    ] {
        assert!(matches!(site.ask_owner(set(rule)).await, Err(Refusal::Invalid(Invalid::Field { .. }))));
    }
    // the site is being set up: it is made at once
    assert!(matches!(site.ask(set(rule.clone())).await, PageReply::Done));
    let PageReply::Proposals(proposals) = site.ask(PageRequest::Approvals(ApprovalRequest::List { open: true })).await
    else {
        panic!("no proposals")
    };
    assert_eq!(proposals.networks, rule);
    let (sessions, _) = radiologist(&folder, &site).await;
    site.open(&from(&sessions[0], "10.1.0.5"), "1.2.1", Scope::Images).await.unwrap();
    site.open(&from(&sessions[1], "10.2.0.5"), "1.2.2", Scope::Images).await.unwrap();
    site.list(&sessions[0], Level::Study).await.unwrap();
    let found = findings(&site).await;
    let [Finding { reaction: Reaction::Noticed, evidence: Evidence::ImpossibleTravel(travel), .. }] = &found[..] else {
        panic!("{found:?}")
    };
    let places = (&travel.from.place[..], &travel.to.place[..]);
    assert_eq!((places, travel.kilometres, travel.minutes), (("Berlin", "München"), 503, 0));
}
