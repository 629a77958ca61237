//! The folder of a client whose last project a sync removed.

use std::path::{Path, PathBuf};

use crate::base::error::Result;
use crate::storage::{EntryProbe, Storage};

/// Returns the client's folder if an emptied folder is the replica's own and the source certainly has no such client.
pub(super) fn emptied_client(
    source: &Storage,
    replica: &Path,
    emptied: &Path,
) -> Result<Option<PathBuf>> {
    if emptied != Path::new("") {
        return Ok(None);
    }
    let client = replica.parent().unwrap_or(Path::new(""));
    let is_missing = EntryProbe::new(source).is_folder_missing(client)?;
    Ok(is_missing.then(|| client.to_owned()))
}
