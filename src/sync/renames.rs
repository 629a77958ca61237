//! Files that were given another name since they were sent: they are given it at the destination too, where it can do that.
//!
//! A file is taken for one that is gone if it has its size, its time to a fraction of a second, and its number on the file
//! system with the moment it was made: that says which file it is, whatever its name.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use super::Sync;
use super::changes::Gone;
use super::collect::Gathered;
use super::work::Work;
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::timestamp::{Moment, Step};
use crate::copy::outcome::Outcome;
use crate::copy::remote::{Looking, Outgoing, Seen};
use crate::copy::report::Report;
use crate::index::{Index, SentChanges, SentFile};
use crate::rclone::{Listed, Times, Wanted};
use crate::storage::RemoteSide;

/// A file with a new name.
pub(super) struct Renamed {
    /// Under its new name.
    pub(super) file: Outgoing,
    /// The folder of the replica that it was in.
    replica: PathBuf,
    /// What it was.
    gone: Gone,
}

impl Renamed {
    /// What it was called, below both roots.
    pub(super) fn old(&self) -> PathBuf {
        self.replica.join(&self.gone.path)
    }

    /// What is told of it.
    pub(super) fn reason(&self) -> String {
        format!("it was `{}`", Name::from(self.old().as_path()))
    }
}

/// What tells a file whatever its name: size, time and number.
type Mark = (u64, Moment, u64);

impl Sync<'_> {
    /// Takes out of the work what is no more than renamed.
    pub(super) fn find_renames(
        &self,
        side: &RemoteSide,
        work: &mut Work,
        replicas: &[Gathered<'_>],
    ) -> Vec<Renamed> {
        let able = side.abilities.can_move() && side.remote.can_rename();
        let fine = replicas
            .iter()
            .all(|replica| replica.tree.folders.is_empty() || replica.tree.step() < Step::Second);
        if !able || !fine || work.gone.is_empty() {
            return Vec::new();
        }
        let mut gone: HashMap<Mark, Vec<(PathBuf, Gone)>> = HashMap::new();
        for (replica, file) in std::mem::take(&mut work.gone) {
            let sent = file.sent;
            let mark = (sent.bytes, sent.modified, sent.number);
            gone.entry(mark).or_default().push((replica, file));
        }
        let mut looking = Looking::at(&self.source);
        let (mut renamed, mut send) = (Vec::new(), Vec::new());
        let failed_before = work.failed_before;
        for (place, file) in std::mem::take(&mut work.send).into_iter().enumerate() {
            let number = match looking.path(&file.whole()) {
                Seen::File(seen) if !file.replaces => seen.number,
                _ => 0,
            };
            let mark = (file.bytes, file.modified, number);
            // Of a file with several names any may be the one; one without a number is nobody's.
            let same = gone.get_mut(&mark).filter(|_| number != 0);
            match same.and_then(Vec::pop) {
                Some((replica, gone)) => {
                    if place < failed_before {
                        work.failed_before -= 1;
                    }
                    renamed.push(Renamed {
                        file,
                        replica,
                        gone,
                    });
                }
                None => send.push(file),
            }
        }
        work.send = send;
        work.gone = gone.into_values().flatten().collect();
        work.gone
            .sort_by(|a, b| (&a.0, &a.1.path).cmp(&(&b.0, &b.1.path)));
        renamed
    }

    /// Renames files at the destination. Those that cannot be are sent.
    pub(super) fn rename(
        &self,
        index: &mut Index,
        side: &RemoteSide,
        work: &mut Work,
        report: &mut Report,
    ) -> Result<()> {
        let before = shown_before(side, work)?;
        let one = self.respell_there(index, side, work)?;
        if work.renames.is_empty() {
            return Ok(());
        }
        let moved = rename_there(side, work, &before, &one)?;
        let new: Vec<PathBuf> = moved.iter().map(|renamed| renamed.file.whole()).collect();
        let after = list(side, &new)?;
        for renamed in moved {
            let file = &renamed.file;
            let shown = after.file(&file.whole()).filter(|shown| {
                let same_time =
                    !side.tells_versions_apart() || shown.mark == renamed.gone.sent.mark;
                shown.bytes == Some(file.bytes) && same_time
            });
            self.forget_old(index, &renamed)?;
            work.removed
                .push((renamed.replica.clone(), renamed.gone.path.clone()));
            let Some(shown) = shown else {
                // Where it went nobody knows: it is sent.
                work.send.push(renamed.file);
                continue;
            };
            let sent = SentFile {
                mark: shown.mark,
                ..renamed.gone.sent
            };
            self.keep_new(index, &renamed, sent)?;
            report.add(Outcome::Moved(renamed.reason()), || {
                self.there(&file.whole())
            });
            work.renames.push(renamed);
        }
        Ok(())
    }

    fn forget_old(&self, index: &mut Index, renamed: &Renamed) -> Result<()> {
        let mut gone = SentChanges::default();
        gone.gone(&renamed.gone.path);
        let (source, destination) = self.roots();
        let record = [(renamed.replica.clone(), gone)].into();
        index.keep_sent(destination, source, &record)
    }

    fn keep_new(&self, index: &mut Index, renamed: &Renamed, sent: SentFile) -> Result<()> {
        let mut there = SentChanges::default();
        there.there(&renamed.file.path, sent);
        let (source, destination) = self.roots();
        let record = [(renamed.file.replica.clone(), there)].into();
        index.keep_sent(destination, source, &record)
    }
}

/// What a listing shows of the files that are to be renamed.
fn shown_before(side: &RemoteSide, work: &Work) -> Result<Listed> {
    let names = |renamed: &Renamed| [renamed.old(), renamed.file.whole()];
    let asked: Vec<PathBuf> = work.renames.iter().flat_map(names).collect();
    list(side, &asked)
}

/// Renames what can be renamed, and gives that, with `one` that only was spelled otherwise; the rest is to be sent, and its
/// old name is gone.
fn rename_there(
    side: &RemoteSide,
    work: &mut Work,
    before: &Listed,
    one: &HashSet<PathBuf>,
) -> Result<Vec<Renamed>> {
    let new = work.renames.iter().map(|renamed| renamed.file.whole());
    let taken = side.not_surely_gone(new.collect())?;
    let mut moved = Vec::new();
    for renamed in std::mem::take(&mut work.renames) {
        let (old, new) = (renamed.old(), renamed.file.whole());
        let sent = &renamed.gone.sent;
        let shown = before.file(&old);
        let is_as_sent =
            shown.is_some_and(|old| old.bytes == Some(sent.bytes) && old.mark == sent.mark);
        let can = is_as_sent && !taken.contains(&new) && !interrupt::requested();
        if one.contains(&old) {
            if is_as_sent {
                moved.push(renamed);
            } else {
                let mut file = renamed.file;
                file.replaces = true;
                work.removed.push((renamed.replica, renamed.gone.path));
                work.send.push(file);
            }
        } else if can && side.remote.rename(&old, &new).is_ok() {
            moved.push(renamed);
        } else {
            work.gone.push((renamed.replica, renamed.gone));
            work.send.push(renamed.file);
        }
    }
    Ok(moved)
}

/// What a listing shows of files; nothing where there can be none, so that nothing is renamed.
fn list(side: &RemoteSide, files: &[PathBuf]) -> Result<Listed> {
    if files.is_empty() {
        return Ok(Listed::default());
    }
    let listed = side
        .remote
        .list(Wanted::Files(files), &side.abilities, Times::Cheap);
    match listed {
        Err(Error::Interrupted) => Err(Error::Interrupted),
        listed => Ok(listed.unwrap_or_default().unwrap_or_default()),
    }
}
