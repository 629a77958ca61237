//! Errors: each with the path or name concerned, a hint, and an exit status.
//!
//! A message says what failed, on which path and why; the hint says what to do. Errors about the index are in `index`, those
//! about a remote that cannot be reached in `connection`, and those about the catalog in `catalog`.

mod catalog;
mod connection;
mod hint;
mod index;
mod kind;
mod message;
mod offline;
mod publication;

use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};

pub use self::catalog::CatalogProblem;
pub use self::connection::ConnectionError;
pub use self::hint::did_you_mean;
pub use self::index::IndexProblem;
pub use self::offline::OfflineCause;
pub use self::publication::PublicationProblem;
use super::exit_status::ExitStatus;
use super::name::Name;
use super::noun::Noun;
use super::password::mask_passwords;

/// Seconds within which a storage must answer a request that other work depends on.
pub const STORAGE_TIMEOUT_SECONDS: u64 = 20;

/// Result of the fallible functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure. Messages are lower case, name paths in backticks, and never repeat their source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "the message of each variant shows the meaning of its fields"
)]
pub enum Error {
    /// The operating system refused an operation on a path. The action is a verb: `read`, `create`.
    #[error("cannot {action} `{}`", Name::from(path.as_path()))]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// A script that a user named: the argument of the process, the start-up file, or the file of a `source` line.
    #[error("cannot read the {noun} `{}`", Name::from(path.as_path()))]
    UnreadScript {
        noun: Noun,
        path: PathBuf,
        source: io::Error,
    },
    /// The bytes of a file could not be copied: the source or the destination failed.
    #[error("cannot copy `{}` to `{}`", Name::from(from.as_path()), Name::from(to.as_path()))]
    Copy {
        from: PathBuf,
        to: PathBuf,
        source: io::Error,
    },
    /// A database, category, client, project, command or setting (the noun) that does not exist.
    #[error("unknown {noun} `{name}`")]
    UnknownName {
        noun: Noun,
        name: Name,
        /// The nearest known names, best first, quoted as on a line.
        suggestions: Vec<String>,
        known: Vec<String>,
    },
    /// A word that is not possible at its place, and the words that are.
    #[error("unexpected argument `{word}`")]
    UnexpectedWord { word: Name, hint: String },
    /// A word that is not a valid name or path of the noun.
    #[error("`{word}` cannot be {} {noun}: {why}", noun.article())]
    InvalidWord {
        noun: Noun,
        word: Name,
        why: &'static str,
    },
    /// The path of a category whose placeholders do not give each project one folder.
    #[error("`{word}` cannot be a category path: {why}")]
    InvalidLayout {
        word: Name,
        why: &'static str,
        /// The line that was meant, if that is clear.
        corrected: Option<String>,
    },
    /// A value that a setting does not accept.
    #[error("`{word}` cannot be the value of `{setting}`")]
    InvalidValue {
        setting: &'static str,
        word: Name,
        /// The accepted values.
        values: String,
    },
    /// The name of a single folder where a project is required.
    #[error("`{word}` cannot be a project: a project is written CLIENT/PROJECT")]
    NotAProject {
        word: Name,
        /// The line that lists the projects of this client, if it is a client.
        listing_command: Option<String>,
        suggestions: Vec<String>,
    },
    /// `_` without projects that it could stand for.
    #[error("`_` stands for the projects of the last answer, but {why}")]
    NoLastAnswer { why: &'static str },
    /// A line that is not a command. The span holds the byte range of the words concerned.
    #[error("{message}")]
    Syntax {
        message: String,
        span: std::ops::Range<usize>,
        hint: Option<String>,
        /// Words or whole lines that were probably meant.
        suggestions: Vec<String>,
    },
    /// A program that an answer was sent to with `|`, and that did not start or did not succeed.
    #[error("the program `{program}` {why}")]
    Program { program: Name, why: String },
    /// A place that no answer may be written to with `>`.
    #[error("cannot write an answer to `{}`: {why}", Name::from(path.as_path()))]
    Redirection { path: PathBuf, why: String },
    /// A line that lacks words: placeholders, as in the usage.
    #[error("missing: {missing}")]
    MissingWords { missing: String, hint: String },
    /// The name of a thing of one kind where a thing of another kind is expected.
    #[error("`{word}` is a {noun}, where a {expected} is expected")]
    MisplacedWord {
        word: Name,
        noun: Noun,
        expected: Noun,
        usage: &'static str,
    },
    /// A database or category of this name exists at another path.
    #[error("{noun} `{name}` is already at `{}`, not at `{}`", Name::from(existing.as_path()), Name::from(requested.as_path()))]
    NameTaken {
        noun: Noun,
        name: String,
        existing: PathBuf,
        requested: PathBuf,
    },
    /// Two databases, or two categories, with the same files. The relation is `is already`, `lies inside` or `contains`.
    #[error("`{}` {relation} {noun} `{other}` at `{}`", Name::from(path.as_path()), Name::from(existing.as_path()))]
    Overlap {
        noun: Noun,
        path: PathBuf,
        relation: &'static str,
        other: String,
        existing: PathBuf,
    },
    /// A database whose root is missing, or holds something else.
    #[error("storage `{database}` is offline: `{}` {why}", Name::from(root.as_path()))]
    Offline {
        database: String,
        root: PathBuf,
        why: String,
        /// The kind of the reason.
        cause: OfflineCause,
    },
    /// A remote database that does not answer, or answers with an error.
    #[error("storage `{database}` cannot be reached: `{}` {cause}", Name::from(root.as_path()))]
    StorageUnreachable {
        database: String,
        root: PathBuf,
        cause: ConnectionError,
    },
    /// A failed request to rclone. The action is a verb: `list`, `read`.
    #[error("rclone cannot {action} `{}`: {why}", Name::from(path.as_path()))]
    Rclone {
        action: &'static str,
        path: PathBuf,
        why: String,
    },
    /// So many files are missing at the source that a wrong or unmounted disk is more likely than deletion.
    #[error("{missing} of {known} files synced to `{database}` are missing from `{}`", Name::from(source_root.as_path()))]
    TooManyMissing {
        database: String,
        source_root: PathBuf,
        missing: String,
        known: String,
    },
    /// No rclone program was found.
    #[error("storages like `s3:bucket/studio` need the program rclone: {why}")]
    RcloneNotFound { why: String },
    /// The rclone program lacks features that this program needs.
    #[error("`{}` is rclone {version}, but {oldest} or newer is required", Name::from(program.as_path()))]
    RcloneTooOld {
        program: PathBuf,
        version: String,
        oldest: String,
    },
    /// A project, a client or `all` that has no folder in the category or in any category.
    #[error(
        "{} in {place} of storage `{database}`",
        message::absence_message(project)
    )]
    ReplicaNotFound {
        project: Name,
        place: String,
        database: String,
        suggestions: Vec<String>,
        /// Databases that hold the project according to the index.
        elsewhere: Vec<String>,
    },
    /// A copy of a database to itself.
    #[error("FROM and TO are both `{database}`")]
    SameDatabase { database: String },
    /// A comparison of a database with itself.
    #[error("A and B are both `{database}`")]
    CompareWithItself { database: String },
    /// A variable that is not set, or is empty.
    #[error("the variable `${variable}` is not set")]
    UnsetVariable { variable: String, word: Name },
    /// A script or start-up file that is not text.
    #[error("`{}` is not a script: {why}", Name::from(path.as_path()))]
    NotAScript { path: PathBuf, why: String },
    /// No default location exists for one of the program's own files. The option names one.
    #[error("no {what}: HOME is not set and the user has no home folder")]
    NoHome {
        what: &'static str,
        option: &'static str,
    },
    /// The index cannot be used.
    #[error("{}", problem.message(path))]
    Index {
        path: PathBuf,
        problem: IndexProblem,
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
    /// A published index that is not taken over, or not replaced.
    #[error("the published index `{}` {problem}", Name::from(path.as_path()))]
    Publication {
        path: PathBuf,
        problem: PublicationProblem,
    },
    /// A storage that carries no published index.
    #[error(
        "storage `{database}` carries no published index: no workstation with `set publish on` has scanned it"
    )]
    NotPublished { database: String },
    /// A command that needs a catalog, without one.
    #[error("no catalog is set")]
    NoCatalog,
    /// A word that is no address of a catalog. Shows nothing that may be a password.
    #[error("`{address}` cannot be the address of a catalog: {why}")]
    InvalidAddress {
        address: Name,
        why: String,
        hint: &'static str,
    },
    /// The catalog cannot be used. The address has no password.
    #[error("{}", problem.message(address))]
    Catalog {
        address: String,
        problem: CatalogProblem,
    },
    /// The file changed while it was read.
    #[error("`{}` changed while it was read", Name::from(path.as_path()))]
    SourceChanged { path: PathBuf },
    /// A file or folder of the program that another user may have created or replaced.
    #[error("`{}` is not trusted: {why}", Name::from(path.as_path()))]
    Untrusted { path: PathBuf, why: String },
    /// The destination no longer holds what the plan is based on.
    #[error("`{}` was changed by another program after it was checked", Name::from(path.as_path()))]
    ConcurrentChange { path: PathBuf },
    /// The bytes read back from the destination differ from those of the source.
    #[error("verification of `{}` failed: source XXH3-128 {source_digest}, copy {copy_digest}; the copy was removed", Name::from(path.as_path()))]
    VerificationFailed {
        path: PathBuf,
        source_digest: String,
        copy_digest: String,
    },
    /// A removal without the proof that it needs.
    #[error("nothing was removed: `{}` {why}", Name::from(path.as_path()))]
    Unproven { path: PathBuf, why: &'static str },
    /// A run that cannot be undone.
    #[error("run {run} cannot be undone: {why}")]
    UndoRefused { run: i64, why: String },
    /// A history of ASC MHL that is damaged, and therefore not continued. Holds the file concerned.
    #[error("the ASC MHL history is damaged: `{}`: {why}", Name::from(path.as_path()))]
    HistoryDamaged { path: PathBuf, why: String },
    /// A run that was stopped before it appended to a history of ASC MHL.
    #[error("no ASC MHL generation was written for `{}`: the run was stopped", Name::from(path.as_path()))]
    HistoryNotWritten { path: PathBuf },
    /// A file, or a hash list, that is not as a history of ASC MHL states.
    #[error("`{}` is not as its ASC MHL history states: {why}", Name::from(path.as_path()))]
    HistoryMismatch { path: PathBuf, why: String },
    /// A history of ASC MHL on a remote, which cannot be appended to.
    #[error("ASC MHL histories are written on disks only, and `{database}` is a remote")]
    RemoteHistory { database: String },
    /// A storage or folder whose old versions are not all known.
    #[error("the old versions at `{place}` cannot be read: {why}")]
    VersionsUnread { place: String, why: String },
    /// A report about projects of which the index knows no file.
    #[error("no files are known of `{scope}`")]
    NothingToReport { scope: Name, hint: String },
    /// Another run holds the lock of the database. The holder is that run, if it is known: ``run 7 of process 1234 on `ws1` ``.
    #[error("another run has locked `{database}`{}: it holds {lock}", message::colon_suffix(holder.as_deref()))]
    Locked {
        database: String,
        holder: Option<String>,
        /// The lock file, or the lease, in words.
        lock: String,
    },
    /// The right to write was lost while the run wrote. The holder is the run that has it now, if it is known.
    #[error("writing to `{database}` was stopped: {}", message::loss_of_lease(holder.as_deref()))]
    LeaseLost {
        database: String,
        holder: Option<String>,
    },
    /// A run number that does not exist. Holds the first and the last known number, if any.
    #[error("unknown run `{run}`")]
    RunNotFound { run: i64, known: Option<(i64, i64)> },
    /// The plan needs more bytes or files than the destination has free.
    #[error("not enough space on `{database}`: {needed} needed at `{}`, {free} free", Name::from(path.as_path()))]
    NotEnoughSpace {
        database: String,
        path: PathBuf,
        needed: String,
        free: String,
    },
    /// The folder of an offload holds no file.
    #[error("`{}` holds no file", Name::from(path.as_path()))]
    EmptyCard { path: PathBuf },
    /// The folder of an offload cannot be opened.
    #[error("cannot open `{}`", Name::from(path.as_path()))]
    UnreadCard { path: PathBuf, source: io::Error },
    /// No file of an offloaded folder is proven to be on a disk from which remotes are sent to.
    #[error("no file of `{}` is verified on a disk, from which it would be sent", Name::from(folder.as_path()))]
    NothingToSend { folder: PathBuf },
    /// The source and the destination of a replica are one folder, or one contains the other.
    #[error("`{}` and `{}` are the same files: {why}", Name::from(from.as_path()), Name::from(to.as_path()))]
    SameFolder {
        from: PathBuf,
        to: PathBuf,
        why: &'static str,
    },
    /// Two databases with one identity file, as a drive and its clone have.
    #[error(
        "storages `{database}` and `{other}` have the same identity file `.auto-backup/database.json`: one is the other by another path, or a clone of it"
    )]
    SameIdentity {
        database: String,
        /// The identity file of `database`.
        file: PathBuf,
        other: String,
    },
    /// Canceled by Ctrl-C, SIGTERM or SIGHUP.
    #[error("interrupted")]
    Interrupted,
    /// The user answered no at the prompt.
    #[error("nothing was done")]
    Declined,
    /// A command needs a confirmation, and no terminal can give it.
    #[error("confirmation required, but the session is not interactive: {question}")]
    ConfirmationRequired { question: String },
    /// Standard output cannot be written.
    #[error("cannot write the answer to standard output")]
    Output { source: io::Error },
}

impl Error {
    /// Returns an error of the index that has no source.
    pub fn index(problem: IndexProblem, path: impl Into<PathBuf>) -> Self {
        Self::Index {
            path: path.into(),
            problem,
            source: None,
        }
    }

    /// True for an unknown name that is similar to a known one.
    pub const fn suggests(&self) -> bool {
        matches!(self, Self::UnknownName { suggestions, .. } if !suggestions.is_empty())
    }

    /// Returns the problem of the index, if this is an error of the index.
    pub const fn index_problem(&self) -> Option<IndexProblem> {
        match self {
            Self::Index { problem, .. } => Some(*problem),
            _ => None,
        }
    }

    /// Returns the problem of the catalog, if this is an error of the catalog.
    pub const fn catalog_problem(&self) -> Option<&CatalogProblem> {
        match self {
            Self::Catalog { problem, .. } => Some(problem),
            _ => None,
        }
    }

    /// Returns the exit status of a process that fails with this error.
    pub fn exit_status(&self) -> ExitStatus {
        match self {
            Self::InvalidWord { .. }
            | Self::UnexpectedWord { .. }
            | Self::InvalidLayout { .. }
            | Self::InvalidAddress { .. }
            | Self::Syntax { .. }
            | Self::UnsetVariable { .. }
            | Self::NotAProject { .. }
            | Self::MissingWords { .. }
            | Self::MisplacedWord { .. }
            | Self::InvalidValue { .. }
            | Self::UnknownName {
                noun: Noun::Command | Noun::Setting,
                ..
            }
            | Self::ConfirmationRequired { .. }
            | Self::NotAScript { .. } => ExitStatus::Usage,
            Self::Locked { .. } | Self::LeaseLost { .. } => ExitStatus::Locked,
            Self::Interrupted => ExitStatus::Interrupted,
            _ => ExitStatus::Failed,
        }
    }

    /// Returns the word of the line that the caret points at, if any.
    pub fn offending_word(&self) -> Option<Name> {
        match self {
            Self::UnknownName { name, .. } => Some(name.clone()),
            Self::NoLastAnswer { .. } => Some("_".into()),
            Self::Program { program, .. } => Some(program.clone()),
            Self::RunNotFound { run, .. } => Some(run.to_string().as_str().into()),
            Self::NotAProject { word, .. }
            | Self::UnexpectedWord { word, .. }
            | Self::InvalidWord { word, .. }
            | Self::InvalidLayout { word, .. }
            | Self::MisplacedWord { word, .. }
            | Self::InvalidValue { word, .. }
            | Self::UnsetVariable { word, .. } => Some(word.clone()),
            Self::InvalidAddress { address, .. } => Some(address.clone()),
            Self::EmptyCard { path } | Self::UnreadCard { path, .. } => Some(path.as_path().into()),
            Self::ReplicaNotFound { project, .. } if !message::is_all_projects(project) => {
                Some(project.clone())
            }
            Self::Offline { database, .. }
            | Self::RemoteHistory { database }
            | Self::NotPublished { database }
            | Self::StorageUnreachable { database, .. }
            | Self::Locked { database, .. }
            | Self::LeaseLost { database, .. }
            | Self::NotEnoughSpace { database, .. } => Some(database.as_str().into()),
            _ => None,
        }
    }

    /// Returns the message followed by the messages of all its sources, on one line, without passwords.
    pub fn full_message(&self) -> String {
        let mut line = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        mask_passwords(&line)
    }
}

/// Adds the path and the action to I/O errors.
pub trait IoResultExt<T> {
    /// Turns an I/O error into [`Error::Io`] with this action and path.
    ///
    /// # Errors
    /// [`Error::Io`].
    fn at(self, action: &'static str, path: impl AsRef<Path>) -> Result<T>;
}

impl<T, E: Into<io::Error>> IoResultExt<T> for Result<T, E> {
    fn at(self, action: &'static str, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|source| Error::Io {
            action,
            path: path.as_ref().to_owned(),
            source: without_path(source.into()),
        })
    }
}

/// Returns an error of `tempfile` without the path that its text repeats. The error of the system in it is private.
fn without_path(error: io::Error) -> io::Error {
    let text = error.get_ref().map(ToString::to_string);
    match text
        .as_deref()
        .and_then(|text| text.split_once(" at path "))
    {
        Some((reason, _)) => io::Error::new(error.kind(), reason),
        None => error,
    }
}
