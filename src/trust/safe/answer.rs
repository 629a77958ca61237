//! The question whether a replica may be removed, and its answer.

use std::collections::BTreeSet;

use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::index::{EvidenceKind, HostId, Proof};
use crate::model::policy::Policy;
use crate::model::project::ProjectId;
use crate::model::registry::Category;
use crate::trust::mend::Mend;
use crate::trust::place::Place;

/// The question about one replica.
#[derive(Clone, Copy, Debug)]
pub struct SafeQuestion<'a> {
    pub project: &'a ProjectId,
    pub category: &'a Category,
    pub policy: Policy,
    /// The place of the replica among all places.
    pub target: usize,
    pub places: &'a [Place],
    /// Places that may count, one for each: a storage that is being freed itself does not.
    pub witnesses: &'a [bool],
    pub now: Timestamp,
}

/// The answer about one replica.
#[derive(Clone, Debug)]
pub struct SafeAnswer {
    pub project: ProjectId,
    pub category: String,
    pub policy: Policy,
    /// Number of files and links.
    pub files: u64,
    pub bytes: u64,
    /// Number of entries of the replica that its scan could not read: they may be the only copies.
    pub unreadable: u64,
    /// Number of files whose content is not the recorded one, with which their copies were compared: their own bytes may be
    /// nowhere else.
    pub damaged: u64,
    /// The storages with proven copies, in the order of the places.
    pub witnesses: Vec<Witness>,
    /// The weakest proof that counts.
    pub weakest: Option<WeakestProof>,
    /// Number of files with too few copies.
    pub short_files: u64,
    pub short_bytes: u64,
    /// The first of them.
    pub short: Vec<ShortFile>,
    /// Lines that would mend it, in this order.
    pub mend: Vec<Mend>,
}

/// A storage with proven copies of files of a replica.
#[derive(Clone, Debug)]
pub struct Witness {
    /// Its place among all places.
    pub place: usize,
    /// Number of files of which it holds a proven copy.
    pub files: u64,
    /// The weakest of the proofs; `None` if all files are links, which a scan reads.
    pub kind: Option<EvidenceKind>,
    /// The oldest of the proofs.
    pub oldest: Option<Timestamp>,
    /// The workstations that know the proofs; `None` is this one.
    pub hosts: BTreeSet<Option<HostId>>,
}

/// The weakest proof that an answer relies on: the weakest kind, then the oldest.
#[derive(Clone, Debug)]
pub struct WeakestProof {
    /// The path below the replica's folder.
    pub path: Name,
    pub place: usize,
    pub proof: Proof,
}

/// A file with too few proven copies on other media.
#[derive(Clone, Debug)]
pub struct ShortFile {
    /// The path below the replica's folder.
    pub path: Name,
    /// Number of media with a proven copy.
    pub copies: u64,
}

impl SafeAnswer {
    /// True if the replica may be removed.
    pub fn is_safe(&self) -> bool {
        self.policy == Policy::Expendable || self.short_files == 0 && self.unreadable == 0
    }
}
