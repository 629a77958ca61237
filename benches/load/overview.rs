//! Questions about the whole studio: 300 projects on five storages, one of which differs everywhere.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use auto_backup::base::error::IoResultExt as _;

use crate::bound::Bound;
use crate::commands::tracking;
use crate::common::interrupted;
use crate::common::measure::measure;
use crate::common::outcome::Outcome;
use crate::common::row::Row;
use crate::contest::Contest;

const DATABASES: [&str; 5] = ["WORK", "NAS", "SERVER", "SHELF", "OTHER"];
const CATEGORIES: [(&str, &str); 1] = [("footage", "footage")];
const CLIENTS: u64 = 30;
const PROJECTS_OF_A_CLIENT: u64 = 10;
const SHOTS: u64 = 4;

/// The questions, with the time that each may take for a million files, in milliseconds.
const QUESTIONS: [(&str, u64); 2] = [("fetch all", 30), ("list projects --sort size", 15)];

/// Time of the first frames: 2023-11-14, in seconds since 1970.
const SHOT_AT: u64 = 1_700_000_000;

/// Measures each question as a whole process, in a studio of this number of files below `at`.
pub(crate) fn rows(at: &Path, files: u64, runs: u64) -> Outcome<Vec<Row>> {
    let mut folder = tempfile::Builder::new();
    let folder = folder
        .prefix("auto-backup-bench-")
        .tempdir_in(at)
        .at("create a folder in", at)?;
    let roots = DATABASES.map(|name| folder.path().join(name));
    let shots = DATABASES.len() as u64 * CLIENTS * PROJECTS_OF_A_CLIENT * SHOTS;
    for (number, root) in roots.iter().enumerate() {
        let differs = number + 1 == DATABASES.len();
        fill(root, files.div_ceil(shots), differs)?;
    }
    let index = folder.path().join("index.sqlite");
    let ours = |command| {
        let databases = DATABASES.into_iter().zip(&roots);
        tracking(&index, databases, &CATEGORIES, (&[], &[command]))
    };
    measure(&ours("load"))?;
    let mut rows = Vec::new();
    for (question, limit) in QUESTIONS {
        let title = format!("`{question}`, 300 projects on 5 storages");
        let du = ["du", "-s"].map(Into::into).into_iter();
        let contest = Contest {
            title: &title,
            before: &|_| Ok(()),
            ours: ours(question),
            peers: vec![(
                "`du -s`",
                Some(du.chain(roots.iter().map(Into::into)).collect()),
            )],
        };
        let limit = Bound::Time(Duration::from_millis(limit));
        rows.extend(contest.rows(&contest.run(runs)?, |(sample, _)| sample.wall, limit));
    }
    Ok(rows)
}

/// Creates all projects of a storage. Where it differs, the first frame of each shot is newer.
fn fill(root: &Path, frames: u64, differs: bool) -> Outcome<()> {
    for client in 0..CLIENTS {
        for project in 0..PROJECTS_OF_A_CLIENT {
            interrupted::check()?;
            for shot in 0..SHOTS {
                let (_, category) = CATEGORIES[0];
                let folder = format!("{category}/client{client:02}/project{project}/sh{shot:02}");
                fill_shot(&root.join(folder), frames, differs)?;
            }
        }
    }
    Ok(())
}

fn fill_shot(folder: &Path, frames: u64, differs: bool) -> Outcome<()> {
    fs::create_dir_all(folder).at("create the folder", folder)?;
    for frame in 0..frames {
        let path: PathBuf = folder.join(format!("comp.{:04}.exr", 1001 + frame));
        let later = if differs && frame == 0 { 5 } else { 0 };
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(SHOT_AT + frame + later);
        let file = File::create(&path).and_then(|file| file.set_modified(time));
        file.at("create", &path)?;
    }
    Ok(())
}
