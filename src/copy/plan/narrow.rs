//! Removal of items from a plan: items that the destination cannot hold, items left for a later run, and links. Every
//! removed item becomes an omission.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Omission, OmissionReason, Plan};
use crate::base::name::Name;
use crate::os::stat::EntryKind;
use crate::snapshot::manifest::ManifestBuilder;

impl Plan {
    /// Removes the items at and below these paths, which fail with the given reasons.
    pub fn reject(&mut self, refused: &BTreeMap<PathBuf, String>) {
        if refused.is_empty() {
            return;
        }
        let refused_ancestor = |folder: &Path| {
            let mut ancestors = folder.ancestors();
            ancestors.find_map(|path| refused.get_key_value(path))
        };
        self.omit_files(|folder, path, _| {
            let why = match refused_ancestor(folder) {
                None => refused.get(path)?.clone(),
                Some((refused, why)) if refused.as_os_str().is_empty() => why.clone(),
                Some((refused, why)) => {
                    format!("its folder `{}`: {why}", Name::from(refused.as_path()))
                }
            };
            Some(OmissionReason::Failed(why))
        });
        let omissions = &mut self.omissions;
        self.folders.retain(|folder| {
            let Some((_, why)) = refused_ancestor(&folder.path) else {
                return true;
            };
            if !folder.exists {
                omissions.push(Omission {
                    path: folder.path.clone(),
                    reason: OmissionReason::Failed(why.clone()),
                });
            }
            false
        });
        self.sort_omissions();
    }

    /// Keeps only the files and links with these paths, and reports nothing about the others.
    pub fn retain(&mut self, wanted: impl Fn(&Path) -> bool) {
        self.postpone(|path| !wanted(path));
        self.omissions.retain(|item| wanted(&item.path));
        self.same_files = 0;
    }

    /// Leaves the files and links with these paths for another run.
    pub fn postpone(&mut self, later: impl Fn(&Path) -> bool) {
        self.omit_files(|_, path, _| later(path).then_some(OmissionReason::Postponed));
    }

    /// Leaves out the files with these paths on purpose.
    pub fn skip(&mut self, skipped: &BTreeSet<PathBuf>, why: &str) {
        if !skipped.is_empty() {
            let reason = || OmissionReason::Skipped(why.to_owned());
            self.omit_files(|_, path, _| skipped.contains(path).then(reason));
        }
    }

    /// Leaves out all symbolic links, for a destination that cannot store them.
    pub fn skip_links(&mut self, why: &str) {
        let reason = || OmissionReason::Skipped(why.to_owned());
        self.omit_files(|_, _, is_link| is_link.then(reason));
    }

    /// Removes every file or link for which `reason_for` returns a reason. Its arguments are the folder, the path of the
    /// file, and true for a link.
    fn omit_files(&mut self, reason_for: impl Fn(&Path, &Path, bool) -> Option<OmissionReason>) {
        for folder in &mut self.folders {
            let mut omit = |name: &Name, bytes, is_link| {
                let path = folder.path.join(name.as_path());
                let Some(reason) = reason_for(&folder.path, &path, is_link) else {
                    return false;
                };
                self.files -= 1;
                self.bytes -= bytes;
                self.omissions.push(Omission { path, reason });
                true
            };
            let mut kept = ManifestBuilder::default();
            let mut files = folder.add.files();
            while let Some(file) = files.next() {
                let name = Name::from_bytes(file.name.to_vec());
                if !omit(&name, file.bytes, file.target.is_some()) {
                    kept.add(&file);
                }
            }
            folder.replace.retain(|replacement| {
                let is_link = replacement.new.kind == EntryKind::Link;
                !omit(&replacement.name, replacement.new.bytes, is_link)
            });
            folder.add = kept.finish();
        }
        self.sort_omissions();
    }

    fn sort_omissions(&mut self) {
        self.omissions.sort_by(|a, b| a.path.cmp(&b.path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::timestamp::Timestamp;

    #[test]
    fn refused_files_are_neither_added_nor_replaced() {
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
