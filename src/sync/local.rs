//! A sync to a database on a disk: replicas in which something changed go the way of every copy, and what the record says
//! of them is brought up to date.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::Sync;
use super::changes::Gone;
use super::collect::Gathered;
use super::folder_metadata::Folders;
use super::respelled::OtherSpellings;
use super::source::Looked;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::monitor::Event;
use crate::base::name::Name;
use crate::copy;
use crate::copy::destination::{Bounds, Errand, Replica};
use crate::copy::outcome::Outcome;
use crate::copy::plan::Rules;
use crate::copy::remote::{Looking, Seen};
use crate::copy::report::Report;
use crate::index::{Index, SentChanges, SentFile, SentFolder, SentRecord, SentRow};
use crate::snapshot::manifest::Files;
use crate::storage::{DiskSide, Opened};

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
        let failed = self.failed(index)?;
        let mut errand = self.errand(&failed);
        let (mut gone, respelled) = self.gone_files(&replicas)?;
        errand.bounds.renamed = respelled.renamed_replicas();
        let folders = self.folders(&replicas);
        let known = self.sort_out(index, &mut replicas, &folders, &mut errand, &mut report)?;
        self.refuse_to_delete(&gone, known)?;
        // Copying looks by itself, before it writes.
        let deletes = self.request.delete && !gone.is_empty() && errand.replicas.is_empty();
        self.refuse_same_place(Opened::Disk(side), deletes)?;
        self.monitor.event(&Event::Finished);
        if !errand.replicas.is_empty() {
            let errand = copy::carry(
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
        if !self.request.dry_run {
            self.keep_folders(index, &folders, &report)?;
            self.note_failed(index, &report)?;
            gone.extend(respelled.held_beside(&side.root));
        }
        self.end_gone(index, side, &replicas, &gone, &mut report)?;
        Ok(report)
    }

    /// What is gone from the source, with the folders of its replicas, and what it holds under another spelling.
    fn gone_files(
        &self,
        replicas: &[Gathered<'_>],
    ) -> Result<(Vec<(PathBuf, Gone)>, OtherSpellings)> {
        let mut gone = Vec::new();
        if self.request.retry_failed {
            return Ok((gone, OtherSpellings::default()));
        }
        let mut looking = Looking::at(&self.source);
        for replica in replicas {
            for file in self.changes(replica).gone {
                if self.is_gone(&mut looking, &replica.relative.join(&file.path))? {
                    gone.push((replica.relative.clone(), file));
                }
            }
        }
        let respelled = OtherSpellings::take_out(replicas, &mut gone);
        Ok((gone, respelled))
    }

    /// Adds the replicas with work to the errand, and reports what is the same in the others; gives how many files this
    /// source sent before.
    fn sort_out(
        &self,
        index: &Index,
        replicas: &mut [Gathered<'_>],
        folders: &Folders,
        errand: &mut Errand,
        report: &mut Report,
    ) -> Result<u64> {
        let mut known = 0;
        for replica in replicas {
            let changes = self.changes(replica);
            known += changes.known;
            let is_failed = errand
                .bounds
                .first
                .iter()
                .any(|path| path.starts_with(&replica.relative));
            let has_work = !changes.send.is_empty()
                || !changes.folders.is_empty()
                || changes.changed_links > 0
                || self.have_folders_changed(index, &replica.relative, folders)?
                || replica.is_new();
            if (has_work && !self.request.retry_failed) || is_failed {
                errand.replicas.push(Replica {
                    category: replica.category.clone(),
                    project: replica.project.clone(),
                    tree: std::mem::take(&mut replica.tree),
                });
            } else if !self.request.retry_failed {
                report.same(changes.same);
                // Of the others copying tells.
                self.report_unread(&replica.relative, &replica.tree, report);
            }
        }
        Ok(known)
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
                ..Bounds::default()
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
        for item in &report.items {
            let Ok(whole) = item.path.strip_prefix(destination) else {
                continue;
            };
            match &item.outcome {
                Outcome::Copied(_) => continue,
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
        index.clear_failures(source, destination, &good)
    }

    /// Notes what failed, each path once.
    fn note_failed(&self, index: &mut Index, report: &Report) -> Result<()> {
        let (source, destination) = self.roots();
        let mut failed = BTreeMap::new();
        for item in &report.items {
            if let (Outcome::Failed(why), Ok(whole)) =
                (&item.outcome, item.path.strip_prefix(destination))
            {
                failed.insert(whole.to_owned(), why.clone());
            }
        }
        let failed: Vec<_> = failed.into_iter().collect();
        index.note_failures(self.run, source, destination, &failed)
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
        if folder.files.is_some() {
            good.push(relative.join(path).components().collect());
        }
        let before = known.get(path.as_path());
        let mut sent = SentFolder::new();
        let mut files = Files::of(folder.packed());
        while let Ok(Some(file)) = files.next() {
            let name = Name::from_bytes(file.name.to_vec());
            let whole = relative.join(path).join(name.as_path());
            if others.contains(&whole) {
                continue;
            }
            let same = before
                .and_then(|files| files.get(&name))
                .filter(|sent| sent.is_same(&file));
            let number = match same {
                Some(same) => same.number,
                None => number(&looking.path(&whole)),
            };
            let state = SentFile {
                number,
                ..SentFile::of(&file)
            };
            sent.insert(name, state);
            good.push(whole);
        }
        if !sent.is_empty() || folder.packed().is_empty() {
            changes.folder(path, sent);
        }
    }
    changes
}

/// A file's number on its file system; 0 where that is not known.
fn number(seen: &Seen) -> u64 {
    match seen {
        Seen::File(seen) => seen.number,
        Seen::Gone | Seen::Other(_) | Seen::Unknown => 0,
    }
}
