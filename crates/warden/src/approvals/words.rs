//! A change in one English sentence, and the names behind its numbers. The pages have their own sentences, in two languages.

use identity::People;
use model::{
    Assurance, AuthenticatorRule, Ceilings, Change, ColdHolder, ColdRule, HolderKind, Instant, Measure, Network,
    OrderRule, OrganisationId, PersonId, Priors, Role, SECOND, Tier, UnsealMethodAdded, UnsealMethodGone, Who, Whose,
    Window,
};

use crate::honey::civil;

/// Names for the numbers in a change: `person:7`, `organisation:2`, `device:3`.
pub(super) fn names(people: &People, change: &Change) -> Vec<(String, String)> {
    let person = |person: &PersonId| (format!("person:{person}"), person_name(people, *person));
    let organisation = |organisation: &OrganisationId| {
        (format!("organisation:{organisation}"), organisation_name(people, *organisation))
    };
    let device = |device: &model::DeviceId| {
        let name = people.device(*device).map(|device| device.name().to_owned());
        (format!("device:{device}"), name.unwrap_or_default())
    };
    match change {
        Change::Role { person: who, .. } | Change::Enrol { person: who } | Change::ClosePerson { person: who } => {
            vec![person(who)]
        }
        Change::AddPerson { organisation: which, .. } | Change::Authenticators { organisation: which, .. } => {
            vec![organisation(which)]
        }
        Change::Join { person: who, organisation: which } => vec![person(who), organisation(which)],
        Change::OrderRule { rule } => rule.reading_group.iter().chain(rule.places.values()).map(organisation).collect(),
        Change::Relate { relationship } => vec![match &relationship.who {
            Who::Person(who) => person(who),
            Who::Organisation(which) => organisation(which),
            Who::Device(which) => device(which),
            // no proposal makes one of a link
            Who::Link(link) => (format!("link:{link}"), String::new()),
        }],
        Change::RaiseCeilings { about, .. } | Change::LiftBudget { about, .. } => match about {
            Whose::Person(who) => vec![person(who)],
            Whose::Organisation(which) => vec![organisation(which)],
            Whose::Device(which) => vec![device(which)],
            Whose::Site => Vec::new(),
        },
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
        Change::SharingRule { rule } => format!(
            "{}, for at most {} days",
            match (rule.patients, rule.clinicians) {
                (true, true) => "patients and clinicians may share a study by a link",
                (true, false) => "patients may share their studies by a link, clinicians may not",
                (false, true) => "clinicians may share a study by a link, patients may not",
                (false, false) => "nobody may share a study by a link",
            },
            rule.days_max
        ),
        Change::NetworkRule { rule } if rule.networks.is_empty() => "no network is known any more".to_owned(),
        Change::NetworkRule { rule } => {
            let networks: Vec<String> = rule.networks.iter().map(network).collect();
            format!("signs of sharing go by these networks: {}", networks.join("; "))
        }
        Change::Shred { patient, studies, whole_patient, reason } => format!(
            "the keys of {} studies of patient {patient} are destroyed for good{} ({reason})",
            studies.len(),
            if *whole_patient { ", with what is known of the patient" } else { "" }
        ),
        Change::RotateKeys => "every key is wrapped again, and the old epoch keys are destroyed".to_owned(),
        Change::ColdHolders { threshold, holders, .. } => format!(
            "{threshold} of these hold what goes cold from then on: {}",
            holders.iter().map(holder).collect::<Vec<_>>().join(", ")
        ),
        Change::ReplaceColdHolders { threshold, holders, .. } => format!(
            "{threshold} of these hold everything that is cold, also what is cold already once enough of its holders hand it over: {}",
            holders.iter().map(holder).collect::<Vec<_>>().join(", ")
        ),
        Change::ColdRule { rule } => cold_rule(rule),
        Change::OrderRule { rule } => order_rule(names, rule),
        Change::AddWitness { url, vkeys } => {
            format!("the witness {url} cosigns the ledger, known by {}", vkeys.join(" and "))
        }
        Change::RemoveWitness { url } => {
            format!("the witness {url} is asked no more; what it would have shown is not seen any more")
        }
        Change::AddSink { path } => format!("every entry of the ledger goes to the folder {path} too"),
        Change::RemoveSink { path } => format!("entries of the ledger go to the folder {path} no more"),
        Change::ExportWindow { window } => format!(
            "the keys of {} leave the warden, once; whoever holds them reads every entry of those days",
            days(*window)
        ),
        Change::Unseal { added, removed, .. } => unseal(added, removed),
        Change::NewRoot { removed, .. } => {
            let gone = unseal(&[], removed);
            let also = if gone.is_empty() { String::new() } else { format!("; {gone}") };
            format!("the root is replaced by a new one, once, within seven days{also}")
        }
        Change::RaiseCeilings { from, to, .. } => {
            format!(
                "{} may read more: {}",
                if name.is_empty() { "everybody together" } else { name },
                ceilings(from, to)
            )
        }
        Change::LiftBudget { note, .. } => format!(
            "what stops {} is lifted, and what was read so far counts as in order ({note})",
            if name.is_empty() { "everybody together" } else { name }
        ),
        Change::Join { .. } => {
            let of = names.get(1).map(|(_, name)| name.as_str()).unwrap_or_default();
            format!("{name} joins {of}, which reads every patient of this site")
        }
        Change::Authenticators { from, to, .. } => format!("{name} takes {} instead of {}", rule(to), rule(from)),
        Change::EraseEntry { entry, reason } => {
            format!("the words of entry {entry} of the ledger are erased for good ({reason})")
        }
        Change::Unknown => "a change that another version of leadglass knows".to_owned(),
    }
}

fn network(network: &Network) -> String {
    let mut words = format!("{} is {}", network.name, network.blocks.join(" and "));
    if let Some(at) = network.at {
        let degrees = |hundredths: i16| f64::from(hundredths) / 100.0;
        words.push_str(&format!(" at {:.2}, {:.2}", degrees(at.latitude), degrees(at.longitude)));
    }
    if let Some(minutes) = network.utc_minutes {
        words.push_str(&format!(
            " with the time of UTC{}{:02}:{:02}",
            if minutes < 0 { '-' } else { '+' },
            minutes.abs() / 60,
            minutes.abs() % 60
        ));
    }
    words
}

/// Every place and authority by name: whoever approves sees who comes to read what.
fn order_rule(names: &[(String, String)], rule: &OrderRule) -> String {
    let name = |organisation: &OrganisationId| {
        let key = format!("organisation:{organisation}");
        names.iter().find(|(known, _)| *known == key).map(|(_, name)| name.as_str()).unwrap_or_default()
    };
    let group = rule.reading_group.as_ref().map_or("nobody", name);
    let places = rule.places.iter().map(|(place, reader)| format!("; {} reads what is at {place:?}", name(reader)));
    let authorities = rule.authorities.iter().map(|(authority, issuer)| match issuer.as_str() {
        "" => format!("; patients of the authority {authority:?} are those of images without an issuer"),
        issuer => format!("; patients of the authority {authority:?} are those of the issuer {issuer:?}"),
    });
    format!(
        "an order gives its referrer and, where no place says otherwise, {group} a relationship of {} days and {} more after it was done{}; \
         one sender may tell {} orders a day, {} without an appointment, and {} merges",
        rule.open_days,
        rule.grace_days,
        places.chain(authorities).collect::<String>(),
        rule.orders_per_day,
        rule.unmatched_per_day,
        rule.merges_per_day
    )
}

/// A holder with the key and what it may do: whoever approves sees who opens alone.
fn holder(holder: &ColdHolder) -> String {
    let may = match holder.kind {
        HolderKind::Sharing => "one share",
        HolderKind::Emergency => "enough ALONE for one patient at a time",
        HolderKind::Service => "enough ALONE for the priors of orders",
    };
    format!("{} ({may}; key {})", holder.name, holder.key)
}

/// Which authenticators a rule takes.
fn rule(rule: &AuthenticatorRule) -> String {
    let passkeys = if rule.wants_device_bound() { "passkeys that stay on one device" } else { "passkeys" };
    let makers = if rule.makers.is_empty() { "" } else { " of certain makers" };
    let until = rule.password_until.map(|until| {
        let (year, month, day) = civil(until.0.div_euclid(86_400 * SECOND));
        format!(", and passwords with a code until {year:04}-{month:02}-{day:02} (UTC)")
    });
    let level = match rule.assurance {
        None => "",
        Some(Assurance::Aal2) => ", with the times of AAL2",
        Some(Assurance::Aal3) => ", with the times of AAL3",
    };
    format!("{passkeys}{makers}{}{level}", until.unwrap_or_default())
}

fn cold_rule(rule: &ColdRule) -> String {
    let priors = match rule.priors {
        Priors::All => "all priors".to_owned(),
        Priors::None => "no priors".to_owned(),
        Priors::Years(years) => format!("priors of {years} years"),
    };
    format!(
        "studies go cold {} after their last reason; an order asks for {priors}; one holder alone warms {} patients a day for \
         orders and {} in emergencies",
        duration(rule.after_seconds),
        rule.service_per_day,
        rule.emergency_per_day
    )
}

/// The whole days in UTC that a window touches.
fn days(window: Window) -> String {
    let day = |at: Instant| {
        let (year, month, day) = civil(at.0.div_euclid(86_400 * SECOND));
        format!("{year:04}-{month:02}-{day:02}")
    };
    let (first, last) = (day(window.from), day(Instant(window.to.0 - 1)));
    if first == last { format!("the day {first} (UTC)") } else { format!("the days {first} to {last} (UTC)") }
}

fn unseal(added: &[UnsealMethodAdded], removed: &[UnsealMethodGone]) -> String {
    let called = |means: &str, label: &Option<String>, method: &str| match label {
        Some(label) => format!("{means} “{label}” ({method})"),
        None => format!("{means} ({method})"),
    };
    let mut parts = Vec::new();
    for one in added {
        let of_shares =
            one.shares.as_ref().map(|set| format!(", {} of these: {}", set.threshold, set.holders.join(", ")));
        let keeper = one.keeper.as_ref().map(|keeper| format!(", kept by {keeper}"));
        parts.push(format!(
            "the root is unsealed by one more method, {}{}{}",
            called(&one.means, &one.label, &one.method),
            of_shares.unwrap_or_default(),
            keeper.unwrap_or_default()
        ));
    }
    for one in removed {
        let gone = called(&one.means, &one.label, &one.method);
        parts.push(format!("the method {gone} unseals the root no more"));
    }
    parts.join("; ")
}

/// What becomes different, in patients a day.
fn ceilings(from: &Ceilings, to: &Ceilings) -> String {
    let limit = |limit: Option<u32>| match limit {
        None => "as learned".to_owned(),
        Some(Ceilings::NO_LIMIT) => "without limit".to_owned(),
        Some(limit) => format!("{limit} a day"),
    };
    let measure = |measure: Measure| match measure {
        Measure::OpenedDue => "opened, something new",
        Measure::OpenedOther => "opened, nothing new",
        Measure::ListedDue => "names, something new",
        Measure::ListedOther => "names, nothing new",
    };
    let different = Measure::ALL.into_iter().filter(|measure| from.of(*measure) != to.of(*measure));
    let lines =
        different.map(|one| format!("{} {} instead of {}", measure(one), limit(to.of(one)), limit(from.of(one))));
    lines.collect::<Vec<_>>().join("; ")
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

#[cfg(test)]
mod tests {
    use model::KeyId;

    use super::*;

    #[test]
    fn holders_are_named_with_their_key_and_who_is_enough_alone() {
        let of = |name: &str, kind, byte| ColdHolder { key: KeyId([byte; 16]), name: name.to_owned(), kind };
        let holders = vec![
            of("A", HolderKind::Sharing, 0xa1),
            of("B", HolderKind::Emergency, 0xb2),
            of("C", HolderKind::Service, 0xc3),
        ];
        for change in [
            Change::ColdHolders { threshold: 1, holders: holders.clone(), keys: Vec::new() },
            Change::ReplaceColdHolders { threshold: 1, holders: holders.clone(), keys: Vec::new() },
        ] {
            let words = sentence(&[], &change);
            for (name, byte, alone) in [("A", "a1", false), ("B", "b2", true), ("C", "c3", true)] {
                let at = words.find(&format!("{name} (")).unwrap();
                let one = &words[at..at + words[at..].find(')').unwrap()];
                assert!(one.contains(&byte.repeat(16)) && one.contains("ALONE") == alone, "{one}");
            }
        }
    }
}
