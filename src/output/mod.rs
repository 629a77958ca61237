//! Everything that reaches a person or a pipe: answers on standard output, messages and progress on standard error.

pub mod answer;
pub mod cell;
pub mod color;
mod columns;
mod csv;
mod height;
pub mod json;
pub mod messages;
mod outlet;
pub mod page;
mod pager;
mod plain;
pub mod printer;
pub mod progress;
pub mod screen;
mod shorten;
mod sink;
pub mod stream;
mod table;
pub mod wrap;
