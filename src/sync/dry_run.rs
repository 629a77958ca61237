//! The report of a dry run of a sync to a remote.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::run::SyncRun;
use super::work::SyncWork;
use crate::base::timestamp::Timestamp;
use crate::copy::outcome::Outcome;
use crate::copy::plan::Plan;
use crate::copy::report::Report;

/// Path, size in bytes, mtime, and true if the file replaces another.
type DryRunFile = (PathBuf, u64, Timestamp, bool);

impl SyncRun<'_> {
    /// Reports the work without executing it.
    pub(super) fn report_dry_run(&self, work: SyncWork, report: &mut Report) {
        report.planned_bytes = work.send.iter().map(|file| file.bytes).sum();
        report.planned_files += work.send.len() as u64;
        let mut by_replica: BTreeMap<PathBuf, Vec<DryRunFile>> = BTreeMap::new();
        for file in work.send {
            let planned = (file.path, file.bytes, file.modified, file.replaces);
            by_replica.entry(file.replica).or_default().push(planned);
        }
        for (replica, files) in by_replica {
            let path = self.destination_path(&replica);
            report.dry_run_plans.push((path, Plan::from_files(&files)));
        }
        for (path, reason) in work.refused {
            report.add(Outcome::Failed(reason), || self.destination_path(&path));
        }
        for renamed in work.renames {
            report.add(Outcome::Moved(renamed.reason()), || {
                self.destination_path(&renamed.file.path_below_root())
            });
        }
        self.report_missing(&work.missing, report);
    }
}
