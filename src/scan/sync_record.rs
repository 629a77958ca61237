//! The record of what was sent to a database, held against what a look shows there: what was taken away or changed by
//! somebody is no longer known to be there, and goes again with the next sync.

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
use crate::snapshot::manifest::ManifestFiles;
use crate::storage::RemoteStorage;

/// Corrects the record of a database behind rclone by what was listed.
pub(super) fn correct_remote_record(
    index: &Index,
    storage: &RemoteStorage,
    extent: &ScanScope<'_>,
) -> Result<()> {
    for replica in index.all_sent_replicas(&storage.database.root)? {
        if discover::match_replica(&extent.categories, &extent.scope, &replica).is_some() {
            storage.correct_record(&replica)?;
        }
    }
    Ok(())
}

/// Corrects the record of a database on a disk by what the index knows now. Where part of a replica could not be read the
/// index keeps what was known, and so does the record.
pub(super) fn correct_local_record(
    index: &mut Index,
    registry: &Registry,
    database: &Database,
    extent: &ScanScope<'_>,
) -> Result<()> {
    let exclusions = Exclusions::new(registry.exclusion_rules())?;
    let Some(id) = index.database_id(&database.root)? else {
        return Ok(());
    };
    for replica in index.all_sent_replicas(&database.root)? {
        let meant = discover::match_replica(&extent.categories, &extent.scope, &replica);
        let Some((category, project)) = meant else {
            continue;
        };
        let step = time_precision(index, id, category, &project)?;
        let known = stored_files(index, id, category, &project)?;
        let mut gone = SentChanges::default();
        for row in index.sent_rows(&database.root, &replica)? {
            if exclusions.excludes_folder(&row.folder) {
                continue;
            }
            let there = known.get(&row.folder);
            let files = row.files().into_iter();
            let names = files.filter(|(name, sent)| {
                if exclusions.excludes(&row.folder, name.as_os_str(), false) {
                    return false;
                }
                let file = there.and_then(|files| files.get(name));
                !file.is_some_and(|file| {
                    let is_same = file.modified.equals_at(sent.modified, step);
                    (file.link_digest, file.bytes) == (sent.link_digest, sent.bytes)
                        && (is_same || sent.link_digest != 0)
                })
            });
            for (name, _) in names {
                gone.remove(&row.folder.join(name.as_path()));
            }
        }
        index.update_sent(&database.root, Path::new(""), &[(replica, gone)].into())?;
    }
    Ok(())
}

/// The step in which a replica's file system keeps times.
fn time_precision(
    index: &Index,
    database: DatabaseId,
    category: &Category,
    project: &ProjectId,
) -> Result<TimePrecision> {
    let replicas = index.replicas(database, &category.path)?;
    let known = replicas.iter().find(|replica| replica.project == *project);
    Ok(known.map_or(TimePrecision::TwoSeconds, |replica| {
        replica.aggregate.precision
    }))
}

type StoredFiles = BTreeMap<PathBuf, SentFolder>;

/// The files of a replica, by their folders.
fn stored_files(
    index: &Index,
    database: DatabaseId,
    category: &Category,
    project: &ProjectId,
) -> Result<StoredFiles> {
    let scope = Scope::Project(project.clone());
    let mut known = StoredFiles::new();
    index.visit_folders(database, &category.path, &scope, &mut |folder| {
        let mut files: ManifestFiles<'_> = folder.files();
        let mut names = SentFolder::new();
        while let Some(file) = files
            .next()
            .map_err(|malformed| index.damaged_error(malformed))?
        {
            names.insert(Name::from_bytes(file.name.to_vec()), SentFile::of(&file));
        }
        known.insert(folder.path.to_owned(), names);
        Ok(true)
    })?;
    Ok(known)
}
