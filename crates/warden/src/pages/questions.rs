//! What patients ask about who looked, and what officers answer.

use audit::Question;
use model::{EntryBody, EntryNumber, Instant, NumberSet, PatientNumber};
use protocol::{AnswerRow, PageReply, QUESTIONS_PER_DAY_MAX, QUESTIONS_WAITING_MAX, QuestionRow, Refusal};

use super::HELD;
use super::directory::{field, unknown};
use super::exposure::unnamed;
use super::incidents::prose;
use crate::state::Warden;
use crate::subject::Caller;

/// The most questions in one answer.
const QUESTION_ROWS_MAX: usize = 500;
const DAY_SECONDS: i64 = 86_400;

impl Warden {
    /// A patient asks. Limited in length and count: the text becomes an entry for good.
    pub(super) fn ask_question(
        &self,
        caller: &Caller,
        access: Option<EntryNumber>,
        text: &str,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let text = prose(text, "text")?;
        let own = self.own_patients(caller, now);
        let patient = *own.first().ok_or_else(|| field("text", "a record of your own; ask the practice to link it"))?;
        let numbering = self.numbering.lock().expect(HELD);
        let question = {
            let cases = self.cases.read().expect(HELD);
            let mine = || cases.questions.all().filter(|question| own.contains(&question.patient));
            let today = now.plus_seconds(-DAY_SECONDS);
            if mine().filter(|question| question.answers.is_empty()).count() >= QUESTIONS_WAITING_MAX {
                return Err(field("text", "to wait: five questions of yours are still to be answered"));
            }
            if mine().filter(|question| question.asked > today).count() >= QUESTIONS_PER_DAY_MAX {
                return Err(field("text", "to wait until tomorrow: that was enough for a day"));
            }
            cases.questions.next()
        };
        self.append(caller, vec![EntryBody::QuestionAsked { question, patient, access, text }], now)?;
        drop(numbering);
        Ok(self.own_questions(caller, now))
    }

    /// The patient's own questions, the newest first.
    pub(super) fn own_questions(&self, caller: &Caller, now: Instant) -> PageReply {
        let own = self.own_patients(caller, now);
        let cases = self.cases.read().expect(HELD);
        let mine = cases.questions.all().filter(|question| own.contains(&question.patient)).cloned();
        let mine: Vec<Question> = mine.take(QUESTION_ROWS_MAX).collect();
        drop(cases);
        PageReply::Questions(mine.iter().map(|question| self.question_row(question)).collect())
    }

    /// Everybody's questions for the officer, those that wait first. The names count as listed.
    pub(super) fn questions(&self, caller: &Caller, now: Instant) -> Result<PageReply, Refusal> {
        let mut all: Vec<Question> = self.cases.read().expect(HELD).questions.all().cloned().collect();
        all.sort_by_key(|question| (!question.answers.is_empty(), std::cmp::Reverse(question.number)));
        all.truncate(QUESTION_ROWS_MAX);
        if !all.is_empty() {
            let patients: NumberSet = all.iter().map(|question| question.patient.0).collect();
            let body = EntryBody::Listed { patients, studies: NumberSet::default(), lease_until: now };
            self.append(caller, vec![body], now)?;
        }
        let mut rows = Vec::with_capacity(all.len());
        for question in &all {
            let registry = self.readable_registry()?;
            let patient = registry.patient(question.patient).unwrap_or_else(|| unnamed(question.patient));
            drop(registry);
            rows.push(QuestionRow { patient: Some(patient), ..self.question_row(question) });
        }
        Ok(PageReply::Questions(rows))
    }

    /// An officer answers.
    pub(super) fn answer_question(
        &self,
        caller: &Caller,
        question: u32,
        text: &str,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let text = prose(text, "text")?;
        let known = self.cases.read().expect(HELD).questions.get(question).is_some();
        if !known {
            return Err(unknown("question", "ledger entries"));
        }
        self.append(caller, vec![EntryBody::QuestionAnswered { question, text }], now)?;
        self.questions(caller, now)
    }

    fn question_row(&self, question: &Question) -> QuestionRow {
        let people = self.people.lock().expect(HELD);
        let answers = question.answers.iter().map(|answer| AnswerRow {
            at: answer.at,
            by: self.actor_name(&people, &answer.actor),
            text: answer.text.clone(),
        });
        QuestionRow {
            question: question.number,
            patient: None,
            access: question.access,
            asked: question.asked,
            text: question.text.clone(),
            answers: answers.collect(),
        }
    }

    fn own_patients(&self, caller: &Caller, now: Instant) -> Vec<PatientNumber> {
        self.reachable(caller, now).patients().map(|(patient, _)| patient).collect()
    }
}
