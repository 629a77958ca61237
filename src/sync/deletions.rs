//! The rule against mass deletions. Missing files are only moved to the old versions, and nothing is erased; still, a deletion of more than half of the sent files, or of all files in a category without projects at the
//! source, is refused without `--force`: a wrong or unmounted disk is more likely.

use super::run::SyncRun;
use crate::base::error::{Error, Result};
use crate::base::unit;
use crate::copy::plan::MissingFile;
use crate::model::project::Scope;
use crate::model::registry::Category;

impl SyncRun<'_> {
    /// Refuses a mass deletion of `missing` files, out of `sent` files.
    pub(super) fn refuse_mass_deletion(&self, missing: &[MissingFile], sent: u64) -> Result<()> {
        let missing: Vec<_> = missing
            .iter()
            .filter(|file| file.respelled.is_none())
            .collect();
        if !self.request.delete || self.request.force || missing.is_empty() {
            return Ok(());
        }
        let count = missing.len() as u64;
        if count * 2 > sent {
            return Err(self.mass_deletion_error(count, sent));
        }
        for category in &self.request.categories {
            let is_inside = |file: &&&MissingFile| {
                self.match_replica(&file.replica)
                    .is_some_and(|(other, _)| other.layout == category.layout)
            };
            let inside = missing.iter().filter(is_inside).count() as u64;
            if inside > 0 && self.is_category_empty(category)? {
                return Err(self.mass_deletion_error(inside, inside));
            }
        }
        Ok(())
    }

    /// True if the source holds no project in a category.
    pub(super) fn is_category_empty(&self, category: &Category) -> Result<bool> {
        let listing = self.source.list_projects(category, &Scope::All)?;
        Ok(listing.projects.is_empty() && listing.unread.is_empty())
    }

    fn mass_deletion_error(&self, missing: u64, sent: u64) -> Error {
        Error::TooManyMissing {
            database: self.request.destination.name.clone(),
            source_root: self.request.source.root.clone(),
            missing: unit::format_count(missing),
            known: unit::format_count(sent),
        }
    }
}
