//! What is on a remote: one listing of a folder with everything below it, or of chosen files.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::daemon::Daemon;
use super::entry::{Entry, path_below};
use super::list_reader::{Asked, Heard, MOST_ENTRIES, Meaning, TWICE};
use super::name;
use super::process;
use super::process::{Patience, failed};
use super::socket::Reply;
use super::{Abilities, Remote};
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::timestamp::Moment;
use crate::os::scratch::Scratch;
use crate::snapshot::digest::Digest;

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
    /// Files whose names a listing showed twice: nobody can say which is meant, and their sizes are `None`.
    pub twice: BTreeSet<PathBuf>,
}

/// How long a listing of chosen files may take.
const PATIENCE: Duration = Duration::from_secs(900);

/// Waiting times before a listing that hit a limit of the rate of requests is tried again.
const RATE_LIMITED: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(12),
];

/// Greatest depth of folders that are listed one by one, each of which holds more than one list may show.
const PARTS: u32 = 8;

/// Greatest length of an answer through the socket, in bytes.
const ANSWER: usize = 1 << 20;

/// The same for each file that was asked for.
const ANSWER_A_FILE: usize = 2 << 10;

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

impl Listed {
    /// A file, by its path below the root.
    pub fn file(&self, path: &Path) -> Option<&ListedFile> {
        let folder = self.folders.get(path.parent()?)?;
        folder.get(&Name::from(path.file_name()?))
    }

    /// How many files it shows.
    pub fn files(&self) -> usize {
        self.folders.values().map(BTreeMap::len).sum()
    }

    /// Adds an entry of a listing that began at `base`.
    pub(super) fn add(&mut self, base: &Path, entry: &Entry<'_>) {
        let path = match path_below(base, &entry.path) {
            Ok(path) => path,
            Err(at) => return self.distrust(at, "it shows a name in it that no file can have"),
        };
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
            return;
        };
        if entry.is_dir {
            let files = self.folders.get(above);
            if files.is_some_and(|files| files.contains_key(&Name::from(name))) {
                self.distrust(path.clone(), TWICE);
            }
            self.folders.entry(path).or_default();
            return;
        }
        if self.folders.contains_key(&path) {
            self.distrust(path.clone(), TWICE);
        }
        let file = ListedFile {
            bytes: u64::try_from(entry.size).ok(),
            modified: Moment::parse(&entry.mod_time).unwrap_or(Moment::UNKNOWN),
            mark: Digest::of_bytes(entry.mod_time.as_bytes()).half(),
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
            self.twice.insert(path);
        }
    }

    /// Notes that what a folder holds is not known.
    pub(super) fn distrust(&mut self, folder: PathBuf, why: &str) {
        if !self.problems.iter().any(|(path, _)| *path == folder) {
            self.problems.push((folder, why.to_owned()));
        }
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
    /// [`crate::base::error::Error::Remote`] if nothing could be listed, or an interruption.
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
        match self.list_alone(wanted, abilities, times, true)? {
            Some(meaning) => self.conclude(meaning, wanted),
            None => match wanted {
                Wanted::Below(folder) => self.list_in_parts(folder, abilities, times, PARTS),
                Wanted::Files(_) => Err(self.too_many(Path::new(""))),
            },
        }
    }

    fn too_many(&self, folder: &Path) -> crate::base::error::Error {
        let why = format!("it shows more than {MOST_ENTRIES} files and folders");
        failed("list", &self.path(folder), why)
    }

    /// Lists a folder with more in it than one list may show: what is in it, and then each folder in it.
    fn list_in_parts(
        &self,
        folder: &Path,
        abilities: &Abilities,
        times: Times,
        depth: u32,
    ) -> Result<Option<Listed>> {
        let wanted = Wanted::Below(folder);
        let Some(meaning) = self.list_alone(wanted, abilities, times, false)? else {
            return Err(self.too_many(folder));
        };
        let Some(mut listed) = self.conclude(meaning, wanted)? else {
            return Ok(None);
        };
        let folders: Vec<PathBuf> = listed.folders.keys().cloned().collect();
        for part in folders.into_iter().filter(|part| part != folder) {
            let wanted = Wanted::Below(&part);
            let more = match self.list_alone(wanted, abilities, times, true)? {
                Some(meaning) => self.conclude(meaning, wanted)?,
                None if depth > 0 => self.list_in_parts(&part, abilities, times, depth - 1)?,
                None => return Err(self.too_many(&part)),
            };
            if let Some(more) = more {
                listed.folders.extend(more.folders);
                listed.problems.extend(more.problems);
                listed.twice.extend(more.twice);
                listed.left_out |= more.left_out;
            }
        }
        Ok(Some(listed))
    }

    /// Lists by a process of its own; `None` where that shows more than one list may.
    fn list_alone(
        &self,
        wanted: Wanted<'_>,
        abilities: &Abilities,
        times: Times,
        is_recursive: bool,
    ) -> Result<Option<Meaning>> {
        let base = base(wanted);
        let mut words: Vec<OsString> = ["lsjson", "--no-mimetype"]
            .into_iter()
            .chain(is_recursive.then_some("--recursive"))
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
        let mut waits = RATE_LIMITED.iter();
        loop {
            let mut heard = Heard::of(wanted);
            let end = process::run(&self.program, &words, Patience::LISTING, &mut |line| {
                heard.hear(&line)
            })?;
            if heard.is_rate_limited(end)
                && let Some(wait) = waits.next()
            {
                interrupt::sleep(*wait)?;
                continue;
            }
            return Ok(heard.meaning(end));
        }
    }

    /// What was listed, once it is sure.
    fn conclude(&self, meaning: Meaning, wanted: Wanted<'_>) -> Result<Option<Listed>> {
        let base = base(wanted);
        let failed = |why: String| Err(failed("list", &self.path(base), why));
        match meaning {
            Meaning::Listed(mut listed) => {
                listed.add_above(base);
                Ok(Some(listed))
            }
            Meaning::Failed(why) => failed(why),
            Meaning::Absent => match wanted {
                Wanted::Files(_) => failed("the root is said to be missing".to_owned()),
                Wanted::Below(folder) => match self.is_absent(folder)? {
                    Ok(()) => Ok(None),
                    Err(why) => failed(why),
                },
            },
        }
    }

    /// Lists files by the process that is there; `None` where that does not say.
    fn list_by(
        &self,
        daemon: &Daemon,
        files: &[PathBuf],
        abilities: &Abilities,
    ) -> Result<Option<Listed>> {
        #[derive(Deserialize)]
        struct Answer<'a> {
            #[serde(borrow)]
            list: Vec<Entry<'a>>,
        }
        let list = Scratch::list(names_of(files))?;
        let Some(path) = list.path().to_str() else {
            return Ok(None);
        };
        let question = json!({
            "fs": self.root().to_str().unwrap_or_default(),
            "remote": "",
            "opt": { "recurse": true, "noMimeType": true },
            "_filter": { "FilesFromRaw": [path] },
            "_config": {
                "NoTraverse": asks_each(files, abilities),
                "Checkers": self.at_once(files.len()).1,
            },
        });
        let most = ANSWER + files.len() * ANSWER_A_FILE;
        let reply = daemon.ask_for_list(question, PATIENCE, most)?;
        let Reply::Came { status: 200, body } = reply else {
            return Ok(None);
        };
        let Ok(Answer { list }) = serde_json::from_slice::<Answer<'_>>(&body) else {
            return Ok(None);
        };
        let mut asked = Asked::of(Wanted::Files(files));
        let mut listed = Listed::default();
        for entry in list.iter().filter(|entry| asked.is_asked(entry)) {
            listed.add(Path::new(""), entry);
        }
        listed.add_above(Path::new(""));
        Ok(Some(listed))
    }
}

/// The folder that paths in a listing are below.
pub(super) fn base(wanted: Wanted<'_>) -> &Path {
    match wanted {
        Wanted::Below(folder) => folder,
        Wanted::Files(_) => Path::new(""),
    }
}

/// Paths as they stand in a list; those that cannot be written are left out, and so found missing.
pub(super) fn names_of(files: &[PathBuf]) -> impl Iterator<Item = String> {
    files
        .iter()
        .filter_map(|file| name::standard_path(file).ok())
}
