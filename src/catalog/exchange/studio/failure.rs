//! Failed files: each is of the workstation that could not send it, which alone writes it. Storages are named by identity.

use std::path::Path;

use postgres::types::ToSql;
use postgres::{Row, Transaction};

use super::column::{read, storable, stored};
use super::statement::{READ_FAILURES, RESOLVE_FAILURES, WRITE_FAILURES};
use super::transfer::{StudioPull, StudioPush, damaged, leave_out};
use crate::catalog::exchange::failure::ExchangeFailure;
use crate::catalog::exchange::replica_key::{bytes_of, path_of};
use crate::index::{
    FailureKey, HostId, IncomingStudio, KnownFailure, RunId, SharedFailure, UnsharedFailure,
};

/// Number of failures that one statement writes.
const BATCH: usize = 10_000;

impl StudioPull<'_> {
    pub(super) fn read_failures(
        &self,
        transaction: &mut Transaction<'_>,
        incoming: &mut IncomingStudio,
        left_out: &mut Vec<String>,
    ) -> Result<(), ExchangeFailure> {
        for row in &transaction.query(READ_FAILURES, &[&self.known_revision])? {
            leave_out(self.take_failure(row, incoming), left_out)?;
        }
        Ok(())
    }

    fn take_failure(
        &self,
        row: &Row,
        incoming: &mut IncomingStudio,
    ) -> Result<(), ExchangeFailure> {
        let Some(host) = self.owner(row.get(0))? else {
            return Ok(());
        };
        let path = path_of(row.get(3));
        let path = path.ok_or_else(|| damaged("the path of a failed file"))?;
        let key = failure_key(row, host, path);
        match row.get(6) {
            Some(error) => incoming.failures.push(self.read_failure(row, key, error)),
            None => incoming.resolved_failures.push(key),
        }
        Ok(())
    }

    fn read_failure(&self, row: &Row, key: FailureKey, error: String) -> SharedFailure {
        SharedFailure {
            key,
            destination_name: row.get(4),
            source_name: row.get(5),
            error,
            attempts: read(row.get(7)),
            first_at: self.clock.past_time(row.get(8)),
            last_at: self.clock.past_time(row.get(9)),
            run: RunId(row.get(10)),
            is_permanent: row.get(11),
        }
    }
}

fn failure_key(row: &Row, host: HostId, path: &Path) -> FailureKey {
    FailureKey {
        host,
        destination: row.get(1),
        source: row.get(2),
        path: path.to_owned(),
    }
}

impl StudioPush<'_> {
    pub(super) fn write_failures(
        &self,
        transaction: &mut Transaction<'_>,
    ) -> Result<(), ExchangeFailure> {
        let (mut failed, mut resolved) = (Vec::new(), Vec::new());
        for one in &self.unshared.failures {
            match &one.failure {
                Some(failure) => failed.push((one, failure)),
                None => resolved.push(one),
            }
        }
        for batch in failed.chunks(BATCH) {
            self.write_failed(transaction, batch)?;
        }
        for batch in resolved.chunks(BATCH) {
            let key = KeyColumns::of(batch.iter().copied());
            let values: [&(dyn ToSql + Sync); 5] = [
                &self.own,
                &key.destinations,
                &key.sources,
                &key.paths,
                &self.revision,
            ];
            transaction.execute(RESOLVE_FAILURES, &values)?;
        }
        Ok(())
    }

    fn write_failed(
        &self,
        transaction: &mut Transaction<'_>,
        batch: &[(&UnsharedFailure, &KnownFailure)],
    ) -> Result<(), ExchangeFailure> {
        fn column<T>(
            batch: &[(&UnsharedFailure, &KnownFailure)],
            value: impl Fn(&KnownFailure) -> T,
        ) -> Vec<T> {
            batch.iter().map(|(_, failure)| value(failure)).collect()
        }
        let key = KeyColumns::of(batch.iter().map(|(one, _)| *one));
        transaction.execute(
            WRITE_FAILURES,
            &[
                &self.own,
                &key.destinations,
                &key.sources,
                &key.paths,
                &column(batch, |failure| self.client_of(&failure.path)),
                &column(batch, |failure| self.storage_name(&failure.destination)),
                &column(batch, |failure| self.storage_name(&failure.source)),
                &column(batch, |failure| storable(&failure.error)),
                &column(batch, |failure| stored(failure.attempts)),
                &column(batch, |failure| self.clock.past_seconds(failure.first_at)),
                &column(batch, |failure| self.clock.past_seconds(failure.last_at)),
                &column(batch, |failure| failure.run.0),
                &column(batch, |failure| failure.is_permanent),
                &self.revision,
            ],
        )?;
        Ok(())
    }

    /// Returns the client whose file a path below a root is; `None` outside all tracked categories.
    fn client_of(&self, path: &Path) -> Option<Vec<u8>> {
        let mut categories = self.registry.categories().iter();
        let located = categories.find_map(|category| category.locate(path));
        located.map(|(project, _)| project.client.as_bytes().to_vec())
    }

    /// Returns the name of a storage on this workstation; one that is not tracked any more has none.
    fn storage_name(&self, root: &Path) -> String {
        let mut databases = self.registry.databases().iter();
        let database = databases.find(|database| database.root == root);
        database.map_or_else(String::new, |database| storable(&database.name))
    }
}

/// The keys of failures, column by column.
struct KeyColumns<'a> {
    destinations: Vec<&'a str>,
    sources: Vec<&'a str>,
    paths: Vec<&'a [u8]>,
}

impl<'a> KeyColumns<'a> {
    fn of(failures: impl Iterator<Item = &'a UnsharedFailure> + Clone) -> Self {
        Self {
            destinations: failures.clone().map(|one| &*one.destination).collect(),
            sources: failures.clone().map(|one| &*one.source).collect(),
            paths: failures.map(|one| bytes_of(&one.path)).collect(),
        }
    }
}
