//! The temporary copy of a file, until it gets its final name or is removed.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::sync::Arc;

use super::temp_name::temporary_name;
use crate::base::error::{IoResultExt as _, Result};
use crate::base::ignore::ignore;
use crate::base::lease::WritePermit;
use crate::os::attribute::XattrOutcome;
use crate::os::file;
use crate::os::folder::Folder;
use crate::os::stat::Stat;
use crate::snapshot::digest::Digest;

/// A complete copy under a temporary name. Dropping it removes it; `persist` gives it its final name.
#[derive(Debug)]
pub struct TempCopy {
    folder: Arc<Folder>,
    pub(super) name: OsString,
    /// The open copy; `None` for a symbolic link, and once it is closed.
    pub(super) file: Option<File>,
    /// The target of a symbolic link.
    pub(super) link_target: Option<OsString>,
    /// The open source, if it must be read again to compute its digest.
    pub(super) source_file: Option<File>,
    /// True once the temporary name may belong to another file, which must not be removed.
    is_disarmed: bool,
    /// The source's metadata before it was copied.
    pub source_stat: Stat,
    /// The copy's metadata as its file system reports it; `None` for a symbolic link.
    pub copy_stat: Option<Stat>,
    /// The digest of the source's bytes, if they passed through memory.
    pub digest: Option<Digest>,
    /// True if the copy shares the source's blocks, so that reading it back proves nothing.
    pub is_cloned: bool,
    /// The result of copying the extended attributes.
    pub attributes: XattrOutcome,
}

impl TempCopy {
    pub(super) fn new(folder: &Arc<Folder>, name: OsString, source_stat: Stat) -> Self {
        Self {
            folder: Arc::clone(folder),
            name,
            file: None,
            link_target: None,
            source_file: None,
            is_disarmed: false,
            source_stat,
            copy_stat: None,
            digest: None,
            is_cloned: false,
            attributes: XattrOutcome::Copied,
        }
    }

    /// The copy's folder and its temporary name there.
    pub fn location(&self) -> (&Arc<Folder>, &OsStr) {
        (&self.folder, &self.name)
    }

    /// Renames the copy to `name`, which must be free.
    pub fn persist_noclobber(self, name: &OsStr, permit: &WritePermit) -> Result<()> {
        let folder = Arc::clone(&self.folder);
        self.persist_noclobber_in(&folder, name, permit)
    }

    /// Renames the copy to `name` in another folder of the same file system, where that name must be free.
    pub fn persist_noclobber_in(
        mut self,
        folder: &Folder,
        name: &OsStr,
        permit: &WritePermit,
    ) -> Result<()> {
        self.folder
            .rename_no_replace(&self.name, folder, name, permit)?;
        self.is_disarmed = true;
        Ok(())
    }

    /// Renames the copy over the file it replaces. The old version must be kept elsewhere by now.
    pub fn persist(mut self, name: &OsStr, permit: &WritePermit) -> Result<()> {
        self.folder.rename(&self.name, &self.folder, name, permit)?;
        self.is_disarmed = true;
        Ok(())
    }

    /// Moves the copy into another folder of the same file system, where `name` must be free. After a failure it is still in
    /// its old folder.
    pub fn move_to(
        &mut self,
        folder: &Arc<Folder>,
        name: &OsStr,
        permit: &WritePermit,
    ) -> Result<()> {
        self.folder
            .rename_no_replace(&self.name, folder, name, permit)?;
        self.folder = Arc::clone(folder);
        name.clone_into(&mut self.name);
        Ok(())
    }

    /// Moves the copy back into the folder of its final name, under a new temporary name.
    pub fn move_back(&mut self, folder: &Arc<Folder>, permit: &WritePermit) -> Result<()> {
        self.move_to(folder, &temporary_name(), permit)
    }

    /// Stops removing the copy on drop: its name may belong to another file from now on.
    pub const fn disarm(&mut self) {
        self.is_disarmed = true;
    }

    /// Removes the copy on drop again: its name still belongs to it.
    pub const fn rearm(&mut self) {
        self.is_disarmed = false;
    }

    /// Closes the copy on a file system that may write, and fail, only then. It must be opened to be read back afterwards.
    pub fn close(&mut self) -> Result<()> {
        if self.folder.features().is_reliable {
            return Ok(());
        }
        let closed = self.file.take().map_or(Ok(()), file::close);
        closed.at("close a copy in", self.folder.path())
    }

    /// Flushes this copy alone.
    pub fn flush(&self) -> Result<()> {
        match &self.file {
            Some(file) => file.sync_all().at("flush", self.folder.path()),
            None => Ok(()),
        }
    }
}

impl Drop for TempCopy {
    fn drop(&mut self) {
        // A mounted cloud storage creates a removed file again when it is closed afterwards.
        drop(self.file.take());
        if !self.is_disarmed {
            ignore(
                self.folder.remove_temporary(&self.name),
                "the next run removes it",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::base::error::Error;
    use crate::base::own_name::is_temporary;
    use crate::storage::copy_file::Copier;
    use crate::storage::copy_file::tests::{copy_of, folders};

    const FINAL: &str = "final";

    fn content(folder: &Folder, name: impl AsRef<OsStr>) -> String {
        fs::read_to_string(folder.path().join(name.as_ref())).unwrap()
    }

    #[test]
    fn dropped_copy_is_removed() {
        let (_temporary, source, folder) = folders();
        let mut copier = Copier::default();
        drop(copy_of(b"new", &source, &folder, &mut copier));
        assert!(folder.entry_names().unwrap().is_empty());
        let mut disarmed = copy_of(b"new", &source, &folder, &mut copier);
        disarmed.disarm();
        drop(disarmed);
        assert_eq!(folder.entry_names().unwrap().len(), 1);
        let mut rearmed = copy_of(b"new", &source, &folder, &mut copier);
        rearmed.disarm();
        rearmed.rearm();
        drop(rearmed);
        assert_eq!(folder.entry_names().unwrap().len(), 1);
    }

    #[test]
    fn persist_noclobber_never_replaces() {
        let (_temporary, source, folder) = folders();
        let mut copier = Copier::default();
        let copy = copy_of(b"new", &source, &folder, &mut copier);
        fs::write(folder.path().join(FINAL), "theirs").unwrap();
        let taken = copy.persist_noclobber(FINAL.as_ref(), &folder.permit().unwrap());
        assert!(matches!(taken, Err(Error::ConcurrentChange { .. })));
        assert_eq!(content(&folder, FINAL), "theirs");
        assert_eq!(folder.entry_names().unwrap(), [FINAL]);
        let copy = copy_of(b"new", &source, &folder, &mut copier);
        copy.persist_noclobber("free".as_ref(), &folder.permit().unwrap())
            .unwrap();
        assert_eq!(content(&folder, "free"), "new");
        let copy = copy_of(b"newer", &source, &folder, &mut copier);
        copy.persist(FINAL.as_ref(), &folder.permit().unwrap())
            .unwrap();
        assert_eq!(content(&folder, FINAL), "newer");
        assert_eq!(folder.entry_names().unwrap().len(), 2);
    }

    #[test]
    fn refused_move_keeps_the_old_folder() {
        let (temporary, source, folder) = folders();
        fs::create_dir(temporary.path().join("kept")).unwrap();
        let kept = Arc::new(Folder::open(&temporary.path().join("kept")).unwrap());
        fs::write(kept.path().join(FINAL), "theirs").unwrap();
        let mut copy = copy_of(b"new", &source, &folder, &mut Copier::default());
        copy.move_to(&kept, FINAL.as_ref(), &folder.permit().unwrap())
            .unwrap_err();
        assert_eq!(copy.location().0.path(), folder.path());
        copy.move_to(&kept, "free".as_ref(), &folder.permit().unwrap())
            .unwrap();
        assert_eq!(content(&kept, "free"), "new");
        copy.move_back(&folder, &folder.permit().unwrap()).unwrap();
        let (back, name) = copy.location();
        assert!(back.path() == folder.path() && is_temporary(name));
        assert_eq!(content(&folder, name), "new");
        assert_eq!(kept.entry_names().unwrap(), [FINAL]);
    }
}
