//! Failing operations, and the data lost by them.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::SystemTime;

use fuser::Errno;

use super::{code, with};
use crate::faulty_fs::{Faults, FuseOperation, InjectedFailure};

#[test]
fn failed_flush_loses_written_data() {
    let lie = |lies: &mut Faults| {
        lies.fail(FuseOperation::SyncFile, Errno::EIO);
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
fn any_operation_can_fail() {
    type Call = fn(&Path) -> Option<i32>;
    let calls: [(FuseOperation, Call); 14] = [
        (FuseOperation::Lookup, |path| {
            code(fs::metadata(path.join("a")))
        }),
        (FuseOperation::HardLink, |path| {
            code(fs::hard_link(path.join("a"), path.join("c")))
        }),
        (FuseOperation::MakeLink, |path| {
            code(std::os::unix::fs::symlink("a", path.join("c")))
        }),
        (FuseOperation::MakeFolder, |path| {
            code(fs::create_dir(path.join("c")))
        }),
        (FuseOperation::SetMode, |path| {
            code(fs::set_permissions(
                path.join("a"),
                fs::Permissions::from_mode(0o600),
            ))
        }),
        (FuseOperation::SetTimes, |path| {
            code(
                File::open(path.join("a"))
                    .unwrap()
                    .set_modified(SystemTime::now()),
            )
        }),
        (FuseOperation::SetSize, |path| {
            code(
                File::options()
                    .write(true)
                    .open(path.join("a"))
                    .unwrap()
                    .set_len(1),
            )
        }),
        (FuseOperation::Rename, |path| {
            code(fs::rename(path.join("a"), path.join("b")))
        }),
        (FuseOperation::Unlink, |path| {
            code(fs::remove_file(path.join("a")))
        }),
        (FuseOperation::Create, |path| {
            code(File::create(path.join("c")))
        }),
        (FuseOperation::Write, |path| {
            code(fs::write(path.join("a"), "x"))
        }),
        (FuseOperation::Read, |path| code(fs::read(path.join("a")))),
        (FuseOperation::SyncFolder, |path| {
            code(File::open(path).unwrap().sync_all())
        }),
        (FuseOperation::SetAttribute, |path| {
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
fn close_can_fail() {
    with(
        |lies| lies.fail(FuseOperation::Flush, Errno::EIO),
        |folder, _| {
            let file = File::open(folder.join("a")).unwrap();
            assert_eq!(nix::unistd::close(file), Err(nix::errno::Errno::EIO));
        },
    );
}

#[test]
fn failure_can_be_temporary() {
    let failure = InjectedFailure {
        errno: Errno::EIO,
        after: 1,
        count: 2,
    };
    let lie = |lies: &mut Faults| lies.failures = [(FuseOperation::Open, failure)].into();
    with(lie, |folder, mount| {
        let opened: Vec<bool> = (0..4)
            .map(|_| File::open(folder.join("a")).is_ok())
            .collect();
        assert_eq!(opened, [true, false, false, true]);
        assert_eq!(mount.calls(FuseOperation::Open), 4);
    });
}

#[test]
fn cloud_mount_uploads_on_close() {
    with(
        |lies| lies.uploads_on_close = true,
        |folder, _| {
            // A process that another test starts just now closes the file, too, which uploads it.
            let mut names = ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"].iter();
            assert!(names.any(|name| waits_for_close(&folder.join(name))));
        },
    );
}

/// True if a file that is uploaded when it is closed does not exist before.
fn waits_for_close(path: &Path) -> bool {
    let open = || {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        options.open(path).unwrap()
    };
    let file = open();
    file.write_all_at(b"new", 0).unwrap();
    assert_eq!(code(file.read_at(&mut [0], 0)), Some(1));
    if code(File::open(path)) != Some(2) {
        return false;
    }
    fs::remove_file(path).unwrap();
    if path.exists() {
        return false;
    }
    drop(file);
    assert_eq!(fs::read(path).unwrap(), b"new");
    assert_eq!(code(open().read_at(&mut [0], 0)), Some(1));
    true
}
