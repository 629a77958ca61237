//! The answer of `add`: one sentence about the database or category.

use std::path::PathBuf;

use serde::Serialize;

use crate::base::escape::visible;
use crate::base::hash_format::HashFormat;
use crate::base::name::Name;
use crate::model::registry::{DatabaseAttributes, RegistryChange, RegistryKind};
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;
use crate::storage::availability::Availability;

/// The added database or category.
#[derive(Debug, Serialize)]
pub(crate) struct AddAnswer {
    pub(super) kind: RegistryKind,
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) root: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) online: Option<bool>,
    #[serde(flatten)]
    pub(super) attributes: Option<DatabaseAttributes>,
    /// The hash format of the histories of a category that keeps some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mhl: Option<HashFormat>,
    pub(super) change: RegistryChange,
    #[serde(skip)]
    pub(super) availability: Option<Availability>,
    /// The location that was replaced.
    #[serde(skip)]
    pub(super) previous_location: Option<Name>,
    /// The next command for a new user.
    #[serde(skip)]
    pub(super) next_step: &'static str,
    /// Categories and the folders in them that belong to other categories.
    #[serde(skip)]
    pub(super) nested_categories: Vec<(String, PathBuf)>,
}

impl AddAnswer {
    pub(super) fn new(
        kind: RegistryKind,
        name: &str,
        change: RegistryChange,
        next_step: &'static str,
    ) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            root: None,
            path: None,
            online: None,
            attributes: None,
            mhl: None,
            change,
            availability: None,
            previous_location: None,
            next_step,
            nested_categories: Vec::new(),
        }
    }

    /// Returns the root of a database or the path of a category.
    fn location(&self) -> Cell {
        Cell::optional(self.root.as_ref().or(self.path.as_ref()), Cell::from)
    }

    /// Returns the attributes in words: `may be away, off-site, on medium raid`.
    fn attribute_words(&self) -> String {
        let Some(attributes) = &self.attributes else {
            return String::new();
        };
        let is_new = self.change == RegistryChange::Changed || !self.is_away();
        let words = [
            (attributes.is_shelf && is_new).then(|| "may be away".to_owned()),
            attributes.is_offsite.then(|| "off-site".to_owned()),
            attributes
                .medium
                .as_ref()
                .map(|medium| format!("on medium {}", visible(medium.as_bytes()))),
        ];
        words.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    const fn is_away(&self) -> bool {
        matches!(self.availability, Some(Availability::Away(_)))
    }

    /// `NAS is now at /mnt/new (was /mnt/nas)`.
    fn database_sentence(&self) -> Vec<Cell> {
        let name = Cell::from(self.name.as_str());
        let mut cells = match self.change {
            RegistryChange::Added => vec![Cell::text("added storage "), name, Cell::text(" at ")],
            RegistryChange::Replaced => vec![name, Cell::text(" is now at ")],
            RegistryChange::Unchanged => {
                let words = Cell::text("already there: storage ");
                vec![words, name, Cell::text(" at ")]
            }
            RegistryChange::Changed => vec![name, Cell::text(" at ")],
        };
        cells.push(self.location());
        if let (RegistryChange::Replaced, Some(previous)) = (self.change, &self.previous_location) {
            cells.extend([Cell::text(" (was "), Cell::from(previous), Cell::text(")")]);
        }
        let words = self.attribute_words();
        let is_changed = self.change == RegistryChange::Changed;
        cells.extend(match words.as_str() {
            "" if is_changed => Some(Cell::text(", without options from now on")),
            "" => None,
            words if is_changed => Some(Cell::text(format!("; from now on: {words}"))),
            words => Some(Cell::text(format!(", {words}"))),
        });
        let (word, tone, why) = match &self.availability {
            None | Some(Availability::Online) => return cells,
            Some(Availability::Away(why)) => ("away, as expected", Tone::Good, why),
            Some(Availability::Offline(why)) => ("offline", Tone::Warning, why),
        };
        let styled = Cell::Styled(word.to_owned(), tone);
        cells.extend([Cell::text(", "), styled, Cell::text(format!(": it {why}"))]);
        cells
    }

    /// `category render is the folder scratch/render/ of every storage`.
    fn category_sentence(&self) -> Vec<Cell> {
        let verb = match self.change {
            RegistryChange::Replaced => " is now ",
            RegistryChange::Unchanged => " is already ",
            RegistryChange::Added | RegistryChange::Changed => " is ",
        };
        let name = Cell::from(self.name.as_str());
        let mut cells = vec![Cell::text("category "), name, Cell::text(verb)];
        cells.extend(folder_cells(self.path.as_ref()));
        cells.push(Cell::text(" of every storage"));
        if let (RegistryChange::Replaced, Some(previous)) = (self.change, &self.previous_location) {
            cells.push(Cell::text(" (was "));
            cells.extend(folder_cells(Some(previous)));
            cells.push(Cell::text(")"));
        }
        let is_changed = self.change == RegistryChange::Changed;
        cells.extend(match self.mhl {
            Some(format) => Some(Cell::text(format!(
                "; it keeps ASC MHL histories ({format})"
            ))),
            None if is_changed => Some(Cell::text("; it keeps no ASC MHL history from now on")),
            None => None,
        });
        cells
    }
}

/// Describes the folder of a category: ``the folder `footage/` ``, or `the root`.
fn folder_cells(path: Option<&Name>) -> Vec<Cell> {
    match path {
        Some(path) if !matches!(path.as_bytes(), b"" | b".") => vec![
            Cell::text("the folder `"),
            Cell::from(path),
            Cell::text("/`"),
        ],
        _ => vec![Cell::text("the root")],
    }
}

impl Answer for AddAnswer {
    const COMMAND: &'static str = "add";

    fn write_page(&self, page: &mut Page) {
        page.cells(match self.kind {
            RegistryKind::Database => self.database_sentence(),
            RegistryKind::Category | RegistryKind::Exclusion | RegistryKind::Policy => {
                self.category_sentence()
            }
        });
        if self.change == RegistryChange::Unchanged {
            return;
        }
        for (category, folder) in &self.nested_categories {
            let includes = if *category == self.name {
                " does not include "
            } else {
                " no longer includes "
            };
            page.cells(vec![
                Cell::text("category "),
                category.as_str().into(),
                Cell::text(includes),
                Cell::from(&Name::from(folder.as_path())),
                Cell::text(": it is a category of its own"),
            ]);
        }
    }

    fn records(&self) -> Records {
        let row = vec![
            Cell::text(self.kind.keyword()),
            self.name.as_str().into(),
            self.location(),
            Cell::optional(self.online, |online| {
                Cell::text(if online { "online" } else { "offline" })
            }),
            Cell::text(self.change.word()),
        ];
        Records {
            headings: &["kind", "name", "path", "state", "change"],
            rows: vec![row],
        }
    }

    fn next_step(&self) -> Option<String> {
        let is_new = self.change == RegistryChange::Added && !self.next_step.is_empty();
        is_new.then(|| self.next_step.to_owned())
    }

    fn is_routine(&self) -> bool {
        true
    }
}
