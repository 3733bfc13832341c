//! `leadglass vault`.

use std::path::Path;

use anyhow::{Result, bail};

use crate::cli::{Format, VaultCommand};

/// `leadglass vault`
pub fn vault(dir: &Path, format: Format, command: VaultCommand) -> Result<()> {
    let _ = (dir, format, command);
    bail!("the vault comes with the replica")
}
