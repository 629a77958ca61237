//! Files of equal content at several places (decision 54).
//!
//! A place is a path in a category and project; what several databases hold there are copies, not duplicates. The folders of
//! one place are joined over all databases, and each file of a place gives one record. Two passes read the index: the first
//! notes in a table of fixed size which contents occur twice, the second stores those records in temporary tables of the
//! index. There they are sorted on disk, grouped, and groups that pair up between the same folders become one block. So
//! memory does not depend on the number of files.

mod block;
mod content_filter;
mod found;
mod group;
mod joined_folder;
mod record;
mod sortable_path;
mod store;

pub use self::found::{
    DuplicateBlock, DuplicateGroup, DuplicatePlace, DuplicateTotals, FoundDuplicates, PlaceVisitor,
};
pub use self::group::DuplicateEvidence;
pub use self::joined_folder::DuplicateRequest;
