//! Standard output and standard error.
//!
//! Commands return answers: short ones as a whole (`answer`), long ones row by row (`stream`). The printer writes them to
//! standard output in the requested format: as a page for people, as `plain` or `csv` rows, or as one JSON document.
//! Messages and progress go to standard error, so that a pipe receives answers only. Names are escaped before they reach a
//! terminal, so that a file name cannot send control sequences.

mod active_task;
pub mod answer;
pub mod cell;
pub mod color;
mod column;
mod csv;
pub mod cut_answer;
pub mod format;
pub mod json;
pub mod message;
mod message_document;
mod open_table;
pub mod page;
mod paged_output;
pub mod pager;
mod plain;
pub mod printer;
pub mod program;
pub mod progress;
pub mod screen;
pub mod shorten;
mod sink;
pub mod sparkline;
pub mod stream;
mod table;
pub mod wrap;
