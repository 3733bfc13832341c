//! English and German.

use model::{Clock, DiskPart, Role};

/// The language of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
}

impl Language {
    /// Both.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// Reads `en` or `de`.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// `en` or `de`.
    #[must_use]
    pub fn tag(self) -> &'static str {
        self.choose("en", "de")
    }

    pub(crate) fn choose<'t>(self, english: &'t str, german: &'t str) -> &'t str {
        match self {
            Self::English => english,
            Self::German => german,
        }
    }

    pub(crate) fn choose_char(self, english: char, german: char) -> char {
        match self {
            Self::English => english,
            Self::German => german,
        }
    }
}

pub(crate) fn role(role: Role, language: Language) -> &'static str {
    let (english, german) = match role {
        Role::Patient => ("patient", "Patientin oder Patient"),
        Role::Referrer => ("referrer", "zuweisende Person"),
        Role::Radiologist => ("radiologist", "Radiologie"),
        Role::Technologist => ("technologist", "MTR"),
        Role::Officer => ("data protection officer", "Datenschutz"),
        Role::Administrator => ("administrator", "Verwaltung"),
        Role::OfficerAdministrator => ("officer and administrator", "Datenschutz und Verwaltung"),
    };
    language.choose(english, german)
}

pub(crate) fn disk_part(part: DiskPart, language: Language) -> &'static str {
    let (english, german) = match part {
        DiskPart::Images => ("sealed images", "versiegelte Bilder"),
        DiskPart::Keyring => ("wrapped keys and sealed records", "umhüllte Schlüssel und versiegelte Verzeichnisse"),
        DiskPart::Ledger => ("the ledger", "das Protokoll"),
        DiskPart::Copy => ("a copy of everything (vault)", "eine Kopie von allem (Zweitkopie)"),
    };
    language.choose(english, german)
}

pub(crate) fn clock(clock: Clock, language: Language) -> &'static str {
    let (english, german) = match clock {
        Clock::Nis2EarlyWarning => ("NIS2 Art. 23, early warning, 24 hours", "NIS2 Art. 23, Frühwarnung, 24 Stunden"),
        Clock::Nis2Notification => ("NIS2 Art. 23, notification, 72 hours", "NIS2 Art. 23, Meldung, 72 Stunden"),
        Clock::GdprNotification => ("GDPR Art. 33, notification, 72 hours", "DSGVO Art. 33, Meldung, 72 Stunden"),
        Clock::NdbAssessment => (
            "Notifiable Data Breaches scheme (Australia), assessment, 30 days",
            "Notifiable Data Breaches scheme (Australien), Bewertung, 30 Tage",
        ),
    };
    language.choose(english, german)
}

pub(crate) fn patients(count: u64, language: Language) -> &'static str {
    match language {
        Language::English => {
            if count == 1 {
                "patient"
            } else {
                "patients"
            }
        }
        Language::German => {
            if count == 1 {
                "betroffene Person"
            } else {
                "betroffene Personen"
            }
        }
    }
}

pub(crate) fn studies(count: u64, language: Language) -> &'static str {
    match language {
        Language::English => {
            if count == 1 {
                "study"
            } else {
                "studies"
            }
        }
        Language::German => {
            if count == 1 {
                "Untersuchung"
            } else {
                "Untersuchungen"
            }
        }
    }
}

/// A DICOM person name as people write it: `MÜLLER, Anna`.
pub(crate) fn person(name: &str) -> String {
    let group = name.split('=').find(|group| !group.trim_matches('^').is_empty()).unwrap_or_default();
    let mut parts = group.split('^').map(str::trim);
    let family = parts.next().unwrap_or_default().to_uppercase();
    let given: Vec<&str> = parts.take(2).filter(|part| !part.is_empty()).collect();
    match (family.is_empty(), given.is_empty()) {
        (false, false) => format!("{family}, {}", given.join(" ")),
        (false, true) => family,
        (true, _) => given.join(" "),
    }
}

/// An identifier with its issuer.
pub(crate) fn identifier(issuer: &str, id: &str) -> String {
    if issuer.is_empty() { id.to_owned() } else { format!("{issuer}/{id}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_as_people_write_it() {
        assert_eq!(person("Müller^Anna^Maria^Dr."), "MÜLLER, Anna Maria");
        assert_eq!(person("Yamada^Tarou=山田^太郎"), "YAMADA, Tarou");
        assert_eq!(person("=山田^太郎"), "山田, 太郎");
        assert_eq!(person("^^"), "");
        assert_eq!(identifier("", "1"), "1");
    }
}
