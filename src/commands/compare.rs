//! `compare`: compares two databases file by file.

use std::ffi::OsString;
use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::check::check_scope;
use super::command::RunCommand;
use super::last_answer::LastAnswer;
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::exit_status::ExitStatus;
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::base::unit;
use crate::compare;
use crate::compare::{CompareCounts, CompareRequest, CompareVerdict, Comparison, DifferingItem};
use crate::index::overview;
use crate::model::registry::Registry;
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;
use crate::snapshot::diff::{DiffEntry, Difference};
use crate::storage::availability::Reach;

/// Compare a project on two databases, file by file
///
/// Both databases are scanned first. Two files are the same if size and time are equal, with `--checksum` if their
/// content is equal, whatever their times. Content that a copy or comparison has read before is not read again while the
/// file keeps its size and time, unless with `--anew`. The exit status is 3 if files differ or are on one database only.
#[derive(Debug, Args)]
#[command(
    override_usage = "compare [OPTIONS] <PROJECT> [CATEGORY] <A> <B>",
    after_help = "Examples:
  compare acme/spot WORK NAS
  compare acme/spot footage WORK NAS --checksum
  compare acme WORK ARCHIVE
  compare all all WORK NAS --checksum --anew"
)]
pub(crate) struct CompareArgs {
    /// The project, a client for all of its projects, or `all`
    #[arg(value_name = "PROJECT")]
    project: OsString,
    /// The category; all categories if left out
    #[arg(value_name = "CATEGORY")]
    first: String,
    /// The first database
    #[arg(value_name = "A")]
    second: String,
    /// The second database
    #[arg(value_name = "B")]
    third: Option<String>,
    /// Compare content by reading both files
    #[arg(long)]
    checksum: bool,
    /// Read content again that was read before
    #[arg(long, requires = "checksum")]
    anew: bool,
}

/// The result of a comparison. The counts include files, links and empty folders that one database lacks.
#[derive(Debug, Serialize)]
pub(crate) struct CompareAnswer {
    only_a: u64,
    only_b: u64,
    differs: u64,
    same: u64,
    items: Vec<CompareItem>,
    #[serde(skip)]
    failed: u64,
    #[serde(skip)]
    database_names: [String; 2],
    #[serde(skip)]
    categories: Vec<(String, CompareCounts)>,
    #[serde(skip)]
    files_read: u64,
    #[serde(skip)]
    checksum: bool,
}

#[derive(Debug, Serialize)]
struct CompareItem {
    category: String,
    path: Name,
    outcome: &'static str,
    reason: Option<String>,
    /// The reason with the values of both files, for people.
    #[serde(skip)]
    detail: Option<String>,
}

impl RunCommand for CompareArgs {
    type Answer = CompareAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<CompareAnswer> {
        workspace.adopt_moved_databases(Reach::All)?;
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let request = self.request(registry, &workspace.last_answer)?;
        let comparison = compare::compare(index, registry, &request, workspace.monitor.as_ref())?;
        overview::refresh(index, registry);
        Ok(CompareAnswer::new(&request, &comparison))
    }
}

impl CompareArgs {
    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        self.request(&workspace.registry, &workspace.last_answer)?;
        check_scope(&self.project, workspace)
    }

    /// Looks up the names of the line in the registry.
    fn request<'a>(&self, registry: &'a Registry, last: &LastAnswer) -> Result<CompareRequest<'a>> {
        let (category, a, b) = match &self.third {
            Some(third) => (self.first.as_str(), &self.second, third),
            None => ("all", &self.first, &self.second),
        };
        let databases = [registry.database(a)?, registry.database(b)?];
        if databases[0] == databases[1] {
            return Err(Error::CompareWithItself {
                database: a.clone(),
            });
        }
        Ok(CompareRequest {
            scope: last.scope(&self.project)?,
            categories: registry.select_categories(category)?,
            databases,
            checksum: self.checksum,
            reread: self.anew,
        })
    }
}

impl CompareAnswer {
    fn new(request: &CompareRequest<'_>, comparison: &Comparison) -> Self {
        let sum = |count: fn(&CompareCounts) -> u64| comparison.counts.iter().map(count).sum();
        let database_names = request.databases.map(|database| database.name.clone());
        let categories = request.categories.iter();
        let categories = categories.map(|category| category.name.clone());
        let items = comparison.items.iter().map(|item| {
            let category = request.categories[item.category].name.clone();
            CompareItem::new(category, item, &database_names)
        });
        Self {
            only_a: sum(|counts| counts.only_a),
            only_b: sum(|counts| counts.only_b),
            differs: sum(|counts| counts.differs),
            same: sum(|counts| counts.same),
            failed: sum(|counts| counts.failed),
            items: items.collect(),
            categories: categories.zip(comparison.counts.iter().copied()).collect(),
            files_read: comparison.files_read,
            checksum: request.checksum,
            database_names,
        }
    }

    /// Returns the last line: the number of differences.
    fn headline(&self) -> Cell {
        let different = self.only_a + self.only_b + self.differs;
        let text = match (different, self.failed) {
            (0, 0) => "no difference".to_owned(),
            (0, failed) => format!("{} could not be compared", unit::format_count(failed)),
            (different, 0) => unit::format_counted(different, "difference"),
            (different, failed) => format!(
                "{}; {} could not be compared",
                unit::format_counted(different, "difference"),
                unit::format_count(failed)
            ),
        };
        let tone = if different + self.failed == 0 {
            Tone::Good
        } else {
            Tone::Warning
        };
        let read = if self.checksum {
            format!("; {} read", unit::format_counted(self.files_read, "file"))
        } else {
            String::new()
        };
        Cell::Styled(text + &read, tone)
    }
}

impl CompareItem {
    fn new(category: String, item: &DifferingItem, names: &[String; 2]) -> Self {
        let (outcome, reason, detail) = match &item.verdict {
            CompareVerdict::OnlyA => ("only_a", None, None),
            CompareVerdict::OnlyB => ("only_b", None, None),
            CompareVerdict::Differs(difference, seen) => (
                "differs",
                Some(difference.word().to_owned()),
                Some(detail(*difference, seen, names)),
            ),
            CompareVerdict::Failed(why) => ("failed", Some(why.clone()), None),
            CompareVerdict::Skipped(why) => ("skipped", Some(why.clone()), None),
        };
        Self {
            category,
            // A trailing slash marks an empty folder.
            path: Name::from(if item.is_folder {
                item.path.join("")
            } else {
                item.path.clone()
            }),
            outcome,
            reason,
            detail,
        }
    }

    /// Returns the outcome for people, as in `only in NAS`.
    fn label(&self, names: &[String; 2]) -> (String, Tone) {
        match self.outcome {
            "only_a" => (format!("only in {}", names[0]), Tone::Warning),
            "only_b" => (format!("only in {}", names[1]), Tone::Warning),
            "failed" => ("failed".to_owned(), Tone::Bad),
            other => (other.to_owned(), Tone::Warning),
        }
    }
}

/// Returns the difference between two files with both values, as in `size: 2 kB in WORK, 3 kB in NAS`.
fn detail(difference: Difference, seen: &[DiffEntry; 2], names: &[String; 2]) -> String {
    let both = |show: &dyn Fn(&DiffEntry) -> String| {
        let [a, b] = [show(&seen[0]), show(&seen[1])];
        format!(
            "{}: {a} in {}, {b} in {}",
            difference.word(),
            names[0],
            names[1]
        )
    };
    match difference {
        Difference::Kind => both(&|seen| seen.kind.noun_with_article().to_owned()),
        // Rounded sizes may be equal; exact ones are not.
        Difference::Size
            if unit::format_bytes(seen[0].bytes) == unit::format_bytes(seen[1].bytes) =>
        {
            both(&|seen| format!("{} B", unit::format_count(seen.bytes)))
        }
        Difference::Size => both(&|seen| unit::format_bytes(seen.bytes)),
        Difference::Time => {
            // Fractions of a second only if the times are equal without them.
            let [a, b] =
                [&seen[0], &seen[1]].map(|seen| seen.modified.truncate_to(TimePrecision::Second));
            let step = if a == b {
                TimePrecision::Nanosecond
            } else {
                TimePrecision::Second
            };
            both(&|seen| {
                let unknown = || match seen.modified {
                    Timestamp::UNKNOWN => "unknown".to_owned(),
                    other => format!("{} s", other.seconds),
                };
                seen.modified
                    .truncate_to(step)
                    .rfc3339()
                    .unwrap_or_else(unknown)
            })
        }
        Difference::Target | Difference::Content => difference.word().to_owned(),
    }
}

impl Answer for CompareAnswer {
    const COMMAND: &'static str = "compare";

    fn write_page(&self, page: &mut Page) {
        for item in &self.items {
            let (words, tone) = item.label(&self.database_names);
            let path = Path::new(&item.category).join(item.path.as_path());
            let reason = item.detail.as_ref().or(item.reason.as_ref());
            page.cells(vec![
                Cell::Styled(words, tone),
                Cell::text(" "),
                Cell::Name(Name::from(path)),
                Cell::optional(reason, |reason| Cell::text(format!(": {reason}"))),
            ]);
        }
        let rows = self.categories.iter().map(|(name, counts)| {
            let counts = [counts.same, counts.only_a, counts.only_b, counts.differs];
            let mut row = vec![Cell::from(name.as_str())];
            row.extend(counts.map(Cell::Count));
            row
        });
        let only = self
            .database_names
            .each_ref()
            .map(|name| format!("only in {name}"));
        page.table(
            &["category", "same", &only[0], &only[1], "differs"],
            rows.collect(),
        );
        page.cells(vec![self.headline()]);
    }

    fn records(&self) -> Records {
        let rows = self.items.iter().map(|item| {
            vec![
                Cell::from(item.category.as_str()),
                Cell::from(&item.path),
                Cell::text(item.outcome),
                Cell::optional(item.reason.as_ref(), |reason| Cell::text(reason.clone())),
            ]
        });
        Records {
            headings: &["category", "path", "outcome", "reason"],
            rows: rows.collect(),
        }
    }

    fn exit_status(&self) -> ExitStatus {
        if self.only_a + self.only_b + self.differs + self.failed > 0 {
            ExitStatus::Partial
        } else {
            ExitStatus::Done
        }
    }
}
