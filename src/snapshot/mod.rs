//! The state of one replica at one moment: its folders and files, packed and comparable.
//!
//! A walk or a listing comes in; a manifest for each folder, a tree, a diff of two trees, sequences of frames, digests and
//! aggregates go out. All are plain values. No symbolic link is followed, and a folder that could not be read is marked as
//! unread, never as empty.

pub mod aggregate;
pub mod diff;
pub mod digest;
pub mod discovery;
pub mod manifest;
pub mod respelled;
pub mod sequence;
pub mod time_alias;
pub mod tree;
pub mod walk;
