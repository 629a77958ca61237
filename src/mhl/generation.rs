//! Appending a generation to a history, so that it is complete or not there, whatever stops the program.
//!
//! The hash list gets its name only when it was flushed and read back; then the chain file is replaced. After a stop between
//! the two, the hash list is complete and in no chain: [`History::unlisted`] holds it, and the next generation, or
//! [`list_unlisted`], adds it to the chain.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use super::chain::{self, ChainEntry, write_chain};
use super::file_name::file_name;
use super::hash_list::{HashList, write_hash_list};
use super::history::{FOLDER_NAME, Generation, History};
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::ignore::ignore;
use crate::base::own_name;
use crate::os::file;
use crate::os::folder::{Folder, is_not_found};
use crate::os::host;
use crate::snapshot::content_hash::{
    ContentHashes, HashFormat, HashFormatSet, HashValue, MultiHasher,
};

/// Number of attempts to find a temporary name that no stopped process has left behind.
const ATTEMPTS: u32 = 1000;

/// Appends a generation to the history of a folder, or begins one.
///
/// # Errors
/// [`Error::HistoryDamaged`] for a damaged history; [`Error::ConcurrentChange`] if another program changed the history since
/// it was loaded.
pub fn append(scope: &Folder, history: &History, list: &HashList) -> Result<Generation> {
    require_sound(scope, history)?;
    let folder = scope.open_or_create_child(OsStr::new(FOLDER_NAME), scope, &scope.permit()?)?;
    require_unchanged(&folder, history)?;
    let number = history.next_number();
    let scope_name = scope.path().file_name().unwrap_or_default();
    let name = file_name(number, scope_name, list.head.created);
    let written = write(&folder, scope, OsStr::new(&name), false, |out| {
        write_hash_list(list, out)
    })?;
    let entry = ChainEntry {
        number,
        name,
        c4: written,
    };
    let mut entries: Vec<ChainEntry> = listed(history);
    entries.push(entry.clone());
    replace_chain(&folder, scope, history, &entries)?;
    Ok(Generation {
        entry,
        process: list.head.process,
        created: list.head.created,
        files: list.files.len() as u64,
    })
}

/// Adds the complete hash list of a stopped run to the chain.
///
/// # Errors
/// As for [`append`].
pub fn list_unlisted(scope: &Folder, history: &History) -> Result<()> {
    require_sound(scope, history)?;
    let folder = scope.open_child(OsStr::new(FOLDER_NAME))?;
    require_unchanged(&folder, history)?;
    replace_chain(&folder, scope, history, &listed(history))
}

fn listed(history: &History) -> Vec<ChainEntry> {
    let generations = history.all_generations();
    generations
        .map(|generation| generation.entry.clone())
        .collect()
}

fn require_sound(scope: &Folder, history: &History) -> Result<()> {
    let first = history.damage.first();
    first.map_or(Ok(()), |damage| {
        Err(Error::HistoryDamaged {
            path: scope.path().join(FOLDER_NAME).join(&damage.file),
            why: damage.kind.to_string(),
        })
    })
}

/// Fails unless the chain file is the one that was loaded.
fn require_unchanged(folder: &Folder, history: &History) -> Result<()> {
    let name = OsStr::new(chain::FILE_NAME);
    let now = match folder.open_file(name) {
        Ok((file, _)) => Some(c4_of(&file).at("read", folder.path().join(name))?),
        Err(error) if is_not_found(&error) => None,
        Err(error) => return Err(error),
    };
    if now.flatten() == history.chain_c4 {
        Ok(())
    } else {
        let path = folder.path().join(name);
        Err(Error::ConcurrentChange { path })
    }
}

fn replace_chain(
    folder: &Folder,
    scope: &Folder,
    history: &History,
    entries: &[ChainEntry],
) -> Result<()> {
    let replaces = history.chain_c4.is_some();
    let name = OsStr::new(chain::FILE_NAME);
    write(folder, scope, name, replaces, |out| {
        write_chain(entries, out)
    })
    .map(drop)
}

/// Writes a file under a temporary name, flushes it, reads it back, gives it its name, and returns its C4. Replaces a file of
/// that name only if `replaces`.
fn write(
    folder: &Folder,
    scope: &Folder,
    name: &OsStr,
    replaces: bool,
    content: impl FnOnce(&mut HashedWriter<'_>) -> io::Result<()>,
) -> Result<HashValue> {
    let mode = scope.stat_self()?.mode & 0o666 | 0o600;
    let (temporary, file) = create_temporary(folder)?;
    // A run that removes leftovers skips locked files.
    ignore(file.try_lock(), "a file system without locks");
    let written = write_flushed(&file, mode, content);
    let (_locked, closed) = if folder.features().is_reliable {
        (Some(file), Ok(()))
    } else {
        // It may be written, and fail, only now.
        (None, file::close(file))
    };
    let written = written
        .and_then(|c4| closed.map(|()| c4))
        .at("write", folder.path().join(name))
        .and_then(|c4| read_back(folder, &temporary, c4))
        .and_then(|c4| {
            let permit = folder.permit()?;
            if replaces {
                folder.rename(&temporary, folder, name, &permit)?;
            } else {
                folder.rename_no_replace(&temporary, folder, name, &permit)?;
            }
            Ok(c4)
        });
    if written.is_err() {
        ignore(
            folder.remove_temporary(&temporary),
            "a later run removes it",
        );
    }
    let c4 = written?;
    folder.flush()?;
    Ok(c4)
}

/// Writes and flushes the content of a file, and returns the C4 of the written bytes.
fn write_flushed(
    file: &File,
    mode: u32,
    content: impl FnOnce(&mut HashedWriter<'_>) -> io::Result<()>,
) -> io::Result<Option<HashValue>> {
    let mut out = HashedWriter {
        out: BufWriter::new(file),
        hash: MultiHasher::new(C4),
    };
    content(&mut out)?;
    out.flush()?;
    file::set_mode(file, mode)?;
    file.sync_all()?;
    Ok(out.hash.finish().value(HashFormat::C4))
}

fn create_temporary(folder: &Folder) -> Result<(OsString, File)> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let stem = format!("{}-{}-mhl-{number}", host::name(), process::id());
        let name = own_name::temporary(stem);
        match folder.create_file(&name) {
            Ok(file) => return Ok((name, file)),
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {
                last = Some(source);
            }
            Err(error) => return Err(error),
        }
    }
    let source = last.unwrap_or_else(|| io::ErrorKind::AlreadyExists.into());
    Err(source).at("create a file in", folder.path())
}

/// Reads a flushed file from the disk, and returns its C4 if it is that of the written bytes.
fn read_back(folder: &Folder, name: &OsStr, written: Option<HashValue>) -> Result<HashValue> {
    let path = folder.path().join(name);
    let (file, _) = folder.open_file(name)?;
    file::drop_from_cache(&file);
    let read = c4_of(&file).at("read", &path)?;
    match read.filter(|_| read == written) {
        Some(c4) => Ok(c4),
        None => Err(io::Error::other("it reads back differently")).at("write", &path),
    }
}

const C4: HashFormatSet = HashFormatSet::EMPTY.with(HashFormat::C4);

fn c4_of(file: &File) -> io::Result<Option<HashValue>> {
    let hashes = ContentHashes::of_file(file, C4, &mut Vec::new(), &|_| {})?;
    Ok(hashes.value(HashFormat::C4))
}

/// Hashes the bytes that are written to a file.
struct HashedWriter<'a> {
    out: BufWriter<&'a File>,
    hash: MultiHasher,
}

impl Write for HashedWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
