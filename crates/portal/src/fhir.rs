//! FHIR R4 about orders: `POST /fhir/{resource}`. Only devices that may tell orders are heard; the warden decides as on HL7 v2.

use std::net::IpAddr;

use archive::{Held, NotAdmitted};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use policy::Service;
use protocol::{Credential, OrderAsk, OrderCaller, OrderProblem, OrderReply, Refusal, UntakenMessage};
use serde_json::json;

use crate::address::Path;
use crate::app::Serving;
use crate::body::read_whole;
use crate::credential::Caller;
use crate::errors::Failure;

const FHIR_JSON: HeaderValue = HeaderValue::from_static("application/fhir+json");

/// `POST /fhir/{resource}`: an order, an appointment, or that two records are one patient's.
pub(crate) async fn tell(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(resource): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    admit(&serving, &caller).await?;
    // the warden looks at the token itself
    let caller = OrderCaller::Token(caller);
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !matches!(kind.as_str(), "application/fhir+json" | "application/json") {
        return Err(Failure::MediaType("application/fhir+json"));
    }
    let bytes = read_whole(request.into_body(), orders::RESOURCE_BYTES_MAX).await?;
    let problem = match orders::read_resource(&bytes) {
        Ok(message) if !message.control_id.starts_with(&format!("{resource}/")) => {
            return Err(Failure::Malformed("the resource", "the type that stands in the address"));
        }
        Ok(message) => match serving.warden.order(&caller, OrderAsk::Decide(message)).await? {
            OrderReply::Taken(said) => return Ok(outcome(StatusCode::OK, "warning", &said)),
            OrderReply::Refused(problem) => problem,
            OrderReply::Kept(_) => return Err(Failure::Internal),
        },
        Err(problem) => problem,
    };
    if !problem.code.rejects() {
        let kind = format!("FHIR {}", resource.chars().take(30).collect::<String>());
        let untaken =
            UntakenMessage { control_id: String::new(), kind, problem: problem.clone(), bytes: bytes.to_vec() };
        serving.warden.order(&caller, OrderAsk::Keep(untaken)).await?;
    }
    Ok(outcome(StatusCode::UNPROCESSABLE_ENTITY, "error", std::slice::from_ref(&problem)))
}

/// Whether it is the token of a device that may tell orders: nobody else's message is read.
async fn admit(serving: &Serving, caller: &Credential) -> Result<(), Failure> {
    let (token, origin, held) = match caller {
        Credential::DeviceToken { token, origin } => (token, origin, Held::default()),
        Credential::BoundToken { token, origin, proof, certificate } => {
            (token, origin, Held { key: proof.as_ref().and_then(|proof| proof.key), certificate: *certificate })
        }
        Credential::Session { .. } => return Err(Failure::Refused(Refusal::NotAllowed)),
        Credential::Stranger { .. } | Credential::Owner => return Err(Failure::Refused(Refusal::SignedOut)),
    };
    let address: IpAddr = origin.0.parse().map_err(|_| Failure::Refused(Refusal::SignedOut))?;
    match serving.warden.admit_token(token, held, address, Service::Orders).await {
        Ok(_) => Ok(()),
        Err(NotAdmitted::Unknown) => Err(Failure::Refused(Refusal::SignedOut)),
        Err(NotAdmitted::Address | NotAdmitted::Certificate | NotAdmitted::Service) => {
            Err(Failure::Refused(Refusal::NotAllowed))
        }
    }
}

/// An OperationOutcome with an issue for each thing to say.
fn outcome(status: StatusCode, severity: &str, problems: &[OrderProblem]) -> Response {
    let issue = |problem: &OrderProblem| {
        json!({
            "severity": severity,
            "code": "processing",
            "details": { "coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/v2-0357",
                "code": problem.code.number().to_string(),
                "display": problem.code.words(),
            }] },
            "diagnostics": problem.text,
            "expression": [expression(problem)],
        })
    };
    let mut issues: Vec<_> = problems.iter().map(issue).collect();
    if issues.is_empty() {
        issues.push(json!({ "severity": "information", "code": "informational", "diagnostics": "taken" }));
    }
    let body = json!({ "resourceType": "OperationOutcome", "issue": issues }).to_string();
    (status, [(header::CONTENT_TYPE, FHIR_JSON)], body).into_response()
}

/// Where in a resource: what the warden says by the segments of HL7 v2 is told in FHIR's words.
fn expression(problem: &OrderProblem) -> &str {
    match problem.place.segment.as_str() {
        "PID" => "subject",
        "MRG" => "Patient.link",
        "ORC" => "ServiceRequest.identifier",
        "MSH" => "Resource",
        element => element,
    }
}
