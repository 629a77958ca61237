//! Operations that fail, and what is lost then.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::SystemTime;

use fuser::Errno;

use super::{code, with};
use crate::lying_fs::{Failure, Lies, Operation};

#[test]
fn a_failed_flush_loses_what_was_written() {
    let lie = |lies: &mut Lies| {
        lies.fail(Operation::SyncFile, Errno::EIO);
        lies.loses_what_failed = true;
    };
    with(lie, |folder, mount| {
        let file = File::create(folder.join("c")).unwrap();
        file.write_all_at(b"lost", 0).unwrap();
        assert_eq!(code(file.sync_all()), Some(5));
        assert_eq!(mount.contents()[Path::new("c")], [0; 4]);
    });
}

#[test]
fn any_operation_may_fail() {
    type Call = fn(&Path) -> Option<i32>;
    let calls: [(Operation, Call); 14] = [
        (Operation::Lookup, |path| code(fs::metadata(path.join("a")))),
        (Operation::HardLink, |path| {
            code(fs::hard_link(path.join("a"), path.join("c")))
        }),
        (Operation::MakeLink, |path| {
            code(std::os::unix::fs::symlink("a", path.join("c")))
        }),
        (Operation::MakeFolder, |path| {
            code(fs::create_dir(path.join("c")))
        }),
        (Operation::SetMode, |path| {
            code(fs::set_permissions(
                path.join("a"),
                fs::Permissions::from_mode(0o600),
            ))
        }),
        (Operation::SetTimes, |path| {
            code(
                File::open(path.join("a"))
                    .unwrap()
                    .set_modified(SystemTime::now()),
            )
        }),
        (Operation::SetSize, |path| {
            code(
                File::options()
                    .write(true)
                    .open(path.join("a"))
                    .unwrap()
                    .set_len(1),
            )
        }),
        (Operation::Rename, |path| {
            code(fs::rename(path.join("a"), path.join("b")))
        }),
        (Operation::Unlink, |path| {
            code(fs::remove_file(path.join("a")))
        }),
        (Operation::Create, |path| code(File::create(path.join("c")))),
        (Operation::Write, |path| {
            code(fs::write(path.join("a"), "x"))
        }),
        (Operation::Read, |path| code(fs::read(path.join("a")))),
        (Operation::SyncFolder, |path| {
            code(File::open(path).unwrap().sync_all())
        }),
        (Operation::SetAttribute, |path| {
            let flags = rustix::fs::XattrFlags::empty();
            code(
                Ok(rustix::fs::setxattr(path.join("a"), "user.a", b"x", flags))
                    .and_then(|set| Ok(set?)),
            )
        }),
    ];
    for (operation, call) in calls {
        with(
            |lies| lies.fail(operation, Errno::EIO),
            |folder, _| {
                assert_eq!(call(folder), Some(Errno::EIO.code()), "{operation:?}");
            },
        );
    }
}

#[test]
fn a_close_may_fail() {
    with(
        |lies| lies.fail(Operation::Flush, Errno::EIO),
        |folder, _| {
            let file = File::open(folder.join("a")).unwrap();
            assert_eq!(nix::unistd::close(file), Err(nix::errno::Errno::EIO));
        },
    );
}

#[test]
fn a_failure_may_pass() {
    let failure = Failure {
        errno: Errno::EIO,
        after: 1,
        count: 2,
    };
    let lie = |lies: &mut Lies| lies.failures = [(Operation::Open, failure)].into();
    with(lie, |folder, mount| {
        let opened: Vec<bool> = (0..4)
            .map(|_| File::open(folder.join("a")).is_ok())
            .collect();
        assert_eq!(opened, [true, false, false, true]);
        assert_eq!(mount.calls(Operation::Open), 4);
    });
}
