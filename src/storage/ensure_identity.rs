//! The identity of an open storage, which is made if it has none.

use super::Storage;
use super::observation::record;
use crate::base::error::Result;
use crate::index::Index;
use crate::model::identity;

/// Returns the identity of a storage; makes its identity file if it has none, and records it in the index.
///
/// # Errors
/// The storage cannot be written.
pub fn ensure_identity(index: &mut Index, storage: &Storage) -> Result<String> {
    let database = storage.database();
    let identity = match storage {
        Storage::Local(local) => identity::read_or_create(&local.root, &database.name)?,
        Storage::Remote(remote) => {
            remote.ensure_identity()?;
            remote.identity().unwrap_or_default().to_owned()
        }
    };
    if index.identity(&database.root)?.as_deref() != Some(&*identity) {
        record(index, database, storage.observed_root(), |_| Ok(()))?;
    }
    Ok(identity)
}
