//! Making and opening vaults.

use replica::{InitError, NoHooks, OpenVaultError, SameFilesystem, Stopped, SyncError, Vault, VerifyError};

use crate::support::{NOW, Site, write};

#[test]
fn a_vault_on_the_filesystem_of_the_installation_is_refused_unless_allowed() {
    let site = Site::new();
    let error = Vault::init(&site.vault_path(), &site.dir(), SameFilesystem::Refuse, NOW).unwrap_err();
    assert!(matches!(error, InitError::SameFilesystem { .. }), "{error}");
    assert!(error.to_string().contains("same filesystem"));
    assert!(matches!(Vault::open(&site.vault_path()), Err(OpenVaultError::NotAVault { .. })));
    site.init();
    Vault::open(&site.vault_path()).unwrap();
}

#[test]
fn a_vault_inside_the_installation_or_around_it_is_refused() {
    let site = Site::new();
    for vault in [site.dir(), site.dir().join("vault"), site.folder.path().to_owned()] {
        let error = Vault::init(&vault, &site.dir(), SameFilesystem::Allow, NOW).unwrap_err();
        assert!(matches!(error, InitError::Inside { .. }), "{error}");
    }
}

#[test]
fn a_folder_that_is_not_empty_is_refused() {
    let site = Site::new();
    write(&site.vault_path().join("letter.txt"), b"dear");
    let error = Vault::init(&site.vault_path(), &site.dir(), SameFilesystem::Allow, NOW).unwrap_err();
    assert!(matches!(error, InitError::NotEmpty { .. }), "{error}");
    let twice = Site::new();
    twice.init();
    assert!(Vault::init(&twice.vault_path(), &twice.dir(), SameFilesystem::Allow, NOW).is_err());
}

#[test]
fn a_folder_without_its_marker_is_not_a_vault() {
    let site = Site::new();
    site.init();
    for marker in [&b"nonsense"[..], b"{}", b"{\"format\":\"other\",\"version\":1,\"made\":0}"] {
        std::fs::remove_file(site.vault_path().join("VAULT")).unwrap();
        write(&site.vault_path().join("VAULT"), marker);
        assert!(matches!(Vault::open(&site.vault_path()), Err(OpenVaultError::NotAVault { .. })));
    }
    assert!(matches!(Vault::open(&site.folder.path().join("none")), Err(OpenVaultError::NotAVault { .. })));
}

#[test]
fn a_vault_of_a_later_version_is_refused() {
    let site = Site::new();
    site.init();
    std::fs::remove_file(site.vault_path().join("VAULT")).unwrap();
    write(&site.vault_path().join("VAULT"), b"{\"format\":\"leadglass vault\",\"version\":2,\"made\":0}");
    assert!(matches!(Vault::open(&site.vault_path()), Err(OpenVaultError::Version { version: 2, .. })));
}

#[test]
fn an_empty_vault_verifies_and_restores_nothing() {
    let site = Site::new();
    let vault = site.init();
    assert!(matches!(vault.verify(&mut NoHooks), Err(VerifyError::Manifest(replica::ManifestError::Empty))));
    let target = site.folder.path().join("target");
    assert!(vault.restore(&target, replica::Generation::Newest, &mut NoHooks).is_err());
}

#[test]
fn two_syncs_at_a_time_are_refused() {
    let site = Site::new();
    let vault = site.init();
    let lock = std::fs::File::create(site.vault_path().join("lock")).unwrap();
    lock.lock().unwrap();
    let error = vault.sync(&site.dir(), &mut Stopped::new(&site.dir()), NOW, &mut NoHooks).unwrap_err();
    assert!(matches!(error, SyncError::Busy { .. }), "{error}");
    drop(lock);
    site.sync(&vault);
}
