//! git-annex: a repository with two special remotes that hold all contents, from which everything is dropped.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use auto_backup::base::error::IoResultExt as _;

use crate::common::installed::is_installed;
use crate::common::outcome::Outcome;
use crate::studio::Studio;

/// Prepares a repository of the files of a studio. `annex.numcopies` demands two other copies, as our default policy does.
const PREPARE: &str = "
set -e
cd \"$1\"
export HOME=\"$1\" GIT_CONFIG_NOSYSTEM=1
git init -q
git config user.name bench
git config user.email bench@localhost
git annex init -q bench
git annex numcopies 2 > /dev/null
git annex add -q . 
git commit -q -m all
for remote in NAS SHELF; do
    mkdir \"$2/annex-$remote\"
    git annex initremote -q $remote type=directory directory=\"$2/annex-$remote\" encryption=none
    git annex copy -q --to $remote
done
";

const DROP: &str = "cd \"$1\" && HOME=\"$1\" GIT_CONFIG_NOSYSTEM=1 git annex drop -q .";

/// Turns the first storage of a studio into such a repository, and returns the line that drops all contents with proof;
/// `None` if git-annex is not installed.
pub(crate) fn prepare(studio: &Studio) -> Outcome<Option<Vec<OsString>>> {
    if !is_installed("git-annex") || !is_installed("git") {
        return Ok(None);
    }
    let root = studio.roots().swap_remove(0);
    let line = script(PREPARE, &root, &studio.path(""));
    let prepared = Command::new(&line[0]).args(&line[1..]).output();
    let prepared = prepared.at("run", "git-annex")?;
    if !prepared.status.success() {
        let complaints = String::from_utf8_lossy(&prepared.stderr);
        return Err(format!("git-annex could not be prepared: {complaints}").into());
    }
    Ok(Some(script(DROP, &root, Path::new(""))))
}

fn script(text: &str, root: &Path, place: &Path) -> Vec<OsString> {
    let words = ["sh", "-c", text, "sh"].map(OsString::from);
    let paths: [PathBuf; 2] = [root.to_owned(), place.to_owned()];
    words.into_iter().chain(paths.map(OsString::from)).collect()
}
