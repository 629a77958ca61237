//! Constraints of a plan: names and kinds of entries that a destination cannot hold, and the files that a run leaves out.

use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::OmissionReason;
use crate::base::error::Result;
use crate::os::stat::EntryKind;
use crate::rclone;
use crate::snapshot::diff::DiffEntry;
use crate::snapshot::tree::Tree;
use crate::storage::Storage;
use crate::storage::name_rules;
use crate::storage::name_rules::NameRules;

/// Reason for replacing nothing at a storage that can neither rename nor copy files.
pub const CANNOT_KEEP_VERSION: &str = "the destination has another version, which cannot be kept: this storage can neither rename nor copy files";

/// Constraints of the plan of one replica.
pub struct Constraints<'a> {
    /// The replica's folder, relative to both roots.
    replica: &'a Path,
    names: NameRules,
    /// True if the destination holds links, and replaces an entry by one of another kind.
    holds_every_kind: bool,
    /// True if the destination can keep the old version of a replaced file.
    keeps_versions: bool,
    /// True if paths pass through rclone, which takes some for others.
    uses_rclone: bool,
    /// The only files that are copied, relative to both roots, if not all are.
    only: Option<&'a HashSet<PathBuf>>,
}

impl<'a> Constraints<'a> {
    /// Returns the constraints of copying a replica between two storages.
    pub fn of(
        source: &Storage,
        destination: &Storage,
        replica: &'a Path,
        only: Option<&'a HashSet<PathBuf>>,
    ) -> Result<Self> {
        Ok(Self {
            replica,
            names: destination.name_rules(replica)?,
            holds_every_kind: destination.holds_every_kind(),
            keeps_versions: destination.keeps_versions(),
            uses_rclone: source.uses_rclone() || destination.uses_rclone(),
            only,
        })
    }

    /// Constraints of a destination that holds every entry.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self {
            replica: Path::new(""),
            names: NameRules::for_remote(false),
            holds_every_kind: true,
            keeps_versions: true,
            uses_rclone: false,
            only: None,
        }
    }

    /// Constraints of a case-insensitive remote that keeps no versions.
    #[cfg(test)]
    pub(super) fn of_simple_remote() -> Self {
        Self {
            names: NameRules::for_remote(true),
            holds_every_kind: false,
            keeps_versions: false,
            uses_rclone: true,
            ..Self::none()
        }
    }

    /// True if the run copies a file.
    pub(super) fn includes(&self, path: &Path) -> bool {
        let is_included = |only: &HashSet<PathBuf>| only.contains(&self.replica.join(path));
        self.only.is_none_or(is_included)
    }

    /// True if the run copies all files.
    pub(super) const fn includes_all(&self) -> bool {
        self.only.is_none()
    }

    /// Checks that an entry can be written, in place of `old` if the destination holds another; returns why not as an
    /// error.
    pub(super) fn check_entry(
        &self,
        path: &Path,
        new: EntryKind,
        old: Option<DiffEntry>,
    ) -> Result<(), OmissionReason> {
        let failed = |why: &str| Err(OmissionReason::Failed(why.to_owned()));
        if new == EntryKind::Link && !self.holds_every_kind {
            let why = "it is a symbolic link, which remotes cannot store";
            return Err(OmissionReason::Skipped(why.to_owned()));
        }
        if self.uses_rclone
            && let Some(why) = rclone::unsupported_reason(&self.replica.join(path))
        {
            return Err(OmissionReason::Refused(why));
        }
        match old {
            Some(old) if old.kind != EntryKind::File && !self.holds_every_kind => failed(
                "the destination has an entry of another kind with this name; move it away by hand",
            ),
            Some(_) if !self.keeps_versions => failed(CANNOT_KEEP_VERSION),
            _ => Ok(()),
        }
    }

    /// Returns those of the new names in a folder that the destination cannot hold, or cannot distinguish from other names
    /// in it, with the reasons.
    pub(super) fn unsupported_names(
        &self,
        folder: &Path,
        new: &[OsString],
        destination: &Tree,
    ) -> BTreeMap<OsString, String> {
        let mut unsupported = BTreeMap::new();
        if new.is_empty() {
            return BTreeMap::new();
        }
        for name in new {
            if let Some(why) = self.names.unsupported_reason(name.as_encoded_bytes()) {
                unsupported.insert(folder.join(name), why);
            }
        }
        let existing = name_rules::names_in_folder(destination, folder);
        name_rules::find_clashes(folder, new, &existing, &self.names, &mut unsupported);
        let name = |path: PathBuf| path.file_name().map(OsStr::to_owned).unwrap_or_default();
        let unsupported = unsupported.into_iter();
        unsupported.map(|(path, why)| (name(path), why)).collect()
    }
}
