//! The rules for files that are missing at the source: they are reported, or with `--delete` moved to the old versions.
//!
//! Nothing is erased. A deletion of more than half of the sent files, or of all files in a category without projects at the
//! source, is refused without `--force`: a wrong or unmounted disk is more likely.

use super::changes::MissingFile;
use super::run::SyncRun;
use crate::base::error::{Error, Result};
use crate::base::unit;
use crate::copy::outcome::Outcome;
use crate::copy::report::Report;

impl SyncRun<'_> {
    /// Refuses a mass deletion of `missing` files, out of `sent` files.
    pub(super) fn refuse_mass_deletion(&self, missing: &[MissingFile], sent: u64) -> Result<()> {
        if !self.request.delete || self.request.force || missing.is_empty() {
            return Ok(());
        }
        let count = missing.len() as u64;
        if count * 2 > sent {
            return Err(self.mass_deletion_error(count, sent));
        }
        for category in &self.request.categories {
            let is_inside = |file: &&MissingFile| {
                self.match_replica(&file.replica)
                    .is_some_and(|(other, _)| other.path == category.path)
            };
            let inside = missing.iter().filter(is_inside).count() as u64;
            if inside > 0 && self.is_category_empty(category)? {
                return Err(self.mass_deletion_error(inside, inside));
            }
        }
        Ok(())
    }

    fn mass_deletion_error(&self, missing: u64, sent: u64) -> Error {
        Error::TooManyMissing {
            database: self.request.destination.name.clone(),
            source_root: self.request.source.root.clone(),
            missing: unit::format_count(missing),
            known: unit::format_count(sent),
        }
    }

    /// Returns true if the request deletes files and the user did not decline.
    pub(super) fn is_deletion_confirmed(&self, files: u64) -> bool {
        self.request.delete && !matches!(self.confirm_deletion(files), Err(Error::Declined))
    }

    fn confirm_deletion(&self, files: u64) -> Result<()> {
        if !self.request.confirmation.is_interactive() || files == 0 {
            return Ok(());
        }
        let question = format!(
            "move {} at `{}`, missing at `{}`, to the old versions?",
            unit::format_counted(files, "file"),
            self.request.destination.name,
            self.request.source.name,
        );
        self.request.confirmation.require(&question)
    }

    /// Reports files that are missing at the source and kept at the destination.
    pub(super) fn report_missing(&self, missing: &[MissingFile], report: &mut Report) {
        let source = &self.request.source.name;
        let reason = if self.request.delete {
            format!("no longer on {source}: to be moved to the old versions")
        } else {
            format!("no longer on {source}")
        };
        for file in missing {
            report.add(Outcome::Gone(reason.clone()), || {
                self.destination_path(&file.path_below_root())
            });
        }
    }

    /// Returns the outcome of a file that is missing at the source and that another program changed at the destination.
    pub(super) fn changed_outcome(&self) -> Outcome {
        let source = &self.request.source.name;
        Outcome::Gone(format!(
            "no longer on {source}; kept, because it was changed at the destination since it was sent"
        ))
    }
}
