//! A change in one English sentence, and the names behind its numbers. The pages have their own sentences, in two languages.

use identity::People;
use model::{Change, OrganisationId, PersonId, Role, Tier, Who};

/// Names for the numbers in a change: `person:7`, `organisation:2`, `device:3`.
pub(super) fn names(people: &People, change: &Change) -> Vec<(String, String)> {
    let person = |person: &PersonId| (format!("person:{person}"), person_name(people, *person));
    let organisation = |organisation: &OrganisationId| {
        (format!("organisation:{organisation}"), organisation_name(people, *organisation))
    };
    match change {
        Change::Role { person: who, .. } | Change::Enrol { person: who } | Change::ClosePerson { person: who } => {
            vec![person(who)]
        }
        Change::AddPerson { organisation: which, .. } => vec![organisation(which)],
        Change::Relate { relationship } => vec![match &relationship.who {
            Who::Person(who) => person(who),
            Who::Organisation(which) => organisation(which),
            Who::Device(device) => {
                let name = people.device(*device).map(|device| device.name().to_owned());
                (format!("device:{device}"), name.unwrap_or_default())
            }
        }],
        _ => Vec::new(),
    }
}

/// The sentence.
pub(super) fn sentence(names: &[(String, String)], change: &Change) -> String {
    let name = names.first().map(|(_, name)| name.as_str()).unwrap_or_default();
    match change {
        Change::Role { from, to, .. } => format!("{name} becomes {} instead of {}", role(*to), role(*from)),
        Change::AddPerson { email, name: new, role: given, .. } => {
            format!("{new} <{email}> is added as {} in {name}", role(*given))
        }
        Change::Enrol { .. } => format!("{name} gets a new enrolment link; whoever holds it signs in as them"),
        Change::ClosePerson { .. } => format!("the account of {name} is closed"),
        Change::Relate { relationship } => format!(
            "{name} {} every patient of this site ({})",
            if relationship.tier == Tier::Open { "reads the images of" } else { "sees the names of" },
            relationship.basis
        ),
        Change::ApprovalRule { rule } => format!(
            "changes wait {} instead of as long as now, and a new site is set up for {}",
            duration(rule.delay_seconds),
            duration(rule.setup_seconds)
        ),
        Change::BreakGlassRule { rule } => format!(
            "break-glass lasts at most {}, and is reviewed within {}",
            duration(rule.seconds_max),
            duration(rule.review_seconds)
        ),
        Change::Shred { patient, studies, whole_patient, reason } => format!(
            "the keys of {} studies of patient {patient} are destroyed for good{} ({reason})",
            studies.len(),
            if *whole_patient { ", with what is known of the patient" } else { "" }
        ),
        Change::RotateKeys => "every key is wrapped again, and the old epoch keys are destroyed".to_owned(),
        Change::ColdHolders { threshold, holders, .. } => format!(
            "{threshold} of these hold what goes cold from then on: {}",
            holders.iter().map(|holder| holder.name.as_str()).collect::<Vec<_>>().join(", ")
        ),
        Change::Unknown => "a change that another version of leadglass knows".to_owned(),
    }
}

fn person_name(people: &People, person: PersonId) -> String {
    people.person(person).map_or_else(|| format!("person {person}"), |one| format!("{} <{}>", one.name(), one.email()))
}

fn organisation_name(people: &People, organisation: OrganisationId) -> String {
    people
        .organisation(organisation)
        .map_or_else(|| format!("organisation {organisation}"), |one| one.name().to_owned())
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Patient => "patient",
        Role::Referrer => "referrer",
        Role::Radiologist => "radiologist",
        Role::Technologist => "technologist",
        Role::Officer => "officer",
        Role::Administrator => "administrator",
        Role::OfficerAdministrator => "officer and administrator",
    }
}

fn duration(seconds: i64) -> String {
    match seconds {
        seconds if seconds > 0 && seconds % 86_400 == 0 => format!("{} days", seconds / 86_400),
        seconds if seconds > 0 && seconds % 3_600 == 0 => format!("{} hours", seconds / 3_600),
        seconds if seconds > 0 && seconds % 60 == 0 => format!("{} minutes", seconds / 60),
        seconds => format!("{seconds} seconds"),
    }
}
