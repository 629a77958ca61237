//! Only what failed before: looked at, and sent again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::SyncRun;
use super::name_clash;
use super::name_clash::NamesByFolder;
use super::work::SyncWork;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::copy::name_rules::NameRules;
use crate::copy::outcome::Outcome;
use crate::copy::remote::{OutgoingFile, SourceProbe, SourceState};
use crate::copy::report::Report;
use crate::index::{Index, SentFile, SentRow};
use crate::storage::{RemoteStorage, Storage};

impl SyncRun<'_> {
    /// Sends only what failed before.
    pub(super) fn retry_failed(
        &self,
        index: &mut Index,
        storage: &RemoteStorage,
        report: &mut Report,
    ) -> Result<()> {
        let (source, destination) = self.roots();
        let mut failed: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
        let (mut gone, mut unwanted) = (Vec::new(), Vec::new());
        let mut probe = SourceProbe::new(&self.source);
        for failure in index.failures_below(source, destination, Path::new(""))? {
            let Some(replica) = self.replica_of(&failure.path) else {
                continue;
            };
            if self.is_excluded(&failure.path) {
                // It is no longer wanted, which is no news.
                unwanted.push(failure.path);
            } else if self.is_missing_at_source(&mut probe, &failure.path)? {
                gone.push(failure.path);
            } else if let Ok(path) = failure.path.strip_prefix(&replica) {
                let path = path.to_owned();
                failed.entry(replica).or_default().push(path);
            }
        }
        let mut work = SyncWork::default();
        for (replica, paths) in failed {
            let rows = index.sent_rows(destination, &replica)?;
            self.add_failed(&mut work, storage, &replica, &rows, paths)?;
        }
        work.failed_before = work.send.len();
        if self.request.dry_run {
            self.report_dry_run(work, report);
            return Ok(());
        }
        for path in &gone {
            report.add(
                Outcome::Skipped("it is gone from the source".to_owned()),
                || self.destination_path(path),
            );
        }
        gone.append(&mut unwanted);
        index.clear_failures(source, destination, &gone)?;
        self.execute(index, storage, &mut work, report)?;
        Ok(())
    }

    /// Adds what failed of one replica. What was not sent and did not fail is not there, and takes nobody's name.
    fn add_failed(
        &self,
        work: &mut SyncWork,
        storage: &RemoteStorage,
        replica: &Path,
        rows: &[SentRow],
        paths: Vec<PathBuf>,
    ) -> Result<()> {
        let mut clashes = BTreeMap::new();
        if storage.features.is_case_insensitive() {
            let mut names = NamesByFolder::default();
            for path in &paths {
                names.add(path);
            }
            clashes = names.find_clashes(
                &NamesByFolder::from_sent(rows),
                &NameRules::for_remote(true),
            );
        }
        let mut probe = SourceProbe::new(&self.source);
        for path in paths {
            let whole = replica.join(&path);
            if let Some(why) = name_clash::clash_reason(&clashes, &path) {
                work.refused.push((whole, why.clone()));
                continue;
            }
            let before = sent_before(rows, &path);
            let (bytes, modified) = self.stat_source(&mut probe, &whole)?;
            work.send.push(OutgoingFile {
                replica: replica.to_owned(),
                path,
                bytes,
                modified,
                replaces: before.is_some(),
                previous_tag: before.map_or(0, |before| before.tag),
            });
        }
        Ok(())
    }

    /// Size and time of a file at the source, where they can be seen: else whoever sends it will say why not.
    fn stat_source(&self, probe: &mut SourceProbe<'_>, whole: &Path) -> Result<(u64, Timestamp)> {
        let unknown = (0, Timestamp::UNKNOWN);
        if let Storage::Remote(source) = &*self.source {
            let listed = source.listing_of(whole.parent().unwrap_or(Path::new("")))?;
            let file = listed.file(whole);
            return Ok(file.map_or(unknown, |file| {
                (file.bytes.unwrap_or_default(), file.modified)
            }));
        }
        Ok(match probe.stat_path(whole) {
            SourceState::File(seen) => (seen.bytes, seen.modified),
            SourceState::Missing | SourceState::NotAFile(_) | SourceState::Unknown => unknown,
        })
    }

    /// The folder of the replica that a file is in, if that is meant.
    pub(super) fn replica_of(&self, whole: &Path) -> Option<PathBuf> {
        let categories = self.request.categories.iter();
        let inside = categories.filter(|category| whole.starts_with(&category.path));
        let category = inside.max_by_key(|category| category.path.iter().count())?;
        let below = whole.strip_prefix(&category.path).ok()?;
        let replica: PathBuf = category.path.iter().chain(below.iter().take(2)).collect();
        self.match_replica(&replica).map(|_| replica)
    }
}

/// What was sent under a name, by whatever source.
fn sent_before(rows: &[SentRow], path: &Path) -> Option<SentFile> {
    let (folder, name) = (path.parent()?, Name::from(path.file_name()?));
    let mut rows = rows.iter().filter(|row| row.folder == folder);
    rows.find_map(|row| row.files().get(&name).copied())
}
