//! Changes that wait for a second person and a delay: `/api/approvals/...`.

use axum::extract::{RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::{ApprovalRule, BreakGlassRule, EntryNumber, NetworkRule, Role, SharingRule};
use protocol::{ApprovalRequest, OrderRuleAsked, OrdersRequest, PageReply, PageRequest, ProposalRow};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::address::Path;
use crate::app::{Serving, unexpected};
use crate::credential::Caller;
use crate::errors::Failure;
use crate::{json, query};

#[derive(Deserialize)]
struct NewRole {
    email: String,
    role: Role,
}

#[derive(Deserialize)]
struct Shown {
    digest: String,
}

#[derive(Deserialize)]
struct Why {
    reason: String,
}

/// `GET /api/approvals?open=true`
pub(crate) async fn list(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Failure> {
    let open = query::parameters(raw.as_deref())?.iter().any(|(name, value)| name == "open" && value == "true");
    let request = PageRequest::Approvals(ApprovalRequest::List { open });
    let PageReply::Proposals(proposals) = serving.warden.ask(&caller, request).await? else {
        return Err(unexpected());
    };
    let rows = proposals.rows.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    Ok(json::of(&json!({
        "rows": rows,
        "rule": proposals.rule,
        "break_glass": proposals.break_glass,
        "sharing": proposals.sharing,
        "networks": proposals.networks,
        "deciders": proposals.deciders,
        "one_person": proposals.one_person,
        "setting_up": proposals.setting_up,
    })))
}

/// `POST /api/approvals/role`
pub(crate) async fn role(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let NewRole { email, role } = json::read(request).await?;
    let request = PageRequest::Approvals(ApprovalRequest::Role { email, role });
    done_or_proposed(serving.warden.ask(&caller, request).await?)
}

/// `POST /api/approvals/rule`
pub(crate) async fn rule(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let rule: ApprovalRule = json::read(request).await?;
    done_or_proposed(serving.warden.ask(&caller, PageRequest::Approvals(ApprovalRequest::Rule { rule })).await?)
}

/// `POST /api/approvals/break-glass-rule`
pub(crate) async fn break_glass_rule(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let rule: BreakGlassRule = json::read(request).await?;
    let request = PageRequest::Approvals(ApprovalRequest::BreakGlassRule { rule });
    done_or_proposed(serving.warden.ask(&caller, request).await?)
}

/// `POST /api/approvals/sharing-rule`
pub(crate) async fn sharing_rule(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let rule: SharingRule = json::read(request).await?;
    let request = PageRequest::Approvals(ApprovalRequest::SharingRule { rule });
    done_or_proposed(serving.warden.ask(&caller, request).await?)
}

/// `POST /api/approvals/network-rule`
pub(crate) async fn network_rule(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let rule: NetworkRule = json::read(request).await?;
    let request = PageRequest::Approvals(ApprovalRequest::NetworkRule { rule });
    done_or_proposed(serving.warden.ask(&caller, request).await?)
}

/// `POST /api/approvals/orders-rule`
pub(crate) async fn orders_rule(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let rule: OrderRuleAsked = json::read(request).await?;
    let request = PageRequest::Orders(OrdersRequest::SetRule(rule));
    done_or_proposed(serving.warden.ask(&caller, request).await?)
}

/// `POST /api/approvals/{proposal}/approve`: the digest is that of the change as it was shown.
pub(crate) async fn approve(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(proposal): Path<u64>,
    request: Request,
) -> Result<Response, Failure> {
    let Shown { digest } = json::read(request).await?;
    let request = ApprovalRequest::Approve { proposal: EntryNumber(proposal), digest };
    done_or_proposed(serving.warden.ask(&caller, PageRequest::Approvals(request)).await?)
}

/// `POST /api/approvals/{proposal}/refuse`
pub(crate) async fn refuse(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(proposal): Path<u64>,
    request: Request,
) -> Result<Response, Failure> {
    let Why { reason } = json::read(request).await?;
    let request = ApprovalRequest::Refuse { proposal: EntryNumber(proposal), reason };
    done_or_proposed(serving.warden.ask(&caller, PageRequest::Approvals(request)).await?)
}

/// `POST /api/approvals/{proposal}/withdraw`
pub(crate) async fn withdraw(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(proposal): Path<u64>,
) -> Result<Response, Failure> {
    let request = ApprovalRequest::Withdraw { proposal: EntryNumber(proposal) };
    done_or_proposed(serving.warden.ask(&caller, PageRequest::Approvals(request)).await?)
}

/// 204 when a change was made at once, 202 with the proposal when it waits.
pub(crate) fn done_or_proposed(reply: PageReply) -> Result<Response, Failure> {
    match reply {
        PageReply::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        PageReply::Proposed(proposal) => {
            Ok((StatusCode::ACCEPTED, json::of(&json!({ "proposed": row(&proposal)? }))).into_response())
        }
        _ => Err(unexpected()),
    }
}

fn row(proposal: &ProposalRow) -> Result<Value, Failure> {
    let mut row = serde_json::to_value(proposal).map_err(|_| Failure::Internal)?;
    row["change"] = serde_json::from_str(&proposal.change).map_err(|_| Failure::Internal)?;
    Ok(row)
}
