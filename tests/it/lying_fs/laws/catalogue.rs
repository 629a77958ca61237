//! The lies of which the laws take some at random.

use std::time::Duration;

use fuser::Errno;

use crate::lying_fs::{
    Blocks, FAT_YEARS, Failure, Flag, Inodes, Lies, Names, Operation, Space, UNIX_32_BIT,
};

/// A lie with a name.
#[derive(Clone, Copy)]
pub(super) struct Lie {
    pub(super) name: &'static str,
    /// In spite of it every file can be copied, so that a failure is a fault.
    pub(super) is_harmless: bool,
    pub(super) tell: fn(&mut Lies),
}

impl std::fmt::Debug for Lie {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name)
    }
}

/// Every lie; with `AUTO_BACKUP_LIE` only those whose names contain it.
pub(super) fn lies() -> Vec<Lie> {
    let wanted = std::env::var("AUTO_BACKUP_LIE").unwrap_or_default();
    let all = [HARMLESS, HARMFUL].into_iter().zip([true, false]);
    let all = all.flat_map(|(lies, is_harmless)| {
        lies.iter().map(move |(name, tell)| Lie {
            name,
            is_harmless,
            tell: *tell,
        })
    });
    all.filter(|lie| lie.name.contains(&wanted)).collect()
}

type Named = (&'static str, fn(&mut Lies));

/// File systems that cannot do everything, or say so wrongly, and can hold every file.
const HARMLESS: &[Named] = &[
    ("exchange replaces", |lies| lies.exchange = Flag::Ignored),
    ("exchange EINVAL", |lies| {
        lies.exchange = Flag::Refused(Errno::EINVAL);
    }),
    ("exchange ENOSYS", |lies| {
        lies.exchange = Flag::Refused(Errno::ENOSYS);
    }),
    ("exchange EOPNOTSUPP", |lies| {
        lies.exchange = Flag::Refused(Errno::EOPNOTSUPP);
    }),
    ("no-replace replaces", |lies| {
        lies.no_replace = Flag::Ignored;
    }),
    ("no flags EINVAL", |lies| {
        lies.exchange = Flag::Refused(Errno::EINVAL);
        lies.no_replace = lies.exchange;
    }),
    ("no flags EOPNOTSUPP", |lies| {
        lies.exchange = Flag::Refused(Errno::EOPNOTSUPP);
        lies.no_replace = lies.exchange;
    }),
    ("no flags and no links", |lies| {
        lies.exchange = Flag::Refused(Errno::EINVAL);
        lies.no_replace = lies.exchange;
        lies.fail(Operation::HardLink, Errno::EPERM);
    }),
    ("flags replace and no links", |lies| {
        lies.exchange = Flag::Ignored;
        lies.no_replace = Flag::Ignored;
        lies.fail(Operation::HardLink, Errno::EOPNOTSUPP);
    }),
    ("inodes per name", |lies| lies.inodes = Inodes::PerName),
    ("inodes per path", |lies| lies.inodes = Inodes::PerPath),
    ("inodes per look", |lies| lies.inodes = Inodes::PerLook),
    ("inodes per name, no exchange", |lies| {
        lies.inodes = Inodes::PerName;
        lies.exchange = Flag::Refused(Errno::EINVAL);
    }),
    ("no free files", |lies| {
        lies.space = Some(Space::NO_FREE_FILES);
    }),
    ("space all zero", |lies| lies.space = Some(Space::ALL_ZERO)),
    ("space endless", |lies| lies.space = Some(Space::ENDLESS)),
    ("times of 1 s", |lies| {
        lies.times.step = Duration::from_secs(1);
    }),
    ("times of 2 s", |lies| {
        lies.times.step = Duration::from_secs(2);
    }),
    ("times of 2 s, up", |lies| {
        lies.times.step = Duration::from_secs(2);
        lies.times.up = true;
    }),
    ("times of 1 ms", |lies| {
        lies.times.step = Duration::from_millis(1);
    }),
    ("times of 1 us", |lies| {
        lies.times.step = Duration::from_micros(1);
    }),
    ("times of 100 ns", |lies| {
        lies.times.step = Duration::from_nanos(100);
    }),
    ("times of FAT", |lies| lies.times.range = Some(FAT_YEARS)),
    ("times of 32 bits", |lies| {
        lies.times.range = Some(UNIX_32_BIT);
    }),
    ("times shifted", |lies| lies.times.shift = 3600),
    ("times shifted back", |lies| lies.times.shift = -7200),
    ("times ignored", |lies| lies.times.ignored = true),
    ("half the blocks", |lies| lies.blocks = Blocks::Half),
    ("no blocks", |lies| lies.blocks = Blocks::Zero),
    ("many blocks", |lies| lies.blocks = Blocks::Many),
    ("no blocks, no holes", |lies| {
        lies.blocks = Blocks::Zero;
        lies.fail(Operation::Seek, Errno::ENOSYS);
    }),
    ("short reads", |lies| lies.short_reads = Some(1000)),
    ("modes fixed", |lies| lies.modes = Some((0o777, 0o777))),
    ("chmod EPERM", |lies| {
        lies.fail(Operation::SetMode, Errno::EPERM);
    }),
    ("chmod ENOSYS", |lies| {
        lies.fail(Operation::SetMode, Errno::ENOSYS);
    }),
    ("chmod EOPNOTSUPP", |lies| {
        lies.fail(Operation::SetMode, Errno::EOPNOTSUPP);
    }),
    ("link ENOSYS", |lies| {
        lies.fail(Operation::HardLink, Errno::ENOSYS);
    }),
    ("symlink ENOSYS", |lies| {
        lies.fail(Operation::MakeLink, Errno::ENOSYS);
    }),
    ("setxattr ENOSYS", |lies| {
        lies.fail(Operation::SetAttribute, Errno::ENOSYS);
    }),
    ("setxattr EOPNOTSUPP", |lies| {
        lies.fail(Operation::SetAttribute, Errno::EOPNOTSUPP);
    }),
    ("listxattr ENOSYS", |lies| {
        lies.fail(Operation::ListAttributes, Errno::ENOSYS);
    }),
    ("listxattr EOPNOTSUPP", |lies| {
        lies.fail(Operation::ListAttributes, Errno::EOPNOTSUPP);
    }),
    ("fallocate ENOSYS", |lies| {
        lies.fail(Operation::Allocate, Errno::ENOSYS);
    }),
    ("fallocate EOPNOTSUPP", |lies| {
        lies.fail(Operation::Allocate, Errno::EOPNOTSUPP);
    }),
    ("copy range ENOSYS", |lies| {
        lies.fail(Operation::CopyRange, Errno::ENOSYS);
    }),
    ("copy range EOPNOTSUPP", |lies| {
        lies.fail(Operation::CopyRange, Errno::EOPNOTSUPP);
    }),
    ("sync of folders EINVAL", |lies| {
        lies.fail(Operation::SyncFolder, Errno::EINVAL);
    }),
    ("sync of folders ENOSYS", |lies| {
        lies.fail(Operation::SyncFolder, Errno::ENOSYS);
    }),
    ("sync ENOSYS", |lies| {
        lies.fail(Operation::SyncFile, Errno::ENOSYS);
    }),
    ("names fold case", |lies| lies.names = Names::FoldCase),
    ("names fold forms", |lies| lies.names = Names::FoldForm),
    ("names fold both", |lies| lies.names = Names::FoldBoth),
    ("names in NFD", |lies| lies.names = Names::Nfd),
    ("names in NFC", |lies| lies.names = Names::Nfc),
];

/// File systems that fail, or do not do what they say.
const HARMFUL: &[Named] = &[
    ("inodes all the same", |lies| lies.inodes = Inodes::Same),
    ("no free bytes", |lies| {
        lies.space = Some(Space::NO_FREE_BYTES);
    }),
    ("exchange skipped", |lies| lies.exchange = Flag::Skipped),
    ("no-replace skipped", |lies| lies.no_replace = Flag::Skipped),
    ("another machine writes", |lies| {
        lies.rival = Some(b"theirs");
    }),
    ("another machine writes, no flags", |lies| {
        lies.rival = Some(b"theirs");
        lies.exchange = Flag::Refused(Errno::EINVAL);
        lies.no_replace = lies.exchange;
    }),
    ("sizes lag", |lies| lies.size_lag = 3),
    ("names in lower case", |lies| lies.names = Names::Lower),
    ("utimens EPERM", |lies| {
        lies.fail(Operation::SetTimes, Errno::EPERM);
    }),
    ("utimens ENOSYS", |lies| {
        lies.fail(Operation::SetTimes, Errno::ENOSYS);
    }),
    ("fsync EIO", |lies| {
        lies.fail(Operation::SyncFile, Errno::EIO);
    }),
    ("fsync EIO and lost", |lies| {
        lies.fail(Operation::SyncFile, Errno::EIO);
        lies.loses_what_failed = true;
    }),
    ("second fsync EIO and lost", |lies| {
        passing(lies, Operation::SyncFile, Errno::EIO, 1, 1);
        lies.loses_what_failed = true;
    }),
    ("close EIO", |lies| lies.fail(Operation::Flush, Errno::EIO)),
    ("close EIO and lost", |lies| {
        lies.fail(Operation::Flush, Errno::EIO);
        lies.loses_what_failed = true;
    }),
    ("sync of folders EIO", |lies| {
        lies.fail(Operation::SyncFolder, Errno::EIO);
    }),
    ("write EIO once", |lies| {
        passing(lies, Operation::Write, Errno::EIO, 2, 1);
    }),
    ("write ENOSPC", |lies| {
        passing(lies, Operation::Write, Errno::ENOSPC, 3, u64::MAX);
    }),
    ("read EIO once", |lies| {
        passing(lies, Operation::Read, Errno::EIO, 1, 1);
    }),
    ("read EIO", |lies| lies.fail(Operation::Read, Errno::EIO)),
    ("create EACCES", |lies| {
        passing(lies, Operation::Create, Errno::EACCES, 2, u64::MAX);
    }),
    ("rename EIO once", |lies| {
        passing(lies, Operation::Rename, Errno::EIO, 1, 1);
    }),
    ("rename EIO later", |lies| {
        passing(lies, Operation::Rename, Errno::EIO, 2, 2);
    }),
    ("rename EXDEV", |lies| {
        lies.fail(Operation::Rename, Errno::EXDEV);
    }),
    ("link EIO", |lies| {
        lies.fail(Operation::HardLink, Errno::EIO);
    }),
    ("unlink EIO", |lies| {
        lies.fail(Operation::Unlink, Errno::EIO);
    }),
    ("rmdir EIO", |lies| {
        lies.fail(Operation::RemoveFolder, Errno::EIO);
    }),
    ("mkdir ENOSPC", |lies| {
        passing(lies, Operation::MakeFolder, Errno::ENOSPC, 1, u64::MAX);
    }),
    ("stat EIO once", |lies| {
        passing(lies, Operation::GetAttributes, Errno::EIO, 12, 1);
    }),
    ("look EIO once", |lies| {
        passing(lies, Operation::Lookup, Errno::EIO, 9, 1);
    }),
    ("look EIO twice", |lies| {
        passing(lies, Operation::Lookup, Errno::EIO, 20, 2);
    }),
    ("open EIO once", |lies| {
        passing(lies, Operation::Open, Errno::EIO, 2, 1);
    }),
    ("readdir EIO once", |lies| {
        passing(lies, Operation::ReadFolder, Errno::EIO, 2, 1);
    }),
    ("opendir EACCES", |lies| {
        passing(lies, Operation::OpenFolder, Errno::EACCES, 3, u64::MAX);
    }),
    ("statfs ENOSYS", |lies| {
        lies.fail(Operation::Space, Errno::ENOSYS);
    }),
    ("statfs EIO", |lies| lies.fail(Operation::Space, Errno::EIO)),
];

/// Calls that fail, after some that work.
fn passing(lies: &mut Lies, operation: Operation, errno: Errno, after: u64, count: u64) {
    let failure = Failure {
        errno,
        after,
        count,
    };
    lies.failures.insert(operation, failure);
}
