//! Everything else that a page or a command asks: one file per resource.

mod about;
mod budgets;
mod cold;
mod directory;
mod exposure;
mod fronts;
mod incidents;
mod leaks;
mod ledger;
mod machine;
mod orders;
mod own;
mod questions;
mod relationships;
mod reports;
mod sessions;
mod studies;
mod window;
mod witnesses;

use model::{EntryBody, Instant};
use policy::{Denied, Service, Subject, Target};
use protocol::{Asking, ColdAsk, Credential, LinkRequest, PageReply, PageRequest, Refusal};

pub(crate) use self::directory::{field, unknown};
use crate::state::{Channel, Warden};
use crate::subject::Caller;

/// Which service a request is, and what it is called in the ledger when it is refused.
fn service_of(request: &PageRequest) -> (Service, &'static str) {
    match request {
        PageRequest::Me
        | PageRequest::FreshBegin { .. }
        | PageRequest::StillHere
        | PageRequest::Sessions { person: None }
        | PageRequest::EndSession { .. } => (Service::OwnSessions, "sessions"),
        PageRequest::Sessions { person: Some(_) } | PageRequest::SignedIn | PageRequest::EndDeviceToken { .. } => {
            (Service::AllSessions, "sessions")
        }
        PageRequest::People | PageRequest::Organisations | PageRequest::Devices => (Service::Directory, "directory"),
        PageRequest::AddOrganisation { .. }
        | PageRequest::AddPerson { .. }
        | PageRequest::IssueEnrolment { .. }
        | PageRequest::AddDevice { .. }
        | PageRequest::RotateToken { .. }
        | PageRequest::Relate { .. }
        | PageRequest::Unrelate { .. } => (Service::Manage, "manage"),
        PageRequest::MoveStudy { .. } => (Service::MoveStudy, "move"),
        PageRequest::StudyUid { .. } => (Service::OpenListing, "study"),
        PageRequest::MyStudies => (Service::OwnStudies, "own-studies"),
        PageRequest::MyAccesses => (Service::OwnAccesses, "own-accesses"),
        PageRequest::Entries { .. } | PageRequest::Checkpoint => (Service::Ledger, "ledger"),
        PageRequest::Cold(ColdAsk::Ask(_)) => (Service::Cold, "ask-for-cold"),
        PageRequest::Cold(request) => (crate::cold::service_of(request), "cold"),
        PageRequest::SetWitness { .. } | PageRequest::SetSink { .. } | PageRequest::ExportWindow(_) => {
            (Service::Machine, "machine")
        }
        PageRequest::Findings
        | PageRequest::AcknowledgeFinding { .. }
        | PageRequest::Budget { .. }
        | PageRequest::LiftBudget { .. }
        | PageRequest::SetBudget { .. }
        | PageRequest::AddHoney { .. }
        | PageRequest::Honey => (Service::Findings, "findings"),
        PageRequest::Approvals(request) => (crate::approvals::service_of(request), "approvals"),
        PageRequest::Accounts(request) => (crate::accounts::service_of(request), "accounts"),
        PageRequest::Removals(request) => (crate::removals::service_of(request), "removals"),
        PageRequest::BreakGlass(request) => (crate::break_glass::service_of(request), "break-glass"),
        PageRequest::Links(request) => (crate::sharing::service_of_link(request), "share"),
        PageRequest::Opinions(request) => (crate::sharing::service_of_opinion(request), "second-opinion"),
        PageRequest::Exposure { .. } | PageRequest::SignedExposure { .. } => (Service::Exposure, "exposure"),
        PageRequest::Incidents
        | PageRequest::Incident { .. }
        | PageRequest::OpenIncident { .. }
        | PageRequest::ChangeIncident { .. } => (Service::Exposure, "incident"),
        PageRequest::Questions | PageRequest::AnswerQuestion { .. } => (Service::Exposure, "questions"),
        PageRequest::MyQuestions | PageRequest::AskQuestion { .. } => (Service::OwnAccesses, "own-questions"),
        PageRequest::Health | PageRequest::Snapshot { .. } | PageRequest::DiskHolds { .. } | PageRequest::Fronts(_) => {
            (Service::Machine, "machine")
        }
        PageRequest::Unseal(_) => (Service::Machine, "unseal"),
        PageRequest::Leaks(protocol::LeakRequest::State) => (Service::Findings, "leaks"),
        PageRequest::Leaks(_) => (Service::Machine, "leaks"),
        PageRequest::Orders(request) => (orders::service_of(request), "orders"),
    }
}

/// Whether policy decides in the flow, which knows the study, or whose it is. It records what it refuses.
fn is_decided_by_its_flow(request: &PageRequest) -> bool {
    matches!(
        request,
        PageRequest::StudyUid { .. }
            | PageRequest::Cold(ColdAsk::Ask(_) | ColdAsk::OfStudy { .. })
            | PageRequest::Links(LinkRequest::End { .. } | LinkRequest::EndOwn)
    )
}

/// Whether the flow looks, after policy, who may do exactly this. It says no without an entry of its own.
fn looks_further(request: &PageRequest) -> bool {
    matches!(
        request,
        PageRequest::Approvals(_)
            | PageRequest::Accounts(_)
            | PageRequest::Removals(_)
            | PageRequest::BreakGlass(_)
            | PageRequest::Cold(ColdAsk::Endorse { .. } | ColdAsk::Refuse { .. })
    )
}

impl Warden {
    /// Answers a page or a command.
    pub(crate) async fn ask(
        &self,
        credential: &Credential,
        channel: Channel,
        request: PageRequest,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        if channel == Channel::Holder {
            return self.holder_page(request, now).await;
        }
        let caller = self.caller(credential, channel, Asking::Page(&request), now).await?;
        let (service, action) = match (&caller.subject, &request) {
            // the owner of the machine has no session of their own: it is another's that ends
            (Subject::Owner, PageRequest::EndSession { .. }) => (Service::AllSessions, "sessions"),
            _ => service_of(&request),
        };
        if !is_decided_by_its_flow(&request) {
            let target = match (&caller.who, service) {
                (
                    Some(model::Who::Person(person)),
                    Service::OwnSessions | Service::OwnStudies | Service::OwnAccesses,
                ) => Target::Person(*person),
                _ => match &request {
                    PageRequest::Accounts(request) => self.target_of(request),
                    _ => Target::Nothing,
                },
            };
            if let Err(denied) = policy::decide(&caller.subject, service, target, now) {
                return Err(self.refuse(&caller, action, None, denied, now).await);
            }
        }
        let looks_further = looks_further(&request);
        match self.answer(&caller, request, now).await {
            Err(Refusal::FreshNeeded) => self.refused_within(&caller, action, "touch", Refusal::FreshNeeded, now).await,
            Err(Refusal::NotAllowed) if looks_further => {
                self.refused_within(&caller, action, Denied::Role.word(), Refusal::NotAllowed, now).await
            }
            answer => answer,
        }
    }

    /// Records what a flow refused although policy had let it through: an act without its touch, a decision that is not theirs.
    async fn refused_within(
        &self,
        caller: &Caller,
        action: &str,
        reason: &str,
        refusal: Refusal,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let body = EntryBody::Refused { action: action.to_owned(), what: None, reason: reason.to_owned() };
        self.record_limited(caller, body, now).await?;
        Err(refusal)
    }

    /// Answers what policy let through.
    async fn answer(&self, caller: &Caller, request: PageRequest, now: Instant) -> Result<PageReply, Refusal> {
        match request {
            PageRequest::Me => self.me(caller),
            PageRequest::FreshBegin { act } => self.begin_fresh(caller, act, now),
            // the entry of the touch says it to the budgets
            PageRequest::StillHere => caller.touched().map(|_| PageReply::Done),
            PageRequest::Sessions { person } => self.sessions(caller, person, now),
            PageRequest::EndSession { session } => self.end_session(caller, session, now).await,
            PageRequest::SignedIn => Ok(self.signed_in_rows(caller, now)),
            PageRequest::EndDeviceToken { device } => self.end_device_token(caller, device, now),
            PageRequest::RotateToken { name, until } => self.rotate_token(caller, &name, until, now),
            PageRequest::People => Ok(PageReply::People(self.people.lock().expect(HELD).person_rows())),
            PageRequest::Organisations => {
                Ok(PageReply::Organisations(self.people.lock().expect(HELD).organisation_rows(now)))
            }
            PageRequest::Devices => Ok(PageReply::Devices(self.people.lock().expect(HELD).device_rows())),
            PageRequest::AddOrganisation { name, authorisation } => {
                self.add_organisation(caller, &name, authorisation, now)
            }
            PageRequest::AddPerson { email, name, role, organisation, password_and_code, own_record } => {
                let new = directory::PersonToAdd { email, name, role, organisation, password_and_code, own_record };
                self.add_person(caller, new, now)
            }
            PageRequest::IssueEnrolment { email } => self.issue_enrolment(caller, &email, false, now),
            PageRequest::AddDevice { name, organisation, may, ae_title, from, token, bound, token_until } => {
                let new = directory::DeviceToAdd { name, organisation, may, ae_title, from, token, bound, token_until };
                self.add_device(caller, new, now)
            }
            PageRequest::Relate { who, whom, tier, from, until, basis } => {
                let window = model::Window { from, to: until };
                self.relate(caller, &who, &whom, tier, window, &basis, now).await
            }
            PageRequest::Unrelate { who, whom, until } => self.unrelate(caller, &who, &whom, until, now).await,
            PageRequest::MoveStudy { study, patient, reason } => {
                self.move_study(caller, &study, &patient, &reason).await
            }
            PageRequest::StudyUid { study } => self.study_uid(caller, study, now).await,
            PageRequest::MyStudies => self.own_studies(caller, now).await,
            PageRequest::MyAccesses => self.own_accesses(caller, now).await,
            PageRequest::Entries { from, limit } => self.entries(from, limit),
            PageRequest::Checkpoint => Ok(PageReply::Checkpoint(self.ledger.checkpoint())),
            PageRequest::Exposure { who, window } => self.exposure(caller, &who, window, now),
            PageRequest::SignedExposure { who, window, incident } => {
                self.signed_exposure(caller, &who, window, incident, now).await
            }
            PageRequest::Incidents => Ok(self.incident_rows(now)),
            PageRequest::Incident { incident } => self.incident(incident, now),
            PageRequest::OpenIncident { title, about, window, aware } => {
                let new = incidents::NewIncident { title, about, window, aware };
                self.open_incident(caller, &new, now)
            }
            PageRequest::ChangeIncident { incident, change } => self.change_incident(caller, incident, change, now),
            PageRequest::Questions => self.questions(caller, now),
            PageRequest::AnswerQuestion { question, text } => self.answer_question(caller, question, &text, now),
            PageRequest::MyQuestions => Ok(self.own_questions(caller, now)),
            PageRequest::AskQuestion { access, text } => self.ask_question(caller, access, &text, now),
            PageRequest::DiskHolds { disk, filesystem, holds, instead_of } => {
                self.disk_holds(caller, disk, filesystem, holds, instead_of, now)
            }
            PageRequest::Cold(asked) => self.cold_page(caller, asked, now).await,
            PageRequest::ExportWindow(request) => self.export_window(caller, request, now),
            PageRequest::SetSink { path, on } => self.set_sink(caller, path, on, now),
            PageRequest::SetWitness { url, vkeys } => self.set_witness(caller, url, vkeys, now),
            PageRequest::Findings => self.findings(),
            PageRequest::AcknowledgeFinding { finding, note } => self.acknowledge(caller, finding, &note, now),
            PageRequest::Budget { whose } => self.budget(&whose, now),
            PageRequest::LiftBudget { whose, note } => self.lift_budget(caller, &whose, &note, now),
            PageRequest::SetBudget { whose, ceilings } => self.set_budget(caller, &whose, ceilings, now),
            PageRequest::AddHoney { count } => self.add_honey(caller, count, now),
            PageRequest::Honey => self.honey_rows(),
            PageRequest::Health => self.health(),
            PageRequest::Snapshot { into } => self.snapshot(std::path::Path::new(&into)),
            PageRequest::Fronts(request) => self.fronts(caller, request, now),
            PageRequest::Approvals(request) => self.approvals(caller, request, now),
            PageRequest::Accounts(request) => self.accounts(caller, request, now),
            PageRequest::Removals(request) => self.removals(caller, request, now),
            PageRequest::BreakGlass(request) => self.break_glass(caller, request, now),
            PageRequest::Links(request) => self.links(caller, request, now).await,
            PageRequest::Opinions(request) => self.opinions(caller, request, now).await,
            PageRequest::Unseal(request) => self.ask_unseal(caller, request, now),
            PageRequest::Leaks(request) => self.leaks(caller, request, now).await,
            PageRequest::Orders(request) => self.orders_page(caller, request, now),
        }
    }

    /// Records entries by somebody, or says that it cannot.
    pub(crate) fn append(
        &self,
        caller: &Caller,
        bodies: Vec<model::EntryBody>,
        now: Instant,
    ) -> Result<audit::Appended, Refusal> {
        let entries = bodies.into_iter().map(|body| (caller.actor.clone(), body)).collect();
        self.ledger.append(entries, now).map_err(|error| self.cannot_record(&error))
    }
}

/// Why a lock is never poisoned.
pub(crate) const HELD: &str = "no holder panics";
