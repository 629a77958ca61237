//! The runs of a report, and the files that wait for another attempt.

use std::path::Path;

use serde::Serialize;

use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::index::{Index, Run, RunId, RunState};
use crate::language::lexer::lex;
use crate::model::project::Scope;
use crate::model::registry::Registry;

/// A run of the history.
#[derive(Debug, Serialize)]
pub struct ReportedRun {
    pub run: RunId,
    pub command: String,
    pub what: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    pub files: u64,
    pub bytes: u64,
    pub failed: u64,
    pub conflicts: u64,
    pub refused: u64,
    pub state: RunState,
}

/// A file that `sync` could not send yet.
#[derive(Debug, Serialize)]
pub struct WaitingFile {
    pub path: Name,
    pub from: Name,
    pub to: Name,
    pub error: String,
    pub attempts: u64,
    pub last: Timestamp,
    /// True if the destination can never hold the file under its name.
    pub permanent: bool,
}

/// Returns the runs that concern a scope, the newest first.
pub(super) fn runs(index: &Index, scope: &Scope) -> Result<Vec<ReportedRun>> {
    let runs = index.runs(None)?.into_iter();
    let runs = runs.filter(|run| concerns(run, scope));
    Ok(runs
        .map(|run| ReportedRun {
            run: run.id,
            command: run.command,
            what: run.subject,
            from: run.source,
            to: run.destination,
            started: run.started,
            ended: run.ended,
            files: run.files,
            bytes: run.bytes,
            failed: run.failed,
            conflicts: run.conflicts,
            refused: run.refused,
            state: run.state,
        })
        .collect())
}

/// True if a run names a part of the scope, or all of it. The history keeps what was typed.
fn concerns(run: &Run, scope: &Scope) -> bool {
    if *scope == Scope::All {
        return true;
    }
    let words = run.subject.as_deref().map(lex);
    let Some(Ok(words)) = words else {
        return false;
    };
    let Some(word) = words.first() else {
        return false;
    };
    match Scope::parse(&word.text) {
        Ok(Scope::All) => true,
        Ok(Scope::Client(client)) => scope.has_client(&client),
        Ok(Scope::Project(project)) => scope.contains(&project),
        Ok(Scope::Projects(_)) | Err(_) => false,
    }
}

/// Returns the files of a scope that wait for another attempt.
pub(super) fn failures(
    index: &Index,
    registry: &Registry,
    scope: &Scope,
) -> Result<Vec<WaitingFile>> {
    let is_meant = |path: &Path| {
        let mut categories = registry.categories().iter();
        let located = categories.find_map(|category| category.locate(path));
        *scope == Scope::All || located.is_some_and(|(project, _)| scope.contains(&project))
    };
    // A storage that is no longer tracked has no name, only a root.
    let name = |root: &Path| {
        let mut databases = registry.databases().iter();
        let database = databases.find(|database| database.root == root);
        database.map_or_else(|| Name::from(root), |database| Name::from(&*database.name))
    };
    let failures = index.failures()?.into_iter();
    let failures = failures.filter(|known| is_meant(&known.path));
    Ok(failures
        .map(|known| WaitingFile {
            from: name(&known.source),
            to: name(&known.destination),
            path: known.path.into(),
            error: known.error,
            attempts: known.attempts,
            last: known.last_at,
            permanent: known.is_permanent,
        })
        .collect())
}
