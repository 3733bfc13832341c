//! Giving out: WADO-RS, and the instances of a series.

use anyhow::{Result, ensure};

use super::context::{Context, send_studies};
use super::{Sample, Unit};
use crate::bar::Bar;
use crate::images::{SERIES_SLICES, Study};
use crate::load::{Ask, FRAMES, INSTANCES, JSON, PICTURE, Until};
use crate::peer::Target;

/// Studies that are read from.
const STUDIES: u32 = 4;
/// Studies whose metadata nobody asked for before.
const COLD: u32 = 5;
/// Rounds of the row of whole studies: a few large answers vary more than many small ones.
const WHOLE_ROUNDS: usize = 7;
/// Bytes of the pixels of a slice: an answer with fewer is not what was asked for.
const SLICE_BYTES: u64 = 512 * 512 * 2;

/// All of them.
pub async fn retrieve(context: &mut Context<'_>) -> Result<()> {
    let first = context.new_studies(STUDIES + COLD);
    for peer in context.peers() {
        for at in (0..STUDIES + COLD).step_by(3) {
            send_studies(&peer.target(), &context.images, first + at, 3.min(STUDIES + COLD - at), SERIES_SLICES)
                .await?;
        }
    }
    let (rounds, time) = (context.options.rounds(), Until::Time(context.options.row_time()));
    let warm = Study(first);
    // different ones each time: a walk over all slices of all studies
    let slice = move |number: usize| {
        let number = number as u32;
        let (study, slice) = (Study(first + number / SERIES_SLICES % STUDIES), number % SERIES_SLICES + 1);
        study.instance_path(slice)
    };

    let cold = async |target: &Target, round: usize| {
        let study = Study(first + STUDIES + round as u32);
        let ask = move |_| Ask::get(format!("{}/metadata", study.series_path()), JSON);
        let answered = target.web.load(1, Until::Count(1), ask).await?;
        Ok(Sample::of(answered.share(0.5).as_secs_f64() * 1000.0))
    };
    context.row_once("series metadata, first time", Unit::Milliseconds, Bar::AtMost(20.0), COLD as usize, cold).await?;

    let instances = async |target: &Target, _| {
        let answered = target.web.load(2, time, move |_| Ask::get(format!("{}/instances", warm.series_path()), JSON));
        Ok(Sample::rate(&answered.await?))
    };
    let name = "instances of a series (200)";
    context.row(name, Unit::Requests, Bar::Times(30.0), rounds, instances).await?;

    let metadata = async |target: &Target, _| {
        let answered = target.web.load(2, time, move |_| Ask::get(format!("{}/metadata", warm.series_path()), JSON));
        let answered = answered.await?;
        ensure!(answered.bytes_each() > 200_000, "the metadata of 200 instances is larger");
        Ok(Sample::rate(&answered))
    };
    let name = "series metadata (200 instances), again";
    context.row(name, Unit::Requests, Bar::Times(3.0), rounds, metadata).await?;

    let frame = async |target: &Target, _| {
        let answered = target.web.load(4, time, move |number| Ask::get(format!("{}/frames/1", slice(number)), FRAMES));
        whole(answered.await?)
    };
    context.row("one frame, 4 connections, different ones", Unit::Requests, Bar::Times(1.5), rounds, frame).await?;

    let instance = async |target: &Target, _| {
        whole(target.web.load(4, time, move |number| Ask::get(slice(number), INSTANCES)).await?)
    };
    let name = "one instance, 4 connections, different ones";
    context.row(name, Unit::Requests, Bar::Times(1.5), rounds, instance).await?;

    let study = async |target: &Target, round: usize| {
        let study = Study(first + round as u32 % STUDIES);
        let ask = move |_| Ask::get(format!("/studies/{}", study.uid()), INSTANCES);
        let answered = target.web.load(1, Until::Count(1), ask).await?;
        ensure!(answered.bytes > u64::from(SERIES_SLICES) * SLICE_BYTES, "the study is larger");
        Ok(Sample::of(answered.megabytes()))
    };
    let rounds_of_study = if context.options.quick { 3 } else { WHOLE_ROUNDS };
    context.row("whole study of 105 MB", Unit::Megabytes, Bar::Times(0.8), rounds_of_study, study).await?;

    let rendered = async |target: &Target, _| {
        let answered = target.web.load(4, time, move |number| Ask::get(format!("{}/rendered", slice(number)), PICTURE));
        Ok(Sample::rate(&answered.await?))
    };
    let name = "rendered JPEG, 4 connections, different ones";
    context.row(name, Unit::Requests, Bar::Times(1.5), rounds, rendered).await
}

fn whole(answered: crate::load::Answered) -> Result<Sample> {
    ensure!(answered.bytes_each() >= SLICE_BYTES, "a frame is larger than what came");
    Ok(Sample::rate(&answered))
}
