//! The files that several destinations want from one source, numbered, and the share of each destination.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use crate::base::name::Name;
use crate::copy::plan::{Plan, PlannedFolder};
use crate::snapshot::diff::DiffEntry;
use crate::snapshot::manifest::{Manifest, ManifestFile};
use crate::snapshot::manifest_join::{join_by_name, merge};

/// Number of a file in the union.
pub(crate) type FileNumber = u32;

/// The files of one folder that a destination wants.
#[derive(Debug)]
pub(super) struct WantedFolder {
    /// Index of the plan, and of the folder in it.
    pub(super) position: (usize, usize),
    /// The replica's folder relative to the root, and the folder's path relative to the replica.
    pub(super) path: (PathBuf, PathBuf),
    pub(super) files: Manifest,
}

/// A folder of the union.
#[derive(Debug)]
pub(super) struct UnionFolder {
    pub(super) replica: PathBuf,
    pub(super) path: PathBuf,
    pub(super) files: Manifest,
    /// Number of its first file.
    pub(super) first: FileNumber,
}

/// All files that at least two destinations want, in the order of their paths.
#[derive(Debug, Default)]
pub(super) struct FileUnion {
    pub(super) folders: Vec<UnionFolder>,
    /// Number of files.
    pub(super) files: usize,
}

/// The part of one destination.
#[derive(Debug, Default)]
pub(super) struct Share {
    /// By folder of the union, index of the plan and of the folder in it.
    pub(super) positions: Vec<Option<(usize, usize)>>,
    /// Entries that shared files replace, by index of the plan and of the folder in it.
    pub(super) replaced: HashMap<(usize, usize), BTreeMap<Name, DiffEntry>>,
    /// Plans of the files that this destination copies by itself; folders have the indexes of the original plans.
    pub(super) own_plans: Vec<Plan>,
}

/// Returns the files of plans that a destination takes from a shared read: those that `is_shared` accepts, and no links.
pub(super) fn wanted_folders(
    plans: &[&Plan],
    is_shared: &dyn Fn(usize, &ManifestFile<'_>) -> bool,
) -> Vec<WantedFolder> {
    let mut wanted = Vec::new();
    for (number, plan) in plans.iter().enumerate() {
        for (place, folder) in plan.folders.iter().enumerate() {
            if !folder.has_files() {
                continue;
            }
            let (files, _) = folder
                .manifest_without(&[].into())
                .edited(|file| (file.target.is_none() && is_shared(number, &file)).then_some(file));
            wanted.push(WantedFolder {
                position: (number, place),
                path: (plan.replica.clone(), folder.path.clone()),
                files,
            });
        }
    }
    wanted
}

impl FileUnion {
    /// Returns the files that at least `readers` of the destinations want.
    pub(super) fn of(destinations: &[&[WantedFolder]], readers: usize) -> Self {
        let mut folders: BTreeMap<&(PathBuf, PathBuf), Vec<&Manifest>> = BTreeMap::new();
        for folder in destinations.iter().copied().flatten() {
            folders.entry(&folder.path).or_default().push(&folder.files);
        }
        let mut union = Self::default();
        for ((replica, path), manifests) in folders {
            let files = common_files(&manifests, readers);
            let count = file_count(&files);
            if count == 0 {
                continue;
            }
            // More files than numbers: the rest is copied by each destination alone.
            let Ok(first) = FileNumber::try_from(union.files) else {
                break;
            };
            union.files += count;
            union.folders.push(UnionFolder {
                replica: replica.clone(),
                path: path.clone(),
                files,
                first,
            });
        }
        union
    }

    /// Returns for each file whether a destination wants it.
    pub(super) fn wants(&self, wanted: &[WantedFolder]) -> Vec<bool> {
        let mut wants = vec![false; self.files];
        for folder in wanted {
            if let Some(place) = self.find_folder(&folder.path) {
                self.folders[place].visit_shared(folder, &mut |number, _| wants[number] = true);
            }
        }
        wants
    }

    /// Returns the share of a destination with these plans, which wants these files.
    pub(super) fn share(&self, plans: &[&Plan], wanted: &[WantedFolder]) -> Share {
        let mut share = Share {
            positions: vec![None; self.folders.len()],
            own_plans: plans.iter().map(|plan| files_only(plan)).collect(),
            ..Share::default()
        };
        for folder in wanted {
            if let Some(place) = self.find_folder(&folder.path) {
                share.take_folder(place, &self.folders[place], folder, plans);
            }
        }
        share
    }

    fn find_folder(&self, (replica, path): &(PathBuf, PathBuf)) -> Option<usize> {
        let key = (replica.as_path(), path.as_path());
        let order =
            |folder: &UnionFolder| (folder.replica.as_path(), folder.path.as_path()).cmp(&key);
        self.folders.binary_search_by(order).ok()
    }
}

impl UnionFolder {
    /// Visits the files that a destination wants in this folder: number and name.
    fn visit_shared(&self, wanted: &WantedFolder, visit: &mut dyn FnMut(usize, &[u8])) {
        let mut number = self.first as usize;
        let [union, own] = [&self.files, &wanted.files].map(Manifest::as_ref);
        join_by_name(union, own, &mut |union, own| {
            if let (Some(union), Some(_)) = (union.as_ref(), own) {
                visit(number, union.name);
            }
            number += usize::from(union.is_some());
        });
    }
}

impl Share {
    /// Marks the files of a folder that the destination shares, and takes them out of its own plans.
    fn take_folder(
        &mut self,
        place: usize,
        folder: &UnionFolder,
        wanted: &WantedFolder,
        plans: &[&Plan],
    ) {
        let (plan, index) = wanted.position;
        let mut shared = HashSet::new();
        folder.visit_shared(wanted, &mut |_, name| {
            shared.insert(name.to_vec());
        });
        self.positions[place] = Some(wanted.position);
        let planned = &plans[plan].folders[index];
        let replaced = planned.replace.iter();
        let replaced = replaced.filter(|new| shared.contains(new.name.as_bytes()));
        let replaced: BTreeMap<_, _> = replaced.map(|new| (new.name.clone(), new.old)).collect();
        if !replaced.is_empty() {
            self.replaced.insert(wanted.position, replaced);
        }
        self.own_plans[plan].folders[index] = without(planned, &shared);
    }
}

/// Returns the files of a plan, without its other actions.
fn files_only(plan: &Plan) -> Plan {
    Plan {
        replica: plan.replica.clone(),
        folders: plan.folders.clone(),
        ..Plan::default()
    }
}

/// Returns a folder without the files of these names.
fn without(folder: &PlannedFolder, names: &HashSet<Vec<u8>>) -> PlannedFolder {
    let (add, _) = folder
        .add
        .edited(|file| (!names.contains(file.name)).then_some(file));
    let replace = folder.replace.iter();
    let replace = replace.filter(|new| !names.contains(new.name.as_bytes()));
    PlannedFolder {
        add,
        replace: replace.cloned().collect(),
        ..folder.clone()
    }
}

/// Returns the files that at least `readers` of the manifests have.
fn common_files(manifests: &[&Manifest], readers: usize) -> Manifest {
    let Some((first, others)) = manifests.split_first() else {
        return Manifest::default();
    };
    if manifests.len() < readers {
        return Manifest::default();
    }
    if others.iter().all(|other| other.packed() == first.packed()) {
        return (*first).clone();
    }
    let mut counts: HashMap<Vec<u8>, usize> = HashMap::new();
    for manifest in manifests {
        let mut files = manifest.files();
        while let Some(file) = files.next() {
            *counts.entry(file.name.to_vec()).or_default() += 1;
        }
    }
    let all = others.iter().fold((*first).clone(), |all, other| {
        merge(all.as_ref(), other.as_ref()).0
    });
    let is_common = |file: &ManifestFile<'_>| counts.get(file.name) >= Some(&readers);
    all.edited(|file| is_common(&file).then_some(file)).0
}

fn file_count(files: &Manifest) -> usize {
    let (mut files, mut count) = (files.files(), 0);
    while files.next().is_some() {
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::tree::Tree;

    fn plan(files: &[(&'static str, u64, i64)], there: &[(&'static str, u64, i64)]) -> Plan {
        Plan::of_trees("spot", &Tree::of_files(files), &Tree::of_files(there))
    }

    fn names(plan: &Plan) -> Vec<String> {
        let files = plan.files();
        files.map(|(path, _)| path.display().to_string()).collect()
    }

    #[test]
    fn files_of_one_destination_are_its_own() {
        let source = [
            ("a", 1, 9),
            ("b", 2, 9),
            ("x/", 0, 1),
            ("x/c", 3, 9),
            ("x/d", 3, 9),
        ];
        let plans = [
            plan(&source, &[]),
            plan(&source, &[("a", 1, 9), ("b", 1, 1)]),
            plan(
                &source,
                &[("a", 1, 9), ("b", 2, 9), ("x/", 0, 1), ("x/c", 3, 9)],
            ),
        ];
        let plans = plans.each_ref().map(|plan| [plan]);
        let wanted = plans
            .each_ref()
            .map(|plans| wanted_folders(plans, &|_, _| true));
        let union = FileUnion::of(&wanted.each_ref().map(Vec::as_slice), 2);
        assert_eq!(union.files, 3);
        let shares: Vec<_> = plans
            .iter()
            .zip(&wanted)
            .map(|(plans, wanted)| union.share(plans, wanted))
            .collect();
        let wants: Vec<_> = wanted.iter().map(|wanted| union.wants(wanted)).collect();
        assert_eq!(wants, [[true; 3], [true; 3], [false, false, true]]);
        assert_eq!(names(&shares[0].own_plans[0]), ["a"]);
        assert!(names(&shares[1].own_plans[0]).is_empty());
        assert!(names(&shares[2].own_plans[0]).is_empty());
        let replaced = &shares[1].replaced[&(0, 0)];
        assert_eq!(replaced.keys().collect::<Vec<_>>(), [&Name::from("b")]);
        assert_eq!(shares[2].positions, [None, Some((0, 1))]);
    }

    #[test]
    fn refused_files_are_not_shared() {
        let plans = [plan(&[("large", 9, 1), ("small", 1, 1)], &[])];
        let plans: Vec<_> = plans.iter().collect();
        let wanted = wanted_folders(&plans, &|_, file| file.bytes < 5);
        let union = FileUnion::of(&[&wanted, &wanted], 2);
        let share = union.share(&plans, &wanted);
        assert_eq!(union.files, 1);
        assert_eq!(names(&share.own_plans[0]), ["large"]);
    }
}
