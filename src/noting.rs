//! Telling the index of replicas that were walked for a copy or a comparison: these are looks too.

use std::sync::Arc;

use crate::error::Result;
use crate::index::{Draft, Drafted, Index, KnownDatabase};
use crate::listing::is_mounted;
use crate::moment::Moment;
use crate::os::folder::Folder;
use crate::presence::Marks;
use crate::project::ProjectId;
use crate::registry::{Category, Database};
use crate::tree::Tree;

/// Replicas of one database that were seen, and are not written to the index yet.
#[derive(Debug)]
pub struct Noting<'i, 'a> {
    database: &'a Database,
    began: Moment,
    known: KnownDatabase,
    draft: Draft<'i>,
    categories: Vec<&'a Category>,
    absent: Vec<(&'a Category, &'a ProjectId)>,
}

impl<'i, 'a> Noting<'i, 'a> {
    /// Begins, before the first of them is walked.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn begin(index: &'i Index, database: &'a Database) -> Result<Self> {
        let known = index.database(&database.root)?;
        Ok(Self {
            database,
            began: Moment::now(),
            draft: index.draft(&known)?,
            known,
            categories: Vec::new(),
            absent: Vec::new(),
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
                (Marks::of(root), mounted.collect())
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
        for category in mounted {
            writer.mounted(&category.path)?;
        }
        writer.finish(false)
    }
}
