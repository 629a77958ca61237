//! The verdict on one file that was read again.

use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::hash_format::HashFormatSet;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::index::{EvidenceKind, FileEvidence, KnownContent, Proof};
use crate::os::file;
use crate::os::folder::{Folder, is_not_found};
use crate::os::stat::Stat;
use crate::snapshot::content_hash::ContentHashes;
use crate::snapshot::digest::Digest;
use crate::snapshot::time_alias::AlteredTime;

/// A file to read, as the index knows it.
#[derive(Clone, Debug)]
pub struct ExpectedFile {
    pub name: Name,
    pub bytes: u64,
    pub modified: Timestamp,
    /// The time that the storage reports instead, if it is another.
    pub altered: Option<AlteredTime>,
    pub precision: TimePrecision,
    /// The formats of the hashes that are computed besides the digest.
    pub formats: HashFormatSet,
    /// Its known content, if any.
    pub known: Option<KnownContent>,
}

/// A file that was checked.
#[derive(Debug)]
pub struct CheckedFile {
    pub verdict: Verdict,
    /// The hashes of what was read, if it was.
    pub read: Option<ContentHashes>,
}

impl From<Verdict> for CheckedFile {
    fn from(verdict: Verdict) -> Self {
        Self {
            verdict,
            read: None,
        }
    }
}

/// What reading a file showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The content is the known one.
    Intact(FileEvidence),
    /// The content was not known before.
    FirstRead(FileEvidence),
    /// The content is another, while size and time are the same.
    Damaged {
        found: FileEvidence,
        /// The digest of the intact content.
        known: Digest,
        /// Time of the last proof of the intact content.
        known_at: Timestamp,
        cause: DamageCause,
    },
    /// Size or time are others: the file was edited. What was read, if it was.
    Edited(Option<FileEvidence>),
    /// There is no such file.
    Missing,
    /// It could not be read, with the reason.
    Unreadable(String),
    /// No digest is known that it could be compared with.
    Unknown,
}

/// The likely cause of a damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DamageCause {
    /// File id and change time are those of the last proof: the storage returns other bytes than were written.
    Storage,
    /// Another program wrote to the file and set its time back.
    Rewritten,
    /// It was found damaged before.
    Known,
    /// The storage states another digest than it did when the content was known.
    Stated,
    /// It was found damaged before, and the storage states the same digest as then.
    StatedBefore,
    /// The state of the file at the last proof is not known, or its file system is not known to keep change times.
    Unknown,
}

impl DamageCause {
    /// The words for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Storage => "its disk returns other bytes, and nothing wrote to it since",
            Self::Rewritten => "a program wrote to it and set its time back, or it was copied here",
            Self::Known => "it was found damaged then",
            Self::Stated => "the storage states another digest",
            Self::StatedBefore => "the storage states the same digest as then",
            Self::Unknown => "whether the disk or a program changed it is not known",
        }
    }
}

impl ExpectedFile {
    /// True if a file has the size and the time of this one.
    fn is_same(&self, stat: &Stat) -> bool {
        let altered = self.altered;
        let has_altered_time = altered.is_some_and(|time| {
            (time.bytes, time.reported) == (stat.bytes, stat.modified)
                && time.original == self.modified
        });
        stat.bytes == self.bytes
            && (stat.modified.equals_at(self.modified, self.precision) || has_altered_time)
    }
}

/// Reads a file and returns the verdict.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn check_file(
    folder: &Folder,
    expected: &ExpectedFile,
    buffer: &mut Vec<u8>,
    on_progress: &dyn Fn(u64),
) -> Result<CheckedFile> {
    match read(folder, expected, buffer, on_progress) {
        Ok(checked) => Ok(checked),
        Err(error) if is_not_found(&error) => Ok(Verdict::Missing.into()),
        Err(error) => {
            interrupt::check()?;
            Ok(Verdict::Unreadable(error.full_message()).into())
        }
    }
}

fn read(
    folder: &Folder,
    expected: &ExpectedFile,
    buffer: &mut Vec<u8>,
    on_progress: &dyn Fn(u64),
) -> Result<CheckedFile> {
    let name = expected.name.as_os_str();
    let (opened, stat) = folder.open_file(name)?;
    let path = || folder.path().join(name);
    // So that the disk is read, and not memory.
    file::drop_from_cache(&opened);
    let hashes = ContentHashes::of_file(&opened, expected.formats, buffer, on_progress);
    let hashes = hashes.at("read", path())?;
    if !file::is_unchanged(&opened, &stat) {
        return Err(Error::SourceChanged { path: path() });
    }
    let has_stable_ids = folder.has_reliable_file_system();
    Ok(CheckedFile {
        verdict: judge(expected, &stat, hashes.digest, has_stable_ids),
        read: Some(hashes),
    })
}

/// Returns the verdict on a file that was read in this state.
fn judge(expected: &ExpectedFile, stat: &Stat, digest: Digest, has_stable_ids: bool) -> Verdict {
    let proof = Proof::read_now(stat, has_stable_ids);
    if !expected.is_same(stat) {
        return Verdict::Edited(Some(FileEvidence {
            bytes: stat.bytes,
            modified: stat.modified,
            digest,
            proof,
        }));
    }
    let known = expected
        .known
        .filter(|known| known.proof.kind != EvidenceKind::Claimed);
    let found = FileEvidence {
        bytes: expected.bytes,
        modified: known
            .and_then(|known| known.recorded_time)
            .unwrap_or(expected.modified),
        digest,
        proof,
    };
    match known {
        None => Verdict::FirstRead(found),
        Some(known) if known.digest == digest => Verdict::Intact(found),
        Some(known) => Verdict::Damaged {
            found,
            known: known.digest,
            known_at: known.proof.at,
            cause: match known.proof.tag {
                _ if known.proof.kind == EvidenceKind::Damaged => DamageCause::Known,
                // FAT and exFAT report the modification time as the change time.
                _ if !has_stable_ids => DamageCause::Unknown,
                0 => DamageCause::Unknown,
                tag if tag == proof.tag => DamageCause::Storage,
                _ => DamageCause::Rewritten,
            },
        },
    }
}

impl Verdict {
    /// The evidence to record, if any.
    pub const fn evidence(&self) -> Option<&FileEvidence> {
        match self {
            Self::Intact(found) | Self::FirstRead(found) | Self::Damaged { found, .. } => {
                Some(found)
            }
            Self::Edited(found) => found.as_ref(),
            Self::Missing | Self::Unreadable(_) | Self::Unknown => None,
        }
    }
}
