//! `mhl` and `report` of files whose digests are in the index.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use auto_backup::base::error::IoResultExt as _;
use auto_backup::base::unit;
use auto_backup::language::lexer::quote;

use crate::commands::ours;
use crate::common::outcome::Outcome;
use crate::common::row::{Row, verdict};
use crate::common::totals::totals;
use crate::duel::{Around, NOTHING, Side, alone, duel};
use crate::side::{empty, remove};
use crate::studio::Studio;

/// Writes a history for all projects.
const MHL: &str = "mhl all footage WORK";

/// Largest size of a report, in bytes.
const REPORT_BYTES: u64 = 1_000_000;

/// Measures `mhl` and `report` of many files whose digests are known.
pub(crate) fn rows(memory: &Path, files: u64, runs: u64) -> Outcome<Vec<Row>> {
    let studio = Studio::new(memory, &["WORK", "NAS"])?;
    empty(&studio)?;
    studio.fill(files, 1024)?;
    studio.copy()?;
    let files = unit::format_counted(files, "file");
    let page = studio.path("report.html");
    let report = format!("report all --to {}", quote(page.as_os_str()));
    let footage = studio.path("WORK").join("footage");
    let forget = || forget_histories(&footage);
    let complete = || check_histories(&footage);
    let mut rows = Vec::new();
    for (what, around, command, limit) in [
        ("`report all`", (NOTHING, NOTHING), report.as_str(), 1),
        (
            "`mhl`, no history yet",
            (&forget as Around<'_>, &complete as Around<'_>),
            MHL,
            2,
        ),
        ("`mhl`, nothing new", (NOTHING, &complete), MHL, 2),
    ] {
        let title = format!("{what}, {files}");
        let side = Side {
            before: around.0,
            command: Some(ours(&studio, &[command])),
            after: around.1,
        };
        let results = duel(&title, &[side], runs)?;
        rows.extend(alone(&title, &results[0], Duration::from_secs(limit)));
    }
    rows.insert(1, size(&format!("size of the report, {files}"), &page)?);
    studio.remove()?;
    Ok(rows)
}

/// Removes the histories of all projects of a category.
fn forget_histories(category: &Path) -> Outcome<()> {
    for project in projects(category)? {
        remove(&project.join("ascmhl"))?;
    }
    Ok(())
}

/// Fails unless all projects of a category have a history of one generation.
fn check_histories(category: &Path) -> Outcome<()> {
    for project in projects(category)? {
        let (files, _) = totals(&project.join("ascmhl"))?;
        if files != 2 {
            let project = project.display();
            return Err(format!("{project} has {files} files of a history").into());
        }
    }
    Ok(())
}

fn projects(category: &Path) -> Outcome<Vec<PathBuf>> {
    let mut projects = Vec::new();
    for client in folders(category)? {
        projects.extend(folders(&client)?);
    }
    Ok(projects)
}

fn folders(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).at("read", folder)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let paths: Vec<PathBuf> = paths.collect::<Result<_, _>>().at("read", folder)?;
    Ok(paths.into_iter().filter(|path| path.is_dir()).collect())
}

/// Returns the row of the size of a report.
fn size(what: &str, page: &Path) -> Outcome<Row> {
    let bytes = fs::metadata(page).at("read", page)?.len();
    Ok(Row {
        what: what.to_owned(),
        ours: unit::format_bytes(bytes),
        asked: unit::format_bytes(REPORT_BYTES),
        verdict: verdict(Some(bytes <= REPORT_BYTES)),
        ..Row::default()
    })
}
