//! Only what failed before: looked at, and sent again.

use std::path::{Path, PathBuf};

use super::Sync;
use super::work::Work;
use crate::error::Result;
use crate::index::{Index, SentFile, SentRow};
use crate::moment::Moment;
use crate::name::Name;
use crate::outcome::Outcome;
use crate::report::Report;
use crate::sending::{Looking, Outgoing, Seen};
use crate::sides::RemoteSide;

impl Sync<'_> {
    /// Sends only what failed before.
    pub(super) fn retry(
        &self,
        index: &mut Index,
        side: &RemoteSide,
        report: &mut Report,
    ) -> Result<()> {
        let (source, destination) = self.roots();
        let mut looking = Looking::at(&self.source);
        let (mut files, mut gone) = (Vec::new(), Vec::new());
        for failure in index.failures_below(source, destination, Path::new(""))? {
            let Some(replica) = self.replica_of(&failure.path) else {
                continue;
            };
            let path = failure
                .path
                .strip_prefix(&replica)
                .unwrap_or(&failure.path)
                .to_owned();
            let rows = index.sent(destination, &replica)?;
            let before = sent_before(&rows, &path);
            let file = |bytes, modified| Outgoing {
                replica: replica.clone(),
                path: path.clone(),
                bytes,
                modified,
                replaces: before.is_some(),
                mark_before: before.map_or(0, |before| before.mark),
            };
            match looking.path(&failure.path) {
                Seen::File(seen) => files.push(file(seen.bytes, seen.modified)),
                Seen::Gone => gone.push(failure.path),
                Seen::Other(_) | Seen::Unknown => files.push(file(0, Moment::UNKNOWN)),
            }
        }
        if self.request.dry_run {
            self.foresee(
                Work {
                    send: files,
                    ..Work::default()
                },
                report,
            );
            return Ok(());
        }
        for path in &gone {
            report.add(
                Outcome::Skipped("it is gone from the source".to_owned()),
                || self.there(path),
            );
        }
        index.clear_failures(source, destination, &gone)?;
        let mut work = Work {
            failed_before: files.len(),
            send: files,
            ..Work::default()
        };
        self.carry_out(index, side, &mut work, report)
    }

    /// The folder of the replica that a file is in, if that is meant.
    pub(super) fn replica_of(&self, whole: &Path) -> Option<PathBuf> {
        let categories = self.request.categories.iter();
        let inside = categories.filter(|category| whole.starts_with(&category.path));
        let category = inside.max_by_key(|category| category.path.iter().count())?;
        let below = whole.strip_prefix(&category.path).ok()?;
        let replica: PathBuf = category.path.iter().chain(below.iter().take(2)).collect();
        self.meant(&replica).map(|_| replica)
    }
}

/// What was sent under a name, by whatever source.
fn sent_before(rows: &[SentRow], path: &Path) -> Option<SentFile> {
    let (folder, name) = (path.parent()?, Name::from(path.file_name()?));
    let mut rows = rows.iter().filter(|row| row.folder == folder);
    rows.find_map(|row| row.files().get(&name).copied())
}
