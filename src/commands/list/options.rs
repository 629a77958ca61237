//! The options of `list`: what is listed, and in which order.

use std::cmp::Reverse;
use std::ffi::OsString;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::row::ListRow;
use crate::base::unit;

/// `in X`, repeatable.
#[derive(Debug, Args)]
pub(super) struct SelectionWords {
    /// `in` and a client, category or storage, whichever the name is; repeatable
    #[arg(value_name = "IN", num_args = 0..)]
    pub(super) words: Vec<OsString>,
}

/// Options that leave out projects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(super) struct FilterOptions {
    /// Only projects with at most this number of whole copies
    #[arg(long, value_name = "N")]
    pub(super) copies: Option<u64>,
    /// Only projects that no other storage holds any file of
    #[arg(long, value_name = "STORAGE")]
    pub(super) only_in: Option<String>,
    /// Only projects whose newest file is older than this: 12h, 90d, 52w
    #[arg(long, value_name = "AGE", value_parser = unit::parse_duration)]
    pub(super) older_than: Option<Duration>,
}

/// The order of the rows.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct OrderOptions {
    /// Sort by this column
    #[arg(
        long,
        value_name = "COLUMN",
        value_enum,
        default_value = "name",
        hide_default_value = true
    )]
    sort: SortKey,
    /// Turn the order around
    #[arg(long)]
    reverse: bool,
    /// List at most this number of rows
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// Columns to sort by: names and storages in the order of the alphabet or of the start-up file, numbers and times from the
/// highest down, copies from the lowest up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SortKey {
    Name,
    Size,
    Files,
    Copies,
    Newest,
    Scanned,
    Free,
}

impl OrderOptions {
    /// Sorts the rows, which come in the order of their names, and keeps the first ones.
    pub(super) fn apply(self, rows: &mut Vec<ListRow>) {
        match self.sort {
            SortKey::Name => {}
            SortKey::Size => rows.sort_by_key(|row| Reverse(row.sum.bytes)),
            SortKey::Files => rows.sort_by_key(|row| Reverse(row.sum.files)),
            SortKey::Copies => rows.sort_by_key(|row| row.sum.copies),
            SortKey::Newest => rows.sort_by_key(|row| Reverse(row.sum.newest)),
            SortKey::Scanned => rows.sort_by_key(|row| Reverse(row.sum.scanned_at)),
            SortKey::Free => rows.sort_by_key(|row| Reverse(row.free())),
        }
        if self.reverse {
            rows.reverse();
        }
        rows.truncate(self.limit.unwrap_or(usize::MAX));
    }
}
