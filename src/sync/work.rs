//! What a sync to a remote has to do, known from the record of what was sent and from what the source holds now.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::Sync;
use super::changes::{Changes, Gone};
use super::collect::Gathered;
use super::name_clash;
use super::renames::Renamed;
use super::respelled::OtherSpellings;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::copy::name_rules::Habits;
use crate::copy::outcome::Outcome;
use crate::copy::remote::{CANNOT_KEEP, Looking, Outgoing, Seen};
use crate::copy::report::Report;
use crate::index::Index;
use crate::os::stat::Kind;
use crate::rclone;
use crate::rclone::Listed;
use crate::storage::{RemoteSide, Side};

/// What is to be done, replica by replica.
#[derive(Default)]
pub(super) struct Work {
    /// Files to be sent, those that failed before first.
    pub(super) send: Vec<Outgoing>,
    /// How many of them failed before.
    pub(super) failed_before: usize,
    /// Files that the storage cannot tell from others, by their paths below both roots, and why.
    pub(super) refused: Vec<(PathBuf, String)>,
    /// Files to be given a new name there.
    pub(super) renames: Vec<Renamed>,
    /// Files that are gone from the source, with the folders of their replicas.
    pub(super) gone: Vec<(PathBuf, Gone)>,
    /// Files that the source holds under another spelling of their names.
    pub(super) respelled: OtherSpellings,
    /// Empty folders to be made, likewise.
    pub(super) folders: Vec<(PathBuf, PathBuf)>,
    /// How many files this source sent before.
    pub(super) known: u64,
    /// Files that are no longer there under their names, likewise.
    pub(super) removed: Vec<(PathBuf, PathBuf)>,
    /// Folders that are no longer there, likewise.
    pub(super) removed_folders: Vec<(PathBuf, PathBuf)>,
}

/// What is known of the destination.
struct There<'a> {
    /// Whether it can keep what is replaced.
    can_move: bool,
    /// What a listing showed, where one was made.
    listed: Option<&'a Listed>,
}

impl There<'_> {
    /// The mark of a file in the listing; 0 where there is none.
    fn mark(&self, whole: &Path) -> u64 {
        let found = self.listed.and_then(|listed| listed.file(whole));
        found.map_or(0, |found| found.mark)
    }
}

impl Work {
    /// Adds what changed in a replica: what `failed` before at once, everything else to `later`.
    fn add(
        &mut self,
        replica: &Gathered<'_>,
        changes: Changes,
        clashes: &BTreeMap<PathBuf, String>,
        failed: &HashSet<PathBuf>,
        there: &There<'_>,
        later: &mut Vec<Outgoing>,
    ) {
        let relative = &replica.relative;
        for changed in changes.send {
            let whole = relative.join(&changed.path);
            let replaces = changed.before.is_some() || is_there(replica, &changed.path);
            let clash = name_clash::why(clashes, &changed.path).cloned();
            let refusal = rclone::refusal(&whole).map(str::to_owned);
            let unkept = (replaces && !there.can_move).then(|| CANNOT_KEEP.to_owned());
            if let Some(why) = clash.or(refusal).or(unkept) {
                self.refused.push((whole, why));
                continue;
            }
            let file = Outgoing {
                replica: relative.clone(),
                replaces,
                mark_before: changed
                    .before
                    .map_or_else(|| there.mark(&whole), |before| before.mark),
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
        let folders = folders.filter(|folder| name_clash::why(clashes, folder).is_none());
        self.folders
            .extend(folders.map(|folder| (relative.clone(), folder)));
    }
}

impl Sync<'_> {
    /// What is to be done; what cannot be done is reported.
    pub(super) fn work(
        &self,
        index: &Index,
        side: &RemoteSide,
        replicas: &[Gathered<'_>],
        report: &mut Report,
    ) -> Result<Work> {
        let mut work = Work::default();
        let folds = side.abilities.folds_case();
        let habits = Habits::of_remote(folds);
        let mut later = Vec::new();
        let mut looking = Looking::at(&self.source);
        let (source, destination) = self.roots();
        for replica in replicas {
            interrupt::check()?;
            let relative = &replica.relative;
            let refused = rclone::refusal(relative).map(str::to_owned);
            if let Some(why) = refused.or_else(|| replica.refused.clone()) {
                report.add(Outcome::Failed(why), || self.there(relative));
                continue;
            }
            let changes = self.changes(replica);
            report.same(changes.same);
            work.known += changes.known;
            self.leave_out(relative, &changes, report);
            for gone in &changes.gone {
                if self.is_gone(&mut looking, &relative.join(&gone.path))? {
                    work.gone.push((relative.clone(), gone.clone()));
                }
            }
            let clashes = if folds {
                replica.clashes(&habits)
            } else {
                BTreeMap::new()
            };
            let failures = index.failures_below(source, destination, relative)?;
            let failed = failures.into_iter().map(|failure| failure.path).collect();
            let listed = match replica.there {
                Some(_) => Some(side.listed(relative)?),
                None => None,
            };
            let there = There {
                can_move: side.abilities.can_move(),
                listed: listed.as_deref(),
            };
            work.add(replica, changes, &clashes, &failed, &there, &mut later);
        }
        work.failed_before = work.send.len();
        work.send.append(&mut later);
        Ok(work)
    }

    /// Reports what no remote holds.
    fn leave_out(&self, relative: &Path, changes: &Changes, report: &mut Report) {
        let link = "it is a symbolic link, which remotes do not hold";
        let special = format!("it is {}", Kind::Special.noun());
        let special = special.as_str();
        let links = changes.links.iter().map(|path| (path, link));
        for (path, why) in links.chain(changes.specials.iter().map(|path| (path, special))) {
            report.add(Outcome::Skipped(why.to_owned()), || {
                self.there(&relative.join(path))
            });
        }
    }

    /// Whether something that was sent is surely no longer at the source: it may be excluded by now, or belong to another
    /// category, or lie where nobody can look.
    pub(super) fn is_gone(&self, looking: &mut Looking<'_>, whole: &Path) -> Result<bool> {
        match &*self.source {
            Side::Disk(source) => {
                Ok(matches!(looking.path(whole), Seen::Gone)
                    && source.missing_mount(whole).is_none())
            }
            Side::Remote(source) => {
                let folder = whole.parent().unwrap_or(Path::new(""));
                let listed = source.listed(folder)?;
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
fn is_there(replica: &Gathered<'_>, path: &Path) -> bool {
    let Some(there) = &replica.there else {
        return false;
    };
    there.has_file(path)
}
