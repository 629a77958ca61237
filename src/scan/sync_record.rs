//! The correction of the sync record after a scan: files that are changed or missing at the destination are removed from
//! it, so that the next sync sends them again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::discover;
use super::discover::ScanScope;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::TimePrecision;
use crate::index::{DatabaseId, Index, SentChanges, SentFile, SentFolder};
use crate::model::exclusion::Exclusions;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::{Category, Database, Registry};
use crate::storage::RemoteStorage;

/// Corrects the record of a database behind rclone by its listings.
pub(super) fn correct_remote_record(
    index: &Index,
    storage: &RemoteStorage,
    scan_scope: &ScanScope<'_>,
) -> Result<()> {
    for replica in index.all_sent_replicas(&storage.database.root)? {
        if discover::match_replica(&scan_scope.categories, &scan_scope.scope, &replica).is_some() {
            storage.correct_record(&replica)?;
        }
    }
    Ok(())
}

/// Corrects the record of a local database by the index. Where the scan could not read, the index keeps its previous
/// entries, and so does the record.
pub(super) fn correct_local_record(
    index: &mut Index,
    registry: &Registry,
    database: &Database,
    scan_scope: &ScanScope<'_>,
) -> Result<()> {
    let exclusions = Exclusions::new(registry.exclusion_rules())?;
    let Some(id) = index.database_id(&database.root)? else {
        return Ok(());
    };
    for replica in index.all_sent_replicas(&database.root)? {
        let matched = discover::match_replica(&scan_scope.categories, &scan_scope.scope, &replica);
        let Some((category, project)) = matched else {
            continue;
        };
        let precision = time_precision(index, id, category, &project)?;
        let stored = stored_files(index, id, category, &project)?;
        let mut outdated = SentChanges::default();
        for row in index.sent_rows(&database.root, &replica)? {
            if exclusions.excludes_folder(&row.folder) {
                continue;
            }
            let stored = stored.get(&row.folder);
            for (name, sent) in row.files() {
                let file = stored.and_then(|files| files.get(&name));
                if !exclusions.excludes(&row.folder, name.as_os_str(), false)
                    && !file.is_some_and(|file| is_as_sent(file, &sent, precision))
                {
                    outdated.remove(&row.folder.join(name.as_path()));
                }
            }
        }
        index.update_sent(&database.root, Path::new(""), &[(replica, outdated)].into())?;
    }
    Ok(())
}

/// True if a file is as it was sent. A link is compared by its target alone.
fn is_as_sent(file: &SentFile, sent: &SentFile, precision: TimePrecision) -> bool {
    (file.link_digest, file.bytes) == (sent.link_digest, sent.bytes)
        && (sent.link_digest != 0 || file.modified.equals_at(sent.modified, precision))
}

/// Returns the time precision of a replica's file system; the coarsest if the index does not know it.
fn time_precision(
    index: &Index,
    database: DatabaseId,
    category: &Category,
    project: &ProjectId,
) -> Result<TimePrecision> {
    let known = index.replica(database, &category.path, project)?;
    Ok(known.map_or(TimePrecision::TwoSeconds, |replica| {
        replica.aggregate.precision
    }))
}

/// Returns the files of a replica according to the index, by folder.
fn stored_files(
    index: &Index,
    database: DatabaseId,
    category: &Category,
    project: &ProjectId,
) -> Result<BTreeMap<PathBuf, SentFolder>> {
    let scope = Scope::Project(project.clone());
    let mut stored = BTreeMap::new();
    index.visit_folders(database, &category.path, &scope, &mut |folder| {
        let mut files = folder.files();
        let mut names = SentFolder::new();
        while let Some(file) = files.next() {
            names.insert(Name::from_bytes(file.name.to_vec()), SentFile::of(&file));
        }
        stored.insert(folder.path.to_owned(), names);
        Ok(true)
    })?;
    Ok(stored)
}
