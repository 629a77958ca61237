//! The name index: answers which folders may hold a name with given letters, so that `find` reads only those.
//!
//! Folders of one replica form blocks (`block`). A posting list names the blocks in which a trigram occurs (`posting_list`); the
//! lists of one scan are a segment, packed into pages (`page`). A scan stages its segment (`staged_names`) and writes it in its
//! transaction (`segment`), which also merges small segments (`merge`). A search intersects lists (`search`). The design is
//! that of plocate, with blocks of folders instead of names.
//!
//! Rule: a search may read a folder too many, and never misses one. What the lists say about folders that changed or no
//! longer exist stays until it is merged or rebuilt; each folder that is read is compared with the pattern anyway. A replica
//! without a row in `name_replicas` is read as a whole. All tables may be dropped: `load` builds them again (`rebuild`).

mod block;
#[cfg(test)]
mod law;
mod merge;
mod page;
mod posting_list;
mod query;
mod rebuild;
mod search;
mod segment;
mod staged_names;
mod tables;
mod trigram;

pub use self::query::{NameQuery, QueryText};
pub use self::search::NameCandidates;
pub(super) use self::staged_names::{
    FolderNumber, NameStaging, NameWriter, STAGING_TABLES, StagedNames, WrittenReplica,
};
pub(super) use self::tables::{NAME_TABLES, prepare, store_names_checksum};
