//! Fetching files of a remote into a private folder. A file counts as fetched only if this rclone process said so and ended by
//! itself, if its content was compared with the storage's, and if the storage shows the version still that was planned. Sizes
//! prove nothing: a process that is killed leaves files of the right size with holes in them.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::fetch_folder::Staging;
use super::from_remote::Wanted;
use crate::base::error::{Error, Result};
use crate::base::unit;
use crate::rclone;
use crate::rclone::{Batch, Limits, Proof, Sent, Times, Verdict};
use crate::storage::RemoteSide;

/// Files that are to be fetched, from where and where to.
pub(super) struct Fetch<'a> {
    pub(super) source: &'a RemoteSide,
    pub(super) staging: &'a Staging,
    pub(super) files: &'a [Wanted],
    /// Whether content is compared too.
    pub(super) verify: bool,
    /// Called with the number of bytes that were moved.
    pub(super) told: &'a dyn Fn(u64),
}

/// State of a file that is to be fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing was said of it.
    #[default]
    Unsaid,
    /// rclone said that it is there.
    Said,
    /// Its content was compared with the storage's.
    Proven,
    /// It cannot be used, for this reason.
    Failed(String),
    /// It is no longer at the storage.
    Gone,
}

impl Fetch<'_> {
    /// Fetches; returns the state of each file, and whether nothing is left that a later run could use. After a stop no
    /// state says that a file failed.
    ///
    /// # Errors
    /// rclone cannot be started, or a fetched file cannot be given its time.
    pub(super) fn run(&self) -> Result<(Vec<State>, bool)> {
        let mut states = vec![State::Unsaid; self.files.len()];
        match self.fetch_all(&mut states) {
            Err(Error::Interrupted) => Ok((vec![State::Unsaid; self.files.len()], false)),
            by_itself => Ok((states, by_itself?)),
        }
    }

    fn fetch_all(&self, states: &mut [State]) -> Result<bool> {
        for (file, state) in self.files.iter().zip(&mut *states) {
            if let Some(refusal) = rclone::refusal(&file.whole) {
                *state = State::Failed(refusal.to_owned());
            }
        }
        if self.staging.has_leftovers {
            self.prove_leftovers(states)?;
        }
        let by_itself = self.fetch(states)?;
        self.measure(states);
        if self.verify {
            self.compare(states)?;
        }
        self.require_version(states)?;
        for (file, state) in self.files.iter().zip(&*states) {
            if matches!(state, State::Said | State::Proven) {
                self.staging.set_time(&file.whole, file.modified)?;
            }
        }
        Ok(by_itself)
    }

    /// Places and paths of the files in a state.
    fn of(&self, states: &[State], wanted: &State) -> (Vec<usize>, Vec<PathBuf>) {
        let places = states.iter().enumerate();
        let places = places.filter(|(_, state)| *state == wanted);
        places
            .map(|(place, _)| (place, self.files[place].whole.clone()))
            .unzip()
    }

    /// Proves what a run that died left, by comparing it with the storage; what differs is fetched again.
    fn prove_leftovers(&self, states: &mut [State]) -> Result<()> {
        let (mut places, _) = self.of(states, &State::Unsaid);
        places.retain(|place| {
            let file = &self.files[*place];
            self.staging.bytes_of(&file.whole) == Some(file.bytes)
        });
        let verdicts = match self.verdicts(&places) {
            Err(error @ Error::Interrupted) => return Err(error),
            verdicts => verdicts.unwrap_or_default(),
        };
        for (place, verdict) in places.into_iter().zip(verdicts) {
            if verdict == Verdict::Same {
                states[place] = State::Proven;
            }
        }
        Ok(())
    }

    /// Fetches the files of which nothing is known; returns whether rclone came to its end by itself.
    fn fetch(&self, states: &mut [State]) -> Result<bool> {
        let (places, paths) = self.of(states, &State::Unsaid);
        let place_of: HashMap<PathBuf, usize> =
            paths.iter().cloned().zip(places.iter().copied()).collect();
        let limits = Limits::default();
        // What is there was not proven, whatever its size and time.
        let batch =
            Batch::from(&self.source.remote, self.staging.path(), &paths, &limits).again(true);
        let ended = batch.run(&mut |news| match news {
            Sent::Bytes(bytes) => (self.told)(bytes),
            Sent::Kept => {}
            Sent::Done(path) => {
                if let Some(place) = place_of.get(path) {
                    states[*place] = State::Said;
                }
            }
            Sent::Failed(path, said) => {
                if let Some(place) = place_of.get(path) {
                    states[*place] = State::Failed(self.staging.plain(said));
                }
            }
        })?;
        let said = ended.said.map(|said| self.staging.plain(&said));
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
                State::Said if !ended.by_itself => *state = State::Failed(unended.clone()),
                State::Unsaid => *state = State::Failed(unsaid.clone()),
                _ => {}
            }
        }
        Ok(ended.by_itself)
    }

    /// Fails what has another size than was listed.
    fn measure(&self, states: &mut [State]) {
        for (file, state) in self.files.iter().zip(states) {
            if !matches!(state, State::Said | State::Proven) {
                continue;
            }
            match self.staging.bytes_of(&file.whole) {
                Some(bytes) if bytes == file.bytes => {}
                Some(bytes) => {
                    *state = State::Failed(format!(
                        "it was fetched with {} B of {}",
                        unit::count(bytes),
                        unit::count(file.bytes)
                    ));
                }
                None => {
                    let why = "rclone said that it was fetched, and it is not there";
                    *state = State::Failed(why.to_owned());
                }
            }
        }
    }

    /// Compares the content of what rclone said is there with the storage's.
    fn compare(&self, states: &mut [State]) -> Result<()> {
        let (places, _) = self.of(states, &State::Said);
        let verdicts = match self.verdicts(&places) {
            Err(error @ Error::Interrupted) => return Err(error),
            Err(error) => {
                let why = Verdict::Unread(error.line());
                vec![why; places.len()]
            }
            Ok(verdicts) => verdicts,
        };
        for (place, verdict) in places.into_iter().zip(verdicts) {
            states[place] = match verdict {
                Verdict::Same => State::Proven,
                Verdict::Differs => {
                    State::Failed("fetched, it is not what the storage holds".to_owned())
                }
                Verdict::Unread(why) => State::Failed(format!(
                    "it could not be compared with what the storage holds: {}",
                    self.staging.plain(&why)
                )),
            };
        }
        Ok(())
    }

    /// Compares the content of files here and at the storage, by digests that the storage says or by reading it.
    fn verdicts(&self, places: &[usize]) -> Result<Vec<Verdict>> {
        let files: Vec<PathBuf> = places
            .iter()
            .map(|place| self.files[*place].whole.clone())
            .collect();
        let how = Proof::between(&self.source.abilities, None);
        let remote = &self.source.remote;
        let mut verdicts = remote.check(self.staging.path(), &files, how, &mut |_| {})?;
        let verdict = |file| {
            let unread = || Verdict::Unread("rclone did not compare it".to_owned());
            verdicts.remove(file).unwrap_or_else(unread)
        };
        Ok(files.iter().map(verdict).collect())
    }

    /// Fails what the storage does not show any more as it was when it was planned: it may be of another version, which
    /// must not get the time of this one.
    fn require_version(&self, states: &mut [State]) -> Result<()> {
        let places: Vec<usize> = (0..self.files.len()).collect();
        let paths: Vec<PathBuf> = self.files.iter().map(|file| file.whole.clone()).collect();
        if paths.is_empty() {
            return Ok(());
        }
        let (remote, abilities) = (&self.source.remote, &self.source.abilities);
        let listed = remote.list(rclone::Wanted::Files(&paths), abilities, Times::Cheap);
        let listed = match listed {
            Err(error @ Error::Interrupted) => return Err(error),
            listed => listed,
        };
        let mut absent = Vec::new();
        for place in places {
            let (file, state) = (&self.files[place], &mut states[place]);
            let before = self.source.listed(&file.whole)?;
            let before = before.file(&file.whole);
            let now = match &listed {
                Ok(listed) => listed.as_ref().and_then(|listed| listed.file(&file.whole)),
                Err(error) => {
                    if matches!(state, State::Said | State::Proven) {
                        *state = State::Failed(error.line());
                    }
                    continue;
                }
            };
            match (before, now) {
                (_, None) => absent.push(place),
                (Some(before), Some(now))
                    if (before.bytes, before.mark) == (now.bytes, now.mark) => {}
                _ if matches!(state, State::Said | State::Proven) => {
                    *state = State::Failed("it changed while it was copied; copy again".to_owned());
                }
                _ => {}
            }
        }
        self.note_absent(states, &absent)
    }

    /// Tells files that went away from those in folders that cannot be listed, and from whole projects that are not there:
    /// their storage may be.
    fn note_absent(&self, states: &mut [State], absent: &[usize]) -> Result<()> {
        if absent.is_empty() {
            return Ok(());
        }
        let paths = absent.iter().map(|place| self.files[*place].whole.clone());
        let there = self.source.not_surely_gone(paths.collect())?;
        let mut replicas: BTreeMap<usize, bool> = BTreeMap::new();
        for place in absent {
            let (file, state) = (&self.files[*place], &mut states[*place]);
            let is_replica_there = match replicas.get(&file.job) {
                Some(is_there) => *is_there,
                None => self.is_there(file)?,
            };
            replicas.insert(file.job, is_replica_there);
            if is_replica_there && !there.contains(&file.whole) {
                *state = State::Gone;
            } else if matches!(state, State::Said | State::Proven) {
                *state = State::Failed("a listing afterwards does not show it".to_owned());
            }
        }
        Ok(())
    }

    /// Whether the storage still shows the project that a file is in.
    fn is_there(&self, file: &Wanted) -> Result<bool> {
        let below = file.path.components().count();
        let replica = file.whole.ancestors().nth(below);
        let folder = replica.unwrap_or(Path::new(""));
        let (remote, abilities) = (&self.source.remote, &self.source.abilities);
        match remote.list(rclone::Wanted::Below(folder), abilities, Times::Cheap) {
            Err(Error::Interrupted) => Err(Error::Interrupted),
            listed => Ok(listed.is_ok_and(|listed| listed.is_some())),
        }
    }
}
