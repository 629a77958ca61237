//! A hundred thousand files in eighty replicas.

use std::fs::{self, File};

use crate::studio::{ProgramRun, Studio};

const REPLICAS: usize = 80;
const FOLDERS: usize = 25;
const FILES: usize = 50;

/// A studio with eighty replicas on WORK, each with 1,250 empty files.
fn large() -> Studio {
    let studio = Studio::new();
    for replica in 0..REPLICAS {
        for folder in 0..FOLDERS {
            let path = studio.path(format!(
                "WORK/footage/client{}/project{replica}/shot{folder}",
                replica % 8
            ));
            fs::create_dir_all(&path).unwrap();
            for file in 0..FILES {
                File::create(path.join(format!("{file}.exr"))).unwrap();
            }
        }
    }
    studio
}

/// Returns the number of files of all replicas in this state.
fn files(run: &ProgramRun, state: &str) -> u64 {
    let document = run.document();
    let projects = document["projects"].as_array().unwrap();
    assert_eq!(projects.len(), REPLICAS);
    let replicas = projects
        .iter()
        .flat_map(|project| project["replicas"].as_array().unwrap());
    replicas
        .filter(|replica| replica["state"] == state)
        .filter_map(|replica| replica["files"].as_u64())
        .sum()
}

#[test]
fn hundred_thousand_files_are_indexed() {
    let studio = large();
    let load = studio.json(&["load"]).ok();
    let work = &load.document()["databases"][0];
    assert_eq!(
        (work["files"].as_u64(), work["projects"].as_u64()),
        (Some(100_000), Some(80))
    );
    assert_eq!(work["added"], 100_000);
    let live = studio.json(&["fetch all"]).ok();
    assert_eq!(files(&live, "whole"), 100_000);
    let again = studio.json(&["load WORK"]).ok();
    let work = &again.document()["databases"][0];
    assert_eq!([&work["added"], &work["changed"], &work["gone"]], [0, 0, 0]);
    fs::rename(studio.path("WORK"), studio.path("away")).unwrap();
    assert_eq!(files(&studio.json(&["fetch all"]).ok(), "whole"), 100_000);
    studio.json(&["load"]).status(3);
    assert_eq!(files(&studio.json(&["fetch all"]).ok(), "offline"), 100_000);
}
