//! What a command answers, and how every format gets at it.

use serde::Serialize;

use super::cell::Cell;
use super::page::Page;
use crate::base::exit_status::ExitStatus;

/// An answer: JSON comes from its fields, `plain` and `csv` from its records, tables from its page.
pub trait Answer: Serialize {
    /// The command's name, the first field of its JSON document.
    const COMMAND: &'static str;

    /// Lays the answer out for people.
    fn write_page(&self, page: &mut Page);

    /// The answer as rows of one table, with exact values.
    fn records(&self) -> Records;

    /// What the answer means for the exit status.
    fn exit_status(&self) -> ExitStatus {
        ExitStatus::Done
    }

    /// What a newcomer types next; told at the prompt only.
    fn next_step(&self) -> Option<String> {
        None
    }

    /// Whether nobody needs to see it under `--quiet`.
    fn is_routine(&self) -> bool {
        false
    }
}

/// Rows of one table; the headings are the column names of `csv`.
#[derive(Debug, Default)]
pub struct Records {
    /// Column names, `snake_case`.
    pub headings: &'static [&'static str],
    /// The rows, one cell a heading.
    pub rows: Vec<Vec<Cell>>,
}
