//! The rows of this benchmark in order, with their targets.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use auto_backup::base::error::IoResultExt as _;

use crate::bound::{self, Bound};
use crate::catalog::Catalog;
use crate::commands::{ours, plocate, prompt, startup, succeeds};
use crate::common::measure::measure;
use crate::common::outcome::Outcome;
use crate::common::row::Row;
use crate::common::spread::Spread;
use crate::contest::{Contest, Results, Run};
use crate::names::RARE_WORD;
use crate::terminal::Terminal;

/// Files beside plocate, of a hundred files.
const BESIDE_PLOCATE: u64 = 27;

/// Target for the size of the name index, in bytes for each file.
const NAME_BYTES: f64 = 8.0;

/// Questions beside plocate: pattern, and the target for the whole process in milliseconds.
const PATTERNS: [(&str, Option<u64>); 4] = [
    (RARE_WORD, Some(15)),
    ("velvet meadow", None),
    ("A017C013_260118", None),
    ("quartz_3*_roto_v007.1001.exr", None),
];

/// Runs the whole benchmark below `at`.
pub(crate) fn all(at: &Path, files: u64, runs: u64) -> Outcome<Vec<Row>> {
    let mut rows = beside_plocate(at, files * BESIDE_PLOCATE / 100, runs)?;
    rows.extend(questions(at, files, runs)?);
    Ok(rows)
}

fn beside_plocate(at: &Path, files: u64, runs: u64) -> Outcome<Vec<Row>> {
    let catalog = generate(at, files)?;
    let database = catalog.plocate()?;
    measure(&ours(&catalog, "fetch all"))?;
    let mut rows = Vec::new();
    for (pattern, limit) in PATTERNS {
        let title = format!("`find '{pattern}'`, {} files", millions(files));
        let peer = database
            .as_deref()
            .map(|database| plocate(database, pattern));
        // A small index may lack a name, and plocate then ends with 1.
        if peer.as_deref().is_some_and(|peer| !succeeds(peer)) {
            continue;
        }
        let contest = Contest {
            title: &title,
            before: &|_| Ok(()),
            ours: ours(&catalog, &format!("find '{pattern}'")),
            peers: vec![("`plocate -i -b`", peer)],
        };
        let results = contest.run(runs)?;
        let bound = limit.map_or(Bound::None, |_| Bound::Ratio(2.0));
        rows.extend(contest.rows(&results, wall, bound));
        if let Some(limit) = limit {
            let alone = Contest {
                peers: Vec::new(),
                ..contest
            };
            rows.extend(alone.rows(&results, wall, Bound::Time(Duration::from_millis(limit))));
        }
    }
    rows.push(bound::size("name index", catalog.name_bytes()?, NAME_BYTES));
    catalog.remove()?;
    Ok(rows)
}

/// Measures questions to the largest index.
fn questions(at: &Path, files: u64, runs: u64) -> Outcome<Vec<Row>> {
    let catalog = generate(at, files)?;
    // The first overview after a scan computes and keeps what `load` does.
    measure(&ours(&catalog, "fetch all"))?;
    let mut rows = Vec::new();
    for (command, limit) in [
        ("fetch all", Some(50)),
        (&format!("find {RARE_WORD}"), Some(40)),
        ("find '*.pdf' --limit 20", None),
        (
            "find 'client_07/*/documents/*/*meadow*.pdf' --limit 20",
            None,
        ),
        ("find xr --limit 20", None),
        ("history sizes", None),
    ] {
        let title = format!("`{command}`, {} files", millions(files));
        let contest = Contest {
            title: &title,
            before: &|_| Ok(()),
            ours: ours(&catalog, command),
            peers: Vec::new(),
        };
        let bound = limit.map_or(Bound::None, |limit| {
            Bound::Time(Duration::from_millis(limit))
        });
        rows.extend(contest.rows(&contest.run(runs)?, wall, bound));
    }
    rows.extend(duplicates(&catalog, files)?);
    rows.push(starts(&catalog, files, runs)?);
    rows.push(bound::size("name index", catalog.name_bytes()?, NAME_BYTES));
    catalog.remove()?;
    Ok(rows)
}

/// Measures `duplicates` once: it reads every folder, and its memory does not vary as time does.
fn duplicates(catalog: &Catalog, files: u64) -> Outcome<Vec<Row>> {
    let title = format!("`duplicates --limit 20`, {} files", millions(files));
    writeln!(io::stderr(), "measuring {title}")?;
    let contest = Contest {
        title: &title,
        before: &|_| Ok(()),
        ours: ours(catalog, "duplicates --limit 20"),
        peers: Vec::new(),
    };
    let results = Results {
        ours: vec![measure(&contest.ours)?],
        peers: Vec::new(),
    };
    Ok(contest.rows(&results, wall, Bound::None))
}

/// Measures the time from the start to the first prompt.
fn starts(catalog: &Catalog, files: u64, runs: u64) -> Outcome<Row> {
    const LIMIT: Duration = Duration::from_millis(25);
    let settings = catalog.path("home/.config/auto-backup");
    fs::create_dir_all(&settings).at("create the folder", &settings)?;
    let file = settings.join(".config");
    fs::write(&file, startup()).at("write", &file)?;
    let mut times = Vec::new();
    for round in 0..=runs {
        let mut terminal = Terminal::start(prompt(catalog))?;
        let took = terminal.wait_for("auto-backup> ")?;
        times.extend((round > 0).then_some(took));
        terminal.leave()?;
    }
    let took = Spread::of(times.into_iter()).ok_or("nothing was measured")?;
    let title = format!("start to first prompt, {} files", millions(files));
    Ok(Bound::Time(LIMIT).judged(Row::alone(&title, took), took, None))
}

fn generate(at: &Path, files: u64) -> Outcome<Catalog> {
    writeln!(io::stderr(), "generating an index of {files} files")?;
    Catalog::make(at, files)
}

fn millions(files: u64) -> String {
    if files >= 1_000_000 {
        format!("{} million", files / 1_000_000)
    } else {
        files.to_string()
    }
}

const fn wall((sample, _): &Run) -> Duration {
    sample.wall
}
