//! What is on a remote: one listing of a folder with everything below it, or of chosen files.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::daemon::{Answer, Daemon};
use super::log;
use super::names;
use super::process::{self, CRASHED, End, Line, Patience, failed};
use super::{Abilities, Remote};
use crate::digest::Digest;
use crate::error::{Result, Trouble};
use crate::moment::Moment;
use crate::name::Name;
use crate::os::scratch::Scratch;

/// What is to be listed.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// A folder below the root with everything in it.
    Below(&'a Path),
    /// These files, by their paths below the root.
    Files(&'a [PathBuf]),
}

/// Which times of files are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Those that cost nothing more; of a storage whose times cost a question a file when each was written there.
    Cheap,
    /// Those of the files themselves, whatever they cost.
    Own,
}

/// A file as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFile {
    /// Its size; `None` where the storage does not know it.
    pub bytes: Option<u64>,
    /// Its time as asked for.
    pub modified: Moment,
    /// What tells this version of it from one that somebody else puts there: made of the time that the listing shows.
    pub mark: u64,
}

/// The files of one folder.
pub type ListedFolder = BTreeMap<Name, ListedFile>;

/// What a listing showed.
#[derive(Debug, Default)]
pub struct Listed {
    /// The folders and their files, by their paths below the database's root.
    pub folders: BTreeMap<PathBuf, ListedFolder>,
    /// Folders that could not be listed, and why.
    pub problems: Vec<(PathBuf, String)>,
    /// Whether something else was left out, as a link of a folder of this machine is, through which rclone writes.
    pub left_out: bool,
}

/// How long a listing of chosen files may take.
const PATIENCE: Duration = Duration::from_secs(900);

/// Whether files are few and lie apart, so that each is better asked for than every folder listed.
pub(super) fn are_apart(files: &[PathBuf]) -> bool {
    const FEW: usize = 2000;
    let folders: BTreeSet<_> = files.iter().map(|file| file.parent()).collect();
    files.len() <= FEW && folders.len() * 3 > files.len()
}

/// Whether each file is asked for. Where arrival times stand for own ones, all have to come from lists: what such a storage
/// says of one file may be another time.
fn asks_each(files: &[PathBuf], abilities: &Abilities) -> bool {
    are_apart(files) && !abilities.has_slow_times()
}

/// An entry as rclone writes it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    #[serde(borrow)]
    path: std::borrow::Cow<'a, str>,
    size: i64,
    #[serde(default, borrow)]
    mod_time: std::borrow::Cow<'a, str>,
    is_dir: bool,
}

impl Listed {
    /// A file, by its path below the root.
    #[must_use]
    pub fn file(&self, path: &Path) -> Option<&ListedFile> {
        let folder = self.folders.get(path.parent()?)?;
        folder.get(&Name::from(path.file_name()?))
    }

    /// How many files it shows.
    #[must_use]
    pub fn files(&self) -> usize {
        self.folders.values().map(BTreeMap::len).sum()
    }

    /// Adds an entry of a listing that began at `base`.
    fn add(&mut self, base: &Path, entry: &Entry<'_>) {
        let mut path = base.to_owned();
        path.extend(
            entry
                .path
                .split('/')
                .map(|part| names::real(part).as_path().to_owned()),
        );
        if entry.is_dir {
            self.folders.entry(path).or_default();
            return;
        }
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
            return;
        };
        let file = ListedFile {
            bytes: u64::try_from(entry.size).ok(),
            modified: Moment::parse(&entry.mod_time).unwrap_or(Moment::UNKNOWN),
            mark: Digest::of_bytes(entry.mod_time.as_bytes()).half(),
        };
        match self.folders.get_mut(above) {
            Some(folder) => folder.insert(name.into(), file),
            None => self
                .folders
                .entry(above.to_owned())
                .or_default()
                .insert(name.into(), file),
        };
    }

    /// Adds the folders above others, which some storages do not list.
    fn add_above(&mut self, base: &Path) {
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
    /// [`crate::error::Error::Remote`] if nothing could be listed, or an interruption.
    pub fn list(
        &self,
        wanted: Wanted<'_>,
        abilities: &Abilities,
        times: Times,
    ) -> Result<Option<Listed>> {
        if let (Wanted::Files(files), Some(daemon), Times::Cheap) = (wanted, self.daemon(), times)
            && let Some(listed) = self.list_by(daemon, files, abilities)?
        {
            return Ok(Some(listed));
        }
        let base = match wanted {
            Wanted::Below(folder) => folder,
            Wanted::Files(_) => Path::new(""),
        };
        let mut words: Vec<OsString> = ["lsjson", "--recursive", "--no-mimetype"]
            .into_iter()
            .chain(process::ALWAYS)
            .chain(["--low-level-retries=3", "--contimeout=15s", "--checkers=16"])
            .map(OsString::from)
            .collect();
        if abilities.has_slow_times() && times == Times::Cheap {
            words.push("--use-server-modtime".into());
        }
        let list = match wanted {
            Wanted::Files(files) => Some(Scratch::list(names_of(files))?),
            Wanted::Below(_) => None,
        };
        if let Some(list) = &list {
            if matches!(wanted, Wanted::Files(files) if asks_each(files, abilities)) {
                words.push("--no-traverse".into());
            }
            words.push("--files-from-raw".into());
            words.push(list.path().into());
        }
        words.push("--".into());
        words.push(self.argument(base)?);
        self.hear_listing(&words, base)
    }

    /// Lists files by the process that is there; `None` where that does not say.
    fn list_by(
        &self,
        daemon: &Daemon,
        files: &[PathBuf],
        abilities: &Abilities,
    ) -> Result<Option<Listed>> {
        let list = Scratch::list(names_of(files))?;
        let question = json!({
            "fs": self.root().to_str().unwrap_or_default(),
            "remote": "",
            "opt": { "recurse": true, "noMimeType": true },
            "_filter": { "FilesFromRaw": [list.path().to_str().unwrap_or_default()] },
            "_config": {
                "NoTraverse": asks_each(files, abilities),
                "Checkers": self.at_once(files.len()).1,
            },
        });
        let Answer::Good(answer) = daemon.ask("operations/list", &question, PATIENCE)? else {
            return Ok(None);
        };
        let mut listed = Listed::default();
        for entry in answer["list"].as_array().into_iter().flatten() {
            match Entry::deserialize(entry) {
                Ok(entry) => listed.add(Path::new(""), &entry),
                Err(_) => return Ok(None),
            }
        }
        listed.add_above(Path::new(""));
        Ok(Some(listed))
    }

    fn hear_listing(&self, words: &[OsString], base: &Path) -> Result<Option<Listed>> {
        let mut listed = Listed::default();
        let (mut whole, mut said) = (false, None);
        let end = process::run(&self.program, words, Patience::LISTING, &mut |line| {
            match line {
                Line::Out(line) => match read_entry(&line) {
                    Some(entry) => listed.add(base, &entry),
                    None => whole |= line.starts_with(b"]"),
                },
                Line::Log(line) => {
                    let entry = log::read(&line);
                    listed.left_out |= entry.is_notice && entry.object.is_some();
                    if entry.is_error {
                        note(&mut listed.problems, base, &entry, &mut said);
                    }
                }
            }
            ControlFlow::Continue(())
        })?;
        let is_missing = |said: &Option<String>| {
            said.as_deref()
                .is_some_and(|said| Trouble::of(said) == Trouble::NoFolder)
        };
        let is_empty = listed.files() == 0 && is_missing(&said);
        if matches!(end, End::Exited(Some(1 | 3 | 4))) && is_empty {
            return Ok(None);
        }
        listed.add_above(base);
        match end {
            End::Exited(Some(0)) if whole => Ok(Some(listed)),
            // Some folders could not be listed, and the rest was. Only of a folder of this machine is the list closed then.
            End::Exited(Some(status))
                if (whole || status != CRASHED)
                    && !listed.problems.is_empty()
                    && said.is_none() =>
            {
                Ok(Some(listed))
            }
            End::Silent => Err(failed(
                "list",
                &self.path(base),
                "it said nothing for 15 min",
            )),
            _ => Err(failed(
                "list",
                &self.path(base),
                said.unwrap_or_else(|| "it ended early".to_owned()),
            )),
        }
    }
}

/// Takes note of a folder that could not be listed, or of what is wrong with all of it.
fn note(
    problems: &mut Vec<(PathBuf, String)>,
    base: &Path,
    entry: &log::Entry,
    said: &mut Option<String>,
) {
    let object = entry.object.as_deref().unwrap_or_default();
    if object.is_empty() {
        // The last line of all repeats the last of these.
        if !entry.message.starts_with("Failed to lsjson") || problems.is_empty() {
            *said = Some(entry.message.clone());
        }
        return;
    }
    let mut path = base.to_owned();
    path.extend(
        object
            .split('/')
            .map(|part| names::real(part).as_path().to_owned()),
    );
    problems.push((path, entry.message.clone()));
}

/// An entry, which stands in a line of its own and ends with a comma or not.
fn read_entry(line: &[u8]) -> Option<Entry<'_>> {
    let line = line.strip_suffix(b",").unwrap_or(line);
    serde_json::from_slice(line).ok()
}

/// Paths as they stand in a list; those that cannot be written are left out, and so found missing.
pub(super) fn names_of(files: &[PathBuf]) -> impl Iterator<Item = String> {
    files
        .iter()
        .filter_map(|file| names::standard_path(file).ok())
}
