//! The folder of the old versions of one run: its name, and the files in it.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::base::error::Result;
use crate::base::own_name::OWN_FOLDER;
use crate::base::timestamp::Timestamp;
use crate::index::RunId;
use crate::model::exclusion::{ExclusionRules, Exclusions};
use crate::model::own_folder;
use crate::os::disk::WalkPace;
use crate::os::folder::Folder;
use crate::rclone::{ListTarget, TimeSource};
use crate::snapshot::manifest::{Manifest, ManifestFile};
use crate::snapshot::tree::Tree;
use crate::snapshot::tree_walk;
use crate::storage::{RemoteStorage, Storage};

/// The folder of old versions in the program's folder.
const FOLDER: &str = "versions";

/// A folder of old versions: `TIME-HOST-RUN-RANDOM`, with the number of a repeated attempt at a remote after it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VersionFolder {
    /// Time at which the run kept its first version, to the second.
    pub at: Timestamp,
    /// The name of the folder.
    pub name: String,
    /// The host of the run.
    pub host: String,
    /// The number of the run in the history of that host.
    pub run: RunId,
}

impl VersionFolder {
    /// Parses the name of a folder; `None` if no run gave it. Some file systems list all names in lower case.
    pub fn parse(name: &OsStr) -> Option<Self> {
        let name = name.to_str()?;
        let (mut rest, mut random) = name.rsplit_once('-')?;
        if random.len() < 32 && random.parse::<u32>().is_ok() {
            (rest, random) = rest.rsplit_once('-')?;
        }
        let (rest, run) = rest.rsplit_once('-')?;
        let (time, host) = rest.split_once('-')?;
        let is_random = random.len() == 32 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some(Self {
            at: Timestamp::parse_file_name(&time.to_ascii_uppercase())?,
            name: name.to_owned(),
            host: host.to_owned(),
            run: RunId(run.parse().ok()?),
        })
        .filter(|_| is_random)
    }

    /// The path of the folder below the root.
    pub fn path(&self) -> PathBuf {
        [OWN_FOLDER, FOLDER, &self.name].iter().collect()
    }
}

/// The old versions of one run on one storage.
#[derive(Debug)]
pub struct RunVersions {
    pub folder: VersionFolder,
    /// The files, by their original paths below the root.
    pub tree: Tree,
}

/// The old versions on one storage.
#[derive(Debug, Default)]
pub struct StoredVersions {
    /// The oldest first.
    pub runs: Vec<RunVersions>,
    /// Paths below the root that could not be read, with the reasons: there may be more versions.
    pub unread: Vec<(PathBuf, String)>,
}

/// Reads the old versions on a storage. Folders that no run made are left out.
///
/// # Errors
/// They cannot be listed; interruption.
pub fn read_versions(storage: &Storage) -> Result<StoredVersions> {
    let mut versions = match storage {
        Storage::Local(local) => read_local(&local.root, &local.walk_pace())?,
        Storage::Remote(remote) => read_remote(remote)?,
    };
    versions.runs.sort_by(|a, b| a.folder.cmp(&b.folder));
    Ok(versions)
}

fn read_local(root: &Arc<Folder>, pace: &WalkPace) -> Result<StoredVersions> {
    let versions = match own_folder::find(root)? {
        Some(own) => own.find_trusted(OsStr::new(FOLDER))?,
        None => None,
    };
    let names = versions.map_or_else(|| Ok(Vec::new()), |folder| folder.entry_names())?;
    let folders = names.iter().filter_map(|name| VersionFolder::parse(name));
    let mut stored = StoredVersions::default();
    for folder in folders {
        // Every file is a version, whatever scans leave out.
        let all = Arc::new(Exclusions::new(&ExclusionRules {
            include_housekeeping: true,
            ..ExclusionRules::default()
        })?);
        let path = folder.path();
        let tree = tree_walk::walk(root, &path, &all, &Arc::default(), pace.clone())?;
        let problems = tree.problems.iter();
        stored.unread.extend(
            problems.map(|problem| (path.join(&problem.path), problem.error.full_message())),
        );
        stored.runs.push(RunVersions { folder, tree });
    }
    Ok(stored)
}

fn read_remote(storage: &RemoteStorage) -> Result<StoredVersions> {
    let base: PathBuf = [OWN_FOLDER, FOLDER].iter().collect();
    let target = ListTarget::Folder(&base);
    let listed = storage
        .remote
        .list(target, &storage.features, TimeSource::Cheap)?;
    let listed = listed.unwrap_or_default();
    let mut runs: Vec<RunVersions> = Vec::new();
    for (path, files) in listed.folders {
        let Ok(below) = path.strip_prefix(&base) else {
            continue;
        };
        let mut parts = below.components();
        let folder = parts
            .next()
            .and_then(|name| VersionFolder::parse(name.as_os_str()));
        let Some(folder) = folder else { continue };
        let place = runs.iter().position(|run| run.folder == folder);
        let place = place.unwrap_or_else(|| {
            runs.push(RunVersions {
                folder,
                tree: Tree::default(),
            });
            runs.len() - 1
        });
        let manifest = files.iter().map(|(name, file)| {
            // A file of unknown size is not an empty one, which has no content to lose.
            let (bytes, modified) = (file.bytes.unwrap_or(1), file.modified);
            ManifestFile::regular(name.as_bytes(), bytes, modified)
        });
        let (manifest, _) = Manifest::of_files(manifest);
        runs[place]
            .tree
            .add_folder(parts.as_path(), manifest.files());
    }
    Ok(StoredVersions {
        runs,
        unread: listed.problems,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::version::version_folder_name;

    #[test]
    fn names_of_runs_are_recognized() {
        let name = version_folder_name(RunId(7)).unwrap();
        let folder = VersionFolder::parse(OsStr::new(&name)).unwrap();
        assert_eq!(
            (folder.run, folder.name.as_str()),
            (RunId(7), name.as_str())
        );
        let random = "0".repeat(32);
        let parse = |name: &str| VersionFolder::parse(OsStr::new(name));
        let odd = parse(&format!("20261122T042855Z-my-host-12-{random}")).unwrap();
        assert_eq!((odd.host.as_str(), odd.run), ("my-host", RunId(12)));
        assert_eq!(odd.at.rfc3339().unwrap(), "2026-11-22T04:28:55Z");
        let again = parse(&format!("20261122T042855Z-my-host-12-{random}-2")).unwrap();
        assert_eq!((again.host.as_str(), again.run), ("my-host", RunId(12)));
        let lower = parse(&format!("20261122t042855z-my-host-12-{random}")).unwrap();
        assert_eq!((lower.at, lower.run), (odd.at, odd.run));
        for name in ["", "notes", "20261122T042855Z-host-12-abc", "x-host-12-"] {
            assert_eq!(parse(name), None, "{name}");
        }
        assert_eq!(parse(&format!("yesterday-host-12-{random}")), None);
    }
}
