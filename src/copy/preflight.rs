//! Checks before the first byte is written: source and destination do not overlap, projects do not clash, and the files
//! fit.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::plan::Plan;
use super::source_root::SourceRoot;
use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::base::unicode::to_nfc;
use crate::base::unit;
use crate::model::place::{overlap, resolve_root};
use crate::model::project::path_within;
use crate::os::feature::is_same_folder;
use crate::os::folder::Folder;
use crate::os::space::FreeSpace;
use crate::os::stat::EntryKind;
use crate::snapshot::tree::Tree;
use crate::storage::name_rules;
use crate::storage::name_rules::NameRules;

/// Reason for refusing a folder that is source and destination at once.
const SAME_FOLDER: &str = "both paths lead to the same folder";

/// Fails with [`Error::SameFolder`] if a replica's folders at source and destination are the same folder, or one contains
/// the other. Mounts and hard-linked folders make that possible although the roots differ.
pub fn refuse_same_folder(source: &Folder, destination: &Folder, relative: &Path) -> Result<()> {
    let source_chain = open_ancestors(source, relative);
    let destination_chain = open_ancestors(destination, relative);
    let contains = |chain: &[Folder], folder: &Folder| {
        let mut chain = chain.iter();
        chain.any(|other| is_same_folder(other, folder))
    };
    let why = match (source_chain.last(), destination_chain.last()) {
        (Some(a), Some(b)) if is_same_folder(a, b) => SAME_FOLDER,
        (Some(a), _) if contains(&destination_chain, a) => "the destination is inside the source",
        (_, Some(b))
            if destination_chain.len() == relative.iter().count() + 1
                && contains(&source_chain, b) =>
        {
            "the source is inside the destination"
        }
        _ => return Ok(()),
    };
    Err(Error::SameFolder {
        from: source.path().join(relative),
        to: destination.path().join(relative),
        why,
    })
}

/// Fails with [`Error::SameFolder`] if the root of a source and a replica's folder at the destination are the same folder, or
/// one contains the other.
pub fn refuse_overlap(source: &Folder, destination: &Folder, relative: &Path) -> Result<()> {
    let to = destination.path().join(relative);
    let chain = open_ancestors(destination, relative);
    let is_below = chain.iter().any(|folder| is_same_folder(folder, source));
    let [from_path, to_path] = [source.path(), &to].map(resolve_root);
    if is_below || overlap(&to_path, &from_path).is_some() {
        return Err(Error::SameFolder {
            from: source.path().to_owned(),
            to,
            why: "one of them contains the other",
        });
    }
    Ok(())
}

/// Fails with [`Error::SameFolder`] if any folder of a replica at the source is also one of its folders at the destination,
/// because of a mount inside the replica. A copy would write into the source.
pub fn refuse_shared_folder(
    (source, source_path, source_tree): (&Folder, &Path, &Tree),
    (destination, path, destination_tree): (&Folder, &Path, &Tree),
) -> Result<()> {
    let source_folders: BTreeMap<_, _> = source_tree
        .folders
        .iter()
        .map(|(path, folder)| (folder.file_id, path))
        .collect();
    for (below, folder) in &destination_tree.folders {
        let Some(other) = source_folders.get(&folder.file_id) else {
            continue;
        };
        let (from, to) = (path_within(source_path, other), path_within(path, below));
        // Some file systems reuse the inode number of a folder that is not open, so both are open during the comparison.
        if is_same_folder(
            &source.open_descendant(&from)?,
            &destination.open_descendant(&to)?,
        ) {
            return Err(Error::SameFolder {
                from: source.path().join(from),
                to: destination.path().join(to),
                why: SAME_FOLDER,
            });
        }
    }
    Ok(())
}

/// Opens the root and each existing folder down to this path.
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

/// Returns the clients and projects whose names the destination cannot distinguish from others that it has or that are
/// copied too, because their files would be mixed. Each path is relative to the root and has its reason. `folders` are
/// the folders that clients and projects name.
pub fn find_clashing_projects(
    root: &Folder,
    folders: &[PathBuf],
) -> Result<BTreeMap<PathBuf, String>> {
    let mut names: BTreeMap<&Path, BTreeSet<&OsStr>> = BTreeMap::new();
    for path in folders {
        if let (Some(parent), Some(name)) = (path.parent(), path.file_name()) {
            names.entry(parent).or_default().insert(name);
        }
    }
    let mut clashing = BTreeMap::new();
    for (parent, names) in names {
        let existing = root
            .open_descendant(parent)
            .and_then(|folder| folder.entry_names());
        let existing = existing.unwrap_or_default().into_iter().map(Name::from);
        let existing: Vec<_> = existing.collect();
        // A name in another Unicode form denotes the same client or project, and does not clash.
        let form = |name: &OsStr| to_nfc(name.as_encoded_bytes()).into_owned();
        let exists = |name: &OsStr| {
            existing
                .iter()
                .any(|other| form(other.as_os_str()) == form(name))
        };
        let is_unique = |name: &OsStr| {
            names
                .iter()
                .filter(|other| form(other) == form(name))
                .count()
                == 1
        };
        let is_known =
            |name: &OsStr| !name.as_encoded_bytes().is_ascii() && exists(name) && is_unique(name);
        let new = names.iter().filter(|name| !is_known(name));
        let names: Vec<_> = new.map(|name| (*name).to_owned()).collect();
        let folder = root.open_nearest(parent)?;
        name_rules::find_clashes(
            parent,
            &names,
            &existing,
            &NameRules::for_folder(folder),
            &mut clashing,
        );
    }
    Ok(clashing)
}

/// The root of a source on a disk, and its meaning.
#[derive(Clone, Copy, Debug)]
pub struct PlannedSource<'s> {
    pub root: &'s Arc<Folder>,
    pub kind: SourceRoot,
}

impl PlannedSource<'_> {
    /// Opens a folder of a replica at the source.
    fn open(&self, replica: &Path, folder: &Path) -> Result<Folder> {
        self.root.open_descendant(&self.kind.path(replica, folder))
    }
}

/// Bytes and files that the plans add to one file system.
#[derive(Debug)]
struct SpaceDemand {
    folder: PathBuf,
    space: FreeSpace,
    bytes: u64,
    files: u64,
}

/// Fails with [`Error::NotEnoughSpace`] unless every file system of a destination has room for the plans.
pub fn require_space(
    database: &str,
    source: Option<PlannedSource<'_>>,
    root: &Folder,
    plans: &[Plan],
) -> Result<()> {
    let mut demands = BTreeMap::new();
    let (mut work, mut read_only) = (0, 0);
    let root_device = root.stat_self()?.device;
    for plan in plans.iter().filter(|plan| plan.has_work()) {
        let relative = &plan.replica;
        let folder = root.open_nearest(relative)?;
        work += 1;
        read_only += usize::from(folder.is_read_only());
        let device = folder.stat_self()?.device;
        if device != root_device {
            // Old versions are kept at the root, so replaced files are copied to another file system.
            demand_on(&mut demands, root, root_device)?.add_old_versions(plan);
        }
        if let Some(source) = source
            && folder.supports_reflink()
            && source.open(relative, Path::new(""))?.stat_self()?.device == device
        {
            // Cloned files need no space.
            continue;
        }
        demand_on(&mut demands, &folder, device)?.add_plan(source, plan);
    }
    if work > 0 && work == read_only {
        // One failure for the destination instead of one for each file.
        return Err(root.read_only_error());
    }
    demands
        .values()
        .try_for_each(|demand| demand.require_fit(database))
}

/// Returns the demand on the file system that holds a folder.
fn demand_on<'a>(
    demands: &'a mut BTreeMap<u64, SpaceDemand>,
    folder: &Folder,
    device: u64,
) -> Result<&'a mut SpaceDemand> {
    Ok(match demands.entry(device) {
        Entry::Occupied(demand) => demand.into_mut(),
        Entry::Vacant(entry) => entry.insert(SpaceDemand {
            folder: folder.path().to_owned(),
            space: folder.free_space()?,
            bytes: 0,
            files: 0,
        }),
    })
}

impl SpaceDemand {
    /// Adds the old versions that a plan replaces.
    fn add_old_versions(&mut self, plan: &Plan) {
        for replacement in plan.folders.iter().flat_map(|folder| &folder.replace) {
            let blocks = replacement.old.bytes.div_ceil(self.space.block_size);
            let bytes = blocks.saturating_mul(self.space.block_size);
            self.bytes = self.bytes.saturating_add(bytes);
            self.files += 1;
        }
    }

    /// Adds the files and folders that a plan creates.
    fn add_plan(&mut self, source: Option<PlannedSource<'_>>, plan: &Plan) {
        let folders = plan.folders.iter().filter(|folder| !folder.exists).count();
        self.files += plan.files + folders as u64;
        let block = self.space.block_size;
        // Every file takes whole blocks. They are counted exactly only if an upper bound does not fit.
        let upper_bound = plan.bytes.saturating_add(plan.files.saturating_mul(block));
        let free = self.space.free_bytes.saturating_sub(self.bytes);
        let bytes = if upper_bound <= free {
            upper_bound
        } else {
            allocated_bytes(source, plan, block)
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

/// Returns the bytes of a plan in whole blocks, without the holes in its files.
fn allocated_bytes(source: Option<PlannedSource<'_>>, plan: &Plan, block: u64) -> u64 {
    let mut bytes: u64 = 0;
    for planned in &plan.folders {
        let folder = source.and_then(|source| source.open(&plan.replica, &planned.path).ok());
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::snapshot::tree::{ScannedFolder, TreeFolder};

    const BLOCK: u64 = 4096;

    /// Creates these folders in a temporary folder and opens it.
    fn root(folders: &[&str]) -> (tempfile::TempDir, Arc<Folder>) {
        let temporary = tempfile::tempdir().unwrap();
        for folder in folders {
            fs::create_dir_all(temporary.path().join(folder)).unwrap();
        }
        let root = Arc::new(Folder::open(temporary.path()).unwrap());
        (temporary, root)
    }

    /// A plan of files, with true for a replacement of a file of one byte.
    fn plan(replica: &str, files: &[(&'static str, u64, bool)]) -> Plan {
        let source: Vec<_> = files.iter().map(|file| (file.0, file.1, 9)).collect();
        let replaced = files.iter().filter(|file| file.2);
        let destination: Vec<_> = replaced.map(|file| (file.0, 1, 1)).collect();
        let [source, destination] = [source, destination].map(|rows| Tree::of_files(&rows));
        Plan::of_trees(replica, &source, &destination)
    }

    fn demand(free_bytes: u64, free_files: Option<u64>, plan: &Plan) -> SpaceDemand {
        let (temporary, folder) = root(&[]);
        let mut demand = SpaceDemand {
            folder: temporary.path().to_owned(),
            space: folder.free_space().unwrap(),
            bytes: 0,
            files: 0,
        };
        demand.space.block_size = BLOCK;
        (demand.space.free_bytes, demand.space.free_files) = (free_bytes, free_files);
        demand.add_plan(None, plan);
        demand
    }

    fn reason(refused: Result<()>) -> &'static str {
        match refused {
            Err(Error::SameFolder { why, .. }) => why,
            refused => refused.map(|()| "none").unwrap(),
        }
    }

    #[test]
    fn same_folder_by_another_path_is_refused() {
        let (temporary, root) = root(&["a/spot/spot", "b/spot"]);
        std::os::unix::fs::symlink("a", temporary.path().join("link")).unwrap();
        let open = |path: &str| Folder::open(&root.path().join(path)).unwrap();
        for (from, to, why) in [
            ("a", "link", SAME_FOLDER),
            ("a", "a/spot", "the destination is inside the source"),
            ("a/spot", "a", "the source is inside the destination"),
            ("a", "a/spot/spot", "none"),
            ("a", "b", "none"),
        ] {
            let refused = refuse_same_folder(&open(from), &open(to), "spot".as_ref());
            assert_eq!(reason(refused), why, "{from} {to}");
        }
    }

    #[test]
    fn shared_folder_inside_a_replica_is_refused() {
        let (_temporary, root) = root(&["a/spot", "b/spot"]);
        let open = |path: &str| root.open_descendant(path.as_ref()).unwrap();
        let mut folder = TreeFolder::from_files(ScannedFolder::default());
        folder.file_id = open("a/spot").stat_self().unwrap().file_id();
        let mut tree = Tree::default();
        tree.folders.insert(PathBuf::new(), folder);
        // The inode number alone proves nothing: another folder may have it by now.
        for (destination, why) in [("a", SAME_FOLDER), ("b", "none")] {
            let path = Path::new("spot");
            let (source, destination) = (open("a"), open(destination));
            let refused = refuse_shared_folder((&source, path, &tree), (&destination, path, &tree));
            assert_eq!(reason(refused), why);
        }
    }

    #[test]
    fn files_take_whole_blocks_and_inodes() {
        let new = plan("", &[("a", 1, false), ("shots/b", BLOCK + 1, false)]);
        let exact = 3 * BLOCK;
        let cases = [(0, Some(3), true), (0, Some(2), false), (1, None, false)];
        for (lack, inodes, fits) in cases {
            let demand = demand(exact - lack, inodes, &new);
            assert_eq!((demand.bytes, demand.files), (exact, 3));
            assert_eq!(demand.require_fit("NAS").is_ok(), fits);
        }
        // A version that is kept on another file system takes blocks there.
        let mut versions = demand(u64::MAX, None, &Plan::default());
        versions.add_old_versions(&plan("", &[("new", 9, false), ("old", 2, true)]));
        assert_eq!((versions.bytes, versions.files), (BLOCK, 1));
    }

    #[test]
    fn holes_need_no_space() {
        let (temporary, root) = root(&["spot"]);
        let file = fs::File::create(temporary.path().join("spot/sparse"));
        file.unwrap().set_len(100 * BLOCK).unwrap();
        for (replica, needed) in [("spot", BLOCK), ("gone", 100 * BLOCK)] {
            let sparse = plan(replica, &[("sparse", 100 * BLOCK, false)]);
            let bytes = allocated_bytes(
                Some(PlannedSource {
                    root: &root,
                    kind: SourceRoot::Database,
                }),
                &sparse,
                BLOCK,
            );
            assert_eq!(bytes, needed);
        }
    }
}
