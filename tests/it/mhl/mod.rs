//! ASC MHL histories: judged by the reference tool, damaged, hostile, nested, and stopped while they are written.

mod arrival;
mod damage;
mod hostile;
mod interoperation;
mod kill;
mod name;
mod nested;
mod offload;
mod reference;
mod transfer;
mod verification;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::studio::Studio;

/// The folder of the project on the storage.
const SPOT: &str = "NAS/footage/acme/spot";

/// The line that writes a history.
const MHL: &str = "mhl acme/spot footage NAS";

/// A studio with the files of a card on NAS, scanned.
fn card_studio() -> Studio {
    let studio = Studio::new();
    studio
        .file(format!("{SPOT}/A001/Clips/a.mov"), "clip a")
        .file(format!("{SPOT}/A001/Clips/b.mov"), "clip b")
        .file(format!("{SPOT}/A001/Sidecar.txt"), "sidecar")
        .file(format!("{SPOT}/notes.txt"), "notes")
        .file(format!("{SPOT}/zero"), "");
    studio.lines(&["load"]).ok();
    studio
}

/// Returns the answer of a line as JSON, whatever its exit status.
#[track_caller]
fn answer(studio: &Studio, line: &str) -> Value {
    studio.json(&[line]).document()
}

/// Returns the outcomes and the names of the items of an answer.
fn outcomes(document: &Value) -> Vec<(String, String)> {
    let items = document["items"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    items
        .map(|item| {
            let path = text(&item["path"]);
            let name = path.rsplit_once('/').unwrap().1.to_owned();
            (text(&item["outcome"]), name)
        })
        .collect()
}

/// Returns the paths of the hash lists of the history in a folder of the studio, in their order.
fn hash_lists(studio: &Studio, folder: &str) -> Vec<PathBuf> {
    let folder = studio.path(folder).join("ascmhl");
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut lists: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "mhl"))
        .collect();
    lists.sort();
    lists
}

/// Returns the text of a hash list of the project.
#[track_caller]
fn list_text(studio: &Studio, number: usize) -> String {
    fs::read_to_string(&hash_lists(studio, SPOT)[number - 1]).unwrap()
}

/// Returns the number of entries with an action.
fn count_actions(text: &str, action: &str) -> usize {
    text.matches(&format!("action=\"{action}\"")).count()
}

/// Replaces a text in a file.
#[track_caller]
fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replace(from, to)).unwrap();
}
