//! Comparison of a remote with its source: rclone reads every byte again.

use std::path::Path;

use super::remotes::Remotes;

impl Remotes<'_> {
    /// Returns the differences between a remote and a folder, one per line: `+` for a file only in the folder, `-` only
    /// at the remote, `*` for other bytes, `!` for an unreadable file. Our own folder, times and empty folders are
    /// excluded.
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

    /// Fails unless a remote has exactly the files of a folder, to the last byte.
    #[track_caller]
    pub(crate) fn assert_mirrored(&self, source: &Path, remote: &str) {
        assert_eq!(self.differences(source, remote), "");
    }
}
