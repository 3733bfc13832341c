//! What the pages do, and what other pages may not.

use serde_json::json;

use crate::dicom::{Image, image};
use crate::double::{PASSWORD, RADIOLOGIST};
use crate::harness::{As, Front, start};

#[tokio::test]
async fn a_person_signs_in_and_out() {
    let front = start().await;
    let begun =
        front.post_json("/api/sign-in/passkey/begin", As::Stranger, &json!({ "key": front.signer.thumbprint() })).await;
    let expected = json!({"ceremony": "ceremony", "options": {"publicKey": {"challenge": "AAAA"}}, "nonce": "BBBB"});
    assert_eq!(begun.json(), expected);

    let body = json!({"email": "radiologist@example.org", "password": PASSWORD, "code": "123456"});
    let signed_in = front.post_json("/api/sign-in/password", As::Stranger, &body).await;
    assert_eq!(signed_in.status, 200);
    assert_eq!(signed_in.json()["session"], "ab".repeat(16));
    assert_eq!(signed_in.json()["role"], "radiologist");
    let cookie = signed_in.field("set-cookie");
    assert_eq!(cookie, format!("__Host-leadglass={RADIOLOGIST}; Path=/; Secure; HttpOnly; SameSite=Strict"));

    let me = front.get("/api/session", As::Radiologist).await;
    assert_eq!((me.status, me.json()["name"].as_str()), (200, Some("Dr. Example")));

    let signed_out = front.post_json("/api/sign-out", As::Radiologist, &json!({})).await;
    assert_eq!(signed_out.status, 204);
    assert!(signed_out.field("set-cookie").contains("Max-Age=0"));
}

#[tokio::test]
async fn a_failed_sign_in_tells_nothing_and_sets_nothing() {
    let front = start().await;
    for body in [
        json!({"email": "nobody@example.org", "password": PASSWORD, "code": "000000"}),
        json!({"email": "radiologist@example.org", "password": "wrong", "code": "123456"}),
    ] {
        let refused = front.post_json("/api/sign-in/password", As::Stranger, &body).await;
        assert_eq!(refused.status, 401);
        assert!(!refused.headers.contains_key("set-cookie"));
        assert!(!refused.text().contains("example.org") && !refused.text().contains("wrong"));
    }
}

#[tokio::test]
async fn sessions_are_listed_with_identifiers_as_digits_and_ended() {
    let front = start().await;
    let sessions = front.get("/api/sessions", As::Radiologist).await.json();
    assert_eq!(sessions[0]["session"], "ab".repeat(16));
    let ended =
        front.as_pages_do("DELETE", &format!("/api/sessions/{}", "ab".repeat(16)), As::Radiologist, &json!({})).await;
    assert_eq!(ended.status, 204);
    for odd in ["x", "abab", &"zz".repeat(16)] {
        let refused = front.as_pages_do("DELETE", &format!("/api/sessions/{odd}"), As::Radiologist, &json!({})).await;
        assert_eq!(refused.status, 400, "{odd}");
    }
}

/// Sends what changes something, with these header fields, and says the status.
async fn forged(front: &Front, path: &str, who: As, fields: &[(&str, &str)]) -> u16 {
    let fields: Vec<_> = fields.iter().copied().chain([("content-type", "application/json")]).collect();
    front.send("POST", path, who, &fields, "{}").await.status
}

#[tokio::test]
async fn another_site_cannot_act_for_a_person() {
    let front = start().await;
    let own = front.origin().to_owned();
    let other = format!("{own}.evil.example");
    for path in ["/api/sign-out", "/api/people", "/api/studies/1.2.3/move", "/api/sign-in/passkey/begin"] {
        for who in [As::Radiologist, As::Administrator, As::Stranger] {
            for fields in [
                &[][..],
                &[("x-leadglass", "1")],
                &[("origin", own.as_str())],
                &[("sec-fetch-site", "same-origin")],
                &[("x-leadglass", "1"), ("origin", "null")],
                &[("x-leadglass", "1"), ("origin", "https://evil.example")],
                &[("x-leadglass", "1"), ("origin", other.as_str())],
                &[("x-leadglass", "1"), ("sec-fetch-site", "cross-site")],
                &[("x-leadglass", "1"), ("sec-fetch-site", "same-site"), ("origin", own.as_str())],
                &[("x-leadglass", "1"), ("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")],
                &[("x-leadglass", "yes"), ("sec-fetch-site", "same-origin"), ("origin", own.as_str())],
            ] {
                assert_eq!(forged(&front, path, who, fields).await, 403, "{path} {who:?} {fields:?}");
            }
        }
    }
    assert!(front.double.asked().is_empty(), "the warden heard of none of them");
    let fields = [("x-leadglass", "1"), ("sec-fetch-site", "same-origin"), ("origin", own.as_str())];
    assert_eq!(forged(&front, "/api/sign-out", As::Radiologist, &fields).await, 204);
}

#[tokio::test]
async fn a_form_of_another_site_cannot_store_with_a_persons_cookie() {
    let front = start().await;
    let (content_type, body) = crate::harness::multipart(&[image("1.2.3", 1, 1).to_bytes()]);
    let answer = front.post_dicom("/dicom-web/studies", As::Radiologist, &content_type, body).await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn a_token_of_a_device_needs_no_page() {
    let front = start().await;
    // the double lets no device ask; what counts is that the request is not taken for another site's
    let fields = [("content-type", "application/json")];
    let answer = front.send("POST", "/api/sign-out", As::Workstation, &fields, "{}").await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn names_out_of_data_sets_stay_text() {
    let front = start().await;
    let name = "<script>alert(1)</script>^\"onerror=\"x' --";
    front.store(&[Image { name: name.into(), ..image("1.2.3", 1, 1) }]).await;
    let list = front.get("/api/studies", As::Radiologist).await;
    assert_eq!(list.field("content-type"), "application/json");
    assert_eq!(list.field("x-content-type-options"), "nosniff");
    assert_eq!(list.json()["studies"][0]["patient"]["name"], name);
    let found = front.get("/dicom-web/studies", As::Radiologist).await;
    assert_eq!(found.field("content-type"), "application/dicom+json");
    let value = &found.json()[0]["00100010"]["Value"][0];
    assert_eq!(value["Alphabetic"], "<script>alert(1)</script>^\"onerror");
    assert_eq!(value["Ideographic"], "\"x' --");
}

#[tokio::test]
async fn nothing_of_a_request_comes_back_in_an_error() {
    let front = start().await;
    let canary = "<b>canary";
    let encoded = "%3Cb%3Ecanary";
    for path in [
        format!("/api/nothing/{encoded}"),
        format!("/dicom-web/{encoded}"),
        format!("/dicom-web/studies/{encoded}/metadata"),
        format!("/dicom-web/studies?limit={encoded}"),
        format!("/dicom-web/studies/1.2.3/series/1/instances/1/frames/{encoded}"),
        format!("/api/exposure?who={encoded}"),
        format!("/api/studies?order={encoded}"),
    ] {
        let answer = front.get(&path, As::Radiologist).await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
        assert!(!answer.text().contains("canary"), "{path}: {}", answer.text());
        assert!(answer.headers.values().all(|value| !value.to_str().unwrap_or_default().contains("canary")), "{path}");
    }
    let body = json!({"email": canary, "password": canary});
    let answer = front.post_json("/api/sign-in/password", As::Stranger, &body).await;
    assert_eq!(answer.status, 400);
    assert!(!answer.text().contains("canary"));
}

#[tokio::test]
async fn one_study_comes_with_its_series_and_priors() {
    let front = start().await;
    front
        .store(&[
            image("1.2.3", 1, 1),
            image("1.2.3", 2, 1),
            Image { date: "20200101".into(), ..image("1.2.4", 1, 1) },
            Image { patient_id: "P2".into(), ..image("1.2.5", 1, 1) },
        ])
        .await;
    let one = front.get("/api/studies/1.2.3", As::Radiologist).await.json();
    assert_eq!(one["study"]["uid"], "1.2.3");
    assert_eq!(one["series"].as_array().unwrap().len(), 2);
    assert!(one["series"][0].get("study").is_none());
    assert_eq!(front.get("/api/studies/1.2.99", As::Radiologist).await.status, 404);
    let number = one["study"]["number"].as_u64().unwrap();
    let by_number = front.get(&format!("/api/studies/number/{number}"), As::Radiologist).await.json();
    assert_eq!(by_number["study"], one["study"]);
    let administrators = front.get(&format!("/api/studies/number/{number}"), As::Administrator).await;
    assert_eq!(administrators.status, 403, "a number gives no reach");
    assert_eq!(front.get("/api/studies/number/99", As::Radiologist).await.status, 404);
    assert_eq!(front.get("/api/studies/number/x", As::Radiologist).await.status, 400);
    let body = json!({"patient": "SITE/P9", "reason": "mixed up"});
    let moved = front.post_json(&format!("/api/studies/number/{number}/move"), As::Administrator, &body).await;
    assert_eq!(moved.status, 204);
    assert_eq!(front.get("/api/studies?words=doe&limit=0", As::Radiologist).await.status, 400);
    let found = front.get("/api/studies?words=doe&limit=2", As::Radiologist).await.json();
    assert_eq!((found["studies"].as_array().unwrap().len(), &found["more"]), (2, &json!(true)));
}

#[tokio::test]
async fn the_officer_reads_entries_the_checkpoint_and_exposure() {
    let front = start().await;
    let entries = front.get("/api/ledger/entries?from=7&limit=10", As::Administrator).await.json();
    assert_eq!(entries["entries"][0]["number"], 7);
    assert_eq!(entries["entries"][0]["entry"]["kind"], "patient-added");
    assert_eq!(entries["entries"][0]["entry"]["actor"]["person"]["session"], "ab".repeat(16));
    let note = front.get("/api/ledger/checkpoint", As::Administrator).await;
    assert_eq!((note.field("content-type"), note.text().as_str()), ("text/plain; charset=utf-8", "origin\n0\n"));
    let report = front.get("/api/exposure?who=person:a%40b&from=1&to=2", As::Administrator).await.json();
    assert_eq!(report["who"], "person:a@b");
    for query in ["", "?who=a", "?who=a&from=x&to=2", "?who=a&from=-1&to=2"] {
        assert_eq!(front.get(&format!("/api/exposure{query}"), As::Administrator).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn bodies_out_of_shape_are_refused() {
    let front = start().await;
    let own = front.origin().to_owned();
    let send = async |content_type: &str, body: String| {
        let fields = [("content-type", content_type), ("x-leadglass", "1"), ("origin", own.as_str())];
        front.send("POST", "/api/people", As::Administrator, &fields, body).await.status
    };
    let good = json!({"email": "a@example.org", "name": "A", "role": "referrer", "organisation": "O"}).to_string();
    assert_eq!(send("application/json", good.clone()).await, 200);
    assert_eq!(send("application/json; charset=utf-8", good.clone()).await, 200);
    assert_eq!(send("text/plain", good.clone()).await, 415);
    assert_eq!(send("application/x-www-form-urlencoded", good.clone()).await, 415);
    assert_eq!(send("", good.clone()).await, 415);
    assert_eq!(send("application/json", good.replace("referrer", "owner")).await, 400);
    assert_eq!(send("application/json", "{".into()).await, 400);
    assert_eq!(send("application/json", "[".repeat(50_000)).await, 400);
    assert_eq!(send("application/json", " ".repeat(70_000) + &good).await, 413);
}
