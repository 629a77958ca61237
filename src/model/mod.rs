//! The nouns of a studio: databases, categories, clients, projects, exclusions and the registry that tracks them.
//!
//! Names and roots come in as typed and go out checked: no two databases share a folder, no name leaves its root. The
//! identity file, which proves that a root is the database it was, is read and written here.

pub mod address;
pub mod exclusion;
pub mod identity;
pub mod mount;
pub mod own_folder;
pub mod path;
pub mod place;
pub mod project;
pub mod registry;
