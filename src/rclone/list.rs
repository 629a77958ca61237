//! Listing of a remote: a folder with everything below it, or chosen files.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::daemon::{Daemon, ListReply};
use super::feature::RemoteFeatures;
use super::list_reader::{ListOutcome, ListReader, MAX_ENTRIES};
use super::listed_file::{ListTarget, RemoteListing, TimeSource};
use super::name;
use super::process::ProcessLimits;
use super::remote::{Remote, remote_error};
use super::retry::Backoff;
use crate::base::error::{Error, Result};
use crate::os::scratch::TempFile;

/// Time for a listing of chosen files.
const FILES_TIMEOUT: Duration = Duration::from_secs(900);

/// Greatest depth of nested folders that each hold more than [`MAX_ENTRIES`].
const MAX_SPLIT_DEPTH: u32 = 8;

/// Greatest length of a daemon's list without files, in bytes.
const BASE_ANSWER_BYTES: usize = 1 << 20;

/// Additional length for each requested file, in bytes.
const ANSWER_BYTES_PER_FILE: usize = 2 << 10;

/// True if the files are at most 2,000 and spread over many folders, so that a request for each costs less than a listing of
/// each folder.
pub(super) fn are_scattered(files: &[PathBuf]) -> bool {
    const FEW: usize = 2000;
    let folders: BTreeSet<_> = files.iter().map(|file| file.parent()).collect();
    files.len() <= FEW && folders.len() * 3 > files.len()
}

/// True if each file is requested by its name. Not where listings show upload times: the storage may report another time for
/// a single file.
fn uses_no_traverse(files: &[PathBuf], features: &RemoteFeatures) -> bool {
    are_scattered(files) && !features.has_slow_mod_times()
}

impl Remote {
    /// Lists the target; `None` if the folder is missing. Folders that cannot be listed become problems of the listing.
    ///
    /// # Errors
    /// Nothing could be listed, or interruption.
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

    /// Lists the entries directly in a folder; `None` if the folder is missing.
    ///
    /// # Errors
    /// As for [`Self::list`].
    pub fn list_entries(
        &self,
        target: ListTarget<'_>,
        features: &RemoteFeatures,
    ) -> Result<Option<RemoteListing>> {
        match self.list_by_process(target, features, TimeSource::Cheap, false)? {
            Some(outcome) => self.confirm(outcome, target),
            None => Err(self.too_many_entries(target.base())),
        }
    }

    fn too_many_entries(&self, folder: &Path) -> Error {
        let why = format!("it holds more than {MAX_ENTRIES} files and folders");
        remote_error("list", &self.path(folder), why)
    }

    /// Lists a folder with too many entries for one listing: first its own entries, then each subfolder.
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
            match more {
                Some(more) => listed.merge(more),
                // It was removed meanwhile.
                None => {
                    listed.folders.remove(&part);
                }
            }
        }
        Ok(Some(listed))
    }

    /// Lists by a process; `None` if the target holds more than [`MAX_ENTRIES`].
    fn list_by_process(
        &self,
        target: ListTarget<'_>,
        features: &RemoteFeatures,
        time_source: TimeSource,
        is_recursive: bool,
    ) -> Result<Option<ListOutcome>> {
        let shows_upload_times = features.has_slow_mod_times() && time_source == TimeSource::Cheap;
        let mut command = self
            .command(&["lsjson", "--no-mimetype"])
            .flags(is_recursive.then_some("--recursive"))
            .flags(["--low-level-retries=3", "--contimeout=15s", "--checkers=16"])
            .flags(shows_upload_times.then_some("--use-server-modtime"));
        // The file must exist until the process ends.
        let list;
        if let ListTarget::Files(files) = target {
            list = TempFile::with_lines(name::encoded_paths(files))?;
            command = command
                .flags(uses_no_traverse(files, features).then_some("--no-traverse"))
                .files_from(list.path());
        }
        let command = command.operands([self.rclone_path(target.base())?]);
        let mut backoff = Backoff::until(None);
        loop {
            let mut reader = ListReader::new(self.root(), target);
            let end = command.run(ProcessLimits::LISTING, &mut |line| reader.read_line(&line))?;
            if !reader.is_rate_limited(end) || !backoff.wait()? {
                return Ok(reader.into_outcome(end));
            }
        }
    }

    /// Returns the listing; `None` only if a second request confirms that the folder is missing.
    fn confirm(
        &self,
        outcome: ListOutcome,
        target: ListTarget<'_>,
    ) -> Result<Option<RemoteListing>> {
        let failed = |why: String| Err(remote_error("list", &self.path(target.base()), why));
        match outcome {
            ListOutcome::Listed(mut listed) => {
                listed.add_ancestors(target.base());
                Ok(Some(listed))
            }
            ListOutcome::Failed(why) => failed(why),
            ListOutcome::NotFound => match target {
                ListTarget::Files(_) => failed("rclone reports the root as missing".to_owned()),
                ListTarget::Folder(folder) => match self.confirm_missing(folder)? {
                    Ok(()) => Ok(None),
                    Err(why) => failed(why),
                },
            },
        }
    }

    /// Lists files by the daemon; `None` if it gives no certain answer.
    fn list_by_daemon(
        &self,
        daemon: &Daemon,
        files: &[PathBuf],
        features: &RemoteFeatures,
    ) -> Result<Option<RemoteListing>> {
        let list = TempFile::with_lines(name::encoded_paths(files))?;
        let Some(path) = list.path().to_str() else {
            return Ok(None);
        };
        let params = json!({
            "fs": self.root_text(),
            "remote": "",
            "opt": { "recurse": true, "noMimeType": true },
            "_filter": { "FilesFromRaw": [path] },
            "_config": {
                "NoTraverse": uses_no_traverse(files, features),
                "Checkers": self.concurrency(files.len()).checkers,
            },
        });
        let max_bytes = BASE_ANSWER_BYTES + files.len() * ANSWER_BYTES_PER_FILE;
        let reply = daemon.list(params, FILES_TIMEOUT, max_bytes, |entries| {
            let requested: HashSet<String> = name::encoded_paths(files).collect();
            let mut listed = RemoteListing::default();
            for entry in &entries {
                if requested.contains(entry.path.as_ref()) {
                    listed.add(Path::new(""), entry);
                }
            }
            listed.add_ancestors(Path::new(""));
            listed
        })?;
        Ok(match reply {
            ListReply::Listed(listed) => Some(listed),
            ListReply::NotFound | ListReply::Unusable => None,
        })
    }
}
