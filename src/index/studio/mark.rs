//! Marks on changes of this workstation that the catalog lacks.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::base::error::Result;
use crate::index::sql::{bytes, execute, optional};
use crate::index::{Index, RunId};

/// Number of runs of each workstation that are shared: the last ones.
pub const KEPT_RUNS: i64 = 500;

/// Returns a mark that is higher than all before; `None` if this index takes no part in a catalog.
pub(super) fn next_mark(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    let sql = "UPDATE shared_studio SET mark = mark + 1 RETURNING mark";
    optional(connection, sql, [], |row| row.get(0))
}

/// Marks a run that began, changed or was discarded.
pub(in crate::index) fn mark_run(connection: &Connection, run: RunId) -> rusqlite::Result<()> {
    let Some(mark) = next_mark(connection)? else {
        return Ok(());
    };
    let sql = "INSERT OR REPLACE INTO unshared_runs (run, mark) VALUES (?1, ?2)";
    execute(connection, sql, params![run, mark])
}

/// Marks failed files between two databases that are new, changed or gone.
pub(in crate::index) fn mark_failures<'p>(
    connection: &Connection,
    (source, destination): (&Path, &Path),
    paths: impl Iterator<Item = &'p Path>,
) -> rusqlite::Result<()> {
    let Some(mark) = next_mark(connection)? else {
        return Ok(());
    };
    let sql = "INSERT OR REPLACE INTO unshared_failures (destination, source, path, mark) VALUES (?1, ?2, ?3, ?4)";
    for path in paths {
        let [destination, source, path] = [destination, source, path].map(bytes);
        execute(connection, sql, params![destination, source, path, mark])?;
    }
    Ok(())
}

/// Marks a card of this workstation.
pub(in crate::index) fn mark_card(connection: &Connection, card: i64) -> rusqlite::Result<()> {
    let Some(mark) = next_mark(connection)? else {
        return Ok(());
    };
    let sql = "INSERT OR REPLACE INTO unshared_cards (card_id, mark) VALUES (?1, ?2)";
    execute(connection, sql, params![card, mark])
}

impl Index {
    /// Returns the revision of the catalog up to which the studio is known; `None` before the first exchange.
    pub fn studio_revision(&self) -> Result<Option<i64>> {
        let sql = "SELECT revision FROM shared_studio";
        self.optional(sql, [], |row| row.get(0))
    }

    /// Lets this index take part in what the catalog knows of the studio, unless it does.
    pub fn ensure_studio_shared(&mut self) -> Result<()> {
        match self.studio_revision()? {
            Some(_) => Ok(()),
            None => self.share_studio(),
        }
    }

    /// Lets this index take part in a catalog of which it knows nothing yet. All that it knows is marked.
    pub fn share_studio(&mut self) -> Result<()> {
        self.write(|transaction| {
            let sql = "INSERT INTO shared_studio (id, revision, mark) VALUES (1, 0, 1)
                       ON CONFLICT (id) DO UPDATE SET revision = 0, mark = mark + 1";
            execute(transaction, sql, [])?;
            let sql = "INSERT OR REPLACE INTO unshared_runs (run, mark)
                       SELECT runs.id, mark FROM runs, shared_studio
                       WHERE runs.id > (SELECT max(id) FROM runs) - ?1";
            execute(transaction, sql, [KEPT_RUNS])?;
            let sql = "INSERT OR REPLACE INTO unshared_failures (destination, source, path, mark)
                       SELECT destination, source, path, mark FROM failures, shared_studio";
            execute(transaction, sql, [])?;
            let sql = "INSERT OR REPLACE INTO unshared_cards (card_id, mark)
                       SELECT cards.id, mark FROM cards, shared_studio WHERE cards.id > 0";
            execute(transaction, sql, [])?;
            let sql = "UPDATE shared_policies SET mark = (SELECT mark FROM shared_studio)";
            execute(transaction, sql, [])
        })
    }

    /// True if the catalog lacks anything that can be shared. A failed file waits until both of its storages have an identity.
    pub fn has_unshared_studio(&self) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM unshared_runs)
                       OR EXISTS (SELECT 1 FROM unshared_cards)
                       OR EXISTS (SELECT 1 FROM shared_policies WHERE mark IS NOT NULL)
                       OR EXISTS (SELECT 1 FROM unshared_failures AS marked
                                  JOIN databases AS source ON source.root = marked.source
                                  JOIN databases AS destination ON destination.root = marked.destination
                                  WHERE source.identity IS NOT NULL AND destination.identity IS NOT NULL)";
        self.one(sql, [], |row| row.get(0))
    }
}
