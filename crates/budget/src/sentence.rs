//! A finding in one sentence.

use model::{
    Evidence, Finding, ImpossibleTravel, Measure, OrderCount, ParallelSessions, Reaction, Span, TriedOthers, UsedFrom,
    Volume, Whose,
};

/// Why a finding was raised and what was done, with its numbers. `name` is whose it is, in words.
#[must_use]
pub fn sentence(finding: &Finding, name: &str) -> String {
    let why = match &finding.evidence {
        Evidence::Volume(volume) => of_volume(volume, name),
        Evidence::Honey { opened: true, .. } => {
            format!("{name} opened a honey patient, whom nobody has a reason to open")
        }
        Evidence::Honey { opened: false, .. } => {
            format!("{name} listed a honey patient outside of an exact search, whom nobody has a reason to see")
        }
        Evidence::BeyondPeers { measure, normal, peers } => format!(
            "{name} has come to {} {normal} patients in 28 days {}; the role's median is {peers}",
            if measure.is_opened() { "open" } else { "list" },
            reason_of(*measure)
        ),
        Evidence::Intake { patients, high } => format!(
            "devices sent studies of {patients} patients within a day; the busiest of the 28 days before had {high}, and each of \
             them is due to whoever reaches them"
        ),
        Evidence::Related { patients, limit } => format!(
            "{name} made relationships with {patients} patients within a day; more than {limit} are told, and each of them is due \
             to whom the relationship is with"
        ),
        Evidence::Orders { .. } => String::new(),
        Evidence::EmergencyWarming { patient, studies, request, .. } => {
            let name = if finding.about == Whose::Site { "the owner of the machine" } else { name };
            format!(
                "one holder alone warmed {studies} cold studies of patient {patient} as for an emergency; {name} asked for \
                 it in entry {request}"
            )
        }
        Evidence::LeakedLogin { by_name, tried } => {
            let what = if *by_name { "a login with the same name before the @ as" } else { "the login of" };
            format!(
                "{what} {name} stands in a dump of stolen logins; {tried} passwords beside it were tried, and none is this account's"
            )
        }
        Evidence::EmergencyRefused { patient, studies, request } => format!(
            "{name} refused {studies} cold studies of patient {patient} that somebody asked for in an emergency in entry {request}"
        ),
        Evidence::ParallelSessions(parallel) => of_parallel(parallel, name),
        Evidence::ImpossibleTravel(travel) => of_travel(travel, name),
        Evidence::DayAndNight { hours, of } => {
            format!("{name} was active in {hours} different hours of the last {of}, more than one person works")
        }
        Evidence::NewAuthenticator { finding, .. } => format!(
            "{name}, who had authenticators, was given a further one, and within three days followed what finding {finding} says"
        ),
        Evidence::TriedOthers(tried) => of_tried(tried, name),
    };
    if let Evidence::Orders { count, limit } = &finding.evidence {
        let what = match count {
            OrderCount::Orders => "orders",
            OrderCount::Unmatched => "orders for which no appointment is known",
            OrderCount::Merges => "merges of two records",
            OrderCount::Appointments => "appointments and consents",
        };
        return format!(
            "{name} told more than {limit} {what} within a day: those beyond are kept, and nothing follows from them"
        );
    }
    let done = match finding.reaction {
        Reaction::Noticed => "nothing was held back",
        Reaction::Slowed => "each further patient waits",
        Reaction::Touch => "a fresh touch was asked for",
        Reaction::Stopped => "such reading is stopped until an officer lifts it",
    };
    format!("{why}: {done}")
}

fn of_parallel(parallel: &ParallelSessions, name: &str) -> String {
    let ParallelSessions { one, other, returns, .. } = parallel;
    format!(
        "two sessions of {name} were used in turns, from {} and from {}: {returns} times within an hour one was gone back to",
        place(other),
        place(one)
    )
}

fn of_travel(travel: &ImpossibleTravel, name: &str) -> String {
    let ImpossibleTravel { from, to, kilometres, minutes } = travel;
    format!(
        "{name} was at {} and {minutes} minutes later at {}, which are at least {kilometres} km apart",
        place(from),
        place(to)
    )
}

fn of_tried(tried: &TriedOthers, name: &str) -> String {
    let TriedOthers { origin, others, unknown, .. } = tried;
    format!(
        "{name} signed in from {}, from where sign-ins failed within the hour before: of {others} other people, and {unknown} with \
         names that nobody has",
        origin.0
    )
}

fn place(used: &UsedFrom) -> String {
    if used.place.is_empty() { used.origin.0.clone() } else { format!("{} ({})", used.place, used.origin.0) }
}

fn of_volume(volume: &Volume, name: &str) -> String {
    let Volume { measure, span, patients, weight, normal, limit, unusual_hours, in_sequence, sessions } = volume;
    let act = if measure.is_opened() { "opened" } else { "listed" };
    let within = match span {
        Span::Hour => "an hour",
        Span::Day => "a day",
        Span::Week => "7 days",
        Span::Month => "28 days",
    };
    let mut text = format!("{name} {act} {patients} patients {} within {within}", reason_of(*measure));
    let mut more = Vec::new();
    if *unusual_hours > 0 {
        more.push(format!("{unusual_hours} of the day at unusual hours"));
    }
    if *in_sequence > 0 {
        more.push(format!("{in_sequence} of the day in the order of their numbers"));
    }
    if *sessions > 1 {
        more.push(format!("{sessions} sessions took part"));
    }
    if !more.is_empty() {
        text.push_str(&format!(" ({})", more.join(", ")));
    }
    if weight != patients {
        text.push_str(&format!(", which count as {weight}"));
    }
    text.push_str(&format!("; normal are {normal}, the limit is {limit}"));
    text
}

fn reason_of(measure: Measure) -> &'static str {
    if measure.is_due() { "who are due" } else { "about whom nothing is new" }
}

#[cfg(test)]
mod tests {
    use model::{EntryNumber, KeyId, PatientNumber, PersonId};

    use super::*;

    #[test]
    fn an_emergency_warming_names_who_asked_also_where_that_is_no_person() {
        let (patient, request, holder) = (PatientNumber(7), EntryNumber(9), KeyId([1; 16]));
        let evidence = Evidence::EmergencyWarming { patient, studies: 2, request, holder };
        let finding = |about| Finding { about, reaction: Reaction::Noticed, evidence: evidence.clone() };
        assert_eq!(
            sentence(&finding(Whose::Person(PersonId(1))), "Dr. Beispiel"),
            "one holder alone warmed 2 cold studies of patient 7 as for an emergency; Dr. Beispiel asked for it in entry 9: nothing \
             was held back"
        );
        assert!(sentence(&finding(Whose::Site), "the site X").contains("; the owner of the machine asked for it"));
    }

    #[test]
    fn a_finding_says_why_with_its_numbers() {
        let volume = Volume {
            measure: Measure::OpenedOther,
            span: Span::Day,
            patients: 57,
            weight: 89,
            normal: 8,
            limit: 60,
            unusual_hours: 12,
            in_sequence: 20,
            sessions: 3,
        };
        let evidence = Evidence::Volume(volume);
        let finding = Finding { about: Whose::Person(PersonId(1)), reaction: Reaction::Touch, evidence };
        assert_eq!(
            sentence(&finding, "Dr. Beispiel"),
            "Dr. Beispiel opened 57 patients about whom nothing is new within a day (12 of the day at unusual hours, 20 of the day in \
             the order of their numbers, 3 sessions took part), which count as 89; normal are 8, the limit is 60: a fresh touch was \
             asked for"
        );
    }
}
