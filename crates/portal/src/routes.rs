//! Every route, in one table. What is not here is not served; what is here and not open goes to the warden, which decides.

use axum::Router;
use axum::http::Method;
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, MethodRouter, on};
use policy::Service;

use crate::app::{App, Serving};
use crate::errors::Failure;
use crate::possession::Possession;
use crate::{
    accounts, approvals, assets, break_glass, budgets, cases, cold, download, exposure, fhir, frames, guard, health,
    imaging_study, leaked, ledger, my, openapi, order_desk, people, qido, removals, rendered, reports, session,
    sharing, sign_in, stow, studies, wado,
};

/// One route.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path; `{name}` stands for one segment.
    pub path: &'static str,
    /// Which service it is. [`policy::is_open_to_strangers`] names those that nobody in particular may use; every other
    /// one carries the caller's credential to the warden, which decides. [`Service::Store`] and [`Service::Orders`] are decided by the device
    /// list that the warden signed; so taking in goes on while it is away, and what follows from an order is the warden's.
    pub service: Service,
    handler: fn(MethodFilter) -> MethodRouter<Serving>,
}

macro_rules! route {
    ($method:ident $path:literal, $service:ident, $handler:path) => {
        Route {
            method: Method::$method,
            path: $path,
            service: Service::$service,
            handler: |filter| on(filter, $handler),
        }
    };
}

/// All of them but the pages, which every other GET path has.
pub static ROUTES: &[Route] = &[
    route!(GET "/api/health", Liveness, health::health),
    route!(GET "/api/openapi.json", Pages, openapi::document),
    route!(POST "/api/sign-in/passkey/begin", SignIn, sign_in::passkey_begin),
    route!(POST "/api/sign-in/passkey/finish", SignIn, sign_in::passkey_finish),
    route!(POST "/api/sign-in/password", SignIn, sign_in::password),
    route!(POST "/api/enrolment/look", Enrol, sign_in::enrolment_look),
    route!(POST "/api/enrolment/passkey/begin", Enrol, sign_in::enrol_passkey_begin),
    route!(POST "/api/enrolment/passkey/finish", Enrol, sign_in::enrol_passkey_finish),
    route!(POST "/api/enrolment/password/estimate", Enrol, sign_in::password_estimate),
    route!(POST "/api/enrolment/password/begin", Enrol, sign_in::enrol_password_begin),
    route!(POST "/api/enrolment/password/finish", Enrol, sign_in::enrol_password_finish),
    route!(POST "/api/sign-out", OwnSessions, sign_in::sign_out),
    route!(GET "/api/session", OwnSessions, session::me),
    route!(POST "/api/fresh", OwnSessions, session::fresh),
    route!(POST "/api/fresh/still-here", OwnSessions, session::still_here),
    route!(GET "/api/sessions", OwnSessions, session::list),
    route!(GET "/api/sessions/all", AllSessions, session::all),
    route!(DELETE "/api/sessions/{session}", OwnSessions, session::end),
    route!(DELETE "/api/device-tokens/{device}", AllSessions, session::end_token),
    route!(GET "/api/studies", List, studies::worklist),
    route!(GET "/api/studies/{study}", List, studies::one),
    route!(GET "/api/studies/{study}/cold", Open, cold::of_study),
    route!(POST "/api/studies/{study}/cold", Open, cold::ask_for),
    route!(POST "/api/studies/{study}/move", MoveStudy, studies::move_study),
    route!(GET "/api/studies/number/{number}", List, studies::one_by_number),
    route!(POST "/api/studies/number/{number}/move", MoveStudy, studies::move_by_number),
    route!(GET "/api/my/studies", OwnStudies, my::studies),
    route!(GET "/api/my/accesses", OwnAccesses, my::accesses),
    route!(POST "/api/studies/{study}/download", Download, download::study),
    route!(POST "/api/studies/{study}/links", Share, sharing::make),
    route!(GET "/api/links", Share, sharing::own),
    route!(GET "/api/links/all", AllLinks, sharing::all),
    route!(DELETE "/api/links", Share, sharing::end_own),
    route!(POST "/api/links/end", AllLinks, sharing::end_all),
    route!(DELETE "/api/links/{link}", Share, sharing::end),
    route!(POST "/api/link/open", OpenLink, sharing::open),
    route!(GET "/api/link", SharedStudy, sharing::shown),
    route!(POST "/api/studies/{study}/second-opinion", SecondOpinion, sharing::ask_opinion),
    route!(GET "/api/opinions", SecondOpinion, sharing::opinions),
    route!(DELETE "/api/opinions/{opinion}", SecondOpinion, sharing::end_opinion),
    route!(GET "/api/opinions/askable", SecondOpinion, sharing::askable),
    route!(GET "/api/people", Directory, people::people),
    route!(POST "/api/people", Manage, people::add_person),
    route!(POST "/api/people/enrolment", Manage, people::issue_enrolment),
    route!(POST "/api/people/delegate", Manage, accounts::delegate),
    route!(POST "/api/people/until", Manage, accounts::until),
    route!(POST "/api/people/join", Manage, accounts::join),
    route!(POST "/api/people/professional-id", Manage, people::professional_id),
    route!(POST "/api/people/reset", Manage, accounts::reset),
    route!(POST "/api/people/census", Directory, accounts::census),
    route!(GET "/api/colleagues", Colleagues, accounts::colleagues),
    route!(POST "/api/colleagues", Delegate, accounts::add_colleague),
    route!(POST "/api/colleagues/until", Delegate, accounts::colleague_until),
    route!(POST "/api/colleagues/leave", Delegate, accounts::colleague_leaves),
    route!(POST "/api/colleagues/reset", Delegate, accounts::colleague_reset),
    route!(POST "/api/colleagues/vouch", Colleagues, accounts::vouch),
    route!(POST "/api/organisations/authenticators", Manage, accounts::authenticators),
    route!(GET "/api/organisations", Directory, people::organisations),
    route!(POST "/api/organisations", Manage, people::add_organisation),
    route!(GET "/api/devices", Directory, people::devices),
    route!(POST "/api/devices", Manage, people::add_device),
    route!(POST "/api/devices/rotate", Manage, people::rotate_token),
    route!(POST "/api/people/close", Manage, removals::close_person),
    route!(POST "/api/people/leave", Manage, removals::leave),
    route!(GET "/api/people/{person}/passkeys", Manage, removals::passkeys_of),
    route!(DELETE "/api/people/{person}/passkeys/{passkey}", Manage, removals::passkey_of),
    route!(POST "/api/devices/remove", Manage, removals::device),
    route!(GET "/api/passkeys", OwnSessions, removals::passkeys),
    route!(DELETE "/api/passkeys/{passkey}", OwnSessions, removals::passkey),
    route!(GET "/api/approvals", Propose, approvals::list),
    route!(POST "/api/approvals/role", Propose, approvals::role),
    route!(POST "/api/approvals/rule", Propose, approvals::rule),
    route!(POST "/api/approvals/break-glass-rule", Propose, approvals::break_glass_rule),
    route!(POST "/api/approvals/sharing-rule", Propose, approvals::sharing_rule),
    route!(POST "/api/approvals/network-rule", Propose, approvals::network_rule),
    route!(POST "/api/approvals/orders-rule", Propose, approvals::orders_rule),
    route!(POST "/api/approvals/{proposal}/approve", Approve, approvals::approve),
    route!(POST "/api/approvals/{proposal}/refuse", Approve, approvals::refuse),
    route!(POST "/api/approvals/{proposal}/withdraw", Propose, approvals::withdraw),
    route!(GET "/api/break-glass/terms", BreakGlass, break_glass::terms),
    route!(POST "/api/break-glass", BreakGlass, break_glass::use_it),
    route!(GET "/api/break-glass", ReviewBreakGlass, break_glass::uses),
    route!(GET "/api/break-glass/{used}", ReviewBreakGlass, break_glass::one),
    route!(POST "/api/break-glass/{used}/review", ReviewBreakGlass, break_glass::review),
    route!(POST "/api/break-glass/{used}/end", ReviewBreakGlass, break_glass::end),
    route!(GET "/api/cold", Approve, cold::overview),
    route!(GET "/api/cold/{request}", Cold, cold::named),
    route!(POST "/api/cold/{request}/approve", Approve, cold::approve),
    route!(POST "/api/cold/{request}/refuse", Approve, cold::refuse),
    route!(POST "/api/relationships", Manage, people::relate),
    route!(POST "/api/relationships/end", Manage, people::unrelate),
    route!(GET "/api/ledger/entries", Ledger, ledger::entries),
    route!(GET "/api/ledger/checkpoint", Ledger, ledger::checkpoint),
    route!(GET "/api/exposure", Exposure, exposure::report),
    route!(GET "/api/exposure/report", Exposure, reports::signed),
    route!(GET "/api/incidents", Exposure, cases::incidents),
    route!(POST "/api/incidents", Exposure, cases::open),
    route!(GET "/api/incidents/{incident}", Exposure, cases::incident),
    route!(POST "/api/incidents/{incident}", Exposure, cases::change),
    route!(GET "/api/incidents/{incident}/notice", Exposure, reports::notice),
    route!(GET "/api/questions", Exposure, cases::questions),
    route!(POST "/api/questions/{question}/answer", Exposure, cases::answer),
    route!(GET "/api/my/questions", OwnAccesses, cases::own_questions),
    route!(POST "/api/my/questions", OwnAccesses, cases::ask),
    route!(GET "/api/findings", Findings, budgets::findings),
    route!(POST "/api/findings/{finding}/acknowledge", Findings, budgets::acknowledge),
    route!(GET "/api/budgets", Findings, budgets::budget),
    route!(POST "/api/budgets", Findings, budgets::set),
    route!(POST "/api/budgets/lift", Findings, budgets::lift),
    route!(GET "/api/honey", Findings, budgets::honey),
    route!(POST "/api/honey", Findings, budgets::add_honey),
    route!(GET "/api/leaks", Findings, leaked::state),
    route!(GET "/api/orders", OrderDesk, order_desk::state),
    route!(GET "/api/orders/kept", OrderDesk, order_desk::kept),
    route!(DELETE "/api/orders/kept/{kept}", OrderDesk, order_desk::drop_kept),
    route!(POST "/api/orders/merges/{merge}/undo", MoveStudy, order_desk::undo_merge),
    // QIDO-RS, PS3.18 section 10.6
    route!(GET "/dicom-web/studies", List, qido::studies),
    route!(GET "/dicom-web/studies/{study}/series", List, qido::series_of_study),
    route!(GET "/dicom-web/series", List, qido::series),
    route!(GET "/dicom-web/studies/{study}/instances", OpenListing, qido::instances_of_study),
    route!(GET "/dicom-web/studies/{study}/series/{series}/instances", OpenListing, qido::instances_of_series),
    route!(GET "/dicom-web/instances", List, qido::instances),
    // WADO-RS, PS3.18 section 10.4
    route!(GET "/dicom-web/studies/{study}", Open, wado::study),
    route!(GET "/dicom-web/studies/{study}/series/{series}", Open, wado::series),
    route!(GET "/dicom-web/studies/{study}/series/{series}/instances/{instance}", Open, wado::instance),
    route!(GET "/dicom-web/studies/{study}/metadata", OpenListing, wado::study_metadata),
    route!(GET "/dicom-web/studies/{study}/series/{series}/metadata", OpenListing, wado::series_metadata),
    route!(
        GET "/dicom-web/studies/{study}/series/{series}/instances/{instance}/metadata",
        OpenListing,
        wado::instance_metadata
    ),
    route!(GET "/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{frames}", Open, frames::frames),
    route!(
        GET "/dicom-web/studies/{study}/series/{series}/instances/{instance}/bulkdata/{range}",
        Open,
        frames::bulk_data
    ),
    route!(GET "/dicom-web/studies/{study}/rendered", Open, rendered::study),
    route!(GET "/dicom-web/studies/{study}/thumbnail", Open, rendered::study_thumbnail),
    route!(GET "/dicom-web/studies/{study}/series/{series}/rendered", Open, rendered::series),
    route!(GET "/dicom-web/studies/{study}/series/{series}/thumbnail", Open, rendered::series_thumbnail),
    route!(GET "/dicom-web/studies/{study}/series/{series}/instances/{instance}/rendered", Open, rendered::instance),
    route!(
        GET "/dicom-web/studies/{study}/series/{series}/instances/{instance}/thumbnail",
        Open,
        rendered::instance_thumbnail
    ),
    route!(
        GET "/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{frames}/rendered",
        Open,
        rendered::frame
    ),
    route!(
        GET "/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{frames}/thumbnail",
        Open,
        rendered::frame_thumbnail
    ),
    // STOW-RS, PS3.18 section 10.5
    route!(POST "/dicom-web/studies", Store, stow::store),
    route!(POST "/dicom-web/studies/{study}", Store, stow::store_study),
    // FHIR R4
    route!(GET "/fhir/ImagingStudy", List, imaging_study::search),
    route!(POST "/fhir/{resource}", Orders, fhir::tell),
];

/// The table as a router, inside of what every request passes.
pub(crate) fn router(app: App, policy: guard::Policy) -> Router {
    let possession = Possession::new(policy.public_origin(), app.warden.clone());
    let serving = Serving::new(app, policy.public_origin());
    let mut router = Router::new();
    for route in ROUTES {
        let filter = MethodFilter::try_from(route.method.clone()).expect("the table has ordinary methods only");
        router = router.route(route.path, (route.handler)(filter));
    }
    router
        .method_not_allowed_fallback(|| async { Failure::Method.into_response() })
        .fallback(assets::page)
        .with_state(serving)
        .layer(middleware::from_fn_with_state((policy, possession), guard::guard))
}
