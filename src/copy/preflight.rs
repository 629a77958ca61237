//! What is found out before the first byte: whether source and destination are the same files, and whether there is room.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::name_rules;
use super::name_rules::NameRules;
use super::plan::Plan;
use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::base::unicode::to_nfc;
use crate::base::unit;
use crate::os::feature::is_same_folder;
use crate::os::folder::Folder;
use crate::os::space::FreeSpace;
use crate::os::stat::EntryKind;
use crate::snapshot::tree::Tree;

/// The folder of a path below a root, or the nearest above it that is there.
///
/// # Errors
/// Not even the root can be opened.
pub fn open_nearest(root: &Folder, relative: &Path) -> Result<Folder> {
    let mut above = relative.ancestors();
    let found = above.find_map(|path| root.open_descendant(path).ok());
    found.map_or_else(|| root.open_descendant(Path::new("")), Ok)
}

/// Fails if a replica's folder at the destination is its folder at the source by another path, or lies in that, or that
/// in it: a mount or a hard-linked folder can make it so though the roots differ.
///
/// # Errors
/// [`Error::SameFolder`].
pub fn refuse_same_folder(source: &Folder, destination: &Folder, relative: &Path) -> Result<()> {
    let here = open_ancestors(source, relative);
    let there = open_ancestors(destination, relative);
    let holds = |chain: &[Folder], folder: &Folder| {
        let mut chain = chain.iter();
        chain.any(|other| is_same_folder(other, folder))
    };
    let why = match (here.last(), there.last()) {
        (Some(a), Some(b)) if is_same_folder(a, b) => "one is the other by another path",
        (Some(a), _) if holds(&there, a) => "the destination lies in the source",
        (_, Some(b)) if there.len() == relative.iter().count() + 1 && holds(&here, b) => {
            "the source lies in the destination"
        }
        _ => return Ok(()),
    };
    Err(Error::SameFolder {
        from: source.path().join(relative),
        to: destination.path().join(relative),
        why,
    })
}

/// Fails if any folder of a replica at the source is also one of it at the destination, by a mount somewhere below: what is
/// copied to the one would be written into the other.
///
/// # Errors
/// [`Error::SameFolder`].
pub fn refuse_shared_folder(
    (source, here): (&Folder, &Tree),
    (destination, there): (&Folder, &Tree),
    relative: &Path,
) -> Result<()> {
    let places: BTreeMap<_, _> = here
        .folders
        .iter()
        .map(|(path, folder)| (folder.file_id, path))
        .collect();
    for (path, folder) in &there.folders {
        let Some(other) = places.get(&folder.file_id) else {
            continue;
        };
        // Collected anew, so that the replica's own folder has no slash at its end.
        let below = |path: &Path| relative.join(path).components().collect::<PathBuf>();
        let (from, to) = (below(other), below(path));
        // Some file systems give a number to another folder once nobody asks for the first: both are asked at once.
        if is_same_folder(
            &source.open_descendant(&from)?,
            &destination.open_descendant(&to)?,
        ) {
            return Err(Error::SameFolder {
                from: source.path().join(from),
                to: destination.path().join(to),
                why: "one is the other by another path",
            });
        }
    }
    Ok(())
}

/// The root and each folder down to this path, as far as they are there.
fn open_ancestors(root: &Folder, relative: &Path) -> Vec<Folder> {
    let mut next = root.open_descendant(Path::new("")).ok();
    let mut chain = Vec::new();
    let mut names = relative.iter();
    while let Some(folder) = next {
        next = names.next().and_then(|name| folder.open_child(name).ok());
        chain.push(folder);
    }
    chain
}

/// Finds clients and projects that the destination takes for others, which are there or are copied too: their files would
/// be mixed. Each comes with the reason, by its path below the root; `replicas` are the paths of projects.
///
/// # Errors
/// The root cannot be opened.
pub fn find_clashing_projects(
    root: &Folder,
    replicas: &[PathBuf],
) -> Result<BTreeMap<PathBuf, String>> {
    const CLIENT_AND_PROJECT: usize = 2;
    let mut names: BTreeMap<&Path, BTreeSet<&OsStr>> = BTreeMap::new();
    for path in replicas
        .iter()
        .flat_map(|path| path.ancestors().take(CLIENT_AND_PROJECT))
    {
        if let (Some(above), Some(name)) = (path.parent(), path.file_name()) {
            names.entry(above).or_default().insert(name);
        }
    }
    let mut clashing = BTreeMap::new();
    for (above, names) in names {
        let there = root
            .open_descendant(above)
            .and_then(|folder| folder.entry_names());
        let there = there.unwrap_or_default().into_iter().map(Name::from);
        let there: Vec<_> = there.collect();
        // One in another Unicode normal form is the same client or project.
        let form = |name: &OsStr| to_nfc(name.as_encoded_bytes()).into_owned();
        let is_there = |name: &OsStr| {
            there
                .iter()
                .any(|other| form(other.as_os_str()) == form(name))
        };
        let is_one = |name: &OsStr| {
            names
                .iter()
                .filter(|other| form(other) == form(name))
                .count()
                == 1
        };
        let odd =
            |name: &OsStr| !name.as_encoded_bytes().is_ascii() && is_there(name) && is_one(name);
        let new = names.iter().filter(|name| !odd(name));
        let names: Vec<_> = new.map(|name| (*name).to_owned()).collect();
        let folder = open_nearest(root, above)?;
        name_rules::find_clashes(
            above,
            &names,
            &there,
            &NameRules::for_folder(&folder),
            &mut clashing,
        );
    }
    Ok(clashing)
}

/// What one file system has to take.
#[derive(Debug)]
struct SpaceDemand {
    folder: PathBuf,
    space: FreeSpace,
    bytes: u64,
    files: u64,
}

/// Fails unless every file system of a destination has room for the plans: for each the replica's folder below both
/// roots, and the plan.
///
/// # Errors
/// [`Error::NotEnoughSpace`], or a file system does not say what it has left.
pub fn require_space(
    database: &str,
    source: Option<&Arc<Folder>>,
    root: &Folder,
    plans: &[(&Path, &Plan)],
) -> Result<()> {
    let mut loads = BTreeMap::new();
    let (mut work, mut read_only) = (0, 0);
    let kept_on = root.stat_self()?.device;
    for (relative, plan) in plans.iter().filter(|(_, plan)| plan.has_work()) {
        let folder = open_nearest(root, relative)?;
        work += 1;
        read_only += usize::from(folder.is_read_only());
        let device = folder.stat_self()?.device;
        if device != kept_on {
            // What is replaced is copied to the versions, which are at the root.
            demand_on(&mut loads, root, kept_on)?.add_old_versions(plan);
        }
        if let Some(source) = source
            && folder.supports_reflink()
            && source.open_descendant(relative)?.stat_self()?.device == device
        {
            // What is cloned takes no room.
            continue;
        }
        demand_on(&mut loads, &folder, device)?.add_plan(source, relative, plan);
    }
    if work > 0 && work == read_only {
        // One failure of the whole, not one of each file.
        return Err(root.read_only_error());
    }
    loads
        .values()
        .try_for_each(|load| load.require_fit(database))
}

/// The load of the file system that holds a folder.
fn demand_on<'a>(
    loads: &'a mut BTreeMap<u64, SpaceDemand>,
    folder: &Folder,
    device: u64,
) -> Result<&'a mut SpaceDemand> {
    Ok(match loads.entry(device) {
        Entry::Occupied(load) => load.into_mut(),
        Entry::Vacant(place) => place.insert(SpaceDemand {
            folder: folder.path().to_owned(),
            space: folder.free_space()?,
            bytes: 0,
            files: 0,
        }),
    })
}

impl SpaceDemand {
    /// Adds what a plan replaces.
    fn add_old_versions(&mut self, plan: &Plan) {
        for replacement in plan.folders.iter().flat_map(|folder| &folder.replace) {
            let blocks = replacement.old.bytes.div_ceil(self.space.block_size);
            let bytes = blocks.saturating_mul(self.space.block_size);
            self.bytes = self.bytes.saturating_add(bytes);
            self.files += 1;
        }
    }

    /// Adds what a plan brings.
    fn add_plan(&mut self, source: Option<&Arc<Folder>>, relative: &Path, plan: &Plan) {
        let folders = plan.folders.iter().filter(|folder| !folder.exists).count();
        self.files += plan.files + folders as u64;
        let block = self.space.block_size;
        // A file takes whole blocks; only where it might be too much is it worth counting them.
        let most = plan.bytes.saturating_add(plan.files.saturating_mul(block));
        let enough = self.space.free_bytes.saturating_sub(self.bytes);
        let bytes = if most <= enough {
            most
        } else {
            allocated_bytes(source, relative, plan, block)
        };
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn require_fit(&self, database: &str) -> Result<()> {
        let no_room = |needed, free| {
            Err(Error::NotEnoughSpace {
                database: database.to_owned(),
                path: self.folder.clone(),
                needed,
                free,
            })
        };
        if self.bytes > self.space.free_bytes {
            let (needed, free) = (self.bytes, self.space.free_bytes);
            return no_room(unit::format_bytes(needed), unit::format_bytes(free));
        }
        match self.space.free_files {
            Some(free) if self.files > free => no_room(
                unit::format_counted(self.files, "file"),
                unit::format_counted(free, "file"),
            ),
            _ => Ok(()),
        }
    }
}

/// The bytes that a plan takes in whole blocks, without the holes in its files.
fn allocated_bytes(source: Option<&Arc<Folder>>, relative: &Path, plan: &Plan, block: u64) -> u64 {
    let mut bytes: u64 = 0;
    for planned in &plan.folders {
        let folder =
            source.and_then(|source| source.open_descendant(&relative.join(&planned.path)).ok());
        for file in planned.files() {
            let whole = file.bytes.div_ceil(block).saturating_mul(block);
            let allocated = folder
                .as_ref()
                .and_then(|folder| folder.stat(file.name.as_os_str()).ok())
                .filter(|stat| stat.kind == EntryKind::File)
                .map_or(whole, |stat| stat.allocated_bytes);
            bytes = bytes.saturating_add(whole.min(allocated.max(block)));
        }
    }
    bytes
}
