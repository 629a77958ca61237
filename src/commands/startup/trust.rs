//! Whether a start-up file may be run: only where nobody but the user and root can have written it.
//!
//! The file is opened once. What is checked is what was opened, and what is run is read from it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::model::path;
use crate::os::own_file::OwnFile;
use crate::os::stat::Stat;
use crate::os::trusted_path::is_us_or_root;

/// A start-up file that is to be run.
#[derive(Debug)]
pub struct StartupFile {
    /// Its path.
    pub path: PathBuf,
    /// The file itself, where it was opened to be checked.
    pub handle: Option<File>,
}

/// A start-up file at its usual place.
#[derive(Debug)]
pub(super) enum TrustCheck {
    /// It is the user's own.
    Trusted(StartupFile),
    /// There is none.
    Absent,
    /// Somebody else could have written it.
    Rejected(String),
}

/// Opens and checks the start-up file at a usual place.
pub(super) fn check_trust(path: &Path) -> TrustCheck {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return TrustCheck::Absent,
        // In a home folder it is where everybody's settings are, and no surprise.
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
    TrustCheck::Rejected(format!("passed over the start-up file `{path}`: {why}"))
}

/// The file, or why it is not to be run.
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
        return Some("others can write it; `chmod go-w .config` mends that");
    }
    if own.is_private() {
        return None;
    }
    Some(if is_us_or_root(own.folder_owner()) {
        "others can write its folder; `--config FILE` runs it all the same"
    } else {
        "its folder belongs to another user; `--config FILE` runs it all the same"
    })
}

/// Why a file could not be opened, in the words that fit a start-up file.
fn open_failure(path: &Path, error: &Error) -> String {
    let Error::Io { source, .. } = error else {
        return error.full_message();
    };
    let link = fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    match source.kind() {
        io::ErrorKind::NotFound if link => "it is a link that leads nowhere".to_owned(),
        io::ErrorKind::IsADirectory => "it is not a regular file".to_owned(),
        io::ErrorKind::PermissionDenied => "it cannot be read".to_owned(),
        _ => source.to_string(),
    }
}
