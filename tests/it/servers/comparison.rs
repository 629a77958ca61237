//! Holds what is at a remote against what it was copied from: rclone reads every byte again.

use std::path::Path;

use super::remotes::Remotes;

impl Remotes<'_> {
    /// How a remote differs from a folder, a line each: `+` a file is only in the folder, `-` only at the remote, `*` its
    /// bytes differ, `!` it cannot be read. Our own folder is left out, and so are times and empty folders.
    pub(crate) fn differences(&self, source: &Path, remote: &str) -> String {
        let source = source.to_str().unwrap();
        let output = self.output(&[
            "check",
            "--download",
            "--combined=-",
            "--exclude=/.auto-backup/**",
            source,
            remote,
        ]);
        let text = String::from_utf8_lossy(&output.stdout);
        let mut lines: Vec<_> = text.lines().filter(|line| !line.starts_with('=')).collect();
        lines.sort_unstable();
        if lines.is_empty() && !output.status.success() {
            return String::from_utf8_lossy(&output.stderr).into_owned();
        }
        lines.join("\n")
    }

    /// Fails unless a remote holds just the files of a folder, to the last byte.
    #[track_caller]
    pub(crate) fn assert_mirrored(&self, source: &Path, remote: &str) {
        assert_eq!(self.differences(source, remote), "");
    }
}
