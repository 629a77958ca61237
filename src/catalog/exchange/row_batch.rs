//! Rows of folders that are sent together: each batch is one statement.

use postgres::Transaction;
use postgres::types::ToSql;

use super::statement::{WRITE_EVIDENCE, WRITE_FOLDERS};
use crate::index::{OutgoingEvidence, shared_checksum};

/// Bytes after which a batch is sent.
const MAX_BYTES: usize = 4 << 20;

/// Bytes of a row besides its path and its parts.
const ROW_BYTES: usize = 64;

/// Rows with this number of parts besides replica and path. The first part is null for what was removed.
#[derive(Debug)]
pub(super) struct RowBatch<const PARTS: usize> {
    sql: &'static str,
    revision: i64,
    now: i64,
    replicas: Vec<i64>,
    paths: Vec<Vec<u8>>,
    parts: [Vec<Option<Vec<u8>>>; PARTS],
    bytes: usize,
    written: u64,
}

impl RowBatch<2> {
    /// A batch of folders with their packed files.
    pub(super) const fn of_folders(revision: i64, now: i64) -> Self {
        Self::new(WRITE_FOLDERS, revision, now)
    }

    /// Adds a folder; without files, it was removed.
    pub(super) fn add_folder(&mut self, replica: i64, path: &[u8], manifest: Option<&[u8]>) {
        let checksum = shared_checksum(path, manifest).to_vec();
        self.add(
            replica,
            path,
            [manifest.map(<[u8]>::to_vec), Some(checksum)],
        );
    }
}

impl RowBatch<4> {
    /// A batch of the evidence of folders.
    pub(super) const fn of_evidence(revision: i64, now: i64) -> Self {
        Self::new(WRITE_EVIDENCE, revision, now)
    }

    /// Adds the evidence of a folder; `None` if there is none any more.
    pub(super) fn add_evidence(
        &mut self,
        replica: i64,
        path: &[u8],
        evidence: Option<OutgoingEvidence>,
    ) {
        let parts = match evidence {
            Some(parts) => parts.map(Some),
            None => [None, Some(Vec::new()), Some(Vec::new()), Some(Vec::new())],
        };
        self.add(replica, path, parts);
    }
}

impl<const PARTS: usize> RowBatch<PARTS> {
    const fn new(sql: &'static str, revision: i64, now: i64) -> Self {
        Self {
            sql,
            revision,
            now,
            replicas: Vec::new(),
            paths: Vec::new(),
            parts: [const { Vec::new() }; PARTS],
            bytes: 0,
            written: 0,
        }
    }

    fn add(&mut self, replica: i64, path: &[u8], parts: [Option<Vec<u8>>; PARTS]) {
        self.bytes += path.len() + ROW_BYTES;
        self.replicas.push(replica);
        self.paths.push(path.to_vec());
        for (list, part) in self.parts.iter_mut().zip(parts) {
            self.bytes += part.as_ref().map_or(0, Vec::len);
            list.push(part);
        }
    }

    /// Sends the batch if it is large.
    pub(super) fn flush_if_full(
        &mut self,
        transaction: &mut Transaction<'_>,
    ) -> Result<(), postgres::Error> {
        if self.bytes < MAX_BYTES {
            return Ok(());
        }
        self.flush(transaction)
    }

    /// Sends the batch, and empties it.
    pub(super) fn flush(
        &mut self,
        transaction: &mut Transaction<'_>,
    ) -> Result<(), postgres::Error> {
        if self.replicas.is_empty() {
            return Ok(());
        }
        let mut values: Vec<&(dyn ToSql + Sync)> = vec![&self.replicas, &self.paths];
        values.extend(self.parts.iter().map(|part| part as &(dyn ToSql + Sync)));
        values.extend([&self.revision as &(dyn ToSql + Sync), &self.now]);
        transaction.execute(self.sql, &values)?;
        let written = self.written + self.replicas.len() as u64;
        *self = Self {
            written,
            ..Self::new(self.sql, self.revision, self.now)
        };
        Ok(())
    }

    /// Number of rows that were sent.
    pub(super) const fn written(&self) -> u64 {
        self.written
    }
}
