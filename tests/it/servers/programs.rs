//! The programs of servers: the current rclone, the oldest supported one, and OpenSSH.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::studio::report_skip;

/// First version of rclone that serves S3.
const SERVES_S3: (u32, u32) = (1, 65);

/// First version of rclone that does not count as old.
const NOT_OLD: (u32, u32) = (1, 63);

/// Returns the current rclone: the one that `tests/run` installed beside the build, or one on `PATH` that serves S3.
/// Reports a skip and returns `None` without it.
pub(crate) fn rclone() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        let ours = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(target)
            .join("test-tools/bin/rclone");
        let candidates = [Some(ours), find("rclone")].into_iter().flatten();
        candidates
            .into_iter()
            .find(|path| version(path).is_some_and(|version| version >= SERVES_S3))
    });
    if found.is_none() {
        report_skip("today's rclone is not installed");
    }
    found.as_deref()
}

/// Returns the rclone on `PATH` if it is an old one, as Debian's is. Reports a skip and returns `None` otherwise.
pub(crate) fn old_rclone() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        find("rclone").filter(|path| version(path).is_some_and(|version| version < NOT_OLD))
    });
    if found.is_none() {
        report_skip("no old rclone is installed");
    }
    found.as_deref()
}

/// Finds a program, also one that only root has on `PATH`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/bin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    let mut folders = std::env::split_paths(&path).chain(more);
    folders.find_map(|folder| Some(folder.join(program)).filter(|path| path.is_file()))
}

/// Returns the first two numbers of an rclone's version.
fn version(rclone: &Path) -> Option<(u32, u32)> {
    let output = Command::new(rclone).arg("version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = text.strip_prefix("rclone v")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
