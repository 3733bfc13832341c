//! The three accounts, as the incident had them: two of people in clinics, one of a radiologist.

use std::ops::RangeInclusive;

use model::Role;

/// Patients whom each clinic referred.
pub const REFERRED: u32 = 30;
/// Patients of whom the modality sent something today.
pub const TODAY: RangeInclusive<u32> = 101..=130;

/// One of them, and what a thief of everything has.
pub struct Account {
    pub email: &'static str,
    pub name: &'static str,
    pub role: Role,
    pub organisation: &'static str,
    /// Patients whom a relationship names; the radiologist reaches the site by the reading group.
    pub referred: Option<RangeInclusive<u32>>,
    /// What the owner tries first, as short as in the incident.
    pub short: &'static str,
    /// What the owner uses then.
    pub password: &'static str,
    /// Token of the enrolment link.
    pub link: String,
    /// Codes that were not used.
    pub codes: Vec<String>,
}

impl Account {
    /// As `relate` and `exposure` take it.
    pub fn subject(&self) -> String {
        format!("person:{}", self.email)
    }

    /// A code that was not used.
    pub fn code(&mut self) -> String {
        self.codes.pop().unwrap_or_default()
    }
}

/// All three. Their passwords do not resemble what they protect.
pub fn three() -> Vec<Account> {
    let account = |email, name, role, organisation, referred, short, password| Account {
        email,
        name,
        role,
        organisation,
        referred,
        short,
        password,
        link: String::new(),
        codes: Vec::new(),
    };
    let (north, south) = (1..=REFERRED, REFERRED + 1..=2 * REFERRED);
    vec![
        account(
            "ward@north.example",
            "Nele Nord",
            Role::Referrer,
            "Clinic North",
            Some(north),
            "mri",
            "teekanne wolke 77 schiene",
        ),
        account(
            "desk@south.example",
            "Sina Sued",
            Role::Referrer,
            "Clinic South",
            Some(south),
            "anna",
            "laterne birke 58 hafen",
        ),
        account(
            "reader@network.example",
            "Robin Reader",
            Role::Radiologist,
            "Imaging Network",
            None,
            "abc12",
            "kompass ziegel 23 mohn",
        ),
    ]
}
