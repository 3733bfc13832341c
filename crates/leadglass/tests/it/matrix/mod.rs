//! Every kind of caller on every route in every relationship, against the decisions of `policy` and the tables of `docs/access.md`.

mod actors;

use model::{EntryNumber, Instant, OrganisationId, PatientNumber, PersonId, StudyNumber, Tier};
use phantom::{ct_instance, uid};
use policy::{Reach, Service, Target};
use portal::routes::{ROUTES, Route};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::requests;
use actors::{Actor, Body, COLLEAGUE, NOBODY, Place, Scene, State, names};

/// What a caller got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Got {
    /// The answer, or an error that has nothing to do with who asks.
    Yes,
    /// It is reached, and its holders must agree first.
    Cold,
    /// Refused, or a list without the study.
    No,
}

impl Got {
    fn cell(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Cold => "cold",
            Self::No => "-",
        }
    }
}

fn is_about_a_study(route: &Route) -> bool {
    route.path.contains("{study}") || route.path.contains("{number}") || lists_studies(route)
}

/// Lists are allowed to whoever may list at all; what stands in them is a matter of relationships.
fn lists_studies(route: &Route) -> bool {
    let lists = matches!(route.service, Service::List | Service::OwnStudies);
    lists && !matches!(route.path, "/api/studies/{study}" | "/api/studies/number/{number}")
}

fn target(route: &Route) -> Target {
    match route.service {
        Service::OwnSessions | Service::OwnStudies | Service::OwnAccesses => Target::Person(PersonId(7)),
        Service::Delegate => Target::Organisation(OrganisationId(1)),
        _ => {
            let reach = Some(Reach { tier: Tier::Open, entry: EntryNumber(0), until: Instant::MAX });
            Target::Study { patient: PatientNumber(1), study: StudyNumber(1), reach }
        }
    }
}

fn allows(actor: &Actor, service: Service, target: Target) -> bool {
    policy::decide(&actor.subject, service, target, Instant(0)).is_ok()
}

/// What `policy` says of a caller who stands in the best relationship there is. Three routes are decided by whose it is as well:
/// whoever came by a link closes it and asks for no cold study, an officer ends everybody's link and asks for any.
fn decided(actor: &Actor, route: &Route) -> bool {
    let by_link = matches!(actor.subject, policy::Subject::Link { .. });
    match (route.method.as_str(), route.path) {
        ("POST", "/api/sign-out") if by_link => true,
        ("POST", "/api/studies/{study}/cold") if by_link => false,
        ("DELETE", "/api/links/{link}") if allows(actor, Service::AllLinks, Target::Nothing) => true,
        _ => allows(actor, route.service, target(route)) || asks_for_any(actor, route),
    }
}

fn asks_for_any(actor: &Actor, route: &Route) -> bool {
    let asks = route.method == "POST" && route.path == "/api/studies/{study}/cold";
    asks && allows(actor, Service::Cold, Target::Nothing)
}

fn body(route: &Route, patient: u32) -> Body {
    let content_type = requests::content_type(route);
    match route.service {
        Service::Store => Body::Other(content_type, ct_instance(NOBODY - 1, 1, 1, 1, 16, 16)),
        Service::Orders => Body::Other(content_type, requests::body(route).to_string().into_bytes()),
        _ => {
            let mut body = requests::body(route);
            match route.service {
                Service::SecondOpinion => {
                    body["colleague"] = json!(COLLEAGUE);
                    body["seconds"] = json!(86_400);
                }
                Service::Share => body["seconds"] = json!(86_400),
                Service::MoveStudy if route.path.ends_with("/move") => {
                    body["patient"] = json!(format!("DEMO/M{patient:08}"))
                }
                Service::Delegate => body["organisation"] = json!("Practice"),
                Service::Open => body["until"] = json!(far()),
                _ => {}
            }
            Body::Json(body)
        }
    }
}

/// A day that is to come.
fn far() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_micros()).unwrap() + 3_600_000_000
}

/// Sends a request of a caller about a patient's study. A client that is told to try again does.
fn send(scene: &Place, actor: &Actor, route: &Route, patient: u32) -> Answer {
    send_through(scene, actor, route, patient, patient)
}

/// The same, by the link to another patient's study where the caller came by one.
fn send_through(scene: &Place, actor: &Actor, route: &Route, patient: u32, link: u32) -> Answer {
    let mut names = names(patient, &scene.numbers);
    names.session = actor.session();
    let path = requests::path(route, &names);
    let query = match route.path {
        "/api/studies" => format!("?words=M{patient:08}"),
        "/dicom-web/studies" | "/dicom-web/series" | "/dicom-web/instances" if route.method == "GET" => {
            format!("?StudyInstanceUID={}", names.study)
        }
        _ => String::new(),
    };
    let method = route.method.as_str();
    let body = body(route, patient);
    let mut answer = actor.send(&scene.site, method, &format!("{path}{query}"), &body, link);
    for _ in 0..50 {
        // a download of before may still be on its way
        let busy = answer.status == 429 && route.service == Service::Download;
        if busy {
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
        // the other callers act meanwhile: an act that ends leases cuts an answer off that is on its way
        let cut = answer.status == 0 && method == "GET";
        if answer.status == 503 || busy || cut {
            answer = actor.send(&scene.site, method, &format!("{path}{query}"), &body, link);
        }
    }
    assert!(answer.status != 0 && answer.status < 500, "{} {method} {path}: {}", actor.heading, text(&answer));
    let ended = matches!(route.path, "/api/sign-out" | "/api/sessions/{session}");
    if ended && answer.status == 204 {
        actor.renew(link);
    }
    answer
}

fn text(answer: &Answer) -> String {
    format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body))
}

/// Whether somebody was refused for who they are or how they stand.
fn got(route: &Route, answer: &Answer, patient: u32) -> Got {
    let json = answer.json();
    match answer.status {
        // a wrong password is not a matter of who asks
        401 if policy::is_open_to_strangers(route.service) => Got::Yes,
        // the act wants something to be touched first, of whoever may do it
        403 if !json["fresh"].is_null() => Got::Yes,
        401 | 403 => Got::No,
        404 if is_about_a_study(route) => Got::No,
        409 if json["error"].as_str().is_some_and(|error| error.contains("cold")) => Got::Cold,
        204 | 200 if lists_studies(route) && !shows(answer, patient) => Got::No,
        _ => Got::Yes,
    }
}

fn shows(answer: &Answer, patient: u32) -> bool {
    let uid = uid(&[9, patient, 1]);
    answer.body.windows(uid.len() + 1).any(|part| part == format!("{uid}\"").as_bytes())
}

/// Nothing of any patient stands in a refusal.
fn check_silent(actor: &Actor, route: &Route, answer: &Answer) {
    let body = String::from_utf8_lossy(&answer.body);
    for word in ["M0000000", "Measured", "DEMO", "2.25.2974"] {
        assert!(!body.contains(word), "{} {} {}: {body}", actor.heading, route.method, route.path);
    }
}

/// A *yes* about a study is an answer with it: no error may pass for one that would come for another reason. A study that is filed
/// where it is already, and one that is asked for and open, are errors of their own.
fn check_answered(actor: &Actor, route: &Route, answer: &Answer) {
    let cold = route.method == "POST" && route.path == "/api/studies/{study}/cold";
    if is_about_a_study(route) && !cold && !matches!(route.service, Service::MoveStudy | Service::Store) {
        let (heading, method, path) = (actor.heading, &route.method, route.path);
        assert!((200..300).contains(&answer.status), "{heading} {method} {path}: {}", text(answer));
    }
}

/// Status, body and every header but the time and the nonce. A search says again whom it was asked for.
fn looks(answer: &Answer, patient: u32) -> (u16, Vec<String>, String) {
    let varies = |line: &str| ["date:", "dpop-nonce:"].iter().any(|name| line.to_ascii_lowercase().starts_with(name));
    let headers = answer.headers.lines().filter(|line| !varies(line)).map(str::to_owned).collect();
    let asked = format!("?patient=DEMO%7CM{patient:08}&");
    (answer.status, headers, String::from_utf8_lossy(&answer.body).replace(&asked, "?patient=..&"))
}

/// Routes in the order of the services, as the table of services has them.
fn sorted() -> Vec<&'static Route> {
    let mut routes: Vec<&Route> = ROUTES.iter().collect();
    routes.sort_by_key(|route| Service::ALL.iter().position(|service| *service == route.service));
    routes
}

fn summary(route: &Route) -> String {
    let document: Value = serde_json::from_str(include_str!("../../../../portal/src/openapi.json")).unwrap();
    let summary = &document["paths"][route.path][route.method.as_str().to_lowercase()]["summary"];
    summary.as_str().unwrap_or_else(|| panic!("{} {} has no summary", route.method, route.path)).to_owned()
}

fn row(cells: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let cells: Vec<String> = cells.into_iter().map(|cell| cell.as_ref().replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// Compares a table with what stands between two marks of `docs/access.md`. `LEADGLASS_BLESS=access` writes it there.
fn compare(name: &str, wanted: &str) -> Result<(), String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/access.md");
    let document = std::fs::read_to_string(page).unwrap();
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = document.split_once(&begin).expect("the mark stands in docs/access.md");
    let (stands, after) = rest.split_once(&end).expect("the other mark stands in docs/access.md");
    if stands == wanted {
        return Ok(());
    }
    if std::env::var("LEADGLASS_BLESS").is_ok_and(|what| what == "access") {
        std::fs::write(page, [before, &begin, wanted, &end, after].concat()).unwrap();
        return Ok(());
    }
    let only = |one: &str, other: &str| -> Vec<String> {
        one.lines().filter(|line| !other.lines().any(|own| own == *line)).map(str::to_owned).collect()
    };
    let (missing, odd) = (only(wanted, stands).join("\n"), only(stands, wanted).join("\n"));
    Err(format!("{name}: docs/access.md lacks\n{missing}\nand has\n{odd}\nThe whole table:\n{begin}{wanted}{end}"))
}

/// Lets every caller go through the routes, all of them at one time.
fn each<T: Send>(scene: &mut Scene, go: impl Fn(&Place, &Actor) -> T + Sync) -> Vec<T> {
    let (place, go) = (&scene.place, &go);
    std::thread::scope(|scope| {
        let going: Vec<_> = scene.actors.iter_mut().map(|actor| scope.spawn(move || go(place, actor))).collect();
        going.into_iter().map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// What every caller gets on every route in the best relationship that they can have.
fn by_caller(scene: &mut Scene) -> Vec<Vec<Got>> {
    let found = each(scene, |place, actor| {
        let mut wrong = Vec::new();
        let row: Vec<Got> = sorted()
            .into_iter()
            .map(|route| {
                let answer = send(place, actor, route, State::Open.patient());
                let got = got(route, &answer, State::Open.patient());
                if got == Got::No && !lists_studies(route) {
                    check_silent(actor, route, &answer);
                }
                if got == Got::Yes {
                    check_answered(actor, route, &answer);
                }
                if (got != Got::No) != decided(actor, route) {
                    wrong.push(format!("{}: {} {}: {}", actor.heading, route.method, route.path, text(&answer)));
                }
                got
            })
            .collect();
        (row, wrong)
    });
    let (found, wrong): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let wrong = wrong.concat();
    assert!(wrong.is_empty(), "not as policy decides:\n{}", wrong.join("\n"));
    found
}

fn table_of_callers(scene: &Scene, found: &[Vec<Got>]) -> String {
    let mut head = vec!["service", "what it does", "route"];
    head.extend(scene.actors.iter().map(|actor| actor.heading));
    let mut table = row(&head) + &row(head.iter().map(|_| "---"));
    for (at, route) in sorted().into_iter().enumerate() {
        let mut cells =
            vec![format!("{:?}", route.service), summary(route), format!("`{} {}`", route.method, route.path)];
        cells.extend(found.iter().map(|column| column[at].cell().to_owned()));
        table += &row(cells);
    }
    table
}

/// Whether an answer may depend on whether the study is there: to whoever files studies (by the numbers that the ledger shows),
/// stores them or asks for cold ones without seeing any, and to nobody else.
fn hides_studies(actor: &Actor, route: &Route) -> bool {
    let by_number = route.path.contains("{number}") && allows(actor, Service::MoveStudy, Target::Nothing);
    !matches!(route.service, Service::MoveStudy | Service::Store) && !asks_for_any(actor, route) && !by_number
}

/// What a caller gets on a route by how they stand to the patient. Whoever reaches nothing must not see that the study is there.
fn in_every_state(place: &Place, actor: &Actor, route: &Route) -> [Got; 6] {
    State::ALL.map(|state| {
        let answer = send(place, actor, route, state.patient());
        if state.reaches_nothing() && hides_studies(actor, route) {
            let nobody = looks(&send_through(place, actor, route, NOBODY, state.patient()), NOBODY);
            assert_eq!(
                looks(&answer, state.patient()),
                nobody,
                "{} {state:?}: {} {}",
                actor.heading,
                route.method,
                route.path
            );
        }
        let got = got(route, &answer, state.patient());
        if got == Got::No && !lists_studies(route) {
            check_silent(actor, route, &answer);
        }
        if got == Got::Yes {
            check_answered(actor, route, &answer);
        }
        got
    })
}

fn by_state(scene: &mut Scene, found: &[Vec<Got>]) -> String {
    let about: Vec<(usize, &Route)> =
        sorted().into_iter().enumerate().filter(|(_, route)| is_about_a_study(route)).collect();
    let states = each(scene, |place, actor| {
        about.iter().map(|(_, route)| in_every_state(place, actor, route)).collect::<Vec<_>>()
    });
    let mut head = vec!["what it does", "route", "for whom"];
    head.extend(State::ALL.iter().map(|state| state.heading()));
    let mut table = row(&head) + &row(head.iter().map(|_| "---"));
    for (place, (at, route)) in about.iter().enumerate() {
        let mut alike: Vec<(Vec<&str>, [Got; 6])> = Vec::new();
        for ((actor, of), best) in scene.actors.iter().zip(&states).zip(found) {
            let of = of[place];
            if best[*at] == Got::No {
                assert_eq!(of, [Got::No; 6], "{}: {} {}", actor.heading, route.method, route.path);
                continue;
            }
            match alike.iter_mut().find(|(_, own)| *own == of) {
                Some((callers, _)) => callers.push(actor.heading),
                None => alike.push((vec![actor.heading], of)),
            }
        }
        for (callers, states) in alike {
            let mut cells = vec![summary(route), format!("`{} {}`", route.method, route.path), callers.join(", ")];
            cells.extend(states.iter().map(|got| got.cell().to_owned()));
            table += &row(cells);
        }
    }
    table
}

#[test]
fn every_role_on_every_route_in_every_relationship_is_as_the_tables_for_the_officer_say() {
    let began = std::time::Instant::now();
    let mut scene = Scene::new();
    println!("made after {:?}", began.elapsed());
    let found = by_caller(&mut scene);
    println!("callers after {:?}", began.elapsed());
    let callers = table_of_callers(&scene, &found);
    let states = by_state(&mut scene, &found);
    println!("states after {:?}", began.elapsed());
    let compared = [compare("routes and callers", &callers), compare("routes and relationships", &states)];
    let wrong: Vec<String> = compared.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
