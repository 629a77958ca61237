//! The result of appending generations to the histories of a replica.

use std::path::PathBuf;

use super::replica::ReplicaHistories;
use crate::base::error::Error;
use crate::index::{KnownGeneration, OutcomeKind};

/// The result of appending generations to the histories of a replica.
#[derive(Debug, Default)]
pub struct SealReport {
    /// The generations that were written.
    pub generations: Vec<KnownGeneration>,
    /// Hash lists of a stopped run that were complete, and that the chain lists now: their paths.
    pub listed: Vec<PathBuf>,
    /// The files that need attention.
    pub findings: Vec<SealFinding>,
    /// Number of files that were recorded for the first time.
    pub original: u64,
    /// Number of files whose recorded hash was found again.
    pub verified: u64,
    /// Number of recorded files about which there is nothing new.
    pub unchanged: u64,
    /// Number of files that were read, and their bytes; in a dry run, of those that would be.
    pub read_files: u64,
    pub read_bytes: u64,
    /// Failures to write a generation, after which nothing further was written for that replica.
    pub unwritten: Vec<Error>,
    /// True if the index could not store what was read.
    pub is_unrecorded: bool,
}

/// A file that needs attention.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SealFinding {
    pub path: PathBuf,
    pub kind: SealFindingKind,
    pub reason: Option<String>,
}

/// The kind of a finding, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SealFindingKind {
    /// The file belongs to a history that is damaged, and was not continued.
    DamagedHistory,
    /// The content is not the recorded one.
    Damaged,
    /// The file is recorded and not there.
    Missing,
    /// The file could not be read.
    Unreadable,
    /// ASC MHL cannot hold its name or kind.
    Unrepresentable,
    /// The file is there, and in no history.
    New,
    /// The file has another name than its record.
    Renamed,
}

impl SealFindingKind {
    /// True for a finding that is an error.
    pub const fn is_failure(self) -> bool {
        matches!(
            self,
            Self::DamagedHistory | Self::Damaged | Self::Missing | Self::Unreadable
        )
    }

    /// The outcome in the history of runs.
    pub const fn outcome(self) -> OutcomeKind {
        match self {
            Self::DamagedHistory | Self::Damaged => OutcomeKind::Damaged,
            Self::Missing => OutcomeKind::Missing,
            Self::Unreadable => OutcomeKind::Unreadable,
            Self::Unrepresentable => OutcomeKind::Unrepresentable,
            Self::New => OutcomeKind::New,
            Self::Renamed => OutcomeKind::Moved,
        }
    }
}

impl SealReport {
    /// Adds a finding about a file.
    pub(super) fn find(&mut self, path: PathBuf, kind: SealFindingKind, reason: Option<String>) {
        self.findings.push(SealFinding { path, kind, reason });
    }

    /// Adds the damage of histories. Returns true if there is any.
    pub(super) fn add_damage(&mut self, replica: &ReplicaHistories) -> bool {
        for (path, damage) in replica.histories.damage() {
            let path = replica.folder.path().join(path);
            let reason = format!("ASC MHL history: {}", damage.kind);
            self.find(path, SealFindingKind::DamagedHistory, Some(reason));
        }
        !self.findings.is_empty()
    }

    /// Number of findings of a kind.
    pub fn count(&self, kind: SealFindingKind) -> u64 {
        self.findings
            .iter()
            .filter(|found| found.kind == kind)
            .count() as u64
    }

    /// Number of findings that are errors.
    pub fn failures(&self) -> u64 {
        self.findings
            .iter()
            .filter(|found| found.kind.is_failure())
            .count() as u64
    }

    /// Adds the report of another replica.
    pub fn merge(&mut self, other: Self) {
        self.generations.extend(other.generations);
        self.listed.extend(other.listed);
        self.findings.extend(other.findings);
        self.original += other.original;
        self.verified += other.verified;
        self.unchanged += other.unchanged;
        self.read_files += other.read_files;
        self.read_bytes += other.read_bytes;
        self.unwritten.extend(other.unwritten);
        self.is_unrecorded |= other.is_unrecorded;
    }
}
