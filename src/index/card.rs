//! Offloaded folders: camera cards and drives, their files when they were last seen, and the projects they were copied to.
//!
//! A card is known by the serial of its volume and by its list of files. A card that was formatted and filled again has no
//! file in common with the earlier one, and is another card. The evidence of a card is that of a database whose root no user
//! can name.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{Row, Transaction, params};

use super::checksum::{read_manifest, row_checksum, verify_row};
use super::sql::{bytes, execute, from_seconds, read_path, read_u64};
use super::studio::mark_card;
use super::{DatabaseId, Index, SeenMedium};
use crate::base::error::{Error, IndexProblem, Result};
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::model::project::ProjectId;
use crate::snapshot::manifest::{FileTotals, Manifest};
use crate::snapshot::manifest_join::join_by_name;

/// A folder that is about to be offloaded, as it is now.
#[derive(Debug)]
pub struct SeenCard {
    /// Name of the folder or of its volume.
    pub name: String,
    /// Serial of the volume, if the system reports one.
    pub serial: Option<String>,
    /// The folder below the root of its volume; the whole path if the volume has no serial.
    pub place: PathBuf,
    /// The folder.
    pub path: PathBuf,
    /// Names of the disks that hold it, sorted.
    pub media: Vec<String>,
    /// Time when its files were listed.
    pub at: Timestamp,
    /// Number of entries that cannot be copied.
    pub unread: u64,
    /// Files and links by the path of their folder, sorted.
    pub folders: Vec<(PathBuf, Manifest)>,
}

/// A card that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownCard {
    /// Its row; below zero for a card of another workstation.
    pub(super) id: i64,
    /// The row of its evidence.
    pub database: DatabaseId,
    /// Name of the folder or of its volume.
    pub name: String,
    /// Serial of the volume, if the system reports one.
    pub serial: Option<String>,
    /// The folder where it was seen last.
    pub path: PathBuf,
    /// Time when it was seen last.
    pub seen_at: Timestamp,
    /// Number of entries that cannot be copied.
    pub unread: u64,
    /// Number of files and links.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A folder of a project that a card was copied to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardTarget {
    /// The key of the category.
    pub category: PathBuf,
    /// The project.
    pub project: ProjectId,
    /// The folder within the project.
    pub inside: PathBuf,
    /// Time of the last offload.
    pub at: Timestamp,
}

impl KnownCard {
    /// Its number, for other workstations.
    pub const fn number(&self) -> i64 {
        self.id
    }

    /// The root of its evidence in the index. No path that a user can type has a NUL.
    pub fn root(&self) -> PathBuf {
        root_of(self.id)
    }
}

pub(super) fn root_of(id: i64) -> PathBuf {
    OsString::from_vec(format!("\0card {id}").into_bytes()).into()
}

impl Index {
    /// Returns all cards, the one that was seen last first.
    pub fn cards(&self) -> Result<Vec<KnownCard>> {
        let sql = "SELECT id, database_id, name, serial, place, path, seen_at, unread, files, bytes, checksum
                   FROM cards ORDER BY seen_at DESC, id DESC";
        self.rows(sql, [], read_card)
    }

    /// Returns the files of a card when it was last seen, by the path of their folder.
    pub fn card_folders(&self, card: &KnownCard) -> Result<Vec<(PathBuf, Manifest)>> {
        let sql =
            "SELECT path, manifest, checksum FROM card_folders WHERE card_id = ?1 ORDER BY path";
        self.rows(sql, [card.id], |row| {
            let path = row.get_ref(0)?.as_blob()?;
            verify_row(
                row.get_ref(2)?.as_blob()?,
                &[path, row.get_ref(1)?.as_blob()?],
            )?;
            Ok((read_path(row, 0)?, read_manifest(row, 1)?))
        })
    }

    /// Returns the folders of projects that a card was copied to, the latest first.
    pub fn card_targets(&self, card: &KnownCard) -> Result<Vec<CardTarget>> {
        let sql = "SELECT category, client, project, inside, offloaded_at FROM card_targets
                   WHERE card_id = ?1 ORDER BY offloaded_at DESC, category, client, project, inside";
        self.rows(sql, [card.id], |row| {
            let name = |column| Ok::<_, rusqlite::Error>(Name::from_bytes(row.get(column)?));
            Ok(CardTarget {
                category: read_path(row, 0)?,
                project: ProjectId {
                    client: name(1)?,
                    project: name(2)?,
                },
                inside: read_path(row, 3)?,
                at: from_seconds(row.get(4)?),
            })
        })
    }

    /// Returns the card that a folder is, without recording it; `None` if it was never seen.
    pub fn find_card(&self, seen: &SeenCard) -> Result<Option<KnownCard>> {
        let mut candidates = self.candidates(seen)?.into_iter();
        Ok(candidates.find_map(|(card, shares_files)| shares_files.then_some(card)))
    }

    /// Returns the cards of a volume and place, each with true if it has a file in common with a folder.
    fn candidates(&self, seen: &SeenCard) -> Result<Vec<(KnownCard, bool)>> {
        let sql = "SELECT id, database_id, name, serial, place, path, seen_at, unread, files, bytes, checksum
                   FROM cards WHERE serial IS ?1 AND place = ?2 AND id > 0 ORDER BY seen_at DESC, id DESC";
        let cards: Vec<KnownCard> =
            self.rows(sql, params![seen.serial, bytes(&seen.place)], read_card)?;
        let candidates = cards.into_iter().map(|card| {
            let shares = shares_a_file(&self.card_folders(&card)?, &seen.folders);
            Ok((card, shares))
        });
        candidates.collect()
    }

    /// Records a card with its files, and the folder of a project that it is copied to.
    pub fn record_card(&mut self, seen: &SeenCard, target: &CardTarget) -> Result<KnownCard> {
        let known = self.find_card(seen)?;
        let id = match &known {
            Some(card) => card.id,
            None => self.next_card_id()?,
        };
        let root = root_of(id);
        // Evidence belongs to a database.
        let database = self.database(&root)?;
        let writer = self.write_scan(&root, &database)?;
        writer.record_medium(&SeenMedium {
            media: seen.media.clone(),
            at: seen.at,
            ..SeenMedium::default()
        })?;
        writer.finish(false)?;
        let database = self.database_id(&root)?;
        let database = database.ok_or_else(|| Error::index(IndexProblem::Damaged, &self.path))?;
        let card = KnownCard::new(id, database, seen);
        self.write(|transaction| {
            write_card(transaction, &card, &seen.place)?;
            write_folders(transaction, id, &seen.folders)?;
            write_target(transaction, id, target)?;
            mark_card(transaction, id)
        })?;
        Ok(card)
    }

    fn next_card_id(&self) -> Result<i64> {
        self.one(
            "SELECT max(coalesce(max(id), 0), 0) + 1 FROM cards",
            [],
            |row| row.get(0),
        )
    }
}

fn read_card(row: &Row<'_>) -> rusqlite::Result<KnownCard> {
    let card = KnownCard {
        id: row.get(0)?,
        database: row.get(1)?,
        name: row.get(2)?,
        serial: row.get(3)?,
        path: read_path(row, 5)?,
        seen_at: from_seconds(row.get(6)?),
        unread: read_u64(row, 7)?,
        files: read_u64(row, 8)?,
        bytes: read_u64(row, 9)?,
    };
    let place = read_path(row, 4)?;
    verify_row(row.get_ref(10)?.as_blob()?, &[&card.content(&place)])?;
    Ok(card)
}

impl KnownCard {
    /// A card as it was seen.
    pub(super) fn new(id: i64, database: DatabaseId, seen: &SeenCard) -> Self {
        let mut totals = FileTotals::default();
        for (_, manifest) in &seen.folders {
            let own = FileTotals::of(manifest.files());
            totals.files += own.files;
            totals.bytes = totals.bytes.saturating_add(own.bytes);
        }
        Self {
            id,
            database,
            name: seen.name.clone(),
            serial: seen.serial.clone(),
            path: seen.path.clone(),
            seen_at: seen.at,
            unread: seen.unread,
            files: totals.files,
            bytes: totals.bytes,
        }
    }

    /// Returns the bytes that the checksum is computed from.
    fn content(&self, place: &Path) -> Vec<u8> {
        let serial = self.serial.as_deref();
        let mut content = self.id.to_le_bytes().to_vec();
        content.extend(self.database.0.to_le_bytes());
        content.push(u8::from(serial.is_some()));
        for text in [
            self.name.as_bytes(),
            serial.unwrap_or_default().as_bytes(),
            bytes(place),
            bytes(&self.path),
        ] {
            content.extend((text.len() as u64).to_le_bytes());
            content.extend(text);
        }
        content.extend(self.seen_at.seconds.to_le_bytes());
        for number in [self.unread, self.files, self.bytes] {
            content.extend(number.to_le_bytes());
        }
        content
    }
}

pub(super) fn write_card(
    transaction: &Transaction<'_>,
    card: &KnownCard,
    place: &Path,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO cards (id, database_id, name, serial, place, path, seen_at, unread, files, bytes, checksum)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
               ON CONFLICT (id) DO UPDATE SET name = ?3, serial = ?4, place = ?5, path = ?6, seen_at = ?7,
                   unread = ?8, files = ?9, bytes = ?10, checksum = ?11";
    let seen_at = Timestamp {
        nanoseconds: 0,
        ..card.seen_at
    };
    let checksum = row_checksum(&[&card.content(place)]);
    let numbers = [card.unread, card.files, card.bytes].map(u64::cast_signed);
    execute(
        transaction,
        sql,
        params![
            card.id,
            card.database,
            card.name,
            card.serial,
            bytes(place),
            bytes(&card.path),
            seen_at.seconds,
            numbers[0],
            numbers[1],
            numbers[2],
            checksum
        ],
    )
}

pub(super) fn write_folders(
    transaction: &Transaction<'_>,
    card: i64,
    folders: &[(PathBuf, Manifest)],
) -> rusqlite::Result<()> {
    execute(
        transaction,
        "DELETE FROM card_folders WHERE card_id = ?1",
        [card],
    )?;
    let sql =
        "INSERT INTO card_folders (card_id, path, manifest, checksum) VALUES (?1, ?2, ?3, ?4)";
    for (path, manifest) in folders {
        let checksum = row_checksum(&[bytes(path), manifest.packed()]);
        let row = params![card, bytes(path), manifest.packed(), checksum];
        execute(transaction, sql, row)?;
    }
    Ok(())
}

pub(super) fn write_target(
    transaction: &Transaction<'_>,
    card: i64,
    target: &CardTarget,
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO card_targets (card_id, category, client, project, inside, offloaded_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let ProjectId { client, project } = &target.project;
    execute(
        transaction,
        sql,
        params![
            card,
            bytes(&target.category),
            client.as_bytes(),
            project.as_bytes(),
            bytes(&target.inside),
            target.at.seconds
        ],
    )
}

/// True if two listings have a file of one path, size and time in common, or both are empty.
fn shares_a_file(known: &[(PathBuf, Manifest)], seen: &[(PathBuf, Manifest)]) -> bool {
    let mut shares = known.is_empty() && seen.is_empty();
    for (path, files) in seen {
        let Ok(place) = known.binary_search_by(|(other, _)| {
            other
                .as_os_str()
                .as_bytes()
                .cmp(path.as_os_str().as_bytes())
        }) else {
            continue;
        };
        join_by_name(files.as_ref(), known[place].1.as_ref(), &mut |a, b| {
            if let (Some(a), Some(b)) = (a, b) {
                shares |= (a.bytes, a.modified) == (b.bytes, b.modified);
            }
        });
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::manifest::ManifestFile;

    fn manifest(files: &[(&str, u64)]) -> Manifest {
        let files = files.iter().map(|(name, bytes)| ManifestFile {
            name: name.as_bytes(),
            bytes: *bytes,
            modified: Timestamp::default(),
            target: None,
        });
        Manifest::of_files(files).0
    }

    fn seen(serial: Option<&str>, folders: &[(&str, &[(&str, u64)])]) -> SeenCard {
        SeenCard {
            name: "A001".to_owned(),
            serial: serial.map(str::to_owned),
            place: PathBuf::new(),
            path: "/media/A001".into(),
            media: Vec::new(),
            at: Timestamp::default(),
            unread: 0,
            folders: folders
                .iter()
                .map(|(path, files)| (path.into(), manifest(files)))
                .collect(),
        }
    }

    fn target(inside: &str) -> CardTarget {
        CardTarget {
            category: "footage".into(),
            project: ProjectId {
                client: "acme".into(),
                project: "spot".into(),
            },
            inside: inside.into(),
            at: Timestamp::default(),
        }
    }

    fn index() -> (tempfile::TempDir, Index) {
        let temporary = tempfile::tempdir().unwrap();
        let index = Index::open(&temporary.path().join("index")).unwrap().index;
        (temporary, index)
    }

    #[test]
    fn card_is_known_by_serial_and_files() {
        let (_temporary, mut index) = index();
        let first = seen(Some("1234"), &[("CLIPS", &[("a.mov", 7), ("b.mov", 8)])]);
        let card = index.record_card(&first, &target("A001")).unwrap();
        assert_eq!((card.files, card.bytes), (2, 15));
        assert_eq!(index.cards().unwrap(), std::slice::from_ref(&card));
        assert_eq!(index.card_folders(&card).unwrap(), first.folders);
        // More was shot: the same card.
        let more = seen(
            Some("1234"),
            &[("CLIPS", &[("a.mov", 7), ("b.mov", 8), ("c.mov", 9)])],
        );
        let again = index.record_card(&more, &target("A001 again")).unwrap();
        assert_eq!((again.id, again.files), (card.id, 3));
        assert_eq!(index.card_targets(&again).unwrap().len(), 2);
        // It was formatted and filled again: another card, and so is the same list on another volume.
        let formatted = seen(Some("1234"), &[("CLIPS", &[("a.mov", 70)])]);
        let other = seen(Some("5678"), &[("CLIPS", &[("a.mov", 7)])]);
        let unknown = seen(None, &[("CLIPS", &[("a.mov", 7)])]);
        for card in [formatted, other, unknown] {
            assert_eq!(index.find_card(&card).unwrap(), None);
            index.record_card(&card, &target("A001")).unwrap();
        }
        assert_eq!(index.cards().unwrap().len(), 4);
    }

    #[test]
    fn damaged_row_is_found() {
        let (_temporary, mut index) = index();
        let first = seen(None, &[("", &[("a.mov", 7)])]);
        index.record_card(&first, &target("")).unwrap();
        index.execute("UPDATE cards SET files = 3", []).unwrap();
        assert!(index.cards().is_err());
    }
}
