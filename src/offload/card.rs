//! The folder that is offloaded: its volume, its name and its files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::error::{Error, Result};
use crate::base::timestamp::Timestamp;
use crate::index::{KnownCard, SeenCard};
use crate::model::exclusion::{ExclusionRules, Exclusions};
use crate::model::place::resolve_root;
use crate::model::registry::{Database, Registry};
use crate::os::disk::Disk;
use crate::os::feature::is_same_folder;
use crate::os::folder::Folder;
use crate::os::medium::media_of;
use crate::os::volume::Volume;
use crate::snapshot::tree::{ScannedFolder, Tree};
use crate::snapshot::tree_walk;
use crate::trust::place::Place;

/// An open folder that is offloaded.
#[derive(Debug)]
pub(super) struct OpenCard {
    pub(super) root: Arc<Folder>,
    pub(super) volume: Volume,
    /// Name of the volume, if the folder is its root, or else of the folder.
    pub(super) name: String,
}

impl OpenCard {
    /// Opens a folder. Links on the way to it are followed.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let unread = |source| Error::UnreadCard {
            path: path.to_owned(),
            source,
        };
        let path = path.canonicalize().map_err(unread)?;
        let root = Arc::new(Folder::open(&path)?);
        let volume = Volume::of(&path);
        let is_root = volume.mount_point.as_deref() == Some(&path);
        let label = volume.label.clone().filter(|_| is_root);
        let name = label.unwrap_or_else(|| {
            let name = path.file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        });
        Ok(Self { root, volume, name })
    }

    /// Reads all files but those that systems create for themselves.
    pub(super) fn read(&self, registry: &Registry) -> Result<Tree> {
        let rules = ExclusionRules {
            patterns: Vec::new(),
            ..registry.exclusion_rules().clone()
        };
        let exclusions = Arc::new(Exclusions::new(&rules)?);
        let pace = registry.access().walk_pace(&Disk::of(&self.root));
        let inner = Arc::default();
        // A walk reads an open folder to its end, so each opens it anew; another card may be there by now.
        let root = Arc::new(Folder::open(self.root.path())?);
        if !is_same_folder(&root, &self.root) {
            return Err(Error::SourceChanged {
                path: self.root.path().to_owned(),
            });
        }
        tree_walk::walk(&root, Path::new(""), &exclusions, &inner, pace)
    }

    /// Fails for a folder without files: a card that is not mounted looks like that.
    pub(super) fn require_files(&self, tree: &Tree) -> Result<()> {
        let has_specials = tree
            .folders
            .values()
            .any(|folder| !folder.specials.is_empty());
        if tree.file_count() == 0 && tree.problems.is_empty() && !has_specials {
            return Err(Error::EmptyCard {
                path: self.root.path().to_owned(),
            });
        }
        Ok(())
    }

    /// Returns the media that hold the card. If it is a folder of a storage, these include all that the storage is on.
    fn media(&self, places: &[Place]) -> Vec<String> {
        let mut media = media_of(&self.root);
        for place in places.iter().filter(|place| !place.database.is_remote()) {
            if self
                .root
                .path()
                .starts_with(resolve_root(&place.database.root))
            {
                media.extend(place.media.iter().cloned());
            }
        }
        media.sort();
        media.dedup();
        media
    }

    /// Returns the card as the index records it.
    pub(super) fn seen(&self, tree: &Tree, at: Timestamp, places: &[Place]) -> SeenCard {
        let path = self.root.path();
        let on_volume = self.volume.mount_point.as_deref();
        let on_volume = on_volume.and_then(|point| path.strip_prefix(point).ok());
        let place = match &self.volume.serial {
            Some(_) => on_volume.unwrap_or(path),
            None => path,
        };
        let folders = tree.folders.iter();
        let folders = folders.map(|(path, folder)| (path.clone(), folder.manifest().to_owned()));
        let unreadable = |files: &ScannedFolder| files.unreadable.len();
        let unread = tree
            .folders
            .values()
            .map(|folder| folder.specials.len() + folder.files.as_ref().map_or(1, unreadable));
        SeenCard {
            name: self.name.clone(),
            serial: self.volume.serial.clone(),
            place: place.to_owned(),
            path: path.to_owned(),
            media: self.media(places),
            at,
            unread: unread.sum::<usize>() as u64 + tree.problems.len() as u64,
            folders: folders
                .filter(|(_, manifest)| !manifest.packed().is_empty())
                .collect(),
        }
    }

    /// Returns the database that stands for the card in the index.
    pub(super) fn database(&self, known: Option<&KnownCard>, registry: &Registry) -> Database {
        // Without a record there is no such root, and no evidence.
        let root = known.map_or_else(|| PathBuf::from("\0card"), KnownCard::root);
        Database::unregistered(&self.name, &root, registry.access())
    }
}
