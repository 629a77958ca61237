//! Files that a run says are at a destination, noted while it sends them: should it die, the next one asks for a listing
//! of just these instead of sending them again.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{Row, params};

use super::failure::Explain as _;
use super::{Index, SentFile};
use crate::error::Result;
use crate::moment::Moment;

/// Which file is said to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The replica's folder below both roots.
    pub replica: PathBuf,
    /// The path below the replica's folder.
    pub path: PathBuf,
}

impl Index {
    /// Notes files that are said to be there.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn note_sending(
        &mut self,
        destination: &Path,
        source: &Path,
        files: &[(Said, SentFile)],
    ) -> Result<()> {
        let path = self.path.clone();
        let transaction = self.transaction()?;
        let sql = "INSERT OR REPLACE INTO sending (destination, source, replica, path, bytes, modified, modified_ns, number)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        for (said, sent) in files {
            let parameters = params![
                bytes(destination),
                bytes(source),
                bytes(&said.replica),
                bytes(&said.path),
                sent.bytes.cast_signed(),
                sent.modified.seconds,
                sent.modified.nanoseconds,
                sent.number.cast_signed()
            ];
            let query = transaction.prepare_cached(sql);
            query
                .and_then(|mut query| query.execute(parameters))
                .explain("write", &path)?;
        }
        transaction.commit().explain("write", &path)
    }

    /// The files that runs which died noted.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn sending(&self, destination: &Path, source: &Path) -> Result<Vec<(Said, SentFile)>> {
        let sql = "SELECT replica, path, bytes, modified, modified_ns, number FROM sending
                   WHERE destination = ?1 AND source = ?2 ORDER BY replica, path";
        let read = |row: &Row<'_>| {
            let sent = SentFile {
                bytes: row.get::<_, i64>(2)?.cast_unsigned(),
                modified: Moment {
                    seconds: row.get(3)?,
                    nanoseconds: row.get(4)?,
                },
                number: row.get::<_, i64>(5)?.cast_unsigned(),
                mark: 0,
            };
            let said = Said {
                replica: OsString::from_vec(row.get(0)?).into(),
                path: OsString::from_vec(row.get(1)?).into(),
            };
            Ok((said, sent))
        };
        let parameters = params![bytes(destination), bytes(source)];
        let rows = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut query| query.query_map(parameters, read)?.collect());
        rows.explain("read", &self.path)
    }

    /// Forgets them, once a listing has shown which of them are there.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn end_sending(&mut self, destination: &Path, source: &Path) -> Result<()> {
        let sql = "DELETE FROM sending WHERE destination = ?1 AND source = ?2";
        self.connection
            .execute(sql, params![bytes(destination), bytes(source)])
            .explain("write", &self.path)?;
        Ok(())
    }
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}
