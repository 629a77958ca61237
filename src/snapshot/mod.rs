//! A snapshot: the state of one replica at one moment, as plain values.
//!
//! A walk of a disk or a listing of a remote comes in. A manifest for each folder, a tree, the difference of two trees,
//! sequences of frames, digests and aggregates go out.
//!
//! The rule it guards: no symbolic link is followed, and a folder that could not be read, or whose disk is not mounted, is
//! marked as unreadable, never as empty.

pub mod aggregate;
pub mod content_hash;
pub mod diff;
pub mod digest;
pub mod discovery;
pub mod excluded;
pub mod file_hash;
pub mod manifest;
pub mod manifest_join;
pub mod respelled;
pub mod sequence;
pub mod time_alias;
pub mod tree;
pub mod tree_walk;
pub mod union;
pub mod varint;
pub mod walk;
