//! Evidence of another workstation, merged with the own. For each file the newer one counts.
//!
//! Evidence that a history states never replaces what was read. If the newer evidence has another digest for the same size
//! and time, the file is damaged, as after a verification by this workstation.

use std::path::Path;

use rusqlite::Connection;

use super::coverage;
use super::file::{FileEvidence, FolderEvidence};
use super::folder::{delete, insert, insert_row, read_folder, read_row};
use super::pack::{EvidenceKind, Proof};
use super::row::verified_contents;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::index::DatabaseId;
use crate::index::checksum::{corruption_error, parse_manifest};
use crate::index::host::ForeignHosts;
use crate::index::sql::bytes;
use crate::snapshot::manifest::ManifestRef;

/// A checked row of evidence that another index holds.
#[derive(Debug)]
pub(in crate::index) struct ForeignRow<'a> {
    /// The path below the root.
    folder: &'a Path,
    manifest: ManifestRef<'a>,
    digests: &'a [[u8; 16]],
    /// With the numbers that this index gives to workstations.
    proofs: Vec<Proof>,
}

impl<'a> ForeignRow<'a> {
    /// Checks a row: manifest, digests, checksum and proofs, packed as in this index. `keeps_tags`: a proof's tag is the same
    /// for all workstations.
    ///
    /// # Errors
    /// The row is damaged.
    pub(in crate::index) fn new(
        folder: &'a Path,
        parts: [&'a [u8]; 4],
        hosts: &ForeignHosts,
        keeps_tags: bool,
    ) -> rusqlite::Result<Self> {
        if parts[3].is_empty() {
            return Err(corruption_error("evidence has no proofs"));
        }
        let (digests, mut proofs) = verified_contents(bytes(folder), parts)?;
        let now = Timestamp::now();
        for proof in &mut proofs {
            *proof = Proof {
                // The clock of the other workstation may be ahead.
                at: proof.at.min(now),
                tag: if keeps_tags { proof.tag } else { 0 },
                host: hosts.own(proof.host)?,
                ..*proof
            };
        }
        let manifest = parse_manifest(parts[0])?;
        let (mut files, mut count) = (manifest.files(), 0);
        while files.next().is_some() {
            count += 1;
        }
        if count != digests.len() {
            return Err(corruption_error("a file has no digest"));
        }
        Ok(Self {
            folder,
            manifest,
            digests,
            proofs,
        })
    }

    /// The evidence of each file.
    fn files(&self) -> FolderEvidence {
        let mut files = FolderEvidence::new();
        read_row(self.manifest, self.digests, &self.proofs, &mut files);
        files
    }

    /// The path below the root.
    pub(in crate::index) const fn folder(&self) -> &'a Path {
        self.folder
    }

    /// The files.
    pub(in crate::index) const fn manifest(&self) -> ManifestRef<'a> {
        self.manifest
    }
}

/// Adds what another workstation knows of the files of a folder. Returns true if any of it is new. What this index forgot
/// does not come back: evidence of a file without own evidence, from before `forgotten_at`.
pub(in crate::index) fn take_row(
    connection: &Connection,
    database: DatabaseId,
    row: &ForeignRow<'_>,
    forgotten_at: Option<Timestamp>,
) -> rusqlite::Result<bool> {
    let own = read_folder(connection, database, row.folder)?;
    if own.is_empty() && forgotten_at.is_none() {
        let digests = row.digests.as_flattened();
        insert_row(
            connection,
            database,
            row.folder,
            row.manifest,
            digests,
            &row.proofs,
        )?;
    } else {
        let mut theirs = row.files();
        theirs.retain(|name, file| {
            own.contains_key(name) || forgotten_at.is_none_or(|at| file.proof.at > at)
        });
        let Some(merged) = merge(&own, theirs) else {
            return Ok(false);
        };
        delete(connection, database, row.folder)?;
        insert(connection, database, row.folder, &merged)?;
    }
    coverage::forget(connection, database, row.folder)?;
    Ok(true)
}

/// Replaces the evidence of a folder, and returns true if it was another. The state of files that this workstation read stays.
pub(in crate::index) fn replace_row(
    connection: &Connection,
    database: DatabaseId,
    row: &ForeignRow<'_>,
) -> rusqlite::Result<bool> {
    let own = read_folder(connection, database, row.folder)?;
    let mut files = row.files();
    for (name, file) in &mut files {
        let Some(own) = own.get(name) else { continue };
        let mut with_state = *file;
        with_state.proof.tag = own.proof.tag;
        if with_state == *own {
            *file = with_state;
        }
    }
    if files == own {
        return Ok(false);
    }
    delete(connection, database, row.folder)?;
    insert(connection, database, row.folder, &files)?;
    coverage::forget(connection, database, row.folder)?;
    Ok(true)
}

/// Removes the evidence of a folder, and returns true if there was any.
pub(in crate::index) fn remove_row(
    connection: &Connection,
    database: DatabaseId,
    folder: &Path,
) -> rusqlite::Result<bool> {
    let had_any = !read_folder(connection, database, folder)?.is_empty();
    delete(connection, database, folder)?;
    coverage::forget(connection, database, folder)?;
    Ok(had_any)
}

/// Returns the evidence of both; `None` if it is the own.
fn merge(own: &FolderEvidence, theirs: FolderEvidence) -> Option<FolderEvidence> {
    let mut merged: Option<FolderEvidence> = None;
    for (name, theirs) in theirs {
        let winner = match own.get(&name) {
            None => Some(theirs),
            Some(own) => newer(own, &theirs),
        };
        if let Some(winner) = winner {
            merged
                .get_or_insert_with(|| own.clone())
                .insert(name, winner);
        }
    }
    merged
}

/// Returns the evidence that replaces the own evidence of a file, if any does.
fn newer(own: &FileEvidence, theirs: &FileEvidence) -> Option<FileEvidence> {
    let is_claimed = |file: &FileEvidence| file.proof.kind == EvidenceKind::Claimed;
    let replaces = match (is_claimed(own), is_claimed(theirs)) {
        (false, true) => false,
        (true, false) => true,
        _ => theirs.proof.at > own.proof.at,
    };
    if !replaces {
        return None;
    }
    let is_same_file = own.bytes == theirs.bytes
        && TimePrecision::ALL
            .iter()
            .any(|precision| own.modified.equals_at(theirs.modified, *precision));
    if is_same_file && !is_claimed(own) && own.digest != theirs.digest && theirs.proof.is_intact() {
        return Some(FileEvidence {
            digest: own.digest,
            proof: Proof {
                kind: EvidenceKind::Damaged,
                ..theirs.proof
            },
            ..*theirs
        });
    }
    Some(*theirs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::HostId;
    use crate::snapshot::digest::Digest;

    fn known(digest: u128, kind: EvidenceKind, seconds: i64, host: Option<i64>) -> FileEvidence {
        let at = Timestamp {
            seconds,
            nanoseconds: 0,
        };
        FileEvidence {
            bytes: 7,
            modified: Timestamp::default(),
            digest: Digest(digest),
            proof: Proof {
                kind,
                at,
                tag: 0,
                host: host.map(HostId),
            },
        }
    }

    #[test]
    fn newer_evidence_replaces_older() {
        use EvidenceKind::{Claimed, Damaged, Read, Stored};
        let own = |digest, kind, seconds| known(digest, kind, seconds, None);
        let theirs = |digest, kind, seconds| known(digest, kind, seconds, Some(1));
        for (mine, other, result) in [
            (
                own(1, Read, 5),
                theirs(1, Read, 6),
                Some(theirs(1, Read, 6)),
            ),
            (
                own(1, Read, 5),
                theirs(1, Stored, 6),
                Some(theirs(1, Stored, 6)),
            ),
            (own(1, Read, 5), theirs(1, Read, 5), None),
            (own(1, Read, 5), theirs(1, Read, 4), None),
            (own(1, Read, 5), theirs(1, Claimed, 6), None),
            (
                own(1, Claimed, 5),
                theirs(1, Read, 4),
                Some(theirs(1, Read, 4)),
            ),
            (
                own(2, Claimed, 5),
                theirs(1, Read, 6),
                Some(theirs(1, Read, 6)),
            ),
            (
                own(1, Read, 5),
                theirs(1, Damaged, 6),
                Some(theirs(1, Damaged, 6)),
            ),
            (
                own(1, Damaged, 5),
                theirs(1, Read, 6),
                Some(theirs(1, Read, 6)),
            ),
            // Other bytes under the same size and time.
            (
                own(1, Read, 5),
                theirs(2, Read, 6),
                Some(theirs(1, Damaged, 6)),
            ),
        ] {
            assert_eq!(newer(&mine, &other), result, "{mine:?} {other:?}");
        }
        let longer = FileEvidence {
            bytes: 8,
            ..theirs(2, Read, 6)
        };
        assert_eq!(newer(&own(1, Read, 5), &longer), Some(longer));
    }
}
