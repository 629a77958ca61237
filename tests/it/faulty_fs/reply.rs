//! Replies to the kernel: a result or an error number.

use std::time::Duration;

use fuser::{
    Errno, FileAttr, FileHandle, FopenFlags, Generation, ReplyAttr, ReplyData, ReplyEmpty,
    ReplyEntry, ReplyOpen, ReplyWrite, ReplyXattr,
};

use super::tree::FuseResult;

/// Lifetime in the kernel's cache: every `stat` becomes a request.
pub(super) const NOT_AT_ALL: Duration = Duration::ZERO;

pub(super) fn entry(reply: ReplyEntry, answer: FuseResult<FileAttr>) {
    match answer {
        Ok(attributes) => reply.entry(&NOT_AT_ALL, &attributes, Generation(0)),
        Err(errno) => reply.error(errno),
    }
}

pub(super) fn attributes(reply: ReplyAttr, answer: FuseResult<FileAttr>) {
    match answer {
        Ok(attributes) => reply.attr(&NOT_AT_ALL, &attributes),
        Err(errno) => reply.error(errno),
    }
}

pub(super) fn empty(reply: ReplyEmpty, answer: FuseResult<()>) {
    match answer {
        Ok(()) => reply.ok(),
        Err(errno) => reply.error(errno),
    }
}

pub(super) fn opened(reply: ReplyOpen, answer: FuseResult<()>, flags: FopenFlags) {
    match answer {
        Ok(()) => reply.opened(FileHandle(0), flags),
        Err(errno) => reply.error(errno),
    }
}

pub(super) fn written(reply: ReplyWrite, answer: FuseResult<u32>) {
    match answer {
        Ok(bytes) => reply.written(bytes),
        Err(errno) => reply.error(errno),
    }
}

pub(super) fn data(reply: ReplyData, answer: FuseResult<Vec<u8>>) {
    match answer {
        Ok(bytes) => reply.data(&bytes),
        Err(errno) => reply.error(errno),
    }
}

/// Extended attributes are requested twice: first for their size.
pub(super) fn sized(reply: ReplyXattr, answer: FuseResult<Vec<u8>>, size: u32) {
    match answer {
        Ok(bytes) if size == 0 => reply.size(u32::try_from(bytes.len()).unwrap()),
        Ok(bytes) if bytes.len() > size as usize => reply.error(Errno::ERANGE),
        Ok(bytes) => reply.data(&bytes),
        Err(errno) => reply.error(errno),
    }
}
