//! Published indexes: a storage carries its index, and other workstations take it over.

mod hostile;
mod kill;
mod law;
mod remote;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::studio::{ProgramRun, Studio};

/// The start-up file of the second workstation: another name for the same storage.
const SECOND_STARTUP: &str = "second/.config/auto-backup/.config";

/// A studio on whose storage two workstations work: each has its own HOME and index, and its own name for the storage.
struct TwoWorkstations {
    studio: Studio,
}

impl TwoWorkstations {
    /// The first workstation publishes; nothing is scanned yet.
    fn new() -> Self {
        let studio = Studio::bare();
        studio
            .file("NAS/footage/acme/spot/reel.mov", "reel")
            .file("NAS/footage/acme/spot/plates/p1.exr", "plate one")
            .file("NAS/footage/zoo/film/a.mov", "film");
        let categories = "add category footage footage/\nset publish on\n";
        studio.file(
            "home/.config/auto-backup/.config",
            format!("add database NAS ../../../NAS --medium nas\n{categories}"),
        );
        studio.file(
            SECOND_STARTUP,
            format!("add database SERVER ../../../NAS --medium nas\n{categories}"),
        );
        Self { studio }
    }

    fn first(&self, lines: &[&str]) -> ProgramRun {
        self.studio.lines(lines)
    }

    /// Returns the program on the second workstation.
    fn second_command(&self) -> Command {
        let mut command = self.studio.command();
        command.env("HOME", self.studio.path("second"));
        command
    }

    fn second(&self, lines: &[&str]) -> ProgramRun {
        let mut command = self.second_command();
        command.args(lines.iter().flat_map(|line| ["-c", line]));
        self.studio.finish(&mut command)
    }

    fn second_json(&self, line: &str) -> Value {
        let mut command = self.second_command();
        command.args(["--format", "json", "-c", line]);
        self.studio.finish(&mut command).document()
    }

    fn published(&self) -> PathBuf {
        self.studio.path("NAS/.auto-backup/index.sqlite")
    }
}

/// Returns the file that a path leads to now.
fn inode(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}
