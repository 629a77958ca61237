//! Telling the index of replicas that were walked for a copy or a comparison: these are looks too.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::availability::Marks;
use crate::base::error::Result;
use crate::base::timestamp::Moment;
use crate::index::{Draft, Drafted, Index, KnownDatabase};
use crate::model::mount;
use crate::model::project::{ProjectId, below};
use crate::model::registry::{Category, Database};
use crate::os::folder::Folder;
use crate::snapshot::discovery::is_mounted;
use crate::snapshot::tree::Tree;

/// Replicas of one database that were seen, and are not written to the index yet.
#[derive(Debug)]
pub struct Noting<'i, 'a> {
    database: &'a Database,
    began: Moment,
    known: KnownDatabase,
    draft: Draft<'i>,
    categories: Vec<&'a Category>,
    absent: Vec<(&'a Category, &'a ProjectId)>,
    /// What is mounted below its root, and what of that was seen.
    mounts: (BTreeSet<PathBuf>, BTreeSet<PathBuf>),
}

impl<'i, 'a> Noting<'i, 'a> {
    /// Begins, before the first of them is walked.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn begin(index: &'i Index, database: &'a Database) -> Result<Self> {
        let known = index.database(&database.root)?;
        let mounts = if database.is_remote() {
            BTreeSet::new()
        } else {
            mount::below(&database.root)
        };
        Ok(Self {
            database,
            began: Moment::now(),
            draft: index.draft(&known)?,
            known,
            categories: Vec::new(),
            absent: Vec::new(),
            mounts: (mounts, BTreeSet::new()),
        })
    }

    /// Adds a replica; a tree without folders says that it is not there, one that could not be read says nothing.
    ///
    /// # Errors
    /// The index cannot be read, or there is no room for temporary tables.
    pub fn add(
        &mut self,
        category: &'a Category,
        project: &'a ProjectId,
        tree: &Tree,
    ) -> Result<()> {
        if tree.failure().is_some() {
            return Ok(());
        }
        if !self.categories.contains(&category) {
            self.categories.push(category);
        }
        if tree.folders.is_empty() {
            self.absent.push((category, project));
            return Ok(());
        }
        let replica = below(&category.path, project);
        let (all, seen) = &mut self.mounts;
        let concerns = |mount: &&PathBuf| mount::concerns(mount, &category.path, &replica);
        let is_read = |mount: &&PathBuf| match mount.strip_prefix(&replica) {
            Ok(path) => tree
                .folders
                .get(path)
                .is_some_and(|folder| folder.files.is_some()),
            Err(_) => true,
        };
        seen.extend(all.iter().filter(concerns).filter(is_read).cloned());
        let place = self.draft.replica(&category.path, project)?;
        if let Some(step) = tree.proven {
            self.draft.step(place, step);
        }
        for (path, folder) in &tree.folders {
            match &folder.files {
                Some(files) => self.draft.folder(place, files.clone())?,
                None => self.draft.closed(place, path)?,
            }
        }
        self.draft.complete(place)
    }

    /// Ends, once all of them were added.
    ///
    /// # Errors
    /// There is no room for temporary tables.
    pub fn finish(self) -> Result<Noted<'a>> {
        Ok(Noted {
            drafted: self.draft.finish()?,
            database: self.database,
            began: self.began,
            known: self.known,
            categories: self.categories,
            absent: self.absent,
            mounts: self.mounts.1,
        })
    }
}

/// Where they were seen.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// Below this root.
    Disk(&'a Arc<Folder>),
    /// On a remote with this identity.
    Remote(Option<&'a str>),
}

/// Replicas that can be written to the index.
#[derive(Debug)]
pub struct Noted<'a> {
    drafted: Drafted,
    database: &'a Database,
    began: Moment,
    known: KnownDatabase,
    categories: Vec<&'a Category>,
    absent: Vec<(&'a Category, &'a ProjectId)>,
    mounts: BTreeSet<PathBuf>,
}

impl Noted<'_> {
    /// Writes them to the index that they were set beside.
    ///
    /// # Errors
    /// The index cannot be written, or was told to forget the database meanwhile.
    pub fn write(&self, index: &mut Index, place: Place<'_>) -> Result<()> {
        let (marks, mounted) = match place {
            Place::Disk(root) => {
                let categories = self.categories.iter();
                let mounted = categories.filter(|category| is_mounted(root, category));
                let mounted = mounted.map(|category| category.path.clone());
                let inner = self.mounts.iter();
                let inner = inner.filter(|mount| mount::is_mounted(root, mount));
                (Marks::of(root), mounted.chain(inner.cloned()).collect())
            }
            Place::Remote(identity) => (Marks::of_remote(identity), Vec::new()),
        };
        let writer = index
            .write_look(&self.database.root, &self.known)?
            .begun(self.began);
        writer.root(marks.identity.as_deref(), marks.birth.as_deref())?;
        writer.replicas(&self.drafted)?;
        for (category, project) in &self.absent {
            writer.absent(&category.path, project)?;
        }
        for folder in mounted {
            writer.mounted(&folder)?;
        }
        writer.finish(false)
    }
}
