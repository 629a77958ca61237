//! Replaces the start-up file as a whole and keeps a backup of the previous file beside it.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::edit::{EditedText, SessionChanges, rewrite};
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::timestamp::Timestamp;
use crate::os::folder::is_not_found;
use crate::os::own_file::OwnFile;
use crate::os::stat::Stat;

/// Time to wait for another session that saves.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Time between two attempts to lock.
const LOCK_RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// Upper bound of the size of a start-up file: 16 MiB.
const MAX_BYTES: u64 = 16 << 20;

/// Saves a session's changes in the start-up file: deletes lines of removed entries, and adds lines for new entries after
/// the last line with an entry. A backup of the previous file is kept beside it.
///
/// # Errors
/// The file cannot be read or written, or belongs to another user and its owner cannot be restored. [`Error::NameTaken`] or
/// [`Error::Overlap`] if the file now has another entry with the name or location of an added one. After an error the file
/// is unchanged.
pub fn save(path: &Path, changes: &SessionChanges<'_>) -> Result<SaveSummary> {
    let absolute = std::path::absolute(path).at("find", path)?;
    let own = OwnFile::find_or_make_folder(&absolute)?;
    // Two sessions that save at the same time take turns, if the file system supports locks.
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

/// Returns the changes that [`save`] would make, or its error, without writing.
pub fn dry_run(path: &Path, changes: &SessionChanges<'_>) -> Result<SaveSummary> {
    let absolute = std::path::absolute(path).at("find", path)?;
    let before = match OwnFile::find(&absolute) {
        Err(error) if is_not_found(&error) => None,
        own => read(&own?)?,
    };
    let after = rewrite(&text(before.as_ref()), changes, folder(&absolute))?;
    Ok(SaveSummary::new(path, &after))
}

/// Reads the file and its metadata; `None` if it does not exist.
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

/// Returns the folder where relative paths in the file start.
fn folder(absolute: &Path) -> &Path {
    absolute.parent().unwrap_or(Path::new("/"))
}

/// The changes to the start-up file.
#[derive(Debug)]
pub struct SaveSummary {
    /// The start-up file.
    pub path: PathBuf,
    /// The backup of the previous file, if any.
    pub backup: Option<PathBuf>,
    pub added_lines: usize,
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

/// Writes the old text to a file with the time in its name, for the owner and group of the old file.
fn write_backup(own: &OwnFile, path: &Path, text: &str, like: &Stat) -> Result<PathBuf> {
    /// Number of names to try before giving up.
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
    Err(io::Error::from(io::ErrorKind::AlreadyExists)).at("keep a backup of", path)
}
