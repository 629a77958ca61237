//! The work of a sync to a remote, computed from the record of sent files and from the source.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::changes::{MissingFile, ReplicaChanges};
use super::collect::SyncReplica;
use super::name_clash;
use super::respelled::RespelledFiles;
use super::run::SyncRun;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::copy::name_rules::NameRules;
use crate::copy::outcome::Outcome;
use crate::copy::remote::{CANNOT_KEEP_VERSION, OutgoingFile, SourceProbe};
use crate::copy::report::Report;
use crate::index::Index;
use crate::os::stat::EntryKind;
use crate::rclone;
use crate::rclone::RemoteListing;
use crate::storage::RemoteStorage;

/// A replica's folder below the root, and a path below that folder.
pub(super) type ReplicaPath = (PathBuf, PathBuf);

/// Work in all replicas of a sync.
#[derive(Default)]
pub(super) struct SyncWork {
    /// Files to send; those that failed before come first.
    pub(super) send: Vec<OutgoingFile>,
    /// Number of files at the start of `send` that failed before.
    pub(super) failed_before: usize,
    /// Files that cannot be sent, by their paths below the root, with the reasons.
    pub(super) refused: Vec<(PathBuf, String)>,
    /// Files to rename at the destination.
    pub(super) renames: Vec<RenamedFile>,
    /// Files that are missing at the source.
    pub(super) missing: Vec<MissingFile>,
    /// Files that the source holds under another spelling of their names.
    pub(super) respelled: RespelledFiles,
    /// Empty folders to create.
    pub(super) new_folders: Vec<ReplicaPath>,
    /// Number of files that this source sent before.
    pub(super) sent_files: u64,
    /// Files that the destination no longer holds under these paths.
    pub(super) removed: Vec<ReplicaPath>,
    /// Folders that the destination no longer holds.
    pub(super) removed_folders: Vec<ReplicaPath>,
}

/// A file that was renamed at the source since it was sent.
pub(super) struct RenamedFile {
    /// The file under its new name.
    pub(super) file: OutgoingFile,
    /// The file under its old name.
    pub(super) previous: MissingFile,
}

impl RenamedFile {
    /// The note in the report.
    pub(super) fn reason(&self) -> String {
        let old = self.previous.path_below_root();
        format!("it was `{}`", Name::from(old.as_path()))
    }
}

/// Properties of the destination that decide about replacements.
struct DestinationState<'a> {
    /// True if the storage can move a replaced file to the old versions.
    can_move: bool,
    /// The listing of the replica, if one was made.
    listed: Option<&'a RemoteListing>,
}

impl DestinationState<'_> {
    /// Returns the version tag of a listed file; 0 if it is unknown.
    fn tag(&self, path: &Path) -> u64 {
        let found = self.listed.and_then(|listed| listed.file(path));
        found.map_or(0, |found| found.tag)
    }
}

impl SyncWork {
    /// Adds the changes of a replica. Files that failed before are added to `send`, all others to `later`.
    fn add_changes(
        &mut self,
        replica: &SyncReplica<'_>,
        changes: ReplicaChanges,
        clashes: &BTreeMap<PathBuf, String>,
        failed: &HashSet<PathBuf>,
        destination: &DestinationState<'_>,
        later: &mut Vec<OutgoingFile>,
    ) {
        let relative = &replica.relative;
        for changed in changes.send {
            let path = relative.join(&changed.path);
            let replaces = changed.before.is_some() || is_listed(replica, &changed.path);
            let clash = name_clash::clash_reason(clashes, &changed.path).cloned();
            let unsupported = rclone::unsupported_reason(&path).map(str::to_owned);
            let unkept =
                (replaces && !destination.can_move).then(|| CANNOT_KEEP_VERSION.to_owned());
            if let Some(reason) = clash.or(unsupported).or(unkept) {
                self.refused.push((path, reason));
                continue;
            }
            let file = OutgoingFile {
                replica: relative.clone(),
                replaces,
                previous_tag: changed
                    .before
                    .map_or_else(|| destination.tag(&path), |before| before.tag),
                path: changed.path,
                bytes: changed.bytes,
                modified: changed.modified,
            };
            if failed.contains(&path) {
                self.send.push(file);
            } else {
                later.push(file);
            }
        }
        let folders = changes.folders.into_iter();
        let folders = folders.filter(|folder| name_clash::clash_reason(clashes, folder).is_none());
        self.new_folders
            .extend(folders.map(|folder| (relative.clone(), folder)));
    }
}

impl SyncRun<'_> {
    /// Collects the work in all replicas, and reports the entries that a remote cannot hold.
    pub(super) fn collect_work(
        &self,
        index: &Index,
        storage: &RemoteStorage,
        replicas: &[SyncReplica<'_>],
        report: &mut Report,
    ) -> Result<SyncWork> {
        let mut work = SyncWork::default();
        let is_case_insensitive = storage.features.is_case_insensitive();
        let rules = NameRules::for_remote(is_case_insensitive);
        let mut later = Vec::new();
        let mut probe = SourceProbe::new(&self.source);
        let (source, destination) = self.roots();
        for replica in replicas {
            interrupt::check()?;
            let relative = &replica.relative;
            let unsupported = rclone::unsupported_reason(relative).map(str::to_owned);
            if let Some(reason) = unsupported.or_else(|| replica.refusal.clone()) {
                report.add(Outcome::Failed(reason), || self.destination_path(relative));
                continue;
            }
            let changes = self.replica_changes(replica);
            report.add_same(changes.same);
            work.sent_files += changes.sent_files;
            self.report_unsupported(relative, &changes, report);
            for file in &changes.missing {
                if self.is_missing_at_source(&mut probe, &file.path_below_root())? {
                    work.missing.push(file.clone());
                }
            }
            let clashes = if is_case_insensitive {
                replica.find_clashes(&rules)
            } else {
                BTreeMap::new()
            };
            let failures = index.failures_below(source, destination, relative)?;
            let failed = failures.into_iter().map(|failure| failure.path).collect();
            let listed = match replica.destination_tree {
                Some(_) => Some(storage.listing_of(relative)?),
                None => None,
            };
            let state = DestinationState {
                can_move: storage.features.can_move(),
                listed: listed.as_deref(),
            };
            work.add_changes(replica, changes, &clashes, &failed, &state, &mut later);
        }
        work.failed_before = work.send.len();
        work.send.append(&mut later);
        Ok(work)
    }

    /// Reports links and special files, which remotes cannot hold, as skipped.
    fn report_unsupported(&self, relative: &Path, changes: &ReplicaChanges, report: &mut Report) {
        let link = "it is a symbolic link, which remotes cannot store";
        let special = format!("it is {}", EntryKind::Special.noun_with_article());
        let special = special.as_str();
        let links = changes.links.iter().map(|path| (path, link));
        let specials = changes.specials.iter().map(|path| (path, special));
        for (path, reason) in links.chain(specials) {
            report.add(Outcome::Skipped(reason.to_owned()), || {
                self.destination_path(&relative.join(path))
            });
        }
    }
}

/// True if the listing of the destination contains a file.
fn is_listed(replica: &SyncReplica<'_>, path: &Path) -> bool {
    let tree = replica.destination_tree.as_ref();
    tree.is_some_and(|tree| tree.has_file(path))
}
