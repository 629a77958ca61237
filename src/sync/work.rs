//! What a sync to a remote has to do, known from the record of what was sent and from what the source holds now.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::SyncRun;
use super::changes::{MissingFile, ReplicaChanges};
use super::collect::SyncReplica;
use super::name_clash;
use super::renames::RenamedFile;
use super::respelled::RespelledFiles;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::copy::name_rules::NameRules;
use crate::copy::outcome::Outcome;
use crate::copy::remote::{CANNOT_KEEP_VERSION, OutgoingFile, SourceProbe, SourceState};
use crate::copy::report::Report;
use crate::index::Index;
use crate::os::stat::EntryKind;
use crate::rclone;
use crate::rclone::RemoteListing;
use crate::storage::{RemoteStorage, Storage};

/// What is to be done, replica by replica.
#[derive(Default)]
pub(super) struct SyncWork {
    /// Files to be sent, those that failed before first.
    pub(super) send: Vec<OutgoingFile>,
    /// How many of them failed before.
    pub(super) failed_before: usize,
    /// Files that the storage cannot tell from others, by their paths below both roots, and why.
    pub(super) refused: Vec<(PathBuf, String)>,
    /// Files to be given a new name there.
    pub(super) renames: Vec<RenamedFile>,
    /// Files that are gone from the source, with the folders of their replicas.
    pub(super) missing: Vec<(PathBuf, MissingFile)>,
    /// Files that the source holds under another spelling of their names.
    pub(super) respelled: RespelledFiles,
    /// Empty folders to be made, likewise.
    pub(super) new_folders: Vec<(PathBuf, PathBuf)>,
    /// How many files this source sent before.
    pub(super) sent_files: u64,
    /// Files that are no longer there under their names, likewise.
    pub(super) removed: Vec<(PathBuf, PathBuf)>,
    /// Folders that are no longer there, likewise.
    pub(super) removed_folders: Vec<(PathBuf, PathBuf)>,
}

/// What is known of the destination.
struct DestinationState<'a> {
    /// Whether it can keep what is replaced.
    can_move: bool,
    /// What a listing showed, where one was made.
    listed: Option<&'a RemoteListing>,
}

impl DestinationState<'_> {
    /// The mark of a file in the listing; 0 where there is none.
    fn tag(&self, whole: &Path) -> u64 {
        let found = self.listed.and_then(|listed| listed.file(whole));
        found.map_or(0, |found| found.tag)
    }
}

impl SyncWork {
    /// Adds what changed in a replica: what `failed` before at once, everything else to `later`.
    fn add_changes(
        &mut self,
        replica: &SyncReplica<'_>,
        changes: ReplicaChanges,
        clashes: &BTreeMap<PathBuf, String>,
        failed: &HashSet<PathBuf>,
        there: &DestinationState<'_>,
        later: &mut Vec<OutgoingFile>,
    ) {
        let relative = &replica.relative;
        for changed in changes.send {
            let whole = relative.join(&changed.path);
            let replaces = changed.before.is_some() || is_listed(replica, &changed.path);
            let clash = name_clash::clash_reason(clashes, &changed.path).cloned();
            let refusal = rclone::unsupported_reason(&whole).map(str::to_owned);
            let unkept = (replaces && !there.can_move).then(|| CANNOT_KEEP_VERSION.to_owned());
            if let Some(why) = clash.or(refusal).or(unkept) {
                self.refused.push((whole, why));
                continue;
            }
            let file = OutgoingFile {
                replica: relative.clone(),
                replaces,
                previous_tag: changed
                    .before
                    .map_or_else(|| there.tag(&whole), |before| before.tag),
                path: changed.path,
                bytes: changed.bytes,
                modified: changed.modified,
            };
            if failed.contains(&whole) {
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
    /// What is to be done; what cannot be done is reported.
    pub(super) fn collect_work(
        &self,
        index: &Index,
        storage: &RemoteStorage,
        replicas: &[SyncReplica<'_>],
        report: &mut Report,
    ) -> Result<SyncWork> {
        let mut work = SyncWork::default();
        let folds = storage.features.is_case_insensitive();
        let rules = NameRules::for_remote(folds);
        let mut later = Vec::new();
        let mut probe = SourceProbe::new(&self.source);
        let (source, destination) = self.roots();
        for replica in replicas {
            interrupt::check()?;
            let relative = &replica.relative;
            let refused = rclone::unsupported_reason(relative).map(str::to_owned);
            if let Some(why) = refused.or_else(|| replica.refusal.clone()) {
                report.add(Outcome::Failed(why), || self.destination_path(relative));
                continue;
            }
            let changes = self.replica_changes(replica);
            report.add_same(changes.same);
            work.sent_files += changes.sent_files;
            self.report_unsupported(relative, &changes, report);
            for gone in &changes.missing {
                if self.is_missing_at_source(&mut probe, &relative.join(&gone.path))? {
                    work.missing.push((relative.clone(), gone.clone()));
                }
            }
            let clashes = if folds {
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
            let there = DestinationState {
                can_move: storage.features.can_move(),
                listed: listed.as_deref(),
            };
            work.add_changes(replica, changes, &clashes, &failed, &there, &mut later);
        }
        work.failed_before = work.send.len();
        work.send.append(&mut later);
        Ok(work)
    }

    /// Reports what no remote holds.
    fn report_unsupported(&self, relative: &Path, changes: &ReplicaChanges, report: &mut Report) {
        let link = "it is a symbolic link, which remotes cannot store";
        let special = format!("it is {}", EntryKind::Special.noun_with_article());
        let special = special.as_str();
        let links = changes.links.iter().map(|path| (path, link));
        for (path, why) in links.chain(changes.specials.iter().map(|path| (path, special))) {
            report.add(Outcome::Skipped(why.to_owned()), || {
                self.destination_path(&relative.join(path))
            });
        }
    }

    /// Whether something that was sent is surely no longer at the source: it may be excluded by now, or belong to another
    /// category, or lie where nobody can look.
    pub(super) fn is_missing_at_source(
        &self,
        probe: &mut SourceProbe<'_>,
        whole: &Path,
    ) -> Result<bool> {
        match &*self.source {
            Storage::Local(source) => Ok(matches!(probe.stat_path(whole), SourceState::Missing)
                && source.missing_mount(whole).is_none()),
            Storage::Remote(source) => {
                let folder = whole.parent().unwrap_or(Path::new(""));
                let listed = source.listing_of(folder)?;
                let closed = listed
                    .problems
                    .iter()
                    .any(|(closed, _)| whole.starts_with(closed));
                Ok(!closed && listed.file(whole).is_none())
            }
        }
    }
}

/// Whether a listing of the destination shows a file of this path.
fn is_listed(replica: &SyncReplica<'_>, path: &Path) -> bool {
    let Some(there) = &replica.destination_tree else {
        return false;
    };
    there.has_file(path)
}
