//! Keeping what is replaced: `ROOT/.auto-backup/versions/RUN/...` at the destination holds every old version.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::copy_file::copy_file;
use crate::error::{Error, Result};
use crate::exclusions::OWN_FOLDER;
use crate::moment::Moment;
use crate::os::folder::Folder;
use crate::os::host;
use crate::os::stat::Kind;

/// Where the old versions of one run go.
#[derive(Debug)]
pub struct Versions<'a> {
    root: &'a Folder,
    run: PathBuf,
}

impl<'a> Versions<'a> {
    /// For a run of this number below a database's root. The folder is made when the first version is kept.
    ///
    /// Its name is one that no other workstation can give: UTC time, host, number.
    #[must_use]
    pub fn new(root: &'a Folder, run: i64) -> Self {
        let name = format!("{}-{}-{run}", Moment::now().file_name(), host::name());
        Self {
            root,
            run: Path::new(OWN_FOLDER).join("versions").join(name),
        }
    }

    /// Keeps the entry `name` of `folder` under its path; `path` is relative to the replica at `relative`.
    ///
    /// With `Kind::File` coming, a file gets a second name among the versions and stays where it is until it is
    /// replaced, so that its name is never missing; otherwise the entry is moved there.
    ///
    /// # Errors
    /// The old version could not be kept; nothing must be replaced then.
    pub fn keep(
        &self,
        folder: &Folder,
        name: &OsStr,
        relative: &Path,
        path: &Path,
        coming: Kind,
    ) -> Result<()> {
        let above = path.parent().unwrap_or(Path::new(""));
        let kept = self
            .root
            .make_beneath(&self.run.join(relative).join(above))?;
        let old = folder.stat(name)?;
        if old.kind != Kind::File || coming != Kind::File {
            folder.rename(name, &kept, name)?;
        } else if let Err(error) = folder.link(name, &kept, name) {
            if is_elsewhere(&error) {
                copy_file(folder, name, &kept, &|_| {})?.place_new(name)?;
            } else {
                folder.rename(name, &kept, name)?;
            }
        }
        kept.flush()
    }
}

/// Whether the versions are on another file system than the file.
fn is_elsewhere(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::CrossesDevices)
}
