//! A studio in a temporary folder: its own HOME, databases with files, and runs of the real program on them.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, DirEntry, File, FileTimes};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_auto-backup");

/// Default modification time of a studio's files: 2026-01-02T03:04:05Z.
pub(crate) const CHANGED: u64 = 1_767_323_045;

/// A user without files, for tests that root's privileges would spoil.
pub(crate) const NOBODY: u32 = 65_534;

/// Waits until a thread of a process is in this system call.
#[track_caller]
pub(crate) fn wait_for_call(process: u32, call: nix::libc::c_long) {
    let start = Instant::now();
    let call = format!("{call} ");
    let is_in_call = |task: DirEntry| {
        let shown = fs::read_to_string(task.path().join("syscall"));
        shown.is_ok_and(|shown| shown.starts_with(&call))
    };
    loop {
        let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
        if tasks.flatten().any(is_in_call) {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{call}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// A studio. Relative paths given to its methods are relative to its folder.
#[derive(Debug)]
pub(crate) struct Studio {
    folder: TempDir,
}

impl Studio {
    /// A studio with the databases `WORK` and `NAS` (empty folders) and the categories `footage` and `render`
    /// (`scratch/render/`) in its start-up file.
    pub(crate) fn new() -> Self {
        let studio = Self::bare();
        studio.folder("WORK").folder("NAS");
        let lines = "add database WORK ../../../WORK\n\
                     add database NAS ../../../NAS\n\
                     add category footage footage/\n\
                     add category render scratch/render/\n";
        studio.file("home/.config/auto-backup/.config", lines);
        studio
    }

    /// A studio with only an empty HOME.
    pub(crate) fn bare() -> Self {
        // Always /tmp: the widths of tables depend on the length of paths.
        let folder = tempfile::Builder::new()
            .prefix("studio-")
            .tempdir_in("/tmp")
            .unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        Self { folder }
    }

    /// A studio with the usual content on WORK, not scanned yet: two clients, three projects.
    pub(crate) fn filled() -> Self {
        let studio = Self::new();
        studio
            .file("WORK/footage/acme/spot/reel.mov", "reel")
            .file("WORK/footage/acme/spot/plates/p1.exr", "plate one")
            .file("WORK/scratch/render/acme/spot/f1.exr", "frame")
            .file("WORK/footage/acme/teaser/t.mov", "teaser")
            .file("WORK/footage/Bob's/long film/x.mov", "x");
        studio
    }

    /// Returns the whole path of an entry in the studio.
    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file with the usual time, and creates its folders.
    pub(crate) fn file(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> &Self {
        self.file_at(path, content, CHANGED)
    }

    /// Writes a file with this modification time in seconds.
    pub(crate) fn file_at(
        &self,
        path: impl AsRef<Path>,
        content: impl AsRef<[u8]>,
        seconds: u64,
    ) -> &Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = File::create(&path).unwrap();
        file.write_all(content.as_ref()).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        file.set_times(FileTimes::new().set_modified(time)).unwrap();
        self
    }

    /// Creates a folder and its parents.
    pub(crate) fn folder(&self, path: impl AsRef<Path>) -> &Self {
        fs::create_dir_all(self.path(path)).unwrap();
        self
    }

    pub(crate) fn link(&self, path: impl AsRef<Path>, target: impl AsRef<Path>) -> &Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
        self
    }

    pub(crate) fn mode(&self, path: impl AsRef<Path>, mode: u32) -> &Self {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    #[track_caller]
    pub(crate) fn read(&self, path: impl AsRef<Path>) -> String {
        fs::read_to_string(self.path(&path))
            .unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
    }

    /// Removes a file or a whole folder.
    pub(crate) fn remove(&self, path: impl AsRef<Path>) -> &Self {
        let path = self.path(path);
        if path.is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        }
        .unwrap();
        self
    }

    /// Returns every path below a folder with kind and size, sorted, one per line; names with `.auto-backup` are
    /// normalized.
    pub(crate) fn tree(&self, path: impl AsRef<Path>) -> String {
        let top = self.path(path);
        let mut lines = Vec::new();
        let mut pending = vec![top.clone()];
        while let Some(folder) = pending.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let entry = entry.unwrap();
                let (path, kind) = (entry.path(), entry.file_type().unwrap());
                let shown = path.strip_prefix(&top).unwrap().display().to_string();
                if kind.is_dir() {
                    lines.push(format!("{shown}/"));
                    pending.push(path);
                } else if kind.is_symlink() {
                    lines.push(format!(
                        "{shown} -> {}",
                        fs::read_link(&path).unwrap().display()
                    ));
                } else {
                    lines.push(format!(
                        "{shown} {}",
                        fs::symlink_metadata(&path).unwrap().len()
                    ));
                }
            }
        }
        lines.sort();
        self.normalize(&lines.join("\n"))
    }

    /// Returns the program with an empty environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        self.isolate(&mut command);
        command
    }

    /// Returns another program in the same folder and environment.
    pub(crate) fn other_program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        self.isolate(&mut command);
        command
    }

    /// Returns the program under a tracer that records every call with a path in a file of the studio. Reports a skip
    /// and returns `None` if this machine cannot trace.
    pub(crate) fn traced(&self, log: &str) -> Option<Command> {
        let tracer = |program: &str| {
            let mut command = self.other_program("strace");
            command.args(["-f", "-s", "4096", "-e", "trace=%file", "-o"]);
            command.arg(self.path(log)).arg(program);
            command
        };
        if tracer("true").status().is_ok_and(|status| status.success()) {
            return Some(tracer(PROGRAM));
        }
        report_skip("no program can be traced here");
        None
    }

    fn isolate(&self, command: &mut Command) {
        command
            .env_clear()
            .env("HOME", self.path("home"))
            .env("LANG", "C.UTF-8")
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
    }

    pub(crate) fn run<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> ProgramRun {
        self.finish(self.command().args(arguments))
    }

    pub(crate) fn lines(&self, lines: &[&str]) -> ProgramRun {
        self.run(lines.iter().flat_map(|line| ["-c", line]))
    }

    pub(crate) fn json(&self, lines: &[&str]) -> ProgramRun {
        self.run(
            ["--format", "json"]
                .into_iter()
                .chain(lines.iter().flat_map(|line| ["-c", line])),
        )
    }

    /// Runs a script file with this text.
    pub(crate) fn script(&self, text: impl AsRef<[u8]>) -> ProgramRun {
        self.file("script.ab", text);
        self.run(["script.ab"])
    }

    /// Runs the program without root's privileges, on a studio owned by that user.
    pub(crate) fn lines_as_user(&self, lines: &[&str]) -> ProgramRun {
        let words = lines.iter().flat_map(|line| ["-c", line]);
        self.finish(self.command_as_user().args(words))
    }

    /// Returns the start-up file to the user of the tests, so that it is trusted again.
    fn restore_startup_owner(&self) {
        let home = self.path("home");
        let settings = [
            ".config/auto-backup/.config",
            ".config/auto-backup",
            ".config",
            "",
        ];
        let user = rustix::process::geteuid().as_raw();
        for path in settings.map(|path| home.join(path)) {
            let is_given_away = fs::symlink_metadata(&path).is_ok_and(|it| it.uid() == NOBODY);
            if is_given_away && user != NOBODY {
                std::os::unix::fs::lchown(path, Some(user), None).unwrap();
            }
        }
    }

    /// Returns the program as that user, who now owns the studio.
    pub(crate) fn command_as_user(&self) -> Command {
        let mut command = Command::new(program_for_all());
        self.isolate(&mut command);
        if rustix::process::geteuid().is_root() {
            self.chown_to_nobody();
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    /// Gives everything in the studio to the user nobody.
    fn chown_to_nobody(&self) {
        let mut pending = vec![self.folder.path().to_owned()];
        while let Some(path) = pending.pop() {
            std::os::unix::fs::lchown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
            if path.is_dir() && !path.is_symlink() {
                pending.extend(
                    fs::read_dir(&path)
                        .unwrap()
                        .map(|entry| entry.unwrap().path()),
                );
            }
        }
        chown(self.folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }

    /// Renews the checksums of an index that a test changed.
    pub(crate) fn reseal_index(&self) {
        reseal_index_file(&self.path("home/.local/share/auto-backup/index.sqlite"));
    }

    pub(crate) fn finish(&self, command: &mut Command) -> ProgramRun {
        let output = command.output().unwrap();
        self.restore_startup_owner();
        ProgramRun::new(self, &output)
    }

    /// Runs a prepared command to its end, with its standard output redirected.
    pub(crate) fn finish_with(
        &self,
        command: &mut Command,
        stdout: impl Into<Stdio>,
    ) -> ProgramRun {
        let child = command.stdout(stdout).stderr(Stdio::piped()).spawn();
        ProgramRun::new(self, &child.unwrap().wait_with_output().unwrap())
    }

    /// Replaces everything in a text that varies between runs.
    fn normalize(&self, text: &str) -> String {
        let folder = self.folder.path();
        let mut text = text.replace(&*folder.to_string_lossy(), "$STUDIO");
        if let Ok(resolved) = folder.canonicalize() {
            text = text.replace(&*resolved.to_string_lossy(), "$STUDIO");
        }
        for media in media_of_studios() {
            text = text.replace(media, "MEDIUM");
        }
        // The age of a file changed at `CHANGED`: also that of yesterday, for a run that began before the day ended.
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(CHANGED);
        let days = changed.elapsed().unwrap().as_secs() / (24 * 60 * 60);
        for days in [days, days - 1] {
            text = text.replace(&format!("{days} days ago"), "NNN days ago");
        }
        for (pattern, replacement) in [
            (r"\d{8}T\d{6}Z-[A-Za-z0-9-]+-(\d+)-[0-9a-f]{32}\b", "RUN-$1"),
            (r"\d{8}T\d{6}Z", "DATE"),
            (r"\.auto-backup-[^/`]+-\d+-\d+\.part", ".auto-backup-N.part"),
            (
                r"\.auto-backup/database\.json \d+",
                ".auto-backup/database.json N",
            ),
            (r"\b\d+\.\d s\b", "N s"),
            (r#""seconds":[0-9.e-]+"#, r#""seconds":N"#),
            (r#""(indexed|scanned)_at":"[^"]+""#, r#""$1_at":"NOW""#),
            (r#""free":\d+,"total":\d+"#, r#""free":N,"total":N"#),
            (r"\d+(\.\d+)? [GT]B  \d+(\.\d+)? [GT]B", "FREE  TOTAL"),
            (
                r"([\t,])\d{9,14}([\t,])\d{9,14}([\t,])",
                "${1}FREE${2}TOTAL${3}",
            ),
            (r"(Z[\t,])\d{4}-\d\d-\d\dT[0-9:]+Z", "${1}NOW"),
            (r#""(started|ended|first|last)":"[^"]+""#, r#""$1":"NOW""#),
            (r"since \d{4}-\d\d-\d\dT[0-9:]+Z", "since NOW"),
            (r"of process \d+ on `[^`]+`", "of process N on `HOST`"),
        ] {
            text = Regex::new(pattern)
                .unwrap()
                .replace_all(&text, replacement)
                .into_owned();
        }
        text
    }
}

/// Reports that a test cannot run here, and why; in CI no test may be skipped.
#[track_caller]
pub(crate) fn report_skip(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "skipped in CI: {why}");
    // Not by a macro: the test harness hides the output of passing tests.
    let line = format!("\nSKIPPED: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Returns the names of the media that hold the studios of the tests, as a text and as JSON.
fn media_of_studios() -> &'static [String; 2] {
    static MEDIA: OnceLock<[String; 2]> = OnceLock::new();
    MEDIA.get_or_init(|| {
        let studio = tempfile::Builder::new().prefix("studio-").tempdir();
        let studio = studio.unwrap();
        let run = Command::new(PROGRAM)
            .args([
                "--format",
                "json",
                "-c",
                "add database X .",
                "-c",
                "add category c .",
                "-c",
                "load",
                "-c",
                "list databases",
            ])
            .current_dir(studio.path())
            .env_clear()
            .env("HOME", studio.path())
            .output();
        let lines = String::from_utf8(run.unwrap().stdout).unwrap();
        let listed: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
        let media = &listed["databases"][0]["media"];
        let names = media.as_array().unwrap().iter();
        let names: Vec<&str> = names.map(|name| name.as_str().unwrap()).collect();
        assert!(!names.is_empty(), "the system names no medium: {lines}");
        [names.join(", "), names.join("\",\"")]
    })
}

/// Returns the program at a path where every user can run it.
fn program_for_all() -> &'static Path {
    static COPY: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = COPY.get_or_init(|| {
        let folder = tempfile::Builder::new()
            .prefix("program-")
            .tempdir()
            .unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let path = folder.path().join("auto-backup");
        // Another process copies it. A program that another thread starts meanwhile would inherit our open file, and a
        // program that is open for writing cannot be started.
        let copied = Command::new("cp").arg(PROGRAM).arg(&path).status();
        assert!(copied.unwrap().success());
        (folder, path)
    });
    path
}

/// The result of a run. Its `Display` is complete: status, standard output and standard error.
#[derive(Clone, Debug)]
pub(crate) struct ProgramRun {
    /// The exit status; -1 if a signal ended it.
    pub(crate) status: i32,
    /// Standard output, normalized.
    pub(crate) stdout: String,
    /// Standard error, normalized.
    pub(crate) stderr: String,
    /// Standard output, unchanged.
    pub(crate) bytes: Vec<u8>,
}

impl ProgramRun {
    pub(crate) fn new(studio: &Studio, output: &Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: studio.normalize(&String::from_utf8_lossy(&output.stdout)),
            stderr: studio.normalize(&String::from_utf8_lossy(&output.stderr)),
            bytes: output.stdout.clone(),
        }
    }

    /// Fails unless the run succeeded without any message on standard error.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!(self.status == 0 && self.stderr.is_empty(), "{self}");
        self
    }

    /// Fails unless the run ended with this status.
    #[track_caller]
    pub(crate) fn status(self, status: i32) -> Self {
        assert!(self.status == status, "expected exit {status}: {self}");
        self
    }

    /// Returns the last JSON document of standard output.
    #[track_caller]
    pub(crate) fn document(&self) -> Value {
        let text = String::from_utf8(self.bytes.clone()).unwrap();
        let line = text
            .lines()
            .last()
            .unwrap_or_else(|| panic!("no answer: {self}"));
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl fmt::Display for ProgramRun {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "exit {}", self.status)?;
        if !self.stdout.is_empty() {
            write!(formatter, "--- stdout\n{}", self.stdout)?;
        }
        if !self.stderr.is_empty() {
            write!(formatter, "--- stderr\n{}", self.stderr)?;
        }
        Ok(())
    }
}

/// Renews the checksums of an index that a test changed by SQL.
pub(crate) fn reseal_index_file(index: &Path) {
    let mut index = auto_backup::index::Index::open(index).unwrap().index;
    index.recompute_checksums().unwrap();
}
