//! The items of a comparison: files that are not the same, folder by folder.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::base::error::Result;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::base::unit;
use crate::commands::outcome_sequence::{FolderItem, GroupedItem, visit_grouped};
use crate::compare::{CompareVerdict, Comparison, DifferingItem};
use crate::output::cell::Tone;
use crate::snapshot::diff::{DiffEntry, Difference};

/// The outcome of an item, without its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum CompareOutcome {
    OnlyA,
    OnlyB,
    Differs,
    Failed,
    Skipped,
}

impl CompareOutcome {
    const fn of(verdict: &CompareVerdict) -> Self {
        match verdict {
            CompareVerdict::OnlyA(_) => Self::OnlyA,
            CompareVerdict::OnlyB(_) => Self::OnlyB,
            CompareVerdict::Differs(..) => Self::Differs,
            CompareVerdict::Failed(_) => Self::Failed,
            CompareVerdict::Skipped(_) => Self::Skipped,
        }
    }

    /// Returns the word for programs.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::OnlyA => "only_a",
            Self::OnlyB => "only_b",
            Self::Differs => "differs",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// Returns the words for people, as in `only in NAS`.
    pub(super) fn label(self, names: &[String; 2]) -> (String, Tone) {
        match self {
            Self::OnlyA => (format!("only in {}", names[0]), Tone::Warning),
            Self::OnlyB => (format!("only in {}", names[1]), Tone::Warning),
            Self::Failed => ("failed".to_owned(), Tone::Bad),
            other => (other.word().to_owned(), Tone::Warning),
        }
    }
}

/// An item, with the sequence that it belongs to if sequences are grouped.
pub(super) type GroupedDifference<'a> = GroupedItem<'a, CompareOutcome>;

/// Visits items with their folders, below the category's folder.
pub(super) fn visit_items(
    comparison: &Comparison,
    group_sequences: bool,
    on_item: &mut dyn FnMut(&DifferingItem, &Path, &GroupedDifference<'_>) -> Result<()>,
) -> Result<()> {
    let same_folder = |a: &DifferingItem, b: &DifferingItem| {
        (a.category, a.path.parent()) == (b.category, b.path.parent())
    };
    for items in comparison.items.chunk_by(same_folder) {
        let folder = items[0].path.parent().unwrap_or(Path::new(""));
        if !group_sequences || items.len() == 1 {
            for item in items {
                with_folder_item(item, &mut |found| {
                    on_item(item, folder, &GroupedItem::single(*found))
                })?;
            }
            continue;
        }
        let visit = |on_found: &mut dyn FnMut(&FolderItem<'_, CompareOutcome>) -> Result<()>| {
            let mut items = items.iter();
            items.try_for_each(|item| with_folder_item(item, on_found))
        };
        let mut own = items.iter();
        visit_grouped(&visit, &mut |grouped| {
            own.next()
                .map_or(Ok(()), |item| on_item(item, folder, grouped))
        })?;
    }
    Ok(())
}

/// Passes an item to `on_found`. The name of an empty folder ends in a slash.
fn with_folder_item(
    item: &DifferingItem,
    on_found: &mut dyn FnMut(&FolderItem<'_, CompareOutcome>) -> Result<()>,
) -> Result<()> {
    let name = item.path.file_name().unwrap_or(item.path.as_os_str());
    let slashed;
    let name = if item.is_folder {
        slashed = Path::new(name).join("");
        slashed.as_os_str()
    } else {
        name
    };
    let (reason, bytes) = match &item.verdict {
        CompareVerdict::OnlyA(entry) | CompareVerdict::OnlyB(entry) => (None, Some(entry.bytes)),
        CompareVerdict::Differs(difference, [entry, _]) => {
            (Some(difference.word()), Some(entry.bytes))
        }
        CompareVerdict::Failed(why) | CompareVerdict::Skipped(why) => (Some(&**why), None),
    };
    on_found(&FolderItem {
        name: OsStr::as_bytes(name),
        outcome: CompareOutcome::of(&item.verdict),
        reason,
        bytes,
    })
}

/// Returns the difference between two files with both values, as in `size: 2 kB in WORK, 3 kB in NAS`.
pub(super) fn detail(difference: Difference, seen: &[DiffEntry; 2], names: &[String; 2]) -> String {
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
