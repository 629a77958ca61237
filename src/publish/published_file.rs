//! The file of a published index: its name, its largest size, and the error of a file that is refused.

use std::path::{Path, PathBuf};

use crate::base::error::{Error, PublicationProblem, Result};
use crate::base::own_name::OWN_FOLDER;
use crate::base::unit;

/// Name of the published index in the program's folder.
pub(super) const FILE_NAME: &str = "index.sqlite";

/// Largest published index that is written or read, in bytes: about 200 million files with evidence.
const MAX_BYTES: u64 = 8 << 30;

/// The path of a published index below the root of its storage.
pub(super) fn relative_path() -> PathBuf {
    Path::new(OWN_FOLDER).join(FILE_NAME)
}

/// Returns the error of a file that is refused.
pub(super) const fn refused(path: PathBuf, problem: PublicationProblem) -> Error {
    Error::Publication { path, problem }
}

/// Fails if a published index is larger than this program reads or writes.
pub(super) fn require_size(path: &Path, bytes: u64) -> Result<()> {
    if bytes <= MAX_BYTES {
        return Ok(());
    }
    let problem = PublicationProblem::TooLarge {
        size: unit::format_bytes(bytes),
        limit: unit::format_bytes(MAX_BYTES),
    };
    Err(refused(path.to_owned(), problem))
}
