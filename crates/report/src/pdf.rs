//! Pages as PDF/A-3a and PDF/UA-1, with what they were drawn from as attachments: for archives, and for who hears them.

use krilla::Document;
use krilla::SerializeSettings;
use krilla::color::rgb;
use krilla::configure::{Accessibility, Archival, ConfigurationBuilder};
use krilla::embed::{AssociationKind, EmbeddedFile, MimeType};
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::tagging::{Artifact, ArtifactType, ContentTag, Identifier, SpanTag};
use model::Instant;
use protocol::{AboutFacts, ExposureReport};
use thiserror::Error;

use crate::fonts::{Fonts, Weight};
use crate::page::{Colour, Finished, HEIGHT, LEFT, LINE, Pages, Placed, RIGHT, SOFT, Step, WIDTH};
use crate::reading::{Element, Kind};
use crate::tags;
use crate::when::parts;
use crate::words::Language;

/// The number of this way of drawing, written into every PDF. Another number draws other bytes of the same document, so a
/// verifier with another number cannot compare pages. A test holds it against the bytes.
pub const DRAWING: u32 = 2;
/// The number of drawing a report that names the share links of a session: who draws with [`DRAWING`] alone leaves them out, and must
/// not say that the pages were changed. What does not name them is drawn as before.
const DRAWING_WITH_SESSION_LINKS: u32 = 3;

/// The number that a report is drawn with.
pub(crate) fn drawing_of(report: &ExposureReport) -> u32 {
    match report.about {
        AboutFacts::Session { links: Some(_), .. } => DRAWING_WITH_SESSION_LINKS,
        _ => DRAWING,
    }
}

/// A PDF could not be written.
#[derive(Debug, Error)]
#[error("the PDF could not be written; take the report as JSON, and tell us what it held")]
pub struct DrawError;

/// What a PDF is about.
pub(crate) struct Title<'t> {
    pub title: &'t str,
    pub footer: &'t str,
    pub made: Instant,
    pub language: Language,
    /// The number of the way of drawing.
    pub drawing: u32,
}

/// A file inside the PDF. It is kept as it is, so that whoever has no PDF reader finds it too.
pub(crate) struct Attachment<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub bytes: &'a str,
}

/// Writes pages and attachments.
pub(crate) fn write(pages: Pages, about: &Title<'_>, attachments: &[Attachment<'_>]) -> Result<Vec<u8>, DrawError> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A3_A)
        .with_accessibility_validator(Accessibility::UA1)
        .finish();
    let settings =
        SerializeSettings { configuration: configuration.map_err(|_| DrawError)?, ..SerializeSettings::default() };
    let mut document = Document::new_with(settings);
    let made = date_time(about.made);
    document.set_metadata(
        Metadata::new()
            .title(about.title.to_owned())
            .language(about.language.tag().to_owned())
            .creator(format!("leadglass, drawing {}", about.drawing))
            .creation_date(made),
    );
    let Finished { fonts, pages, elements } = pages.finish();
    let mut marked: Vec<Vec<Identifier>> = vec![Vec::new(); elements.len()];
    let count = pages.len();
    for (place, steps) in pages.iter().enumerate() {
        let size = PageSettings::from_wh(WIDTH, HEIGHT).ok_or(DrawError)?;
        let mut page = document.start_page_with(size);
        let mut surface = page.surface();
        for piece in steps.chunk_by(|one, next| one.of == next.of) {
            let identifier = surface.start_tagged(content(piece, &elements));
            piece.iter().for_each(|placed| draw(&mut surface, &fonts, &placed.step));
            surface.end_tagged();
            if let Some(element) = piece[0].of {
                marked[element].push(identifier);
            }
        }
        surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Footer)));
        footer(about, place + 1, count, &fonts).iter().for_each(|step| draw(&mut surface, &fonts, step));
        surface.end_tagged();
        surface.finish();
        page.finish();
    }
    document.set_tag_tree(tags::tree(&elements, &marked, about.language.tag()));
    document.set_outline(tags::outline(&elements));
    for attachment in attachments {
        document
            .embed_file(EmbeddedFile {
                path: attachment.name.to_owned(),
                mime_type: MimeType::new("application/json"),
                description: Some(attachment.description.to_owned()),
                association_kind: AssociationKind::Source,
                data: attachment.bytes.as_bytes().to_vec().into(),
                modification_date: Some(made),
                compress: Some(false),
                location: None,
            })
            .ok_or(DrawError)?;
    }
    document.finish().map_err(|_| DrawError)
}

/// What a piece of a page is: text of an element, a picture, or something for the eye alone.
fn content(piece: &[Placed], elements: &[Element]) -> ContentTag<'static> {
    match piece[0].of.map(|element| &elements[element].kind) {
        None => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)),
        Some(Kind::Figure(..)) => ContentTag::Other,
        Some(_) => ContentTag::Span(SpanTag::empty()),
    }
}

fn footer(about: &Title<'_>, page: usize, pages: usize, fonts: &Fonts) -> [Step; 3] {
    let size = 7.5;
    let y = HEIGHT - 38.0;
    let number = match about.language {
        Language::English => format!("Page {page} of {pages}"),
        Language::German => format!("Seite {page} von {pages}"),
    };
    let x = RIGHT - fonts.width(Weight::Regular, size, &number);
    let text = |x: f32, text: String| Step::Text { x, y, weight: Weight::Regular, size, colour: SOFT, text };
    [
        Step::Fill { x: LEFT, y: y - 14.0, width: RIGHT - LEFT, height: 0.5, colour: LINE },
        text(LEFT, about.footer.to_owned()),
        text(x, number),
    ]
}

fn draw(surface: &mut Surface<'_>, fonts: &Fonts, step: &Step) {
    match step {
        Step::Text { x, y, weight, size, colour, text } => {
            if text.is_empty() {
                return;
            }
            let run = fonts.run(*weight, text);
            surface.set_fill(Some(fill(*colour)));
            surface.draw_glyphs(Point::from_xy(*x, *y), &run.glyphs, fonts.font(*weight), &run.text, *size, false);
        }
        Step::Fill { x, y, width, height, colour } => {
            if let Some(rect) = Rect::from_xywh(*x, *y, *width, *height) {
                let mut path = PathBuilder::new();
                path.push_rect(rect);
                if let Some(path) = path.finish() {
                    surface.set_fill(Some(fill(*colour)));
                    surface.draw_path(&path);
                }
            }
        }
    }
}

fn fill(Colour(red, green, blue): Colour) -> Fill {
    Fill { paint: rgb::Color::new(red, green, blue).into(), opacity: NormalizedF32::ONE, rule: Default::default() }
}

fn date_time(at: Instant) -> DateTime {
    let [year, month, day, hour, minute, second] = parts(at);
    let small = |value: u16| u8::try_from(value).unwrap_or_default();
    DateTime::new(year)
        .month(small(month))
        .day(small(day))
        .hour(small(hour))
        .minute(small(minute))
        .second(small(second))
}
