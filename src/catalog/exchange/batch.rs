//! Rows that are sent together: each batch is one statement.

use std::path::Path;

use postgres::Transaction;

use super::replica_key::bytes_of;
use super::statement::{WRITE_EVIDENCE, WRITE_FOLDERS};
use crate::index::{OutgoingEvidence, OutgoingFolder, shared_checksum};

/// Bytes after which a batch is sent.
const MAX_BYTES: usize = 4 << 20;

/// Folders with packed files; a folder without them was removed.
#[derive(Debug)]
pub(super) struct FolderBatch {
    revision: i64,
    now: i64,
    replicas: Vec<i64>,
    paths: Vec<Vec<u8>>,
    manifests: Vec<Option<Vec<u8>>>,
    checksums: Vec<Vec<u8>>,
    bytes: usize,
    written: u64,
}

impl FolderBatch {
    pub(super) const fn new(revision: i64, now: i64) -> Self {
        Self {
            revision,
            now,
            replicas: Vec::new(),
            paths: Vec::new(),
            manifests: Vec::new(),
            checksums: Vec::new(),
            bytes: 0,
            written: 0,
        }
    }

    pub(super) fn add(&mut self, replica: i64, folder: &OutgoingFolder<'_>) {
        self.push(replica, bytes_of(folder.path).to_vec(), folder.manifest);
    }

    /// Adds a folder that no longer exists.
    pub(super) fn remove(&mut self, replica: i64, path: Vec<u8>) {
        self.push(replica, path, None);
    }

    fn push(&mut self, replica: i64, path: Vec<u8>, manifest: Option<&[u8]>) {
        self.bytes += path.len() + manifest.map_or(0, <[u8]>::len) + 64;
        self.checksums
            .push(shared_checksum(&path, manifest).to_vec());
        self.replicas.push(replica);
        self.paths.push(path);
        self.manifests.push(manifest.map(<[u8]>::to_vec));
    }

    pub(super) fn flush_if_full(
        &mut self,
        transaction: &mut Transaction<'_>,
    ) -> Result<(), postgres::Error> {
        if self.bytes < MAX_BYTES {
            return Ok(());
        }
        self.flush(transaction)
    }

    pub(super) fn flush(
        &mut self,
        transaction: &mut Transaction<'_>,
    ) -> Result<(), postgres::Error> {
        if self.replicas.is_empty() {
            return Ok(());
        }
        transaction.execute(
            WRITE_FOLDERS,
            &[
                &self.replicas,
                &self.paths,
                &self.manifests,
                &self.checksums,
                &self.revision,
                &self.now,
            ],
        )?;
        let written = self.written + self.replicas.len() as u64;
        *self = Self {
            written,
            ..Self::new(self.revision, self.now)
        };
        Ok(())
    }

    /// Number of folders that were sent.
    pub(super) const fn written(&self) -> u64 {
        self.written
    }
}

/// Evidence of folders; without any, it was removed.
#[derive(Debug)]
pub(super) struct EvidenceBatch {
    revision: i64,
    now: i64,
    replicas: Vec<i64>,
    paths: Vec<Vec<u8>>,
    manifests: Vec<Option<Vec<u8>>>,
    /// Digests, checksums and proofs.
    parts: [Vec<Vec<u8>>; 3],
    bytes: usize,
    written: u64,
}

impl EvidenceBatch {
    pub(super) fn new(revision: i64, now: i64) -> Self {
        Self {
            revision,
            now,
            replicas: Vec::new(),
            paths: Vec::new(),
            manifests: Vec::new(),
            parts: Default::default(),
            bytes: 0,
            written: 0,
        }
    }

    pub(super) fn add(&mut self, replica: i64, path: &Path, evidence: Option<OutgoingEvidence>) {
        let is_there = evidence.is_some();
        let [manifest, digests, checksum, proofs] = evidence.unwrap_or_default();
        self.bytes += manifest.len() + digests.len() + proofs.len() + 64;
        self.replicas.push(replica);
        self.paths.push(bytes_of(path).to_vec());
        self.manifests.push(is_there.then_some(manifest));
        for (list, part) in self.parts.iter_mut().zip([digests, checksum, proofs]) {
            list.push(part);
        }
    }

    pub(super) fn flush_if_full(
        &mut self,
        transaction: &mut Transaction<'_>,
    ) -> Result<(), postgres::Error> {
        if self.bytes < MAX_BYTES {
            return Ok(());
        }
        self.flush(transaction)
    }

    pub(super) fn flush(
        &mut self,
        transaction: &mut Transaction<'_>,
    ) -> Result<(), postgres::Error> {
        if self.replicas.is_empty() {
            return Ok(());
        }
        let [digests, checksums, proofs] = &self.parts;
        transaction.execute(
            WRITE_EVIDENCE,
            &[
                &self.replicas,
                &self.paths,
                &self.manifests,
                digests,
                checksums,
                proofs,
                &self.revision,
                &self.now,
            ],
        )?;
        let written = self.written + self.replicas.len() as u64;
        *self = Self {
            written,
            ..Self::new(self.revision, self.now)
        };
        Ok(())
    }

    /// Number of folders that were sent.
    pub(super) const fn written(&self) -> u64 {
        self.written
    }
}
