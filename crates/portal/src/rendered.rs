//! Rendered images and thumbnails (PS3.18 sections 10.4.1.1.3 and 10.4.1.1.4): JPEG, for a patient's page, a list or a
//! report; never for diagnosis.
//!
//! A study or a series is shown by its middle image, an instance by its middle frame.

use std::sync::Arc;

use archive::{Instance, OpenStudy};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use codecs::{Job, NoPicture, RenderError, RenderOptions};
use dataset::Window;
use protocol::{Refusal, Scope};

use crate::accept;
use crate::address::Path;
use crate::app::Serving;
use crate::credential::Caller;
use crate::errors::Failure;
use crate::frames::frame_numbers;
use crate::qido::{series_uid, study_uid};
use crate::query;
use crate::wado::InstancePath;

/// The longest side of a picture that a request may ask for, in pixels.
pub const VIEWPORT_PIXELS_MAX: u32 = 8192;

/// A thumbnail fits into a square of this side, in pixels.
const THUMBNAIL_PIXELS: u32 = 160;
const THUMBNAIL_QUALITY: u8 = 80;

const NO_IMAGE: Failure = Failure::NotRenderable("there is no image in this that could be shown");

type Answer = Result<Response, Failure>;

/// `GET /dicom-web/studies/{study}/rendered`
pub(crate) async fn study(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    Path(study): Path<String>,
) -> Answer {
    let options = asked(&headers, raw.as_deref(), RenderOptions::default())?;
    let open = serving.reader.open(&caller, &study_uid(&study)?, Scope::Images).await?;
    let instance = middle_of_study(&open).ok_or(NO_IMAGE)?;
    picture(&serving, &caller, &open, &instance, None, options).await
}

/// `GET /dicom-web/studies/{study}/thumbnail`
pub(crate) async fn study_thumbnail(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    Path(study): Path<String>,
) -> Answer {
    let options = asked(&headers, raw.as_deref(), thumbnail())?;
    let open = serving.reader.open(&caller, &study_uid(&study)?, Scope::Images).await?;
    let instance = middle_of_study(&open).ok_or(NO_IMAGE)?;
    picture(&serving, &caller, &open, &instance, None, options).await
}

/// `GET /dicom-web/studies/{study}/series/{series}/rendered`
pub(crate) async fn series(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    Path((study, series)): Path<(String, String)>,
) -> Answer {
    let options = asked(&headers, raw.as_deref(), RenderOptions::default())?;
    of_series(&serving, &caller, &study, &series, options).await
}

/// `GET /dicom-web/studies/{study}/series/{series}/thumbnail`
pub(crate) async fn series_thumbnail(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    Path((study, series)): Path<(String, String)>,
) -> Answer {
    let options = asked(&headers, raw.as_deref(), thumbnail())?;
    of_series(&serving, &caller, &study, &series, options).await
}

async fn of_series(
    serving: &Serving,
    caller: &protocol::Credential,
    study: &str,
    series: &str,
    options: RenderOptions,
) -> Answer {
    let (study, series) = (study_uid(study)?, series_uid(series)?);
    let open = serving.reader.open(caller, &study, Scope::Images).await?;
    let instances = open.series(&series);
    if instances.is_empty() {
        return Err(Failure::Refused(Refusal::NotFound));
    }
    let instance = middle(instances).ok_or(NO_IMAGE)?;
    picture(serving, caller, &open, &instance, None, options).await
}

/// `GET .../instances/{instance}/rendered`
pub(crate) async fn instance(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    Path(path): Path<(String, String, String)>,
) -> Answer {
    let options = asked(&headers, raw.as_deref(), RenderOptions::default())?;
    let (open, instance) = InstancePath::parse(path)?.open(&serving, &caller, Scope::Images).await?;
    picture(&serving, &caller, &open, &instance, None, options).await
}

/// `GET .../instances/{instance}/thumbnail`
pub(crate) async fn instance_thumbnail(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    Path(path): Path<(String, String, String)>,
) -> Answer {
    let options = asked(&headers, raw.as_deref(), thumbnail())?;
    let (open, instance) = InstancePath::parse(path)?.open(&serving, &caller, Scope::Images).await?;
    picture(&serving, &caller, &open, &instance, None, options).await
}

/// `GET .../frames/{frame}/rendered`
pub(crate) async fn frame(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    Path((study, series, instance, frames)): Path<(String, String, String, String)>,
) -> Answer {
    let options = asked(&headers, raw.as_deref(), RenderOptions::default())?;
    let (place, number) = (InstancePath::parse((study, series, instance))?, one_frame(&frames)?);
    let (open, instance) = place.open(&serving, &caller, Scope::Images).await?;
    picture(&serving, &caller, &open, &instance, Some(number), options).await
}

/// `GET .../frames/{frame}/thumbnail`
pub(crate) async fn frame_thumbnail(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    Path((study, series, instance, frames)): Path<(String, String, String, String)>,
) -> Answer {
    let options = asked(&headers, raw.as_deref(), thumbnail())?;
    let (place, number) = (InstancePath::parse((study, series, instance))?, one_frame(&frames)?);
    let (open, instance) = place.open(&serving, &caller, Scope::Images).await?;
    picture(&serving, &caller, &open, &instance, Some(number), options).await
}

fn one_frame(text: &str) -> Result<u32, Failure> {
    match frame_numbers(text)?[..] {
        [number] => Ok(number),
        _ => Err(Failure::Malformed("the list of frames", "one frame, because a picture shows one")),
    }
}

fn thumbnail() -> RenderOptions {
    RenderOptions {
        viewport: Some((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS)),
        quality: THUMBNAIL_QUALITY,
        ..RenderOptions::default()
    }
}

/// The middle image of the series that has most of them.
fn middle_of_study(open: &OpenStudy) -> Option<Arc<Instance>> {
    // instances come sorted by series
    let by_series = open.instances().chunk_by(|one, other| one.row.series == other.row.series);
    by_series.max_by_key(|instances| instances.iter().filter(|instance| has_image(instance)).count()).and_then(middle)
}

fn middle(instances: &[Arc<Instance>]) -> Option<Arc<Instance>> {
    let images: Vec<_> = instances.iter().filter(|instance| has_image(instance)).collect();
    images.get(images.len() / 2).map(|&instance| Arc::clone(instance))
}

fn has_image(instance: &Instance) -> bool {
    instance.row.rows.is_some() && instance.row.frames > 0
}

/// Reads one frame and has it rendered, with a limit on how many at one time.
async fn picture(
    serving: &Serving,
    caller: &protocol::Credential,
    open: &Arc<OpenStudy>,
    instance: &Arc<Instance>,
    number: Option<u32>,
    options: RenderOptions,
) -> Answer {
    let number = number.unwrap_or(instance.row.frames / 2 + 1);
    let reader = serving.reader_of(caller);
    let turn = serving.renderer.turn(reader, open.row_of(instance).number).await.map_err(no_picture)?;
    let _place = serving.rendering.acquire().await.map_err(|_| Failure::Busy)?;
    let (frame, metadata) = open.frame_to_render(instance, number).await?;
    let Some(description) = metadata.image else { return Err(NO_IMAGE) };
    let first_bit = 0; // frames come aligned to their first byte
    let job = Job { description, transfer_syntax: frame.transfer_syntax, first_bit, options, frame: frame.bytes };
    match serving.renderer.render(turn, job).await {
        Ok(jpeg) => Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"))], jpeg).into_response()),
        Err(why) => Err(no_picture(why)),
    }
}

fn no_picture(why: NoPicture) -> Failure {
    Failure::NotRenderable(match why {
        NoPicture::Render(RenderError::NotDecodable) => "this image is in a form that cannot be decoded here",
        NoPicture::Render(RenderError::Damaged) => "this frame is damaged and cannot be shown",
        NoPicture::Render(RenderError::TooLarge) => "this frame has too many pixels to be shown here",
        NoPicture::Lost => "the decoder failed with this frame, so it cannot be shown",
        NoPicture::TooSlow => "this frame takes longer to decode than it may here",
        NoPicture::TooManyStarts { seconds } => return Failure::TooManyStudies { seconds },
        NoPicture::NoWorker => return Failure::NoDecoder,
    })
}

/// The parameters of PS3.18 section 8.3.5: `window=center,width[,linear]`, `viewport=width,height`, `quality=1..100`.
fn asked(headers: &HeaderMap, raw: Option<&str>, mut options: RenderOptions) -> Result<RenderOptions, Failure> {
    accept::jpeg(headers)?;
    for (name, value) in query::parameters(raw)? {
        match name.as_str() {
            "window" => options.window = Some(window(&value)?),
            "viewport" => options.viewport = Some(viewport(&value)?),
            "quality" => options.quality = quality(&value)?,
            _ => {}
        }
    }
    Ok(options)
}

fn window(value: &str) -> Result<Window, Failure> {
    const EXPECTED: Failure = Failure::Malformed("window", "center,width or center,width,linear with a width above 0");
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    match value.split(',').collect::<Vec<_>>()[..] {
        [center, width] | [center, width, "linear" | "LINEAR"] => {
            let (center, width) = (number(center).ok_or(EXPECTED)?, number(width).ok_or(EXPECTED)?);
            if width > 0.0 { Ok(Window { center, width }) } else { Err(EXPECTED) }
        }
        _ => Err(EXPECTED),
    }
}

fn viewport(value: &str) -> Result<(u32, u32), Failure> {
    const EXPECTED: Failure = Failure::Malformed("viewport", "width,height in pixels, each from 1 to 8192");
    let side = |text: &str| {
        text.trim().parse::<u32>().ok().filter(|side| (1..=VIEWPORT_PIXELS_MAX).contains(side)).ok_or(EXPECTED)
    };
    let (width, height) = value.split_once(',').ok_or(EXPECTED)?;
    Ok((side(width)?, side(height)?))
}

fn quality(value: &str) -> Result<u8, Failure> {
    let quality: u8 = query::number("quality", value)?;
    if (1..=100).contains(&quality) {
        Ok(quality)
    } else {
        Err(Failure::Malformed("quality", "a number from 1 to 100"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn of(raw: &str) -> Result<RenderOptions, Failure> {
        asked(&HeaderMap::new(), Some(raw), RenderOptions::default())
    }

    #[test]
    fn windows_and_viewports_are_read() {
        let window = |raw| of(raw).unwrap().window.unwrap();
        assert_eq!(window("window=40,400"), Window { center: 40.0, width: 400.0 });
        assert_eq!(window("window=-600.5,1500,linear"), Window { center: -600.5, width: 1500.0 });
        assert_eq!(of("viewport=512,256&quality=75").unwrap().viewport, Some((512, 256)));
        assert_eq!(of("quality=75").unwrap().quality, 75);
        assert_eq!(of("annotation=patient").unwrap(), RenderOptions::default());
    }

    #[test]
    fn what_is_out_of_shape_is_refused() {
        for raw in [
            "window=40",
            "window=40,0",
            "window=40,-1",
            "window=NaN,400",
            "window=40,inf",
            "window=40,400,sigmoid",
            "window=40,400,linear,1",
            "viewport=0,10",
            "viewport=10",
            "viewport=10,9000",
            "viewport=10,10,1",
            "viewport=a,b",
            "quality=0",
            "quality=101",
            "quality=1000",
        ] {
            assert!(of(raw).is_err(), "{raw}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("image/png"));
        assert!(matches!(asked(&headers, None, RenderOptions::default()), Err(Failure::NotAcceptable(_))));
    }
}
