//! The rows of a generated index that no disk here could fill, with their targets.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use auto_backup::base::error::IoResultExt as _;
use auto_backup::base::unit;
use auto_backup::index::{Index, SampleProject};

use crate::bound::Bound;
use crate::commands::Workstation;
use crate::common::interrupted;
use crate::common::measure::measure;
use crate::common::options::Options;
use crate::common::outcome::Outcome;
use crate::common::row::Row;
use crate::contest::{Contest, Results};
use crate::names::{self, FILES_PER_PROJECT};
use crate::server::Server;
use crate::truth;

/// Files of the generated index for each file on the storages.
const TIMES: u64 = 100;

/// Number of projects that one scan writes.
const PROJECTS_PER_SCAN: u64 = 40;

/// One folder in this many changes.
const CHANGED_ONE_IN: usize = 100;

const ROOT: &str = "/mnt/nas";
const IDENTITY: &str = "0123456789abcdef0123456789abcdef";
const CATEGORY: (&str, &str) = ("footage", "footage");

/// Generates an index below `at`, and measures pushes and pulls of it.
pub(crate) fn rows(at: &Path, server: &Server, options: &Options) -> Outcome<Vec<Row>> {
    let mut folder = tempfile::Builder::new();
    let folder = folder
        .prefix("auto-backup-bench-")
        .tempdir_in(at)
        .at("create a folder in", at)?;
    let workstation = |name| {
        let index = folder.path().join(name);
        Workstation::new(index, &[("NAS", PathBuf::from(ROOT))], &[CATEGORY])
    };
    let (scanning, asking) = (workstation("scanning.sqlite"), workstation("asking.sqlite"));
    let projects = (options.files * TIMES).div_ceil(FILES_PER_PROJECT);
    let files = unit::format_counted(projects * FILES_PER_PROJECT, "file");
    writeln!(io::stderr(), "generating an index of {files}")?;
    write(scanning.index(), projects, |_| ())?;
    let mut index = Index::open(scanning.index())?.index;
    index.ensure_shared(Path::new(ROOT), IDENTITY)?;
    drop(index);
    let mut index = Index::open(asking.index())?.index;
    index.ensure_shared(Path::new(ROOT), IDENTITY)?;
    drop(index);
    let address = server.create_database("large")?;
    let [scanning, asking] = [scanning, asking].map(|one| one.at_catalog(&address));
    let mut rows = Vec::new();
    rows.extend(row("push of all", &files, &scanning, Bound::None)?);
    rows.extend(row("pull of all", &files, &asking, Bound::None)?);
    let mut revision = known(server, [&scanning, &asking])?;
    for round in 1..=options.runs.min(3) {
        writeln!(io::stderr(), "changing 1 % of the index")?;
        write(scanning.index(), projects, |project| change(project, round))?;
        let limit = Bound::Time(Duration::from_secs(5));
        rows.extend(row("push of a 1 % change", &files, &scanning, limit)?);
        rows.extend(row("pull of a 1 % change", &files, &asking, Bound::None)?);
        let next = known(server, [&scanning, &asking])?;
        if next <= revision {
            return Err("a change was not pushed".into());
        }
        revision = next;
    }
    folder.close().at("remove", at)?;
    Ok(rows)
}

/// Writes the projects, changed by `change`, as scans do.
fn write(at: &Path, projects: u64, change: impl Fn(&mut SampleProject)) -> Outcome<()> {
    let mut index = Index::open(at)?.index;
    for first in (0..projects).step_by(usize::try_from(PROJECTS_PER_SCAN)?) {
        interrupted::check()?;
        let last = projects.min(first + PROJECTS_PER_SCAN);
        let made = (first..last).map(|number| {
            let mut project = names::project(number);
            change(&mut project);
            project
        });
        index.write_sample(Path::new(ROOT), CATEGORY.1, made)?;
    }
    Ok(())
}

/// Adds a file to one folder in a hundred; every round adds to the same folders.
fn change(project: &mut SampleProject, round: u64) {
    for folder in project.folders.iter_mut().step_by(CHANGED_ONE_IN) {
        for number in 1..=round {
            // The names are sorted: a tilde comes after all letters.
            folder.add(format!("~render{number}.exr"), 1 << 20, 1_767_225_600);
        }
    }
}

/// Returns the revision that the server and both workstations know.
fn known(server: &Server, workstations: [&Workstation; 2]) -> Outcome<i64> {
    truth::check((server, "large"), workstations, &[ROOT.into()])
}

/// Measures one exchange, which `fetch` begins with.
fn row(what: &str, files: &str, workstation: &Workstation, bound: Bound) -> Outcome<Vec<Row>> {
    let title = format!("{what}, {files}");
    writeln!(io::stderr(), "measuring {title}")?;
    let contest = Contest {
        title: &title,
        before: &|_| Ok(()),
        ours: workstation.command("fetch all")?,
        peers: Vec::new(),
    };
    let results = Results {
        ours: vec![measure(&contest.ours)?],
        peers: Vec::new(),
    };
    Ok(contest.rows(&results, |(sample, _)| sample.wall, bound))
}
