//! All faults of a lying file system.

use std::collections::BTreeMap;
use std::time::Duration;

use fuser::Errno;

/// Faults of a file system; the default has none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) exchange: RenameFlagFault,
    pub(crate) no_replace: RenameFlagFault,
    pub(crate) times: TimeFaults,
    pub(crate) inodes: InodeFault,
    pub(crate) names: NameFault,
    pub(crate) blocks: BlockFault,
    /// Numbers that `statfs` returns instead of true ones.
    pub(crate) space: Option<ReportedSpace>,
    /// Number of `stat` calls after a change of a file's size that still return the old size.
    pub(crate) size_lag: u32,
    /// Most bytes that one `read` returns.
    pub(crate) short_reads: Option<u32>,
    /// Permission bits of every file and folder, whatever `chmod` sets: `(files, folders)`.
    pub(crate) modes: Option<(u32, u32)>,
    /// Time that each `write` takes.
    pub(crate) write_delay: Duration,
    /// Time until the reply to each `lookup`, beside all others. Mounted with it, the kernel sends lookups of one folder
    /// at once.
    pub(crate) lookup_delay: Duration,
    /// A file that is open for writing cannot be read, and a new one cannot be opened before it was closed. Closing it creates
    /// its name again if that was removed. A mounted cloud storage behaves in this way.
    pub(crate) uploads_on_close: bool,
    /// A failed flush or fsync also loses the bytes written since the last successful one: they read as zeros.
    pub(crate) loses_what_failed: bool,
    /// Content of a file that another machine creates under the new name just before a rename that must not replace, or
    /// a link, arrives. The kernel does not see it; it would refuse such a name itself.
    pub(crate) rival: Option<&'static [u8]>,
    /// Operations that fail.
    pub(crate) failures: BTreeMap<FuseOperation, InjectedFailure>,
}

impl Faults {
    /// Returns only the faults that `tell` sets.
    pub(crate) fn only(tell: impl FnOnce(&mut Self)) -> Self {
        let mut lies = Self::default();
        tell(&mut lies);
        lies
    }

    /// Makes every call of an operation fail.
    pub(crate) fn fail(&mut self, operation: FuseOperation, errno: Errno) {
        let failure = InjectedFailure {
            errno,
            after: 0,
            count: u64::MAX,
        };
        self.failures.insert(operation, failure);
    }
}

/// Fault of a flag of `renameat2`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RenameFlagFault {
    #[default]
    Honoured,
    /// The call is a plain rename, which replaces, and succeeds.
    Ignored,
    /// Nothing happens, and the call succeeds.
    Skipped,
    Refused(Errno),
}

/// Changes to stored times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimeFaults {
    /// Times are rounded down to a multiple of this; zero leaves them alone.
    pub(crate) step: Duration,
    /// Times are rounded up instead.
    pub(crate) up: bool,
    /// First and last second that can be stored.
    pub(crate) range: Option<(i64, i64)>,
    /// Seconds added to every reported time, also of times stored before.
    pub(crate) shift: i64,
    /// Setting a time succeeds without effect.
    pub(crate) ignored: bool,
}

/// The years 1980 to 2107, as on FAT.
pub(crate) const FAT_YEARS: (i64, i64) = (315_532_800, 4_354_819_199);

/// The years 1970 to 2038, of seconds in 32 bits.
pub(crate) const UNIX_32_BIT: (i64, i64) = (0, 0x7fff_ffff);

/// Reported inode numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum InodeFault {
    #[default]
    Stable,
    /// Linked names have different numbers, as on sshfs and mergerfs. A name keeps its number when it is renamed.
    PerName,
    /// Numbers depend on the whole path, so that they change with every rename.
    PerPath,
    /// Every `stat` reports another number.
    PerLook,
    /// All files and folders report one number.
    Same,
}

/// Different names of the same entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum NameFault {
    #[default]
    Exact,
    /// Case is ignored and names keep their spelling, as on exFAT and NTFS.
    FoldCase,
    /// Unicode normal forms are ignored and names keep their spelling, as on APFS.
    FoldForm,
    /// Case and normal forms are ignored, as on APFS by default.
    FoldBoth,
    /// Names are stored in NFD and found in any form, as on HFS+.
    Nfd,
    /// Names are stored in NFC and found in any form, as by some SMB servers.
    Nfc,
    /// Names are stored in lower case, as by some FAT drivers.
    Lower,
}

/// Reported number of blocks of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BlockFault {
    #[default]
    Honest,
    /// Fewer than its bytes need, as with compression.
    Half,
    /// None.
    Zero,
    /// Far more than its bytes need.
    Many,
}

/// Numbers of `statfs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReportedSpace {
    pub(crate) blocks: u64,
    pub(crate) free: u64,
    pub(crate) available: u64,
    pub(crate) files: u64,
    pub(crate) free_files: u64,
    pub(crate) block: u32,
    pub(crate) name: u32,
}

impl ReportedSpace {
    /// A true file system of 1 TiB.
    pub(crate) const HONEST: Self = Self {
        blocks: 1 << 28,
        free: 1 << 28,
        available: 1 << 28,
        files: 1 << 28,
        free_files: 1 << 28,
        block: 4096,
        name: 255,
    };

    /// No free inodes of 10^9, as by `rclone mount`.
    pub(crate) const NO_FREE_FILES: Self = Self {
        files: 1_000_000_000,
        free_files: 0,
        ..Self::HONEST
    };

    /// Unknown free bytes: blocks exist, and none is free.
    pub(crate) const NO_FREE_BYTES: Self = Self {
        free: 0,
        available: 0,
        ..Self::HONEST
    };

    /// Nothing is reported.
    pub(crate) const ALL_ZERO: Self = Self {
        blocks: 0,
        free: 0,
        available: 0,
        files: 0,
        free_files: 0,
        block: 0,
        name: 0,
    };

    /// More is free than the total.
    pub(crate) const ENDLESS: Self = Self {
        free: u64::MAX,
        available: u64::MAX,
        free_files: u64::MAX,
        ..Self::HONEST
    };
}

/// Request of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FuseOperation {
    Lookup,
    GetAttributes,
    /// `chmod`.
    SetMode,
    /// `chown`.
    SetOwner,
    /// `utimens`.
    SetTimes,
    /// `truncate`.
    SetSize,
    ReadLink,
    MakeFolder,
    RemoveFolder,
    Unlink,
    MakeLink,
    Rename,
    /// `link`.
    HardLink,
    Create,
    Open,
    Read,
    Write,
    /// `close`.
    Flush,
    SyncFile,
    SyncFolder,
    OpenFolder,
    ReadFolder,
    Space,
    SetAttribute,
    GetAttribute,
    ListAttributes,
    Allocate,
    /// `lseek` for data and holes.
    Seek,
    /// `copy_file_range`.
    CopyRange,
    /// `fcntl` locks. The kernel replies itself unless this fails when the file system is mounted.
    Lock,
}

/// Failing calls of an operation: a number of them, after calls that succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InjectedFailure {
    pub(crate) errno: Errno,
    /// Successful calls first, counted from the moment when the fault was set.
    pub(crate) after: u64,
    /// Failing calls after them.
    pub(crate) count: u64,
}
