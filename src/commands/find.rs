//! `find`: finds files in the index by a glob or a part of the name.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::last_answer::LastAnswer;
use super::pattern::Pattern;
use super::search;
use super::search::Hit;
use super::workspace::Workspace;
use crate::base::error::Result;
use crate::base::monitor::ProgressEvent;
use crate::base::name::Name;
use crate::base::unit;
use crate::index::{DatabaseId, FolderFiles, Index, ReadTransaction};
use crate::model::address;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::{Category, Database};
use crate::output::cell::Cell;
use crate::output::json::JsonWriter;
use crate::output::stream::{PageWriter, RowWriter, Stream};

/// Find files in the index, also on databases that are offline
///
/// PATTERN is a glob (`*`, `?`, `[...]`, `{a,b}`) for the whole name or, without any of these, a part of the name. Case is
/// ignored. A PATTERN with a `/` is matched against the path below the category's folder instead of the name.
///
/// The matching frames of an image sequence are one line, with their number and the frames missing between the first and
/// the last. `plain` and `csv` list every file.
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
    /// A glob or a part of the name
    #[arg(value_name = "PATTERN")]
    pattern: String,
    #[arg(value_name = "in", value_parser = ["in"], requires = "database", hide = true)]
    on_database: Option<String>,
    /// Only files on this database
    #[arg(value_name = "DATABASE")]
    database: Option<String>,
    /// Stop after N lines; in `plain`, `csv` and `json` after N files
    #[arg(long, value_name = "N", value_parser = parse_limit)]
    limit: Option<u64>,
    /// List every frame of an image sequence
    #[arg(long)]
    no_sequences: bool,
    /// Match case exactly
    #[arg(short = 's', long)]
    case_sensitive: bool,
}

fn parse_limit(word: &str) -> Result<u64, &'static str> {
    match word.parse() {
        Ok(0) | Err(_) => Err("a limit is a number of 1 or more"),
        Ok(limit) => Ok(limit),
    }
}

/// Returns the message for no matches, with a hint at the likely mistake.
fn no_match_message(typed: &str, pattern: &Pattern) -> &'static str {
    let is_range = |text: &str| {
        text.split_once('-').is_some_and(|(first, last)| {
            let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
            digits(first) && digits(last)
        })
    };
    let mut brackets = typed.split('[').skip(1);
    if brackets.any(|text| text.split_once(']').is_some_and(|(text, _)| is_range(text))) {
        "no file matches; to find a sequence, use only the part of its name before the `[`"
    } else if pattern.matches_paths() {
        "no file matches; a pattern with a `/` is matched against CLIENT/PROJECT/..., without root and category"
    } else if pattern.is_glob() {
        "no file matches; a pattern with `*`, `?`, `[` or `{` must match the whole name"
    } else {
        "no file matches"
    }
}

/// Returns the notice about matching names in no project, which are no files of the index.
fn outside_notice(
    index: &Index,
    databases: &[Database],
    pattern: &Pattern,
) -> Result<Option<String>> {
    let mut found: Option<(u64, String)> = None;
    for database in databases {
        let id = index.database_id(&database.root)?;
        let known = id.map_or(Ok(None), |id| index.outside(id))?;
        for entry in known.into_iter().flat_map(|known| known.entries) {
            let matches = |path: &Path| pattern.matches(path.as_os_str().as_bytes());
            let is_match = if pattern.matches_paths() {
                // Nobody knows how many folders a user takes for the category's.
                let mut below = entry.path.components();
                std::iter::once(entry.path.as_path())
                    .chain(std::iter::from_fn(|| below.next().map(|_| below.as_path())))
                    .any(matches)
            } else {
                matches(Path::new(entry.path.file_name().unwrap_or_default()))
            };
            if is_match {
                let first = || format!("`{}` on `{}`", Name::from(&*entry.path), database.name);
                found.get_or_insert_with(|| (0, first())).0 += 1;
            }
        }
    }
    Ok(found.map(|(count, first)| {
        let names = unit::format_counted(count, "name");
        format!(
            "note: the pattern also matches {names} outside every project, first {first}: see `list outside`"
        )
    }))
}

/// The matching files. They are read from the index while they are printed.
#[derive(Debug)]
pub(crate) struct FindAnswer<'a> {
    index: &'a Index,
    /// Keeps all passes over the index consistent while a scan writes to it.
    _snapshot: ReadTransaction<'a>,
    pattern: Pattern,
    locations: Vec<SearchLocation<'a>>,
    group_sequences: bool,
    limit: Option<u64>,
    no_match_message: &'static str,
    last_answer: &'a LastAnswer,
}

/// A category of a scanned database.
#[derive(Debug)]
struct SearchLocation<'a> {
    database_id: DatabaseId,
    database: &'a Database,
    category: &'a Category,
}

/// A matching file with its location.
struct FoundFile<'a> {
    location: &'a SearchLocation<'a>,
    project: &'a ProjectId,
    folder: &'a Path,
    hit: &'a Hit<'a>,
}

/// The JSON of a file or sequence, with its location.
#[derive(Serialize)]
struct LocatedItem<'a, T> {
    database: &'a str,
    category: &'a str,
    project: &'a ProjectId,
    #[serde(flatten)]
    item: T,
}

impl FindArgs {
    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        Pattern::parse(&self.pattern, self.case_sensitive)?;
        if let Some(name) = &self.database {
            workspace.registry.database(name)?;
        }
        workspace.last_answer.assume();
        Ok(())
    }

    /// Prepares the search; the index is read while the answer is printed.
    pub(crate) fn search(self, workspace: &Workspace) -> Result<FindAnswer<'_>> {
        let pattern = Pattern::parse(&self.pattern, self.case_sensitive)?;
        let (index, registry) = (&workspace.index, &workspace.registry);
        let databases = match &self.database {
            Some(name) => std::slice::from_ref(registry.database(name)?),
            None => registry.databases(),
        };
        let snapshot = index.read_transaction()?;
        if let Some(notice) = outside_notice(index, databases, &pattern)? {
            workspace.monitor.on_event(&ProgressEvent::Notice(&notice));
        }
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
                "this database was never scanned: `load` scans it"
            }
            None if !is_scanned => "the index is empty: `load` fills it",
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
            last_answer: &workspace.last_answer,
        })
    }
}

impl FindAnswer<'_> {
    /// Visits matching files until `on_match` returns false.
    fn visit_matches(
        &self,
        group_sequences: bool,
        on_match: &mut dyn FnMut(&FoundFile<'_>) -> Result<bool>,
    ) -> Result<()> {
        let mut keep_going = true;
        self.last_answer.keep([]);
        for location in &self.locations {
            let category = location.category.key();
            let mut visit = |folder: &FolderFiles<'_>| {
                keep_going = self.visit_folder(location, folder, group_sequences, on_match)?;
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

    /// Visits matching files of one folder. Returns false if `on_match` did.
    fn visit_folder(
        &self,
        location: &SearchLocation<'_>,
        folder: &FolderFiles<'_>,
        group_sequences: bool,
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
        // Joined only for a folder with a match.
        let mut cached_folder: Option<PathBuf> = None;
        let category = location.category;
        let mut on_hit = |hit: &Hit<'_>| {
            self.last_answer.add(project);
            let folder = cached_folder.get_or_insert_with(|| {
                let root = &location.database.root;
                address::join(root, &category.replica_path(project)).join(folder.path)
            });
            on_match(&FoundFile {
                location,
                project,
                folder,
                hit,
            })
        };
        search::visit(folder, group_sequences, &mut matches, &mut on_hit)
    }

    fn is_under_limit(&self, count: u64) -> bool {
        self.limit.is_none_or(|limit| count < limit)
    }

    /// Returns the last line: the number of files and lines.
    fn summary_line(&self, files: u64, lines: u64) -> String {
        if files == 0 {
            return self.no_match_message.to_owned();
        }
        let mut text = unit::format_counted(files, "file");
        if lines != files {
            text = format!("{text} in {}", unit::format_counted(lines, "line"));
        }
        if !self.is_under_limit(lines) {
            text.push_str("; stopped at the limit, more may match");
        }
        text
    }
}

impl FoundFile<'_> {
    fn located<T>(&self, item: T) -> LocatedItem<'_, T> {
        LocatedItem {
            database: &self.location.database.name,
            category: &self.location.category.name,
            project: self.project,
            item,
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
            // Lines instead of a table, so that a path can be copied and pasted whole.
            let mut cells = vec![
                found.location.database.name.as_str().into(),
                Cell::text("  "),
                Cell::Name(found.hit.line_path(found.folder)),
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
                Cell::Name(found.hit.file_path(found.folder)),
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
                json.item(&found.located(found.hit.file_item(found.folder)))?;
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
    /// Lists the sequences of the listed files as JSON.
    fn list_sequences(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        let mut files = 0;
        self.visit_matches(true, &mut |found| {
            files += 1;
            if let Some(item) = found.hit.sequence_item(found.folder) {
                json.item(&found.located(item))?;
            }
            Ok(self.is_under_limit(files))
        })
    }
}
