//! The nouns of a studio: databases, categories, clients, projects and exclusions, and the registry that holds them.
//!
//! Names, roots and patterns come in as typed and go out checked: no two databases share a folder, and no name leaves its
//! root. `identity` proves that a root is the expected database, and `mount` that an unmounted folder is not a deleted one.

pub mod access;
pub mod address;
pub mod exclusion;
pub mod identity;
pub mod layout;
pub mod mount;
pub mod outside;
pub mod own_folder;
pub mod path;
pub mod place;
pub mod policy;
pub mod project;
mod project_id;
mod project_set;
pub mod registry;
