//! Copies of content that another thread reads from the source, once for several destinations.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use super::copier::copy_error;
use super::metadata::SourceMetadata;
use super::size::has_size;
use super::temp_copy::TempCopy;
use super::temp_name::create_temporary;
use super::write_out::begin_write_out;
use crate::base::error::{Error, IoResultExt as _};
use crate::os::folder::Folder;
use crate::snapshot::digest::Digest;

/// Reason why content could not be copied.
#[derive(Debug)]
pub enum ContentError {
    /// The source could not be read, or changed while it was read.
    Source(Arc<Error>),
    /// The content is no longer in memory, because this destination was too slow.
    Missed,
    /// The copy could not be written.
    Copy(Error),
}

/// The content of one file, as it arrives from its reader.
pub trait SourceContent {
    fn metadata(&self) -> &SourceMetadata;

    /// Returns the next piece and its offset; `None` at the end. Holes have no pieces.
    fn next(&mut self) -> Result<Option<(u64, &[u8])>, ContentError>;

    /// The digest of all bytes, if the reader computed it. Known at the end.
    fn digest(&self) -> Option<Digest>;
}

/// Writes content to a temporary name in `destination`, with the metadata of its source. `source_path` is for messages.
pub fn copy_content(
    content: &mut dyn SourceContent,
    source_path: &Path,
    destination: &Arc<Folder>,
    on_progress: &dyn Fn(u64),
) -> Result<TempCopy, ContentError> {
    let metadata = content.metadata().clone();
    let size = metadata.stat.bytes;
    let (temporary, created) =
        create_temporary(destination, |temporary| destination.create_file(temporary))?;
    let mut temp = TempCopy::new(destination, temporary, metadata.stat);
    // Dropped before the copy: see `TempCopy::drop`.
    let to = created;
    let mut written = 0;
    while let Some((offset, bytes)) = content.next()? {
        to.write_all_at(bytes, offset)
            .map_err(|error| copy_error(error, source_path, destination))?;
        written = offset + bytes.len() as u64;
        on_progress(bytes.len() as u64);
    }
    let ended = end_at_size(&to, written, size);
    ended.map_err(|error| copy_error(error, source_path, destination))?;
    on_progress(size.saturating_sub(written));
    let (outcome, copy_stat) = metadata.apply(&to).at(
        "set the time or permissions of a file in",
        destination.path(),
    )?;
    begin_write_out(&to, size);
    temp.attributes = outcome;
    temp.copy_stat = Some(copy_stat);
    temp.digest = content.digest();
    temp.file = Some(to);
    Ok(temp)
}

/// Extends a copy over the hole at its end, and checks its size.
fn end_at_size(to: &File, written: u64, size: u64) -> io::Result<()> {
    if written < size {
        to.set_len(size)?;
    }
    if has_size(to, size)? {
        Ok(())
    } else {
        Err(io::Error::other(
            "the file system reports another size than was written",
        ))
    }
}

impl From<Error> for ContentError {
    fn from(error: Error) -> Self {
        Self::Copy(error)
    }
}
