//! Uploads to a remote: many files in one rclone process, verified by one listing, recorded in the index.
//!
//! `Upload::send` takes the files in batches. It writes each batch to the upload journal, sends it, lists exactly these
//! files, and reports one outcome for each. A file counts as copied once the listing shows it with its size, and with its
//! mtime if the storage keeps mtimes. If the storage keeps none and rclone did not report the file as sent, the content is
//! compared. A file stays in the journal until it is verified, so that after a killed run one listing settles it.

mod attempt;
mod batch;
mod listed;
mod send;
mod source;
mod unicode_variant;
mod upload;
mod upload_journal;
mod verify;

pub use self::listed::list_files;
pub(crate) use self::source::{SourceProbe, SourceState};
pub use self::upload::{CANNOT_KEEP_VERSION, OutgoingFile, Upload, UploadEnd};
pub use self::upload_journal::settle_journal;
