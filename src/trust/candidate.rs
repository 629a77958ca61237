//! Replicas on other storages that may hold the files of one replica.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::place::Place;
use crate::base::error::Result;
use crate::base::timestamp::TimePrecision;
use crate::base::unicode::to_nfc;
use crate::index::{DatabaseId, Index, PresentReplica, ProvenFolder};
use crate::model::project::ProjectId;
use crate::model::registry::Category;
use crate::snapshot::manifest::ManifestRef;

/// A replica that the index knows, with the place of its storage.
#[derive(Debug)]
pub struct KnownCopy {
    pub id: DatabaseId,
    pub replica: PresentReplica,
    pub precision: TimePrecision,
    /// Number of entries that the last scan could not read.
    pub unreadable: u64,
    /// Paths of folders by their composed form; filled when a path that is not ASCII is looked up.
    composed: Option<BTreeMap<Vec<u8>, PathBuf>>,
}

impl KnownCopy {
    /// Finds the replica of a project on a storage, whose names may have another Unicode normal form there.
    pub fn find(
        index: &Index,
        place: &Place,
        category: &Category,
        project: &ProjectId,
    ) -> Result<Option<Self>> {
        let Some(id) = place.id else {
            return Ok(None);
        };
        let mut known = index.replica(id, category.key(), project)?;
        if known.is_none() && !project.is_ascii() {
            let composed = project.composed();
            let mut replicas = index.replicas(id, category.key())?.into_iter();
            known = replicas.rfind(|replica| replica.project.composed() == composed);
        }
        let Some(known) = known.filter(|known| known.present) else {
            return Ok(None);
        };
        let replica = index.present_replica(id, category.key(), &known.project)?;
        Ok(replica.map(|replica| Self {
            id,
            replica,
            precision: known.aggregate.precision,
            unreadable: known.aggregate.unreadable,
            composed: None,
        }))
    }

    /// Passes its folder of this path to `visit`, if it has one. Files packed like the `expected` ones are not checked again.
    pub fn visit_folder(
        &mut self,
        index: &Index,
        category: &Category,
        path: &Path,
        expected: ManifestRef<'_>,
        visit: &mut dyn FnMut(&ProvenFolder<'_>),
    ) -> Result<()> {
        let path = self.stored_path(index, category, path)?;
        let place = (path.as_path(), self.precision);
        let key = category.key();
        index.visit_proven_folder(self.id, key, &self.replica, place, expected, visit)
    }

    /// Returns the path as this storage spells it.
    fn stored_path(&mut self, index: &Index, category: &Category, path: &Path) -> Result<PathBuf> {
        let bytes = path.as_os_str().as_bytes();
        if bytes.is_ascii() {
            return Ok(path.to_owned());
        }
        if self.composed.is_none() {
            let folders = index.folder_prints(self.id, category.key(), &self.replica.project)?;
            let composed = folders.into_iter().map(|folder| {
                let key = to_nfc(folder.path.as_os_str().as_bytes()).into_owned();
                (key, folder.path)
            });
            self.composed = Some(composed.collect());
        }
        let known = self
            .composed
            .as_ref()
            .and_then(|paths| paths.get(&*to_nfc(bytes)));
        Ok(known.map_or_else(|| path.to_owned(), Clone::clone))
    }
}
