//! The answer of `find`: the matching files, by project, written while they are found.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::area::{SearchArea, SearchLocation};
use super::no_match::NoMatch;
use crate::base::error::Result;
use crate::base::unit;
use crate::commands::file_filter::FileFilter;
use crate::commands::last_answer::LastAnswer;
use crate::commands::pattern::Pattern;
use crate::commands::search;
use crate::commands::search::Hit;
use crate::index::{FolderFiles, Index, NameCandidates, PresentReplica, ReadTransaction};
use crate::model::address;
use crate::model::project::ProjectId;
use crate::model::registry::Category;
use crate::output::cell::{Cell, Tone};
use crate::output::json::JsonWriter;
use crate::output::stream::{PageWriter, RowWriter, Stream};
use crate::output::wrap::display_width;
use crate::snapshot::manifest::ManifestFile;
use crate::trust::elsewhere::Elsewhere;
use crate::trust::place::Place;

/// The matching files. They are read from the index while they are printed.
#[derive(Debug)]
pub(crate) struct FindAnswer<'a> {
    pub(super) index: &'a Index,
    pub(super) last_answer: &'a LastAnswer,
    /// Keeps all passes over the index consistent while a scan writes to it.
    pub(super) _snapshot: ReadTransaction<'a>,
    pub(super) pattern: Pattern,
    pub(super) filter: FileFilter,
    /// All storages, to leave out files that several have; `None` to keep them.
    pub(super) elsewhere: Option<Vec<Place>>,
    /// The folders to read; `None` for all.
    pub(super) candidates: Option<NameCandidates>,
    pub(super) area: SearchArea<'a>,
    pub(super) group_sequences: bool,
    pub(super) limit: Option<u64>,
    pub(super) no_match: NoMatch<'a>,
}

/// Compares names, or paths, with the pattern.
struct NameFilter<'a> {
    pattern: &'a Pattern,
    text: Vec<u8>,
    /// Length of the path before a name.
    start: usize,
}

impl<'a> NameFilter<'a> {
    fn new(pattern: &'a Pattern, folder: &FolderFiles<'_>) -> Self {
        let mut text = Vec::new();
        if pattern.matches_paths() {
            let path = folder.project.path().join(folder.path).join("");
            text.extend_from_slice(path.as_os_str().as_bytes());
        }
        let start = text.len();
        Self {
            pattern,
            text,
            start,
        }
    }

    fn accepts(&mut self, name: &[u8]) -> bool {
        if self.start == 0 {
            return self.pattern.matches(name);
        }
        self.text.truncate(self.start);
        self.text.extend_from_slice(name);
        self.pattern.matches(&self.text)
    }
}

/// The files of a folder that other storages have, read when they are first asked for.
struct FilesElsewhere<'a> {
    elsewhere: &'a mut Elsewhere,
    category: &'a Category,
    folder: &'a FolderFiles<'a>,
    files: Option<Vec<bool>>,
}

impl<'a> FilesElsewhere<'a> {
    const fn new(
        elsewhere: &'a mut Elsewhere,
        category: &'a Category,
        folder: &'a FolderFiles<'a>,
    ) -> Self {
        Self {
            elsewhere,
            category,
            folder,
            files: None,
        }
    }

    /// True if another storage has the file at this place of the folder.
    fn contains(&mut self, index: &Index, place: usize) -> Result<bool> {
        let files = if let Some(files) = self.files.take() {
            files
        } else {
            let FolderFiles { path, manifest, .. } = *self.folder;
            self.elsewhere.files(index, self.category, path, manifest)?
        };
        let is_copied = files.get(place) == Some(&true);
        self.files = Some(files);
        Ok(is_copied)
    }
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

/// The sum of the listed files, as JSON.
#[derive(Serialize)]
struct Total {
    files: u64,
    bytes: u64,
}

impl FindAnswer<'_> {
    /// Visits matching files until `on_match` returns false.
    fn visit_matches(
        &self,
        group_sequences: bool,
        on_match: &mut dyn FnMut(&FoundFile<'_>) -> Result<bool>,
    ) -> Result<()> {
        self.last_answer.keep([]);
        for (replica, location) in &self.area.replicas {
            let location = &self.area.locations[*location];
            let mut elsewhere = self.elsewhere(location, replica)?;
            let mut visit = |folder: &FolderFiles<'_>| {
                let elsewhere = elsewhere.as_mut();
                self.visit_folder(location, folder, elsewhere, group_sequences, on_match)
            };
            let keeps_going = match &self.candidates {
                Some(found) => self.index.visit_candidates(found, replica, &mut visit)?,
                None => self.index.visit_replica(replica, &mut visit)?,
            };
            if !keeps_going {
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
        elsewhere: Option<&mut Elsewhere>,
        group_sequences: bool,
        on_match: &mut dyn FnMut(&FoundFile<'_>) -> Result<bool>,
    ) -> Result<bool> {
        let project = folder.project;
        let mut name_filter = NameFilter::new(&self.pattern, folder);
        let category = location.category;
        // Read only for a folder with a match.
        let mut elsewhere =
            elsewhere.map(|elsewhere| FilesElsewhere::new(elsewhere, category, folder));
        let mut place = 0;
        let mut failure = None;
        let mut matches = |file: &ManifestFile<'_>| {
            place += 1;
            if !self.filter.accepts(file) || !name_filter.accepts(file.name) {
                return false;
            }
            let copied = elsewhere
                .as_mut()
                .map(|files| files.contains(self.index, place - 1));
            match copied.transpose() {
                Ok(copied) => copied != Some(true),
                Err(error) => {
                    failure.get_or_insert(error);
                    false
                }
            }
        };
        // Joined only for a folder with a match.
        let mut cached_folder: Option<PathBuf> = None;
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
        let visited = search::visit(folder, group_sequences, &mut matches, &mut on_hit)?;
        failure.map_or(Ok(visited), Err)
    }

    /// Returns the copies of a replica on other storages, if they matter.
    fn elsewhere(
        &self,
        location: &SearchLocation<'_>,
        replica: &PresentReplica,
    ) -> Result<Option<Elsewhere>> {
        let Some(places) = &self.elsewhere else {
            return Ok(None);
        };
        let own = &location.database.name;
        Elsewhere::find(self.index, places, own, location.category, &replica.project)
    }

    fn is_under_limit(&self, count: u64) -> bool {
        self.limit.is_none_or(|limit| count < limit)
    }

    /// Returns the last line: the number of files, their bytes, and the number of lines.
    fn summary_line(&self, files: u64, bytes: u64, lines: u64) -> Result<String> {
        if files == 0 {
            return self.no_match.message(self.index, &self.pattern);
        }
        let mut text = unit::format_counted(files, "file");
        text = format!("{text}, {}", unit::format_bytes(bytes));
        if lines != files {
            text = format!("{text} in {}", unit::format_counted(lines, "line"));
        }
        if !self.is_under_limit(lines) {
            text.push_str("; stopped at the limit, more may match");
        }
        Ok(text)
    }

    /// Returns the width of the column of the storages.
    fn database_width(&self) -> usize {
        let names = self.area.locations.iter();
        let widths = names.map(|location| display_width(&location.database.name));
        widths.max().unwrap_or_default()
    }
}

/// Terminal width from which a line shows the whole path, in columns. A narrower one shows the path below the root of the
/// storage, which the line names.
const WHOLE_PATH_WIDTH: u16 = 120;

/// Returns the aligned beginning of a line: files, bytes, age and storage.
fn line_start([files, bytes, age]: [&str; 3], storage: &str, width: usize) -> String {
    let blanks = " ".repeat(width.saturating_sub(display_width(storage)));
    format!("{files:>6}  {bytes:>7}  {age:>12}  {storage}{blanks}  ")
}

impl FoundFile<'_> {
    /// Returns the path of the folder below the root; the whole path if the root is an address without a folder.
    fn folder_below_root(&self) -> &Path {
        let root = &self.location.database.root;
        self.folder.strip_prefix(root).unwrap_or(self.folder)
    }

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
        let (mut files, mut bytes, mut shown) = (0, 0_u64, 0);
        let width = self.database_width().max("on".len());
        let shows_roots = lines.width().is_none_or(|width| width >= WHOLE_PATH_WIDTH);
        self.visit_matches(self.group_sequences, &mut |found| {
            let hit = found.hit;
            if !hit.has_own_line() {
                return Ok(true);
            }
            if shown == 0 {
                let start = line_start(["files", "size", "changed"], "on", width);
                lines.cells(vec![Cell::Styled(start + "path", Tone::Faint)])?;
            }
            (files, shown) = (files + hit.file_count(), shown + 1);
            bytes = bytes.saturating_add(hit.line_bytes());
            let numbers = [
                unit::format_count(hit.file_count()),
                unit::format_bytes(hit.line_bytes()),
                hit.line_time().ago(),
            ];
            let numbers = numbers.each_ref().map(String::as_str);
            // The path is last, so that it can be copied and pasted.
            let folder = if shows_roots {
                found.folder
            } else {
                found.folder_below_root()
            };
            let mut cells = vec![
                Cell::text(line_start(numbers, &found.location.database.name, width)),
                Cell::Name(hit.line_path(folder)),
            ];
            let gaps = hit.gaps();
            cells.extend(gaps.map(|words| Cell::Styled(format!("  {words}"), Tone::Warning)));
            lines.cells(cells)?;
            Ok(self.is_under_limit(shown))
        })?;
        lines.line(self.summary_line(files, bytes, shown)?)
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
        let (mut files, mut bytes) = (0, 0_u64);
        json.list("files", |json| {
            self.visit_matches(self.group_sequences, &mut |found| {
                files += 1;
                bytes = bytes.saturating_add(found.hit.file.bytes);
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
        json.field("total", &Total { files, bytes })?;
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
