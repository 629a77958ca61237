//! Checks of the source before something is reported as missing there, or deleted at the destination.
//!
//! A path is missing only if the source was asked for it and its mount is present. Everything else counts as present.

use std::path::Path;

use super::run::SyncRun;
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::copy::remote::{SourceProbe, SourceState};
use crate::model::project::Scope;
use crate::model::registry::Category;
use crate::storage::Storage;

impl SyncRun<'_> {
    /// True if a file that was sent is certainly missing at the source. A file whose mount is missing, or whose folder
    /// cannot be read, is not.
    pub(super) fn is_missing_at_source(
        &self,
        probe: &mut SourceProbe<'_>,
        path: &Path,
    ) -> Result<bool> {
        match &*self.source {
            Storage::Local(source) => Ok(matches!(probe.stat_path(path), SourceState::Missing)
                && source.missing_mount(path).is_none()),
            Storage::Remote(source) => {
                let listed = source.listing_of(path.parent().unwrap_or(Path::new("")))?;
                Ok(!listed.is_unread(path) && listed.file(path).is_none())
            }
        }
    }

    /// True if a folder is certainly missing at the source.
    pub(super) fn is_folder_missing(&self, path: &Path) -> Result<bool> {
        match &*self.source {
            Storage::Local(_) => {
                self.is_missing_at_source(&mut SourceProbe::new(&self.source), path)
            }
            Storage::Remote(source) => {
                let listed = source.listing_of(path.parent().unwrap_or(Path::new("")))?;
                let mut folders = listed.folders.keys();
                Ok(!listed.is_unread(path)
                    && !listed.is_incomplete
                    && !folders.any(|folder| folder.starts_with(path)))
            }
        }
    }

    /// True if the source holds no project in a category.
    pub(super) fn is_category_empty(&self, category: &Category) -> Result<bool> {
        let listing = self
            .source
            .list_projects(self.registry, category, &Scope::All)?;
        Ok(listing.projects.is_empty()
            && !listing.is_unreadable
            && listing.unreadable_clients.is_empty())
    }

    /// Returns size and mtime of a file at the source, or zeros if they are unknown; the upload then reports the reason.
    pub(super) fn stat_source(
        &self,
        probe: &mut SourceProbe<'_>,
        path: &Path,
    ) -> Result<(u64, Timestamp)> {
        let unknown = (0, Timestamp::UNKNOWN);
        if let Storage::Remote(source) = &*self.source {
            let listed = source.listing_of(path.parent().unwrap_or(Path::new("")))?;
            return Ok(listed.file(path).map_or(unknown, |file| {
                (file.bytes.unwrap_or_default(), file.modified)
            }));
        }
        Ok(match probe.stat_path(path) {
            SourceState::File(stat) => (stat.bytes, stat.modified),
            SourceState::Missing | SourceState::NotAFile(_) | SourceState::Unknown => unknown,
        })
    }
}
