//! Copies single files and links to temporary names, and reports the outcome of each item.

use std::path::Path;
use std::sync::Arc;

use super::context::TransferContext;
use crate::base::error::{Error, Result};
use crate::copy::outcome::{Outcome, VANISHED};
use crate::copy::plan::{Plan, PlannedFile};
use crate::os::folder::{Folder, is_not_found};
use crate::snapshot::digest::Digest;
use crate::storage::copy_file::{
    ContentError, Copier, SourceContent, SourceMetadata, TempCopy, copy_content, copy_file,
    copy_from, copy_link, move_file,
};

/// The open source and destination folders of a batch, with its position in the plans.
#[derive(Clone, Debug)]
pub(super) struct FolderPair {
    /// Index of the plan.
    pub(super) plan: usize,
    /// Index of the folder in the plan.
    pub(super) folder: usize,
    pub(super) from: Arc<Folder>,
    pub(super) to: Arc<Folder>,
    /// Device number of the destination folder.
    pub(super) device: u64,
    /// True where the file system keeps the inode numbers of its files, for source and destination.
    pub(super) has_stable_ids: [bool; 2],
}

/// A copied file that still has its temporary name.
#[derive(Debug)]
pub(super) struct PendingFile {
    pub(super) pair: FolderPair,
    pub(super) item: PlannedFile,
    pub(super) temp: TempCopy,
}

/// Copies the items of a worker and of its group.
pub(super) struct ItemCopier<'a> {
    pub(super) plans: &'a [&'a Plan],
    pub(super) context: &'a TransferContext<'a>,
    pub(super) copier: Copier,
}

impl<'a> ItemCopier<'a> {
    /// Returns the path of a planned folder, relative to its replica.
    pub(super) fn folder_path(&self, plan: usize, folder: usize) -> &'a Path {
        &self.plans[plan].folders[folder].path
    }

    /// Returns the outcome of an item that cannot be copied, if so.
    pub(super) fn unavailable(&self, pair: &FolderPair, item: &PlannedFile) -> Option<Outcome> {
        let unavailable = self.context.unavailable;
        if unavailable.is_empty() {
            return None;
        }
        let path = self.folder_path(pair.plan, pair.folder);
        let path = path.join(item.name.as_path());
        unavailable.get(&(pair.plan, path)).cloned()
    }

    /// Reports the outcome of an item.
    pub(super) fn report(&self, pair: &FolderPair, item: &PlannedFile, outcome: Outcome) {
        self.report_in(pair.plan, pair.folder, item, outcome);
    }

    /// Reports the outcome of an item whose folders are not open.
    pub(super) fn report_in(
        &self,
        plan: usize,
        folder: usize,
        item: &PlannedFile,
        outcome: Outcome,
    ) {
        let folder = self.folder_path(plan, folder);
        if let (Some(subscription), Some(number)) = (self.context.subscription, item.shared) {
            subscription.record(number, outcome.is_verified());
        }
        (self.context.on_outcome)(plan, folder, item.name.as_os_str(), outcome);
        self.context.meter.add_files(1);
    }

    /// Reports an item that could not be copied. A file that disappeared from the source is not a failure.
    pub(super) fn report_failure(&self, pair: &FolderPair, item: &PlannedFile, error: &Error) {
        let outcome = match error {
            Error::Interrupted | Error::LeaseLost { .. } => Outcome::Unreached,
            error => {
                let has_vanished = is_not_found(error)
                    && !self.context.move_source
                    && is_missing_in(&pair.from, item)
                    && self.is_at_source(pair.plan, Path::new(""));
                vanished_or_failed(has_vanished, error)
            }
        };
        self.report(pair, item, outcome);
    }

    /// Returns the outcome of all items in a folder that could not be opened.
    pub(super) fn folder_failure(&self, plan: usize, path: &Path, error: &Error) -> Outcome {
        let has_vanished = is_not_found(error)
            && !self.context.move_source
            && !self.is_at_source(plan, path)
            && self.is_at_source(plan, Path::new(""));
        vanished_or_failed(has_vanished, error)
    }

    /// True if the source has this folder of a replica. Callers check the replica's own folder too: if that is missing,
    /// its disk may not be mounted, and nothing counts as deleted.
    fn is_at_source(&self, plan: usize, folder: &Path) -> bool {
        let replica = &self.plans[plan].replica;
        let path = self.context.source_root.path(replica, folder);
        !self
            .context
            .source
            .open_descendant(&path)
            .is_err_and(|error| is_not_found(&error))
    }

    /// Copies a file or link to a temporary name.
    pub(super) fn copy_to_temp(
        &mut self,
        pair: &FolderPair,
        item: &PlannedFile,
    ) -> Result<TempCopy> {
        let name = item.name.as_os_str();
        if item.is_link {
            return copy_link(&pair.from, name, &pair.to);
        }
        let meter = self.context.meter;
        meter.set_current(|| item.name.to_string());
        let on_progress = |bytes| meter.add_bytes(bytes);
        if self.context.move_source
            && let Some(temp) = move_file(&pair.from, name, &pair.to, &mut self.copier)?
        {
            return Ok(temp);
        }
        copy_file(&pair.from, name, &pair.to, &mut self.copier, &on_progress)
    }

    /// Writes content that was read for several destinations to a temporary name.
    pub(super) fn write_to_temp(
        &self,
        pair: &FolderPair,
        item: &PlannedFile,
        content: &mut dyn SourceContent,
    ) -> Result<TempCopy, ContentError> {
        let meter = self.context.meter;
        meter.set_current(|| item.name.to_string());
        let source = pair.from.path().join(item.name.as_path());
        copy_content(content, &source, &pair.to, &|bytes| meter.add_bytes(bytes))
    }

    /// Copies a file from another destination to a temporary name, with the metadata of the source if that is still there.
    ///
    /// # Errors
    /// The file cannot be read there, or has another content than the source had.
    pub(super) fn copy_from_peer(
        &mut self,
        peer: &Folder,
        pair: &FolderPair,
        item: &PlannedFile,
        digest: Digest,
    ) -> Result<TempCopy> {
        let meter = self.context.meter;
        meter.set_current(|| item.name.to_string());
        let name = item.name.as_os_str();
        let source = pair.from.open_file(name).ok();
        let metadata = source.map(|(file, stat)| SourceMetadata {
            stat,
            attributes: self.copier.read_attributes(&file),
        });
        let on_progress = |bytes| meter.add_bytes(bytes);
        let temp = copy_from(
            peer,
            name,
            metadata,
            &pair.to,
            &mut self.copier,
            &on_progress,
        )?;
        if temp.digest == Some(digest) {
            return Ok(temp);
        }
        Err(Error::VerificationFailed {
            path: peer.path().join(name),
            source_digest: digest.to_string(),
            copy_digest: temp
                .digest
                .map_or_else(String::new, |digest| digest.to_string()),
        })
    }

    /// Copies a file to a temporary name with plain reads and writes only.
    pub(super) fn copy_to_temp_buffered(
        &mut self,
        pair: &FolderPair,
        item: &PlannedFile,
    ) -> Result<TempCopy> {
        self.copier.buffered_only = true;
        let copied = self.copy_to_temp(pair, item);
        self.copier.buffered_only = false;
        copied
    }
}

fn is_missing_in(folder: &Folder, item: &PlannedFile) -> bool {
    folder
        .stat(item.name.as_os_str())
        .is_err_and(|error| is_not_found(&error))
}

fn vanished_or_failed(has_vanished: bool, error: &Error) -> Outcome {
    if has_vanished {
        Outcome::Skipped(VANISHED.to_owned())
    } else {
        Outcome::Failed(error.full_message())
    }
}
