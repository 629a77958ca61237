//! The files of a replica, counted by what another storage proves of them.

use std::collections::BTreeSet;

use crate::base::timestamp::Timestamp;
use crate::index::{EvidenceKind, HostId, Proof};
use crate::trust::proof::Match;

/// Numbers of the files of a replica by what is known of them on one other storage.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Numbers by [`Match`].
    pub(super) files: [u64; Match::ALL.len()],
    /// The weakest proof that counts.
    pub(super) weakest: Option<EvidenceKind>,
    /// The oldest proof that counts.
    pub(super) oldest: Option<Timestamp>,
    /// The workstations whose proofs count; `None` is this one.
    pub(super) hosts: BTreeSet<Option<HostId>>,
}

impl Tally {
    /// Number of files with one of these matches.
    pub(super) fn number(&self, of: &[Match]) -> u64 {
        of.iter().map(|one| self.files[*one as usize]).sum()
    }

    /// Adds the proof of a copy that counts.
    pub(super) fn add_proof(&mut self, proof: Proof) {
        let kind = self.weakest.map_or(proof.kind, |kind| kind.min(proof.kind));
        self.weakest = Some(kind);
        self.hosts.insert(proof.host);
        self.oldest = Some(self.oldest.map_or(proof.at, |at| at.min(proof.at)));
    }
}
