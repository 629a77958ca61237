//! The retry of files that failed in previous syncs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::name_clash;
use super::name_clash::NamesByFolder;
use super::run::SyncRun;
use super::work::SyncWork;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::copy::name_rules::NameRules;
use crate::copy::outcome::Outcome;
use crate::copy::remote::{OutgoingFile, SourceProbe};
use crate::copy::report::Report;
use crate::index::{Index, SentFile, SentRow};
use crate::storage::RemoteStorage;

impl SyncRun<'_> {
    /// Sends only the files that failed before.
    pub(super) fn retry_failed(
        &self,
        index: &mut Index,
        storage: &RemoteStorage,
        report: &mut Report,
    ) -> Result<()> {
        let (source, destination) = self.roots();
        let mut failed: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
        let (mut missing, mut excluded) = (Vec::new(), Vec::new());
        let mut probe = SourceProbe::new(&self.source);
        for failure in index.failures_below(source, destination, Path::new(""))? {
            let Some(replica) = self.replica_of(&failure.path) else {
                continue;
            };
            if self.is_excluded(&failure.path) {
                excluded.push(failure.path);
            } else if self.is_missing_at_source(&mut probe, &failure.path)? {
                missing.push(failure.path);
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
        for path in &missing {
            report.add(Outcome::Skipped("missing at the source".to_owned()), || {
                self.destination_path(path)
            });
        }
        missing.append(&mut excluded);
        index.clear_failures(source, destination, &missing)?;
        self.execute(index, storage, &mut work, report)?;
        Ok(())
    }

    /// Adds the failed files of one replica. They clash only with each other and with files that were sent.
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
            let sent = NamesByFolder::from_sent(rows);
            clashes = names.find_clashes(&sent, &NameRules::for_remote(true));
        }
        let mut probe = SourceProbe::new(&self.source);
        for path in paths {
            let path_below_root = replica.join(&path);
            if let Some(reason) = name_clash::clash_reason(&clashes, &path) {
                work.refused.push((path_below_root, reason.clone()));
                continue;
            }
            let before = sent_before(rows, &path);
            let (bytes, modified) = self.stat_source(&mut probe, &path_below_root)?;
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
}

/// Returns the file that any source sent under this path.
fn sent_before(rows: &[SentRow], path: &Path) -> Option<SentFile> {
    let (folder, name) = (path.parent()?, Name::from(path.file_name()?));
    let mut rows = rows.iter().filter(|row| row.folder == folder);
    rows.find_map(|row| row.files().get(&name).copied())
}
