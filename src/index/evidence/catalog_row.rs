//! Evidence as a catalog holds it: with the numbers that the catalog gives to workstations.

use std::collections::BTreeMap;
use std::path::Path;

use super::file::FolderEvidence;
use super::folder::pack_proofs;
use super::pack::Proof;
use crate::index::HostId;
use crate::index::sql::bytes;
use crate::snapshot::manifest::{ManifestBuilder, ManifestFile};

/// Packs the evidence of a folder: manifest, digests, checksum and proofs. `None` if there is none.
pub(in crate::index) fn pack_outgoing(
    folder: &Path,
    files: FolderEvidence,
    hosts: &BTreeMap<Option<HostId>, HostId>,
    keeps_tags: bool,
) -> Option<[Vec<u8>; 4]> {
    let mut manifest = ManifestBuilder::with_capacity(files.len());
    let (mut digests, mut proofs) = (Vec::new(), Vec::new());
    for (name, file) in files {
        // A workstation that the catalog does not know cannot be named, so what it knows stays here.
        let Some(host) = hosts.get(&file.proof.host) else {
            continue;
        };
        manifest.add(&ManifestFile::regular(
            name.as_bytes(),
            file.bytes,
            file.modified,
        ));
        digests.extend_from_slice(&file.digest.0.to_le_bytes());
        proofs.push(Proof {
            host: Some(*host),
            tag: if keeps_tags { file.proof.tag } else { 0 },
            ..file.proof
        });
    }
    if proofs.is_empty() {
        return None;
    }
    let manifest = manifest.finish();
    let (checksum, proofs) = pack_proofs(bytes(folder), manifest.as_ref(), &digests, &proofs);
    Some([
        manifest.packed().to_vec(),
        digests,
        checksum.to_vec(),
        proofs,
    ])
}
