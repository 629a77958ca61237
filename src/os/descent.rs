//! Opens many folders of one tree. Some folders on the way to a deep one stay open, so that the next search does not
//! start at the root: the cost of a tree grows with its depth, not with the square of its depth.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::folder::Folder;
use super::limit;
use crate::base::error::Result;

/// Number of levels between two cached folders. In trees with fewer levels every folder is opened from the root.
const CACHE_INTERVAL: usize = 32;

/// Opens folders below a root.
#[derive(Debug)]
pub struct FolderOpener {
    root: Arc<Folder>,
    /// Cached folders, each an ancestor of the next.
    cached: Vec<CachedFolder>,
    /// The last opened folder if it is a deep one: the next usually lies inside.
    last: Option<CachedFolder>,
    /// Maximum number of cached folders.
    capacity: usize,
}

/// An open folder.
#[derive(Debug)]
struct CachedFolder {
    /// The path below the root.
    path: PathBuf,
    depth: usize,
    folder: Folder,
}

impl FolderOpener {
    pub fn new(root: &Arc<Folder>) -> Self {
        const MAX_CACHED: usize = 16;
        Self {
            root: Arc::clone(root),
            cached: Vec::new(),
            last: None,
            capacity: MAX_CACHED.min(limit::handle_share(64)),
        }
    }

    /// Opens a folder below the root.
    ///
    /// # Errors
    /// As for [`Folder::open_descendant`].
    pub fn open(&mut self, relative: &Path) -> Result<Folder> {
        let full_path = trim_trailing_slashes(relative.as_os_str().as_bytes());
        while self
            .cached
            .last()
            .is_some_and(|kept| !kept.is_on_path_to(full_path))
        {
            self.cached.pop();
        }
        let last = self
            .last
            .take()
            .filter(|last| last.is_on_path_to(full_path));
        let (mut folder, mut depth, mut rest) = match last.as_ref().or(self.cached.last()) {
            Some(kept) => {
                let length = kept.path.as_os_str().len();
                (kept.folder.try_clone()?, kept.depth, &full_path[length..])
            }
            None => (self.root.try_clone()?, 0, full_path),
        };
        while let Some((name, after)) = split_first_name(rest) {
            folder = folder.open_child(name)?;
            rest = after;
            depth += 1;
            if depth.is_multiple_of(CACHE_INTERVAL) {
                let path = trim_trailing_slashes(&full_path[..full_path.len() - rest.len()]);
                self.cache(path, depth, &folder);
            }
        }
        if depth >= CACHE_INTERVAL && self.capacity > 0 {
            // Without another handle the next search starts further up.
            self.last = folder.try_clone().ok().map(|folder| CachedFolder {
                path: OsStr::from_bytes(full_path).into(),
                depth,
                folder,
            });
        }
        Ok(folder)
    }

    /// Caches a folder. A full cache drops one, so that the remaining folders are denser at greater depth.
    fn cache(&mut self, path: &[u8], depth: usize, folder: &Folder) {
        if self.capacity == 0 {
            return;
        }
        // Without another handle the folder is opened again.
        let Ok(folder) = folder.try_clone() else {
            return;
        };
        self.cached.push(CachedFolder {
            path: OsStr::from_bytes(path).into(),
            depth,
            folder,
        });
        if self.cached.len() <= self.capacity {
            return;
        }
        let depths: Vec<usize> = self.cached.iter().map(|kept| kept.depth).collect();
        let cost = |place: &usize| {
            let before = place.checked_sub(1).map_or(0, |place| depths[place]);
            let gap = depths[place + 1] - before;
            (gap << 20) / (depth - depths[*place])
        };
        if let Some(place) = (0..self.cached.len() - 1).min_by_key(cost) {
            self.cached.remove(place);
        }
    }
}

impl CachedFolder {
    /// True if the folder is an ancestor of this path, or the path itself.
    fn is_on_path_to(&self, path: &[u8]) -> bool {
        let rest = path.strip_prefix(self.path.as_os_str().as_bytes());
        rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }
}

/// Splits a path into its first name and the rest.
fn split_first_name(path: &[u8]) -> Option<(&OsStr, &[u8])> {
    let mut components = Path::new(OsStr::from_bytes(path)).components();
    let name = components.find_map(|component| match component {
        Component::Normal(name) => Some(name),
        _ => None,
    })?;
    let rest = components.as_path().as_os_str().len();
    Some((name, &path[path.len() - rest..]))
}

fn trim_trailing_slashes(mut path: &[u8]) -> &[u8] {
    while let [rest @ .., b'/'] = path {
        path = rest;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_opens_its_own_folder() {
        let temporary = tempfile::tempdir().unwrap();
        let root = Arc::new(Folder::open(temporary.path()).unwrap());
        let deep: PathBuf = (0..400).map(|level| (level % 10).to_string()).collect();
        let paths: Vec<&Path> = deep.ancestors().collect();
        for path in paths.iter().rev() {
            for name in ["", "side"] {
                std::fs::create_dir_all(temporary.path().join(path).join(name)).unwrap();
            }
        }
        let place = |folder: &Folder| folder.stat_self().unwrap().inode;
        for most in [0, 1, 3, 16] {
            let mut descent = FolderOpener::new(&root);
            descent.capacity = most;
            let down = paths.iter().rev().copied();
            for path in down.chain(paths.iter().copied()) {
                for path in [path.to_owned(), path.join("side"), path.join("")] {
                    let opened = descent.open(&path).unwrap();
                    assert_eq!(place(&opened), place(&root.open_descendant(&path).unwrap()));
                    assert!(descent.cached.len() <= most.max(1));
                }
            }
            let missing = descent.open(&deep.join("none"));
            assert!(super::super::folder::is_not_found(&missing.unwrap_err()));
        }
    }
}
