//! The patients of the demonstration. Their names say that they are made up.

/// Issuer of their patient IDs.
pub const DEMO_ISSUER: &str = "DEMO";

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct DemoPatient {
    /// Patient ID.
    pub id: &'static str,
    /// Patient's Name.
    pub name: &'static str,
    /// Birth date.
    pub birth_date: &'static str,
    /// Sex.
    pub sex: &'static str,
}

/// Six people.
pub const PATIENTS: [DemoPatient; 6] = [
    DemoPatient { id: "D-1001", name: "Beispiel^Anna", birth_date: "19580214", sex: "F" },
    DemoPatient { id: "D-1002", name: "Muster^Bruno", birth_date: "19710903", sex: "M" },
    DemoPatient { id: "D-1003", name: "Müller-Probe^Änne", birth_date: "19440630", sex: "F" },
    DemoPatient {
        id: "D-1004", name: "Yamada^Tarou=山田^太郎=やまだ^たろう", birth_date: "19851111", sex: "M"
    },
    DemoPatient { id: "D-1005", name: "Specimen^Chris^^Dr.", birth_date: "19930527", sex: "O" },
    DemoPatient { id: "D-1006", name: "Phantom^Felix", birth_date: "20150808", sex: "M" },
];
