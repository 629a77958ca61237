//! Taking over a published index: each replica whose scan is newer than the own one, and all evidence.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rusqlite::{Row, Transaction};

use super::file::Publication;
use super::replica::{PublishedReplica, replicas};
use super::stage::stage;
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::index::checksum::corruption_error;
use crate::index::evidence::{ForeignRow, take_row};
use crate::index::foreign::ForeignFailure;
use crate::index::host::{ForeignHosts, KnownHost};
use crate::index::name_check::{checked_path, checked_totals, impossible_name};
use crate::index::replica_origin::ReplicaOrigin;
use crate::index::shared::mark_evidence;
use crate::index::sql::{from_seconds, rows};
use crate::index::time_alias::{merge_times, unpack_times};
use crate::index::{HostId, Index, KnownDatabase, ScanChanges, ScanWriter, StagedScan};
use crate::model::project::ProjectId;

/// Maximum number of workstations that a published index may name.
const MAX_HOSTS: i64 = 10_000;

/// The result of taking over a published index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TakenOver {
    /// Number of replicas whose scan was newer than the own one.
    pub replicas: u64,
    /// Number of folders with new evidence.
    pub folders_with_evidence: u64,
    /// Changes of files, as of a scan.
    pub changes: ScanChanges,
}

impl TakenOver {
    /// True if the own index already knew all of it.
    pub const fn is_empty(&self) -> bool {
        self.replicas == 0 && self.folders_with_evidence == 0
    }
}

/// A category that the publishing workstation listed after this one did.
struct NewerCategory {
    category: PathBuf,
    scanned_at: Timestamp,
    /// Projects that are there by either index, and that no newer listing lacks.
    listed: BTreeSet<ProjectId>,
}

/// What is taken over, ready to be written.
struct TakeOver<'a> {
    publication: &'a Publication,
    hosts: ForeignHosts,
    newer: Vec<PublishedReplica>,
    categories: Vec<NewerCategory>,
    staged: StagedScan,
    keeps_tags: bool,
}

impl Index {
    /// Writes to the index what a published index knows better of the database with this root, whose folder has this root
    /// id. `keeps_tags`: the state of a file at its storage is the same for all workstations, as at a remote.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Publication`] if the published index is damaged. The index then knows the names of its
    /// workstations, and nothing else of it.
    pub fn take_over(
        &mut self,
        root: &Path,
        root_id: Option<&str>,
        publication: &Publication,
        keeps_tags: bool,
    ) -> Result<TakenOver> {
        let damaged = |error: rusqlite::Error| publication.damaged(&error);
        let known = self.database(root)?;
        let published = replicas(publication).map_err(damaged)?;
        let others = other_hosts(publication).map_err(damaged)?;
        let hosts = self.add_hosts(&publication.header.host, others)?;
        let categories = newer_categories(self, &known, publication, &published)?;
        let newer = newer_replicas(self, &known, published)?;
        let staged = stage(self, &known, publication, (&newer, &hosts))?;
        let take_over = TakeOver {
            publication,
            hosts,
            newer,
            categories,
            staged,
            keeps_tags,
        };
        let writer = self.write_scan(root, &known)?;
        writer.record_root(Some(&publication.header.identity), root_id)?;
        take_over.write(writer, &known)
    }
}

impl TakeOver<'_> {
    fn write(&self, writer: ScanWriter<'_>, known: &KnownDatabase) -> Result<TakenOver> {
        let header = &self.publication.header;
        let is_whole = header.scanned_at > known.scanned_at;
        let writer = writer.started_at(header.scanned_at.unwrap_or(header.host.seen_at));
        let mut changes = writer.write_replicas(&self.staged)?;
        for replica in self.newer.iter().filter(|replica| !replica.present) {
            let origin = self.origin(replica)?;
            changes += writer.record_missing_at(&replica.category, &replica.project, origin)?;
        }
        for newer in &self.categories {
            let is_listed = |project: &ProjectId| newer.listed.contains(project);
            changes += writer.delete_unlisted_replicas(&newer.category, &is_listed)?;
            writer.record_category_scan_at(&newer.category, newer.scanned_at)?;
        }
        let taken = TakenOver {
            replicas: self.newer.len() as u64,
            folders_with_evidence: self.write_evidence(&writer)?,
            changes,
        };
        self.write_times(&writer)?;
        writer.finish(is_whole)?;
        Ok(taken)
    }

    fn origin(&self, replica: &PublishedReplica) -> Result<ReplicaOrigin> {
        replica
            .origin(&self.hosts)
            .map_err(|error| self.publication.damaged(&error))
    }

    /// Writes the evidence and returns the number of folders with new one.
    fn write_evidence(&self, writer: &ScanWriter<'_>) -> Result<u64> {
        let sql = "SELECT manifest, digests, checksum, proofs, folder FROM published_evidence ORDER BY rowid";
        let (mut found, mut new) = (0, 0);
        let mut before: Option<PathBuf> = None;
        let database = writer.database();
        self.publication.visit(sql, &mut |row| {
            found += 1;
            let taken = self.read_evidence(row).map_err(ForeignFailure::Foreign)?;
            // One row for each folder: of two, it would be unclear which is the later one.
            if before
                .as_deref()
                .is_some_and(|before| before >= taken.folder())
            {
                let error = corruption_error("evidence is not sorted");
                return Err(ForeignFailure::Foreign(error));
            }
            before = Some(taken.folder().to_owned());
            let written = writer.within(|transaction| {
                let is_new = take_row(transaction, database, &taken, None)?;
                if is_new {
                    mark_evidence(transaction, database, taken.folder(), false)?;
                }
                Ok(is_new)
            });
            new += u64::from(written.map_err(ForeignFailure::Own)?);
            Ok(())
        })?;
        self.publication
            .require(found == self.publication.header.evidence_rows)?;
        Ok(new)
    }

    fn read_evidence<'r>(&self, row: &'r Row<'_>) -> rusqlite::Result<ForeignRow<'r>> {
        let mut parts: [&[u8]; 4] = [&[]; 4];
        for (column, part) in parts.iter_mut().enumerate() {
            *part = row.get_ref(column)?.as_blob()?;
        }
        let folder = checked_path(row.get_ref(4)?.as_blob()?)?;
        let taken = ForeignRow::new(folder, parts, &self.hosts, self.keeps_tags)?;
        checked_totals(taken.manifest()).ok_or_else(impossible_name)?;
        Ok(taken)
    }

    /// Writes the times that the storage does not return as they were set.
    fn write_times(&self, writer: &ScanWriter<'_>) -> Result<()> {
        let sql = "SELECT folder, reported, original FROM published_times ORDER BY rowid";
        let database = writer.database();
        self.publication.visit(sql, &mut |row| {
            let read = || -> rusqlite::Result<_> {
                let folder = checked_path(row.get_ref(0)?.as_blob()?)?;
                let times = unpack_times(row.get_ref(1)?.as_blob()?, row.get_ref(2)?.as_blob()?);
                Ok((
                    folder,
                    times.map_err(|_| corruption_error("times cannot be read"))?,
                ))
            };
            let (folder, times) = read().map_err(ForeignFailure::Foreign)?;
            let merge =
                |transaction: &Transaction<'_>| merge_times(transaction, database, folder, &times);
            writer.within(merge).map_err(ForeignFailure::Own)
        })
    }
}

/// Returns the workstations that a published index names besides its publisher.
fn other_hosts(publication: &Publication) -> rusqlite::Result<Vec<(HostId, KnownHost)>> {
    let sql = "SELECT id, key, name, seen_at FROM published_hosts LIMIT ?1";
    let now = Timestamp::now();
    let limit = MAX_HOSTS + 1;
    let hosts: Vec<_> = rows(&publication.connection, sql, [limit], |row| {
        let seen_at = from_seconds(row.get(3)?).min(now);
        let host = KnownHost::foreign(row.get(1)?, &row.get::<_, String>(2)?, seen_at);
        let host = host.ok_or_else(|| corruption_error("the key of a workstation is malformed"))?;
        Ok((row.get(0)?, host))
    })?;
    if i64::try_from(hosts.len()).is_ok_and(|number| number <= MAX_HOSTS) {
        Ok(hosts)
    } else {
        Err(corruption_error("it names too many workstations"))
    }
}

/// Returns the published replicas whose scan is newer than that of this index.
fn newer_replicas(
    index: &Index,
    known: &KnownDatabase,
    published: Vec<PublishedReplica>,
) -> Result<Vec<PublishedReplica>> {
    // A replica of which nothing could be read says nothing.
    let published = published
        .into_iter()
        .filter(|replica| !replica.present || replica.folders > 0);
    let Some(database) = known.id else {
        return Ok(published.collect());
    };
    let mut newer = Vec::new();
    for replica in published {
        let own = index.replica(database, &replica.category, &replica.project)?;
        if own.is_none_or(|own| own.scanned_at < replica.scanned_at) {
            newer.push(replica);
        }
    }
    Ok(newer)
}

/// Returns the categories that the other workstation listed later.
fn newer_categories(
    index: &Index,
    known: &KnownDatabase,
    publication: &Publication,
    published: &[PublishedReplica],
) -> Result<Vec<NewerCategory>> {
    let sql = "SELECT category, scanned_at FROM published_categories";
    let now = Timestamp::now();
    let listed: Vec<(PathBuf, Timestamp)> = rows(&publication.connection, sql, [], |row| {
        let category = checked_path(row.get_ref(0)?.as_blob()?)?.to_owned();
        Ok((category, from_seconds(row.get(1)?).min(now)))
    })
    .map_err(|error| publication.damaged(&error))?;
    let mut newer = Vec::new();
    for (category, scanned_at) in listed {
        let mut projects = BTreeSet::new();
        if let Some(database) = known.id {
            if index.category_scanned_at(database, &category)? >= Some(scanned_at) {
                continue;
            }
            let own = index.replicas(database, &category)?;
            let since = own.into_iter().filter(|own| own.scanned_at > scanned_at);
            projects.extend(since.map(|own| own.project));
        }
        let there = published
            .iter()
            .filter(|replica| replica.category == category);
        projects.extend(there.map(|replica| replica.project.clone()));
        newer.push(NewerCategory {
            category,
            scanned_at,
            listed: projects,
        });
    }
    Ok(newer)
}
