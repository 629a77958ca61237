//! Executes plans on a local destination: copies files, renames, deletes, and sets the metadata of folders.
//!
//! `executor` takes the lock, cleans up after interrupted runs, and calls the steps in their order. `transfer` copies: the
//! queue hands out batches of files; each worker copies them to temporary names and collects these in a group. A group is
//! flushed, read back and renamed as a whole. A file counts as copied only when its final name is on stable storage.
//! Files of a remote source are first fetched into a private folder (`from_remote`).

mod case_rename;
mod cleanup;
mod context;
mod deletion;
mod executor;
mod fetch;
mod fetch_folder;
mod folder;
mod folder_metadata;
mod from_remote;
mod group;
mod history;
mod item;
mod queue;
mod transfer;
mod worker;

pub use self::context::{TimeMismatch, VerifiedFile};
