//! Empty files in a subfolder of the program's folder that other machines look for: their names say everything, so that a
//! full disk has room for them.

use std::ffi::{OsStr, OsString};

use crate::base::error::{IoResultExt as _, Result};
use crate::model::own_folder;
use crate::os::folder::{Folder, is_not_found};

/// Creates a file, flushed with its folder, so that it outlives a power failure.
pub fn create(root: &Folder, folder: &str, name: &OsStr) -> Result<()> {
    let own = own_folder::open(root)?;
    let folder = own.trusted_child(OsStr::new(folder), root)?;
    let file = folder.create_file(name)?;
    file.sync_all().at("write", folder.path().join(name))?;
    folder.flush()?;
    own.flush()
}

/// Removes a file; the folder stays. A file that is gone is no error.
pub fn remove(root: &Folder, folder: &str, name: &OsStr) -> Result<()> {
    let Some(own) = own_folder::find(root)? else {
        return Ok(());
    };
    let Some(found) = own.find_trusted(OsStr::new(folder))? else {
        return Ok(());
    };
    match found.remove_temporary(name) {
        Err(error) if is_not_found(&error) => Ok(()),
        removed => removed.and_then(|()| found.flush()),
    }
}

/// Returns the names of the files; none if the folder does not exist.
pub fn names(root: &Folder, folder: &str) -> Result<Vec<OsString>> {
    let found = match own_folder::find(root)? {
        Some(own) => own.find_trusted(OsStr::new(folder))?,
        None => None,
    };
    found.map_or_else(|| Ok(Vec::new()), |folder| folder.entry_names())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_listed_until_it_is_removed() {
        let temporary = tempfile::tempdir().unwrap();
        let root = Folder::open(temporary.path()).unwrap();
        let list = || names(&root, "freeing").unwrap();
        assert!(list().is_empty());
        create(&root, "freeing", OsStr::new("a")).unwrap();
        assert_eq!(list(), ["a"]);
        create(&root, "freeing", OsStr::new("a")).unwrap_err();
        remove(&root, "freeing", OsStr::new("a")).unwrap();
        remove(&root, "freeing", OsStr::new("a")).unwrap();
        assert!(list().is_empty());
    }
}
