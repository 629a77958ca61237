//! A sync to a database on a disk: replicas in which something changed go the way of every copy, and what the record says
//! of them is brought up to date.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::Sync;
use super::changes::Gone;
use super::gathering::Gathered;
use super::looking::Looked;
use crate::copying;
use crate::diff::Seen as Known;
use crate::error::{Error, Result};
use crate::exclusions::OWN_FOLDER;
use crate::index::{Index, SentChanges, SentFile, SentFolder, SentRecord, SentRow};
use crate::interrupt;
use crate::lane::{Bounds, Errand, Replica};
use crate::lock::Lock;
use crate::manifest::Files;
use crate::monitor::Event;
use crate::name::Name;
use crate::os::stat::Kind;
use crate::outcome::Outcome;
use crate::plan::Rules;
use crate::report::Report;
use crate::sending::{Looking, Seen};
use crate::sides::DiskSide;
use crate::versions::Versions;

impl Sync<'_> {
    pub(super) fn to_disk(
        &self,
        index: &mut Index,
        side: &DiskSide,
        looked: Looked,
    ) -> Result<Report> {
        let mut report = Report::default();
        self.monitor.event(&Event::Started {
            task: "comparing",
            files: None,
            bytes: None,
        });
        let mut replicas = self.gather(index, looked, &mut report)?;
        self.forget_gone_failures(index)?;
        let failed = self.failed(index)?;
        let mut errand = self.errand(&failed);
        let (gone, known) = self.sort_out(&mut replicas, &failed, &mut errand, &mut report)?;
        self.refuse_to_delete(&gone, known)?;
        self.monitor.event(&Event::Finished);
        if !errand.replicas.is_empty() {
            let errand = copying::carry(
                index,
                errand,
                self.request.destination,
                self.monitor,
                &mut report,
            )?;
            if !self.request.dry_run {
                self.record(index, &errand.replicas, &replicas, &mut report)?;
            }
        }
        self.end_gone(index, side, &gone, &mut report)?;
        Ok(report)
    }

    /// Adds the replicas with work to the errand, and reports what is the same in the others; gives what is gone, with the
    /// folders of its replicas, and how many files this source sent before.
    fn sort_out(
        &self,
        replicas: &mut [Gathered<'_>],
        failed: &HashSet<PathBuf>,
        errand: &mut Errand,
        report: &mut Report,
    ) -> Result<(Vec<(PathBuf, Gone)>, u64)> {
        let (mut gone, mut known) = (Vec::new(), 0);
        let mut looking = Looking::at(&self.source);
        for replica in replicas {
            let changes = replica.changes(&self.request.source.root);
            known += changes.known;
            if !self.request.retry_failed {
                for file in changes.gone {
                    if self.is_gone(&mut looking, &replica.relative.join(&file.path))? {
                        gone.push((replica.relative.clone(), file));
                    }
                }
            }
            let is_failed = failed
                .iter()
                .any(|path| path.starts_with(&replica.relative));
            let has_work = !changes.send.is_empty()
                || !changes.folders.is_empty()
                || !changes.links.is_empty()
                || replica.is_new();
            if (has_work && !self.request.retry_failed) || is_failed {
                errand.replicas.push(Replica {
                    category: replica.category.clone(),
                    project: replica.project.clone(),
                    tree: std::mem::take(&mut replica.tree),
                });
            } else if !self.request.retry_failed {
                report.same(changes.same);
            }
        }
        Ok((gone, known))
    }

    /// The files that failed before, by their paths below both roots.
    fn failed(&self, index: &Index) -> Result<HashSet<PathBuf>> {
        let (source, destination) = self.roots();
        let failures = index.failures_below(source, destination, Path::new(""))?;
        Ok(failures.into_iter().map(|failure| failure.path).collect())
    }

    fn errand(&self, failed: &HashSet<PathBuf>) -> Errand {
        Errand {
            registry: self.registry.clone(),
            scope: self.request.scope.clone(),
            exclusions: self.exclusions.clone(),
            source: self.source.clone(),
            replicas: Vec::new(),
            rules: Rules {
                // What the source holds is what counts; what was there is kept among the old versions.
                overwrite: true,
                ..Rules::default()
            },
            verify: self.request.verify,
            dry_run: self.request.dry_run,
            asks: false,
            run: self.run,
            bounds: Bounds {
                only: self.request.retry_failed.then(|| failed.clone()),
                first: failed.clone(),
                most: self.request.max_files,
                until: self.request.limits.until,
            },
        }
    }

    /// Notes what is at the destination now: everything that the report says nothing else of.
    fn record(
        &self,
        index: &mut Index,
        done: &[Replica],
        gathered: &[Gathered<'_>],
        report: &mut Report,
    ) -> Result<()> {
        let (source, destination) = self.roots();
        let mut others: HashSet<PathBuf> = HashSet::new();
        let mut failed = Vec::new();
        for item in &report.items {
            let Ok(whole) = item.path.strip_prefix(destination) else {
                continue;
            };
            match &item.outcome {
                Outcome::Copied(_) => continue,
                Outcome::Failed(why) => failed.push((whole.to_owned(), why.clone())),
                Outcome::Unreached if !interrupt::requested() => report.left_files += 1,
                _ => {}
            }
            others.insert(whole.to_owned());
        }
        let mut looking = Looking::at(&self.source);
        let (mut record, mut good) = (SentRecord::new(), Vec::new());
        for replica in done {
            let relative = replica.relative();
            let known = gathered
                .iter()
                .find(|gathered| gathered.relative == relative)
                .map_or(&[][..], |gathered| &gathered.rows);
            let changes = there(replica, known, &others, &mut looking, &mut good);
            if !interrupt::requested() || changes.folders().any(|(_, files)| !files.is_empty()) {
                record.insert(relative, changes);
            }
        }
        index.keep_sent(destination, source, &record)?;
        index.note_failures(self.run, source, destination, &failed)?;
        index.clear_failures(source, destination, &good)
    }

    /// Reports what is gone from the source, or moves it among the old versions.
    fn end_gone(
        &self,
        index: &mut Index,
        side: &DiskSide,
        gone: &[(PathBuf, Gone)],
        report: &mut Report,
    ) -> Result<()> {
        let deletes = self.request.delete && !self.request.dry_run && !interrupt::requested();
        if !deletes || gone.is_empty() {
            for (replica, file) in gone {
                report.add(self.gone(), || self.there(&replica.join(&file.path)));
            }
            return Ok(());
        }
        if matches!(self.ask_to_delete(gone.len() as u64), Err(Error::Declined)) {
            for (replica, file) in gone {
                report.add(self.gone(), || self.there(&replica.join(&file.path)));
            }
            return Ok(());
        }
        let _lock = Lock::make_and_take(&side.root, &side.database.name, self.run)?;
        let versions = Versions::new(&side.root, self.run);
        let mut record = SentRecord::new();
        for (replica, file) in gone {
            let whole = replica.join(&file.path);
            let outcome = match put_aside(side, &versions, replica, file) {
                Ok(true) => Outcome::Deleted,
                Ok(false) => Outcome::Skipped("it was not there any more".to_owned()),
                Err(error) => Outcome::Failed(error.line()),
            };
            if !matches!(outcome, Outcome::Failed(_)) {
                let changes = record.entry(replica.clone()).or_default();
                changes.gone(&file.path);
            }
            report.add(outcome, || self.there(&whole));
        }
        let (source, destination) = self.roots();
        index.keep_sent(destination, source, &record)?;
        let path = versions.path().map(|path| side.root.path().join(path));
        report.versions.extend(path);
        self.look_again(index, side, gone)
    }

    /// Tells the index what is left of the replicas from which files were taken away.
    fn look_again(
        &self,
        index: &mut Index,
        side: &DiskSide,
        gone: &[(PathBuf, Gone)],
    ) -> Result<()> {
        let replicas: std::collections::BTreeSet<&PathBuf> =
            gone.iter().map(|(replica, _)| replica).collect();
        let meant: Vec<_> = replicas
            .into_iter()
            .filter_map(|replica| self.meant(replica))
            .collect();
        let mut noting = crate::noting::Noting::begin(index, self.request.destination)?;
        for (category, project) in &meant {
            let tree = side.tree(self.registry, &self.exclusions, category, project)?;
            noting.add(category, project, &tree)?;
        }
        let noted = noting.finish()?;
        noted.write(index, crate::noting::Place::Disk(&side.root))
    }
}

/// What is at the destination now of a replica that was copied, but for `others`; `good` gets all its files.
fn there(
    replica: &Replica,
    known: &[SentRow],
    others: &HashSet<PathBuf>,
    looking: &mut Looking<'_>,
    good: &mut Vec<PathBuf>,
) -> SentChanges {
    let relative = replica.relative();
    let known = known.iter().map(|row| (row.folder.as_path(), row.files()));
    let known: BTreeMap<&Path, SentFolder> = known.collect();
    let mut changes = SentChanges::default();
    for (path, folder) in &replica.tree.folders {
        let before = known.get(path.as_path());
        let mut sent = SentFolder::new();
        let mut files = Files::of(folder.packed());
        while let Ok(Some(file)) = files.next() {
            let name = Name::from_bytes(file.name.to_vec());
            let whole = relative.join(path).join(name.as_path());
            if others.contains(&whole) || file.target.is_some() {
                continue;
            }
            let same = before
                .and_then(|files| files.get(&name))
                .filter(|sent| (sent.bytes, sent.modified) == (file.bytes, file.modified));
            let number = match same {
                Some(same) => same.number,
                None => number(&looking.path(&whole)),
            };
            let file = SentFile {
                bytes: file.bytes,
                modified: file.modified,
                number,
                mark: 0,
            };
            sent.insert(name, file);
            good.push(whole);
        }
        if !sent.is_empty() || folder.packed().is_empty() {
            changes.folder(path, sent);
        }
    }
    changes
}

/// Moves one file among the old versions; says whether it was there as it was sent.
fn put_aside(
    side: &DiskSide,
    versions: &Versions<'_>,
    replica: &Path,
    file: &Gone,
) -> Result<bool> {
    let whole = replica.join(&file.path);
    let (folder, name) = (
        whole.parent().unwrap_or(Path::new("")),
        whole.file_name().unwrap_or(OsStr::new("")),
    );
    debug_assert!(!whole.starts_with(OWN_FOLDER));
    let folder = match side.root.beneath(folder) {
        Err(error) if crate::os::folder::is_missing(&error) => return Ok(false),
        folder => std::sync::Arc::new(folder?),
    };
    match folder.stat(name) {
        Err(error) if crate::os::folder::is_missing(&error) => Ok(false),
        stat => {
            let stat = stat?;
            let old = Known {
                kind: Kind::File,
                bytes: file.sent.bytes,
                modified: stat.modified,
            };
            versions.put_aside((&folder, name), (replica, &file.path), &old)?;
            Ok(true)
        }
    }
}

/// A file's number on its file system; 0 where that is not known.
fn number(seen: &Seen) -> u64 {
    match seen {
        Seen::File(seen) => seen.number,
        Seen::Gone | Seen::Other(_) | Seen::Unknown => 0,
    }
}
