//! Taking in: C-STORE and STOW-RS.

use anyhow::{Context as _, Result};

use super::context::{Context, listed, send_studies};
use super::{Row, Sample, Unit};
use crate::bar::Bar;
use crate::images::{SERIES_SLICES, Study};
use crate::load::{Ask, Until};
use crate::peer::{Peer, Target};

/// Instances in one STOW-RS request.
const STOW_INSTANCES: u32 = 10;
/// Clients that send STOW-RS requests.
const STOW_CLIENTS: u32 = 4;

/// Associations at once over TLS.
const TLS_ASSOCIATIONS: u32 = 4;

/// C-STORE into archives that hold little.
pub async fn c_store_empty(context: &mut Context<'_>) -> Result<()> {
    let one = Bar::TimesOrSyncs { times: 2.0, share: 0.7 };
    c_store(context, 1, SERIES_SLICES, one).await?;
    c_store(context, 4, SERIES_SLICES, Bar::Times(2.5)).await?;
    let megabytes_each = context.images.slice(Study(0), 1).data_set.len() as f64 / 1e6;
    c_store(context, 16, SERIES_SLICES / 4, Bar::DiskShare { share: 0.4, megabytes_each }).await?;
    c_store_over_tls(context).await
}

/// C-STORE over TLS, in turns with the same in the clear: ours alone, because the peer is not measured over TLS.
async fn c_store_over_tls(context: &mut Context<'_>) -> Result<()> {
    let rounds = if context.options.quick { context.options.rounds() } else { context.options.rounds() + 2 };
    let each = if context.options.quick { SERIES_SLICES / 2 } else { SERIES_SLICES };
    let over_tls = context.ours.target_over_tls().context("leadglass has no port for DICOM over TLS")?;
    let targets = [context.ours.target(), over_tls];
    let images = context.images.clone();
    let mut samples = [const { Vec::new() }; 2];
    for round in 0..rounds {
        for turn in 0..targets.len() {
            let at = (turn + round) % targets.len();
            let first = context.new_studies(TLS_ASSOCIATIONS);
            let rate = send_studies(&targets[at], &images, first, TLS_ASSOCIATIONS, each).await?;
            samples[at].push(Sample::of(rate));
        }
    }
    let [clear, tls] = samples;
    let clear = super::median(&clear).map_or(0.0, |sample| sample.value);
    let ratio = super::median(&tls).map_or(0.0, |sample| sample.value) / clear;
    context.take(Row {
        name: format!("C-STORE over TLS, {TLS_ASSOCIATIONS} associations ({ratio:.2} of it in the clear)"),
        unit: Unit::Instances,
        bar: Bar::None,
        our_samples: tls,
        their_samples: Vec::new(),
        their_clear_samples: Vec::new(),
    });
    Ok(())
}

async fn c_store(context: &mut Context<'_>, associations: u32, each: u32, bar: Bar) -> Result<()> {
    // what waits for a disk varies more than what waits for a processor
    let rounds = if context.options.quick { context.options.rounds() } else { context.options.rounds() + 2 };
    let each = if context.options.quick { each / 2 } else { each };
    let first = context.new_studies(associations * rounds as u32);
    let images = context.images.clone();
    let plural = if associations == 1 { "association" } else { "associations" };
    let name = format!("C-STORE, {associations} {plural}");
    let measure = async |target: &Target, round: usize| {
        let first = first + round as u32 * associations;
        Ok(Sample::of(send_studies(target, &images, first, associations, each).await?))
    };
    context.row_with_disk(&name, Unit::Instances, bar, rounds, measure).await
}

/// C-STORE into archives that were filled, in turns with a leadglass that is empty.
pub async fn c_store_filled(context: &mut Context<'_>) -> Result<()> {
    let empty = crate::leadglass::start(context.options)?;
    // a tenth is to be told apart: more rounds than elsewhere
    let rounds = if context.options.quick { context.options.rounds() } else { context.options.rounds() + 4 };
    let images = context.images.clone();
    for associations in [1, 4] {
        let first = context.new_studies(associations * rounds as u32);
        let targets = [Some(context.ours.target()), Some(empty.target()), context.theirs.as_ref().map(Peer::target)];
        let mut samples = [const { Vec::new() }; 3];
        for round in 0..rounds {
            for turn in 0..targets.len() {
                let at = (turn + round) % targets.len();
                if let Some(target) = &targets[at] {
                    let first = first + round as u32 * associations;
                    let rate = send_studies(target, &images, first, associations, SERIES_SLICES).await?;
                    samples[at].push(Sample::of(rate));
                }
            }
        }
        let [full, none, theirs] = samples;
        let empty = super::median(&none).map_or(0.0, |sample| sample.value);
        let filled: Vec<String> = context.peers().map(|peer| format!("{}: {}", peer.name, peer.filled)).collect();
        context.take(Row {
            name: format!("C-STORE, {associations} with one-instance studies in it ({})", filled.join(", ")),
            unit: Unit::Instances,
            bar: Bar::OfEmpty { share: 0.9, empty },
            our_samples: full,
            their_samples: theirs,
            their_clear_samples: Vec::new(),
        });
    }
    Ok(())
}

/// STOW-RS: four clients, ten instances a request.
pub async fn stow(context: &mut Context<'_>) -> Result<()> {
    let (rounds, requests) = (context.options.rounds(), if context.options.quick { 5 } else { 15 });
    // each client sends to a study of its own
    let first = context.new_studies(STOW_CLIENTS * rounds as u32);
    let images = context.images.clone();
    let measure = async |target: &Target, round: usize| {
        let study = move |client: u32| Study(first + round as u32 * STOW_CLIENTS + client);
        // bodies are made before the clock starts
        let bodies: Vec<Ask> = (0..STOW_CLIENTS * requests)
            .map(|number| {
                let from = number / STOW_CLIENTS * STOW_INSTANCES + 1;
                let (content_type, body) = images.stow(study(number % STOW_CLIENTS), from..from + STOW_INSTANCES);
                Ask::post("/studies", content_type, body)
            })
            .collect();
        let count = Until::Count(bodies.len());
        let answered = target.web.load(STOW_CLIENTS as usize, count, move |number| bodies[number].clone()).await?;
        for client in 0..STOW_CLIENTS {
            listed(target, study(client), requests * STOW_INSTANCES).await?;
        }
        Ok(Sample { value: answered.rate() * f64::from(STOW_INSTANCES), ..Sample::rate(&answered) })
    };
    context.row_once("STOW-RS, 4 clients x 10 instances", Unit::Instances, Bar::Times(2.5), rounds, measure).await
}
