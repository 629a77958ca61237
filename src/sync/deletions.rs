//! What is gone from the source: reported, or moved among the old versions at the destination; never erased.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::Sync;
use super::changes::Gone;
use super::work::Work;
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::unit;
use crate::copy::outcome::Outcome;
use crate::copy::report::Report;
use crate::index::{Index, SentRecord};
use crate::model::project::Scope;
use crate::model::registry::Category;
use crate::rclone::{Batch, Limits, Sent, Times, Wanted};
use crate::storage::RemoteSide;
use crate::storage::version;

impl Sync<'_> {
    /// Refuses to delete where more than half of what was sent, or all of it, seems gone.
    pub(super) fn refuse_disappearance(&self, work: &Work) -> Result<()> {
        self.refuse_to_delete(&work.gone, work.known)
    }

    /// The same for these files of so many; also where a category holds no project any more, for then it is more likely
    /// that its disk is not mounted.
    pub(super) fn refuse_to_delete(&self, gone: &[(PathBuf, Gone)], known: u64) -> Result<()> {
        if !self.request.delete || self.request.force || gone.is_empty() {
            return Ok(());
        }
        let all = gone.len() as u64;
        if all * 2 > known {
            return Err(self.disappearance(all, known));
        }
        for category in &self.request.categories {
            let of = |replica: &Path| self.meant(replica).map(|(category, _)| &category.path);
            let inside = gone
                .iter()
                .filter(|(replica, _)| of(replica) == Some(&category.path));
            let inside = inside.count() as u64;
            if inside > 0 && self.is_empty(category)? {
                return Err(self.disappearance(inside, inside));
            }
        }
        Ok(())
    }

    /// Whether the source holds no project in a category.
    pub(super) fn is_empty(&self, category: &Category) -> Result<bool> {
        let listing = self.source.listing(self.registry, category, &Scope::All)?;
        Ok(listing.projects.is_empty() && !listing.unread && listing.unread_clients.is_empty())
    }

    fn disappearance(&self, gone: u64, known: u64) -> Error {
        Error::MassDisappearance {
            database: self.request.destination.name.clone(),
            source_root: self.request.source.root.clone(),
            gone: unit::count(gone),
            known: unit::count(known),
        }
    }

    /// Asks a person whether so many files are to be deleted.
    ///
    /// # Errors
    /// [`Error::Declined`], or there is nobody to answer.
    pub(super) fn ask_to_delete(&self, files: u64) -> Result<()> {
        if !self.request.consent.asks() || files == 0 {
            return Ok(());
        }
        let question = format!(
            "move {} at `{}`, gone from `{}`, among the old versions?",
            unit::counted(files, "file"),
            self.request.destination.name,
            self.request.source.name,
        );
        self.request.consent.to(&question)
    }

    /// Moves what is gone among the old versions, if that is asked for: into a folder of its own, which the report names.
    /// Says whether it was asked for.
    pub(super) fn delete(
        &self,
        index: &mut Index,
        side: &RemoteSide,
        work: &mut Work,
        report: &mut Report,
    ) -> Result<bool> {
        let whole = whole(work);
        let declined = || matches!(self.ask_to_delete(whole.len() as u64), Err(Error::Declined));
        if !self.request.delete || interrupt::requested() || declined() {
            for path in &whole {
                report.add(self.gone(), || self.there(path));
            }
            return Ok(false);
        }
        self.leave_changed(side, work, report)?;
        let whole = self::whole(work);
        if whole.is_empty() {
            return Ok(true);
        }
        let versions = version::on_remote(self.run)?;
        let mut moved = move_aside(side, &whole, &versions)?;
        if !moved.done.is_empty() {
            report.versions.push(side.remote.path(&versions));
        }
        let looked = still_there(side, &whole, &moved.done)
            .and_then(|still| Ok((still, not_kept(side, &moved.done, &versions)?)));
        match looked {
            Ok((still, lost)) => (moved.still, moved.lost) = (still, lost),
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => {
                for path in &whole {
                    report.add(Outcome::Failed(error.line()), || self.there(path));
                }
                return Ok(true);
            }
        }
        let mut record = SentRecord::new();
        for ((replica, gone), path) in work.gone.iter().zip(&whole) {
            let outcome = moved.outcome(path);
            if !matches!(outcome, Outcome::Failed(_)) {
                work.removed.push((replica.clone(), gone.path.clone()));
                let changes = record.entry(replica.clone()).or_default();
                changes.gone(&gone.path);
            }
            report.add(outcome, || self.there(path));
        }
        let (source, destination) = self.roots();
        index.keep_sent(destination, source, &record)?;
        Ok(true)
    }

    /// Takes out of what is gone the files that somebody else changed at the destination since they were sent.
    fn leave_changed(&self, side: &RemoteSide, work: &mut Work, report: &mut Report) -> Result<()> {
        let files = whole(work);
        if files.is_empty() {
            return Ok(());
        }
        let wanted = Wanted::Files(&files);
        let listed = side.remote.list(wanted, &side.abilities, Times::Cheap)?;
        let listed = listed.unwrap_or_default();
        work.gone.retain(|(replica, gone)| {
            let path = replica.join(&gone.path);
            let sent = &gone.sent;
            let is_other = listed.file(&path).is_some_and(|there| {
                let is_marked = sent.mark == 0 || there.mark == sent.mark;
                !is_marked || there.bytes.is_some_and(|bytes| bytes != sent.bytes)
            });
            if is_other {
                report.add(self.changed_there(), || self.there(&path));
            }
            !is_other
        });
        Ok(())
    }
}

/// The paths of what is gone, below both roots.
fn whole(work: &Work) -> Vec<PathBuf> {
    let gone = work.gone.iter();
    gone.map(|(replica, gone)| replica.join(&gone.path))
        .collect()
}

/// What came of moving files among the old versions.
#[derive(Default)]
struct Moved {
    /// Those that rclone says it moved.
    done: HashSet<PathBuf>,
    /// Those it says it could not move, and why.
    failed: HashMap<PathBuf, String>,
    /// What it said of none of them.
    said: Option<String>,
    /// Those that may be where they were, whatever it says.
    still: HashSet<PathBuf>,
    /// Those it says it moved that are not among the old versions.
    lost: HashSet<PathBuf>,
}

impl Moved {
    fn outcome(&self, path: &Path) -> Outcome {
        let failed = self.failed.get(path);
        if failed.is_some() || self.still.contains(path) {
            let said = failed.or(self.said.as_ref());
            let why = said.map_or("it is still there", String::as_str);
            return Outcome::Failed(format!(
                "it could not be moved among the old versions: {why}"
            ));
        }
        if self.lost.contains(path) {
            let why = "rclone says that it was moved among the old versions, and it is not there";
            Outcome::Failed(why.to_owned())
        } else if self.done.contains(path) {
            Outcome::Deleted
        } else {
            Outcome::Skipped("it was not there any more".to_owned())
        }
    }
}

/// Moves files among the old versions.
fn move_aside(side: &RemoteSide, files: &[PathBuf], versions: &Path) -> Result<Moved> {
    let limits = Limits::default();
    let mut moved = Moved::default();
    let batch = Batch::aside(&side.remote, files, versions, &limits);
    moved.said = batch
        .run(&mut |news| match news {
            Sent::Failed(path, said) => {
                moved.failed.insert(path.to_owned(), said.to_owned());
            }
            Sent::Done(path) => {
                moved.done.insert(path.to_owned());
            }
            Sent::Bytes(_) | Sent::Kept => {}
        })?
        .said;
    Ok(moved)
}

/// Those of the files that were moved that a listing does not show among the old versions.
fn not_kept(
    side: &RemoteSide,
    moved: &HashSet<PathBuf>,
    versions: &Path,
) -> Result<HashSet<PathBuf>> {
    let kept: Vec<PathBuf> = moved.iter().map(|path| versions.join(path)).collect();
    if kept.is_empty() {
        return Ok(HashSet::new());
    }
    let listed = side
        .remote
        .list(Wanted::Files(&kept), &side.abilities, Times::Cheap)?;
    let listed = listed.unwrap_or_default();
    let lost = moved.iter().zip(&kept);
    let lost = lost.filter(|(_, kept)| listed.file(kept).is_none());
    Ok(lost.map(|(path, _)| path.clone()).collect())
}

/// Those of these files that are not surely gone from where they were.
fn still_there(
    side: &RemoteSide,
    files: &[PathBuf],
    moved: &HashSet<PathBuf>,
) -> Result<HashSet<PathBuf>> {
    let listed = side
        .remote
        .list(Wanted::Files(files), &side.abilities, Times::Cheap)?;
    let listed = listed.unwrap_or_default();
    let unmoved = files.iter().filter(|path| !moved.contains(*path));
    let mut still = side.not_surely_gone(unmoved.cloned().collect())?;
    let closed = |path: &Path| {
        listed
            .problems
            .iter()
            .any(|(closed, _)| path.starts_with(closed))
    };
    let shown = files
        .iter()
        .filter(|path| listed.file(path).is_some() || closed(path));
    still.extend(shown.cloned());
    Ok(still)
}
