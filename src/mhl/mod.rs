//! ASC MHL 2.0: histories of the hashes of files, kept in the folder `ascmhl` beside the files themselves.
//!
//! A folder comes in; its histories, what is wrong with them, and new generations go out. `xml` reads untrusted files in
//! bounded memory, `hash_list` and `chain` are the two kinds of files, `history` joins them, and `generation` appends.
//!
//! Rule: a history that is damaged is reported and never continued, and a file of a history is never changed once it has
//! its name.

mod chain;
mod file_name;
pub mod folder_hash;
pub mod generation;
pub mod hash_list;
pub mod history;
pub mod history_set;
pub mod ignore_list;
mod relative_path;
mod xml;

pub use self::chain::FILE_NAME as CHAIN_NAME;
pub(crate) use self::xml::escape::is_representable;
