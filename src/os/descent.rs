//! Opening many folders of one tree, one after the other. On the way to a deep one some folders are kept open, so that the
//! next is not looked for from the root again: the cost of a tree grows with its depth, not with the square of it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::folder::Folder;
use super::limit;
use crate::base::error::Result;

/// Levels between two folders that are kept. In trees that are less deep every folder is opened from the root.
const EVERY: usize = 32;

/// Opens folders below a root.
#[derive(Debug)]
pub struct Descent {
    root: Arc<Folder>,
    /// Each is an ancestor of the next.
    kept: Vec<Kept>,
    /// The last folder that was opened, where it is a deep one: mostly the next lies in it.
    last: Option<Kept>,
    /// How many are kept at most.
    most: usize,
}

/// A folder that is kept open.
#[derive(Debug)]
struct Kept {
    /// Its path below the root.
    path: PathBuf,
    depth: usize,
    folder: Folder,
}

impl Descent {
    /// One from this root.
    pub fn from(root: &Arc<Folder>) -> Self {
        const MOST: usize = 16;
        Self {
            root: Arc::clone(root),
            kept: Vec::new(),
            last: None,
            most: MOST.min(limit::part(64)),
        }
    }

    /// Opens a folder some levels down.
    ///
    /// # Errors
    /// As for [`Folder::beneath`].
    pub fn open(&mut self, relative: &Path) -> Result<Folder> {
        let whole = without_slash(relative.as_os_str().as_bytes());
        while self.kept.last().is_some_and(|kept| !kept.leads_to(whole)) {
            self.kept.pop();
        }
        let last = self.last.take().filter(|last| last.leads_to(whole));
        let (mut folder, mut depth, mut rest) = match last.as_ref().or(self.kept.last()) {
            Some(kept) => {
                let length = kept.path.as_os_str().len();
                (kept.folder.again()?, kept.depth, &whole[length..])
            }
            None => (self.root.again()?, 0, whole),
        };
        while let Some((name, after)) = first(rest) {
            folder = folder.child(name)?;
            rest = after;
            depth += 1;
            if depth.is_multiple_of(EVERY) {
                let path = without_slash(&whole[..whole.len() - rest.len()]);
                self.keep(path, depth, &folder);
            }
        }
        if depth >= EVERY && self.most > 0 {
            // Without a handle for it the next is opened from further up.
            self.last = folder.again().ok().map(|folder| Kept {
                path: OsStr::from_bytes(whole).into(),
                depth,
                folder,
            });
        }
        Ok(folder)
    }

    /// Keeps a folder open; where too many are, another gives way, so that those left lie the closer the deeper they are.
    fn keep(&mut self, path: &[u8], depth: usize, folder: &Folder) {
        if self.most == 0 {
            return;
        }
        // Where there is no handle for it, it is opened again.
        let Ok(folder) = folder.again() else { return };
        self.kept.push(Kept {
            path: OsStr::from_bytes(path).into(),
            depth,
            folder,
        });
        if self.kept.len() <= self.most {
            return;
        }
        let depths: Vec<usize> = self.kept.iter().map(|kept| kept.depth).collect();
        let cost = |place: &usize| {
            let before = place.checked_sub(1).map_or(0, |place| depths[place]);
            let gap = depths[place + 1] - before;
            (gap << 20) / (depth - depths[*place])
        };
        if let Some(place) = (0..self.kept.len() - 1).min_by_key(cost) {
            self.kept.remove(place);
        }
    }
}

impl Kept {
    /// Whether it is on the way to this path.
    fn leads_to(&self, path: &[u8]) -> bool {
        let rest = path.strip_prefix(self.path.as_os_str().as_bytes());
        rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }
}

/// The first name of a path, and the bytes after it.
fn first(path: &[u8]) -> Option<(&OsStr, &[u8])> {
    let mut components = Path::new(OsStr::from_bytes(path)).components();
    let name = components.find_map(|component| match component {
        Component::Normal(name) => Some(name),
        _ => None,
    })?;
    let rest = components.as_path().as_os_str().len();
    Some((name, &path[path.len() - rest..]))
}

fn without_slash(mut path: &[u8]) -> &[u8] {
    while let [rest @ .., b'/'] = path {
        path = rest;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_leads_to_its_own_folder() {
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
            let mut descent = Descent::from(&root);
            descent.most = most;
            let down = paths.iter().rev().copied();
            for path in down.chain(paths.iter().copied()) {
                for path in [path.to_owned(), path.join("side"), path.join("")] {
                    let opened = descent.open(&path).unwrap();
                    assert_eq!(place(&opened), place(&root.beneath(&path).unwrap()));
                    assert!(descent.kept.len() <= most.max(1));
                }
            }
            let missing = descent.open(&deep.join("none"));
            assert!(super::super::folder::is_missing(&missing.unwrap_err()));
        }
    }
}
