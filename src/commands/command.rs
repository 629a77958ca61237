//! The trait of commands, and the parts of their arguments that several commands share.

use std::ffi::OsStr;
use std::time::Duration;

use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::suggest::suggest;
use crate::index::overview;
use crate::language::lexer::quote;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::Database;
use crate::output::answer::Answer;

/// A command with an answer that fits into memory. Commands that list any number of files return a
/// [`Stream`](crate::output::stream::Stream) from a method of their own.
pub(super) trait RunCommand {
    type Answer: Answer;

    /// Does the work and prints nothing.
    fn run(self, workspace: &mut Workspace) -> Result<Self::Answer>;
}

/// Parses the name of one project. For the name of a folder alone, the error suggests the projects of that client and, if
/// `client_command` is given, the command for all of them.
pub(super) fn parse_project(
    word: &OsStr,
    workspace: &Workspace,
    client_command: Option<&str>,
) -> Result<ProjectId> {
    let client = match workspace.last_answer.scope(word)? {
        Scope::Project(project) => return Ok(project),
        scope => scope.name(),
    };
    let (index, registry) = (&workspace.index, &workspace.registry);
    let projects = overview::projects(index, registry, registry.databases())?;
    let quoted = |project: &ProjectId| quote(project.name().as_os_str());
    let of_client = |project: &&ProjectId| project.client == client;
    let mut suggestions: Vec<String> = projects.iter().filter(of_client).map(quoted).collect();
    let client_command = client_command.filter(|_| !suggestions.is_empty() || projects.is_empty());
    if suggestions.is_empty() {
        let typed = client.to_string();
        let is_similar = |project: &&ProjectId| {
            let names = [&project.project, &project.client].map(ToString::to_string);
            !suggest(&typed, names.iter().map(String::as_str)).is_empty()
        };
        suggestions = projects.iter().filter(is_similar).map(quoted).collect();
    }
    Err(Error::NotAProject {
        listing_command: client_command.map(|line| format!("{line} {}", quote(word))),
        word: client,
        suggestions,
    })
}

/// Returns the names of databases, joined by commas.
pub(super) fn database_names<'a>(databases: impl IntoIterator<Item = &'a Database>) -> String {
    let names = databases.into_iter().map(|database| &*database.name);
    names.collect::<Vec<_>>().join(",")
}

/// Returns a duration in seconds, rounded to milliseconds, for JSON and CSV.
pub(super) fn rounded_seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}
