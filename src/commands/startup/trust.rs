//! Checks that a start-up file is safe to run: only the user and root can have written it.
//!
//! The file is opened once, and both the check and the run use that handle. Another file cannot replace it in between.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::model::path;
use crate::os::own_file::OwnFile;
use crate::os::stat::Stat;
use crate::os::trusted_path::is_us_or_root;

/// A start-up file to run.
#[derive(Debug)]
pub struct StartupFile {
    pub path: PathBuf,
    /// The open file, if it was checked.
    pub handle: Option<File>,
}

/// The result of the check.
#[derive(Debug)]
pub(super) enum TrustCheck {
    Trusted(StartupFile),
    Absent,
    /// Another user could have written the file; the message explains it.
    Rejected(String),
}

/// Opens and checks the start-up file at a usual place.
pub(super) fn check_trust(path: &Path) -> TrustCheck {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return TrustCheck::Absent,
        // `~/.config` is the configuration folder of all programs, not a start-up file.
        Ok(found) if found.is_dir() && path::is_configuration_folder(path) => {
            return TrustCheck::Absent;
        }
        _ => {}
    }
    match open_trusted(path) {
        Ok(Ok(file)) => TrustCheck::Trusted(StartupFile {
            path: path.to_owned(),
            handle: Some(file),
        }),
        Ok(Err(why)) => rejected(path, why),
        Err(error) => rejected(path, &open_failure(path, &error)),
    }
}

fn rejected(path: &Path, why: &str) -> TrustCheck {
    let path = Name::from(path);
    TrustCheck::Rejected(format!("start-up file `{path}` was not run: {why}"))
}

/// Opens the file, or returns the reason not to run it.
fn open_trusted(path: &Path) -> Result<Result<File, &'static str>> {
    let own = OwnFile::find(path)?;
    let (file, stat) = own.open()?;
    Ok(rejection_reason(&own, &stat).map_or(Ok(file), Err))
}

fn rejection_reason(own: &OwnFile, stat: &Stat) -> Option<&'static str> {
    if !is_us_or_root(stat.owner) {
        return Some("it belongs to another user");
    }
    if stat.mode & 0o022 != 0 {
        return Some("other users can write it; `chmod go-w .config` prevents that");
    }
    if own.is_private() {
        return None;
    }
    Some(if is_us_or_root(own.folder_owner()) {
        "other users can write its folder; `--config FILE` runs it anyway"
    } else {
        "its folder belongs to another user; `--config FILE` runs it anyway"
    })
}

/// Returns the reason that a file could not be opened.
fn open_failure(path: &Path, error: &Error) -> String {
    let Error::Io { source, .. } = error else {
        return error.full_message();
    };
    let link = fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    match source.kind() {
        io::ErrorKind::NotFound if link => "it is a broken symbolic link".to_owned(),
        io::ErrorKind::IsADirectory => "it is not a regular file".to_owned(),
        io::ErrorKind::PermissionDenied => "it cannot be read".to_owned(),
        _ => source.to_string(),
    }
}
