//! An rclone that lies, through a process for each request or through its socket. Whatever it replies, files are
//! reported as sent, verified or missing only with proof, nothing is forgotten or removed, nothing is written outside
//! the root, and memory stays bounded.

mod invariant;
mod program;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use crate::servers::{Remotes, rclone};
use crate::studio::{ProgramRun, Studio};

/// Transport of requests to rclone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum QueryMode {
    /// A process for each request, as with old versions.
    Alone,
    /// A socket.
    BySocket,
}

const BOTH_MODES: [QueryMode; 2] = [QueryMode::Alone, QueryMode::BySocket];

/// Maximum memory of the program in kB.
const MEMORY: u64 = 200_000;

/// A studio with a database behind the fake rclone.
struct FakeRclone<'a> {
    studio: &'a Studio,
    remotes: Remotes<'a>,
    asked: QueryMode,
}

impl<'a> FakeRclone<'a> {
    /// Creates a studio whose remote is an empty folder.
    fn new(studio: &'a Studio, asked: QueryMode) -> Option<Self> {
        let remotes = Remotes::new(studio)?;
        let root = remotes.alias("cloud", &studio.path("cloud"));
        studio.folder("cloud").folder("outside");
        let start_up = "home/.config/auto-backup/.config";
        let lines = studio.read(start_up);
        studio.file(start_up, format!("{lines}add database CLOUD {root}\n"));
        Some(Self {
            studio,
            remotes,
            asked,
        })
    }

    /// Creates a studio whose files were sent from WORK to the remote, and from there to NAS.
    fn filled(studio: &'a Studio, asked: QueryMode) -> Option<Self> {
        let liar = Self::new(studio, asked)?;
        let lines = [
            "sync all all WORK CLOUD",
            "load",
            "copy all all CLOUD NAS",
            "load",
        ];
        for line in lines {
            let run = liar.run("honest", line);
            assert_eq!(run.status, 0, "{run}");
        }
        Some(liar)
    }

    /// Creates a script named `rclone` with one lie.
    fn script(&self, lie: &str) -> PathBuf {
        let folder = self.studio.path(format!("bin-{lie}"));
        fs::create_dir_all(&folder).unwrap();
        let script = folder.join("rclone");
        let version = match self.asked {
            QueryMode::Alone => "rclone v1.60.1",
            QueryMode::BySocket => "rclone v1.75.2",
        };
        let text = format!(
            "#!/bin/sh\nplace=0\nfor word; do export \"LYING_WORD_$place=$word\"; place=$((place+1)); done\n\
             export LYING_WORDS=$place LYING_LIE='{lie}' LYING_REAL='{}' LYING_VERSION='{version}' LYING_COUNT='{}'\n\
             exec '{}' --exact fake_rclone::program::fake_rclone_process_entry --nocapture 3>&1 >/dev/null\n",
            rclone().unwrap().display(),
            folder.join("count").display(),
            std::env::current_exe().unwrap().display(),
        );
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        script
    }

    /// Runs a line with a JSON answer and a lying rclone. Fails if it uses too much memory.
    fn run(&self, lie: &str, typed: &str) -> ProgramRun {
        let mut command = self.studio.command();
        self.remotes
            .add_to_environment(&self.script(lie), &mut command);
        command.args(["--format", "json", "-c", typed]);
        let output = run_measured(&mut command, &format!("{lie}: {typed}"));
        ProgramRun::new(self.studio, &output)
    }
}

/// Runs a program. Fails if it uses too much memory.
fn run_measured(command: &mut Command, what: &str) -> Output {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let watch = thread::spawn(move || {
        let mut peak = 0;
        while let Ok(text) = fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            // An ended process has no such line.
            let Some(line) = line else { break };
            peak = line.trim().trim_end_matches(" kB").parse().unwrap_or(peak);
            thread::sleep(Duration::from_millis(10));
        }
        peak
    });
    let output = child.wait_with_output().unwrap();
    let peak: u64 = watch.join().unwrap();
    assert!(peak < MEMORY, "{what}: {peak} kB");
    output
}
