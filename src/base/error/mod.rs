//! What can go wrong, each with the thing it went wrong with, what to do about it, and the exit status it means.

mod connection;
mod hint;
mod rclone_message;

use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};

pub use self::connection::{ConnectionError, EXIT_DIRECTORY_NOT_FOUND, EXIT_FILE_NOT_FOUND};
pub use self::hint::did_you_mean;
use super::exit_status::ExitStatus;
use super::name::Name;

/// How many seconds a storage may take to answer, where work depends on it.
pub const STORAGE_TIMEOUT_SECONDS: u64 = 20;

use self::hint::{
    absence_message, colon_suffix, example_hint, io_hint, is_all_projects, not_a_project_hint,
    run_hint, unknown_hint, unset_hint,
};

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure. Messages are lower case, name the thing in backticks, and never repeat their source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused something on a path.
    #[error("cannot {action} `{}`", Name::from(path.as_path()))]
    Io {
        /// What was tried, as a verb: `read`, `create`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Moving the bytes of a file failed, on either side.
    #[error("cannot copy `{}` to `{}`", Name::from(from.as_path()), Name::from(to.as_path()))]
    Copy {
        /// The file.
        from: PathBuf,
        /// The folder it was to go to.
        to: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// No such database, category, client or project.
    #[error("there is no {noun} `{name}`")]
    UnknownName {
        /// `database`, `category`, `client`, `project`, `command` or `setting`.
        noun: &'static str,
        /// What was typed.
        name: Name,
        /// The nearest known names, best first, as they would be typed.
        suggestions: Vec<String>,
        /// All known names where there are few.
        known: Vec<String>,
    },
    /// A word that can never be what it stands for.
    #[error("`{word}` cannot be a {noun}: {why}")]
    InvalidWord {
        /// What it was meant to be.
        noun: &'static str,
        /// What was typed.
        word: Name,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A word that a setting does not take.
    #[error("`{word}` cannot be the value of `{setting}`")]
    InvalidValue {
        /// The setting.
        setting: &'static str,
        /// What was typed.
        word: Name,
        /// What it takes.
        values: String,
    },
    /// A folder name where a project has to stand.
    #[error("`{word}` cannot be a project: a project is written CLIENT/PROJECT")]
    NotAProject {
        /// What was typed.
        word: Name,
        /// The line that shows all its projects, where there is one.
        listing_command: Option<String>,
        /// Projects that may be meant.
        suggestions: Vec<String>,
    },
    /// The line is not a command.
    #[error("{message}")]
    Syntax {
        /// What is wrong.
        message: String,
        /// The byte range of the words it is about.
        span: std::ops::Range<usize>,
        /// What to type instead.
        hint: Option<String>,
    },
    /// The name already means something else.
    #[error("{noun} `{name}` is already at `{}`, not at `{}`", Name::from(existing.as_path()), Name::from(requested.as_path()))]
    NameTaken {
        /// `database` or `category`.
        noun: &'static str,
        /// The name both want.
        name: String,
        /// Where it is now.
        existing: PathBuf,
        /// Where it was to be.
        requested: PathBuf,
    },
    /// Two databases, or two categories, on the same files.
    #[error("`{}` {relation} {noun} `{other}` at `{}`", Name::from(path.as_path()), Name::from(existing.as_path()))]
    Overlap {
        /// `database` or `category`.
        noun: &'static str,
        /// What was to be added.
        path: PathBuf,
        /// `is already`, `lies inside`, `contains`.
        relation: &'static str,
        /// The one that is there.
        other: String,
        /// Its folder.
        existing: PathBuf,
    },
    /// A database is not there now.
    #[error("database `{database}` is offline: `{}` {why}", Name::from(root.as_path()))]
    Offline {
        /// Its name.
        database: String,
        /// Its root.
        root: PathBuf,
        /// What was found instead.
        why: String,
        /// Whether something was found that may be meant: then `load --forget` says so.
        may_be_right_disk: bool,
    },
    /// A database behind rclone does not answer, or not as it should.
    #[error("database `{database}` cannot be reached: `{}` {cause}", Name::from(root.as_path()))]
    StorageUnreachable {
        /// Its name.
        database: String,
        /// Its root.
        root: PathBuf,
        /// What is in the way.
        cause: ConnectionError,
    },
    /// rclone could not do something.
    #[error("rclone cannot {action} `{}`: {why}", Name::from(path.as_path()))]
    Rclone {
        /// What was tried, as a verb: `list`, `read`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What it said.
        why: String,
    },
    /// So much is gone from the source that it is more likely another disk or folder than work that was taken away.
    #[error("{missing} of {known} files that were synced to `{database}` are gone from `{}`", Name::from(source_root.as_path()))]
    TooManyMissing {
        /// The destination.
        database: String,
        /// The root of the source.
        source_root: PathBuf,
        /// How many are gone, in words.
        missing: String,
        /// Of how many, in words.
        known: String,
    },
    /// There is no rclone program.
    #[error("databases like `s3:bucket/studio` need the program rclone: {why}")]
    RcloneNotFound {
        /// Where it was looked for.
        why: String,
    },
    /// The rclone program is too old.
    #[error("`{}` is rclone {version}; {oldest} is the oldest that works here", Name::from(program.as_path()))]
    RcloneTooOld {
        /// The program.
        program: PathBuf,
        /// Its version.
        version: String,
        /// The oldest that does what is needed.
        oldest: String,
    },
    /// The project's folder is not there.
    #[error("{} in {place} of database `{database}`", absence_message(project))]
    ReplicaNotFound {
        /// The project, client or `all`, as typed.
        project: Name,
        /// The category, or `any category`.
        place: String,
        /// The database.
        database: String,
        /// Similar projects that are there.
        suggestions: Vec<String>,
        /// Databases that hold it, as far as the index knows.
        elsewhere: Vec<String>,
    },
    /// Copying onto itself.
    #[error("FROM and TO are both `{database}`")]
    SameDatabase {
        /// The database.
        database: String,
    },
    /// Comparing with itself.
    #[error("A and B are both `{database}`")]
    CompareWithItself {
        /// The database.
        database: String,
    },
    /// A variable in a line that is not set, or is empty.
    #[error("the variable `${variable}` is not set")]
    UnsetVariable {
        /// Its name.
        variable: String,
        /// The word it stands in.
        word: Name,
    },
    /// A file that was to be run or read as commands is not text.
    #[error("`{}` is not a script: {why}", Name::from(path.as_path()))]
    NotAScript {
        /// The file.
        path: PathBuf,
        /// `it is a folder`, `line 3 is not UTF-8`.
        why: String,
    },
    /// No place for our own files could be found.
    #[error("there is no {what}: HOME is not set and the user has no home folder")]
    NoHome {
        /// `place for the index`.
        what: &'static str,
        /// The option that names one.
        option: &'static str,
    },
    /// The index could not be read or written.
    #[error("cannot {action} the index `{}`", Name::from(path.as_path()))]
    Index {
        /// `read`, `write`, `open`.
        action: &'static str,
        /// Its file.
        path: PathBuf,
        /// What to do about it.
        hint: &'static str,
        /// What `SQLite` said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// What a look finds could not be kept until it is whole.
    #[error("cannot keep what is seen in `{}`", Name::from(folder.as_path()))]
    StagingUnavailable {
        /// The folder for temporary files.
        folder: PathBuf,
        /// What `SQLite` said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// Another process kept the index to itself for longer than anybody should wait.
    #[error("the index `{}` is in use", Name::from(path.as_path()))]
    IndexBusy {
        /// Its file.
        path: PathBuf,
        /// What `SQLite` said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The index is on a file system that cannot lock it, so that two programs could write it at once.
    #[error("cannot lock the index `{}`", Name::from(path.as_path()))]
    IndexLockUnsupported {
        /// Its file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What a look began with is no longer what the index holds.
    #[error("the index `{}` was told to forget this database meanwhile", Name::from(path.as_path()))]
    DatabaseForgotten {
        /// Its file.
        path: PathBuf,
    },
    /// The index file is broken.
    #[error("the index `{}` is damaged", Name::from(path.as_path()))]
    IndexDamaged {
        /// Its file.
        path: PathBuf,
        /// What `SQLite` said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The index was written by an older development version; opening sets it aside.
    #[error("the index `{}` was written by an older development version", Name::from(path.as_path()))]
    IndexOutdated {
        /// Its file.
        path: PathBuf,
    },
    /// The index was written by a newer program.
    #[error("the index `{}` has version {found}, this program knows versions up to {known}", Name::from(path.as_path()))]
    IndexTooNew {
        /// Its file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The file is a database of another program.
    #[error("`{}` is not an index of auto-backup but another program's SQLite file", Name::from(path.as_path()))]
    NotAnIndex {
        /// The file.
        path: PathBuf,
    },
    /// The index cannot be written.
    #[error("the index `{}` is read-only", Name::from(path.as_path()))]
    IndexReadOnly {
        /// Its file.
        path: PathBuf,
    },
    /// The file was not the same before and after it was read.
    #[error("`{}` changed while it was copied", Name::from(path.as_path()))]
    SourceChanged {
        /// The file.
        path: PathBuf,
    },
    /// Something in our own folder that somebody else may have put there.
    #[error("`{}` is not used: {why}", Name::from(path.as_path()))]
    Untrusted {
        /// The file or folder.
        path: PathBuf,
        /// `it is a symbolic link, not a file`.
        why: String,
    },
    /// The place at the destination is not what the plan saw.
    #[error("`{}` was changed by someone else after it was looked at", Name::from(path.as_path()))]
    ConcurrentChange {
        /// The file.
        path: PathBuf,
    },
    /// What was read back from the destination is not what the source holds.
    #[error("`{}` was withdrawn: read back, its XXH3-128 was {copy_digest}, and the source's {source_digest}", Name::from(path.as_path()))]
    VerificationFailed {
        /// The file at the destination.
        path: PathBuf,
        /// The digest of the source.
        source_digest: String,
        /// That of the copy.
        copy_digest: String,
    },
    /// Another run is at work on the database.
    #[error("another run is at work on `{database}`{}: it holds `{}`", colon_suffix(holder.as_deref()), Name::from(lock.as_path()))]
    Locked {
        /// The database.
        database: String,
        /// Who that is, as far as it is known: ``run 7 of process 1234 on `ws1` ``.
        holder: Option<String>,
        /// The file that is locked.
        lock: PathBuf,
    },
    /// No run has this number.
    #[error("there is no run `{run}`")]
    RunNotFound {
        /// The number.
        run: i64,
        /// The first and the last that are known, if any is.
        known: Option<(i64, i64)>,
    },
    /// The destination has no room for the plan.
    #[error("`{database}` has no room: {needed} are needed at `{}`, {free} are free", Name::from(path.as_path()))]
    NotEnoughSpace {
        /// The database.
        database: String,
        /// The folder whose file system is full.
        path: PathBuf,
        /// `3.0 GB`, `12,000 files`.
        needed: String,
        /// The same of what is left.
        free: String,
    },
    /// Source and destination of a replica are one folder, or one lies in the other.
    #[error("`{}` and `{}` are the same files: {why}", Name::from(from.as_path()), Name::from(to.as_path()))]
    SameFolder {
        /// The replica's folder at the source.
        from: PathBuf,
        /// And at the destination.
        to: PathBuf,
        /// How.
        why: &'static str,
    },
    /// Two databases with one identity file, as a cloned drive and the one it was made of.
    #[error(
        "databases `{database}` and `{other}` have the same identity file `.auto-backup/database.json`: one is the other by another path, or a clone of it"
    )]
    SameIdentity {
        /// One of them: the destination, or the one that was added or loaded.
        database: String,
        /// Its identity file.
        file: PathBuf,
        /// The other.
        other: String,
    },
    /// Ctrl-C, SIGTERM or SIGHUP.
    #[error("interrupted")]
    Interrupted,
    /// The person at the prompt said no.
    #[error("nothing was done")]
    Declined,
    /// A command asks, and there is nobody to answer.
    #[error("this asks, and nobody is there to answer: {question}")]
    ConfirmationRequired {
        /// What it asks.
        question: String,
    },
    /// Standard output took no more.
    #[error("cannot write the answer to standard output")]
    Output {
        /// Why not.
        source: io::Error,
    },
}

impl Error {
    /// The exit status this failure means for the process.
    pub fn exit_status(&self) -> ExitStatus {
        match self {
            Self::InvalidWord { .. }
            | Self::Syntax { .. }
            | Self::UnsetVariable { .. }
            | Self::NotAProject { .. }
            | Self::InvalidValue { .. }
            | Self::UnknownName {
                noun: "command" | "setting",
                ..
            }
            | Self::ConfirmationRequired { .. }
            | Self::NotAScript { .. } => ExitStatus::Usage,
            Self::Locked { .. } => ExitStatus::Locked,
            Self::Interrupted => ExitStatus::Interrupted,
            _ => ExitStatus::Failed,
        }
    }

    /// What to type or do instead.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownName {
                noun, suggestions: near, known, ..
            } => unknown_hint(noun, near, known),
            Self::NotAProject { listing_command: instead, suggestions: near, .. } => not_a_project_hint(instead.as_deref(), near),
            Self::ReplicaNotFound {
                project, elsewhere, ..
            } if !elsewhere.is_empty() => {
                Some(format!("`{project}` is on {}", elsewhere.join(", ")))
            }
            Self::ReplicaNotFound { suggestions: near, database, .. } if near.is_empty() => Some(format!(
                "`list projects` shows what there is; `load {database}` looks again"
            )),
            Self::ReplicaNotFound { suggestions: near, .. } => Some(did_you_mean(near)),
            Self::InvalidWord { noun, .. } => example_hint(noun),
            Self::InvalidValue { values, .. } => Some(format!("it takes {values}")),
            Self::Syntax { hint, .. } => hint.clone(),
            Self::NameTaken {
                noun: "category", ..
            } => Some("`add category NAME PATH --replace` gives it the new path".to_owned()),
            Self::NameTaken { .. } => {
                Some("`add database NAME ROOT --replace` gives it the new root".to_owned())
            }
            Self::Overlap {
                noun: "category", ..
            } => Some("give each category a folder of its own".to_owned()),
            Self::Overlap { .. } => Some(
                "give each database a folder of its own, or `remove database` the other first"
                    .to_owned(),
            ),
            Self::Offline { database, may_be_right_disk: true, .. } => {
                Some(format!(
                    "mount or connect it; if this is the right disk, `load --forget {database}`, then `load {database}`"
                ))
            }
            Self::Offline { .. } => Some("mount or connect it, then try again".to_owned()),
            Self::StorageUnreachable { root, cause: trouble, .. } => {
                Some(trouble.hint(&Name::from(root.as_path()).to_string()))
            }
            Self::TooManyMissing { .. } => Some(
                "nothing was deleted; see that the right disk is mounted; `--force` moves them among the old versions all the same".to_owned(),
            ),
            Self::RcloneNotFound { .. } | Self::RcloneTooOld { .. } => Some(
                "`https://rclone.org/install/` has it, and so has the system's package manager; `set rclone PATH` names one that is not on PATH".to_owned(),
            ),
            Self::SameDatabase { .. } => Some("name another database to copy to".to_owned()),
            Self::CompareWithItself { .. } => {
                Some("name another database to compare with".to_owned())
            }
            Self::UnsetVariable { variable, .. } => Some(unset_hint(variable)),
            Self::ConfirmationRequired { .. } => Some("`--yes` at the end of the line says yes beforehand".to_owned()),
            Self::Io { action, source, .. } => io_hint(action, source.kind()),
            Self::NoHome { option, .. } => Some(format!("name one with `{option}`")),
            Self::Index { hint, .. } => Some((*hint).to_owned()),
            Self::StagingUnavailable { .. } => Some(
                "free some space there, or name a larger folder in the variable `SQLITE_TMPDIR`; the index still holds the last look".to_owned(),
            ),
            Self::IndexBusy { .. } => Some(
                "another auto-backup has been writing to it for a long time; try again when that is done".to_owned(),
            ),
            Self::IndexLockUnsupported { .. } => Some(
                "its file system knows no locks, as some on a network; name a file on another disk with `--index FILE`".to_owned(),
            ),
            Self::DatabaseForgotten { .. } => Some("look again: `load`".to_owned()),
            Self::IndexTooNew { .. } => {
                Some("use a newer auto-backup, or another file with `--index FILE`".to_owned())
            }
            Self::IndexReadOnly { .. } | Self::NotAnIndex { .. } => {
                Some("name another file with `--index FILE`".to_owned())
            }
            Self::SourceChanged { .. } => Some("copy again when nobody writes to it".to_owned()),
            Self::Untrusted { .. } => Some(
                "see who put it there, and move it away; it is made anew where it is needed".to_owned(),
            ),
            Self::ConcurrentChange { .. } => Some("copy again: it will be compared anew".to_owned()),
            Self::VerificationFailed { .. } => Some(
                "copy again; if it happens once more, the disk, its cable or the memory of a machine is failing".to_owned(),
            ),
            Self::Locked { .. } => Some("try again when it is done".to_owned()),
            Self::RunNotFound { known, .. } => Some(run_hint(*known)),
            Self::NotEnoughSpace { .. } => {
                Some("make room there, or copy fewer projects; nothing was copied".to_owned())
            }
            Self::SameFolder { .. } => Some("nothing has to be copied there".to_owned()),
            Self::SameIdentity { database, file, other } => Some(format!(
                "if they are one place, `remove database {database}`; if `{database}` is a clone of `{other}`, delete `{}` and `load --forget {database}`: the next copy gives it an identity of its own",
                Name::from(file.as_path())
            )),
            _ => None,
        }
    }

    /// The word of the line that this is about, for the caret.
    pub fn offending_word(&self) -> Option<Name> {
        match self {
            Self::UnknownName { name, .. } => Some(name.clone()),
            Self::RunNotFound { run, .. } => Some(run.to_string().as_str().into()),
            Self::NotAProject { word, .. }
            | Self::InvalidWord { word, .. }
            | Self::InvalidValue { word, .. }
            | Self::UnsetVariable { word, .. } => Some(word.clone()),
            Self::ReplicaNotFound { project, .. } if !is_all_projects(project) => {
                Some(project.clone())
            }
            Self::Offline { database, .. }
            | Self::StorageUnreachable { database, .. }
            | Self::Locked { database, .. }
            | Self::NotEnoughSpace { database, .. } => Some(database.as_str().into()),
            _ => None,
        }
    }

    /// The message and all its causes on one line.
    pub fn full_message(&self) -> String {
        let mut line = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        line
    }
}

/// Gives an I/O error its path and what was tried.
pub trait IoResultExt<T> {
    /// Turns the error into [`Error::Io`].
    ///
    /// # Errors
    /// The error that was there, with `action` and `path`.
    fn at(self, action: &'static str, path: impl AsRef<Path>) -> Result<T>;
}

impl<T, E: Into<io::Error>> IoResultExt<T> for Result<T, E> {
    fn at(self, action: &'static str, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|source| Error::Io {
            action,
            path: path.as_ref().to_owned(),
            source: source.into(),
        })
    }
}
