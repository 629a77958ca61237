//! A published index that a storage held, copied to a private file and checked.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Row};

use super::tables::{self, APPLICATION_ID, TABLES, VERSION};
use crate::base::error::{Error, IoResultExt as _, PublicationProblem, Result};
use crate::base::timestamp::Timestamp;
use crate::index::checksum::corruption_error;
use crate::index::foreign::ForeignFailure;
use crate::index::host::KnownHost;
use crate::index::sql::{from_seconds, one, read_seconds, read_u64};

/// The first bytes of every `SQLite` file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// The facts about a published index.
#[derive(Clone, Debug)]
pub struct PublicationHeader {
    /// The identity of the database.
    pub identity: String,
    /// The name of the database on the workstation that published it, for people.
    pub name: String,
    /// The workstation that published it.
    pub host: KnownHost,
    /// Time of the last scan of the whole database.
    pub scanned_at: Option<Timestamp>,
    pub(super) evidence_rows: u64,
}

/// An open and checked published index.
#[derive(Debug)]
pub struct Publication {
    pub(super) connection: Connection,
    /// The path at the storage, for messages.
    shown_path: PathBuf,
    /// The facts about it.
    pub header: PublicationHeader,
}

impl Publication {
    /// Opens the private copy of a published index. `shown_path` is where the storage holds it.
    ///
    /// # Errors
    /// [`Error::Publication`] if it is anything but a sound published index of the database with this identity.
    pub fn open(copy: &Path, shown_path: &Path, identity: &str) -> Result<Self> {
        check_file_header(copy, shown_path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NOFOLLOW
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let refuse = |source: &rusqlite::Error| {
            refused(shown_path, PublicationProblem::Damaged(source.to_string()))
        };
        let connection =
            Connection::open_with_flags(copy, flags).map_err(|source| refuse(&source))?;
        let checked = distrust(&connection)
            .and_then(|()| foreign_schema(&connection))
            .map_err(|source| refuse(&source))?;
        if let Some(why) = checked {
            return Err(refused(shown_path, PublicationProblem::Foreign(why)));
        }
        let header = read_header(&connection).map_err(|source| refuse(&source))?;
        if header.identity != identity {
            return Err(refused(shown_path, PublicationProblem::OtherStorage));
        }
        Ok(Self {
            connection,
            shown_path: shown_path.to_owned(),
            header,
        })
    }

    /// Passes each row of a query to `visit`.
    pub(super) fn visit(
        &self,
        sql: &str,
        visit: &mut dyn FnMut(&Row<'_>) -> Result<(), ForeignFailure>,
    ) -> Result<()> {
        let mut read = || -> Result<(), ForeignFailure> {
            let mut query = self
                .connection
                .prepare(sql)
                .map_err(ForeignFailure::Foreign)?;
            let mut rows = query.query([]).map_err(ForeignFailure::Foreign)?;
            while let Some(row) = rows.next().map_err(ForeignFailure::Foreign)? {
                visit(row)?;
            }
            Ok(())
        };
        read().map_err(|failure| match failure {
            ForeignFailure::Foreign(source) => self.damaged(&source),
            ForeignFailure::Own(error) => error,
        })
    }

    /// Fails unless nothing is missing.
    pub(super) fn require(&self, is_complete: bool) -> Result<()> {
        if is_complete {
            Ok(())
        } else {
            Err(self.damaged(&corruption_error("rows are missing")))
        }
    }

    /// Returns the error of rows that cannot be read.
    pub(super) fn damaged(&self, source: &rusqlite::Error) -> Error {
        let problem = PublicationProblem::Damaged(source.to_string());
        refused(&self.shown_path, problem)
    }
}

fn refused(path: &Path, problem: PublicationProblem) -> Error {
    Error::Publication {
        path: path.to_owned(),
        problem,
    }
}

/// Fails unless the first bytes of the file are those of a published index of a known version. `SQLite` reads no other file.
fn check_file_header(copy: &Path, shown_path: &Path) -> Result<()> {
    let mut bytes = [0; 100];
    let read = File::open(copy).and_then(|mut file| file.read_exact(&mut bytes));
    match read {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            let why = "it is too short".to_owned();
            return Err(refused(shown_path, PublicationProblem::Foreign(why)));
        }
        read => read.at("read", shown_path)?,
    }
    let number = |at: usize| -> i64 {
        let field = bytes[at..].first_chunk().copied().unwrap_or_default();
        i64::from(i32::from_be_bytes(field))
    };
    // The places of user_version and application_id: https://www.sqlite.org/fileformat2.html, section 1.3.
    let (version, application) = (number(60), number(68));
    let problem = if !bytes.starts_with(MAGIC) {
        PublicationProblem::Foreign("it is not an SQLite file".to_owned())
    } else if application != APPLICATION_ID {
        PublicationProblem::Foreign("it is another program's SQLite file".to_owned())
    } else if version > VERSION {
        PublicationProblem::TooNew {
            found: version,
            known: VERSION,
        }
    } else if version < VERSION {
        PublicationProblem::Foreign(format!("version {version} never existed"))
    } else {
        return Ok(());
    };
    Err(refused(shown_path, problem))
}

/// Turns off all that a hostile schema could use.
fn distrust(connection: &Connection) -> rusqlite::Result<()> {
    for (setting, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true),
    ] {
        connection.set_db_config(setting, on)?;
    }
    connection
        .execute_batch("PRAGMA cell_size_check = ON; PRAGMA query_only = ON; PRAGMA mmap_size = 0;")
}

/// Returns the reason why the schema is not exactly that of a published index; `None` if it is.
fn foreign_schema(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let expected = Connection::open_in_memory()?;
    tables::create(&expected, "main")?;
    let objects = |connection: &Connection| -> rusqlite::Result<Vec<[Option<String>; 3]>> {
        let sql = "SELECT type, name, sql FROM sqlite_schema ORDER BY name LIMIT ?1";
        let mut query = connection.prepare(sql)?;
        let limit = i64::try_from(TABLES.len() + 1).unwrap_or(i64::MAX);
        let rows = query.query_map([limit], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))?;
        rows.collect()
    };
    let (found, expected) = (objects(connection)?, objects(&expected)?);
    if found != expected {
        return Ok(Some("its tables are others".to_owned()));
    }
    // Pages that two tables share, or that lead in circles, are found here, before any row is read.
    let sound: String = one(connection, "PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if sound == "ok" {
        Ok(None)
    } else {
        Err(corruption_error(&sound))
    }
}

/// Reads the header, and checks the rows that have no checksum of their own.
fn read_header(connection: &Connection) -> rusqlite::Result<PublicationHeader> {
    let sql = "SELECT identity, name, host_key, host_name, published_at, scanned_at, evidence_rows, checksum
               FROM published_header";
    let now = Timestamp::now();
    let (header, stored) = one(connection, sql, [], |row| {
        let published_at = from_seconds(row.get(4)?).min(now);
        let host = KnownHost::foreign(row.get(2)?, &row.get::<_, String>(3)?, published_at);
        let header = PublicationHeader {
            identity: row.get(0)?,
            name: row.get(1)?,
            host: host
                .ok_or_else(|| corruption_error("the key of its workstation is malformed"))?,
            scanned_at: read_seconds(row, 5)?.map(|at| at.min(now)),
            evidence_rows: read_u64(row, 6)?,
        };
        Ok((header, row.get::<_, Vec<u8>>(7)?))
    })?;
    if stored == tables::checksum(connection)? {
        Ok(header)
    } else {
        Err(corruption_error("a checksum is wrong"))
    }
}
