//! Rows that another workstation wrote, in a published index or in a catalog: checked before they are taken over.

use super::checksum::parse_manifest;
use super::name_check::{checked_path, checked_totals, impossible_name};
use crate::base::error::Error;
use crate::snapshot::tree::ScannedFolder;

/// A failure while foreign rows are taken over: only one of the two sides is damaged.
#[derive(Debug)]
pub enum ForeignFailure {
    /// A foreign row cannot be read, or is impossible.
    Foreign(rusqlite::Error),
    /// The own index failed, or the run was interrupted.
    Own(Error),
}

/// Returns a folder with its packed files if a scan could have found it.
pub(super) fn checked_folder(path: &[u8], manifest: &[u8]) -> rusqlite::Result<ScannedFolder> {
    let manifest = parse_manifest(manifest)?;
    Ok(ScannedFolder {
        path: checked_path(path)?.to_owned(),
        totals: checked_totals(manifest).ok_or_else(impossible_name)?,
        manifest: manifest.to_owned(),
        ..ScannedFolder::default()
    })
}
