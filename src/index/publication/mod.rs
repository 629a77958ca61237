//! Published indexes: what an index knows of one database, as a file that the database carries with it.
//!
//! `write` makes the file from the index, and `file` opens one that a storage held. Any user may have written that file:
//! it is copied to a private place first, it must have the tables of `tables` and nothing else, every row is checked
//! against its checksum, and lost rows are noticed. `take_over` writes what is newer to the index, as another workstation's
//! scan. `seen` records which file was written or taken over last.

mod file;
#[cfg(test)]
mod law;
mod replica;
mod seen;
mod stage;
mod tables;
mod take_over;
mod write;

pub use self::file::{Publication, PublicationHeader};
pub(super) use self::seen::count_change;
pub use self::seen::{ChangeCount, FileSignature, SeenPublication};
pub use self::take_over::TakenOver;
pub use self::write::PublicationName;
