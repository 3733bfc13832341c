//! What patients asked about who looked, and what officers answered. Replayed from the ledger.

use std::collections::BTreeMap;

use model::{Actor, Entry, EntryBody, EntryNumber, Instant, PatientNumber, PersonId};

/// One question or complaint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its number, from 1.
    pub number: u32,
    /// The patient.
    pub patient: PatientNumber,
    /// Who asked, when a person did.
    pub person: Option<PersonId>,
    /// The entry that it is about.
    pub access: Option<EntryNumber>,
    /// When.
    pub asked: Instant,
    /// The question.
    pub text: String,
    /// Answers, oldest first: when, who, what.
    pub answers: Vec<Answer>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// When.
    pub at: Instant,
    /// Who answered.
    pub actor: Actor,
    /// The answer.
    pub text: String,
}

/// Every question.
#[derive(Default)]
pub struct Questions(BTreeMap<u32, Question>);

impl Questions {
    /// Takes the next entry. Entries come in the order of the ledger.
    pub fn apply(&mut self, entry: &Entry) {
        match &entry.body {
            EntryBody::QuestionAsked { question, patient, access, text } => {
                let person = match &entry.actor {
                    Actor::Person { person, .. } => Some(*person),
                    _ => None,
                };
                self.0.entry(*question).or_insert_with(|| Question {
                    number: *question,
                    patient: *patient,
                    person,
                    access: *access,
                    asked: entry.recorded,
                    text: text.clone(),
                    answers: Vec::new(),
                });
            }
            EntryBody::QuestionAnswered { question, text } => {
                if let Some(known) = self.0.get_mut(question) {
                    known.answers.push(Answer { at: entry.recorded, actor: entry.actor.clone(), text: text.clone() });
                }
            }
            EntryBody::Erased { left, .. } => self.erased(left),
            _ => {}
        }
    }

    /// Forgets words that were erased.
    fn erased(&mut self, left: &Entry) {
        match &left.body {
            EntryBody::QuestionAsked { question, text, .. } => {
                if let Some(known) = self.0.get_mut(question) {
                    known.text.clone_from(text);
                }
            }
            EntryBody::QuestionAnswered { question, text } => {
                let answers = self.0.get_mut(question).into_iter().flat_map(|known| &mut known.answers);
                // two answers of one instant have one recorder, and both go: more than was asked for, never less
                answers.filter(|answer| answer.at == left.recorded).for_each(|answer| answer.text.clone_from(text));
            }
            _ => {}
        }
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&Question> {
        self.0.get(&number)
    }

    /// All of them, the newest first.
    pub fn all(&self) -> impl Iterator<Item = &Question> {
        self.0.values().rev()
    }

    /// The number that the next one has.
    #[must_use]
    pub fn next(&self) -> u32 {
        self.0.last_key_value().map_or(1, |(number, _)| number.saturating_add(1))
    }
}
