//! Filling both archives with one-instance studies of one small image each.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::context::{Context, listed};
use crate::images::Study;
use crate::peer::Peer;

/// Associations that fill, and studies on each before it ends and another one begins.
const ASSOCIATIONS: u32 = 4;
const EACH: u32 = 250;
/// leadglass is filled with as many as were asked for, unless that takes longer than this.
const OUR_FILL_TIME: Duration = Duration::from_secs(900);

/// Fills both: leadglass by number, Orthanc by time.
pub async fn fill(context: &mut Context<'_>) -> Result<()> {
    let (count, time) = (context.options.studies(), context.options.fill_time());
    let ours = fill_one(&context.ours, context, count, OUR_FILL_TIME).await?;
    context.ours.filled = ours.0;
    let said = format!(
        "leadglass took {} one-instance studies in {:.0} s over {ASSOCIATIONS} associations and listed the last one {:.1} s later.",
        ours.0,
        ours.1.as_secs_f64(),
        ours.2.as_secs_f64()
    );
    eprintln!("{said}");
    context.notes.push(said);
    let theirs = match &context.theirs {
        Some(peer) => Some(fill_one(peer, context, count, time).await?),
        None => None,
    };
    if let (Some(theirs), Some(peer)) = (theirs, context.theirs.as_mut()) {
        peer.filled = theirs.0;
        let said = format!("Orthanc took {} of the same studies in {:.0} s.", theirs.0, theirs.1.as_secs_f64());
        eprintln!("{said}");
        context.notes.push(said);
    }
    Ok(())
}

/// How many studies went in, how long that took, and how long the last one took to be listed.
async fn fill_one(peer: &Peer, context: &Context<'_>, count: u32, time: Duration) -> Result<(u32, Duration, Duration)> {
    let (target, images, began) = (peer.target(), context.images.clone(), Instant::now());
    let destination = target.destination.clone();
    let filled = tokio::task::spawn_blocking(move || {
        destination.fill(ASSOCIATIONS, EACH, count, time, |number| images.small(number))
    })
    .await??;
    let took = began.elapsed();
    let last = listed(&target, Study::filling(filled - 1), 1).await?;
    Ok((filled, took, last))
}
