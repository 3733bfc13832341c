//! Signing in, enrolling and signing out: `/api/sign-in/...`, `/api/enrolment/...`, `/api/sign-out`.
//!
//! WebAuthn structures pass through as JSON; the warden made the challenge and verifies the answer. Passwords, codes
//! and tokens pass through this process and are kept nowhere in it.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dpop::Thumbprint;
use model::Origin;
use protocol::{Refusal, SignInReply, SignInRequest};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::{Serving, unexpected};
use crate::credential::{self, COOKIE_ENDED, From};
use crate::errors::Failure;
use crate::json;
use crate::possession::Shown;

/// What a browser calls itself is kept to so many characters in the list of sessions.
const USER_AGENT_CHARACTERS_MAX: usize = 200;

#[derive(Deserialize)]
pub(crate) struct PasskeyAnswer {
    ceremony: String,
    credential: Value,
}

#[derive(Deserialize)]
struct PasswordAndCode {
    email: String,
    password: String,
    code: String,
}

#[derive(Deserialize)]
struct Key {
    key: Thumbprint,
}

#[derive(Deserialize)]
struct Link {
    token: String,
}

#[derive(Deserialize)]
struct LinkAndKey {
    token: String,
    key: Thumbprint,
}

#[derive(Deserialize)]
struct NewPasskey {
    token: String,
    ceremony: String,
    credential: Value,
    label: String,
}

#[derive(Deserialize)]
struct NewPassword {
    token: String,
    password: String,
}

#[derive(Deserialize)]
struct FirstCode {
    token: String,
    ceremony: String,
    code: String,
}

/// `POST /api/sign-in/passkey/begin`
pub(crate) async fn passkey_begin(
    State(serving): State<Serving>,
    From(origin): From,
    request: Request,
) -> Result<Response, Failure> {
    let Key { key } = json::read(request).await?;
    step(&serving, origin, SignInRequest::PasskeyBegin { key }).await
}

/// `POST /api/sign-in/passkey/finish`
pub(crate) async fn passkey_finish(
    State(serving): State<Serving>,
    From(origin): From,
    request: Request,
) -> Result<Response, Failure> {
    let user_agent = user_agent(request.headers());
    let PasskeyAnswer { ceremony, credential } = json::read(request).await?;
    let credential = credential.to_string();
    step(&serving, origin, SignInRequest::PasskeyFinish { ceremony, credential, user_agent }).await
}

/// `POST /api/sign-in/password`
pub(crate) async fn password(
    State(serving): State<Serving>,
    From(origin): From,
    request: Request,
) -> Result<Response, Failure> {
    let user_agent = user_agent(request.headers());
    let proof = request.extensions().get::<Shown>().cloned();
    let PasswordAndCode { email, password, code } = json::read(request).await?;
    let Shown(proof) = proof.ok_or(Refusal::Proof)?;
    step(&serving, origin, SignInRequest::Password { email, password, code, user_agent, proof }).await
}

/// `POST /api/sign-out`
pub(crate) async fn sign_out(
    State(serving): State<Serving>,
    From(origin): From,
    request: Request,
) -> Result<Response, Failure> {
    let token = credential::session(request.headers()).ok_or(Refusal::SignedOut)?;
    let Shown(proof) = request.extensions().get::<Shown>().cloned().ok_or(Refusal::Proof)?;
    let mut response = match step(&serving, origin, SignInRequest::SignOut { token, proof }).await {
        Ok(response) => response,
        // the session is over either way, so the cookie goes
        Err(Failure::Refused(Refusal::SignedOut)) => Failure::Refused(Refusal::SignedOut).into_response(),
        Err(other) => return Err(other),
    };
    response.headers_mut().append(header::SET_COOKIE, COOKIE_ENDED);
    Ok(response)
}

/// `POST /api/enrolment/look`
pub(crate) async fn enrolment_look(
    State(serving): State<Serving>,
    From(origin): From,
    request: Request,
) -> Result<Response, Failure> {
    let Link { token } = json::read(request).await?;
    step(&serving, origin, SignInRequest::EnrolmentLook { token }).await
}

/// `POST /api/enrolment/passkey/begin`
pub(crate) async fn enrol_passkey_begin(
    State(serving): State<Serving>,
    From(origin): From,
    request: Request,
) -> Result<Response, Failure> {
    let LinkAndKey { token, key } = json::read(request).await?;
    step(&serving, origin, SignInRequest::EnrolPasskeyBegin { token, key }).await
}

/// `POST /api/enrolment/passkey/finish`
pub(crate) async fn enrol_passkey_finish(
    State(serving): State<Serving>,
    From(origin): From,
    request: Request,
) -> Result<Response, Failure> {
    let NewPasskey { token, ceremony, credential, label } = json::read(request).await?;
    let credential = credential.to_string();
    step(&serving, origin, SignInRequest::EnrolPasskeyFinish { token, ceremony, credential, label }).await
}

/// `POST /api/enrolment/password/estimate`
pub(crate) async fn password_estimate(
    State(serving): State<Serving>,
    From(origin): From,
    request: Request,
) -> Result<Response, Failure> {
    let NewPassword { token, password } = json::read(request).await?;
    step(&serving, origin, SignInRequest::PasswordEstimate { token, password }).await
}

/// `POST /api/enrolment/password/begin`
pub(crate) async fn enrol_password_begin(
    State(serving): State<Serving>,
    From(origin): From,
    request: Request,
) -> Result<Response, Failure> {
    let NewPassword { token, password } = json::read(request).await?;
    step(&serving, origin, SignInRequest::EnrolPasswordBegin { token, password }).await
}

/// `POST /api/enrolment/password/finish`
pub(crate) async fn enrol_password_finish(
    State(serving): State<Serving>,
    From(origin): From,
    request: Request,
) -> Result<Response, Failure> {
    let FirstCode { token, ceremony, code } = json::read(request).await?;
    step(&serving, origin, SignInRequest::EnrolPasswordFinish { token, ceremony, code }).await
}

async fn step(serving: &Serving, origin: Origin, request: SignInRequest) -> Result<Response, Failure> {
    Ok(match serving.warden.sign_in(origin, request).await? {
        SignInReply::Ceremony { ceremony, options, nonce } => {
            let options: Value = serde_json::from_str(&options).map_err(|_| Failure::Internal)?;
            json::of(&json!({ "ceremony": ceremony, "options": options, "nonce": nonce }))
        }
        SignInReply::SignedIn { token, me } => {
            let cookie = credential::set_cookie(&token).ok_or(Failure::Internal)?;
            ([(header::SET_COOKIE, cookie)], json::with_identifiers(&me)?).into_response()
        }
        SignInReply::ChooseAnother { token, until } => json::of(&json!({ "choose_another": token, "until": until })),
        SignInReply::Enrolment(enrolment) => json::of(&enrolment),
        SignInReply::OneTimeCodeSecret { ceremony, uri, qr_svg, secret } => {
            json::of(&json!({ "ceremony": ceremony, "uri": uri, "qr_svg": qr_svg, "secret": secret }))
        }
        SignInReply::Enrolled { recovery_codes } => json::of(&json!({ "recovery_codes": recovery_codes })),
        SignInReply::Estimate(estimate) => json::of(&estimate),
        // `sharing::open` asks for it
        SignInReply::LinkOpened { .. } => return Err(unexpected()),
        SignInReply::Done => StatusCode::NO_CONTENT.into_response(),
    })
}

fn user_agent(headers: &HeaderMap) -> String {
    let value = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.chars().filter(|character| !character.is_control()).take(USER_AGENT_CHARACTERS_MAX).collect()
}
