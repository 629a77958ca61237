//! `find`: files in the index by glob or part of their name.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::pattern::Pattern;
use super::search;
use super::search::Hit;
use super::workspace::Workspace;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::index::{DatabaseId, FolderFiles, Index, ReadTransaction};
use crate::model::address;
use crate::model::project::{ProjectId, Scope, replica_path};
use crate::model::registry::{Category, Database};
use crate::output::cell::Cell;
use crate::output::json::JsonWriter;
use crate::output::stream::{PageWriter, RowWriter, Stream};
use crate::snapshot::sequence::Sequence;

/// Find files in the index, also on databases that are offline
///
/// PATTERN is a glob (`*`, `?`, `[...]`, `{a,b}`) or, without any of these, a part of the name; upper and lower case
/// are the same. With a `/` in it, it is held against the path below the category's folder instead of the name.
///
/// Frames of an image sequence are one line, with the frames that match, their number, and which between the first and
/// the last of them are not there. `plain` and `csv` list every file.
#[derive(Debug, Args)]
#[command(
    override_usage = "find [OPTIONS] PATTERN [in DATABASE]",
    after_help = "Examples:
  find reel
  find '*.mov'
  find 'acme/*/plates/*.exr' in NAS
  find sh010 --no-sequences --limit 20"
)]
pub(crate) struct FindArgs {
    /// What to look for
    #[arg(value_name = "PATTERN")]
    pattern: String,
    #[arg(value_name = "in", value_parser = ["in"], requires = "database", hide = true)]
    on_database: Option<String>,
    /// Only on this database
    #[arg(value_name = "DATABASE")]
    database: Option<String>,
    /// Stop after so many lines; in `plain`, `csv` and `json` after so many files
    #[arg(long, value_name = "N", value_parser = parse_limit)]
    limit: Option<u64>,
    /// Show every file, and no sequences
    #[arg(long)]
    no_sequences: bool,
    /// Tell upper and lower case apart
    #[arg(short = 's', long)]
    case_sensitive: bool,
}

/// Reads a number of lines or files.
fn parse_limit(word: &str) -> Result<u64, &'static str> {
    match word.parse() {
        Ok(0) | Err(_) => Err("a limit is a number from 1 on"),
        Ok(limit) => Ok(limit),
    }
}

/// What is said where no file matches, as a hint what may have been meant.
fn no_match_message(typed: &str, pattern: &Pattern) -> &'static str {
    let is_range = |text: &str| {
        text.split_once('-').is_some_and(|(first, last)| {
            let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
            digits(first) && digits(last)
        })
    };
    let mut brackets = typed.split('[').skip(1);
    if brackets.any(|text| text.split_once(']').is_some_and(|(text, _)| is_range(text))) {
        "no file matches; to find a sequence leave its numbers out: the part before the `[` will do"
    } else if pattern.matches_paths() {
        "no file matches; with a `/` the pattern is held against CLIENT/PROJECT/..., without root and category"
    } else if pattern.is_glob() {
        "no file matches; a pattern with `*`, `?`, `[` or `{` must match the whole name"
    } else {
        "no file matches"
    }
}

/// The files that match, found when they are asked for.
#[derive(Debug)]
pub(crate) struct FindAnswer<'a> {
    index: &'a Index,
    /// All formats see the same looks, however often they go through them.
    _snapshot: ReadTransaction<'a>,
    pattern: Pattern,
    locations: Vec<SearchLocation<'a>>,
    group_sequences: bool,
    limit: Option<u64>,
    /// What is said where there is none.
    no_match_message: &'static str,
}

/// A category of a database that was looked at.
#[derive(Debug)]
struct SearchLocation<'a> {
    database_id: DatabaseId,
    database: &'a Database,
    category: &'a Category,
}

/// A file that matches, and where it is.
struct FoundFile<'a> {
    location: &'a SearchLocation<'a>,
    project: &'a ProjectId,
    folder: &'a Path,
    hit: &'a Hit<'a>,
}

#[derive(Serialize)]
struct FindFileItem<'a> {
    database: &'a str,
    category: &'a str,
    project: &'a ProjectId,
    path: Name,
    bytes: u64,
    modified: Timestamp,
    sequence: Option<Name>,
}

#[derive(Serialize)]
struct FindSequenceItem<'a> {
    database: &'a str,
    category: &'a str,
    project: &'a ProjectId,
    path: Name,
    #[serde(flatten)]
    sequence: &'a Sequence,
}

impl FindArgs {
    /// Prepares the search; the printer makes it while it writes.
    pub(crate) fn search(self, workspace: &Workspace) -> Result<FindAnswer<'_>> {
        let pattern = Pattern::parse(&self.pattern, self.case_sensitive)?;
        let (index, registry) = (&workspace.index, &workspace.registry);
        let databases = match &self.database {
            Some(name) => std::slice::from_ref(registry.database(name)?),
            None => registry.databases(),
        };
        let snapshot = index.read_transaction()?;
        let mut locations = Vec::new();
        let mut is_scanned = false;
        for database in databases {
            let known = index.database(&database.root)?;
            is_scanned |= known.scanned_at.is_some();
            let Some(id) = known.id else {
                continue;
            };
            let categories = registry.categories().iter();
            locations.extend(categories.map(|category| SearchLocation {
                database_id: id,
                database,
                category,
            }));
        }
        let no_match_message = match registry.setup_hint() {
            Some(lacking) => lacking,
            None if !is_scanned && self.database.is_some() => {
                "nobody looked at this database yet: `load`"
            }
            None if !is_scanned => "the index is empty: `load`",
            None => no_match_message(&self.pattern, &pattern),
        };
        Ok(FindAnswer {
            index,
            _snapshot: snapshot,
            pattern,
            locations,
            group_sequences: !self.no_sequences,
            limit: self.limit,
            no_match_message,
        })
    }
}

impl FindAnswer<'_> {
    /// Hands every file that matches to `take`, while it says to go on.
    fn visit_matches(
        &self,
        sequences: bool,
        on_match: &mut dyn FnMut(&FoundFile<'_>) -> Result<bool>,
    ) -> Result<()> {
        let mut keep_going = true;
        for location in &self.locations {
            let category = &location.category.path;
            let mut visit = |folder: &FolderFiles<'_>| {
                keep_going = self.visit_folder(location, folder, sequences, on_match)?;
                Ok(keep_going)
            };
            self.index
                .visit_folders(location.database_id, category, &Scope::All, &mut visit)?;
            if !keep_going {
                break;
            }
        }
        Ok(())
    }

    /// Hands every file of a folder that matches to `take`.
    fn visit_folder(
        &self,
        location: &SearchLocation<'_>,
        folder: &FolderFiles<'_>,
        sequences: bool,
        on_match: &mut dyn FnMut(&FoundFile<'_>) -> Result<bool>,
    ) -> Result<bool> {
        let project = folder.project;
        let mut text = Vec::new();
        if self.pattern.matches_paths() {
            let path = project.path().join(folder.path).join("");
            text.extend_from_slice(path.as_os_str().as_bytes());
        }
        let start = text.len();
        let mut matches = |name: &[u8]| {
            if start == 0 {
                return self.pattern.matches(name);
            }
            text.truncate(start);
            text.extend_from_slice(name);
            self.pattern.matches(&text)
        };
        // Put together only where something matches.
        let mut cached_folder: Option<PathBuf> = None;
        let category = &location.category.path;
        let mut on_hit = |hit: &Hit<'_>| {
            let folder = cached_folder.get_or_insert_with(|| {
                let root = &location.database.root;
                address::join(root, &replica_path(category, project)).join(folder.path)
            });
            on_match(&FoundFile {
                location,
                project,
                folder,
                hit,
            })
        };
        let visit = if sequences {
            search::visit_sequences
        } else {
            search::visit
        };
        visit(self.index, folder, &mut matches, &mut on_hit)
    }

    /// Whether more is asked for after so many.
    fn is_under_limit(&self, count: u64) -> bool {
        self.limit.is_none_or(|limit| count < limit)
    }

    /// The line below all others.
    fn summary_line(&self, files: u64, lines: u64) -> String {
        if files == 0 {
            return self.no_match_message.to_owned();
        }
        let mut text = unit::format_counted(files, "file");
        if lines != files {
            text = format!("{text} in {}", unit::format_counted(lines, "line"));
        }
        if !self.is_under_limit(lines) {
            text.push_str("; stopped at the limit, there may be more");
        }
        text
    }
}

impl FoundFile<'_> {
    fn path_in_folder(&self, name: &Name) -> Name {
        self.folder.join(name.as_path()).into()
    }

    /// The path of the file itself.
    fn file_path(&self) -> Name {
        self.folder
            .join(OsStr::from_bytes(self.hit.file.name))
            .into()
    }

    fn file_item(&self) -> FindFileItem<'_> {
        FindFileItem {
            database: &self.location.database.name,
            category: &self.location.category.name,
            project: self.project,
            path: self.file_path(),
            bytes: self.hit.file.bytes,
            modified: self.hit.file.modified,
            sequence: self.hit.sequence.map(Sequence::pattern),
        }
    }

    fn sequence_item<'a>(&'a self, sequence: &'a Sequence) -> FindSequenceItem<'a> {
        FindSequenceItem {
            database: &self.location.database.name,
            category: &self.location.category.name,
            project: self.project,
            path: self.path_in_folder(&sequence.pattern()),
            sequence,
        }
    }
}

impl Stream for FindAnswer<'_> {
    const COMMAND: &'static str = "find";

    const HEADINGS: &'static [&'static str] = &[
        "database", "category", "project", "path", "bytes", "modified",
    ];

    fn write_page(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        let (mut files, mut shown) = (0, 0);
        self.visit_matches(self.group_sequences, &mut |found| {
            if !found.hit.has_own_line() {
                return Ok(true);
            }
            (files, shown) = (files + found.hit.file_count(), shown + 1);
            // Lines, not a table: a path is there to be copied whole.
            let mut cells = vec![
                found.location.database.name.as_str().into(),
                Cell::text("  "),
                Cell::Name(found.path_in_folder(&found.hit.line_name())),
            ];
            cells.extend(found.hit.detail_cells());
            lines.cells(cells)?;
            Ok(self.is_under_limit(shown))
        })?;
        lines.line(self.summary_line(files, shown))
    }

    fn write_rows(&self, rows: &mut RowWriter<'_>) -> Result<()> {
        let mut files = 0;
        self.visit_matches(false, &mut |found| {
            files += 1;
            rows.row(&[
                found.location.database.name.as_str().into(),
                found.location.category.name.as_str().into(),
                Cell::Name(found.project.name()),
                Cell::Name(found.file_path()),
                Cell::Bytes(found.hit.file.bytes),
                Cell::Timestamp(found.hit.file.modified),
            ])?;
            Ok(self.is_under_limit(files))
        })
    }

    fn write_json(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        let mut files = 0;
        json.list("files", |json| {
            self.visit_matches(self.group_sequences, &mut |found| {
                files += 1;
                json.item(&found.file_item())?;
                Ok(self.is_under_limit(files))
            })
        })?;
        json.list("sequences", |json| {
            if self.group_sequences {
                self.list_sequences(json)
            } else {
                Ok(())
            }
        })?;
        json.field("limited", &!self.is_under_limit(files))
    }
}

impl FindAnswer<'_> {
    /// Lists the sequences of the files that are listed.
    fn list_sequences(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        let mut files = 0;
        self.visit_matches(true, &mut |found| {
            files += 1;
            if let Some(sequence) = found.hit.sequence_if_first() {
                json.item(&found.sequence_item(sequence))?;
            }
            Ok(self.is_under_limit(files))
        })
    }
}
