//! Files on their way to a destination: noted before they are sent, and forgotten once they are proven to be there, or not to
//! be. Should a run die, the next one knows what it may have left half: that is never taken for somebody's newer file.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{Params, Row, params};

use super::sqlite_error::Explain as _;
use super::{Index, SentFile};
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;

/// A file that is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentPath {
    /// The replica's folder below both roots.
    pub replica: PathBuf,
    /// The path below the replica's folder.
    pub path: PathBuf,
}

impl SentPath {
    /// The path below both roots.
    pub fn below_root(&self) -> PathBuf {
        self.replica.join(&self.path)
    }
}

/// Something found at a destination that is not what was sent: its size and its mark in a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedVersion {
    /// Its size; `None` where the storage does not know it.
    pub bytes: Option<u64>,
    /// Its mark.
    pub tag: u64,
}

/// A file that was on its way when a run died, or that was found as something else afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnverifiedUpload {
    /// Which file.
    pub file: SentPath,
    /// What was sent.
    pub sent: SentFile,
    /// Whether rclone said that it is there.
    pub is_reported: bool,
    /// The mark of what a listing showed there before it was sent; 0 where that is not known.
    pub previous_tag: u64,
    /// What was found there that is not what was sent.
    pub found: Option<ListedVersion>,
}

impl UnverifiedUpload {
    /// Whether what a listing shows there was neither there before nor brought by somebody else since: it may be half of
    /// what was sent.
    pub fn may_be_incomplete(&self, listed: ListedVersion) -> bool {
        let is_untouched = self.previous_tag != 0 && listed.tag == self.previous_tag;
        !is_untouched && self.found.is_none_or(|left| left == listed)
    }
}

impl Index {
    /// Notes files that are about to be sent, and the marks of what is there before that.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn begin_uploads(
        &mut self,
        destination: &Path,
        source: &Path,
        files: &[(SentPath, SentFile, u64)],
    ) -> Result<()> {
        // What is known of what was there before an earlier attempt holds still.
        let sql = "INSERT INTO sending (destination, source, replica, path, bytes, modified, modified_ns, number, said, mark_before)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9)
                   ON CONFLICT (destination, source, replica, path) DO UPDATE SET
                   bytes = ?5, modified = ?6, modified_ns = ?7, number = ?8, said = 0, left_mark = NULL, left_bytes = NULL";
        let path = self.path.clone();
        let transaction = self.transaction()?;
        for (file, sent, previous_tag) in files {
            let parameters = params![
                bytes(destination),
                bytes(source),
                bytes(&file.replica),
                bytes(&file.path),
                sent.bytes.cast_signed(),
                sent.modified.seconds,
                sent.modified.nanoseconds,
                sent.file_id.cast_signed(),
                previous_tag.cast_signed()
            ];
            let query = transaction.prepare_cached(sql);
            query
                .and_then(|mut query| query.execute(parameters))
                .explain("write", &path)?;
        }
        transaction.commit().explain("write", &path)
    }

    /// Notes files that are said to be there.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn mark_uploads_reported(
        &mut self,
        destination: &Path,
        source: &Path,
        files: &[SentPath],
    ) -> Result<()> {
        let sql = "UPDATE sending SET said = 1
                   WHERE destination = ?1 AND source = ?2 AND replica = ?3 AND path = ?4";
        self.execute_for_uploads(destination, source, files, sql)
    }

    /// Notes what was found in the place of files, and forgets those that are proven to be there or not to be.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn settle_uploads(
        &mut self,
        destination: &Path,
        source: &Path,
        settled: &[SentPath],
        found: &[(SentPath, ListedVersion)],
    ) -> Result<()> {
        let sql = "DELETE FROM sending
                   WHERE destination = ?1 AND source = ?2 AND replica = ?3 AND path = ?4";
        self.execute_for_uploads(destination, source, settled, sql)?;
        let sql = "UPDATE sending SET left_mark = ?5, left_bytes = ?6
                   WHERE destination = ?1 AND source = ?2 AND replica = ?3 AND path = ?4";
        let path = self.path.clone();
        let transaction = self.transaction()?;
        for (file, left) in found {
            let parameters = params![
                bytes(destination),
                bytes(source),
                bytes(&file.replica),
                bytes(&file.path),
                left.tag.cast_signed(),
                left.bytes.map(u64::cast_signed)
            ];
            let query = transaction.prepare_cached(sql);
            query
                .and_then(|mut query| query.execute(parameters))
                .explain("write", &path)?;
        }
        transaction.commit().explain("write", &path)
    }

    fn execute_for_uploads(
        &mut self,
        destination: &Path,
        source: &Path,
        files: &[SentPath],
        sql: &str,
    ) -> Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        let path = self.path.clone();
        let transaction = self.transaction()?;
        for file in files {
            let parameters = params![
                bytes(destination),
                bytes(source),
                bytes(&file.replica),
                bytes(&file.path)
            ];
            let query = transaction.prepare_cached(sql);
            query
                .and_then(|mut query| query.execute(parameters))
                .explain("write", &path)?;
        }
        transaction.commit().explain("write", &path)
    }

    /// Returns the files from a source that are not proven.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn unverified_uploads(
        &self,
        destination: &Path,
        source: &Path,
    ) -> Result<Vec<UnverifiedUpload>> {
        let sql = "SELECT replica, path, bytes, modified, modified_ns, number, said, mark_before, left_mark, left_bytes
                   FROM sending WHERE destination = ?1 AND source = ?2 ORDER BY replica, path";
        self.query_unverified(sql, params![bytes(destination), bytes(source)])
    }

    /// Returns the files of a replica that are not proven, whatever source they came from.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn unverified_in_replica(
        &self,
        destination: &Path,
        replica: &Path,
    ) -> Result<Vec<UnverifiedUpload>> {
        let sql = "SELECT replica, path, bytes, modified, modified_ns, number, said, mark_before, left_mark, left_bytes
                   FROM sending WHERE destination = ?1 AND replica = ?2 ORDER BY path";
        self.query_unverified(sql, params![bytes(destination), bytes(replica)])
    }

    fn query_unverified(
        &self,
        sql: &str,
        parameters: impl Params,
    ) -> Result<Vec<UnverifiedUpload>> {
        let rows = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut query| query.query_map(parameters, read_unverified)?.collect());
        rows.explain("read", &self.path)
    }
}

fn read_unverified(row: &Row<'_>) -> rusqlite::Result<UnverifiedUpload> {
    let mark: Option<i64> = row.get(8)?;
    let size: Option<i64> = row.get(9)?;
    Ok(UnverifiedUpload {
        file: SentPath {
            replica: OsString::from_vec(row.get(0)?).into(),
            path: OsString::from_vec(row.get(1)?).into(),
        },
        sent: SentFile {
            bytes: row.get::<_, i64>(2)?.cast_unsigned(),
            modified: Timestamp {
                seconds: row.get(3)?,
                nanoseconds: row.get(4)?,
            },
            file_id: row.get::<_, i64>(5)?.cast_unsigned(),
            tag: 0,
            link_digest: 0,
        },
        is_reported: row.get(6)?,
        previous_tag: row.get::<_, i64>(7)?.cast_unsigned(),
        found: mark.map(|mark| ListedVersion {
            bytes: size.map(i64::cast_unsigned),
            tag: mark.cast_unsigned(),
        }),
    })
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_before_or_came_since_is_not_ours() {
        let shown = |bytes, mark| ListedVersion {
            bytes: Some(bytes),
            tag: mark,
        };
        let mut file = UnverifiedUpload {
            file: SentPath {
                replica: "footage/acme/spot".into(),
                path: "reel.mov".into(),
            },
            sent: SentFile::default(),
            is_reported: false,
            previous_tag: 7,
            found: None,
        };
        assert!(!file.may_be_incomplete(shown(5, 7)));
        assert!(file.may_be_incomplete(shown(5, 8)));
        file.found = Some(shown(5, 8));
        assert!(file.may_be_incomplete(shown(5, 8)));
        assert!(!file.may_be_incomplete(shown(6, 8)));
        assert!(!file.may_be_incomplete(shown(5, 9)));
        file.previous_tag = 0;
        assert!(!file.may_be_incomplete(shown(5, 0)));
    }
}
