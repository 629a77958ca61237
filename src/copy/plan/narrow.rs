//! Taking out of a plan what is not to be copied after all: what cannot be at the destination, what is left for later, links.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{LeftOut, Plan, PlannedFolder, Reason};
use crate::base::name::Name;
use crate::os::stat::Kind;
use crate::snapshot::manifest::Packer;

impl Plan {
    /// Takes out what cannot be at the destination, and what is below it; each path comes with the reason.
    pub fn refuse(&mut self, refused: &BTreeMap<PathBuf, String>) {
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
                    let kept = self.without_refused(folder, refused);
                    self.folders.push(kept);
                }
                Some(above) => {
                    let why = &refused[above];
                    self.refuse_folder(&folder, above, why);
                }
            }
        }
        self.left_out.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// Keeps only the files and links with these paths; nothing is told of the others.
    pub fn retain(&mut self, wanted: impl Fn(&Path) -> bool) {
        self.take_out(|path| !wanted(path));
        self.left_out.retain(|item| wanted(&item.path));
        self.same = 0;
    }

    /// Leaves files and links with these paths for another run.
    pub fn postpone(&mut self, later: impl Fn(&Path) -> bool) {
        let taken = self.take_out(later);
        self.left_out.extend(taken.into_iter().map(|path| LeftOut {
            path,
            reason: Reason::Later,
        }));
        self.left_out.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// Leaves out files with these paths for a reason that is nobody's failure.
    pub fn skip(&mut self, skipped: &BTreeSet<PathBuf>, why: &str) {
        if skipped.is_empty() {
            return;
        }
        let taken = self.take_out(|path| skipped.contains(path));
        self.left_out.extend(taken.into_iter().map(|path| LeftOut {
            path,
            reason: Reason::Skip(why.to_owned()),
        }));
        self.left_out.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// Takes out the files and links with these paths, and gives them.
    fn take_out(&mut self, unwanted: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
        let mut taken = Vec::new();
        for folder in &mut self.folders {
            let mut packer = Packer::default();
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
            let mut packer = Packer::default();
            let mut skipped = Vec::new();
            let mut files = folder.add.files();
            while let Ok(Some(file)) = files.next() {
                if file.target.is_some() {
                    skipped.push(Name::from_bytes(file.name.to_vec()));
                } else {
                    packer.add(&file);
                }
            }
            if skipped.is_empty() && folder.replace.iter().all(|new| new.new.kind == Kind::File) {
                continue;
            }
            folder.add = packer.finish();
            folder.replace.retain(|new| {
                let is_link = new.new.kind == Kind::Link;
                skipped.extend(is_link.then(|| new.name.clone()));
                !is_link
            });
            self.files -= skipped.len() as u64;
            self.left_out
                .extend(skipped.into_iter().map(|name| LeftOut {
                    path: folder.path.join(name.as_path()),
                    reason: Reason::Skip(why.to_owned()),
                }));
        }
        self.left_out.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// A folder without the files that are refused.
    fn without_refused(
        &mut self,
        mut folder: PlannedFolder,
        refused: &BTreeMap<PathBuf, String>,
    ) -> PlannedFolder {
        let mut packer = Packer::default();
        let mut files = folder.add.files();
        while let Ok(Some(file)) = files.next() {
            let path = folder
                .path
                .join(Name::from_bytes(file.name.to_vec()).as_path());
            match refused.get(&path) {
                None => packer.add(&file),
                Some(why) => self.refuse_file(path, file.bytes, why.clone()),
            }
        }
        folder.add = packer.finish();
        for new in std::mem::take(&mut folder.replace) {
            let path = folder.path.join(new.name.as_path());
            match refused.get(&path) {
                None => folder.replace.push(new),
                Some(why) => self.refuse_file(path, new.new.bytes, why.clone()),
            }
        }
        folder
    }

    /// Takes out a folder and everything that was to be copied into it.
    fn refuse_folder(&mut self, folder: &PlannedFolder, refused: &Path, why: &str) {
        if !folder.exists {
            self.left_out.push(LeftOut {
                path: folder.path.clone(),
                reason: Reason::Fail(why.to_owned()),
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
            self.refuse_file(path, file.bytes, below.clone());
        }
        for replacement in &folder.replace {
            let path = folder.path.join(replacement.name.as_path());
            self.refuse_file(path, replacement.new.bytes, below.clone());
        }
    }

    fn refuse_file(&mut self, path: PathBuf, bytes: u64, why: String) {
        self.files -= 1;
        self.bytes -= bytes;
        let reason = Reason::Fail(why);
        self.left_out.push(LeftOut { path, reason });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::timestamp::Moment;

    #[test]
    fn what_is_refused_is_neither_added_nor_replaced() {
        let file = |path: &str, replaces| (PathBuf::from(path), 7, Moment::default(), replaces);
        let files = [
            file("a/new", false),
            file("a/old", true),
            file("a/kept", false),
            file("a/kept too", true),
        ];
        let mut plan = Plan::of(&files);
        let refused = ["a/new", "a/old"].map(|path| (path.into(), "no".to_owned()));
        plan.refuse(&refused.into());
        let mut left: Vec<_> = plan.paths().collect();
        left.sort();
        let kept = [("a/kept", false), ("a/kept too", true)];
        assert_eq!(left, kept.map(|(path, replaces)| (path.into(), replaces)));
        assert_eq!((plan.files, plan.bytes), (2, 14));
        let out: Vec<_> = plan.left_out.iter().map(|item| &item.path).collect();
        assert_eq!(out, [Path::new("a/new"), Path::new("a/old")]);
    }
}
