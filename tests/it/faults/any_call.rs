//! Any system call of a copy fails, or is the last one before the program is killed. The laws hold in every case.
//!
//! A short list always runs. `AUTO_BACKUP_FAULTS=all` tests every call, error and number.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::tracer::Tracer;
use super::{
    FROM, LINE, PART, TO, assert_mirrored, differing_files, kept_versions, leftovers, read_files,
};
use crate::studio::{CHANGED, ProgramRun, Studio};

/// System calls of a copy on the files and folders of both databases.
const CALLS: [&str; 22] = [
    "openat",
    "read",
    "write",
    "pread64",
    "copy_file_range",
    "ioctl",
    "ftruncate",
    "lseek",
    "fstat",
    "newfstatat",
    "fchmod",
    "utimensat",
    "mkdirat",
    "renameat2",
    "unlinkat",
    "symlinkat",
    "readlinkat",
    "syncfs",
    "fsync",
    "flistxattr",
    "flock",
    "getdents64",
];

const ERRORS: [&str; 3] = ["EIO", "ENOSPC", "EINTR"];

/// A studio before a copy, with its files by their paths below the replica.
struct Scene {
    studio: Studio,
    old: BTreeMap<PathBuf, Vec<u8>>,
    new: BTreeMap<PathBuf, Vec<u8>>,
}

/// A fault at a system call, in the syntax of the tracer.
struct Fault<'a> {
    call: &'a str,
    what: String,
}

impl fmt::Display for Fault<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.call, self.what)
    }
}

/// A studio with files of every kind: small, copied by the kernel, sparse, links; new, equal, and replaced by a newer
/// one.
fn scene() -> Scene {
    let studio = Studio::new();
    let mut holes = vec![0; 3 << 20];
    holes[2 << 20] = 1;
    studio
        .file(format!("{FROM}/new"), "new")
        .file(format!("{FROM}/large"), vec![7; 2 << 20])
        .file(format!("{FROM}/sub/replaced"), "replaced by this")
        .file(format!("{FROM}/sub/same"), "same")
        .file(format!("{FROM}/sub/deep/replaced"), vec![8; (1 << 20) + 1])
        .file(format!("{FROM}/was a link"), "a file now")
        .link(format!("{FROM}/link"), "new")
        .folder(format!("{FROM}/empty"))
        .file(format!("{FROM}/holes"), "");
    super::write_sparse(&studio.path(FROM).join("holes"), &holes);
    studio
        .file_at(format!("{TO}/sub/replaced"), "old", CHANGED - 9)
        .file(format!("{TO}/sub/same"), "same")
        .file_at(
            format!("{TO}/sub/deep/replaced"),
            vec![9; 2 << 20],
            CHANGED - 9,
        )
        .file("NAS/footage/acme/other/untouched", "untouched");
    let old = read_files(&studio.path(TO));
    let new = read_files(&studio.path(FROM));
    Scene { studio, old, new }
}

impl Scene {
    /// Runs the copy with this fault on all paths of the two replicas.
    fn run(&self, fault: &Fault<'_>) -> Option<ProgramRun> {
        let mut tracer = Tracer::new(&self.studio)?.inject(fault.call, &fault.what);
        let parents = ["", "/sub", "/sub/deep", "/empty"];
        for top in ["WORK", "NAS"] {
            for parent in ["", "/footage", "/footage/acme"] {
                tracer = tracer.on_path(format!("./{top}{parent}"));
            }
            for parent in parents {
                tracer = tracer.on_path(format!("{top}/footage/acme/spot{parent}"));
            }
        }
        for path in self.new.keys() {
            tracer = tracer.on_path(Path::new(FROM).join(path));
        }
        let own = ["", "/lock", "/database.json", "/versions"];
        for path in own {
            tracer = tracer.on_path(format!("NAS/.auto-backup{path}"));
        }
        Some(tracer.on_temp_copies(0..16).json(LINE))
    }

    /// Checks that every final name has a whole content and no old version is lost.
    #[track_caller]
    fn assert_files_whole(&self, fault: &Fault<'_>, run: &ProgramRun) {
        let there = read_files(&self.studio.path(TO));
        let is_ours = |path: &Path| path.to_string_lossy().ends_with(PART);
        for (path, content) in there.iter().filter(|(path, _)| !is_ours(path)) {
            let either = [self.new.get(path), self.old.get(path)];
            let is_whole = either.contains(&Some(content));
            assert!(is_whole, "{fault}: {} is not whole: {run}", path.display());
        }
        let kept = kept_versions(&self.studio, "NAS");
        for (path, content) in &self.old {
            let is_kept = there.get(path) == Some(content) || kept.contains(content);
            assert!(is_kept, "{fault}: {} is lost: {run}", path.display());
        }
        assert_eq!(
            self.studio.read("NAS/footage/acme/other/untouched"),
            "untouched"
        );
    }

    /// Checks that the answer adds up, and that it and the exit status are true.
    #[track_caller]
    fn assert_answer_true(&self, fault: &Fault<'_>, run: &ProgramRun) {
        if run.bytes.is_empty() {
            assert!(![0, 3].contains(&run.status), "{fault}: no answer: {run}");
            return;
        }
        let document = super::assert_accounted(run);
        // Every missing file must be named, or a folder that contains it, or the replica if the source cannot be read.
        let items = document["items"].as_array().unwrap().iter();
        let named: Vec<_> = items
            .filter(|item| item["outcome"] == "failed")
            .map(|item| Path::new(item["path"].as_str().unwrap()))
            .collect();
        let wrong = differing_files(&self.studio);
        for name in &wrong {
            let paths = [self.studio.path(TO).join(name), self.studio.path(FROM)];
            let mut folders = paths.iter().flat_map(|path| path.ancestors());
            let is_named = folders.any(|path| named.contains(&path));
            assert!(is_named, "{fault}: {name} is missing: {run}");
        }
        assert!(run.status != 0 || wrong.is_empty(), "{fault}: {run}");
        if fault.call != "unlinkat" {
            assert_eq!(leftovers(&self.studio, "NAS"), [""; 0], "{fault}: {run}");
        }
    }

    /// Checks that a plain copy does exactly the remaining work.
    #[track_caller]
    fn assert_next_copy_is_exact(&self, fault: &Fault<'_>) {
        let left = differing_files(&self.studio).len();
        let run = self.studio.json(&[LINE]);
        assert_eq!(run.status, 0, "{fault}: {run}");
        assert_eq!(
            super::assert_accounted(&run)["copied_files"],
            left,
            "{fault}: {run}"
        );
        self.assert_files_whole(fault, &run);
        assert_mirrored(&self.studio);
    }
}

/// Tests these faults and prints the number of them that had an effect.
fn run_faults(faults: impl Iterator<Item = Fault<'static>>) -> Option<usize> {
    let mut hit = 0;
    for fault in faults {
        let scene = scene();
        let run = scene.run(&fault)?;
        let log = Tracer::log(&scene.studio);
        hit += usize::from(log.contains("(INJECTED)") || run.status == -1);
        scene.assert_files_whole(&fault, &run);
        if run.status != -1 {
            scene.assert_answer_true(&fault, &run);
        }
        scene.assert_next_copy_is_exact(&fault);
    }
    Some(hit)
}

/// True if the long list was requested.
fn is_campaign() -> bool {
    std::env::var_os("AUTO_BACKUP_FAULTS").is_some_and(|value| value == "all")
}

/// Returns the ordinals of calls to test, for this call of the list.
fn numbers(place: usize) -> Vec<String> {
    if is_campaign() {
        let one_by_one = (1..=24).map(|number| number.to_string());
        return one_by_one
            .chain(["1+", "2+2", "3+5"].map(str::to_owned))
            .collect();
    }
    vec![
        (place % 4 + 1).to_string(),
        ["1+", "2+2", "3+2"][place % 3].to_owned(),
    ]
}

/// Returns every call with the errors of this choice.
fn failing(choose: impl Fn(usize) -> bool) -> impl Iterator<Item = Fault<'static>> {
    let places = CALLS
        .iter()
        .enumerate()
        .filter(move |(place, _)| choose(*place));
    places.flat_map(|(place, call)| {
        let numbers = numbers(place).into_iter().enumerate();
        numbers.flat_map(move |(turn, number)| {
            let errors = ERRORS.iter().enumerate();
            let chosen = errors
                .filter(move |(error, _)| is_campaign() || *error == (place + turn) % ERRORS.len());
            let faults = chosen.map(move |(_, error)| Fault {
                call,
                what: format!("error={error}:when={number}"),
            });
            // An interrupted call is repeated, without end if every repetition is interrupted.
            faults.filter(|fault| fault.what != "error=EINTR:when=1+")
        })
    })
}

#[test]
fn any_failing_call_keeps_files_intact() {
    if let Some(hit) = run_faults(failing(|place| place % 2 == 0)) {
        assert!(hit >= CALLS.len() / 2);
    }
}

#[test]
fn any_other_failing_call_keeps_files_intact() {
    if let Some(hit) = run_faults(failing(|place| place % 2 == 1)) {
        assert!(hit >= CALLS.len() / 2);
    }
}

#[test]
fn kill_at_any_call_keeps_files_intact() {
    // Only calls that change the disk: between two of them the moment of a kill makes no difference.
    let changing = [
        "openat",
        "write",
        "copy_file_range",
        "ftruncate",
        "fchmod",
        "utimensat",
        "mkdirat",
        "renameat2",
        "unlinkat",
        "symlinkat",
        "syncfs",
        "flock",
    ];
    let short: [&[u32]; 12] = [
        &[30],
        &[2],
        &[1, 2],
        &[1],
        &[3],
        &[2],
        &[1, 4],
        &[1, 2, 3, 4, 5],
        &[1],
        &[1],
        &[1, 2],
        &[1],
    ];
    let faults = changing.into_iter().zip(short).flat_map(|(call, short)| {
        let numbers: Vec<u32> = if is_campaign() {
            (1..=40).collect()
        } else {
            short.to_vec()
        };
        numbers.into_iter().map(move |number| Fault {
            call,
            what: format!("signal=SIGKILL:when={number}"),
        })
    });
    if let Some(hit) = run_faults(faults) {
        assert!(hit >= 12, "only {hit} were killed");
    }
}
