//! The part of the studio that a list is about: `in X`, and the options that leave out projects.

use std::ffi::{OsStr, OsString};

use super::kind::ListKind;
use super::options::FilterOptions;
use super::row::ListSum;
use crate::base::error::{Error, Result};
use crate::base::monitor::ProgressEvent;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::commands::unknown_place::unknown_place_error;
use crate::commands::workspace::Workspace;
use crate::index::overview;
use crate::index::overview::{ProjectSummary, ReplicaSummary, UnionTotals};
use crate::language::lexer::quote;
use crate::model::project::Scope;

/// The selected clients, categories, databases and projects. Without a condition, everything is selected.
#[derive(Debug, Default)]
pub(super) struct Selection {
    client: Option<Name>,
    category: Option<String>,
    database: Option<String>,
    filter: FilterOptions,
}

impl Selection {
    /// Parses `in X in Y`, in which each name is that of a database, a category or a client, in this order.
    ///
    /// # Errors
    /// A word that is none of them; two names of one kind; an unknown database after `--only-in`.
    pub(super) fn parse(
        words: &[OsString],
        filter: &FilterOptions,
        kind: ListKind,
        workspace: &Workspace,
    ) -> Result<Self> {
        let mut selection = Self {
            filter: filter.clone(),
            ..Self::default()
        };
        if let Some(name) = &filter.only_in {
            workspace.registry.database(name)?;
        }
        for pair in words.chunks(2) {
            match pair {
                [word, name] if word == "in" => selection.add(name, workspace)?,
                [word, ..] => return Err(grammar_error(word, words, kind)),
                [] => {}
            }
        }
        Ok(selection)
    }

    fn add(&mut self, word: &OsStr, workspace: &Workspace) -> Result<()> {
        let registry = &workspace.registry;
        let name = word.to_str();
        let database = name.and_then(|name| registry.database(name).ok());
        let category = name.and_then(|name| registry.category(name).ok());
        let is_taken = if let Some(database) = database {
            self.database.replace(database.name.clone()).is_some()
        } else if let Some(category) = category {
            self.category.replace(category.name.clone()).is_some()
        } else {
            let client = Scope::parse_client(word)?;
            let scope = Scope::Client(client.clone());
            overview::known_projects(&workspace.index, registry, &scope)
                .map_err(|error| unknown_place_error(error, registry))?;
            self.client.replace(client).is_some()
        };
        if is_taken {
            return Err(Error::UnexpectedWord {
                word: word.into(),
                hint: "`in` takes one client, one category and one storage at most".to_owned(),
            });
        }
        if database.is_some() && category.is_some() {
            let notice = format!(
                "`{}` is taken as the storage, not the category",
                quote(word)
            );
            workspace.monitor.on_event(&ProgressEvent::Notice(&notice));
        }
        Ok(())
    }

    /// The projects to read from the index.
    pub(super) fn scope(&self) -> Scope {
        self.client.clone().map_or(Scope::All, Scope::Client)
    }

    /// True if a database is selected: sizes are then those of its replicas.
    pub(super) const fn has_database(&self) -> bool {
        self.database.is_some()
    }

    /// True if the database of this name is selected.
    pub(super) fn includes_database(&self, name: &str) -> bool {
        self.database
            .as_deref()
            .is_none_or(|database| database == name)
    }

    /// True if the category of this name is selected.
    pub(super) fn includes_category(&self, name: &str) -> bool {
        self.category
            .as_deref()
            .is_none_or(|category| category == name)
    }

    /// Returns the selected categories of a project that hold something: the union and the replicas on all databases.
    pub(super) fn categories<'a>(
        &'a self,
        project: &'a ProjectSummary,
    ) -> impl Iterator<Item = (UnionTotals, &'a [ReplicaSummary])> {
        project.categories().filter(|(_, replicas)| {
            let is_held = |replica: &ReplicaSummary| {
                replica.files.is_some() && self.includes_database(&replica.database)
            };
            replicas
                .iter()
                .any(|replica| self.includes_category(&replica.category) && is_held(replica))
        })
    }

    /// Returns the sums of a project; `None` if it is not selected.
    pub(super) fn project_sum(&self, project: &ProjectSummary) -> Option<ListSum> {
        let mut sum = ListSum {
            projects: 1,
            ..ListSum::default()
        };
        let mut is_held = false;
        for (union, replicas) in self.categories(project) {
            is_held = true;
            let held: Vec<&ReplicaSummary> = replicas
                .iter()
                .filter(|replica| replica.files.is_some())
                .collect();
            let mut all = ListSum {
                copies: sum.copies,
                ..ListSum::default()
            };
            all.add_union(union, &held);
            sum.copies = all.copies;
            if self.has_database() {
                let here = held
                    .iter()
                    .filter(|replica| self.includes_database(&replica.database));
                here.for_each(|replica| sum.add_replica(replica));
            } else {
                sum.add_project(&all);
                sum.projects = 1;
            }
        }
        (is_held && self.passes(project, &sum)).then_some(sum)
    }

    /// True if the options of the line keep a project.
    fn passes(&self, project: &ProjectSummary, sum: &ListSum) -> bool {
        let filter = &self.filter;
        let few_copies = filter
            .copies
            .is_none_or(|most| sum.copies.is_some_and(|copies| copies <= most));
        let is_elsewhere = |database: &String| {
            let held = project.replicas.iter().filter(|replica| {
                replica.files.is_some() && self.includes_category(&replica.category)
            });
            held.clone().any(|replica| replica.database != *database)
        };
        let only_there = filter
            .only_in
            .as_ref()
            .is_none_or(|database| !is_elsewhere(database));
        let is_old = filter.older_than.is_none_or(|age| {
            let newest: Option<Timestamp> = sum.newest;
            newest.is_none_or(|newest| newest.age() > age)
        });
        few_copies && only_there && is_old
    }

    /// Returns this selection in one category.
    pub(super) fn in_category(&self, category: &str) -> Self {
        Self {
            client: self.client.clone(),
            category: Some(category.to_owned()),
            database: self.database.clone(),
            filter: self.filter.clone(),
        }
    }

    /// Returns the sums over all selected projects.
    pub(super) fn sum(&self, projects: &[ProjectSummary]) -> ListSum {
        let mut total = ListSum::default();
        for sum in projects
            .iter()
            .filter_map(|project| self.project_sum(project))
        {
            total.add_project(&sum);
        }
        total
    }
}

/// Returns the error of a word that is not `in`, or of `in` without a name.
fn grammar_error(word: &OsStr, words: &[OsString], kind: ListKind) -> Error {
    let names = words.iter().filter(|word| *word != "in");
    let names: Vec<String> = names.map(|name| format!("in {}", quote(name))).collect();
    Error::UnexpectedWord {
        word: word.into(),
        hint: if names.is_empty() {
            "`in` takes a client, a category or a storage".to_owned()
        } else {
            format!("write `list {} {}`", kind.keyword(), names.join(" "))
        },
    }
}
