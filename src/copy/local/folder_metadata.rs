//! The attributes, permissions and times of folders: those that a run made get all of them, those that it wrote into their
//! times.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{Job, Route, split};
use crate::base::error::{Error, Result};
use crate::copy::plan::PlannedFolder;
use crate::os::attribute;
use crate::os::attribute::Attributes;
use crate::os::descent::Descent;
use crate::os::folder::Folder;
use crate::os::host;

/// What systems say of a folder whose time cannot be set by us.
const NOT_OURS: [ErrorKind; 2] = [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem];

/// Finishes the folders of one replica.
pub(super) struct Stamper<'a> {
    job: &'a Job,
    source: Descent,
    destination: Descent,
    /// The folder at the destination that the last one is in.
    parent: Option<(PathBuf, Folder)>,
    keeper: Attributes,
    /// How many folders in a row did not hold the mode or time that changed at the source alone.
    misses: u8,
}

impl<'a> Stamper<'a> {
    pub(super) fn new(job: &'a Job, route: &Route<'_>) -> Self {
        Self {
            job,
            source: Descent::from(route.source),
            destination: Descent::from(route.destination),
            parent: None,
            keeper: Attributes::default(),
            misses: 0,
        }
    }

    /// Gives a folder what is due: all of it where it is new or a run died in it, its time where something was made in it,
    /// its own mode where that was widened for the time of writing. Returns why an attribute of a new folder was lost.
    ///
    /// # Errors
    /// The system refused.
    pub(super) fn finish(
        &mut self,
        folder: &PlannedFolder,
        is_touched: bool,
        was_opened: bool,
    ) -> Result<Option<String>> {
        /// A storage that holds so few of them holds none.
        const MOST_MISSES: u8 = 8;
        let is_ours = !folder.exists || self.job.unfinished;
        if is_ours || is_touched || was_opened {
            return match self.stamp(folder, is_ours || folder.restamp, was_opened) {
                // Where nothing can be written the folder is what it was.
                Err(error) if !is_ours && is_not_ours(&error) => Ok(None),
                stamped => stamped,
            };
        }
        if folder.restamp && self.misses < MOST_MISSES {
            // A folder that is another's, or on a storage that cannot hold this, is no failure.
            let stamped = self.stamp(folder, true, false);
            let holds = stamped.is_ok() && self.holds(folder).unwrap_or_default();
            self.misses = if holds { 0 } else { self.misses + 1 };
        }
        Ok(None)
    }

    fn stamp(
        &mut self,
        folder: &PlannedFolder,
        whole: bool,
        was_opened: bool,
    ) -> Result<Option<String>> {
        let path = self.job.relative.join(&folder.path);
        let (above, name) = split(&path);
        let lost = if whole {
            let made = self.parent(above)?.child(name)?;
            self.dress(&made, folder, &path)?
        } else {
            if was_opened && let Some(mode) = folder.mode_there {
                self.parent(above)?.child(name)?.set_own_mode(mode)?;
            }
            None
        };
        match self.parent(above)?.set_modified(name, folder.modified) {
            // The time of a folder that was there before is its owner's to set, and where nothing can be written it is
            // what it was.
            Err(Error::Io { source, .. }) if folder.exists && NOT_OURS.contains(&source.kind()) => {
            }
            set => set?,
        }
        Ok(lost)
    }

    /// Gives a folder the attributes and the mode of its source; the attribute that was lost, if one was.
    fn dress(
        &mut self,
        folder_there: &Folder,
        folder: &PlannedFolder,
        path: &Path,
    ) -> Result<Option<String>> {
        let mode = mode(folder);
        let Ok(source) = self.source.open(path) else {
            folder_there.set_own_mode(mode)?;
            return Ok(None);
        };
        if folder.exists {
            folder_there.let_owner_write()?;
        }
        // Before the mode: the owner of a read-only folder may set no attributes.
        let kept = self.keeper.copy(&source, folder_there);
        // A folder without them is still the folder, but its group must not get what the list gave to others.
        let group = match attribute::group_mode(&source) {
            Some(group) if kept != attribute::Outcome::Kept => !0o070 | group,
            _ => !0,
        };
        folder_there.set_own_mode(mode & group)?;
        Ok(match kept {
            attribute::Outcome::Refused(why) if !folder.exists => Some(format!(
                "it is there, without an extended attribute that was refused: {why}"
            )),
            _ => None,
        })
    }

    /// Whether a folder at the destination has the mode and time that it was given.
    fn holds(&mut self, folder: &PlannedFolder) -> Result<bool> {
        let path = self.job.relative.join(&folder.path);
        let (above, name) = split(&path);
        let stat = self.parent(above)?.stat(name)?;
        Ok(stat.mode & 0o777 == mode(folder) & 0o777 && stat.modified == folder.modified)
    }

    fn parent(&mut self, path: &Path) -> Result<&Folder> {
        let folder = match self.parent.take() {
            Some((last, folder)) if last.as_os_str() == path.as_os_str() => folder,
            _ => self.destination.open(path)?,
        };
        Ok(&self.parent.insert((path.to_owned(), folder)).1)
    }
}

/// Whether something cannot be set because it is another's, or nothing can be written.
fn is_not_ours(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if NOT_OURS.contains(&source.kind()))
}

/// The mode that a folder gets: its own, but whoever is not root reads their copies only as their owner.
fn mode(folder: &PlannedFolder) -> u32 {
    const READ: u32 = 0o500;
    folder.mode | if host::user() == 0 { 0 } else { READ }
}
