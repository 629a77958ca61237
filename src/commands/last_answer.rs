//! The projects of the last answer, which `_` stands for.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ffi::OsStr;

use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::language::lexer::{Word, quote};
use crate::model::project::{ProjectId, ProjectSet, Scope};

/// The word for the projects of the last answer.
pub const LAST_PROJECTS: &str = "_";

/// The projects of the last answer that named projects.
#[derive(Debug, Default)]
pub struct LastAnswer {
    /// `None` before the first such answer. An answer that is written while it is found adds to it.
    projects: RefCell<Option<BTreeSet<ProjectId>>>,
    /// True after a line that would list projects, while a script is checked.
    is_assumed: Cell<bool>,
    /// True if `_` is a name in the current line: it was quoted, or is the value of a variable.
    is_name: bool,
}

impl LastAnswer {
    /// Notes how `_` is written in the next line. The words are those of the line, before variables are replaced.
    pub fn begin_line(&mut self, line: &str, words: &[Word]) {
        let is_bare = |word: &Word| line.get(word.span.clone()) == Some(LAST_PROJECTS);
        self.is_name = !words.iter().any(is_bare);
    }

    /// Forgets the last answer, as after the start-up file.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Keeps the projects of an answer.
    pub(super) fn keep<'a>(&self, projects: impl IntoIterator<Item = &'a ProjectId>) {
        let projects = projects.into_iter().cloned().collect();
        self.projects.replace(Some(projects));
    }

    /// Keeps the projects with these names.
    pub(super) fn keep_names(&self, names: &[Name]) {
        let projects = names
            .iter()
            .filter_map(|name| match Scope::parse(name.as_os_str()) {
                Ok(Scope::Project(project)) => Some(project),
                _ => None,
            });
        self.projects.replace(Some(projects.collect()));
    }

    /// Assumes an answer with projects, for the check of a script.
    pub(super) fn assume(&self) {
        self.is_assumed.set(true);
    }

    /// Adds a project to an answer that began with [`Self::keep`].
    pub(super) fn add(&self, project: &ProjectId) {
        let mut kept = self.projects.borrow_mut();
        let projects = kept.get_or_insert_default();
        if !projects.contains(project) {
            projects.insert(project.clone());
        }
    }

    /// Parses the word of a PROJECT: `_`, `all`, `CLIENT` or `CLIENT/PROJECT`.
    ///
    /// # Errors
    /// [`Error::NoLastAnswer`] for `_` without projects; the errors of [`Scope::parse`].
    pub(super) fn scope(&self, word: &OsStr) -> Result<Scope> {
        if word != LAST_PROJECTS || self.is_name {
            return Scope::parse(word);
        }
        if self.is_assumed.get() {
            return Ok(Scope::All);
        }
        let kept = self.projects.borrow();
        let why = match kept.as_ref() {
            None => "no command has listed projects in this session",
            Some(projects) if projects.is_empty() => "the last answer has no projects",
            Some(projects) => {
                let set: ProjectSet = projects.iter().cloned().collect();
                return Ok(match projects.first() {
                    Some(only) if set.len() == 1 => Scope::Project(only.clone()),
                    _ => Scope::Projects(set),
                });
            }
        };
        Err(Error::NoLastAnswer { why })
    }
}

/// Returns a scope for the history, which must stay readable when the last answer is another: the word as typed, or the
/// projects that `_` stands for.
pub(super) fn scope_subject(word: &OsStr, scope: &Scope) -> String {
    match scope {
        Scope::Project(project) if word == LAST_PROJECTS => quote(project.name().as_os_str()),
        Scope::Projects(projects) => projects.description().to_string(),
        _ => quote(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::lexer::lex;

    fn project(name: &str) -> ProjectId {
        ProjectId {
            client: "acme".into(),
            project: name.into(),
        }
    }

    /// The scope of the second word of a line, after an answer with these projects.
    fn scope(line: &str, listed: Option<&[&str]>) -> Result<Scope> {
        let mut last = LastAnswer::default();
        if let Some(names) = listed {
            let projects: Vec<_> = names.iter().map(|name| project(name)).collect();
            last.keep(&projects);
        }
        let words = lex(line).unwrap();
        last.begin_line(line, &words);
        last.scope(&words[1].text)
    }

    #[test]
    fn underscore_stands_for_last_projects() {
        let one = scope("copy _ all A B", Some(&["a"])).unwrap();
        assert_eq!(one, Scope::Project(project("a")));
        let two = scope("copy _ all A B", Some(&["a", "b"])).unwrap();
        let set = [project("a"), project("b")].into_iter().collect();
        assert_eq!(two, Scope::Projects(set));
    }

    #[test]
    fn underscore_without_projects_is_refused() {
        for (listed, why) in [
            (None, "in this session"),
            (Some(&[][..]), "has no projects"),
        ] {
            let error = scope("fetch _", listed).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
    }

    #[test]
    fn quoted_underscore_is_a_client() {
        for line in ["fetch '_'", "fetch \"_\"", "fetch $'_'"] {
            let client = scope(line, Some(&["a"])).unwrap();
            assert_eq!(client, Scope::Client("_".into()), "{line}");
        }
    }
}
