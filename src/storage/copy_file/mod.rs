//! Copying one file so that its final name never belongs to an incomplete copy.
//!
//! A source goes in, a [`TempCopy`] comes out: a temporary file in the destination's folder that has all bytes of the
//! source, its time, permissions and extended attributes. The caller flushes it, reads it back and gives it its final name,
//! because these steps cost less for many files at once (decision 13).

mod block;
mod content;
mod copier;
mod leftover;
mod metadata;
mod size;
mod temp_copy;
mod temp_name;
mod verify;
mod write_out;

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::sync::Arc;

pub use self::block::{BLOCK_BYTES, BlockReader};
pub use self::content::{ContentError, SourceContent, copy_content};
use self::copier::CopyMethod;
pub use self::copier::{Copier, MIN_CLONE_BYTES};
pub use self::leftover::remove_leftover;
pub use self::metadata::SourceMetadata;
pub use self::temp_copy::TempCopy;
use self::temp_name::create_temporary;
pub use self::temp_name::temporary_name_with;
use self::write_out::begin_write_out;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::os::file;
use crate::os::folder::Folder;
use crate::os::stat::Stat;
use crate::snapshot::digest::Digest;

/// Copies a symbolic link and its time to a temporary name in `destination`.
pub fn copy_link(source: &Folder, name: &OsStr, destination: &Arc<Folder>) -> Result<TempCopy> {
    let (target, stat) = (source.read_link(name)?, source.stat(name)?);
    let (temporary, ()) = create_temporary(destination, |temporary| {
        destination.create_symlink(temporary, &target)
    })
    .map_err(explain_no_symlinks)?;
    let mut temp = TempCopy::new(destination, temporary, Stat { bytes: 0, ..stat });
    temp.link_target = Some(target);
    destination.set_modified(&temp.name, stat.modified)?;
    Ok(temp)
}

/// Copies a file with its time, permissions and extended attributes to a temporary name in `destination`. Does not flush it.
/// `on_progress` receives the number of bytes of each piece.
///
/// # Errors
/// [`Error::SourceChanged`] if the source changed while it was copied; [`Error::Interrupted`].
pub fn copy_file(
    source: &Folder,
    name: &OsStr,
    destination: &Arc<Folder>,
    copier: &mut Copier,
    on_progress: &dyn Fn(u64),
) -> Result<TempCopy> {
    copy_from(source, name, None, destination, copier, on_progress)
}

/// Copies a file like [`copy_file`], but from a folder that holds a copy of it: `metadata` is that of the original, if it is
/// known.
///
/// # Errors
/// [`Error::SourceChanged`] if the file changed while it was copied; [`Error::Interrupted`].
pub fn copy_from(
    source: &Folder,
    name: &OsStr,
    metadata: Option<SourceMetadata>,
    destination: &Arc<Folder>,
    copier: &mut Copier,
    on_progress: &dyn Fn(u64),
) -> Result<TempCopy> {
    let (from, stat) = source.open_file(name)?;
    let (temporary, created) =
        create_temporary(destination, |temporary| destination.create_file(temporary))?;
    let original = metadata.as_ref().map_or(stat, |metadata| metadata.stat);
    let mut temp = TempCopy::new(destination, temporary, original);
    // Dropped before the copy: see `TempCopy::drop`.
    let to = created;
    let method = copier.copy_bytes((&from, &stat), &to, on_progress);
    let changed = || Error::SourceChanged {
        path: source.path().join(name),
    };
    // A change explains a failure to read, so it is reported first.
    if !file::is_unchanged(&from, &stat) {
        return Err(changed());
    }
    let method = method
        .map_err(|error| copier::copy_error(error, &source.path().join(name), destination))?;
    if method == CopyMethod::SizeChanged {
        return Err(changed());
    }
    let metadata = metadata.unwrap_or_else(|| SourceMetadata {
        stat,
        attributes: copier.read_attributes(&from),
    });
    let (attributes, copy_stat) = metadata.apply(&to).at(
        "set the time or permissions of a file in",
        destination.path(),
    )?;
    temp.attributes = attributes;
    temp.copy_stat = Some(copy_stat);
    match method {
        CopyMethod::SizeChanged => {}
        CopyMethod::Cloned => temp.is_cloned = true,
        CopyMethod::Buffered(digest) => temp.digest = digest,
        CopyMethod::Unhashed => temp.source_file = copier.with_digests.then_some(from),
    }
    if !temp.is_cloned {
        begin_write_out(&to, stat.bytes);
    }
    temp.file = Some(to);
    Ok(temp)
}

/// Moves a file that is needed nowhere else to a temporary name in `destination`; returns `None` if that is on another file
/// system. The digest, if requested, is computed before the move.
pub fn move_file(
    source: &Folder,
    name: &OsStr,
    destination: &Arc<Folder>,
    copier: &mut Copier,
) -> Result<Option<TempCopy>> {
    let (file, stat) = source.open_file(name)?;
    let digest = if copier.with_digests {
        let read = Digest::of_file(&file, copier.buffer(), &|_| {});
        Some(read.at("read", source.path().join(name))?)
    } else {
        None
    };
    let moved = create_temporary(destination, |temporary| {
        source.rename_no_replace(name, destination, temporary, &destination.permit()?)
    });
    let temporary = match moved {
        Err(Error::Io { source: error, .. }) if error.kind() == ErrorKind::CrossesDevices => {
            return Ok(None);
        }
        moved => moved?.0,
    };
    let mut temp = TempCopy::new(destination, temporary, stat);
    temp.file = Some(file);
    temp.copy_stat = Some(stat);
    temp.digest = digest;
    Ok(Some(temp))
}

/// Adds to a refusal that the file system may not support symbolic links.
fn explain_no_symlinks(error: Error) -> Error {
    match error {
        Error::Io { path, source, .. }
            if matches!(
                source.kind(),
                ErrorKind::Unsupported | ErrorKind::PermissionDenied
            ) =>
        {
            let why = format!("the file system may not support symbolic links: {source}");
            Error::Io {
                action: "create a symbolic link in",
                path,
                source: io::Error::new(source.kind(), why),
            }
        }
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Write as _;
    use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
    use std::path::Path;

    use super::*;
    use crate::base::own_name::is_temporary;
    use crate::base::timestamp::Timestamp;

    const NAME: &str = "clip.mov";

    /// Returns an empty source and destination, and the temporary folder that holds both.
    pub(super) fn folders() -> (tempfile::TempDir, Folder, Arc<Folder>) {
        let temporary = tempfile::tempdir().unwrap();
        let [source, destination] = ["source", "destination"].map(|name| {
            let path = temporary.path().join(name);
            fs::create_dir(&path).unwrap();
            Folder::open(&path).unwrap()
        });
        (temporary, source, Arc::new(destination))
    }

    /// Copies a source of these bytes.
    pub(super) fn copy_of(
        bytes: &[u8],
        source: &Folder,
        destination: &Arc<Folder>,
        copier: &mut Copier,
    ) -> TempCopy {
        fs::write(source.path().join(NAME), bytes).unwrap();
        copy_file(source, NAME.as_ref(), destination, copier, &|_| {}).unwrap()
    }

    /// Bytes that differ from one block to the next.
    fn pattern(length: usize) -> Vec<u8> {
        (0..=250).cycle().take(length).collect()
    }

    fn append(file: &Path) {
        let mut opened = fs::OpenOptions::new().append(true).open(file).unwrap();
        opened.write_all(b"more").unwrap();
    }

    #[test]
    fn copy_has_bytes_time_and_mode() {
        let (_temporary, source, destination) = folders();
        let path = source.path().join(NAME);
        let modified = Timestamp {
            seconds: 1_000_000_000,
            nanoseconds: 0,
        };
        for length in [0, 7, (64 << 10) + 1, (1 << 20) + 1] {
            fs::write(&path, pattern(length)).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            source.set_modified(NAME.as_ref(), modified).unwrap();
            for buffered_only in [false, true] {
                let mut copier = Copier::default();
                copier.buffered_only = buffered_only;
                let copy =
                    copy_file(&source, NAME.as_ref(), &destination, &mut copier, &|_| {}).unwrap();
                let (folder, name) = copy.location();
                assert!(is_temporary(name));
                assert_eq!(fs::read(folder.path().join(name)).unwrap(), pattern(length));
                let stat = folder.stat(name).unwrap();
                assert_eq!((stat.mode, stat.modified), (0o640, modified));
                assert_eq!(Some(stat.bytes), copy.copy_stat.map(|stat| stat.bytes));
            }
        }
        assert!(destination.entry_names().unwrap().is_empty());
    }

    #[test]
    fn source_that_changes_leaves_no_copy() {
        let (_temporary, source, destination) = folders();
        let path = source.path().join(NAME);
        for length in [7, (64 << 10) + 1] {
            fs::write(&path, pattern(length)).unwrap();
            let mut copier = Copier::default();
            let grow = |_| append(&path);
            let outcome = copy_file(&source, NAME.as_ref(), &destination, &mut copier, &grow);
            assert!(matches!(outcome, Err(Error::SourceChanged { path: at }) if at == path));
            assert!(destination.entry_names().unwrap().is_empty());
        }
    }

    #[test]
    fn reported_size_is_checked_by_reading() {
        let (temporary, source, _destination) = folders();
        fs::write(source.path().join(NAME), pattern(70_000)).unwrap();
        let (from, stat) = source.open_file(NAME.as_ref()).unwrap();
        for buffered_only in [false, true] {
            for (bytes, is_whole) in [
                (70_000, true),
                (69_999, false),
                (70_001, false),
                (60_000, false),
            ] {
                let to = tempfile::tempfile_in(temporary.path()).unwrap();
                let mut copier = Copier::default();
                copier.buffered_only = buffered_only;
                let reported = Stat { bytes, ..stat };
                let method = copier.copy_bytes((&from, &reported), &to, &|_| {}).unwrap();
                assert_eq!(method != CopyMethod::SizeChanged, is_whole, "{bytes}");
            }
        }
    }

    #[test]
    fn holes_stay_holes() {
        let (_temporary, source, destination) = folders();
        let file = File::create(source.path().join(NAME)).unwrap();
        file.set_len(8 << 20).unwrap();
        file.write_all_at(b"middle", 4 << 20).unwrap();
        let mut copier = Copier::default();
        let copy = copy_file(&source, NAME.as_ref(), &destination, &mut copier, &|_| {}).unwrap();
        let path = destination.path().join(copy.location().1);
        let [from, to] = [&source.path().join(NAME), &path].map(|path| fs::read(path).unwrap());
        assert!(from == to);
        assert!(fs::metadata(path).unwrap().blocks() * 512 < 1 << 20);
    }

    #[test]
    fn digest_comes_from_the_copied_buffer() {
        let (_temporary, source, destination) = folders();
        let mut copier = Copier::default();
        assert_eq!(
            copy_of(b"abc", &source, &destination, &mut copier).digest,
            None
        );
        copier.with_digests = true;
        let small = copy_of(b"abc", &source, &destination, &mut copier);
        assert_eq!(small.digest, Some(Digest::of_bytes(b"abc")));
        assert!(small.source_file.is_none());
        let large = copy_of(&pattern((1 << 20) + 1), &source, &destination, &mut copier);
        assert!(large.is_cloned || (large.digest.is_none() && large.source_file.is_some()));
    }

    #[test]
    fn link_is_copied_with_its_time() {
        let (_temporary, source, destination) = folders();
        let name = OsStr::new("link");
        source
            .create_symlink(name, "../else where".as_ref())
            .unwrap();
        let modified = Timestamp {
            seconds: 7,
            nanoseconds: 0,
        };
        source.set_modified(name, modified).unwrap();
        let copy = copy_link(&source, name, &destination).unwrap();
        let temporary = copy.location().1;
        assert_eq!(destination.read_link(temporary).unwrap(), "../else where");
        assert_eq!(destination.stat(temporary).unwrap().modified, modified);
        assert_eq!(copy.source_stat.bytes, 0);
    }

    #[test]
    fn moved_file_leaves_its_old_name() {
        let (_temporary, source, destination) = folders();
        fs::write(source.path().join(NAME), b"abc").unwrap();
        let mut copier = Copier::default();
        copier.with_digests = true;
        let moved = move_file(&source, NAME.as_ref(), &destination, &mut copier);
        let moved = moved.unwrap().unwrap();
        assert_eq!(moved.digest, Some(Digest::of_bytes(b"abc")));
        assert!(source.entry_names().unwrap().is_empty());
        moved
            .persist_noclobber(NAME.as_ref(), &destination.permit().unwrap())
            .unwrap();
        assert_eq!(fs::read(destination.path().join(NAME)).unwrap(), b"abc");
    }

    #[test]
    fn error_names_the_side_that_failed() {
        let (_temporary, source, destination) = folders();
        let error = |kind: ErrorKind| copier::copy_error(kind.into(), source.path(), &destination);
        for kind in [ErrorKind::StorageFull, ErrorKind::ReadOnlyFilesystem] {
            assert!(matches!(error(kind), Error::Io { path, .. } if path == destination.path()));
        }
        assert!(matches!(
            error(ErrorKind::InvalidData),
            Error::Copy { from, .. } if from == source.path()
        ));
    }

    #[test]
    fn refused_link_explains_the_file_system() {
        let refusal = |kind: ErrorKind| {
            let refused = Err::<(), _>(io::Error::from(kind)).at("link", "x");
            explain_no_symlinks(refused.unwrap_err()).full_message()
        };
        let why = "the file system may not support symbolic links";
        assert!(refusal(ErrorKind::PermissionDenied).contains(why));
        assert!(!refusal(ErrorKind::StorageFull).contains(why));
    }
}
