//! Steps that bring an index of an older version up to date.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::name_index::{NAME_TABLES, store_names_checksum};
use super::schema::{OLDEST_VERSION, SIZES_TABLES, VERSION, schema_version};
use super::size_record::begin_size_series;
use super::sqlite_error::Explain as _;
use super::workstation_tables::WORKSTATION_TABLES;
use crate::base::error::Result;

/// The SQL that turns each version from [`OLDEST_VERSION`] on into the next one.
const STEPS: [&[&str]; 4] = [
    &[FROM_VERSION_2],
    &[FROM_VERSION_3],
    &[SIZES_TABLES, NAME_TABLES],
    &[WORKSTATION_TABLES],
];

/// The first version that keeps sizes over time.
const SIZES_VERSION: i64 = 5;

/// The SQL that turns version 2 into version 3: evidence says how and when the content was known, and the media of databases
/// are known.
const FROM_VERSION_2: &str = "
ALTER TABLE digests ADD COLUMN proofs BLOB NOT NULL DEFAULT x'';
CREATE TABLE media (
    database_id INTEGER PRIMARY KEY REFERENCES databases (id) ON DELETE CASCADE,
    media       TEXT NOT NULL,
    free        INTEGER,
    total       INTEGER,
    seen_at     INTEGER NOT NULL,
    checksum    BLOB NOT NULL
) STRICT;
CREATE TABLE coverage (
    database_id INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    replica     BLOB NOT NULL,
    basis       BLOB NOT NULL,
    sums        BLOB NOT NULL,
    checksum    BLOB NOT NULL,
    PRIMARY KEY (database_id, replica)
) STRICT, WITHOUT ROWID;
";

/// The SQL that turns version 3 into version 4: the generations of ASC MHL histories and the
/// offloaded cards are known.
const FROM_VERSION_3: &str = "
CREATE TABLE generations (
    database_id INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    folder      BLOB NOT NULL,
    number      INTEGER NOT NULL,
    name        TEXT NOT NULL,
    c4          TEXT NOT NULL,
    process     TEXT NOT NULL,
    files       INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    checksum    BLOB NOT NULL,
    PRIMARY KEY (database_id, folder, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE cards (
    id          INTEGER PRIMARY KEY,
    database_id INTEGER NOT NULL UNIQUE REFERENCES databases (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    serial      TEXT,
    place       BLOB NOT NULL,
    path        BLOB NOT NULL,
    seen_at     INTEGER NOT NULL,
    unread      INTEGER NOT NULL,
    files       INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    checksum    BLOB NOT NULL
) STRICT;
CREATE TABLE card_folders (
    card_id  INTEGER NOT NULL REFERENCES cards (id) ON DELETE CASCADE,
    path     BLOB NOT NULL,
    manifest BLOB NOT NULL,
    checksum BLOB NOT NULL,
    PRIMARY KEY (card_id, path)
) STRICT, WITHOUT ROWID;
CREATE TABLE card_targets (
    card_id      INTEGER NOT NULL REFERENCES cards (id) ON DELETE CASCADE,
    category     BLOB NOT NULL,
    client       BLOB NOT NULL,
    project      BLOB NOT NULL,
    inside       BLOB NOT NULL,
    offloaded_at INTEGER NOT NULL,
    PRIMARY KEY (card_id, category, client, project, inside)
) STRICT, WITHOUT ROWID;
";

/// Brings the tables of an older version up to date, unless another process has done so.
pub(super) fn bring_up_to_date(connection: &mut Connection, path: &Path) -> Result<()> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .explain("write", path)?;
    let version = schema_version(&transaction, path)?;
    if version == VERSION {
        return Ok(());
    }
    let steps = (OLDEST_VERSION..)
        .zip(STEPS)
        .filter(|(from, _)| *from >= version);
    let steps: String = steps.flat_map(|(_, sql)| sql).copied().collect();
    let sql = format!("{steps} PRAGMA user_version = {VERSION};");
    transaction
        .execute_batch(&sql)
        .and_then(|()| match version {
            ..SIZES_VERSION => begin_size_series(&transaction),
            _ => Ok(()),
        })
        .and_then(|()| store_names_checksum(&transaction))
        .and_then(|()| transaction.commit())
        .explain("write", path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::name::Name;
    use crate::index::fixture::{ROOT, answers, fill};
    use crate::index::{Index, Proof};
    use crate::snapshot::digest::Digest;

    #[test]
    fn older_versions_are_brought_up_to_date() {
        for version in OLDEST_VERSION..VERSION {
            let temporary = tempfile::tempdir().unwrap();
            let path = temporary.path().join("index");
            fill(&path);
            let index = Index::open(&path).unwrap().index;
            let (before, columns) = (answers(&index).unwrap(), columns(&index));
            index.connection.execute_batch(&downgrade(version)).unwrap();
            drop(index);
            let opened = Index::open(&path).unwrap();
            assert!(opened.set_aside.is_none());
            let index = opened.index;
            assert_eq!(self::columns(&index), columns);
            let after = answers(&index).unwrap();
            assert_eq!(after.0, before.0);
            // An index without sizes over time begins them with those of the last scan.
            assert_eq!(sizes(&after.1), sizes(&before.1));
            let id = index.database_id(Path::new(ROOT)).unwrap().unwrap();
            let folder = Path::new("footage/acme/spot");
            let evidence = &index.evidence(id, folder).unwrap()[&Name::from("reel.mov")];
            assert_eq!(evidence.digest, Digest(77));
            if version == OLDEST_VERSION {
                assert_eq!(evidence.proof, Proof::UNDATED);
                assert_eq!(index.seen_medium(id).unwrap(), None);
            }
        }
    }

    /// Returns the answers about sizes over time.
    fn sizes(single: &[String]) -> Vec<&String> {
        let sizes = single.iter().filter(|answer| answer.contains("SizePoint"));
        sizes.collect()
    }

    /// Returns the SQL that takes away what the steps from `version` on add.
    fn downgrade(version: i64) -> String {
        let done = usize::try_from(version - OLDEST_VERSION).unwrap();
        let lines = STEPS[done..]
            .iter()
            .rev()
            .flat_map(|step| step.iter().rev())
            .flat_map(|sql| sql.lines().rev());
        let undo = |line: &str| match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["CREATE", "TABLE", "IF", "NOT", "EXISTS", table, ..]
            | ["CREATE", "TABLE", table, ..] => Some(format!("DROP TABLE {table}")),
            ["ALTER", "TABLE", table, "ADD", "COLUMN", column, ..] => {
                Some(format!("ALTER TABLE {table} DROP COLUMN {column}"))
            }
            _ => None,
        };
        let version = format!("PRAGMA user_version = {version}");
        let statements: Vec<String> = lines.filter_map(undo).chain([version]).collect();
        statements.join(";")
    }

    /// Returns the columns of all tables with their types.
    fn columns(index: &Index) -> Vec<(String, String, String)> {
        let sql =
            "SELECT tables.name, columns.name, columns.type || columns.\"notnull\" || columns.pk
                   FROM pragma_table_list AS tables, pragma_table_info(tables.name) AS columns
                   ORDER BY tables.name, columns.name";
        let mut statement = index.connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        rows.unwrap().map(Result::unwrap).collect()
    }
}
