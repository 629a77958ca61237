//! What is on a remote: one listing of a folder with everything below it, or of chosen files.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::daemon::Daemon;
use super::entry::{ListEntry, decode_path_below};
use super::list_reader::{DUPLICATE_NAME, ListFilter, ListOutcome, ListReader, MAX_ENTRIES};
use super::name;
use super::process;
use super::process::{ProcessLimits, remote_error};
use super::socket::HttpReply;
use super::{Remote, RemoteFeatures};
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::os::scratch::TempFile;
use crate::snapshot::digest::Digest;

/// What is to be listed.
#[derive(Clone, Copy, Debug)]
pub enum ListTarget<'a> {
    /// A folder below the root with everything in it.
    Folder(&'a Path),
    /// These files, by their paths below the root.
    Files(&'a [PathBuf]),
}

/// Which times of files are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeSource {
    /// Those that cost nothing more; of a storage whose times cost a question a file when each was written there.
    Cheap,
    /// Those of the files themselves, whatever they cost.
    ModTime,
}

/// A file as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFile {
    /// Its size; `None` where the storage does not know it.
    pub bytes: Option<u64>,
    /// Its time as asked for.
    pub modified: Timestamp,
    /// What tells this version of it from one that somebody else puts there: made of the time that the listing shows.
    pub tag: u64,
}

/// The files of one folder.
pub type ListedFolder = BTreeMap<Name, ListedFile>;

/// What a listing showed.
#[derive(Debug, Default)]
pub struct RemoteListing {
    /// The folders and their files, by their paths below the database's root.
    pub folders: BTreeMap<PathBuf, ListedFolder>,
    /// Folders that could not be listed, and why.
    pub problems: Vec<(PathBuf, String)>,
    /// Whether something else was left out, as a link of a folder of this machine is, through which rclone writes.
    pub is_incomplete: bool,
    /// Files whose names a listing showed twice: nobody can say which is meant, and their sizes are `None`.
    pub duplicates: BTreeSet<PathBuf>,
}

/// How long a listing of chosen files may take.
const FILES_TIMEOUT: Duration = Duration::from_secs(900);

/// Waiting times before a listing that hit a limit of the rate of requests is tried again.
const RATE_LIMIT_WAITS: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(12),
];

/// Greatest depth of folders that are listed one by one, each of which holds more than one list may show.
const MAX_SPLIT_DEPTH: u32 = 8;

/// Greatest length of an answer through the socket, in bytes.
const BASE_ANSWER_BYTES: usize = 1 << 20;

/// The same for each file that was asked for.
const ANSWER_BYTES_PER_FILE: usize = 2 << 10;

/// Whether files are few and lie apart, so that each is better asked for than every folder listed.
pub(super) fn are_scattered(files: &[PathBuf]) -> bool {
    const FEW: usize = 2000;
    let folders: BTreeSet<_> = files.iter().map(|file| file.parent()).collect();
    files.len() <= FEW && folders.len() * 3 > files.len()
}

/// Whether each file is asked for. Where arrival times stand for own ones, all have to come from lists: what such a storage
/// says of one file may be another time.
fn uses_no_traverse(files: &[PathBuf], features: &RemoteFeatures) -> bool {
    are_scattered(files) && !features.has_slow_mod_times()
}

impl RemoteListing {
    /// A file, by its path below the root.
    pub fn file(&self, path: &Path) -> Option<&ListedFile> {
        let folder = self.folders.get(path.parent()?)?;
        folder.get(&Name::from(path.file_name()?))
    }

    /// True if nothing is known of a path, because it or a folder above it could not be listed.
    pub fn is_unread(&self, path: &Path) -> bool {
        let mut problems = self.problems.iter();
        problems.any(|(folder, _)| path.starts_with(folder))
    }

    /// How many files it shows.
    pub fn file_count(&self) -> usize {
        self.folders.values().map(BTreeMap::len).sum()
    }

    /// Adds an entry of a listing that began at `base`.
    pub(super) fn add(&mut self, base: &Path, entry: &ListEntry<'_>) {
        let path = match decode_path_below(base, &entry.path) {
            Ok(path) => path,
            Err(at) => return self.add_problem(at, "it shows a name in it that no file can have"),
        };
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
            return;
        };
        if entry.is_dir {
            let files = self.folders.get(above);
            if files.is_some_and(|files| files.contains_key(&Name::from(name))) {
                self.add_problem(path.clone(), DUPLICATE_NAME);
            }
            self.folders.entry(path).or_default();
            return;
        }
        if self.folders.contains_key(&path) {
            self.add_problem(path.clone(), DUPLICATE_NAME);
        }
        let file = ListedFile {
            bytes: u64::try_from(entry.size).ok(),
            modified: Timestamp::parse(&entry.mod_time).unwrap_or(Timestamp::UNKNOWN),
            tag: Digest::of_bytes(entry.mod_time.as_bytes()).low_64(),
        };
        let folder = match self.folders.get_mut(above) {
            Some(folder) => folder,
            None => self.folders.entry(above.to_owned()).or_default(),
        };
        let before = folder.insert(name.into(), file);
        if before.is_some() {
            if let Some(file) = folder.get_mut(&Name::from(name)) {
                file.bytes = None;
            }
            self.duplicates.insert(path);
        }
    }

    /// Notes that what a folder holds is not known.
    pub(super) fn add_problem(&mut self, folder: PathBuf, why: &str) {
        if !self.problems.iter().any(|(path, _)| *path == folder) {
            self.problems.push((folder, why.to_owned()));
        }
    }

    /// Adds the folders above others, which some storages do not list.
    fn add_ancestors(&mut self, base: &Path) {
        let known: Vec<PathBuf> = self.folders.keys().cloned().collect();
        for path in known {
            let above = path.ancestors().skip(1);
            for above in above.take_while(|above| above.starts_with(base)) {
                if self.folders.contains_key(above) {
                    break;
                }
                self.folders.insert(above.to_owned(), ListedFolder::new());
            }
        }
    }
}

impl Remote {
    /// Lists what is wanted; `None` where the folder is not there. Folders that cannot be listed are among the problems.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Rclone`] if nothing could be listed, or an interruption.
    pub fn list(
        &self,
        target: ListTarget<'_>,
        features: &RemoteFeatures,
        time_source: TimeSource,
    ) -> Result<Option<RemoteListing>> {
        if let (ListTarget::Files(files), Some(daemon), TimeSource::Cheap) =
            (target, self.daemon(), time_source)
            && let Some(listed) = self.list_by_daemon(daemon, files, features)?
        {
            return Ok(Some(listed));
        }
        match self.list_by_process(target, features, time_source, true)? {
            Some(outcome) => self.confirm(outcome, target),
            None => match target {
                ListTarget::Folder(folder) => {
                    self.list_in_parts(folder, features, time_source, MAX_SPLIT_DEPTH)
                }
                ListTarget::Files(_) => Err(self.too_many_entries(Path::new(""))),
            },
        }
    }

    fn too_many_entries(&self, folder: &Path) -> crate::base::error::Error {
        let why = format!("it shows more than {MAX_ENTRIES} files and folders");
        remote_error("list", &self.path(folder), why)
    }

    /// Lists a folder with more in it than one list may show: what is in it, and then each folder in it.
    fn list_in_parts(
        &self,
        folder: &Path,
        features: &RemoteFeatures,
        time_source: TimeSource,
        depth: u32,
    ) -> Result<Option<RemoteListing>> {
        let target = ListTarget::Folder(folder);
        let Some(outcome) = self.list_by_process(target, features, time_source, false)? else {
            return Err(self.too_many_entries(folder));
        };
        let Some(mut listed) = self.confirm(outcome, target)? else {
            return Ok(None);
        };
        let folders: Vec<PathBuf> = listed.folders.keys().cloned().collect();
        for part in folders.into_iter().filter(|part| part != folder) {
            let target = ListTarget::Folder(&part);
            let more = match self.list_by_process(target, features, time_source, true)? {
                Some(outcome) => self.confirm(outcome, target)?,
                None if depth > 0 => self.list_in_parts(&part, features, time_source, depth - 1)?,
                None => return Err(self.too_many_entries(&part)),
            };
            if let Some(more) = more {
                listed.folders.extend(more.folders);
                listed.problems.extend(more.problems);
                listed.duplicates.extend(more.duplicates);
                listed.is_incomplete |= more.is_incomplete;
            }
        }
        Ok(Some(listed))
    }

    /// Lists by a process of its own; `None` where that shows more than one list may.
    fn list_by_process(
        &self,
        target: ListTarget<'_>,
        features: &RemoteFeatures,
        time_source: TimeSource,
        is_recursive: bool,
    ) -> Result<Option<ListOutcome>> {
        let base = base_folder(target);
        let mut args: Vec<OsString> = ["lsjson", "--no-mimetype"]
            .into_iter()
            .chain(is_recursive.then_some("--recursive"))
            .chain(process::COMMON_FLAGS)
            .chain(["--low-level-retries=3", "--contimeout=15s", "--checkers=16"])
            .map(OsString::from)
            .collect();
        if features.has_slow_mod_times() && time_source == TimeSource::Cheap {
            args.push("--use-server-modtime".into());
        }
        let list = match target {
            ListTarget::Files(files) => Some(TempFile::with_lines(encoded_paths(files))?),
            ListTarget::Folder(_) => None,
        };
        if let Some(list) = &list {
            if matches!(target, ListTarget::Files(files) if uses_no_traverse(files, features)) {
                args.push("--no-traverse".into());
            }
            args.push("--files-from-raw".into());
            args.push(list.path().into());
        }
        args.push("--".into());
        args.push(self.rclone_path(base)?);
        let mut waits = RATE_LIMIT_WAITS.iter();
        loop {
            let mut reader = ListReader::new(target);
            let end = process::run(&self.program, &args, ProcessLimits::LISTING, &mut |line| {
                reader.read_line(&line)
            })?;
            if reader.is_rate_limited(end)
                && let Some(wait) = waits.next()
            {
                interrupt::sleep(*wait)?;
                continue;
            }
            return Ok(reader.into_outcome(end));
        }
    }

    /// What was listed, once it is sure.
    fn confirm(
        &self,
        outcome: ListOutcome,
        target: ListTarget<'_>,
    ) -> Result<Option<RemoteListing>> {
        let base = base_folder(target);
        let failed = |why: String| Err(remote_error("list", &self.path(base), why));
        match outcome {
            ListOutcome::Listed(mut listed) => {
                listed.add_ancestors(base);
                Ok(Some(listed))
            }
            ListOutcome::Failed(why) => failed(why),
            ListOutcome::NotFound => match target {
                ListTarget::Files(_) => failed("the root is said to be missing".to_owned()),
                ListTarget::Folder(folder) => match self.confirm_missing(folder)? {
                    Ok(()) => Ok(None),
                    Err(why) => failed(why),
                },
            },
        }
    }

    /// Lists files by the process that is there; `None` where that does not say.
    fn list_by_daemon(
        &self,
        daemon: &Daemon,
        files: &[PathBuf],
        features: &RemoteFeatures,
    ) -> Result<Option<RemoteListing>> {
        #[derive(Deserialize)]
        struct FileListReply<'a> {
            #[serde(borrow)]
            list: Vec<ListEntry<'a>>,
        }
        let list = TempFile::with_lines(encoded_paths(files))?;
        let Some(path) = list.path().to_str() else {
            return Ok(None);
        };
        let params = json!({
            "fs": self.root().to_str().unwrap_or_default(),
            "remote": "",
            "opt": { "recurse": true, "noMimeType": true },
            "_filter": { "FilesFromRaw": [path] },
            "_config": {
                "NoTraverse": uses_no_traverse(files, features),
                "Checkers": self.concurrency(files.len()).1,
            },
        });
        let max_bytes = BASE_ANSWER_BYTES + files.len() * ANSWER_BYTES_PER_FILE;
        let reply = daemon.call_list(params, FILES_TIMEOUT, max_bytes)?;
        let HttpReply::Complete { status: 200, body } = reply else {
            return Ok(None);
        };
        let Ok(FileListReply { list }) = serde_json::from_slice::<FileListReply<'_>>(&body) else {
            return Ok(None);
        };
        let mut filter = ListFilter::new(ListTarget::Files(files));
        let mut listed = RemoteListing::default();
        for entry in list.iter().filter(|entry| filter.includes(entry)) {
            listed.add(Path::new(""), entry);
        }
        listed.add_ancestors(Path::new(""));
        Ok(Some(listed))
    }
}

/// The folder that paths in a listing are below.
pub(super) fn base_folder(target: ListTarget<'_>) -> &Path {
    match target {
        ListTarget::Folder(folder) => folder,
        ListTarget::Files(_) => Path::new(""),
    }
}

/// Paths as they stand in a list; those that cannot be written are left out, and so found missing.
pub(super) fn encoded_paths(files: &[PathBuf]) -> impl Iterator<Item = String> {
    files.iter().filter_map(|file| name::encode_path(file).ok())
}
