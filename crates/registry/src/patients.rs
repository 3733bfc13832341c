//! Patients in memory, with an index over identifiers, names and the words of names.

use std::cmp::Ordering;

use model::PatientNumber;
use protocol::PatientAttributes;

use crate::PatientRecord;
use crate::fold::{fold_name, words};
use crate::pack::{Packer, Unpacker};
use crate::sorted::{Sorted, Start};
use crate::symbols::Symbols;

/// No study.
pub(crate) const NONE: u32 = u32::MAX;

/// Words of one name that the index holds: an entry is the patient's number and the place of the word in 5 bits.
const WORD_BITS: u32 = 5;

#[derive(Default)]
pub(crate) struct Patients {
    rows: Vec<Row>,
    /// By identifier, without case; patients with an empty identifier are not in it.
    by_id: Sorted,
    /// By folded name, then identifier.
    by_name: Sorted,
    /// By each word of the folded name.
    by_word: Sorted,
    /// Patients whose names have more words than the index holds.
    wordy: Vec<u32>,
    issuers: Symbols,
    packed_bytes: usize,
}

struct Row {
    /// Where the chain of this patient's studies begins.
    first_study: u32,
    issuer: u32,
    /// identifier, folded name, name, birth date, sex
    packed: Box<[u8]>,
}

/// Attributes of one patient, read in place.
#[derive(Clone, Copy)]
pub(crate) struct PatientView<'a> {
    pub(crate) id: &'a str,
    pub(crate) issuer: &'a str,
    rest: Unpacker<'a>,
}

impl<'a> PatientView<'a> {
    pub(crate) fn folded_name(&self) -> &'a str {
        let mut rest = self.rest;
        rest.text()
    }

    pub(crate) fn name(&self) -> &'a str {
        let mut rest = self.rest;
        rest.skip_text();
        rest.text()
    }

    pub(crate) fn birth_date(&self) -> String {
        self.behind_names().date()
    }

    pub(crate) fn sex(&self) -> &'a str {
        let mut rest = self.behind_names();
        rest.date();
        rest.text()
    }

    fn behind_names(&self) -> Unpacker<'a> {
        let mut rest = self.rest;
        rest.skip_text();
        rest.skip_text();
        rest
    }
}

impl Patients {
    pub(crate) fn len(&self) -> u32 {
        self.rows.len() as u32
    }

    /// Builds the indexes over everything that was appended.
    pub(crate) fn indexed(self) -> Self {
        let mut patients = self;
        let rows = &patients.rows;
        let number = rows.len() as u32;
        patients.by_id = Sorted::build(
            (0..number).filter(|&patient| !id(rows, patient).is_empty()),
            |patient| lower_start(id(rows, patient)),
            |one, two| compare_ids(rows, one, two),
            |one, two| one.cmp(&two),
        );
        patients.by_name = Sorted::build(
            0..number,
            |patient| Start::of(folded_name(rows, patient).bytes()),
            |one, two| compare_names(rows, one, two),
            |one, two| id(rows, one).cmp(id(rows, two)).then(one.cmp(&two)),
        );
        patients.by_word = Sorted::build(
            (0..number).flat_map(|patient| word_entries(rows, patient)),
            |entry| Start::of(word(rows, entry).bytes()),
            |one, two| compare_words(rows, one, two),
            |one, two| one.cmp(&two),
        );
        patients.wordy = (0..number).filter(|&patient| is_wordy(rows, patient)).collect();
        patients
    }

    /// Adds a patient and puts it into every index.
    pub(crate) fn add(&mut self, attributes: &PatientAttributes) -> u32 {
        let number = self.append(attributes);
        let rows = &self.rows;
        if !attributes.id.is_empty() {
            self.by_id.insert(number, |one, two| compare_ids(rows, one, two));
        }
        self.index_name(number);
        number
    }

    /// Sets attributes that were empty until now; identifier and issuer stay. Says whether anything changed.
    pub(crate) fn fill(&mut self, number: u32, from: &PatientAttributes) -> bool {
        let view = self.view(number);
        let gains = |old: &str, new: &str| old.is_empty() && !new.is_empty();
        let gains_name = gains(view.name(), &from.name);
        if !gains_name && !gains(&view.birth_date(), &from.birth_date) && !gains(view.sex(), &from.sex) {
            return false;
        }
        let mut attributes = self.attributes(number);
        fill(&mut attributes.name, &from.name);
        fill(&mut attributes.birth_date, &from.birth_date);
        fill(&mut attributes.sex, &from.sex);
        if gains_name {
            self.unindex_name(number);
        }
        let packed = pack(&attributes);
        let row = &mut self.rows[number as usize];
        self.packed_bytes = self.packed_bytes - row.packed.len() + packed.len();
        row.packed = packed;
        if gains_name {
            self.index_name(number);
        }
        true
    }

    pub(crate) fn by_identity(&self, issuer: &str, wanted: &str) -> Option<u32> {
        let issuer = self.issuers.existing(issuer)?;
        let rows = &self.rows;
        let same = self.by_id.range(|patient| compare_lower(id(rows, patient), wanted));
        same.into_iter()
            .flatten()
            .copied()
            .find(|&patient| rows[patient as usize].issuer == issuer && id(rows, patient) == wanted)
    }

    pub(crate) fn view(&self, number: u32) -> PatientView<'_> {
        let row = &self.rows[number as usize];
        let mut rest = Unpacker(&row.packed);
        let id = rest.text();
        PatientView { id, issuer: self.issuers.text(row.issuer), rest }
    }

    pub(crate) fn attributes(&self, number: u32) -> PatientAttributes {
        let view = self.view(number);
        PatientAttributes {
            id: view.id.to_owned(),
            issuer: view.issuer.to_owned(),
            name: view.name().to_owned(),
            birth_date: view.birth_date(),
            sex: view.sex().to_owned(),
        }
    }

    pub(crate) fn record(&self, number: u32) -> PatientRecord {
        PatientRecord { number: PatientNumber(number), attributes: self.attributes(number) }
    }

    pub(crate) fn first_study(&self, number: u32) -> u32 {
        self.rows[number as usize].first_study
    }

    pub(crate) fn set_first_study(&mut self, number: u32, study: u32) {
        self.rows[number as usize].first_study = study;
    }

    /// Patients whose identifier begins with `start`, or is it when `whole`, whatever the case; in two runs.
    pub(crate) fn with_id(&self, start: &str, whole: bool) -> [&[u32]; 2] {
        let rows = &self.rows;
        let compare = if whole { compare_lower } else { compare_lower_prefix };
        self.by_id.range(|patient| compare(id(rows, patient), start))
    }

    /// Patients whose folded name holds a word that begins with `start`, or is it when `whole`; one patient may come
    /// more than once.
    pub(crate) fn with_word(&self, start: &str, whole: bool) -> impl Iterator<Item = u32> {
        let rows = &self.rows;
        let found = self.by_word.range(|entry| {
            let word = word(rows, entry);
            if whole { word.cmp(start) } else { compare_prefix(word, start) }
        });
        found.into_iter().flatten().map(|entry| entry >> WORD_BITS)
    }

    /// Patients whose names have more words than the index holds.
    pub(crate) fn wordy(&self) -> &[u32] {
        &self.wordy
    }

    /// All patients by folded name, then identifier.
    pub(crate) fn in_name_order(&self) -> impl Iterator<Item = u32> {
        self.by_name.iter(|one, two| self.compare_by_name(one, two))
    }

    pub(crate) fn compare_by_name(&self, one: u32, two: u32) -> Ordering {
        compare_names(&self.rows, one, two)
    }

    pub(crate) fn bytes(&self) -> usize {
        let rows = self.rows.capacity() * size_of::<Row>() + allocated(self.packed_bytes, self.rows.len());
        let indexes = self.by_id.bytes() + self.by_name.bytes() + self.by_word.bytes();
        rows + indexes + self.wordy.capacity() * 4 + self.issuers.bytes()
    }

    /// Adds a patient that no index knows yet.
    pub(crate) fn append(&mut self, attributes: &PatientAttributes) -> u32 {
        let number = self.len();
        assert!(number < 1 << (32 - WORD_BITS), "a site has fewer than 134 million patients");
        let packed = pack(attributes);
        self.packed_bytes += packed.len();
        let issuer = self.issuers.number(&attributes.issuer, str::to_owned);
        grow(&mut self.rows);
        self.rows.push(Row { first_study: NONE, issuer, packed });
        number
    }

    fn index_name(&mut self, number: u32) {
        let rows = &self.rows;
        self.by_name.insert(number, |one, two| compare_names(rows, one, two));
        for entry in word_entries(rows, number) {
            self.by_word.insert(entry, |one, two| compare_words(rows, one, two));
        }
        if is_wordy(rows, number) {
            self.wordy.push(number);
        }
    }

    fn unindex_name(&mut self, number: u32) {
        let rows = &self.rows;
        self.by_name.remove(number, |one, two| compare_names(rows, one, two));
        for entry in word_entries(rows, number) {
            self.by_word.remove(entry, |one, two| compare_words(rows, one, two));
        }
        self.wordy.retain(|&wordy| wordy != number);
    }
}

/// Sets what is empty.
pub(crate) fn fill(old: &mut String, new: &str) {
    if old.is_empty() {
        new.clone_into(old);
    }
}

/// Room for one more, an eighth ahead instead of twice as much.
pub(crate) fn grow<T>(rows: &mut Vec<T>) {
    if rows.len() == rows.capacity() {
        rows.reserve_exact(64 + rows.len() / 8);
    }
}

/// Bytes of `count` allocations that hold `bytes` together: the allocator's word and half a granule of rounding each.
pub(crate) fn allocated(bytes: usize, count: usize) -> usize {
    bytes + count * 16
}

fn pack(attributes: &PatientAttributes) -> Box<[u8]> {
    let mut packer = Packer::default();
    packer.text(&attributes.id);
    packer.text(&fold_name(&attributes.name));
    packer.text(&attributes.name);
    packer.date(&attributes.birth_date);
    packer.text(&attributes.sex);
    packer.0.into_boxed_slice()
}

fn id(rows: &[Row], patient: u32) -> &str {
    Unpacker(&rows[patient as usize].packed).text()
}

fn folded_name(rows: &[Row], patient: u32) -> &str {
    let mut unpacker = Unpacker(&rows[patient as usize].packed);
    unpacker.skip_text();
    unpacker.text()
}

fn word_entries(rows: &[Row], patient: u32) -> impl Iterator<Item = u32> {
    let count = words(folded_name(rows, patient)).take(1 << WORD_BITS).count() as u32;
    (0..count).map(move |place| patient << WORD_BITS | place)
}

fn is_wordy(rows: &[Row], patient: u32) -> bool {
    words(folded_name(rows, patient)).nth(1 << WORD_BITS).is_some()
}

fn word(rows: &[Row], entry: u32) -> &str {
    let place = entry & ((1 << WORD_BITS) - 1);
    words(folded_name(rows, entry >> WORD_BITS)).nth(place as usize).expect("an entry names a word of the name")
}

fn compare_ids(rows: &[Row], one: u32, two: u32) -> Ordering {
    compare_lower(id(rows, one), id(rows, two)).then(one.cmp(&two))
}

fn compare_names(rows: &[Row], one: u32, two: u32) -> Ordering {
    let by_name = folded_name(rows, one).cmp(folded_name(rows, two));
    by_name.then_with(|| id(rows, one).cmp(id(rows, two))).then(one.cmp(&two))
}

fn compare_words(rows: &[Row], one: u32, two: u32) -> Ordering {
    word(rows, one).cmp(word(rows, two)).then(one.cmp(&two))
}

/// Compares without the case of ASCII letters.
pub(crate) fn compare_lower(one: &str, two: &str) -> Ordering {
    lower(one).cmp(lower(two))
}

/// `Equal` for every text that begins with `start`, without the case of ASCII letters.
pub(crate) fn compare_lower_prefix(text: &str, start: &str) -> Ordering {
    lower(text).take(start.len()).cmp(lower(start))
}

/// `Equal` for every text that begins with `start`.
pub(crate) fn compare_prefix(text: &str, start: &str) -> Ordering {
    let length = text.len().min(start.len());
    text.as_bytes()[..length].cmp(start.as_bytes())
}

fn lower(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().map(|byte| byte.to_ascii_lowercase())
}

/// The start of a text without the case of ASCII letters.
pub(crate) fn lower_start(text: &str) -> Start {
    Start::of(lower(text))
}
