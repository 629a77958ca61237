//! Files on their way to a destination: noted before they are sent, and forgotten once they are proven to be there, or not to
//! be. Should a run die, the next one knows what it may have left half: that is never taken for somebody's newer file.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{Params, Row, params};

use super::sqlite_error::Explain as _;
use super::{Index, SentFile};
use crate::base::error::Result;
use crate::base::timestamp::Moment;

/// A file that is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The replica's folder below both roots.
    pub replica: PathBuf,
    /// The path below the replica's folder.
    pub path: PathBuf,
}

impl Said {
    /// The path below both roots.
    pub fn whole(&self) -> PathBuf {
        self.replica.join(&self.path)
    }
}

/// Something found at a destination that is not what was sent: its size and its mark in a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Its size; `None` where the storage does not know it.
    pub bytes: Option<u64>,
    /// Its mark.
    pub mark: u64,
}

/// A file that was on its way when a run died, or that was found as something else afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unproven {
    /// Which file.
    pub file: Said,
    /// What was sent.
    pub sent: SentFile,
    /// Whether rclone said that it is there.
    pub is_said: bool,
    /// The mark of what a listing showed there before it was sent; 0 where that is not known.
    pub mark_before: u64,
    /// What was found there that is not what was sent.
    pub left: Option<Left>,
}

impl Unproven {
    /// Whether what a listing shows there was neither there before nor brought by somebody else since: it may be half of
    /// what was sent.
    pub fn may_be(&self, shown: Left) -> bool {
        let is_untouched = self.mark_before != 0 && shown.mark == self.mark_before;
        !is_untouched && self.left.is_none_or(|left| left == shown)
    }
}

impl Index {
    /// Notes files that are about to be sent, and the marks of what is there before that.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn begin_sending(
        &mut self,
        destination: &Path,
        source: &Path,
        files: &[(Said, SentFile, u64)],
    ) -> Result<()> {
        // What is known of what was there before an earlier attempt holds still.
        let sql = "INSERT INTO sending (destination, source, replica, path, bytes, modified, modified_ns, number, said, mark_before)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9)
                   ON CONFLICT (destination, source, replica, path) DO UPDATE SET
                   bytes = ?5, modified = ?6, modified_ns = ?7, number = ?8, said = 0, left_mark = NULL, left_bytes = NULL";
        let path = self.path.clone();
        let transaction = self.transaction()?;
        for (file, sent, mark_before) in files {
            let parameters = params![
                bytes(destination),
                bytes(source),
                bytes(&file.replica),
                bytes(&file.path),
                sent.bytes.cast_signed(),
                sent.modified.seconds,
                sent.modified.nanoseconds,
                sent.number.cast_signed(),
                mark_before.cast_signed()
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
    pub fn note_sending(
        &mut self,
        destination: &Path,
        source: &Path,
        files: &[Said],
    ) -> Result<()> {
        let sql = "UPDATE sending SET said = 1
                   WHERE destination = ?1 AND source = ?2 AND replica = ?3 AND path = ?4";
        self.change_sending(destination, source, files, sql)
    }

    /// Notes what was found in the place of files, and forgets those that are proven to be there or not to be.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn settle_sending(
        &mut self,
        destination: &Path,
        source: &Path,
        settled: &[Said],
        left: &[(Said, Left)],
    ) -> Result<()> {
        let sql = "DELETE FROM sending
                   WHERE destination = ?1 AND source = ?2 AND replica = ?3 AND path = ?4";
        self.change_sending(destination, source, settled, sql)?;
        let sql = "UPDATE sending SET left_mark = ?5, left_bytes = ?6
                   WHERE destination = ?1 AND source = ?2 AND replica = ?3 AND path = ?4";
        let path = self.path.clone();
        let transaction = self.transaction()?;
        for (file, left) in left {
            let parameters = params![
                bytes(destination),
                bytes(source),
                bytes(&file.replica),
                bytes(&file.path),
                left.mark.cast_signed(),
                left.bytes.map(u64::cast_signed)
            ];
            let query = transaction.prepare_cached(sql);
            query
                .and_then(|mut query| query.execute(parameters))
                .explain("write", &path)?;
        }
        transaction.commit().explain("write", &path)
    }

    fn change_sending(
        &mut self,
        destination: &Path,
        source: &Path,
        files: &[Said],
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
    pub fn sending(&self, destination: &Path, source: &Path) -> Result<Vec<Unproven>> {
        let sql = "SELECT replica, path, bytes, modified, modified_ns, number, said, mark_before, left_mark, left_bytes
                   FROM sending WHERE destination = ?1 AND source = ?2 ORDER BY replica, path";
        self.unproven_by(sql, params![bytes(destination), bytes(source)])
    }

    /// Returns the files of a replica that are not proven, whatever source they came from.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn unproven(&self, destination: &Path, replica: &Path) -> Result<Vec<Unproven>> {
        let sql = "SELECT replica, path, bytes, modified, modified_ns, number, said, mark_before, left_mark, left_bytes
                   FROM sending WHERE destination = ?1 AND replica = ?2 ORDER BY path";
        self.unproven_by(sql, params![bytes(destination), bytes(replica)])
    }

    fn unproven_by(&self, sql: &str, parameters: impl Params) -> Result<Vec<Unproven>> {
        let rows = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut query| query.query_map(parameters, unproven)?.collect());
        rows.explain("read", &self.path)
    }
}

fn unproven(row: &Row<'_>) -> rusqlite::Result<Unproven> {
    let mark: Option<i64> = row.get(8)?;
    let size: Option<i64> = row.get(9)?;
    Ok(Unproven {
        file: Said {
            replica: OsString::from_vec(row.get(0)?).into(),
            path: OsString::from_vec(row.get(1)?).into(),
        },
        sent: SentFile {
            bytes: row.get::<_, i64>(2)?.cast_unsigned(),
            modified: Moment {
                seconds: row.get(3)?,
                nanoseconds: row.get(4)?,
            },
            number: row.get::<_, i64>(5)?.cast_unsigned(),
            mark: 0,
            link: 0,
        },
        is_said: row.get(6)?,
        mark_before: row.get::<_, i64>(7)?.cast_unsigned(),
        left: mark.map(|mark| Left {
            bytes: size.map(i64::cast_unsigned),
            mark: mark.cast_unsigned(),
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
        let shown = |bytes, mark| Left {
            bytes: Some(bytes),
            mark,
        };
        let mut file = Unproven {
            file: Said {
                replica: "footage/acme/spot".into(),
                path: "reel.mov".into(),
            },
            sent: SentFile::default(),
            is_said: false,
            mark_before: 7,
            left: None,
        };
        assert!(!file.may_be(shown(5, 7)));
        assert!(file.may_be(shown(5, 8)));
        file.left = Some(shown(5, 8));
        assert!(file.may_be(shown(5, 8)));
        assert!(!file.may_be(shown(6, 8)));
        assert!(!file.may_be(shown(5, 9)));
        file.mark_before = 0;
        assert!(!file.may_be(shown(5, 0)));
    }
}
