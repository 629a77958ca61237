//! Copying one file so that its final name never stands for half of it.
//!
//! The bytes go to a temporary file in the destination's folder; only when they are whole, flushed and carry the source's
//! time and permissions does that file get its final name. `fs_extra` moves the bytes, and only onto that temporary file.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use fs_extra::error::ErrorKind;
use fs_extra::file::{CopyOptions, TransitProcess, copy, copy_with_progress};

use crate::error::{At as _, Error, Result};
use crate::exclusions::TEMPORARY;
use crate::interrupt;
use crate::os::folder::Folder;
use crate::os::host;
use crate::os::stat::{Kind, Stat};

/// From this size on a file is copied in pieces, so that it can be watched and stopped: 64 MiB.
const LARGE: u64 = 64 << 20;

/// The size of those pieces: 1 MiB.
const PIECE: usize = 1 << 20;

/// Stopping inside a file unwinds through `fs_extra`, which has no other way out.
const _: () = assert!(cfg!(panic = "unwind"), "a copy is stopped by unwinding");

/// A whole copy under a temporary name. Dropping it removes it; giving it a final name consumes it.
#[derive(Debug)]
pub struct Part<'a> {
    folder: &'a Folder,
    name: OsString,
    /// Holds a lock that says that the file is in use; it dies with the process. A link has none.
    #[expect(dead_code, reason = "it is there to be held")]
    lock: Option<File>,
    /// Whether it has its final name.
    placed: bool,
    /// What the source was when it was copied.
    pub source: Stat,
}

impl Part<'_> {
    /// Gives the copy a name that must be free.
    ///
    /// # Errors
    /// The name is taken by now, or the system refused.
    pub fn place_new(mut self, name: &OsStr) -> Result<()> {
        self.folder.rename_new(&self.name, self.folder, name)?;
        self.placed = true;
        Ok(())
    }

    /// Gives the copy the name of the file it replaces, whose old version is kept elsewhere by now.
    ///
    /// # Errors
    /// The system refused.
    pub fn place_over(mut self, name: &OsStr) -> Result<()> {
        self.folder.rename(&self.name, self.folder, name)?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        if !self.placed {
            // What cannot be removed is swept by the next run.
            self.folder.remove_temporary(&self.name).unwrap_or_default();
        }
    }
}

/// Makes a symbolic link under a temporary name, with the time of the one it copies.
///
/// # Errors
/// The file system has no links, or the system refused.
pub fn make_link<'a>(source: &Folder, name: &OsStr, destination: &'a Folder) -> Result<Part<'a>> {
    let (target, stat) = (source.read_link(name)?, source.stat(name)?);
    let temporary = temporary_name();
    match destination.make_link(&temporary, &target) {
        // A process of the same number left it behind.
        Err(_) if sweep(destination, &temporary) => destination.make_link(&temporary, &target),
        linked => linked,
    }
    .map_err(|error| in_folder(error, destination))?;
    let part = Part {
        folder: destination,
        name: temporary,
        lock: None,
        source: stat,
        placed: false,
    };
    destination.set_modified(&part.name, stat.modified)?;
    Ok(part)
}

/// Copies a file to a temporary file in `destination`, whole and flushed, with its time and permissions.
///
/// # Errors
/// [`Error::Changed`] if the source was not the same before and after, [`Error::Interrupted`], or what the disks refused.
pub fn copy_file<'a>(
    source: &Folder,
    name: &OsStr,
    destination: &'a Folder,
    progress: &dyn Fn(u64),
) -> Result<Part<'a>> {
    let path = source.path().join(name);
    let (file, stat) = source.open_file(name)?;
    let (temporary, target) = create_temporary(destination)?;
    let target_path = destination.path().join(&temporary);
    let part = Part {
        folder: destination,
        name: temporary,
        lock: Some(target.try_clone().at("create", &target_path)?),
        placed: false,
        source: stat,
    };
    move_bytes(
        &handle_path(&file, &path),
        &handle_path(&target, &target_path),
        &stat,
        progress,
    )
    .map_err(|source| copy_error(source, &path, &target_path))?;
    let written = target.metadata().at("look at", &target_path)?.len();
    let after = source
        .stat(name)
        .map_err(|_| Error::Changed { path: path.clone() })?;
    if !after.unchanged_since(&stat) || written != stat.bytes {
        return Err(Error::Changed { path });
    }
    set_mode(&target, stat.mode).at("set the permissions of", &target_path)?;
    destination.set_modified(&part.name, stat.modified)?;
    target.sync_all().at("flush", &target_path)?;
    Ok(part)
}

/// A name that no other process on this host has.
fn temporary_name() -> OsString {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let unique = format!("{}-{}-{number}", host::name(), process::id());
    OsString::from(format!("{}{unique}{}", TEMPORARY.0, TEMPORARY.1))
}

/// Creates a temporary file under a name that no other process has, and locks it as in use.
fn create_temporary(folder: &Folder) -> Result<(OsString, File)> {
    let name = temporary_name();
    let file = match folder.create_file(&name) {
        // A process of the same number left it behind, or one in another container has it.
        Err(_) if sweep(folder, &name) => folder.create_file(&name),
        created => created,
    }
    .map_err(|error| in_folder(error, folder))?;
    // Where a file system knows no locks nobody can sweep by them either.
    file.try_lock().unwrap_or_default();
    Ok((name, file))
}

/// Names the folder in which no file can be made, not the temporary file that nobody knows.
fn in_folder(error: Error, folder: &Folder) -> Error {
    match error {
        Error::Io { source, .. } => Error::Io {
            action: "create a file in",
            path: folder.path().to_owned(),
            source,
        },
        error => error,
    }
}

/// Removes a temporary file that no living process holds; says whether it is gone.
#[must_use]
pub fn sweep(folder: &Folder, name: &OsStr) -> bool {
    let unused = match folder.stat(name).map(|stat| stat.kind) {
        Ok(Kind::File) => folder
            .open_to_lock(name)
            .is_ok_and(|file| file.try_lock().is_ok()),
        // A link holds nothing: the run that was about to place it reports that it is gone.
        Ok(Kind::Link) => true,
        _ => false,
    };
    unused && folder.remove_temporary(name).is_ok()
}

/// A path that means this open file and nothing else, whatever happens to its name.
fn handle_path(file: &File, path: &Path) -> PathBuf {
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd as _;
        let handle = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        if handle.exists() {
            return handle;
        }
    }
    let _ = file;
    path.to_owned()
}

/// Moves the bytes of a file onto the temporary file.
fn move_bytes(
    from: &Path,
    to: &Path,
    stat: &Stat,
    progress: &dyn Fn(u64),
) -> Result<(), io::Error> {
    let options = CopyOptions::new().overwrite(true).buffer_size(PIECE);
    if stat.bytes < LARGE {
        copy(from, to, &options).map_err(unwrapped)?;
        progress(stat.bytes);
        return Ok(());
    }
    let mut seen = 0;
    let piece = |state: TransitProcess| {
        progress(state.copied_bytes.saturating_sub(seen));
        seen = state.copied_bytes;
        if interrupt::requested() {
            resume_unwind(Box::new(Stopped));
        }
    };
    match catch_unwind(AssertUnwindSafe(|| {
        copy_with_progress(from, to, &options, piece)
    })) {
        Ok(copied) => copied.map(|_| ()).map_err(unwrapped),
        Err(payload) if payload.is::<Stopped>() => {
            Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted"))
        }
        Err(payload) => resume_unwind(payload),
    }
}

/// Carried by the unwinding that stops a copy.
struct Stopped;

/// The system's error within that of `fs_extra`.
fn unwrapped(error: fs_extra::error::Error) -> io::Error {
    match error.kind {
        ErrorKind::Io(source) => source,
        ErrorKind::NotFound => io::ErrorKind::NotFound.into(),
        ErrorKind::PermissionDenied => io::ErrorKind::PermissionDenied.into(),
        ErrorKind::AlreadyExists => io::ErrorKind::AlreadyExists.into(),
        ErrorKind::Interrupted => io::ErrorKind::Interrupted.into(),
        // A short write is how a full disk first shows.
        _ if error.to_string().contains("whole buffer") => io::ErrorKind::StorageFull.into(),
        _ => io::Error::other(error.to_string()),
    }
}

/// Names the side that failed, as far as the error tells.
fn copy_error(source: io::Error, from: &Path, to: &Path) -> Error {
    if interrupt::requested() && source.kind() == io::ErrorKind::Interrupted {
        return Error::Interrupted;
    }
    let to_folder = to.parent().unwrap_or(to);
    match source.kind() {
        io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::FileTooLarge => Error::Io {
            action: "write to",
            path: to_folder.to_owned(),
            source,
        },
        _ => Error::Copy {
            from: from.to_owned(),
            to: to_folder.to_owned(),
            source,
        },
    }
}

/// Sets the permissions, but never setuid or setgid; a file system without permissions keeps its own.
fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    match file.set_permissions(std::fs::Permissions::from_mode(mode & 0o777)) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        set => set,
    }
}
