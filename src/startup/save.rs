//! Writing the start-up file: whole or not at all, the file before kept beside it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::edit::{Changes, Rewritten, rewritten};
use crate::error::{At as _, Error, Result};
use crate::moment::Moment;

/// Writes a session's changes into the start-up file as it is now: lines that it took back go, lines that are not there
/// yet follow the last that registers something, all else stays as it is. The file before is kept beside it.
///
/// # Errors
/// The file cannot be read or written. [`Error::Taken`] or [`Error::Overlap`] if it has come to track something else
/// under a name, or on files, that the session added; then nothing is written.
pub fn save(path: &Path, changes: &Changes<'_>) -> Result<Saved> {
    // Two sessions that save at once take turns, where the file system knows locks.
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let lock = fs::File::open(folder.unwrap_or(Path::new("."))).ok();
    lock.as_ref()
        .map_or(Ok(()), fs::File::lock)
        .unwrap_or_default();
    let (before, after) = worked_out(path, changes)?;
    let mut saved = Saved::new(path, &after);
    if saved.added + saved.removed > 0 {
        let whole = std::path::absolute(path).at("find", path)?;
        let folder = whole.parent().unwrap_or(Path::new("/"));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .at("create the folder", folder)?;
        saved.kept = before.map(|before| keep(path, &before)).transpose()?;
        write_whole(path, &after.text)?;
    }
    Ok(saved)
}

/// What [`save`] would do.
///
/// # Errors
/// As for [`save`], but for those of writing.
pub fn foresee(path: &Path, changes: &Changes<'_>) -> Result<Saved> {
    let (_, after) = worked_out(path, changes)?;
    Ok(Saved::new(path, &after))
}

/// The text of the file, if there is one, and what it is to become.
fn worked_out(path: &Path, changes: &Changes<'_>) -> Result<(Option<String>, Rewritten)> {
    let before = match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).at("read", path),
    };
    // Its relative paths are relative to its own folder, as when it runs.
    let whole = std::path::absolute(path).at("find", path)?;
    let folder = whole.parent().unwrap_or(Path::new("/"));
    let after = rewritten(before.as_deref().unwrap_or_default(), changes, folder)?;
    Ok((before, after))
}

/// What saving came to.
#[derive(Debug)]
pub struct Saved {
    /// The start-up file.
    pub path: PathBuf,
    /// The copy of what it was before.
    pub kept: Option<PathBuf>,
    /// How many lines are new.
    pub added: usize,
    /// How many lines went.
    pub removed: usize,
}

impl Saved {
    fn new(path: &Path, after: &Rewritten) -> Self {
        Self {
            path: path.to_owned(),
            kept: None,
            added: after.added,
            removed: after.removed,
        }
    }
}

/// Keeps the old text under a name that says when.
fn keep(path: &Path, text: &str) -> Result<PathBuf> {
    let stamp = Moment::now().file_name();
    for number in 1.. {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{stamp}"));
        if number > 1 {
            name.push(format!("-{number}"));
        }
        let kept = PathBuf::from(name);
        match fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&kept)
        {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            opened => {
                let mut file = opened.at("create", &kept)?;
                file.write_all(text.as_bytes())
                    .and_then(|()| file.sync_all())
                    .at("write", &kept)?;
                return Ok(kept);
            }
        }
    }
    Err(Error::Io {
        action: "keep the old",
        path: path.to_owned(),
        source: std::io::ErrorKind::AlreadyExists.into(),
    })
}

/// Writes a file so that it is never half there; its permissions stay.
fn write_whole(path: &Path, text: &str) -> Result<()> {
    let mode = fs::metadata(path).map_or(0o600, |metadata| metadata.permissions().mode() & 0o777);
    // Through a link the file it means is written, not the link.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let temporary = PathBuf::from(name);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&temporary)
        .at("create", &temporary)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    if let Err(error) = written.and_then(|()| fs::rename(&temporary, &path)) {
        fs::remove_file(&temporary).unwrap_or_default();
        return Err(error).at("write", &path);
    }
    Ok(())
}
