//! Data types of fields (HL7 v2 chapter 2A): CX, XCN, EI and HD.

use protocol::{Authority, ErrorCode, Identifier, ORDER_NAMES_MAX, ORDER_TEXT_CHARACTERS_MAX, OrderProblem};

use crate::message::{Part, Segment};

/// HD in one component: namespace & universal id & type.
fn authority(part: Part<'_>) -> Option<Authority> {
    Some(Authority { name: part.subcomponent(1).name()?, universal: part.subcomponent(2).name()? })
}

/// Patient identifiers (CX): every repetition that has an identifier. Who gave it may be empty; the warden decides whether that is enough.
pub(crate) fn patient(segment: &Segment<'_>, number: usize) -> Result<Vec<Identifier>, OrderProblem> {
    let identifiers = named(segment, number, 4)?;
    if identifiers.is_empty() {
        let why = "an identifier of the patient with its assigning authority is needed";
        return Err(OrderProblem::at(ErrorCode::RequiredField, segment.name(), number as u8, why));
    }
    Ok(identifiers)
}

/// Professionals (XCN): identifier in the first component, who gave it in the ninth.
pub(crate) fn professionals(segment: &Segment<'_>, number: usize) -> Result<Vec<Identifier>, OrderProblem> {
    named(segment, number, 9)
}

/// The repetitions of a field that have an identifier; who gave it stands in the component `giver`.
fn named(segment: &Segment<'_>, number: usize, giver: usize) -> Result<Vec<Identifier>, OrderProblem> {
    let is_there = |part: &Part<'_>| part.component(1).name().is_none_or(|id| !id.is_empty());
    let parts = segment.field(number)?.repetitions().filter(is_there).take(ORDER_NAMES_MAX);
    let read = |part: Part<'_>| {
        Some(Identifier { authority: authority(part.component(giver))?, id: part.component(1).name()? })
    };
    let identifiers = parts.map(read).collect::<Option<Vec<_>>>().ok_or_else(|| not_known(segment, number))?;
    fit(&identifiers, segment, number)?;
    Ok(identifiers)
}

/// An entity (EI): identifier, namespace, universal id.
pub(crate) fn entity(segment: &Segment<'_>, number: usize) -> Result<Option<Identifier>, OrderProblem> {
    let field = segment.field(number)?;
    let names: Option<Vec<String>> = (1..=3).map(|component| field.component(component).name()).collect();
    let [id, name, universal] =
        names.and_then(|names| <[String; 3]>::try_from(names).ok()).ok_or_else(|| not_known(segment, number))?;
    if id.is_empty() {
        return Ok(None);
    }
    let entity = Identifier { authority: Authority { name, universal }, id };
    fit(std::slice::from_ref(&entity), segment, number)?;
    Ok(Some(entity))
}

fn not_known(segment: &Segment<'_>, number: usize) -> OrderProblem {
    let why = "an identifier holds an escape sequence that is not known; without it it could be another one";
    OrderProblem::at(ErrorCode::DataType, segment.name(), number as u8, why)
}

fn fit(identifiers: &[Identifier], segment: &Segment<'_>, number: usize) -> Result<(), OrderProblem> {
    let short = |text: &str| text.chars().count() <= ORDER_TEXT_CHARACTERS_MAX && !text.contains(char::is_control);
    let fits =
        identifiers.iter().all(|one| short(&one.id) && short(&one.authority.name) && short(&one.authority.universal));
    if fits {
        return Ok(());
    }
    let why = format!("an identifier has at most {ORDER_TEXT_CHARACTERS_MAX} characters and no tabulator");
    Err(OrderProblem::at(ErrorCode::DataType, segment.name(), number as u8, &why))
}
