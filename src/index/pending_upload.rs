//! Files that are being sent. A file is recorded before its transfer and deleted once a listing shows the result. After a
//! killed run the next one knows which files may be incomplete, and does not mistake them for newer versions.

use std::path::{Path, PathBuf};

use rusqlite::{Row, params};

use super::sql::{bytes, execute, read_path, read_u64};
use super::{Index, SentFile};
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;

/// The columns that [`read_upload`] reads.
const COLUMNS: &str =
    "replica, path, bytes, modified, modified_ns, number, said, mark_before, left_mark, left_bytes";

/// The path of a sent file.
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

/// A version of a file in a listing of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedVersion {
    /// The size in bytes; `None` if the storage does not report it.
    pub bytes: Option<u64>,
    /// The version tag.
    pub tag: u64,
}

/// A file whose transfer was not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnverifiedUpload {
    /// Its path.
    pub file: SentPath,
    /// The sent version.
    pub sent: SentFile,
    /// True if rclone reported the file as sent.
    pub is_reported: bool,
    /// The version tag at the destination before the transfer; 0 if unknown.
    pub previous_tag: u64,
    /// Another version that was found at the destination after the transfer.
    pub found: Option<ListedVersion>,
}

impl UnverifiedUpload {
    /// True if the listed version may be an incomplete upload: it was not there before the transfer, and no other program
    /// wrote it since.
    pub fn may_be_incomplete(&self, listed: ListedVersion) -> bool {
        let is_untouched = self.previous_tag != 0 && listed.tag == self.previous_tag;
        !is_untouched && self.found.is_none_or(|found| found == listed)
    }
}

impl Index {
    /// Records files before their transfer, with the version tags at the destination.
    pub fn begin_uploads(
        &mut self,
        destination: &Path,
        source: &Path,
        files: &[(SentPath, SentFile, u64)],
    ) -> Result<()> {
        // The tag from before an earlier attempt stays: that attempt may have changed the destination.
        let sql = "INSERT INTO sending (destination, source, replica, path, bytes, modified, modified_ns, number, said, mark_before)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9)
                   ON CONFLICT (destination, source, replica, path) DO UPDATE SET
                   bytes = ?5, modified = ?6, modified_ns = ?7, number = ?8, said = 0, left_mark = NULL, left_bytes = NULL";
        self.write(|transaction| {
            for (file, sent, previous_tag) in files {
                let [destination, source, replica, path] = key(destination, source, file);
                let parameters = params![
                    destination,
                    source,
                    replica,
                    path,
                    sent.bytes.cast_signed(),
                    sent.modified.seconds,
                    sent.modified.nanoseconds,
                    sent.file_id.cast_signed(),
                    previous_tag.cast_signed()
                ];
                execute(transaction, sql, parameters)?;
            }
            Ok(())
        })
    }

    /// Records files that rclone reported as sent.
    pub fn mark_uploads_reported(
        &mut self,
        destination: &Path,
        source: &Path,
        files: &[SentPath],
    ) -> Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        let sql = "UPDATE sending SET said = 1
                   WHERE destination = ?1 AND source = ?2 AND replica = ?3 AND path = ?4";
        self.write(|transaction| {
            for file in files {
                execute(transaction, sql, key(destination, source, file))?;
            }
            Ok(())
        })
    }

    /// Deletes the files whose result is known, and records the other versions that were found in place of files.
    pub fn settle_uploads(
        &mut self,
        destination: &Path,
        source: &Path,
        settled: &[SentPath],
        found: &[(SentPath, ListedVersion)],
    ) -> Result<()> {
        let delete = "DELETE FROM sending
                      WHERE destination = ?1 AND source = ?2 AND replica = ?3 AND path = ?4";
        let update = "UPDATE sending SET left_mark = ?5, left_bytes = ?6
                      WHERE destination = ?1 AND source = ?2 AND replica = ?3 AND path = ?4";
        self.write(|transaction| {
            for file in settled {
                execute(transaction, delete, key(destination, source, file))?;
            }
            for (file, version) in found {
                let [destination, source, replica, path] = key(destination, source, file);
                let (tag, bytes) = (
                    version.tag.cast_signed(),
                    version.bytes.map(u64::cast_signed),
                );
                let parameters = params![destination, source, replica, path, tag, bytes];
                execute(transaction, update, parameters)?;
            }
            Ok(())
        })
    }

    /// Returns the unverified files from one source, sorted by path.
    pub fn unverified_uploads(
        &self,
        destination: &Path,
        source: &Path,
    ) -> Result<Vec<UnverifiedUpload>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM sending WHERE destination = ?1 AND source = ?2 ORDER BY replica, path"
        );
        self.rows(&sql, [destination, source].map(bytes), read_upload)
    }

    /// Returns the unverified files of one replica from all sources, sorted by path.
    pub fn unverified_in_replica(
        &self,
        destination: &Path,
        replica: &Path,
    ) -> Result<Vec<UnverifiedUpload>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM sending WHERE destination = ?1 AND replica = ?2 ORDER BY path"
        );
        self.rows(&sql, [destination, replica].map(bytes), read_upload)
    }
}

fn key<'a>(destination: &'a Path, source: &'a Path, file: &'a SentPath) -> [&'a [u8]; 4] {
    [destination, source, &file.replica, &file.path].map(bytes)
}

fn read_upload(row: &Row<'_>) -> rusqlite::Result<UnverifiedUpload> {
    let tag: Option<i64> = row.get(8)?;
    let size: Option<i64> = row.get(9)?;
    Ok(UnverifiedUpload {
        file: SentPath {
            replica: read_path(row, 0)?,
            path: read_path(row, 1)?,
        },
        sent: SentFile {
            bytes: read_u64(row, 2)?,
            modified: Timestamp {
                seconds: row.get(3)?,
                nanoseconds: row.get(4)?,
            },
            file_id: read_u64(row, 5)?,
            ..SentFile::default()
        },
        is_reported: row.get(6)?,
        previous_tag: read_u64(row, 7)?,
        found: tag.map(|tag| ListedVersion {
            bytes: size.map(i64::cast_unsigned),
            tag: tag.cast_unsigned(),
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftover_requires_matching_size_and_version() {
        let listed = |bytes, tag| ListedVersion {
            bytes: Some(bytes),
            tag,
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
        assert!(!file.may_be_incomplete(listed(5, 7)));
        assert!(file.may_be_incomplete(listed(5, 8)));
        file.found = Some(listed(5, 8));
        assert!(file.may_be_incomplete(listed(5, 8)));
        assert!(!file.may_be_incomplete(listed(6, 8)));
        assert!(!file.may_be_incomplete(listed(5, 9)));
        file.previous_tag = 0;
        assert!(!file.may_be_incomplete(listed(5, 0)));
    }
}
