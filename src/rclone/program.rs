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
const OLDEST: Version = Version([1, 60, 0]);

/// From this version on a file gets its name on the remote only once it is whole, where the storage can rename.
const SAFE: Version = Version([1, 63, 0]);

/// A version of rclone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version([u32; 3]);

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(formatter, "{major}.{minor}.{patch}")
    }
}

impl Version {
    /// Reads the first line of `rclone version`: `rclone v1.60.1-DEV`.
    fn parse(line: &str) -> Option<Self> {
        Self::read(line.strip_prefix("rclone v")?)
    }

    /// Reads `1.60.1`, and what may follow it.
    pub fn read(number: &str) -> Option<Self> {
        let number = number
            .split(|c: char| c != '.' && !c.is_ascii_digit())
            .next()?;
        let mut parts = number.split('.').map(|part| part.parse().ok());
        let mut next = || parts.next().flatten();
        Some(Self([next()?, next()?, next().unwrap_or_default()]))
    }

    /// Whether files get their names on a remote only once they are whole.
    pub fn names_whole_files(self) -> bool {
        self >= SAFE
    }

    /// Whether it can be talked to through a socket file, which moving many files needs.
    pub fn has_socket(self) -> bool {
        self >= Self([1, 61, 0])
    }
}

/// The program that is used.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) version: Version,
}

/// What `set rclone` names.
static PREFERRED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Versions that were asked for, by program file, so that one is asked only once.
static KNOWN: Mutex<Option<HashMap<(PathBuf, String), Version>>> = Mutex::new(None);

/// A question that somebody remembers the answer of: the version of the program with this stamp.
pub type Recall<'a> = dyn Fn(&str) -> Option<Version> + 'a;

/// What a person must know of the program, once.
static NOTICE: Mutex<(bool, Option<String>)> = Mutex::new((false, None));

/// What a person must know of the program that was found; told once.
pub fn take_notice() -> Option<String> {
    NOTICE
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .1
        .take()
}

/// Notes that a program is so old that a transfer which is killed leaves half files.
fn note_age(program: &Program) {
    let mut notice = NOTICE.lock().unwrap_or_else(PoisonError::into_inner);
    if !notice.0 && !program.version.names_whole_files() {
        *notice = (
            true,
            Some(format!(
                "rclone {} gives a file its name before it is whole: what it was sending when it was killed is half there until the next copy or sync; {SAFE} and newer do not",
                program.version
            )),
        );
    }
}

/// Uses this program from now on; `None` for the one on PATH.
pub fn prefer(program: Option<&Path>) {
    let mut preferred = PREFERRED.lock().unwrap_or_else(PoisonError::into_inner);
    *preferred = program.map(Path::to_owned);
}

impl Program {
    /// The one that `set rclone` names, else the first on PATH.
    pub(super) fn find(recall: &Recall<'_>) -> Result<Self> {
        let preferred = PREFERRED.lock().unwrap_or_else(PoisonError::into_inner);
        let path = match preferred.clone() {
            Some(path) if is_program(&path) => path,
            Some(path) => {
                let why = format!("`{}` is no program", path.display());
                return Err(Error::NoRclone { why });
            }
            None => on_path().ok_or_else(|| Error::NoRclone {
                why: "there is none on PATH".to_owned(),
            })?,
        };
        drop(preferred);
        let version = version_of(&path, recall)?;
        if version < OLDEST {
            return Err(Error::OldRclone {
                program: path,
                version: version.to_string(),
                oldest: OLDEST.to_string(),
            });
        }
        let program = Self { path, version };
        note_age(&program);
        Ok(program)
    }

    /// What tells this file from a newer one of its name.
    pub(super) fn stamp(&self) -> String {
        stamp(&self.path)
    }
}

fn stamp(path: &Path) -> String {
    let found = fs::metadata(path).ok();
    let found = found.map(|file| (file.ino(), file.len(), file.mtime()));
    format!("{} {found:?}", path.display())
}

/// What tells rclone's configuration from what it was before.
pub(super) fn configuration_stamp() -> String {
    let named = env::var_os("RCLONE_CONFIG").map(PathBuf::from);
    let file = named.or_else(path::rclone_configuration);
    file.map(|file| stamp(&file)).unwrap_or_default()
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

fn on_path() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let folders = env::split_paths(&path).filter(|folder| folder.is_absolute());
    folders
        .map(|folder| folder.join("rclone"))
        .find(|file| is_program(file))
}

fn version_of(path: &Path, recall: &Recall<'_>) -> Result<Version> {
    let stamp = stamp(path);
    let remembered = recall(&stamp);
    let key = (path.to_owned(), stamp);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if let Some(version) = known.get(&key) {
        return Ok(*version);
    }
    let version = match remembered {
        Some(version) => Some(version),
        None => process::version(path)?.lines().find_map(Version::parse),
    };
    let version = version.ok_or_else(|| Error::NoRclone {
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
            let found = Version::parse(line).unwrap();
            assert_eq!(found.to_string(), version);
            assert_eq!(found.names_whole_files(), whole);
            assert!(found >= OLDEST);
        }
        assert!(Version::parse("rclone v1.59.2").unwrap() < OLDEST);
        assert_eq!(Version::parse("- os/version: debian"), None);
    }
}
