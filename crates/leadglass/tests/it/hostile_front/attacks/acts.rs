//! What takes a fresh touch: tried with everything that a front holds, and with browsers that sign whatever it wants. And ending
//! somebody's session, which takes none.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{EmergencyReason, EntryNumber, Instant, Role};
use protocol::{
    ApprovalRequest, AskForCold, BreakGlassRequest, ColdAsk, Emergency, PageReply, PageRequest, Refusal, act_of,
};
use serde_json::{Value, json};

use super::{Front, Signed, session, signed_of};
use crate::authenticator::Authenticator;

/// Something that somebody may do, as a page asks for it.
#[derive(Clone)]
pub(super) struct Act {
    /// What the ledger calls an attempt that was refused.
    action: &'static str,
    pub(super) method: &'static str,
    pub(super) path: String,
    body: Value,
    pub(super) request: PageRequest,
}

impl Act {
    /// The body as a page sends it; a `DELETE` has none.
    fn plain_body(&self) -> String {
        if self.method == "DELETE" { String::new() } else { self.body.to_string() }
    }

    /// The body with a touch in it.
    pub(super) fn body_with(&self, touch: &Value) -> String {
        let mut body = self.body.clone();
        body["fresh"] = touch.clone();
        body.to_string()
    }

    /// Reaches a patient whom a present person does not reach, exactly named.
    pub(super) fn break_glass(waiting: &Value) -> Self {
        let emergency = Emergency {
            patient_id: text(waiting, "patient"),
            birth_date: text(waiting, "birth_date"),
            accession_number: String::new(),
            issuer: None,
            reason: EmergencyReason::LifeThreatening,
            text: "brought in unconscious".to_owned(),
            seconds: 3_600,
        };
        let body = serde_json::to_value(&emergency).unwrap();
        let request = PageRequest::BreakGlass(BreakGlassRequest::Use(emergency));
        Self { action: "break-glass", method: "POST", path: "/api/break-glass".to_owned(), body, request }
    }
}

/// Everything that is tried. `until` is when what is cold would go cold again.
fn acts(waiting: &Value, until: Instant) -> Vec<Act> {
    let number = |name: &str| EntryNumber(waiting[name].as_u64().unwrap());
    let post = |action: &'static str, path: String, body: Value, request: PageRequest| Act {
        action,
        method: "POST",
        path,
        body,
        request,
    };
    let (study, friend) = (text(waiting, "cold_study"), text(waiting, "friend"));
    let (request, proposal) = (number("request"), number("proposal"));
    let (of_request, of_proposal) = (text(waiting, "request_digest"), text(waiting, "proposal_digest"));
    let (reason, reason_again) = ("comparison".to_owned(), "not needed".to_owned());
    let ask = AskForCold { whom: format!("study:{study}"), reason: reason.clone(), until, emergency: true };
    let by_role = ApprovalRequest::Role { email: friend.clone(), role: Role::OfficerAdministrator };
    let session = waiting["session"].as_str().unwrap();
    let to_end = PageRequest::EndSession { session: session.parse().unwrap() };
    vec![
        Act::break_glass(waiting),
        post(
            "ask-for-cold",
            format!("/api/studies/{study}/cold"),
            json!({ "reason": reason, "until": until, "emergency": true }),
            PageRequest::Cold(ColdAsk::Ask(ask)),
        ),
        post(
            "cold",
            format!("/api/cold/{request}/approve"),
            json!({ "digest": of_request }),
            PageRequest::Cold(ColdAsk::Endorse { request, digest: of_request.clone() }),
        ),
        post(
            "cold",
            format!("/api/cold/{request}/refuse"),
            json!({ "digest": of_request, "reason": reason_again }),
            PageRequest::Cold(ColdAsk::Refuse { request, digest: of_request, reason: reason_again.clone() }),
        ),
        post(
            "approvals",
            format!("/api/approvals/{proposal}/approve"),
            json!({ "digest": of_proposal }),
            PageRequest::Approvals(ApprovalRequest::Approve { proposal, digest: of_proposal }),
        ),
        post(
            "approvals",
            format!("/api/approvals/{proposal}/refuse"),
            json!({ "reason": reason_again }),
            PageRequest::Approvals(ApprovalRequest::Refuse { proposal, reason: reason_again }),
        ),
        post(
            "approvals",
            format!("/api/approvals/{proposal}/withdraw"),
            json!({}),
            PageRequest::Approvals(ApprovalRequest::Withdraw { proposal }),
        ),
        post(
            "approvals",
            "/api/approvals/role".to_owned(),
            json!({ "email": friend, "role": Role::OfficerAdministrator }),
            PageRequest::Approvals(by_role),
        ),
        post("sessions", "/api/fresh/still-here".to_owned(), json!({}), PageRequest::StillHere),
        Act {
            action: "sessions",
            method: "DELETE",
            path: format!("/api/sessions/{session}"),
            body: json!({}),
            request: to_end,
        },
    ]
}

impl Front {
    /// Each act with each absent person's cookie: without a proof, with those that went through, as they are and for this act, with
    /// one of the front's own key, and with a touch that it made itself.
    pub(super) async fn acts_of_absent_people(&mut self, results: &mut Value) {
        let acts = acts(&self.memory["waiting"], in_two_hours());
        let mut got = 0;
        for (_, person) in self.people(false) {
            self.renew().await;
            let token = person["token"].as_str().unwrap();
            let captured: Vec<Signed> = person["sent"].as_array().unwrap().iter().map(signed_of).collect();
            for act in &acts {
                let touch = self.made_up_touch(&person, None);
                let own = |body: &str| self.own_proof(person["session"].as_str().unwrap(), act.method, &act.path, body);
                let mine = own(&act.plain_body());
                let mut tried = vec![Signed { jwt: String::new(), ..mine.clone() }, own(&act.body_with(&touch))];
                for captured in &captured {
                    tried.extend([captured.clone(), Signed { jwt: captured.jwt.clone(), ..mine.clone() }]);
                }
                tried.push(mine);
                for signed in tried {
                    self.proofs += 1;
                    got += u64::from(self.ask(&session(token, &signed), act.request.clone()).await.is_ok());
                }
            }
        }
        results["absent_acts"] = got.into();
    }

    /// Each act with each present person's browser, which signs it, without a touch and with one that the front made itself.
    pub(super) async fn acts_of_present_people(&mut self, results: &mut Value) {
        let acts = acts(&self.memory["waiting"], in_two_hours());
        let (mut got, mut ended) = (0, 0);
        for (person, known) in self.people(true) {
            self.renew().await;
            let token = known["token"].as_str().unwrap();
            for act in &acts {
                let signed = self.signed_by(person, act.method, &act.path, "", &act.plain_body());
                let ends = matches!(act.request, PageRequest::EndSession { .. });
                match self.ask(&session(token, &signed), act.request.clone()).await {
                    Ok(_) if ends => ended += 1,
                    Ok(_) => got += 1,
                    Err(refusal) => self.note(act.action, &refusal),
                }
                if ends {
                    continue;
                }
                let digest = act_of(act.method, &act.path, "", &act.body);
                let body = json!({ "act": digest }).to_string();
                let begin = self.signed_by(person, "POST", "/api/fresh", "", &body);
                let begun = self.ask(&session(token, &begin), PageRequest::FreshBegin { act: digest }).await.unwrap();
                let touch = self.made_up_touch(&known, Some(&begun));
                let signed = self.signed_by(person, act.method, &act.path, "", &act.body_with(&touch));
                self.proofs += 1;
                match self.ask(&session(token, &signed), act.request.clone()).await {
                    Ok(_) => got += 1,
                    Err(refusal) => assert_eq!(refusal, Refusal::FreshNeeded, "{}", act.path),
                }
            }
        }
        results["present_acts"] = got.into();
        results["sessions_ended"] = ended.into();
    }

    /// A touch of an authenticator that says it is somebody's: for a ceremony that the warden began, or for none.
    fn made_up_touch(&self, person: &Value, begun: Option<&PageReply>) -> Value {
        let (ceremony, options) = match begun {
            Some(PageReply::FreshChallenge { ceremony, options, .. }) => (ceremony.clone(), options.clone().unwrap()),
            Some(other) => panic!("{other:?}"),
            None => ("none".to_owned(), json!({ "publicKey": { "challenge": "AAAA" } }).to_string()),
        };
        let mut authenticator = Authenticator::new(0);
        authenticator.credential_id = URL_SAFE_NO_PAD.decode(text(person, "credential")).unwrap();
        (authenticator.origin, authenticator.rp_id) = (self.origin.clone(), "localhost".to_owned());
        json!({ "ceremony": ceremony, "shown": { "passkey": { "credential": authenticator.get(&options) } } })
    }
}

fn in_two_hours() -> Instant {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Instant(i64::try_from(since.as_micros()).unwrap()).plus_seconds(7_200)
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap().to_owned()
}
