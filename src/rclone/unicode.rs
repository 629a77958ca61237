//! Lookup of listed files by names in any Unicode normal form.

use std::collections::HashMap;
use std::path::Path;

use super::listed_file::{ListedFile, ListedFolder, RemoteListing};
use crate::base::unicode::to_nfc;

/// The files of a listing below one folder.
#[derive(Debug)]
pub struct UnicodeLookup<'a> {
    listed: &'a RemoteListing,
    /// Folders whose paths are not ASCII, by their paths in composed form.
    folders: HashMap<Vec<u8>, &'a ListedFolder>,
}

impl<'a> UnicodeLookup<'a> {
    /// The files below a folder, given by its listed path.
    pub fn below(listed: &'a RemoteListing, folder: &Path) -> Self {
        let folders = listed.folders.range(folder.to_owned()..);
        let folders = folders.take_while(|(path, _)| path.starts_with(folder));
        let non_ascii = folders.filter(|(path, _)| !path.as_os_str().is_ascii());
        Self {
            listed,
            folders: non_ascii
                .map(|(path, files)| (normalized_key(path), files))
                .collect(),
        }
    }

    /// Returns the file with this path below the root, in any normal form.
    pub fn file(&self, path: &Path) -> Option<&'a ListedFile> {
        let exact = self.listed.file(path);
        if exact.is_some() || path.as_os_str().is_ascii() {
            return exact;
        }
        let above = path.parent()?;
        let folder = self.listed.folders.get(above);
        let folder = folder.or_else(|| self.folders.get(&normalized_key(above)).copied())?;
        let name = normalized_key(Path::new(path.file_name()?));
        let mut files = folder.iter();
        let found = files.find(|(other, _)| *to_nfc(other.as_bytes()) == *name);
        found.map(|(_, file)| file)
    }
}

fn normalized_key(path: &Path) -> Vec<u8> {
    to_nfc(path.as_os_str().as_encoded_bytes()).into_owned()
}
