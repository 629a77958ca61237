//! Limit of the number of files that the plans of a run copy.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{Omission, OmissionReason, Plan};
use crate::base::name::Name;
use crate::snapshot::manifest::ManifestBuilder;

/// Returns the plans with at most this number of files: first those with priority, then the others in the order of the
/// plans. The files left out become omissions. Paths are relative to both roots.
pub fn limit_files(plans: Vec<Plan>, priority: &HashSet<PathBuf>, max_files: u64) -> Vec<Plan> {
    let paths = |plan: &Plan| {
        let paths = plan.paths().map(|(path, _)| plan.replica.join(path));
        paths.collect::<Vec<_>>()
    };
    let all: Vec<PathBuf> = plans.iter().flat_map(paths).collect();
    let (mut now, rest): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|path| priority.contains(path));
    now.extend(rest);
    now.truncate(usize::try_from(max_files).unwrap_or(usize::MAX));
    let now: HashSet<PathBuf> = now.into_iter().collect();
    let limited = plans.into_iter().map(|mut plan| {
        let replica = plan.replica.clone();
        postpone(&mut plan, |path| !now.contains(&replica.join(path)));
        plan
    });
    limited.collect()
}

/// Leaves the files and links with these paths for another run.
fn postpone(plan: &mut Plan, later: impl Fn(&Path) -> bool) {
    for folder in &mut plan.folders {
        let mut omit = |name: &Name, bytes| {
            let path = folder.path.join(name.as_path());
            let is_later = later(&path);
            if is_later {
                plan.files -= 1;
                plan.bytes -= bytes;
                let reason = OmissionReason::Postponed;
                plan.omissions.push(Omission { path, reason });
            }
            is_later
        };
        let mut kept = ManifestBuilder::default();
        let mut files = folder.add.files();
        while let Some(file) = files.next() {
            if !omit(&Name::from_bytes(file.name.to_vec()), file.bytes) {
                kept.add(&file);
            }
        }
        folder
            .replace
            .retain(|replacement| !omit(&replacement.name, replacement.new.bytes));
        folder.add = kept.finish();
    }
    plan.omissions.sort_by(|a, b| a.path.cmp(&b.path));
}
