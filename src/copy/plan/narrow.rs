//! Taking out of a plan what is not to be copied after all: what cannot be at the destination, what is left for later, links.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Omission, OmissionReason, Plan, PlannedFolder};
use crate::base::name::Name;
use crate::os::stat::EntryKind;
use crate::snapshot::manifest::ManifestBuilder;

impl Plan {
    /// Takes out what cannot be at the destination, and what is below it; each path comes with the reason.
    pub fn reject(&mut self, refused: &BTreeMap<PathBuf, String>) {
        if refused.is_empty() {
            return;
        }
        for folder in std::mem::take(&mut self.folders) {
            let above = folder
                .path
                .ancestors()
                .find(|path| refused.contains_key(*path));
            match above {
                None => {
                    let kept = self.reject_files_in(folder, refused);
                    self.folders.push(kept);
                }
                Some(above) => {
                    let why = &refused[above];
                    self.reject_folder(&folder, above, why);
                }
            }
        }
        self.omissions.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// Keeps only the files and links with these paths; nothing is told of the others.
    pub fn retain(&mut self, wanted: impl Fn(&Path) -> bool) {
        self.remove_files(|path| !wanted(path));
        self.omissions.retain(|item| wanted(&item.path));
        self.same_files = 0;
    }

    /// Leaves files and links with these paths for another run.
    pub fn postpone(&mut self, later: impl Fn(&Path) -> bool) {
        let taken = self.remove_files(later);
        self.omissions
            .extend(taken.into_iter().map(|path| Omission {
                path,
                reason: OmissionReason::Postponed,
            }));
        self.omissions.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// Leaves out files with these paths for a reason that is nobody's failure.
    pub fn skip(&mut self, skipped: &BTreeSet<PathBuf>, why: &str) {
        if skipped.is_empty() {
            return;
        }
        let taken = self.remove_files(|path| skipped.contains(path));
        self.omissions
            .extend(taken.into_iter().map(|path| Omission {
                path,
                reason: OmissionReason::Skipped(why.to_owned()),
            }));
        self.omissions.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// Takes out the files and links with these paths, and gives them.
    fn remove_files(&mut self, unwanted: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
        let mut taken = Vec::new();
        for folder in &mut self.folders {
            let mut packer = ManifestBuilder::default();
            let mut files = folder.add.files();
            while let Ok(Some(file)) = files.next() {
                let name = Name::from_bytes(file.name.to_vec());
                let path = folder.path.join(name.as_path());
                if unwanted(&path) {
                    self.files -= 1;
                    self.bytes -= file.bytes;
                    taken.push(path);
                } else {
                    packer.add(&file);
                }
            }
            folder.add = packer.finish();
            for new in std::mem::take(&mut folder.replace) {
                let path = folder.path.join(new.name.as_path());
                if unwanted(&path) {
                    self.files -= 1;
                    self.bytes -= new.new.bytes;
                    taken.push(path);
                } else {
                    folder.replace.push(new);
                }
            }
        }
        taken
    }

    /// Leaves out the symbolic links, for a destination that holds none.
    pub fn skip_links(&mut self, why: &str) {
        for folder in &mut self.folders {
            let mut packer = ManifestBuilder::default();
            let mut skipped = Vec::new();
            let mut files = folder.add.files();
            while let Ok(Some(file)) = files.next() {
                if file.target.is_some() {
                    skipped.push(Name::from_bytes(file.name.to_vec()));
                } else {
                    packer.add(&file);
                }
            }
            if skipped.is_empty()
                && folder
                    .replace
                    .iter()
                    .all(|new| new.new.kind == EntryKind::File)
            {
                continue;
            }
            folder.add = packer.finish();
            folder.replace.retain(|new| {
                let is_link = new.new.kind == EntryKind::Link;
                skipped.extend(is_link.then(|| new.name.clone()));
                !is_link
            });
            self.files -= skipped.len() as u64;
            self.omissions
                .extend(skipped.into_iter().map(|name| Omission {
                    path: folder.path.join(name.as_path()),
                    reason: OmissionReason::Skipped(why.to_owned()),
                }));
        }
        self.omissions.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// A folder without the files that are refused.
    fn reject_files_in(
        &mut self,
        mut folder: PlannedFolder,
        refused: &BTreeMap<PathBuf, String>,
    ) -> PlannedFolder {
        let mut packer = ManifestBuilder::default();
        let mut files = folder.add.files();
        while let Ok(Some(file)) = files.next() {
            let path = folder
                .path
                .join(Name::from_bytes(file.name.to_vec()).as_path());
            match refused.get(&path) {
                None => packer.add(&file),
                Some(why) => self.reject_file(path, file.bytes, why.clone()),
            }
        }
        folder.add = packer.finish();
        for new in std::mem::take(&mut folder.replace) {
            let path = folder.path.join(new.name.as_path());
            match refused.get(&path) {
                None => folder.replace.push(new),
                Some(why) => self.reject_file(path, new.new.bytes, why.clone()),
            }
        }
        folder
    }

    /// Takes out a folder and everything that was to be copied into it.
    fn reject_folder(&mut self, folder: &PlannedFolder, refused: &Path, why: &str) {
        if !folder.exists {
            self.omissions.push(Omission {
                path: folder.path.clone(),
                reason: OmissionReason::Failed(why.to_owned()),
            });
        }
        let below = if refused == Path::new("") {
            why.to_owned()
        } else {
            format!("its folder `{}`: {why}", Name::from(refused))
        };
        let mut files = folder.add.files();
        while let Ok(Some(file)) = files.next() {
            let name = Name::from_bytes(file.name.to_vec());
            let path = folder.path.join(name.as_path());
            self.reject_file(path, file.bytes, below.clone());
        }
        for replacement in &folder.replace {
            let path = folder.path.join(replacement.name.as_path());
            self.reject_file(path, replacement.new.bytes, below.clone());
        }
    }

    fn reject_file(&mut self, path: PathBuf, bytes: u64, why: String) {
        self.files -= 1;
        self.bytes -= bytes;
        let reason = OmissionReason::Failed(why);
        self.omissions.push(Omission { path, reason });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::timestamp::Timestamp;

    #[test]
    fn what_is_refused_is_neither_added_nor_replaced() {
        let file = |path: &str, replaces| (PathBuf::from(path), 7, Timestamp::default(), replaces);
        let files = [
            file("a/new", false),
            file("a/old", true),
            file("a/kept", false),
            file("a/kept too", true),
        ];
        let mut plan = Plan::from_files(&files);
        let refused = ["a/new", "a/old"].map(|path| (path.into(), "no".to_owned()));
        plan.reject(&refused.into());
        let mut left: Vec<_> = plan.paths().collect();
        left.sort();
        let kept = [("a/kept", false), ("a/kept too", true)];
        assert_eq!(left, kept.map(|(path, replaces)| (path.into(), replaces)));
        assert_eq!((plan.files, plan.bytes), (2, 14));
        let out: Vec<_> = plan.omissions.iter().map(|item| &item.path).collect();
        assert_eq!(out, [Path::new("a/new"), Path::new("a/old")]);
    }
}
