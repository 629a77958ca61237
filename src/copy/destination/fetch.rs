//! Fetching files of a remote into a private folder. A file counts as fetched only if this rclone process said so and ended by
//! itself, if its content was compared with the storage's, and if the storage shows the version still that was planned. Sizes
//! prove nothing: a process that is killed leaves files of the right size with holes in them.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::fetch_folder::FetchFolder;
use super::from_remote::RequestedFile;
use crate::base::error::{Error, Result};
use crate::base::unit;
use crate::rclone;
use crate::rclone::{
    CheckMethod, CheckVerdict, TimeSource, TransferBatch, TransferEvent, TransferLimits,
};
use crate::storage::RemoteStorage;

/// Files that are to be fetched, from where and where to.
pub(super) struct RemoteFetch<'a> {
    pub(super) source: &'a RemoteStorage,
    pub(super) staging: &'a FetchFolder,
    pub(super) files: &'a [RequestedFile],
    /// Whether content is compared too.
    pub(super) verify: bool,
    /// Called with the number of bytes that were moved.
    pub(super) on_progress: &'a dyn Fn(u64),
}

/// State of a file that is to be fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum FetchState {
    /// Nothing was said of it.
    #[default]
    Unreported,
    /// rclone said that it is there.
    ReportedDone,
    /// Its content was compared with the storage's.
    Verified,
    /// It cannot be used, for this reason.
    Failed(String),
    /// It is no longer at the storage.
    Missing,
}

impl RemoteFetch<'_> {
    /// Fetches; returns the state of each file, and whether nothing is left that a later run could use. After a stop no
    /// state says that a file failed.
    ///
    /// # Errors
    /// rclone cannot be started, or a fetched file cannot be given its time.
    pub(super) fn run(&self) -> Result<(Vec<FetchState>, bool)> {
        let mut states = vec![FetchState::Unreported; self.files.len()];
        match self.fetch_all(&mut states) {
            Err(Error::Interrupted) => Ok((vec![FetchState::Unreported; self.files.len()], false)),
            by_itself => Ok((states, by_itself?)),
        }
    }

    fn fetch_all(&self, states: &mut [FetchState]) -> Result<bool> {
        for (file, state) in self.files.iter().zip(&mut *states) {
            if let Some(refusal) = rclone::unsupported_reason(&file.path_below_root) {
                *state = FetchState::Failed(refusal.to_owned());
            }
        }
        if self.staging.has_leftovers {
            self.verify_leftovers(states)?;
        }
        let by_itself = self.fetch_unreported(states)?;
        self.check_sizes(states);
        if self.verify {
            self.verify_contents(states)?;
        }
        self.require_planned_version(states)?;
        for (file, state) in self.files.iter().zip(&*states) {
            if matches!(state, FetchState::ReportedDone | FetchState::Verified) {
                self.staging
                    .set_time(&file.path_below_root, file.modified)?;
            }
        }
        Ok(by_itself)
    }

    /// Places and paths of the files in a state.
    fn files_in_state(
        &self,
        states: &[FetchState],
        wanted: &FetchState,
    ) -> (Vec<usize>, Vec<PathBuf>) {
        let places = states.iter().enumerate();
        let places = places.filter(|(_, state)| *state == wanted);
        places
            .map(|(place, _)| (place, self.files[place].path_below_root.clone()))
            .unzip()
    }

    /// Proves what a run that died left, by comparing it with the storage; what differs is fetched again.
    fn verify_leftovers(&self, states: &mut [FetchState]) -> Result<()> {
        let (mut places, _) = self.files_in_state(states, &FetchState::Unreported);
        places.retain(|place| {
            let file = &self.files[*place];
            self.staging.file_size(&file.path_below_root) == Some(file.bytes)
        });
        let verdicts = match self.compare_with_source(&places) {
            Err(error @ Error::Interrupted) => return Err(error),
            verdicts => verdicts.unwrap_or_default(),
        };
        for (place, verdict) in places.into_iter().zip(verdicts) {
            if verdict == CheckVerdict::Same {
                states[place] = FetchState::Verified;
            }
        }
        Ok(())
    }

    /// Fetches the files of which nothing is known; returns whether rclone came to its end by itself.
    fn fetch_unreported(&self, states: &mut [FetchState]) -> Result<bool> {
        let (places, paths) = self.files_in_state(states, &FetchState::Unreported);
        let place_of: HashMap<PathBuf, usize> =
            paths.iter().cloned().zip(places.iter().copied()).collect();
        let limits = TransferLimits::default();
        // Files in the staging folder are not verified, whatever their size and time.
        let batch =
            TransferBatch::download(&self.source.remote, self.staging.path(), &paths, &limits);
        let ended = batch.run(&mut |news| match news {
            TransferEvent::Bytes(bytes) => (self.on_progress)(bytes),
            TransferEvent::VersionKept => {}
            TransferEvent::Done(path) => {
                if let Some(place) = place_of.get(path) {
                    states[*place] = FetchState::ReportedDone;
                }
            }
            TransferEvent::Failed(path, said) => {
                if let Some(place) = place_of.get(path) {
                    states[*place] = FetchState::Failed(self.staging.with_folder_name(said));
                }
            }
        })?;
        let said = ended.error.map(|said| self.staging.with_folder_name(&said));
        let unsaid = said
            .clone()
            .unwrap_or_else(|| "rclone did not say that it was fetched".to_owned());
        let unended = said.map_or_else(
            || "rclone was killed before it came to its end; copy again".to_owned(),
            |said| format!("rclone did not come to its end: {said}"),
        );
        for place in places {
            let state = &mut states[place];
            match state {
                FetchState::ReportedDone if !ended.exited_normally => {
                    *state = FetchState::Failed(unended.clone());
                }
                FetchState::Unreported => *state = FetchState::Failed(unsaid.clone()),
                _ => {}
            }
        }
        Ok(ended.exited_normally)
    }

    /// Fails what has another size than was listed.
    fn check_sizes(&self, states: &mut [FetchState]) {
        for (file, state) in self.files.iter().zip(states) {
            if !matches!(state, FetchState::ReportedDone | FetchState::Verified) {
                continue;
            }
            match self.staging.file_size(&file.path_below_root) {
                Some(bytes) if bytes == file.bytes => {}
                Some(bytes) => {
                    *state = FetchState::Failed(format!(
                        "it was fetched with {} B of {}",
                        unit::format_count(bytes),
                        unit::format_count(file.bytes)
                    ));
                }
                None => {
                    let why = "rclone said that it was fetched, and it is not there";
                    *state = FetchState::Failed(why.to_owned());
                }
            }
        }
    }

    /// Compares the content of what rclone said is there with the storage's.
    fn verify_contents(&self, states: &mut [FetchState]) -> Result<()> {
        let (places, _) = self.files_in_state(states, &FetchState::ReportedDone);
        let verdicts = match self.compare_with_source(&places) {
            Err(error @ Error::Interrupted) => return Err(error),
            Err(error) => {
                let why = CheckVerdict::Unknown(error.full_message());
                vec![why; places.len()]
            }
            Ok(verdicts) => verdicts,
        };
        for (place, verdict) in places.into_iter().zip(verdicts) {
            states[place] = match verdict {
                CheckVerdict::Same => FetchState::Verified,
                CheckVerdict::Differs => {
                    FetchState::Failed("fetched, it is not what the storage holds".to_owned())
                }
                CheckVerdict::Unknown(why) => FetchState::Failed(format!(
                    "it could not be compared with what the storage holds: {}",
                    self.staging.with_folder_name(&why)
                )),
            };
        }
        Ok(())
    }

    /// Compares the content of files here and at the storage, by digests that the storage says or by reading it.
    fn compare_with_source(&self, places: &[usize]) -> Result<Vec<CheckVerdict>> {
        let files: Vec<PathBuf> = places
            .iter()
            .map(|place| self.files[*place].path_below_root.clone())
            .collect();
        let how = CheckMethod::best_for(&self.source.features, None);
        let remote = &self.source.remote;
        let mut verdicts = remote.check(self.staging.path(), &files, how, &mut |_| {})?;
        let verdict = |file| {
            let unread = || CheckVerdict::Unknown("rclone did not compare it".to_owned());
            verdicts.remove(file).unwrap_or_else(unread)
        };
        Ok(files.iter().map(verdict).collect())
    }

    /// Fails what the storage does not show any more as it was when it was planned: it may be of another version, which
    /// must not get the time of this one.
    fn require_planned_version(&self, states: &mut [FetchState]) -> Result<()> {
        let places: Vec<usize> = (0..self.files.len()).collect();
        let paths: Vec<PathBuf> = self
            .files
            .iter()
            .map(|file| file.path_below_root.clone())
            .collect();
        if paths.is_empty() {
            return Ok(());
        }
        let (remote, abilities) = (&self.source.remote, &self.source.features);
        let listed = remote.list(
            rclone::ListTarget::Files(&paths),
            abilities,
            TimeSource::Cheap,
        );
        let listed = match listed {
            Err(error @ Error::Interrupted) => return Err(error),
            listed => listed,
        };
        let mut absent = Vec::new();
        for place in places {
            let (file, state) = (&self.files[place], &mut states[place]);
            let before = self.source.listing_of(&file.path_below_root)?;
            let before = before.file(&file.path_below_root);
            let now = match &listed {
                Ok(listed) => listed
                    .as_ref()
                    .and_then(|listed| listed.file(&file.path_below_root)),
                Err(error) => {
                    if matches!(state, FetchState::ReportedDone | FetchState::Verified) {
                        *state = FetchState::Failed(error.full_message());
                    }
                    continue;
                }
            };
            match (before, now) {
                (_, None) => absent.push(place),
                (Some(before), Some(now)) if (before.bytes, before.tag) == (now.bytes, now.tag) => {
                }
                _ if matches!(state, FetchState::ReportedDone | FetchState::Verified) => {
                    *state =
                        FetchState::Failed("it changed while it was copied; copy again".to_owned());
                }
                _ => {}
            }
        }
        self.classify_missing(states, &absent)
    }

    /// Tells files that went away from those in folders that cannot be listed, and from whole projects that are not there:
    /// their storage may be.
    fn classify_missing(&self, states: &mut [FetchState], absent: &[usize]) -> Result<()> {
        if absent.is_empty() {
            return Ok(());
        }
        let paths = absent
            .iter()
            .map(|place| self.files[*place].path_below_root.clone());
        let there = self.source.possibly_present(paths.collect())?;
        let mut replicas: BTreeMap<usize, bool> = BTreeMap::new();
        for place in absent {
            let (file, state) = (&self.files[*place], &mut states[*place]);
            let is_replica_there = match replicas.get(&file.job) {
                Some(is_there) => *is_there,
                None => self.is_project_listed(file)?,
            };
            replicas.insert(file.job, is_replica_there);
            if is_replica_there && !there.contains(&file.path_below_root) {
                *state = FetchState::Missing;
            } else if matches!(state, FetchState::ReportedDone | FetchState::Verified) {
                *state = FetchState::Failed("a listing afterwards does not show it".to_owned());
            }
        }
        Ok(())
    }

    /// Whether the storage still shows the project that a file is in.
    fn is_project_listed(&self, file: &RequestedFile) -> Result<bool> {
        let below = file.path.components().count();
        let replica = file.path_below_root.ancestors().nth(below);
        let folder = replica.unwrap_or(Path::new(""));
        let (remote, abilities) = (&self.source.remote, &self.source.features);
        match remote.list(
            rclone::ListTarget::Folder(folder),
            abilities,
            TimeSource::Cheap,
        ) {
            Err(Error::Interrupted) => Err(Error::Interrupted),
            listed => Ok(listed.is_ok_and(|listed| listed.is_some())),
        }
    }
}
