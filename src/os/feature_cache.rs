//! Features of file systems, and the cache of those that were probed.

use std::collections::BTreeMap;
use std::sync::Mutex;

/// Features of one file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the features are independent of each other"
)]
pub struct FileSystemFeatures {
    /// Two names can be exchanged.
    pub exchange: bool,
    /// A rename can refuse to replace.
    pub no_replace: bool,
    /// A file can have a second name, which never replaces.
    pub hard_links: bool,
    /// A file keeps its file ID under every name, and no other file has the same one.
    pub stable_ids: bool,
    /// The result of a rename needs no check.
    pub is_reliable: bool,
}

impl FileSystemFeatures {
    pub(super) const ALL: Self = Self {
        exchange: true,
        no_replace: true,
        hard_links: true,
        stable_ids: true,
        is_reliable: true,
    };

    pub(super) const NONE: Self = Self {
        exchange: false,
        no_replace: false,
        hard_links: false,
        stable_ids: false,
        is_reliable: false,
    };
}

/// Features of the probed file systems, by device number.
#[derive(Debug, Default)]
pub(super) struct FeatureCache(pub(super) Mutex<BTreeMap<u64, FileSystemFeatures>>);
