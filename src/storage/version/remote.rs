//! Moves of files between two folders of a remote: to the old versions, and back. Its storage moves them without a new
//! upload. A listing of both folders proves each move, because a report alone does not.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::base::error::Result;
use crate::rclone::{TransferBatch, TransferEvent, TransferLimits};
use crate::storage::RemoteStorage;

/// Moves whose results are not proven yet.
#[derive(Debug, Default)]
pub struct RemoteMoves {
    /// The folders that files are moved from and to, below the root.
    from: PathBuf,
    to: PathBuf,
    /// Files that rclone reported as moved.
    moved: HashSet<PathBuf>,
    /// Files that rclone reported as failed, with its messages.
    failed: HashMap<PathBuf, String>,
    /// rclone's error that names none of the files.
    message: Option<String>,
}

/// Moves whose results a listing proves.
#[derive(Debug)]
pub struct ProvenMoves {
    moves: RemoteMoves,
    /// Files that may still be at their old paths, whatever rclone reported.
    remaining: HashSet<PathBuf>,
    /// Files that a listing shows at their new paths.
    there: HashSet<PathBuf>,
}

/// The result of one move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoveResult {
    Moved,
    /// There was no such file.
    Absent,
    /// The reason.
    Failed(String),
}

impl RemoteMoves {
    /// Moves files, by their paths below the first folder, to the same paths below the second.
    pub fn execute(
        storage: &RemoteStorage,
        files: &[PathBuf],
        [from, to]: [&Path; 2],
    ) -> Result<Self> {
        let limits = TransferLimits::default();
        let mut moves = Self {
            from: from.to_owned(),
            to: to.to_owned(),
            ..Self::default()
        };
        let batch = TransferBatch::move_within(&storage.remote, files, [from, to], &limits);
        moves.message = batch
            .run(&mut |event| match event {
                TransferEvent::Failed(path, message) | TransferEvent::Changing(path, message) => {
                    moves.failed.insert(path.to_owned(), message.to_owned());
                }
                TransferEvent::Done(path) => {
                    moves.moved.insert(path.to_owned());
                }
                TransferEvent::Bytes(_)
                | TransferEvent::VersionKept
                | TransferEvent::Repeated(_) => {}
            })?
            .error;
        Ok(moves)
    }

    /// True if rclone reported a file as moved.
    pub fn has_moved(&self) -> bool {
        !self.moved.is_empty()
    }

    /// Lists the old and the new paths.
    ///
    /// # Errors
    /// They cannot be listed: nothing is proven.
    pub fn verified(self, storage: &RemoteStorage, files: &[PathBuf]) -> Result<ProvenMoves> {
        Ok(ProvenMoves {
            remaining: self.remaining(storage, files)?,
            there: self.there(storage, files)?,
            moves: self,
        })
    }

    /// Returns the files that a listing of the new folder contains, also those that rclone did not report.
    fn there(&self, storage: &RemoteStorage, files: &[PathBuf]) -> Result<HashSet<PathBuf>> {
        let kept: Vec<PathBuf> = files.iter().map(|path| self.to.join(path)).collect();
        let listed = storage.list_files(&kept)?;
        let there = files.iter().zip(&kept);
        let there = there.filter(|(_, kept)| listed.file(kept).is_some());
        Ok(there.map(|(path, _)| path.clone()).collect())
    }

    /// Returns the files that are not proven to be absent from their old paths.
    fn remaining(&self, storage: &RemoteStorage, files: &[PathBuf]) -> Result<HashSet<PathBuf>> {
        let full: Vec<PathBuf> = files.iter().map(|path| self.from.join(path)).collect();
        let listed = storage.list_files(&full)?;
        let unmoved = files.iter().filter(|path| !self.moved.contains(*path));
        let unmoved = unmoved.map(|path| self.from.join(path)).collect();
        let mut remaining = storage.possibly_present(unmoved)?;
        let still_listed = full
            .iter()
            .filter(|path| listed.file(path).is_some() || listed.is_unread(path));
        remaining.extend(still_listed.cloned());
        let below = remaining
            .iter()
            .filter_map(|path| path.strip_prefix(&self.from).ok());
        Ok(below.map(Path::to_owned).collect())
    }
}

impl ProvenMoves {
    /// The result of the move of one file.
    pub fn result(&self, path: &Path) -> MoveResult {
        let failed = self.moves.failed.get(path);
        let is_there = self.there.contains(path);
        if self.remaining.contains(path) || (failed.is_some() && !is_there) {
            let message = failed.or(self.moves.message.as_ref());
            let reason = message.map_or("the storage still lists it", String::as_str);
            return MoveResult::Failed(format!("could not be moved: {reason}"));
        }
        if is_there {
            MoveResult::Moved
        } else if self.moves.moved.contains(path) {
            let reason = "rclone reported the move, but the file is not at its new path";
            MoveResult::Failed(reason.to_owned())
        } else {
            MoveResult::Absent
        }
    }
}

/// Removes files among the old versions for good. Returns those that are not proven to be gone.
///
/// # Errors
/// The storage refused, and what is left is not known.
pub fn delete_versions(storage: &RemoteStorage, files: &[PathBuf]) -> Result<HashSet<PathBuf>> {
    storage
        .remote
        .delete_files(files, &storage.remote.permit()?)?;
    storage.possibly_present(files.to_vec())
}
