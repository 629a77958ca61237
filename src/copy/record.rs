//! Records a copy in the index: files of the run, sync record, digests, failures, and the replicas as they are now.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::adopt::FileIds;
use super::destination::{DestinationCopy, SourceReplica, find_replica};
use super::outcome::Outcome;
use super::plan::Plan;
use super::report::{Report, ReportedItem};
use super::source_root::SourceRoot;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::index::{
    ContentOrigin, DatabaseId, EvidenceKind, FileEvidence, FolderEvidence, Index, NewEvidence,
    NewFailure, Proof, RunId, SentChanges, SentFile, SentFolder, SentRecord,
};
use crate::model::address;
use crate::model::path::split_path;
use crate::model::project::path_within;
use crate::seal::request::GivenHashes;
use crate::snapshot::manifest::Manifest;
use crate::snapshot::manifest_join::join_by_name;
use crate::storage::Storage;

/// Records the copied files: all planned files without another outcome in the report. They enter the sync record too, as if
/// a sync had sent them.
pub(super) fn record_copied(copy: &mut DestinationCopy<'_>, plans: &[&Plan]) {
    let uncopied = UncopiedItems::of(&copy.lock_report().items);
    let (mut files, mut record) = (Vec::new(), SentRecord::new());
    for plan in plans {
        let copied = uncopied.copied_files(&copy.database.root, plan);
        let replica = find_replica(&copy.spec.replicas, plan);
        if let Some(replica) = replica {
            let with_ids = copy.spec.sync.is_some();
            let ids = with_ids.then(|| FileIds::new(&copy.spec.source, replica));
            let mut changes = sent_changes(replica, &copied, ids);
            if with_ids {
                add_empty_folders(plan, &mut changes);
            }
            record.insert(plan.replica.clone(), changes);
        }
        files.extend(
            copied
                .into_iter()
                .map(|(folder, manifest)| (path_within(&plan.replica, folder), manifest)),
        );
    }
    let (spec, root) = (copy.spec, &copy.database.root);
    let kept = copy.index.add_run_files(spec.run, root, &files);
    copy.report_problems([kept]);
    // No sync has an offloaded folder as its source.
    if spec.source_root == SourceRoot::Database {
        let source = &spec.source.database().root;
        let recorded = copy.index.update_sent(root, source, &record);
        copy.report_problems([recorded]);
    }
}

/// Returns the paths of the copied files of a plan, below the whole replica, as far as they are text. `inside` is the folder
/// of the plan within it.
pub(super) fn copied_paths(
    copy: &DestinationCopy<'_>,
    plan: &Plan,
    inside: &Path,
) -> BTreeMap<String, Option<GivenHashes>> {
    let uncopied = UncopiedItems::of(&copy.lock_report().items);
    let mut paths = BTreeMap::new();
    for (folder, manifest) in uncopied.copied_files(&copy.database.root, plan) {
        let mut files = manifest.files();
        while let Some(file) = files.next() {
            let name = Name::from_bytes(file.name.to_vec());
            let path = folder.join(name.as_path());
            let hashes = copy.hashes.get(&plan.replica.join(&path)).cloned();
            if let Some(path) = inside.join(path).to_str() {
                paths.insert(path.to_owned(), hashes);
            }
        }
    }
    paths
}

/// Records what is known of files that were sent to a remote: rclone compared the digest that the storage states with that
/// of the source.
pub(super) fn record_stated(
    index: &mut Index,
    source: &Storage,
    destination: &Path,
    files: &[(PathBuf, Manifest)],
) -> Result<()> {
    let Some(id) = index.database_id(destination)? else {
        return Ok(());
    };
    let source_id = index.database_id(&source.database().root)?;
    // A file that was rewritten since it was read has another content than the index knows.
    let is_as_proven = |folder: &Path, name: &Name, proof: &Proof| match source {
        Storage::Local(local) => local.is_as_proven(&folder.join(name.as_path()), proof),
        Storage::Remote(_) => true,
    };
    let now = Timestamp {
        nanoseconds: 0,
        ..Timestamp::now()
    };
    for (folder, manifest) in files {
        let known = match source_id {
            Some(source) => index.evidence(source, folder)?,
            None => FolderEvidence::new(),
        };
        let (mut stated, mut unknown) = (FolderEvidence::new(), Vec::new());
        let mut sent = manifest.files();
        while let Some(file) = sent.next() {
            let name = Name::from_bytes(file.name.to_vec());
            let precision = TimePrecision::Nanosecond;
            let content = known.get(&name).filter(|known| {
                known.holds_for(file.bytes, file.modified, precision)
                    && known.proof.is_intact()
                    && is_as_proven(folder, &name, &known.proof)
            });
            match content {
                None => unknown.push(name),
                Some(content) => {
                    let proof = Proof {
                        kind: EvidenceKind::Stored,
                        at: now,
                        tag: 0,
                        host: None,
                    };
                    stated.insert(name, FileEvidence { proof, ..*content });
                }
            }
        }
        index.forget_evidence(id, folder, &unknown)?;
        if !stated.is_empty() {
            index.add_evidence(&[NewEvidence {
                database: id,
                folder,
                files: &stated,
                origin: ContentOrigin::Written,
            }])?;
        }
    }
    Ok(())
}

/// Records the failures of a sync, one for each path, and forgets earlier ones of files that are at the destination now.
pub fn record_failures(
    index: &mut Index,
    run: RunId,
    [source, destination]: [&Path; 2],
    replicas: &[PathBuf],
    report: &Report,
) -> Result<()> {
    let mut failed: BTreeMap<PathBuf, NewFailure> = BTreeMap::new();
    let mut unfinished = BTreeSet::new();
    for item in &report.items {
        let Some(path) = address::strip(destination, &item.path) else {
            continue;
        };
        match &item.outcome {
            Outcome::Failed(error) | Outcome::Refused(error) => {
                let failure = NewFailure {
                    path: path.clone(),
                    error: error.clone(),
                    is_permanent: matches!(item.outcome, Outcome::Refused(_)),
                };
                failed.insert(path.clone(), failure);
                unfinished.insert(path);
            }
            Outcome::Unreached => {
                unfinished.insert(path);
            }
            _ => {}
        }
    }
    let earlier = index.failures_below(source, destination, Path::new(""))?;
    let resolved = earlier.into_iter().map(|failure| failure.path);
    let resolved: Vec<PathBuf> = resolved
        .filter(|path| replicas.iter().any(|replica| path.starts_with(replica)))
        .filter(|path| !path.ancestors().any(|path| unfinished.contains(path)))
        .collect();
    let failed: Vec<_> = failed.into_values().collect();
    index.record_failures(run, source, destination, &failed)?;
    index.clear_failures(source, destination, &resolved)
}

/// Forgets the digests of files that may be replaced by others of the same size and mtime.
pub(super) fn forget_replaced_digests(
    copy: &mut DestinationCopy<'_>,
    id: Option<DatabaseId>,
    plans: &[&Plan],
) {
    let Some(id) = id.filter(|_| copy.spec.rules.checksum) else {
        return;
    };
    for plan in plans {
        let replaced = plan.folders.iter();
        for folder in replaced.filter(|folder| !folder.replace.is_empty()) {
            let path = plan.replica.join(&folder.path);
            let known = copy.index.evidence(id, &path);
            let forgotten = known.and_then(|known| {
                // A damaged file stays known as such until an intact copy has its name.
                let is_damaged = |name: &Name| {
                    let known = known.get(name);
                    known.is_some_and(|known| known.proof.kind == EvidenceKind::Damaged)
                };
                let names = folder.replace.iter().map(|replaced| &replaced.name);
                let names = names.filter(|name| !is_damaged(name));
                copy.index.forget_evidence(id, &path, names)
            });
            copy.report_problems([forgotten]);
        }
    }
}

/// Items of the report that are not at the destination, by folder. Copied files with a warning have an item too, but they
/// count as copied.
struct UncopiedItems(HashMap<PathBuf, BTreeSet<Name>>);

impl UncopiedItems {
    fn of(items: &[ReportedItem]) -> Self {
        let mut uncopied: HashMap<PathBuf, BTreeSet<Name>> = HashMap::new();
        for item in items {
            if !matches!(item.outcome, Outcome::Copied(_)) {
                let (folder, name) = split_path(&item.path);
                let names = uncopied.entry(folder.to_owned()).or_default();
                names.insert(Name::from(name));
            }
        }
        Self(uncopied)
    }

    /// Returns the copied files of a plan by folder: all planned files that are not uncopied.
    fn copied_files<'p>(&self, root: &Path, plan: &'p Plan) -> Vec<(&'p Path, Manifest)> {
        let none = BTreeSet::new();
        let mut copied = Vec::new();
        for folder in &plan.folders {
            let path = root.join(path_within(&plan.replica, &folder.path));
            let names = self.0.get(&path).unwrap_or(&none);
            let names = names
                .iter()
                .map(Name::as_os_str)
                .collect::<BTreeSet<&OsStr>>();
            let manifest = folder.manifest_without(&names);
            if !manifest.packed().is_empty() {
                copied.push((folder.path.as_path(), manifest));
            }
        }
        copied
    }
}

/// Returns the copied files of a replica for the sync record, as the source has them.
fn sent_changes(
    replica: &SourceReplica,
    copied: &[(&Path, Manifest)],
    mut ids: Option<FileIds<'_>>,
) -> SentChanges {
    let relative = replica.relative();
    let mut changes = SentChanges::default();
    for (folder, manifest) in copied {
        let Some(known) = replica.tree.folders.get(*folder) else {
            continue;
        };
        let mut files = SentFolder::new();
        join_by_name(manifest.as_ref(), known.manifest(), &mut |copied, file| {
            if let (Some(_), Some(file)) = (copied, file) {
                let sent = SentFile {
                    file_id: ids
                        .as_mut()
                        .map_or(0, |ids| ids.of(&relative, folder, &file)),
                    ..SentFile::of(&file)
                };
                files.insert(Name::from_bytes(file.name.to_vec()), sent);
            }
        });
        changes.add_folder(folder, files);
    }
    changes
}

/// Adds the empty folders that a plan creates.
fn add_empty_folders(plan: &Plan, changes: &mut SentChanges) {
    for path in plan.empty_folders() {
        changes.add_folder(path, SentFolder::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::copy::outcome::{CopiedItem, attribute_warning};
    use crate::snapshot::tree::Tree;

    #[test]
    fn files_copied_with_a_warning_are_recorded() {
        let source = Tree::of_files(&[("plain", 7, 1), ("refused", 7, 1), ("warned", 7, 1)]);
        let plan = Plan::of_trees("acme/spot", &source, &Tree::default());
        let item = |name: &str, outcome| ReportedItem {
            path: Path::new("/nas/acme/spot").join(name),
            outcome,
        };
        let warned = CopiedItem {
            remark: Some(attribute_warning("no space")),
            ..CopiedItem::default()
        };
        let items = [
            item("warned", Outcome::Copied(warned)),
            item("refused", Outcome::Failed("no".to_owned())),
        ];
        let copied = UncopiedItems::of(&items).copied_files(Path::new("/nas"), &plan);
        let [(folder, manifest)] = &copied[..] else {
            panic!("one folder");
        };
        assert_eq!(*folder, Path::new(""));
        let (mut files, mut names) = (manifest.files(), Vec::new());
        while let Some(file) = files.next() {
            names.push(file.name.to_vec());
        }
        assert_eq!(names, [&b"plain"[..], b"warned"]);
    }
}
