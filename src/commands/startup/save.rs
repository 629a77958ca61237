//! Writing the start-up file: whole or not at all, the file before kept beside it.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::edit::{EditedText, SessionChanges, rewrite};
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::timestamp::Timestamp;
use crate::os::folder::is_not_found;
use crate::os::own_file::OwnFile;
use crate::os::stat::Stat;

/// How long is waited for another session that saves.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// How long is waited between two tries to lock.
const LOCK_RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// More than this is no start-up file: 16 MiB.
const MAX_BYTES: u64 = 16 << 20;

/// Writes a session's changes into the start-up file as it is now: lines that it took back go, lines that are not there
/// yet follow the last that registers something, all else stays as it is. The file before is kept beside it.
///
/// # Errors
/// The file cannot be read or written, or belongs to a user to whom this one cannot give files. [`Error::NameTaken`] or
/// [`Error::Overlap`] if it has come to track something else under a name, or on files, that the session added. In each
/// case nothing is written.
pub fn save(path: &Path, changes: &SessionChanges<'_>) -> Result<SaveSummary> {
    let absolute = std::path::absolute(path).at("find", path)?;
    let own = OwnFile::find_or_make_folder(&absolute)?;
    // Two sessions that save at once take turns, where the file system knows locks.
    let _turn = own.lock_folder(LOCK_TIMEOUT, LOCK_RETRY_INTERVAL)?;
    let before = read(&own)?;
    let after = rewrite(&text(before.as_ref()), changes, folder(&absolute))?;
    let mut saved = SaveSummary::new(path, &after);
    if saved.added_lines + saved.removed_lines > 0 {
        let like = before.as_ref().map(|(_, stat)| stat);
        if let Some((text, stat)) = &before {
            saved.backup = Some(write_backup(&own, path, text, stat)?);
        }
        own.replace(after.text.as_bytes(), like)?;
    }
    Ok(saved)
}

/// What [`save`] would do.
///
/// # Errors
/// As for [`save`], but for those of writing.
pub fn dry_run(path: &Path, changes: &SessionChanges<'_>) -> Result<SaveSummary> {
    let absolute = std::path::absolute(path).at("find", path)?;
    let before = match OwnFile::find(&absolute) {
        Err(error) if is_not_found(&error) => None,
        own => read(&own?)?,
    };
    let after = rewrite(&text(before.as_ref()), changes, folder(&absolute))?;
    Ok(SaveSummary::new(path, &after))
}

/// The text of the file as it is, and what the file is; `None` if there is none.
fn read(own: &OwnFile) -> Result<Option<(String, Stat)>> {
    let (file, stat) = match own.open() {
        Err(error) if is_not_found(&error) => return Ok(None),
        opened => opened?,
    };
    let mut text = String::new();
    let read = file.take(MAX_BYTES + 1).read_to_string(&mut text);
    if read.at("read", own.path())? as u64 > MAX_BYTES {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge)).at("read", own.path());
    }
    Ok(Some((text, stat)))
}

fn text(before: Option<&(String, Stat)>) -> String {
    before.map(|(text, _)| text.clone()).unwrap_or_default()
}

/// The folder that relative paths in the file are relative to, as when it runs.
fn folder(absolute: &Path) -> &Path {
    absolute.parent().unwrap_or(Path::new("/"))
}

/// What saving came to.
#[derive(Debug)]
pub struct SaveSummary {
    /// The start-up file.
    pub path: PathBuf,
    /// The copy of what it was before.
    pub backup: Option<PathBuf>,
    /// How many lines are new.
    pub added_lines: usize,
    /// How many lines went.
    pub removed_lines: usize,
}

impl SaveSummary {
    fn new(path: &Path, after: &EditedText) -> Self {
        Self {
            path: path.to_owned(),
            backup: None,
            added_lines: after.added_lines,
            removed_lines: after.removed_lines,
        }
    }
}

/// Keeps the old text under a name that says when, for whoever the file belongs to.
fn write_backup(own: &OwnFile, path: &Path, text: &str, like: &Stat) -> Result<PathBuf> {
    /// Number of names that are tried where some are taken.
    const MAX_ATTEMPTS: u32 = 1000;
    let stamp = Timestamp::now().to_file_name();
    for number in 1..=MAX_ATTEMPTS {
        let suffix = match number {
            1 => format!(".{stamp}"),
            number => format!(".{stamp}-{number}"),
        };
        let kept = own.sibling(&suffix)?;
        match kept.create_with(text.as_bytes(), like) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {}
            made => {
                made?;
                let mut name = path.as_os_str().to_owned();
                name.push(suffix);
                return Ok(name.into());
            }
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists)).at("keep the old", path)
}
