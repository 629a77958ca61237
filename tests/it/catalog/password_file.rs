//! Password files for the sessions of tests.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use auto_backup::base::error::Result;
use auto_backup::catalog::{Catalog, CatalogAddress};
use tempfile::TempDir;

use super::server::PASSWORD;

/// A password file.
pub(super) struct PasswordFile(TempDir);

impl PasswordFile {
    pub(super) fn new(line: &str) -> Self {
        let file = Self(tempfile::tempdir().unwrap());
        fs::write(file.path(), format!("# comment\n{line}\n")).unwrap();
        file.with_mode(0o600)
    }

    pub(super) fn with_mode(self, mode: u32) -> Self {
        fs::set_permissions(self.path(), fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("pgpass")
    }

    pub(super) fn connect(&self, address: &CatalogAddress) -> Result<Catalog> {
        Catalog::connect_with(address, Some(&self.path()))
    }
}

/// Returns the password of the tests as a password file writes it.
pub(super) fn escaped_password() -> String {
    PASSWORD.replace('\\', r"\\").replace(':', r"\:")
}
