//! Content of one folder: its entries in the order of their names.

use std::ffi::{CStr, OsStr};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::base::own_name::is_temporary;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::model::exclusion::Exclusions;
use crate::os::folder::{Folder, is_not_found};
use crate::os::reader::{EntryNames, stat_listed};
use crate::os::stat::{EntryKind, FileId, Stat};

/// Content of a folder. Its memory is reused for the next folder.
#[derive(Debug, Default)]
pub struct FolderContents {
    /// All names, one after the other.
    names: Vec<u8>,
    rows: Vec<EntryRow>,
    extras: Vec<EntryExtra>,
    /// Entries whose stat failed.
    pub problems: Vec<(Name, Error)>,
    /// Our temporary files, of runs that were killed or are in progress.
    pub leftovers: Vec<Name>,
    /// Number of excluded entries.
    pub excluded_count: u64,
    /// Excluded folders.
    pub excluded_folders: Vec<Name>,
    /// Finest precision that a time in the folder proves.
    pub precision: Option<TimePrecision>,
}

/// An entry in little memory: a folder can hold hundreds of thousands.
#[derive(Debug)]
struct EntryRow {
    start: usize,
    length: u32,
    kind: EntryKind,
    mode: u32,
    bytes: u64,
    modified: Timestamp,
    extra: Option<u32>,
}

/// Values that few entries have.
#[derive(Debug)]
enum EntryExtra {
    /// A link's target.
    Target(Name),
    /// Device and inode of a file with several names.
    HardLink(FileId),
    /// A folder's device, inode and ctime.
    Folder(FileId, Timestamp),
}

#[derive(Clone, Copy, Debug)]
pub struct FolderEntry<'a> {
    pub name: &'a OsStr,
    pub kind: EntryKind,
    /// Apparent size in bytes; 0 for everything but files.
    pub bytes: u64,
    pub modified: Timestamp,
    /// Permission bits.
    pub mode: u32,
    /// A link's target.
    pub target: Option<&'a Name>,
    /// A folder's ctime.
    pub changed: Option<Timestamp>,
    /// Device and inode of a folder, to recognize it under another path, and of a file with several names, to count it once.
    pub file_id: Option<FileId>,
}

/// A folder whose entries are read, and the rules for them.
#[derive(Clone, Copy, Debug)]
pub(super) struct EntrySource<'a> {
    pub(super) folder: &'a Folder,
    /// Path below the replica's folder.
    pub(super) path: &'a Path,
    pub(super) exclusions: &'a Exclusions,
}

impl EntryRow {
    const fn name_range(&self) -> Range<usize> {
        self.start..self.start + self.length as usize
    }
}

impl FolderContents {
    /// Reads the metadata of listed entries, by their positions in the list, and adds these. Calls `proceed` after each,
    /// and ends early when that returns false.
    pub(super) fn add_listed(
        &mut self,
        source: &EntrySource<'_>,
        list: &EntryNames,
        range: Range<usize>,
        mut proceed: impl FnMut() -> bool,
    ) {
        for name in list.names(range) {
            self.add(source, name);
            if !proceed() {
                return;
            }
        }
    }

    /// Adds the entries of another part of the same folder.
    pub(super) fn append(&mut self, part: &mut Self) {
        let (start, extra_start) = (self.names.len(), to_u32(self.extras.len()));
        self.names.append(&mut part.names);
        self.extras.append(&mut part.extras);
        self.rows.extend(part.rows.drain(..).map(|row| EntryRow {
            start: start + row.start,
            extra: row.extra.map(|index| extra_start + index),
            ..row
        }));
        self.problems.append(&mut part.problems);
        self.leftovers.append(&mut part.leftovers);
        self.excluded_count += part.excluded_count;
        self.excluded_folders.append(&mut part.excluded_folders);
        self.precision = self.precision.into_iter().chain(part.precision).min();
    }

    /// Puts the entries into the order of their names.
    pub(super) fn sort(&mut self) {
        let names = &self.names;
        self.rows
            .sort_unstable_by(|a, b| names[a.name_range()].cmp(&names[b.name_range()]));
        // Some network file systems list a name twice while the folder changes.
        self.rows
            .dedup_by(|a, b| names[a.name_range()] == names[b.name_range()]);
    }

    pub(super) fn clear(&mut self) {
        self.names.clear();
        self.rows.clear();
        self.extras.clear();
        self.problems.clear();
        self.leftovers.clear();
        self.excluded_count = 0;
        self.excluded_folders.clear();
        self.precision = None;
    }

    /// Adds an entry, unless it is excluded, deleted meanwhile, or its stat failed.
    fn add(&mut self, source: &EntrySource<'_>, listed: &CStr) {
        let EntrySource {
            folder,
            path,
            exclusions,
        } = *source;
        let name = OsStr::from_bytes(listed.to_bytes());
        let read = stat_listed(folder, listed)
            .and_then(|stat| Ok((read_extra(folder, name, &stat)?, stat)));
        let (extra, stat) = match read {
            Ok(read) => read,
            Err(error) if is_not_found(&error) => return,
            Err(_) if exclusions.excludes(path, name, false) => {
                self.excluded_count += 1;
                return;
            }
            Err(error) => {
                self.problems.push((name.into(), error));
                return;
            }
        };
        if is_temporary(name) {
            self.leftovers.push(name.into());
            return;
        }
        let is_folder = stat.kind == EntryKind::Folder;
        if exclusions.excludes(path, name, is_folder) {
            self.excluded_count += 1;
            self.excluded_folders
                .extend(is_folder.then(|| Name::from(name)));
            return;
        }
        let precision = stat.status_changed.coarsest_precision();
        self.precision = self.precision.into_iter().chain([precision]).min();
        let name_start = self.names.len();
        self.names.extend_from_slice(name.as_bytes());
        let extra = extra.map(|extra| {
            self.extras.push(extra);
            to_u32(self.extras.len() - 1)
        });
        self.rows.push(EntryRow {
            start: name_start,
            length: to_u32(name.len()),
            kind: stat.kind,
            mode: stat.mode,
            bytes: if stat.kind == EntryKind::File {
                stat.bytes
            } else {
                0
            },
            modified: stat.modified,
            extra,
        });
    }

    /// The entries, in the order of their names.
    pub fn entries(&self) -> impl Iterator<Item = FolderEntry<'_>> {
        self.rows.iter().map(|row| self.entry(row))
    }

    fn entry(&self, row: &EntryRow) -> FolderEntry<'_> {
        let (mut target, mut file_id, mut changed) = (None, None, None);
        match row.extra.map(|index| &self.extras[index as usize]) {
            Some(EntryExtra::Target(name)) => target = Some(name),
            Some(EntryExtra::HardLink(id)) => file_id = Some(*id),
            Some(EntryExtra::Folder(id, at)) => {
                (file_id, changed) = (Some(*id), Some(*at));
            }
            None => {}
        }
        FolderEntry {
            name: OsStr::from_bytes(&self.names[row.name_range()]),
            kind: row.kind,
            bytes: row.bytes,
            modified: row.modified,
            mode: row.mode,
            target,
            changed,
            file_id,
        }
    }

    pub const fn len(&self) -> usize {
        self.rows.len()
    }
}

/// Reads the values that only some kinds of entries have.
fn read_extra(folder: &Folder, name: &OsStr, stat: &Stat) -> Result<Option<EntryExtra>> {
    Ok(match stat.kind {
        EntryKind::Link => Some(EntryExtra::Target(folder.read_link(name)?.into())),
        EntryKind::File if stat.link_count > 1 => Some(EntryExtra::HardLink(stat.file_id())),
        EntryKind::Folder => Some(EntryExtra::Folder(stat.file_id(), stat.status_changed)),
        _ => None,
    })
}

/// Converts a number of entries or the length of a name, which fit into memory and so into 32 bits.
fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
