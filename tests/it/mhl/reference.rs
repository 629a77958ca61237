//! The reference tool of ASC MHL, which `tests/run` installs beside the build.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::studio::{Studio, report_skip};

/// The reference tool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reference {
    /// The folder of its packages.
    packages: &'static Path,
}

impl Reference {
    /// Finds the tool. Reports a skip and returns `None` without it.
    pub(super) fn find() -> Option<Self> {
        static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
        let found = FOUND.get_or_init(|| {
            let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
            let top = Path::new(env!("CARGO_MANIFEST_DIR"));
            let packages = top.join(target).join("test-tools/mhl");
            Some(packages).filter(|packages| packages.join("bin/ascmhl-debug").is_file())
        });
        if found.is_none() {
            report_skip("the reference tool of ASC MHL is not installed");
        }
        found.as_deref().map(|packages| Self { packages })
    }

    /// Runs a program of the tool, and returns its exit status and output.
    pub(super) fn run(self, program: &str, arguments: &[&str], folder: &Path) -> (i32, String) {
        let mut command = Command::new("python3");
        let output = command
            .arg(self.packages.join("bin").join(program))
            .args(arguments)
            .arg(folder)
            .env("PYTHONPATH", self.packages)
            .env("PYTHONIOENCODING", "utf-8")
            // Every start looks for a new version; without a network it waits for that.
            .env("https_proxy", "http://127.0.0.1:9")
            .output()
            .unwrap();
        let text = [&output.stdout[..], &output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        (output.status.code().unwrap_or(-1), text)
    }

    /// Checks a history: all files, all hash lists, and the hashes of folders.
    #[track_caller]
    pub(super) fn assert_verifies(self, studio: &Studio, folder: &str) {
        let path = studio.path(folder);
        let (status, text) = self.run("ascmhl-debug", &["verify", "-v"], &path);
        assert_eq!(status, 0, "{text}");
        assert!(!text.contains("ERROR"), "{text}");
        let (status, text) = self.run("ascmhl", &["info"], &path);
        assert_eq!(status, 0, "{text}");
    }

    /// Checks the hashes of folders. The tool exits with 0 if only that of the root is wrong, and it cannot read histories
    /// with a generation without one.
    #[track_caller]
    pub(super) fn assert_folders_verify(self, studio: &Studio, folder: &str) {
        let path = studio.path(folder);
        let (status, text) = self.run("ascmhl-debug", &["verify", "-dh"], &path);
        assert_eq!(status, 0, "{text}");
        assert!(!text.contains("ERROR"), "{text}");
    }

    /// Lets the tool append a generation to a copy of a history, and returns what it says of each file.
    #[track_caller]
    pub(super) fn create(self, folder: &Path, format: &str) -> String {
        let (status, text) = self.run("ascmhl", &["create", "-v", "-h", format], folder);
        assert_eq!(status, 0, "{text}");
        text
    }
}

/// Copies a folder of the studio with `cp -a`, and returns the path of the copy.
pub(super) fn copy_of(studio: &Studio, folder: &str) -> PathBuf {
    let copy = studio.path("copy of it");
    let mut command = studio.other_program("cp");
    let copied = command
        .arg("-a")
        .arg(studio.path(folder))
        .arg(&copy)
        .status();
    assert!(copied.unwrap().success());
    copy
}
