//! Executes plans on a remote: many files in one rclone process, verified by one listing, recorded in the index.
//!
//! `executor` calls the steps in their order: renames (`rename`, `case_rename`), uploads, deletions (`deletion`).
//! `Upload::send` takes the files in batches. It writes each batch to the upload journal, sends it, lists exactly these
//! files, and reports one outcome for each. A file counts as copied once the listing shows it with its size, and with its
//! mtime if the storage keeps mtimes. If the storage keeps none and rclone did not report the file as sent, the content is
//! compared. A file stays in the journal until it is verified, so that after a killed run one listing settles it.

mod attempt;
mod batch;
mod case_rename;
mod change;
mod deletion;
mod executor;
mod listed;
mod rename;
mod send;
mod unicode_variant;
mod upload;
mod upload_journal;
mod verify;
