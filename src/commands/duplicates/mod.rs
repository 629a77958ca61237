//! `duplicates`: files of equal content at several places, from the index.

mod answer;

use std::ffi::OsString;

use clap::Args;

use self::answer::DuplicatesAnswer;
use super::search_place;
use super::search_place::SearchPlace;
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::unit;
use crate::index::duplicate::{DuplicateRequest, FoundDuplicates};
use crate::model::project::Scope;
use crate::snapshot::manifest::ManifestFile;

/// List files of equal content at several places, the largest waste first
///
/// A place is a path in a project and category. What several storages hold there are its copies, which are wanted, and no
/// duplicates. A group of duplicates has two or more places: in one project, or in several, in any category.
///
/// A group is `proven` if the contents were read or stated by the storages and are equal. It is a `candidate` if only sizes
/// and times are equal; `verify` reads the files, and the next answer proves or separates them. Empty files and links are
/// left out.
///
/// Files that pair up between the same folders are one entry; `--files` lists each group. WHERE is a storage, a category, a
/// client or a project: only files in it are compared with each other. `in` narrows it further.
#[derive(Debug, Args)]
#[command(
    override_usage = "duplicates [OPTIONS] [WHERE] [in WHERE]...",
    after_help = "Examples:
  duplicates
  duplicates acme
  duplicates acme/spot in NAS
  duplicates in footage in NAS
  duplicates --larger 1GB --limit 20"
)]
pub(crate) struct DuplicatesArgs {
    /// Only files on this storage, or of this category, client or project
    #[arg(value_name = "WHERE")]
    place: Option<OsString>,
    /// `in` and another storage, category, client or project; repeatable
    #[arg(value_name = "IN", num_args = 0.., requires = "place", hide = true)]
    words: Vec<OsString>,
    /// Only files of more than this size: `10GB`, `500k`
    #[arg(long, value_name = "SIZE", value_parser = unit::parse_bytes)]
    larger: Option<u64>,
    /// List the files of each group instead of one entry for all that pair up between the same folders
    #[arg(long)]
    files: bool,
    /// Stop after N entries; in `plain`, `csv` and `json` after N groups
    #[arg(long, value_name = "N", value_parser = unit::parse_count)]
    limit: Option<u64>,
}

impl DuplicatesArgs {
    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        for word in self.places()? {
            search_place::check(word, workspace)?;
        }
        workspace.last_answer.assume();
        Ok(())
    }

    /// Finds the duplicates; they are read from temporary tables while they are printed.
    pub(crate) fn search(self, workspace: &Workspace) -> Result<DuplicatesAnswer<'_>> {
        let (index, registry) = (&workspace.index, &workspace.registry);
        let places = self.places()?.into_iter();
        let places = places.map(|word| SearchPlace::parse(index, registry, word));
        let places = places.collect::<Result<Vec<_>>>()?;
        let larger = self.larger;
        let has_database = |name: &str| {
            let is_in = |place: &SearchPlace<'_>| place.has_database(name);
            places.iter().all(is_in)
        };
        let has_category = |name: &str| {
            let is_in = |place: &SearchPlace<'_>| place.has_category(name);
            places.iter().all(is_in)
        };
        let scopes: Vec<Scope> = places.iter().map(|place| place.scope.clone()).collect();
        let request = DuplicateRequest {
            includes_database: &has_database,
            includes_category: &has_category,
            scopes: &scopes,
            accepts: &|file: &ManifestFile<'_>| larger.is_none_or(|bytes| file.bytes > bytes),
        };
        let found = FoundDuplicates::find(index, registry, &request)?;
        Ok(DuplicatesAnswer {
            found,
            last_answer: &workspace.last_answer,
            lists_files: self.files,
            limit: self.limit,
            is_narrowed: !scopes.is_empty(),
            setup_hint: workspace.setup_hint(),
        })
    }

    /// Returns the names of the places that the line narrows the answer to. The first `in` may be left out.
    fn places(&self) -> Result<Vec<&OsString>> {
        let mut words = self.place.iter().chain(&self.words).peekable();
        let mut places: Vec<_> = words.next_if(|word| *word != "in").into_iter().collect();
        while let Some(word) = words.next() {
            match words.next() {
                Some(place) if word == "in" => places.push(place),
                _ => {
                    return Err(Error::UnexpectedWord {
                        word: word.as_os_str().into(),
                        hint: "write `duplicates [WHERE] [in WHERE]...`".to_owned(),
                    });
                }
            }
        }
        Ok(places)
    }
}
