//! Searching: QIDO-RS in archives that were filled.

use std::time::Duration;

use anyhow::Result;

use super::context::Context;
use super::{Sample, Unit};
use crate::bar::Bar;
use crate::images::{HITS_OF_ONE_DATE, ONE_DATE, Study, filling_id, name_of_ten};
use crate::load::{Ask, JSON, Until};
use crate::peer::Target;

/// All of them.
pub async fn qido(context: &mut Context<'_>) -> Result<()> {
    let (rounds, row_time) = (context.options.rounds(), context.options.row_time());
    let time = Until::Time(row_time);
    let sizes: Vec<String> = context.peers().map(|peer| format!("{} {}", peer.name, peer.filled)).collect();
    context.notes.push(format!("QIDO-RS and filled C-STORE rows: studies in the archives: {}.", sizes.join(", ")));

    let repeated = async |target: &Target, _| {
        let path = format!("/studies?PatientID={}", filling_id(target.filled / 2));
        Ok(Sample::rate(&target.web.load(2, time, move |_| Ask::get(path.clone(), JSON)).await?))
    };
    let bar = Bar::TimesWithin { times: 3.0, p99: Duration::from_millis(10) };
    let name = "QIDO by PatientID, 2 connections, repeated";
    context.row(name, Unit::Requests, bar, rounds, repeated).await?;

    // no patient twice: what was named once is named again without an entry for some minutes
    let different = async |target: &Target, round: usize| {
        let (filled, each) = (target.filled, target.filled as usize * 6 / 10 / rounds);
        let ask = move |number| {
            Ask::get(format!("/studies?PatientID={}", filling_id(spread(round * each + number, filled))), JSON)
        };
        Ok(Sample::rate(&target.web.load(32, Until::TimeOrCount(row_time, each), ask).await?))
    };
    let name = "QIDO by PatientID, 32 connections, different patients";
    context.row(name, Unit::Requests, Bar::AtLeast(3000.0), rounds, different).await?;

    let names = async |target: &Target, round: usize| {
        let (tens, each) = (target.filled / 10, target.filled as usize / 10 / rounds);
        let ask = move |number| {
            let ten = spread(round * each + number, tens);
            Ask::get(format!("/studies?PatientName={}", name_of_ten(ten * 10)), JSON)
        };
        Ok(Sample::rate(&target.web.load(2, Until::TimeOrCount(row_time, each), ask).await?))
    };
    let name = "QIDO by name prefix, 10 hits, 2 connections, different ones";
    context.row(name, Unit::Requests, Bar::Times(5.0), rounds, names).await?;

    let date = async |target: &Target, _| {
        let ask = |_| Ask::get(format!("/studies?StudyDate={ONE_DATE}&limit=200"), JSON);
        Ok(Sample::rate(&target.web.load(2, time, ask).await?))
    };
    let name = format!("QIDO by one study date, {HITS_OF_ONE_DATE} hits, 2 connections");
    context.row(&name, Unit::Requests, Bar::Times(20.0), rounds, date).await?;

    // each is a key released and recorded before the first byte leaves
    let opened = async |target: &Target, round: usize| {
        let (filled, each) = (target.filled, target.filled as usize / rounds);
        let ask = move |number| {
            let study = Study::filling(spread(round * each + number, filled));
            Ask::get(format!("{}/metadata", study.series_path()), JSON)
        };
        Ok(Sample::rate(&target.web.load(32, Until::TimeOrCount(row_time, each), ask).await?))
    };
    let name = "series metadata, 32 connections, a different study each";
    context.row(name, Unit::Requests, Bar::None, rounds, opened).await
}

/// Numbers below `filled` in an order that jumps around and meets each once before it comes back.
fn spread(number: usize, filled: u32) -> u32 {
    // a prime that no size of an archive here is a multiple of
    (number as u64 * 7_368_787 % u64::from(filled)) as u32
}
