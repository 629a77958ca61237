//! Files on their way to a remote, many in one rclone process: sent, proven by a listing, and noted down.
//!
//! A file counts as there once the listing afterwards shows it with its size, and with its time where the storage keeps
//! times. Until then it is in the index's journal, so that a run which dies has only to list it.

mod journal;
mod prove;

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Instant;

pub use journal::settle;

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::index::{Index, SentFile, SentFolder};
use crate::interrupt;
use crate::manifest::{File, Manifest, Packer};
use crate::moment::Moment;
use crate::name::Name;
use crate::os::folder::Folder;
use crate::os::stat::Kind;
use crate::outcome::{Copied, Outcome, Proof};
use crate::remote::{self, Batch, Limits, Sent};
use crate::sides::{RemoteSide, Side};
use journal::Journal;
use prove::Shown;

/// How many files one rclone process is given.
const BATCH: usize = 20_000;

/// A file that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The replica's folder below both roots.
    pub replica: PathBuf,
    /// The path below the replica's folder.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Its modification time at the source.
    pub modified: Moment,
    /// Whether something of its name is known to be there.
    pub replaces: bool,
    /// What a listing showed of that; 0 where it is not known.
    pub mark_before: u64,
}

impl Outgoing {
    /// The path below both roots.
    #[must_use]
    pub fn whole(&self) -> PathBuf {
        self.replica.join(&self.path)
    }
}

/// Told how each file ended.
pub type Tell<'a> = dyn FnMut(&Outgoing, Outcome) + 'a;

/// Where files go from and to, and how.
pub struct Sending<'a> {
    /// The database they are on.
    pub source: &'a Side,
    /// The database they go to.
    pub destination: &'a RemoteSide,
    /// Where what is replaced goes, below the destination's root.
    pub versions: &'a Path,
    /// What bounds it.
    pub limits: &'a Limits,
    /// Whether content is compared too.
    pub verify: bool,
    /// The run's number.
    pub run: i64,
    /// Told of files and bytes that were moved.
    pub told: &'a dyn Fn(u64, u64),
}

impl std::fmt::Debug for Sending<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Sending")
            .field("destination", &self.destination)
            .finish_non_exhaustive()
    }
}

/// Whether the destination answered to the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It did.
    Answered,
    /// Not any more, in rclone's words: what was sent last is not proven.
    Lost(String),
}

/// How a file of a batch stands.
#[derive(Clone, Debug, Default)]
enum Fate {
    /// Nothing was said of it.
    #[default]
    Unknown,
    /// The log says it is there.
    Said,
    /// It is not, for this reason.
    Failed(String),
    /// It is no longer at the source.
    Vanished,
}

/// A batch under way.
struct Round<'a> {
    files: &'a [Outgoing],
    /// What each is at the source, looked at just before it is sent.
    sent: Vec<SentFile>,
    fates: Vec<Fate>,
}

impl Sending<'_> {
    /// Sends files, and tells how each ended. Stopping on request is no error here: what was not reached is told so.
    ///
    /// # Errors
    /// The index cannot be written, or rclone cannot be started.
    pub fn send(&self, index: &mut Index, files: &[Outgoing], tell: &mut Tell<'_>) -> Result<End> {
        let mut end = End::Answered;
        for batch in files.chunks(BATCH) {
            match &end {
                End::Lost(why) => failed(batch, why, tell),
                End::Answered if interrupt::requested() || self.is_over() => unreached(batch, tell),
                End::Answered => end = self.send_batch(index, batch, tell)?,
            }
        }
        Ok(end)
    }

    /// Whether the time is over in which files may be begun.
    fn is_over(&self) -> bool {
        self.limits
            .until
            .is_some_and(|until| Instant::now() >= until)
    }

    fn send_batch(
        &self,
        index: &mut Index,
        files: &[Outgoing],
        tell: &mut Tell<'_>,
    ) -> Result<End> {
        let mut round = Round {
            files,
            sent: vec![SentFile::default(); files.len()],
            fates: vec![Fate::Unknown; files.len()],
        };
        let all: Vec<usize> = (0..files.len()).collect();
        let mut stopped = self.attempt(index, &mut round, &all)?;
        let changing = self.still_changing(&round);
        if !changing.is_empty() && stopped.is_none() {
            // Written to while they were sent: once more, in case that was the end of it.
            for place in &changing {
                round.fates[*place] = Fate::Unknown;
            }
            stopped = self.attempt(index, &mut round, &changing)?;
            for place in self.still_changing(&round) {
                round.fates[place] = Fate::Failed("it changed while it was sent, twice".to_owned());
            }
        }
        self.note_vanished(&mut round);
        if interrupt::requested() {
            give_up(&round, tell);
            return Ok(End::Answered);
        }
        match self.prove(&round) {
            Ok(shown) => {
                self.conclude(index, &round, &shown, stopped.as_deref(), tell)?;
                Ok(End::Answered)
            }
            Err(Error::Interrupted) => {
                give_up(&round, tell);
                Ok(End::Answered)
            }
            // What the log says is there stays in the journal, for the next run to prove.
            Err(error) => {
                let why = stopped.unwrap_or_else(|| error.line());
                leave_unproven(&round, &why, tell);
                Ok(End::Lost(why))
            }
        }
    }

    /// Sends those of these files that can be sent; gives what kept rclone from the rest, if it said.
    fn attempt(
        &self,
        index: &mut Index,
        round: &mut Round<'_>,
        places: &[usize],
    ) -> Result<Option<String>> {
        self.look_at_source(round, places);
        let mut are_open = true;
        let mut paths: Vec<PathBuf> = Vec::with_capacity(places.len());
        let mut of: HashMap<PathBuf, usize> = HashMap::with_capacity(places.len());
        for place in places {
            if matches!(round.fates[*place], Fate::Unknown) {
                let file = &round.files[*place];
                are_open = are_open && self.destination.is_listed_whole(&file.replica);
                let whole = file.whole();
                of.insert(whole.clone(), *place);
                paths.push(whole);
            }
        }
        let (destination, source) = (
            &self.destination.database.root,
            &self.source.database().root,
        );
        let remote = &self.destination.remote;
        let batch = if self.destination.abilities.can_move() {
            Batch::to(remote, source, &paths, self.versions, self.limits)
        } else {
            Batch::only_new(remote, source, &paths, self.limits)
        };
        let batch = batch.open(are_open);
        let mut journal = Journal::of(index, destination, source);
        let said = batch.run(&mut |news| match news {
            Sent::Bytes(bytes) => (self.told)(0, bytes),
            Sent::Done(path) => {
                if let Some(place) = of.get(path) {
                    round.fates[*place] = Fate::Said;
                    (self.told)(1, 0);
                    journal.note(&round.files[*place], round.sent[*place]);
                }
            }
            Sent::Failed(path, why) => {
                if let Some(place) = of.get(path) {
                    round.fates[*place] = Fate::Failed(why.to_owned());
                }
            }
        });
        let kept = journal.finish();
        match said {
            Err(Error::Interrupted) => Ok(None),
            said => kept.and(said),
        }
    }

    /// Notes what each file is now, and which are gone.
    fn look_at_source(&self, round: &mut Round<'_>, places: &[usize]) {
        let mut looking = Looking::at(self.source);
        for place in places {
            let file = &round.files[*place];
            round.sent[*place] = SentFile {
                bytes: file.bytes,
                modified: file.modified,
                ..SentFile::default()
            };
            if let Some(why) = remote::refusal(&file.whole()) {
                round.fates[*place] = Fate::Failed(why.to_owned());
                continue;
            }
            if file.replaces && !self.destination.abilities.can_move() {
                let why = "another version is there, and this storage cannot keep it: it neither renames nor copies";
                round.fates[*place] = Fate::Failed(why.to_owned());
                continue;
            }
            match looking.file(file) {
                Seen::Gone => round.fates[*place] = Fate::Vanished,
                Seen::File(seen) => round.sent[*place] = seen,
                Seen::Other(why) => round.fates[*place] = Fate::Failed(why),
                // What cannot be looked at rclone will say why.
                Seen::Unknown => {}
            }
        }
    }

    /// The files that are not what they were when they were sent, or that rclone says were being written to.
    fn still_changing(&self, round: &Round<'_>) -> Vec<usize> {
        let mut looking = Looking::at(self.source);
        let mut changing = Vec::new();
        for (place, file) in round.files.iter().enumerate() {
            let changes = match &round.fates[place] {
                Fate::Said => {
                    matches!(looking.file(file), Seen::File(now) if now != round.sent[place])
                }
                Fate::Failed(why) => why.contains("being updated"),
                Fate::Unknown | Fate::Vanished => false,
            };
            if changes {
                changing.push(place);
            }
        }
        changing
    }

    /// Notes which of those that were not sent went away meanwhile.
    fn note_vanished(&self, round: &mut Round<'_>) {
        let mut looking = Looking::at(self.source);
        for (file, fate) in round.files.iter().zip(&mut round.fates) {
            let was_sent = matches!(fate, Fate::Said | Fate::Vanished);
            if !was_sent && matches!(looking.file(file), Seen::Gone) {
                *fate = Fate::Vanished;
            }
        }
    }

    /// Proves what the log says, notes it down and tells of it.
    fn conclude(
        &self,
        index: &mut Index,
        round: &Round<'_>,
        shown: &[Shown],
        stopped: Option<&str>,
        tell: &mut Tell<'_>,
    ) -> Result<()> {
        let over = self.is_over();
        let mut record = Record::new();
        let mut outcomes = Vec::with_capacity(round.files.len());
        for (place, file) in round.files.iter().enumerate() {
            let folder = file.path.parent().unwrap_or(Path::new("")).to_owned();
            let name = Name::from(file.path.file_name().unwrap_or_default());
            let folders = record.entry(file.replica.as_path()).or_default();
            let (there, gone) = folders.entry(folder).or_default();
            let outcome = round.outcome(place, &shown[place], stopped, over);
            match (&outcome, &shown[place]) {
                (Outcome::Copied(_), Shown::Right { mark, .. }) => {
                    let sent = SentFile {
                        mark: *mark,
                        ..round.sent[place]
                    };
                    there.insert(name, sent);
                }
                // Nobody knows what is there now, unless nothing was done.
                (Outcome::Failed(_), _) if !matches!(round.fates[place], Fate::Unknown) => {
                    gone.push(name);
                }
                _ => {}
            }
            outcomes.push(outcome);
        }
        self.keep(index, record)?;
        for (file, outcome) in round.files.iter().zip(outcomes) {
            tell(file, outcome);
        }
        Ok(())
    }

    /// Notes down what is there, and that the journal is settled.
    fn keep(&self, index: &mut Index, record: Record<'_>) -> Result<()> {
        let destination = &self.destination.database.root;
        let source = &self.source.database().root;
        let mut kept = Vec::new();
        for (replica, mut folders) in record {
            folders.retain(|_, (there, gone)| !there.is_empty() || !gone.is_empty());
            index.keep_sent(destination, replica, source, &folders)?;
            kept.extend(folders.iter().map(|(folder, (there, _))| {
                let folder: PathBuf = replica.join(folder).components().collect();
                (folder, packed(there))
            }));
        }
        index.keep_files(self.run, destination, &kept)?;
        index.end_sending(destination, source)
    }
}

/// What is to be noted down of each folder of each replica: files that are there, and names of which nobody knows.
type Record<'a> = BTreeMap<&'a Path, BTreeMap<PathBuf, (SentFolder, Vec<Name>)>>;

impl Round<'_> {
    /// How a file ended, from what the log said and what a listing shows.
    fn outcome(&self, place: usize, shown: &Shown, stopped: Option<&str>, over: bool) -> Outcome {
        match (&self.fates[place], shown) {
            (Fate::Vanished, _) => gone(),
            (Fate::Failed(why), _) | (Fate::Said, Shown::Wrong(why)) => {
                Outcome::Failed(why.clone())
            }
            (Fate::Said | Fate::Unknown, Shown::Right { proof, .. }) => Outcome::Copied(Copied {
                bytes: self.sent[place].bytes,
                replaced: self.files[place].replaces,
                proof: *proof,
                ..Copied::default()
            }),
            (Fate::Unknown, Shown::Wrong(_)) if over => Outcome::Unreached,
            (Fate::Unknown, Shown::Wrong(why)) => {
                Outcome::Failed(stopped.unwrap_or(why).to_owned())
            }
        }
    }
}

/// Tells of a batch that was stopped: what the log says is there, for the next run to prove.
fn give_up(round: &Round<'_>, tell: &mut Tell<'_>) {
    for (file, (fate, sent)) in round.files.iter().zip(round.fates.iter().zip(&round.sent)) {
        let outcome = match fate {
            Fate::Said => Outcome::Copied(Copied {
                bytes: sent.bytes,
                replaced: file.replaces,
                ..Copied::default()
            }),
            Fate::Failed(why) => Outcome::Failed(why.clone()),
            Fate::Vanished => gone(),
            Fate::Unknown => Outcome::Unreached,
        };
        tell(file, outcome);
    }
}

/// What tells a file from every other on its file system, whatever its name; 0 where that is not kept. Its number alone
/// would not do: that is given to another file once this one is gone.
fn number(folder: &Folder, name: &OsStr) -> u64 {
    folder
        .birth_of(name)
        .map_or(0, |(inode, seconds, nanoseconds)| {
            let birth = format!("{inode} {seconds}.{nanoseconds:09}");
            Digest::of_bytes(birth.as_bytes()).half()
        })
}

/// The files of a folder, for the journal of the run.
fn packed(files: &SentFolder) -> Manifest {
    let mut packer = Packer::with_capacity(files.len());
    for (name, file) in files {
        packer.add(&File {
            name: name.as_bytes(),
            bytes: file.bytes,
            modified: file.modified,
            target: None,
        });
    }
    packer.finish()
}

/// Tells of a batch that no listing proves.
fn leave_unproven(round: &Round<'_>, why: &str, tell: &mut Tell<'_>) {
    for (file, fate) in round.files.iter().zip(&round.fates) {
        let outcome = match fate {
            Fate::Said => Outcome::Failed(format!("it was sent, but no listing proves it: {why}")),
            Fate::Failed(why) => Outcome::Failed(why.clone()),
            Fate::Vanished => gone(),
            Fate::Unknown => Outcome::Failed(why.to_owned()),
        };
        tell(file, outcome);
    }
}

fn failed(files: &[Outgoing], why: &str, tell: &mut Tell<'_>) {
    for file in files {
        tell(file, Outcome::Failed(why.to_owned()));
    }
}

/// It went away by itself, which is nobody's failure.
fn gone() -> Outcome {
    Outcome::Skipped("it went away before it was sent".to_owned())
}

fn unreached(files: &[Outgoing], tell: &mut Tell<'_>) {
    for file in files {
        tell(file, Outcome::Unreached);
    }
}

/// Looking at files of a source one after the other; neighbours through one handle of their folder.
pub(crate) struct Looking<'a> {
    root: Option<&'a Folder>,
    folder: Option<(PathBuf, Result<Folder>)>,
}

/// What is at the source.
pub(crate) enum Seen {
    /// This file.
    File(SentFile),
    /// Nothing of the name.
    Gone,
    /// Something else.
    Other(String),
    /// It could not be looked at.
    Unknown,
}

impl<'a> Looking<'a> {
    pub(crate) fn at(source: &'a Side) -> Self {
        Self {
            root: source.folder().map(AsRef::as_ref),
            folder: None,
        }
    }

    fn file(&mut self, file: &Outgoing) -> Seen {
        self.path(&file.whole())
    }

    /// What has this path below the root.
    pub(crate) fn path(&mut self, whole: &Path) -> Seen {
        let Some(root) = self.root else {
            return Seen::Unknown;
        };
        let (above, name) = (
            whole.parent().unwrap_or(Path::new("")),
            whole.file_name().unwrap_or_default(),
        );
        if self.folder.as_ref().is_none_or(|(path, _)| path != above) {
            self.folder = Some((above.to_owned(), root.beneath(above)));
        }
        let folder = match &self.folder {
            Some((_, Ok(folder))) => folder,
            Some((_, Err(error))) if crate::os::folder::is_missing(error) => return Seen::Gone,
            _ => return Seen::Unknown,
        };
        match folder.stat(name) {
            Ok(stat) if stat.kind == Kind::File => Seen::File(SentFile {
                bytes: stat.bytes,
                modified: stat.modified,
                number: number(folder, name),
                mark: 0,
            }),
            Ok(stat) => Seen::Other(format!("it is {} now", stat.kind.noun())),
            Err(error) if crate::os::folder::is_missing(&error) => Seen::Gone,
            Err(_) => Seen::Unknown,
        }
    }
}

/// What is known of the bytes of files that a remote says a digest of, or that were read back.
const PROVEN: Proof = Proof::ReadBack;
