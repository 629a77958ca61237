//! A sync to a database behind rclone: what changed goes there in one process, what failed before first.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::Sync;
use super::changes::{Changes, Gone};
use super::gathering::Gathered;
use super::looking::Looked;
use super::renames::Renamed;
use crate::error::Result;
use crate::index::{Index, SentFile, SentFolder, SentRow};
use crate::interrupt;
use crate::moment::Moment;
use crate::monitor::Event;
use crate::name::Name;
use crate::noting::{Noting, Place};
use crate::os::stat::Kind;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::project::Scope;
use crate::remote;
use crate::report::Report;
use crate::sending::{self, End, Looking, Outgoing, Seen, Sending};
use crate::sides::{RemoteSide, Side};
use crate::tree::Tree;
use crate::versions;

/// What is to be done, replica by replica.
#[derive(Default)]
pub(super) struct Work {
    /// Files to be sent, those that failed before first.
    pub(super) send: Vec<Outgoing>,
    /// How many of them failed before.
    pub(super) failed_before: usize,
    /// Files to be given a new name there.
    pub(super) renames: Vec<Renamed>,
    /// Files that are gone from the source, with the folders of their replicas.
    pub(super) gone: Vec<(PathBuf, Gone)>,
    /// Empty folders to be made, likewise.
    pub(super) folders: Vec<(PathBuf, PathBuf)>,
    /// How many files this source sent before.
    pub(super) known: u64,
    /// Files that are no longer there under their names, likewise.
    pub(super) removed: Vec<(PathBuf, PathBuf)>,
}

/// What came of sending.
#[derive(Default)]
struct SentAll {
    /// Whether any file took the place of an older version.
    replaced: bool,
    /// Why the destination did not answer to the end, if it did not.
    lost: Option<String>,
}

impl Sync<'_> {
    pub(super) fn to_remote(
        &self,
        index: &mut Index,
        side: &RemoteSide,
        looked: Looked,
    ) -> Result<Report> {
        let mut report = Report::default();
        if !self.request.dry_run {
            sending::settle(index, side, &self.source)?;
        }
        if self.request.retry_failed {
            self.retry(index, side, &mut report)?;
            return Ok(report);
        }
        self.monitor.event(&Event::Started {
            task: "comparing",
            files: None,
            bytes: None,
        });
        let mut replicas = self.gather(index, looked, &mut report)?;
        self.forget_gone_failures(index)?;
        self.adopt(index, side, &mut replicas)?;
        let mut work = self.work(index, &replicas, &mut report)?;
        self.monitor.event(&Event::Finished);
        work.renames = self.find_renames(side, &mut work, &replicas);
        self.refuse_disappearance(&work)?;
        if self.request.dry_run {
            self.foresee(work, &mut report);
            return Ok(report);
        }
        self.carry_out(index, side, &mut work, &mut report)?;
        let noted = interrupt::shielded(|| self.note_destination(index, side, &replicas, &work));
        if let Err(error) = noted {
            self.monitor.event(&Event::Problem(&error));
            report.unrecorded = true;
        }
        Ok(report)
    }

    /// What is to be done; what cannot be done is reported.
    fn work(&self, index: &Index, replicas: &[Gathered<'_>], report: &mut Report) -> Result<Work> {
        let mut work = Work::default();
        let mut later = Vec::new();
        let mut looking = Looking::at(&self.source);
        for replica in replicas {
            interrupt::check()?;
            let relative = &replica.relative;
            let refused = remote::refusal(relative).map(str::to_owned);
            if let Some(why) = refused.or_else(|| replica.refused.clone()) {
                report.add(Outcome::Failed(why), || self.there(relative));
                continue;
            }
            let changes = replica.changes(&self.request.source.root);
            report.same(changes.same);
            work.known += changes.known;
            let failures = index.failures_below(
                &self.request.source.root,
                &self.request.destination.root,
                relative,
            )?;
            let failed: HashSet<PathBuf> =
                failures.into_iter().map(|failure| failure.path).collect();
            self.leave_out(relative, &changes, report);
            for changed in changes.send {
                let file = Outgoing {
                    replica: relative.clone(),
                    replaces: changed.before.is_some() || is_there(replica, &changed.path),
                    mark_before: changed.before.map_or(0, |before| before.mark),
                    path: changed.path,
                    bytes: changed.bytes,
                    modified: changed.modified,
                };
                if failed.contains(&file.whole()) {
                    work.send.push(file);
                } else {
                    later.push(file);
                }
            }
            let folders = changes.folders.into_iter();
            work.folders
                .extend(folders.map(|folder| (relative.clone(), folder)));
            for gone in changes.gone {
                if self.is_gone(&mut looking, &relative.join(&gone.path))? {
                    work.gone.push((relative.clone(), gone));
                }
            }
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
            Side::Disk(_) => Ok(matches!(looking.path(whole), Seen::Gone)),
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

    /// Does it: renames, then what is to be sent, then what is to be deleted.
    fn carry_out(
        &self,
        index: &mut Index,
        side: &RemoteSide,
        work: &mut Work,
        report: &mut Report,
    ) -> Result<()> {
        let is_needed =
            !work.send.is_empty() || !work.folders.is_empty() || !work.renames.is_empty();
        if is_needed {
            side.ensure_identity()?;
        }
        let versions = versions::on_remote(self.run);
        self.rename(index, side, work, report)?;
        let most = self.request.max_files.map_or(usize::MAX, |most| {
            usize::try_from(most).unwrap_or(usize::MAX)
        });
        let (now, later) = work.send.split_at(most.min(work.send.len()));
        let bytes: u64 = now.iter().map(|file| file.bytes).sum();
        report.planned_bytes = bytes;
        self.monitor.event(&Event::Started {
            task: "syncing",
            files: Some(now.len() as u64),
            bytes: Some(bytes),
        });
        let (first, rest) = now.split_at(work.failed_before.min(now.len()));
        let mut sent = SentAll::default();
        for files in [first, rest] {
            self.send(index, side, files, &versions, report, &mut sent)?;
        }
        self.monitor.event(&Event::Finished);
        for file in later {
            report.left_files += 1;
            report.add(Outcome::Unreached, || self.there(&file.whole()));
        }
        let mut replaced = sent.replaced;
        if sent.lost.is_none() {
            self.make_folders(index, side, &work.folders, report)?;
            replaced |= self.delete(index, side, work, &versions, report)?;
        }
        if replaced {
            report.versions.push(side.remote.path(&versions));
        }
        Ok(())
    }

    /// Sends files, unless the destination was lost before.
    fn send(
        &self,
        index: &mut Index,
        side: &RemoteSide,
        files: &[Outgoing],
        versions: &Path,
        report: &mut Report,
        sent: &mut SentAll,
    ) -> Result<()> {
        if let Some(why) = &sent.lost {
            let failed: Vec<_> = files
                .iter()
                .map(|file| (file.whole(), why.clone()))
                .collect();
            for (whole, why) in &failed {
                report.add(Outcome::Failed(why.clone()), || self.there(whole));
            }
            let (source, destination) = (&self.request.source.root, &self.request.destination.root);
            return index.note_failures(self.run, source, destination, &failed);
        }
        let told = |files, bytes| {
            self.monitor.event(&Event::Files(files));
            self.monitor.event(&Event::Bytes(bytes));
        };
        let sending = Sending {
            source: &self.source,
            destination: side,
            versions,
            limits: &self.request.limits,
            verify: self.request.verify,
            run: self.run,
            told: &told,
        };
        let (mut failed, mut good) = (Vec::new(), Vec::new());
        let mut replaced = false;
        let over = self.request.limits.until.is_some();
        let end = sending.send(index, files, &mut |file, outcome| {
            match &outcome {
                Outcome::Failed(why) => failed.push((file.whole(), why.clone())),
                Outcome::Copied(copied) => {
                    replaced |= copied.replaced;
                    good.push(file.whole());
                }
                Outcome::Skipped(_) => good.push(file.whole()),
                Outcome::Unreached if over && !interrupt::requested() => report.left_files += 1,
                _ => {}
            }
            report.add(outcome, || self.there(&file.whole()));
        });
        let (source, destination) = (&self.request.source.root, &self.request.destination.root);
        index.note_failures(self.run, source, destination, &failed)?;
        index.clear_failures(source, destination, &good)?;
        sent.replaced |= replaced;
        if let End::Lost(why) = end? {
            sent.lost = Some(why);
        }
        Ok(())
    }

    /// Sends only what failed before.
    fn retry(&self, index: &mut Index, side: &RemoteSide, report: &mut Report) -> Result<()> {
        let (source, destination) = (&self.request.source.root, &self.request.destination.root);
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

    /// Reports what would be done.
    fn foresee(&self, work: Work, report: &mut Report) {
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

    fn make_folders(
        &self,
        index: &mut Index,
        side: &RemoteSide,
        folders: &[(PathBuf, PathBuf)],
        report: &mut Report,
    ) -> Result<()> {
        if folders.is_empty() || interrupt::requested() {
            return Ok(());
        }
        let whole: Vec<PathBuf> = folders
            .iter()
            .map(|(replica, folder)| replica.join(folder))
            .collect();
        if side.abilities.holds_empty_folders()
            && let Err(error) = side.remote.make_folders(&whole)
        {
            for path in &whole {
                report.add(Outcome::Failed(error.line()), || self.there(path));
            }
            return Ok(());
        }
        let (source, destination) = (&self.request.source.root, &self.request.destination.root);
        let mut made: BTreeMap<&Path, BTreeMap<PathBuf, (SentFolder, Vec<Name>)>> = BTreeMap::new();
        for (replica, folder) in folders {
            made.entry(replica)
                .or_default()
                .insert(folder.clone(), Default::default());
        }
        for (replica, made) in made {
            index.keep_sent(destination, replica, source, &made)?;
        }
        Ok(())
    }

    /// Tells the index what the destination holds now of the replicas in which something was done.
    fn note_destination(
        &self,
        index: &mut Index,
        side: &RemoteSide,
        replicas: &[Gathered<'_>],
        work: &Work,
    ) -> Result<()> {
        let mut touched: BTreeSet<&Path> = work
            .send
            .iter()
            .map(|file| file.replica.as_path())
            .collect();
        touched.extend(
            work.renames
                .iter()
                .map(|renamed| renamed.file.replica.as_path()),
        );
        touched.extend(work.removed.iter().map(|(replica, _)| replica.as_path()));
        touched.extend(work.folders.iter().map(|(replica, _)| replica.as_path()));
        let database = index.database_id(&side.database.root)?;
        let mut trees = Vec::new();
        for replica in replicas {
            let is_touched = touched.contains(replica.relative.as_path());
            let listed = replica.there.as_ref();
            if !is_touched && listed.is_none() {
                continue;
            }
            let before = match listed {
                Some(_) => side.tree(
                    self.registry,
                    &self.exclusions,
                    replica.category,
                    &replica.project,
                )?,
                None => stored(index, database, replica)?,
            };
            let rows = index.sent(&side.database.root, &replica.relative)?;
            let made: Vec<PathBuf> = work
                .folders
                .iter()
                .filter(|(of, _)| *of == replica.relative)
                .map(|(_, folder)| folder.clone())
                .collect();
            let mut tree = side.with_record(before, &rows, &made);
            for (_, path) in work
                .removed
                .iter()
                .filter(|(of, _)| *of == replica.relative)
            {
                tree.remove_file(path);
            }
            trees.push((replica, tree));
        }
        if trees.is_empty() {
            return Ok(());
        }
        let mut noting = Noting::begin(index, self.request.destination)?;
        for (replica, tree) in &trees {
            noting.add(replica.category, &replica.project, tree)?;
        }
        let noted = noting.finish()?;
        noted.write(index, Place::Remote(side.identity()))
    }
}

/// Whether a listing of the destination shows a file of this path.
fn is_there(replica: &Gathered<'_>, path: &Path) -> bool {
    let Some(there) = &replica.there else {
        return false;
    };
    there.has_file(path)
}

/// What was sent under a name, by whatever source.
fn sent_before(rows: &[SentRow], path: &Path) -> Option<SentFile> {
    let (folder, name) = (path.parent()?, Name::from(path.file_name()?));
    let mut rows = rows.iter().filter(|row| row.folder == folder);
    rows.find_map(|row| row.files().get(&name).copied())
}

/// What the index knows of a replica at the destination.
fn stored(index: &Index, database: Option<i64>, replica: &Gathered<'_>) -> Result<Tree> {
    let mut tree = Tree::default();
    let Some(database) = database else {
        return Ok(tree);
    };
    let scope = Scope::Project(replica.project.clone());
    index.visit_folders(database, &replica.category.path, &scope, &mut |folder| {
        tree.add_known(folder.path, folder.files())
            .map_err(|malformed| index.malformed(malformed))?;
        Ok(true)
    })?;
    Ok(tree)
}

/// The files of one replica as a plan would list them: path, size, time, and whether something is replaced.
fn files_of(files: &[Outgoing]) -> Vec<(PathBuf, u64, Moment, bool)> {
    let of = |file: &Outgoing| (file.path.clone(), file.bytes, file.modified, file.replaces);
    files.iter().map(of).collect()
}
