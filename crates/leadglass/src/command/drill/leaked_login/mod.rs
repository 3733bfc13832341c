//! `leadglass drill leaked-login`: incident 1. Three leaked logins open the archive of an imaging network.
//!
//! An installation with twenty years of synthetic patients runs, with three accounts like those of the incident: two of people in
//! clinics, one of a radiologist. The attacker has what was leaked, and in the end everything that the owners have: passwords,
//! codes, addresses. Everything goes over HTTP to the real front; each row of the incident says what the attacker got.

mod accounts;
mod harvest;
mod passwords;
mod reckoning;
mod scene;
mod sessions;
mod slow;

use anyhow::{Context, Result};

use self::scene::Scene;
use super::rows::Rows;
use crate::cli::Format;

/// The least archive in which rows say something.
pub const PATIENTS_MIN: i64 = 400;

/// Plays it and prints the rows.
pub fn leaked_login(format: Format, patients: u32, as_it_was: bool) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("leadglass-drill-").tempdir()?;
    let mut rows = Rows::default();
    rows.begin("building the archive");
    let mut scene = Scene::build(folder.path(), patients, as_it_was)?;

    rows.begin("passwords and sign-in");
    passwords::short(&mut rows, &mut scene)?;
    passwords::known(&mut rows, &mut scene)?;
    passwords::alone(&mut rows, &mut scene)?;

    rows.begin("stolen and shared sessions");
    let mut signed_in = sessions::sign_in(&mut scene)?;
    sessions::stolen(&mut rows, &scene, &signed_in)?;
    sessions::shared(&mut rows, &scene, &signed_in)?;

    rows.begin("fast harvesting");
    let before = reckoning::Before::keep(&scene)?;
    let taken = harvest::harvest(&mut scene, &mut signed_in)?;
    sessions::sign(&mut rows, &scene)?;
    harvest::reach(&mut rows, &scene, &taken);
    reckoning::exposure(&mut rows, &scene, &taken)?;
    harvest::fast(&mut rows, &scene, &taken)?;

    rows.begin("slow harvesting");
    slow::slow(&mut rows, &scene, before.entries)?;

    rows.begin("the ledger");
    reckoning::ledger(&mut rows, &scene, &before)?;

    rows.begin("the dump");
    passwords::dump(&mut rows, &mut scene, &mut signed_in, &taken)?;

    rows.begin("taking it away");
    drop(signed_in);
    drop(scene);
    // the folder goes with everything in it
    folder.close().context("the drill's folder could not be removed; remove it by hand")?;
    rows.print(format, "leaked-login")
}
