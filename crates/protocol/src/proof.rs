//! What shows that a caller holds a key: the proof of a request, and a fresh proof for one act.

use dpop::Thumbprint;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The name that a touch has in a body.
const FRESH: &[u8] = b"\"fresh\"";

/// A `DPoP` header with the request that it came with, as the front took it in. The warden verifies it anew.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Proof {
    /// The header's value (RFC 9449); empty when there was none.
    pub jwt: String,
    /// The method.
    pub method: String,
    /// The path, as it was sent.
    pub path: String,
    /// The query without its question mark, as it was sent; empty when there was none.
    pub query: String,
    /// The body, of requests that carry one and are no upload; at most 64 KiB.
    pub body: Vec<u8>,
    /// The key, when the front found the proof to hold: what leases of the front are bound to.
    pub key: Option<Thumbprint>,
}

impl Proof {
    /// The touch that the body carries under `fresh`, and the digest of the act that it must be for: this request without it.
    #[must_use]
    pub fn fresh(&self) -> Option<(Fresh, Thumbprint)> {
        // most bodies carry none, and are not read for it
        if !self.body.windows(FRESH.len()).any(|part| part == FRESH) {
            return None;
        }
        let mut body: Value = serde_json::from_slice(&self.body).ok()?;
        let fresh = serde_json::from_value(body.as_object_mut()?.remove("fresh")?).ok()?;
        Some((fresh, act_of(&self.method, &self.path, &self.query, &body)))
    }
}

/// What names an act that wants a fresh touch: the request that does it. The digest's words are method, path, query and the body
/// without `fresh`, as JSON with the names of objects in order and no space (RFC 8785; numbers of the interface are whole).
#[must_use]
pub fn act_of(method: &str, path: &str, query: &str, body: &Value) -> Thumbprint {
    let mut text = String::new();
    in_order(body, &mut text);
    dpop::act_digest(&[method, path, query, &text])
}

fn in_order(value: &Value, into: &mut String) {
    let name = |name: &str| Value::from(name).to_string();
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            into.push('{');
            for (place, (own, value)) in fields.into_iter().enumerate() {
                into.push_str(if place > 0 { "," } else { "" });
                into.push_str(&name(own));
                into.push(':');
                in_order(value, into);
            }
            into.push('}');
        }
        Value::Array(items) => {
            into.push('[');
            for (place, item) in items.iter().enumerate() {
                into.push_str(if place > 0 { "," } else { "" });
                in_order(item, into);
            }
            into.push(']');
        }
        leaf => into.push_str(&leaf.to_string()),
    }
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proof").field("method", &self.method).finish_non_exhaustive()
    }
}

/// Shows that the person is there now and means one act: an assertion over a challenge that names it, or password and code.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fresh {
    /// From [`PageReply::FreshChallenge`](crate::PageReply::FreshChallenge).
    pub ceremony: String,
    /// What the person did.
    pub shown: Shown,
}

/// What a person did to show that they are there.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// Touched an authenticator: `PublicKeyCredential` as JSON text.
    Passkey {
        /// The assertion.
        credential: String,
    },
    /// Typed both.
    PasswordAndCode {
        /// The password.
        password: String,
        /// A code that was not used before, or a recovery code.
        code: String,
    },
}

impl std::fmt::Debug for Fresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fresh(..)")
    }
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shown(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::json;

    fn with(body: &str) -> Proof {
        let (method, path) = ("POST".to_owned(), "/api/approvals/role".to_owned());
        Proof { jwt: String::new(), method, path, query: String::new(), body: body.into(), key: None }
    }

    #[test]
    fn an_act_is_the_request_without_its_touch_whatever_the_order_of_names() {
        let body = json!({ "email": "a@x.example", "role": "radiologist" });
        let act = act_of("POST", "/api/approvals/role", "", &body);
        // `web/test/confirm.test.ts` has the same
        assert_eq!(act.to_string(), "CfpUqXF0Q6Bd3GtdZJDvznXoTbY17KEDl6H5G-PNORk");
        let fresh = r#""fresh":{"ceremony":"c","shown":{"passkey":{"credential":"{}"}}}"#;
        for body in [
            format!(r#"{{"email":"a@x.example","role":"radiologist",{fresh}}}"#),
            format!(r#"{{ {fresh}, "role": "radiologist", "email": "a@x.example" }}"#),
        ] {
            let (shown, own) = with(&body).fresh().unwrap();
            assert_eq!((shown.ceremony.as_str(), own), ("c", act));
        }
        let other = format!(r#"{{"email":"a@x.example","role":"officer",{fresh}}}"#);
        assert_ne!(with(&other).fresh().unwrap().1, act);
        for (method, path, query) in
            [("PUT", "/api/approvals/role", ""), ("POST", "/api/people", ""), ("POST", "/api/approvals/role", "a=b")]
        {
            assert_ne!(act_of(method, path, query, &body), act, "{method} {path} {query}");
        }
    }

    #[test]
    fn texts_and_nested_values_are_written_as_pages_write_them() {
        let body = json!({
            "until": 1_764_288_000_000_000_i64, "reason": "Fünf \"Worte\"\n", "emergency": false, "issuer": null,
            "list": [{ "b": 2, "a": 1 }, "x"],
        });
        let mut text = String::new();
        in_order(&body, &mut text);
        let written = r#"{"emergency":false,"issuer":null,"list":[{"a":1,"b":2},"x"],"reason":"Fünf \"Worte\"\n","until":1764288000000000}"#;
        assert_eq!(text, written);
    }

    #[test]
    fn a_body_without_a_touch_or_with_something_else_of_that_name_carries_none() {
        let bodies = [
            "",
            "{}",
            "fresh",
            r#""fresh""#,
            r#"{"fresh":1}"#,
            r#"{"a":"\"fresh\""}"#,
            r#"{"fresh":{"ceremony":"c"}}"#,
            r#"{"a":{"fresh":{}}}"#,
        ];
        for body in bodies {
            assert!(with(body).fresh().is_none(), "{body}");
        }
    }
}
