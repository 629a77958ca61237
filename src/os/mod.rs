//! What the standard library lacks of the operating system: folder handles, random bytes, the host's name, terminals.

pub mod deadline;
pub mod disk;
pub mod folder;
pub mod host;
pub mod origin;
pub mod reader;
pub mod stat;
pub mod terminal;
