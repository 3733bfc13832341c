//! Data types of fields (HL7 v2 chapter 2A): CX, XCN, EI and HD.

use protocol::{Authority, ErrorCode, Identifier, ORDER_NAMES_MAX, ORDER_TEXT_CHARACTERS_MAX, OrderProblem};

use crate::message::{Part, Segment};

/// HD in one component: namespace & universal id & type.
fn authority(part: Part<'_>) -> Authority {
    Authority { name: part.subcomponent(1).text(), universal: part.subcomponent(2).text() }
}

/// Patient identifiers (CX): every repetition that has an identifier. Who gave it may be empty; the warden decides whether that is enough.
pub(crate) fn patient(segment: &Segment<'_>, number: usize) -> Result<Vec<Identifier>, OrderProblem> {
    let field = segment.field(number)?;
    let identifiers = field.repetitions().filter(|part| !part.component(1).text().is_empty());
    let identifiers =
        identifiers.map(|part| Identifier { authority: authority(part.component(4)), id: part.component(1).text() });
    let identifiers: Vec<_> = identifiers.take(ORDER_NAMES_MAX).collect();
    if identifiers.is_empty() {
        let why = "an identifier of the patient with its assigning authority is needed";
        return Err(OrderProblem::at(ErrorCode::RequiredField, segment.name(), number as u8, why));
    }
    fit(&identifiers, segment, number)?;
    Ok(identifiers)
}

/// Professionals (XCN): identifier in the first component, who gave it in the ninth.
pub(crate) fn professionals(segment: &Segment<'_>, number: usize) -> Result<Vec<Identifier>, OrderProblem> {
    let field = segment.field(number)?;
    let named = field.repetitions().filter(|part| !part.component(1).text().is_empty());
    let named = named.map(|part| Identifier { authority: authority(part.component(9)), id: part.component(1).text() });
    let named: Vec<_> = named.take(ORDER_NAMES_MAX).collect();
    fit(&named, segment, number)?;
    Ok(named)
}

/// An entity (EI): identifier, namespace, universal id.
pub(crate) fn entity(segment: &Segment<'_>, number: usize) -> Result<Option<Identifier>, OrderProblem> {
    let field = segment.field(number)?;
    let id = field.component(1).text();
    if id.is_empty() {
        return Ok(None);
    }
    let authority = Authority { name: field.component(2).text(), universal: field.component(3).text() };
    let entity = Identifier { authority, id };
    fit(std::slice::from_ref(&entity), segment, number)?;
    Ok(Some(entity))
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
