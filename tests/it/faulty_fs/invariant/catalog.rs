//! The faults from which the laws choose at random.

use std::time::Duration;

use fuser::Errno;

use crate::faulty_fs::{
    BlockFault, FAT_YEARS, Faults, FuseOperation, InjectedFailure, InodeFault, NameFault,
    RenameFlagFault, ReportedSpace, UNIX_32_BIT,
};

/// A named fault.
#[derive(Clone, Copy)]
pub(super) struct NamedFaults {
    pub(super) name: &'static str,
    /// True if every file can be copied in spite of it, so that a failure breaks a law.
    pub(super) is_harmless: bool,
    pub(super) tell: fn(&mut Faults),
}

impl std::fmt::Debug for NamedFaults {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name)
    }
}

/// Returns every fault; with `AUTO_BACKUP_LIE` only those whose names contain it.
pub(super) fn lies() -> Vec<NamedFaults> {
    let wanted = std::env::var("AUTO_BACKUP_LIE").unwrap_or_default();
    let all = [HARMLESS, HARMFUL].into_iter().zip([true, false]);
    let all = all.flat_map(|(lies, is_harmless)| {
        lies.iter().map(move |(name, tell)| NamedFaults {
            name,
            is_harmless,
            tell: *tell,
        })
    });
    all.filter(|lie| lie.name.contains(&wanted)).collect()
}

type FaultCase = (&'static str, fn(&mut Faults));

/// Faults of limited or imprecise file systems that can hold every file.
const HARMLESS: &[FaultCase] = &[
    ("exchange replaces", |lies| {
        lies.exchange = RenameFlagFault::Ignored;
    }),
    ("exchange EINVAL", |lies| {
        lies.exchange = RenameFlagFault::Refused(Errno::EINVAL);
    }),
    ("exchange ENOSYS", |lies| {
        lies.exchange = RenameFlagFault::Refused(Errno::ENOSYS);
    }),
    ("exchange EOPNOTSUPP", |lies| {
        lies.exchange = RenameFlagFault::Refused(Errno::EOPNOTSUPP);
    }),
    ("no-replace replaces", |lies| {
        lies.no_replace = RenameFlagFault::Ignored;
    }),
    ("no flags EINVAL", |lies| {
        lies.exchange = RenameFlagFault::Refused(Errno::EINVAL);
        lies.no_replace = lies.exchange;
    }),
    ("no flags EOPNOTSUPP", |lies| {
        lies.exchange = RenameFlagFault::Refused(Errno::EOPNOTSUPP);
        lies.no_replace = lies.exchange;
    }),
    ("no flags and no links", |lies| {
        lies.exchange = RenameFlagFault::Refused(Errno::EINVAL);
        lies.no_replace = lies.exchange;
        lies.fail(FuseOperation::HardLink, Errno::EPERM);
    }),
    ("flags replace and no links", |lies| {
        lies.exchange = RenameFlagFault::Ignored;
        lies.no_replace = RenameFlagFault::Ignored;
        lies.fail(FuseOperation::HardLink, Errno::EOPNOTSUPP);
    }),
    ("inodes per name", |lies| lies.inodes = InodeFault::PerName),
    ("inodes per path", |lies| lies.inodes = InodeFault::PerPath),
    ("inodes per look", |lies| lies.inodes = InodeFault::PerLook),
    ("inodes per name, no exchange", |lies| {
        lies.inodes = InodeFault::PerName;
        lies.exchange = RenameFlagFault::Refused(Errno::EINVAL);
    }),
    ("no free files", |lies| {
        lies.space = Some(ReportedSpace::NO_FREE_FILES);
    }),
    ("space all zero", |lies| {
        lies.space = Some(ReportedSpace::ALL_ZERO);
    }),
    ("space endless", |lies| {
        lies.space = Some(ReportedSpace::ENDLESS);
    }),
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
    ("half the blocks", |lies| lies.blocks = BlockFault::Half),
    ("no blocks", |lies| lies.blocks = BlockFault::Zero),
    ("many blocks", |lies| lies.blocks = BlockFault::Many),
    ("no blocks, no holes", |lies| {
        lies.blocks = BlockFault::Zero;
        lies.fail(FuseOperation::Seek, Errno::ENOSYS);
    }),
    ("short reads", |lies| lies.short_reads = Some(1000)),
    ("modes fixed", |lies| lies.modes = Some((0o777, 0o777))),
    ("chmod EPERM", |lies| {
        lies.fail(FuseOperation::SetMode, Errno::EPERM);
    }),
    ("chmod ENOSYS", |lies| {
        lies.fail(FuseOperation::SetMode, Errno::ENOSYS);
    }),
    ("chmod EOPNOTSUPP", |lies| {
        lies.fail(FuseOperation::SetMode, Errno::EOPNOTSUPP);
    }),
    ("link ENOSYS", |lies| {
        lies.fail(FuseOperation::HardLink, Errno::ENOSYS);
    }),
    ("symlink ENOSYS", |lies| {
        lies.fail(FuseOperation::MakeLink, Errno::ENOSYS);
    }),
    ("setxattr ENOSYS", |lies| {
        lies.fail(FuseOperation::SetAttribute, Errno::ENOSYS);
    }),
    ("setxattr EOPNOTSUPP", |lies| {
        lies.fail(FuseOperation::SetAttribute, Errno::EOPNOTSUPP);
    }),
    ("listxattr ENOSYS", |lies| {
        lies.fail(FuseOperation::ListAttributes, Errno::ENOSYS);
    }),
    ("listxattr EOPNOTSUPP", |lies| {
        lies.fail(FuseOperation::ListAttributes, Errno::EOPNOTSUPP);
    }),
    ("fallocate ENOSYS", |lies| {
        lies.fail(FuseOperation::Allocate, Errno::ENOSYS);
    }),
    ("fallocate EOPNOTSUPP", |lies| {
        lies.fail(FuseOperation::Allocate, Errno::EOPNOTSUPP);
    }),
    ("copy range ENOSYS", |lies| {
        lies.fail(FuseOperation::CopyRange, Errno::ENOSYS);
    }),
    ("copy range EOPNOTSUPP", |lies| {
        lies.fail(FuseOperation::CopyRange, Errno::EOPNOTSUPP);
    }),
    ("sync of folders EINVAL", |lies| {
        lies.fail(FuseOperation::SyncFolder, Errno::EINVAL);
    }),
    ("sync of folders ENOSYS", |lies| {
        lies.fail(FuseOperation::SyncFolder, Errno::ENOSYS);
    }),
    ("sync ENOSYS", |lies| {
        lies.fail(FuseOperation::SyncFile, Errno::ENOSYS);
    }),
    ("names fold case", |lies| lies.names = NameFault::FoldCase),
    ("names fold forms", |lies| lies.names = NameFault::FoldForm),
    ("names fold both", |lies| lies.names = NameFault::FoldBoth),
    ("names in NFD", |lies| lies.names = NameFault::Nfd),
    ("names in NFC", |lies| lies.names = NameFault::Nfc),
];

/// Faults of failing file systems, or of operations without effect.
const HARMFUL: &[FaultCase] = &[
    ("inodes all the same", |lies| lies.inodes = InodeFault::Same),
    ("no free bytes", |lies| {
        lies.space = Some(ReportedSpace::NO_FREE_BYTES);
    }),
    ("exchange skipped", |lies| {
        lies.exchange = RenameFlagFault::Skipped;
    }),
    ("no-replace skipped", |lies| {
        lies.no_replace = RenameFlagFault::Skipped;
    }),
    ("another machine writes", |lies| {
        lies.rival = Some(b"theirs");
    }),
    ("another machine writes, no flags", |lies| {
        lies.rival = Some(b"theirs");
        lies.exchange = RenameFlagFault::Refused(Errno::EINVAL);
        lies.no_replace = lies.exchange;
    }),
    ("sizes lag", |lies| lies.size_lag = 3),
    ("names in lower case", |lies| lies.names = NameFault::Lower),
    ("utimens EPERM", |lies| {
        lies.fail(FuseOperation::SetTimes, Errno::EPERM);
    }),
    ("utimens ENOSYS", |lies| {
        lies.fail(FuseOperation::SetTimes, Errno::ENOSYS);
    }),
    ("fsync EIO", |lies| {
        lies.fail(FuseOperation::SyncFile, Errno::EIO);
    }),
    ("fsync EIO and lost", |lies| {
        lies.fail(FuseOperation::SyncFile, Errno::EIO);
        lies.loses_what_failed = true;
    }),
    ("second fsync EIO and lost", |lies| {
        passing(lies, FuseOperation::SyncFile, Errno::EIO, 1, 1);
        lies.loses_what_failed = true;
    }),
    ("close EIO", |lies| {
        lies.fail(FuseOperation::Flush, Errno::EIO);
    }),
    ("close EIO and lost", |lies| {
        lies.fail(FuseOperation::Flush, Errno::EIO);
        lies.loses_what_failed = true;
    }),
    ("sync of folders EIO", |lies| {
        lies.fail(FuseOperation::SyncFolder, Errno::EIO);
    }),
    ("write EIO once", |lies| {
        passing(lies, FuseOperation::Write, Errno::EIO, 2, 1);
    }),
    ("write ENOSPC", |lies| {
        passing(lies, FuseOperation::Write, Errno::ENOSPC, 3, u64::MAX);
    }),
    ("read EIO once", |lies| {
        passing(lies, FuseOperation::Read, Errno::EIO, 1, 1);
    }),
    ("read EIO", |lies| {
        lies.fail(FuseOperation::Read, Errno::EIO);
    }),
    ("create EACCES", |lies| {
        passing(lies, FuseOperation::Create, Errno::EACCES, 2, u64::MAX);
    }),
    ("rename EIO once", |lies| {
        passing(lies, FuseOperation::Rename, Errno::EIO, 1, 1);
    }),
    ("rename EIO later", |lies| {
        passing(lies, FuseOperation::Rename, Errno::EIO, 2, 2);
    }),
    ("rename EXDEV", |lies| {
        lies.fail(FuseOperation::Rename, Errno::EXDEV);
    }),
    ("link EIO", |lies| {
        lies.fail(FuseOperation::HardLink, Errno::EIO);
    }),
    ("unlink EIO", |lies| {
        lies.fail(FuseOperation::Unlink, Errno::EIO);
    }),
    ("rmdir EIO", |lies| {
        lies.fail(FuseOperation::RemoveFolder, Errno::EIO);
    }),
    ("mkdir ENOSPC", |lies| {
        passing(lies, FuseOperation::MakeFolder, Errno::ENOSPC, 1, u64::MAX);
    }),
    ("stat EIO once", |lies| {
        passing(lies, FuseOperation::GetAttributes, Errno::EIO, 12, 1);
    }),
    ("look EIO once", |lies| {
        passing(lies, FuseOperation::Lookup, Errno::EIO, 9, 1);
    }),
    ("look EIO twice", |lies| {
        passing(lies, FuseOperation::Lookup, Errno::EIO, 20, 2);
    }),
    ("open EIO once", |lies| {
        passing(lies, FuseOperation::Open, Errno::EIO, 2, 1);
    }),
    ("readdir EIO once", |lies| {
        passing(lies, FuseOperation::ReadFolder, Errno::EIO, 2, 1);
    }),
    ("opendir EACCES", |lies| {
        passing(lies, FuseOperation::OpenFolder, Errno::EACCES, 3, u64::MAX);
    }),
    ("statfs ENOSYS", |lies| {
        lies.fail(FuseOperation::Space, Errno::ENOSYS);
    }),
    ("statfs EIO", |lies| {
        lies.fail(FuseOperation::Space, Errno::EIO);
    }),
];

/// Sets calls that fail after some successes.
fn passing(lies: &mut Faults, operation: FuseOperation, errno: Errno, after: u64, count: u64) {
    let failure = InjectedFailure {
        errno,
        after,
        count,
    };
    lies.failures.insert(operation, failure);
}
