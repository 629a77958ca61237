//! Work for the disk while the next copy is made.

use std::fs::File;

use crate::os::file;

/// Size from which the disk begins to write a copy at once: 256 KiB. Smaller files are written together, which costs less.
const MIN_WRITE_OUT_BYTES: u64 = 256 << 10;

/// Lets the disk begin to write a copy that is complete in memory. The flush of its group then waits for less.
pub(super) fn begin_write_out(copy: &File, bytes: u64) {
    if bytes >= MIN_WRITE_OUT_BYTES {
        file::begin_write_out(copy);
    }
}
