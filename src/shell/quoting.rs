//! Names with spaces that were typed without quotes, so that each came as several words.

use std::ffi::{OsStr, OsString};

use crate::catalogue;
use crate::lexer::{Word, quote};
use crate::workspace::Workspace;

/// More words than this no name is made of.
const MOST: usize = 8;

/// What may have been meant: words side by side that are a name of the studio, as it is quoted.
pub(super) fn meant(words: &[Word], workspace: &Workspace) -> Option<String> {
    let known = names(workspace);
    let joined = |words: &[Word]| {
        let texts: Vec<&OsStr> = words.iter().map(|word| word.text.as_os_str()).collect();
        texts.join(OsStr::new(" "))
    };
    let runs = (2..=words.len().min(MOST))
        .rev()
        .flat_map(|length| words.windows(length));
    let found = runs.map(joined).find(|name| known.contains(name));
    found.map(|name| quote(&name))
}

/// All names of the studio that hold a space.
fn names(workspace: &Workspace) -> Vec<OsString> {
    let registry = &workspace.registry;
    let databases = registry
        .databases()
        .iter()
        .map(|known| OsString::from(&known.name));
    let categories = registry
        .categories()
        .iter()
        .map(|known| OsString::from(&known.name));
    // Who cannot be told a name is told what else is wrong.
    let projects = catalogue::projects(&workspace.index, registry, registry.databases());
    let projects = projects.unwrap_or_default();
    let clients = projects
        .iter()
        .map(|project| project.client.as_os_str().to_owned());
    let projects = projects
        .iter()
        .map(|project| OsString::from(project.path()));
    let all = databases.chain(categories).chain(clients).chain(projects);
    all.filter(|name| name.to_string_lossy().contains(' '))
        .collect()
}
