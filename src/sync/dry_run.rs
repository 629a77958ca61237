//! What a sync to a remote would do, told without doing it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Sync;
use super::work::Work;
use crate::base::timestamp::Moment;
use crate::copy::outcome::Outcome;
use crate::copy::plan::Plan;
use crate::copy::remote::Outgoing;
use crate::copy::report::Report;

impl Sync<'_> {
    /// Reports what would be done.
    pub(super) fn foresee(&self, work: Work, report: &mut Report) {
        report.planned_bytes = work.send.iter().map(|file| file.bytes).sum();
        let files = work.send.len() as u64;
        report.planned_files += files;
        let mut by_replica: BTreeMap<PathBuf, Vec<Outgoing>> = BTreeMap::new();
        for file in work.send {
            by_replica
                .entry(file.replica.clone())
                .or_default()
                .push(file);
        }
        for (replica, files) in by_replica {
            report
                .planned
                .push((self.there(&replica), Plan::of(&files_of(&files))));
        }
        for (whole, why) in work.refused {
            report.add(Outcome::Failed(why), || self.there(&whole));
        }
        for renamed in work.renames {
            let reason = renamed.reason();
            report.add(Outcome::Moved(reason), || self.there(&renamed.file.whole()));
        }
        for (replica, gone) in work.gone {
            report.add(self.gone(), || self.there(&replica.join(&gone.path)));
        }
    }

    /// How a file is told of that is gone from the source and stays at the destination.
    pub(super) fn gone(&self) -> Outcome {
        let source = &self.request.source.name;
        Outcome::Gone(if self.request.delete {
            format!("no longer on {source}: to be moved among the old versions")
        } else {
            format!("no longer on {source}")
        })
    }

    /// How a file is told of that is gone from the source, and that somebody else changed at the destination.
    pub(super) fn changed_there(&self) -> Outcome {
        let source = &self.request.source.name;
        Outcome::Gone(format!(
            "no longer on {source}; it was changed there by someone else since it was sent, so it stays"
        ))
    }
}

/// The files of one replica as a plan would list them: path, size, time, and whether something is replaced.
fn files_of(files: &[Outgoing]) -> Vec<(PathBuf, u64, Moment, bool)> {
    let of = |file: &Outgoing| (file.path.clone(), file.bytes, file.modified, file.replaces);
    files.iter().map(of).collect()
}
