//! Which request of a browser a page's message comes from.

use crate::{
    AccountsRequest, ApprovalRequest, BreakGlassRequest, ColdAsk, LeakRequest, LinkRequest, OpinionRequest,
    OrdersRequest, PageRequest, RemovalRequest,
};

/// The method and path of the browser's request that asks for this; `None` for what no browser asks for.
#[must_use]
pub fn asked_by_page(request: &PageRequest) -> Option<(&'static str, String)> {
    let (method, path) = match request {
        PageRequest::Me => ("GET", "/api/session"),
        PageRequest::FreshBegin { .. } => ("POST", "/api/fresh"),
        PageRequest::StillHere => ("POST", "/api/fresh/still-here"),
        PageRequest::Sessions { .. } => ("GET", "/api/sessions"),
        PageRequest::SignedIn => ("GET", "/api/sessions/all"),
        PageRequest::EndDeviceToken { device } => return Some(("DELETE", format!("/api/device-tokens/{device}"))),
        PageRequest::RotateToken { .. } => ("POST", "/api/devices/rotate"),
        PageRequest::EndSession { session } => return Some(("DELETE", format!("/api/sessions/{session}"))),
        PageRequest::People => ("GET", "/api/people"),
        PageRequest::Organisations => ("GET", "/api/organisations"),
        PageRequest::Devices => ("GET", "/api/devices"),
        PageRequest::AddOrganisation { .. } => ("POST", "/api/organisations"),
        PageRequest::AddPerson { .. } => ("POST", "/api/people"),
        PageRequest::IssueEnrolment { .. } => ("POST", "/api/people/enrolment"),
        PageRequest::AddDevice { .. } => ("POST", "/api/devices"),
        PageRequest::Relate { .. } => ("POST", "/api/relationships"),
        PageRequest::Unrelate { .. } => ("POST", "/api/relationships/end"),
        PageRequest::MoveStudy { study, .. } => return Some(("POST", format!("/api/studies/{study}/move"))),
        PageRequest::StudyUid { study } => return Some(("GET", format!("/api/studies/number/{study}"))),
        PageRequest::MyStudies => ("GET", "/api/my/studies"),
        PageRequest::MyAccesses => ("GET", "/api/my/accesses"),
        PageRequest::Entries { .. } => ("GET", "/api/ledger/entries"),
        PageRequest::Checkpoint => ("GET", "/api/ledger/checkpoint"),
        PageRequest::Exposure { .. } => ("GET", "/api/exposure"),
        PageRequest::Approvals(request) => return asked_about_approvals(request),
        PageRequest::Accounts(request) => asked_about_accounts(request),
        PageRequest::Removals(request) => return Some(asked_about_removals(request)),
        PageRequest::BreakGlass(request) => return Some(asked_about_break_glass(request)),
        PageRequest::Links(request) => return Some(asked_about_links(request)),
        PageRequest::Opinions(request) => return Some(asked_about_opinions(request)),
        PageRequest::SignedExposure { .. } => ("GET", "/api/exposure/report"),
        PageRequest::Incidents => ("GET", "/api/incidents"),
        PageRequest::Incident { incident } => return Some(("GET", format!("/api/incidents/{incident}"))),
        PageRequest::OpenIncident { .. } => ("POST", "/api/incidents"),
        PageRequest::ChangeIncident { incident, .. } => return Some(("POST", format!("/api/incidents/{incident}"))),
        PageRequest::Questions => ("GET", "/api/questions"),
        PageRequest::AnswerQuestion { question, .. } => {
            return Some(("POST", format!("/api/questions/{question}/answer")));
        }
        PageRequest::MyQuestions => ("GET", "/api/my/questions"),
        PageRequest::AskQuestion { .. } => ("POST", "/api/my/questions"),
        PageRequest::Findings => ("GET", "/api/findings"),
        PageRequest::AcknowledgeFinding { finding, .. } => {
            return Some(("POST", format!("/api/findings/{finding}/acknowledge")));
        }
        PageRequest::Budget { .. } => ("GET", "/api/budgets"),
        PageRequest::LiftBudget { .. } => ("POST", "/api/budgets/lift"),
        PageRequest::SetBudget { .. } => ("POST", "/api/budgets"),
        PageRequest::AddHoney { .. } => ("POST", "/api/honey"),
        PageRequest::Honey => ("GET", "/api/honey"),
        PageRequest::Cold(request) => return asked_about_cold(request),
        PageRequest::Orders(request) => return asked_about_orders(request),
        PageRequest::Leaks(LeakRequest::State) => ("GET", "/api/leaks"),
        PageRequest::SetWitness { .. }
        | PageRequest::SetSink { .. }
        | PageRequest::ExportWindow(_)
        | PageRequest::Fronts(_)
        | PageRequest::Unseal(_)
        | PageRequest::Leaks(_)
        | PageRequest::DiskHolds { .. }
        | PageRequest::Health
        | PageRequest::Snapshot { .. } => return None,
    };
    Some((method, path.to_owned()))
}

fn asked_about_approvals(request: &ApprovalRequest) -> Option<(&'static str, String)> {
    Some(match request {
        ApprovalRequest::List { .. } => ("GET", "/api/approvals".to_owned()),
        ApprovalRequest::Role { .. } => ("POST", "/api/approvals/role".to_owned()),
        ApprovalRequest::Rule { .. } => ("POST", "/api/approvals/rule".to_owned()),
        ApprovalRequest::BreakGlassRule { .. } => ("POST", "/api/approvals/break-glass-rule".to_owned()),
        ApprovalRequest::SharingRule { .. } => ("POST", "/api/approvals/sharing-rule".to_owned()),
        ApprovalRequest::NetworkRule { .. } => ("POST", "/api/approvals/network-rule".to_owned()),
        ApprovalRequest::Approve { proposal, .. } => ("POST", format!("/api/approvals/{proposal}/approve")),
        ApprovalRequest::Refuse { proposal, .. } => ("POST", format!("/api/approvals/{proposal}/refuse")),
        ApprovalRequest::Withdraw { proposal } => ("POST", format!("/api/approvals/{proposal}/withdraw")),
        ApprovalRequest::One { .. } | ApprovalRequest::Erase { .. } => return None,
    })
}

fn asked_about_cold(request: &ColdAsk) -> Option<(&'static str, String)> {
    Some(match request {
        ColdAsk::Ask(asked) => ("POST", format!("/api/studies/{}/cold", asked.whom.strip_prefix("study:")?)),
        ColdAsk::OfStudy { study } => ("GET", format!("/api/studies/{study}/cold")),
        ColdAsk::Overview => ("GET", "/api/cold".to_owned()),
        ColdAsk::Named { request } => ("GET", format!("/api/cold/{request}")),
        ColdAsk::Endorse { request, .. } => ("POST", format!("/api/cold/{request}/approve")),
        ColdAsk::Refuse { request, .. } => ("POST", format!("/api/cold/{request}/refuse")),
        _ => return None,
    })
}

fn asked_about_accounts(request: &AccountsRequest) -> (&'static str, &'static str) {
    match request {
        AccountsRequest::Authenticators { .. } => ("POST", "/api/organisations/authenticators"),
        AccountsRequest::Delegate { .. } => ("POST", "/api/people/delegate"),
        AccountsRequest::Until { .. } => ("POST", "/api/people/until"),
        AccountsRequest::Join { .. } => ("POST", "/api/people/join"),
        AccountsRequest::Reset { .. } => ("POST", "/api/people/reset"),
        AccountsRequest::Census { .. } => ("POST", "/api/people/census"),
        AccountsRequest::Colleagues => ("GET", "/api/colleagues"),
        AccountsRequest::AddColleague { .. } => ("POST", "/api/colleagues"),
        AccountsRequest::ColleagueUntil { .. } => ("POST", "/api/colleagues/until"),
        AccountsRequest::ColleagueLeaves { .. } => ("POST", "/api/colleagues/leave"),
        AccountsRequest::ColleagueReset { .. } => ("POST", "/api/colleagues/reset"),
        AccountsRequest::Vouch { .. } => ("POST", "/api/colleagues/vouch"),
    }
}

fn asked_about_removals(request: &RemovalRequest) -> (&'static str, String) {
    match request {
        RemovalRequest::ClosePerson { .. } => ("POST", "/api/people/close".to_owned()),
        RemovalRequest::Leave { .. } => ("POST", "/api/people/leave".to_owned()),
        RemovalRequest::Device { .. } | RemovalRequest::DeviceToken { .. } => {
            ("POST", "/api/devices/remove".to_owned())
        }
        RemovalRequest::Passkeys { person: None } => ("GET", "/api/passkeys".to_owned()),
        RemovalRequest::Passkeys { person: Some(person) } => ("GET", format!("/api/people/{person}/passkeys")),
        RemovalRequest::Passkey { person: None, passkey } => ("DELETE", format!("/api/passkeys/{passkey}")),
        RemovalRequest::Passkey { person: Some(person), passkey } => {
            ("DELETE", format!("/api/people/{person}/passkeys/{passkey}"))
        }
    }
}

fn asked_about_break_glass(request: &BreakGlassRequest) -> (&'static str, String) {
    match request {
        BreakGlassRequest::Terms => ("GET", "/api/break-glass/terms".to_owned()),
        BreakGlassRequest::Use(_) => ("POST", "/api/break-glass".to_owned()),
        BreakGlassRequest::Uses => ("GET", "/api/break-glass".to_owned()),
        BreakGlassRequest::One { used } => ("GET", format!("/api/break-glass/{used}")),
        BreakGlassRequest::Review { used, .. } => ("POST", format!("/api/break-glass/{used}/review")),
        BreakGlassRequest::End { used } => ("POST", format!("/api/break-glass/{used}/end")),
    }
}

fn asked_about_links(request: &LinkRequest) -> (&'static str, String) {
    match request {
        LinkRequest::Make { study, .. } => ("POST", format!("/api/studies/{study}/links")),
        LinkRequest::Own => ("GET", "/api/links".to_owned()),
        LinkRequest::All { .. } => ("GET", "/api/links/all".to_owned()),
        LinkRequest::End { link } => ("DELETE", format!("/api/links/{link}")),
        LinkRequest::EndOwn => ("DELETE", "/api/links".to_owned()),
        LinkRequest::EndAll { .. } => ("POST", "/api/links/end".to_owned()),
        LinkRequest::Shown => ("GET", "/api/link".to_owned()),
    }
}

fn asked_about_opinions(request: &OpinionRequest) -> (&'static str, String) {
    match request {
        OpinionRequest::Ask { study, .. } => ("POST", format!("/api/studies/{study}/second-opinion")),
        OpinionRequest::Own => ("GET", "/api/opinions".to_owned()),
        OpinionRequest::End { opinion } => ("DELETE", format!("/api/opinions/{opinion}")),
        OpinionRequest::Askable => ("GET", "/api/opinions/askable".to_owned()),
    }
}

fn asked_about_orders(request: &OrdersRequest) -> Option<(&'static str, String)> {
    Some(match request {
        OrdersRequest::State { .. } => ("GET", "/api/orders".to_owned()),
        OrdersRequest::Kept => ("GET", "/api/orders/kept".to_owned()),
        OrdersRequest::Drop { kept } => ("DELETE", format!("/api/orders/kept/{kept}")),
        OrdersRequest::Unmerge { merge } => ("POST", format!("/api/orders/merges/{merge}/undo")),
        // what a message says never goes through a browser, and what it is read as is no front's word alone
        OrdersRequest::Show { .. } | OrdersRequest::Replay { .. } => return None,
        OrdersRequest::ProfessionalId { .. } => ("POST", "/api/people/professional-id".to_owned()),
        OrdersRequest::SetRule(_) => ("POST", "/api/approvals/orders-rule".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OrderRuleAsked;

    #[test]
    fn what_a_message_about_an_order_says_is_asked_for_by_no_page() {
        let of = |request| asked_by_page(&PageRequest::Orders(request));
        let at = |method, path: &str| Some((method, path.to_owned()));
        assert_eq!(of(OrdersRequest::State { unmatched: true }), at("GET", "/api/orders"));
        assert_eq!(of(OrdersRequest::Kept), at("GET", "/api/orders/kept"));
        assert_eq!(of(OrdersRequest::Drop { kept: 3 }), at("DELETE", "/api/orders/kept/3"));
        let unmerge = OrdersRequest::Unmerge { merge: model::EntryNumber(17) };
        assert_eq!(of(unmerge), at("POST", "/api/orders/merges/17/undo"));
        assert_eq!(of(OrdersRequest::Show { kept: 3 }), None);
        let professional_id = model::ProfessionalId { issuer: "LANR".into(), id: "1".into() };
        let given = OrdersRequest::ProfessionalId { email: "a@x.example".into(), professional_id, holds: true };
        assert_eq!(of(given), at("POST", "/api/people/professional-id"));
        let rule = OrderRuleAsked::naming(&model::OrderRule::default(), &[]);
        assert_eq!(of(OrdersRequest::SetRule(rule)), at("POST", "/api/approvals/orders-rule"));
        let leaks = |request| asked_by_page(&PageRequest::Leaks(request));
        assert_eq!(leaks(LeakRequest::State), at("GET", "/api/leaks"));
        assert_eq!(leaks(LeakRequest::Logins), None);
        assert_eq!(leaks(LeakRequest::Check { candidates: Vec::new() }), None);
    }
}
