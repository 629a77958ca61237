//! The size of a file, as its bytes prove it.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt as _;

use crate::base::interrupt;
use crate::os::file;

/// True if a file has this size, as its metadata or its bytes show.
pub(super) fn has_size(file: &File, size: u64) -> io::Result<bool> {
    Ok(file::stat(file)?.bytes == size || (has_byte_before(file, size)? && ends_at(file, size)?))
}

/// True if no byte can be read at this offset.
pub(super) fn ends_at(file: &File, offset: u64) -> io::Result<bool> {
    read_byte(file, offset).map(|read| read == 0)
}

/// True if the byte before this offset can be read, or the offset is 0.
fn has_byte_before(file: &File, offset: u64) -> io::Result<bool> {
    let Some(last) = offset.checked_sub(1) else {
        return Ok(true);
    };
    read_byte(file, last).map(|read| read == 1)
}

fn read_byte(file: &File, offset: u64) -> io::Result<usize> {
    loop {
        match file.read_at(&mut [0], offset) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                interrupt::check().map_err(|_| ErrorKind::Interrupted)?;
            }
            read => return read,
        }
    }
}
