//! Replaces the names in examples by names of the studio.

use std::ffi::OsString;

use crate::base::error::Result;
use crate::commands::workspace::Workspace;
use crate::index::overview;
use crate::language::lexer::{lex, quote};

/// Pairs of a name in the examples and the studio's name that replaces it.
#[derive(Debug, Default)]
pub(super) struct ExampleNames(Vec<(&'static str, OsString)>);

impl ExampleNames {
    pub(super) fn from_workspace(workspace: &Workspace) -> Result<Self> {
        let registry = &workspace.registry;
        let mut names = Vec::new();
        let databases = registry
            .databases()
            .iter()
            .map(|known| OsString::from(&known.name));
        // With a single database, an example would copy it onto itself.
        if registry.databases().len() > 1 {
            names.extend(["WORK", "NAS", "ARCHIVE"].into_iter().zip(databases));
        }
        let categories = registry
            .categories()
            .iter()
            .map(|known| OsString::from(&known.name));
        names.extend(["footage", "render"].into_iter().zip(categories));
        if let Some(project) = overview::example_project(&workspace.index, registry)? {
            names.push(("acme", project.client.as_os_str().to_owned()));
            names.push(("acme/spot", project.path().into()));
        }
        Ok(Self(names))
    }

    /// True if the index has a project for the examples.
    pub(super) fn has_project(&self) -> bool {
        self.0.iter().any(|(example, _)| *example == "acme/spot")
    }

    /// Replaces names in the examples of a page. An example is a line of two blanks and a command.
    pub(super) fn substitute(&self, page: &str) -> String {
        let is_example = |line: &str| {
            let word = line
                .strip_prefix("  ")
                .filter(|rest| rest.starts_with(char::is_alphabetic));
            word.is_some_and(|rest| !rest.starts_with("add ") && !rest.contains("  "))
        };
        let line = |line: &str| {
            if is_example(line) {
                self.substitute_line(line)
            } else {
                line.to_owned()
            }
        };
        page.lines().map(|text| line(text) + "\n").collect()
    }

    /// Replaces names in a line word by word, also in lists and in the quoted command of `-c`.
    fn substitute_line(&self, line: &str) -> String {
        let mut changed = line.to_owned();
        for word in lex(line).unwrap_or_default().into_iter().rev() {
            let text = word.text.to_string_lossy();
            if text.contains(' ') && line[word.span.clone()].starts_with('\'') {
                let inner = self.substitute_line(&text);
                if !inner.contains('\'') {
                    changed.replace_range(word.span, &format!("'{inner}'"));
                }
                continue;
            }
            let parts = text.split(',').map(|part| self.substitute_name(part));
            let parts: Vec<String> = parts.collect();
            if parts.join(",") != text {
                changed.replace_range(word.span, &parts.join(","));
            }
        }
        changed
    }

    fn substitute_name(&self, name: &str) -> String {
        let own = self.0.iter().find(|(example, _)| *example == name);
        own.map_or_else(|| name.to_owned(), |(_, own)| quote(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_in_examples_only() {
        let names = ExampleNames(vec![
            ("WORK", "DISK".into()),
            ("NAS", "NAS 2".into()),
            ("acme/spot", "Bob's/film".into()),
        ]);
        let page = "Copies acme/spot from WORK.\n  copy acme/spot footage WORK NAS,ARCHIVE\n  add database WORK ~/x\n\
                    \n  auto-backup -c 'fetch client WORK' --format json\n  auto-backup -c 'copy acme/spot'\n  -- WORK\n  load  WORK\n";
        let expected = "Copies acme/spot from WORK.\n  copy \"Bob's/film\" footage DISK 'NAS 2',ARCHIVE\n  add database WORK ~/x\n\
                    \n  auto-backup -c 'fetch client DISK' --format json\n  auto-backup -c 'copy acme/spot'\n  -- WORK\n  load  WORK\n";
        assert_eq!(names.substitute(page), expected);
    }
}
