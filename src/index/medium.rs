//! The media and the free space of databases, as they were last seen.

use rusqlite::params;

use super::checksum::{row_checksum, verify_row};
use super::{DatabaseId, Index, ScanWriter};
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::model::registry::Database;

/// What a scan saw of the media of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenMedium {
    /// The names of the disks or servers that hold it, sorted; none if they are unknown.
    pub media: Vec<String>,
    /// Bytes that this user may still write; `None` if they are unknown.
    pub free: Option<u64>,
    /// Bytes of its file system in total.
    pub total: Option<u64>,
    /// Time of the scan.
    pub at: Timestamp,
}

/// Separates names of media in a row. No name contains it, because blanks are reduced to one.
const SEPARATOR: &str = "\n";

impl Index {
    /// Returns what was last seen of the media of a database; `None` before its first scan.
    pub fn seen_medium(&self, database: DatabaseId) -> Result<Option<SeenMedium>> {
        let sql = "SELECT media, free, total, seen_at, checksum FROM media WHERE database_id = ?1";
        self.optional(sql, [database], |row| {
            let names: String = row.get(0)?;
            let [free, total] = [1, 2].map(|column| row.get::<_, Option<i64>>(column));
            let seen = SeenMedium {
                media: names
                    .split(SEPARATOR)
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned)
                    .collect(),
                free: free?.map(i64::cast_unsigned),
                total: total?.map(i64::cast_unsigned),
                at: Timestamp {
                    seconds: row.get(3)?,
                    nanoseconds: 0,
                },
            };
            verify_row(
                row.get_ref(4)?.as_blob()?,
                &[&database.0.to_le_bytes(), &seen.content()],
            )?;
            Ok(seen)
        })
    }
}

impl Index {
    /// Returns the names of the media of a storage: the one that the user states, else those that a scan saw.
    pub fn media_names(&self, storage: &Database, id: Option<DatabaseId>) -> Result<Vec<String>> {
        if let Some(name) = &storage.attributes.medium {
            return Ok(vec![format!("medium {name}")]);
        }
        if storage.is_remote() {
            let root = storage.root.to_string_lossy();
            let remote = root.split(':').next().unwrap_or_default();
            return Ok(vec![format!("remote {remote}")]);
        }
        let seen = match id {
            Some(id) => self.seen_medium(id)?,
            None => None,
        };
        Ok(seen.map(|seen| seen.media).unwrap_or_default())
    }
}

impl ScanWriter<'_> {
    /// Records what was seen of the media of the database.
    pub fn record_medium(&self, seen: &SeenMedium) -> Result<()> {
        let sql =
            "INSERT OR REPLACE INTO media (database_id, media, free, total, seen_at, checksum)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let database = self.database();
        let checksum = row_checksum(&[&database.0.to_le_bytes(), &seen.content()]);
        let [free, total] = [seen.free, seen.total].map(|bytes| bytes.map(u64::cast_signed));
        let media = seen.media.join(SEPARATOR);
        self.execute(
            sql,
            params![database, media, free, total, seen.at.seconds, checksum],
        )
    }
}

impl SeenMedium {
    /// Returns the bytes that the checksum is computed from.
    fn content(&self) -> Vec<u8> {
        let mut bytes = self.media.join(SEPARATOR).into_bytes();
        for number in [self.free, self.total] {
            bytes.push(u8::from(number.is_some()));
            bytes.extend(number.unwrap_or_default().to_le_bytes());
        }
        bytes.extend(self.at.seconds.to_le_bytes());
        bytes
    }
}
