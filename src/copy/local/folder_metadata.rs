//! Attributes, permissions and times of folders. A folder that the run created gets all of them; an existing folder that
//! it wrote to gets its mtime.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::context::TransferContext;
use crate::base::error::{Error, Result};
use crate::copy::outcome::attribute_warning;
use crate::copy::plan::{Plan, PlannedFolder};
use crate::model::path::split_path;
use crate::os::attribute;
use crate::os::attribute::{XattrCopier, XattrOutcome};
use crate::os::descent::FolderOpener;
use crate::os::folder::Folder;
use crate::os::host;

/// Errors for a folder whose metadata this user may not change.
const PERMISSION_ERRORS: [ErrorKind; 2] =
    [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem];

/// Sets the metadata of the folders of one replica.
pub(super) struct FolderMetadataWriter<'a> {
    plan: &'a Plan,
    context: &'a TransferContext<'a>,
    source: FolderOpener,
    destination: FolderOpener,
    /// Parent of the last folder at the destination, with its path.
    parent: Option<(PathBuf, Folder)>,
    attributes: XattrCopier,
    /// Number of consecutive folders that did not keep the mode or mtime set on them.
    consecutive_misses: u8,
}

impl<'a> FolderMetadataWriter<'a> {
    pub(super) fn new(plan: &'a Plan, context: &'a TransferContext<'_>) -> Self {
        Self {
            plan,
            context,
            source: FolderOpener::new(context.source),
            destination: FolderOpener::new(context.destination),
            parent: None,
            attributes: XattrCopier::default(),
            consecutive_misses: 0,
        }
    }

    /// Sets the metadata that is due: everything for a new folder or an unfinished replica, the mtime if an entry was
    /// created in the folder, and its own mode if it was made writable. Returns a warning if a new folder lost an
    /// extended attribute. After the loss of the lease the next run sets it.
    pub(super) fn finish_folder(
        &mut self,
        folder: &PlannedFolder,
        is_touched: bool,
        was_made_writable: bool,
    ) -> Result<Option<String>> {
        /// Number of consecutive misses after which the storage counts as unable to keep folder metadata.
        const MAX_MISSES: u8 = 8;
        if self.context.destination.write_guard().is_lost() {
            return Ok(None);
        }
        let is_ours = !folder.exists || self.context.unfinished.contains(&self.plan.replica);
        let needs_metadata = folder.needs_metadata && self.context.is_locked;
        if is_ours || is_touched || was_made_writable {
            return match self.apply_metadata(folder, is_ours || needs_metadata, was_made_writable) {
                // On a read-only storage the folder is unchanged.
                Err(error) if !is_ours && is_permission_error(&error) => Ok(None),
                applied => applied,
            };
        }
        if needs_metadata && self.consecutive_misses < MAX_MISSES {
            // Not a failure: the folder may belong to another user, or the storage may not keep metadata.
            let applied = self.apply_metadata(folder, true, false);
            let is_kept = applied.is_ok() && self.has_metadata(folder).unwrap_or_default();
            self.consecutive_misses = if is_kept {
                0
            } else {
                self.consecutive_misses + 1
            };
        }
        Ok(None)
    }

    fn apply_metadata(
        &mut self,
        folder: &PlannedFolder,
        whole: bool,
        was_made_writable: bool,
    ) -> Result<Option<String>> {
        let path = self.plan.replica.join(&folder.path);
        let (parent, name) = split_path(&path);
        let warning = if whole {
            let created = self.open_parent(parent)?.open_child(name)?;
            self.apply_attributes(&created, folder)?
        } else {
            if was_made_writable && let Some(mode) = folder.destination_mode {
                self.open_parent(parent)?
                    .open_child(name)?
                    .set_own_mode(mode)?;
            }
            None
        };
        match self
            .open_parent(parent)?
            .set_modified(name, folder.modified)
        {
            // Only its owner may set the mtime of an existing folder; on a read-only storage it is unchanged.
            Err(Error::Io { source, .. })
                if folder.exists && PERMISSION_ERRORS.contains(&source.kind()) => {}
            set => set?,
        }
        Ok(warning)
    }

    /// Applies the extended attributes and the mode of the source. Returns a warning if an attribute was refused.
    fn apply_attributes(
        &mut self,
        destination: &Folder,
        folder: &PlannedFolder,
    ) -> Result<Option<String>> {
        let mode = target_mode(folder);
        let source_path = self
            .context
            .source_root
            .path(&self.plan.replica, &folder.path);
        let Ok(source) = self.source.open(&source_path) else {
            destination.set_own_mode(mode)?;
            return Ok(None);
        };
        if folder.exists {
            destination.ensure_owner_can_write()?;
        }
        // Before the mode, because attributes cannot be set on a read-only folder.
        let copied = self.attributes.copy(&source, destination);
        // If the access list was not copied, the group bits must not grant what the list granted to other accounts.
        let group = match attribute::acl_group_mode(&source) {
            Some(group) if copied != XattrOutcome::Copied => !0o070 | group,
            _ => !0,
        };
        destination.set_own_mode(mode & group)?;
        Ok(match copied {
            XattrOutcome::Failed(why) if !folder.exists => Some(attribute_warning(&why)),
            _ => None,
        })
    }

    /// True if a folder at the destination has the planned mode and mtime.
    fn has_metadata(&mut self, folder: &PlannedFolder) -> Result<bool> {
        let path = self.plan.replica.join(&folder.path);
        let (parent, name) = split_path(&path);
        let stat = self.open_parent(parent)?.stat(name)?;
        Ok(stat.mode & 0o777 == target_mode(folder) & 0o777 && stat.modified == folder.modified)
    }

    fn open_parent(&mut self, path: &Path) -> Result<&Folder> {
        let folder = match self.parent.take() {
            Some((last, folder)) if last.as_os_str() == path.as_os_str() => folder,
            _ => self.destination.open(path)?,
        };
        Ok(&self.parent.insert((path.to_owned(), folder)).1)
    }
}

/// True if metadata cannot be set because another user owns the folder or the storage is read-only.
fn is_permission_error(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if PERMISSION_ERRORS.contains(&source.kind()))
}

/// Returns the mode for a folder: the planned mode, plus read access for the owner. Without that, only root could read
/// the copy.
fn target_mode(folder: &PlannedFolder) -> u32 {
    const READ: u32 = 0o500;
    folder.mode | if host::user_id() == 0 { 0 } else { READ }
}
