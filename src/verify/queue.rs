//! The folders with files to read, those first whose oldest proof is the oldest.

use std::path::PathBuf;
use std::sync::Arc;

use super::request::VerifyRequest;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::index::{DatabaseId, Index, KnownContent, PresentReplica};
use crate::model::registry::{Category, Database};
use crate::snapshot::manifest::ManifestFile;

/// A replica with files to read.
#[derive(Debug)]
pub(super) struct DueReplica {
    pub(super) category: Category,
    pub(super) replica: PresentReplica,
    pub(super) precision: TimePrecision,
}

/// A folder with files to read.
#[derive(Debug)]
pub(super) struct DueFolder {
    pub(super) replica: Arc<DueReplica>,
    /// The path below the replica's folder.
    pub(super) path: PathBuf,
    /// The oldest proof of a file to read; `None` if one was never read.
    pub(super) oldest: Option<Timestamp>,
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// The folders to read of one database.
#[derive(Debug)]
pub(super) struct DueFolders {
    /// The number of the database in the request.
    pub(super) database: usize,
    /// Its row in the index.
    pub(super) id: Option<DatabaseId>,
    pub(super) folders: Vec<DueFolder>,
}

impl DueFolders {
    /// Numbers of files and bytes.
    pub(super) fn totals(&self) -> (u64, u64) {
        self.folders.iter().fold((0, 0), |(files, bytes), folder| {
            (files + folder.files, folder.bytes.saturating_add(bytes))
        })
    }
}

/// True if a file is to be read: it is no link, and was not proven intact since that time.
pub(super) fn is_due(
    file: &ManifestFile<'_>,
    content: Option<&KnownContent>,
    proven_since: Option<Timestamp>,
) -> bool {
    let is_recent = |content: &KnownContent| {
        let proof = &content.proof;
        proof.is_intact() && proven_since.is_some_and(|since| proof.at >= since)
    };
    file.target.is_none() && !content.is_some_and(is_recent)
}

/// Returns the folders of a database with files to read.
pub(super) fn due_folders(
    index: &Index,
    request: &VerifyRequest<'_>,
    database: &Database,
    number: usize,
) -> Result<DueFolders> {
    let mut folders = Vec::new();
    let _view = index.read_transaction()?;
    let id = index.database_id(&database.root)?;
    for category in id.iter().flat_map(|_| &request.categories) {
        let Some(id) = id else { break };
        let key = category.key();
        let known = index.replicas(id, key)?.into_iter();
        let known = known.filter(|known| known.present && request.scope.contains(&known.project));
        for known in known {
            interrupt::check()?;
            let Some(replica) = index.present_replica(id, key, &known.project)? else {
                continue;
            };
            let due = Arc::new(DueReplica {
                category: (*category).clone(),
                replica,
                precision: known.aggregate.precision,
            });
            index.visit_proven_folders(id, key, &due.replica, due.precision, &mut |folder| {
                let mut found = DueFolder {
                    replica: Arc::clone(&due),
                    path: folder.path.to_owned(),
                    oldest: Some(Timestamp::now()),
                    files: 0,
                    bytes: 0,
                };
                folder.visit(&mut |file, content| {
                    if is_due(file, content, request.proven_since) {
                        found.files += 1;
                        found.bytes = found.bytes.saturating_add(file.bytes);
                        let at = content.map(|content| content.proof.at);
                        found.oldest = found.oldest.min(at);
                    }
                });
                if found.files > 0 {
                    folders.push(found);
                }
                Ok(())
            })?;
        }
    }
    Ok(DueFolders {
        database: number,
        id,
        folders,
    })
}
