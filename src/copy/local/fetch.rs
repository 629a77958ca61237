//! Downloads files of a remote into a private folder.
//!
//! A file counts as fetched only if all of these hold: the current rclone process reported it and ended by itself, or its
//! content was compared with the remote; and the remote still lists the planned version. The size proves nothing, because
//! a killed rclone leaves files of the right size with holes in them.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::fetch_folder::FetchFolder;
use crate::base::error::{Error, Result};
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::rclone;
use crate::rclone::{
    CheckMethod, CheckVerdict, TimeSource, TransferBatch, TransferEvent, TransferLimits,
};
use crate::storage::RemoteStorage;

/// A file to fetch.
pub(super) struct RequestedFile {
    /// Index of the plan.
    pub(super) plan: usize,
    /// Path relative to the replica.
    pub(super) path: PathBuf,
    /// Path relative to both roots.
    pub(super) path_below_root: PathBuf,
    pub(super) bytes: u64,
    pub(super) modified: Timestamp,
}

/// Source, files and private folder of a download.
pub(super) struct RemoteFetch<'a> {
    pub(super) source: &'a RemoteStorage,
    pub(super) staging: &'a FetchFolder,
    pub(super) files: &'a [RequestedFile],
    pub(super) limits: &'a TransferLimits,
    /// Compares the content of all fetched files with the remote.
    pub(super) verify: bool,
    /// Receives the number of bytes fetched since the last call.
    pub(super) on_progress: &'a dyn Fn(u64),
}

/// State of a requested file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum FetchState {
    /// Not reported.
    #[default]
    Unreported,
    /// Reported as fetched by rclone.
    ReportedDone,
    /// Fetched, with the same content as at the remote.
    Verified,
    /// Unusable, for this reason.
    Failed(String),
    /// Missing at the remote.
    Missing,
}

impl FetchState {
    const fn is_usable(&self) -> bool {
        matches!(self, Self::ReportedDone | Self::Verified)
    }
}

impl RemoteFetch<'_> {
    /// Fetches the files. Returns the state of each, and true if the folder holds nothing that a later run could use.
    /// After cancellation all states are `Unreported`.
    pub(super) fn run(&self) -> Result<(Vec<FetchState>, bool)> {
        let mut states = vec![FetchState::Unreported; self.files.len()];
        match self.fetch_all(&mut states) {
            Err(Error::Interrupted) => Ok((vec![FetchState::Unreported; self.files.len()], false)),
            is_complete => Ok((states, is_complete?)),
        }
    }

    fn fetch_all(&self, states: &mut [FetchState]) -> Result<bool> {
        for (file, state) in self.files.iter().zip(&mut *states) {
            if let Some(refusal) = rclone::unsupported_reason(&file.path_below_root) {
                *state = FetchState::Failed(refusal);
            }
        }
        if self.staging.has_leftovers {
            self.verify_leftovers(states)?;
        }
        let is_complete = self.fetch_unreported(states)?;
        self.check_sizes(states);
        if self.verify {
            self.verify_contents(states)?;
        }
        self.require_planned_version(states)?;
        for (file, state) in self.files.iter().zip(&*states) {
            if state.is_usable() {
                self.staging
                    .set_time(&file.path_below_root, file.modified)?;
            }
        }
        Ok(is_complete)
    }

    /// Returns the indexes and paths of the files in a state.
    fn files_in_state(
        &self,
        states: &[FetchState],
        wanted: &FetchState,
    ) -> (Vec<usize>, Vec<PathBuf>) {
        let indexes = states.iter().enumerate();
        let indexes = indexes.filter(|(_, state)| *state == wanted);
        indexes
            .map(|(index, _)| (index, self.files[index].path_below_root.clone()))
            .unzip()
    }

    /// Compares the files that an interrupted run left with the remote. Files that differ are fetched again.
    fn verify_leftovers(&self, states: &mut [FetchState]) -> Result<()> {
        let (mut indexes, _) = self.files_in_state(states, &FetchState::Unreported);
        indexes.retain(|index| {
            let file = &self.files[*index];
            self.staging.file_size(&file.path_below_root) == Some(file.bytes)
        });
        let verdicts = match self.compare_with_source(&indexes) {
            Err(error @ Error::Interrupted) => return Err(error),
            verdicts => verdicts.unwrap_or_default(),
        };
        for (index, verdict) in indexes.into_iter().zip(verdicts) {
            if verdict == CheckVerdict::Same {
                states[index] = FetchState::Verified;
            }
        }
        Ok(())
    }

    /// Fetches the files without a state. Returns true if rclone ended by itself.
    fn fetch_unreported(&self, states: &mut [FetchState]) -> Result<bool> {
        let (indexes, paths) = self.files_in_state(states, &FetchState::Unreported);
        let index_of: HashMap<PathBuf, usize> =
            paths.iter().cloned().zip(indexes.iter().copied()).collect();
        // Files left in the folder are not verified: a download fetches them again whatever their size and time.
        let batch = TransferBatch::download(
            &self.source.remote,
            self.staging.path(),
            &paths,
            self.limits,
        );
        let ended = batch.run(&mut |event| match event {
            TransferEvent::Bytes(bytes) => (self.on_progress)(bytes),
            TransferEvent::VersionKept | TransferEvent::Repeated(_) => {}
            TransferEvent::Done(path) => {
                if let Some(index) = index_of.get(path) {
                    states[*index] = FetchState::ReportedDone;
                }
            }
            TransferEvent::Failed(path, why) | TransferEvent::Changing(path, why) => {
                if let Some(index) = index_of.get(path) {
                    states[*index] = FetchState::Failed(self.staging.with_folder_name(why));
                }
            }
        })?;
        let error = ended.error.map(|why| self.staging.with_folder_name(&why));
        let unreported = error
            .clone()
            .unwrap_or_else(|| "rclone did not report it as fetched".to_owned());
        let unfinished = error.map_or_else(
            || "rclone was killed before it finished; copy again".to_owned(),
            |why| format!("rclone did not finish: {why}"),
        );
        for index in indexes {
            let state = &mut states[index];
            match state {
                FetchState::ReportedDone if !ended.exited_normally => {
                    *state = FetchState::Failed(unfinished.clone());
                }
                FetchState::Unreported => *state = FetchState::Failed(unreported.clone()),
                _ => {}
            }
        }
        Ok(ended.exited_normally)
    }

    /// Fails the fetched files whose size differs from the listed one.
    fn check_sizes(&self, states: &mut [FetchState]) {
        for (file, state) in self.files.iter().zip(states) {
            if !state.is_usable() {
                continue;
            }
            match self.staging.file_size(&file.path_below_root) {
                Some(bytes) if bytes == file.bytes => {}
                Some(bytes) => {
                    *state = FetchState::Failed(format!(
                        "{} B of it were fetched instead of {} B",
                        unit::format_count(bytes),
                        unit::format_count(file.bytes)
                    ));
                }
                None => {
                    let why = "rclone reported it as fetched, but it is missing";
                    *state = FetchState::Failed(why.to_owned());
                }
            }
        }
    }

    /// Compares the content of the files that rclone reported as fetched with the remote.
    fn verify_contents(&self, states: &mut [FetchState]) -> Result<()> {
        let (indexes, _) = self.files_in_state(states, &FetchState::ReportedDone);
        let verdicts = match self.compare_with_source(&indexes) {
            Err(error @ Error::Interrupted) => return Err(error),
            Err(error) => {
                let why = CheckVerdict::Unknown(error.full_message());
                vec![why; indexes.len()]
            }
            Ok(verdicts) => verdicts,
        };
        for (index, verdict) in indexes.into_iter().zip(verdicts) {
            states[index] = match verdict {
                CheckVerdict::Same => FetchState::Verified,
                CheckVerdict::Differs => FetchState::Failed(
                    "verification failed: the fetched file differs from the source".to_owned(),
                ),
                CheckVerdict::Unknown(why) => FetchState::Failed(format!(
                    "verification failed: the fetched file could not be compared with the source: {}",
                    self.staging.with_folder_name(&why)
                )),
            };
        }
        Ok(())
    }

    /// Compares the content of fetched files with the remote, by checksums that the remote provides or by reading it.
    fn compare_with_source(&self, indexes: &[usize]) -> Result<Vec<CheckVerdict>> {
        let files: Vec<PathBuf> = indexes
            .iter()
            .map(|index| self.files[*index].path_below_root.clone())
            .collect();
        let method = CheckMethod::best_for(&self.source.features, None);
        let remote = &self.source.remote;
        let mut verdicts = remote.check(self.staging.path(), &files, method, &mut |_| {})?;
        let verdict = |file| {
            let unread = || CheckVerdict::Unknown("rclone did not compare it".to_owned());
            verdicts.remove(file).unwrap_or_else(unread)
        };
        Ok(files.iter().map(verdict).collect())
    }

    /// Fails the files that the remote no longer lists as planned. Such a file may hold another version, which must not get
    /// the mtime of the planned one.
    fn require_planned_version(&self, states: &mut [FetchState]) -> Result<()> {
        let paths: Vec<PathBuf> = self
            .files
            .iter()
            .map(|file| file.path_below_root.clone())
            .collect();
        let listing = match self.source.list_files(&paths) {
            Err(error @ Error::Interrupted) => return Err(error),
            listing => listing,
        };
        let mut absent = Vec::new();
        for (index, (file, state)) in self.files.iter().zip(&mut *states).enumerate() {
            let before = self.source.listing_of(&file.path_below_root)?;
            let before = before.file(&file.path_below_root);
            let now = match &listing {
                Ok(listing) => listing.file(&file.path_below_root),
                Err(error) => {
                    if state.is_usable() {
                        *state = FetchState::Failed(error.full_message());
                    }
                    continue;
                }
            };
            match (before, now) {
                (_, None) => absent.push(index),
                (Some(before), Some(now)) if (before.bytes, before.tag) == (now.bytes, now.tag) => {
                }
                _ if state.is_usable() => {
                    *state =
                        FetchState::Failed("it changed while it was copied; copy again".to_owned());
                }
                _ => {}
            }
        }
        self.classify_missing(states, &absent)
    }

    /// Marks files that are missing at the remote. A file in a folder that cannot be listed, or in a project that is not
    /// listed, does not count as missing: a whole storage may be offline.
    fn classify_missing(&self, states: &mut [FetchState], absent: &[usize]) -> Result<()> {
        if absent.is_empty() {
            return Ok(());
        }
        let paths = absent
            .iter()
            .map(|index| self.files[*index].path_below_root.clone());
        let possibly_present = self.source.possibly_present(paths.collect())?;
        let mut replicas: BTreeMap<usize, bool> = BTreeMap::new();
        for index in absent {
            let (file, state) = (&self.files[*index], &mut states[*index]);
            let is_listed = match replicas.get(&file.plan) {
                Some(is_listed) => *is_listed,
                None => self.is_project_listed(file)?,
            };
            replicas.insert(file.plan, is_listed);
            if is_listed && !possibly_present.contains(&file.path_below_root) {
                *state = FetchState::Missing;
            } else if state.is_usable() {
                *state =
                    FetchState::Failed("the remote does not list it after the copy".to_owned());
            }
        }
        Ok(())
    }

    /// True if the remote still lists the project of a file.
    fn is_project_listed(&self, file: &RequestedFile) -> Result<bool> {
        let depth = file.path.components().count();
        let replica = file.path_below_root.ancestors().nth(depth);
        let folder = replica.unwrap_or(Path::new(""));
        let (remote, features) = (&self.source.remote, &self.source.features);
        match remote.list(
            rclone::ListTarget::Folder(folder),
            features,
            TimeSource::Cheap,
        ) {
            Err(Error::Interrupted) => Err(Error::Interrupted),
            listed => Ok(listed.is_ok_and(|listed| listed.is_some())),
        }
    }
}
