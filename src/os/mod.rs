//! What the standard library lacks of the operating system: folder handles, renames that cannot replace, clones, flushing,
//! extended attributes, free space, random bytes, the host's name, terminals.

pub mod account;
pub mod attributes;
pub mod deadline;
pub mod descent;
pub mod disk;
pub mod features;
pub mod file;
pub mod folder;
pub mod guard;
pub mod host;
pub mod limits;
pub mod mounts;
pub mod origin;
pub mod own_file;
pub mod own_folder;
pub mod private;
pub mod reader;
pub mod rename;
pub mod scratch;
pub mod space;
pub mod stat;
pub mod terminal;
pub mod trusted_path;
