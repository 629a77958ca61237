//! `compare`: compares two databases file by file. The answer is in `answer`.

mod answer;
mod document;
mod item;

use std::ffi::OsString;

use clap::Args;

use self::answer::CompareAnswer;
use super::check::check_scope;
use super::endpoints::LineForm;
use super::last_answer::LastAnswer;
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::compare;
use crate::compare::CompareRequest;
use crate::index::overview;
use crate::model::project::Scope;
use crate::model::registry::Registry;
use crate::storage::availability::Reach;

const USAGE: &str = "compare [OPTIONS] PROJECT [CATEGORY] A B";

const FORM: LineForm = LineForm {
    usage: USAGE,
    placeholders: ["A", "B"],
    takes_list: false,
};

/// Compare a project on two storages, file by file
///
/// Both storages are scanned first; with `--known` they are compared as they were last scanned, also while they are
/// offline. Two files are the same if size and time are equal, with `--checksum` if their
/// content is equal, whatever their times. Content that a copy or comparison has read before is not read again while the
/// file keeps its size and time, unless with `--anew`. The exit status is 3 if files differ or are on one storage only.
///
/// For several projects that differ there is one line for each; `--files` lists their files too. The frames of an image
/// sequence are one line; `plain` and `csv` list every file.
#[derive(Debug, Args)]
#[command(
    override_usage = USAGE,
    after_help = "Examples:
  compare acme/spot WORK NAS
  compare acme/spot footage WORK NAS --checksum
  compare acme WORK ARCHIVE --known
  compare all WORK NAS --checksum --anew"
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the command"
)]
pub(crate) struct CompareArgs {
    /// The project, a client for all of its projects, or `all`
    #[arg(value_name = "PROJECT")]
    project: OsString,
    /// The category; all categories if left out
    #[arg(value_name = "CATEGORY")]
    first: String,
    /// The first storage
    #[arg(value_name = "A")]
    second: Option<String>,
    /// The second storage
    #[arg(value_name = "B")]
    third: Option<String>,
    /// Compare content by reading both files
    #[arg(long)]
    checksum: bool,
    /// Read content again that was read before
    #[arg(long, requires = "checksum")]
    anew: bool,
    /// Compare the last scans, from the index alone
    #[arg(long, conflicts_with = "checksum")]
    known: bool,
    /// List the files of every project
    #[arg(long)]
    files: bool,
    /// List every frame of an image sequence
    #[arg(long)]
    no_sequences: bool,
}

impl CompareArgs {
    /// True if the last scans are compared.
    pub(super) const fn is_known(&self) -> bool {
        self.known
    }

    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        self.request(&workspace.registry, &workspace.last_answer)?;
        check_scope(&self.project, workspace)?;
        workspace.last_answer.assume();
        Ok(())
    }

    /// Does the work and prints nothing. The answer is a stream because it may list a million files.
    pub(crate) fn execute(self, workspace: &mut Workspace) -> Result<CompareAnswer> {
        if !self.known {
            workspace.adopt_moved_databases(Reach::All)?;
        }
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let request = self.request(registry, &workspace.last_answer)?;
        let comparison = if self.known {
            compare::compare_known(index, registry, &request)?
        } else {
            let monitor = workspace.monitor.as_ref();
            let compared = compare::compare(index, registry, &request, monitor)?;
            overview::refresh(index, registry);
            compared
        };
        let answer = CompareAnswer {
            database_names: request.databases.map(|database| database.name.clone()),
            category_names: request
                .categories
                .iter()
                .map(|known| known.name.clone())
                .collect(),
            comparison,
            is_checksum: self.checksum,
            lists_files: self.files || matches!(request.scope, Scope::Project(_)),
            group_sequences: !self.no_sequences,
        };
        let last = &workspace.last_answer;
        if let Scope::Project(only) = &request.scope {
            last.keep([only]);
        } else {
            last.keep(answer.differing_projects().map(|(project, _)| project));
        }
        Ok(answer)
    }

    /// Looks up the names of the line in the registry.
    fn request<'a>(&self, registry: &'a Registry, last: &LastAnswer) -> Result<CompareRequest<'a>> {
        let words = [&self.first].into_iter().chain(&self.second);
        let words: Vec<&str> = words.chain(&self.third).map(String::as_str).collect();
        let endpoints = FORM.resolve(registry, &words)?;
        let databases = [endpoints.source, endpoints.destinations[0]];
        if databases[0] == databases[1] {
            return Err(Error::CompareWithItself {
                database: databases[0].name.clone(),
            });
        }
        Ok(CompareRequest {
            scope: last.scope(&self.project)?,
            categories: endpoints.categories,
            databases,
            checksum: self.checksum,
            reread: self.anew,
        })
    }
}
