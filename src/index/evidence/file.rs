//! The evidence of one file, and the state that its storage reports of it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::pack::{EvidenceKind, Proof};
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::os::stat::Stat;
use crate::snapshot::digest::Digest;

/// What is known of the content of a file, valid while the file keeps its size and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileEvidence {
    /// The size in bytes.
    pub bytes: u64,
    /// The modification time when the content was known.
    pub modified: Timestamp,
    /// The digest of the content.
    pub digest: Digest,
    /// How and when the content became known.
    pub proof: Proof,
}

impl FileEvidence {
    /// True if a file that a scan shows with this size and time is the one that the evidence is of.
    pub fn holds_for(&self, bytes: u64, modified: Timestamp, precision: TimePrecision) -> bool {
        self.bytes == bytes && self.modified.equals_at(modified, precision)
    }
}

impl Proof {
    /// The proof of bytes that were read now, from a file in this state. `has_stable_ids`: the file system keeps the inode
    /// numbers of its files.
    pub fn read_now(stat: &Stat, has_stable_ids: bool) -> Self {
        Self {
            kind: EvidenceKind::Read,
            at: Timestamp {
                nanoseconds: 0,
                ..Timestamp::now()
            },
            tag: state_tag(stat, has_stable_ids),
            host: None,
        }
    }

    /// False if the change time or the id of a file is not the one of the proof: then a program may have written to it and set
    /// its time back. Without a recorded state, size and time decide.
    pub fn is_of_state(&self, stat: &Stat, has_stable_ids: bool) -> bool {
        self.tag == 0 || self.tag == state_tag(stat, has_stable_ids)
    }
}

/// Returns a hash of 32 bits of change time and inode; never 0.
pub fn state_tag(stat: &Stat, has_stable_ids: bool) -> u64 {
    let mut bytes = [0; 20];
    bytes[..8].copy_from_slice(&stat.status_changed.seconds.to_le_bytes());
    bytes[8..12].copy_from_slice(&stat.status_changed.nanoseconds.to_le_bytes());
    if has_stable_ids {
        bytes[12..].copy_from_slice(&stat.inode.to_le_bytes());
    }
    (Digest::of_bytes(&bytes).low_64() & u64::from(u32::MAX)).max(1)
}

/// Evidence of the files of one folder, by name.
pub type FolderEvidence = BTreeMap<Name, FileEvidence>;

/// Marks the files whose content is not the known one as damaged.
pub(super) fn with_damage<'a>(
    found: &'a FolderEvidence,
    known: &FolderEvidence,
) -> Cow<'a, FolderEvidence> {
    let mut files = Cow::Borrowed(found);
    for (name, file) in found {
        let earlier = known.get(name).filter(|earlier| {
            earlier.proof.kind != EvidenceKind::Claimed
                && earlier.bytes == file.bytes
                // A storage may hold the time at a coarser precision than the one that was recorded.
                && TimePrecision::ALL
                    .iter()
                    .any(|precision| earlier.modified.truncate_to(*precision) == file.modified)
                && earlier.digest != file.digest
        });
        if let Some(earlier) = earlier {
            let kind = EvidenceKind::Damaged;
            let damaged = FileEvidence {
                digest: earlier.digest,
                proof: Proof { kind, ..file.proof },
                ..*file
            };
            files.to_mut().insert(name.clone(), damaged);
        }
    }
    files
}
