//! One row of evidence: the forms of its folder, and its checksums.

use std::path::Path;

use super::pack::{self, EvidenceKind, Proof};
use crate::index::checksum::{corruption_error, row_checksum, verify_row};
use crate::index::sql::bytes;

/// Selects the rows of a folder, each later one replacing the earlier ones.
pub(super) const SELECT_SQL: &str =
    "SELECT manifest, digests, checksum, proofs, folder FROM digests
                          WHERE database_id = ?1 AND folder IN (?2, ?3) ORDER BY folder DESC, part";

/// The forms in which the folder of a row may be written: without a slash at its end, and with one, as older versions wrote
/// the folder of a replica.
pub(super) fn folder_forms(folder: &Path) -> [Vec<u8>; 2] {
    let folder = bytes(folder);
    let plain = folder.strip_suffix(b"/").unwrap_or(folder).to_vec();
    let slashed = [&plain, &b"/"[..]].concat();
    [plain, slashed]
}

/// Returns the checksum of the contents of a row. It is equal for two databases with equal contents, unless one is damaged.
pub(super) fn contents_checksum(
    folder: &[u8],
    manifest: &[u8],
    digests: &[u8],
    proofs: &[Proof],
) -> [u8; 16] {
    if proofs
        .iter()
        .all(|proof| proof.kind != EvidenceKind::Damaged)
    {
        return row_checksum(&[folder, manifest, digests]);
    }
    let damaged: Vec<u8> = proofs
        .iter()
        .map(|proof| u8::from(proof.kind == EvidenceKind::Damaged))
        .collect();
    row_checksum(&[folder, manifest, digests, &damaged])
}

/// Returns the digests and the proofs of a row with manifest, digests, checksum and proofs.
pub(super) fn verified_contents<'a>(
    folder: &[u8],
    [manifest, digests, checksum, proofs]: [&'a [u8]; 4],
) -> rusqlite::Result<(&'a [[u8; 16]], Vec<Proof>)> {
    let files = digests.as_chunks().0;
    let proofs = read_proofs(proofs, checksum, files.len())?;
    if checksum == contents_checksum(folder, manifest, digests, &proofs) {
        Ok((files, proofs))
    } else {
        Err(corruption_error("the checksum of a row is wrong"))
    }
}

/// Reads the proofs of a row. Rows of older versions have none.
fn read_proofs(stored: &[u8], row: &[u8], files: usize) -> rusqlite::Result<Vec<Proof>> {
    let Some((packed, checksum)) = stored.split_last_chunk::<16>() else {
        return Ok(vec![Proof::UNDATED; files]);
    };
    verify_row(checksum, &[row, packed])?;
    let malformed = || corruption_error("the proofs of a folder cannot be read");
    pack::unpack(packed, files).ok_or_else(malformed)
}
