//! A file of a remote, and the verdicts on it that need no other storage.

use std::path::PathBuf;

use crate::base::timestamp::Timestamp;
use crate::index::{EvidenceKind, FileEvidence, KnownContent, Proof};
use crate::rclone::StatedDigest;
use crate::snapshot::digest::Digest;
use crate::verify::file::{DamageCause, Verdict};

/// A file to verify.
#[derive(Clone, Debug)]
pub(crate) struct RemoteFile {
    /// The path below the root.
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) modified: Timestamp,
    pub(super) known: Option<KnownContent>,
    /// The digest that the storage states now.
    pub(super) stated: Option<StatedDigest>,
}

/// A file with its verdict.
pub(super) type FileVerdict<'f> = (&'f RemoteFile, Verdict);

impl RemoteFile {
    /// Returns the tag of the digest that the storage states; 0 if it states none.
    pub(super) fn stated_tag(&self) -> u64 {
        self.stated
            .and_then(|stated| stated.tag)
            .unwrap_or_default()
    }

    /// Judges the file by the names and sizes of a listing; `None` if it is there with its size.
    pub(super) fn judge_listed(&self) -> Option<Verdict> {
        let Some(stated) = self.stated else {
            return Some(Verdict::Missing);
        };
        let has_other_size = stated.bytes.is_some_and(|bytes| bytes != self.bytes);
        has_other_size.then_some(Verdict::Edited(None))
    }

    /// Judges the file by the digest that the storage states; `None` if that proves nothing.
    pub(super) fn judge_stated(&self) -> Option<Verdict> {
        let stated = self.stated?;
        let known = self
            .known
            .filter(|known| known.proof.tag != 0 && known.proof.kind != EvidenceKind::Claimed)?;
        let tag = stated.tag?;
        let is_same = stated.equals(known.proof.tag)?;
        match (known.proof.kind == EvidenceKind::Damaged, is_same) {
            (false, true) => Some(Verdict::Intact(self.evidence(
                known.digest,
                EvidenceKind::Stored,
                tag,
            ))),
            (false, false) => Some(self.damaged(&known, tag, DamageCause::Stated)),
            (true, true) => Some(self.damaged(&known, tag, DamageCause::StatedBefore)),
            // A digest that was stated while the file was damaged proves nothing but that.
            (true, false) => None,
        }
    }

    /// Judges the file by the digest of its bytes.
    pub(super) fn judge_read(&self, digest: Digest) -> Verdict {
        let found = self.evidence(digest, EvidenceKind::Read, self.stated_tag());
        let known = self
            .known
            .filter(|known| known.proof.kind != EvidenceKind::Claimed);
        match known {
            None => Verdict::FirstRead(found),
            Some(known) if known.digest == digest => Verdict::Intact(found),
            Some(known) => Verdict::Damaged {
                found,
                known: known.digest,
                known_at: known.proof.at,
                cause: DamageCause::Unknown,
            },
        }
    }

    /// Returns the verdict on a file whose stated digest is not that of the known content.
    pub(super) fn damaged(&self, known: &KnownContent, tag: u64, cause: DamageCause) -> Verdict {
        Verdict::Damaged {
            // The digest of what is there is not known; the stated one is its tag.
            found: self.evidence(Digest(u128::from(tag)), EvidenceKind::Stored, tag),
            known: known.digest,
            known_at: known.proof.at,
            cause,
        }
    }

    /// Returns the evidence of a content that became known now.
    pub(super) fn evidence(&self, digest: Digest, kind: EvidenceKind, tag: u64) -> FileEvidence {
        let recorded_time = self.known.and_then(|known| known.recorded_time);
        FileEvidence {
            bytes: self.bytes,
            modified: recorded_time.unwrap_or(self.modified),
            digest,
            proof: Proof {
                kind,
                at: Timestamp {
                    nanoseconds: 0,
                    ..Timestamp::now()
                },
                tag,
                host: None,
            },
        }
    }
}
