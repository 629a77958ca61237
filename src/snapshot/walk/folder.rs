//! One folder as the walk reads it: its entries in the order of their names.

use std::ffi::OsStr;
use std::ops::{ControlFlow, Range};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::base::own_name::is_temporary;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::model::exclusion::Exclusions;
use crate::os::file_id::FileId;
use crate::os::folder::{Folder, is_not_found};
use crate::os::reader::FolderReader;
use crate::os::stat::{EntryKind, Stat};

/// What a folder holds. Its memory is used again for the next folder.
#[derive(Debug, Default)]
pub struct FolderContents {
    /// All names, one after the other.
    names: Vec<u8>,
    rows: Vec<EntryRow>,
    extras: Vec<EntryExtra>,
    /// Entries that could not be looked at.
    pub problems: Vec<(Name, Error)>,
    /// Temporary files of ours, from runs that were killed or are under way.
    pub leftovers: Vec<Name>,
    /// How many entries were left alone.
    pub excluded_count: u64,
    /// The finest step that a time in it proves.
    pub precision: Option<TimePrecision>,
}

/// What is kept of an entry; small, because a folder can hold hundreds of thousands.
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

/// What only few entries have.
#[derive(Debug)]
enum EntryExtra {
    /// Where a link points.
    Target(Name),
    /// Device and number of a file with several names.
    HardLink(FileId),
    /// The same of a folder, and when its status was last changed.
    Folder(FileId, Timestamp),
}

/// An entry of a folder.
#[derive(Clone, Copy, Debug)]
pub struct FolderEntry<'a> {
    /// Its name.
    pub name: &'a OsStr,
    /// What it is.
    pub kind: EntryKind,
    /// Apparent size in bytes; 0 for everything but files.
    pub bytes: u64,
    /// When its content was last changed.
    pub modified: Timestamp,
    /// Permission bits.
    pub mode: u32,
    /// Where a link points.
    pub target: Option<&'a Name>,
    /// When the status of a folder was last changed.
    pub changed: Option<Timestamp>,
    /// Device and number of a folder, so that it is known under another path; and of a file with several names, so that
    /// it is counted once.
    pub file_id: Option<FileId>,
}

impl EntryRow {
    const fn name_range(&self) -> Range<usize> {
        self.start..self.start + self.length as usize
    }
}

impl FolderContents {
    /// Reads a folder that was just opened; `path` is below the replica's folder. Ends early once `stop` is set.
    ///
    /// # Errors
    /// The folder cannot be read to its end; nothing can be said of what is in it.
    pub(super) fn read(
        &mut self,
        folder: &Folder,
        path: &Path,
        exclusions: &Exclusions,
        reader: &mut FolderReader,
        stop: &AtomicBool,
    ) -> Result<()> {
        self.clear();
        reader.read(folder, |name, stat| {
            self.add(folder, path, name, stat, exclusions);
            if stop.load(Ordering::Relaxed) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        let names = &self.names;
        self.rows
            .sort_unstable_by(|a, b| names[a.name_range()].cmp(&names[b.name_range()]));
        // Some network file systems list a name twice while a folder changes.
        self.rows
            .dedup_by(|a, b| names[a.name_range()] == names[b.name_range()]);
        Ok(())
    }

    fn clear(&mut self) {
        self.names.clear();
        self.rows.clear();
        self.extras.clear();
        self.problems.clear();
        self.leftovers.clear();
        self.excluded_count = 0;
        self.precision = None;
    }

    /// Adds an entry, unless it is left alone, gone by now, or could not be looked at.
    fn add(
        &mut self,
        folder: &Folder,
        path: &Path,
        name: &OsStr,
        stat: Result<Stat>,
        exclusions: &Exclusions,
    ) {
        let seen = stat.and_then(|stat| Ok((read_extra(folder, name, &stat)?, stat)));
        let (extra, stat) = match seen {
            Ok(seen) => seen,
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
        if exclusions.excludes(path, name, stat.kind == EntryKind::Folder) {
            self.excluded_count += 1;
            return;
        }
        let step = stat.status_changed.coarsest_precision();
        self.precision = Some(self.precision.map_or(step, |finest| finest.min(step)));
        let place = self.names.len();
        self.names.extend_from_slice(name.as_bytes());
        let extra = extra.map(|extra| {
            self.extras.push(extra);
            to_u32(self.extras.len() - 1)
        });
        self.rows.push(EntryRow {
            start: place,
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

    /// Its entries, in the order of their names.
    pub fn entries(&self) -> impl Iterator<Item = FolderEntry<'_>> {
        self.rows.iter().map(|row| self.entry(row))
    }

    fn entry(&self, row: &EntryRow) -> FolderEntry<'_> {
        let (mut target, mut place, mut changed) = (None, None, None);
        match row.extra.map(|place| &self.extras[place as usize]) {
            Some(EntryExtra::Target(name)) => target = Some(name),
            Some(EntryExtra::HardLink(file_id)) => place = Some(*file_id),
            Some(EntryExtra::Folder(file_id, at)) => {
                (place, changed) = (Some(*file_id), Some(*at));
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
            file_id: place,
        }
    }

    /// How many entries it has.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// What an entry has that most do not have.
fn read_extra(folder: &Folder, name: &OsStr, stat: &Stat) -> Result<Option<EntryExtra>> {
    Ok(match stat.kind {
        EntryKind::Link => Some(EntryExtra::Target(folder.read_link(name)?.into())),
        EntryKind::File if stat.link_count > 1 => Some(EntryExtra::HardLink(stat.file_id())),
        EntryKind::Folder => Some(EntryExtra::Folder(stat.file_id(), stat.status_changed)),
        _ => None,
    })
}

/// No folder in memory has as many entries, or as long a name.
fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
