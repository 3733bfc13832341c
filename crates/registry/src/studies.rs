//! Studies and their series in memory, with an index over StudyInstanceUID, accession number and date.

use std::cmp::Ordering;

use model::{PatientNumber, StudyNumber, Uid};
use protocol::{SeriesAttributes, StudyAttributes};

use crate::fold::{fold, fold_name};
use crate::matching::time_span;
use crate::pack::{Packer, Unpacker, date_number};
use crate::patients::{allocated, compare_lower, compare_lower_prefix, grow, lower_start};
use crate::sorted::{Sorted, Start, merged};
use crate::symbols::Symbols;
use crate::{SeriesRecord, StudyRecord};

/// The bit of every modality that has none of its own: rows that have it are looked at closely.
const OTHER_MODALITIES: u32 = 1 << 31;

#[derive(Default)]
pub(crate) struct Studies {
    rows: Vec<Row>,
    by_uid: Sorted,
    /// By accession number, without case; empty ones are not in it.
    by_accession: Sorted,
    /// By date, time and number.
    by_date: Sorted,
    pub(crate) descriptions: Symbols,
    pub(crate) physicians: Symbols,
    pub(crate) modalities: Symbols,
    pub(crate) sop_classes: Symbols,
    /// Series descriptions and body parts.
    texts: Symbols,
    packed_bytes: usize,
}

/// What a scan looks at stands here, the rest behind the pointer.
pub(crate) struct Row {
    pub(crate) patient: u32,
    /// The next study of the same patient.
    pub(crate) next: u32,
    /// `YYYYMMDD` as a number, 0 without a date.
    pub(crate) date: u32,
    /// Milliseconds into the day, 0 without a time.
    time: u32,
    /// One bit for each of the first modalities that were seen.
    pub(crate) modalities: u32,
    pub(crate) description: u32,
    pub(crate) physician: u32,
    pub(crate) conflicting_versions: bool,
    /// Another study has the same UID.
    pub(crate) shared_uid: bool,
    /// UID, accession number, date, time, study id, then the series to the end
    packed: Box<[u8]>,
}

/// What stands behind the pointer, read in place.
pub(crate) struct StudyView<'a> {
    studies: &'a Studies,
    packed: &'a [u8],
    pub(crate) accession_number: &'a str,
    rest: Unpacker<'a>,
}

/// One series, read in place.
pub(crate) struct SeriesView<'a> {
    studies: &'a Studies,
    pub(crate) uid: Uid,
    pub(crate) instances: u32,
    pub(crate) modality: u32,
    pub(crate) number: &'a str,
    pub(crate) description: &'a str,
    pub(crate) body_part: &'a str,
    pub(crate) date: String,
    pub(crate) time: String,
    sop_classes: Unpacker<'a>,
}

impl Studies {
    pub(crate) fn len(&self) -> u32 {
        self.rows.len() as u32
    }

    /// Builds the indexes over everything that was appended.
    pub(crate) fn indexed(self) -> Self {
        let mut studies = self;
        let rows = &studies.rows;
        let number = rows.len() as u32;
        studies.by_uid = Sorted::build(
            0..number,
            |study| Start::of(uid(rows, study).iter().copied()),
            |one, two| compare_uids(rows, one, two),
            |one, two| one.cmp(&two),
        );
        studies.by_accession = Sorted::build(
            (0..number).filter(|&study| !accession(rows, study).is_empty()),
            |study| lower_start(accession(rows, study)),
            |one, two| compare_accessions(rows, one, two),
            |one, two| one.cmp(&two),
        );
        studies.by_date = Sorted::build(
            0..number,
            |study| Start::of(when(&rows[study as usize]).to_be_bytes().into_iter()),
            |one, two| compare_dates(rows, one, two),
            |one, two| one.cmp(&two),
        );
        let uids = studies.by_uid.iter(|one, two| compare_uids(rows, one, two)).collect::<Vec<_>>();
        for pair in uids.windows(2) {
            if uid(&studies.rows, pair[0]) == uid(&studies.rows, pair[1]) {
                pair.iter().for_each(|&study| studies.rows[study as usize].shared_uid = true);
            }
        }
        studies
    }

    /// Adds a study and puts it into every index. The caller links it to its patient.
    pub(crate) fn add(&mut self, record: &StudyRecord) -> u32 {
        let number = self.append(record);
        self.index(number);
        let same = self.with_uid(&record.attributes.uid);
        if same.len() > 1 {
            same.into_iter().for_each(|study| self.rows[study as usize].shared_uid = true);
        }
        number
    }

    /// Replaces what a study says. Its number, UID and place under a patient stay.
    pub(crate) fn replace(&mut self, number: u32, record: &StudyRecord) {
        let old = self.view(number);
        let reindex = old.accession_number != record.attributes.accession_number
            || old.date() != record.attributes.date
            || old.time() != record.attributes.time;
        if reindex {
            self.unindex(number);
        }
        let mut row = self.row_of(record);
        let old = &mut self.rows[number as usize];
        (row.next, row.shared_uid) = (old.next, old.shared_uid);
        self.packed_bytes = self.packed_bytes - old.packed.len() + row.packed.len();
        *old = row;
        if reindex {
            self.index(number);
        }
    }

    /// Counts one more instance where nothing else changes: the series is there and has the SOP class. Says whether it
    /// was counted.
    pub(crate) fn count_instance(&mut self, number: u32, series: &Uid, sop_class: &Uid) -> bool {
        let Some(sop_class) = self.sop_classes.existing(sop_class.as_str()) else { return false };
        let view = self.view(number);
        let length = view.packed.len();
        let mut at = None;
        let mut rest = view.series_packed();
        let base = view.uid();
        while !rest.0.is_empty() {
            let here = length - rest.0.len();
            let one = self.series_view(&mut rest, base.as_str());
            if one.uid == *series {
                at = one.sop_class_numbers().any(|number| number == sop_class).then_some(here);
                break;
            }
        }
        let Some(at) = at else { return false };
        let packed = &mut self.rows[number as usize].packed;
        let count: &mut [u8; 4] = (&mut packed[at..at + 4]).try_into().expect("a series begins with its count");
        *count = u32::from_le_bytes(*count).saturating_add(1).to_le_bytes();
        true
    }

    pub(crate) fn row(&self, number: u32) -> &Row {
        &self.rows[number as usize]
    }

    pub(crate) fn row_mut(&mut self, number: u32) -> &mut Row {
        &mut self.rows[number as usize]
    }

    pub(crate) fn view(&self, number: u32) -> StudyView<'_> {
        let packed = &self.rows[number as usize].packed;
        let mut rest = Unpacker(packed);
        rest.uid_packed();
        let accession_number = rest.text();
        StudyView { studies: self, packed, accession_number, rest }
    }

    pub(crate) fn attributes(&self, number: u32) -> StudyAttributes {
        let (row, view) = (self.row(number), self.view(number));
        StudyAttributes {
            uid: view.uid(),
            date: view.date(),
            time: view.time(),
            accession_number: view.accession_number.to_owned(),
            id: view.id().to_owned(),
            description: self.descriptions.text(row.description).to_owned(),
            referring_physician: self.physicians.text(row.physician).to_owned(),
        }
    }

    pub(crate) fn record(&self, number: u32, origin: u32) -> StudyRecord {
        StudyRecord {
            number: StudyNumber(number),
            patient: PatientNumber(self.row(number).patient),
            origin: PatientNumber(origin),
            attributes: self.attributes(number),
            conflicting_versions: self.row(number).conflicting_versions,
            series: self.view(number).series().map(|series| series.record()).collect(),
        }
    }

    /// The studies of a UID.
    pub(crate) fn with_uid(&self, wanted: &Uid) -> Vec<u32> {
        let mut packer = Packer::default();
        packer.uid(wanted.as_str());
        self.with_packed_uid(&packer.0)
    }

    pub(crate) fn with_packed_uid(&self, packed: &[u8]) -> Vec<u32> {
        let rows = &self.rows;
        self.by_uid.range(|study| uid(rows, study).cmp(packed)).concat()
    }

    /// Studies whose accession number begins with `start`, or is it when `whole`, whatever the case; in two runs.
    pub(crate) fn with_accession(&self, start: &str, whole: bool) -> [&[u32]; 2] {
        let rows = &self.rows;
        let compare = if whole { compare_lower } else { compare_lower_prefix };
        self.by_accession.range(|study| compare(accession(rows, study), start))
    }

    /// Studies with a date of `from..=to`, in two runs of ascending date, time and number.
    pub(crate) fn dated(&self, from: u32, to: u32) -> [&[u32]; 2] {
        let rows = &self.rows;
        self.by_date.range(|study| match rows[study as usize].date {
            date if date < from => Ordering::Less,
            date if date > to => Ordering::Greater,
            _ => Ordering::Equal,
        })
    }

    /// Both runs of [`Studies::dated`] as one, walked from either end.
    pub(crate) fn in_date_order<'a>(&'a self, runs: [&'a [u32]; 2]) -> impl DoubleEndedIterator<Item = u32> + 'a {
        merged(runs, |one, two| compare_dates(&self.rows, one, two))
    }

    pub(crate) fn compare_by_date(&self, one: u32, two: u32) -> Ordering {
        compare_dates(&self.rows, one, two)
    }

    /// The bits of the selected modalities.
    pub(crate) fn modality_bits(&self, selected: &[bool]) -> u32 {
        let numbers = (0u32..).zip(selected).filter(|&(_, &selected)| selected);
        numbers.fold(0, |bits, (number, _)| bits | modality_bit(number))
    }

    /// Whether a study has one of the selected modalities, `bits` being theirs.
    pub(crate) fn has_modality(&self, number: u32, bits: u32, selected: &[bool]) -> bool {
        match self.row(number).modalities & bits {
            0 => false,
            OTHER_MODALITIES => self.view(number).series().any(|series| selected[series.modality as usize]),
            _ => true,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let rows = self.rows.capacity() * size_of::<Row>() + allocated(self.packed_bytes, self.rows.len());
        let indexes = self.by_uid.bytes() + self.by_accession.bytes() + self.by_date.bytes();
        let symbols = [&self.descriptions, &self.physicians, &self.modalities, &self.sop_classes, &self.texts];
        rows + indexes + symbols.map(Symbols::bytes).iter().sum::<usize>()
    }

    /// Adds a study that no index knows yet.
    pub(crate) fn append(&mut self, record: &StudyRecord) -> u32 {
        let number = self.len();
        assert!(number < crate::patients::NONE, "a site has fewer than 2^32 studies");
        let row = self.row_of(record);
        self.packed_bytes += row.packed.len();
        grow(&mut self.rows);
        self.rows.push(row);
        number
    }

    fn row_of(&mut self, record: &StudyRecord) -> Row {
        let attributes = &record.attributes;
        let mut packer = Packer::default();
        packer.uid(attributes.uid.as_str());
        packer.text(&attributes.accession_number);
        packer.date(&attributes.date);
        packer.time(&attributes.time);
        packer.text(&attributes.id);
        let mut modalities = 0;
        for series in &record.series {
            let modality = self.modalities.number(&series.attributes.modality, fold);
            modalities |= if modality == 0 { 0 } else { modality_bit(modality) };
            packer.0.extend_from_slice(&series.instances.to_le_bytes());
            packer.uid_after(attributes.uid.as_str(), series.attributes.uid.as_str());
            packer.number(modality);
            packer.text(&series.attributes.number);
            packer.number(self.texts.number(&series.attributes.description, str::to_owned));
            packer.number(self.texts.number(&series.attributes.body_part, str::to_owned));
            packer.date(&series.attributes.date);
            packer.time(&series.attributes.time);
            packer.number(series.sop_classes.len() as u32);
            for sop_class in &series.sop_classes {
                packer.number(self.sop_classes.number(sop_class.as_str(), str::to_owned));
            }
        }
        Row {
            patient: record.patient.0,
            next: crate::patients::NONE,
            date: date_number(&attributes.date).unwrap_or(0),
            time: time_span(&attributes.time).map_or(0, |(from, _)| (from / 1000) as u32),
            modalities,
            description: self.descriptions.number(&attributes.description, fold),
            physician: self.physicians.number(&attributes.referring_physician, fold_name),
            conflicting_versions: record.conflicting_versions,
            shared_uid: false,
            packed: packer.0.into_boxed_slice(),
        }
    }

    fn index(&mut self, number: u32) {
        let rows = &self.rows;
        // a replaced study keeps its UID, so only a new one is put in here
        if self.by_uid.len() < rows.len() {
            self.by_uid.insert(number, |one, two| compare_uids(rows, one, two));
        }
        if !accession(rows, number).is_empty() {
            self.by_accession.insert(number, |one, two| compare_accessions(rows, one, two));
        }
        self.by_date.insert(number, |one, two| compare_dates(rows, one, two));
    }

    fn unindex(&mut self, number: u32) {
        let rows = &self.rows;
        if !accession(rows, number).is_empty() {
            self.by_accession.remove(number, |one, two| compare_accessions(rows, one, two));
        }
        self.by_date.remove(number, |one, two| compare_dates(rows, one, two));
    }

    fn series_view<'a>(&'a self, rest: &mut Unpacker<'a>, base: &str) -> SeriesView<'a> {
        let instances = u32::from_le_bytes(rest.bytes(4).try_into().expect("a count has four bytes"));
        let uid = rest.uid_after(base);
        let (modality, number) = (rest.number(), rest.text());
        let (description, body_part) = (self.texts.text(rest.number()), self.texts.text(rest.number()));
        let (date, time) = (rest.date(), rest.time());
        let sop_classes = *rest;
        for _ in 0..rest.number() {
            rest.number();
        }
        let studies = self;
        SeriesView { studies, uid, instances, modality, number, description, body_part, date, time, sop_classes }
    }
}

impl<'a> StudyView<'a> {
    pub(crate) fn uid(&self) -> Uid {
        Unpacker(self.packed).uid()
    }

    pub(crate) fn uid_packed(&self) -> &'a [u8] {
        Unpacker(self.packed).uid_packed()
    }

    pub(crate) fn date(&self) -> String {
        let mut rest = self.rest;
        rest.date()
    }

    pub(crate) fn time(&self) -> String {
        let mut rest = self.rest;
        rest.date();
        rest.time()
    }

    pub(crate) fn id(&self) -> &'a str {
        let mut rest = self.rest;
        rest.date();
        rest.time();
        rest.text()
    }

    pub(crate) fn series(&self) -> impl Iterator<Item = SeriesView<'a>> {
        let (studies, base, mut rest) = (self.studies, self.uid(), self.series_packed());
        std::iter::from_fn(move || (!rest.0.is_empty()).then(|| studies.series_view(&mut rest, base.as_str())))
    }

    fn series_packed(&self) -> Unpacker<'a> {
        let mut rest = self.rest;
        rest.date();
        rest.time();
        rest.text();
        rest
    }
}

impl SeriesView<'_> {
    pub(crate) fn sop_class_numbers(&self) -> impl Iterator<Item = u32> {
        let mut rest = self.sop_classes;
        let count = rest.number();
        (0..count).map(move |_| rest.number())
    }

    pub(crate) fn modality_text(&self) -> &str {
        self.studies.modalities.text(self.modality)
    }

    pub(crate) fn record(&self) -> SeriesRecord {
        let sop_class = |number| Uid::parse(self.studies.sop_classes.text(number)).expect("an identifier was packed");
        SeriesRecord {
            attributes: SeriesAttributes {
                uid: self.uid.clone(),
                modality: self.modality_text().to_owned(),
                number: self.number.to_owned(),
                description: self.description.to_owned(),
                body_part: self.body_part.to_owned(),
                date: self.date.clone(),
                time: self.time.clone(),
            },
            instances: self.instances,
            sop_classes: self.sop_class_numbers().map(sop_class).collect(),
        }
    }
}

fn modality_bit(number: u32) -> u32 {
    1 << number.min(31)
}

fn uid(rows: &[Row], study: u32) -> &[u8] {
    Unpacker(&rows[study as usize].packed).uid_packed()
}

fn accession(rows: &[Row], study: u32) -> &str {
    let mut unpacker = Unpacker(&rows[study as usize].packed);
    unpacker.uid_packed();
    unpacker.text()
}

/// Date and time as a number that orders like them.
fn when(row: &Row) -> u64 {
    u64::from(row.date) << 32 | u64::from(row.time)
}

fn compare_uids(rows: &[Row], one: u32, two: u32) -> Ordering {
    uid(rows, one).cmp(uid(rows, two)).then(one.cmp(&two))
}

fn compare_accessions(rows: &[Row], one: u32, two: u32) -> Ordering {
    compare_lower(accession(rows, one), accession(rows, two)).then(one.cmp(&two))
}

fn compare_dates(rows: &[Row], one: u32, two: u32) -> Ordering {
    when(&rows[one as usize]).cmp(&when(&rows[two as usize])).then(one.cmp(&two))
}
