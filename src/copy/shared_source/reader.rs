//! The threads that read a source for several destinations.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use super::batch::{Batch, BatchFile, BatchedContent};
use super::job::{Job, JobQueue, UnionFile};
use super::seat::Unit;
use super::state::SharedSource;
use super::stream::{FileStream, StreamEnd};
use super::union::FileUnion;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::interrupt;
use crate::os::attribute::XattrCopier;
use crate::os::descent::FolderOpener;
use crate::os::file;
use crate::os::folder::Folder;
use crate::storage::copy_file::{BLOCK_BYTES, BlockReader, SourceMetadata};

/// Ends the read when it is dropped, also after a panic: no destination may wait for it.
struct ReadingGuard<'s>(&'s SharedSource);

impl Drop for ReadingGuard<'_> {
    fn drop(&mut self) {
        self.0.end_reading();
    }
}

/// Starts reading the files of the union. If the system refuses threads, no file is read, and every destination misses all.
pub(super) fn start(shared: &Arc<SharedSource>, union: &Arc<FileUnion>) {
    let (own, union) = (Arc::clone(shared), Arc::clone(union));
    let begun = thread::Builder::new().spawn(move || {
        let _guard = ReadingGuard(&own);
        let queue = JobQueue::new(&union);
        thread::scope(|scope| {
            let (own, union, queue) = (&*own, &*union, &queue);
            for _ in 1..own.from.threads {
                let work = move || Reader::new(own, union).run(queue, false);
                if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    // The threads that did start are enough.
                    break;
                }
            }
            Reader::new(own, union).run(queue, true);
        });
    });
    if begun.is_err() {
        shared.end_reading();
    }
}

/// State of one reading thread.
struct Reader<'s> {
    shared: &'s SharedSource,
    union: &'s FileUnion,
    opener: FolderOpener,
    /// The last folder, by its index in the union.
    folder: Option<(usize, Folder)>,
    attributes: XattrCopier,
}

impl<'s> Reader<'s> {
    fn new(shared: &'s SharedSource, union: &'s FileUnion) -> Self {
        Self {
            shared,
            union,
            opener: FolderOpener::new(&shared.from.root),
            folder: None,
            attributes: XattrCopier::default(),
        }
    }

    /// Reads until no file is left, or cancellation.
    fn run(mut self, queue: &JobQueue<'_>, large_first: bool) {
        while interrupt::check().is_ok()
            && let Some(job) = queue.next(large_first)
        {
            let is_canceled = match job {
                Job::Batch(files) => self.read_batch(files).is_none(),
                Job::FileStream(file) => self.read_stream(file).is_none(),
            };
            if is_canceled {
                return;
            }
        }
    }

    /// Reads small files and publishes them together; `None` after cancellation.
    fn read_batch(&mut self, files: Vec<UnionFile>) -> Option<()> {
        let shared = self.shared;
        let mut block = shared.pool.take(&mut || shared.make_room())?;
        let mut used = 0;
        let mut read = Vec::with_capacity(files.len());
        for file in files {
            let free = used..BLOCK_BYTES;
            let content = match self.read_into(&file, &mut block.bytes, free) {
                Ok((content, end)) => {
                    used = end;
                    Ok(content)
                }
                Err(Error::Interrupted) => return None,
                Err(error) => Err(Arc::new(error)),
            };
            read.push(BatchFile { file, content });
        }
        shared.publish(&Unit::Batch(Arc::new(Batch::new(read, block))));
        Some(())
    }

    /// Reads a small file into the free range of a block; returns its content and the end of the used range.
    fn read_into(
        &mut self,
        file: &UnionFile,
        block: &mut [u8],
        free: Range<usize>,
    ) -> Result<(BatchedContent, usize)> {
        let (opened, metadata, path) = self.open(file)?;
        let changed = || Error::SourceChanged { path: path.clone() };
        let mut reader = BlockReader::new(&metadata.stat, self.shared.from.verify);
        let (mut pieces, mut used) = (Vec::new(), free.start);
        if metadata.stat.bytes != file.bytes {
            // It might not fit.
            return Err(changed());
        }
        while let Some((offset, length)) = reader
            .read(&opened, &mut block[used..free.end])
            .map_err(|error| read_error(error, &path))?
        {
            pieces.push((offset, used..used + length));
            used += length;
        }
        let end = reader
            .finish(&opened)
            .map_err(|error| read_error(error, &path))?;
        if !end.is_whole || !file::is_unchanged(&opened, &metadata.stat) {
            return Err(changed());
        }
        let digest = end.digest;
        let content = BatchedContent {
            metadata,
            pieces,
            digest,
        };
        Ok((content, used))
    }

    /// Reads a large file and publishes it piece by piece; `None` after cancellation.
    fn read_stream(&mut self, file: UnionFile) -> Option<()> {
        let takers = self.shared.takers(&file);
        let (opened, metadata, path) = match self.open(&file) {
            Ok(opened) => opened,
            Err(error) => {
                // A batch without content carries the failure.
                let block = self.shared.pool.take(&mut || self.shared.make_room())?;
                let content = Err(Arc::new(error));
                let failed = Batch::new(vec![BatchFile { file, content }], block);
                self.shared.publish(&Unit::Batch(Arc::new(failed)));
                return Some(());
            }
        };
        let stat = metadata.stat;
        let stream = Arc::new(FileStream::new(file, metadata, &takers));
        if !self.shared.publish(&Unit::FileStream(Arc::clone(&stream))) {
            return Some(());
        }
        let mut reader = BlockReader::new(&stat, self.shared.from.verify);
        let pushed = self.push_blocks(&stream, &opened, &mut reader);
        let end = pushed.and_then(|is_wanted| match is_wanted {
            Some(true) => reader.finish(&opened).map(Some),
            _ => Ok(None),
        });
        let changed = || Error::SourceChanged { path: path.clone() };
        let end = match end {
            Ok(Some(end)) if end.is_whole && file::is_unchanged(&opened, &stat) => {
                self.shared.set_digest(&stream.file, end.digest);
                StreamEnd::Whole(end.digest)
            }
            Ok(_) => StreamEnd::Failed(Arc::new(changed())),
            // A change explains a failure to read, so it is reported first.
            Err(_) if !file::is_unchanged(&opened, &stat) => StreamEnd::Failed(Arc::new(changed())),
            Err(error) => StreamEnd::Failed(Arc::new(read_error(error, &path))),
        };
        stream.finish(end);
        Some(())
    }

    /// Pushes all pieces of a file. Returns false if no destination wants the rest, and `None` after cancellation.
    fn push_blocks(
        &self,
        stream: &FileStream,
        opened: &std::fs::File,
        reader: &mut BlockReader,
    ) -> std::io::Result<Option<bool>> {
        let shared = self.shared;
        loop {
            let Some(mut block) = shared.pool.take(&mut || shared.make_room()) else {
                return Ok(None);
            };
            let Some((offset, length)) = reader.read(opened, &mut block.bytes)? else {
                return Ok(Some(true));
            };
            if !stream.push(offset, length, block) {
                return Ok(Some(false));
            }
        }
    }

    /// Opens a file with its metadata, and returns its path for messages.
    fn open(&mut self, file: &UnionFile) -> Result<(std::fs::File, SourceMetadata, PathBuf)> {
        let folder = self.open_folder(file.folder)?;
        let name = file.name.as_os_str();
        let path = folder.path().join(name);
        let (opened, stat) = folder.open_file(name)?;
        let attributes = self.attributes.read(&opened);
        Ok((opened, SourceMetadata { stat, attributes }, path))
    }

    fn open_folder(&mut self, number: usize) -> Result<&Folder> {
        let opened = match self.folder.take() {
            Some((last, folder)) if last == number => folder,
            _ => {
                let folder = &self.union.folders[number];
                let path = self.shared.from.kind.path(&folder.replica, &folder.path);
                self.opener.open(&path)?
            }
        };
        Ok(&self.folder.insert((number, opened)).1)
    }
}

/// Separates a request to stop from a failure to read.
fn read_error(error: std::io::Error, path: &std::path::Path) -> Error {
    if error.kind() == std::io::ErrorKind::Interrupted && interrupt::check().is_err() {
        return Error::Interrupted;
    }
    match Err::<(), _>(error).at("read", path) {
        Err(error) => error,
        Ok(()) => Error::Interrupted,
    }
}
