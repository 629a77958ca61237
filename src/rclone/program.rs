//! The rclone program: its path and its version.

use std::env;
use std::fmt;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::line::OutputLine;
use super::process::{self, ProcessLimits};
use crate::base::error::{Error, Result};
use crate::model::access::Access;
use crate::model::path;

/// Oldest version with all commands and flags that this program uses.
const OLDEST: RcloneVersion = RcloneVersion([1, 60, 0]);

/// First version that uploads under a temporary name, where the storage can rename.
const FIRST_WITH_PARTIALS: RcloneVersion = RcloneVersion([1, 63, 0]);

/// First version whose daemon accepts requests through a socket file.
const FIRST_WITH_UNIX_SOCKET: RcloneVersion = RcloneVersion([1, 61, 0]);

/// Time for `rclone version`.
const VERSION_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RcloneVersion([u32; 3]);

impl fmt::Display for RcloneVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(formatter, "{major}.{minor}.{patch}")
    }
}

impl RcloneVersion {
    /// Parses the first line of `rclone version`, for example `rclone v1.60.1-DEV`.
    fn parse(line: &str) -> Option<Self> {
        Self::from_number(line.strip_prefix("rclone v")?)
    }

    /// Parses a version at the beginning of a text, for example `1.60.1-DEV`.
    pub fn from_number(number: &str) -> Option<Self> {
        let number = number
            .split(|c: char| c != '.' && !c.is_ascii_digit())
            .next()?;
        let mut parts = number.split('.').map(|part| part.parse().ok());
        let mut next = || parts.next().flatten();
        Some(Self([next()?, next()?, next().unwrap_or_default()]))
    }

    /// True if a file on the remote gets its final name only when it is complete.
    pub fn uses_partial_files(self) -> bool {
        self >= FIRST_WITH_PARTIALS
    }

    /// True if the daemon accepts requests through a socket file.
    pub fn supports_unix_socket(self) -> bool {
        self >= FIRST_WITH_UNIX_SOCKET
    }
}

#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) version: RcloneVersion,
}

/// Returns the stored version of the program with this fingerprint, if any.
pub type VersionLookup<'a> = dyn Fn(&str) -> Option<RcloneVersion> + 'a;

impl Program {
    /// Finds the program that `access` names, otherwise the first on PATH. Leaves a warning about an old version.
    pub(super) fn find(access: &Access, lookup: &VersionLookup<'_>) -> Result<Self> {
        let path = find_program(access)?;
        let version = program_version(&path, lookup)?;
        if version < OLDEST {
            return Err(Error::RcloneTooOld {
                program: path,
                version: version.to_string(),
                oldest: OLDEST.to_string(),
            });
        }
        if !version.uses_partial_files() {
            access.rclone_warning.get_or_init(|| format!(
                "rclone {version} is old: with {FIRST_WITH_PARTIALS} or newer, a killed copy or sync leaves no incomplete files",
            ));
        }
        Ok(Self { path, version })
    }

    /// Identifies the program's file: path, inode, size and mtime.
    pub(super) fn fingerprint(&self) -> String {
        file_fingerprint(&self.path)
    }
}

/// Returns the program that `access` names, otherwise the first on PATH.
pub(super) fn find_program(access: &Access) -> Result<PathBuf> {
    match &access.rclone {
        Some(path) if is_program(path) => Ok(path.clone()),
        Some(path) => {
            let why = format!("`{}` is not an executable file", path.display());
            Err(Error::RcloneNotFound { why })
        }
        None => find_on_path().ok_or_else(|| Error::RcloneNotFound {
            why: "no `rclone` on PATH".to_owned(),
        }),
    }
}

fn file_fingerprint(path: &Path) -> String {
    let found = fs::metadata(path).ok();
    let found = found.map(|file| (file.ino(), file.len(), file.mtime()));
    format!("{} {found:?}", path.display())
}

/// Identifies the present content of rclone's configuration file.
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
    if let Some(version) = lookup(&file_fingerprint(path)) {
        return Ok(version);
    }
    let mut found = None;
    let limits = ProcessLimits::with_timeout(VERSION_TIMEOUT);
    process::run(path, &["version".into()], limits, &mut |line| {
        if let OutputLine::Stdout(line) = line {
            let version = RcloneVersion::parse(&String::from_utf8_lossy(&line));
            found = found.or(version);
        }
        ControlFlow::Continue(())
    })?;
    found.ok_or_else(|| Error::RcloneNotFound {
        why: format!(
            "`{} version` does not print a version of rclone",
            path.display()
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_parsed_and_ordered() {
        for (line, version, uses_partial_files) in [
            ("rclone v1.60.1-DEV", "1.60.1", false),
            ("rclone v1.63.0", "1.63.0", true),
            ("rclone v1.75.2", "1.75.2", true),
            ("rclone v1.76.0-beta.1.abc", "1.76.0", true),
        ] {
            let found = RcloneVersion::parse(line).unwrap();
            assert_eq!(found.to_string(), version);
            assert_eq!(found.uses_partial_files(), uses_partial_files);
            assert!(found >= OLDEST);
        }
        assert!(RcloneVersion::parse("rclone v1.59.2").unwrap() < OLDEST);
        assert_eq!(RcloneVersion::parse("- os/version: debian"), None);
    }
}
