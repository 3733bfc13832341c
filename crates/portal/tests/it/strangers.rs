//! Every route in the table, as somebody who holds nothing.

use portal::routes::{ROUTES, Route};

use crate::harness::{Answer, As, Front, start};
use crate::requests::{Names, body, content_type, path};

const STUDY: &str = "1.2.3";

/// As the pages send it, so that nothing but the missing credential is wrong.
async fn send(front: &Front, route: &Route, who: As) -> Answer {
    let origin = front.origin().to_owned();
    let fields = [
        ("content-type", content_type(route)),
        ("x-leadglass", "1"),
        ("sec-fetch-site", "same-origin"),
        ("origin", origin.as_str()),
    ];
    front.send(route.method.as_str(), &path(route, &Names::default()), who, &fields, body(route).to_string()).await
}

#[tokio::test]
async fn every_route_that_is_not_open_refuses_a_stranger() {
    let front = start().await;
    let mut refused = 0;
    for route in ROUTES {
        let answer = send(&front, route, As::Stranger).await;
        if policy::is_open_to_strangers(route.service) {
            assert_ne!(answer.status, 404, "{} {} is there", route.method, route.path);
            continue;
        }
        assert_eq!(answer.status, 401, "{} {}: {}", route.method, route.path, answer.text());
        assert!(answer.headers.contains_key("www-authenticate"), "{}", route.path);
        assert!(answer.json()["error"].is_string() && answer.json()["hint"].is_string(), "{}", route.path);
        refused += 1;
    }
    assert!(refused >= 40, "{refused} routes are not open");
}

#[tokio::test]
async fn every_route_that_is_not_open_asks_the_warden() {
    let front = start().await;
    front.double.asked();
    for route in ROUTES.iter().filter(|route| !policy::is_open_to_strangers(route.service)) {
        // a device list that the warden signed decides who stores and who tells orders; a sign-out without a session has nothing to ask
        let by_list = matches!(route.service, policy::Service::Store | policy::Service::Orders);
        if by_list || route.path == "/api/sign-out" {
            continue;
        }
        send(&front, route, As::Stranger).await;
        let asked = front.double.asked();
        assert_eq!(asked.len(), 1, "{} {}: {asked:?}", route.method, route.path);
        assert_eq!(asked[0].1, "stranger", "{} {}", route.method, route.path);
    }
}

#[tokio::test]
async fn what_is_open_to_strangers_stands_by_name() {
    let open: Vec<_> = ROUTES
        .iter()
        .filter(|route| policy::is_open_to_strangers(route.service))
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    assert_eq!(
        open,
        [
            "GET /api/health",
            "GET /api/openapi.json",
            "POST /api/sign-in/passkey/begin",
            "POST /api/sign-in/passkey/finish",
            "POST /api/sign-in/password",
            "POST /api/enrolment/look",
            "POST /api/enrolment/passkey/begin",
            "POST /api/enrolment/passkey/finish",
            "POST /api/enrolment/password/estimate",
            "POST /api/enrolment/password/begin",
            "POST /api/enrolment/password/finish",
            "POST /api/link/open",
        ]
    );
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let front = start().await;
    let expected = [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ];
    let mut answers = Vec::new();
    for route in ROUTES {
        answers.push((route.path.to_owned(), send(&front, route, As::Stranger).await));
        answers.push((route.path.to_owned(), send(&front, route, As::Radiologist).await));
    }
    for path in ["/api/nothing", "/dicom-web/nothing", "/missing.js", "/dicom-web/studies/x/metadata"] {
        answers.push((path.to_owned(), front.get(path, As::Stranger).await));
    }
    answers.push(("PUT".into(), front.send("PUT", "/api/session", As::Workstation, &[], "").await));
    answers.push(("long".into(), front.get(&format!("/{}", "x".repeat(9000)), As::Stranger).await));
    for (path, answer) in answers {
        for (name, value) in expected {
            assert_eq!(answer.field(name), value, "{name} of {path}, {}", answer.status);
        }
        let policy = answer.field("content-security-policy");
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe-inline"), "{path}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{path}");
        assert!(!answer.headers.contains_key("server"), "{path}");
    }
}

#[tokio::test]
async fn a_person_without_reach_gets_no_list_and_no_image() {
    let front = start().await;
    front.store(&[crate::dicom::image(STUDY, 1, 1)]).await;
    for route in ROUTES.iter().filter(|route| route.path.starts_with("/dicom-web/")) {
        let answer = send(&front, route, As::Administrator).await;
        let unbounded = route.path == "/dicom-web/instances";
        assert_eq!(answer.status, if unbounded { 400 } else { 403 }, "{} {}", route.method, route.path);
        assert!(!answer.text().contains("Doe"), "{}", route.path);
    }
}

#[tokio::test]
async fn a_device_that_only_stores_reads_nothing() {
    let front = start().await;
    front.store(&[crate::dicom::image(STUDY, 1, 1)]).await;
    for route in ROUTES.iter().filter(|route| route.path.starts_with("/dicom-web/") && route.method == "GET") {
        let answer = send(&front, route, As::Modality).await;
        assert!(matches!(answer.status, 400 | 403), "{} {}: {}", route.method, route.path, answer.status);
    }
    let (content_type, body) = crate::harness::multipart(&[crate::dicom::image(STUDY, 1, 2).to_bytes()]);
    let stored = front.post_dicom("/dicom-web/studies", As::Workstation, &content_type, body).await;
    assert_eq!(stored.status, 403, "a device that only reads stores nothing");
}

#[tokio::test]
async fn while_the_warden_is_away_reading_says_that_it_waits_and_storing_goes_on() {
    let front = start().await;
    front.store(&[crate::dicom::image(STUDY, 1, 1)]).await;
    front.double.answer_with(Some(protocol::Refusal::WardenAway));
    for path in ["/dicom-web/studies", "/dicom-web/studies/1.2.9/metadata", "/api/studies", "/api/session"] {
        let answer = front.get(path, As::Radiologist).await;
        assert_eq!(answer.status, 503, "{path}");
        assert!(answer.headers.contains_key("retry-after"), "{path}");
        assert!(answer.json()["error"].as_str().unwrap().contains("waits for the warden"), "{path}");
    }
    let (content_type, body) = crate::harness::multipart(&[crate::dicom::image(STUDY, 1, 2).to_bytes()]);
    let stored = front.post_dicom("/dicom-web/studies", As::Modality, &content_type, body).await;
    assert_eq!(stored.status, 200, "{}", stored.text());
    let health = front.get("/api/health", As::Stranger).await;
    assert_eq!(health.json(), serde_json::json!({"front": "ok", "warden": "away"}));
}
