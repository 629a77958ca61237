//! Keeping what is replaced: `ROOT/.auto-backup/versions/RUN/...` at the destination holds every old version.
//!
//! A copy that is whole goes among the versions first, and is then exchanged with what it replaces: one step, in which
//! neither is ever without a name, and whatever had the name at that moment is kept. Where a file system cannot exchange,
//! the old version gets a second name, or is copied, before its own is given to the new.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::copy_file::{Mover, Part, copy_file, make_link};
use crate::diff::Seen;
use crate::error::{Error, Result};
use crate::exclusions::OWN_FOLDER;
use crate::moment::Moment;
use crate::os::folder::{Folder, is_missing};
use crate::os::host;
use crate::os::stat::{Kind, Stat};

/// Returns a new name for a folder of old versions: `TIME-HOST-RUN-RANDOM`. Its 128 random bits make it different at every
/// call, also for two runs with the same number in the same second.
///
/// # Errors
/// The system has no source of randomness.
pub fn run_name(run: i64) -> Result<String> {
    let (time, host) = (Moment::now().file_name(), host::name());
    Ok(format!("{time}-{host}-{run}-{}", host::random_id()?))
}

/// Returns a new folder below the root of a remote for the old versions of one attempt of a run.
///
/// # Errors
/// As for [`run_name`].
pub fn on_remote(run: i64) -> Result<PathBuf> {
    Ok([OWN_FOLDER, "versions", &run_name(run)?].iter().collect())
}

/// Where the old versions of one run on one database go.
#[derive(Debug)]
pub struct Versions<'a> {
    root: &'a Folder,
    run: i64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The run's own folder, once something was kept in it: its name and its handle.
    run: Option<(OsString, Arc<Folder>)>,
    /// The folder in which something was kept last: its path below the run's, and its handle.
    last: Option<(PathBuf, Arc<Folder>)>,
}

/// A name in an open folder.
type Place<'a> = (&'a Arc<Folder>, &'a OsStr);

/// A replica's folder below the root, and a path below that.
type Relative<'a> = (&'a Path, &'a Path);

impl<'a> Versions<'a> {
    /// For a run of this number on the database with this root. The folder is made when the first version is kept.
    #[must_use]
    pub fn new(root: &'a Folder, run: i64) -> Self {
        Self {
            root,
            run,
            state: Mutex::default(),
        }
    }

    /// The run's folder below the root, if anything was kept.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        let (name, _) = self.state().run.clone()?;
        Some(Path::new(OWN_FOLDER).join("versions").join(name))
    }

    /// Gives a whole copy the name of what it replaces, and keeps that.
    ///
    /// # Errors
    /// [`Error::Raced`] if what has the name is no longer what the plan saw; or the old version could not be kept. It is
    /// where it was then.
    pub fn replace(
        &self,
        mut part: Part,
        place: Place<'_>,
        relative: Relative<'_>,
        old: &Seen,
    ) -> Result<()> {
        let (folder, name) = place;
        require(folder, name, old)?;
        let kept = self.mirror(relative)?;
        let (temporary_folder, temporary) = part.place();
        let copy = temporary_folder.stat(temporary)?;
        match part.move_to(&kept, name) {
            Ok(()) => {}
            Err(error) if is(&error, ErrorKind::CrossesDevices) => {
                return self.replace_across(part, place, &kept, old);
            }
            Err(error) => return Err(error),
        }
        // From the exchange on its name stands for the old version, which must never be removed.
        part.settle();
        let exchanged = kept.exchange(name, folder, name);
        match exchanged {
            Ok(true) => {
                keep_if_expected(&kept, place, old, &copy)?;
                flush_where_needed(&kept)
            }
            Ok(false) => {
                part.unsettle();
                part.move_back(folder)?;
                replace_by_link(part, place, &kept)
            }
            Err(error) => {
                if is_missing(&error) {
                    return part.place_in(folder, name);
                }
                // A network may have lost no more than the answer.
                if is_there(&kept, name, &copy) {
                    part.unsettle();
                }
                Err(error)
            }
        }
    }

    /// Moves a file among the old versions; its name is free then.
    ///
    /// # Errors
    /// As for [`Self::replace`]; the file is on another file system than the kept versions.
    pub fn put_aside(
        &self,
        (folder, name): Place<'_>,
        relative: Relative<'_>,
        old: &Seen,
    ) -> Result<()> {
        require(folder, name, old)?;
        let kept = self.mirror(relative)?;
        folder.rename_new(name, &kept, name)?;
        flush_where_needed(&kept)?;
        folder.flush()
    }

    /// Makes a folder in the place of a file, link or special file, and keeps that.
    ///
    /// # Errors
    /// As for [`Self::replace`].
    pub fn replace_by_folder(
        &self,
        (parent, name): (&Folder, &OsStr),
        relative: Relative<'_>,
        old: &Seen,
        mode: u32,
    ) -> Result<()> {
        require(parent, name, old)?;
        let kept = self.mirror(relative)?;
        parent.rename_new(name, &kept, name)?;
        let replaced = require(&kept, name, old).and_then(|()| {
            flush_where_needed(&kept)?;
            parent.make(name, mode)
        });
        if replaced.is_err() {
            kept.rename_new(name, parent, name)?;
        }
        replaced
    }

    /// Replaces on a file system other than that of the versions: the old version is copied there first.
    fn replace_across(
        &self,
        mut part: Part,
        (folder, name): Place<'_>,
        kept: &Arc<Folder>,
        old: &Seen,
    ) -> Result<()> {
        if !matches!(old.kind, Kind::File | Kind::Link) {
            let why = "it is on another file system than the kept versions; move it away by hand";
            return Err(Error::Io {
                action: "replace",
                path: folder.path().join(name),
                source: std::io::Error::other(why),
            });
        }
        // In our own folder a temporary file that a killed run leaves is found.
        let own = Arc::new(self.root.own_folder()?);
        let copy = if old.kind == Kind::File {
            copy_file(folder, name, &own, &mut Mover::default(), &|_| {})?
        } else {
            make_link(folder, name, &own)?
        };
        copy.flush()?;
        let copied = copy.source;
        copy.place_in(kept, name)?;
        kept.flush()?;
        let temporary = part.place().1.to_owned();
        let new = folder.stat(&temporary)?;
        // From the exchange on the temporary name stands for the old version.
        part.settle();
        let exchanged = folder.exchange(&temporary, folder, name);
        if !matches!(exchanged, Ok(true)) && is_there(folder, &temporary, &new) {
            part.unsettle();
        }
        if exchanged? {
            if is_there(folder, &temporary, &copied) {
                // Its copy is kept.
                return folder.remove_temporary(&temporary);
            }
            folder.exchange(&temporary, folder, name)?;
            keep_what_was_saved(folder, name, &temporary, &new)?;
            return Err(raced(folder, name));
        }
        let there = folder.stat(name)?;
        let is_link = there.kind == Kind::Link && is_same_file(&there, &copied);
        if !(is_link || there.unchanged_since(&copied)) {
            return Err(raced(folder, name));
        }
        part.place_over(name)
    }

    /// The folder among the versions for what has this path, with the same permissions on the way.
    fn mirror(&self, (replica, path): Relative<'_>) -> Result<Arc<Folder>> {
        let relative = replica.join(path.parent().unwrap_or(Path::new("")));
        let mut state = self.state();
        if let Some((last, folder)) = &state.last
            && *last == relative
        {
            return Ok(Arc::clone(folder));
        }
        let run = if let Some((_, run)) = &state.run {
            Arc::clone(run)
        } else {
            let (name, run) = self.make_run_folder()?;
            Arc::clone(&state.run.insert((name, Arc::new(run))).1)
        };
        let mut kept = run.beneath(Path::new(""))?;
        let mut like = self.root.beneath(Path::new(""))?;
        for component in &relative {
            like = like.child(component)?;
            kept = kept.child_like(component, &like)?;
        }
        let kept = Arc::new(kept);
        state.last = Some((relative, Arc::clone(&kept)));
        Ok(kept)
    }

    /// Makes a folder for this run, exclusively. Its handle is kept, so that nobody can exchange it later.
    fn make_run_folder(&self) -> Result<(OsString, Folder)> {
        let own = self.root.own_folder()?;
        let versions = own.own_child(OsStr::new("versions"), self.root)?;
        let name = OsString::from(run_name(self.run)?);
        let mode = self.root.stat_self()?.mode;
        versions.make_new(&name, mode)?;
        let folder = versions.child(&name)?;
        folder.set_own_mode(mode | 0o700)?;
        versions.flush()?;
        Ok((name, folder))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// After an exchange: what came among the versions must be what the plan saw, else both go back, for somebody saved a
/// newer version meanwhile. What comes back is removed only if it is the copy still: somebody may have saved over that
/// too.
fn keep_if_expected(
    kept: &Folder,
    (folder, name): Place<'_>,
    old: &Seen,
    copy: &Stat,
) -> Result<()> {
    if require(kept, name, old).is_ok() {
        return Ok(());
    }
    kept.exchange(name, folder, name)?;
    if is_there(kept, name, copy) {
        kept.remove_temporary(name)?;
    }
    Err(raced(folder, name))
}

/// After an exchange that was taken back in a file's own folder: removes the copy, but if somebody saved over that too,
/// gives what they saved a name that stays.
fn keep_what_was_saved(
    folder: &Folder,
    name: &OsStr,
    temporary: &OsStr,
    copy: &Stat,
) -> Result<()> {
    if is_there(folder, temporary, copy) {
        return folder.remove_temporary(temporary);
    }
    let mut saved = name.to_owned();
    saved.push(".saved-meanwhile");
    folder.rename_new(temporary, folder, &saved)
}

/// Whether a name stands for this file, as it was.
fn is_there(folder: &Folder, name: &OsStr, file: &Stat) -> bool {
    folder
        .stat(name)
        .is_ok_and(|found| is_same_file(&found, file))
}

/// Replaces where names cannot be exchanged: the old version gets a second name among the versions, or is moved there.
/// That reaches stable storage before its own name is given away, for such a file system may not keep the order.
fn replace_by_link(part: Part, (folder, name): Place<'_>, kept: &Folder) -> Result<()> {
    match folder.link(name, kept, name) {
        Ok(()) => {
            kept.flush()?;
            let (second, there) = (kept.stat(name)?, folder.stat(name)?);
            if (second.device, second.inode) != (there.device, there.inode) {
                return Err(raced(folder, name));
            }
            part.place_over(name)
        }
        // No hard links here, or too many of this file already.
        Err(error) if NO_LINKS.iter().any(|kind| is(&error, *kind)) => {
            folder.rename_new(name, kept, name)?;
            kept.flush()?;
            part.place_new(name).map_err(|error| {
                match kept.rename_new(name, folder, name) {
                    Ok(()) => error,
                    // Both failed: the second says where the old version is.
                    Err(lost) => lost,
                }
            })
        }
        Err(error) => Err(error),
    }
}

/// A flush of the whole file system follows where there is one; elsewhere each folder is flushed by itself.
fn flush_where_needed(folder: &Folder) -> Result<()> {
    if cfg!(target_os = "linux") {
        Ok(())
    } else {
        folder.flush()
    }
}

/// Fails unless what has the name is still what the plan saw.
fn require(folder: &Folder, name: &OsStr, planned: &Seen) -> Result<()> {
    let now = folder.stat(name)?;
    let same = match planned.kind {
        Kind::File => now.bytes == planned.bytes && now.modified == planned.modified,
        Kind::Link => now.modified == planned.modified,
        Kind::Folder | Kind::Special => true,
    };
    if same && now.kind == planned.kind {
        return Ok(());
    }
    Err(raced(folder, name))
}

/// Whether both are looks at one file with one content; renaming it changes the time of its status, and of a link the
/// size is not kept.
fn is_same_file(a: &Stat, b: &Stat) -> bool {
    let state = |stat: &Stat| (stat.device, stat.inode, stat.modified);
    let same_size = a.kind == Kind::Link || a.bytes == b.bytes;
    state(a) == state(b) && same_size
}

fn raced(folder: &Folder, name: &OsStr) -> Error {
    Error::Raced {
        path: folder.path().join(name),
    }
}

/// What a file system says that has no hard links, or no more for a file.
const NO_LINKS: [ErrorKind; 3] = [
    ErrorKind::PermissionDenied,
    ErrorKind::Unsupported,
    ErrorKind::TooManyLinks,
];

fn is(error: &Error, kind: ErrorKind) -> bool {
    matches!(error, Error::Io { source, .. } if source.kind() == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_attempts_never_share_a_folder() {
        let (first, second) = (on_remote(7).unwrap(), on_remote(7).unwrap());
        assert_ne!(first, second);
        let name = first.file_name().unwrap().to_str().unwrap();
        let (before, random) = name.rsplit_once('-').unwrap();
        assert!(before.ends_with("-7"), "{name}");
        assert_eq!(random.len(), 32, "{name}");
        assert!(first.starts_with(".auto-backup/versions"));
    }
}
