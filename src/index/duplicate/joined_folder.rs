//! The folders of each place, joined over all databases.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::record::{ComparedFile, PlaceRecord, records};
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::timestamp::TimePrecision;
use crate::base::unicode::to_nfc;
use crate::index::sql::bytes;
use crate::index::{DatabaseId, EvidenceKind, Index, KnownContent, PresentReplica};
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::Registry;
use crate::snapshot::manifest::{Manifest, ManifestFile};

/// The part of the studio in which duplicates are looked for.
pub struct DuplicateRequest<'a> {
    /// True for the databases that are compared.
    pub includes_database: &'a dyn Fn(&str) -> bool,
    /// True for the categories that are compared.
    pub includes_category: &'a dyn Fn(&str) -> bool,
    /// Scopes that all include the projects that are compared.
    pub scopes: &'a [Scope],
    /// True for the files that are compared. Empty files and links never are.
    pub accepts: &'a dyn Fn(&ManifestFile<'_>) -> bool,
}

impl fmt::Debug for DuplicateRequest<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DuplicateRequest")
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

/// A folder of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlaceFolder<'a> {
    /// Position of the category in the registry.
    pub(super) category: usize,
    pub(super) project: &'a ProjectId,
    /// The path below the project's folder, in the composed Unicode form.
    pub(super) path: &'a [u8],
}

/// The replicas of all places, sorted by project and category.
#[derive(Debug)]
pub(super) struct PlaceReplicas<'a> {
    index: &'a Index,
    registry: &'a Registry,
    places: BTreeMap<(ProjectId, usize), Vec<PlaceReplica>>,
    /// Number of files in all replicas.
    pub(super) files: u64,
    /// The coarsest precision of their times.
    precision: TimePrecision,
}

/// A replica of a place.
#[derive(Debug)]
struct PlaceReplica {
    /// Position of the database in the registry.
    database: u16,
    id: DatabaseId,
    replica: PresentReplica,
    precision: TimePrecision,
}

/// The folders of a place by their composed path: the positions of the replicas that have it, and their spelling of it.
type FoldersByPath = BTreeMap<Vec<u8>, Vec<(usize, PathBuf)>>;

impl<'a> PlaceReplicas<'a> {
    /// Finds the replicas of a request.
    pub(super) fn find(
        index: &'a Index,
        registry: &'a Registry,
        request: &DuplicateRequest<'_>,
    ) -> Result<Self> {
        let mut found = Self {
            index,
            registry,
            places: BTreeMap::new(),
            files: 0,
            precision: TimePrecision::Nanosecond,
        };
        let databases = (0..).zip(registry.databases());
        for (database, known) in databases.filter(|one| (request.includes_database)(&one.1.name)) {
            let Some(id) = index.database_id(&known.root)? else {
                continue;
            };
            let categories = registry.categories().iter().enumerate();
            for (category, known) in
                categories.filter(|one| (request.includes_category)(&one.1.name))
            {
                found.add(request.scopes, (database, id), (category, known.key()))?;
            }
        }
        Ok(found)
    }

    fn add(
        &mut self,
        scopes: &[Scope],
        (database, id): (u16, DatabaseId),
        (category, key): (usize, &Path),
    ) -> Result<()> {
        let known = self.index.replicas(id, key)?;
        for replica in self.index.present_replicas(id, key)? {
            let place = known.binary_search_by(|known| known.project.cmp(&replica.project));
            let Some(known) = place.ok().map(|place| &known[place]) else {
                continue;
            };
            if !scopes.iter().all(|scope| scope.contains(&replica.project)) {
                continue;
            }
            self.files = self.files.saturating_add(known.aggregate.files);
            self.precision = self.precision.max(known.aggregate.precision);
            let place = (replica.project.composed(), category);
            self.places.entry(place).or_default().push(PlaceReplica {
                database,
                id,
                replica,
                precision: known.aggregate.precision,
            });
        }
        Ok(())
    }

    /// Passes the files of each folder on all databases to `visit`.
    pub(super) fn visit(
        &self,
        accepts: &dyn Fn(&ManifestFile<'_>) -> bool,
        visit: &mut dyn FnMut(&PlaceFolder<'_>, &[PlaceRecord<'_>]) -> Result<()>,
    ) -> Result<()> {
        let mut files = Vec::new();
        for ((project, category), replicas) in &self.places {
            for (path, holders) in self.folders(replicas)? {
                interrupt::check()?;
                files.clear();
                for (replica, own_path) in holders {
                    let replica = &replicas[replica];
                    self.read(replica, *category, &own_path, accepts, &mut files)?;
                }
                let folder = PlaceFolder {
                    category: *category,
                    project,
                    path: &path,
                };
                visit(&folder, &records(&mut files))?;
            }
        }
        Ok(())
    }

    /// Returns the paths of a place's folders, each with the replicas that have it and their spelling of it.
    fn folders(&self, replicas: &[PlaceReplica]) -> Result<FoldersByPath> {
        let mut folders = FoldersByPath::new();
        for (place, replica) in replicas.iter().enumerate() {
            for path in self.index.folder_paths(&replica.replica)? {
                let composed = to_nfc(bytes(&path)).into_owned();
                folders.entry(composed).or_default().push((place, path));
            }
        }
        Ok(folders)
    }

    /// Adds the files of one folder of a replica.
    fn read(
        &self,
        replica: &PlaceReplica,
        category: usize,
        path: &Path,
        accepts: &dyn Fn(&ManifestFile<'_>) -> bool,
        files: &mut Vec<ComparedFile>,
    ) -> Result<()> {
        let none = Manifest::default();
        self.index.visit_proven_folder(
            replica.id,
            self.registry.categories()[category].key(),
            &replica.replica,
            (path, replica.precision),
            none.as_ref(),
            &mut |folder| {
                folder.visit(&mut |file, content| {
                    let is_damaged =
                        content.is_some_and(|known| known.proof.kind == EvidenceKind::Damaged);
                    if file.target.is_some() || file.bytes == 0 || is_damaged || !accepts(file) {
                        return;
                    }
                    files.push(ComparedFile {
                        name: to_nfc(file.name).into_owned(),
                        bytes: file.bytes,
                        modified: file.modified.truncate_to(self.precision),
                        digest: content.and_then(proven_digest),
                        database: replica.database,
                    });
                });
            },
        )
    }
}

/// Returns the digest of bytes that were read or that the storage stated. What a history claims proves nothing.
fn proven_digest(content: &KnownContent) -> Option<u128> {
    let is_proven = matches!(
        content.proof.kind,
        EvidenceKind::Read | EvidenceKind::Stored
    );
    is_proven.then_some(content.digest.0)
}
