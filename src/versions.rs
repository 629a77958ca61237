//! Keeping what is replaced: `ROOT/.auto-backup/versions/RUN/...` at the destination holds every old version.

use std::cell::OnceCell;
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::copy_file::{copy_file, make_link};
use crate::error::{Error, Result};
use crate::exclusions::OWN_FOLDER;
use crate::moment::Moment;
use crate::os::folder::Folder;
use crate::os::host;
use crate::os::stat::{Kind, Stat};

/// Where the old versions of one run on one database go.
#[derive(Debug)]
pub struct Versions<'a> {
    root: &'a Folder,
    run: i64,
    /// The run's own folder, once something was kept in it.
    folder: OnceCell<OsString>,
}

/// How an old version was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It has a second name among the versions, or a copy there, and is where it was as well, in this state.
    Doubled(Stat),
    /// It was moved there: its name is free.
    Moved,
}

impl<'a> Versions<'a> {
    /// For a run of this number on the database with this root. The folder is made when the first version is kept.
    #[must_use]
    pub const fn new(root: &'a Folder, run: i64) -> Self {
        Self {
            root,
            run,
            folder: OnceCell::new(),
        }
    }

    /// The run's folder below the root, if anything was kept.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        self.folder
            .get()
            .map(|name| Path::new(OWN_FOLDER).join("versions").join(name))
    }

    /// Keeps the entry `name` of `folder` under its path; `path` is relative to the replica at `relative`.
    ///
    /// Unless it `must_leave`, a file or link gets a second name among the versions and stays where it is until it is
    /// replaced, so that its name is never missing.
    ///
    /// # Errors
    /// The old version could not be kept; nothing must be replaced then.
    pub fn keep(
        &self,
        folder: &Folder,
        name: &OsStr,
        relative: &Path,
        path: &Path,
        must_leave: bool,
    ) -> Result<Kept> {
        let above = relative.join(path.parent().unwrap_or(Path::new("")));
        let versions = self.mirror(&above)?;
        let kept = keep_in(&versions, folder, name, must_leave)?;
        if let Err(error) = versions.flush() {
            // Not safely kept: what was moved goes back, and nothing is replaced.
            if kept == Kept::Moved {
                versions.rename_new(name, folder, name)?;
            }
            return Err(error);
        }
        Ok(kept)
    }

    /// Puts back what was moved away, because its successor could not take its place.
    ///
    /// # Errors
    /// The system refused; the old version is among the versions then.
    pub fn put_back(
        &self,
        folder: &Folder,
        name: &OsStr,
        relative: &Path,
        path: &Path,
    ) -> Result<()> {
        let above = relative.join(path.parent().unwrap_or(Path::new("")));
        self.mirror(&above)?.rename_new(name, folder, name)
    }

    /// The folder among the versions for a folder below the root, with the same permissions on the way.
    fn mirror(&self, relative: &Path) -> Result<Folder> {
        let own = self.root.own_folder()?;
        let versions = own.child_like(OsStr::new("versions"), self.root)?;
        if self.folder.get().is_none() {
            let name = self.make_run_folder(&versions)?;
            self.folder.get_or_init(|| name);
        }
        let name = self
            .folder
            .get()
            .map_or(OsStr::new(""), OsString::as_os_str);
        let mut kept = versions.child(name)?;
        let mut like = self.root.beneath(Path::new(""))?;
        for component in relative {
            like = like.child(component)?;
            kept = kept.child_like(component, &like)?;
        }
        Ok(kept)
    }

    /// Makes a folder for this run under a name that nobody else has: UTC time, host, number, and one more where that is
    /// taken.
    fn make_run_folder(&self, versions: &Folder) -> Result<OsString> {
        let name = format!(
            "{}-{}-{}",
            Moment::now().file_name(),
            host::name(),
            self.run
        );
        let mode = self.root.stat_self()?.mode;
        for number in 1.. {
            let name = OsString::from(if number == 1 {
                name.clone()
            } else {
                format!("{name}-{number}")
            });
            match versions.make_new(&name, mode) {
                Err(error) if is(&error, ErrorKind::AlreadyExists) => {}
                done => {
                    done?;
                    versions.child(&name)?.set_own_mode(mode | 0o700)?;
                    versions.flush()?;
                    return Ok(name);
                }
            }
        }
        Err(Error::Raced {
            path: versions.path().join(name),
        })
    }
}

/// Keeps an entry in a folder among the versions.
fn keep_in(versions: &Folder, folder: &Folder, name: &OsStr, must_leave: bool) -> Result<Kept> {
    let kind = folder.stat(name)?.kind;
    if must_leave || !matches!(kind, Kind::File | Kind::Link) {
        return folder
            .rename_new(name, versions, name)
            .map(|()| Kept::Moved);
    }
    match folder.link(name, versions, name) {
        Ok(()) => require_same(versions, folder, name),
        Err(error) if is(&error, ErrorKind::CrossesDevices) => {
            let part = if kind == Kind::File {
                copy_file(folder, name, versions, &|_| {})?
            } else {
                make_link(folder, name, versions)?
            };
            let copied = part.source;
            part.place_new(name)?;
            if folder.stat(name)?.unchanged_since(&copied) {
                Ok(Kept::Doubled(copied))
            } else {
                Err(Error::Raced {
                    path: folder.path().join(name),
                })
            }
        }
        // No hard links here, or too many of this file already.
        Err(error) if NO_LINKS.iter().any(|kind| is(&error, *kind)) => folder
            .rename_new(name, versions, name)
            .map(|()| Kept::Moved),
        Err(error) => Err(error),
    }
}

/// Fails unless what has the name is still what was kept: somebody may have saved a newer version meanwhile.
fn require_same(versions: &Folder, folder: &Folder, name: &OsStr) -> Result<Kept> {
    let (kept, there) = (versions.stat(name)?, folder.stat(name)?);
    if (kept.device, kept.inode) == (there.device, there.inode) {
        return Ok(Kept::Doubled(there));
    }
    Err(Error::Raced {
        path: folder.path().join(name),
    })
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
