//! The time of the last scan of a database.

use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::index::{Index, KnownDatabase};
use crate::model::registry::Registry;

/// Returns the time of the last scan of a whole database: by one scan, or by those of all its categories, which other
/// workstations may have done. `None` if a part of it was never scanned.
pub fn last_scan(
    index: &Index,
    registry: &Registry,
    known: &KnownDatabase,
) -> Result<Option<Timestamp>> {
    let Some(id) = known.id else {
        return Ok(None);
    };
    let mut oldest: Option<Timestamp> = None;
    for category in registry.categories() {
        let Some(at) = index.category_scanned_at(id, category.key())? else {
            return Ok(known.scanned_at);
        };
        oldest = Some(oldest.map_or(at, |oldest| oldest.min(at)));
    }
    Ok(known.scanned_at.max(oldest))
}
