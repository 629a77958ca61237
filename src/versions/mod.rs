//! Old versions: listed, put back, and removed for good.
//!
//! Every copy, sync, heal and `free` keeps what it replaces or removes, in one folder for each run and storage. `list` reads
//! these folders, `restore` puts versions back, `undo` reverses a whole run, and `prune` removes versions whose content is
//! known elsewhere.
//!
//! Rule: what is there when a version is put back becomes a version itself.

mod current;
pub mod list;
mod place;
pub mod prune;
pub mod report;
pub mod restore;
pub mod undo;
