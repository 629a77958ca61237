//! Folders and files in memory, and the operations of a file system.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fuser::{Errno, FileType};
use unicode_normalization::UnicodeNormalization as _;

use super::fault::{Faults, NameFault, RenameFlagFault};
use super::node::{Node, NodeContent, NodeEntry};

pub(super) type FuseResult<T> = Result<T, Errno>;

/// The number of the root.
pub(super) const ROOT: u64 = 1;

/// An entry's folder and name.
pub(super) type EntryKey<'a> = (u64, &'a OsStr);

#[derive(Debug)]
pub(super) struct NodeTree {
    /// Never forgotten: a file without a name may still be open.
    nodes: HashMap<u64, Node>,
    /// The files of further names, by the numbers of these names.
    aliases: HashMap<u64, u64>,
    /// The folder and name of each number.
    places: HashMap<u64, (u64, OsString)>,
    last: u64,
}

impl NodeTree {
    pub(super) fn new() -> Self {
        let root = Node::new(NodeContent::Folder(BTreeMap::new()), 0o755, (0, 0));
        Self {
            nodes: HashMap::from([(ROOT, root)]),
            aliases: HashMap::new(),
            places: HashMap::new(),
            last: ROOT,
        }
    }

    /// Returns the file behind a number.
    pub(super) fn file_number(&self, number: u64) -> u64 {
        self.aliases.get(&number).copied().unwrap_or(number)
    }

    pub(super) fn node(&self, number: u64) -> FuseResult<&Node> {
        self.nodes
            .get(&self.file_number(number))
            .ok_or(Errno::ESTALE)
    }

    pub(super) fn node_mut(&mut self, number: u64) -> FuseResult<&mut Node> {
        let number = self.file_number(number);
        self.nodes.get_mut(&number).ok_or(Errno::ESTALE)
    }

    fn entries(&self, folder: u64) -> FuseResult<&BTreeMap<OsString, NodeEntry>> {
        match &self.node(folder)?.content {
            NodeContent::Folder(entries) => Ok(entries),
            _ => Err(Errno::ENOTDIR),
        }
    }

    fn entries_mut(&mut self, folder: u64) -> FuseResult<&mut BTreeMap<OsString, NodeEntry>> {
        let node = self.node_mut(folder)?;
        node.modified = SystemTime::now();
        match &mut node.content {
            NodeContent::Folder(entries) => Ok(entries),
            _ => Err(Errno::ENOTDIR),
        }
    }

    pub(super) fn bytes(&self, number: u64) -> FuseResult<&[u8]> {
        match &self.node(number)?.content {
            NodeContent::File(bytes) => Ok(bytes),
            _ => Err(Errno::EISDIR),
        }
    }

    pub(super) fn write(
        &mut self,
        number: u64,
        lies: &Faults,
        change: impl FnOnce(&mut Vec<u8>),
    ) -> FuseResult<()> {
        let node = self.node_mut(number)?;
        let old = node.size();
        let NodeContent::File(bytes) = &mut node.content else {
            return Err(Errno::EISDIR);
        };
        change(bytes);
        node.written(old, lies);
        Ok(())
    }

    /// Returns the entries of a folder from a position on, in the order of creation.
    pub(super) fn list(
        &self,
        folder: u64,
        from: u64,
    ) -> FuseResult<Vec<(OsString, NodeEntry, FileType)>> {
        let mut listed = Vec::new();
        for (name, entry) in self.entries(folder)? {
            if entry.place > from {
                listed.push((name.clone(), *entry, self.node(entry.node)?.kind()));
            }
        }
        listed.sort_by_key(|(_, entry, _)| entry.place);
        Ok(listed)
    }

    /// Finds a name with its stored spelling.
    fn spelled(
        &self,
        (folder, name): EntryKey<'_>,
        lies: &Faults,
    ) -> FuseResult<(OsString, NodeEntry)> {
        let entries = self.entries(folder)?;
        let exact = entries.get_key_value(name);
        let alike = || {
            let wanted = lies.names.key(name);
            entries
                .iter()
                .find(|(name, _)| lies.names.key(name) == wanted)
        };
        let (name, entry) = exact.or_else(alike).ok_or(Errno::ENOENT)?;
        Ok((name.clone(), *entry))
    }

    pub(super) fn find(&self, place: EntryKey<'_>, lies: &Faults) -> FuseResult<NodeEntry> {
        Ok(self.spelled(place, lies)?.1)
    }

    /// Puts an entry under a free name, in the spelling of this file system.
    fn put(
        &mut self,
        (folder, name): EntryKey<'_>,
        entry: NodeEntry,
        lies: &Faults,
    ) -> FuseResult<()> {
        let name = lies.names.stored(name);
        let folder = self.file_number(folder);
        self.places.insert(entry.number, (folder, name.clone()));
        self.entries_mut(folder)?.insert(name, entry);
        Ok(())
    }

    fn take(&mut self, place: EntryKey<'_>, lies: &Faults) -> FuseResult<NodeEntry> {
        let (name, entry) = self.spelled(place, lies)?;
        self.entries_mut(place.0)?.remove(&name);
        Ok(entry)
    }

    /// Creates an entry under a free name.
    pub(super) fn make(
        &mut self,
        place: EntryKey<'_>,
        node: Node,
        lies: &Faults,
    ) -> FuseResult<NodeEntry> {
        if self.find(place, lies).is_ok() {
            return Err(Errno::EEXIST);
        }
        self.last += 1;
        let entry = NodeEntry {
            node: self.last,
            number: self.last,
            place: self.last,
        };
        self.nodes.insert(self.last, node);
        self.put(place, entry, lies)?;
        Ok(entry)
    }

    pub(super) fn link(
        &mut self,
        number: u64,
        place: EntryKey<'_>,
        lies: &Faults,
    ) -> FuseResult<NodeEntry> {
        if self.find(place, lies).is_ok() {
            return Err(Errno::EEXIST);
        }
        let node = self.file_number(number);
        self.node_mut(node)?.names += 1;
        self.last += 1;
        let entry = NodeEntry {
            node,
            number: self.last,
            place: self.last,
        };
        self.aliases.insert(self.last, node);
        self.put(place, entry, lies)?;
        Ok(entry)
    }

    /// Removes a name; a folder only if it is empty.
    pub(super) fn remove(&mut self, place: EntryKey<'_>, lies: &Faults) -> FuseResult<()> {
        let entry = self.find(place, lies)?;
        if matches!(&self.node(entry.node)?.content, NodeContent::Folder(inner) if !inner.is_empty())
        {
            return Err(Errno::ENOTEMPTY);
        }
        self.take(place, lies)?;
        let node = self.node_mut(entry.node)?;
        node.names -= 1;
        node.changed = SystemTime::now();
        Ok(())
    }

    /// Renames and replaces the entry of the new name.
    pub(super) fn rename(
        &mut self,
        from: EntryKey<'_>,
        to: EntryKey<'_>,
        lies: &Faults,
    ) -> FuseResult<()> {
        let entry = self.find(from, lies)?;
        match self.find(to, lies) {
            // The same name in another spelling.
            Ok(there) if there.number == entry.number => {}
            // Two names of one file: POSIX requires no change.
            Ok(there) if there.node == entry.node => return Ok(()),
            Ok(there) => {
                let kinds = (self.node(entry.node)?.kind(), self.node(there.node)?.kind());
                match (
                    kinds.0 == FileType::Directory,
                    kinds.1 == FileType::Directory,
                ) {
                    (true, false) => return Err(Errno::ENOTDIR),
                    (false, true) => return Err(Errno::EISDIR),
                    _ => self.remove(to, lies)?,
                }
            }
            Err(_) => {}
        }
        let entry = self.take(from, lies)?;
        self.node_mut(entry.node)?.changed = SystemTime::now();
        self.put(to, entry, lies)
    }

    /// Renames to a free name, as far as the file system obeys the flag.
    pub(super) fn rename_new(
        &mut self,
        from: EntryKey<'_>,
        to: EntryKey<'_>,
        lies: &Faults,
    ) -> FuseResult<()> {
        match lies.no_replace {
            RenameFlagFault::Ignored => self.rename(from, to, lies),
            RenameFlagFault::Skipped => Ok(()),
            RenameFlagFault::Refused(errno) => Err(errno),
            RenameFlagFault::Honoured => match (self.find(from, lies)?, self.find(to, lies)) {
                (entry, Ok(there)) if there.number != entry.number => Err(Errno::EEXIST),
                _ => self.rename(from, to, lies),
            },
        }
    }

    /// Exchanges two entries, as far as the file system obeys the flag.
    pub(super) fn exchange(
        &mut self,
        from: EntryKey<'_>,
        to: EntryKey<'_>,
        lies: &Faults,
    ) -> FuseResult<()> {
        match lies.exchange {
            RenameFlagFault::Ignored => return self.rename(from, to, lies),
            RenameFlagFault::Skipped => return Ok(()),
            RenameFlagFault::Refused(errno) => return Err(errno),
            RenameFlagFault::Honoured => {}
        }
        self.find(to, lies)?;
        let (from_entry, to_entry) = (self.take(from, lies)?, self.take(to, lies)?);
        for entry in [from_entry, to_entry] {
            self.node_mut(entry.node)?.changed = SystemTime::now();
        }
        self.put(from, to_entry, lies)?;
        self.put(to, from_entry, lies)
    }

    /// Returns the path at which a number was found, as far as known.
    pub(super) fn path(&self, mut number: u64) -> PathBuf {
        let mut names = Vec::new();
        while let Some((folder, name)) = self.places.get(&number) {
            names.push(name);
            number = *folder;
        }
        names.into_iter().rev().collect()
    }

    /// Returns every file and link with its content or target, by its path.
    pub(super) fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        self.collect(ROOT, Path::new(""), &mut found);
        found
    }

    fn collect(&self, folder: u64, path: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for (name, entry) in self.entries(folder).unwrap() {
            let path = path.join(name);
            match &self.node(entry.node).unwrap().content {
                NodeContent::Folder(_) => self.collect(entry.node, &path, found),
                NodeContent::File(bytes) => drop(found.insert(path, bytes.clone())),
                NodeContent::Link(target) => {
                    let target = target.clone().into_os_string();
                    found.insert(path, target.into_encoded_bytes());
                }
            }
        }
    }
}

impl NameFault {
    /// Returns equal keys for names of the same entry.
    fn key(self, name: &OsStr) -> OsString {
        let Some(text) = name.to_str() else {
            return name.to_owned();
        };
        match self {
            Self::Exact => text.into(),
            Self::FoldCase | Self::Lower => text.to_lowercase().into(),
            Self::FoldForm | Self::Nfd | Self::Nfc => text.nfc().collect::<String>().into(),
            Self::FoldBoth => text.to_lowercase().nfc().collect::<String>().into(),
        }
    }

    /// Returns the stored spelling of a name.
    fn stored(self, name: &OsStr) -> OsString {
        match (self, name.to_str()) {
            (Self::Nfd, Some(text)) => text.nfd().collect::<String>().into(),
            (Self::Nfc, Some(text)) => text.nfc().collect::<String>().into(),
            (Self::Lower, Some(text)) => text.to_lowercase().into(),
            _ => name.to_owned(),
        }
    }
}
