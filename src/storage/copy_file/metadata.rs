//! The metadata that a copy gets from its source.

use std::fs::File;
use std::io;

use crate::os::attribute::{Attributes, XattrOutcome};
use crate::os::file;
use crate::os::stat::Stat;

/// Metadata of a source file.
#[derive(Clone, Debug)]
pub struct SourceMetadata {
    pub stat: Stat,
    pub attributes: Attributes,
}

impl SourceMetadata {
    /// Gives a copy the extended attributes, permissions and time of its source; returns the result of the first and the
    /// copy's metadata. In this order, because the owner may set attributes only while the file is writable.
    pub(super) fn apply(&self, copy: &File) -> io::Result<(XattrOutcome, Stat)> {
        let Self { stat, attributes } = self;
        let applied = attributes.apply(copy);
        let mode = match attributes.acl_group_mode() {
            // Without the access control list, the group's bits would grant more than the list does.
            Some(group) if applied != XattrOutcome::Copied => {
                stat.mode & !0o070 | stat.mode & group
            }
            _ => stat.mode,
        };
        file::set_mode(copy, mode)?;
        file::set_modified(copy, stat.modified)?;
        Ok((applied, file::stat(copy)?))
    }
}
