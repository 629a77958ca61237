//! System calls that the standard library lacks: folder handles, renames that cannot replace, reflinks, flushing,
//! extended attributes, free space, random IDs, terminals.
//!
//! Everything is reached through handles of open folders, so that no symbolic link leads out of a root. Some file
//! systems report success falsely; `feature` finds them with probes, and callers check the results there. This folder
//! contains no rule of the product.

pub mod account;
pub mod attribute;
pub mod boot_clock;
pub mod descent;
pub mod disk;
pub mod disk_traffic;
pub mod exec_shim;
pub mod feature;
mod feature_cache;
pub mod file;
pub mod file_id;
pub mod folder;
pub mod full_screen;
pub mod host;
pub mod io_priority;
pub mod limit;
pub mod medium;
pub mod mount_table;
pub mod own_file;
pub mod private_folder;
pub mod process_mark;
pub mod reader;
pub mod rename;
pub mod scratch;
pub mod space;
pub mod stat;
pub mod terminal;
pub mod thread_time;
pub mod timeout;
pub mod trusted_folder;
pub mod trusted_path;
pub mod volume;
