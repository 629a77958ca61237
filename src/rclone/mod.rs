//! Databases on a remote, reached through the rclone program.
//!
//! Requests come in: list, check, upload, download, rename, create and remove folders. Listings, verdicts and transfer
//! events go out. A request covers many files at once: it is one rclone process, or one call to the daemon (`rclone rcd`)
//! that a run starts once for each remote.
//!
//! The rule it guards: neither rclone's exit status nor its log proves anything about a single file. A file is on the
//! remote only if a later listing shows it, and a folder is missing only if a listing of its parent does not show it.

mod bandwidth;
mod batch;
mod check;
mod command;
mod configured;
mod connection;
mod daemon;
mod digest;
mod entry;
mod feature;
mod folder;
mod folder_name;
mod identity;
#[cfg(test)]
mod law;
mod line;
mod list;
mod list_reader;
mod listed_file;
mod log;
mod message;
mod message_text;
mod name;
mod own_file;
mod probe_file;
mod process;
mod program;
mod remote;
mod removal;
mod rename;
mod retry;
mod socket;
mod status;
mod transfer;
mod transfer_log;
mod unicode;

pub use self::bandwidth::is_rate;
pub use self::batch::{BatchEnd, TransferBatch, TransferLimits};
pub use self::check::{CheckMethod, CheckVerdict};
pub use self::configured::{configuration_state, configured_remotes};
pub use self::connection::ConnectionCheck;
pub use self::digest::StatedDigest;
pub use self::feature::RemoteFeatures;
pub use self::folder::UnmadeFolders;
pub use self::listed_file::{ListTarget, ListedFile, RemoteListing, TimeSource};
pub use self::name::unsupported_reason;
pub use self::program::RcloneVersion;
pub use self::remote::Remote;
pub use self::transfer_log::TransferEvent;
pub use self::unicode::UnicodeLookup;
