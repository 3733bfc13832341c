//! `leadglass network`: the networks that signs of sharing go by.

use std::path::Path;

use anyhow::{Context, Result, bail};
use model::{Coordinates, Network, NetworkRule};
use protocol::{ApprovalRequest, PageReply, PageRequest};
use serde_json::json;

use crate::cli::{Format, NetworkCommand};
use crate::command::approve::told;
use crate::output::say;
use crate::owner::Owner;

/// `leadglass network`
pub fn network(dir: &Path, format: Format, command: NetworkCommand) -> Result<()> {
    match command {
        NetworkCommand::List => list(&known(&Owner::connect(dir)?)?, format),
        NetworkCommand::Add { name, blocks, at, time } => {
            let at = at.as_deref().map(coordinates).transpose()?;
            let network = Network { name, blocks, at, utc_minutes: time.as_deref().map(minutes).transpose()? };
            let owner = Owner::connect(dir)?;
            let mut rule = known(&owner)?;
            match rule.networks.iter_mut().find(|known| is_called(known, &network.name)) {
                Some(known) => *known = network,
                None => rule.networks.push(network),
            }
            propose(&owner, format, rule)
        }
        NetworkCommand::Remove { name } => {
            let owner = Owner::connect(dir)?;
            let mut rule = known(&owner)?;
            let before = rule.networks.len();
            rule.networks.retain(|known| !is_called(known, &name));
            if rule.networks.len() == before {
                bail!("there is no network of this name; `leadglass network list` says which there are");
            }
            propose(&owner, format, rule)
        }
        NetworkCommand::Places { file, .. } => places(dir, format, file.as_deref()),
    }
}

fn is_called(network: &Network, name: &str) -> bool {
    network.name.to_lowercase() == name.trim().to_lowercase()
}

fn known(owner: &Owner) -> Result<NetworkRule> {
    match owner.ask(PageRequest::Approvals(ApprovalRequest::List { open: true }))? {
        PageReply::Proposals(proposals) => Ok(proposals.networks),
        _ => bail!("the warden answered something else; run commands and serve from the same version"),
    }
}

fn propose(owner: &Owner, format: Format, rule: NetworkRule) -> Result<()> {
    told(format, owner.ask(PageRequest::Approvals(ApprovalRequest::NetworkRule { rule }))?)
}

fn list(rule: &NetworkRule, format: Format) -> Result<()> {
    if format == Format::Json {
        say!("{}", json!({ "networks": rule.networks }));
        return Ok(());
    }
    if rule.networks.is_empty() {
        say!("No network is known; `leadglass network add NAME CIDR... --at LAT,LON` adds one.");
    }
    for network in &rule.networks {
        let degrees = |hundredths: i16| f64::from(hundredths) / 100.0;
        let place = match (network.at, network.utc_minutes) {
            (Some(at), _) => format!("{:.2},{:.2}", degrees(at.latitude), degrees(at.longitude)),
            (None, Some(minutes)) => {
                let sign = if minutes < 0 { '-' } else { '+' };
                format!("UTC{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
            }
            (None, None) => "no place".to_owned(),
        };
        say!("{}\t{place}\t{}", network.name, network.blocks.join(" "));
    }
    Ok(())
}

/// The file is the owner's, and no installation has to run.
fn places(dir: &Path, format: Format, file: Option<&Path>) -> Result<()> {
    let path = dir.join(warden::PLACES);
    let Some(file) = file else {
        if std::fs::remove_file(&path).is_err() {
            bail!("there is no file of places; `leadglass network places FILE` puts one there");
        }
        match format {
            Format::Json => say!("{}", json!({ "places": 0 })),
            Format::Text => say!("The file of places is removed."),
        }
        return Ok(());
    };
    let places = warden::read_places(file).with_context(|| {
        format!(
            "{} is no file of places; give CSV whose lines are CIDR,latitude,longitude[,kilometres], or the blocks of MaxMind as they come",
            file.display()
        )
    })?;
    let rows = places.rows();
    let folder = path.parent().filter(|folder| folder.is_dir());
    let folder = folder.context("there is no installation in this folder; make one with `leadglass init`")?;
    let mut beside = tempfile_in(folder)?;
    std::io::copy(&mut std::fs::File::open(file)?, &mut beside.0)?;
    beside.0.sync_all()?;
    std::fs::rename(&beside.1, &path)?;
    match format {
        Format::Json => say!("{}", json!({ "places": rows })),
        Format::Text => say!("{rows} places; an installation that runs uses them within seconds."),
    }
    Ok(())
}

/// A file that only the owner reads. One that a crash left is written over.
fn tempfile_in(folder: &Path) -> Result<(std::fs::File, std::path::PathBuf)> {
    use std::os::unix::fs::OpenOptionsExt;
    let path = folder.join("places.csv.new");
    let file = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    Ok((file, path))
}

fn coordinates(text: &str) -> Result<Coordinates> {
    let degrees =
        text.split_once(',').and_then(|(north, east)| Some((north.trim().parse().ok()?, east.trim().parse().ok()?)));
    let at = degrees.and_then(|(north, east)| Coordinates::from_degrees(north, east));
    at.with_context(|| format!("--at {text} is no place; give latitude and longitude in degrees as in 52.52,13.40"))
}

fn minutes(text: &str) -> Result<i16> {
    let east = |text: &str| {
        let (sign, rest) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
        let (hours, minutes): (i16, i16) = (hours.parse().ok()?, minutes.parse().ok()?);
        ((0..=14).contains(&hours) && (0..60).contains(&minutes)).then_some(sign * (hours * 60 + minutes))
    };
    east(text).with_context(|| format!("--time {text} is no difference to UTC; give it as in +01:00 or -03:30"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_times_are_read_or_refused() {
        assert_eq!(coordinates("52.52, 13.4").unwrap(), Coordinates { latitude: 5252, longitude: 1340 });
        assert_eq!(coordinates("-33.87,151.21").unwrap(), Coordinates { latitude: -3387, longitude: 15121 });
        ["", "52.52", "91,0", "x,y", "1,2,3"].iter().for_each(|text| assert!(coordinates(text).is_err(), "{text}"));
        assert_eq!([minutes("+01:00").unwrap(), minutes("-03:30").unwrap(), minutes("10").unwrap()], [60, -210, 600]);
        ["", "+15:00", "1:60", "noon", "--1"].iter().for_each(|text| assert!(minutes(text).is_err(), "{text}"));
    }
}
