//! The law of leases at remotes: after the loss of the lease no request that writes is started, and one that runs is stopped.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{RcloneVersion, Remote, TransferBatch, TransferLimits};
use crate::base::error::{Error, Result};
use crate::base::fixture::CountedLease;
use crate::model::access::Access;

/// A program in place of rclone. It notes that it was started, and writes log lines until it is stopped.
const PROGRAM: &str = r#"#!/bin/sh
echo started >> "$0.starts"
while :; do echo '{"level":"info","msg":"still at it"}' >&2; sleep 0.01; done
"#;

struct Fixture {
    remote: Remote,
    starts: PathBuf,
    _temporary: tempfile::TempDir,
}

impl Fixture {
    /// A remote whose lease is lost after some checks.
    fn new(checks: u64) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let program = temporary.path().join("rclone");
        fs::write(&program, PROGRAM).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
        let access = Access::new(None, Some(program.clone()));
        let version = |_: &str| RcloneVersion::from_number("1.70.0");
        let remote = Remote::open(Path::new("s3:bucket"), &access, &version).unwrap();
        let lease = Arc::new(CountedLease::lost_after(checks));
        remote.write_guard().hold(lease);
        Self {
            remote,
            starts: program.with_extension("starts"),
            _temporary: temporary,
        }
    }

    /// Runs a request. Returns true if it ended with the loss of the lease, and the number of started programs.
    fn run<T>(&self, request: impl Fn(&Remote) -> Result<T>) -> (bool, usize) {
        let is_lost = matches!(request(&self.remote), Err(Error::LeaseLost { .. }));
        let starts = fs::read_to_string(&self.starts).unwrap_or_default();
        (is_lost, starts.lines().count())
    }
}

/// Uploads, or moves files to another folder.
fn transfer(remote: &Remote, moves: bool) -> Result<()> {
    let (files, limits) = ([PathBuf::from("a")], TransferLimits::default());
    let folders = [Path::new(""), Path::new("versions")];
    let batch = if moves {
        TransferBatch::move_within(remote, &files, folders, &limits)
    } else {
        TransferBatch::upload(remote, Path::new("/"), &files, folders[1], &limits)
    };
    batch.run(&mut |_| {}).map(drop)
}

#[test]
fn lost_lease_starts_no_program() {
    let folders = [PathBuf::from("a")];
    let fixture = Fixture::new(0);
    assert_eq!(fixture.run(|remote| transfer(remote, false)), (true, 0));
    assert_eq!(fixture.run(|remote| transfer(remote, true)), (true, 0));
    let removed = fixture.run(|remote| remote.remove_empty_folders(&folders));
    assert_eq!(removed, (true, 0));
    // All others demand a permit.
    assert_eq!(fixture.run(Remote::permit), (true, 0));
}

#[test]
fn lost_lease_stops_a_running_transfer() {
    for moves in [false, true] {
        let fixture = Fixture::new(5);
        assert_eq!(fixture.run(|remote| transfer(remote, moves)), (true, 1));
    }
}
