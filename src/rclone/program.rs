//! The rclone program: where it is, and which version.

use std::collections::HashMap;
use std::env;
use std::fmt;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::process;
use crate::base::error::{Error, Result};
use crate::model::path;

/// The oldest version that does what is needed here.
const OLDEST: RcloneVersion = RcloneVersion([1, 60, 0]);

/// From this version on a file gets its name on the remote only once it is whole, where the storage can rename.
const FIRST_WITH_PARTIALS: RcloneVersion = RcloneVersion([1, 63, 0]);

/// A version of rclone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RcloneVersion([u32; 3]);

impl fmt::Display for RcloneVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(formatter, "{major}.{minor}.{patch}")
    }
}

impl RcloneVersion {
    /// Reads the first line of `rclone version`: `rclone v1.60.1-DEV`.
    fn parse(line: &str) -> Option<Self> {
        Self::from_number(line.strip_prefix("rclone v")?)
    }

    /// Reads `1.60.1`, and what may follow it.
    pub fn from_number(number: &str) -> Option<Self> {
        let number = number
            .split(|c: char| c != '.' && !c.is_ascii_digit())
            .next()?;
        let mut parts = number.split('.').map(|part| part.parse().ok());
        let mut next = || parts.next().flatten();
        Some(Self([next()?, next()?, next().unwrap_or_default()]))
    }

    /// Whether files get their names on a remote only once they are whole.
    pub fn uses_partial_files(self) -> bool {
        self >= FIRST_WITH_PARTIALS
    }

    /// Whether it can be talked to through a socket file, which moving many files needs.
    pub fn supports_unix_socket(self) -> bool {
        self >= Self([1, 61, 0])
    }
}

/// The program that is used.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) version: RcloneVersion,
}

/// What `set rclone` names.
static CONFIGURED_PROGRAM: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Versions that were asked for, by program file, so that one is asked only once.
static KNOWN_VERSIONS: Mutex<Option<HashMap<(PathBuf, String), RcloneVersion>>> = Mutex::new(None);

/// A question that somebody remembers the answer of: the version of the program with this stamp.
pub type VersionLookup<'a> = dyn Fn(&str) -> Option<RcloneVersion> + 'a;

/// What a person must know of the program, once.
static VERSION_NOTICE: Mutex<(bool, Option<String>)> = Mutex::new((false, None));

/// What a person must know of the program that was found; told once.
pub fn take_version_notice() -> Option<String> {
    VERSION_NOTICE
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .1
        .take()
}

/// Notes that a program is so old that a transfer which is killed leaves half files.
fn note_old_version(program: &Program) {
    let mut notice = VERSION_NOTICE
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if !notice.0 && !program.version.uses_partial_files() {
        *notice = (
            true,
            Some(format!(
                "rclone {} gives a file its name before it is whole: what it was sending when it was killed is half there until the next copy or sync; {FIRST_WITH_PARTIALS} and newer do not",
                program.version
            )),
        );
    }
}

/// Uses this program from now on; `None` for the one on PATH.
pub fn set_program(program: Option<&Path>) {
    let mut preferred = CONFIGURED_PROGRAM
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    *preferred = program.map(Path::to_owned);
}

impl Program {
    /// The one that `set rclone` names, else the first on PATH.
    pub(super) fn find(lookup: &VersionLookup<'_>) -> Result<Self> {
        let preferred = CONFIGURED_PROGRAM
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let path = match preferred.clone() {
            Some(path) if is_program(&path) => path,
            Some(path) => {
                let why = format!("`{}` is no program", path.display());
                return Err(Error::RcloneNotFound { why });
            }
            None => find_on_path().ok_or_else(|| Error::RcloneNotFound {
                why: "there is none on PATH".to_owned(),
            })?,
        };
        drop(preferred);
        let version = program_version(&path, lookup)?;
        if version < OLDEST {
            return Err(Error::RcloneTooOld {
                program: path,
                version: version.to_string(),
                oldest: OLDEST.to_string(),
            });
        }
        let program = Self { path, version };
        note_old_version(&program);
        Ok(program)
    }

    /// What tells this file from a newer one of its name.
    pub(super) fn fingerprint(&self) -> String {
        file_fingerprint(&self.path)
    }
}

fn file_fingerprint(path: &Path) -> String {
    let found = fs::metadata(path).ok();
    let found = found.map(|file| (file.ino(), file.len(), file.mtime()));
    format!("{} {found:?}", path.display())
}

/// What tells rclone's configuration from what it was before.
pub(super) fn configuration_fingerprint() -> String {
    let named = env::var_os("RCLONE_CONFIG").map(PathBuf::from);
    let file = named.or_else(path::rclone_configuration);
    file.map(|file| file_fingerprint(&file)).unwrap_or_default()
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

fn find_on_path() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let folders = env::split_paths(&path).filter(|folder| folder.is_absolute());
    folders
        .map(|folder| folder.join("rclone"))
        .find(|file| is_program(file))
}

fn program_version(path: &Path, lookup: &VersionLookup<'_>) -> Result<RcloneVersion> {
    let fingerprint = file_fingerprint(path);
    let remembered = lookup(&fingerprint);
    let key = (path.to_owned(), fingerprint);
    let mut known = KNOWN_VERSIONS
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if let Some(version) = known.get(&key) {
        return Ok(*version);
    }
    let version = match remembered {
        Some(version) => Some(version),
        None => process::version_output(path)?
            .lines()
            .find_map(RcloneVersion::parse),
    };
    let version = version.ok_or_else(|| Error::RcloneNotFound {
        why: format!(
            "`{}` does not say which version of rclone it is",
            path.display()
        ),
    })?;
    known.insert(key, version);
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_ordered() {
        for (line, version, whole) in [
            ("rclone v1.60.1-DEV", "1.60.1", false),
            ("rclone v1.63.0", "1.63.0", true),
            ("rclone v1.75.2", "1.75.2", true),
            ("rclone v1.76.0-beta.1.abc", "1.76.0", true),
        ] {
            let found = RcloneVersion::parse(line).unwrap();
            assert_eq!(found.to_string(), version);
            assert_eq!(found.uses_partial_files(), whole);
            assert!(found >= OLDEST);
        }
        assert!(RcloneVersion::parse("rclone v1.59.2").unwrap() < OLDEST);
        assert_eq!(RcloneVersion::parse("- os/version: debian"), None);
    }
}
