//! The program under `strace`, which makes chosen system calls fail, changes their results, and holds the program at a
//! call for as long as a test needs.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::ops::Range;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::{TO, has_programs};
use crate::studio::{PROGRAM, ProgramRun, Studio, report_skip, wait_for_call};

/// Interval of checks for a held program.
const STEP: Duration = Duration::from_millis(1);

/// Log of the tracer in the studio.
const LOG: &str = "strace.log";

/// A prepared run of the program.
#[derive(Debug)]
pub(crate) struct Tracer<'a> {
    studio: &'a Studio,
    calls: BTreeSet<&'a str>,
    options: Vec<OsString>,
    parts: Range<u32>,
}

impl<'a> Tracer<'a> {
    /// Creates a tracer. Reports a skip and returns `None` if this machine cannot trace.
    pub(crate) fn new(studio: &'a Studio) -> Option<Self> {
        static WORKS: OnceLock<bool> = OnceLock::new();
        if !has_programs(&["strace", "rsync"]) {
            return None;
        }
        let works = || {
            let mut command = studio.other_program("strace");
            let traced = command.args(["-D", "-f", "-o", "/dev/null", "true"]);
            traced.status().is_ok_and(|status| status.success())
        };
        if !*WORKS.get_or_init(works) {
            report_skip("no program can be traced here");
            return None;
        }
        Some(Self {
            studio,
            calls: BTreeSet::new(),
            options: Vec::new(),
            parts: 0..0,
        })
    }

    /// Only records calls of this name.
    pub(crate) fn record(mut self, call: &'a str) -> Self {
        self.calls.insert(call);
        self
    }

    /// Injects a fault in the syntax of `strace --inject`: `error=EIO:when=2`. Each thread counts its own calls.
    pub(crate) fn inject(self, call: &'a str, what: &str) -> Self {
        let mut tracer = self.record(call);
        let inject = format!("inject={call}:{what}");
        tracer.options.extend(["-e".into(), inject.into()]);
        tracer
    }

    /// Holds the program after a call.
    pub(super) fn hold_at(self, call: &'a str, when: &str) -> Self {
        self.inject(call, &format!("signal=SIGSTOP:when={when}"))
    }

    /// Selects calls on this path of the studio; a bare name is one in an open folder.
    pub(super) fn on_path(mut self, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let is_name = path.iter().count() == 1;
        let path = path.strip_prefix(".").unwrap_or(path);
        let path = if is_name {
            path.to_owned()
        } else {
            self.studio.path(path)
        };
        self.options.extend(["-P".into(), path.into()]);
        self
    }

    /// Selects calls on the temporary files of these numbers in the usual destination; bare names are those of new
    /// files.
    pub(super) fn on_temp_copies(mut self, parts: Range<u32>) -> Self {
        self.parts = parts;
        self
    }

    /// Returns the log of an ended run.
    pub(crate) fn log(studio: &Studio) -> String {
        fs::read_to_string(studio.path(LOG)).unwrap()
    }

    /// Returns the program with these arguments. The tracer is its grandchild, so that its process ID, and so the names
    /// of its temporary files, are known in advance.
    fn command(&self, arguments: &[&str]) -> Command {
        let folder = self.studio.path(TO);
        let name = |number| format!(".auto-backup-$host-$$-{number}.part");
        let paths = |number| format!(" -P {0} -P {1}/{0}", name(number), folder.display());
        let parts: String = self.parts.clone().map(paths).collect();
        let calls: Vec<_> = self.calls.iter().copied().collect();
        let script = format!(
            "host=$(uname -n | cut -d. -f1 | tr -c 'A-Za-z0-9\\n' -)\n\
             exec strace -D -f -s 200 -o {} -e trace={}{parts} \"$@\"",
            self.studio.path(LOG).display(),
            calls.join(","),
        );
        let mut command = self.studio.other_program("sh");
        command.args(["-c", &script, "sh"]).args(&self.options);
        command.arg(PROGRAM).args(arguments);
        command
    }

    pub(crate) fn json(&self, line: &str) -> ProgramRun {
        let mut command = self.command(&["--format", "json", "-c", line]);
        self.studio.finish(&mut command)
    }

    /// Runs a line until the program is held for the first time.
    #[track_caller]
    pub(super) fn hold(&self, line: &str) -> HeldProgram<'a> {
        let mut held = self.begin(line);
        held.wait();
        held
    }

    /// Starts a line.
    pub(super) fn begin(&self, line: &str) -> HeldProgram<'a> {
        let mut command = self.command(&["--format", "json", "-c", line]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        HeldProgram {
            studio: self.studio,
            child: Some(child),
            seen: 0,
        }
    }
}

/// A held program, killed when dropped.
#[derive(Debug)]
pub(super) struct HeldProgram<'a> {
    studio: &'a Studio,
    child: Option<Child>,
    /// Number of thread stops so far.
    seen: usize,
}

impl HeldProgram<'_> {
    fn child(&mut self) -> &mut Child {
        self.child.as_mut().unwrap()
    }

    pub(super) fn signal(&mut self, signal: Signal) {
        kill_process(Pid::from_child(self.child()), signal).unwrap();
    }

    /// Waits until a thread is in this system call.
    #[track_caller]
    pub(super) fn wait_for_call(&mut self, call: nix::libc::c_long) {
        wait_for_call(self.child().id(), call);
    }

    /// Waits until every thread is stopped.
    #[track_caller]
    fn wait(&mut self) {
        let is_held = self.is_held();
        assert!(is_held, "it ended before it was held: {}", self.output());
    }

    /// Waits until every thread is stopped; `false` if the program ended before.
    fn is_held(&mut self) -> bool {
        let tasks = format!("/proc/{}/task", self.child().id());
        loop {
            if self.child().try_wait().unwrap().is_some() {
                return false;
            }
            let log = fs::read_to_string(self.studio.path(LOG)).unwrap_or_default();
            let stopped = log.matches("--- stopped by SIGSTOP").count();
            let threads = fs::read_dir(&tasks).map_or(usize::MAX, Iterator::count);
            if stopped >= self.seen.saturating_add(threads) {
                self.seen = stopped;
                return true;
            }
            thread::sleep(STEP);
        }
    }

    /// Continues until the program is held again.
    #[track_caller]
    pub(super) fn resume(&mut self) {
        self.signal(Signal::CONT);
        self.wait();
    }

    /// Continues until the program is held again; `false` if it ends before.
    pub(super) fn try_resume(&mut self) -> bool {
        self.signal(Signal::CONT);
        self.is_held()
    }

    /// Continues to the end of the program.
    pub(super) fn finish(mut self) -> ProgramRun {
        while self.child().try_wait().unwrap().is_none() {
            self.signal(Signal::CONT);
            thread::sleep(STEP);
        }
        self.output()
    }

    fn output(&mut self) -> ProgramRun {
        let child = self.child.take().unwrap();
        ProgramRun::new(self.studio, &child.wait_with_output().unwrap())
    }

    /// Kills the program, as a loss of power would.
    pub(super) fn kill(mut self) {
        self.child().kill().unwrap();
        let status = self.child.take().unwrap().wait().unwrap();
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()));
    }
}

impl Drop for HeldProgram<'_> {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap_or_default();
            let _ended = child.wait();
        }
    }
}
