//! What a sync to a remote would do, told without doing it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::SyncRun;
use super::work::SyncWork;
use crate::base::timestamp::Timestamp;
use crate::copy::outcome::Outcome;
use crate::copy::plan::Plan;
use crate::copy::remote::OutgoingFile;
use crate::copy::report::Report;

impl SyncRun<'_> {
    /// Reports what would be done.
    pub(super) fn report_dry_run(&self, work: SyncWork, report: &mut Report) {
        report.planned_bytes = work.send.iter().map(|file| file.bytes).sum();
        let files = work.send.len() as u64;
        report.planned_files += files;
        let mut by_replica: BTreeMap<PathBuf, Vec<OutgoingFile>> = BTreeMap::new();
        for file in work.send {
            by_replica
                .entry(file.replica.clone())
                .or_default()
                .push(file);
        }
        for (replica, files) in by_replica {
            report.dry_run_plans.push((
                self.destination_path(&replica),
                Plan::from_files(&plan_files(&files)),
            ));
        }
        for (whole, why) in work.refused {
            report.add(Outcome::Failed(why), || self.destination_path(&whole));
        }
        for renamed in work.renames {
            let reason = renamed.reason();
            report.add(Outcome::Moved(reason), || {
                self.destination_path(&renamed.file.path_below_root())
            });
        }
        for (replica, gone) in work.missing {
            report.add(self.missing_outcome(), || {
                self.destination_path(&replica.join(&gone.path))
            });
        }
    }

    /// How a file is told of that is gone from the source and stays at the destination.
    pub(super) fn missing_outcome(&self) -> Outcome {
        let source = &self.request.source.name;
        Outcome::Gone(if self.request.delete {
            format!("no longer on {source}: to be moved among the old versions")
        } else {
            format!("no longer on {source}")
        })
    }

    /// How a file is told of that is gone from the source, and that somebody else changed at the destination.
    pub(super) fn changed_outcome(&self) -> Outcome {
        let source = &self.request.source.name;
        Outcome::Gone(format!(
            "no longer on {source}; it was changed there by someone else since it was sent, so it stays"
        ))
    }
}

/// The files of one replica as a plan would list them: path, size, time, and whether something is replaced.
fn plan_files(files: &[OutgoingFile]) -> Vec<(PathBuf, u64, Timestamp, bool)> {
    let of = |file: &OutgoingFile| (file.path.clone(), file.bytes, file.modified, file.replaces);
    files.iter().map(of).collect()
}
