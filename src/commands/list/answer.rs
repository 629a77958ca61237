//! The answer of `list`: rows with sums, and a total.

use super::kind::ListKind;
use super::row::{ListPlace, ListRow, ListSum, ListedDatabase};
use crate::base::unit;
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::{Borders, Page, TableBlock};
use crate::storage::availability::Availability;

/// The list, its total, and the next step of the setup if it is incomplete.
#[derive(Debug)]
pub(crate) struct ListAnswer {
    pub(super) kind: ListKind,
    pub(super) rows: Vec<ListRow>,
    /// Number of rows before `--limit`.
    pub(super) found: usize,
    /// Sums over all selected projects, also of rows beyond `--limit`.
    pub(super) total: ListSum,
    /// True if the line leaves out some of them.
    pub(super) is_restricted: bool,
    pub(super) setup_hint: Option<String>,
}

impl ListAnswer {
    /// Returns the message for an empty list.
    fn empty_message(&self) -> String {
        let how = match self.kind {
            ListKind::Categories => "`add category NAME PATH` tracks one",
            ListKind::Projects | ListKind::Clients | ListKind::Databases => "`load` scans for them",
        };
        let is_setup_first = match self.kind {
            ListKind::Projects | ListKind::Clients => true,
            ListKind::Databases => !self.is_restricted,
            ListKind::Categories => false,
        };
        match &self.setup_hint {
            Some(lacking) if is_setup_first => lacking.clone(),
            _ if self.is_restricted => format!("no {} match", self.kind.plural()),
            _ => format!("no {}; {how}", self.kind.plural()),
        }
    }

    /// Returns the last line: `20 projects, 1,279 files, 192 GB`, or `10 of 20 projects, ...`.
    fn total_line(&self) -> String {
        let (found, noun) = (self.found as u64, self.kind.noun());
        let counted = match self.kind {
            ListKind::Categories if found != 1 => {
                format!("{} categories", unit::format_count(found))
            }
            _ => unit::format_counted(found, noun),
        };
        let shown = if self.rows.len() < self.found {
            format!(
                "{} of {counted}",
                unit::format_count(self.rows.len() as u64)
            )
        } else {
            counted
        };
        let files = unit::format_counted(self.total.files, "file");
        format!("{shown}, {files}, {}", unit::format_bytes(self.total.bytes))
    }

    fn headings(&self) -> &'static [&'static str] {
        match self.kind {
            ListKind::Projects => &[
                "project",
                "bytes",
                "files",
                "copies",
                "newest",
                "scanned_at",
                "databases",
            ],
            ListKind::Clients => &[
                "client",
                "bytes",
                "files",
                "projects",
                "copies",
                "newest",
                "scanned_at",
                "databases",
            ],
            ListKind::Categories => &[
                "category",
                "path",
                "bytes",
                "files",
                "projects",
                "copies",
                "newest",
                "scanned_at",
                "mhl",
            ],
            ListKind::Databases => &[
                "database",
                "root",
                "state",
                "bytes",
                "files",
                "projects",
                "free",
                "total",
                "newest",
                "scanned_at",
                "medium",
                "offsite",
            ],
        }
    }

    fn cells(&self, row: &ListRow) -> Vec<Cell> {
        let sum = &row.sum;
        let count = |number: Option<u64>| Cell::optional(number, Cell::Count);
        let is_known = sum.scanned_at.is_some();
        let [files, projects] =
            [sum.files, sum.projects].map(|number| count(is_known.then_some(number)));
        let bytes = Cell::optional(is_known.then_some(sum.bytes), Cell::Bytes);
        let copies = count(sum.copies);
        let newest = Cell::optional(sum.newest, Cell::Timestamp);
        let scanned = Cell::optional(sum.scanned_at, Cell::Timestamp);
        let name = Cell::from(&row.name);
        match (&row.place, self.kind) {
            (ListPlace::HeldBy(names), ListKind::Projects) => {
                vec![
                    name,
                    bytes,
                    files,
                    copies,
                    newest,
                    scanned,
                    names_cell(names),
                ]
            }
            (ListPlace::HeldBy(names), _) => {
                vec![
                    name,
                    bytes,
                    files,
                    projects,
                    copies,
                    newest,
                    scanned,
                    names_cell(names),
                ]
            }
            (ListPlace::Path(path, format), _) => {
                vec![
                    name,
                    Cell::from(path),
                    bytes,
                    files,
                    projects,
                    copies,
                    newest,
                    scanned,
                    Cell::optional(*format, |format| Cell::text(format.tag())),
                ]
            }
            (ListPlace::Database(database), _) => {
                let ListedDatabase {
                    root,
                    availability,
                    free,
                    total,
                    attributes,
                    media,
                    ..
                } = database;
                let space = [free, total].map(|bytes| Cell::optional(*bytes, Cell::Bytes));
                let [free, total] = space;
                let state = state_cell(availability);
                let medium = Some(media.join(", ")).filter(|media| !media.is_empty());
                let offsite = attributes.is_offsite.then(|| Cell::text("yes"));
                vec![
                    name,
                    Cell::from(root),
                    state,
                    bytes,
                    files,
                    projects,
                    free,
                    total,
                    newest,
                    scanned,
                    Cell::optional(medium, Cell::text),
                    offsite.unwrap_or(Cell::Empty),
                ]
            }
        }
    }

    /// Adds the table. Columns without any value are left out.
    fn add_table(&self, page: &mut Page) {
        let rows: Vec<_> = self.rows.iter().map(|row| self.cells(row)).collect();
        let hidden_from = self.headings().iter().enumerate().map(|(place, heading)| {
            let is_empty = rows.iter().all(|row| row[place] == Cell::Empty);
            if is_empty { 0 } else { hidden_from(heading) }
        });
        let headings = self.headings().iter();
        page.table_block(TableBlock {
            headings: headings
                .map(|heading| Cell::text(heading_word(heading)))
                .collect(),
            hidden_from: hidden_from.collect(),
            rows,
            borders: Borders::Open,
            narrow: None,
            legend: None,
        });
    }
}

/// The heading of a column for people.
const fn heading_word(heading: &'static str) -> &'static str {
    match heading.as_bytes() {
        b"bytes" => "size",
        b"scanned_at" => "scanned",
        b"database" => "storage",
        b"databases" => "on",
        b"offsite" => "off-site",
        _ => heading,
    }
}

/// The form of a table, longest first, from which on a column is left out.
const fn hidden_from(heading: &str) -> usize {
    match heading.as_bytes() {
        b"scanned_at" | b"medium" => 1,
        b"newest" | b"total" | b"projects" => 2,
        b"files" | b"path" | b"databases" | b"root" => 3,
        _ => usize::MAX,
    }
}

fn names_cell(names: &[String]) -> Cell {
    Cell::text(names.join(", "))
}

fn state_cell(availability: &Availability) -> Cell {
    let (word, tone) = match availability {
        Availability::Online => ("online", Tone::Good),
        Availability::Away(_) => ("away", Tone::Good),
        Availability::Offline(_) => ("offline", Tone::Warning),
    };
    Cell::Styled(word.to_owned(), tone)
}

impl Answer for ListAnswer {
    const COMMAND: &'static str = "list";

    fn write_page(&self, page: &mut Page) {
        if self.rows.is_empty() {
            page.line(self.empty_message());
            return;
        }
        self.add_table(page);
        page.line(self.total_line());
    }

    fn records(&self) -> Records {
        Records {
            headings: self.headings(),
            rows: self.rows.iter().map(|row| self.cells(row)).collect(),
        }
    }
}
