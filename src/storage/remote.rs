//! A database behind rclone, reached once. What is asked of it is listed once and kept for as long as this lives.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::availability;
use super::content_compare::{Found, Told};
use super::observation::Place;
use super::remote_tree;
use super::remote_tree::{Half, Record, Replica};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::unicode::composed;
use crate::index::{Index, SentChanges, SentRow};
use crate::model::exclusion::Exclusions;
use crate::model::project::{ProjectId, Scope, below, within};
use crate::model::registry::{Category, Database, Registry};
use crate::rclone::{Abilities, Listed, Proof, Remote, Times, Verdict, Wanted};
use crate::snapshot::discovery::Listing;
use crate::snapshot::tree::Tree;

/// A database that answers.
#[derive(Debug)]
pub struct RemoteSide {
    /// The database.
    pub database: Database,
    /// How it is reached.
    pub remote: Remote,
    /// What it can do.
    pub abilities: Abilities,
    /// What its identity file says, once it has one.
    identity: OnceLock<String>,
    /// The index by a handle of its own.
    index: Mutex<Index>,
    /// What was listed: everything below these folders; nothing where the folder is not there.
    listed: Mutex<BTreeMap<PathBuf, Arc<Listed>>>,
}

impl RemoteSide {
    /// Reaches a database, and stays connected with it.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Unreachable`] or [`crate::base::error::Error::Offline`], or the index cannot be read.
    pub fn open(index: &Index, database: &Database) -> Result<Self> {
        let known = index.database(&database.root)?;
        let (remote, reached) = availability::reach(index, database, &known)?;
        let abilities = abilities(index, &remote)?;
        remote.expect(&abilities)?;
        let mut listed = BTreeMap::new();
        if reached.is_empty() {
            // That was a listing of everything.
            listed.insert(PathBuf::new(), Arc::default());
        }
        Ok(Self {
            database: database.clone(),
            remote,
            abilities,
            identity: reached.identity.map(OnceLock::from).unwrap_or_default(),
            index: Mutex::new(index.open_again()?),
            listed: Mutex::new(listed),
        })
    }

    /// What its identity file says, if it has one.
    pub fn identity(&self) -> Option<&str> {
        self.identity.get().map(String::as_str)
    }

    /// Makes its identity file where it has none, before anything else is brought there.
    ///
    /// # Errors
    /// It cannot be written there.
    pub fn ensure_identity(&self) -> Result<()> {
        if self.identity.get().is_none() {
            let made = self.remote.make_identity(&self.database.name)?;
            self.identity.get_or_init(|| made);
        }
        Ok(())
    }

    /// Whether a listing tells two versions of one size apart by their own times.
    pub fn tells_versions_apart(&self) -> bool {
        self.abilities.step().is_some() && !self.abilities.has_slow_times()
    }

    /// Everything below a folder, listed once; empty where the folder is not there.
    ///
    /// # Errors
    /// It could not be listed at all, or an interruption.
    pub fn listed(&self, folder: &Path) -> Result<Arc<Listed>> {
        let mut kept = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = folder.ancestors().find_map(|above| kept.get(above));
        if let Some(known) = known {
            return Ok(Arc::clone(known));
        }
        let listed = Arc::new(self.list_with_times(folder)?);
        kept.insert(folder.to_owned(), Arc::clone(&listed));
        Ok(listed)
    }

    /// Whether a listing that was made before shows that nothing is there with this path: it showed everything around it,
    /// with nothing closed or left out.
    pub fn is_surely_absent(&self, folder: &Path) -> bool {
        let kept = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = folder.ancestors().find_map(|above| kept.get(above));
        known.is_some_and(|listed| {
            let mut below = listed.folders.range(folder.to_owned()..);
            let is_there = below
                .next()
                .is_some_and(|(path, _)| path.starts_with(folder));
            !is_there && listed.problems.is_empty() && !listed.left_out
        })
    }

    /// Lists a folder. Where times are slow, only files that were not sent from here are asked for theirs.
    fn list_with_times(&self, folder: &Path) -> Result<Listed> {
        let list = |wanted: Wanted<'_>, times| self.remote.list(wanted, &self.abilities, times);
        let mut listed = list(Wanted::Below(folder), Times::Cheap)?.unwrap_or_default();
        if !self.abilities.has_slow_times() {
            return Ok(listed);
        }
        let unknown = self.of_unknown_time(&listed)?;
        if unknown.is_empty() {
            return Ok(listed);
        }
        let own = list(Wanted::Files(&unknown), Times::Own)?.unwrap_or_default();
        for (path, files) in &mut listed.folders {
            let own = own.folders.get(path);
            for (name, file) in files {
                if let Some(own) = own.and_then(|files| files.get(name)) {
                    file.modified = own.modified;
                }
            }
        }
        Ok(listed)
    }

    /// The files of a listing that were not sent from here as they are.
    fn of_unknown_time(&self, listed: &Listed) -> Result<Vec<PathBuf>> {
        let mut records: BTreeMap<PathBuf, Record> = BTreeMap::new();
        let index = self.index();
        for replica in index.all_sent_replicas(&self.database.root)? {
            let record = Record::of(&index.sent(&self.database.root, &replica)?);
            records.insert(replica, record);
        }
        drop(index);
        let mut unknown = Vec::new();
        for (path, files) in &listed.folders {
            let record = path
                .ancestors()
                .find_map(|above| records.get_key_value(above));
            for (name, file) in files {
                let known = record.is_some_and(|(replica, record)| {
                    let folder = path.strip_prefix(replica).unwrap_or(path);
                    record.time(folder, name, file).is_some()
                });
                if !known {
                    unknown.push(path.join(name.as_path()));
                }
            }
        }
        Ok(unknown)
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folder that has to be listed for a scope in a category.
    fn base(category: &Category, scope: &Scope) -> PathBuf {
        match scope {
            Scope::All => category.path.clone(),
            Scope::Client(client) => category.path.join(client.as_path()),
            Scope::Project(project) => below(&category.path, project),
        }
    }

    /// The projects of a scope in a category.
    ///
    /// # Errors
    /// It could not be listed at all, or an interruption.
    pub fn listing<'a>(
        &self,
        category: &'a Category,
        scope: &Scope,
        inner: &[PathBuf],
    ) -> Result<Listing<'a>> {
        let listed = self.listed(&Self::base(category, scope))?;
        let mut listing = Listing::empty(category);
        remote_tree::projects(&listed, &mut listing, scope, inner);
        for (path, why) in &listed.problems {
            let Ok(below) = path.strip_prefix(&category.path) else {
                continue;
            };
            let names: Vec<Name> = below.iter().map(Name::from).collect();
            match names.as_slice() {
                [] => listing.unread = true,
                [client] => listing.unread_clients.push(client.clone()),
                // What is in a project is found closed when that is looked at.
                _ => continue,
            }
            listing.problems.push(self.failed(path, why));
        }
        Ok(listing)
    }

    /// Says that a folder could not be listed.
    fn failed(&self, path: &Path, why: &str) -> crate::base::error::Error {
        crate::base::error::Error::Remote {
            action: "list",
            path: self.remote.path(path),
            why: why.to_owned(),
        }
    }

    /// A project as this database spells it: the folders of a client or project may be there in another Unicode normal form.
    pub fn spelled(&self, category: &Category, project: &ProjectId) -> ProjectId {
        let path = self.spelled_path(&below(&category.path, project));
        let mut names = path.iter().rev().map(Name::from);
        match (names.next(), names.next()) {
            (Some(project), Some(client)) => ProjectId { client, project },
            _ => project.clone(),
        }
    }

    /// The folder of a replica as this database spells it. What cannot be listed has the name that it was asked for.
    fn spelled_path(&self, replica: &Path) -> PathBuf {
        let is_listed = |listed: Arc<Listed>| listed.folders.contains_key(replica);
        if replica.as_os_str().is_ascii() || self.listed(replica).is_ok_and(is_listed) {
            return replica.to_owned();
        }
        let mut spelled = PathBuf::new();
        for part in replica {
            let name = Name::from(part);
            let names = if part.is_ascii() {
                None
            } else {
                self.remote.names(&spelled).unwrap_or_default()
            };
            let names = names.filter(|names| !names.contains(&name));
            let form = composed(name.as_bytes());
            let mut names = names.into_iter().flatten();
            let other = names.find(|other| composed(other.as_bytes()) == form);
            spelled.push(other.as_ref().unwrap_or(&name).as_path());
        }
        spelled
    }

    /// What it holds of a replica. Of files that may be half, because a run that was sending them did not come to its end,
    /// nothing is known.
    ///
    /// # Errors
    /// It could not be listed at all, or an interruption.
    pub fn tree(
        &self,
        registry: &Registry,
        exclusions: &Arc<Exclusions>,
        category: &Category,
        project: &ProjectId,
    ) -> Result<Tree> {
        self.make_tree(registry, exclusions, category, project, false)
    }

    /// What it holds of a replica that files go to: files that may be half are older than any version, so that they are
    /// replaced and kept.
    ///
    /// # Errors
    /// As for [`Self::tree`].
    pub fn destination_tree(
        &self,
        registry: &Registry,
        exclusions: &Arc<Exclusions>,
        category: &Category,
        project: &ProjectId,
    ) -> Result<Tree> {
        self.make_tree(registry, exclusions, category, project, true)
    }

    fn make_tree(
        &self,
        registry: &Registry,
        exclusions: &Arc<Exclusions>,
        category: &Category,
        project: &ProjectId,
        replaces_half: bool,
    ) -> Result<Tree> {
        let relative = below(&category.path, &self.spelled(category, project));
        let listed = self.listed(&relative)?;
        let record = Record::of(&self.index().sent(&self.database.root, &relative)?);
        let half = Half::of(self.index().unproven(&self.database.root, &relative)?);
        let replica = Replica {
            half: &half,
            replaces_half,
            relative: &relative,
            inner: &registry.inner_categories(category),
            exclusions,
            abilities: &self.abilities,
            record: &record,
        };
        let mut tree = replica.tree(&listed);
        tree.hold(&super::held(&self.index(), &self.database, &relative)?);
        for problem in &mut tree.problems {
            if let crate::base::error::Error::Remote { path, .. } = &mut problem.error {
                *path = self.remote.path(&within(&relative, &problem.path));
            }
        }
        Ok(tree)
    }

    /// A tree of a replica as it is after files were sent there: with everything that the record says of it, but what is
    /// excluded by now, and with folders that were made.
    pub fn with_record(
        &self,
        tree: Tree,
        rows: &[SentRow],
        made: &[PathBuf],
        exclusions: &Exclusions,
    ) -> Tree {
        let record = Record::of(rows).without(exclusions);
        remote_tree::with_record(tree, &record, made, &self.abilities)
    }

    /// Its row in the index, made where it was never looked at; none there where the index can only be read.
    ///
    /// # Errors
    /// The index cannot be read or written.
    pub fn row(&self, index: &mut Index) -> Result<Option<i64>> {
        super::row(index, &self.database, Place::Remote(self.identity()))
    }

    /// Takes back what the record says of a replica and the listing does not show: it was changed or taken away there.
    ///
    /// # Errors
    /// It could not be listed, or the index cannot be written.
    pub fn correct_record(&self, replica: &Path) -> Result<()> {
        let spelled = self.spelled_path(replica);
        let listed = self.listed(&spelled)?;
        let mut index = self.index();
        let rows = index.sent(&self.database.root, replica)?;
        let unlisted = |path: &Path| {
            listed
                .problems
                .iter()
                .any(|(closed, _)| path.starts_with(closed))
        };
        let mut gone = SentChanges::default();
        for path in Record::of(&rows).contradicted(&listed, &spelled) {
            // What could not be listed contradicts nothing.
            if !unlisted(&spelled.join(&path)) {
                gone.gone(&path);
            }
        }
        // By no source: what there is of others is only taken back.
        let record = [(replica.to_owned(), gone)].into();
        index.keep_sent(&self.database.root, Path::new(""), &record)
    }

    /// Which files of one size hold other bytes on another database: by the digests that storages say, else both are
    /// read. The files are given by their paths below the replica's folder.
    ///
    /// # Errors
    /// Nothing could be compared, or an interruption.
    pub fn contents(
        &self,
        other: &Database,
        abilities: Option<&Abilities>,
        paths: Vec<PathBuf>,
        relative: &Path,
        told: &Told<'_>,
    ) -> Result<Found> {
        let files: Vec<PathBuf> = paths.iter().map(|path| relative.join(path)).collect();
        let proof = Proof::between(&self.abilities, abilities);
        let mut tell = |bytes| told(bytes);
        let mut verdicts = self.remote.check(&other.root, &files, proof, &mut tell)?;
        let mut found = Found {
            files_read: 2 * files.len() as u64,
            is_whole: true,
            ..Found::default()
        };
        for (path, file) in paths.into_iter().zip(files) {
            match verdicts.remove(&file) {
                Some(Verdict::Same) => {}
                Some(Verdict::Differs) => {
                    found.differing.insert(path);
                }
                Some(Verdict::Unread(why)) => {
                    found.unread.insert(path, why);
                }
                None => {
                    found.unread.insert(path, "it was not compared".to_owned());
                }
            }
        }
        Ok(found)
    }
}

/// What a remote can do: known from before, or asked now.
fn abilities(index: &Index, remote: &Remote) -> Result<Abilities> {
    if let Some(abilities) = index.abilities(remote.root(), &remote.stamp())? {
        return Ok(abilities);
    }
    let abilities = remote.abilities()?;
    if !index.is_read_only() {
        // Asking may have changed the configuration: rclone notes in it what it found out.
        index.keep_abilities(remote.root(), &remote.stamp(), &abilities)?;
    }
    Ok(abilities)
}
