//! The attributes, permissions and times of folders: those that a run made get all of them, those that it wrote into their
//! times.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{Job, TransferContext, split_path};
use crate::base::error::{Error, Result};
use crate::copy::plan::PlannedFolder;
use crate::os::attribute;
use crate::os::attribute::XattrCopier;
use crate::os::descent::FolderOpener;
use crate::os::folder::Folder;
use crate::os::host;

/// What systems say of a folder whose time cannot be set by us.
const PERMISSION_ERRORS: [ErrorKind; 2] =
    [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem];

/// Finishes the folders of one replica.
pub(super) struct FolderMetadataWriter<'a> {
    job: &'a Job,
    source: FolderOpener,
    destination: FolderOpener,
    /// The folder at the destination that the last one is in.
    parent: Option<(PathBuf, Folder)>,
    attributes: XattrCopier,
    /// How many folders in a row did not hold the mode or time that changed at the source alone.
    consecutive_misses: u8,
}

impl<'a> FolderMetadataWriter<'a> {
    pub(super) fn new(job: &'a Job, context: &TransferContext<'_>) -> Self {
        Self {
            job,
            source: FolderOpener::new(context.source),
            destination: FolderOpener::new(context.destination),
            parent: None,
            attributes: XattrCopier::default(),
            consecutive_misses: 0,
        }
    }

    /// Gives a folder what is due: all of it where it is new or a run died in it, its time where something was made in it,
    /// its own mode where that was widened for the time of writing. Returns why an attribute of a new folder was lost.
    ///
    /// # Errors
    /// The system refused.
    pub(super) fn finish_folder(
        &mut self,
        folder: &PlannedFolder,
        is_touched: bool,
        was_opened: bool,
    ) -> Result<Option<String>> {
        /// A storage that holds so few of them holds none.
        const MAX_MISSES: u8 = 8;
        let is_ours = !folder.exists || self.job.unfinished;
        if is_ours || is_touched || was_opened {
            return match self.apply_metadata(folder, is_ours || folder.needs_metadata, was_opened) {
                // Where nothing can be written the folder is what it was.
                Err(error) if !is_ours && is_permission_error(&error) => Ok(None),
                stamped => stamped,
            };
        }
        if folder.needs_metadata && self.consecutive_misses < MAX_MISSES {
            // A folder that is another's, or on a storage that cannot hold this, is no failure.
            let stamped = self.apply_metadata(folder, true, false);
            let holds = stamped.is_ok() && self.has_metadata(folder).unwrap_or_default();
            self.consecutive_misses = if holds {
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
        was_opened: bool,
    ) -> Result<Option<String>> {
        let path = self.job.relative.join(&folder.path);
        let (above, name) = split_path(&path);
        let lost = if whole {
            let made = self.open_parent(above)?.open_child(name)?;
            self.apply_attributes(&made, folder, &path)?
        } else {
            if was_opened && let Some(mode) = folder.destination_mode {
                self.open_parent(above)?
                    .open_child(name)?
                    .set_own_mode(mode)?;
            }
            None
        };
        match self.open_parent(above)?.set_modified(name, folder.modified) {
            // The time of a folder that was there before is its owner's to set, and where nothing can be written it is
            // what it was.
            Err(Error::Io { source, .. })
                if folder.exists && PERMISSION_ERRORS.contains(&source.kind()) => {}
            set => set?,
        }
        Ok(lost)
    }

    /// Gives a folder the attributes and the mode of its source; the attribute that was lost, if one was.
    fn apply_attributes(
        &mut self,
        folder_there: &Folder,
        folder: &PlannedFolder,
        path: &Path,
    ) -> Result<Option<String>> {
        let mode = target_mode(folder);
        let Ok(source) = self.source.open(path) else {
            folder_there.set_own_mode(mode)?;
            return Ok(None);
        };
        if folder.exists {
            folder_there.ensure_owner_can_write()?;
        }
        // Before the mode: the owner of a read-only folder may set no attributes.
        let kept = self.attributes.copy(&source, folder_there);
        // A folder without them is still the folder, but its group must not get what the list gave to others.
        let group = match attribute::acl_group_mode(&source) {
            Some(group) if kept != attribute::XattrOutcome::Copied => !0o070 | group,
            _ => !0,
        };
        folder_there.set_own_mode(mode & group)?;
        Ok(match kept {
            attribute::XattrOutcome::Failed(why) if !folder.exists => Some(format!(
                "it is there, without an extended attribute that was refused: {why}"
            )),
            _ => None,
        })
    }

    /// Whether a folder at the destination has the mode and time that it was given.
    fn has_metadata(&mut self, folder: &PlannedFolder) -> Result<bool> {
        let path = self.job.relative.join(&folder.path);
        let (above, name) = split_path(&path);
        let stat = self.open_parent(above)?.stat(name)?;
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

/// Whether something cannot be set because it is another's, or nothing can be written.
fn is_permission_error(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if PERMISSION_ERRORS.contains(&source.kind()))
}

/// The mode that a folder gets: its own, but whoever is not root reads their copies only as their owner.
fn target_mode(folder: &PlannedFolder) -> u32 {
    const READ: u32 = 0o500;
    folder.mode | if host::user_id() == 0 { 0 } else { READ }
}
