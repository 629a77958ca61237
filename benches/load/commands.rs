//! The measured command lines: ours and those of the peers.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use auto_backup::base::error::IoResultExt as _;
use auto_backup::language::lexer::quote;

use crate::common::installed::is_installed;
use crate::common::outcome::Outcome;
use crate::studio::{CATEGORIES, DATABASES, Studio};

/// Option that makes this program answer as the first program did.
pub(crate) const SEED_WALK: &str = "--seed-walk";

/// The measured release build.
const PROGRAM: &str = env!("CARGO_BIN_EXE_auto-backup");

/// Pattern for `find`: some frames of every sequence that has them.
pub(crate) const PATTERN: &str = "*.007*.exr";

/// Lists the files of roots with their sizes and times, one run of rclone for each root.
const RCLONE: &str = "for root; do rclone lsf -R --files-only --format stp \"$root\" || exit; done";

/// Tools that walk folders and add up sizes, as fast as they can, with their names in the table.
const WALKERS: [(&str, &str, &[&str]); 4] = [
    ("diskus", "`diskus`", &[]),
    ("pdu", "`pdu`", &[]),
    ("dua", "`dua`", &[]),
    ("gdu", "`gdu`", &["--non-interactive", "--no-progress"]),
];

/// Returns those tools on both roots, started once for each where a tool takes one root. One without a command is not installed.
pub(crate) fn walkers(studio: &Studio) -> Vec<(&'static str, Option<Vec<OsString>>)> {
    let command = |(program, title, options): (&str, &'static str, &[&str])| {
        let script = if program == "gdu" {
            r#"program=$1; shift; for root; do "$program" OPTIONS "$root" || exit; done"#
        } else {
            r#"program=$1; shift; exec "$program" OPTIONS "$@""#
        };
        let script = script.replace("OPTIONS", &options.join(" "));
        let mut line: Vec<OsString> = ["sh", "-c", &script, "sh", program]
            .map(OsString::from)
            .into();
        line.extend(studio.roots().into_iter().map(PathBuf::into_os_string));
        (title, is_installed(program).then_some(line))
    };
    WALKERS.map(command).into()
}

/// Returns a program without the studio.
pub(crate) fn bare(arguments: &[&str]) -> Vec<OsString> {
    [PROGRAM]
        .iter()
        .chain(arguments)
        .map(OsString::from)
        .collect()
}

/// Returns auto-backup with the studio's databases and categories, and these commands, as one process.
pub(crate) fn ours(studio: &Studio, options: &[&str], commands: &[&str]) -> Vec<OsString> {
    let roots = studio.roots();
    let databases = DATABASES.iter().copied().zip(&roots);
    tracking(&index(studio), databases, &CATEGORIES, (options, commands))
}

/// Returns auto-backup with this index, databases and categories, these options and commands, as one process.
pub(crate) fn tracking<'a>(
    index: &Path,
    databases: impl Iterator<Item = (&'a str, &'a PathBuf)>,
    categories: &[(&str, &str)],
    (options, commands): (&[&str], &[&str]),
) -> Vec<OsString> {
    let mut line = bare(&["--quiet", "--no-config", "--index"]);
    line.push(index.into());
    line.extend(options.iter().map(OsString::from));
    let databases =
        databases.map(|(name, root)| format!("add database {name} {}", quote(root.as_os_str())));
    let categories = categories
        .iter()
        .map(|(name, path)| format!("add category {name} {path}"));
    let commands = commands.iter().map(|command| (*command).to_owned());
    for command in databases.chain(categories).chain(commands) {
        line.extend(["-c".into(), command.into()]);
    }
    line
}

/// Returns the index of the benchmark.
pub(crate) fn index(studio: &Studio) -> PathBuf {
    studio.path("index.sqlite")
}

/// Returns all files of an index: the database and its logs.
pub(crate) fn index_files(studio: &Studio) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|end| studio.path(&format!("index.sqlite{end}")))
}

pub(crate) fn du(studio: &Studio) -> Vec<OsString> {
    on_roots(&["du".as_ref(), "-s".as_ref()], studio, &[])
}

pub(crate) fn find(studio: &Studio) -> Vec<OsString> {
    let print = ["-type", "f", "-printf", "%s %T@ %p\\n"];
    on_roots(&["find".as_ref()], studio, &print)
}

/// Returns `None` without rclone.
pub(crate) fn rclone(studio: &Studio) -> Option<Vec<OsString>> {
    let shell: [&Path; 4] = ["sh", "-c", RCLONE, "sh"].map(Path::new);
    is_installed("rclone").then(|| on_roots(&shell, studio, &[]))
}

pub(crate) fn seed_walk(studio: &Studio) -> Outcome<Vec<OsString>> {
    let own = env::current_exe().at("find", "this program")?;
    Ok(on_roots(&[&own, SEED_WALK.as_ref()], studio, &[]))
}

fn on_roots(before: &[&Path], studio: &Studio, after: &[&str]) -> Vec<OsString> {
    let before = before.iter().map(|word| word.as_os_str().to_owned());
    let roots = studio.roots().into_iter().map(PathBuf::into_os_string);
    before
        .chain(roots)
        .chain(after.iter().map(OsString::from))
        .collect()
}
