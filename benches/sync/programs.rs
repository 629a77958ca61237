//! The programs of servers and peers.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// First version of rclone that serves S3.
const SERVES_S3: (u32, u32) = (1, 65);

/// Returns the current rclone: the one that `tests/run` installed beside the build, or one on `PATH` that serves S3.
pub(crate) fn rclone() -> Option<PathBuf> {
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let ours = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(target)
        .join("test-tools/bin/rclone");
    let candidates = [Some(ours), find("rclone")].into_iter().flatten();
    let mut new =
        candidates.filter(|path| version(path).is_some_and(|version| version >= SERVES_S3));
    new.next()
}

/// Finds a program, also one that only root has on `PATH`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let mut folders = env::split_paths(&path).chain(more);
    folders.find_map(|folder| Some(folder.join(program)).filter(|path| path.is_file()))
}

/// Returns the version of OpenSSH.
pub(crate) fn openssh() -> String {
    let told = Command::new("ssh").arg("-V").output().ok();
    let told = told.map(|told| String::from_utf8_lossy(&told.stderr).into_owned());
    let version = told
        .as_deref()
        .and_then(|told| told.split_whitespace().next());
    let version = version.map(|version| version.trim_end_matches(','));
    version.unwrap_or("OpenSSH is not installed").to_owned()
}

/// Returns the first two numbers of an rclone's version.
fn version(rclone: &Path) -> Option<(u32, u32)> {
    let output = Command::new(rclone).arg("version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut numbers = text.strip_prefix("rclone v")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
