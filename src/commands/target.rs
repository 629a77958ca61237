//! The words `PROJECT [CATEGORY] in STORAGE` of a line, resolved by the registry. The words after the storage are returned
//! as they are.

use std::ffi::{OsStr, OsString};

use super::last_answer::scope_subject;
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::noun::Noun;
use crate::language::lexer::quote;
use crate::model::project::Scope;
use crate::model::registry::{Category, Database};

/// The form of a line that names projects and storages.
#[derive(Clone, Copy, Debug)]
pub(super) struct TargetForm {
    /// The usage, as in the help.
    pub(super) usage: &'static str,
    /// The word before the storage: `in` or `on`. Without one, the storage follows the category.
    pub(super) keyword: Option<&'static str>,
    /// True if the storage may be left out.
    pub(super) is_optional: bool,
    /// True if the storage may be a list.
    pub(super) takes_list: bool,
}

/// The projects, categories and storages that a line names.
#[derive(Debug)]
pub(super) struct Target<'a> {
    pub(super) scope: Scope,
    /// The projects and the category as typed.
    pub(super) subject: String,
    pub(super) categories: Vec<&'a Category>,
    /// The named storages, none twice; empty if none was named.
    pub(super) databases: Vec<&'a Database>,
    /// The words after the storage.
    pub(super) rest: Vec<String>,
}

impl TargetForm {
    /// Resolves the words of a line. Without a project, the scope is `all`.
    ///
    /// # Errors
    /// The storage is missing, a name is unknown, or a word stands in the wrong place.
    pub(super) fn resolve<'a>(
        self,
        workspace: &'a Workspace,
        project: Option<&OsStr>,
        words: &[String],
    ) -> Result<Target<'a>> {
        // `verify in NAS`: the keyword is no project.
        let leading = project.filter(|word| self.keyword.is_some_and(|keyword| *word == keyword));
        let project = project.filter(|_| leading.is_none());
        let leading = leading.and_then(OsStr::to_str).into_iter();
        let words: Vec<&str> = leading.chain(words.iter().map(String::as_str)).collect();
        let all = OsString::from("all");
        let project = project.unwrap_or(&all);
        let scope = workspace.last_answer.scope(project)?;
        let registry = &workspace.registry;
        let (category, storages, rest) = self.split(workspace, &words)?;
        let mut databases: Vec<&Database> = Vec::new();
        for name in &storages {
            let database = registry.database(name)?;
            if !databases.contains(&database) {
                databases.push(database);
            }
        }
        let category = category.unwrap_or("all");
        let mut subject = scope_subject(project, &scope);
        subject = format!("{subject} {}", quote(OsStr::new(category)));
        Ok(Target {
            scope,
            subject,
            categories: registry.select_categories(category)?,
            databases,
            rest,
        })
    }

    /// Splits the words into category, storages and the rest.
    fn split<'w>(
        self,
        workspace: &Workspace,
        words: &[&'w str],
    ) -> Result<(Option<&'w str>, Vec<&'w str>, Vec<String>)> {
        let registry = &workspace.registry;
        let (category, after) = match self.keyword {
            Some(keyword) => match words {
                [first, rest @ ..] if *first == keyword => (None, rest),
                [category, next, rest @ ..] if *next == keyword => (Some(*category), rest),
                [] if self.is_optional => return Ok((None, Vec::new(), Vec::new())),
                [category] if self.is_optional => {
                    return Ok((Some(*category), Vec::new(), Vec::new()));
                }
                [_, next, ..] if registry.database(next).is_ok() => {
                    return Err(self.missing(&format!("{keyword} before `{next}`")));
                }
                [] | [_] => return Err(self.missing(&format!("{keyword} STORAGE"))),
                [_, word, ..] => {
                    return Err(Error::UnexpectedWord {
                        word: (*word).into(),
                        hint: format!("write it as: {}", self.usage),
                    });
                }
            },
            None => match words {
                [first, second, rest @ ..]
                    if registry.select_categories(first).is_ok()
                        && registry.database(second).is_ok() =>
                {
                    (Some(*first), &words[1..][..=rest.len()])
                }
                [first, _, ..] if registry.database(first).is_err() => {
                    registry.select_categories(first)?;
                    (Some(*first), &words[1..])
                }
                [first]
                    if registry.database(first).is_err()
                        && registry.select_categories(first).is_ok() =>
                {
                    return Err(self.missing("STORAGE"));
                }
                all => (None, all),
            },
        };
        let Some((storage, rest)) = after.split_first() else {
            return Err(self.missing("STORAGE"));
        };
        let storages = storage.split(',').filter(|name| !name.is_empty());
        let storages: Vec<&str> = storages.collect();
        if storages.is_empty() || storages.len() > 1 && !self.takes_list {
            return Err(Error::InvalidWord {
                noun: Noun::Database,
                word: (*storage).into(),
                why: "one name is expected",
            });
        }
        Ok((
            category,
            storages,
            rest.iter().map(|word| (*word).to_owned()).collect(),
        ))
    }

    fn missing(self, missing: &str) -> Error {
        Error::MissingWords {
            missing: missing.to_owned(),
            hint: format!("write it as: {}", self.usage),
        }
    }
}

impl<'a> Target<'a> {
    /// Fails if words follow the storage.
    pub(super) fn without_rest(self, form: TargetForm) -> Result<Self> {
        match self.rest.first() {
            None => Ok(self),
            Some(word) => Err(Error::UnexpectedWord {
                word: word.as_str().into(),
                hint: format!("write it as: {}", form.usage),
            }),
        }
    }

    /// The only storage of a form that takes one.
    ///
    /// # Errors
    /// None was named.
    pub(super) fn database(&self, form: TargetForm) -> Result<&'a Database> {
        self.databases
            .first()
            .copied()
            .ok_or_else(|| form.missing("STORAGE"))
    }
}
