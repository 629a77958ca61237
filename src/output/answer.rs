//! Answers of commands, independent of the output format.

use serde::Serialize;

use super::cell::Cell;
use super::page::Page;
use crate::base::exit_status::ExitStatus;

/// Answer of a command. JSON is written from its fields, `plain` and `csv` from its records, tables from its page.
pub trait Answer: Serialize {
    /// Name of the command, the first field of the JSON document.
    const COMMAND: &'static str;

    /// Lays the answer out for people.
    fn write_page(&self, page: &mut Page);

    /// Returns the rows of one table, with exact values.
    fn records(&self) -> Records;

    fn exit_status(&self) -> ExitStatus {
        ExitStatus::Done
    }

    /// Returns the suggested next command, which only the prompt shows.
    fn next_step(&self) -> Option<String> {
        None
    }

    /// True if `--quiet` leaves the answer out.
    fn is_routine(&self) -> bool {
        false
    }
}

/// Rows of one table.
#[derive(Debug, Default)]
pub struct Records {
    /// Column names of `csv`, in `snake_case`.
    pub headings: &'static [&'static str],
    /// Rows with one cell per heading.
    pub rows: Vec<Vec<Cell>>,
}
